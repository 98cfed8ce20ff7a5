//! Whether results, ledger and roll-up rows agree.

use super::{
    RollupKey, entry, head, rolled_up,
    snapshots::{load, newest},
};
use crate::{
    StoreResult, Tx,
    entities::{activity, ledger as l, result, rollup_cell as r},
};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait},
};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    campaigns::Indicator,
    counting::Count,
    progress::{CellKey, Cube},
    results::ActivityResult,
};
use uuid::Uuid;

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
        key: RollupKey,
        /// What the roll-up row says.
        rolled_up: Count,
        /// What its entries add up to.
        ledger: Count,
    },
    /// The newest snapshot isn't the sum of the entries up to it.
    Snapshot {
        /// The entry that it stands at.
        seq: i64,
        /// How many of its cells differ.
        cells: u64,
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
    let mut by_cell: HashMap<RollupKey, Count> = HashMap::new();
    let mut by_result: HashMap<(Uuid, Uuid), Count> = HashMap::new();
    let snapshot_seq = newest(snapshot, i64::MAX).await?;
    let mut before_snapshot: HashMap<CellKey, Count> = HashMap::new();
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
            *by_cell.entry(e.key.into()).or_default() += e.delta;
            if e.seq <= snapshot_seq {
                *before_snapshot.entry(e.key).or_default() += e.delta;
            }
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
        let (key, rolled_up) = rolled_up(&row)?;
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
    let differing = differing(&load(snapshot, snapshot_seq).await?, before_snapshot);
    if differing > 0 {
        report.disagreements.push(Disagreement::Snapshot { seq: snapshot_seq, cells: differing });
    }
    check_results(snapshot, indicators, by_result, &mut report).await?;
    Ok(report)
}

/// How many cells of a cube are not what the ledger says, those that it lacks among them.
fn differing(cube: &Cube, mut ledger: HashMap<CellKey, Count>) -> u64 {
    let wrong = cube.cells().filter(|(key, count)| ledger.remove(key).unwrap_or_default() != *count).count();
    let missing = ledger.values().filter(|count| !count.is_zero()).count();
    u64::try_from(wrong.saturating_add(missing)).unwrap_or(u64::MAX)
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
                    .filter(|(item, _)| indicator.counts(*item))
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
