//! What requests on series of activities mean.

use super::dto::{ActivitySeries, ActivitySeriesQuery, NewActivitySeries, SeriesCancellation};
use crate::{
    allowed::{ActivityRead, ActivityWrite, Demand, Scope, forbidden},
    fields::{Faults, ensure_open},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{
        activities::ops::{Plan, plan},
        org_units::ops::ensure_stands,
    },
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    activities::Activity,
    org_units::UnitPath,
    series::{self as d, MAX_OCCURRENCES, Occurrence, RecurrenceError, Series},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, activities, audit, localities,
    page::Page,
    series::{self, Filter},
    teams,
};
use uuid::Uuid;

/// Lists the series of teams that the caller reaches, with their units' paths.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<ActivityRead>,
    query: &ActivitySeriesQuery,
) -> ApiResult<(Page<Series>, HashMap<Uuid, UnitPath>)> {
    let filter = Filter {
        id: query.id,
        campaign_id: query.campaign_id,
        lead_team_id: query.lead_team_id,
        updated_since: query.updated_since,
    };
    let page = series::list(conn, &scope.reaches, &filter, &query.page_request()?).await?;
    let leads: Vec<Uuid> = page.data.iter().map(|series| series.lead_team_id).collect();
    let paths = teams::unit_paths(conn, &leads).await?;
    Ok((page, paths))
}

/// Shows series to this caller, by the path of the leading team's unit.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(Series, Option<&UnitPath>) -> ActivitySeries {
    let writes = scope.reaches_of(Permission::ActivityWrite);
    move |series, unit| {
        let may_write = unit.is_some_and(|unit| writes.covers_team(unit, series.lead_team_id));
        ActivitySeries::of(series, may_write)
    }
}

/// Finds a series that the caller sees, and the path of its leading team's unit.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<(Series, UnitPath)> {
    let series = series::find(conn, &scope.sees, id).await?.ok_or_else(ApiError::not_found)?;
    let lead = series.lead_team_id;
    let path = teams::unit_paths(conn, &[lead]).await?.remove(&lead).ok_or_else(ApiError::not_found)?;
    Ok((series, path))
}

/// What is wrong with a rule, and what to do about it.
fn fault(err: &RecurrenceError) -> Fault {
    let at = |code| Fault::at("/recurrence", code);
    match err {
        RecurrenceError::Syntax(part) => at(Code::BadFormat).limit("RFC 5545 RECUR").message(
            format!("Không đọc được quy tắc lặp ({part}). Ví dụ đúng: `FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10`."),
            format!("The rule can't be read ({part}). A sound one: `FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10`."),
        ),
        RecurrenceError::NotOffered(part) => at(Code::NotAllowedValue).message(
            format!("Không hỗ trợ `{part}`: các buổi cách nhau theo ngày, giờ lấy theo buổi đầu."),
            format!("`{part}` is not offered: occurrences are days apart, at the first one's time of day."),
        ),
        RecurrenceError::Endless => at(Code::Required).limit("COUNT or UNTIL").message(
            "Quy tắc lặp không có điểm kết thúc: thêm `COUNT` hoặc `UNTIL`.",
            "The rule has no end: add `COUNT` or `UNTIL`.",
        ),
        RecurrenceError::TwoEnds => at(Code::BadFormat)
            .limit("COUNT or UNTIL")
            .message("Chỉ dùng một trong hai: `COUNT` hoặc `UNTIL`.", "Use one of the two: `COUNT` or `UNTIL`."),
        RecurrenceError::FirstIsNone => Fault::at("/starts_at", Code::NotAllowedValue).message(
            "Buổi đầu không đúng với quy tắc lặp: đổi `starts_at` sang một ngày của quy tắc, hoặc sửa quy tắc.",
            "The first occurrence doesn't follow the rule: move `starts_at` to a day of the rule, or mend the rule.",
        ),
        RecurrenceError::TooMany => at(Code::TooMany).limit(MAX_OCCURRENCES),
        RecurrenceError::Nothing => at(Code::TooFew).limit(1).message(
            "Quy tắc lặp không cho buổi nào: bớt `exdates` hoặc sửa quy tắc.",
            "The rule leaves no occurrence: name fewer `exdates`, or mend the rule.",
        ),
        RecurrenceError::NotExcluded(at) => Fault::at(format!("/exdates/{at}"), Code::NotAllowedValue)
            .message("Quy tắc lặp không có buổi nào vào ngày này.", "The rule has no occurrence on this day."),
    }
}

/// The activities of a series: the first one, again at each of the instants.
fn activities_at(cx: &Cx<'_>, first: &Activity, series_id: Uuid, instants: &[DateTime<Utc>]) -> Vec<Activity> {
    let lasts = first.ends_at - first.starts_at;
    let activity = |at: &DateTime<Utc>| Activity {
        stamp: cx.new_stamp(None),
        starts_at: *at,
        ends_at: *at + lasts,
        series_id: Some(series_id),
        ..first.clone()
    };
    instants.iter().map(activity).collect()
}

/// Holds that every occurrence lies within the campaign, at a place that is there on its day.
async fn check_days(tx: &Tx, faults: &mut Faults, plan: &Plan, all: &[Activity]) -> ApiResult<()> {
    let outside = |activity: &Activity| {
        let days = [activity.starts_at, activity.ends_at].map(|at| plan.campaign.local_day(at));
        days.into_iter().find(|day| plan.campaign.ensure_contains(*day).is_err())
    };
    let beyond: Vec<NaiveDate> = all.iter().filter_map(outside).collect();
    if let Some(first) = beyond.first() {
        let (starts_on, ends_on, many) = (plan.campaign.starts_on, plan.campaign.ends_on, beyond.len());
        let fault = Fault::at("/recurrence", Code::OutsideCampaign).limit(format!("{starts_on}/{ends_on}")).message(
            format!("{many} buổi nằm ngoài chiến dịch, buổi đầu tiên vào {first}: giảm `COUNT` hoặc rút ngắn `UNTIL`."),
            format!(
                "{many} occurrences lie outside the campaign, the first on {first}: lower `COUNT` or shorten `UNTIL`."
            ),
        );
        faults.push(fault);
    }
    if let Some(place) = localities::find(tx, plan.activity.locality_id).await? {
        let day = |activity: &Activity| plan.campaign.local_day(activity.starts_at);
        if let Some(day) = all.iter().skip(1).map(day).find(|day| !place.was_valid_on(*day)) {
            faults.push(Fault::at("/locality_id", Code::LocalityNotValid).limit(day.to_string()));
        }
    }
    let last = all.iter().skip(1).map(|activity| plan.campaign.local_day(activity.starts_at)).max();
    if let Some(day) = last {
        ensure_stands(faults, "/recurrence", &plan.unit, day);
    }
    Ok(())
}

/// Writes into the audit log what was done to many activities of one unit.
async fn record(tx: &Tx, cx: &Cx<'_>, unit: Uuid, series_id: Uuid, activities: &[Uuid]) -> ApiResult<()> {
    let change = |(resource, id)| cx.change(resource, id, Some(unit));
    let all = activities.iter().map(|id| ("activity", *id));
    let changes: Vec<_> = std::iter::once(("activity_series", series_id)).chain(all).map(change).collect();
    Ok(audit::record_many(tx, &changes).await?)
}

/// Makes a series of a team that the caller coordinates or leads, and all its activities.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ActivityWrite>, new: &NewActivitySeries) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (series, unit) = find(tx, scope, new.id.unwrap_or_default()).await?;
        return Reply::ok(&view(scope)(series, Some(&unit)));
    }
    let mut faults = Faults::default();
    let plan = plan(tx, cx, scope, &mut faults, &new.first()).await?;
    let stamp = cx.new_stamp(new.id);
    let zone = plan.campaign.time_zone;
    let instants = d::expand(&new.recurrence, new.starts_at, zone, &new.exdates);
    let all = match &instants {
        Ok(instants) => activities_at(cx, &plan.activity, stamp.id, instants),
        Err(err) => {
            faults.push(fault(err));
            vec![]
        }
    };
    check_days(tx, &mut faults, &plan, &all).await?;
    faults.settle()?;
    ensure_open(&plan.campaign)?;
    let planned = |a: &Activity| Occurrence { activity_id: a.stamp.id, starts_at: a.starts_at, ends_at: a.ends_at };
    let rule = new.recurrence.trim();
    let series = Series {
        stamp,
        campaign_id: plan.campaign.stamp.id,
        lead_team_id: plan.activity.lead_team_id,
        title: plan.activity.title.clone(),
        recurrence: rule.strip_prefix("RRULE:").unwrap_or(rule).to_owned(),
        exdates: new.exdates.clone(),
        time_zone: zone,
        occurrences: all.iter().map(planned).collect(),
        cancelled_count: 0,
        cancel_reason: None,
    };
    series::insert(tx, &series).await?;
    activities::insert_many(tx, &all).await?;
    let ids: Vec<Uuid> = all.iter().map(|activity| activity.stamp.id).collect();
    record(tx, cx, plan.unit.stamp.id, stamp.id, &ids).await?;
    Reply::created(&view(scope)(series, Some(&plan.unit.path)))
}

/// Cancels the activities of a series that are still planned: all of them, or those from a local day on.
///
/// # Errors
/// The problems that the operation states.
pub async fn cancel(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ActivityWrite>,
    id: Uuid,
    body: &SeriesCancellation,
) -> ApiResult<Reply> {
    let (seen, unit) = find(tx, scope, id).await?;
    if !scope.reaches.covers_team(&unit, seen.lead_team_id) {
        return Err(forbidden(Permission::ActivityWrite));
    }
    let mut series = series::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&series.stamp)?;
    let midnight = |day: NaiveDate| {
        let local = series.time_zone.from_local_datetime(&day.and_time(NaiveTime::MIN)).earliest();
        local.map_or_else(|| day.and_time(NaiveTime::MIN).and_utc(), |local| local.with_timezone(&Utc))
    };
    let planned = series::hold_planned(tx, id, body.from.map(midnight)).await?;
    if planned.is_empty() {
        return Err(ApiError::new(Code::WrongState).detail(
            "Không còn buổi nào đang ở trạng thái `planned` để hủy.",
            "No occurrence is `planned` any more, so there is none to cancel.",
        ));
    }
    let ids: Vec<Uuid> = planned.iter().map(|activity| activity.stamp.id).collect();
    series::cancel(tx, &ids, cx.now).await?;
    let cancelled = i32::try_from(ids.len()).map_err(ApiError::internal)?;
    series.cancelled_count += cancelled;
    series.cancel_reason = Some(body.reason.clone());
    series.stamp = cx.next_stamp(series.stamp);
    series::update(tx, &series).await?;
    let lead = teams::find_any(tx, series.lead_team_id).await?.ok_or_else(ApiError::not_found)?;
    record(tx, cx, lead.org_unit_id, id, &ids).await?;
    Reply::ok(&view(scope)(series, Some(&unit)))
}
