//! What webhooks are to tell: written while the audit log is followed, sent later by one replica at a time.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{webhook as w, webhook_delivery as t},
    page::{Page, PageRequest, fetch},
    rows::At,
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use tinhnguyen_domain::webhooks::{DeliveryStatus, EventType};
use uuid::Uuid;

/// How long a replica keeps what it sends to itself; after a crash another one takes it up.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long what was told or given up is kept, to be looked at and told again.
const KEPT: TimeDelta = TimeDelta::days(30);

/// What a webhook is to tell.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its id: the receiver knows by it what it has seen already.
    pub id: Uuid,
    /// The webhook.
    pub webhook_id: Uuid,
    /// What it tells.
    pub event_type: EventType,
    /// The audit log's row that it tells of, or any id of its own.
    pub entry_id: Uuid,
    /// The body, as it is sent and signed.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A delivery as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// The webhook.
    pub webhook_id: Uuid,
    /// What it tells.
    pub event_type: EventType,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// When the receiver took it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What the receiver answered last.
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl TryFrom<t::Model> for Delivery {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("webhook_delivery", column, row.id);
        Ok(Self {
            event_type: at("event_type").word(&row.event_type)?,
            status: at("status").word(&row.status)?,
            id: row.id,
            webhook_id: row.webhook_id,
            created_at: row.created_at,
            attempts: row.attempts,
            due_at: row.due_at,
            delivered_at: row.delivered_at,
            last_status: row.last_status,
            last_error: row.last_error,
        })
    }
}

/// A delivery that this replica sends now.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// The body.
    pub body: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// Which deliveries of a webhook are listed.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// In this state.
    pub status: Option<DeliveryStatus>,
    /// Of this type.
    pub event_type: Option<EventType>,
}

/// Writes what webhooks are to tell; what was written already stays as it is.
///
/// # Errors
/// When the database refuses.
pub async fn enqueue(tx: &Tx, new: &[NewDelivery]) -> StoreResult<()> {
    let row = |one: &NewDelivery| t::ActiveModel {
        id: Set(one.id),
        webhook_id: Set(one.webhook_id),
        event_type: Set(one.event_type.as_str().to_owned()),
        entry_id: Set(one.entry_id),
        body: Set(one.body.clone()),
        created_at: Set(one.created_at),
        status: Set(DeliveryStatus::Pending.as_str().to_owned()),
        attempts: Set(0),
        due_at: Set(one.created_at),
        lease: Set(None),
        leased_until: Set(None),
        delivered_at: Set(None),
        last_status: Set(None),
        last_error: Set(None),
    };
    for chunk in new.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row))
            .on_conflict(OnConflict::columns([t::Column::WebhookId, t::Column::EntryId]).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Finds a delivery of a webhook.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn delivery(conn: &impl ConnectionTrait, webhook_id: Uuid, id: Uuid) -> StoreResult<Option<Delivery>> {
    let found = t::Entity::find_by_id(id).filter(t::Column::WebhookId.eq(webhook_id)).one(conn).await?;
    found.map(Delivery::try_from).transpose()
}

/// Lists a page of a webhook's deliveries.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn deliveries(
    conn: &impl ConnectionTrait,
    webhook_id: Uuid,
    filter: &DeliveryFilter,
    page: &PageRequest,
) -> StoreResult<Page<Delivery>> {
    let mut query = t::Entity::find().filter(t::Column::WebhookId.eq(webhook_id));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(status) = filter.status {
        query = query.filter(t::Column::Status.eq(status.as_str()));
    }
    if let Some(event_type) = filter.event_type {
        query = query.filter(t::Column::EventType.eq(event_type.as_str()));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

fn due_at(at: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(t::Column::Status.eq(DeliveryStatus::Pending.as_str()))
        .add(t::Column::DueAt.lte(at))
        .add(Condition::any().add(t::Column::LeasedUntil.is_null()).add(t::Column::LeasedUntil.lte(at)))
}

/// The webhooks, switched on, of which something is due.
///
/// # Errors
/// When the database can't be asked.
pub async fn due(conn: &impl ConnectionTrait, at: DateTime<Utc>) -> StoreResult<Vec<Uuid>> {
    let of: RelationDef = t::Entity::belongs_to(w::Entity).from(t::Column::WebhookId).to(w::Column::Id).into();
    let query = t::Entity::find()
        .select_only()
        .column(t::Column::WebhookId)
        .distinct()
        .join(JoinType::InnerJoin, of)
        .filter(w::Column::Disabled.is_null())
        .filter(due_at(at));
    Ok(query.into_tuple().all(conn).await?)
}

/// Takes what is due of a webhook to be sent by this replica alone, the oldest first. Each lease counts as an attempt, so
/// that what ends the process is not tried for ever.
///
/// # Errors
/// When the database refuses.
pub async fn lease(tx: &Tx, webhook_id: Uuid, at: DateTime<Utc>, limit: u64) -> StoreResult<Vec<Message>> {
    let lease = Uuid::now_v7();
    let ids: Vec<Uuid> = t::Entity::find()
        .select_only()
        .column(t::Column::Id)
        .filter(t::Column::WebhookId.eq(webhook_id))
        .filter(due_at(at))
        .order_by_asc(t::Column::DueAt)
        .order_by_asc(t::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await?;
    if ids.is_empty() {
        return Ok(vec![]);
    }
    t::Entity::update_many()
        .col_expr(t::Column::Lease, Expr::value(Some(lease)))
        .col_expr(t::Column::LeasedUntil, Expr::value(Some(at + LEASE)))
        .col_expr(t::Column::Attempts, Expr::col(t::Column::Attempts).add(1))
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        // Asked again: another replica may have taken some of them meanwhile.
        .filter(due_at(at))
        .exec(tx)
        .await?;
    let taken = t::Entity::find()
        .filter(t::Column::Id.is_in(ids))
        .filter(t::Column::Lease.eq(lease))
        .order_by_asc(t::Column::DueAt)
        .order_by_asc(t::Column::Id)
        .all(tx)
        .await?;
    let message = |row: t::Model| Message { id: row.id, body: row.body, attempts: row.attempts };
    Ok(taken.into_iter().map(message).collect())
}

/// Notes that the receiver took a delivery.
///
/// # Errors
/// When the database refuses.
pub async fn delivered(tx: &Tx, id: Uuid, at: DateTime<Utc>, status: u16) -> StoreResult<()> {
    settle(tx, id, DeliveryStatus::Delivered, Some(status), None, |update| {
        update.col_expr(t::Column::DeliveredAt, Expr::value(Some(at)))
    })
    .await
}

/// Puts a delivery off until `due_at`.
///
/// # Errors
/// When the database refuses.
pub async fn put_off(tx: &Tx, id: Uuid, due_at: DateTime<Utc>, status: Option<u16>, error: &str) -> StoreResult<()> {
    settle(tx, id, DeliveryStatus::Pending, status, Some(error), |update| {
        update.col_expr(t::Column::DueAt, Expr::value(due_at))
    })
    .await
}

/// Gives a delivery up.
///
/// # Errors
/// When the database refuses.
pub async fn failed(tx: &Tx, id: Uuid, status: Option<u16>, error: &str) -> StoreResult<()> {
    settle(tx, id, DeliveryStatus::Failed, status, Some(error), |update| update).await
}

async fn settle(
    tx: &Tx,
    id: Uuid,
    to: DeliveryStatus,
    status: Option<u16>,
    error: Option<&str>,
    more: impl FnOnce(sea_orm::UpdateMany<t::Entity>) -> sea_orm::UpdateMany<t::Entity>,
) -> StoreResult<()> {
    let update = t::Entity::update_many()
        .col_expr(t::Column::Status, Expr::value(to.as_str()))
        .col_expr(t::Column::Lease, Expr::value(None::<Uuid>))
        .col_expr(t::Column::LeasedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(t::Column::LastStatus, Expr::value(status.map(i32::from)))
        .col_expr(t::Column::LastError, Expr::value(error.map(ToOwned::to_owned)));
    more(update).filter(t::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

fn again(at: DateTime<Utc>) -> sea_orm::UpdateMany<t::Entity> {
    t::Entity::update_many()
        .col_expr(t::Column::Status, Expr::value(DeliveryStatus::Pending.as_str()))
        .col_expr(t::Column::Attempts, Expr::value(0))
        .col_expr(t::Column::DueAt, Expr::value(at))
}

/// Makes one delivery due again.
///
/// # Errors
/// When the database refuses.
pub async fn replay_one(tx: &Tx, id: Uuid, at: DateTime<Utc>) -> StoreResult<u64> {
    Ok(again(at).filter(t::Column::Id.eq(id)).exec(tx).await?.rows_affected)
}

/// Makes all deliveries of a webhook due again that were written at or after an instant; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn replay_since(tx: &Tx, webhook_id: Uuid, since: DateTime<Utc>, at: DateTime<Utc>) -> StoreResult<u64> {
    let written = again(at).filter(t::Column::WebhookId.eq(webhook_id)).filter(t::Column::CreatedAt.gte(since));
    Ok(written.exec(tx).await?.rows_affected)
}

/// How many deliveries wait, and how many were given up.
///
/// # Errors
/// When the database can't be asked.
pub async fn counts(conn: &impl ConnectionTrait) -> StoreResult<(u64, u64)> {
    let of = |status: DeliveryStatus| t::Entity::find().filter(t::Column::Status.eq(status.as_str())).count(conn);
    Ok((of(DeliveryStatus::Pending).await?, of(DeliveryStatus::Failed).await?))
}

/// Forgets what was written long ago; gives how many.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    Ok(t::Entity::delete_many().filter(t::Column::CreatedAt.lt(at - KEPT)).exec(tx).await?.rows_affected)
}
