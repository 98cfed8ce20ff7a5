//! What a change of reported figures means for the candidates: called by whoever files results or takes them out of the
//! figures, for one or for a thousand, in a number of statements that does not grow with them.

use crate::problem::ApiResult;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use tinhnguyen_domain::{
    duplicates::{Reported, changes, overlaps},
    results::{ActivityResult, Flag},
};
use tinhnguyen_persistence::{Tx, duplicates, results};
use uuid::Uuid;

/// A result whose reported figures have changed; its row is written after this, with the marks that it gets here.
pub struct Moved<'a> {
    /// The result as it is now.
    pub result: &'a mut ActivityResult,
    /// Its campaign.
    pub campaign_id: Uuid,
}

/// Finds what the results overlap with now, asks about it, closes open questions that have lost their ground, and marks
/// all results concerned. Call it while the ledger's head is held, after its entries were posted: results that are filed
/// at the same moment see one another then, and rows are locked in the same order by all.
///
/// # Errors
/// When the database refuses.
pub async fn follow(tx: &Tx, now: DateTime<Utc>, moved: &mut [Moved<'_>]) -> ApiResult<()> {
    let filed: Vec<Reported> = moved.iter().map(|moved| Reported::of(moved.result, moved.campaign_id)).collect();
    let ids: HashSet<Uuid> = filed.iter().map(|filed| filed.result_id).collect();
    let standing = duplicates::standing(tx, &filed).await?;
    let known = duplicates::of_results(tx, &ids.iter().copied().collect::<Vec<_>>()).await?;
    let changes = changes(&known, overlaps(&filed, &standing));
    duplicates::ask(tx, now, &changes.asked).await?;
    duplicates::close(tx, now, &changes.closed).await?;

    for moved in moved.iter_mut() {
        let flags = &mut moved.result.flags;
        flags.retain(|flag| *flag != Flag::PossibleDuplicate);
        if changes.open.contains(&moved.result.stamp.id) {
            flags.push(Flag::PossibleDuplicate);
        }
    }
    let others = |pairs: HashSet<Uuid>| -> Vec<Uuid> { pairs.difference(&ids).copied().collect() };
    let on = others(changes.asked.iter().flat_map(|asked| asked.pair()).collect());
    let closed: HashSet<Uuid> = changes.closed.iter().copied().collect();
    let closed = known.iter().filter(|known| closed.contains(&known.stamp.id));
    let off = others(closed.flat_map(|closed| closed.overlap.pair()).collect());
    unmark(tx, now, &on, &off).await
}

/// Marks the results `on`, and takes the mark from those of `off` that no open candidate is left of.
///
/// # Errors
/// When the database refuses.
pub async fn unmark(tx: &Tx, now: DateTime<Utc>, on: &[Uuid], off: &[Uuid]) -> ApiResult<()> {
    let mut off = off.to_vec();
    if !off.is_empty() {
        let open = duplicates::with_open(tx, &off).await?;
        off.retain(|id| !open.contains(id));
    }
    if on.is_empty() && off.is_empty() {
        return Ok(());
    }
    Ok(results::remark(tx, now, Flag::PossibleDuplicate, on, &off).await?)
}
