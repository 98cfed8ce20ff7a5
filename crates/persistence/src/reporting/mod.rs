//! Reporting periods, extensions of their deadlines, and who has reported in them.

mod completeness;
mod extensions;
mod nil_reports;
mod notices;

pub use completeness::{TeamFilter, TeamRow, UnitRow, by_unit, has_filed, teams};
pub use extensions::{
    ExtensionFilter, deadlines_of, extension, extensions, hold_extension, insert_extension, update_extension,
};
pub use nil_reports::{NilFilter, delete_nil, insert_nil, nil_report, nil_reports};
pub use notices::{Notice, claimed, find_notices, insert_notices};

use crate::{
    StoreError, StoreResult, Tx,
    entities::{
        campaign, nil_report as n, reporting_extension as x, reporting_notice as notice, reporting_period as t,
    },
    page::{Page, PageRequest, fetch},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use std::collections::HashSet;
use tinhnguyen_domain::{Stamp, reporting::Period};
use uuid::Uuid;

impl TryFrom<t::Model> for Period {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            campaign_id: row.campaign_id,
            series: row.series,
            code: row.code,
            name: row.name,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            due_on: row.due_on,
        })
    }
}

fn row(period: &Period) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(period.stamp.id),
        created_at: Set(period.stamp.created_at),
        updated_at: Set(period.stamp.updated_at),
        version: Set(period.stamp.version),
        campaign_id: Set(period.campaign_id),
        series: Set(period.series.clone()),
        code: Set(period.code.clone()),
        name: Set(period.name.clone()),
        starts_on: Set(period.starts_on),
        ends_on: Set(period.ends_on),
        due_on: Set(period.due_on),
    }
}

/// Which periods are listed.
#[derive(Debug, Clone, Default)]
pub struct PeriodFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// By code.
    pub code: Option<String>,
    /// Of this series.
    pub series: Option<String>,
    /// With this day.
    pub on: Option<NaiveDate>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a period.
///
/// # Errors
/// When the database can't be asked.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Period>> {
    t::Entity::find_by_id(id).one(conn).await?.map(Period::try_from).transpose()
}

/// Keeps a period's row from others until the transaction ends, those that would refer to it too, and gives it as it stands
/// then.
///
/// # Errors
/// When the database can't be asked.
pub async fn lock(tx: &Tx, id: Uuid) -> StoreResult<Option<Period>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Period::try_from).transpose()
}

/// Keeps others from changing a campaign's periods until the transaction ends.
///
/// # Errors
/// When the database can't be asked.
pub async fn hold_campaign(tx: &Tx, campaign_id: Uuid) -> StoreResult<()> {
    let row = campaign::Entity::find().select_only().column(campaign::Column::Id);
    row.filter(campaign::Column::Id.eq(campaign_id)).lock(LockType::NoKeyUpdate).into_tuple::<Uuid>().one(tx).await?;
    Ok(())
}

/// The period of a campaign with a code.
///
/// # Errors
/// When the database can't be asked.
pub async fn find_by_code(conn: &impl ConnectionTrait, campaign_id: Uuid, code: &str) -> StoreResult<Option<Period>> {
    let query = t::Entity::find().filter(t::Column::CampaignId.eq(campaign_id)).filter(t::Column::Code.eq(code));
    query.one(conn).await?.map(Period::try_from).transpose()
}

/// The period of a campaign that began last by a day; of several, the one that is due first.
///
/// # Errors
/// When the database can't be asked.
pub async fn latest(conn: &impl ConnectionTrait, campaign_id: Uuid, day: NaiveDate) -> StoreResult<Option<Period>> {
    let query = t::Entity::find()
        .filter(t::Column::CampaignId.eq(campaign_id))
        .filter(t::Column::StartsOn.lte(day))
        .order_by_desc(t::Column::StartsOn)
        .order_by_asc(t::Column::DueOn)
        .order_by_asc(t::Column::Id);
    query.one(conn).await?.map(Period::try_from).transpose()
}

/// All periods of a campaign, by their first days.
///
/// # Errors
/// When the database can't be asked.
pub async fn of_campaign(conn: &impl ConnectionTrait, campaign_id: Uuid) -> StoreResult<Vec<Period>> {
    let rows = t::Entity::find()
        .filter(t::Column::CampaignId.eq(campaign_id))
        .order_by_asc(t::Column::StartsOn)
        .order_by_asc(t::Column::Id);
    rows.all(conn).await?.into_iter().map(Period::try_from).collect()
}

/// Another period of the same campaign and series that shares a day with this one.
///
/// # Errors
/// When the database can't be asked.
pub async fn overlapping(conn: &impl ConnectionTrait, period: &Period) -> StoreResult<Option<Period>> {
    let found = t::Entity::find()
        .filter(t::Column::CampaignId.eq(period.campaign_id))
        .filter(t::Column::Series.eq(period.series.as_str()))
        .filter(t::Column::Id.ne(period.stamp.id))
        .filter(t::Column::StartsOn.lte(period.ends_on))
        .filter(t::Column::EndsOn.gte(period.starts_on))
        .order_by_asc(t::Column::StartsOn)
        .one(conn)
        .await?;
    found.map(Period::try_from).transpose()
}

/// Lists a page of periods.
///
/// # Errors
/// When the database can't be asked.
pub async fn list(conn: &impl ConnectionTrait, filter: &PeriodFilter, page: &PageRequest) -> StoreResult<Page<Period>> {
    let mut query = t::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::CampaignId.eq(campaign));
    }
    if let Some(code) = &filter.code {
        query = query.filter(t::Column::Code.eq(code.as_str()));
    }
    if let Some(series) = &filter.series {
        query = query.filter(t::Column::Series.eq(series.as_str()));
    }
    if let Some(day) = filter.on {
        query = query.filter(t::Column::StartsOn.lte(day)).filter(t::Column::EndsOn.gte(day));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    let column = if page.sort == "code" { t::Column::Code } else { t::Column::CreatedAt };
    fetch(conn, query, page, column, t::Column::Id).await
}

/// Which of these periods something depends on: an extension, a team that had nothing to report, a notice.
///
/// # Errors
/// When the database can't be asked.
pub async fn in_use(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashSet<Uuid>> {
    let mut used = HashSet::new();
    if ids.is_empty() {
        return Ok(used);
    }
    macro_rules! named_by {
        ($entity:ident) => {
            let query = $entity::Entity::find()
                .select_only()
                .column($entity::Column::PeriodId)
                .distinct()
                .filter($entity::Column::PeriodId.is_in(ids.iter().copied()));
            used.extend(query.into_tuple::<Uuid>().all(conn).await?);
        };
    }
    named_by!(x);
    named_by!(n);
    named_by!(notice);
    Ok(used)
}

/// Stores many new periods.
///
/// # Errors
/// [`StoreError::Conflict`] when an id, or a code in the campaign, is taken.
pub async fn insert(tx: &Tx, periods: &[Period]) -> StoreResult<()> {
    for chunk in periods.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Stores a changed period.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, period: &Period) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(period))
        .filter(t::Column::Id.eq(period.stamp.id))
        .filter(t::Column::Version.eq(period.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Removes a period that nothing depends on.
///
/// # Errors
/// When the database refuses.
pub async fn delete(tx: &Tx, id: Uuid) -> StoreResult<()> {
    t::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
