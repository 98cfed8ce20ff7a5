//! What units were told of periods for which teams of theirs are missing: each thing once.

use crate::{StoreError, StoreResult, Tx, entities::reporting_notice as t, rows::At};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::HashSet;
use tinhnguyen_domain::reporting::NoticeKind;
use uuid::Uuid;

/// A thing that a unit was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: NoticeKind,
    /// How many days before or after the due day it was to be told.
    pub days: u8,
    /// The period.
    pub period_id: Uuid,
    /// The unit.
    pub org_unit_id: Uuid,
    /// The unit's due day as it stood then.
    pub due_on: NaiveDate,
    /// Teams of the unit itself that were expected.
    pub expected: i64,
    /// Those that were missing.
    pub missing: i64,
}

impl TryFrom<t::Model> for Notice {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("reporting_notice", column, row.id);
        Ok(Self {
            kind: at("kind").word(&row.kind)?,
            days: u8::try_from(row.days).map_err(|e| at("days").corrupt(e))?,
            id: row.id,
            at: row.at,
            period_id: row.period_id,
            org_unit_id: row.org_unit_id,
            due_on: row.due_on,
            expected: row.expected,
            missing: row.missing,
        })
    }
}

/// What was told already of a period: to which unit what, and how many days before or after its due day.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn claimed(conn: &impl ConnectionTrait, period_id: Uuid) -> StoreResult<HashSet<(Uuid, NoticeKind, u8)>> {
    let rows: Vec<(Uuid, Uuid, String, i32)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::OrgUnitId, t::Column::Kind, t::Column::Days])
        .filter(t::Column::PeriodId.eq(period_id))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, unit, kind, days)| {
            let at = |column| At("reporting_notice", column, id);
            Ok((unit, at("kind").word(&kind)?, u8::try_from(days).map_err(|e| at("days").corrupt(e))?))
        })
        .collect()
}

/// Stores what is told now.
///
/// # Errors
/// [`StoreError::Conflict`] when one of it was told already.
pub async fn insert_notices(tx: &Tx, notices: &[Notice]) -> StoreResult<()> {
    let row = |notice: &Notice| t::ActiveModel {
        id: Set(notice.id),
        at: Set(notice.at),
        kind: Set(notice.kind.as_str().to_owned()),
        days: Set(i32::from(notice.days)),
        period_id: Set(notice.period_id),
        org_unit_id: Set(notice.org_unit_id),
        due_on: Set(notice.due_on),
        expected: Set(notice.expected),
        missing: Set(notice.missing),
    };
    for chunk in notices.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Finds many notices, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_notices(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<Vec<Notice>> {
    let rows = t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(Notice::try_from).collect()
}
