//! The binary `tinhnguyen`: serve, migrate, seed, reorganise, demo, openapi, progress, personal-data, user,
//! config, healthcheck.
//!
//! Every command reads the same settings ([`config`]), opens the same store ([`open`]) and uses the same functions of
//! the lower crates as the service; none of them reaches around a rule.

pub mod account_settings;
pub mod accounts;
mod audit;
mod cli;
mod commands;
pub mod config;
pub mod database_url;
mod demo;
pub mod evidence_settings;
mod healthcheck;
mod keys;
mod logging;
pub mod open;
mod personal;
mod progress;
mod reorganise;
pub mod secrets;
mod serve;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use config::Config;
use std::{
    fmt::Display,
    io::{ErrorKind, Write},
    path::Path,
    process::ExitCode,
};

/// The exit code for settings that can't be used, the same as clap's for flags that can't.
const MISUSE: u8 = 2;

/// Writes an answer to stdout. A reader that has gone, as in `tinhnguyen openapi | head`, is no fault of ours.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(err).context("the answer can't be written"),
        _ => Ok(()),
    }
}

/// The error and its causes in one sentence; a cause that only repeats what was said is left out.
fn sentence(err: &anyhow::Error) -> String {
    err.chain().fold(String::new(), |said, cause| match cause.to_string() {
        cause if said.contains(&cause) => said,
        cause if said.is_empty() => cause,
        cause => format!("{said}: {cause}"),
    })
}

/// Runs the command that the process's arguments name; without one, `serve`.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let environment = std::env::vars_os().collect();
    let config = match Config::read(&cli.flags, &environment, Path::new("")) {
        Ok(config) => config,
        Err(err) => {
            eprintln!("tinhnguyen: {err}");
            return ExitCode::from(MISUSE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => {
            eprintln!("tinhnguyen: threads can't be started: {err}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(cli.command.unwrap_or(Command::Serve), &config)) {
        Ok(code) => code,
        Err(err) => {
            eprintln!("tinhnguyen: {}", sentence(&err));
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Config => {
            say(config.describe())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Openapi { version, output } => return commands::openapi(version, output.as_deref()),
        Command::Healthcheck => return healthcheck::run(config.listen.value),
        _ => logging::start(config)?,
    }
    match command {
        Command::Serve => serve::run(config).await,
        Command::Migrate { down } => commands::migrate(config, down).await,
        Command::Seed { grassroots } => commands::seed(config, grassroots).await,
        Command::Reorganise(what) => reorganise::run(config, what).await,
        Command::Demo => demo::run(config).await,
        Command::Progress(what) => progress::run(config, what).await,
        Command::Audit(cli::Audit::Verify) => audit::verify(config).await,
        Command::Keys(what) => keys::run(config, what),
        Command::PersonalData(what) => personal::run(config, what).await,
        Command::User(what) => accounts::run(config, what).await,
        Command::Config | Command::Openapi { .. } | Command::Healthcheck => Ok(ExitCode::SUCCESS),
    }
}
