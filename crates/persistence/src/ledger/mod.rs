//! The append-only ledger of every change to a counted figure, its roll-up rows, the cube's snapshots, and the check that
//! they agree.

mod check;
mod snapshots;

pub use check::{Audit, CheckReport, Disagreement, audit, check};
pub use snapshots::{EVERY, cube_at, cube_in_steps, cube_now, forget_snapshots, snapshot_due, take_snapshot};

use crate::{
    StoreResult, Tx,
    entities::{counter, ledger as l, rollup_cell as r},
    org_units::advance,
    rows::At,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, OnConflict},
};
use std::{collections::HashMap, fmt::Display, str::FromStr};
use tinhnguyen_domain::{
    campaigns::Indicator,
    catalogue::{Audience, Topic},
    counting::{Count, Counted, Turns, difference},
    progress::{CellKey, Entry},
    results::ActivityResult,
};
use uuid::Uuid;

/// The counter that numbers the ledger. Its row is locked from the first entry of a transaction to its end, so the
/// numbers are without gaps and in the order of commits, across processes too.
pub(crate) const HEAD: &str = "ledger";

/// What a roll-up row is the sum of: as a cell, without telling the teams of a unit apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RollupKey {
    /// The indicator.
    pub indicator_id: Uuid,
    /// The unit of the reporting teams.
    pub org_unit_id: Uuid,
    /// The place of the activities.
    pub locality_id: Uuid,
    /// The reported day.
    pub day: NaiveDate,
    /// What it was about; outputs aren't told by topic.
    pub topic: Option<Topic>,
    /// Who was supported; outputs aren't told by audience.
    pub audience: Option<Audience>,
}

impl From<CellKey> for RollupKey {
    fn from(key: CellKey) -> Self {
        Self {
            indicator_id: key.indicator_id,
            org_unit_id: key.org_unit_id,
            locality_id: key.locality_id,
            day: key.day,
            topic: key.topic,
            audience: key.audience,
        }
    }
}

/// How a topic or an audience is stored: an empty text for outputs, which have none, because a key has no nulls.
fn text_of(word: Option<&'static str>) -> String {
    word.unwrap_or_default().to_owned()
}

/// Where and by whom a result's change is counted.
#[derive(Debug, Clone)]
pub struct Posting<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Who changed it.
    pub actor_id: Uuid,
    /// The result as it is now.
    pub result: &'a ActivityResult,
    /// The campaign whose indicators count it.
    pub campaign_id: Uuid,
    /// The unit of the reporting team.
    pub org_unit_id: Uuid,
    /// The place of the activity.
    pub locality_id: Uuid,
    /// What the result counted for before.
    pub before: &'a Counted,
}

/// Writes what changed to the ledger and into the roll-up rows, for every indicator of its campaign that counts it; gives
/// the number of the last entry, or none when nothing changed.
///
/// # Errors
/// When the database refuses.
pub async fn post(tx: &Tx, indicators: &[Indicator], postings: &[Posting<'_>]) -> StoreResult<Option<i64>> {
    let mut entries = Vec::new();
    for posting in postings {
        let deltas = difference(posting.before, &posting.result.counted());
        for (item, delta) in deltas {
            let counting = |i: &&Indicator| i.campaign_id == posting.campaign_id && i.counts(item);
            for indicator in indicators.iter().filter(counting) {
                let key = CellKey {
                    indicator_id: indicator.stamp.id,
                    team_id: posting.result.team_id,
                    org_unit_id: posting.org_unit_id,
                    locality_id: posting.locality_id,
                    day: posting.result.reported_on,
                    topic: item.topic(),
                    audience: item.audience(),
                };
                entries.push((posting, key, delta));
            }
        }
    }
    let Ok(count) = i64::try_from(entries.len()) else { return Ok(None) };
    if count == 0 {
        return Ok(None);
    }
    let last = advance(tx, HEAD, count).await?;
    // Each transaction's entries are later than those of the one before, whatever its clock says: so an instant divides
    // the ledger in two at one place, for ever.
    let earliest = instant_of(tx, last - count).await?.map(|at| at + TimeDelta::microseconds(1));
    let mut cells: HashMap<RollupKey, Count> = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    let latest = postings.iter().map(|posting| posting.at).max();
    let at = std::cmp::max(latest, earliest).unwrap_or_default();
    for (seq, (posting, key, delta)) in (last - count + 1..).zip(entries) {
        *cells.entry(key.into()).or_default() += delta;
        rows.push(l::ActiveModel {
            seq: Set(seq),
            at: Set(at),
            actor_id: Set(posting.actor_id),
            result_id: Set(posting.result.stamp.id),
            revision: Set(posting.result.revision),
            team_id: Set(key.team_id),
            org_unit_id: Set(key.org_unit_id),
            locality_id: Set(key.locality_id),
            indicator_id: Set(key.indicator_id),
            day: Set(key.day),
            topic: Set(text_of(key.topic.map(Topic::as_str))),
            audience: Set(text_of(key.audience.map(Audience::as_str))),
            delta_reported: Set(delta.reported.0),
            delta_verified: Set(delta.verified.0),
        });
    }
    for chunk in rows.chunks(500) {
        l::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(tx).await?;
    }
    let cells: Vec<_> = cells.into_iter().filter(|(_, count)| !count.is_zero()).collect();
    for chunk in cells.chunks(500) {
        roll_up(tx, chunk).await?;
    }
    Ok(Some(last))
}

/// Lets nobody else change a counted figure until the transaction ends, as [`post`] does from its first entry on: whoever
/// waits here sees, in the next statement, all that was counted before.
///
/// # Errors
/// When the database refuses.
pub async fn hold(tx: &Tx) -> StoreResult<()> {
    advance(tx, HEAD, 0).await.map(|_| ())
}

async fn roll_up(tx: &Tx, cells: &[(RollupKey, Count)]) -> StoreResult<()> {
    let rows = cells.iter().map(|(key, count)| r::ActiveModel {
        indicator_id: Set(key.indicator_id),
        org_unit_id: Set(key.org_unit_id),
        locality_id: Set(key.locality_id),
        day: Set(key.day),
        topic: Set(text_of(key.topic.map(Topic::as_str))),
        audience: Set(text_of(key.audience.map(Audience::as_str))),
        reported: Set(count.reported.0),
        verified: Set(count.verified.0),
    });
    let add = |column: r::Column| {
        let excluded = Expr::col((Alias::new("excluded"), column));
        Expr::col((r::Entity, column)).add(excluded)
    };
    r::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([
                r::Column::IndicatorId,
                r::Column::OrgUnitId,
                r::Column::LocalityId,
                r::Column::Day,
                r::Column::Topic,
                r::Column::Audience,
            ])
            .value(r::Column::Reported, add(r::Column::Reported))
            .value(r::Column::Verified, add(r::Column::Verified))
            .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The number of the ledger's last entry; 0 when it is empty.
///
/// # Errors
/// When the database can't be asked.
pub async fn head(conn: &impl ConnectionTrait) -> StoreResult<i64> {
    counter_value(conn, HEAD).await
}

/// What a counter stands at; 0 before its first number.
pub(crate) async fn counter_value(conn: &impl ConnectionTrait, name: &str) -> StoreResult<i64> {
    Ok(counter::Entity::find_by_id(name).one(conn).await?.map_or(0, |row| row.value))
}

fn word_of<T: FromStr<Err: Display>>(at: At, text: &str) -> StoreResult<Option<T>> {
    if text.is_empty() { Ok(None) } else { at.word(text).map(Some) }
}

fn entry(row: &l::Model) -> StoreResult<Entry> {
    let at = |column| At("ledger", column, row.result_id);
    Ok(Entry {
        seq: row.seq,
        key: CellKey {
            indicator_id: row.indicator_id,
            team_id: row.team_id,
            org_unit_id: row.org_unit_id,
            locality_id: row.locality_id,
            day: row.day,
            topic: word_of(at("topic"), &row.topic)?,
            audience: word_of(at("audience"), &row.audience)?,
        },
        delta: Count { reported: Turns(row.delta_reported), verified: Turns(row.delta_verified) },
    })
}

/// The entries after `seq`, in order, at most `limit`.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn after(conn: &impl ConnectionTrait, seq: i64, limit: u64) -> StoreResult<Vec<Entry>> {
    let rows =
        l::Entity::find().filter(l::Column::Seq.gt(seq)).order_by_asc(l::Column::Seq).limit(limit).all(conn).await?;
    rows.iter().map(entry).collect()
}

/// Of results: the number of the entry by which each was counted first. Those that never were are left out.
///
/// # Errors
/// When the database can't be asked.
pub async fn first_counted(conn: &impl ConnectionTrait, results: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = l::Entity::find()
        .select_only()
        .column(l::Column::ResultId)
        .column_as(l::Column::Seq.min(), "seq")
        .filter(l::Column::ResultId.is_in(results.iter().copied()))
        .group_by(l::Column::ResultId)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The number of the last entry at or before an instant; 0 when there is none. Entries are in the order of their instants,
/// so it is looked for by halves through the primary key.
///
/// # Errors
/// When the database can't be asked.
pub async fn seq_at(conn: &impl ConnectionTrait, at: DateTime<Utc>) -> StoreResult<i64> {
    let (mut before, mut after) = (0, head(conn).await? + 1);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        match instant_of(conn, middle).await? {
            Some(instant) if instant <= at => before = middle,
            _ => after = middle,
        }
    }
    Ok(before)
}

/// The instant of the entry with this number.
///
/// # Errors
/// When the database can't be asked.
pub async fn instant_of(conn: &impl ConnectionTrait, seq: i64) -> StoreResult<Option<DateTime<Utc>>> {
    Ok(l::Entity::find_by_id(seq).one(conn).await?.map(|row| row.at))
}

fn rolled_up(row: &r::Model) -> StoreResult<(RollupKey, Count)> {
    let at = |column| At("rollup_cell", column, row.org_unit_id);
    let key = RollupKey {
        indicator_id: row.indicator_id,
        org_unit_id: row.org_unit_id,
        locality_id: row.locality_id,
        day: row.day,
        topic: word_of(at("topic"), &row.topic)?,
        audience: word_of(at("audience"), &row.audience)?,
    };
    Ok((key, Count { reported: Turns(row.reported), verified: Turns(row.verified) }))
}

/// Makes all roll-up rows anew from the ledger and forgets the snapshots, in the caller's transaction: nobody sees a figure
/// in between.
///
/// # Errors
/// When the database refuses.
pub async fn rebuild(tx: &Tx) -> StoreResult<u64> {
    // The head is locked first, so that no entry comes in between.
    advance(tx, HEAD, 0).await?;
    r::Entity::delete_many().exec(tx).await?;
    forget_snapshots(tx).await?;
    let (mut last, mut cells) = (0, HashMap::<RollupKey, Count>::new());
    loop {
        let entries = after(tx, last, 20_000).await?;
        let Some(end) = entries.last().map(|e| e.seq) else { break };
        for e in &entries {
            *cells.entry(e.key.into()).or_default() += e.delta;
        }
        last = end;
    }
    let cells: Vec<_> = cells.into_iter().filter(|(_, count)| !count.is_zero()).collect();
    for chunk in cells.chunks(500) {
        roll_up(tx, chunk).await?;
    }
    Ok(u64::try_from(cells.len()).unwrap_or(u64::MAX))
}
