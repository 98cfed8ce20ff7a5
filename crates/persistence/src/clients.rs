//! Registered clients and their secrets.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{client as c, client_secret as k},
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use tinhnguyen_domain::{Stamp, access::Reaches};
use uuid::Uuid;

/// A registered client: an application of somebody else's, with scopes over a subtree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Identity and version; the id is its `client_id`.
    pub stamp: Stamp,
    /// Its name.
    pub name: String,
    /// OAuth scopes.
    pub scopes: Vec<String>,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
    /// Whether it is shut.
    pub disabled: bool,
    /// Who registered it.
    pub created_by: Uuid,
}

/// A secret of a client, without the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<c::Model> for Client {
    type Error = StoreError;

    fn try_from(row: c::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            scopes: At("client", "scopes", row.id).json(row.scopes)?,
            name: row.name,
            org_unit_id: row.org_unit_id,
            disabled: row.disabled,
            created_by: row.created_by,
        })
    }
}

fn row(client: &Client) -> c::ActiveModel {
    c::ActiveModel {
        id: Set(client.stamp.id),
        created_at: Set(client.stamp.created_at),
        updated_at: Set(client.stamp.updated_at),
        version: Set(client.stamp.version),
        name: Set(client.name.clone()),
        scopes: Set(json(&client.scopes)),
        org_unit_id: Set(client.org_unit_id),
        disabled: Set(client.disabled),
        created_by: Set(client.created_by),
    }
}

/// Which clients are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// On this unit.
    pub org_unit_id: Option<Uuid>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

fn seen(reaches: &Reaches) -> Condition {
    if scope::covers_all(reaches) {
        return Condition::all();
    }
    Condition::all().add(c::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
}

/// Finds a client, whoever asks.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_any(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Client>> {
    c::Entity::find_by_id(id).one(conn).await?.map(Client::try_from).transpose()
}

/// Finds a client on a reached unit.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Client>> {
    c::Entity::find_by_id(id).filter(seen(reaches)).one(conn).await?.map(Client::try_from).transpose()
}

/// Lists a page of the clients on reached units.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Client>> {
    let mut query = c::Entity::find().filter(seen(reaches));
    if let Some(id) = filter.id {
        query = query.filter(c::Column::Id.eq(id));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(c::Column::OrgUnitId.eq(unit));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(c::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, c::Column::CreatedAt, c::Column::Id).await
}

/// Stores a new client.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &Tx, client: &Client) -> StoreResult<()> {
    c::Entity::insert(row(client)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed client.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, client: &Client) -> StoreResult<()> {
    let changed = c::Entity::update_many()
        .set(row(client))
        .filter(c::Column::Id.eq(client.stamp.id))
        .filter(c::Column::Version.eq(client.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// The secrets of a client, the oldest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn secrets(conn: &impl ConnectionTrait, client_id: Uuid) -> StoreResult<Vec<SecretInfo>> {
    let rows = k::Entity::find()
        .filter(k::Column::ClientId.eq(client_id))
        .order_by_asc(k::Column::CreatedAt)
        .order_by_asc(k::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| SecretInfo { id: row.id, created_at: row.created_at }).collect())
}

/// Stores a secret's hash.
///
/// # Errors
/// When the database refuses.
pub async fn insert_secret(tx: &Tx, client_id: Uuid, secret: SecretInfo, secret_hash: Vec<u8>) -> StoreResult<()> {
    let row = k::ActiveModel {
        id: Set(secret.id),
        client_id: Set(client_id),
        secret_hash: Set(secret_hash),
        created_at: Set(secret.created_at),
    };
    k::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Withdraws a secret; gives whether there was one.
///
/// # Errors
/// When the database refuses.
pub async fn delete_secret(tx: &Tx, client_id: Uuid, id: Uuid) -> StoreResult<bool> {
    let gone = k::Entity::delete_many()
        .filter(k::Column::Id.eq(id))
        .filter(k::Column::ClientId.eq(client_id))
        .exec(tx)
        .await?;
    Ok(gone.rows_affected == 1)
}

/// The client whose secret this is, when it is not shut. Secrets are long and random, so their hash may be looked up.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn authenticate(
    conn: &impl ConnectionTrait,
    client_id: Uuid,
    secret_hash: &[u8],
) -> StoreResult<Option<Client>> {
    let known = k::Entity::find()
        .filter(k::Column::ClientId.eq(client_id))
        .filter(k::Column::SecretHash.eq(secret_hash))
        .one(conn)
        .await?;
    if known.is_none() {
        return Ok(None);
    }
    Ok(find_any(conn, client_id).await?.filter(|client| !client.disabled))
}
