//! Evidence files: their rows. Their bytes are elsewhere, under the key of a row here.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{evidence_blob as b, evidence_file as t, result, result_evidence as r},
    rows::At,
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement},
};
use std::collections::HashSet;
use tinhnguyen_domain::{Stamp, access::Reaches, evidence::EvidenceFile};
use uuid::Uuid;

/// Where the bytes of files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// The object's key.
    pub key: String,
}

fn file(row: t::Model, blob: &b::Model) -> StoreResult<EvidenceFile> {
    let content_type = At("evidence_blob", "content_type", row.id).word(&blob.content_type)?;
    Ok(EvidenceFile {
        stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
        sha256: row.sha256,
        content_type,
        size: blob.size,
        uploaded_by: row.uploaded_by,
    })
}

/// The bytes' row, when somebody has sent them.
///
/// # Errors
/// When the database can't be asked.
pub async fn blob(conn: &impl ConnectionTrait, sha256: &str) -> StoreResult<Option<Blob>> {
    let row = b::Entity::find_by_id(sha256.to_owned()).one(conn).await?;
    Ok(row.map(|row| Blob { sha256: row.sha256, key: row.object_key }))
}

/// Notes that bytes are kept under a key, unless they are noted already.
///
/// # Errors
/// When the database refuses.
pub async fn insert_blob(tx: &Tx, of: &EvidenceFile, key: &str) -> StoreResult<()> {
    let row = b::ActiveModel {
        sha256: Set(of.sha256.clone()),
        object_key: Set(key.to_owned()),
        size: Set(of.size),
        content_type: Set(of.content_type.as_str().to_owned()),
        created_at: Set(of.stamp.created_at),
    };
    b::Entity::insert(row)
        .on_conflict(OnConflict::column(b::Column::Sha256).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Stores a file whose bytes are noted, unless this sender has sent them before; gives the row that stands.
///
/// # Errors
/// [`StoreError::ForeignKey`] when the bytes are not noted; [`StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &Tx, of: &EvidenceFile) -> StoreResult<EvidenceFile> {
    let row = t::ActiveModel {
        id: Set(of.stamp.id),
        created_at: Set(of.stamp.created_at),
        updated_at: Set(of.stamp.updated_at),
        version: Set(of.stamp.version),
        sha256: Set(of.sha256.clone()),
        uploaded_by: Set(of.uploaded_by),
    };
    t::Entity::insert(row)
        .on_conflict(OnConflict::columns([t::Column::UploadedBy, t::Column::Sha256]).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let own = t::Entity::find().filter(t::Column::UploadedBy.eq(of.uploaded_by));
    let stands = own.filter(t::Column::Sha256.eq(of.sha256.as_str())).one(tx).await?;
    let blob = b::Entity::find_by_id(of.sha256.clone()).one(tx).await?;
    match (stands, blob) {
        (Some(row), Some(blob)) => file(row, &blob),
        _ => Err(StoreError::Stale),
    }
}

/// The ids of the results of teams that are reached.
fn results_reached(reaches: &Reaches) -> SelectStatement {
    let teams = scope::team_ids(scope::teams_reached(reaches));
    result::Entity::find()
        .select_only()
        .column(result::Column::Id)
        .filter(result::Column::TeamId.in_subquery(teams))
        .into_query()
}

/// A file is seen by who sent it, and by who sees a result that names it.
fn seen(reaches: &Reaches, viewer: Uuid) -> Condition {
    let mut named = r::Entity::find().select_only().column(r::Column::FileId);
    if !scope::covers_all(reaches) {
        named = named.filter(r::Column::ResultId.in_subquery(results_reached(reaches)));
    }
    Condition::any().add(t::Column::UploadedBy.eq(viewer)).add(t::Column::Id.in_subquery(named.into_query()))
}

/// Finds a file that `viewer` sees, and the key of its bytes.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    id: Uuid,
) -> StoreResult<Option<(EvidenceFile, String)>> {
    let Some(row) = t::Entity::find_by_id(id).filter(seen(reaches, viewer)).one(conn).await? else { return Ok(None) };
    let Some(blob) = b::Entity::find_by_id(row.sha256.clone()).one(conn).await? else { return Ok(None) };
    Ok(Some((file(row, &blob)?, blob.object_key)))
}

/// Which of these files `viewer` sees.
///
/// # Errors
/// When the database can't be asked.
pub async fn visible(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    ids: &[Uuid],
) -> StoreResult<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut found = HashSet::new();
    for chunk in ids.chunks(500) {
        let query = t::Entity::find().select_only().column(t::Column::Id);
        let query = query.filter(t::Column::Id.is_in(chunk.iter().copied())).filter(seen(reaches, viewer));
        found.extend(query.into_tuple::<Uuid>().all(conn).await?);
    }
    Ok(found)
}

/// Notes which results name which files; what is noted already stays.
///
/// # Errors
/// [`StoreError::ForeignKey`] when a file is gone.
pub async fn link(tx: &Tx, named: &[(Uuid, Uuid)]) -> StoreResult<()> {
    for chunk in named.chunks(500) {
        let rows = chunk.iter().map(|(result, file)| r::ActiveModel { result_id: Set(*result), file_id: Set(*file) });
        r::Entity::insert_many(rows)
            .on_conflict(OnConflict::columns([r::Column::ResultId, r::Column::FileId]).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Forgets what a result named that is deleted.
///
/// # Errors
/// When the database refuses.
pub async fn unlink(tx: &Tx, result_id: Uuid) -> StoreResult<()> {
    r::Entity::delete_many().filter(r::Column::ResultId.eq(result_id)).exec(tx).await?;
    Ok(())
}

/// Whether any result names a file.
///
/// # Errors
/// When the database can't be asked.
pub async fn is_named(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<bool> {
    Ok(r::Entity::find().filter(r::Column::FileId.eq(id)).one(conn).await?.is_some())
}

/// Removes a file that no result names.
///
/// # Errors
/// [`StoreError::ForeignKey`] when one does.
pub async fn delete(tx: &Tx, id: Uuid) -> StoreResult<()> {
    t::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Removes files that were sent before an instant and that no result names.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> StoreResult<u64> {
    let named = Query::select()
        .expr(Expr::val(1))
        .from(r::Entity)
        .and_where(Expr::col((r::Entity, r::Column::FileId)).equals((t::Entity, t::Column::Id)))
        .to_owned();
    let gone = t::Entity::delete_many()
        .filter(t::Column::CreatedAt.lt(before))
        .filter(Expr::exists(named).not())
        .exec(tx)
        .await?;
    Ok(gone.rows_affected)
}

/// Forgets bytes that no file has any more; gives the keys of their objects, which are to be removed once this is
/// committed.
///
/// # Errors
/// When the database refuses.
pub async fn sweep_blobs(tx: &Tx, most: u64) -> StoreResult<Vec<String>> {
    let used = Query::select()
        .expr(Expr::val(1))
        .from(t::Entity)
        .and_where(Expr::col((t::Entity, t::Column::Sha256)).equals((b::Entity, b::Column::Sha256)))
        .to_owned();
    let unused = b::Entity::find().filter(Expr::exists(used).not()).limit(most).all(tx).await?;
    let hashes: Vec<String> = unused.iter().map(|row| row.sha256.clone()).collect();
    if !hashes.is_empty() {
        b::Entity::delete_many().filter(b::Column::Sha256.is_in(hashes)).exec(tx).await?;
    }
    Ok(unused.into_iter().map(|row| row.object_key).collect())
}
