//! Activities.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{activity as t, activity_team, result},
    page::{Page, PageRequest, fetch},
    results::COUNTED,
    rows::{At, json},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    activities::{Activity, ActivityStatus, GeoPoint},
    catalogue::ActivityKind,
    org_units::UnitPath,
};
use uuid::Uuid;

impl TryFrom<t::Model> for Activity {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("activity", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            team_ids: at("team_ids").json(row.team_ids.clone())?,
            kind: at("kind").word(&row.kind)?,
            topics: at("topics").json(row.topics.clone())?,
            mode: at("mode").word(&row.mode)?,
            status: at("status").word(&row.status)?,
            location: row.lat.zip(row.lon).map(|(lat, lon)| GeoPoint { lat, lon }),
            campaign_id: row.campaign_id,
            lead_team_id: row.lead_team_id,
            locality_id: row.locality_id,
            title: row.title,
            venue: row.venue,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            planned_turns: row.planned_turns,
            series_id: row.series_id,
            venue_capacity: row.venue_capacity,
            digital_group_ids: at("digital_group_ids").json(row.digital_group_ids.clone())?,
        })
    }
}

fn row(activity: &Activity) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(activity.stamp.id),
        created_at: Set(activity.stamp.created_at),
        updated_at: Set(activity.stamp.updated_at),
        version: Set(activity.stamp.version),
        campaign_id: Set(activity.campaign_id),
        lead_team_id: Set(activity.lead_team_id),
        team_ids: Set(json(&activity.team_ids)),
        locality_id: Set(activity.locality_id),
        kind: Set(activity.kind.as_str().to_owned()),
        topics: Set(json(&activity.topics)),
        title: Set(activity.title.clone()),
        mode: Set(activity.mode.as_str().to_owned()),
        venue: Set(activity.venue.clone()),
        lat: Set(activity.location.map(|l| l.lat)),
        lon: Set(activity.location.map(|l| l.lon)),
        starts_at: Set(activity.starts_at),
        ends_at: Set(activity.ends_at),
        planned_turns: Set(activity.planned_turns),
        venue_capacity: Set(activity.venue_capacity),
        status: Set(activity.status.as_str().to_owned()),
        series_id: Set(activity.series_id),
        digital_group_ids: Set(json(&activity.digital_group_ids)),
    }
}

fn team_rows(activity: &Activity) -> impl Iterator<Item = activity_team::ActiveModel> {
    let id = activity.stamp.id;
    activity.team_ids.iter().map(move |team| activity_team::ActiveModel { activity_id: Set(id), team_id: Set(*team) })
}

/// Which activities are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// That this team takes part in.
    pub team_id: Option<Uuid>,
    /// That this team leads.
    pub lead_team_id: Option<Uuid>,
    /// Of teams of units at or below this path.
    pub within: Option<UnitPath>,
    /// Occurrences of this series.
    pub series_id: Option<Uuid>,
    /// Held in this locality itself.
    pub locality_id: Option<Uuid>,
    /// Of this kind.
    pub kind: Option<ActivityKind>,
    /// In this state.
    pub status: Option<ActivityStatus>,
    /// Starting at or after this instant.
    pub from: Option<DateTime<Utc>>,
    /// Starting before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// An activity is seen by whoever reaches one of its teams.
fn seen(reaches: &Reaches) -> sea_orm::Condition {
    if scope::covers_all(reaches) {
        sea_orm::Condition::all()
    } else {
        sea_orm::Condition::all().add(t::Column::Id.in_subquery(scope::activity_ids(scope::teams_reached(reaches))))
    }
}

/// Finds an activity of a team that is reached.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Activity>> {
    t::Entity::find_by_id(id).filter(seen(reaches)).one(conn).await?.map(Activity::try_from).transpose()
}

/// Finds many of the activities of teams that are reached, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, reaches: &Reaches, ids: &[Uuid]) -> StoreResult<Vec<Activity>> {
    let rows =
        t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).filter(seen(reaches)).all(conn).await?;
    rows.into_iter().map(Activity::try_from).collect()
}

/// Finds an activity, whoever asks, and holds it as it is until the transaction ends: reporting to an activity and
/// cancelling it come one after the other.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn hold(tx: &Tx, id: Uuid) -> StoreResult<Option<Activity>> {
    // Not the strongest lock: rows that refer to the activity may be written meanwhile.
    let query = t::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    query.one(tx).await?.map(Activity::try_from).transpose()
}

/// Lists a page of the activities of teams that are reached.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Activity>> {
    let mut query = t::Entity::find().filter(seen(reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::CampaignId.eq(campaign));
    }
    if let Some(team) = filter.team_id {
        let of_team = scope::activity_ids(sea_orm::Condition::all().add(crate::entities::team::Column::Id.eq(team)));
        query = query.filter(t::Column::Id.in_subquery(of_team));
    }
    if let Some(team) = filter.lead_team_id {
        query = query.filter(t::Column::LeadTeamId.eq(team));
    }
    if let Some(path) = &filter.within {
        query = query.filter(t::Column::Id.in_subquery(scope::activity_ids(scope::teams_within(path))));
    }
    if let Some(series) = filter.series_id {
        query = query.filter(t::Column::SeriesId.eq(series));
    }
    if let Some(locality) = filter.locality_id {
        query = query.filter(t::Column::LocalityId.eq(locality));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(t::Column::Kind.eq(kind.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(t::Column::Status.eq(status.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(t::Column::StartsAt.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(t::Column::StartsAt.lt(to));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// How many results of an activity are counted now.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_counted(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<u64> {
    Ok(result::Entity::find()
        .filter(result::Column::ActivityId.eq(id))
        .filter(result::Column::Status.is_in(COUNTED))
        .count(conn)
        .await?)
}

/// Stores a new activity.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, activity: &Activity) -> StoreResult<()> {
    insert_many(tx, std::slice::from_ref(activity)).await
}

/// Stores many new activities.
///
/// # Errors
/// [`StoreError::Conflict`] when an id is taken.
pub async fn insert_many(tx: &Tx, activities: &[Activity]) -> StoreResult<()> {
    for chunk in activities.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await?;
        activity_team::Entity::insert_many(chunk.iter().flat_map(team_rows)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Stores a changed activity.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, activity: &Activity) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(activity))
        .filter(t::Column::Id.eq(activity.stamp.id))
        .filter(t::Column::Version.eq(activity.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected != 1 {
        return Err(StoreError::Stale);
    }
    activity_team::Entity::delete_many()
        .filter(activity_team::Column::ActivityId.eq(activity.stamp.id))
        .exec(tx)
        .await?;
    activity_team::Entity::insert_many(team_rows(activity)).exec_without_returning(tx).await?;
    Ok(())
}

/// Finds many activities, whoever asks, and holds them as they are until the transaction ends. They are taken in the order
/// of their ids, so that two who want the same ones don't wait for each other.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn hold_many(tx: &Tx, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, Activity>> {
    let query = t::Entity::find()
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(t::Column::Id)
        .lock(LockType::NoKeyUpdate);
    query.all(tx).await?.into_iter().map(|row| Ok((row.id, Activity::try_from(row)?))).collect()
}

/// Moves planned activities on, because something was filed to them. The caller holds them.
///
/// # Errors
/// When the database refuses.
pub async fn go_on(tx: &Tx, ids: &[Uuid], at: DateTime<Utc>) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    t::Entity::update_many()
        .col_expr(t::Column::Status, Expr::value(ActivityStatus::Ongoing.as_str()))
        .col_expr(t::Column::UpdatedAt, Expr::value(at))
        .col_expr(t::Column::Version, Expr::col(t::Column::Version).add(1))
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .filter(t::Column::Status.eq(ActivityStatus::Planned.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
