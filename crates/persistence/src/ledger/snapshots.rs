//! The cube as it stood: snapshots and what the ledger says between them.
//!
//! A snapshot is a shortcut and nothing else: what it says is the sum of the ledger up to its number, which
//! [`super::check`] holds it to, and without any the cube is summed from the ledger alone.

use super::{At, word_of};
use crate::{
    StoreResult, Tx,
    entities::{cube_snapshot as s, ledger as l},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, OnConflict},
};
use tinhnguyen_domain::{
    counting::{Count, Turns},
    progress::{CellKey, Columns, Cube},
};
use uuid::Uuid;

/// After how many entries the next snapshot is due: summing so many takes a database well under a second.
pub const EVERY: i64 = 200_000;
/// How many entries are summed by one statement at the most: far below its time limit on a busy machine, and little enough that
/// what it gives needs no more memory than the cube itself.
const STEP: i64 = 500_000;
/// How hard the bytes are packed: what zstd calls its default.
const LEVEL: i32 = 3;
/// The layout of the bytes. A snapshot of another layout is passed over.
const FORMAT: i32 = 1;

/// The number of the newest snapshot that stands at or before `seq`; 0 without one.
pub(super) async fn newest(conn: &impl ConnectionTrait, seq: i64) -> StoreResult<i64> {
    let found: Option<i64> = s::Entity::find()
        .select_only()
        .column(s::Column::Seq)
        .filter(s::Column::Seq.lte(seq))
        .filter(s::Column::Format.eq(FORMAT))
        .order_by_desc(s::Column::Seq)
        .into_tuple()
        .one(conn)
        .await?;
    Ok(found.unwrap_or(0))
}

pub(super) async fn load(conn: &impl ConnectionTrait, seq: i64) -> StoreResult<Cube> {
    let Some(row) = s::Entity::find_by_id(seq).one(conn).await? else { return Ok(Cube::default()) };
    let corrupt =
        |reason: String| At("cube_snapshot", "cells", Uuid::nil()).corrupt(format!("snapshot {seq}: {reason}"));
    // Unpacked on a thread of its own: a million cells take a while.
    tokio::task::spawn_blocking(move || {
        let bytes = zstd::decode_all(row.cells.as_slice()).map_err(|e| e.to_string())?;
        let columns: Columns = postcard::from_bytes(&bytes).map_err(|e| e.to_string())?;
        Cube::try_from(columns).map_err(|e| e.to_string())
    })
    .await
    .map_err(|e| corrupt(e.to_string()))?
    .map_err(corrupt)
}

/// What entries after one number and up to another add up to, by cell.
async fn between(conn: &impl ConnectionTrait, after: i64, to: i64) -> StoreResult<Vec<(CellKey, Count)>> {
    type Row = (Uuid, Uuid, Uuid, Uuid, NaiveDate, String, String, i64, i64);
    // PostgreSQL sums to numeric.
    let sum = |column: l::Column| Expr::col(column).sum().cast_as(Alias::new("bigint"));
    let keys = [
        l::Column::IndicatorId,
        l::Column::TeamId,
        l::Column::OrgUnitId,
        l::Column::LocalityId,
        l::Column::Day,
        l::Column::Topic,
        l::Column::Audience,
    ];
    let mut query = l::Entity::find().select_only().columns(keys);
    for key in keys {
        query = query.group_by(key);
    }
    let rows: Vec<Row> = query
        .column_as(sum(l::Column::DeltaReported), "reported")
        .column_as(sum(l::Column::DeltaVerified), "verified")
        .filter(l::Column::Seq.gt(after))
        .filter(l::Column::Seq.lte(to))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(indicator_id, team_id, org_unit_id, locality_id, day, topic, audience, reported, verified)| {
            let at = |column| At("ledger", column, team_id);
            let topic = word_of(at("topic"), &topic)?;
            let audience = word_of(at("audience"), &audience)?;
            let key = CellKey { indicator_id, team_id, org_unit_id, locality_id, day, topic, audience };
            Ok((key, Count { reported: Turns(reported), verified: Turns(verified) }))
        })
        .collect()
}

/// The cube at the ledger's head. Call it in a snapshot of the database: everything must be of one moment.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn cube_now(snapshot: &Tx) -> StoreResult<Cube> {
    let seq = super::head(snapshot).await?;
    cube_at(snapshot, seq, None).await
}

/// The cube as it stood at an entry: from the nearest snapshot before it, or from one that is `known` and nearer, and
/// what the ledger says between.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn cube_at(conn: &impl ConnectionTrait, seq: i64, known: Option<Cube>) -> StoreResult<Cube> {
    cube_in_steps(conn, seq, known, STEP).await
}

/// The same by statements that sum at most `step` entries each, 1 or more.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn cube_in_steps(conn: &impl ConnectionTrait, seq: i64, known: Option<Cube>, step: i64) -> StoreResult<Cube> {
    let stored = newest(conn, seq).await?;
    let near = known.filter(|cube| cube.ledger_seq().abs_diff(seq) <= seq.abs_diff(stored));
    let mut cube = match near {
        Some(cube) => cube,
        None => load(conn, stored).await?,
    };
    while cube.ledger_seq() < seq {
        let next = Ord::min(seq, cube.ledger_seq() + step);
        let difference = between(conn, cube.ledger_seq(), next).await?;
        cube = cube.moved_to(next, difference);
    }
    while cube.ledger_seq() > seq {
        let next = Ord::max(seq, cube.ledger_seq() - step);
        let difference = between(conn, next, cube.ledger_seq()).await?;
        cube = cube.moved_to(next, difference.into_iter().map(|(key, count)| (key, Count::default() - count)));
    }
    Ok(cube)
}

/// Whether a cube has gone so far beyond the last snapshot that it should be kept as the next one.
///
/// # Errors
/// When the database can't be asked.
pub async fn snapshot_due(conn: &impl ConnectionTrait, seq: i64) -> StoreResult<bool> {
    Ok(seq - newest(conn, i64::MAX).await? >= EVERY)
}

/// Keeps a cube as a snapshot. Whoever keeps the same one at the same moment writes the same bytes, so the first stands.
///
/// # Errors
/// When the database refuses.
pub async fn take_snapshot(tx: &Tx, cube: &Cube, at: DateTime<Utc>) -> StoreResult<()> {
    let seq = cube.ledger_seq();
    let columns = Columns::from(cube);
    let corrupt =
        |reason: String| At("cube_snapshot", "cells", Uuid::nil()).corrupt(format!("snapshot {seq}: {reason}"));
    let cells = tokio::task::spawn_blocking(move || {
        let bytes = postcard::to_allocvec(&columns).map_err(|e| e.to_string())?;
        zstd::encode_all(bytes.as_slice(), LEVEL).map_err(|e| e.to_string())
    })
    .await
    .map_err(|e| corrupt(e.to_string()))?
    .map_err(corrupt)?;
    let row = s::ActiveModel { seq: Set(seq), format: Set(FORMAT), at: Set(at), cells: Set(cells) };
    s::Entity::insert(row)
        .on_conflict(OnConflict::column(s::Column::Seq).do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Forgets all snapshots, so that whatever is asked next is summed from the ledger; gives how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn forget_snapshots(tx: &Tx) -> StoreResult<u64> {
    Ok(s::Entity::delete_many().exec(tx).await?.rows_affected)
}
