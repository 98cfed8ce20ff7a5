//! Whoever waits for something to change: how many may, and how often the database is asked on their behalf.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tinhnguyen_persistence::{Store, StoreResult, audit};
use uuid::Uuid;

/// How many requests of this process may wait at a time.
const SEATS: usize = 2_000;
/// How many of them may be one caller's.
const SEATS_EACH: usize = 8;
/// How often the database is asked for news, for all that wait together.
const EVERY: Duration = Duration::from_millis(400);

/// What the audit log stood at a moment ago.
#[derive(Debug, Clone, Copy)]
struct Pulse {
    taken: Instant,
    head: i64,
    unsealed: bool,
}

/// Those who wait.
#[derive(Debug, Default)]
pub struct Waiting {
    seated: Mutex<HashMap<Uuid, usize>>,
    pulse: tokio::sync::Mutex<Option<Pulse>>,
    /// Held while a seal is set, so that many readers at once set one.
    sealing: tokio::sync::Mutex<()>,
    closed: AtomicBool,
}

/// A place among those who wait, until it is dropped.
#[derive(Debug)]
pub struct Seat<'a> {
    waiting: &'a Waiting,
    caller: Uuid,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut seated = self.waiting.seated.lock();
        if let Some(count) = seated.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                seated.remove(&self.caller);
            }
        }
    }
}

impl Waiting {
    /// Lets nobody wait any more: those who do are answered in a moment, so that nobody holds up a service that stops.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether nobody is to wait any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// A place to wait, unless too many wait already.
    #[must_use]
    pub fn seat(&self, caller: Uuid) -> Option<Seat<'_>> {
        let mut seated = self.seated.lock();
        if seated.values().sum::<usize>() >= SEATS {
            return None;
        }
        let own = seated.entry(caller).or_default();
        if *own >= SEATS_EACH {
            return None;
        }
        *own = own.saturating_add(1);
        drop(seated);
        Some(Seat { waiting: self, caller })
    }

    /// Sleeps for a moment, and tells whether anything was committed that a reader up to this seal hasn't passed.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn news_after(&self, store: &Store, seal: i64, at_most: Duration) -> StoreResult<bool> {
        tokio::time::sleep(EVERY.min(at_most)).await;
        let mut last = self.pulse.lock().await;
        let pulse = match *last {
            Some(pulse) if pulse.taken.elapsed() < EVERY => pulse,
            _ => {
                let (head, unsealed) = (audit::head(store.read()).await?, audit::has_unsealed(store.read()).await?);
                *last.insert(Pulse { taken: Instant::now(), head, unsealed })
            }
        };
        Ok(pulse.head > seal || pulse.unsealed)
    }

    /// Gives all that is committed now its place in the order, unless it has one already.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn seal(&self, store: &Store, now: chrono::DateTime<chrono::Utc>) -> StoreResult<()> {
        let _one = self.sealing.lock().await;
        // A seal that is not full has covered all that was there; what is written meanwhile is the next reader's.
        while audit::has_unsealed(store.read()).await? {
            if store.write(async |tx| audit::seal(tx, now).await).await? < audit::BATCH {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_takes_some_seats_and_leaves_them_to_be_taken_again() {
        let waiting = Waiting::default();
        let caller = Uuid::now_v7();
        let seats: Vec<_> = (0..SEATS_EACH).filter_map(|_| waiting.seat(caller)).collect();
        assert_eq!(seats.len(), SEATS_EACH);
        assert!(waiting.seat(caller).is_none() && waiting.seat(Uuid::now_v7()).is_some());
        drop(seats);
        assert!(waiting.seat(caller).is_some());
        assert!(waiting.seated.lock().is_empty(), "nobody is remembered who waits no more");
    }

    #[test]
    fn all_together_are_bounded_too() {
        let waiting = Waiting::default();
        let seats: Vec<_> = (0..SEATS).filter_map(|_| waiting.seat(Uuid::now_v7())).collect();
        assert_eq!(seats.len(), SEATS);
        assert!(waiting.seat(Uuid::now_v7()).is_none());
    }
}
