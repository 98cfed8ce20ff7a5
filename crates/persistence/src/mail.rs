//! Mail that waits to be sent: written with what causes it, sent later by one replica at a time.

use crate::{StoreResult, Tx, entities::mail_outbox as t};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

/// How long a replica keeps a mail to itself while it sends it; after a crash another one takes it up.
pub const LEASE: Duration = Duration::minutes(2);
/// How often a mail is tried before it is given up.
pub const ATTEMPTS: i32 = 10;
/// How long what was given up is kept to be looked at.
const KEPT: Duration = Duration::days(30);

const PENDING: &str = "pending";
const FAILED: &str = "failed";

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its id, also in its `Message-ID`.
    pub id: Uuid,
    /// What it is about, such as `invitation`.
    pub kind: &'static str,
    /// To whom.
    pub recipient: String,
    /// The subject; holds no secret.
    pub subject: String,
    /// The text, sealed.
    pub body: Vec<u8>,
    /// After this instant it is of no use any more and not sent.
    pub expires_at: DateTime<Utc>,
}

/// A mail that this replica sends now.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its id.
    pub id: Uuid,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// What it is about.
    pub kind: String,
    /// To whom.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The text, sealed.
    pub body: Vec<u8>,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// After this instant it is of no use any more.
    pub expires_at: DateTime<Utc>,
}

/// Writes a mail into the outbox, in the transaction of what causes it.
///
/// # Errors
/// When the database refuses.
pub async fn enqueue(tx: &Tx, mail: NewMail, at: DateTime<Utc>) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(mail.id),
        created_at: Set(at),
        kind: Set(mail.kind.to_owned()),
        recipient: Set(mail.recipient),
        subject: Set(mail.subject),
        body: Set(Some(mail.body)),
        status: Set(PENDING.to_owned()),
        attempts: Set(0),
        due_at: Set(at),
        leased_until: Set(None),
        expires_at: Set(mail.expires_at),
        last_error: Set(None),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn due(at: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(t::Column::Status.eq(PENDING))
        .add(t::Column::DueAt.lte(at))
        .add(Condition::any().add(t::Column::LeasedUntil.is_null()).add(t::Column::LeasedUntil.lte(at)))
}

/// The ids of mails that are due, the oldest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn due_ids(conn: &impl ConnectionTrait, at: DateTime<Utc>, limit: u64) -> StoreResult<Vec<Uuid>> {
    let query = t::Entity::find().select_only().column(t::Column::Id).filter(due(at)).order_by_asc(t::Column::DueAt);
    Ok(query.limit(limit).into_tuple().all(conn).await?)
}

/// Takes a mail to be sent by this replica alone, unless another one has it. Each lease counts as an attempt, so that
/// a mail that ends the process is not tried for ever.
///
/// # Errors
/// When the database refuses.
pub async fn lease(tx: &Tx, id: Uuid, at: DateTime<Utc>) -> StoreResult<Option<Leased>> {
    let taken = t::Entity::update_many()
        .col_expr(t::Column::LeasedUntil, Expr::value(at + LEASE))
        .col_expr(t::Column::Attempts, Expr::col(t::Column::Attempts).add(1))
        .filter(t::Column::Id.eq(id))
        .filter(due(at))
        .exec(tx)
        .await?;
    if taken.rows_affected == 0 {
        return Ok(None);
    }
    let row = t::Entity::find_by_id(id).one(tx).await?;
    Ok(row.map(|row| Leased {
        id: row.id,
        created_at: row.created_at,
        kind: row.kind,
        recipient: row.recipient,
        subject: row.subject,
        body: row.body.unwrap_or_default(),
        attempts: row.attempts,
        expires_at: row.expires_at,
    }))
}

/// Forgets a mail that was sent: nothing of it is kept.
///
/// # Errors
/// When the database refuses.
pub async fn sent(tx: &Tx, id: Uuid) -> StoreResult<()> {
    t::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Puts a mail off until `due_at`.
///
/// # Errors
/// When the database refuses.
pub async fn put_off(tx: &Tx, id: Uuid, due_at: DateTime<Utc>, error: &str) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::DueAt, Expr::value(due_at))
        .col_expr(t::Column::LeasedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(t::Column::LastError, Expr::value(error))
        .filter(t::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Gives a mail up: it is kept without its text, to be looked at.
///
/// # Errors
/// When the database refuses.
pub async fn give_up(tx: &Tx, id: Uuid, error: &str) -> StoreResult<()> {
    t::Entity::update_many()
        .col_expr(t::Column::Status, Expr::value(FAILED))
        .col_expr(t::Column::Body, Expr::value(None::<Vec<u8>>))
        .col_expr(t::Column::LeasedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(t::Column::LastError, Expr::value(error))
        .filter(t::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// How many mails wait, and how many were given up.
///
/// # Errors
/// When the database can't be asked.
pub async fn counts(conn: &impl ConnectionTrait) -> StoreResult<(u64, u64)> {
    let of = |status: &str| t::Entity::find().filter(t::Column::Status.eq(status)).count(conn);
    Ok((of(PENDING).await?, of(FAILED).await?))
}

/// Forgets what was given up long ago; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    let old = t::Entity::delete_many().filter(t::Column::Status.eq(FAILED)).filter(t::Column::CreatedAt.lt(at - KEPT));
    Ok(old.exec(tx).await?.rows_affected)
}
