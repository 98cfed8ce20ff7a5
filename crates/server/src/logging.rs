//! Logs go to stderr, so that stdout is for answers.

use crate::config::{Config, LogFormat};
use anyhow::{Context, Result, anyhow};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging as the settings say.
pub fn start(config: &Config) -> Result<()> {
    let filter = EnvFilter::builder().parse(&config.log.value).context("the setting `log` is wrong")?;
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    match config.log_format.value {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    }
    .map_err(|e| anyhow!("logging can't be started: {e}"))
}
