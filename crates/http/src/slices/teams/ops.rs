//! What requests on teams mean.

use super::dto::{NewTeam, Team, TeamPatch, TeamQuery};
use crate::{
    allowed::{Demand, Scope, TeamRead, TeamWrite},
    fields::{Faults, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{digital_groups::ops as groups, members::ops as of_members, org_units::ops::ensure_stands},
};
use chrono::NaiveDate;
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    campaigns::{Campaign, CampaignStatus},
    org_units::{OrgUnit, UnitPath},
    teams::{self as d, TeamAction, TeamError, TeamStatus},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, access, campaigns, localities, members, org_units,
    page::Page,
    teams::{self, Filter},
};
use uuid::Uuid;

/// Lists the teams that the caller reaches, with the paths of their units.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<TeamRead>,
    query: &TeamQuery,
) -> ApiResult<(Page<d::Team>, HashMap<Uuid, UnitPath>)> {
    let page = query.page_request()?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok((nothing(page.include_total), HashMap::new())),
    };
    let filter = Filter {
        id: query.id,
        code: query.code.clone(),
        campaign_id: query.campaign_id,
        org_unit_id: query.org_unit_id,
        within,
        kind: query.kind,
        status: query.status,
        q: query.q.clone(),
        updated_since: query.updated_since,
    };
    let found = teams::list(conn, &scope.reaches, &filter, &page).await?;
    let units: Vec<Uuid> = found.data.iter().map(|team| team.org_unit_id).collect();
    let paths = org_units::paths(conn, &units).await?;
    Ok((found, paths))
}

/// A `within` that names no unit in sight: the list is empty, whatever lies there.
pub struct Nowhere;

/// The path of the unit that a list is asked within.
///
/// # Errors
/// When the database can't be asked.
pub async fn within<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Option<Uuid>,
) -> ApiResult<Result<Option<UnitPath>, Nowhere>> {
    let Some(id) = id else { return Ok(Ok(None)) };
    let top = org_units::find(conn, id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    Ok(top.map(|unit| Some(unit.path)).ok_or(Nowhere))
}

/// An empty page.
#[must_use]
pub fn nothing<T>(include_total: bool) -> Page<T> {
    Page { data: vec![], next: None, total: include_total.then_some(0) }
}

/// Shows teams to this caller.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(d::Team, &UnitPath) -> Team {
    let writes = scope.reaches_of(Permission::TeamWrite);
    move |team, unit| {
        let may_write = writes.covers_team(unit, team.stamp.id);
        Team::of(team, may_write)
    }
}

/// Finds a team that the caller sees, and its unit.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<(d::Team, OrgUnit)> {
    let team = teams::find(conn, &scope.sees, id).await?.ok_or_else(ApiError::not_found)?;
    let unit = org_units::find(conn, team.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((team, unit))
}

/// What a team's own fields must hold, checked the same for a new and a changed one.
async fn check(tx: &Tx, faults: &mut Faults, campaign: &Campaign, team: &d::Team) -> ApiResult<()> {
    if team.ends_on < team.starts_on {
        faults.add("/ends_on", Code::DatesInverted);
    }
    faults.day("/starts_on", campaign.ensure_contains(team.starts_on));
    faults.day("/ends_on", campaign.ensure_contains(team.ends_on));
    if let Some(strand) = &team.strand
        && !campaign.strands.iter().any(|s| s.code == *strand)
    {
        let known: Vec<_> = campaign.strands.iter().map(|s| s.code.as_str()).collect();
        faults.push(Fault::at("/strand", Code::NotAllowedValue).limit(known));
    }
    repeated(&team.modes).for_each(|at| faults.add(format!("/modes/{at}"), Code::NotUnique));
    repeated(&team.locality_ids).for_each(|at| faults.add(format!("/locality_ids/{at}"), Code::NotUnique));
    groups::check(tx, faults, &team.digital_group_ids).await?;
    let places = localities::find_many(tx, &team.locality_ids).await?;
    for (at, id) in team.locality_ids.iter().enumerate() {
        match places.iter().find(|place| place.stamp.id == *id) {
            None => faults.add(format!("/locality_ids/{at}"), Code::ReferenceNotFound),
            Some(place) if !place.was_valid_on(team.starts_on) => {
                faults.add(format!("/locality_ids/{at}"), Code::LocalityNotValid);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Makes a team of a unit that the caller coordinates.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<TeamWrite>, new: &NewTeam) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (team, unit) = find(tx, scope, new.id.unwrap_or_default()).await?;
        return Reply::ok(&view(scope)(team, &unit.path));
    }
    let mut faults = Faults::default();
    let campaign = faults.found("/campaign_id", campaigns::find(tx, new.campaign_id).await?);
    let unit = org_units::find(tx, new.org_unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found("/org_unit_id", unit);
    if let Some(unit) = &unit {
        scope.ensure_unit(&unit.path)?;
        // Nor one of last year: what has ended sets nothing up any more.
        ensure_stands(&mut faults, "/org_unit_id", unit, new.starts_on.max(scope.today()));
    }
    let stamp = cx.new_stamp(new.id);
    let team = d::Team {
        stamp,
        campaign_id: new.campaign_id,
        org_unit_id: new.org_unit_id,
        kind: new.kind,
        name: new.name.clone(),
        code: new.code.clone().unwrap_or_else(|| code_of(stamp.id)),
        strand: new.strand.clone(),
        modes: new.modes.clone(),
        locality_ids: new.locality_ids.clone(),
        starts_on: new.starts_on,
        ends_on: new.ends_on,
        status: TeamStatus::Forming,
        digital_group_ids: new.digital_group_ids.clone(),
    };
    if let Some(campaign) = &campaign {
        check(tx, &mut faults, campaign, &team).await?;
    } else {
        groups::check(tx, &mut faults, &team.digital_group_ids).await?;
    }
    if new.plan_id.is_some() {
        faults.add("/plan_id", Code::ReferenceNotFound);
    }
    faults.settle()?;
    let (Some(campaign), Some(unit)) = (campaign, unit) else { return Err(ApiError::not_found()) };
    ensure_not_closed(&campaign)?;
    teams::insert(tx, &team).await?;
    cx.record(tx, "team", team.stamp.id, Some(team.org_unit_id)).await?;
    Reply::created(&view(scope)(team, &unit.path))
}

/// A code for a team that was given none: the random end of its id.
fn code_of(id: Uuid) -> String {
    let hex = id.simple().to_string();
    format!("TN-{}", hex.get(20..).unwrap_or_default().to_uppercase())
}

fn ensure_not_closed(campaign: &Campaign) -> ApiResult<()> {
    if campaign.status == CampaignStatus::Closed {
        return Err(ApiError::new(Code::CampaignNotOpen).with("campaign_status", campaign.status.as_str()));
    }
    Ok(())
}

/// Finds a team that the caller coordinates, and keeps others from changing it and its members meanwhile.
async fn take(tx: &Tx, scope: &Scope<TeamWrite>, id: Uuid) -> ApiResult<(d::Team, OrgUnit)> {
    let (_, unit) = find(tx, scope, id).await?;
    scope.ensure_team(&unit.path, id)?;
    let team = teams::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    Ok((team, unit))
}

/// Changes a team that the caller coordinates.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(tx: &Tx, cx: &Cx<'_>, scope: &Scope<TeamWrite>, id: Uuid, patch: &TeamPatch) -> ApiResult<Reply> {
    let (mut team, unit) = take(tx, scope, id).await?;
    cx.ensure_unchanged(&team.stamp)?;
    if !team.status.is_editable() {
        return Err(ApiError::new(Code::NotEditable).with("state", team.status.as_str()));
    }
    if let Some(name) = &patch.name {
        team.name.clone_from(name);
    }
    if let Some(strand) = &patch.strand {
        team.strand.clone_from(strand);
    }
    if let Some(modes) = &patch.modes {
        team.modes.clone_from(modes);
    }
    if let Some(places) = &patch.locality_ids {
        team.locality_ids.clone_from(places);
    }
    if let Some(groups) = &patch.digital_group_ids {
        team.digital_group_ids.clone_from(groups);
    }
    team.starts_on = patch.starts_on.unwrap_or(team.starts_on);
    let ended_on = team.ends_on;
    team.ends_on = patch.ends_on.unwrap_or(team.ends_on);
    let campaign = campaigns::find(tx, team.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    ensure_not_closed(&campaign)?;
    let mut faults = Faults::default();
    check(tx, &mut faults, &campaign, &team).await?;
    faults.settle()?;
    if team.ends_on > ended_on {
        of_members::ensure_free_until(tx, scope, &team).await?;
    }
    team.stamp = cx.next_stamp(team.stamp);
    teams::update(tx, &team).await?;
    cx.record(tx, "team", id, Some(team.org_unit_id)).await?;
    Reply::ok(&view(scope)(team, &unit.path))
}

/// Moves a team from state to state.
///
/// # Errors
/// The problems that the operation states.
pub async fn act(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<TeamWrite>,
    id: Uuid,
    action: TeamAction,
    today: NaiveDate,
) -> ApiResult<Reply> {
    let (team, unit) = take(tx, scope, id).await?;
    cx.ensure_unchanged(&team.stamp)?;
    let reporters = access::count_leaders(tx, id, &unit.path, today).await?;
    let crew = members::crew(tx, &team, today).await?;
    let mut team = team.act(action, reporters, crew).map_err(|err| match err {
        TeamError::WrongState { from, .. } => ApiError::new(Code::WrongState).with("state", from.as_str()),
        TeamError::NoLeader => {
            let fault = Fault::at("", Code::Required).message(
                "Đội chưa có đội trưởng: thêm đội viên có vai trò `leader`, hoặc cấp vai trò `team_leader` cho đội.",
                "The team has no leader: add a member whose part is `leader`, or grant somebody the role `team_leader` on it.",
            );
            ApiError { faults: vec![fault], ..ApiError::new(Code::TeamNotReady) }
        }
        TeamError::NoMembers => {
            let fault = Fault::at("", Code::Required).message(
                "Đội không còn đội viên nào: thêm đội viên trước.",
                "The team has no member left: add one first.",
            );
            ApiError { faults: vec![fault], ..ApiError::new(Code::TeamNotReady) }
        }
    })?;
    if matches!(team.status, TeamStatus::Completed | TeamStatus::Cancelled) {
        // Its people are free for other teams from tomorrow on.
        members::end_all(tx, id, today.min(team.ends_on), cx.now).await?;
    }
    team.stamp = cx.next_stamp(team.stamp);
    teams::update(tx, &team).await?;
    if team.status == TeamStatus::Completed {
        teams::note_completed(tx, id, today).await?;
    }
    cx.record(tx, "team", id, Some(team.org_unit_id)).await?;
    Reply::ok(&view(scope)(team, &unit.path))
}
