//! Reforms of the country, applied to the organisation.

use crate::{cli::Reorganise, commands::bar, config::Config, open, say};
use anyhow::{Context, Result, bail};
use std::process::ExitCode;
use tinhnguyen_domain::{
    clock::{Clock, SystemClock},
    org_units::OrgUnitKind,
};
use tinhnguyen_http::app::today;
use tinhnguyen_persistence::reference::{self, REFORM_DAY, Reformed};

/// Runs a reform.
pub async fn run(config: &Config, what: Reorganise) -> Result<ExitCode> {
    let Reorganise::Reform2025 { dry_run } = what;
    let now = SystemClock.now();
    if today(now) < REFORM_DAY {
        bail!("the reform takes effect on {REFORM_DAY}; the organisation's tree is always the one of today");
    }
    let store = open::current_store(config).await?;
    let bar = bar("units");
    let done = reference::reform_2025(&store, now, dry_run, &|done, all| {
        bar.set_length(u64::try_from(all).unwrap_or_default());
        bar.set_position(u64::try_from(done).unwrap_or_default());
    })
    .await
    .context("the reform was not applied, and nothing has changed")?;
    bar.finish_and_clear();
    say(match done {
        None => "the reform of 2025 was applied before: nothing to do\n".to_owned(),
        Some(reformed) => report(&reformed, dry_run),
    })?;
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// What was done, level by level.
fn report(reformed: &Reformed, dry_run: bool) -> String {
    let mut lines = vec![if dry_run {
        "what the reform of 1 July 2025 would do (nothing was kept):".to_owned()
    } else {
        "the reform of 1 July 2025 is applied:".to_owned()
    }];
    for kind in [OrgUnitKind::Province, OrgUnitKind::District, OrgUnitKind::Commune] {
        let Some(level) = reformed.levels.get(&kind) else { continue };
        let (before, after) = (level.ended + level.kept, level.begun + level.kept);
        lines.push(format!(
            "  {:<9} unions  {before:>6} → {after:<6} ({} ended, {} began, {} go on)",
            kind.as_str(),
            level.ended,
            level.begun,
            level.kept
        ));
    }
    if reformed.moved_along > 0 {
        lines.push(format!("  {} other units stand below what took their superior's place", reformed.moved_along));
    }
    lines.push(format!("  {} units changed in all; no figure was touched", reformed.touched));
    lines.join("\n") + "\n"
}
