//! Users from the command line, and the first one.

use crate::{cli::User as What, config::Config, open, say, secrets};
use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::{path::Path, process::ExitCode};
use tinhnguyen_domain::{
    Stamp,
    access::Role,
    clock::{Clock, SystemClock},
};
use tinhnguyen_http::passwords::Passwords;
use tinhnguyen_persistence::{
    Store, StoreError, StoreResult, Tx,
    access::{self, GrantRecord, User},
    audit::{self, Change},
    org_units, resets, sessions,
};
use uuid::Uuid;

/// The name of the first user.
pub const FIRST: &str = "admin";
/// Whose row is the lock under which the first user is made.
const FIRST_LOCK: &str = "first_user";
/// What the audit log names instead of a request.
const COMMAND_LINE: &str = "command-line";

/// A user to be made, with what it is granted.
pub struct NewUser<'a> {
    /// Name to log in with.
    pub username: &'a str,
    /// The person's name.
    pub full_name: &'a str,
    /// What is granted: the role, the unit at the top of its subtree, and when set, only this team of it.
    pub grant: Option<(Role, Uuid, Option<Uuid>)>,
}

/// Makes a user and its grant.
///
/// # Errors
/// [`StoreError::Conflict`] when the username is taken.
pub async fn add(tx: &Tx, new: &NewUser<'_>, password_hash: &str, now: DateTime<Utc>) -> StoreResult<Uuid> {
    let stamp = || Stamp { id: Uuid::now_v7(), created_at: now, updated_at: now, version: 1 };
    let user = User {
        stamp: stamp(),
        username: new.username.to_owned(),
        full_name: new.full_name.to_owned(),
        email: None,
        disabled: false,
        created_by: None,
    };
    let id = user.stamp.id;
    access::insert_user(tx, &user, Some(password_hash.to_owned())).await?;
    let change = |action, resource, resource_id| Change {
        at: now,
        actor_id: id,
        action,
        resource,
        resource_id,
        request_id: COMMAND_LINE,
        org_unit_id: None,
        address: None,
    };
    audit::record(tx, &change("create_user", "user", id)).await?;
    if let Some((role, org_unit_id, team_id)) = new.grant {
        let grant = GrantRecord {
            stamp: stamp(),
            user_id: id,
            role,
            org_unit_id,
            team_id,
            valid_from: None,
            valid_to: None,
            granted_by: id,
        };
        access::insert_grant(tx, &grant).await?;
        audit::record(tx, &change("create_grant", "grant", grant.stamp.id)).await?;
    }
    Ok(id)
}

/// The first user, when it was made just now.
pub enum First {
    /// There are users already.
    NotNeeded,
    /// Made, with the password of the file.
    FromFile,
    /// Made, with a password that nobody knows yet.
    MadeUp(SecretString),
}

/// Makes the first user, an administrator at the centre, when there are no users. Of two replicas that start at once,
/// one does.
///
/// # Errors
/// When the password can't be read or hashed, or the user not be stored.
pub async fn make_first(store: &Store, passwords: &Passwords, file: Option<&Path>) -> Result<First> {
    if access::count_users(store.read()).await? > 0 {
        return Ok(First::NotNeeded);
    }
    let password = file.map_or_else(|| Ok(secrets::made_up()), secrets::read_password)?;
    let hash = hashed(passwords, &password).await?;
    let now = SystemClock.now();
    let made = store
        .write::<_, StoreError>(async |tx| {
            org_units::advance(tx, FIRST_LOCK, 1).await?;
            if access::count_users(tx).await? > 0 {
                return Ok(false);
            }
            let centre = org_units::root(tx).await?.map(|unit| (Role::Administrator, unit.stamp.id, None));
            let new = NewUser { username: FIRST, full_name: "Quản trị viên", grant: centre };
            add(tx, &new, &hash, now).await?;
            Ok(true)
        })
        .await
        .context("the first user can't be made")?;
    Ok(match (made, file) {
        (false, _) => First::NotNeeded,
        (true, Some(_)) => First::FromFile,
        (true, None) => First::MadeUp(password),
    })
}

/// The hash of a password.
///
/// # Errors
/// When hashing fails.
pub async fn hashed(passwords: &Passwords, password: &SecretString) -> Result<String> {
    passwords.hash(password.clone()).await.map_err(|e| anyhow!("the password can't be hashed: {e}"))
}

/// A username as the API takes and keeps it.
fn username_of(name: &str) -> Result<String> {
    let sound = (2..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'+' | b'-'));
    if sound {
        Ok(name.to_ascii_lowercase())
    } else {
        bail!("a username is 2 to 64 of a-z, 0-9, `.`, `_`, `@`, `+`, `-`")
    }
}

/// Runs the command.
pub(crate) async fn run(config: &Config, what: What) -> Result<ExitCode> {
    let (What::Add { password_file, .. } | What::Passwd { password_file, .. }) = &what;
    let made_up = password_file.is_none();
    let password = password_file.as_deref().map_or_else(|| Ok(secrets::made_up()), secrets::read_password)?;
    let store = open::current_store(config).await?;
    let hash = hashed(&Passwords::default(), &password).await?;
    match &what {
        What::Add { username, full_name, role, org_unit, .. } => {
            add_user(&store, &username_of(username)?, full_name, role.map(|role| (role, org_unit.as_str())), &hash)
                .await?;
        }
        What::Passwd { username, .. } => set_password(&store, &username_of(username)?, &hash).await?,
    }
    store.close().await?;
    if made_up {
        say(format_args!("password (shown this once): {}\n", password.expose_secret()))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn add_user(
    store: &Store,
    username: &str,
    full_name: &str,
    grant: Option<(Role, &str)>,
    hash: &str,
) -> Result<()> {
    let grant = match grant {
        Some((Role::TeamLeader, _)) => bail!("a team leader is granted one team; use the API for that"),
        Some((role, code)) => {
            let unit = org_units::find_by_code(store.read(), code).await?;
            let unit = unit.with_context(|| format!("there is no unit with the code {code}"))?;
            Some((role, unit.stamp.id, None))
        }
        None => None,
    };
    let full_name = tinhnguyen_domain::text::nfc(full_name);
    let new = NewUser { username, full_name: &full_name, grant };
    let now = SystemClock.now();
    match store.write(async |tx| add(tx, &new, hash, now).await).await {
        Err(StoreError::Conflict(_)) => bail!("there is a user {username} already"),
        outcome => outcome.map(|_| ()).context("the user can't be stored"),
    }
}

async fn set_password(store: &Store, username: &str, hash: &str) -> Result<()> {
    let found = access::credentials(store.read(), username).await?;
    let id = found.with_context(|| format!("there is no user {username}"))?.user_id;
    let now = SystemClock.now();
    store
        .write::<_, StoreError>(async |tx| {
            let Some(mut user) = access::find_user(tx, id).await? else { return Err(StoreError::Stale) };
            user.stamp.version += 1;
            user.stamp.updated_at = now;
            access::update_user(tx, &user, Some(hash.to_owned())).await?;
            // Whoever came in with the old one is out.
            sessions::end_all(tx, id, now).await?;
            resets::void(tx, id, now).await?;
            let change = Change {
                at: now,
                actor_id: id,
                action: "set_password",
                resource: "user",
                resource_id: id,
                request_id: COMMAND_LINE,
                org_unit_id: None,
                address: None,
            };
            audit::record(tx, &change).await
        })
        .await
        .context("the password can't be stored")
}
