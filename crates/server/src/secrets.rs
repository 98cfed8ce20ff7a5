//! Passwords and keys: read from files or made up, shown once, never logged.

use anyhow::{Context, Result, bail};
use rand::seq::IndexedRandom;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use tinhnguyen_http::{keyring, passwords::MIN_LENGTH};

/// Letters and digits that nobody takes for one another.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new password of 20 characters in groups of five: 100 bits.
#[must_use]
pub fn made_up() -> SecretString {
    let mut random = rand::rng();
    let groups: Vec<String> =
        (0..4).map(|_| (0..5).filter_map(|_| LETTERS.choose(&mut random)).map(|b| char::from(*b)).collect()).collect();
    SecretString::from(groups.join("-"))
}

/// The secret in a file, without the line's end.
///
/// # Errors
/// When the file can't be read or is empty.
pub fn read(path: &Path) -> Result<SecretString> {
    let text = fs::read_to_string(path).with_context(|| format!("the file {} can't be read", path.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("the file {} is empty", path.display());
    }
    Ok(SecretString::from(secret))
}

/// The password in a file.
///
/// # Errors
/// When the file can't be read, or the password is too short.
pub fn read_password(path: &Path) -> Result<SecretString> {
    let password = read(path)?;
    if password.expose_secret().chars().count() < MIN_LENGTH {
        bail!("the password in {} is too short: it needs at least {MIN_LENGTH} characters", path.display());
    }
    Ok(password)
}

/// The signing key in a file, made when it is not there; see [`made_once`].
///
/// # Errors
/// When the file can be neither read nor made.
pub fn signing_key(path: &Path) -> Result<SecretString> {
    made_once(path, "signing key", || keyring::generate_key().map(SecretString::from))
}

/// The key in a file; when the file is not there, makes one that only the owner reads. Two processes that start at once
/// end up with the same key: the file appears whole or not at all, and whoever is second takes it.
///
/// # Errors
/// When the file can be neither read nor made.
pub fn made_once(path: &Path, what: &str, make: impl FnOnce() -> Result<SecretString, String>) -> Result<SecretString> {
    let whole = |e| anyhow::Error::new(e).context(format!("the {what} {} can't be made", path.display()));
    match fs::read_to_string(path) {
        Ok(key) => return Ok(SecretString::from(key)),
        Err(err) if err.kind() == ErrorKind::NotFound => {}
        Err(err) => return Err(err).with_context(|| format!("the {what} {} can't be read", path.display())),
    }
    let key = make().map_err(|e| anyhow::anyhow!("no {what} can be made: {e}"))?;
    let draft = path.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(whole)?;
    let outcome = file
        .write_all(key.expose_secret().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).map_err(whole)?;
    match outcome {
        Ok(()) => Ok(key),
        Err(err) if err.kind() == ErrorKind::AlreadyExists => {
            Ok(SecretString::from(fs::read_to_string(path).map_err(whole)?))
        }
        Err(err) => Err(whole(err)),
    }
}

/// Writes a secret over the one in a file. The file stays the same one, with its owner and its rights, because containers
/// hold on to it; the whole new text lies beside it meanwhile, in `…new`, in case we are interrupted.
///
/// # Errors
/// When a file can't be written.
pub fn write_over(path: &Path, secret: &SecretString) -> Result<()> {
    let text = secret.expose_secret().as_bytes();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let at = |path: &Path| format!("the file {} can't be written", path.display());
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| at(beside.as_ref()))?;
    copy.write_all(text).and_then(|()| copy.sync_all()).with_context(|| at(beside.as_ref()))?;
    let written = OpenOptions::new().write(true).truncate(true).open(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    if written.is_ok() {
        fs::remove_file(&beside).with_context(|| at(beside.as_ref()))?;
    }
    written.with_context(|| at(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn directory() -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("tinhnguyen-secrets-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn made_up_passwords_are_long_and_differ() {
        let (one, two) = (made_up(), made_up());
        assert_eq!(one.expose_secret().len(), 23);
        assert_ne!(one.expose_secret(), two.expose_secret());
    }

    #[test]
    fn a_password_file_may_end_in_a_newline_and_must_be_long_enough() {
        let dir = directory();
        let file = dir.join("password");
        fs::write(&file, "một mật khẩu dài\r\n").unwrap();
        assert_eq!(read_password(&file).unwrap().expose_secret(), "một mật khẩu dài");
        fs::write(&file, "mậtkhẩungắn\n").unwrap();
        let error = read_password(&file).unwrap_err().to_string();
        assert!(error.contains("at least 12") && !error.contains("mật"), "{error}");
        fs::write(&file, "\n").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("is empty"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_signing_key_is_made_once_and_for_its_owner_alone() {
        let dir = directory();
        let file = dir.join("signing_key.pem");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| signing_key(&file).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap().expose_secret().to_owned()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "all have the same key");
        keyring::Keyring::from_pem(&keys[0]).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        assert!(signing_key(&dir.join("absent").join("key.pem")).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
