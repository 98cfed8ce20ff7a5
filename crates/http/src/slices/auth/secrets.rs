//! Secrets that the service makes: long, random, shown once, and stored as hashes.

use crate::problem::{ApiError, ApiResult};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What refresh tokens begin with, so that a leaked one is recognised.
const REFRESH: &str = "tnr_";
/// What clients' secrets begin with.
const CLIENT: &str = "tnc_";

/// A new secret: 256 random bits.
fn random() -> ApiResult<String> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the machine gives no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The hash under which a secret is stored. It needs no salt and no slowness: nobody guesses 256 random bits.
#[must_use]
pub fn hash(secret: &SecretString) -> Vec<u8> {
    Sha256::digest(secret.expose_secret().as_bytes()).to_vec()
}

/// A new refresh token: its id, and the text that the client gets.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_refresh() -> ApiResult<(Uuid, SecretString)> {
    let id = Uuid::now_v7();
    Ok((id, SecretString::from(format!("{REFRESH}{}.{}", URL_SAFE_NO_PAD.encode(id.as_bytes()), random()?))))
}

/// The id in a refresh token's text.
#[must_use]
pub fn refresh_id(token: &SecretString) -> Option<Uuid> {
    let (id, _) = token.expose_secret().strip_prefix(REFRESH)?.split_once('.')?;
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(id).ok()?).ok()
}

/// A new secret for a client.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_client_secret() -> ApiResult<SecretString> {
    Ok(SecretString::from(format!("{CLIENT}{}", random()?)))
}
