//! The service: start, serve, and an orderly end.

use crate::{
    accounts::{self, FIRST, First},
    config::Config,
    healthcheck::reachable,
    open, personal, say,
};
use actix_web::{HttpServer, web};
use anyhow::{Context, Result, anyhow, bail};
use secrecy::{ExposeSecret, SecretString};
use std::{
    convert::Infallible, io::ErrorKind, net::TcpListener, path::Path, process::ExitCode, sync::Arc, time::Duration,
};
use tinhnguyen_domain::clock::{Clock, SystemClock};
use tinhnguyen_http::{
    app::{App, Settings, service},
    mail::delivery::Delivery,
    tokens::Tokens,
};
use tinhnguyen_persistence::{
    Store, StoreError, audit, idempotency, identities, mail, reference, resets, sessions, webhooks,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept: longer than proxies reuse one, so that they don't meet a closing one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to take note that we close.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long accepted requests may take to end when we are told to stop.
const GRACE_SECONDS: u64 = 20;
/// Open connections of each worker; more wait to be accepted.
const MAX_CONNECTIONS: usize = 10_000;
/// How long a row of the audit log waits for its seal at most.
const SEAL_EVERY: Duration = Duration::from_secs(1);
/// How often totals and ledger are compared.
const AUDIT_EVERY: Duration = Duration::from_secs(3600);
/// How often it is looked at whether a snapshot of the figures is due.
const KEEP_FIGURES_EVERY: Duration = Duration::from_secs(300);
/// How often answers kept for retries are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How often waiting mail is looked for.
const MAIL_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whether a unit is to be told what is missing of a reporting period.
const REMIND_EVERY: Duration = Duration::from_secs(300);

/// How often the signing keys are read again.
const REREAD_EVERY: Duration = Duration::from_secs(5);

/// What tells us to stop: SIGTERM, or Ctrl-C.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        let on = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until told to stop.
pub async fn run(config: &Config) -> Result<ExitCode> {
    let mut stop = Stop::listen()?;
    // First of all, because everything after it changes something. Clients that come early wait.
    let listener = listen(config)?;
    let delivery = open::delivery(config)?;
    let (app, first) = tokio::select! {
        prepared = prepare(config) => prepared?,
        () = stop.told() => return Ok(ExitCode::SUCCESS),
    };
    let app = web::Data::new(app);
    let shared = app.clone();
    let server = HttpServer::new(move || service(shared.clone()))
        .workers(config.workers.value.get())
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .disable_signals()
        .shutdown_timeout(GRACE_SECONDS)
        .listen(listener)
        .context("the service can't be started")?
        .run();
    let handle = server.handle();
    let keys = open::signing_keys_path(config);
    if let Err(err) = say(welcome(config, &first)) {
        warn!(error = %err, "the welcome was not shown; a password lost with it is replaced by `tinhnguyen user passwd`");
    }
    drop(first);
    info!(listen = %config.listen.value, database = app.store.engine(), "serving");
    let warmed = app.clone();
    tokio::spawn(async move {
        // The first visitor need not wait until the ledger is folded.
        if let Err(err) = warmed.figures.load(&warmed.store).await {
            warn!(error = %err, "the figures are not loaded yet; the first request for them tries again");
        }
    });
    let waited_for = app.clone();
    let stopper = tokio::spawn(async move {
        stop.told().await;
        info!("stopping: accepted requests end");
        waited_for.waiting.close();
        let ended = handle.stop(true);
        tokio::select! {
            () = ended => {}
            // Told twice: at once.
            () = stop.told() => handle.stop(false).await,
        }
    });
    let outcome = tokio::select! {
        outcome = server => outcome,
        never = sweep(&app.store) => match never {},
        never = sweep_evidence(&app) => match never {},
        never = seal(&app.store) => match never {},
        never = audit_totals(&app) => match never {},
        never = keep_figures(&app) => match never {},
        never = deliver(&delivery, &app) => match never {},
        never = remind(&app) => match never {},
        never = tinhnguyen_http::slices::webhooks::delivery::run(&app) => match never {},
        never = reread_keys(&app, &keys) => match never {},
        never = expire(&app.store, config.volunteer_retention_days.value.get()) => match never {},
    };
    if let Err(err) = seal_all(&app.store).await {
        warn!(error = %err, "the last rows of the audit log wait for their seal until the next start");
    }
    stopper.abort();
    if let Err(err) = app.store.clone().close().await {
        warn!(error = %err, "the database was not closed in order");
    }
    outcome.context("the service ended")?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn listen(config: &Config) -> Result<TcpListener> {
    let address = config.listen.value;
    match TcpListener::bind(address) {
        Ok(listener) => Ok(listener),
        Err(err) if err.kind() == ErrorKind::AddrInUse => {
            bail!("{address} is taken by another process; choose another address with --listen ADDR:PORT")
        }
        Err(err) => Err(err).with_context(|| format!("{address} can't be listened on")),
    }
}

/// Schema, reference data, keys, first user.
async fn prepare(config: &Config) -> Result<(App, First)> {
    let tokens = Tokens::from_pem(open::signing_keys(config)?.expose_secret())
        .map_err(|e| anyhow!("the signing key {} can't be used: {e}", open::signing_keys_path(config).display()))?;
    let accounts = open::accounts(config)?;
    let evidence = open::evidence(config)?;
    if let Err(err) = evidence.probe().await {
        // The rest of the service doesn't wait for it; sending and reading files answers 503 meanwhile.
        warn!(error = %err, store = %config.evidence.store.value, "the store of evidence files can't be used now");
    }
    let store = open::migrated_store(config).await?;
    let seeded = reference::seed(&store).await.context("the reference data can't be added")?;
    if seeded.total() > 0 {
        info!(rows = seeded.total(), "added reference data");
    }
    let vault = personal::vault(config, &store).await?;
    let settings = Settings {
        public_url: config.public_url.as_ref().map(|url| url.value.clone()).unwrap_or_default(),
        trusted_proxies: config.trusted_proxies.as_ref().map(|s| s.value.clone()).unwrap_or_default(),
        cors_origins: config.cors_origins.as_ref().map(|s| s.value.clone()).unwrap_or_default(),
        quotas: config.rate_limits.value,
        quota_exempt: config.rate_limit_exempt.value.clone(),
        reminders: config.reporting_reminders.value.clone(),
        public_min_count: config.public_min_count.value.get().into(),
        webhooks_anywhere: config.webhooks_anywhere.value,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app = App { accounts, evidence, ..App::new(store, clock, tokens, vault, settings) };
    let file = config.admin_password_file.as_ref().map(|file| file.value.as_path());
    let first = accounts::make_first(&app.store, &app.passwords, file).await?;
    Ok((app, first))
}

/// Seals the audit log a moment after its rows are written.
async fn seal(store: &Store) -> Infallible {
    let mut every = interval(SEAL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(err) = seal_all(store).await {
            warn!(error = %err, "the audit log can't be sealed; tried again in a moment");
        }
    }
}

/// Compares totals and ledger, so that an operator is told before anybody else notices.
async fn audit_totals(app: &App) -> Infallible {
    let mut every = interval(AUDIT_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(err) = tinhnguyen_http::progress::audit(app).await {
            warn!(error = %err, "totals and ledger can't be compared; tried again in an hour");
        }
    }
}

/// Keeps the figures now and then, so that the next process starts from there.
async fn keep_figures(app: &App) -> Infallible {
    let mut every = interval(KEEP_FIGURES_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Not beside the first reading of the ledger, for which somebody may wait; what it can't read is said where it is begun.
    let _ = app.figures.load(&app.store).await;
    loop {
        every.tick().await;
        if let Err(err) = tinhnguyen_http::progress::snapshot(&app.store, app.clock.as_ref()).await {
            warn!(error = %err, "no snapshot of the figures was kept; tried again in some minutes");
        }
    }
}

async fn seal_all(store: &Store) -> Result<(), StoreError> {
    while audit::has_unsealed(store.read()).await? {
        let now = SystemClock.now();
        store.write(async |tx| audit::seal(tx, now).await).await?;
    }
    Ok(())
}

/// Sends the mails that wait.
async fn deliver(delivery: &Delivery, app: &App) -> Infallible {
    let mut every = interval(MAIL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(err) = delivery.run(app).await {
            warn!(error = %err, "the outbox can't be read; tried again in a moment");
        }
    }
}

/// Tells units what is missing of reporting periods. Replicas take turns by the rows.
async fn remind(app: &App) -> Infallible {
    let mut every = interval(REMIND_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(err) = tinhnguyen_http::slices::reporting::reminders::remind(app).await {
            warn!(error = %err, "units can't be told what is missing; tried again in five minutes");
        }
    }
}

/// Takes note of new signing keys, so that nothing need be restarted when they are rotated.
async fn reread_keys(app: &App, path: &Path) -> Infallible {
    let mut every = interval(REREAD_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refused = String::new();
    loop {
        every.tick().await;
        let read = match tokio::fs::read_to_string(path).await.map(SecretString::from) {
            Ok(text) => app.tokens.reload(text.expose_secret()),
            Err(err) => Err(err.to_string()),
        };
        match read {
            Ok(changed) => {
                if changed {
                    info!(keys = app.tokens.keyring().keys().len(), "took note of new signing keys");
                }
                refused.clear();
            }
            // Once, not every few seconds.
            Err(err) if err != refused => {
                warn!(file = %path.display(), error = %err, "the signing keys can't be read again; those in force stay");
                refused = err;
            }
            Err(_) => {}
        }
    }
}

/// Makes volunteers unknown whose time is over. Replicas take turns.
async fn expire(store: &Store, days: u32) -> Infallible {
    let mut every = interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(err) = personal::expire_all(store, days).await {
            warn!(error = %err, "volunteers whose time is over can't be made unknown; tried again in an hour");
        }
    }
}

/// Forgets answers that were kept for retries longer than promised.
async fn sweep(store: &Store) -> Infallible {
    let mut every = interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let now = SystemClock.now();
        match store.write(async |tx| idempotency::sweep(tx, now).await).await {
            Ok(0) => {}
            Ok(answers) => info!(answers, "swept answers kept for retries"),
            Err(err) => warn!(error = %err, "answers kept for retries can't be swept; tried again in an hour"),
        }
        match store.write(async |tx| sessions::sweep(tx, now).await).await {
            Ok(0) => {}
            Ok(tokens) => info!(tokens, "swept expired refresh tokens"),
            Err(err) => warn!(error = %err, "expired refresh tokens can't be swept; tried again in an hour"),
        }
        let swept = store.write(async |tx| {
            let mails = mail::sweep(tx, now).await?;
            let told = webhooks::sweep(tx, now).await?;
            Ok::<_, StoreError>(mails + told + resets::sweep(tx, now).await? + identities::sweep(tx, now).await?)
        });
        match swept.await {
            Ok(0) => {}
            Ok(rows) => info!(
                rows,
                "swept old resets, logins that nobody finished, mails that were given up and what webhooks told"
            ),
            Err(err) => warn!(error = %err, "old resets and logins can't be swept; tried again in an hour"),
        }
    }
}

/// Removes evidence files that nobody named, and bytes that no file has any more. Replicas take turns by the rows.
async fn sweep_evidence(app: &App) -> Infallible {
    let mut every = interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match tinhnguyen_http::slices::evidence::ops::sweep(app).await {
            Ok(0) => {}
            Ok(objects) => info!(objects, "swept evidence files that no result names"),
            Err(err) => warn!(error = %err, "evidence files can't be swept; tried again in an hour"),
        }
    }
}

/// Where everything is and how to get a first token.
fn welcome(config: &Config, first: &First) -> String {
    let local = format!("http://{}", reachable(config.listen.value));
    let base = config.public_url.as_ref().map_or(local.as_str(), |url| url.value.as_str());
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "\ntinhnguyen {version}\n\n\
         \x20 Bảng tiến độ · dashboard   {base}/\n\
         \x20 Tài liệu API · docs        {base}/docs\n\
         \x20 Tình trạng · health        {base}/healthz\n\n"
    );
    let secret = match (first, &config.admin_password_file) {
        (First::MadeUp(password), _) => {
            let password = password.expose_secret();
            text.push_str(&format!(
                "  Người dùng đầu tiên · first user: {FIRST}\n  \
                 Mật khẩu, chỉ hiện một lần · password, shown this once: {password}\n\n"
            ));
            password.to_owned()
        }
        (_, Some(file)) => format!("$(cat '{}')", file.value.display()),
        (_, None) => "…".to_owned(),
    };
    text.push_str(&format!(
        "  Lấy token · get a token:\n    curl -s {base}/v1/auth/token -d grant_type=password -d username={FIRST} \
         --data-urlencode \"password={secret}\"\n\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags};
    use secrecy::SecretString;
    use std::path::Path;

    fn config(flags: Flags) -> Config {
        Config::read(&flags, &Environment::new(), Path::new("/nonexistent")).unwrap()
    }

    #[test]
    fn the_welcome_names_addresses_and_shows_a_made_up_password_and_no_other() {
        let flags = Flags { listen: Some("0.0.0.0:81".to_owned()), ..Flags::default() };
        let text = welcome(&config(flags), &First::MadeUp(SecretString::from("abcde-fghij")));
        assert!(text.contains("http://127.0.0.1:81/docs") && text.matches("abcde-fghij").count() == 2, "{text}");
        let flags = Flags {
            public_url: Some("https://example.org/".to_owned()),
            admin_password_file: Some("/run/secrets/admin".to_owned()),
            ..Flags::default()
        };
        let text = welcome(&config(flags), &First::FromFile);
        assert!(text.contains("https://example.org/healthz"), "{text}");
        assert!(text.contains("password=$(cat '/run/secrets/admin')"), "{text}");
    }

    #[test]
    fn a_taken_port_is_said_in_a_sentence() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error =
            listen(&config(Flags { listen: Some(address.clone()), ..Flags::default() })).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{address} is taken")), "{error}");
    }
}
