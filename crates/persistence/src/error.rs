//! What can go wrong below the use cases, sorted by what a caller can do about it.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};
use thiserror::Error;
use uuid::Uuid;

/// The result of a query.
pub type StoreResult<T> = Result<T, StoreError>;

/// An error of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A unique key is taken.
    #[error("a unique key is taken: {0}")]
    Conflict(String),
    /// A row refers to one that is not there, or is referred to.
    #[error("a foreign key does not hold: {0}")]
    ForeignKey(String),
    /// A stored row does not mean anything: named, so that it can be found.
    #[error("corrupt row: {table}.{column} of {id}: {reason}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: Uuid,
        /// What is wrong with it.
        reason: String,
    },
    /// The row changed since it was read.
    #[error("the row has changed since it was read")]
    Stale,
    /// Another transaction was in the way: a serialization failure or a deadlock.
    #[error("another transaction was in the way: {0}")]
    Contention(String),
    /// Another transaction held a row for longer than may be waited for.
    #[error("a lock could not be had in time: {0}")]
    Locked(String),
    /// The database is busy, unreachable, or took too long; the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database can't store anything now: the disk is full or read-only.
    #[error("the database can't store: {0}")]
    Full(String),
    /// Personal data can't be opened or sealed: a key is missing, or a row was moved or changed behind our back.
    #[error("personal data: {0}")]
    Sealed(String),
    /// Anything else.
    #[error(transparent)]
    Db(DbErr),
}

fn sqlx_error(err: &DbErr) -> Option<&sqlx::Error> {
    match err {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

impl From<DbErr> for StoreError {
    fn from(err: DbErr) -> Self {
        match err.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(what)) => return Self::Conflict(what),
            Some(SqlErr::ForeignKeyConstraintViolation(what)) => return Self::ForeignKey(what),
            _ => {}
        }
        if matches!(err, DbErr::ConnectionAcquire(_)) {
            return Self::Unavailable(err.to_string());
        }
        match sqlx_error(&err) {
            Some(sqlx::Error::Database(db)) => classify(db.as_ref(), &err),
            Some(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_),
            ) => Self::Unavailable(err.to_string()),
            _ if matches!(err, DbErr::Conn(_)) => Self::Unavailable(err.to_string()),
            _ => Self::Db(err),
        }
    }
}

/// Sorts a database's own error by its code: SQLSTATE of PostgreSQL, or the (extended) result code of SQLite.
fn classify(db: &dyn sqlx::error::DatabaseError, err: &DbErr) -> StoreError {
    let code = db.code().unwrap_or_default();
    if db.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return match code.as_ref() {
            "40001" | "40P01" => StoreError::Contention(err.to_string()),
            // lock_timeout.
            "55P03" => StoreError::Locked(err.to_string()),
            "53100" | "53200" => StoreError::Full(err.to_string()),
            // 25006: a replica that has just been promoted or demoted; 57014: statement_timeout.
            "25006" | "57014" | "57P01" | "57P02" | "57P03" | "25P03" => StoreError::Unavailable(err.to_string()),
            c if c.starts_with("08") || c.starts_with("53") => StoreError::Unavailable(err.to_string()),
            _ => StoreError::Db(clone(err)),
        };
    }
    match code.parse::<i32>().map(|c| c & 0xff) {
        Ok(5 | 6) => StoreError::Unavailable(err.to_string()),
        Ok(8 | 10 | 13 | 14) => StoreError::Full(err.to_string()),
        _ => StoreError::Db(clone(err)),
    }
}

fn clone(err: &DbErr) -> DbErr {
    match err {
        DbErr::Conn(e) => DbErr::Conn(runtime(e)),
        DbErr::Query(e) => DbErr::Query(runtime(e)),
        DbErr::Exec(e) => DbErr::Exec(runtime(e)),
        other => DbErr::Custom(other.to_string()),
    }
}

fn runtime(err: &RuntimeErr) -> RuntimeErr {
    match err {
        RuntimeErr::SqlxError(e) => RuntimeErr::SqlxError(e.clone()),
        RuntimeErr::Internal(text) => RuntimeErr::Internal(text.clone()),
    }
}
