//! Tallies of phones in the field.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{result, tally as t},
    page::{Page, PageRequest, fetch},
    results::Day,
    rows::At,
};
use chrono::NaiveDate;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{counting::Turns, tallies::Tally};
use uuid::Uuid;

/// Rows of one statement: SQLite takes 32,766 values in one, and a tally has thirteen.
const CHUNK: usize = 1_000;

impl TryFrom<t::Model> for Tally {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("tally", column, row.id);
        Ok(Self {
            id: row.id,
            activity_id: row.activity_id,
            team_id: row.team_id,
            occurred_at: row.occurred_at,
            day: row.day,
            topic: at("topic").word(&row.topic)?,
            audience: at("audience").word(&row.audience)?,
            sex: row.sex.map(|sex| at("sex").word(&sex)).transpose()?,
            turns: Turns(row.turns),
            created_by: row.created_by,
            received_at: row.received_at,
            result_id: row.result_id,
        })
    }
}

fn row(tally: &Tally, batch_id: Uuid) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(tally.id),
        activity_id: Set(tally.activity_id),
        team_id: Set(tally.team_id),
        occurred_at: Set(tally.occurred_at),
        day: Set(tally.day),
        topic: Set(tally.topic.as_str().to_owned()),
        audience: Set(tally.audience.as_str().to_owned()),
        sex: Set(tally.sex.map(|sex| sex.as_str().to_owned())),
        turns: Set(tally.turns.0),
        created_by: Set(tally.created_by),
        received_at: Set(tally.received_at),
        batch_id: Set(batch_id),
        result_id: Set(tally.result_id),
    }
}

/// What became of the tallies of a batch, by id.
#[derive(Debug, Default)]
pub struct Stored {
    /// Written now.
    pub new: HashSet<Uuid>,
    /// There already, as they stand.
    pub known: HashMap<Uuid, Tally>,
}

/// Stores the tallies that are not there yet, each id at most once; tells which those are, and how the others stand. Of
/// two batches that bring the same id at the same moment, one stores it and the other one learns so.
///
/// # Errors
/// When the database refuses.
pub async fn add(tx: &Tx, tallies: &[Tally], batch_id: Uuid) -> StoreResult<Stored> {
    let mut stored = Stored::default();
    for chunk in tallies.chunks(CHUNK) {
        let inserted = t::Entity::insert_many(chunk.iter().map(|tally| row(tally, batch_id)))
            .on_conflict(OnConflict::column(t::Column::Id).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await;
        let written = match inserted {
            Ok(written) => written,
            // How the query builder says that every row was there.
            Err(DbErr::RecordNotInserted) => 0,
            Err(err) => return Err(err.into()),
        };
        let ids: Vec<Uuid> = chunk.iter().map(|tally| tally.id).collect();
        if written == u64::try_from(ids.len()).unwrap_or(u64::MAX) {
            stored.new.extend(ids);
            continue;
        }
        for row in t::Entity::find().filter(t::Column::Id.is_in(ids)).all(tx).await? {
            if row.batch_id == batch_id {
                stored.new.insert(row.id);
            } else {
                stored.known.insert(row.id, Tally::try_from(row)?);
            }
        }
    }
    Ok(stored)
}

/// All tallies of an activity, team and day that no other result has taken in.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn of_day(
    conn: &impl ConnectionTrait,
    activity_id: Uuid,
    team_id: Uuid,
    day: NaiveDate,
) -> StoreResult<Vec<Tally>> {
    let rows = day_of(activity_id, team_id, day).all(conn).await?;
    rows.into_iter().map(Tally::try_from).collect()
}

fn day_of(activity_id: Uuid, team_id: Uuid, day: NaiveDate) -> sea_orm::Select<t::Entity> {
    t::Entity::find()
        .filter(t::Column::ActivityId.eq(activity_id))
        .filter(t::Column::TeamId.eq(team_id))
        .filter(t::Column::Day.eq(day))
}

/// Whether tallies of a day wait that no result has taken in.
///
/// # Errors
/// When the database can't be asked.
pub async fn any_waiting(
    conn: &impl ConnectionTrait,
    activity_id: Uuid,
    team_id: Uuid,
    day: NaiveDate,
) -> StoreResult<bool> {
    Ok(day_of(activity_id, team_id, day).filter(t::Column::ResultId.is_null()).count(conn).await? > 0)
}

/// Marks the waiting tallies of a day as taken in by a result.
///
/// # Errors
/// When the database refuses.
pub async fn take_in(tx: &Tx, result_id: Uuid, activity_id: Uuid, team_id: Uuid, day: NaiveDate) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::ResultId, Expr::value(result_id))
        .filter(t::Column::ActivityId.eq(activity_id))
        .filter(t::Column::TeamId.eq(team_id))
        .filter(t::Column::Day.eq(day))
        .filter(t::Column::ResultId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Lets go of the tallies that a result took in: they wait again.
///
/// # Errors
/// When the database refuses.
pub async fn let_go(tx: &Tx, result_id: Uuid) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::ResultId, Expr::value(None::<Uuid>))
        .filter(t::Column::ResultId.eq(result_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Which tallies of an activity are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this team.
    pub team_id: Option<Uuid>,
    /// Of this day.
    pub day: Option<NaiveDate>,
    /// Taken in by this result.
    pub result_id: Option<Uuid>,
    /// Whether they wait for a result.
    pub waiting: Option<bool>,
}

/// Lists a page of the tallies of an activity, by whoever sees the activity.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    activity_id: Uuid,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Tally>> {
    let mut query = t::Entity::find().filter(t::Column::ActivityId.eq(activity_id));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(team) = filter.team_id {
        query = query.filter(t::Column::TeamId.eq(team));
    }
    if let Some(day) = filter.day {
        query = query.filter(t::Column::Day.eq(day));
    }
    if let Some(result) = filter.result_id {
        query = query.filter(t::Column::ResultId.eq(result));
    }
    query = match filter.waiting {
        Some(true) => query.filter(t::Column::ResultId.is_null()),
        Some(false) => query.filter(t::Column::ResultId.is_not_null()),
        None => query,
    };
    fetch(conn, query, page, t::Column::OccurredAt, t::Column::Id).await
}

/// The tallies of many activities and days that no result has taken in.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn waiting(
    conn: &impl ConnectionTrait,
    activities: &[Uuid],
    days: &[NaiveDate],
) -> StoreResult<HashMap<Day, Vec<Tally>>> {
    let mut by_day: HashMap<Day, Vec<Tally>> = HashMap::new();
    if activities.is_empty() {
        return Ok(by_day);
    }
    for row in waiting_of(activities, days).all(conn).await? {
        by_day.entry((row.activity_id, row.team_id, row.day)).or_default().push(Tally::try_from(row)?);
    }
    Ok(by_day)
}

/// Of which activities, teams and days tallies wait that no result has taken in.
///
/// # Errors
/// When the database can't be asked.
pub async fn days_waiting(
    conn: &impl ConnectionTrait,
    activities: &[Uuid],
    days: &[NaiveDate],
) -> StoreResult<HashSet<Day>> {
    if activities.is_empty() {
        return Ok(HashSet::new());
    }
    let columns = [t::Column::ActivityId, t::Column::TeamId, t::Column::Day];
    let found = waiting_of(activities, days).select_only().columns(columns).distinct();
    Ok(found.into_tuple::<Day>().all(conn).await?.into_iter().collect())
}

fn waiting_of(activities: &[Uuid], days: &[NaiveDate]) -> sea_orm::Select<t::Entity> {
    t::Entity::find()
        .filter(t::Column::ActivityId.is_in(activities.iter().copied()))
        .filter(t::Column::Day.is_in(days.iter().copied()))
        .filter(t::Column::ResultId.is_null())
}

/// Marks the waiting tallies of many results' days as taken in by them. The results must be stored already.
///
/// # Errors
/// When the database refuses.
pub async fn take_in_many(tx: &Tx, results: &[Uuid], activities: &[Uuid], days: &[NaiveDate]) -> StoreResult<()> {
    if results.is_empty() {
        return Ok(());
    }
    let own = |column: result::Column| Expr::col((result::Entity, column));
    let of = |column: t::Column| Expr::col((t::Entity, column));
    let its_result = result::Entity::find()
        .select_only()
        .column(result::Column::Id)
        .filter(result::Column::Id.is_in(results.iter().copied()))
        .filter(own(result::Column::ActivityId).eq(of(t::Column::ActivityId)))
        .filter(own(result::Column::TeamId).eq(of(t::Column::TeamId)))
        .filter(own(result::Column::ReportedOn).eq(of(t::Column::Day)))
        .into_query();
    t::Entity::update_many()
        .col_expr(t::Column::ResultId, Expr::SubQuery(None, Box::new(its_result.into())))
        .filter(t::Column::ActivityId.is_in(activities.iter().copied()))
        .filter(t::Column::Day.is_in(days.iter().copied()))
        .filter(t::Column::ResultId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
