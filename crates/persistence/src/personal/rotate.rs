//! A new master key: a new data key under it, everything sealed anew in batches, the old data keys removed. The service
//! goes on meanwhile, because both data keys open what they sealed; whatever was stopped goes on where it was.

use super::{LOCK, REQUESTS, Vault, all_keys, opened};
use crate::{
    StoreError, StoreResult, Tx,
    entities::{personal_data as t, personal_key as k},
    org_units::advance,
    rows::At,
    store::Store,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// What [`begin`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// A new data key was made under the first master key.
    Fresh,
    /// An earlier rotation was stopped and goes on.
    Resumed,
    /// Everything is sealed under the first master key already.
    NothingToDo,
}

/// Makes a data key under the first master key, unless the newest one is; wraps the requests' key anew.
///
/// # Errors
/// [`StoreError::Sealed`], or when the database refuses.
pub async fn begin(store: &Store, vault: &Vault, at: DateTime<Utc>) -> StoreResult<Begun> {
    store
        .write::<_, StoreError>(async |tx| {
            advance(tx, LOCK, 0).await?;
            let rows = all_keys(tx).await?;
            let ring = vault.ring();
            let first = ring.first();
            let Some(newest) = rows.last() else { return Ok(Begun::NothingToDo) };
            if newest.wrapped_by == first.id() {
                let left = rows.iter().any(|row| row.generation > REQUESTS && row.generation < newest.generation);
                return Ok(if left { Begun::Resumed } else { Begun::NothingToDo });
            }
            let requests = rows.iter().find(|row| row.generation == REQUESTS);
            if let Some(row) = requests {
                let wrapped = first.wrap(REQUESTS, vault.unwrap(row)?.as_ref())?;
                let anew = k::ActiveModel {
                    wrapped_by: Set(first.id().to_owned()),
                    wrapped: Set(wrapped),
                    ..Default::default()
                };
                k::Entity::update_many().set(anew).filter(k::Column::Generation.eq(REQUESTS)).exec(tx).await?;
            }
            vault.make_key(tx, newest.generation + 1, at).await?;
            Ok(Begun::Fresh)
        })
        .await
}

/// How many values wait to be sealed anew.
///
/// # Errors
/// When the database can't be asked.
pub async fn waiting(conn: &impl ConnectionTrait) -> StoreResult<u64> {
    let Some(newest) = all_keys(conn).await?.last().map(|row| row.generation) else { return Ok(0) };
    Ok(t::Entity::find().filter(t::Column::Generation.lt(newest)).count(conn).await?)
}

/// Seals up to `limit` of the values anew that are under an older data key; gives how many.
///
/// # Errors
/// [`StoreError::Sealed`] when one doesn't open, or when the database refuses.
pub async fn recrypt(tx: &Tx, vault: &Vault, limit: u64) -> StoreResult<u64> {
    let present = vault.present(tx).await?;
    let rows = t::Entity::find()
        .filter(t::Column::Generation.lt(present.0))
        .order_by_asc(t::Column::OwnerId)
        .order_by_asc(t::Column::Field)
        .limit(limit)
        // A change of the same value meanwhile waits, and is not overwritten with the older one.
        .lock_exclusive()
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let keys = vault.by_generation(tx).await?;
    let mut done = 0;
    for row in rows {
        let field = At("personal_data", "field", row.owner_id).word(&row.field)?;
        let value = opened(&keys, &row, field)?;
        let anew = Vault::sealed(row.owner_id, field, &value, &present)?;
        let changed = t::Entity::update_many()
            .set(t::ActiveModel {
                generation: anew.generation,
                sealed: anew.sealed,
                blind: anew.blind,
                ..Default::default()
            })
            .filter(t::Column::OwnerId.eq(row.owner_id))
            .filter(t::Column::Field.eq(row.field.as_str()))
            .exec(tx)
            .await?;
        done += changed.rows_affected;
    }
    Ok(done)
}

/// Removes the data keys that nothing is sealed with any more; gives whether only the newest is left.
///
/// # Errors
/// When the database refuses.
pub async fn finish(store: &Store) -> StoreResult<bool> {
    let outcome = store
        .write::<_, StoreError>(async |tx| {
            advance(tx, LOCK, 0).await?;
            let Some(newest) = all_keys(tx).await?.last().map(|row| row.generation) else { return Ok(true) };
            let used = t::Entity::find().filter(t::Column::Generation.lt(newest)).count(tx).await?;
            if used > 0 {
                return Ok(false);
            }
            k::Entity::delete_many()
                .filter(k::Column::Generation.gt(REQUESTS))
                .filter(k::Column::Generation.lt(newest))
                .exec(tx)
                .await?;
            Ok(true)
        })
        .await;
    match outcome {
        // A writer that began before the rotation has just sealed something with the old one.
        Err(StoreError::ForeignKey(_)) => Ok(false),
        outcome => outcome,
    }
}
