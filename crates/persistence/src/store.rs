//! The one home of connections and transactions.
//!
//! Reads and writes have pools of their own. The read pool can't write: SQLite's connections are `query_only`,
//! PostgreSQL's default to read-only transactions. Writes go through [`Store::write`] alone.

use crate::{Migrator, StoreError, StoreResult};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    IsolationLevel, QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    sqlx::{
        Connection,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::MigratorTrait;
use std::{path::PathBuf, time::Duration};
use tracing::{info, warn};

/// How long one statement may take before the call is given up, beyond what the database's own timeouts allow.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(15);
/// How long a connection may be waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a transaction is tried that PostgreSQL refused with a serialization failure or a deadlock.
const ATTEMPTS: u32 = 4;
/// Prepared statements that a connection keeps. Statements over many rows come in several sizes, and one that is prepared
/// anew costs a round trip and a plan.
const STATEMENTS: usize = 500;
/// Names the lock that one migrator holds on PostgreSQL: any number, the same for all replicas.
const MIGRATION_LOCK: i64 = 0x7469_6e68;

/// Which database to open.
#[derive(Debug, Clone)]
pub enum Database {
    /// A SQLite file; made when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL database by URL.
    Postgres {
        /// `postgres://user:password@host:port/name`.
        url: String,
        /// The most connections of the write pool; the read pool has as many again.
        max_connections: u32,
    },
}

/// The databases' connections.
#[derive(Clone)]
pub struct Store {
    read: Reader,
    write: DatabaseConnection,
    database: Database,
}

/// What reads go through: many connections, none of which can write.
#[derive(Clone)]
pub struct Reader(DatabaseConnection);

/// A transaction that will be committed when the closure of [`Store::write`] returns `Ok`.
pub struct Tx(DatabaseTransaction);

async fn within<T>(call: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    tokio::time::timeout(STATEMENT_DEADLINE, call)
        .await
        .unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal("no answer within the deadline".to_owned()))))
}

macro_rules! delegate {
    ($name:ident) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                self.0.get_database_backend()
            }
            async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
                within(self.0.execute_raw(stmt)).await
            }
            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                within(self.0.execute_unprepared(sql)).await
            }
            async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
                within(self.0.query_one_raw(stmt)).await
            }
            async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
                within(self.0.query_all_raw(stmt)).await
            }
        }
    };
}
delegate!(Reader);
delegate!(Tx);

impl Tx {
    /// Runs a part of the work that may fail by itself: what it wrote is taken back, and the rest of the transaction goes
    /// on.
    ///
    /// # Errors
    /// Whatever `work` returns, or what setting the savepoint returns.
    #[expect(clippy::disallowed_methods, reason = "the one home of transactions")]
    pub async fn attempt<T, E: From<StoreError>>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T, E>) -> Result<T, E> {
        let inner = Tx(within(self.0.begin()).await.map_err(StoreError::from)?);
        let outcome = work(&inner).await;
        let ended = if outcome.is_ok() { within(inner.0.commit()).await } else { within(inner.0.rollback()).await };
        ended.map_err(StoreError::from)?;
        outcome
    }
}

impl Store {
    /// Opens both pools. Nothing is migrated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached.
    pub async fn open(database: Database) -> StoreResult<Self> {
        let (read, write) = match &database {
            Database::Sqlite(path) => {
                // The first connection makes the file and switches it to its write-ahead log, which no busy timeout
                // waits for: of several processes that start at once, all but one would find it locked.
                let _alone = lock_file(path).await?;
                let write = sea_orm::Database::connect(sqlite(path, false)).await?;
                (sea_orm::Database::connect(sqlite(path, true)).await?, write)
            }
            Database::Postgres { url, max_connections } => {
                let write = sea_orm::Database::connect(postgres(url, *max_connections, false)).await?;
                (sea_orm::Database::connect(postgres(url, *max_connections, true)).await?, write)
            }
        };
        Ok(Self { read: Reader(read), write, database })
    }

    /// The connections to read with.
    #[must_use]
    pub const fn read(&self) -> &Reader {
        &self.read
    }

    /// Which database engine stands behind it: `sqlite` or `postgresql`.
    #[must_use]
    pub const fn engine(&self) -> &'static str {
        match self.database {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres { .. } => "postgresql",
        }
    }

    /// Runs `work` in one transaction and commits when it returns `Ok`; an error or a dropped future rolls it back.
    /// SQLite begins IMMEDIATE, because a deferred transaction that reads and then writes fails at once under
    /// concurrency. On PostgreSQL a serialization failure or a deadlock is tried again, a bounded number of times.
    ///
    /// # Errors
    /// Whatever `work` returns, or what beginning and committing returns.
    pub async fn write<T, E>(&self, work: impl AsyncFn(&Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + Retryable,
    {
        self.transact(&self.write, write_options(), true, work).await
    }

    /// Like [`Self::write`], and rolls back even when `work` returns `Ok`: the same checks, nothing kept.
    ///
    /// # Errors
    /// Whatever `work` returns, or what beginning returns.
    pub async fn rehearse<T, E>(&self, work: impl AsyncFn(&Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + Retryable,
    {
        self.transact(&self.write, write_options(), false, work).await
    }

    /// Reads several things as they stood at one moment.
    ///
    /// # Errors
    /// Whatever `work` returns, or what beginning returns.
    pub async fn snapshot<T, E>(&self, work: impl AsyncFn(&Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + Retryable,
    {
        let options = TransactionOptions {
            isolation_level: self.is_postgres().then_some(IsolationLevel::RepeatableRead),
            access_mode: self.is_postgres().then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
        };
        self.transact(&self.read.0, options, true, work).await
    }

    #[expect(clippy::disallowed_methods, reason = "the one home of transactions")]
    async fn transact<T, E>(
        &self,
        pool: &DatabaseConnection,
        options: TransactionOptions,
        keep: bool,
        work: impl AsyncFn(&Tx) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError> + Retryable,
    {
        let mut attempt = 1;
        loop {
            let options = TransactionOptions {
                isolation_level: options.isolation_level,
                access_mode: options.access_mode,
                sqlite_transaction_mode: options.sqlite_transaction_mode,
            };
            let tx = Tx(within(pool.begin_with_options(options)).await.map_err(StoreError::from)?);
            let outcome = match work(&tx).await {
                Ok(done) if keep => within(tx.0.commit()).await.map(|()| done).map_err(|e| StoreError::from(e).into()),
                Ok(done) => within(tx.0.rollback()).await.map(|()| done).map_err(|e| StoreError::from(e).into()),
                Err(err) => {
                    // A rollback that fails leaves a connection that the pool's guard refuses.
                    if let Err(rollback) = within(tx.0.rollback()).await {
                        warn!(error = %rollback, "rollback failed");
                    }
                    Err(err)
                }
            };
            match outcome {
                Err(err) if attempt < ATTEMPTS && err.is_retryable() => {
                    warn!(attempt, "transaction refused by the database, trying again");
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt) * 7)).await;
                    attempt = attempt.saturating_add(1);
                }
                outcome => return outcome,
            }
        }
    }

    const fn is_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres { .. })
    }

    /// Asks the database for a sign of life on both pools' behalf.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> StoreResult<()> {
        self.read.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Brings the schema up to date, alone: a second migrator waits for the first and then finds nothing to do. Each
    /// migration runs in a transaction, so that one that is killed leaves nothing half done.
    ///
    /// # Errors
    /// What the migration returns.
    pub async fn migrate(&self) -> StoreResult<()> {
        self.migrating(async |db| Migrator::up(db, None).await).await
    }

    /// Takes the last `steps` migrations back.
    ///
    /// # Errors
    /// What the migration returns.
    pub async fn migrate_down(&self, steps: u32) -> StoreResult<()> {
        self.migrating(async |db| Migrator::down(db, Some(steps)).await).await
    }

    /// How many migrations have not been applied.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn pending_migrations(&self) -> StoreResult<usize> {
        Ok(Migrator::get_pending_migrations(&self.write).await?.len())
    }

    async fn migrating(&self, work: impl AsyncFn(&DatabaseConnection) -> Result<(), DbErr>) -> StoreResult<()> {
        match &self.database {
            Database::Sqlite(_) => {
                let _alone = self.alone().await?;
                work(&self.write).await?;
            }
            Database::Postgres { url, .. } => {
                // A pool of its own: holding the lock takes one connection, migrating another, without timeouts.
                let mut options = ConnectOptions::new(url.as_str());
                options.max_connections(2).sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT);
                let pool = sea_orm::Database::connect(options).await?;
                #[expect(clippy::disallowed_methods, reason = "holds the migration lock until it is dropped")]
                let holder = pool.begin().await?;
                holder.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
                let outcome = work(&pool).await;
                holder.commit().await?;
                pool.close().await?;
                outcome?;
            }
        }
        info!(engine = self.engine(), "schema is up to date");
        Ok(())
    }

    /// Waits until no other process opens, migrates or fills the database, and keeps others from it as long as the
    /// answer lives. On PostgreSQL there is nothing to wait for: there, work like that takes locks of its own.
    pub(crate) async fn alone(&self) -> StoreResult<Option<std::fs::File>> {
        match &self.database {
            Database::Sqlite(path) => lock_file(path).await.map(Some),
            Database::Postgres { .. } => Ok(None),
        }
    }

    /// Closes all connections, letting SQLite fold its write-ahead log back.
    ///
    /// # Errors
    /// When closing fails.
    pub async fn close(self) -> StoreResult<()> {
        self.read.0.close().await?;
        self.write.close().await?;
        Ok(())
    }
}

fn write_options() -> TransactionOptions {
    TransactionOptions {
        isolation_level: None,
        access_mode: None,
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
    }
}

/// An error that knows whether the transaction may be tried again.
pub trait Retryable {
    /// Whether the database refused only because of others, so that the same transaction may succeed now.
    fn is_retryable(&self) -> bool;
}

impl Retryable for StoreError {
    /// Serialization failures and deadlocks.
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Contention(_))
    }
}

/// Locks the file beside a SQLite database.
async fn lock_file(database: &std::path::Path) -> StoreResult<std::fs::File> {
    let path = database.with_extension("lock");
    let name = path.display().to_string();
    tokio::task::spawn_blocking(move || {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    })
    .await
    .map_err(|e| StoreError::Unavailable(e.to_string()))?
    .map_err(|e| StoreError::Unavailable(format!("{name}, the lock beside the database, can't be taken: {e}")))
}

fn sqlite(path: &std::path::Path, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new("sqlite:");
    let path = path.to_owned();
    options
        .max_connections(if read_only { 8 } else { 1 })
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |o| {
            let o = o
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .statement_cache_capacity(STATEMENTS)
                .busy_timeout(Duration::from_secs(5))
                // What is deleted is overwritten, so that an erased name is in no free page of the file.
                .pragma("secure_delete", "on")
                .pragma("cache_size", "-16000")
                .pragma("temp_store", "memory")
                .optimize_on_close(true, None);
            if read_only { o.pragma("query_only", "on") } else { o }
        })
        // When COMMIT fails (disk full), the connection stays inside its transaction, and later "commits" would only
        // release savepoints: acknowledged writes would be lost. Such a connection is never handed out again.
        .map_sqlx_sqlite_before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }));
    options
}

fn postgres(url: &str, max_connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .max_lifetime(Duration::from_secs(1800))
        .sqlx_logging(false)
        .set_application_name("tinhnguyen")
        .map_sqlx_postgres_opts(move |o| {
            o.statement_cache_capacity(STATEMENTS).options([
                ("statement_timeout", "10s"),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "15s"),
                ("tcp_user_timeout", "10s"),
                ("timezone", "UTC"),
                ("default_transaction_read_only", if read_only { "on" } else { "off" }),
            ])
        });
    options
}
