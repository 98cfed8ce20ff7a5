//! Access tokens: JWT signed with Ed25519, and nothing else is ever accepted (RFC 8725).

use crate::problem::{ApiError, ApiResult, Code};
use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: String,
}

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

/// A new private key as PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` would make it.
///
/// # Errors
/// When the machine gives no randomness.
pub fn generate_key() -> Result<String, String> {
    let pair = Ed25519KeyPair::generate().map_err(|e| e.to_string())?;
    let der = pair.to_pkcs8v1().map_err(|e| e.to_string())?;
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}

impl Tokens {
    /// Reads a private key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When it is no Ed25519 key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let body: String = pem.lines().filter(|l| !l.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(body).map_err(|_| "it is not PEM".to_owned())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|_| "it is not an Ed25519 key in PKCS#8; make one with `openssl genpkey -algorithm ed25519`")?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        // RFC 7638 thumbprint: replicas that share the key share its name.
        let thumb = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let key_id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, thumb.as_bytes()));
        Ok(Self {
            key_id,
            encoding: EncodingKey::from_ed_der(&der),
            decoding: DecodingKey::from_ed_components(&public).map_err(|e| e.to_string())?,
            public,
        })
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
        let header =
            Header { typ: Some(TYPE.to_owned()), kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(ApiError::internal)
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
        let header = token.split('.').next().and_then(|h| URL_SAFE_NO_PAD.decode(h).ok());
        let header: Value = header.and_then(|h| serde_json::from_slice(&h).ok()).ok_or_else(refused)?;
        let says = |name: &str| header.get(name).and_then(Value::as_str);
        if says("alg") != Some("EdDSA")
            || says("typ") != Some(TYPE)
            || says("kid") != Some(self.key_id.as_str())
            || header.get("crit").is_some()
        {
            return Err(refused());
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims: Claims = jsonwebtoken::decode(token, &self.decoding, &validation).map_err(|_| refused())?.claims;
        let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
        if claims.exp + leeway <= now || claims.nbf - leeway > now {
            return Err(refused());
        }
        Ok(claims)
    }

    /// The public key as a JWK set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key_id, "x": self.public,
        }]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn only_our_own_tokens_of_the_right_time_are_good() {
        let now = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap();
        let tokens = Tokens::from_pem(&generate_key().unwrap()).unwrap();
        let other = Tokens::from_pem(&generate_key().unwrap()).unwrap();
        let user = Uuid::now_v7();
        let token = tokens.issue(user, now).unwrap();
        assert_eq!(tokens.verify(&token, now).unwrap().sub, user);
        assert!(other.verify(&token, now).is_err(), "another key");
        assert!(tokens.verify(&token, now + LIFETIME + LEEWAY).is_err(), "expired");
        assert!(tokens.verify(&token, now - Duration::minutes(1)).is_err(), "not yet valid");
        assert!(tokens.verify(&token[..token.len() - 2], now).is_err(), "truncated");
        let payload = token.split('.').nth(1).unwrap();
        let signature = token.split('.').nth(2).unwrap();
        for header in [
            json!({"alg": "none", "typ": TYPE, "kid": tokens.key_id}),
            json!({"alg": "HS256", "typ": TYPE, "kid": tokens.key_id}),
            json!({"alg": "EdDSA", "typ": "JWT", "kid": tokens.key_id}),
            json!({"alg": "EdDSA", "typ": TYPE, "kid": "../../etc/passwd"}),
            json!({"alg": "EdDSA", "typ": TYPE, "kid": tokens.key_id, "crit": ["x"]}),
        ] {
            let forged = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(tokens.verify(&forged, now).unwrap_err().code, Code::Unauthenticated, "{header}");
        }
    }
}
