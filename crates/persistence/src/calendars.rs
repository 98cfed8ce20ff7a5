//! What a calendar shows, and the links by which it is read without an account.

use crate::{
    StoreResult, Tx,
    entities::{activity, calendar_link as t, team},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use tinhnguyen_domain::activities::Activity;
use uuid::Uuid;

/// A link to a team's calendar, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarLink {
    /// Its id.
    pub id: Uuid,
    /// The team.
    pub team_id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Uuid,
}

impl From<t::Model> for CalendarLink {
    fn from(row: t::Model) -> Self {
        Self { id: row.id, team_id: row.team_id, created_at: row.created_at, created_by: row.created_by }
    }
}

/// The activities that a team takes part in, in order of time; of more than `most` the latest.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn activities_of(conn: &impl ConnectionTrait, team_id: Uuid, most: u64) -> StoreResult<Vec<Activity>> {
    let of_team = scope::activity_ids(Condition::all().add(team::Column::Id.eq(team_id)));
    let rows = activity::Entity::find()
        .filter(activity::Column::Id.in_subquery(of_team))
        .order_by_desc(activity::Column::StartsAt)
        .order_by_desc(activity::Column::Id)
        .limit(most)
        .all(conn)
        .await?;
    rows.into_iter().rev().map(Activity::try_from).collect()
}

/// Stores a new link.
///
/// # Errors
/// When the database refuses.
pub async fn insert(tx: &Tx, link: &CalendarLink, token_hash: Vec<u8>) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(link.id),
        team_id: Set(link.team_id),
        token_hash: Set(token_hash),
        created_at: Set(link.created_at),
        created_by: Set(link.created_by),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// How many links to a team's calendar there are.
///
/// # Errors
/// When the database can't be asked.
pub async fn count(conn: &impl ConnectionTrait, team_id: Uuid) -> StoreResult<u64> {
    Ok(t::Entity::find().filter(t::Column::TeamId.eq(team_id)).count(conn).await?)
}

/// The links to a team's calendar, the newest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn links(conn: &impl ConnectionTrait, team_id: Uuid) -> StoreResult<Vec<CalendarLink>> {
    let rows = t::Entity::find()
        .filter(t::Column::TeamId.eq(team_id))
        .order_by_desc(t::Column::CreatedAt)
        .order_by_desc(t::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The team whose calendar a secret opens.
///
/// # Errors
/// When the database can't be asked.
pub async fn team_of(conn: &impl ConnectionTrait, token_hash: &[u8]) -> StoreResult<Option<Uuid>> {
    let row = t::Entity::find().filter(t::Column::TokenHash.eq(token_hash)).one(conn).await?;
    Ok(row.map(|row| row.team_id))
}

/// Takes a link back; `false` when the team has no such one.
///
/// # Errors
/// When the database refuses.
pub async fn delete(tx: &Tx, team_id: Uuid, id: Uuid) -> StoreResult<bool> {
    let gone =
        t::Entity::delete_many().filter(t::Column::Id.eq(id)).filter(t::Column::TeamId.eq(team_id)).exec(tx).await?;
    Ok(gone.rows_affected > 0)
}
