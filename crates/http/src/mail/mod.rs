//! Mail to people: what it says, and how it goes into the outbox. [`delivery`] sends it.

pub mod delivery;
mod words;

use crate::{app::App, problem::ApiResult, sealed::Purpose};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tinhnguyen_persistence::{Tx, mail};
use uuid::Uuid;

pub use words::{invitation, password_changed, password_reset, webhook_switched_off};

/// A mail: Vietnamese first, then English.
pub struct Letter {
    /// What it is about, such as `invitation`.
    pub kind: &'static str,
    /// The subject; holds no secret.
    pub subject: String,
    /// The text.
    pub text: SecretString,
}

/// Puts a letter into the outbox, in the transaction of what causes it. It leaves after the commit, and not at all when
/// it could not until `expires_at`.
///
/// # Errors
/// When the database refuses.
pub async fn post(
    tx: &Tx,
    app: &App,
    to: &str,
    letter: Letter,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> ApiResult<()> {
    let id = Uuid::now_v7();
    let body = app.accounts.sealer.seal(Purpose::Mail, id, &letter.text)?;
    let new =
        mail::NewMail { id, kind: letter.kind, recipient: to.to_owned(), subject: letter.subject, body, expires_at };
    Ok(mail::enqueue(tx, new, now).await?)
}
