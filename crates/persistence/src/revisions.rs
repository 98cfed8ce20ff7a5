//! What each revision of a result stated: the old ones stay readable.

use crate::{
    StoreError, StoreResult, Tx,
    entities::result_revision as t,
    rows::{At, json},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict,
};
use tinhnguyen_domain::results::{ActivityResult, Revision, Statement};
use uuid::Uuid;

impl TryFrom<t::Model> for Revision {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("result_revision", column, row.result_id);
        let statement = Statement {
            lines: at("lines").json(row.lines)?,
            outputs: at("outputs").json(row.outputs)?,
            evidence: at("evidence").json(row.evidence)?,
        };
        Ok(Self {
            revision: row.revision,
            statement,
            status: at("status").word(&row.status)?,
            amend_reason: row.amend_reason,
            submitted_by: row.submitted_by,
            submitted_at: row.submitted_at,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            return_reason: row.return_reason,
        })
    }
}

/// Stores what a revision states, or what has become of it since.
///
/// # Errors
/// When the database refuses.
pub async fn keep(tx: &Tx, result: &ActivityResult, revision: &Revision) -> StoreResult<()> {
    keep_many(tx, &[(result.stamp.id, revision.clone())]).await
}

/// Stores what many revisions state, each with its result's id.
///
/// # Errors
/// When the database refuses.
pub async fn keep_many(tx: &Tx, revisions: &[(Uuid, Revision)]) -> StoreResult<()> {
    let row = |(result_id, revision): &(Uuid, Revision)| t::ActiveModel {
        result_id: Set(*result_id),
        revision: Set(revision.revision),
        lines: Set(json(&revision.statement.lines)),
        outputs: Set(json(&revision.statement.outputs)),
        evidence: Set(json(&revision.statement.evidence)),
        status: Set(revision.status.as_str().to_owned()),
        amend_reason: Set(revision.amend_reason.clone()),
        submitted_by: Set(revision.submitted_by),
        submitted_at: Set(revision.submitted_at),
        decided_by: Set(revision.decided_by),
        decided_at: Set(revision.decided_at),
        return_reason: Set(revision.return_reason.clone()),
    };
    for chunk in revisions.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row))
            .on_conflict(
                OnConflict::columns([t::Column::ResultId, t::Column::Revision])
                    .update_columns([
                        t::Column::Status,
                        t::Column::DecidedBy,
                        t::Column::DecidedAt,
                        t::Column::ReturnReason,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// One revision of a result.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, result_id: Uuid, revision: i32) -> StoreResult<Option<Revision>> {
    t::Entity::find_by_id((result_id, revision)).one(conn).await?.map(Revision::try_from).transpose()
}

/// The revisions of a result, the first one first.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn of(conn: &impl ConnectionTrait, result_id: Uuid) -> StoreResult<Vec<Revision>> {
    let rows = t::Entity::find().filter(t::Column::ResultId.eq(result_id)).order_by_asc(t::Column::Revision);
    rows.all(conn).await?.into_iter().map(Revision::try_from).collect()
}
