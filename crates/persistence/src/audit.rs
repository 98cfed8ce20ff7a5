//! Who changed what: one row a change, in the change's own transaction.

use crate::{StoreResult, Tx, entities::audit_log};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;

/// A change to be remembered.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor_id: Uuid,
    /// What was done: the operation's id, such as `submit_result`.
    pub action: &'a str,
    /// What kind of thing it was done to, such as `result`.
    pub resource: &'a str,
    /// Which one.
    pub resource_id: Uuid,
    /// In which request.
    pub request_id: &'a str,
}

/// Remembers a change.
///
/// # Errors
/// When the row can't be written.
pub async fn record(tx: &Tx, change: &Change<'_>) -> StoreResult<()> {
    let row = audit_log::ActiveModel {
        id: Set(Uuid::now_v7()),
        at: Set(change.at),
        actor_id: Set(change.actor_id),
        action: Set(change.action.to_owned()),
        resource: Set(change.resource.to_owned()),
        resource_id: Set(change.resource_id),
        request_id: Set(change.request_id.to_owned()),
    };
    audit_log::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
