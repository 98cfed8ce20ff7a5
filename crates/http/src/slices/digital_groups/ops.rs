//! What requests on community digital technology groups mean. Everybody with a role reads the register; whoever
//! coordinates the unit that looks after an entry writes it.

use super::dto::{
    Capability, DigitalGroup as Body, DigitalGroupPatch, DigitalGroupQuery, LeadContact, NewDigitalGroup,
};
use crate::{
    allowed::{Demand, DigitalGroupRead, DigitalGroupWrite, Scope, forbidden},
    app::today,
    fields::{Faults, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    digital_groups::{self as d, DigitalGroup},
    org_units::{OrgUnit, UnitPath},
    personal::{Personal, PersonalField},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Store, Tx,
    digital_groups::{self, Filter},
    localities, org_units,
    page::Page,
    personal::{Owner, Reading, Vault},
};
use uuid::Uuid;

/// Lists groups, with the paths of the units that look after them.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    query: &DigitalGroupQuery,
) -> ApiResult<(Page<DigitalGroup>, HashMap<Uuid, UnitPath>)> {
    let filter =
        Filter { id: query.id, locality_id: query.locality_id, q: query.q.clone(), updated_since: query.updated_since };
    let page = digital_groups::list(conn, &filter, &query.page_request()?).await?;
    let units: Vec<Uuid> = page.data.iter().map(|group| group.org_unit_id).collect();
    let paths = org_units::paths(conn, &units).await?;
    Ok((page, paths))
}

/// Shows groups to this caller without whom to reach there.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(DigitalGroup, Option<&UnitPath>) -> Body {
    let writes = scope.reaches_of(Permission::DigitalGroupWrite);
    move |group, unit| {
        let may_write = unit.is_some_and(|unit| writes.covers_unit(unit));
        Body::masked(group, may_write)
    }
}

async fn find(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<(DigitalGroup, OrgUnit)> {
    let group = digital_groups::find(conn, id).await?.ok_or_else(ApiError::not_found)?;
    let unit = org_units::find(conn, group.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((group, unit))
}

async fn contact(
    tx: &Tx,
    vault: &Vault,
    reading: &Reading<'_>,
    group: &DigitalGroup,
) -> ApiResult<Option<LeadContact>> {
    let id = group.stamp.id;
    let owner = Owner { id, org_unit_id: group.org_unit_id };
    let mut values = vault.read(tx, reading, &[owner]).await?.remove(&id).unwrap_or_default();
    let Some(text) = values.remove(&PersonalField::LeadContact) else { return Ok(None) };
    let read = serde_json::from_str(text.reveal());
    read.map(Some).map_err(|_| ApiError::internal(format!("the contact of group {id} is not of its kind")))
}

fn text_of(contact: Personal<LeadContact>) -> ApiResult<Personal<String>> {
    let text = serde_json::to_string(contact.reveal()).map_err(|_| ApiError::internal("a contact can't be written"))?;
    Ok(Personal::new(text))
}

/// Shows one group: with whom to reach there to whoever manages people over its unit.
///
/// # Errors
/// `not_found`, and what keeps the audit log from being written.
pub async fn read(
    store: &Store,
    vault: &Vault,
    scope: &Scope<DigitalGroupRead>,
    reading: &Reading<'_>,
    id: Uuid,
) -> ApiResult<Body> {
    let manages = scope.reaches_of(Permission::VolunteerPersonal);
    let (group, unit) = find(store.read(), id).await?;
    if !manages.covers_unit(&unit.path) {
        return Ok(view(scope)(group, Some(&unit.path)));
    }
    store
        .write(async |tx| {
            // As it is now: it may have been moved meanwhile.
            let (group, unit) = find(tx, id).await?;
            let shown = view(scope)(group.clone(), Some(&unit.path));
            if !manages.covers_unit(&unit.path) {
                return Ok(shown);
            }
            Ok(shown.showing(contact(tx, vault, reading, &group).await?))
        })
        .await
}

/// What a write is answered with: with whom to reach there to whoever may see it, but not in what is stored of the answer,
/// and not of a rehearsal, which leaves no row in the audit log.
async fn answer(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<DigitalGroupWrite>,
    group: DigitalGroup,
    unit: &UnitPath,
    created: bool,
) -> ApiResult<Reply> {
    let masked = view(scope)(group.clone(), Some(unit));
    let of = |shown: &Body| if created { Reply::created(shown) } else { Reply::ok(shown) };
    if cx.is_rehearsal() || !scope.reaches_of(Permission::VolunteerPersonal).covers_unit(unit) {
        return of(&masked);
    }
    let shown = masked.clone().showing(contact(tx, vault, &cx.reading(), &group).await?);
    of(&shown)?.stored_as(&masked)
}

/// The unit that looks after a new entry when none is named: the nearest over its place that the caller coordinates, or
/// the top of what they coordinate.
async fn nearest(tx: &Tx, scope: &Scope<DigitalGroupWrite>, locality_id: Uuid) -> ApiResult<Option<OrgUnit>> {
    // From the province down, and the place itself last.
    let mut places: Vec<Uuid> =
        localities::ancestors(tx, locality_id).await?.into_iter().map(|place| place.stamp.id).collect();
    places.push(locality_id);
    let rank = |unit: &OrgUnit| unit.locality_id.and_then(|id| places.iter().position(|place| *place == id));
    let units = digital_groups::units_of(tx, &places).await?;
    let found = units
        .into_iter()
        .filter(|unit| scope.reaches.covers_unit(&unit.path))
        .max_by_key(|unit| (rank(unit), unit.path.depth(), unit.stamp.id));
    if found.is_some() {
        return Ok(found);
    }
    match scope.reaches.parts().iter().find(|reach| reach.team_id.is_none()) {
        Some(reach) => Ok(org_units::find_by_path(tx, &reach.path).await?),
        None => Ok(None),
    }
}

fn capability_of(cx: &Cx<'_>, faults: &mut Faults, sent: &[Capability]) -> Vec<d::Capability> {
    let mut all: Vec<d::Capability> =
        sent.iter().map(|c| d::Capability { assessed_on: c.assessed_on, level: c.level }).collect();
    let today = today(cx.now);
    let (late, again) = d::unsound(&all, today);
    for at in late {
        faults.push(Fault::at(format!("/capability/{at}/assessed_on"), Code::InTheFuture).limit(today.to_string()));
    }
    again.into_iter().for_each(|at| faults.add(format!("/capability/{at}/assessed_on"), Code::NotUnique));
    all.sort_by_key(|c| c.assessed_on);
    all
}

/// Enters a group into the register.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<DigitalGroupWrite>,
    new: &NewDigitalGroup,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (group, unit) = find(tx, new.id.unwrap_or_default()).await?;
        scope.ensure_unit(&unit.path)?;
        return answer(tx, cx, vault, scope, group, &unit.path, false).await;
    }
    let mut faults = Faults::default();
    let place = faults.found("/locality_id", localities::find(tx, new.locality_id).await?);
    let unit = match (new.org_unit_id, &place) {
        (Some(id), _) => {
            let unit = org_units::find(tx, id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
            let unit = faults.found("/org_unit_id", unit);
            if let Some(unit) = &unit {
                scope.ensure_unit(&unit.path)?;
            }
            unit
        }
        (None, Some(place)) => {
            let unit = nearest(tx, scope, place.stamp.id).await?;
            Some(unit.ok_or_else(|| forbidden(Permission::DigitalGroupWrite))?)
        }
        (None, None) => None,
    };
    let capability = capability_of(cx, &mut faults, &new.capability);
    faults.settle()?;
    let Some(unit) = unit else { return Err(ApiError::not_found()) };
    let group = DigitalGroup {
        stamp: cx.new_stamp(new.id),
        locality_id: new.locality_id,
        org_unit_id: unit.stamp.id,
        name: new.name.clone(),
        members_count: new.members_count,
        capability,
    };
    digital_groups::insert(tx, &group).await?;
    if let Some(contact) = &new.lead_contact {
        let kept = [(PersonalField::LeadContact, Some(text_of(contact.clone())?))];
        vault.keep(tx, group.stamp.id, &kept).await?;
    }
    cx.record(tx, "digital_group", group.stamp.id, Some(group.org_unit_id)).await?;
    answer(tx, cx, vault, scope, group, &unit.path, true).await
}

/// Changes a group's entry.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<DigitalGroupWrite>,
    id: Uuid,
    patch: &DigitalGroupPatch,
) -> ApiResult<Reply> {
    let (_, mut unit) = find(tx, id).await?;
    // Everybody sees the register, so what one may not write is no secret.
    if !scope.reaches.covers_unit(&unit.path) {
        return Err(forbidden(Permission::DigitalGroupWrite));
    }
    let mut group = digital_groups::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&group.stamp)?;
    let mut faults = Faults::default();
    if let Some(to) = patch.org_unit_id {
        let to = org_units::find(tx, to).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
        if let Some(to) = faults.found("/org_unit_id", to) {
            scope.ensure_unit(&to.path)?;
            group.org_unit_id = to.stamp.id;
            unit = to;
        }
    }
    if let Some(place) = patch.locality_id {
        faults.found("/locality_id", localities::find(tx, place).await?);
        group.locality_id = place;
    }
    if let Some(name) = &patch.name {
        group.name.clone_from(name);
    }
    group.members_count = patch.members_count.unwrap_or(group.members_count);
    if let Some(capability) = &patch.capability {
        group.capability = capability_of(cx, &mut faults, capability);
    }
    faults.settle()?;
    group.stamp = cx.next_stamp(group.stamp);
    digital_groups::update(tx, &group).await?;
    if let Some(contact) = &patch.lead_contact {
        let text = contact.clone().map(text_of).transpose()?;
        vault.keep(tx, id, &[(PersonalField::LeadContact, text)]).await?;
    }
    cx.record(tx, "digital_group", id, Some(group.org_unit_id)).await?;
    answer(tx, cx, vault, scope, group, &unit.path, false).await
}

/// Holds that groups that something names are in the register, each named once.
///
/// # Errors
/// When the database can't be asked; faults are added.
pub async fn check(conn: &impl ConnectionTrait, faults: &mut Faults, ids: &[Uuid]) -> ApiResult<()> {
    let known = digital_groups::known(conn, ids).await?;
    for (at, _) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
        faults.add(format!("/digital_group_ids/{at}"), Code::ReferenceNotFound);
    }
    repeated(ids).for_each(|at| faults.add(format!("/digital_group_ids/{at}"), Code::NotUnique));
    Ok(())
}
