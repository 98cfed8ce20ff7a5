//! The small commands.

use crate::{cli::OpenApiVersion, config::Config, open, say};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::{fs, path::Path, process::ExitCode};
use tinhnguyen_http::app::contract;
use tinhnguyen_persistence::reference;

/// Brings the schema up to date, or takes it back.
pub async fn migrate(config: &Config, down: Option<u32>) -> Result<ExitCode> {
    match down {
        None => open::migrated_store(config).await?.close().await?,
        Some(steps) => {
            let store = open::store(config).await?;
            store.migrate_down(steps).await.context("the migrations can't be taken back")?;
            store.close().await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds the reference data that are missing.
pub async fn seed(config: &Config, grassroots: bool) -> Result<ExitCode> {
    let store = open::migrated_store(config).await?;
    let seeded = reference::seed(&store).await.context("the reference data can't be added")?;
    say(format_args!(
        "added: {} localities, {} links between them, {} units, {} campaigns, {} indicators\n",
        seeded.localities, seeded.successors, seeded.org_units, seeded.campaigns, seeded.indicators
    ))?;
    if grassroots {
        say(format_args!("added: {} district and commune unions\n", add_grassroots(&store).await?))?;
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Adds the district and commune unions that are missing, with a bar.
pub async fn add_grassroots(store: &tinhnguyen_persistence::Store) -> Result<u64> {
    let bar = bar("district and commune unions");
    let added = reference::seed_grassroots(store, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await
    .context("the district and commune unions can't be added")?;
    bar.finish_and_clear();
    Ok(added)
}

/// A progress bar on stderr, drawn only where somebody watches.
pub fn bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos:>7}/{len} {msg} ({elapsed}, {eta} to go)") {
        bar.set_style(style);
    }
    bar
}

/// Prints the contract, or writes it to a file.
pub fn openapi(version: OpenApiVersion, output: Option<&Path>) -> Result<ExitCode> {
    let contract = contract();
    let text = match version {
        OpenApiVersion::V3_1 => contract.text(),
        OpenApiVersion::V3_0 => contract.text_3_0(),
    };
    match output {
        None => say(text)?,
        Some(path) => {
            fs::write(path, text).with_context(|| format!("the file {} can't be written", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
