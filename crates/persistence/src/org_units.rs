//! Units of the organisation.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{counter, org_unit as t},
    localities::contains,
    page::{Page, PageRequest, fetch},
    reorganisations::units,
    rows::At,
    scope,
};
use chrono::NaiveDate;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    lineage::{self, Standing},
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    text::fold,
};
use uuid::Uuid;

impl TryFrom<t::Model> for OrgUnit {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("org_unit", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            kind: at("kind").word(&row.kind)?,
            path: UnitPath::parse(&row.path).map_err(|e| at("path").corrupt(e))?,
            code: row.code,
            name: row.name,
            name_en: row.name_en,
            parent_id: row.parent_id,
            locality_id: row.locality_id,
            national_org_code: row.national_org_code,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        })
    }
}

fn row(unit: &OrgUnit) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(unit.stamp.id),
        created_at: Set(unit.stamp.created_at),
        updated_at: Set(unit.stamp.updated_at),
        version: Set(unit.stamp.version),
        code: Set(unit.code.clone()),
        name: Set(unit.name.clone()),
        name_en: Set(unit.name_en.clone()),
        name_folded: Set(fold(&unit.name)),
        kind: Set(unit.kind.as_str().to_owned()),
        parent_id: Set(unit.parent_id),
        locality_id: Set(unit.locality_id),
        national_org_code: Set(unit.national_org_code.clone()),
        valid_from: Set(unit.valid_from),
        valid_to: Set(unit.valid_to),
        path: Set(unit.path.to_string()),
    }
}

/// Which units are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// By code.
    pub code: Option<String>,
    /// Directly below this one, on the day of `as_of` when there is one.
    pub parent_id: Option<Uuid>,
    /// Of this kind.
    pub kind: Option<OrgUnitKind>,
    /// At or below this path.
    pub within: Option<UnitPath>,
    /// Covering this locality.
    pub locality_id: Option<Uuid>,
    /// Existing on this day.
    pub as_of: Option<NaiveDate>,
    /// Whose name holds this text, whatever its accents and case.
    pub q: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<chrono::DateTime<chrono::Utc>>,
}

/// Finds one, whoever asks: the caller decides whether it is seen.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<OrgUnit>> {
    t::Entity::find_by_id(id).one(conn).await?.map(OrgUnit::try_from).transpose()
}

/// Finds many of the units that are seen, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, seen: &Reaches, ids: &[Uuid]) -> StoreResult<Vec<OrgUnit>> {
    let query = t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).filter(scope::units_seen(seen));
    query.all(conn).await?.into_iter().map(OrgUnit::try_from).collect()
}

/// Finds the unit with a code.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_by_code(conn: &impl ConnectionTrait, code: &str) -> StoreResult<Option<OrgUnit>> {
    t::Entity::find().filter(t::Column::Code.eq(code)).one(conn).await?.map(OrgUnit::try_from).transpose()
}

/// Finds the unit at a place in the tree.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_by_path(conn: &impl ConnectionTrait, path: &UnitPath) -> StoreResult<Option<OrgUnit>> {
    t::Entity::find().filter(t::Column::Path.eq(path.as_str())).one(conn).await?.map(OrgUnit::try_from).transpose()
}

/// The places in the tree of many units.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn paths(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, UnitPath>> {
    let rows: Vec<(Uuid, String)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::Path])
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, path)| Ok((id, UnitPath::parse(&path).map_err(|e| At("org_unit", "path", id).corrupt(e))?)))
        .collect()
}

/// The root of the tree: the centre.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn root(conn: &impl ConnectionTrait) -> StoreResult<Option<OrgUnit>> {
    t::Entity::find().filter(t::Column::ParentId.is_null()).one(conn).await?.map(OrgUnit::try_from).transpose()
}

/// Every unit, in no order. For what works on the whole tree, such as progress.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn all(conn: &impl ConnectionTrait) -> StoreResult<Vec<OrgUnit>> {
    t::Entity::find().all(conn).await?.into_iter().map(OrgUnit::try_from).collect()
}

/// The units directly below one and those directly below them, by code, whether they exist today or not.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn two_levels_below(conn: &impl ConnectionTrait, parent: Uuid) -> StoreResult<Vec<OrgUnit>> {
    let children = t::Entity::find().select_only().column(t::Column::Id).filter(t::Column::ParentId.eq(parent));
    let below = Condition::any()
        .add(t::Column::ParentId.eq(parent))
        .add(t::Column::ParentId.in_subquery(children.into_query()));
    let rows = t::Entity::find().filter(below).order_by_asc(t::Column::Code).all(conn).await?;
    rows.into_iter().map(OrgUnit::try_from).collect()
}

/// The units directly below one, by code, whether they exist today or not.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn children(conn: &impl ConnectionTrait, parent: Uuid) -> StoreResult<Vec<OrgUnit>> {
    let rows = t::Entity::find().filter(t::Column::ParentId.eq(parent)).order_by_asc(t::Column::Code).all(conn).await?;
    rows.into_iter().map(OrgUnit::try_from).collect()
}

/// The organisation as it stood on a day: for every unit that ever was, its one place in that day's tree, in no order.
/// The same as long as the trees' number of [`crate::progress::heads`] is.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn tree_on(conn: &impl ConnectionTrait, day: NaiveDate) -> StoreResult<Vec<Standing>> {
    Ok(lineage::tree_on(&units::members(conn).await?, day))
}

/// The counter that counts the changes of the trees.
pub(crate) const TREE: &str = "org_tree";

/// Counts a change of either tree, so that copies in memory are known to be old. Every writer of units, and whoever
/// reorganises places, calls it.
pub(crate) async fn tree_changed(tx: &Tx) -> StoreResult<()> {
    advance(tx, TREE, 1).await.map(|_| ())
}

/// Lists a page of what is seen.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    seen: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<OrgUnit>> {
    let mut query = t::Entity::find().filter(scope::units_seen(seen));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(code) = &filter.code {
        query = query.filter(t::Column::Code.eq(code.as_str()));
    }
    if let Some(parent) = filter.parent_id {
        query = query.filter(match filter.as_of {
            Some(day) => units::below_on(parent, day),
            None => Condition::all().add(t::Column::ParentId.eq(parent)),
        });
    }
    if let Some(kind) = filter.kind {
        query = query.filter(t::Column::Kind.eq(kind.as_str()));
    }
    if let Some(path) = &filter.within {
        query = query.filter(scope::units_within(path));
    }
    if let Some(locality) = filter.locality_id {
        query = query.filter(t::Column::LocalityId.eq(locality));
    }
    if let Some(day) = filter.as_of {
        query = query
            .filter(t::Column::ValidFrom.lte(day))
            .filter(Condition::any().add(t::Column::ValidTo.is_null()).add(t::Column::ValidTo.gte(day)));
    }
    if let Some(text) = &filter.q {
        query = query.filter(contains(t::Column::NameFolded, text));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    let column = if page.sort == "created_at" { t::Column::CreatedAt } else { t::Column::Code };
    fetch(conn, query, page, column, t::Column::Id).await
}

/// The units above one, from the centre down.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn ancestors(conn: &impl ConnectionTrait, path: &UnitPath) -> StoreResult<Vec<OrgUnit>> {
    let paths = path.ancestors().into_iter().map(|p| p.to_string());
    let rows = t::Entity::find().filter(t::Column::Path.is_in(paths)).all(conn).await?;
    let mut units: Vec<OrgUnit> = rows.into_iter().map(OrgUnit::try_from).collect::<StoreResult<_>>()?;
    units.sort_by_key(|unit| unit.path.depth());
    Ok(units)
}

/// Hands out the next `count` numbers of a counter and gives the last of them. The row stays locked until the
/// transaction ends, so numbers are without gaps in the order of commits.
///
/// # Errors
/// When the database refuses.
pub async fn advance(tx: &Tx, name: &'static str, count: i64) -> StoreResult<i64> {
    let row = counter::Entity::insert(counter::ActiveModel { name: Set(name.to_owned()), value: Set(count) })
        .on_conflict(
            OnConflict::column(counter::Column::Name)
                .value(counter::Column::Value, Expr::col((counter::Entity, counter::Column::Value)).add(count))
                .to_owned(),
        )
        .exec_with_returning(tx)
        .await?;
    Ok(row.value)
}

/// The number that a unit's path ends in.
///
/// # Errors
/// When the database refuses.
pub async fn next_number(tx: &Tx) -> StoreResult<i64> {
    next_numbers(tx, 1).await
}

/// The last of the next `count` numbers that units' paths end in.
///
/// # Errors
/// When the database refuses.
pub async fn next_numbers(tx: &Tx, count: i64) -> StoreResult<i64> {
    advance(tx, "org_unit", count).await
}

/// Stores a new unit.
///
/// # Errors
/// [`StoreError::Conflict`] when its id or code is taken.
pub async fn insert(tx: &Tx, unit: &OrgUnit) -> StoreResult<()> {
    insert_many(tx, std::slice::from_ref(unit)).await
}

/// Stores many new units.
///
/// # Errors
/// [`StoreError::Conflict`] when an id or code is taken.
pub async fn insert_many(tx: &Tx, units: &[OrgUnit]) -> StoreResult<()> {
    for chunk in units.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await?;
    }
    tree_changed(tx).await
}

/// Stores a changed unit whose version counts one more than the stored one.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, unit: &OrgUnit) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(unit))
        .filter(t::Column::Id.eq(unit.stamp.id))
        .filter(t::Column::Version.eq(unit.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { tree_changed(tx).await } else { Err(StoreError::Stale) }
}
