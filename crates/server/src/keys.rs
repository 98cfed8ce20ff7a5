//! The keys that sign tokens: listed, rotated, replaced. Running services read their file again by themselves.

use crate::{cli::Keys, config::Config, open, say, secrets};
use anyhow::{Result, anyhow};
use chrono::{DateTime, Duration, Utc};
use secrecy::ExposeSecret;
use std::process::ExitCode;
use tinhnguyen_domain::clock::{Clock, SystemClock};
use tinhnguyen_http::keyring::Keyring;

/// Lists, rotates or replaces.
///
/// # Errors
/// When the file can't be read, holds no key, or can't be written.
pub fn run(config: &Config, what: Keys) -> Result<ExitCode> {
    let path = open::signing_keys_path(config);
    let unusable = |err| anyhow!("the signing key {} can't be used: {err}", path.display());
    let text = open::signing_keys(config)?;
    let now = SystemClock.now();
    let ring = Keyring::from_pem(text.expose_secret()).map_err(unusable)?;
    let ring = match what {
        Keys::List => ring,
        Keys::Rotate { after } => ring
            .rotate(now, now + Duration::minutes(i64::from(after)))
            .map_err(|err| anyhow!("no key can be made: {err}"))?,
        Keys::Replace => Keyring::replace().map_err(|err| anyhow!("no key can be made: {err}"))?,
    };
    if !matches!(what, Keys::List) {
        secrets::write_over(&path, &ring.to_pem())?;
    }
    say(describe(&ring, now))?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each key: its name, and what it does now.
fn describe(ring: &Keyring, now: DateTime<Utc>) -> String {
    let signing = ring.signing(now).map(|key| key.id.as_str());
    ring.keys()
        .iter()
        .map(|key| match key.active_from {
            _ if signing == Some(key.id.as_str()) => format!("{}  signs and checks\n", key.id),
            Some(from) if from > now => format!("{}  checks; signs from {} on\n", key.id, from.format("%F %T UTC")),
            _ => format!("{}  checks\n", key.id),
        })
        .collect()
}
