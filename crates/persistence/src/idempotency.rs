//! Stored answers of requests with an `Idempotency-Key`, committed in the transaction of the work itself.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{chosen_id, idempotency_key as t},
};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SelectStatement},
};
use std::collections::HashMap;
use uuid::Uuid;

/// How long an answer is kept.
pub const KEPT: Duration = Duration::hours(24);

/// What a key is unique within.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyScope {
    /// Who sends it.
    pub principal_id: Uuid,
    /// The request's method.
    pub method: String,
    /// The request's path with its query.
    pub path: String,
    /// The key that the client chose, 1 to 255 characters.
    pub key: String,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// SHA-256 of the request's body.
    pub body_hash: Vec<u8>,
    /// HTTP status.
    pub status: u16,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

fn of(scope: &KeyScope) -> Condition {
    Condition::all()
        .add(t::Column::PrincipalId.eq(scope.principal_id))
        .add(t::Column::Method.eq(scope.method.as_str()))
        .add(t::Column::Path.eq(scope.path.as_str()))
        .add(t::Column::Key.eq(scope.key.as_str()))
}

/// Claims the key for this transaction, or gives the answer that it has already. On PostgreSQL a second claim waits
/// until the first transaction has ended; on SQLite writers come one after the other anyway.
///
/// # Errors
/// When the database refuses.
pub async fn claim(
    tx: &Tx,
    scope: &KeyScope,
    body_hash: &[u8],
    at: DateTime<Utc>,
) -> StoreResult<Option<StoredAnswer>> {
    t::Entity::delete_many().filter(of(scope)).filter(t::Column::CreatedAt.lt(at - KEPT)).exec(tx).await?;
    let row = t::ActiveModel {
        principal_id: Set(scope.principal_id),
        method: Set(scope.method.clone()),
        path: Set(scope.path.clone()),
        key: Set(scope.key.clone()),
        body_hash: Set(body_hash.to_vec()),
        status: Set(0),
        etag: Set(None),
        location: Set(None),
        body: Set(String::new()),
        created_at: Set(at),
    };
    let claimed = t::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([t::Column::PrincipalId, t::Column::Method, t::Column::Path, t::Column::Key])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await;
    if inserted(claimed)? {
        return Ok(None);
    }
    let stored = t::Entity::find().filter(of(scope)).one(tx).await?;
    Ok(stored.map(answer))
}

fn answer(row: t::Model) -> StoredAnswer {
    StoredAnswer {
        body_hash: row.body_hash,
        status: u16::try_from(row.status).unwrap_or_default(),
        etag: row.etag,
        location: row.location,
        body: row.body,
    }
}

/// The answer that a key has already, as others see it.
///
/// # Errors
/// When the database can't be asked.
pub async fn answer_of(
    conn: &impl ConnectionTrait,
    scope: &KeyScope,
    at: DateTime<Utc>,
) -> StoreResult<Option<StoredAnswer>> {
    let row = t::Entity::find().filter(of(scope)).filter(t::Column::CreatedAt.gte(at - KEPT)).one(conn).await?;
    Ok(row.map(answer))
}

/// The answers that many keys have already, in one question.
///
/// # Errors
/// When the database can't be asked.
pub async fn answers(tx: &Tx, scopes: &[KeyScope], at: DateTime<Utc>) -> StoreResult<HashMap<KeyScope, StoredAnswer>> {
    if scopes.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = t::Entity::find().filter(among(scopes)).filter(t::Column::CreatedAt.gte(at - KEPT)).all(tx).await?;
    let keyed = |row: t::Model| {
        let scope = KeyScope {
            principal_id: row.principal_id,
            method: row.method.clone(),
            path: row.path.clone(),
            key: row.key.clone(),
        };
        (scope, answer(row))
    };
    Ok(rows.into_iter().map(keyed).collect())
}

/// The rows of many keys: by a list of rows rather than a list for each column, which would look up every combination.
fn among(scopes: &[KeyScope]) -> Expr {
    let columns = [t::Column::PrincipalId, t::Column::Method, t::Column::Path, t::Column::Key];
    let tuple = Expr::tuple(columns.map(|column| Expr::col((t::Entity, column))));
    tuple.in_subquery(listed(scopes))
}

fn listed(scopes: &[KeyScope]) -> SelectStatement {
    let rows =
        scopes.iter().map(|scope| (scope.principal_id, scope.method.clone(), scope.path.clone(), scope.key.clone()));
    Query::select().expr(Expr::col(sea_orm::sea_query::Asterisk)).from_values(rows, Alias::new("sought")).to_owned()
}

/// Keeps the answers of many keys that had none.
///
/// # Errors
/// [`StoreError::Contention`] when somebody else has taken one of them meanwhile.
pub async fn keep_many(tx: &Tx, answers: &[(KeyScope, StoredAnswer)], at: DateTime<Utc>) -> StoreResult<()> {
    if answers.is_empty() {
        return Ok(());
    }
    // What was kept for longer than promised gives way.
    let scopes: Vec<KeyScope> = answers.iter().map(|(scope, _)| scope.clone()).collect();
    t::Entity::delete_many().filter(among(&scopes)).filter(t::Column::CreatedAt.lt(at - KEPT)).exec(tx).await?;
    let rows = answers.iter().map(|(scope, answer)| t::ActiveModel {
        principal_id: Set(scope.principal_id),
        method: Set(scope.method.clone()),
        path: Set(scope.path.clone()),
        key: Set(scope.key.clone()),
        body_hash: Set(answer.body_hash.clone()),
        status: Set(i32::from(answer.status)),
        etag: Set(answer.etag.clone()),
        location: Set(answer.location.clone()),
        body: Set(answer.body.clone()),
        created_at: Set(at),
    });
    let kept = t::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([t::Column::PrincipalId, t::Column::Method, t::Column::Path, t::Column::Key])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await;
    all_inserted(kept, answers.len())
}

/// The hashes of the bodies that have taken ids already.
///
/// # Errors
/// When the database can't be asked.
pub async fn hashes_of_ids(tx: &Tx, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, Vec<u8>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = chosen_id::Entity::find().filter(chosen_id::Column::Id.is_in(ids.iter().copied())).all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.body_hash)).collect())
}

/// Takes many client-chosen ids that nobody had taken.
///
/// # Errors
/// [`StoreError::Contention`] when somebody else has taken one of them meanwhile.
pub async fn claim_ids(tx: &Tx, ids: &[(Uuid, Vec<u8>)]) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = ids.iter().map(|(id, hash)| chosen_id::ActiveModel { id: Set(*id), body_hash: Set(hash.clone()) });
    let claimed = chosen_id::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(chosen_id::Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await;
    all_inserted(claimed, ids.len())
}

fn all_inserted(outcome: Result<u64, DbErr>, wanted: usize) -> StoreResult<()> {
    let rows = match outcome {
        Ok(rows) => rows,
        Err(DbErr::RecordNotInserted) => 0,
        Err(err) => return Err(err.into()),
    };
    if rows == u64::try_from(wanted).unwrap_or(u64::MAX) {
        Ok(())
    } else {
        Err(StoreError::Contention("the same key came by two ways at once".to_owned()))
    }
}

/// Keeps the answer under the claimed key.
///
/// # Errors
/// When the database refuses.
pub async fn keep(tx: &Tx, scope: &KeyScope, answer: &StoredAnswer) -> StoreResult<()> {
    t::Entity::update_many()
        .set(t::ActiveModel {
            status: Set(i32::from(answer.status)),
            etag: Set(answer.etag.clone()),
            location: Set(answer.location.clone()),
            body: Set(answer.body.clone()),
            ..Default::default()
        })
        .filter(of(scope))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes a client-chosen id for the body with this hash, or gives the hash of the body that has taken it already. Of
/// two requests at the same moment the second waits for the first.
///
/// # Errors
/// When the database refuses.
pub async fn claim_id(tx: &Tx, id: Uuid, body_hash: &[u8]) -> StoreResult<Option<Vec<u8>>> {
    let row = chosen_id::ActiveModel { id: Set(id), body_hash: Set(body_hash.to_vec()) };
    let claimed = chosen_id::Entity::insert(row)
        .on_conflict(OnConflict::column(chosen_id::Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await;
    if inserted(claimed)? {
        return Ok(None);
    }
    Ok(chosen_id::Entity::find_by_id(id).one(tx).await?.map(|row| row.body_hash))
}

/// The hash of the body that has taken a client-chosen id, if one has.
///
/// # Errors
/// When the database can't be asked.
pub async fn taken_by(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Vec<u8>>> {
    Ok(chosen_id::Entity::find_by_id(id).one(conn).await?.map(|row| row.body_hash))
}

/// Whether an insert that does nothing on conflict inserted.
fn inserted(outcome: Result<u64, DbErr>) -> StoreResult<bool> {
    match outcome {
        Ok(rows) => Ok(rows > 0),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(err) => Err(err.into()),
    }
}

/// Forgets answers older than [`KEPT`]; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    Ok(t::Entity::delete_many().filter(t::Column::CreatedAt.lt(at - KEPT)).exec(tx).await?.rows_affected)
}
