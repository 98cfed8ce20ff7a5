//! From settings to an open store and the keys.

use crate::{
    account_settings::MailTransport, config::Config, database_url::DatabaseUrl, evidence_settings::EvidencePlace,
    healthcheck::reachable, secrets,
};
use anyhow::{Context, Result, anyhow};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use tinhnguyen_http::{
    accounts::Accounts,
    evidence_store::{Bucket, EvidenceStore},
    mail::delivery::{Delivery, Server, sender},
    oidc::{Provider, Settings},
    sealed::Sealer,
};
use tinhnguyen_persistence::{Database, Store};

/// Makes a directory for the owner and the owner's group, unless it is there.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .with_context(|| format!("the directory {} can't be made", path.display()))
}

/// Opens the database that the settings name. Nothing is migrated.
///
/// # Errors
/// When it can't be reached, or made.
pub async fn store(config: &Config) -> Result<Store> {
    let shown = &config.database_url.value;
    let url = match &config.database_password_file {
        Some(file) => shown.clone().with_password(&secrets::read(&file.value)?).map_err(|e| anyhow!(e))?,
        None => shown.clone(),
    };
    let database = match url {
        DatabaseUrl::Sqlite(path) => {
            if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
                make_directory(directory)?;
            }
            Database::Sqlite(path)
        }
        DatabaseUrl::Postgres(url) => Database::Postgres {
            url: url.expose_secret().to_owned(),
            max_connections: config.database_max_connections.value.get(),
        },
    };
    Store::open(database).await.with_context(|| format!("the database {shown} can't be opened"))
}

/// Opens the database and brings its schema up to date.
///
/// # Errors
/// When it can't be reached, made or migrated.
pub async fn migrated_store(config: &Config) -> Result<Store> {
    let store = store(config).await?;
    store.migrate().await.with_context(|| format!("the database {} can't be migrated", config.database_url.value))?;
    Ok(store)
}

/// Opens the database for a command that wants the schema of this version and doesn't bring it about.
///
/// # Errors
/// When it can't be reached, or its schema is older.
pub async fn current_store(config: &Config) -> Result<Store> {
    let store = store(config).await?;
    let pending = store
        .pending_migrations()
        .await
        .with_context(|| format!("the database {} can't be asked", config.database_url.value))?;
    if pending > 0 {
        return Err(anyhow!("the database's schema is older than this version; run `tinhnguyen migrate` first"));
    }
    Ok(store)
}

/// Where the keys that sign tokens are.
#[must_use]
pub fn signing_keys_path(config: &Config) -> PathBuf {
    match &config.signing_key_file {
        Some(file) => file.value.clone(),
        None => config.data_dir.value.join("signing_key.pem"),
    }
}

/// The text of the keys that sign tokens.
///
/// # Errors
/// When it can't be read or made.
pub fn signing_keys(config: &Config) -> Result<SecretString> {
    let path = signing_keys_path(config);
    if config.signing_key_file.is_some() {
        // A named file is the operator's: it is never made, because each replica would make its own.
        return secrets::read(&path);
    }
    make_directory(&config.data_dir.value)?;
    secrets::signing_key(&path)
}

/// Settings and keys of people's accounts.
///
/// # Errors
/// When a key or a secret can't be read, made or used.
pub fn accounts(config: &Config) -> Result<Accounts> {
    let settings = &config.accounts;
    let (path, key) = match &settings.secrets_key_file {
        // A named file is the operator's: it is never made, because each replica would make its own.
        Some(file) => (file.value.clone(), secrets::read(&file.value)?),
        None => {
            make_directory(&config.data_dir.value)?;
            let path = config.data_dir.value.join("secrets.key");
            let key = secrets::made_once(&path, "key of secrets", Sealer::generate)?;
            (path, key)
        }
    };
    let sealer =
        Sealer::from_text(&key).map_err(|e| anyhow!("the key of secrets {} can't be used: {e}", path.display()))?;
    let links = config
        .public_url
        .as_ref()
        .map_or_else(|| format!("http://{}", reachable(config.listen.value)), |url| url.value.clone());
    let oidc = match &settings.oidc {
        None => None,
        Some(oidc) => Some(
            Provider::new(Settings {
                issuer: oidc.issuer.value.clone(),
                client_id: oidc.client_id.value.clone(),
                client_secret: secrets::read(&oidc.client_secret_file.value)?,
                redirect: format!("{links}/v1/auth/oidc/callback"),
                return_url: oidc.return_url.as_ref().map(|url| url.value.clone()),
            })
            .map_err(|e| anyhow!("the identity provider can't be used: {e}"))?,
        ),
    };
    Ok(Accounts { sealer, links, require_totp: settings.require_totp.value, oidc })
}

/// Where evidence files are kept.
///
/// # Errors
/// When the directory can't be made, or a key not be read.
pub fn evidence(config: &Config) -> Result<EvidenceStore> {
    let settings = &config.evidence;
    let place = &settings.store.value;
    let store = match (place, &settings.keys) {
        (EvidencePlace::Bucket { name, prefix }, Some((access, secret))) => EvidenceStore::bucket(&Bucket {
            name: name.clone(),
            prefix: prefix.clone(),
            endpoint: settings.endpoint.as_ref().map(|endpoint| endpoint.value.clone()),
            region: settings.region.value.clone(),
            access_key: secrets::read(&access.value)?,
            secret_key: secrets::read(&secret.value)?,
        }),
        (EvidencePlace::Bucket { .. }, None) => Err("its access key is missing".to_owned()),
        (EvidencePlace::Directory(path), _) => EvidenceStore::directory(path),
    };
    store.map_err(|e| anyhow!("the store of evidence files {place} can't be used: {e}"))
}

/// What sends mails.
///
/// # Errors
/// When the directory can't be made, or the password not be read.
pub fn delivery(config: &Config) -> Result<Delivery> {
    let settings = &config.accounts;
    let from = sender(&settings.mail_from.value).map_err(|e| anyhow!("mail_from: {e}"))?;
    match &settings.mail_transport.value {
        MailTransport::File => {
            make_directory(&config.data_dir.value)?;
            let directory = config.data_dir.value.join("mail");
            Delivery::to_directory(&directory, from)
                .with_context(|| format!("the directory {} can't be made", directory.display()))
        }
        MailTransport::Server { host, port, protection } => {
            let login = match &settings.mail_login {
                Some((user, file)) => Some((user.value.clone(), secrets::read(&file.value)?)),
                None => None,
            };
            let server = Server { host: host.clone(), port: *port, protection: *protection, login };
            Delivery::to_server(&server, from).map_err(|e| anyhow!("the mail server {host} can't be used: {e}"))
        }
    }
}
