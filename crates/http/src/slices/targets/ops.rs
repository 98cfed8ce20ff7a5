//! What requests on targets mean. A unit's target is set from the unit above it; the centre's is the indicator's own,
//! and both are kept in step. Whoever sees the progress of a unit sees its targets.

use super::dto::{
    NewTarget, NewTargetSuggestion, NewTargets, SuggestedTarget, Target as Body, TargetAllocation, TargetQuery,
    TargetRevisionQuery, TargetShare, TargetSuggestion,
};
use crate::{
    allowed::{Demand, ProgressRead, Scope, TargetWrite, forbidden},
    fields::Faults,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::progress::ops::highest,
};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{
    access::Permission,
    campaigns::{Campaign, Indicator},
    org_units::{OrgUnit, UnitPath},
    targets::{Sums, Target, suggest},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, audit, campaigns, org_units,
    page::Page,
    scope::covers_all,
    targets::{self, Below},
};
use uuid::Uuid;

/// Whether the caller sets the target of a unit at this place: by the right over the unit above it, or, of the centre's,
/// by the right to change indicators.
fn may_set<P: Demand>(scope: &Scope<P>) -> impl Fn(&UnitPath) -> bool {
    let (writes, centre) = (scope.reaches_of(Permission::TargetWrite), scope.reaches_of(Permission::CampaignWrite));
    move |unit| unit.parent().map_or_else(|| covers_all(&centre), |above| writes.covers_unit(&above))
}

/// Shows targets to this caller.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(Target, &UnitPath) -> Body {
    let may_set = may_set(scope);
    move |target, unit| {
        let may = may_set(unit);
        Body::of(target, may)
    }
}

async fn indicator_of(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<(Indicator, Campaign)> {
    let indicator = campaigns::find_indicator(conn, id).await?.ok_or_else(ApiError::not_found)?;
    let campaign = campaigns::find(conn, indicator.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((indicator, campaign))
}

/// The unit that is asked for; when none is, the highest one that the caller reaches.
async fn unit_of(conn: &impl ConnectionTrait, scope: &Scope<ProgressRead>, id: Option<Uuid>) -> ApiResult<OrgUnit> {
    let unit = match id {
        Some(id) => org_units::find(conn, id).await?,
        None => org_units::find_by_path(conn, highest(scope)?).await?,
    };
    let unit = scope.seen(unit)?;
    scope.ensure_unit(&unit.path)?;
    Ok(unit)
}

/// How the target of a unit that the caller reaches is allocated.
///
/// # Errors
/// The problems that the operation states.
pub async fn allocation(
    conn: &impl ConnectionTrait,
    scope: &Scope<ProgressRead>,
    indicator_id: Uuid,
    query: &TargetQuery,
    now: DateTime<Utc>,
) -> ApiResult<TargetAllocation> {
    let of = indicator_of(conn, indicator_id).await?;
    let unit = unit_of(conn, scope, query.org_unit_id).await?;
    let today = of.1.local_day(now);
    let day = query.as_of.unwrap_or(today);
    if day > today {
        // Nobody knows yet what will be in force then.
        return Err(ApiError::parameter(Fault::of_parameter("as_of", Code::InTheFuture).limit(today.to_string())));
    }
    allocated(conn, scope, &of, &unit, day).await
}

async fn allocated<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    (indicator, campaign): &(Indicator, Campaign),
    unit: &OrgUnit,
    day: NaiveDate,
) -> ApiResult<TargetAllocation> {
    let around = (unit.stamp.id, Below::Grandchildren);
    let set = targets::around_in_force(conn, indicator.stamp.id, around, Some(campaign.end_of(day))).await?;
    let mut below: HashMap<Option<Uuid>, Vec<OrgUnit>> = HashMap::new();
    for one in org_units::two_levels_below(conn, unit.stamp.id).await? {
        if one.exists_on(day) && one.takes_targets() {
            below.entry(one.parent_id).or_default().push(one);
        }
    }
    let additive = indicator.measure.is_additive();
    let share = |of: &OrgUnit| {
        let own = set.get(&of.stamp.id);
        let children = below.get(&Some(of.stamp.id)).into_iter().flatten();
        let values = children.filter_map(|child| set.get(&child.stamp.id)).map(|target| target.value);
        TargetShare::of(of, own, additive.then(|| Sums::of(own.map(|target| target.value), values)))
    };
    let may_allocate = scope.reaches_of(Permission::TargetWrite).covers_unit(&unit.path);
    let children = below.get(&Some(unit.stamp.id)).into_iter().flatten().map(share).collect();
    Ok(TargetAllocation::of((indicator.stamp.id, additive), day, share(unit), children, may_allocate))
}

/// A unit's target that the caller sees, and the unit.
///
/// # Errors
/// The problems that the operation states.
pub async fn find(
    conn: &impl ConnectionTrait,
    scope: &Scope<ProgressRead>,
    (indicator_id, org_unit_id): (Uuid, Uuid),
) -> ApiResult<(Target, OrgUnit)> {
    let unit = scope.seen(org_units::find(conn, org_unit_id).await?)?;
    scope.ensure_unit(&unit.path)?;
    let target = targets::find(conn, indicator_id, org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((target, unit))
}

/// Lists the revisions of a unit's target that the caller sees.
///
/// # Errors
/// The problems that the operation states.
pub async fn revisions(
    conn: &impl ConnectionTrait,
    scope: &Scope<ProgressRead>,
    ids: (Uuid, Uuid),
    query: &TargetRevisionQuery,
) -> ApiResult<Page<Target>> {
    let page = query.page_request()?;
    find(conn, scope, ids).await?;
    Ok(targets::revisions(conn, ids.0, ids.1, query.updated_since, &page).await?)
}

/// What keeps a unit from being given a target on a day.
fn unfit(unit: &OrgUnit, day: NaiveDate) -> Option<Code> {
    if !unit.takes_targets() {
        return Some(Code::TakesNoTarget);
    }
    (!unit.exists_on(day)).then_some(Code::OrgUnitNotValid)
}

/// The next revision of a unit's target, or its first.
fn next(
    cx: &Cx<'_>,
    before: Option<&Target>,
    (indicator_id, org_unit_id): (Uuid, Uuid),
    value: i64,
    reason: Option<String>,
) -> Target {
    match before {
        Some(before) => before.revised(value, reason, cx.actor_id, cx.now),
        None => {
            Target { stamp: cx.new_stamp(None), indicator_id, org_unit_id, value, reason, set_by: Some(cx.actor_id) }
        }
    }
}

/// Sets a unit's target by the right over the unit above it.
///
/// # Errors
/// The problems that the operation states.
pub async fn put(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<TargetWrite>,
    (indicator_id, org_unit_id): (Uuid, Uuid),
    new: &NewTarget,
) -> ApiResult<Reply> {
    targets::hold(tx).await?;
    let (mut indicator, campaign) = indicator_of(tx, indicator_id).await?;
    let unit = scope.seen(org_units::find(tx, org_unit_id).await?)?;
    if !may_set(scope)(&unit.path) {
        return Err(forbidden_below(&unit.path));
    }
    let before = targets::find(tx, indicator_id, org_unit_id).await?;
    let view = view(scope);
    if let Some(before) = &before {
        if before.is_as_said(new.value, new.reason.as_deref(), cx.actor_id) {
            return Reply::ok(&view(before.clone(), &unit.path));
        }
        cx.ensure_unchanged(&before.stamp)?;
        if new.reason.is_none() {
            return Err(ApiError::fault(Fault::at("/reason", Code::Required)));
        }
    } else {
        cx.ensure_absence()?;
    }
    if let Some(code) = unfit(&unit, campaign.local_day(cx.now)) {
        return Err(ApiError::new(code));
    }
    if unit.path.depth() == 0 {
        // First, as whoever changes the indicator does, so that neither waits for what the other holds.
        indicator.target_value = new.value;
        indicator.stamp = cx.next_stamp(indicator.stamp);
        campaigns::update_indicator(tx, &indicator).await?;
        cx.record(tx, "indicator", indicator_id, None).await?;
    }
    let target = next(cx, before.as_ref(), (indicator_id, org_unit_id), new.value, new.reason.clone());
    targets::insert_many(tx, std::slice::from_ref(&target)).await?;
    cx.record(tx, "target", target.stamp.id, Some(org_unit_id)).await?;
    let body = view(target, &unit.path);
    if before.is_some() { Reply::ok(&body) } else { Reply::created(&body) }
}

/// Who may set a target that the caller may not.
fn forbidden_below(unit: &UnitPath) -> ApiError {
    if unit.depth() == 0 {
        return forbidden(Permission::CampaignWrite);
    }
    forbidden(Permission::TargetWrite).detail(
        "Chỉ tiêu của một đơn vị do đơn vị cấp trên trực tiếp giao.",
        "A unit's target is set by whoever has the right over the unit directly above it.",
    )
}

/// Follows a change of an indicator's own target with the centre's. Whoever calls it holds the targets already.
///
/// # Errors
/// When the database refuses.
pub async fn follow_indicator(tx: &Tx, cx: &Cx<'_>, indicator: &Indicator, reason: Option<String>) -> ApiResult<()> {
    let Some(centre) = org_units::root(tx).await? else { return Ok(()) };
    let ids = (indicator.stamp.id, centre.stamp.id);
    let before = targets::find(tx, ids.0, ids.1).await?;
    if before.as_ref().is_some_and(|before| before.value == indicator.target_value) {
        return Ok(());
    }
    let target = next(cx, before.as_ref(), ids, indicator.target_value, reason);
    targets::insert_many(tx, std::slice::from_ref(&target)).await?;
    cx.record(tx, "target", target.stamp.id, Some(centre.stamp.id)).await
}

/// The unit above of a body, which the caller must hold the right over.
async fn above(tx: &Tx, scope: &Scope<TargetWrite>, id: Uuid) -> ApiResult<OrgUnit> {
    let unit = org_units::find(tx, id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = unit.ok_or_else(|| ApiError::fault(Fault::at("/org_unit_id", Code::ReferenceNotFound)))?;
    scope.ensure_unit(&unit.path)?;
    Ok(unit)
}

/// The children of a unit that a list of a body names, each once: what is wrong with the others is added to the faults.
async fn named(
    tx: &Tx,
    above: &OrgUnit,
    list: &str,
    ids: &[Uuid],
    day: NaiveDate,
    faults: &mut Faults,
) -> ApiResult<HashMap<Uuid, OrgUnit>> {
    let children = org_units::children(tx, above.stamp.id).await?;
    let children: HashMap<Uuid, OrgUnit> = children.into_iter().map(|unit| (unit.stamp.id, unit)).collect();
    let mut seen = HashSet::new();
    for (at, id) in ids.iter().enumerate() {
        let pointer = format!("/{list}/{at}/org_unit_id");
        let code = match children.get(id) {
            _ if !seen.insert(*id) => Some(Code::NotUnique),
            None => Some(Code::ReferenceNotFound),
            Some(unit) => unfit(unit, day),
        };
        if let Some(code) = code {
            faults.add(pointer, code);
        }
    }
    Ok(children)
}

/// Sets the targets of several units directly below one that the caller has the right over: all or none. Those that
/// say what is in force already are left as they are, so that a body that is sent again does nothing.
///
/// # Errors
/// The problems that the operation states.
pub async fn put_many(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<TargetWrite>,
    indicator_id: Uuid,
    new: &NewTargets,
) -> ApiResult<Reply> {
    targets::hold(tx).await?;
    let of = indicator_of(tx, indicator_id).await?;
    let parent = above(tx, scope, new.org_unit_id).await?;
    let today = of.1.local_day(cx.now);
    let mut faults = Faults::default();
    let ids: Vec<Uuid> = new.targets.iter().map(|one| one.org_unit_id).collect();
    let children = named(tx, &parent, "targets", &ids, today, &mut faults).await?;
    let known = latest(tx, indicator_id, parent.stamp.id).await?;
    let mut changed = Vec::new();
    let mut revises = false;
    for (at, one) in new.targets.iter().enumerate() {
        let before = known.get(&one.org_unit_id).filter(|_| children.contains_key(&one.org_unit_id));
        if before.is_some_and(|before| before.value == one.value) {
            continue;
        }
        revises |= before.is_some();
        match (before.map(|before| before.stamp.version), one.version) {
            (Some(_), None) => faults.add(format!("/targets/{at}/version"), Code::Required),
            (there, seen) if there != seen => faults.add(format!("/targets/{at}/version"), Code::StaleVersion),
            _ => {}
        }
        changed.push(next(cx, before, (indicator_id, one.org_unit_id), one.value, new.reason.clone()));
    }
    if revises && new.reason.is_none() {
        faults.add("/reason", Code::Required);
    }
    faults.settle()?;
    targets::insert_many(tx, &changed).await?;
    let rows: Vec<_> = changed.iter().map(|one| cx.change("target", one.stamp.id, Some(one.org_unit_id))).collect();
    audit::record_many(tx, &rows).await?;
    Reply::shown(200, &allocated(tx, scope, &of, &parent, today).await?)
}

/// The targets of a unit and of those directly below it, each as its latest revision states it.
async fn latest(tx: &Tx, indicator_id: Uuid, unit: Uuid) -> ApiResult<HashMap<Uuid, Target>> {
    Ok(targets::around_in_force(tx, indicator_id, (unit, Below::Children), None).await?)
}

/// Splits a unit's target by weights.
///
/// # Errors
/// The problems that the operation states.
pub async fn suggestion(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<TargetWrite>,
    indicator_id: Uuid,
    asked: &NewTargetSuggestion,
) -> ApiResult<Reply> {
    let (indicator, campaign) = indicator_of(tx, indicator_id).await?;
    let parent = above(tx, scope, asked.org_unit_id).await?;
    if !indicator.measure.is_additive() {
        return Err(ApiError::new(Code::NotAdditive).with("measure", indicator.measure.as_str()));
    }
    let mut faults = Faults::default();
    let ids: Vec<Uuid> = asked.weights.iter().map(|one| one.org_unit_id).collect();
    let units = named(tx, &parent, "weights", &ids, campaign.local_day(cx.now), &mut faults).await?;
    let known = latest(tx, indicator_id, parent.stamp.id).await?;
    let total = asked.total.or_else(|| known.get(&parent.stamp.id).map(|target| target.value));
    if total.is_none() {
        faults.add("/total", Code::Required);
    }
    let code = |id: &Uuid| units.get(id).map(|unit| unit.code.clone()).unwrap_or_default();
    let weights: Vec<(String, i64)> = asked.weights.iter().map(|one| (code(&one.org_unit_id), one.weight)).collect();
    let values = suggest(total.unwrap_or_default(), &weights);
    if values.is_none() {
        faults.push(
            Fault::at("/weights", Code::OutOfRange)
                .limit(1)
                .message("Cần ít nhất một trọng số lớn hơn 0.", "At least one weight must be above zero."),
        );
    }
    faults.settle()?;
    let shares = asked.weights.iter().zip(weights).zip(values.unwrap_or_default());
    let targets = shares.map(|((one, (code, weight)), value)| SuggestedTarget {
        org_unit_id: one.org_unit_id,
        code,
        weight,
        value,
        version: known.get(&one.org_unit_id).map(|target| target.stamp.version),
    });
    let targets = targets.collect();
    Reply::shown(200, &TargetSuggestion { org_unit_id: parent.stamp.id, total: total.unwrap_or_default(), targets })
}
