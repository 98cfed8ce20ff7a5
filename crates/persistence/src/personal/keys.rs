//! The keys: one that stands in a file wraps the data keys that stand in the database.

use crate::{StoreError, StoreResult};
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey},
    hmac, rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox, zeroize::Zeroize};
use std::{fmt::Write, path::Path};
use thiserror::Error;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce, which stands before the ciphertext.
const NONCE: usize = 12;

/// Why a file of keys can't be used. Never shows what is in it.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("the file of keys can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is no key.
    #[error(
        "line {0} of the file of keys is no key: 32 bytes in base64 are wanted, as `openssl rand -base64 32` prints"
    )]
    NoKey(usize),
    /// It has no key.
    #[error("the file of keys has no key in it")]
    Empty,
    /// The machine gives no randomness.
    #[error("the machine gives no randomness")]
    NoRandomness,
}

/// A key that wraps data keys. It stands in a file, never in the database.
pub struct MasterKey {
    key: SecretBox<[u8; KEY]>,
    id: String,
}

impl Clone for MasterKey {
    fn clone(&self) -> Self {
        Self { key: SecretBox::new(Box::new(*self.key.expose_secret())), id: self.id.clone() }
    }
}

impl MasterKey {
    fn from_bytes(mut bytes: [u8; KEY]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"tinhnguyen/personal/key-id");
        let mut id = String::new();
        for byte in tag.as_ref().iter().take(8) {
            let _ = write!(id, "{byte:02x}");
        }
        let key = SecretBox::new(Box::new(bytes));
        bytes.zeroize();
        Self { key, id }
    }

    /// A new key.
    ///
    /// # Errors
    /// [`KeyFileError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyFileError> {
        let mut bytes = [0_u8; KEY];
        rand::fill(&mut bytes).map_err(|_| KeyFileError::NoRandomness)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Names the key without telling it: a keyed hash, in hexadecimal.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn line(&self) -> String {
        STANDARD.encode(self.key.expose_secret())
    }

    /// Seals a data key for the row of its generation.
    pub(super) fn wrap(&self, generation: i64, data: &DataKey) -> StoreResult<Vec<u8>> {
        seal(self.key.expose_secret(), &wrapping(generation), data.0.expose_secret())
    }

    /// Opens a wrapped data key.
    pub(super) fn unwrap(&self, generation: i64, wrapped: &[u8]) -> StoreResult<DataKey> {
        let mut bytes = open(self.key.expose_secret(), &wrapping(generation), wrapped)
            .ok_or_else(|| StoreError::Sealed(format!("the data key {generation} is not as it was wrapped")))?;
        let whole = <[u8; 2 * KEY]>::try_from(bytes.as_slice());
        bytes.zeroize();
        let whole = whole.map_err(|_| StoreError::Sealed(format!("the data key {generation} has a wrong length")))?;
        Ok(DataKey(SecretBox::new(Box::new(whole))))
    }
}

fn wrapping(generation: i64) -> Vec<u8> {
    [&b"tinhnguyen/personal/data-key/v1"[..], &generation.to_be_bytes()].concat()
}

/// The master keys of a file: the first wraps what is new, all open what is there.
#[derive(Clone)]
pub struct KeyRing {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub const fn of(first: MasterKey) -> Self {
        Self { first, others: vec![] }
    }

    /// Reads the text of a file: a key a line in base64; empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// [`KeyFileError::NoKey`], [`KeyFileError::Empty`].
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut keys = Vec::new();
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let no_key = || KeyFileError::NoKey(at + 1);
            let mut bytes = STANDARD.decode(line).map_err(|_| no_key())?;
            let key = <[u8; KEY]>::try_from(bytes.as_slice()).map_err(|_| no_key());
            bytes.zeroize();
            keys.push(MasterKey::from_bytes(key?));
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyFileError::Empty)?;
        Ok(Self { first, others: keys.collect() })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let mut text = std::fs::read_to_string(path)?;
        let ring = Self::parse(&text);
        text.zeroize();
        ring
    }

    /// The text of a file with these keys.
    #[must_use]
    pub fn to_text(&self) -> secrecy::SecretString {
        let mut text = String::from(
            "# Keys of the personal data; the first is the present one. Keep a copy apart from the database.\n",
        );
        for key in std::iter::once(&self.first).chain(&self.others) {
            text.push_str(&key.line());
            text.push('\n');
        }
        text.into()
    }

    /// The key that wraps what is new.
    #[must_use]
    pub const fn first(&self) -> &MasterKey {
        &self.first
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.first).chain(&self.others).find(|key| key.id == id)
    }

    /// The ring with another key in front; those that were there stay.
    #[must_use]
    pub fn led_by(&self, first: MasterKey) -> Self {
        let rest = std::iter::once(&self.first).chain(&self.others).filter(|key| key.id != first.id);
        let others = rest.cloned().collect();
        Self { first, others }
    }
}

/// A data key: one half encrypts, the other makes blind indexes.
pub(super) struct DataKey(SecretBox<[u8; 2 * KEY]>);

impl DataKey {
    pub(super) fn generate() -> StoreResult<Self> {
        let mut bytes = [0_u8; 2 * KEY];
        rand::fill(&mut bytes).map_err(|_| StoreError::Sealed("the machine gives no randomness".to_owned()))?;
        let key = SecretBox::new(Box::new(bytes));
        bytes.zeroize();
        Ok(Self(key))
    }

    fn half(&self, second: bool) -> &[u8] {
        let (one, two) = self.0.expose_secret().split_at(KEY);
        if second { two } else { one }
    }

    /// Encrypts a value for one place.
    pub(super) fn seal(&self, place: &[u8], value: &[u8]) -> StoreResult<Vec<u8>> {
        seal(self.half(false), place, value)
    }

    /// Decrypts what was encrypted for this place; nothing when it was for another, or was changed.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        open(self.half(false), place, sealed)
    }

    /// A keyed hash: the same for the same value and purpose, and no help in guessing without the key.
    pub(super) fn hash(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.half(true)));
        context.update(&u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(value);
        context.sign().as_ref().to_vec()
    }
}

/// Nonce, ciphertext, tag. GCM-SIV, so that even a nonce that came twice would tell nothing but equality.
fn seal(key: &[u8], place: &[u8], value: &[u8]) -> StoreResult<Vec<u8>> {
    let failed = |_| StoreError::Sealed("a value can't be encrypted".to_owned());
    let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key).map_err(failed)?;
    let mut sealed = value.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(failed)?;
    Ok([&nonce.as_ref()[..], &sealed].concat())
}

fn open(key: &[u8], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key).ok()?;
    let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
    let mut text = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = key.open_in_place(nonce, Aad::from(place), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_at_its_place_and_unchanged() {
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(b"here", "0912 345 678".as_bytes()).unwrap();
        assert_eq!(key.open(b"here", &sealed).unwrap(), "0912 345 678".as_bytes());
        assert!(key.open(b"there", &sealed).is_none());
        assert!(DataKey::generate().unwrap().open(b"here", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(b"here", &changed).is_none(), "byte {at}");
        }
        assert!(key.open(b"here", &sealed[..5]).is_none());
        assert_ne!(key.seal(b"here", b"x").unwrap(), key.seal(b"here", b"x").unwrap(), "a nonce each");
    }

    #[test]
    fn a_data_key_is_unwrapped_by_the_key_that_wrapped_it_for_its_generation() {
        let (master, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let data = DataKey::generate().unwrap();
        let wrapped = master.wrap(3, &data).unwrap();
        let again = master.unwrap(3, &wrapped).unwrap();
        assert_eq!(again.hash("phone", b"x"), data.hash("phone", b"x"));
        assert_ne!(again.hash("phone", b"x"), data.hash("email", b"x"));
        assert!(master.unwrap(4, &wrapped).is_err() && other.unwrap(3, &wrapped).is_err());
    }

    #[test]
    fn a_file_of_keys_is_read_written_and_led_by_a_new_one() {
        let old = KeyRing::of(MasterKey::generate().unwrap());
        let new = MasterKey::generate().unwrap();
        let both = old.led_by(new.clone());
        let read = KeyRing::parse(both.to_text().expose_secret()).unwrap();
        assert_eq!((read.first().id(), read.others.len()), (new.id(), 1));
        assert!(read.find(old.first().id()).is_some() && old.find(new.id()).is_none());
        assert_eq!(read.led_by(old.first().clone()).others.len(), 1, "no key stands twice");
        for (text, line) in [("eA==\n", "line 1"), ("# x\n\nnot base64!\n", "line 3")] {
            let error = KeyRing::parse(text).err().unwrap().to_string();
            assert!(error.contains(line) && !error.contains("eA") && !error.contains("base64!"), "{error}");
        }
        assert!(matches!(KeyRing::parse("# nothing\n"), Err(KeyFileError::Empty)));
    }
}
