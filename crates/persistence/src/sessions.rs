//! Sessions of people and their refresh tokens. A token is used once; one that comes back ends its session.

use crate::{
    StoreResult, Tx,
    entities::{login_place as p, refresh_token as t, session as s},
};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashSet;
use uuid::Uuid;

/// How long a refresh token is good when it is not used.
pub const REFRESH_LIFETIME: Duration = Duration::days(30);

/// How long a place is remembered from which somebody logged in.
pub const PLACE_LIFETIME: Duration = Duration::days(90);

/// A refresh token as it is stored: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefresh {
    /// The token's id, its public half.
    pub id: Uuid,
    /// SHA-256 of its secret half.
    pub secret_hash: Vec<u8>,
}

/// What became of a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was good; the new one is stored in its place.
    Renewed {
        /// Whose session.
        user_id: Uuid,
        /// The session.
        session_id: Uuid,
    },
    /// It had been used before: somebody else may have it, so the session has been ended.
    Reused {
        /// Whose session.
        user_id: Uuid,
        /// The session.
        session_id: Uuid,
    },
    /// Unknown, expired, or of a session that has ended.
    Refused,
}

/// Begins a session with its first refresh token.
///
/// # Errors
/// When the database refuses.
pub async fn begin(tx: &Tx, user_id: Uuid, token: &NewRefresh, at: DateTime<Utc>) -> StoreResult<Uuid> {
    let id = Uuid::now_v7();
    let row = s::ActiveModel { id: Set(id), user_id: Set(user_id), created_at: Set(at), revoked_at: Set(None) };
    s::Entity::insert(row).exec_without_returning(tx).await?;
    insert(tx, id, token, at).await?;
    Ok(id)
}

async fn insert(tx: &Tx, session_id: Uuid, token: &NewRefresh, at: DateTime<Utc>) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(token.id),
        session_id: Set(session_id),
        secret_hash: Set(token.secret_hash.clone()),
        created_at: Set(at),
        expires_at: Set(at + REFRESH_LIFETIME),
        used_at: Set(None),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Which of many sessions stand.
///
/// # Errors
/// When the database can't be asked.
pub async fn standing(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let open = s::Entity::find()
        .select_only()
        .column(s::Column::Id)
        .filter(s::Column::Id.is_in(ids.iter().copied()))
        .filter(s::Column::RevokedAt.is_null());
    Ok(open.into_tuple::<Uuid>().all(conn).await?.into_iter().collect())
}

/// Uses a refresh token up and stores the next one. Of two uses at the same moment one renews, and the other counts as
/// a reuse.
///
/// # Errors
/// When the database refuses.
pub async fn rotate(
    tx: &Tx,
    id: Uuid,
    secret_hash: &[u8],
    next: &NewRefresh,
    at: DateTime<Utc>,
) -> StoreResult<Rotation> {
    let Some(token) = t::Entity::find_by_id(id).one(tx).await? else { return Ok(Rotation::Refused) };
    let Some(session) = s::Entity::find_by_id(token.session_id).one(tx).await? else { return Ok(Rotation::Refused) };
    if token.secret_hash != secret_hash || session.revoked_at.is_some() {
        return Ok(Rotation::Refused);
    }
    let (user_id, session_id) = (session.user_id, session.id);
    let used = t::Entity::update_many()
        .col_expr(t::Column::UsedAt, Expr::value(at))
        .filter(t::Column::Id.eq(id))
        .filter(t::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    if used.rows_affected == 0 {
        end(tx, session_id, at).await?;
        return Ok(Rotation::Reused { user_id, session_id });
    }
    if token.expires_at <= at {
        return Ok(Rotation::Refused);
    }
    insert(tx, session_id, next, at).await?;
    Ok(Rotation::Renewed { user_id, session_id })
}

/// The session of a refresh token, and whose it is, when the secret is the right one.
///
/// # Errors
/// When the database can't be asked.
pub async fn session_of(
    conn: &impl ConnectionTrait,
    id: Uuid,
    secret_hash: &[u8],
) -> StoreResult<Option<(Uuid, Uuid)>> {
    let Some(token) = t::Entity::find_by_id(id).one(conn).await? else { return Ok(None) };
    if token.secret_hash != secret_hash {
        return Ok(None);
    }
    Ok(s::Entity::find_by_id(token.session_id).one(conn).await?.map(|session| (session.id, session.user_id)))
}

/// Remembers that an account was logged in to from a place.
///
/// # Errors
/// When the database refuses.
pub async fn remember_place(tx: &Tx, user_id: Uuid, place: &str, at: DateTime<Utc>) -> StoreResult<()> {
    let row = p::ActiveModel { user_id: Set(user_id), address: Set(place.to_owned()), seen_at: Set(at) };
    p::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([p::Column::UserId, p::Column::Address]).update_column(p::Column::SeenAt).to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Whether an account was lately logged in to from a place.
///
/// # Errors
/// When the database can't be asked.
pub async fn knows_place(
    conn: &impl ConnectionTrait,
    user_id: Uuid,
    place: &str,
    at: DateTime<Utc>,
) -> StoreResult<bool> {
    let seen = p::Entity::find_by_id((user_id, place.to_owned())).filter(p::Column::SeenAt.gt(at - PLACE_LIFETIME));
    Ok(seen.count(conn).await? > 0)
}

/// Ends a session: its refresh tokens and its access tokens stop working at once.
///
/// # Errors
/// When the database refuses.
pub async fn end(tx: &Tx, id: Uuid, at: DateTime<Utc>) -> StoreResult<()> {
    end_where(tx, s::Column::Id.eq(id), at).await
}

/// Ends all sessions of a user, such as after a new password.
///
/// # Errors
/// When the database refuses.
pub async fn end_all(tx: &Tx, user_id: Uuid, at: DateTime<Utc>) -> StoreResult<()> {
    end_where(tx, s::Column::UserId.eq(user_id), at).await
}

async fn end_where(tx: &Tx, which: sea_orm::sea_query::SimpleExpr, at: DateTime<Utc>) -> StoreResult<()> {
    s::Entity::update_many()
        .col_expr(s::Column::RevokedAt, Expr::value(at))
        .filter(which)
        .filter(s::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets refresh tokens that have long expired, the sessions that have none left, and places of long ago; gives how
/// many tokens.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    p::Entity::delete_many().filter(p::Column::SeenAt.lt(at - PLACE_LIFETIME)).exec(tx).await?;
    let gone = t::Entity::delete_many().filter(t::Column::ExpiresAt.lt(at - Duration::days(1))).exec(tx).await?;
    let kept = t::Entity::find().select_only().column(t::Column::SessionId).into_query();
    s::Entity::delete_many()
        .filter(s::Column::CreatedAt.lt(at - REFRESH_LIFETIME))
        .filter(s::Column::Id.not_in_subquery(kept))
        .exec(tx)
        .await?;
    Ok(gone.rows_affected)
}
