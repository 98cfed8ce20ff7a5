//! Whether results, ledger and totals agree, and making the totals anew.

use crate::{cli::Progress, config::Config, open, say};
use anyhow::{Context, Result};
use std::{collections::BTreeMap, process::ExitCode};
use tinhnguyen_domain::{
    campaigns::Indicator,
    catalogue::{Audience, Topic},
};
use tinhnguyen_persistence::{
    Store, StoreError, campaigns,
    ledger::{self, CheckReport, Disagreement},
};
use uuid::Uuid;

/// Runs the command.
pub async fn run(config: &Config, what: Progress) -> Result<ExitCode> {
    let store = open::current_store(config).await?;
    let code = match what {
        Progress::Check => check(&store).await?,
        Progress::Rebuild => {
            let cells =
                store.write(async |tx| ledger::rebuild(tx).await).await.context("the totals can't be rebuilt")?;
            say(format_args!("rebuilt: {cells} cells\n"))?;
            ExitCode::SUCCESS
        }
    };
    store.close().await?;
    Ok(code)
}

async fn check(store: &Store) -> Result<ExitCode> {
    let (indicators, report) = store
        .snapshot::<_, StoreError>(async |tx| {
            let mut indicators = Vec::new();
            for campaign in campaigns::all(tx).await? {
                indicators.push((campaign.stamp.id, campaigns::indicators_of(tx, campaign.stamp.id).await?));
            }
            let report = ledger::check(tx, &indicators).await?;
            Ok((indicators, report))
        })
        .await
        .context("results, ledger and totals can't be compared")?;
    let named = indicators.iter().flat_map(|(_, list)| list).map(|i| (i.stamp.id, i)).collect();
    say(text_of(&report, &named))?;
    Ok(if report.disagreements.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report: totals by indicator, what was compared, and a line for each disagreement.
fn text_of(report: &CheckReport, indicators: &BTreeMap<Uuid, &Indicator>) -> String {
    let mut lines = Vec::new();
    let label = |id: &Uuid| match indicators.get(id) {
        Some(Indicator { number: Some(number), .. }) => format!("indicator {number} ({id})"),
        _ => format!("indicator {id}"),
    };
    for (id, indicator) in indicators {
        let total = report.totals.get(id).copied().unwrap_or_default();
        let (reported, verified) = (total.reported.0, total.verified.0);
        lines.push(format!(
            "{}: reported {reported}, verified {verified}, target {} {}",
            label(id),
            indicator.target_value,
            indicator.unit
        ));
    }
    lines.push(format!("ledger_seq {}, cells {}, results {}", report.ledger_seq, report.cells, report.results));
    for disagreement in &report.disagreements {
        lines.push(match disagreement {
            Disagreement::Gap { entries, last, head } => {
                format!("DISAGREES: the ledger has {entries} entries, the last is {last}, its head says {head}")
            }
            Disagreement::Rollup { key, rolled_up, ledger } => format!(
                "DISAGREES: {}, unit {}, locality {}, {}, {}, {}: total {}/{}, ledger {}/{} (reported/verified)",
                label(&key.indicator_id),
                key.org_unit_id,
                key.locality_id,
                key.day,
                key.topic.map_or("no topic", Topic::as_str),
                key.audience.map_or("no audience", Audience::as_str),
                rolled_up.reported.0,
                rolled_up.verified.0,
                ledger.reported.0,
                ledger.verified.0,
            ),
            Disagreement::Snapshot { seq, cells } => {
                format!("DISAGREES: the snapshot at {seq} differs from the ledger in {cells} cells")
            }
            Disagreement::Result { result_id, indicator_id, result, ledger } => format!(
                "DISAGREES: {}, result {result_id}: counts for {}/{}, ledger {}/{} (reported/verified)",
                label(indicator_id),
                result.reported.0,
                result.verified.0,
                ledger.reported.0,
                ledger.verified.0,
            ),
        });
    }
    lines.push(match report.disagreements.len() {
        0 => "agreed: results, ledger and totals".to_owned(),
        count => format!("{count} disagreements; `tinhnguyen progress rebuild` makes the totals anew from the ledger"),
    });
    lines.join("\n") + "\n"
}
