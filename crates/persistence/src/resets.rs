//! Resets of forgotten passwords: what was asked for, and the tokens that were sent.

use crate::{
    StoreResult, Tx,
    entities::{password_reset as t, password_reset_request as q, user_account as u},
};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, LockType},
};
use uuid::Uuid;

/// How long the link of a mail is good.
pub const LIFETIME: Duration = Duration::minutes(30);
/// Mails to one account within [`WINDOW`]; whoever asks for more gets the same answer and no mail.
pub const MAILS: u64 = 3;
/// The time over which mails are counted.
pub const WINDOW: Duration = Duration::hours(1);
/// Requests that may wait at once: strangers fill no disk with them.
const WAITING: u64 = 10_000;

/// Somebody asks for a reset.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The request's own id.
    pub id: Uuid,
    /// A username or a mail address.
    pub identifier: String,
    /// The HTTP request it came with.
    pub request_id: String,
}

/// Remembers that somebody asks for a reset. Nothing is looked up, so that the answer takes as long for everybody.
///
/// # Errors
/// When the database refuses.
pub async fn ask(tx: &Tx, identifier: &str, request_id: &str, at: DateTime<Utc>) -> StoreResult<()> {
    if q::Entity::find().count(tx).await? >= WAITING {
        return Ok(());
    }
    let row = q::ActiveModel {
        id: Set(Uuid::now_v7()),
        identifier: Set(identifier.to_owned()),
        request_id: Set(request_id.to_owned()),
        created_at: Set(at),
    };
    q::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Requests that wait, the oldest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn waiting(conn: &impl ConnectionTrait, limit: u64) -> StoreResult<Vec<Asked>> {
    let rows = q::Entity::find().order_by_asc(q::Column::CreatedAt).limit(limit).all(conn).await?;
    Ok(rows.into_iter().map(|r| Asked { id: r.id, identifier: r.identifier, request_id: r.request_id }).collect())
}

/// Takes a request out of the queue; gives whether it was still there, so that one replica answers it.
///
/// # Errors
/// When the database refuses.
pub async fn take(tx: &Tx, id: Uuid) -> StoreResult<bool> {
    Ok(q::Entity::delete_by_id(id).exec(tx).await?.rows_affected == 1)
}

/// The open accounts that log in by password and have this username, or else this mail address in whatever case.
///
/// # Errors
/// When the database can't be asked.
pub async fn accounts_of(conn: &impl ConnectionTrait, identifier: &str) -> StoreResult<Vec<Uuid>> {
    let open = |which: Condition| {
        let query = u::Entity::find().select_only().column(u::Column::Id).filter(u::Column::Disabled.eq(false));
        query
            .filter(u::Column::PasswordHash.is_not_null())
            .filter(which)
            .order_by_asc(u::Column::Id)
            .limit(5)
            .into_tuple()
            .all(conn)
    };
    let by_name = open(Condition::all().add(u::Column::Username.eq(identifier.to_lowercase()))).await?;
    if !by_name.is_empty() {
        return Ok(by_name);
    }
    Ok(open(Condition::all().add(email_is(identifier))).await?)
}

/// "Has this mail address", in whatever case; by the index on its lower case.
pub(crate) fn email_is(address: &str) -> sea_orm::sea_query::SimpleExpr {
    Expr::expr(Func::lower(Expr::col(u::Column::Email))).eq(Func::lower(Expr::val(address)))
}

/// Stores the token of a mail, unless the account got enough of them lately; gives whether it was stored. The account's
/// row is locked, so that requests at the same moment are counted one after the other.
///
/// # Errors
/// When the database refuses.
pub async fn issue(tx: &Tx, user_id: Uuid, token_hash: Vec<u8>, at: DateTime<Utc>) -> StoreResult<bool> {
    u::Entity::find_by_id(user_id).lock(LockType::NoKeyUpdate).one(tx).await?;
    let lately = t::Entity::find().filter(t::Column::UserId.eq(user_id)).filter(t::Column::CreatedAt.gt(at - WINDOW));
    if lately.count(tx).await? >= MAILS {
        return Ok(false);
    }
    let row = t::ActiveModel {
        id: Set(Uuid::now_v7()),
        user_id: Set(user_id),
        token_hash: Set(token_hash),
        created_at: Set(at),
        expires_at: Set(at + LIFETIME),
        used_at: Set(None),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(true)
}

/// Uses a token up; gives whose it is when it was good. All other tokens of the account go with it.
///
/// # Errors
/// When the database refuses.
pub async fn redeem(tx: &Tx, token_hash: &[u8], at: DateTime<Utc>) -> StoreResult<Option<Uuid>> {
    let Some(row) = t::Entity::find().filter(t::Column::TokenHash.eq(token_hash)).one(tx).await? else {
        return Ok(None);
    };
    let used = t::Entity::update_many()
        .col_expr(t::Column::UsedAt, Expr::value(at))
        .filter(t::Column::Id.eq(row.id))
        .filter(t::Column::UsedAt.is_null())
        .filter(t::Column::ExpiresAt.gt(at))
        .exec(tx)
        .await?;
    if used.rows_affected == 0 {
        return Ok(None);
    }
    void(tx, row.user_id, at).await?;
    Ok(Some(row.user_id))
}

/// Makes all tokens of an account useless, such as after a new password.
///
/// # Errors
/// When the database refuses.
pub async fn void(tx: &Tx, user_id: Uuid, at: DateTime<Utc>) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::UsedAt, Expr::value(at))
        .filter(t::Column::UserId.eq(user_id))
        .filter(t::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets tokens that are neither good nor counted any more; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    let old = t::Entity::delete_many().filter(t::Column::CreatedAt.lt(at - Duration::days(1)));
    Ok(old.exec(tx).await?.rows_affected)
}

/// Whether a token was ever given out, lately; whether it is still good is found out by [`redeem`].
///
/// # Errors
/// When the database can't be asked.
pub async fn is_known(conn: &impl ConnectionTrait, token_hash: &[u8]) -> StoreResult<bool> {
    Ok(t::Entity::find().filter(t::Column::TokenHash.eq(token_hash)).count(conn).await? > 0)
}
