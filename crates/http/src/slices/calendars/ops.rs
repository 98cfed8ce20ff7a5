//! What requests on calendars mean.

use super::{dto::CalendarLink, feed};
use crate::{
    allowed::{ActivityRead, ActivityWrite, Scope},
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Reply},
    slices::{auth::secrets, teams},
};
use secrecy::SecretString;
use std::collections::HashMap;
use tinhnguyen_domain::{Stamp, teams::Team};
use tinhnguyen_persistence::{ConnectionTrait, Tx, calendars, localities, teams as stored_teams};
use uuid::Uuid;

/// The most events of one calendar; of more, the latest.
const MOST: u64 = 2_000;
/// The most links to one calendar.
pub const MOST_LINKS: u64 = 20;

async fn text(conn: &impl ConnectionTrait, team: &Team) -> ApiResult<String> {
    let activities = calendars::activities_of(conn, team.stamp.id, MOST).await?;
    let mut ids: Vec<Uuid> = activities.iter().map(|activity| activity.locality_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut places = HashMap::new();
    for chunk in ids.chunks(500) {
        places.extend(localities::find_many(conn, chunk).await?.into_iter().map(|place| (place.stamp.id, place.name)));
    }
    Ok(feed::render(&team.name, &activities, &places))
}

/// The calendar of a team that the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn of_team(conn: &impl ConnectionTrait, scope: &Scope<ActivityRead>, id: Uuid) -> ApiResult<String> {
    let (team, _) = teams::ops::find(conn, scope, id).await?;
    text(conn, &team).await
}

/// The calendar that a link's file name opens.
///
/// # Errors
/// `not_found`.
pub async fn of_link(conn: &impl ConnectionTrait, file: &str) -> ApiResult<String> {
    let secret = file.strip_suffix(".ics").filter(|secret| secret.len() <= 100).ok_or_else(ApiError::not_found)?;
    let hash = secrets::hash(&SecretString::from(secret.to_owned()));
    let team_id = calendars::team_of(conn, &hash).await?.ok_or_else(ApiError::not_found)?;
    let team = stored_teams::find_any(conn, team_id).await?.ok_or_else(ApiError::not_found)?;
    text(conn, &team).await
}

/// A team whose activities the caller manages.
async fn managed(conn: &impl ConnectionTrait, scope: &Scope<ActivityWrite>, id: Uuid) -> ApiResult<Team> {
    let (team, unit) = teams::ops::find(conn, scope, id).await?;
    scope.ensure_team(&unit.path, id)?;
    Ok(team)
}

/// The links to the calendar of a team that the caller coordinates or leads.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn links(
    conn: &impl ConnectionTrait,
    scope: &Scope<ActivityWrite>,
    id: Uuid,
) -> ApiResult<Vec<CalendarLink>> {
    managed(conn, scope, id).await?;
    Ok(calendars::links(conn, id).await?.into_iter().map(CalendarLink::of).collect())
}

/// Makes a link to the calendar of a team that the caller coordinates or leads. `base` is where the service is reached.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ActivityWrite>, base: &str, id: Uuid) -> ApiResult<Reply> {
    managed(tx, scope, id).await?;
    // Two at once must not both be the last one.
    let team = stored_teams::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if calendars::count(tx, id).await? >= MOST_LINKS {
        return Err(ApiError::new(Code::WrongState).with("limit", MOST_LINKS).detail(
            format!("Đội đã có {MOST_LINKS} liên kết lịch: thu hồi một liên kết trước."),
            format!("The team has {MOST_LINKS} calendar links: take one back first."),
        ));
    }
    let secret = secrets::new_calendar_token()?;
    let link = calendars::CalendarLink { id: Uuid::now_v7(), team_id: id, created_at: cx.now, created_by: cx.actor_id };
    calendars::insert(tx, &link, secrets::hash(&secret)).await?;
    cx.record(tx, "calendar_link", link.id, Some(team.org_unit_id)).await?;
    let shown = CalendarLink::of(link);
    Reply::shown(201, &shown.clone().showing(base, &secret))?.stored_as(&shown)
}

/// Takes a link back.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ActivityWrite>, id: Uuid, link_id: Uuid) -> ApiResult<Reply> {
    let team = managed(tx, scope, id).await?;
    // A link never changes, so it stays at its first version.
    cx.ensure_unchanged(&Stamp { version: 1, ..team.stamp })?;
    if !calendars::delete(tx, id, link_id).await? {
        return Err(ApiError::not_found());
    }
    cx.record(tx, "calendar_link", link_id, Some(team.org_unit_id)).await?;
    Ok(Reply::gone())
}
