//! Community digital technology groups.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{digital_group as t, org_unit},
    localities::contains,
    page::{Page, PageRequest, fetch},
    rows::{At, json},
};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::HashSet;
use tinhnguyen_domain::{Stamp, digital_groups::DigitalGroup, org_units::OrgUnit, text::fold};
use uuid::Uuid;

impl TryFrom<t::Model> for DigitalGroup {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            capability: At("digital_group", "capability", row.id).json(row.capability)?,
            locality_id: row.locality_id,
            org_unit_id: row.org_unit_id,
            name: row.name,
            members_count: row.members_count,
        })
    }
}

fn row(group: &DigitalGroup) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(group.stamp.id),
        created_at: Set(group.stamp.created_at),
        updated_at: Set(group.stamp.updated_at),
        version: Set(group.stamp.version),
        locality_id: Set(group.locality_id),
        org_unit_id: Set(group.org_unit_id),
        name: Set(group.name.clone()),
        name_folded: Set(fold(&group.name)),
        members_count: Set(group.members_count),
        capability: Set(json(&group.capability)),
    }
}

/// Which groups are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// In this locality itself.
    pub locality_id: Option<Uuid>,
    /// Whose name holds this text, whatever its accents and case.
    pub q: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds one.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<DigitalGroup>> {
    t::Entity::find_by_id(id).one(conn).await?.map(DigitalGroup::try_from).transpose()
}

/// Keeps a group's row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn lock(tx: &Tx, id: Uuid) -> StoreResult<Option<DigitalGroup>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(DigitalGroup::try_from).transpose()
}

/// Which of these ids are groups.
///
/// # Errors
/// When the database can't be asked.
pub async fn known(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let query = t::Entity::find().select_only().column(t::Column::Id).filter(t::Column::Id.is_in(ids.iter().copied()));
    Ok(query.into_tuple::<Uuid>().all(conn).await?.into_iter().collect())
}

/// Lists a page of all groups.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(conn: &impl ConnectionTrait, filter: &Filter, page: &PageRequest) -> StoreResult<Page<DigitalGroup>> {
    let mut query = t::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(locality) = filter.locality_id {
        query = query.filter(t::Column::LocalityId.eq(locality));
    }
    if let Some(text) = &filter.q {
        query = query.filter(contains(t::Column::NameFolded, text));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// The units whose places are among these localities.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn units_of(conn: &impl ConnectionTrait, localities: &[Uuid]) -> StoreResult<Vec<OrgUnit>> {
    let rows = org_unit::Entity::find()
        .filter(org_unit::Column::LocalityId.is_in(localities.iter().copied()))
        .all(conn)
        .await?;
    rows.into_iter().map(OrgUnit::try_from).collect()
}

/// Stores a new group.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, group: &DigitalGroup) -> StoreResult<()> {
    t::Entity::insert(row(group)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed group.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, group: &DigitalGroup) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(group))
        .filter(t::Column::Id.eq(group.stamp.id))
        .filter(t::Column::Version.eq(group.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
