//! Extensions of deadlines.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{org_unit, reporting_extension as t},
    page::{Page, PageRequest, fetch},
    rows::At,
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationDef,
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    org_units::UnitPath,
    reporting::{Deadlines, Extension, ExtensionStatus, Period, Revocation},
};
use uuid::Uuid;

impl TryFrom<t::Model> for Extension {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let revoked = match (row.revoked_at, row.revoked_by, row.revoke_reason) {
            (Some(at), Some(by), Some(reason)) => Some(Revocation { at, by, reason }),
            _ => None,
        };
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            period_id: row.period_id,
            org_unit_id: row.org_unit_id,
            due_on: row.due_on,
            reason: row.reason,
            granted_by: row.granted_by,
            revoked,
        })
    }
}

fn row(extension: &Extension) -> t::ActiveModel {
    let revoked = extension.revoked.as_ref();
    t::ActiveModel {
        id: Set(extension.stamp.id),
        created_at: Set(extension.stamp.created_at),
        updated_at: Set(extension.stamp.updated_at),
        version: Set(extension.stamp.version),
        period_id: Set(extension.period_id),
        org_unit_id: Set(extension.org_unit_id),
        due_on: Set(extension.due_on),
        reason: Set(extension.reason.clone()),
        granted_by: Set(extension.granted_by),
        revoked_at: Set(revoked.map(|revoked| revoked.at)),
        revoked_by: Set(revoked.map(|revoked| revoked.by)),
        revoke_reason: Set(revoked.map(|revoked| revoked.reason.clone())),
    }
}

/// Which extensions are listed.
#[derive(Debug, Clone, Default)]
pub struct ExtensionFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this period.
    pub period_id: Option<Uuid>,
    /// Of this unit itself.
    pub org_unit_id: Option<Uuid>,
    /// Of units at or below this path.
    pub within: Option<UnitPath>,
    /// In this state.
    pub status: Option<ExtensionStatus>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds an extension, whoever asks.
///
/// # Errors
/// When the database can't be asked.
pub async fn extension(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Extension>> {
    t::Entity::find_by_id(id).one(conn).await?.map(Extension::try_from).transpose()
}

/// Keeps an extension's row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked.
pub async fn hold_extension(tx: &Tx, id: Uuid) -> StoreResult<Option<Extension>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Extension::try_from).transpose()
}

/// Lists a page of the extensions of units that are seen.
///
/// # Errors
/// When the database can't be asked.
pub async fn extensions(
    conn: &impl ConnectionTrait,
    seen: &Reaches,
    filter: &ExtensionFilter,
    page: &PageRequest,
) -> StoreResult<Page<Extension>> {
    let mut query =
        t::Entity::find().filter(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_seen(seen))));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(period) = filter.period_id {
        query = query.filter(t::Column::PeriodId.eq(period));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::OrgUnitId.eq(unit));
    }
    if let Some(path) = &filter.within {
        query = query.filter(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_within(path))));
    }
    query = match filter.status {
        None => query,
        Some(ExtensionStatus::Active) => query.filter(t::Column::RevokedAt.is_null()),
        Some(ExtensionStatus::Revoked) => query.filter(t::Column::RevokedAt.is_not_null()),
    };
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// The due days of many periods with the extensions in force.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn deadlines_of(conn: &impl ConnectionTrait, periods: &[Period]) -> StoreResult<HashMap<Uuid, Deadlines>> {
    let mut granted: HashMap<Uuid, Vec<(UnitPath, NaiveDate)>> = HashMap::new();
    if !periods.is_empty() {
        let on_unit: RelationDef =
            t::Entity::belongs_to(org_unit::Entity).from(t::Column::OrgUnitId).to(org_unit::Column::Id).into();
        let rows: Vec<(Uuid, Uuid, String, NaiveDate)> = t::Entity::find()
            .select_only()
            .columns([t::Column::Id, t::Column::PeriodId])
            .column(org_unit::Column::Path)
            .column(t::Column::DueOn)
            .join(JoinType::InnerJoin, on_unit)
            .filter(t::Column::PeriodId.is_in(periods.iter().map(|period| period.stamp.id)))
            .filter(t::Column::RevokedAt.is_null())
            .into_tuple()
            .all(conn)
            .await?;
        for (id, period, path, due_on) in rows {
            let path = UnitPath::parse(&path).map_err(|e| At("reporting_extension", "org_unit_id", id).corrupt(e))?;
            granted.entry(period).or_default().push((path, due_on));
        }
    }
    let of = |period: &Period| {
        let id = period.stamp.id;
        (id, Deadlines::new(period.due_on, granted.get(&id).cloned().unwrap_or_default()))
    };
    Ok(periods.iter().map(of).collect())
}

/// Stores a new extension.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert_extension(tx: &Tx, extension: &Extension) -> StoreResult<()> {
    t::Entity::insert(row(extension)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed extension.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update_extension(tx: &Tx, extension: &Extension) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(extension))
        .filter(t::Column::Id.eq(extension.stamp.id))
        .filter(t::Column::Version.eq(extension.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
