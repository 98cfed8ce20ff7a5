//! Whether the audit log is as it was written.

use crate::{config::Config, open, say};
use anyhow::{Context, Result};
use std::process::ExitCode;
use tinhnguyen_persistence::{
    StoreError,
    audit::{self, Verdict},
};

/// Runs `audit verify`.
pub async fn verify(config: &Config) -> Result<ExitCode> {
    let store = open::current_store(config).await?;
    let verdict = store
        .snapshot::<_, StoreError>(async |tx| audit::verify(tx).await)
        .await
        .context("the audit log can't be checked")?;
    say(text_of(&verdict))?;
    store.close().await?;
    Ok(if verdict.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text_of(verdict: &Verdict) -> String {
    let Verdict { seals, entries, unsealed, broken, head } = verdict;
    let mut lines = vec![format!("seals {seals}, rows {entries}, rows without a seal yet {unsealed}")];
    if !head.is_empty() {
        lines.push(format!("head {head}: kept elsewhere, it shows later whether the end was cut off"));
    }
    if broken.is_empty() {
        lines.push("every seal holds".to_owned());
    }
    lines.extend(
        broken.iter().map(|n| format!("BROKEN seal {n}: it, or a row under it, was changed, removed or added")),
    );
    lines.join("\n") + "\n"
}
