//! Targets of units: revisions that are added and never changed. Whoever adds one takes turns with the others, so that
//! of two at once the second sees what the first did.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{org_unit, target_revision as t},
    org_units::{self, advance},
    page::{Page, PageRequest, fetch},
    progress::subjects_changed,
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, sea_query::SelectStatement,
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    campaigns::Indicator,
    targets::{self as d, Target},
};
use uuid::Uuid;

/// The counter that counts the writings of targets: its row is locked while one is at work.
const HEAD: &str = "target";

impl TryFrom<t::Model> for Target {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp {
                id: row.target_id,
                created_at: row.created_at,
                updated_at: row.set_at,
                version: row.version,
            },
            indicator_id: row.indicator_id,
            org_unit_id: row.org_unit_id,
            value: row.value,
            reason: row.reason,
            set_by: row.set_by,
        })
    }
}

fn row(target: &Target) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(Uuid::now_v7()),
        target_id: Set(target.stamp.id),
        indicator_id: Set(target.indicator_id),
        org_unit_id: Set(target.org_unit_id),
        created_at: Set(target.stamp.created_at),
        set_at: Set(target.stamp.updated_at),
        version: Set(target.stamp.version),
        value: Set(target.value),
        reason: Set(target.reason.clone()),
        set_by: Set(target.set_by),
    }
}

/// Waits until nobody else writes targets, and keeps others from it until the transaction ends. Whoever is to write one
/// calls it before reading what is there.
///
/// # Errors
/// When the database refuses.
pub async fn hold(tx: &Tx) -> StoreResult<()> {
    advance(tx, HEAD, 1).await.map(|_| ())
}

/// Adds revisions.
///
/// # Errors
/// [`StoreError::Stale`] when one of that version is there.
pub async fn insert_many(tx: &Tx, targets: &[Target]) -> StoreResult<()> {
    for chunk in targets.chunks(500) {
        let added = t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await;
        added.map_err(|err| match StoreError::from(err) {
            StoreError::Conflict(_) => StoreError::Stale,
            err => err,
        })?;
    }
    subjects_changed(tx).await
}

/// Every revision of every target, in no order: for what works on the whole tree, such as progress.
///
/// # Errors
/// When the database can't be asked.
pub async fn all(conn: &impl ConnectionTrait) -> StoreResult<Vec<Target>> {
    t::Entity::find().all(conn).await?.into_iter().map(Target::try_from).collect()
}

/// States the centre's target for a new indicator, under the indicator's own id. There is none as long as there is no
/// centre.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn begin(tx: &Tx, indicator: &Indicator, set_by: Option<Uuid>) -> StoreResult<Option<Target>> {
    // Nobody else can write a target of an indicator that isn't there for them yet, so no turn is taken.
    let Some(centre) = org_units::root(tx).await? else { return Ok(None) };
    let target = Target {
        stamp: Stamp { updated_at: indicator.stamp.created_at, version: 1, ..indicator.stamp },
        indicator_id: indicator.stamp.id,
        org_unit_id: centre.stamp.id,
        value: indicator.target_value,
        reason: None,
        set_by,
    };
    insert_many(tx, std::slice::from_ref(&target)).await?;
    Ok(Some(target))
}

/// A unit's target as its latest revision states it.
///
/// # Errors
/// When the database can't be asked.
pub async fn find(conn: &impl ConnectionTrait, indicator_id: Uuid, org_unit_id: Uuid) -> StoreResult<Option<Target>> {
    let query = of_unit(indicator_id, org_unit_id).order_by_desc(t::Column::Version);
    query.one(conn).await?.map(Target::try_from).transpose()
}

/// Many targets by their own ids, of units that are reached, each as its latest revision states it.
///
/// # Errors
/// When the database can't be asked.
pub async fn find_many(conn: &impl ConnectionTrait, reaches: &Reaches, ids: &[Uuid]) -> StoreResult<Vec<Target>> {
    let rows = t::Entity::find()
        .filter(t::Column::TargetId.is_in(ids.iter().copied()))
        .filter(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
        .order_by_asc(t::Column::Version)
        .all(conn)
        .await?;
    // A later version takes the place of an earlier one.
    let latest: HashMap<Uuid, t::Model> = rows.into_iter().map(|row| (row.target_id, row)).collect();
    latest.into_values().map(Target::try_from).collect()
}

/// Lists a page of the revisions of a unit's target.
///
/// # Errors
/// When the database can't be asked.
pub async fn revisions(
    conn: &impl ConnectionTrait,
    indicator_id: Uuid,
    org_unit_id: Uuid,
    set_since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> StoreResult<Page<Target>> {
    let mut query = of_unit(indicator_id, org_unit_id);
    if let Some(since) = set_since {
        query = query.filter(t::Column::SetAt.gte(since));
    }
    fetch(conn, query, page, t::Column::SetAt, t::Column::Id).await
}

fn of_unit(indicator_id: Uuid, org_unit_id: Uuid) -> Select<t::Entity> {
    t::Entity::find().filter(t::Column::IndicatorId.eq(indicator_id)).filter(t::Column::OrgUnitId.eq(org_unit_id))
}

/// How far below a unit is asked, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// The units directly below.
    Children,
    /// Those, and the units directly below them.
    Grandchildren,
}

/// The ids of a unit and of those below it.
fn around(unit: Uuid, below: Below) -> SelectStatement {
    use org_unit::Column as C;
    let children = || org_unit::Entity::find().select_only().column(C::Id).filter(C::ParentId.eq(unit)).into_query();
    let mut those = Condition::any().add(C::Id.eq(unit)).add(C::ParentId.eq(unit));
    if below == Below::Grandchildren {
        those = those.add(C::ParentId.in_subquery(children()));
    }
    scope::unit_ids(those)
}

/// The targets that were in force just before an instant, or are now, by unit: of a unit and those below it.
///
/// # Errors
/// When the database can't be asked.
pub async fn around_in_force(
    conn: &impl ConnectionTrait,
    indicator_id: Uuid,
    (unit, below): (Uuid, Below),
    before: Option<DateTime<Utc>>,
) -> StoreResult<HashMap<Uuid, Target>> {
    let mut query = t::Entity::find()
        .filter(t::Column::IndicatorId.eq(indicator_id))
        .filter(t::Column::OrgUnitId.in_subquery(around(unit, below)));
    if let Some(before) = before {
        query = query.filter(t::Column::SetAt.lt(before));
    }
    let rows = query.all(conn).await?.into_iter().map(Target::try_from);
    Ok(d::in_force(rows.collect::<StoreResult<Vec<_>>>()?, before.unwrap_or(DateTime::<Utc>::MAX_UTC)))
}

/// What every unit was to reach just before an instant, by unit; those without a target are not there. One query, of
/// two narrow columns.
///
/// # Errors
/// When the database can't be asked.
pub async fn in_force(
    conn: &impl ConnectionTrait,
    indicator_id: Uuid,
    before: DateTime<Utc>,
) -> StoreResult<HashMap<Uuid, i64>> {
    // Versions count in the order of time: a later one takes the place of an earlier one.
    let rows: Vec<(Uuid, i64)> = t::Entity::find()
        .select_only()
        .columns([t::Column::OrgUnitId, t::Column::Value])
        .filter(t::Column::IndicatorId.eq(indicator_id))
        .filter(t::Column::SetAt.lt(before))
        .order_by_asc(t::Column::Version)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
