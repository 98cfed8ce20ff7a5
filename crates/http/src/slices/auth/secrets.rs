//! Secrets that the service makes: long, random, shown once, and stored as hashes.

use crate::problem::{ApiError, ApiResult};
use aws_lc_rs::rand;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What refresh tokens begin with, so that a leaked one is recognised.
const REFRESH: &str = "tnr_";
/// What clients' secrets begin with.
const CLIENT: &str = "tnc_";
/// What tokens of invitations begin with.
const INVITATION: &str = "tni_";
/// What tokens of password resets begin with.
const RESET: &str = "tnp_";
/// What one-time codes of logins through a provider begin with.
const LOGIN: &str = "tnl_";
/// What the secrets of calendar links begin with.
const CALENDAR: &str = "tnk_";
/// What the secrets of webhooks begin with.
pub const WEBHOOK: &str = "whsec_";
/// Letters and digits of recovery codes: 32 that nobody takes for one another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a recovery code: 80 bits.
const RECOVERY: usize = 16;

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

/// A new secret of a webhook, as Standard Webhooks writes it: 256 random bits in base64.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_webhook_secret() -> ApiResult<SecretString> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the machine gives no randomness"))?;
    Ok(SecretString::from(format!("{WEBHOOK}{}", STANDARD.encode(bytes))))
}

/// A new token for the link of an invitation.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_invitation_token() -> ApiResult<SecretString> {
    Ok(SecretString::from(format!("{INVITATION}{}", random()?)))
}

/// A new token for the link of a password reset.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_reset_token() -> ApiResult<SecretString> {
    Ok(SecretString::from(format!("{RESET}{}", random()?)))
}

/// A new one-time code of a login through a provider.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_login_code() -> ApiResult<SecretString> {
    Ok(SecretString::from(format!("{LOGIN}{}", random()?)))
}

/// A new secret of a calendar link.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_calendar_token() -> ApiResult<SecretString> {
    Ok(SecretString::from(format!("{CALENDAR}{}", random()?)))
}

/// A new recovery code, in groups of four: 80 random bits.
///
/// # Errors
/// `internal` when the machine gives no randomness.
pub fn new_recovery_code() -> ApiResult<SecretString> {
    let mut bytes = [0_u8; RECOVERY];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the machine gives no randomness"))?;
    let letters: Vec<char> =
        bytes.iter().filter_map(|b| LETTERS.get(usize::from(b & 31))).map(|b| char::from(*b)).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    Ok(SecretString::from(groups.join("-")))
}

/// The hash of a recovery code, however its groups were written.
#[must_use]
pub fn recovery_hash(code: &SecretString) -> Vec<u8> {
    let plain: String = code.expose_secret().chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    hash(&SecretString::from(plain.to_lowercase()))
}
