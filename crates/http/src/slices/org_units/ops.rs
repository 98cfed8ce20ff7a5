//! What requests on units mean.

use super::dto::{NewOrgUnit, OrgUnit, OrgUnitPatch, OrgUnitQuery};
use crate::{
    allowed::{OrgUnitRead, OrgUnitWrite, Scope},
    fields::Faults,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
};
use chrono::NaiveDate;
use std::collections::HashMap;
use tinhnguyen_domain::{access::Permission, org_units as d};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, localities,
    org_units::{self, Filter},
    page::Page,
    reorganisations::units,
};
use uuid::Uuid;

/// Lists the units that the caller sees.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<OrgUnitRead>,
    query: &OrgUnitQuery,
) -> ApiResult<Page<d::OrgUnit>> {
    let page = query.page_request()?;
    let within = match query.within {
        None => None,
        Some(id) => match org_units::find(conn, id).await?.filter(|u| scope.sees.sees_unit(&u.path)) {
            Some(top) => Some(top.path),
            None => return Ok(Page { data: vec![], next: None, total: page.include_total.then_some(0) }),
        },
    };
    let filter = Filter {
        id: query.id,
        code: query.code.clone(),
        parent_id: query.parent_id,
        kind: query.kind,
        within,
        locality_id: query.locality_id,
        as_of: query.as_of,
        q: query.q.clone(),
        updated_since: query.updated_since,
    };
    Ok(org_units::list(conn, &scope.sees, &filter, &page).await?)
}

/// Shows units to this caller.
pub fn view<P: crate::allowed::Demand>(scope: &Scope<P>) -> impl Fn(d::OrgUnit) -> OrgUnit {
    let (writes, today) = (scope.reaches_of(Permission::OrgUnitWrite), scope.today());
    move |unit| {
        let may_write = writes.covers_unit(&unit.path);
        OrgUnit::of(unit, may_write, today)
    }
}

/// Finds a unit that the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn find<P: crate::allowed::Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<d::OrgUnit> {
    scope.seen(org_units::find(conn, id).await?)
}

/// What became of a unit in a reorganisation, the default successor first.
///
/// # Errors
/// `not_found`.
pub async fn successors(
    conn: &impl ConnectionTrait,
    scope: &Scope<OrgUnitRead>,
    id: Uuid,
) -> ApiResult<Vec<d::OrgUnit>> {
    find(conn, scope, id).await?;
    let ids: Vec<Uuid> = units::successors(conn, id).await?.into_iter().map(|(id, _)| id).collect();
    let seen = org_units::find_many(conn, &scope.sees, &ids).await?;
    let mut seen: HashMap<Uuid, d::OrgUnit> = seen.into_iter().map(|unit| (unit.stamp.id, unit)).collect();
    Ok(ids.iter().filter_map(|id| seen.remove(id)).collect())
}

/// Adds a fault for a unit that is not there any more on a day.
pub fn ensure_stands(faults: &mut Faults, pointer: &str, unit: &d::OrgUnit, day: NaiveDate) {
    if let Some(end) = unit.valid_to.filter(|end| *end < day) {
        faults.push(Fault::at(pointer, Code::UnitEnded).limit(end.to_string()));
    }
}

/// Makes a unit below one that the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<OrgUnitWrite>,
    new: &NewOrgUnit,
    today: NaiveDate,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let made = new.id.unwrap_or_default();
        return Reply::ok(&view(scope)(find(tx, scope, made).await?));
    }
    let mut faults = Faults::default();
    let parent = org_units::find(tx, new.parent_id).await?.filter(|u| scope.sees.sees_unit(&u.path));
    let parent = faults.found("/parent_id", parent);
    if let Some(id) = new.locality_id {
        faults.found("/locality_id", localities::find(tx, id).await?);
    }
    let Some(parent) = parent else { return Err(faults.settle().err().unwrap_or_else(ApiError::not_found)) };
    scope.ensure_unit(&parent.path)?;
    if !new.kind.may_stand_under(parent.kind) {
        faults.push(Fault::at("/kind", Code::KindNotUnderParent).limit(parent.kind.as_str()));
    }
    let valid_from = new.valid_from.unwrap_or(today);
    // What has ended has no new ones below it: they would come to stand beneath its successor by the way.
    ensure_stands(&mut faults, "/parent_id", &parent, valid_from.max(today));
    if new.valid_to.is_some_and(|to| to < valid_from) {
        faults.add("/valid_to", Code::DatesInverted);
    }
    faults.settle()?;
    let unit = d::OrgUnit {
        stamp: cx.new_stamp(new.id),
        code: new.code.clone(),
        name: new.name.clone(),
        name_en: new.name_en.clone(),
        kind: new.kind,
        parent_id: Some(parent.stamp.id),
        locality_id: new.locality_id,
        national_org_code: new.national_org_code.clone(),
        valid_from,
        valid_to: new.valid_to,
        path: parent.path.child(org_units::next_number(tx).await?),
    };
    org_units::insert(tx, &unit).await?;
    cx.record(tx, "org_unit", unit.stamp.id, Some(unit.stamp.id)).await?;
    Reply::created(&view(scope)(unit))
}

/// Changes a unit that the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<OrgUnitWrite>,
    id: Uuid,
    patch: &OrgUnitPatch,
) -> ApiResult<Reply> {
    let mut unit = find(tx, scope, id).await?;
    scope.ensure_unit(&unit.path)?;
    cx.ensure_unchanged(&unit.stamp)?;
    let mut faults = Faults::default();
    if let Some(Some(locality)) = patch.locality_id {
        faults.found("/locality_id", localities::find(tx, locality).await?);
    }
    if patch.valid_to.flatten().is_some_and(|to| to < unit.valid_from) {
        faults.add("/valid_to", Code::DatesInverted);
    }
    if patch.valid_to.is_some_and(|to| to != unit.valid_to)
        && let Some(end) = unit.valid_to
        && !units::successors(tx, id).await?.is_empty()
    {
        // Its end is the successors' beginning.
        faults.push(Fault::at("/valid_to", Code::UnitEnded).limit(end.to_string()));
    }
    faults.settle()?;
    if let Some(name) = &patch.name {
        unit.name.clone_from(name);
    }
    if let Some(name_en) = &patch.name_en {
        unit.name_en.clone_from(name_en);
    }
    if let Some(locality_id) = patch.locality_id {
        unit.locality_id = locality_id;
    }
    if let Some(code) = &patch.national_org_code {
        unit.national_org_code.clone_from(code);
    }
    if let Some(valid_to) = patch.valid_to {
        unit.valid_to = valid_to;
    }
    unit.stamp = cx.next_stamp(unit.stamp);
    org_units::update(tx, &unit).await?;
    cx.record(tx, "org_unit", id, Some(id)).await?;
    Reply::ok(&view(scope)(unit))
}
