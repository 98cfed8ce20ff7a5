//! From settings to an open store and the keys.

use crate::{config::Config, database_url::DatabaseUrl, secrets};
use anyhow::{Context, Result, anyhow};
use secrecy::ExposeSecret;
use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path};
use tinhnguyen_http::tokens::Tokens;
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

/// The keys that sign tokens.
///
/// # Errors
/// When the key can't be read or made, or is no Ed25519 key.
pub fn tokens(config: &Config) -> Result<Tokens> {
    let (path, pem) = match &config.signing_key_file {
        // A named file is the operator's: it is never made, because each replica would make its own.
        Some(file) => (file.value.clone(), secrets::read(&file.value)?),
        None => {
            make_directory(&config.data_dir.value)?;
            let path = config.data_dir.value.join("signing_key.pem");
            let pem = secrets::signing_key(&path)?;
            (path, pem)
        }
    };
    Tokens::from_pem(pem.expose_secret()).map_err(|e| anyhow!("the signing key {} can't be used: {e}", path.display()))
}
