//! The append-only ledger of every change to a counted figure, its roll-up rows, and the check that they agree.

use crate::{
    StoreResult, Tx,
    entities::{activity, counter, ledger as l, result, rollup_cell as r},
    org_units::advance,
    rows::At,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, OnConflict},
};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    campaigns::Indicator,
    counting::{Count, Counted, Turns, difference},
    progress::{CellKey, Cube, Entry},
    results::ActivityResult,
};
use uuid::Uuid;

/// The counter that numbers the ledger. Its row is locked from the first entry of a transaction to its end, so the
/// numbers are without gaps and in the order of commits, across processes too.
pub(crate) const HEAD: &str = "ledger";

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
        for ((topic, audience), delta) in deltas {
            let counting = |i: &&Indicator| i.campaign_id == posting.campaign_id && i.counts_turns_on(topic);
            for indicator in indicators.iter().filter(counting) {
                let key = CellKey {
                    indicator_id: indicator.stamp.id,
                    org_unit_id: posting.org_unit_id,
                    locality_id: posting.locality_id,
                    day: posting.result.reported_on,
                    topic,
                    audience,
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
    let mut cells: HashMap<CellKey, Count> = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for (seq, (posting, key, delta)) in (last - count + 1..).zip(entries) {
        *cells.entry(key).or_default() += delta;
        rows.push(l::ActiveModel {
            seq: Set(seq),
            at: Set(posting.at),
            actor_id: Set(posting.actor_id),
            result_id: Set(posting.result.stamp.id),
            revision: Set(posting.result.revision),
            team_id: Set(posting.result.team_id),
            org_unit_id: Set(key.org_unit_id),
            locality_id: Set(key.locality_id),
            indicator_id: Set(key.indicator_id),
            day: Set(key.day),
            topic: Set(key.topic.as_str().to_owned()),
            audience: Set(key.audience.as_str().to_owned()),
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

async fn roll_up(tx: &Tx, cells: &[(CellKey, Count)]) -> StoreResult<()> {
    let rows = cells.iter().map(|(key, count)| r::ActiveModel {
        indicator_id: Set(key.indicator_id),
        org_unit_id: Set(key.org_unit_id),
        locality_id: Set(key.locality_id),
        day: Set(key.day),
        topic: Set(key.topic.as_str().to_owned()),
        audience: Set(key.audience.as_str().to_owned()),
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

fn entry(row: &l::Model) -> StoreResult<Entry> {
    let at = |column| At("ledger", column, row.result_id);
    Ok(Entry {
        seq: row.seq,
        key: CellKey {
            indicator_id: row.indicator_id,
            org_unit_id: row.org_unit_id,
            locality_id: row.locality_id,
            day: row.day,
            topic: at("topic").word(&row.topic)?,
            audience: at("audience").word(&row.audience)?,
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

/// The instant of the entry with this number.
///
/// # Errors
/// When the database can't be asked.
pub async fn instant_of(conn: &impl ConnectionTrait, seq: i64) -> StoreResult<Option<DateTime<Utc>>> {
    Ok(l::Entity::find_by_id(seq).one(conn).await?.map(|row| row.at))
}

fn cell(row: &r::Model) -> StoreResult<(CellKey, Count)> {
    let at = |column| At("rollup_cell", column, row.org_unit_id);
    let key = CellKey {
        indicator_id: row.indicator_id,
        org_unit_id: row.org_unit_id,
        locality_id: row.locality_id,
        day: row.day,
        topic: at("topic").word(&row.topic)?,
        audience: at("audience").word(&row.audience)?,
    };
    Ok((key, Count { reported: Turns(row.reported), verified: Turns(row.verified) }))
}

/// Loads the cube from the roll-up rows. Call it in a snapshot: rows and number must be of one moment.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn load_cube(snapshot: &Tx) -> StoreResult<Cube> {
    let seq = head(snapshot).await?;
    let rows = r::Entity::find().all(snapshot).await?;
    let cells = rows.iter().map(cell).collect::<StoreResult<Vec<_>>>()?;
    Ok(Cube::load(seq, cells))
}

/// A place where ledger, roll-ups and results don't agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disagreement {
    /// The ledger's numbers have a gap or don't end at its head.
    Gap {
        /// How many entries there are.
        entries: i64,
        /// The last entry's number.
        last: i64,
        /// What the head says.
        head: i64,
    },
    /// A roll-up row isn't the sum of its entries.
    Rollup {
        /// The cell.
        key: CellKey,
        /// What the roll-up row says.
        rolled_up: Count,
        /// What its entries add up to.
        ledger: Count,
    },
    /// The entries of a result aren't what it counts for.
    Result {
        /// The result.
        result_id: Uuid,
        /// The indicator.
        indicator_id: Uuid,
        /// What the result counts for.
        result: Count,
        /// What its entries add up to.
        ledger: Count,
    },
}

/// What [`check`] found.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// The ledger's number at which everything was compared.
    pub ledger_seq: i64,
    /// Results that were compared.
    pub results: u64,
    /// Roll-up rows that were compared.
    pub cells: u64,
    /// The sum over the ledger, by indicator.
    pub totals: BTreeMap<Uuid, Count>,
    /// Where they don't agree.
    pub disagreements: Vec<Disagreement>,
}

/// Compares results, ledger and roll-up rows as they stood at one moment: the ledger has no gap, each roll-up row is
/// the sum of its entries, and the entries of each result are what it counts for.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn check(snapshot: &Tx, indicators: &[(Uuid, Vec<Indicator>)]) -> StoreResult<CheckReport> {
    let mut report = CheckReport { ledger_seq: head(snapshot).await?, ..CheckReport::default() };
    let mut by_cell: HashMap<CellKey, Count> = HashMap::new();
    let mut by_result: HashMap<(Uuid, Uuid), Count> = HashMap::new();
    let (mut last, mut entries) = (0, 0);
    loop {
        let rows = l::Entity::find()
            .filter(l::Column::Seq.gt(last))
            .order_by_asc(l::Column::Seq)
            .limit(20_000)
            .all(snapshot)
            .await?;
        let Some(end) = rows.last().map(|row| row.seq) else { break };
        for row in &rows {
            let e = entry(row)?;
            *by_cell.entry(e.key).or_default() += e.delta;
            *by_result.entry((row.result_id, e.key.indicator_id)).or_default() += e.delta;
            *report.totals.entry(e.key.indicator_id).or_default() += e.delta;
            entries += 1;
        }
        last = end;
    }
    if entries != last || last != report.ledger_seq {
        report.disagreements.push(Disagreement::Gap { entries, last, head: report.ledger_seq });
    }
    for row in r::Entity::find().all(snapshot).await? {
        let (key, rolled_up) = cell(&row)?;
        let ledger = by_cell.remove(&key).unwrap_or_default();
        report.cells += 1;
        if ledger != rolled_up {
            report.disagreements.push(Disagreement::Rollup { key, rolled_up, ledger });
        }
    }
    let missing = by_cell.into_iter().filter(|(_, ledger)| !ledger.is_zero());
    report.disagreements.extend(missing.map(|(key, ledger)| Disagreement::Rollup {
        key,
        rolled_up: Count::default(),
        ledger,
    }));
    check_results(snapshot, indicators, by_result, &mut report).await?;
    Ok(report)
}

/// How the totals stand, by two sums that the database makes: cheap enough to look at again and again, unlike [`check`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// The ledger's last number.
    pub ledger_seq: i64,
    /// Indicators whose roll-up rows are not the sum of the ledger, and one more when its numbers have a gap.
    pub disagreements: u64,
}

/// Sums ledger and roll-up rows by indicator as they stand at one moment.
///
/// # Errors
/// When the database can't be asked.
pub async fn audit(snapshot: &Tx) -> StoreResult<Audit> {
    type Sum = (Uuid, i64, i64);
    // PostgreSQL sums to numeric.
    let sum = |column: Expr| column.sum().cast_as(Alias::new("bigint"));
    let of = |rows: Vec<Sum>| -> BTreeMap<Uuid, (i64, i64)> {
        rows.into_iter().map(|(id, reported, verified)| (id, (reported, verified))).collect()
    };
    let entries: Vec<Sum> = l::Entity::find()
        .select_only()
        .column(l::Column::IndicatorId)
        .column_as(sum(Expr::col(l::Column::DeltaReported)), "reported")
        .column_as(sum(Expr::col(l::Column::DeltaVerified)), "verified")
        .group_by(l::Column::IndicatorId)
        .into_tuple()
        .all(snapshot)
        .await?;
    let cells: Vec<Sum> = r::Entity::find()
        .select_only()
        .column(r::Column::IndicatorId)
        .column_as(sum(Expr::col(r::Column::Reported)), "reported")
        .column_as(sum(Expr::col(r::Column::Verified)), "verified")
        .group_by(r::Column::IndicatorId)
        .into_tuple()
        .all(snapshot)
        .await?;
    let (entries, cells) = (of(entries), of(cells));
    let differing = entries
        .keys()
        .chain(cells.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .filter(|id| entries.get(id).copied().unwrap_or_default() != cells.get(id).copied().unwrap_or_default());
    let ledger_seq = head(snapshot).await?;
    let count = l::Entity::find().count(snapshot).await?;
    let gap = u64::from(i64::try_from(count).ok() != Some(ledger_seq));
    let disagreements = u64::try_from(differing.count()).unwrap_or(u64::MAX).saturating_add(gap);
    Ok(Audit { ledger_seq, disagreements })
}

async fn check_results(
    snapshot: &Tx,
    indicators: &[(Uuid, Vec<Indicator>)],
    mut by_result: HashMap<(Uuid, Uuid), Count>,
    report: &mut CheckReport,
) -> StoreResult<()> {
    let campaign_of: HashMap<Uuid, Uuid> = activity::Entity::find()
        .select_only()
        .columns([activity::Column::Id, activity::Column::CampaignId])
        .into_tuple::<(Uuid, Uuid)>()
        .all(snapshot)
        .await?
        .into_iter()
        .collect();
    let mut last = Uuid::nil();
    loop {
        let rows = result::Entity::find()
            .filter(result::Column::Id.gt(last))
            .order_by_asc(result::Column::Id)
            .limit(10_000)
            .all(snapshot)
            .await?;
        let Some(end) = rows.last().map(|row| row.id) else { break };
        for row in rows {
            let stored = ActivityResult::try_from(row)?;
            report.results += 1;
            let campaign = campaign_of.get(&stored.activity_id);
            let counting = indicators.iter().filter(|(id, _)| Some(id) == campaign).flat_map(|(_, list)| list);
            for indicator in counting {
                let counted: Count = stored
                    .counted()
                    .into_iter()
                    .filter(|((topic, _), _)| indicator.counts_turns_on(*topic))
                    .map(|(_, count)| count)
                    .sum();
                let ledger = by_result.remove(&(stored.stamp.id, indicator.stamp.id)).unwrap_or_default();
                if counted != ledger {
                    report.disagreements.push(Disagreement::Result {
                        result_id: stored.stamp.id,
                        indicator_id: indicator.stamp.id,
                        result: counted,
                        ledger,
                    });
                }
            }
        }
        last = end;
    }
    // Entries of results that are gone must have been taken back.
    let orphans = by_result.into_iter().filter(|(_, ledger)| !ledger.is_zero());
    report.disagreements.extend(orphans.map(|((result_id, indicator_id), ledger)| Disagreement::Result {
        result_id,
        indicator_id,
        result: Count::default(),
        ledger,
    }));
    Ok(())
}

/// Makes all roll-up rows anew from the ledger, in the caller's transaction: nobody sees a figure in between.
///
/// # Errors
/// When the database refuses.
pub async fn rebuild(tx: &Tx) -> StoreResult<u64> {
    // The head is locked first, so that no entry comes in between.
    advance(tx, HEAD, 0).await?;
    r::Entity::delete_many().exec(tx).await?;
    let (mut last, mut cells) = (0, HashMap::<CellKey, Count>::new());
    loop {
        let entries = after(tx, last, 20_000).await?;
        let Some(end) = entries.last().map(|e| e.seq) else { break };
        for e in &entries {
            *cells.entry(e.key).or_default() += e.delta;
        }
        last = end;
    }
    let cells: Vec<_> = cells.into_iter().filter(|(_, count)| !count.is_zero()).collect();
    for chunk in cells.chunks(500) {
        roll_up(tx, chunk).await?;
    }
    Ok(u64::try_from(cells.len()).unwrap_or(u64::MAX))
}
