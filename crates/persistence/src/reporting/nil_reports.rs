//! Teams that had nothing to report for a period, and said so.

use crate::{
    StoreError, StoreResult, Tx,
    entities::nil_report as t,
    page::{Page, PageRequest, fetch},
};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use tinhnguyen_domain::{Stamp, reporting::NilReport};
use uuid::Uuid;

impl TryFrom<t::Model> for NilReport {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            team_id: row.team_id,
            period_id: row.period_id,
            reason: row.reason,
            created_by: row.created_by,
        })
    }
}

/// Which of a team's nil reports are listed.
#[derive(Debug, Clone, Default)]
pub struct NilFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this period.
    pub period_id: Option<Uuid>,
    /// Made at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a nil report of a team.
///
/// # Errors
/// When the database can't be asked.
pub async fn nil_report(conn: &impl ConnectionTrait, team_id: Uuid, id: Uuid) -> StoreResult<Option<NilReport>> {
    let found = t::Entity::find_by_id(id).filter(t::Column::TeamId.eq(team_id)).one(conn).await?;
    found.map(NilReport::try_from).transpose()
}

/// Lists a page of a team's nil reports.
///
/// # Errors
/// When the database can't be asked.
pub async fn nil_reports(
    conn: &impl ConnectionTrait,
    team_id: Uuid,
    filter: &NilFilter,
    page: &PageRequest,
) -> StoreResult<Page<NilReport>> {
    let mut query = t::Entity::find().filter(t::Column::TeamId.eq(team_id));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(period) = filter.period_id {
        query = query.filter(t::Column::PeriodId.eq(period));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Stores a new nil report.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken, or the team has one for the period.
pub async fn insert_nil(tx: &Tx, report: &NilReport) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(report.stamp.id),
        created_at: Set(report.stamp.created_at),
        updated_at: Set(report.stamp.updated_at),
        version: Set(report.stamp.version),
        team_id: Set(report.team_id),
        period_id: Set(report.period_id),
        reason: Set(report.reason.clone()),
        created_by: Set(report.created_by),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes a team's nil report back; `false` when it is gone already.
///
/// # Errors
/// When the database refuses.
pub async fn delete_nil(tx: &Tx, id: Uuid) -> StoreResult<bool> {
    Ok(t::Entity::delete_by_id(id).exec(tx).await?.rows_affected == 1)
}
