//! Access tokens: JWT signed with Ed25519, and nothing else is ever accepted (RFC 8725).

use crate::{
    keyring::Keyring,
    problem::{ApiError, ApiResult, Code},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::sync::Cache;
use parking_lot::RwLock;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// How long an access token is good.
pub const LIFETIME: Duration = Duration::minutes(15);
/// How far two machines' clocks may be apart.
const LEEWAY: Duration = Duration::seconds(5);
/// `iss` and `aud` of our tokens.
pub const ISSUER: &str = "tinhnguyen";
/// The audience: this API.
pub const AUDIENCE: &str = "tinhnguyen-api";
/// `typ` of an access token (RFC 9068).
const TYPE: &str = "at+jwt";

/// Signs and checks tokens.
pub struct Tokens {
    ring: RwLock<Arc<Keyring>>,
    /// Tokens whose signature was right, by the hash of their whole text: looking at one takes a twentieth of checking it.
    seen: Cache<[u8; 32], Arc<Signed>>,
}

/// What a token with a right signature says, and by which key.
struct Signed {
    key_id: String,
    claims: Claims,
}

/// How many tokens are remembered; those least used go first.
const REMEMBERED: u64 = 20_000;

/// What a token says (RFC 7519, RFC 9068).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For which service.
    pub aud: String,
    /// For whom it speaks: a user's or a client's id.
    pub sub: Uuid,
    /// The client, when it speaks for one (RFC 9068).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    /// What a client's token is narrowed to (RFC 9068), separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The session that it belongs to: when that ends, so does the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The token's own id.
    pub jti: Uuid,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Not after.
    pub exp: i64,
}

impl Tokens {
    /// Reads private keys in PKCS#8 PEM.
    ///
    /// # Errors
    /// When there is none, or one is no Ed25519 key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let seen = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live((LIFETIME + LEEWAY).to_std().map_err(|e| e.to_string())?)
            .build();
        Ok(Self { ring: RwLock::new(Arc::new(Keyring::from_pem(pem)?)), seen })
    }

    /// Takes the keys of a file that may have changed; says whether they are other ones.
    ///
    /// # Errors
    /// When they can't be used: those there were stay.
    pub fn reload(&self, pem: &str) -> Result<bool, String> {
        let ring = Arc::new(Keyring::from_pem(pem)?);
        let changed = ring.to_pem().expose_secret() != self.keyring().to_pem().expose_secret();
        *self.ring.write() = ring;
        Ok(changed)
    }

    /// The keys in force.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.ring.read().clone()
    }

    /// A token for a user that no session ends.
    ///
    /// # Errors
    /// `internal` when it can't be signed.
    pub fn issue(&self, user_id: Uuid, now: DateTime<Utc>) -> ApiResult<String> {
        self.sign(user_id, now, |claims| claims)
    }

    /// A token for a user in a session.
    ///
    /// # Errors
    /// `internal` when it can't be signed.
    pub fn issue_in(&self, user_id: Uuid, session: Uuid, now: DateTime<Utc>) -> ApiResult<String> {
        self.sign(user_id, now, |claims| Claims { sid: Some(session), ..claims })
    }

    /// A token for a client, narrowed to some of its scopes.
    ///
    /// # Errors
    /// `internal` when it can't be signed.
    pub fn issue_to(&self, client_id: Uuid, scope: String, now: DateTime<Utc>) -> ApiResult<String> {
        self.sign(client_id, now, |claims| Claims { client_id: Some(client_id), scope: Some(scope), ..claims })
    }

    fn sign(&self, sub: Uuid, now: DateTime<Utc>, with: impl FnOnce(Claims) -> Claims) -> ApiResult<String> {
        let claims = with(Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            client_id: None,
            scope: None,
            sid: None,
            jti: Uuid::now_v7(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
        });
        let ring = self.keyring();
        let key = ring.signing(now).ok_or_else(|| ApiError::internal("there is no signing key"))?;
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(ApiError::internal)
    }

    /// The claims of a token that is ours and good at `now`. The library's defaults are lenient (a minute of leeway,
    /// `nbf` unchecked, absent `aud` and `iss` accepted, `typ` and `crit` unseen), and it reads the machine's clock:
    /// all that is stated or done here.
    ///
    /// # Errors
    /// `unauthenticated`, whatever is wrong with it.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> ApiResult<Claims> {
        let refused = || ApiError::new(Code::Unauthenticated);
        if token.len() > 4096 {
            return Err(refused());
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        // Times, and whether its key is still one of ours, are looked at each time.
        let signed = match self.seen.get(&hash).filter(|signed| self.keyring().by_id(&signed.key_id).is_some()) {
            Some(signed) => signed,
            None => {
                let signed = Arc::new(self.check(token)?);
                self.seen.insert(hash, signed.clone());
                signed
            }
        };
        let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
        if signed.claims.exp + leeway <= now || signed.claims.nbf - leeway > now {
            return Err(refused());
        }
        Ok(signed.claims.clone())
    }

    /// Everything about a token but its times.
    fn check(&self, token: &str) -> ApiResult<Signed> {
        let refused = || ApiError::new(Code::Unauthenticated);
        let header = token.split('.').next().and_then(|h| URL_SAFE_NO_PAD.decode(h).ok());
        let header: Value = header.and_then(|h| serde_json::from_slice(&h).ok()).ok_or_else(refused)?;
        let says = |name: &str| header.get(name).and_then(Value::as_str);
        if says("alg") != Some("EdDSA") || says("typ") != Some(TYPE) || header.get("crit").is_some() {
            return Err(refused());
        }
        let ring = self.keyring();
        let key = says("kid").and_then(|id| ring.by_id(id)).ok_or_else(refused)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims: Claims = jsonwebtoken::decode(token, &key.decoding, &validation).map_err(|_| refused())?.claims;
        Ok(Signed { key_id: key.id.clone(), claims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::generate_key;
    use chrono::TimeZone;
    use serde_json::json;

    #[test]
    fn only_our_own_tokens_of_the_right_time_are_good() {
        let now = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap();
        let tokens = Tokens::from_pem(&generate_key().unwrap()).unwrap();
        let other = Tokens::from_pem(&generate_key().unwrap()).unwrap();
        let user = Uuid::now_v7();
        let token = tokens.issue(user, now).unwrap();
        assert_eq!(tokens.verify(&token, now).unwrap().sub, user);
        assert!(other.verify(&token, now).is_err(), "another key");
        assert_eq!(tokens.verify(&token, now).unwrap().sub, user, "remembered");
        assert!(tokens.verify(&token, now + LIFETIME + LEEWAY).is_err(), "expired");
        assert!(tokens.verify(&token, now - Duration::minutes(1)).is_err(), "not yet valid");
        assert!(tokens.verify(&token[..token.len() - 2], now).is_err(), "truncated");
        let key_id = tokens.keyring().keys()[0].id.clone();
        let payload = token.split('.').nth(1).unwrap();
        let signature = token.split('.').nth(2).unwrap();
        for header in [
            json!({"alg": "none", "typ": TYPE, "kid": key_id}),
            json!({"alg": "HS256", "typ": TYPE, "kid": key_id}),
            json!({"alg": "EdDSA", "typ": "JWT", "kid": key_id}),
            json!({"alg": "EdDSA", "typ": TYPE, "kid": "../../etc/passwd"}),
            json!({"alg": "EdDSA", "typ": TYPE, "kid": key_id, "crit": ["x"]}),
        ] {
            let forged = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(tokens.verify(&forged, now).unwrap_err().code, Code::Unauthenticated, "{header}");
        }
    }
}
