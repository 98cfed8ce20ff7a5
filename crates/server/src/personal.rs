//! Personal data from the command line: its keys, their rotation, and the end of its time.

use crate::{
    cli::PersonalData,
    commands::bar,
    config::Config,
    open::{self, make_directory},
    say,
};
use anyhow::{Context, Result, anyhow, bail};
use secrecy::ExposeSecret;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tinhnguyen_domain::clock::{Clock, SystemClock};
use tinhnguyen_http::app::today;
use tinhnguyen_persistence::{
    Store, StoreError,
    personal::{self, Begun, KeyRing, MasterKey, Vault},
    volunteers,
};
use tracing::info;
use uuid::Uuid;

/// Values that are sealed anew in one transaction.
const RECRYPTED: u64 = 500;
/// Volunteers that are made unknown in one transaction.
pub const EXPIRED: u64 = 50;

/// Where the keys are, and whether the operator named the file.
fn file(config: &Config) -> (PathBuf, bool) {
    match &config.personal_key_file {
        Some(file) => (file.value.clone(), true),
        None => (config.data_dir.value.join("personal.key"), false),
    }
}

/// Opens the vault: the keys of the file, which is made at the first start unless the operator named one, and the data
/// keys of the database.
///
/// # Errors
/// When there is no file and the database has personal data, or the file has other keys than they are under.
pub async fn vault(config: &Config, store: &Store) -> Result<Vault> {
    let (path, named) = file(config);
    if !path.try_exists().with_context(|| format!("the file {} can't be looked for", path.display()))? {
        // A named file is never made, because each replica would make its own; and a new key opens nothing that is there.
        if let Some(id) = personal::wrapped_by(store.read()).await.context("the database can't be asked")? {
            bail!(
                "the file {} is missing, and the database holds personal data under its key {id}: put it back",
                path.display()
            );
        }
        if named {
            bail!(
                "the file {} of `personal_key_file` is missing; `openssl rand -base64 32` makes a key",
                path.display()
            );
        }
        make_directory(&config.data_dir.value)?;
        make(&path)?;
    }
    let vault = Vault::of_file(path.clone()).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let ready = vault.ensure(store, SystemClock.now()).await;
    ready.with_context(|| format!("the personal data can't be opened with {}", path.display()))?;
    Ok(vault)
}

/// Makes a file with a new key that only its owner reads. It appears whole or not at all, and of two processes that start
/// at once the second takes the first one's.
fn make(path: &Path) -> Result<()> {
    let ring = KeyRing::of(MasterKey::generate()?);
    let draft = draft(path, &ring)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).with_context(|| format!("{} can't be removed", draft.display()))?;
    match linked {
        Err(err) if err.kind() != ErrorKind::AlreadyExists => {
            Err(err).with_context(|| format!("the file {} can't be made", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a ring beside a file.
fn draft(path: &Path, ring: &KeyRing) -> Result<PathBuf> {
    let draft = path.with_extension(format!("{}.new", Uuid::now_v7()));
    let whole = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(ring.to_text().expose_secret().as_bytes())?;
        file.sync_all()
    };
    whole().with_context(|| {
        format!(
            "the file {} can't be written: put the new key on its first line by hand, keep the old one below it, and run \
             this again without --new-key-file",
            path.display()
        )
    })?;
    Ok(draft)
}

/// Puts a key in front of a file's, in one step.
fn lead(path: &Path, ring: &KeyRing) -> Result<()> {
    let draft = draft(path, ring)?;
    fs::rename(&draft, path).with_context(|| format!("the file {} can't be replaced", path.display()))
}

/// Runs the command.
///
/// # Errors
/// When the database or the keys can't be used.
pub async fn run(config: &Config, what: PersonalData) -> Result<ExitCode> {
    let store = open::current_store(config).await?;
    match what {
        PersonalData::Rotate { new_key_file } => rotate(config, &store, new_key_file.as_deref()).await?,
        PersonalData::Expire { dry_run } => expire(config, &store, dry_run).await?,
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(config: &Config, store: &Store, new_key_file: Option<&Path>) -> Result<()> {
    let now = SystemClock.now();
    let (path, _) = file(config);
    let mut vault = vault(config, store).await?;
    let ring = KeyRing::read(&path).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let unfinished = personal::begin(store, &vault, now).await.context("a new data key can't be made")?;
    let begun = match (unfinished, new_key_file) {
        // The file was changed by hand, or an earlier run was stopped: this one ends what began.
        (Begun::Fresh | Begun::Resumed, None) => unfinished,
        (Begun::Resumed, Some(_)) => bail!("an earlier rotation was stopped; run this without --new-key-file first"),
        (Begun::Fresh, Some(_)) => bail!(
            "the first key of {} was not in use yet and is now; run this without --new-key-file first",
            path.display()
        ),
        (Begun::NothingToDo, given) => {
            let new = match given {
                Some(given) => {
                    let ring = KeyRing::read(given).map_err(|e| anyhow!("{}: {e}", given.display()))?;
                    ring.first().clone()
                }
                None => MasterKey::generate()?,
            };
            if new.id() == ring.first().id() {
                bail!("the key {} is the present one already", new.id());
            }
            lead(&path, &ring.led_by(new))?;
            vault = Vault::of_file(path.clone()).map_err(|e| anyhow!("{}: {e}", path.display()))?;
            personal::begin(store, &vault, now).await.context("a new data key can't be made")?
        }
    };
    let ring = KeyRing::read(&path).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let done = recrypt(store, &vault).await?;
    let went_on = if begun == Begun::Resumed { "went on and " } else { "" };
    say(format_args!(
        "{went_on}sealed {done} values anew under the key {}, which is the first of {}\n\
         keep the older keys there until no backup is left that was made before\n",
        ring.first().id(),
        path.display()
    ))
}

/// Seals everything anew that is under an older data key, with a bar, and removes the older ones.
async fn recrypt(store: &Store, vault: &Vault) -> Result<u64> {
    let context = "the personal data can't be sealed anew; run this again to go on";
    let bar = bar("values sealed anew");
    let mut done = 0;
    loop {
        bar.set_length(done + personal::waiting(store.read()).await.context(context)?);
        let batch = store.write(async |tx| personal::recrypt(tx, vault, RECRYPTED).await).await.context(context)?;
        done += batch;
        bar.set_position(done);
        if batch == 0 && personal::finish(store).await.context(context)? {
            bar.finish_and_clear();
            return Ok(done);
        }
    }
}

async fn expire(config: &Config, store: &Store, dry_run: bool) -> Result<()> {
    let (days, now) = (config.volunteer_retention_days.value.get(), SystemClock.now());
    if dry_run {
        let count =
            volunteers::count_due(store.read(), now, today(now), days).await.context("nobody can be counted")?;
        return say(format_args!("{count} volunteers would be made unknown: their {days} days are over\n"));
    }
    let count = expire_all(store, days).await.context("the personal data can't be erased")?;
    say(format_args!("{count} volunteers made unknown: their {days} days were over\n"))
}

/// Makes everybody unknown whose time is over, in small transactions.
///
/// # Errors
/// When the database refuses.
pub async fn expire_all(store: &Store, days: u32) -> Result<u64, StoreError> {
    let mut done = 0;
    loop {
        let now = SystemClock.now();
        // Asked first, so that nothing is written where nobody is due.
        if volunteers::count_due(store.read(), now, today(now), days).await? == 0 {
            return Ok(done);
        }
        let batch = store.write(async |tx| volunteers::expire(tx, now, today(now), days, EXPIRED).await).await?;
        done += batch;
        info!(volunteers = batch, "made unknown: their time was over");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_of_keys_is_made_once_for_its_owner_and_led_by_a_new_key_in_one_step() {
        let dir = std::env::temp_dir().join(format!("tinhnguyen-personal-{}", Uuid::now_v7()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("personal.key");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| make(&path).unwrap());
            }
        });
        let ring = KeyRing::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let new = MasterKey::generate().unwrap();
        lead(&path, &ring.led_by(new.clone())).unwrap();
        let led = KeyRing::read(&path).unwrap();
        assert_eq!(led.first().id(), new.id());
        assert!(led.find(ring.first().id()).is_some());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(dir).unwrap();
    }
}
