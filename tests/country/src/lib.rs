//! A whole country of results: as many as are wanted, over all communes, with their teams, activities, revisions and ledger.
//!
//! They are written by the databases themselves, in statements of many rows, because ten million would take the service an
//! hour. What is written is what the service writes: `tinhnguyen progress check` agrees with it. Everything follows from a
//! row's number, so the same size gives the same country on both databases.
//!
//! The database must be migrated and seeded, have no result, and be in use by nobody else.

mod sql;

use anyhow::{Context, Result, ensure};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::path::{Path, PathBuf};

/// Which database is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database by URL.
    Postgres(String),
}

/// How large the country is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Results. A twentieth of them was returned and counts for nothing.
    pub results: u64,
}

impl Size {
    /// Teams: one for about fifty results, at least 1 and at most 60,000, as many as the campaign had.
    #[must_use]
    pub const fn teams(self) -> u64 {
        let wanted = self.results / 50;
        if wanted == 0 {
            1
        } else if wanted > 60_000 {
            60_000
        } else {
            wanted
        }
    }

    /// Activities: a team reports each day of an activity once.
    #[must_use]
    pub const fn activities(self) -> u64 {
        self.teams() * self.results.div_ceil(self.teams() * sql::DAYS)
    }
}

/// Fills a database; `told` hears of each step before it is taken.
///
/// # Errors
/// When the database refuses, or has results already.
pub async fn fill(on: &On, size: Size, mut told: impl FnMut(&str)) -> Result<()> {
    match on {
        On::Sqlite(path) => {
            let mut db = sqlite(path, size).await?;
            for (what, statement) in sql::statements(sql::Dialect::Sqlite, size) {
                told(what);
                db.execute(AssertSqlSafe(statement.clone())).await.with_context(|| format!("{what}: {statement}"))?;
            }
            db.close().await?;
        }
        On::Postgres(url) => {
            let mut db = PgConnection::connect(url).await?;
            for (what, statement) in sql::statements(sql::Dialect::Postgres, size) {
                told(what);
                db.execute(AssertSqlSafe(statement.clone())).await.with_context(|| format!("{what}: {statement}"))?;
            }
            db.close().await?;
        }
    }
    Ok(())
}

async fn sqlite(path: &Path, size: Size) -> Result<SqliteConnection> {
    ensure!(path.is_file(), "{} is not there: it must be migrated and seeded first", path.display());
    // In KiB: what is written in one statement and doesn't fit is written twice and more, as indexes are not in its order.
    let cache = (size.results * 2 / 5).max(200_000);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", format!("-{cache}"))
        .pragma("temp_store", "memory");
    Ok(SqliteConnection::connect_with(&options).await?)
}
