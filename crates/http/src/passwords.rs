//! Passwords: argon2id off the async threads, a bounded number at a time, and never printed.

use crate::problem::{ApiError, ApiResult, Code};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, LazyLock};
use tinhnguyen_domain::text::fold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use zxcvbn::{Score, zxcvbn};

/// The least length of a password, in characters.
pub const MIN_LENGTH: usize = 12;
/// How many strangers' passwords wait at most for their turn; more are refused at once.
const QUEUE: usize = 1_000;

/// Whether a password is hard to guess: by how it would be guessed (words, names, dates, keyboard runs), not by the
/// kinds of its characters. `known` is what a guesser would try first, such as the username.
#[must_use]
pub fn is_strong(password: &SecretString, known: &[&str]) -> bool {
    let password = password.expose_secret();
    // Without accents, because that is how people type a name into a password; as a whole, run together, and by words.
    let folded: Vec<String> = known.iter().chain(&["tình nguyện", "chuyển đổi số"]).map(|text| fold(text)).collect();
    let together: Vec<String> = folded.iter().map(|text| text.replace(' ', "")).collect();
    let words = folded.iter().flat_map(|text| text.split([' ', '@', '.', '-', '_']));
    let known: Vec<&str> =
        folded.iter().chain(&together).map(String::as_str).chain(words).filter(|word| word.len() > 1).collect();
    let strong = |password: &str| zxcvbn(password, &known).score() >= Score::Three;
    password.chars().count() >= MIN_LENGTH && strong(password) && strong(&fold(password))
}

/// Whose turn it is. Who guesses many passwords fills the strangers' queue, and the others' logins go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Accounts that were lately logged in to from the same place, and whoever is logged in already.
    Home,
    /// Everybody else.
    Strangers,
}

/// Hashes passwords. One hash takes 19 MiB and tens of milliseconds, so only a few run at once: 400 parallel logins
/// must not take all memory and all threads.
#[derive(Clone)]
pub struct Passwords {
    home: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Threads of their own, as many as there are slots: each keeps the memory of its last hash for the next one. Spread over
/// the many threads that wait for files and databases, the same hashes held ten times as much.
static THREADS: LazyLock<Result<ThreadPool, ThreadPoolBuildError>> = LazyLock::new(|| {
    ThreadPoolBuilder::new().num_threads(2 * slots()).thread_name(|n| format!("password-{n}")).build()
});

fn slots() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// A hash of nothing, so that an unknown user takes as long as a wrong password.
static DECOY: LazyLock<String> = LazyLock::new(|| hash_now("decoy").unwrap_or_default());

fn hash_now(password: &str) -> Result<String, String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|e| e.to_string())
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            home: Arc::new(Semaphore::new(slots())),
            strangers: Arc::new(Semaphore::new(slots())),
            waiting: Arc::new(Semaphore::new(QUEUE)),
        }
    }
}

/// The right to hash one password now.
pub struct Slot {
    _turn: OwnedSemaphorePermit,
}

impl Passwords {
    /// Waits for a turn.
    ///
    /// # Errors
    /// `unavailable` when too many strangers wait already.
    pub async fn slot(&self, queue: Queue) -> ApiResult<Slot> {
        let (slots, _waits) = match queue {
            Queue::Home => (&self.home, None),
            Queue::Strangers => {
                let waits = self.waiting.clone().try_acquire_owned().map_err(|_| ApiError::new(Code::Unavailable))?;
                (&self.strangers, Some(waits))
            }
        };
        Ok(Slot { _turn: slots.clone().acquire_owned().await.map_err(ApiError::internal)? })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// `internal` when hashing fails.
    pub async fn hash(&self, password: SecretString) -> ApiResult<String> {
        let slot = self.slot(Queue::Home).await?;
        slot.work(move || hash_now(password.expose_secret())).await?.map_err(ApiError::internal)
    }
}

impl Slot {
    /// The turn ends with the work, not with the waiting for it: a client that goes away frees no slot early.
    async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
        let (answer, done) = oneshot::channel();
        let threads = THREADS.as_ref().map_err(ApiError::internal)?;
        threads.spawn(move || {
            let outcome = work();
            drop(self);
            // Nobody listens any more when the client has gone.
            let _ = answer.send(outcome);
        });
        done.await.map_err(ApiError::internal)
    }

    /// Whether the password is the one of the hash. Without a hash it is not, after the same work.
    ///
    /// # Errors
    /// `internal` when the work can't be done.
    pub async fn verify(self, password: SecretString, hash: Option<String>) -> ApiResult<bool> {
        self.work(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| DECOY.clone());
            let right = Argon2::default().verify_password(password.expose_secret().as_bytes(), hash.as_str()).is_ok();
            right && known
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_how_hard_a_password_is_to_guess() {
        let strong = |text: &str, known: &[&str]| is_strong(&SecretString::from(text), known);
        assert!(strong("mat-khau-du-dai-01", &[]));
        assert!(strong("con mèo xanh ngồi trên mái", &[]));
        assert!(!strong("ngan-qua-11", &[]), "short");
        for weak in ["password1234", "123456789012", "aaaaaaaaaaaa", "qwertyuiop12", "tinhnguyen2024"] {
            assert!(!strong(weak, &[]), "{weak}");
        }
        assert!(!strong("nguyenvanmau1", &["nguyenvanmau"]), "the username");
        assert!(
            !strong("trần thị bình minh", &["Trần Thị Bình Minh"])
                && !strong("tranthibinhminh1", &["Trần Thị Bình Minh"]),
            "the name"
        );
    }
}
