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
use tinhnguyen_domain::{access::Permission, org_units as d};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, localities,
    org_units::{self, Filter},
    page::Page,
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
    let writes = scope.reaches_of(Permission::OrgUnitWrite);
    move |unit| {
        let may_write = writes.covers_unit(&unit.path);
        OrgUnit::of(unit, may_write)
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
