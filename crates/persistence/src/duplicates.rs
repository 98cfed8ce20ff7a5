//! Pairs of results that may be the same.
//!
//! Everything here that writes is called while the ledger's head is held ([`crate::ledger::hold`]): whoever files a result
//! sees those that were filed before, and those that are filed at the same moment see one another.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{activity, duplicate_candidate as t, result},
    page::{Page, PageRequest, fetch},
    results::COUNTED,
    rows::{At, json},
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, JsonValue as Json, QueryFilter, QuerySelect,
    RelationDef,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    duplicates::{Candidate, CandidateStatus, Overlap, Reported, Side},
    org_units::UnitPath,
    results::{Line, turns_by_topic},
};
use uuid::Uuid;

impl TryFrom<t::Model> for Candidate {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("duplicate_candidate", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            overlap: Overlap {
                campaign_id: row.campaign_id,
                locality_id: row.locality_id,
                day: row.day,
                topics: at("topics").json(row.topics)?,
                sides: [
                    Side { result_id: row.first_id, team_id: row.first_team_id, turns: row.first_turns },
                    Side { result_id: row.second_id, team_id: row.second_team_id, turns: row.second_turns },
                ],
            },
            status: at("status").word(&row.status)?,
            reason: row.reason,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            duplicate_result_id: row.duplicate_result_id,
        })
    }
}

fn row(candidate: &Candidate) -> t::ActiveModel {
    let [first, second] = candidate.overlap.sides;
    t::ActiveModel {
        id: Set(candidate.stamp.id),
        created_at: Set(candidate.stamp.created_at),
        updated_at: Set(candidate.stamp.updated_at),
        version: Set(candidate.stamp.version),
        campaign_id: Set(candidate.overlap.campaign_id),
        locality_id: Set(candidate.overlap.locality_id),
        day: Set(candidate.overlap.day),
        topics: Set(json(&candidate.overlap.topics)),
        first_id: Set(first.result_id),
        first_team_id: Set(first.team_id),
        first_turns: Set(first.turns),
        second_id: Set(second.result_id),
        second_team_id: Set(second.team_id),
        second_turns: Set(second.turns),
        status: Set(candidate.status.as_str().to_owned()),
        reason: Set(candidate.reason.clone()),
        decided_by: Set(candidate.decided_by),
        decided_at: Set(candidate.decided_at),
        duplicate_result_id: Set(candidate.duplicate_result_id),
    }
}

/// Places and days in one statement; SQLite nests an OR as deep as it is long.
const PLACES: usize = 500;
/// Ids in one statement.
const IDS: usize = 5_000;

/// The results that count at the places and on the days of `filed`, without those themselves: one statement for each
/// five hundred places and days.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn standing(conn: &impl ConnectionTrait, filed: &[Reported]) -> StoreResult<Vec<Reported>> {
    let of_activity: RelationDef =
        result::Entity::belongs_to(activity::Entity).from(result::Column::ActivityId).to(activity::Column::Id).into();
    let own: HashSet<Uuid> = filed.iter().map(|filed| filed.result_id).collect();
    let counting = filed.iter().filter(|filed| !filed.turns.is_empty());
    let places: BTreeSet<(Uuid, NaiveDate)> = counting.map(|filed| (filed.locality_id, filed.day)).collect();
    let places: Vec<_> = places.into_iter().collect();
    let mut standing = Vec::new();
    for chunk in places.chunks(PLACES) {
        let any = at_any(chunk);
        let rows: Vec<(Uuid, Uuid, Uuid, Uuid, Uuid, NaiveDate, Json)> = result::Entity::find()
            .select_only()
            .columns([result::Column::Id, result::Column::TeamId, result::Column::ActivityId])
            .column(activity::Column::CampaignId)
            .columns([result::Column::LocalityId, result::Column::ReportedOn, result::Column::Lines])
            .join(JoinType::InnerJoin, of_activity.clone())
            .filter(any)
            .filter(result::Column::Status.is_in(COUNTED))
            .into_tuple()
            .all(conn)
            .await?;
        for (result_id, team_id, activity_id, campaign_id, locality_id, day, lines) in rows {
            if own.contains(&result_id) {
                continue;
            }
            let lines: Vec<Line> = At("result", "lines", result_id).json(lines)?;
            let turns = turns_by_topic(&lines);
            standing.push(Reported { result_id, team_id, activity_id, campaign_id, locality_id, day, turns });
        }
    }
    Ok(standing)
}

/// Any of these places and days. Many results of one call share a place or a day: told once for all of them, the condition
/// has few parts, and is planned in a fraction of the time.
fn at_any(places: &[(Uuid, NaiveDate)]) -> Condition {
    let (mut by_place, mut by_day) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for (place, day) in places {
        by_place.entry(*place).or_default().push(*day);
        by_day.entry(*day).or_default().push(*place);
    }
    let (place, day) = (result::Column::LocalityId, result::Column::ReportedOn);
    if by_place.len() <= by_day.len() {
        by_place.into_iter().fold(Condition::any(), |any, (here, days)| {
            any.add(Condition::all().add(place.eq(here)).add(day.is_in(days)))
        })
    } else {
        by_day.into_iter().fold(Condition::any(), |any, (then, places)| {
            any.add(Condition::all().add(day.eq(then)).add(place.is_in(places)))
        })
    }
}

/// The candidates of results.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn of_results(conn: &impl ConnectionTrait, results: &[Uuid]) -> StoreResult<Vec<Candidate>> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut seen = HashSet::new();
    for chunk in results.chunks(IDS) {
        for row in t::Entity::find().filter(touching(chunk)).all(conn).await? {
            if seen.insert(row.id) {
                found.push(row.try_into()?);
            }
        }
    }
    Ok(found)
}

fn touching(results: &[Uuid]) -> Condition {
    Condition::any()
        .add(t::Column::FirstId.is_in(results.iter().copied()))
        .add(t::Column::SecondId.is_in(results.iter().copied()))
}

/// Which of these results have a candidate that nobody has decided on.
///
/// # Errors
/// When the database can't be asked.
pub async fn with_open(conn: &impl ConnectionTrait, results: &[Uuid]) -> StoreResult<HashSet<Uuid>> {
    let mut open = HashSet::new();
    for chunk in results.chunks(IDS) {
        let pairs: Vec<(Uuid, Uuid)> = t::Entity::find()
            .select_only()
            .columns([t::Column::FirstId, t::Column::SecondId])
            .filter(touching(chunk))
            .filter(t::Column::Status.eq(CandidateStatus::Open.as_str()))
            .into_tuple()
            .all(conn)
            .await?;
        open.extend(pairs.into_iter().flat_map(|(first, second)| [first, second]));
    }
    Ok(open)
}

/// Asks whether pairs of results are the same: anew where it was asked before, at the row's next version.
///
/// # Errors
/// When the database refuses.
pub async fn ask(tx: &Tx, at: DateTime<Utc>, overlaps: &[Overlap]) -> StoreResult<()> {
    let candidate = |overlap: &Overlap| Candidate {
        stamp: Stamp { id: Uuid::now_v7(), created_at: at, updated_at: at, version: 1 },
        overlap: overlap.clone(),
        status: CandidateStatus::Open,
        reason: None,
        decided_by: None,
        decided_at: None,
        duplicate_result_id: None,
    };
    let next = Expr::col((t::Entity, t::Column::Version)).add(1);
    for chunk in overlaps.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(|overlap| row(&candidate(overlap))))
            .on_conflict(
                OnConflict::columns([t::Column::FirstId, t::Column::SecondId])
                    .update_columns([
                        t::Column::UpdatedAt,
                        t::Column::LocalityId,
                        t::Column::Topics,
                        t::Column::FirstTurns,
                        t::Column::SecondTurns,
                        t::Column::Status,
                        t::Column::Reason,
                        t::Column::DecidedBy,
                        t::Column::DecidedAt,
                        t::Column::DuplicateResultId,
                    ])
                    .value(t::Column::Version, next.clone())
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Closes open candidates that there is nothing to decide on any more, each at its next version.
///
/// # Errors
/// When the database refuses.
pub async fn close(tx: &Tx, at: DateTime<Utc>, ids: &[Uuid]) -> StoreResult<()> {
    for chunk in ids.chunks(IDS) {
        t::Entity::update_many()
            .col_expr(t::Column::Status, Expr::value(CandidateStatus::Closed.as_str()))
            .col_expr(t::Column::UpdatedAt, Expr::value(at))
            .col_expr(t::Column::Version, Expr::col(t::Column::Version).add(1))
            .filter(t::Column::Id.is_in(chunk.iter().copied()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Stores a candidate that was decided on.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, candidate: &Candidate) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(candidate))
        .filter(t::Column::Id.eq(candidate.stamp.id))
        .filter(t::Column::Version.eq(candidate.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Which candidates are listed. What asks for a result, a team or a unit asks for a side that is reached, so that nothing
/// is learnt of the other side by asking.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// Of this place itself.
    pub locality_id: Option<Uuid>,
    /// Of this result.
    pub result_id: Option<Uuid>,
    /// Of results of this team.
    pub team_id: Option<Uuid>,
    /// Of results of teams of units at or below this path.
    pub within: Option<UnitPath>,
    /// In this state.
    pub status: Option<CandidateStatus>,
    /// Of this day or later.
    pub from: Option<NaiveDate>,
    /// Of this day or earlier.
    pub to: Option<NaiveDate>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// A candidate is seen by whoever reaches one of its teams: the side that they reach, and that fits the filter.
fn seen(reaches: &Reaches, filter: &Filter) -> Condition {
    let side = |result: t::Column, team: t::Column| {
        let mut side = Condition::all();
        if !scope::covers_all(reaches) {
            side = side.add(team.in_subquery(scope::team_ids(scope::teams_reached(reaches))));
        }
        if let Some(id) = filter.result_id {
            side = side.add(result.eq(id));
        }
        if let Some(id) = filter.team_id {
            side = side.add(team.eq(id));
        }
        if let Some(path) = &filter.within {
            side = side.add(team.in_subquery(scope::team_ids(scope::teams_within(path))));
        }
        side
    };
    let asks = filter.result_id.is_some() || filter.team_id.is_some() || filter.within.is_some();
    if scope::covers_all(reaches) && !asks {
        return Condition::all();
    }
    Condition::any()
        .add(side(t::Column::FirstId, t::Column::FirstTeamId))
        .add(side(t::Column::SecondId, t::Column::SecondTeamId))
}

/// Finds a candidate, one of whose teams is reached.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Candidate>> {
    let query = t::Entity::find_by_id(id).filter(seen(reaches, &Filter::default()));
    query.one(conn).await?.map(Candidate::try_from).transpose()
}

/// Lists a page of the candidates, one of whose teams is reached.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Candidate>> {
    let mut query = t::Entity::find().filter(seen(reaches, filter));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::CampaignId.eq(campaign));
    }
    if let Some(place) = filter.locality_id {
        query = query.filter(t::Column::LocalityId.eq(place));
    }
    if let Some(status) = filter.status {
        query = query.filter(t::Column::Status.eq(status.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(t::Column::Day.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(t::Column::Day.lte(to));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}
