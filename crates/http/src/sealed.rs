//! Secrets that must be read again (second factors, mail that waits, secrets of webhooks): AES-256-GCM under keys derived from one key file.
//!
//! This is the one door to that key: whoever wants another envelope changes [`Sealer`] and nothing else.

use crate::problem::{ApiError, ApiResult};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf, rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// The first byte of what is sealed: the way it is sealed, so that another way can come later.
const VERSION: u8 = 1;
/// Bytes of the key in the file, and of the keys derived from it.
const KEY_LEN: usize = 32;

/// What a sealed text is for: each purpose has a key of its own, and a text sealed for one is not opened for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The secret of an authenticator app.
    Totp,
    /// The text of a mail.
    Mail,
    /// Nonce and verifier of a login that waits for the provider.
    Login,
    /// The secret that signs a webhook's deliveries.
    Webhook,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Totp => b"tinhnguyen/totp",
            Self::Mail => b"tinhnguyen/mail",
            Self::Login => b"tinhnguyen/login",
            Self::Webhook => b"tinhnguyen/webhook",
        }
    }
}

/// Seals and opens secrets. It prints nothing of its key.
pub struct Sealer(Option<hkdf::Prk>);

impl Sealer {
    /// A new key as its file holds it: 256 random bits in base64.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn generate() -> Result<SecretString, String> {
        let mut key = [0_u8; KEY_LEN];
        rand::fill(&mut key).map_err(|_| "the machine gives no randomness".to_owned())?;
        Ok(SecretString::from(STANDARD.encode(key)))
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    /// When it is not 256 bits in base64.
    pub fn from_text(text: &SecretString) -> Result<Self, String> {
        let key = STANDARD.decode(text.expose_secret().trim()).unwrap_or_default();
        if key.len() != KEY_LEN {
            return Err("it is not 32 bytes in base64; make one with `openssl rand -base64 32`".to_owned());
        }
        Ok(Self(Some(hkdf::Salt::none(hkdf::HKDF_SHA256).extract(&key))))
    }

    /// A sealer that nobody can open after this process: for applications without a key file.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self::generate().and_then(|text| Self::from_text(&text)).unwrap_or(Self(None))
    }

    fn key(&self, purpose: Purpose) -> ApiResult<RandomizedNonceKey> {
        let prk = self.0.as_ref().ok_or_else(|| ApiError::internal("there is no key to seal with"))?;
        let mut key = [0_u8; KEY_LEN];
        let info = [purpose.label()];
        prk.expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, &key))
            .map_err(|_| ApiError::internal("the key can't be derived"))
    }

    /// Seals a text for a purpose and for one row, so that it can't be moved to another one.
    ///
    /// # Errors
    /// `internal` when it can't be done.
    pub fn seal(&self, purpose: Purpose, row: Uuid, text: &SecretString) -> ApiResult<Vec<u8>> {
        let mut sealed = text.expose_secret().as_bytes().to_vec();
        let nonce = self
            .key(purpose)?
            .seal_in_place_append_tag(Aad::from(row.as_bytes()), &mut sealed)
            .map_err(|_| ApiError::internal("a secret can't be sealed"))?;
        let mut whole = vec![VERSION];
        whole.extend_from_slice(nonce.as_ref());
        whole.append(&mut sealed);
        Ok(whole)
    }

    /// Opens what was sealed for this purpose and row.
    ///
    /// # Errors
    /// `internal` when it was sealed with another key, for something else, or was tampered with.
    pub fn open(&self, purpose: Purpose, row: Uuid, sealed: &[u8]) -> ApiResult<SecretString> {
        let refused = || ApiError::internal("a sealed secret can't be opened: another key, or tampered with");
        let (version, rest) = sealed.split_first().ok_or_else(refused)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        if *version != VERSION {
            return Err(refused());
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut text = text.to_vec();
        let key = self.key(purpose)?;
        let open = key.open_in_place(nonce, Aad::from(row.as_bytes()), &mut text).map_err(|_| refused())?;
        std::str::from_utf8(open).map(SecretString::from).map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_key_for_its_purpose_and_row_alone() {
        let text = SecretString::from("bí mật");
        let (row, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let key = Sealer::generate().unwrap();
        let sealer = Sealer::from_text(&key).unwrap();
        let sealed = sealer.seal(Purpose::Totp, row, &text).unwrap();
        assert!(!sealed.windows(3).any(|w| w == "mật".as_bytes().split_at(3).0), "it is not readable");
        assert_ne!(sealed, sealer.seal(Purpose::Totp, row, &text).unwrap(), "each has its own nonce");
        let opened = Sealer::from_text(&key).unwrap().open(Purpose::Totp, row, &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "bí mật");
        assert!(sealer.open(Purpose::Mail, row, &sealed).is_err(), "another purpose");
        assert!(sealer.open(Purpose::Totp, other, &sealed).is_err(), "another row");
        assert!(Sealer::ephemeral().open(Purpose::Totp, row, &sealed).is_err(), "another key");
        for at in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            assert!(sealer.open(Purpose::Totp, row, &tampered).is_err(), "byte {at}");
        }
        assert!(sealer.open(Purpose::Totp, row, &[]).is_err() && sealer.open(Purpose::Totp, row, &[1, 2]).is_err());
        assert!(Sealer::from_text(&SecretString::from("short")).is_err());
    }
}
