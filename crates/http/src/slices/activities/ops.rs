//! What requests on activities mean.

use super::dto::{Activity, ActivityPatch, ActivityQuery, NewActivity};
use crate::{
    allowed::{ActivityRead, ActivityWrite, Demand, Scope, forbidden},
    fields::{Faults, ensure_open, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{
        digital_groups::ops as groups,
        org_units::ops::ensure_stands,
        teams::ops::{Nowhere, nothing, within},
    },
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    activities::{self as d, ActivityAction, ActivityError, ActivityMode, ActivityStatus},
    campaigns::Campaign,
    org_units::{OrgUnit, UnitPath},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    activities::{self, Filter},
    campaigns, localities, org_units,
    page::Page,
    teams,
};
use uuid::Uuid;

/// Lists the activities of teams that the caller reaches, with the units' paths of the leading ones.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<ActivityRead>,
    query: &ActivityQuery,
) -> ApiResult<(Page<d::Activity>, HashMap<Uuid, UnitPath>)> {
    let page = query.page_request()?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok((nothing(page.include_total), HashMap::new())),
    };
    let filter = Filter {
        id: query.id,
        campaign_id: query.campaign_id,
        team_id: query.team_id,
        lead_team_id: query.lead_team_id,
        within,
        series_id: query.series_id,
        locality_id: query.locality_id,
        kind: query.kind,
        status: query.status,
        from: query.from,
        to: query.to,
        updated_since: query.updated_since,
    };
    let found = activities::list(conn, &scope.reaches, &filter, &page).await?;
    let leads: Vec<Uuid> = found.data.iter().map(|activity| activity.lead_team_id).collect();
    let paths = teams::unit_paths(conn, &leads).await?;
    Ok((found, paths))
}

/// Shows activities to this caller, by the path of the leading team's unit.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(d::Activity, Option<&UnitPath>) -> Activity {
    let writes = scope.reaches_of(Permission::ActivityWrite);
    move |activity, unit| {
        let may_write = unit.is_some_and(|unit| writes.covers_team(unit, activity.lead_team_id));
        Activity::of(activity, may_write)
    }
}

/// Finds an activity that the caller sees, and the path of its leading team's unit.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(d::Activity, UnitPath)> {
    let activity = activities::find(conn, &scope.sees, id).await?.ok_or_else(ApiError::not_found)?;
    let lead = activity.lead_team_id;
    let path = teams::unit_paths(conn, &[lead]).await?.remove(&lead).ok_or_else(ApiError::not_found)?;
    Ok((activity, path))
}

/// What an activity's own fields must hold, checked the same for a new and a changed one.
async fn check(
    tx: &Tx,
    scope: &Scope<ActivityWrite>,
    faults: &mut Faults,
    campaign: &Campaign,
    activity: &d::Activity,
) -> ApiResult<()> {
    if activity.ends_at <= activity.starts_at {
        faults.add("/ends_at", Code::DatesInverted);
    }
    let day = campaign.local_day(activity.starts_at);
    faults.day("/starts_at", campaign.ensure_contains(day));
    faults.day("/ends_at", campaign.ensure_contains(campaign.local_day(activity.ends_at)));
    repeated(&activity.topics).for_each(|at| faults.add(format!("/topics/{at}"), Code::NotUnique));
    for (at, topic) in activity.topics.iter().enumerate() {
        if !topic.fits(activity.kind) {
            let fault = Fault::at(format!("/topics/{at}"), Code::TopicNotOfKind);
            faults.push(fault.limit(topic.activity_kind().as_str()));
        }
    }
    let place = faults.found("/locality_id", localities::find(tx, activity.locality_id).await?);
    if place.is_some_and(|place| !place.was_valid_on(day)) {
        faults.push(Fault::at("/locality_id", Code::LocalityNotValid).limit(day.to_string()));
    }
    groups::check(tx, faults, &activity.digital_group_ids).await?;
    repeated(&activity.team_ids).for_each(|at| faults.add(format!("/team_ids/{at}"), Code::NotUnique));
    // The other teams of a joint activity need only be in sight.
    let seen = teams::find_many(tx, &scope.sees, &activity.team_ids).await?;
    for (at, id) in activity.team_ids.iter().enumerate() {
        if !seen.iter().any(|team| team.stamp.id == *id && team.campaign_id == activity.campaign_id) {
            faults.add(format!("/team_ids/{at}"), Code::ReferenceNotFound);
        }
    }
    Ok(())
}

/// An activity that could be made, and what it belongs to.
pub(in crate::slices) struct Plan {
    /// The activity, not stored.
    pub activity: d::Activity,
    /// Its campaign.
    pub campaign: Campaign,
    /// The leading team's unit.
    pub unit: OrgUnit,
}

/// What a new activity of a team that the caller coordinates or leads would be; faults of its fields are added.
pub(in crate::slices) async fn plan(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ActivityWrite>,
    faults: &mut Faults,
    new: &NewActivity,
) -> ApiResult<Plan> {
    let lead = faults.found("/lead_team_id", teams::find(tx, &scope.sees, new.lead_team_id).await?);
    let Some(lead) = lead else {
        std::mem::take(faults).settle()?;
        return Err(ApiError::not_found());
    };
    let unit = org_units::find(tx, lead.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    scope.ensure_team(&unit.path, lead.stamp.id)?;
    let campaign = campaigns::find(tx, lead.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    if new.campaign_id.is_some_and(|id| id != campaign.stamp.id) {
        faults.add("/campaign_id", Code::ReferenceNotFound);
    }
    let mut team_ids = new.team_ids.clone();
    if !team_ids.contains(&lead.stamp.id) {
        team_ids.push(lead.stamp.id);
    }
    let activity = d::Activity {
        stamp: cx.new_stamp(new.id),
        campaign_id: campaign.stamp.id,
        lead_team_id: lead.stamp.id,
        team_ids,
        locality_id: new.locality_id,
        kind: new.kind,
        topics: new.topics.clone(),
        title: new.title.clone(),
        mode: new.mode.unwrap_or(ActivityMode::InPerson),
        venue: new.venue.clone(),
        location: new.location.map(Into::into),
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        planned_turns: new.planned_turns,
        venue_capacity: new.venue_capacity,
        status: ActivityStatus::Planned,
        series_id: None,
        digital_group_ids: new.digital_group_ids.clone(),
    };
    check(tx, scope, faults, &campaign, &activity).await?;
    // What was held before the unit's end is told late; a true figure is not turned away.
    ensure_stands(faults, "/lead_team_id", &unit, campaign.local_day(activity.starts_at));
    Ok(Plan { activity, campaign, unit })
}

/// Makes an activity of a team that the caller coordinates or leads.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ActivityWrite>, new: &NewActivity) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (activity, unit) = find(tx, scope, new.id.unwrap_or_default()).await?;
        return Reply::ok(&view(scope)(activity, Some(&unit)));
    }
    let mut faults = Faults::default();
    let Plan { activity, campaign, unit } = plan(tx, cx, scope, &mut faults, new).await?;
    faults.settle()?;
    ensure_open(&campaign)?;
    activities::insert(tx, &activity).await?;
    cx.record(tx, "activity", activity.stamp.id, Some(unit.stamp.id)).await?;
    Reply::created(&view(scope)(activity, Some(&unit.path)))
}

/// Finds an activity that the caller may change, and holds it until the transaction ends.
async fn hold(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ActivityWrite>, id: Uuid) -> ApiResult<(d::Activity, UnitPath)> {
    let (seen, unit) = find(tx, scope, id).await?;
    // It may be seen by way of another of its teams, whose members don't see the leading one.
    if !scope.reaches.covers_team(&unit, seen.lead_team_id) {
        return Err(forbidden(Permission::ActivityWrite));
    }
    let activity = activities::hold(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&activity.stamp)?;
    Ok((activity, unit))
}

async fn record(tx: &Tx, cx: &Cx<'_>, activity: &d::Activity) -> ApiResult<()> {
    let lead = teams::find_any(tx, activity.lead_team_id).await?;
    cx.record(tx, "activity", activity.stamp.id, lead.map(|team| team.org_unit_id)).await
}

/// Changes an activity that is not completed or cancelled.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ActivityWrite>,
    id: Uuid,
    patch: &ActivityPatch,
) -> ApiResult<Reply> {
    let (before, unit) = hold(tx, cx, scope, id).await?;
    if !before.status.is_editable() {
        return Err(ApiError::new(Code::NotEditable).with("state", before.status.as_str()));
    }
    let mut activity = before.clone();
    if let Some(teams) = &patch.team_ids {
        activity.team_ids.clone_from(teams);
        if !activity.team_ids.contains(&activity.lead_team_id) {
            activity.team_ids.push(activity.lead_team_id);
        }
    }
    activity.locality_id = patch.locality_id.unwrap_or(activity.locality_id);
    if let Some(topics) = &patch.topics {
        activity.topics.clone_from(topics);
    }
    if let Some(groups) = &patch.digital_group_ids {
        activity.digital_group_ids.clone_from(groups);
    }
    if let Some(title) = &patch.title {
        activity.title.clone_from(title);
    }
    activity.mode = patch.mode.unwrap_or(activity.mode);
    if let Some(venue) = &patch.venue {
        activity.venue.clone_from(venue);
    }
    if let Some(location) = patch.location {
        activity.location = location.map(Into::into);
    }
    activity.starts_at = patch.starts_at.unwrap_or(activity.starts_at);
    activity.ends_at = patch.ends_at.unwrap_or(activity.ends_at);
    activity.planned_turns = patch.planned_turns.unwrap_or(activity.planned_turns);
    activity.venue_capacity = patch.venue_capacity.unwrap_or(activity.venue_capacity);
    let campaign = campaigns::find(tx, activity.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    let mut faults = Faults::default();
    check(tx, scope, &mut faults, &campaign, &activity).await?;
    if activity.starts_at != before.starts_at
        && let Some(lead) = teams::find_any(tx, activity.lead_team_id).await?
        && let Some(unit) = org_units::find(tx, lead.org_unit_id).await?
    {
        ensure_stands(&mut faults, "/starts_at", &unit, campaign.local_day(activity.starts_at));
    }
    faults.settle()?;
    ensure_open(&campaign)?;
    let left = before.team_ids.iter().any(|team| !activity.team_ids.contains(team));
    // What is counted was counted there and for them.
    if (left || activity.locality_id != before.locality_id) && activities::count_counted(tx, id).await? > 0 {
        return Err(ApiError::new(Code::NotEditable).detail(
            "Đã có kết quả được tính: không đổi được địa bàn hay bớt đội.",
            "Results are counted: its place stays, and no team leaves.",
        ));
    }
    activity.stamp = cx.next_stamp(activity.stamp);
    activities::update(tx, &activity).await?;
    for id in before.team_ids.iter().filter(|team| !activity.team_ids.contains(team)) {
        if let Some(team) = teams::find_any(tx, *id).await? {
            cx.record_leaving(tx, "activity", activity.stamp.id, &team).await?;
        }
    }
    record(tx, cx, &activity).await?;
    Reply::ok(&view(scope)(activity, Some(&unit)))
}

/// Moves an activity from state to state.
///
/// # Errors
/// The problems that the operation states.
pub async fn act(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ActivityWrite>,
    id: Uuid,
    action: ActivityAction,
) -> ApiResult<Reply> {
    let (activity, unit) = hold(tx, cx, scope, id).await?;
    let counted = activities::count_counted(tx, id).await?;
    let mut activity = activity.act(action, counted).map_err(|err| problem(&err))?;
    activity.stamp = cx.next_stamp(activity.stamp);
    activities::update(tx, &activity).await?;
    record(tx, cx, &activity).await?;
    Reply::ok(&view(scope)(activity, Some(&unit)))
}

/// What an activity refuses, as a problem.
#[must_use]
pub fn problem(err: &ActivityError) -> ApiError {
    match err {
        ActivityError::WrongState { from, .. } => ApiError::new(Code::WrongState).with("state", from.as_str()),
        ActivityError::Cancelled => ApiError::new(Code::ActivityCancelled),
        ActivityError::NotItsTeam => ApiError::fault(Fault::at("/team_id", Code::NotItsTeam)),
        ActivityError::HasCountedResults { counted } => {
            ApiError::new(Code::WrongState).with("counted", *counted).detail(
                format!("Hoạt động có {counted} kết quả đang được tính; trả lại các kết quả đó trước."),
                format!("{counted} results of the activity are counted; have them returned first."),
            )
        }
    }
}
