//! Sends what waits in the outbox: each mail by one replica at a time, with retries that become rarer.

use super::{password_reset, post};
use crate::{
    app::App,
    problem::{ApiError, ApiResult},
    sealed::Purpose,
    slices::auth::secrets,
};
use chrono::Duration;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use tinhnguyen_persistence::{
    access, audit,
    mail::{self, ATTEMPTS, Leased},
    resets,
};
use tracing::{info, warn};
use uuid::Uuid;

/// Mails, and requests for resets, that one round takes up.
const ROUND: u64 = 50;
/// How long one mail may take to be handed over, in seconds; shorter than its lease.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(45);
/// How long after the first failure a mail is tried again; doubled each time.
const FIRST_WAIT: Duration = Duration::seconds(30);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::hours(1);

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or nothing is sent.
    StartTls,
    /// None: for a relay on this machine or in a network of its own.
    Plain,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// User and password, when it wants them.
    pub login: Option<(String, SecretString)>,
}

/// Where mails go.
enum Transport {
    /// Each becomes a file of this directory.
    File(PathBuf),
    /// A mail server takes them.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Sends mails.
pub struct Delivery {
    transport: Transport,
    from: Mailbox,
}

/// Why a mail was not sent, and whether another try is of use.
struct Failure {
    reason: String,
    permanent: bool,
}

impl Failure {
    fn passing(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string(), permanent: false }
    }

    fn lasting(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string(), permanent: true }
    }
}

/// A sender's address, such as `Tình nguyện <no-reply@example.org>`.
///
/// # Errors
/// When it is none.
pub fn sender(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| "it is no mail address such as `Name <no-reply@example.org>`".to_owned())
}

impl Delivery {
    /// Writes mails into a directory that only its owner enters; makes it when it is not there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn to_directory(directory: &Path, from: Mailbox) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        Ok(Self { transport: Transport::File(directory.to_owned()), from })
    }

    /// Hands mails to a server.
    ///
    /// # Errors
    /// When its name can't stand in a certificate.
    pub fn to_server(server: &Server, from: Mailbox) -> Result<Self, String> {
        let tls = || TlsParameters::new(server.host.clone()).map_err(|e| e.to_string());
        let tls = match server.protection {
            Protection::Tls => Tls::Wrapper(tls()?),
            Protection::StartTls => Tls::Required(tls()?),
            Protection::Plain => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.as_str())
            .port(server.port)
            .tls(tls)
            .timeout(Some(std::time::Duration::from_secs(15)));
        if let Some((user, password)) = &server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: Transport::Smtp(builder.build()), from })
    }

    /// Answers requests for resets and sends all that is due; gives how many mails were sent.
    ///
    /// # Errors
    /// When the database can't be asked. A mail that can't be sent is no error: it is put off or given up.
    pub async fn run(&self, app: &App) -> ApiResult<u64> {
        for asked in resets::waiting(app.store.read(), ROUND).await? {
            answer(app, &asked).await?;
        }
        let mut sent = 0_u64;
        for id in mail::due_ids(app.store.read(), app.clock.now(), ROUND).await? {
            let now = app.clock.now();
            let Some(leased) = app.store.write::<_, ApiError>(async |tx| Ok(mail::lease(tx, id, now).await?)).await?
            else {
                continue;
            };
            let outcome = if leased.expires_at <= now {
                Err(Failure::lasting("it came too late to be of use"))
            } else {
                match tokio::time::timeout(TIMEOUT, self.send(app, &leased)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(Failure::passing("the mail server did not answer in time")),
                }
            };
            sent += u64::from(settle(app, &leased, outcome).await?);
        }
        let (pending, failed) = mail::counts(app.store.read()).await?;
        app.metrics.mail(pending, failed, sent);
        Ok(sent)
    }

    async fn send(&self, app: &App, mail: &Leased) -> Result<(), Failure> {
        let text = app.accounts.sealer.open(Purpose::Mail, mail.id, &mail.body).map_err(Failure::lasting)?;
        let to = mail.recipient.parse().map_err(|_| Failure::lasting("the recipient is no mail address"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.as_str())
            .date(mail.created_at.into())
            // The same however often it is tried, so that a receiver can tell that it is the same mail.
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(text.expose_secret().to_owned())
            .map_err(Failure::lasting)?;
        match &self.transport {
            Transport::Smtp(smtp) => match smtp.send(message).await {
                Ok(_) => Ok(()),
                Err(err) if err.is_permanent() => Err(Failure::lasting(err)),
                Err(err) => Err(Failure::passing(err)),
            },
            Transport::File(directory) => {
                let path = directory.join(format!("{}-{}.eml", mail.created_at.format("%Y%m%dT%H%M%SZ"), mail.id));
                let bytes = message.formatted();
                let written = tokio::task::spawn_blocking(move || write(&path, &bytes)).await;
                written.map_err(Failure::passing)?.map_err(Failure::passing)
            }
        }
    }
}

/// Writes a file whole or not at all, for its owner alone. A mail that is written again takes its own place.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

/// Notes what became of a mail; gives whether it was sent.
async fn settle(app: &App, mail: &Leased, outcome: Result<(), Failure>) -> ApiResult<bool> {
    let now = app.clock.now();
    let (id, kind, attempts) = (mail.id, mail.kind.as_str(), mail.attempts);
    let Err(failure) = outcome else {
        app.store.write::<_, ApiError>(async |tx| Ok(mail::sent(tx, id).await?)).await?;
        info!(%id, kind, attempts, "mail sent");
        return Ok(true);
    };
    let reason: String = failure.reason.chars().take(500).collect();
    if failure.permanent || attempts >= ATTEMPTS {
        app.store.write::<_, ApiError>(async |tx| Ok(mail::give_up(tx, id, &reason).await?)).await?;
        warn!(%id, kind, attempts, reason, "mail given up");
    } else {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(10);
        let wait = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
        app.store.write::<_, ApiError>(async |tx| Ok(mail::put_off(tx, id, now + wait, &reason).await?)).await?;
        warn!(%id, kind, attempts, reason, wait_seconds = wait.num_seconds(), "mail not sent, tried again later");
    }
    Ok(false)
}

/// Answers one request for a reset: a mail to each open account that it names and that has an address and a password.
/// Nobody who asked waits for this, so they learn nothing by it.
async fn answer(app: &App, asked: &resets::Asked) -> ApiResult<()> {
    let now = app.clock.now();
    app.store
        .write::<_, ApiError>(async |tx| {
            if !resets::take(tx, asked.id).await? {
                return Ok(());
            }
            for user_id in resets::accounts_of(tx, &asked.identifier).await? {
                let Some(user) = access::find_user(tx, user_id).await? else { continue };
                let Some(address) = &user.email else { continue };
                let token = secrets::new_reset_token()?;
                if !resets::issue(tx, user_id, secrets::hash(&token), now).await? {
                    continue;
                }
                let until = now + resets::LIFETIME;
                let letter = password_reset(&app.accounts.links, &user.full_name, &user.username, &token, until);
                post(tx, app, address, letter, now, until).await?;
                let change = audit::Change {
                    at: now,
                    // Nobody is known to have asked.
                    actor_id: Uuid::nil(),
                    action: "send_password_reset",
                    resource: "user",
                    resource_id: user_id,
                    request_id: &asked.request_id,
                    org_unit_id: None,
                    address: None,
                };
                audit::record(tx, &change).await?;
            }
            Ok(())
        })
        .await
}
