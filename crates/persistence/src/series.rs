//! Series of activities.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{activity, activity_series as t},
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    activities::{Activity, ActivityStatus},
    series::Series,
};
use uuid::Uuid;

impl TryFrom<t::Model> for Series {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("activity_series", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            exdates: at("exdates").json(row.exdates.clone())?,
            time_zone: at("time_zone").word(&row.time_zone)?,
            occurrences: at("occurrences").json(row.occurrences.clone())?,
            campaign_id: row.campaign_id,
            lead_team_id: row.lead_team_id,
            title: row.title,
            recurrence: row.recurrence,
            cancelled_count: row.cancelled_count,
            cancel_reason: row.cancel_reason,
        })
    }
}

fn row(series: &Series) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(series.stamp.id),
        created_at: Set(series.stamp.created_at),
        updated_at: Set(series.stamp.updated_at),
        version: Set(series.stamp.version),
        campaign_id: Set(series.campaign_id),
        lead_team_id: Set(series.lead_team_id),
        title: Set(series.title.clone()),
        recurrence: Set(series.recurrence.clone()),
        exdates: Set(json(&series.exdates)),
        time_zone: Set(series.time_zone.name().to_owned()),
        occurrences: Set(json(&series.occurrences)),
        cancelled_count: Set(series.cancelled_count),
        cancel_reason: Set(series.cancel_reason.clone()),
    }
}

/// Which series are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// Of this team.
    pub lead_team_id: Option<Uuid>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// A series is seen by whoever reaches its leading team.
fn seen(reaches: &Reaches) -> Condition {
    if scope::covers_all(reaches) {
        Condition::all()
    } else {
        Condition::all().add(t::Column::LeadTeamId.in_subquery(scope::team_ids(scope::teams_reached(reaches))))
    }
}

/// Finds a series of a team that is reached.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Series>> {
    t::Entity::find_by_id(id).filter(seen(reaches)).one(conn).await?.map(Series::try_from).transpose()
}

/// Keeps a series' row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn lock(tx: &Tx, id: Uuid) -> StoreResult<Option<Series>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Series::try_from).transpose()
}

/// Lists a page of the series of teams that are reached.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Series>> {
    let mut query = t::Entity::find().filter(seen(reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::CampaignId.eq(campaign));
    }
    if let Some(team) = filter.lead_team_id {
        query = query.filter(t::Column::LeadTeamId.eq(team));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Stores a new series.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, series: &Series) -> StoreResult<()> {
    t::Entity::insert(row(series)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed series.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, series: &Series) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(series))
        .filter(t::Column::Id.eq(series.stamp.id))
        .filter(t::Column::Version.eq(series.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// The activities of a series that are still planned and begin at `from` or later, held as they are until the
/// transaction ends; nobody reports to one meanwhile.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn hold_planned(tx: &Tx, id: Uuid, from: Option<DateTime<Utc>>) -> StoreResult<Vec<Activity>> {
    let mut query = activity::Entity::find()
        .filter(activity::Column::SeriesId.eq(id))
        .filter(activity::Column::Status.eq(ActivityStatus::Planned.as_str()));
    if let Some(from) = from {
        query = query.filter(activity::Column::StartsAt.gte(from));
    }
    let rows = query.order_by_asc(activity::Column::Id).lock(LockType::NoKeyUpdate).all(tx).await?;
    rows.into_iter().map(Activity::try_from).collect()
}

/// Cancels activities that [`hold_planned`] gave.
///
/// # Errors
/// When the database refuses.
pub async fn cancel(tx: &Tx, ids: &[Uuid], at: DateTime<Utc>) -> StoreResult<u64> {
    let mut changed = 0;
    for chunk in ids.chunks(500) {
        let done = activity::Entity::update_many()
            .col_expr(activity::Column::Status, Expr::value(ActivityStatus::Cancelled.as_str()))
            .col_expr(activity::Column::UpdatedAt, Expr::value(at))
            .col_expr(activity::Column::Version, Expr::col(activity::Column::Version).add(1))
            .filter(activity::Column::Id.is_in(chunk.iter().copied()))
            .exec(tx)
            .await?;
        changed += done.rows_affected;
    }
    Ok(changed)
}
