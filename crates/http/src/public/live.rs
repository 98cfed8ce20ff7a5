//! Live figures: server-sent events for whoever listens, from one look at the ledger a second for all of them together.

use super::figures::{self, Tally};
use crate::{
    address::ClientAddress,
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    slices::public::dto::PublicProgressEvent,
};
use actix_web::web::{Bytes, Data};
use futures_util::{Stream, stream};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many may listen to this process.
const SEATS: usize = 2_000;
/// How many of them may be of one address: a school may stand behind one.
const SEATS_EACH: usize = 100;
/// How often the ledger is looked at, for all that listen together.
const EVERY: Duration = Duration::from_secs(1);
/// After so long a silence something is said, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes again, in milliseconds.
const RETRY: u32 = 5_000;
/// The seconds after which a refused listener may ask again.
const FULL: &str = "30";

/// What was seen a moment ago.
struct Pulse {
    taken: Instant,
    tally: Arc<Tally>,
}

/// Those who listen.
#[derive(Default)]
pub struct Live {
    seated: Mutex<HashMap<IpAddr, usize>>,
    pulse: tokio::sync::Mutex<Option<Pulse>>,
}

/// A place among those who listen, until it is dropped.
struct Seat {
    app: Data<App>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.app.public.live.leave(self.address);
    }
}

impl Live {
    fn take(&self, address: IpAddr) -> bool {
        let mut seated = self.seated.lock();
        let (all, own) = (seated.values().sum::<usize>(), seated.get(&address).copied().unwrap_or(0));
        let free = all < SEATS && own < SEATS_EACH;
        if free {
            seated.insert(address, own.saturating_add(1));
        }
        free
    }

    fn leave(&self, address: IpAddr) {
        let mut seated = self.seated.lock();
        if let Some(count) = seated.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                seated.remove(&address);
            }
        }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.seated.lock().values().sum()
    }

    /// The figures of a moment ago. Summed anew only when the ledger has moved.
    async fn look(&self, app: &Data<App>) -> ApiResult<Arc<Tally>> {
        let mut last = self.pulse.lock().await;
        if let Some(pulse) = last.as_mut() {
            if pulse.taken.elapsed() < EVERY {
                return Ok(pulse.tally.clone());
            }
            if app.figures.refreshed(app).await? == pulse.tally.heads {
                pulse.taken = Instant::now();
                return Ok(pulse.tally.clone());
            }
        }
        let tally = Arc::new(figures::tally(app).await?);
        *last = Some(Pulse { taken: Instant::now(), tally: tally.clone() });
        Ok(tally)
    }
}

/// Holds that there is a unit with this code to listen to.
///
/// # Errors
/// `invalid_parameter`, and when the database can't be asked.
pub async fn known(app: &Data<App>, code: &str) -> ApiResult<()> {
    if app.public.live.look(app).await?.units.contains_key(code) {
        return Ok(());
    }
    Err(ApiError::parameter(Fault::of_parameter("province", Code::ReferenceNotFound)))
}

/// One who listens.
struct Listener {
    app: Data<App>,
    _seat: Seat,
    province: Option<String>,
    /// The entry of the last event; none before the first.
    told: Option<i64>,
    spoke: Instant,
    greeted: bool,
}

/// Events for one who listens, from now until they go or the service stops. `last` is the entry that they have.
///
/// # Errors
/// `unavailable` when too many listen, with the seconds to wait.
pub fn listen(
    app: &Data<App>,
    address: ClientAddress,
    province: Option<String>,
    last: Option<i64>,
) -> ApiResult<impl Stream<Item = Result<Bytes, Infallible>> + use<>> {
    let subscriber = address.subscriber();
    if !app.public.live.take(subscriber) {
        let mut full = ApiError::new(Code::Unavailable);
        full.headers.retain(|(name, _)| name != actix_web::http::header::RETRY_AFTER);
        full.headers.push((actix_web::http::header::RETRY_AFTER, FULL.to_owned()));
        return Err(full);
    }
    let listener = Listener {
        _seat: Seat { app: app.clone(), address: subscriber },
        app: app.clone(),
        province,
        told: last,
        spoke: Instant::now(),
        greeted: false,
    };
    Ok(stream::unfold(listener, |mut listener| async move {
        let said = listener.next().await?;
        Some((Ok(Bytes::from(said)), listener))
    }))
}

impl Listener {
    /// What is to be said next; `None` when the service stops.
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            let news = self.news().await.unwrap_or_default();
            // At once, so that whoever waits knows that somebody is there.
            return Some(format!("retry: {RETRY}\n\n{news}"));
        }
        loop {
            tokio::time::sleep(EVERY).await;
            if self.app.waiting.is_closed() {
                return None;
            }
            if let Some(news) = self.news().await {
                return Some(news);
            }
            if self.spoke.elapsed() >= HEARTBEAT {
                self.spoke = Instant::now();
                return Some(": \n\n".to_owned());
            }
        }
    }

    /// An event, when the ledger has moved. While the database is away there is none.
    async fn news(&mut self) -> Option<String> {
        let tally = self.app.public.live.look(&self.app).await.ok()?;
        if self.told == Some(tally.ledger_seq) {
            return None;
        }
        let (target, of) = match &self.province {
            Some(code) => *tally.units.get(code)?,
            None => (Some(tally.country.0), tally.country.1),
        };
        let event = PublicProgressEvent::new(&tally, target, of);
        let data = serde_json::to_string(&event).ok()?;
        self.told = Some(tally.ledger_seq);
        self.spoke = Instant::now();
        Some(format!("id: {}\nevent: progress\ndata: {data}\n\n", tally.ledger_seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, n])
    }

    #[test]
    fn an_address_takes_some_seats_and_leaves_them_to_be_taken_again() {
        let live = Live::default();
        for _ in 0..SEATS_EACH {
            assert!(live.take(address(1)));
        }
        assert!(!live.take(address(1)) && live.take(address(2)));
        live.leave(address(1));
        assert!(live.take(address(1)));
        for _ in 0..SEATS_EACH {
            live.leave(address(1));
        }
        live.leave(address(2));
        assert_eq!((live.listeners(), live.seated.lock().len()), (0, 0), "nobody is remembered who is gone");
    }

    #[test]
    fn all_together_are_bounded_too() {
        let live = Live::default();
        for n in 0..u8::try_from(SEATS / SEATS_EACH).unwrap() {
            for _ in 0..SEATS_EACH {
                assert!(live.take(address(n)));
            }
        }
        assert!(!live.take(address(200)));
    }
}
