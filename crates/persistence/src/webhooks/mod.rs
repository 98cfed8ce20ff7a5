//! Webhooks, up to where each has followed the audit log, and what each is to tell.

mod deliveries;

pub use deliveries::{
    Delivery, DeliveryFilter, Message, NewDelivery, counts, delivered, deliveries, delivery, due, enqueue, failed,
    lease, put_off, replay_one, replay_since, sweep,
};

use crate::{
    StoreError, StoreResult, Tx,
    audit::Position,
    entities::{webhook as t, webhook_delivery as d},
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use tinhnguyen_domain::{Stamp, access::Reaches, webhooks::Webhook};
use uuid::Uuid;

impl TryFrom<t::Model> for Webhook {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("webhook", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            event_types: at("event_types").json(row.event_types.clone())?,
            disabled: row.disabled.as_deref().map(|word| at("disabled").word(word)).transpose()?,
            url: row.url,
            description: row.description,
            org_unit_id: row.org_unit_id,
            owner_id: row.owner_id,
        })
    }
}

fn row(webhook: &Webhook) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(webhook.stamp.id),
        created_at: Set(webhook.stamp.created_at),
        updated_at: Set(webhook.stamp.updated_at),
        version: Set(webhook.stamp.version),
        url: Set(webhook.url.clone()),
        description: Set(webhook.description.clone()),
        event_types: Set(json(&webhook.event_types)),
        org_unit_id: Set(webhook.org_unit_id),
        owner_id: Set(webhook.owner_id),
        disabled: Set(webhook.disabled.map(|reason| reason.as_str().to_owned())),
        secret: NotSet,
        previous_secret: NotSet,
        previous_until: NotSet,
        followed_seal: NotSet,
        followed_id: NotSet,
        failing_since: NotSet,
    }
}

/// Which webhooks are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// On this unit.
    pub org_unit_id: Option<Uuid>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// The sealed secrets of a webhook.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The one in use.
    pub current: Vec<u8>,
    /// The one before, and until when it is used too.
    pub previous: Option<(Vec<u8>, DateTime<Utc>)>,
}

/// A webhook that follows the audit log.
#[derive(Debug, Clone)]
pub struct Follower {
    /// The webhook.
    pub webhook: Webhook,
    /// Up to where it has.
    pub position: Position,
}

fn reached(reaches: &Reaches) -> Condition {
    if scope::covers_all(reaches) {
        return Condition::all();
    }
    Condition::all().add(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
}

/// Finds a webhook on a reached unit.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Webhook>> {
    t::Entity::find_by_id(id).filter(reached(reaches)).one(conn).await?.map(Webhook::try_from).transpose()
}

/// Finds a webhook, whoever asks.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_any(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Webhook>> {
    t::Entity::find_by_id(id).one(conn).await?.map(Webhook::try_from).transpose()
}

/// Keeps a webhook's row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn hold(tx: &Tx, id: Uuid) -> StoreResult<Option<Webhook>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Webhook::try_from).transpose()
}

/// Lists a page of the webhooks on reached units.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Webhook>> {
    let mut query = t::Entity::find().filter(reached(reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::OrgUnitId.eq(unit));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Stores a new webhook, which follows the audit log from a place on.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, webhook: &Webhook, secret: Vec<u8>, from: Position) -> StoreResult<()> {
    let row = t::ActiveModel {
        secret: Set(secret),
        followed_seal: Set(from.seal),
        followed_id: Set(from.id),
        ..row(webhook)
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed webhook.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, webhook: &Webhook) -> StoreResult<()> {
    let mut update = t::Entity::update_many().set(row(webhook));
    if webhook.disabled.is_some() {
        update = update.col_expr(t::Column::FailingSince, Expr::value(None::<DateTime<Utc>>));
    }
    let changed = update
        .filter(t::Column::Id.eq(webhook.stamp.id))
        .filter(t::Column::Version.eq(webhook.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Removes a webhook with all that it was to tell.
///
/// # Errors
/// When the database refuses.
pub async fn delete(tx: &Tx, id: Uuid) -> StoreResult<()> {
    d::Entity::delete_many().filter(d::Column::WebhookId.eq(id)).exec(tx).await?;
    t::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// The sealed secrets of a webhook.
///
/// # Errors
/// When the database can't be asked.
pub async fn secrets(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Secrets>> {
    let row = t::Entity::find_by_id(id).one(conn).await?;
    Ok(row.map(|row| Secrets { current: row.secret, previous: row.previous_secret.zip(row.previous_until) }))
}

/// Gives a webhook a new sealed secret; the one that it had is used too until `until`.
///
/// # Errors
/// When the database refuses.
pub async fn rotate(tx: &Tx, id: Uuid, secret: Vec<u8>, until: DateTime<Utc>) -> StoreResult<()> {
    let before = secrets(tx, id).await?.map(|secrets| secrets.current);
    t::Entity::update_many()
        .col_expr(t::Column::Secret, Expr::value(secret))
        .col_expr(t::Column::PreviousSecret, Expr::value(before))
        .col_expr(t::Column::PreviousUntil, Expr::value(Some(until)))
        .filter(t::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The webhooks that have not followed the audit log up to a seal, the one that is behind most first.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn behind(conn: &impl ConnectionTrait, head: i64) -> StoreResult<Vec<Follower>> {
    let rows = t::Entity::find()
        .filter(t::Column::Disabled.is_null())
        .filter(Condition::any().add(t::Column::FollowedSeal.lt(head)).add(t::Column::FollowedId.ne(Uuid::max())))
        .order_by_asc(t::Column::FollowedSeal)
        .order_by_asc(t::Column::Id)
        .all(conn)
        .await?;
    let of = |row: t::Model| {
        let position = Position { seal: row.followed_seal, id: row.followed_id };
        Ok(Follower { webhook: Webhook::try_from(row)?, position })
    };
    rows.into_iter().map(of).collect()
}

/// How many webhooks there are on a unit.
///
/// # Errors
/// When the database can't be asked.
pub async fn count(conn: &impl ConnectionTrait, org_unit_id: Uuid) -> StoreResult<u64> {
    Ok(t::Entity::find().filter(t::Column::OrgUnitId.eq(org_unit_id)).count(conn).await?)
}

/// Notes that a webhook has followed from one place to another; `false` when it was not at the first any more, because
/// another replica went on, or it was switched off meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn advance(tx: &Tx, id: Uuid, from: Position, to: Position) -> StoreResult<bool> {
    let gone_on = t::Entity::update_many()
        .col_expr(t::Column::FollowedSeal, Expr::value(to.seal))
        .col_expr(t::Column::FollowedId, Expr::value(to.id))
        .filter(t::Column::Id.eq(id))
        .filter(t::Column::Disabled.is_null())
        .filter(t::Column::FollowedSeal.eq(from.seal))
        .filter(t::Column::FollowedId.eq(from.id))
        .exec(tx)
        .await?;
    Ok(gone_on.rows_affected == 1)
}

/// Notes whether a webhook's receiver takes what it is sent; gives since when it doesn't.
///
/// # Errors
/// When the database refuses.
pub async fn note(tx: &Tx, id: Uuid, taken: bool, at: DateTime<Utc>) -> StoreResult<Option<DateTime<Utc>>> {
    let update = t::Entity::update_many().filter(t::Column::Id.eq(id));
    if taken {
        let cleared = update.col_expr(t::Column::FailingSince, Expr::value(None::<DateTime<Utc>>));
        cleared.filter(t::Column::FailingSince.is_not_null()).exec(tx).await?;
        return Ok(None);
    }
    let since = Expr::col(t::Column::FailingSince).if_null(at);
    update.col_expr(t::Column::FailingSince, since).exec(tx).await?;
    Ok(t::Entity::find_by_id(id).one(tx).await?.and_then(|row| row.failing_since))
}
