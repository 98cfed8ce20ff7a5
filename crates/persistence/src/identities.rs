//! Logins through an identity provider: what waits for the provider's answer, one-time codes, and which identity
//! belongs to which account.

use crate::{
    StoreResult, Tx,
    entities::{oidc_code as c, oidc_identity as i, oidc_login as l, user_account as u},
    resets::email_is,
};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

/// How long the provider's answer is waited for.
pub const LOGIN_LIFETIME: Duration = Duration::minutes(10);
/// How long a one-time code waits to be redeemed by the application that began the login.
pub const CODE_LIFETIME: Duration = Duration::minutes(2);

/// A login that waits for the provider's answer.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its id, for which its secret is sealed.
    pub id: Uuid,
    /// SHA-256 of the `state` that the provider gives back.
    pub state_hash: Vec<u8>,
    /// Nonce and PKCE verifier, sealed.
    pub secret: Vec<u8>,
    /// The PKCE challenge (S256) of the application that began it.
    pub code_challenge: String,
    /// What that application wants back.
    pub app_state: Option<String>,
}

/// Remembers a login.
///
/// # Errors
/// When the database refuses.
pub async fn begin(tx: &Tx, login: Login, at: DateTime<Utc>) -> StoreResult<()> {
    let row = l::ActiveModel {
        id: Set(login.id),
        state_hash: Set(login.state_hash),
        secret: Set(login.secret),
        code_challenge: Set(login.code_challenge),
        app_state: Set(login.app_state),
        created_at: Set(at),
        expires_at: Set(at + LOGIN_LIFETIME),
    };
    l::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes a login by its state; each is taken once.
///
/// # Errors
/// When the database refuses.
pub async fn take(tx: &Tx, state_hash: &[u8], at: DateTime<Utc>) -> StoreResult<Option<Login>> {
    let Some(row) = l::Entity::find().filter(l::Column::StateHash.eq(state_hash)).one(tx).await? else {
        return Ok(None);
    };
    let taken = l::Entity::delete_by_id(row.id).exec(tx).await?;
    if taken.rows_affected == 0 || row.expires_at <= at {
        return Ok(None);
    }
    Ok(Some(Login {
        id: row.id,
        state_hash: row.state_hash,
        secret: row.secret,
        code_challenge: row.code_challenge,
        app_state: row.app_state,
    }))
}

/// Whose identity this is.
///
/// # Errors
/// When the database can't be asked.
pub async fn find(conn: &impl ConnectionTrait, issuer: &str, subject: &str) -> StoreResult<Option<Uuid>> {
    let query = i::Entity::find().filter(i::Column::Issuer.eq(issuer)).filter(i::Column::Subject.eq(subject));
    Ok(query.one(conn).await?.map(|row| row.user_id))
}

/// Whether an account has an identity at a provider.
///
/// # Errors
/// When the database can't be asked.
pub async fn has_identity(conn: &impl ConnectionTrait, issuer: &str, user_id: Uuid) -> StoreResult<bool> {
    let query = i::Entity::find().filter(i::Column::Issuer.eq(issuer)).filter(i::Column::UserId.eq(user_id));
    Ok(query.one(conn).await?.is_some())
}

/// The open accounts with this mail address, in whatever case; two at the most, because only one is of use.
///
/// # Errors
/// When the database can't be asked.
pub async fn accounts_with_email(conn: &impl ConnectionTrait, address: &str) -> StoreResult<Vec<Uuid>> {
    let query = u::Entity::find().select_only().column(u::Column::Id).filter(u::Column::Disabled.eq(false));
    Ok(query.filter(email_is(address)).limit(2).into_tuple().all(conn).await?)
}

/// Links an identity to an account.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when it is linked already.
pub async fn link(tx: &Tx, issuer: &str, subject: &str, user_id: Uuid, at: DateTime<Utc>) -> StoreResult<Uuid> {
    let id = Uuid::now_v7();
    let row = i::ActiveModel {
        id: Set(id),
        issuer: Set(issuer.to_owned()),
        subject: Set(subject.to_owned()),
        user_id: Set(user_id),
        created_at: Set(at),
    };
    i::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

/// Stores a one-time code for an account.
///
/// # Errors
/// When the database refuses.
pub async fn issue_code(
    tx: &Tx,
    code_hash: Vec<u8>,
    user_id: Uuid,
    code_challenge: &str,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let row = c::ActiveModel {
        id: Set(Uuid::now_v7()),
        code_hash: Set(code_hash),
        user_id: Set(user_id),
        code_challenge: Set(code_challenge.to_owned()),
        created_at: Set(at),
        expires_at: Set(at + CODE_LIFETIME),
    };
    c::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whose a one-time code is while it is good, and the challenge that its redeemer must answer.
///
/// # Errors
/// When the database can't be asked.
pub async fn find_code(
    conn: &impl ConnectionTrait,
    code_hash: &[u8],
    at: DateTime<Utc>,
) -> StoreResult<Option<(Uuid, String)>> {
    let good = c::Entity::find().filter(c::Column::CodeHash.eq(code_hash)).filter(c::Column::ExpiresAt.gt(at));
    Ok(good.one(conn).await?.map(|row| (row.user_id, row.code_challenge)))
}

/// Uses a one-time code up; gives whether it was good until now.
///
/// # Errors
/// When the database refuses.
pub async fn take_code(tx: &Tx, code_hash: &[u8], at: DateTime<Utc>) -> StoreResult<bool> {
    let taken = c::Entity::delete_many()
        .filter(c::Column::CodeHash.eq(code_hash))
        .filter(c::Column::ExpiresAt.gt(at))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Forgets logins and codes that nobody came back for; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    let logins = l::Entity::delete_many().filter(l::Column::ExpiresAt.lt(at)).exec(tx).await?;
    let codes = c::Entity::delete_many().filter(c::Column::ExpiresAt.lt(at)).exec(tx).await?;
    Ok(logins.rows_affected.saturating_add(codes.rows_affected))
}
