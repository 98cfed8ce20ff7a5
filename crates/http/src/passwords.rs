//! Passwords: argon2id off the async threads, a bounded number at a time, and never printed.

use crate::problem::{ApiError, ApiResult};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// The least length of a password, in characters.
pub const MIN_LENGTH: usize = 12;

/// Hashes passwords. One hash takes 19 MiB and tens of milliseconds, so only a few run at once: 400 parallel logins
/// must not take all memory and all threads.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
}

/// A hash of nothing, so that an unknown user takes as long as a wrong password.
static DECOY: LazyLock<String> = LazyLock::new(|| hash_now("decoy").unwrap_or_default());

fn hash_now(password: &str) -> Result<String, String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|e| e.to_string())
}

impl Default for Passwords {
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { slots: Arc::new(Semaphore::new(slots)) }
    }
}

impl Passwords {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// `internal` when hashing fails.
    pub async fn hash(&self, password: SecretString) -> ApiResult<String> {
        let _slot = self.slots.acquire().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(move || hash_now(password.expose_secret()))
            .await
            .map_err(ApiError::internal)?
            .map_err(ApiError::internal)
    }

    /// Whether the password is the one of the hash. Without a hash it is not, after the same work.
    ///
    /// # Errors
    /// `internal` when the work can't be done.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> ApiResult<bool> {
        let _slot = self.slots.acquire().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| DECOY.clone());
            let right = Argon2::default().verify_password(password.expose_secret().as_bytes(), hash.as_str()).is_ok();
            right && known
        })
        .await
        .map_err(ApiError::internal)
    }
}
