//! The keys that sign tokens: several in one file, so that a new one is known everywhere before it signs, and an old one
//! still checks what it has signed.

use crate::tokens::LIFETIME;
use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Stands before a key that signs only from an instant on. PEM allows text between the keys (RFC 7468 §2).
const ACTIVE_FROM: &str = "active-from:";
/// How long a key is kept after its last token has run out: clocks differ, and so do the moments of rereading.
const KEPT: Duration = Duration::minutes(15);

/// One key.
pub struct Key {
    /// The RFC 7638 thumbprint: replicas that share the key share its name.
    pub id: String,
    /// When it begins to sign; none for the first one.
    pub active_from: Option<DateTime<Utc>>,
    /// Signs.
    pub(crate) encoding: EncodingKey,
    /// Checks.
    pub(crate) decoding: DecodingKey,
    public: String,
    pem: SecretString,
}

impl Key {
    fn new(pem: String, active_from: Option<DateTime<Utc>>) -> Result<Self, String> {
        let body: String = pem.lines().filter(|l| !l.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(body).map_err(|_| "it is not PEM".to_owned())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|_| "it is not an Ed25519 key in PKCS#8; make one with `openssl genpkey -algorithm ed25519`")?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let thumb = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, thumb.as_bytes())),
            active_from,
            encoding: EncodingKey::from_ed_der(&der),
            decoding: DecodingKey::from_ed_components(&public).map_err(|e| e.to_string())?,
            public,
            pem: SecretString::from(pem),
        })
    }
}

/// A new private key as PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` would make it.
///
/// # Errors
/// When the machine gives no randomness.
pub fn generate_key() -> Result<String, String> {
    let pair = Ed25519KeyPair::generate().map_err(|e| e.to_string())?;
    let der = pair.to_pkcs8v1().map_err(|e| e.to_string())?;
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    Ok(format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")))
}

/// The keys of a file, at least one, in the order in which they begin to sign.
pub struct Keyring(Vec<Key>);

impl Keyring {
    /// Reads private keys in PKCS#8 PEM.
    ///
    /// # Errors
    /// When there is none, or one is no Ed25519 key.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        let mut active_from = None;
        let mut pem: Option<String> = None;
        for line in text.lines().map(str::trim) {
            if line == BEGIN {
                pem = Some(String::new());
            }
            if let Some(pem) = &mut pem {
                pem.push_str(line);
                pem.push('\n');
            } else if let Some(instant) = line.strip_prefix(ACTIVE_FROM) {
                let instant = DateTime::parse_from_rfc3339(instant.trim());
                active_from = Some(instant.map_err(|_| format!("`{line}` holds no RFC 3339 instant"))?.to_utc());
            }
            if line == END
                && let Some(pem) = pem.take()
            {
                keys.push(Key::new(pem, active_from.take())?);
            }
        }
        if keys.is_empty() {
            // Also PEM that is cut off, or of another kind of key.
            return Err(
                "it holds no whole Ed25519 key in PKCS#8 PEM; make one with `openssl genpkey -algorithm ed25519`"
                    .to_owned(),
            );
        }
        keys.sort_by_key(|key| key.active_from);
        Ok(Self(keys))
    }

    /// The file's text.
    #[must_use]
    pub fn to_pem(&self) -> SecretString {
        let text: String = self
            .0
            .iter()
            .map(|key| {
                let from = key.active_from.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
                let from = from.map(|at| format!("{ACTIVE_FROM} {at}\n")).unwrap_or_default();
                from + key.pem.expose_secret()
            })
            .collect();
        SecretString::from(text)
    }

    /// All keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// The key that signs at an instant: the last one that has begun to, or else the first.
    #[must_use]
    pub fn signing(&self, now: DateTime<Utc>) -> Option<&Key> {
        self.0.iter().rev().find(|key| key.active_from.is_none_or(|from| from <= now)).or_else(|| self.0.first())
    }

    /// The key of a name.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Adds a new key that signs from `from` on, and leaves those out whose tokens have all run out.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn rotate(self, now: DateTime<Utc>, from: DateTime<Utc>) -> Result<Self, String> {
        let mut keys = self.0;
        // A key is done when the one after it has signed for longer than a token lives.
        let begins: Vec<_> = keys.iter().skip(1).map(|next| next.active_from).collect();
        let done = |next: &Option<DateTime<Utc>>| next.is_some_and(|from| from + LIFETIME + KEPT <= now);
        let keep = begins.iter().rposition(done).map_or(0, |last| last + 1);
        keys.drain(..keep);
        keys.push(Key::new(generate_key()?, Some(from))?);
        keys.sort_by_key(|key| key.active_from);
        Ok(Self(keys))
    }

    /// One new key and no other: every token that was ever signed stops working.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn replace() -> Result<Self, String> {
        Self::from_pem(&generate_key()?)
    }

    /// The public keys as a JWK set (RFC 7517), also those that don't sign yet.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let key = |key: &Key| {
            json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": key.public,
            })
        };
        json!({"keys": self.0.iter().map(key).collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_rotation_makes_the_next_key_known_first_and_forgets_the_last_one_late() {
        let now = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap();
        let first = Keyring::from_pem(&generate_key().unwrap()).unwrap();
        let one = first.keys()[0].id.clone();
        let from = now + Duration::minutes(10);
        let ring = first.rotate(now, from).unwrap();
        let ring = Keyring::from_pem(ring.to_pem().expose_secret()).unwrap();
        assert_eq!(ring.keys().len(), 2);
        let two = ring.keys()[1].id.clone();
        assert_eq!(ring.jwks()["keys"].as_array().unwrap().len(), 2);
        assert_eq!(ring.signing(from - Duration::seconds(1)).unwrap().id, one);
        assert_eq!(ring.signing(from).unwrap().id, two);
        assert!(ring.by_id(&one).is_some() && ring.by_id(&two).is_some());

        let soon = ring.rotate(from + LIFETIME, from + LIFETIME).unwrap();
        assert!(soon.by_id(&one).is_some(), "its last tokens may still be about");
        let late = from + LIFETIME + KEPT;
        let later = soon.rotate(late, late).unwrap();
        assert!(later.by_id(&one).is_none());
        assert!(later.by_id(&two).is_some());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = generate_key().unwrap();
        for wrong in [
            "",
            "no key",
            &key[..key.len() - 30],
            &format!("active-from: tomorrow\n{key}"),
            &key.replace("MC4C", "MC4D"),
        ] {
            assert!(Keyring::from_pem(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Keyring::from_pem(&format!("a note\n\n{key}")).unwrap().keys().len(), 1);
    }
}
