//! Second factors: the sealed secret of an authenticator app, and recovery codes. Each code is good once.

use crate::{
    StoreResult, Tx,
    entities::{recovery_code as r, totp as t},
};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

/// Wrong codes in a row that are borne before codes are refused for a while.
const BORNE: i32 = 5;
/// The longest while.
const LONGEST: Duration = Duration::minutes(15);

/// Somebody's authenticator.
#[derive(Debug, Clone)]
pub struct Totp {
    /// Its secret, sealed.
    pub secret: Vec<u8>,
    /// Whether its owner has shown that they have it.
    pub confirmed: bool,
    /// Until then every code is refused, because too many were wrong.
    pub locked_until: Option<DateTime<Utc>>,
}

/// Somebody's authenticator, if they began to set one up.
///
/// # Errors
/// When the database can't be asked.
pub async fn find(conn: &impl ConnectionTrait, user_id: Uuid) -> StoreResult<Option<Totp>> {
    let row = t::Entity::find_by_id(user_id).one(conn).await?;
    Ok(row.map(|row| Totp {
        secret: row.secret,
        confirmed: row.confirmed_at.is_some(),
        locked_until: row.locked_until,
    }))
}

/// Whether somebody's second factor is on.
///
/// # Errors
/// When the database can't be asked.
pub async fn is_on(conn: &impl ConnectionTrait, user_id: Uuid) -> StoreResult<bool> {
    let on = t::Entity::find_by_id(user_id).filter(t::Column::ConfirmedAt.is_not_null());
    Ok(on.count(conn).await? > 0)
}

/// Begins to set an authenticator up; one that was begun and not confirmed is replaced. Gives whether it was stored: one
/// that is on stays as it is.
///
/// # Errors
/// When the database refuses.
pub async fn begin(tx: &Tx, user_id: Uuid, secret: Vec<u8>, at: DateTime<Utc>) -> StoreResult<bool> {
    let row = t::ActiveModel {
        user_id: Set(user_id),
        secret: Set(secret),
        created_at: Set(at),
        confirmed_at: Set(None),
        last_step: Set(None),
        failures: Set(0),
        locked_until: Set(None),
    };
    let replace = OnConflict::column(t::Column::UserId)
        .update_columns([t::Column::Secret, t::Column::CreatedAt, t::Column::LastStep, t::Column::Failures])
        .action_and_where(Expr::col((t::Entity, t::Column::ConfirmedAt)).is_null())
        .to_owned();
    match t::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await {
        Ok(rows) => Ok(rows > 0),
        Err(sea_orm::DbErr::RecordNotInserted) => Ok(false),
        Err(err) => Err(err.into()),
    }
}

/// Switches an authenticator on, with the hashes of its recovery codes; gives whether it waited for that.
///
/// # Errors
/// When the database refuses.
pub async fn confirm(tx: &Tx, user_id: Uuid, codes: Vec<Vec<u8>>, at: DateTime<Utc>) -> StoreResult<bool> {
    let changed = t::Entity::update_many()
        .col_expr(t::Column::ConfirmedAt, Expr::value(at))
        .filter(t::Column::UserId.eq(user_id))
        .filter(t::Column::ConfirmedAt.is_null())
        .exec(tx)
        .await?;
    if changed.rows_affected == 0 {
        return Ok(false);
    }
    r::Entity::delete_many().filter(r::Column::UserId.eq(user_id)).exec(tx).await?;
    let rows = codes.into_iter().map(|code_hash| r::ActiveModel {
        id: Set(Uuid::now_v7()),
        user_id: Set(user_id),
        code_hash: Set(code_hash),
        created_at: Set(at),
        used_at: Set(None),
    });
    r::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(true)
}

fn open_at(at: DateTime<Utc>) -> Condition {
    Condition::any().add(t::Column::LockedUntil.is_null()).add(t::Column::LockedUntil.lte(at))
}

/// Uses the code of a time step up; gives whether it was good: each step is good once, and none before the last.
///
/// # Errors
/// When the database refuses.
pub async fn use_step(tx: &Tx, user_id: Uuid, step: i64, at: DateTime<Utc>) -> StoreResult<bool> {
    let used = t::Entity::update_many()
        .col_expr(t::Column::LastStep, Expr::value(step))
        .col_expr(t::Column::Failures, Expr::value(0))
        .col_expr(t::Column::LockedUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(t::Column::UserId.eq(user_id))
        .filter(Condition::any().add(t::Column::LastStep.is_null()).add(t::Column::LastStep.lt(step)))
        .filter(open_at(at))
        .exec(tx)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Uses a recovery code up; gives whether it was good.
///
/// # Errors
/// When the database refuses.
pub async fn use_recovery(tx: &Tx, user_id: Uuid, code_hash: &[u8], at: DateTime<Utc>) -> StoreResult<bool> {
    let open = t::Entity::update_many()
        .col_expr(t::Column::Failures, Expr::col(t::Column::Failures))
        .filter(t::Column::UserId.eq(user_id))
        .filter(t::Column::ConfirmedAt.is_not_null())
        .filter(open_at(at))
        .exec(tx)
        .await?;
    if open.rows_affected == 0 {
        return Ok(false);
    }
    let used = r::Entity::update_many()
        .col_expr(r::Column::UsedAt, Expr::value(at))
        .filter(r::Column::UserId.eq(user_id))
        .filter(r::Column::CodeHash.eq(code_hash))
        .filter(r::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Counts a wrong code. After some in a row every code is refused for a while, longer each time: whoever has the
/// password must not have a million tries at six digits.
///
/// # Errors
/// When the database refuses.
pub async fn fail(tx: &Tx, user_id: Uuid, at: DateTime<Utc>) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::Failures, Expr::col(t::Column::Failures).add(1))
        .filter(t::Column::UserId.eq(user_id))
        .exec(tx)
        .await?;
    let Some(row) = t::Entity::find_by_id(user_id).one(tx).await? else { return Ok(()) };
    let beyond = row.failures.saturating_sub(BORNE);
    if beyond < 0 {
        return Ok(());
    }
    let wait = Duration::seconds(30_i64.saturating_mul(1_i64 << beyond.clamp(0, 10)));
    t::Entity::update_many()
        .col_expr(t::Column::LockedUntil, Expr::value(at + wait.min(LONGEST)))
        .filter(t::Column::UserId.eq(user_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Switches a second factor off and forgets it; gives whether there was one.
///
/// # Errors
/// When the database refuses.
pub async fn remove(tx: &Tx, user_id: Uuid) -> StoreResult<bool> {
    r::Entity::delete_many().filter(r::Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(t::Entity::delete_by_id(user_id).exec(tx).await?.rows_affected == 1)
}
