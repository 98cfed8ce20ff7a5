//! How much one caller may ask for: quotas a minute by who asks and for what, each replica by itself, told in every
//! answer (`RateLimit-Policy` and `RateLimit` of the IETF's draft-ietf-httpapi-ratelimit-headers).

use crate::{
    address::{ClientAddress, Networks},
    problem::{ApiError, ApiResult, Code},
};
use actix_web::http::{
    Method,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};
use parking_lot::Mutex;
use std::{
    fmt,
    hash::Hash,
    net::IpAddr,
    num::NonZero,
    str::FromStr,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// The window that quotas are stated for, in seconds.
const WINDOW: u64 = 60;
/// How often callers are forgotten who have their whole quota again.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// The loopback: whoever is there has the machine anyway. Quotas against guessing passwords hold there too.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// Quotas, in requests a minute; they may be used up at once and come back steadily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// One address: whatever comes from it with a token. High, because a whole town may stand behind one.
    pub address: NonZero<u32>,
    /// One address: requests for tokens and about accounts.
    pub auth: NonZero<u32>,
    /// One address: what is public.
    pub public: NonZero<u32>,
    /// One person: reading.
    pub read: NonZero<u32>,
    /// One person: writing.
    pub write: NonZero<u32>,
    /// One registered client: reading and writing together.
    pub client: NonZero<u32>,
}

const fn per_minute(n: u32) -> NonZero<u32> {
    match NonZero::new(n) {
        Some(n) => n,
        None => NonZero::<u32>::MIN,
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            address: per_minute(60_000),
            auth: per_minute(600),
            public: per_minute(3_000),
            read: per_minute(6_000),
            write: per_minute(3_000),
            client: per_minute(30_000),
        }
    }
}

impl Quotas {
    const NAMES: [&str; 6] = ["address", "auth", "public", "read", "write", "client"];

    fn by_name(&mut self, name: &str) -> Option<&mut NonZero<u32>> {
        match name {
            "address" => Some(&mut self.address),
            "auth" => Some(&mut self.auth),
            "public" => Some(&mut self.public),
            "read" => Some(&mut self.read),
            "write" => Some(&mut self.write),
            "client" => Some(&mut self.client),
            _ => None,
        }
    }
}

impl FromStr for Quotas {
    type Err = String;

    /// `NAME=REQUESTS` pairs, separated by commas; what is not named keeps its default.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut quotas = Self::default();
        for pair in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let wrong = || format!("`{pair}` is no NAME=REQUESTS_A_MINUTE with a NAME of {}", Self::NAMES.join(", "));
            let (name, number) = pair.split_once('=').ok_or_else(wrong)?;
            *quotas.by_name(name.trim()).ok_or_else(wrong)? = number.trim().parse().map_err(|_| wrong())?;
        }
        Ok(quotas)
    }
}

impl fmt::Display for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, auth, public, read, write, client } = self;
        write!(f, "address={address},auth={auth},public={public},read={read},write={write},client={client}")
    }
}

/// What was counted for a request, for the headers of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    name: &'static str,
    quota: NonZero<u32>,
    remaining: u32,
}

impl Counted {
    /// Seconds until the whole quota is there again.
    fn reset(&self) -> u64 {
        let used = u64::from(self.quota.get().saturating_sub(self.remaining));
        (used * WINDOW).div_ceil(u64::from(self.quota.get()))
    }
}

/// All that was counted for one request.
#[derive(Debug, Clone, Default)]
pub struct Standing(Vec<Counted>);

impl Standing {
    /// Adds what was counted.
    pub fn push(&mut self, counted: Counted) {
        self.0.push(counted);
    }

    /// States it in the headers of an answer.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let list = |each: fn(&Counted) -> String| {
            HeaderValue::from_str(&self.0.iter().map(each).collect::<Vec<_>>().join(", "))
        };
        let policy = list(|c| format!("\"{}\";q={};w={WINDOW}", c.name, c.quota));
        let state = list(|c| format!("\"{}\";r={};t={}", c.name, c.remaining, c.reset()));
        if let (false, Ok(policy), Ok(state)) = (self.0.is_empty(), policy, state) {
            headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
            headers.insert(HeaderName::from_static("ratelimit"), state);
        }
    }
}

/// One quota for each of many callers.
struct Limiter<K: Hash + Eq + Clone> {
    name: &'static str,
    quota: NonZero<u32>,
    callers: DefaultKeyedRateLimiter<K, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(name: &'static str, quota: NonZero<u32>) -> Self {
        let callers = RateLimiter::keyed(Quota::per_minute(quota)).with_middleware();
        Self { name, quota, callers }
    }

    fn whole(&self) -> Counted {
        Counted { name: self.name, quota: self.quota, remaining: self.quota.get() }
    }

    /// Counts one request, or says how long to wait.
    fn count(&self, caller: &K) -> Result<Counted, (Counted, Duration)> {
        match self.callers.check_key(caller) {
            Ok(state) => Ok(Counted { remaining: state.remaining_burst_capacity(), ..self.whole() }),
            Err(until) => {
                Err((Counted { remaining: 0, ..self.whole() }, until.wait_time_from(DefaultClock::default().now())))
            }
        }
    }
}

/// The quotas and who has used how much of them.
pub struct Limits {
    exempt: Networks,
    address: Limiter<IpAddr>,
    auth: Limiter<IpAddr>,
    public: Limiter<IpAddr>,
    read: Limiter<Uuid>,
    write: Limiter<Uuid>,
    client: Limiter<Uuid>,
    forgotten: Mutex<Instant>,
}

impl Limits {
    /// Nobody has used anything yet. Requests from `exempt` networks are never refused.
    #[must_use]
    pub fn new(quotas: &Quotas, exempt: Networks) -> Self {
        Self {
            exempt,
            address: Limiter::new("address", quotas.address),
            auth: Limiter::new("auth", quotas.auth),
            public: Limiter::new("public", quotas.public),
            read: Limiter::new("read", quotas.read),
            write: Limiter::new("write", quotas.write),
            client: Limiter::new("client", quotas.client),
            forgotten: Mutex::new(Instant::now()),
        }
    }

    /// The networks that are exempt unless the operator says otherwise.
    #[must_use]
    pub fn default_exempt() -> Networks {
        LOOPBACK.parse().unwrap_or_default()
    }

    /// Counts a request by its address, before anything else is done for it; none for health checks.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn count_address(
        &self,
        address: ClientAddress,
        path: &str,
        has_token: bool,
        standing: &mut Standing,
    ) -> ApiResult<()> {
        self.forget();
        let limiter = match path {
            "/healthz" | "/readyz" | "/metrics" => return Ok(()),
            _ if path.starts_with("/v1/auth/") => &self.auth,
            _ if has_token => &self.address,
            _ => &self.public,
        };
        self.count(limiter, &address.subscriber(), address, standing)
    }

    /// Counts a request of somebody whom we know by now.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn count_caller(
        &self,
        caller: Uuid,
        is_client: bool,
        method: &Method,
        address: ClientAddress,
        standing: &mut Standing,
    ) -> ApiResult<()> {
        let limiter = if is_client {
            &self.client
        } else if matches!(*method, Method::GET | Method::HEAD) {
            &self.read
        } else {
            &self.write
        };
        self.count(limiter, &caller, address, standing)
    }

    fn count<K: Hash + Eq + Clone>(
        &self,
        limiter: &Limiter<K>,
        caller: &K,
        address: ClientAddress,
        standing: &mut Standing,
    ) -> ApiResult<()> {
        if self.exempt.contain(address.0) {
            standing.push(limiter.whole());
            return Ok(());
        }
        match limiter.count(caller) {
            Ok(counted) => {
                standing.push(counted);
                Ok(())
            }
            Err((counted, wait)) => {
                standing.push(counted);
                Err(too_many(wait).with("limit", limiter.name))
            }
        }
    }

    fn forget(&self) {
        let due = {
            let mut last = self.forgotten.lock();
            let due = last.elapsed() >= FORGET_EVERY;
            if due {
                *last = Instant::now();
            }
            due
        };
        if due {
            for limiter in [&self.address, &self.auth, &self.public] {
                limiter.callers.retain_recent();
            }
            for limiter in [&self.read, &self.write, &self.client] {
                limiter.callers.retain_recent();
            }
        }
    }
}

/// Refused for now: come back after the wait.
#[must_use]
pub fn too_many(wait: Duration) -> ApiError {
    // Never 0, which clients take for "at once".
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let mut error = ApiError::new(Code::TooManyRequests);
    error.headers.retain(|(name, _)| name != header::RETRY_AFTER);
    error.headers.push((header::RETRY_AFTER, seconds.to_string()));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(quotas: &str) -> Limits {
        Limits::new(&quotas.parse().unwrap(), Limits::default_exempt())
    }

    fn from(address: &str) -> ClientAddress {
        ClientAddress(address.parse().unwrap())
    }

    #[test]
    fn a_quota_is_used_up_by_its_caller_alone_and_told() {
        let limits = limits("public=2");
        let ask = |address: &str| {
            let mut standing = Standing::default();
            let outcome = limits.count_address(from(address), "/v1/public/progress", false, &mut standing);
            let mut headers = HeaderMap::new();
            standing.tell(&mut headers);
            let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
            (outcome.err().map(|e| e.headers[0].1.clone()), text("ratelimit-policy"), text("ratelimit"))
        };
        let policy = "\"public\";q=2;w=60".to_owned();
        assert_eq!(ask("198.51.100.7"), (None, policy.clone(), "\"public\";r=1;t=30".to_owned()));
        assert_eq!(ask("198.51.100.7").0, None);
        let (retry, stated, state) = ask("198.51.100.7");
        assert_eq!((stated, state), (policy.clone(), "\"public\";r=0;t=60".to_owned()));
        assert!((1..=30).contains(&retry.unwrap().parse::<u64>().unwrap()));
        assert_eq!(ask("198.51.100.8").0, None, "another address has its own");
        for _ in 0..5 {
            assert_eq!(ask("127.0.0.1"), (None, policy.clone(), "\"public\";r=2;t=0".to_owned()), "exempt");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let limits = limits("public=1");
        let ask = |address: &str| limits.count_address(from(address), "/", false, &mut Standing::default()).is_ok();
        assert!(ask("2001:db8::1"));
        assert!(!ask("2001:db8::2"));
        assert!(ask("2001:db8:0:1::2"));
    }

    #[test]
    fn quotas_are_read_in_part_or_refused() {
        let quotas: Quotas = "read=10, client=20".parse().unwrap();
        assert_eq!((quotas.read.get(), quotas.client.get()), (10, 20));
        assert_eq!(quotas.write, Quotas::default().write);
        assert_eq!(quotas.to_string().parse::<Quotas>().unwrap(), quotas);
        for wrong in ["read", "read=0", "read=-1", "reading=5"] {
            assert!(wrong.parse::<Quotas>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
