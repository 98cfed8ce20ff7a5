//! What requests on evidence files mean.

use super::dto::EvidenceFile as Body;
use crate::{
    allowed::{Demand, ResultRead, ResultWrite, Scope, forbidden},
    app::App,
    fields::Faults,
    pictures,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
};
use actix_web::web::Bytes;
use sha2::{Digest, Sha256};
use std::{collections::HashSet, time::Duration};
use tinhnguyen_domain::{
    access::Permission,
    evidence::{EvidenceFile, FileType},
    results::Evidence,
};
use tinhnguyen_persistence::{ConnectionTrait, StoreError, Tx, evidence};
use tracing::warn;
use uuid::Uuid;

/// How long a file may stay that no result names.
const UNNAMED: Duration = Duration::from_secs(7 * 86_400);
/// Objects that one round of sweeping removes.
const SWEPT: u64 = 500;

/// A file as it will be kept.
pub struct Prepared {
    /// What it is.
    pub kind: FileType,
    /// Its bytes, without what tells where a picture was taken.
    pub bytes: Bytes,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
    /// Where they were written; none when they were there, or nothing is to be kept.
    key: Option<String>,
}

/// Reads what was sent: it must be what its type says.
///
/// # Errors
/// `file_not_readable`.
pub fn prepare(kind: FileType, sent: Bytes) -> ApiResult<Prepared> {
    let bytes = pictures::strip(kind, sent)
        .ok_or_else(|| ApiError::new(Code::FileNotReadable).with("content_type", kind.as_str()))?;
    let sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    Ok(Prepared { kind, bytes, sha256, key: None })
}

/// Writes a file's bytes unless they are kept already: before the row, so that no row is without its bytes.
///
/// # Errors
/// `storage_full`, `unavailable`.
pub async fn write(app: &App, file: &mut Prepared) -> ApiResult<()> {
    if evidence::blob(app.store.read(), &file.sha256).await?.is_none() {
        let folder = file.sha256.get(..2).unwrap_or_default();
        // Never a key that was in use: it might be being swept.
        let key = format!("{folder}/{}-{}", file.sha256, Uuid::now_v7().simple());
        app.evidence.put(&key, file.bytes.clone()).await?;
        file.key = Some(key);
    }
    Ok(())
}

/// Removes bytes that were written and that no row names: somebody else was quicker, or the row was not written.
pub async fn tidy(app: &App, file: &Prepared) {
    let Some(key) = &file.key else { return };
    let kept = evidence::blob(app.store.read(), &file.sha256).await;
    if kept.is_ok_and(|kept| kept.is_none_or(|blob| blob.key != *key))
        && let Err(err) = app.evidence.delete(key).await
    {
        warn!(error = %err, key, "an object of the evidence store that nobody names can't be removed");
    }
}

/// Notes a file whose bytes are kept, as this caller's.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, file: &Prepared) -> ApiResult<Reply> {
    let size = i64::try_from(file.bytes.len()).map_err(ApiError::internal)?;
    let new = EvidenceFile {
        stamp: cx.new_stamp(None),
        sha256: file.sha256.clone(),
        content_type: file.kind,
        size,
        uploaded_by: cx.actor_id,
    };
    let id = new.stamp.id;
    match &file.key {
        Some(key) => evidence::insert_blob(tx, &new, key).await?,
        None if cx.is_rehearsal() => evidence::insert_blob(tx, &new, "").await?,
        None => {}
    }
    let stands = evidence::insert(tx, &new).await.map_err(|err| match err {
        // Swept since we looked; the next attempt writes it anew.
        StoreError::ForeignKey(_) => ApiError::new(Code::Unavailable),
        err => err.into(),
    })?;
    let is_new = stands.stamp.id == id;
    if is_new {
        cx.record(tx, "evidence_file", id, None).await?;
    }
    let shown = Body::of(stands, cx.actor_id);
    if is_new { Reply::created(&shown) } else { Reply::ok(&shown) }
}

/// Finds a file that the caller sees, and the key of its bytes.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(EvidenceFile, String)> {
    evidence::find(conn, &scope.sees, scope.actor.id, id).await?.ok_or_else(ApiError::not_found)
}

/// Shows a file to this caller.
#[must_use]
pub fn view(scope: &Scope<ResultRead>, file: EvidenceFile) -> Body {
    Body::of(file, scope.actor.id)
}

/// Removes a file that its sender takes back before a result names it.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultWrite>, id: Uuid) -> ApiResult<Reply> {
    let (file, _) = find(tx, scope, id).await?;
    if file.uploaded_by != scope.actor.id {
        return Err(forbidden(Permission::ResultWrite));
    }
    cx.ensure_unchanged(&file.stamp)?;
    if evidence::is_named(tx, id).await? {
        return Err(ApiError::new(Code::WrongState).detail(
            "Tệp đã được nêu trong một kết quả, nên không xóa được.",
            "A result names the file, so it stays.",
        ));
    }
    evidence::delete(tx, id).await?;
    cx.record(tx, "evidence_file", id, None).await?;
    Ok(Reply::gone())
}

/// The files that pieces of evidence name, each once.
#[must_use]
pub fn named(evidence: &[Evidence]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = evidence.iter().filter_map(|piece| piece.file_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Holds that each piece of evidence is either a link or a file, and that the caller sees the file.
///
/// # Errors
/// When the database can't be asked; faults are added.
pub async fn check(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultWrite>,
    faults: &mut Faults,
    evidence: &[Evidence],
) -> ApiResult<()> {
    let seen = visible(conn, scope, named(evidence)).await?;
    unsound(faults, evidence, &seen);
    Ok(())
}

/// Which of these files the caller sees, with one statement for any number of them.
///
/// # Errors
/// When the database can't be asked.
pub async fn visible(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultWrite>,
    ids: Vec<Uuid>,
) -> ApiResult<HashSet<Uuid>> {
    Ok(evidence::visible(conn, &scope.sees, scope.actor.id, &ids).await?)
}

/// Adds the faults of pieces of evidence: each is either a link or a file that is `seen`.
pub fn unsound(faults: &mut Faults, evidence: &[Evidence], seen: &HashSet<Uuid>) {
    for (at, piece) in evidence.iter().enumerate() {
        match (&piece.url, piece.file_id) {
            (None, None) => faults.add(format!("/evidence/{at}/url"), Code::Required),
            (Some(_), Some(_)) => {
                faults.push(Fault::at(format!("/evidence/{at}/file_id"), Code::TooMany).limit(1).message(
                    "Chỉ dùng một trong hai: `url` hoặc `file_id`.",
                    "Use one of the two: `url` or `file_id`.",
                ))
            }
            (None, Some(id)) if !seen.contains(&id) => {
                faults.add(format!("/evidence/{at}/file_id"), Code::ReferenceNotFound);
            }
            _ => {}
        }
    }
}

/// Notes which files results name: a constant number of statements for any number of results.
///
/// # Errors
/// `reference_not_found` when a file is gone meanwhile.
pub async fn link<'a>(tx: &Tx, results: impl IntoIterator<Item = (Uuid, &'a [Evidence])>) -> ApiResult<()> {
    let pairs: Vec<(Uuid, Uuid)> = results
        .into_iter()
        .flat_map(|(result, evidence)| named(evidence).into_iter().map(move |file| (result, file)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    Ok(evidence::link(tx, &pairs).await?)
}

/// Forgets what a result named that is deleted.
///
/// # Errors
/// When the database refuses.
pub async fn unlink(tx: &Tx, result_id: Uuid) -> ApiResult<()> {
    Ok(evidence::unlink(tx, result_id).await?)
}

/// Removes files that nobody named within a week, and bytes that no file has any more; how many objects went.
///
/// # Errors
/// When the database or the store refuses; what is left is swept the next time.
pub async fn sweep(app: &App) -> ApiResult<usize> {
    let now = app.clock.now();
    let before = now - chrono::Duration::from_std(UNNAMED).map_err(ApiError::internal)?;
    let keys = app
        .store
        .write::<_, StoreError>(async |tx| {
            evidence::sweep(tx, before).await?;
            evidence::sweep_blobs(tx, SWEPT).await
        })
        .await?;
    for key in &keys {
        app.evidence.delete(key).await?;
    }
    Ok(keys.len())
}
