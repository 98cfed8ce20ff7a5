//! Guessing passwords is slow, and locks nobody out. Failures are counted in leaky buckets, three for each: of one
//! account from one address, of one account from anywhere, of one address with whatever accounts. A full bucket refuses
//! before any work is done. The last two are not asked where an account has lately been logged in to from that very
//! address, so that its owner gets in while strangers guess.

use crate::{address::ClientAddress, limits::too_many, problem::ApiResult};
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use parking_lot::Mutex;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Failures that are taken at once, and the time in which one of them is forgotten.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    failures: u32,
    forget_one: Duration,
}

/// Somebody who mistypes their own password.
const PAIR: Allowance = Allowance { failures: 10, forget_one: Duration::from_secs(30) };
/// Somebody whose password is being guessed from many places.
const ACCOUNT: Allowance = Allowance { failures: 50, forget_one: Duration::from_secs(20) };
/// A place where many people may mistype theirs.
const ADDRESS: Allowance = Allowance { failures: 300, forget_one: Duration::from_secs(2) };
/// How many buckets of a kind are kept; those least used go first. About 10 MB.
const KEPT: u64 = 100_000;

/// What has leaked out of a bucket by `at` is gone.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    failures: f64,
    at: DateTime<Utc>,
}

impl Bucket {
    fn level(&self, allowance: Allowance, now: DateTime<Utc>) -> f64 {
        let passed = (now - self.at).to_std().unwrap_or_default().as_secs_f64();
        (self.failures - passed / allowance.forget_one.as_secs_f64()).max(0.0)
    }
}

struct Buckets<K: std::hash::Hash + Eq + Send + Sync + 'static> {
    allowance: Allowance,
    kept: Cache<K, Arc<Mutex<Bucket>>>,
}

impl<K: std::hash::Hash + Eq + Send + Sync + 'static> Buckets<K> {
    fn new(allowance: Allowance) -> Self {
        let idle = allowance.forget_one.saturating_mul(allowance.failures);
        Self { allowance, kept: Cache::builder().max_capacity(KEPT).time_to_idle(idle).build() }
    }

    /// How long until another failure is taken; none at once.
    fn wait(&self, key: &K, now: DateTime<Utc>) -> Option<Duration> {
        let bucket = *self.kept.get(key)?.lock();
        let surplus = bucket.level(self.allowance, now) + 1.0 - f64::from(self.allowance.failures);
        (surplus > 0.0).then(|| self.allowance.forget_one.mul_f64(surplus))
    }

    fn fill(&self, key: K, now: DateTime<Utc>) {
        let bucket = self.kept.get_with(key, || Arc::new(Mutex::new(Bucket { failures: 0.0, at: now })));
        let mut bucket = bucket.lock();
        *bucket = Bucket { failures: bucket.level(self.allowance, now) + 1.0, at: now };
    }
}

/// An attempt to log in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The username as it was given, folded; whether there is such an account makes no difference.
    pub username: String,
    /// From where.
    pub address: ClientAddress,
    /// Whether the account has lately been logged in to from there.
    pub at_home: bool,
}

/// The failures of this replica.
pub struct Guesses {
    pair: Buckets<(String, IpAddr)>,
    account: Buckets<String>,
    address: Buckets<IpAddr>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { pair: Buckets::new(PAIR), account: Buckets::new(ACCOUNT), address: Buckets::new(ADDRESS) }
    }
}

impl Guesses {
    /// Holds that the password may be looked at.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn allow(&self, attempt: &Attempt, now: DateTime<Utc>) -> ApiResult<()> {
        let place = attempt.address.subscriber();
        let pair = self.pair.wait(&(attempt.username.clone(), place), now);
        let strangers = if attempt.at_home {
            None
        } else {
            self.account.wait(&attempt.username, now).max(self.address.wait(&place, now))
        };
        match pair.max(strangers) {
            None => Ok(()),
            Some(wait) => Err(too_many(wait).detail(
                "Nhập sai mật khẩu quá nhiều lần. Thử lại sau `Retry-After` giây.",
                "Too many wrong passwords. Try again after `Retry-After` seconds.",
            )),
        }
    }

    /// Remembers that the password was wrong.
    pub fn failed(&self, attempt: &Attempt, now: DateTime<Utc>) {
        let place = attempt.address.subscriber();
        self.pair.fill((attempt.username.clone(), place), now);
        self.account.fill(attempt.username.clone(), now);
        self.address.fill(place, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn attempt(username: &str, address: &str, at_home: bool) -> Attempt {
        Attempt { username: username.to_owned(), address: ClientAddress(address.parse().unwrap()), at_home }
    }

    #[test]
    fn guessing_is_slowed_and_the_owner_gets_in() {
        let guesses = Guesses::default();
        let now = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap();
        let stranger = attempt("lan", "198.51.100.7", false);
        for _ in 0..PAIR.failures {
            guesses.allow(&stranger, now).unwrap();
            guesses.failed(&stranger, now);
        }
        assert!(guesses.allow(&stranger, now).is_err());
        assert!(guesses.allow(&attempt("minh", "198.51.100.7", false), now).is_ok(), "others there are not slowed");
        let later = now + chrono::Duration::seconds(31);
        guesses.allow(&stranger, later).unwrap();
        guesses.failed(&stranger, later);
        assert!(guesses.allow(&stranger, later).is_err(), "one more at a time");

        let mut tried = 0;
        for host in 0..=255 {
            let elsewhere = attempt("lan", &format!("203.0.113.{host}"), false);
            if guesses.allow(&elsewhere, later).is_ok() {
                guesses.failed(&elsewhere, later);
                tried += 1;
            }
        }
        assert!((35..=ACCOUNT.failures).contains(&tried), "many addresses are no way around: {tried}");
        assert!(guesses.allow(&attempt("lan", "192.0.2.1", true), later).is_ok(), "the owner, at home");
        assert!(guesses.allow(&attempt("lan", "192.0.2.1", false), later).is_err());
    }

    #[test]
    fn one_address_that_tries_everybody_is_slowed_for_strangers_only() {
        let guesses = Guesses::default();
        let now = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap();
        for n in 0..ADDRESS.failures {
            guesses.failed(&attempt(&format!("user{n}"), "198.51.100.7", false), now);
        }
        assert!(guesses.allow(&attempt("lan", "198.51.100.7", false), now).is_err());
        assert!(guesses.allow(&attempt("lan", "198.51.100.7", true), now).is_ok());
        assert!(guesses.allow(&attempt("lan", "198.51.100.8", false), now).is_ok());
    }
}
