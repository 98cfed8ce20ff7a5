//! What every test stands on: a database of its own, a clock that stands still, and the check at the end.

mod api;
mod conformance;
mod database;
pub mod desk;
pub mod letters;
pub mod provider;
pub mod receiver;
mod rows;
pub mod world;

pub use api::{Answer, Caller, Replica, Sending, T, app, id_in};
pub use database::{Content, Engine, Scratch};
pub use rows::{Field, day, unit};

use chrono::{DateTime, TimeZone, Utc};
use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, Statement, TryGetable};
use std::sync::LazyLock;
use std::{cell::Cell, panic::AssertUnwindSafe, pin::pin, task::Poll};
use tinhnguyen_persistence::{
    Store, StoreError, campaigns, entities, ledger,
    personal::{KeyRing, MasterKey, Vault},
};

/// Declares tests that run on both databases from one body: `name::sqlite` and `name::postgres`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($t:ident: &$fixture:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn body($t: &$fixture) $body

            #[test]
            fn sqlite() {
                $crate::harness::run($crate::harness::Engine::Sqlite, body);
            }

            #[test]
            fn postgres() {
                $crate::harness::run($crate::harness::Engine::Postgres, body);
            }
        }
    )+};
}

/// Declares tests of what only one database has.
macro_rules! only {
    ($engine:ident: $($(#[$meta:meta])* async fn $name:ident($t:ident: &$fixture:ty) $body:block)+) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            async fn body($t: &$fixture) $body
            $crate::harness::run($crate::harness::Engine::$engine, body);
        }
    )+};
}

/// The first user, administrator at the centre.
pub const ADMIN: &str = "admin";
/// Their password.
pub const ADMIN_PASSWORD: &str = "mat-khau-cua-bai-thu";

/// The present of all tests: in the middle of the campaign, 10:00 in Viet Nam.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 7, 15, 3, 0, 0).unwrap()
}

/// A master key of the personal data, the same for all tests of the process.
static MASTER: LazyLock<MasterKey> = LazyLock::new(|| MasterKey::generate().unwrap());

/// A vault of its own with the tests' master key, as each replica has one.
pub fn vault() -> Vault {
    Vault::new(KeyRing::of(MASTER.clone()))
}

/// What a test body is given.
pub trait Fixture: Sized {
    /// What its database holds at the beginning.
    const CONTENT: Content;

    /// Sets it up.
    async fn set_up(scratch: &Scratch) -> Self;

    /// Holds what must be true after every test, and lets go of the database.
    async fn tear_down(self, passed: bool);
}

/// Runs a test body on a fresh database, on a thread of its own. The database goes away whatever happens.
pub fn run<F: Fixture>(engine: Engine, body: impl AsyncFnOnce(&F)) {
    if !engine.is_wanted() {
        return;
    }
    database::prepare(engine, F::CONTENT);
    actix_web::rt::System::new().block_on(async {
        let scratch = Scratch::new(engine, F::CONTENT).await;
        let test = async {
            let fixture = F::set_up(&scratch).await;
            let outcome = AssertUnwindSafe(body(&fixture)).catch_unwind().await;
            fixture.tear_down(outcome.is_ok()).await;
            outcome
        };
        let outcome = AssertUnwindSafe(test).catch_unwind().await.and_then(|inner| inner);
        scratch.drop().await;
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A database without a schema, for tests of the migrations.
pub struct Blank(tinhnguyen_persistence::Database);

impl Blank {
    /// The database itself.
    pub fn database(&self) -> tinhnguyen_persistence::Database {
        self.0.clone()
    }

    /// Opens it once more.
    pub async fn open(&self) -> Store {
        Store::open(self.0.clone()).await.unwrap()
    }
}

impl Fixture for Blank {
    const CONTENT: Content = Content::Nothing;

    async fn set_up(scratch: &Scratch) -> Self {
        Self(scratch.database())
    }

    async fn tear_down(self, _: bool) {}
}

/// A database with its schema and reference data.
pub struct Db {
    pub store: Store,
    database: tinhnguyen_persistence::Database,
    tampered: Cell<bool>,
}

impl Db {
    /// The database by which it was opened, for a second store over it.
    pub fn database(&self) -> tinhnguyen_persistence::Database {
        self.database.clone()
    }

    /// Says that this test makes ledger, roll-ups and results disagree on purpose.
    pub fn tampers(&self) {
        self.tampered.set(true);
    }

    /// Runs SQL behind the service's back, in a transaction that is kept.
    pub async fn sql(&self, sql: &str) {
        self.store
            .write::<_, StoreError>(async |tx| Ok(tx.execute_unprepared(sql).await?))
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Compares results, ledger and roll-ups of all campaigns.
    pub async fn check(&self) -> ledger::CheckReport {
        check(&self.store).await
    }
}

impl Fixture for Db {
    const CONTENT: Content = Content::Seeded;

    async fn set_up(scratch: &Scratch) -> Self {
        let database = scratch.database();
        Self { store: Store::open(database.clone()).await.unwrap(), database, tampered: Cell::new(false) }
    }

    async fn tear_down(self, passed: bool) {
        if passed && !self.tampered.get() {
            let report = self.check().await;
            assert!(report.disagreements.is_empty(), "after the test: {:?}", report.disagreements);
        }
        self.store.close().await.unwrap();
    }
}

/// Compares results, ledger and roll-ups of all campaigns.
pub async fn check(store: &Store) -> ledger::CheckReport {
    use sea_orm::EntityTrait;
    store
        .snapshot::<_, StoreError>(async |tx| {
            let mut indicators = Vec::new();
            for campaign in entities::campaign::Entity::find().all(tx).await? {
                indicators.push((campaign.id, campaigns::indicators_of(tx, campaign.id).await?));
            }
            ledger::check(tx, &indicators).await
        })
        .await
        .unwrap()
}

/// The one value that a query gives.
pub async fn value<V: TryGetable>(conn: &impl ConnectionTrait, sql: &str) -> V {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let row = conn.query_one_raw(statement).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    row.unwrap_or_else(|| panic!("{sql}: no row")).try_get_by_index(0).unwrap()
}

/// The values of the first column that a query gives.
pub async fn values<V: TryGetable>(conn: &impl ConnectionTrait, sql: &str) -> Vec<V> {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let rows = conn.query_all_raw(statement).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Polls a future at most `times` times and then drops it, as a client that hangs up or a task that is aborted does.
pub async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(move |cx| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        let polled = future.as_mut().poll(cx).map(Some);
        if polled.is_pending() && polls == times {
            return Poll::Ready(None);
        }
        polled
    })
    .await
}
