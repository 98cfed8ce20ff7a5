//! What requests on reporting periods, extensions and nil reports mean.
//!
//! Periods and deadlines belong to the whole campaign, so writing them wants the right over the centre. An extension is
//! granted from above: by who holds the right over the unit's parent, or, of the centre itself, over the centre.

use super::dto::{
    NewNilReport, NewReportingExtension, NewReportingPeriod, NewReportingPeriods, NilReport, NilReportQuery,
    ReportingExtension, ReportingExtensionQuery, ReportingExtensionRevocation, ReportingPeriod, ReportingPeriodPatch,
    ReportingPeriodQuery, ReportingPeriodsOutcome,
};
use crate::{
    allowed::{CampaignWrite, Demand, ReportingRead, ReportingWrite, ResultRead, ResultWrite, Scope, forbidden},
    fields::{Faults, ensure_open},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::teams::ops::{self as of_teams, Nowhere, nothing, within},
};
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{
    access::{Permission, Reaches},
    campaigns::{Campaign, CampaignStatus},
    org_units::{OrgUnit, UnitPath},
    reporting::{self as d, Extension, Period, Revocation},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, campaigns, org_units,
    page::Page,
    reporting::{self, ExtensionFilter, NilFilter, PeriodFilter},
    scope::covers_all,
};
use uuid::Uuid;

fn ensure_centre(scope: &Scope<CampaignWrite>) -> ApiResult<()> {
    if covers_all(&scope.reaches) { Ok(()) } else { Err(forbidden(Permission::CampaignWrite)) }
}

fn ensure_not_closed(campaign: &Campaign) -> ApiResult<()> {
    if campaign.status == CampaignStatus::Closed {
        return Err(ApiError::new(Code::CampaignNotOpen).with("campaign_status", campaign.status.as_str()));
    }
    Ok(())
}

/// Shows periods to this caller, by which of them something depends on.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(Period, &HashSet<Uuid>) -> ReportingPeriod {
    let writes = covers_all(&scope.reaches_of(Permission::CampaignWrite));
    move |period, used| {
        let in_use = used.contains(&period.stamp.id);
        ReportingPeriod::of(period, writes, in_use)
    }
}

async fn used(conn: &impl ConnectionTrait, periods: &[Period]) -> ApiResult<HashSet<Uuid>> {
    let ids: Vec<Uuid> = periods.iter().map(|period| period.stamp.id).collect();
    Ok(reporting::in_use(conn, &ids).await?)
}

/// Lists periods, and tells on which of them something depends.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    query: &ReportingPeriodQuery,
) -> ApiResult<(Page<Period>, HashSet<Uuid>)> {
    let filter = PeriodFilter {
        id: query.id,
        campaign_id: query.campaign_id,
        code: query.code.clone(),
        series: query.series.clone(),
        on: query.on,
        updated_since: query.updated_since,
    };
    let page = reporting::list(conn, &filter, &query.page_request()?).await?;
    let used = used(conn, &page.data).await?;
    Ok((page, used))
}

/// Finds a period, and tells whether something depends on it.
///
/// # Errors
/// `not_found`.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<(Period, HashSet<Uuid>)> {
    let period = reporting::find(conn, id).await?.ok_or_else(ApiError::not_found)?;
    let used = used(conn, std::slice::from_ref(&period)).await?;
    Ok((period, used))
}

/// What a period's days must hold, checked the same for a new and a changed one.
fn check(faults: &mut Faults, campaign: &Campaign, period: &Period) {
    if period.ends_on < period.starts_on {
        faults.add("/ends_on", Code::DatesInverted);
    }
    if period.due_on < period.ends_on {
        faults.add("/due_on", Code::DatesInverted);
    }
    faults.day("/starts_on", campaign.ensure_contains(period.starts_on));
    faults.day("/ends_on", campaign.ensure_contains(period.ends_on));
}

/// Holds that a period shares no day with another one of its series. The campaign is held.
async fn ensure_alone(tx: &Tx, period: &Period) -> ApiResult<()> {
    match reporting::overlapping(tx, period).await? {
        None => Ok(()),
        Some(other) => Err(overlaps(period, &other)),
    }
}

fn overlaps(period: &Period, other: &Period) -> ApiError {
    ApiError::new(Code::PeriodOverlaps)
        .detail(
            format!("{} ({} đến {}) trùng ngày với {}.", period.code, period.starts_on, period.ends_on, other.code),
            format!("{} ({} to {}) shares days with {}.", period.code, period.starts_on, period.ends_on, other.code),
        )
        .with("existing", format!("/v1/reporting-periods/{}", other.stamp.id))
}

/// Makes a period.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<CampaignWrite>, new: &NewReportingPeriod) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    if cx.is_retry(tx, new.id).await? {
        let (period, used) = find(tx, new.id.unwrap_or_default()).await?;
        return Reply::ok(&view(scope)(period, &used));
    }
    let period = Period {
        stamp: cx.new_stamp(new.id),
        campaign_id: new.campaign_id,
        series: new.series.clone().unwrap_or_else(|| d::series_of(&new.code).to_owned()),
        code: new.code.clone(),
        name: new.name.clone(),
        starts_on: new.starts_on,
        ends_on: new.ends_on,
        due_on: new.due_on,
    };
    let mut faults = Faults::default();
    let campaign = faults.found("/campaign_id", campaigns::find(tx, new.campaign_id).await?);
    if let Some(campaign) = &campaign {
        check(&mut faults, campaign, &period);
    }
    faults.settle()?;
    ensure_not_closed(&campaign.ok_or_else(ApiError::not_found)?)?;
    reporting::hold_campaign(tx, period.campaign_id).await?;
    ensure_alone(tx, &period).await?;
    reporting::insert(tx, std::slice::from_ref(&period)).await?;
    cx.record(tx, "reporting_period", period.stamp.id, None).await?;
    Reply::created(&view(scope)(period, &HashSet::new()))
}

/// Makes the periods of a campaign's days at once. Those that are there already stay as they are.
///
/// # Errors
/// The problems that the operation states.
pub async fn generate(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    new: &NewReportingPeriods,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    let Some(campaign) = campaigns::find(tx, new.campaign_id).await? else {
        return Err(ApiError::fault(Fault::at("/campaign_id", Code::ReferenceNotFound)));
    };
    ensure_not_closed(&campaign)?;
    let d::Every::Week = new.every;
    let weeks = d::weeks(campaign.starts_on, campaign.ends_on);
    if weeks.len() > d::MOST_GENERATED {
        return Err(ApiError::fault(Fault::at("/campaign_id", Code::TooMany).limit(d::MOST_GENERATED)));
    }
    reporting::hold_campaign(tx, new.campaign_id).await?;
    let there = reporting::of_campaign(tx, new.campaign_id).await?;
    let (mut all, mut made) = (Vec::with_capacity(weeks.len()), Vec::new());
    for week in weeks {
        if let Some(kept) = there.iter().find(|period| period.code == week.code) {
            all.push(kept.clone());
            continue;
        }
        let number = week.code.split_once("-W").map_or(week.code.as_str(), |(_, number)| number);
        let period = Period {
            stamp: cx.new_stamp(None),
            campaign_id: new.campaign_id,
            series: d::WEEKS.to_owned(),
            name: format!("Tuần {}", number.trim_start_matches('0')),
            code: week.code.clone(),
            starts_on: week.starts_on,
            ends_on: week.ends_on,
            due_on: week.ends_on.checked_add_days(chrono::Days::new(new.due_after_days.into())).unwrap_or(week.ends_on),
        };
        let shares = |other: &&Period| {
            other.series == period.series && other.starts_on <= period.ends_on && other.ends_on >= period.starts_on
        };
        if let Some(other) = there.iter().find(shares) {
            return Err(overlaps(&period, other));
        }
        made.push(period.clone());
        all.push(period);
    }
    reporting::insert(tx, &made).await?;
    for period in &made {
        cx.record(tx, "reporting_period", period.stamp.id, None).await?;
    }
    let used = used(tx, &all).await?;
    let view = view(scope);
    Reply::outcome(&ReportingPeriodsOutcome {
        created: made.len(),
        kept: all.len().saturating_sub(made.len()),
        data: all.into_iter().map(|period| view(period, &used)).collect(),
    })
}

/// Changes a period's name or days.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    id: Uuid,
    patch: &ReportingPeriodPatch,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    let (before, used) = find(tx, id).await?;
    reporting::hold_campaign(tx, before.campaign_id).await?;
    let mut period = reporting::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&period.stamp)?;
    let campaign = campaigns::find(tx, period.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    ensure_not_closed(&campaign)?;
    if let Some(name) = &patch.name {
        period.name.clone_from(name);
    }
    period.starts_on = patch.starts_on.unwrap_or(period.starts_on);
    period.ends_on = patch.ends_on.unwrap_or(period.ends_on);
    period.due_on = patch.due_on.unwrap_or(period.due_on);
    let mut faults = Faults::default();
    check(&mut faults, &campaign, &period);
    faults.settle()?;
    ensure_alone(tx, &period).await?;
    period.stamp = cx.next_stamp(period.stamp);
    reporting::update(tx, &period).await?;
    cx.record(tx, "reporting_period", id, None).await?;
    Reply::ok(&view(scope)(period, &used))
}

/// Removes a period that nothing depends on.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete(tx: &Tx, cx: &Cx<'_>, scope: &Scope<CampaignWrite>, id: Uuid) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    // Whoever would refer to it waits for this, or this for them.
    let period = reporting::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&period.stamp)?;
    let campaign = campaigns::find(tx, period.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    ensure_not_closed(&campaign)?;
    if reporting::in_use(tx, &[id]).await?.contains(&id) {
        return Err(ApiError::new(Code::PeriodInUse));
    }
    reporting::delete(tx, id).await?;
    cx.record(tx, "reporting_period", id, None).await?;
    Ok(Reply::gone())
}

/// Where an extension of a unit's deadline is granted from: from its parent, or, of the centre, from itself.
fn granted_from(unit: &UnitPath) -> UnitPath {
    unit.ancestors().pop().unwrap_or_else(|| unit.clone())
}

/// Shows extensions to this caller, by their units' places in the tree.
pub fn view_extension<P: Demand>(scope: &Scope<P>) -> impl Fn(Extension, Option<&UnitPath>) -> ReportingExtension {
    let writes: Reaches = scope.reaches_of(Permission::ReportingWrite);
    move |extension, unit| {
        let may = unit.is_some_and(|unit| writes.covers_unit(&granted_from(unit)));
        ReportingExtension::of(extension, may)
    }
}

/// Lists the extensions of units that the caller sees, with the places of the units.
///
/// # Errors
/// Problems of the query.
pub async fn list_extensions(
    conn: &impl ConnectionTrait,
    scope: &Scope<ReportingRead>,
    query: &ReportingExtensionQuery,
) -> ApiResult<(Page<Extension>, HashMap<Uuid, UnitPath>)> {
    let page = query.page_request()?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok((nothing(page.include_total), HashMap::new())),
    };
    let filter = ExtensionFilter {
        id: query.id,
        period_id: query.period_id,
        org_unit_id: query.org_unit_id,
        within,
        status: query.status,
        updated_since: query.updated_since,
    };
    let found = reporting::extensions(conn, &scope.reaches, &filter, &page).await?;
    let units: Vec<Uuid> = found.data.iter().map(|extension| extension.org_unit_id).collect();
    let paths = org_units::paths(conn, &units).await?;
    Ok((found, paths))
}

/// Finds an extension of a unit that the caller sees, and the unit.
///
/// # Errors
/// `not_found`.
pub async fn find_extension<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(Extension, OrgUnit)> {
    let extension = reporting::extension(conn, id).await?.ok_or_else(ApiError::not_found)?;
    let unit = scope.seen(org_units::find(conn, extension.org_unit_id).await?)?;
    Ok((extension, unit))
}

/// The campaign of a period, which takes no more extensions and nil reports when it is closed.
async fn campaign_of(tx: &Tx, period: &Period) -> ApiResult<Campaign> {
    campaigns::find(tx, period.campaign_id).await?.ok_or_else(ApiError::not_found)
}

/// Grants an extension.
///
/// # Errors
/// The problems that the operation states.
pub async fn create_extension(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ReportingWrite>,
    new: &NewReportingExtension,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (extension, unit) = find_extension(tx, scope, new.id.unwrap_or_default()).await?;
        return Reply::ok(&view_extension(scope)(extension, Some(&unit.path)));
    }
    let mut faults = Faults::default();
    let period = faults.found("/period_id", reporting::find(tx, new.period_id).await?);
    let unit = org_units::find(tx, new.org_unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found("/org_unit_id", unit);
    if let Some(unit) = &unit
        && !scope.reaches.covers_unit(&granted_from(&unit.path))
    {
        return Err(forbidden(Permission::ReportingWrite).detail(
            "Gia hạn do cấp trên trực tiếp, hoặc cấp cao hơn, của đơn vị quyết định.",
            "An extension is granted from the unit's parent or from above it.",
        ));
    }
    if let Some(period) = period.as_ref().filter(|period| new.due_on <= period.due_on) {
        faults.push(Fault::at("/due_on", Code::OutOfRange).limit(format!("> {}", period.due_on)));
    }
    faults.settle()?;
    let (Some(period), Some(unit)) = (period, unit) else { return Err(ApiError::not_found()) };
    ensure_not_closed(&campaign_of(tx, &period).await?)?;
    let extension = Extension {
        stamp: cx.new_stamp(new.id),
        period_id: new.period_id,
        org_unit_id: new.org_unit_id,
        due_on: new.due_on,
        reason: new.reason.clone(),
        granted_by: cx.actor_id,
        revoked: None,
    };
    reporting::insert_extension(tx, &extension).await?;
    cx.record(tx, "reporting_extension", extension.stamp.id, Some(unit.stamp.id)).await?;
    Reply::created(&view_extension(scope)(extension, Some(&unit.path)))
}

/// Takes an extension back.
///
/// # Errors
/// The problems that the operation states.
pub async fn revoke_extension(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ReportingWrite>,
    id: Uuid,
    revocation: &ReportingExtensionRevocation,
) -> ApiResult<Reply> {
    let (_, unit) = find_extension(tx, scope, id).await?;
    if !scope.reaches.covers_unit(&granted_from(&unit.path)) {
        return Err(forbidden(Permission::ReportingWrite));
    }
    let mut extension = reporting::hold_extension(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&extension.stamp)?;
    if extension.revoked.is_some() {
        return Err(ApiError::new(Code::WrongState).with("state", extension.status().as_str()));
    }
    let reason = revocation.reason.clone();
    extension.revoked = Some(Revocation { at: cx.now, by: cx.actor_id, reason });
    extension.stamp = cx.next_stamp(extension.stamp);
    reporting::update_extension(tx, &extension).await?;
    cx.record(tx, "reporting_extension", id, Some(unit.stamp.id)).await?;
    Reply::ok(&view_extension(scope)(extension, Some(&unit.path)))
}

/// Lists the nil reports of a team that the caller sees; tells whether they may write them.
///
/// # Errors
/// `not_found`, problems of the query.
pub async fn list_nil(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultRead>,
    team_id: Uuid,
    query: &NilReportQuery,
) -> ApiResult<(Page<d::NilReport>, bool)> {
    let page = query.page_request()?;
    let (team, unit) = of_teams::find(conn, scope, team_id).await?;
    scope.ensure_team(&unit.path, team.stamp.id)?;
    let filter = NilFilter { id: query.id, period_id: query.period_id, updated_since: query.updated_since };
    let found = reporting::nil_reports(conn, team_id, &filter, &page).await?;
    let may_write = scope.reaches_of(Permission::ResultWrite).covers_team(&unit.path, team_id);
    Ok((found, may_write))
}

/// Notes that a team has nothing to report for a period.
///
/// # Errors
/// The problems that the operation states.
pub async fn create_nil(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    team_id: Uuid,
    new: &NewNilReport,
) -> ApiResult<Reply> {
    let (team, unit) = of_teams::find(tx, scope, team_id).await?;
    scope.ensure_team(&unit.path, team_id)?;
    if cx.is_retry(tx, new.id).await? {
        let found = reporting::nil_report(tx, team_id, new.id.unwrap_or_default()).await?;
        return Reply::ok(&NilReport::of(found.ok_or_else(ApiError::not_found)?, true));
    }
    let found = reporting::find(tx, new.period_id).await?.filter(|period| period.campaign_id == team.campaign_id);
    let Some(period) = found else {
        return Err(ApiError::fault(Fault::at("/period_id", Code::ReferenceNotFound)));
    };
    let campaign = campaign_of(tx, &period).await?;
    ensure_open(&campaign)?;
    let today = campaign.local_day(cx.now);
    if period.starts_on > today {
        return Err(ApiError::fault(Fault::at("/period_id", Code::InTheFuture).limit(today.to_string())));
    }
    if reporting::has_filed(tx, &period, team_id).await? {
        return Err(ApiError::new(Code::WrongState).detail(
            "Đội đã nộp kết quả cho kỳ này, nên không phải là không phát sinh.",
            "The team has filed results for this period, so it has something to report.",
        ));
    }
    let report = d::NilReport {
        stamp: cx.new_stamp(new.id),
        team_id,
        period_id: new.period_id,
        reason: new.reason.clone(),
        created_by: cx.actor_id,
    };
    reporting::insert_nil(tx, &report).await.map_err(|err| match ApiError::from(err) {
        // Of the team and the period, not of the id.
        err if err.code == Code::CodeAlreadyUsed => ApiError::new(Code::WrongState).detail(
            "Đội đã báo cáo không phát sinh cho kỳ này.",
            "The team has said already that it has nothing to report for this period.",
        ),
        err => err,
    })?;
    cx.record(tx, "nil_report", report.stamp.id, Some(team.org_unit_id)).await?;
    Reply::created(&NilReport::of(report, true))
}

/// Takes a nil report back.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete_nil(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultWrite>, team_id: Uuid, id: Uuid) -> ApiResult<Reply> {
    let (team, unit) = of_teams::find(tx, scope, team_id).await?;
    scope.ensure_team(&unit.path, team_id)?;
    let report = reporting::nil_report(tx, team_id, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&report.stamp)?;
    let period = reporting::find(tx, report.period_id).await?.ok_or_else(ApiError::not_found)?;
    ensure_open(&campaign_of(tx, &period).await?)?;
    if !reporting::delete_nil(tx, id).await? {
        return Err(ApiError::not_found());
    }
    cx.record(tx, "nil_report", id, Some(team.org_unit_id)).await?;
    Ok(Reply::gone())
}
