//! Results of activities.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{activity, result as t, team},
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, JoinType, JsonValue as Json, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef,
    sea_query::{Alias, Expr, ExprTrait, LockType, Query, SelectStatement},
};
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    org_units::UnitPath,
    plausibility::LATEST,
    results::{ActivityResult, Flag, ResultStatus, Statement},
};
use uuid::Uuid;

impl TryFrom<t::Model> for ActivityResult {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("result", column, row.id);
        let statement = Statement {
            lines: at("lines").json(row.lines)?,
            outputs: at("outputs").json(row.outputs)?,
            evidence: at("evidence").json(row.evidence)?,
        };
        if statement.turns().0 != row.turns {
            return Err(at("turns").corrupt(format!("{} is not the sum of the lines", row.turns)));
        }
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            statement,
            status: at("status").word(&row.status)?,
            flags: at("flags").json(row.flags)?,
            findings: row.findings.map(|found| at("findings").json(found)).transpose()?.unwrap_or_default(),
            activity_id: row.activity_id,
            team_id: row.team_id,
            reported_on: row.reported_on,
            revision: row.revision,
            created_by: row.created_by,
            submitted_by: row.submitted_by,
            verified_by: row.verified_by,
            return_reason: row.return_reason,
            from_tallies: row.from_tallies,
            marked: row.marked.unwrap_or_default(),
            locality_id: row.locality_id.unwrap_or_default(),
        })
    }
}

fn row(result: &ActivityResult) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(result.stamp.id),
        created_at: Set(result.stamp.created_at),
        updated_at: Set(result.stamp.updated_at),
        version: Set(result.stamp.version),
        activity_id: Set(result.activity_id),
        team_id: Set(result.team_id),
        reported_on: Set(result.reported_on),
        lines: Set(json(&result.statement.lines)),
        outputs: Set(json(&result.statement.outputs)),
        evidence: Set(json(&result.statement.evidence)),
        turns: Set(result.statement.turns().0),
        status: Set(result.status.as_str().to_owned()),
        revision: Set(result.revision),
        flags: Set(json(&result.flags)),
        created_by: Set(result.created_by),
        submitted_by: Set(result.submitted_by),
        verified_by: Set(result.verified_by),
        return_reason: Set(result.return_reason.clone()),
        from_tallies: Set(result.from_tallies),
        marked: Set(Some(result.marked)),
        locality_id: Set(Some(result.locality_id).filter(|id| !id.is_nil())),
        findings: Set(Some(json(&result.findings))),
        filed_at: NotSet,
    }
}

/// Whether a result counts as it is written: then the instant of this writing is the one of its first filing, unless it was
/// filed before. Returning and amending it change nothing of that.
const fn is_filed(result: &ActivityResult) -> bool {
    !result.status.is_editable()
}

fn new_row(result: &ActivityResult) -> t::ActiveModel {
    t::ActiveModel { filed_at: Set(is_filed(result).then_some(result.stamp.updated_at)), ..row(result) }
}

/// Which results are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// Of this activity.
    pub activity_id: Option<Uuid>,
    /// Of this team.
    pub team_id: Option<Uuid>,
    /// Of teams of units at or below this path.
    pub within: Option<UnitPath>,
    /// In this state.
    pub status: Option<ResultStatus>,
    /// With this mark.
    pub flag: Option<Flag>,
    /// Only without any mark.
    pub unmarked: bool,
    /// Reported for this day or later.
    pub from: Option<NaiveDate>,
    /// Reported for this day or earlier.
    pub to: Option<NaiveDate>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

fn seen(reaches: &Reaches) -> Condition {
    if scope::covers_all(reaches) {
        Condition::all()
    } else {
        Condition::all().add(t::Column::TeamId.in_subquery(scope::team_ids(scope::teams_reached(reaches))))
    }
}

/// Finds a result of a team that is reached.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<ActivityResult>> {
    t::Entity::find_by_id(id).filter(seen(reaches)).one(conn).await?.map(ActivityResult::try_from).transpose()
}

/// Finds many of the results of teams that are reached, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    ids: &[Uuid],
) -> StoreResult<Vec<ActivityResult>> {
    let rows =
        t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).filter(seen(reaches)).all(conn).await?;
    rows.into_iter().map(ActivityResult::try_from).collect()
}

/// Finds a result, whoever asks: for the service itself.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_any(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<ActivityResult>> {
    t::Entity::find_by_id(id).one(conn).await?.map(ActivityResult::try_from).transpose()
}

/// The id of the result of one activity, team and day, when there is one.
///
/// # Errors
/// When the database can't be asked.
pub async fn id_of_day(
    conn: &impl ConnectionTrait,
    activity_id: Uuid,
    team_id: Uuid,
    day: NaiveDate,
) -> StoreResult<Option<Uuid>> {
    Ok(t::Entity::find()
        .select_only()
        .column(t::Column::Id)
        .filter(t::Column::ActivityId.eq(activity_id))
        .filter(t::Column::TeamId.eq(team_id))
        .filter(t::Column::ReportedOn.eq(day))
        .into_tuple()
        .one(conn)
        .await?)
}

/// The first and the last day for which results of a campaign are counted; none when none is.
///
/// # Errors
/// When the database can't be asked.
pub async fn counted_days(
    conn: &impl ConnectionTrait,
    campaign_id: Uuid,
) -> StoreResult<Option<(NaiveDate, NaiveDate)>> {
    let days: Option<(Option<NaiveDate>, Option<NaiveDate>)> = t::Entity::find()
        .select_only()
        .column_as(t::Column::ReportedOn.min(), "first")
        .column_as(t::Column::ReportedOn.max(), "last")
        .filter(t::Column::ActivityId.in_subquery(activities_of(campaign_id)))
        .filter(t::Column::Status.is_in(COUNTED))
        .into_tuple()
        .one(conn)
        .await?;
    Ok(days.and_then(|(first, last)| first.zip(last)))
}

/// The words of the states in which a result counts.
pub(crate) const COUNTED: [&str; 2] = [ResultStatus::Submitted.as_str(), ResultStatus::Verified.as_str()];

fn activities_of(campaign_id: Uuid) -> SelectStatement {
    activity::Entity::find()
        .select_only()
        .column(activity::Column::Id)
        .filter(activity::Column::CampaignId.eq(campaign_id))
        .into_query()
}

/// Lists a page of the results of teams that are reached.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<ActivityResult>> {
    let mut query = t::Entity::find().filter(seen(reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::ActivityId.in_subquery(activities_of(campaign)));
    }
    if let Some(activity) = filter.activity_id {
        query = query.filter(t::Column::ActivityId.eq(activity));
    }
    if let Some(team) = filter.team_id {
        query = query.filter(t::Column::TeamId.eq(team));
    }
    if let Some(path) = &filter.within {
        query = query.filter(t::Column::TeamId.in_subquery(scope::team_ids(scope::teams_within(path))));
    }
    if let Some(status) = filter.status {
        query = query.filter(t::Column::Status.eq(status.as_str()));
    }
    if let Some(flag) = filter.flag {
        // The marks are words of a closed list, so the quoted word can't be part of another.
        let text = Expr::col((t::Entity, t::Column::Flags)).cast_as(Alias::new("text"));
        query = query.filter(text.like(format!("%\"{}\"%", flag.as_str())));
        // In the words of the index over what is marked, so that it serves.
        query = query.filter(Expr::cust("\"result\".\"flags\" <> '[]'"));
    }
    if filter.unmarked {
        query = query.filter(Expr::cust("\"result\".\"flags\" = '[]'"));
    }
    if let Some(from) = filter.from {
        query = query.filter(t::Column::ReportedOn.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(t::Column::ReportedOn.lte(to));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Finds a result, whoever asks, and holds it as it is until the transaction ends.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn hold(tx: &Tx, id: Uuid) -> StoreResult<Option<ActivityResult>> {
    let query = t::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    query.one(tx).await?.map(ActivityResult::try_from).transpose()
}

/// The turns of the results of each of many teams that count, of the [`LATEST`] written ones and without `except`.
///
/// # Errors
/// When the database can't be asked.
pub async fn history(
    conn: &impl ConnectionTrait,
    teams: &[Uuid],
    except: Option<Uuid>,
) -> StoreResult<HashMap<Uuid, Vec<i64>>> {
    // One row a team: sixty of each would cost more to send than to find.
    let joined = match conn.get_database_backend() {
        DbBackend::Postgres => "string_agg(\"turns\"::text, ',')",
        _ => "group_concat(\"turns\", ',')",
    };
    let mut turns: HashMap<Uuid, Vec<i64>> = HashMap::new();
    // Asked of each team by itself, which reads no more of the index than it gives; a window over all of a team's results
    // would grow with them, and a union of a part for each takes longer to plan than to run.
    for chunk in teams.chunks(5_000) {
        let latest = Query::select()
            .column(t::Column::Turns)
            .from(t::Entity)
            .and_where(Expr::col((t::Entity, t::Column::TeamId)).equals((team::Entity, team::Column::Id)))
            // In the words of the index over what counts, which holds all that is asked.
            .and_where(Expr::cust("\"result\".\"status\" IN ('submitted', 'verified')"))
            .and_where_option(except.map(|id| t::Column::Id.ne(id)))
            .order_by(t::Column::CreatedAt, Order::Desc)
            .order_by(t::Column::Id, Order::Desc)
            .limit(u64::try_from(LATEST).unwrap_or(u64::MAX))
            .to_owned();
        let one = Query::select().expr(Expr::cust(joined)).from_subquery(latest, Alias::new("latest")).to_owned();
        let all = Query::select()
            .column((team::Entity, team::Column::Id))
            .expr(Expr::SubQuery(None, Box::new(one.into())))
            .from(team::Entity)
            .and_where(team::Column::Id.is_in(chunk.iter().copied()))
            .to_owned();
        for row in conn.query_all(&all).await? {
            let (team, joined): (Uuid, Option<String>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let Some(joined) = joined else { continue };
            let corrupt = |err| At("result", "turns", team).corrupt(err);
            let own = joined.split(',').map(|one| one.parse::<i64>().map_err(corrupt)).collect::<StoreResult<_>>()?;
            turns.insert(team, own);
        }
    }
    Ok(turns)
}

/// Who submitted each of many results.
///
/// # Errors
/// When the database can't be asked.
pub async fn submitters(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, Option<Uuid>>> {
    let rows: Vec<(Uuid, Option<Uuid>)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::SubmittedBy])
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The units of the teams that reported many results, by result.
///
/// # Errors
/// When the database can't be asked.
pub async fn units_of(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, Uuid>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let of_team: RelationDef = t::Entity::belongs_to(team::Entity).from(t::Column::TeamId).to(team::Column::Id).into();
    let rows: Vec<(Uuid, Uuid)> = t::Entity::find()
        .select_only()
        .column(t::Column::Id)
        .column(team::Column::OrgUnitId)
        .join(JoinType::InnerJoin, of_team)
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Puts a mark on the results `on` and takes it from the results `off`, each at its next version; gives those that it has
/// changed, those that were so already stay untouched. As many statements as there are different sets of marks among them.
///
/// # Errors
/// When the database refuses or a row is corrupt.
pub async fn remark(tx: &Tx, at: DateTime<Utc>, flag: Flag, on: &[Uuid], off: &[Uuid]) -> StoreResult<Vec<Uuid>> {
    let mut changed: HashMap<Vec<Flag>, Vec<Uuid>> = HashMap::new();
    let ids: Vec<Uuid> = on.iter().chain(off).copied().collect();
    let on: HashSet<Uuid> = on.iter().copied().collect();
    for chunk in ids.chunks(5_000) {
        let rows: Vec<(Uuid, Json)> = t::Entity::find()
            .select_only()
            .columns([t::Column::Id, t::Column::Flags])
            .filter(t::Column::Id.is_in(chunk.iter().copied()))
            .order_by_asc(t::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .into_tuple()
            .all(tx)
            .await?;
        for (id, flags) in rows {
            let mut flags: Vec<Flag> = At("result", "flags", id).json(flags)?;
            match (on.contains(&id), flags.contains(&flag)) {
                (true, false) => flags.push(flag),
                (false, true) => flags.retain(|marked| *marked != flag),
                _ => continue,
            }
            changed.entry(flags).or_default().push(id);
        }
    }
    for (flags, ids) in &changed {
        for chunk in ids.chunks(5_000) {
            t::Entity::update_many()
                .col_expr(t::Column::Flags, Expr::value(json(flags)))
                .col_expr(t::Column::UpdatedAt, Expr::value(at))
                .col_expr(t::Column::Version, Expr::col(t::Column::Version).add(1))
                .col_expr(t::Column::Marked, Expr::col(t::Column::Marked).if_null(0).add(1))
                .filter(t::Column::Id.is_in(chunk.iter().copied()))
                .exec(tx)
                .await?;
        }
    }
    Ok(changed.into_values().flatten().collect())
}

/// Stores a new result.
///
/// # Errors
/// [`StoreError::Conflict`] when its id, or its activity, team and day, is taken.
pub async fn insert(tx: &Tx, result: &ActivityResult) -> StoreResult<()> {
    insert_many(tx, std::slice::from_ref(result)).await
}

/// Stores many new results.
///
/// # Errors
/// [`StoreError::Conflict`] when an id, or an activity, team and day, is taken.
pub async fn insert_many(tx: &Tx, results: &[ActivityResult]) -> StoreResult<()> {
    for chunk in results.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(new_row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Stores a changed result.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, result: &ActivityResult) -> StoreResult<()> {
    let mut update = t::Entity::update_many().set(row(result));
    if is_filed(result) {
        let first = Expr::col(t::Column::FiledAt).if_null(result.stamp.updated_at);
        update = update.col_expr(t::Column::FiledAt, first);
    }
    let changed = update
        .filter(t::Column::Id.eq(result.stamp.id))
        .filter(t::Column::Version.eq(result.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Removes a draft at this version.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version or no draft.
pub async fn delete_draft(tx: &Tx, id: Uuid, version: i64) -> StoreResult<()> {
    let gone = t::Entity::delete_many()
        .filter(t::Column::Id.eq(id))
        .filter(t::Column::Version.eq(version))
        .filter(t::Column::Status.eq(ResultStatus::Draft.as_str()))
        .exec(tx)
        .await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// The id of a result, and the activity, team and day that it is the one result of.
pub type Day = (Uuid, Uuid, NaiveDate);

/// The ids of the results of many activities and days, by activity, team and day.
///
/// # Errors
/// When the database can't be asked.
pub async fn ids_of_days(
    conn: &impl ConnectionTrait,
    activities: &[Uuid],
    days: &[NaiveDate],
) -> StoreResult<HashMap<Day, Uuid>> {
    let rows: Vec<(Uuid, Uuid, Uuid, NaiveDate)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::ActivityId, t::Column::TeamId, t::Column::ReportedOn])
        .filter(t::Column::ActivityId.is_in(activities.iter().copied()))
        .filter(t::Column::ReportedOn.is_in(days.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, activity, team, day)| ((activity, team, day), id)).collect())
}

/// Finds many results, whoever asks: for the service itself.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_any_of(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, ActivityResult>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.id, ActivityResult::try_from(row)?))).collect()
}
