//! The folded ledger in memory: any slice of the figure without summing in the database.
//!
//! Every read first asks the database for two numbers, of the ledger's last entry and of the tree's last change, and
//! folds in what is new. So the answer after a write includes it, whichever replica wrote it, and no worker has to
//! keep up.

use crate::{
    app::App,
    problem::{ApiError, ApiResult, Code},
};
use chrono::{DateTime, NaiveDate, Utc};
use parking_lot::RwLock;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};
use tinhnguyen_domain::{
    counting::Count,
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    progress::{CellKey, Cube, Slice},
};
use tinhnguyen_persistence::{
    Store, StoreError, ledger,
    localities::{self, Place},
    org_units,
};
use tokio::sync::Mutex;
use tracing::error;
use uuid::Uuid;

/// How long an entry may be waited for that the ledger has not come to.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Entries that are read at once.
const BATCH: u64 = 10_000;

/// Compares totals and ledger, and notes what was found in the metrics.
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

/// The folded ledger of this process.
#[derive(Default)]
pub struct Figures {
    folded: RwLock<Option<Folded>>,
    refreshing: Mutex<()>,
}

/// The cube and the two trees that it is asked by.
pub struct Folded {
    cube: Cube,
    tree: i64,
    last_at: Option<DateTime<Utc>>,
    units: HashMap<Uuid, OrgUnit>,
    unit_at: HashMap<UnitPath, Uuid>,
    places: HashMap<Uuid, Place>,
    place_at: HashMap<UnitPath, Uuid>,
}

impl Figures {
    /// Works on figures that include everything committed before the call.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn with<T>(&self, store: &Store, work: impl FnOnce(&Folded) -> T) -> ApiResult<T> {
        let (seq, tree) = org_units::heads(store.read()).await?;
        if !self.is_fresh(seq, tree) {
            let _alone = self.refreshing.lock().await;
            if !self.is_fresh(seq, tree) {
                self.refresh(store, seq, tree).await?;
            }
        }
        let folded = self.folded.read();
        folded.as_ref().map(work).ok_or_else(|| ApiError::internal("the figures are not loaded"))
    }

    /// Waits until the ledger has come to an entry. With one database that is at once; behind a replica that lags it may
    /// take a moment.
    ///
    /// # Errors
    /// `ledger_behind` when it has not come to it within [`PATIENCE`].
    pub async fn reach(&self, store: &Store, seq: Option<i64>) -> ApiResult<()> {
        let Some(seq) = seq else { return Ok(()) };
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
        self.folded.read().as_ref().map_or(0, |folded| folded.cube.ledger_seq())
    }

    fn is_fresh(&self, seq: i64, tree: i64) -> bool {
        self.folded.read().as_ref().is_some_and(|f| f.cube.ledger_seq() >= seq && f.tree >= tree)
    }

    async fn refresh(&self, store: &Store, seq: i64, tree: i64) -> ApiResult<()> {
        let known = self.folded.read().as_ref().map(|f| (f.cube.ledger_seq(), f.tree));
        match known {
            Some((_, known_tree)) if known_tree >= tree => {}
            // The trees change rarely: then everything is read anew, as of one moment.
            _ => {
                let loaded = store.snapshot::<_, StoreError>(async |tx| Folded::load(tx).await).await?;
                *self.folded.write() = Some(loaded);
            }
        }
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
            let mut folded = self.folded.write();
            let Some(folded) = folded.as_mut() else { return Err(ApiError::internal("the figures are not loaded")) };
            for entry in &entries {
                folded.cube.apply(entry).map_err(ApiError::internal)?;
            }
            folded.last_at = folded.last_at.max(last_at);
        }
    }
}

/// What is asked of the figures. Days are inclusive.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The indicator.
    pub indicator_id: Uuid,
    /// Only what units at or below this path reported.
    pub org_unit: &'a UnitPath,
    /// Only what was done in localities at or below this path.
    pub locality: Option<&'a UnitPath>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
}

impl Folded {
    async fn load(tx: &tinhnguyen_persistence::Tx) -> Result<Self, StoreError> {
        let cube = ledger::load_cube(tx).await?;
        let (_, tree) = org_units::heads(tx).await?;
        let last_at = ledger::instant_of(tx, cube.ledger_seq()).await?;
        let units = org_units::all(tx).await?;
        let places = localities::all(tx).await?;
        Ok(Self {
            cube,
            tree,
            last_at,
            unit_at: units.iter().map(|unit| (unit.path.clone(), unit.stamp.id)).collect(),
            units: units.into_iter().map(|unit| (unit.stamp.id, unit)).collect(),
            place_at: places.iter().map(|place| (place.path.clone(), place.id)).collect(),
            places: places.into_iter().map(|place| (place.id, place)).collect(),
        })
    }

    /// The last entry that is folded in.
    #[must_use]
    pub const fn ledger_seq(&self) -> i64 {
        self.cube.ledger_seq()
    }

    /// Counts the changes of the organisation tree that are seen here.
    #[must_use]
    pub const fn tree(&self) -> i64 {
        self.tree
    }

    /// The instant that the figures stand at: this minute's beginning, or the last entry's if that is later.
    #[must_use]
    pub fn as_of(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        use chrono::DurationRound;
        let minute = now.duration_trunc(chrono::TimeDelta::minutes(1)).unwrap_or(now);
        self.last_at.map_or(minute, |last| last.max(minute))
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, id: Uuid) -> Option<&OrgUnit> {
        self.units.get(&id)
    }

    /// A locality.
    #[must_use]
    pub fn place(&self, id: Uuid) -> Option<&Place> {
        self.places.get(&id)
    }

    /// The units directly below one that are expected to report, by code: the support centre guides and has no teams.
    #[must_use]
    pub fn children(&self, parent: Uuid) -> Vec<&OrgUnit> {
        let reports = |unit: &&OrgUnit| unit.parent_id == Some(parent) && unit.kind != OrgUnitKind::SupportCentre;
        let mut children: Vec<_> = self.units.values().filter(reports).collect();
        children.sort_by(|a, b| a.code.cmp(&b.code));
        children
    }

    /// The figures of what is asked, by whatever `group` says of a cell.
    pub fn groups<K: Ord>(&self, asked: &Asked<'_>, group: impl Fn(&CellKey) -> Option<K>) -> BTreeMap<K, Count> {
        let whole = asked.org_unit.depth() == 0;
        let within_unit = |id: Uuid| self.units.get(&id).is_some_and(|unit| asked.org_unit.contains(&unit.path));
        let within_place = |id: Uuid| match asked.locality {
            Some(top) => self.places.get(&id).is_some_and(|place| top.contains(&place.path)),
            None => true,
        };
        let slice = Slice {
            indicator_id: asked.indicator_id,
            org_unit: (!whole).then_some(&within_unit),
            locality: asked.locality.map(|_| &within_place as &dyn Fn(Uuid) -> bool),
            from: asked.from,
            to: asked.to,
        };
        self.cube.groups(&slice, group)
    }

    /// The two figures of what is asked.
    #[must_use]
    pub fn total(&self, asked: &Asked<'_>) -> Count {
        self.groups(asked, |_| Some(())).into_values().sum()
    }

    /// The figures by the units directly below the one asked for; its own teams' stand under itself.
    #[must_use]
    pub fn by_child(&self, asked: &Asked<'_>) -> BTreeMap<Uuid, Count> {
        let depth = asked.org_unit.depth() + 1;
        let known = RefCell::new(HashMap::new());
        self.groups(asked, |key| {
            let mut known = known.borrow_mut();
            *known.entry(key.org_unit_id).or_insert_with(|| {
                let path = &self.units.get(&key.org_unit_id)?.path;
                self.unit_at.get(&path.at_depth(depth)).copied()
            })
        })
    }

    /// The figures by the localities directly below the one asked for, or by province.
    #[must_use]
    pub fn by_place(&self, asked: &Asked<'_>) -> BTreeMap<Uuid, Count> {
        let depth = asked.locality.map_or(0, |top| top.depth() + 1);
        let known = RefCell::new(HashMap::new());
        self.groups(asked, |key| {
            let mut known = known.borrow_mut();
            *known.entry(key.locality_id).or_insert_with(|| {
                let path = &self.places.get(&key.locality_id)?.path;
                self.place_at.get(&path.at_depth(depth)).copied()
            })
        })
    }
}
