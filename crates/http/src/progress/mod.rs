//! The folded ledger in memory: any slice of the figure without summing in the database.
//!
//! Every read first learns three numbers from the database (of the ledger's last entry, and of the last change of the trees
//! and of what is counted), and folds in what is new. So the answer after a write includes it, whichever replica wrote it,
//! and no worker has to keep up. Reads that come at the same moment ask together.

mod bodies;
mod trees;
mod view;

pub use bodies::{Bodies, Body};
pub use trees::{Subject, Subjects, Targets, Trees};
pub use view::{Asked, View};

use crate::{
    app::{App, today},
    group::{Group, Work, together},
    problem::{ApiError, ApiResult, Code, Fault},
};
use actix_web::web::Data;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use moka::sync::Cache;
use parking_lot::RwLock;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tinhnguyen_domain::{clock::Clock, progress::Cube, teams::TeamKind};
use tinhnguyen_persistence::{
    Store, StoreError, StoreResult, Tx, ledger,
    progress::{self as rows, Heads, Numbers},
};
use tokio::sync::Mutex;
use tracing::{error, info};
use uuid::Uuid;

/// How long an entry may be waited for that the ledger has not come to.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long what is written may be on its way: no entry of an instant that is longer past will still come.
const SETTLED: TimeDelta = TimeDelta::minutes(1);
/// Entries that are read at once.
const BATCH: u64 = 10_000;
/// Moments of the past whose cells are kept at hand.
const PASTS: u64 = 2;
/// Days of which the trees are kept at hand.
const DAYS: u64 = 4;

/// Compares totals, ledger and what is served, and notes what was found in the metrics.
///
/// # Errors
/// When the database can't be asked.
pub async fn audit(app: &App) -> Result<u64, StoreError> {
    let audit = app.store.snapshot::<_, StoreError>(async |tx| ledger::audit(tx).await).await?;
    if audit.disagreements > 0 {
        error!(ledger_seq = audit.ledger_seq, disagreements = audit.disagreements, "totals and ledger disagree");
    }
    app.metrics.audited(audit.disagreements, app.clock.now());
    Ok(audit.disagreements)
}

/// Keeps the figures as a snapshot when the ledger has gone far beyond the last one, so that the next process starts from
/// there. Gives whether it did.
///
/// # Errors
/// When the database can't be asked, or refuses.
pub async fn snapshot(store: &Store, clock: &dyn Clock) -> Result<bool, StoreError> {
    if !ledger::snapshot_due(store.read(), ledger::head(store.read()).await?).await? {
        return Ok(false);
    }
    let started = Instant::now();
    let cube = store.snapshot::<_, StoreError>(async |tx| ledger::cube_now(tx).await).await?;
    let now = clock.now();
    store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, &cube, now).await).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(ledger_seq = cube.ledger_seq(), cells = cube.len(), duration_ms, "snapshot of the figures kept");
    Ok(true)
}

/// The folded ledger of this process, and what it is asked by.
pub struct Figures {
    state: RwLock<Option<State>>,
    refreshing: Mutex<()>,
    pasts: Cache<i64, Arc<Cube>>,
    trees: Cache<(NaiveDate, i64), Arc<Trees>>,
    looking_back: Mutex<()>,
    questions: Group<HowFar>,
    /// Answers as they were sent.
    pub bodies: Bodies,
}

/// Of which moment figures are asked for; now, when nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct When {
    /// As they stood at this instant.
    pub as_of: Option<DateTime<Utc>>,
    /// In the trees of this local day; those of `as_of`'s when absent.
    pub tree_as_of: Option<NaiveDate>,
    /// How far everything is, where that was asked since the request came.
    pub heads: Option<Heads>,
}

struct State {
    heads: Heads,
    cube: Cube,
    kinds: HashMap<Uuid, TeamKind>,
    last_at: Option<DateTime<Utc>>,
    subjects: Arc<Subjects>,
}

/// Asks how far everything is, and who may do what.
pub struct HowFar;

impl Work for HowFar {
    type Done = ApiResult<Numbers>;

    fn queue(app: &App) -> &Group<Self> {
        &app.figures.questions
    }

    async fn run(app: &Data<App>, those: &[Self]) -> Vec<Self::Done> {
        let numbers = rows::numbers(app.store.read()).await.map_err(ApiError::from);
        those.iter().map(|_| numbers.clone()).collect()
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            refreshing: Mutex::default(),
            pasts: Cache::new(PASTS),
            trees: Cache::new(DAYS),
            looking_back: Mutex::default(),
            questions: Group::new(2, 1 << 10),
            bodies: Bodies::default(),
        }
    }
}

impl Figures {
    /// Makes sure that everything committed before the call is in the figures; gives how far they are.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn refreshed(&self, app: &Data<App>) -> ApiResult<Heads> {
        let heads = together(app, HowFar).await??.heads;
        self.come_to(app, heads).await
    }

    async fn come_to(&self, app: &App, heads: Heads) -> ApiResult<Heads> {
        if !self.covers(&heads) {
            let _alone = self.refreshing.lock().await;
            if !self.covers(&heads) {
                self.refresh(&app.store, &heads).await?;
            }
        }
        self.heads().ok_or_else(not_loaded)
    }

    /// Works on figures that include everything committed before the call, in the trees of today.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn with<T>(&self, app: &Data<App>, work: impl FnOnce(&View<'_>) -> T) -> ApiResult<T> {
        self.when(app, When::default(), work).await
    }

    /// Works on the figures as they stood at an instant, in the trees of a day.
    ///
    /// # Errors
    /// `not_allowed_value` for an instant to come; when the database can't be asked.
    pub async fn when<T>(&self, app: &Data<App>, when: When, work: impl FnOnce(&View<'_>) -> T) -> ApiResult<T> {
        let now = app.clock.now();
        if when.as_of.is_some_and(|as_of| as_of > now) {
            let fault = Fault::of_parameter("as_of", Code::NotAllowedValue)
                .message("Thời điểm này chưa đến.", "This instant has not come yet.");
            return Err(ApiError::parameter(fault));
        }
        let heads = match when.heads {
            Some(heads) => self.come_to(app, heads).await?,
            None => self.refreshed(app).await?,
        };
        let seq = match when.as_of {
            Some(as_of) => Some(ledger::seq_at(app.store.read(), as_of).await?),
            None => None,
        };
        // What stood then stood in the trees of then.
        let day = when.tree_as_of.unwrap_or_else(|| today(when.as_of.unwrap_or(now)));
        let trees = self.trees_of(&app.store, day, heads.trees).await?;
        loop {
            let past = match seq {
                Some(seq) => self.past(&app.store, seq).await?,
                None => None,
            };
            let state = self.state.read();
            let state = state.as_ref().ok_or_else(not_loaded)?;
            // What was the present a moment ago may have gone on since.
            if past.is_none() && seq.is_some_and(|seq| seq != state.cube.ledger_seq()) {
                continue;
            }
            let mut view = state.view(&trees, now);
            view.cube = past.as_deref().unwrap_or(&state.cube);
            view.as_of = when.as_of.unwrap_or(view.as_of);
            // By these trees, and not by newer ones that somebody else has learned of, answers are kept.
            view.heads.trees = heads.trees;
            return Ok(work(&view));
        }
    }

    /// The trees of a day, at least as new as a number of theirs.
    async fn trees_of(&self, store: &Store, day: NaiveDate, number: i64) -> ApiResult<Arc<Trees>> {
        if let Some(known) = self.trees.get(&(day, number)) {
            return Ok(known);
        }
        let _alone = self.refreshing.lock().await;
        if let Some(known) = self.trees.get(&(day, number)) {
            return Ok(known);
        }
        let (trees, found) = store.snapshot::<_, StoreError>(async |tx| Trees::load(tx, day).await).await?;
        let trees = Arc::new(trees);
        self.trees.insert((day, number.min(found)), Arc::clone(&trees));
        Ok(trees)
    }

    /// The cells as they stood at an entry; none when they still stand so.
    async fn past(&self, store: &Store, seq: i64) -> ApiResult<Option<Arc<Cube>>> {
        if self.ledger_seq() == seq {
            return Ok(None);
        }
        if let Some(known) = self.pasts.get(&seq) {
            return Ok(Some(known));
        }
        // One at a time: each takes as much memory as the present.
        let _alone = self.looking_back.lock().await;
        if let Some(known) = self.pasts.get(&seq) {
            return Ok(Some(known));
        }
        // From the present when that is nearer than the last snapshot before.
        let known = {
            let state = self.state.read();
            state.as_ref().filter(|s| s.cube.ledger_seq() - seq < ledger::EVERY).map(|s| s.cube.clone())
        };
        let cube = Arc::new(ledger::cube_at(store.read(), seq, known).await?);
        self.pasts.insert(seq, Arc::clone(&cube));
        Ok(Some(cube))
    }

    /// Waits until the ledger has come to an entry. With one database that is at once; behind a replica that lags it may
    /// take a moment.
    ///
    /// # Errors
    /// `ledger_behind` when it has not come to it within [`PATIENCE`].
    pub async fn reach(&self, store: &Store, seq: Option<i64>) -> ApiResult<()> {
        let Some(seq) = seq else { return Ok(()) };
        if self.ledger_seq() >= seq {
            return Ok(());
        }
        let started = Instant::now();
        loop {
            let head = ledger::head(store.read()).await?;
            if head >= seq {
                return Ok(());
            }
            if started.elapsed() >= PATIENCE {
                return Err(ApiError::new(Code::LedgerBehind).with("ledger_seq", head));
            }
            tokio::time::sleep(PATIENCE / 20).await;
        }
    }

    /// The last entry that is folded in; 0 before the first read.
    #[must_use]
    pub fn ledger_seq(&self) -> i64 {
        self.heads().map_or(0, |heads| heads.ledger_seq)
    }

    fn heads(&self) -> Option<Heads> {
        self.state.read().as_ref().map(|state| state.heads)
    }

    fn covers(&self, heads: &Heads) -> bool {
        self.heads().is_some_and(|known| known.covers(heads))
    }

    /// Reads everything, so that the first who asks needn't wait for it.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn load(&self, store: &Store) -> ApiResult<()> {
        let heads = rows::heads(store.read()).await?;
        let _alone = self.refreshing.lock().await;
        if self.covers(&heads) { Ok(()) } else { self.refresh(store, &heads).await }
    }

    async fn refresh(&self, store: &Store, wanted: &Heads) -> ApiResult<()> {
        let Some(known) = self.heads() else {
            let loaded = store.snapshot::<_, StoreError>(async |tx| State::load(tx).await).await?;
            *self.state.write() = Some(loaded);
            return Ok(());
        };
        self.change(|state| state.heads.demo = wanted.demo);
        // Trees are read when they are asked for, by number.
        self.change(|state| state.heads.trees = state.heads.trees.max(wanted.trees));
        // Subjects change rarely: then they are read anew, as of one moment.
        if known.subjects < wanted.subjects {
            let (subjects, number) = store.snapshot::<_, StoreError>(async |tx| Subjects::load(tx).await).await?;
            self.change(|state| {
                state.subjects = Arc::new(subjects);
                state.heads.subjects = number;
            });
        }
        self.follow(store, wanted.ledger_seq).await
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        if let Some(state) = self.state.write().as_mut() {
            how(state);
        }
    }

    /// Folds in what the ledger has up to an entry.
    async fn follow(&self, store: &Store, seq: i64) -> ApiResult<()> {
        loop {
            let last = self.ledger_seq();
            if last >= seq {
                return Ok(());
            }
            let entries = ledger::after(store.read(), last, BATCH).await?;
            let Some(end) = entries.last().map(|entry| entry.seq) else {
                return Err(ApiError::internal(format!("the ledger ends at {last}, before its head {seq}")));
            };
            let last_at = ledger::instant_of(store.read(), end).await?;
            let strangers: HashSet<Uuid> = {
                let state = self.state.read();
                let known = |team: &Uuid| state.as_ref().is_some_and(|state| state.kinds.contains_key(team));
                entries.iter().map(|entry| entry.key.team_id).filter(|team| !known(team)).collect()
            };
            let strangers: Vec<Uuid> = strangers.into_iter().collect();
            let kinds = rows::team_kinds(store.read(), Some(&strangers)).await?;
            let mut state = self.state.write();
            let state = state.as_mut().ok_or_else(not_loaded)?;
            for entry in &entries {
                state.cube.apply(entry).map_err(ApiError::internal)?;
            }
            state.kinds.extend(kinds);
            state.last_at = state.last_at.max(last_at);
            state.heads.ledger_seq = state.cube.ledger_seq();
        }
    }
}

fn not_loaded() -> ApiError {
    ApiError::internal("the figures are not loaded")
}

impl State {
    async fn load(tx: &Tx) -> StoreResult<Self> {
        let cube = ledger::cube_now(tx).await?;
        let tree = rows::heads(tx).await?.trees;
        let (subjects, subject) = Subjects::load(tx).await?;
        let last_at = ledger::instant_of(tx, cube.ledger_seq()).await?;
        let kinds = rows::team_kinds(tx, None).await?.into_iter().collect();
        let demo = rows::heads(tx).await?.demo;
        let heads = Heads { ledger_seq: cube.ledger_seq(), trees: tree, subjects: subject, demo };
        Ok(Self { heads, cube, kinds, last_at, subjects: Arc::new(subjects) })
    }

    /// The present, as it can be told again: the last entry's instant, or an instant that is so long past that nothing of
    /// it will still come.
    fn view<'a>(&'a self, trees: &'a Trees, now: DateTime<Utc>) -> View<'a> {
        use chrono::DurationRound;
        let settled = now - SETTLED;
        let minute = settled.duration_trunc(TimeDelta::minutes(1)).unwrap_or(settled);
        View {
            as_of: self.last_at.map_or(minute, |last| last.max(minute)),
            heads: self.heads,
            cube: &self.cube,
            kinds: &self.kinds,
            trees,
            subjects: &self.subjects,
        }
    }
}
