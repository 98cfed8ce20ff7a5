//! What a change of reported figures means for the candidates: called by whoever files results or takes them out of the
//! figures, for one or for a thousand, in a number of statements that does not grow with them.

use crate::{problem::ApiResult, reply::Cx};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{
    duplicates::{Overlap, Reported, changes, overlaps},
    results::{ActivityResult, Flag},
};
use tinhnguyen_persistence::{Tx, audit, duplicates, results};
use uuid::Uuid;

/// A result whose reported figures have changed; its row is written after this, with the marks that it gets here.
pub struct Moved<'a> {
    /// The request that changes it.
    pub cx: &'a Cx<'a>,
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
pub async fn follow(tx: &Tx, moved: &mut [Moved<'_>]) -> ApiResult<()> {
    let Some(now) = moved.first().map(|moved| moved.cx.now) else { return Ok(()) };
    let filed: Vec<Reported> = moved.iter().map(|moved| Reported::of(moved.result, moved.campaign_id)).collect();
    let ids: HashSet<Uuid> = filed.iter().map(|filed| filed.result_id).collect();
    let standing = duplicates::standing(tx, &filed).await?;
    // What was never filed before was never asked about, and what leaves the figures has open candidates only if it is
    // marked: most of what is filed or returned needs no look.
    let may_be_known = |moved: &&Moved<'_>| {
        let counts = !moved.result.reported_turns().is_empty();
        moved.result.flags.contains(&Flag::PossibleDuplicate) || counts && moved.result.revision > 1
    };
    let may_be_known: Vec<Uuid> = moved.iter().filter(may_be_known).map(|moved| moved.result.stamp.id).collect();
    let known = duplicates::of_results(tx, &may_be_known).await?;
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
    let closed: HashSet<Uuid> = changes.closed.iter().copied().collect();
    let closed = known.iter().filter(|known| closed.contains(&known.stamp.id));
    // Results of others, each with the request that brought what it is alike.
    let by = |pairs: Vec<[Uuid; 2]>| -> HashMap<Uuid, &Cx<'_>> {
        let request = |id: Uuid| moved.iter().find(|moved| moved.result.stamp.id == id).map(|moved| moved.cx);
        let both = pairs.into_iter().flat_map(|[one, other]| [(one, other), (other, one)]);
        let others = both.filter(|(other, _)| !ids.contains(other));
        others.filter_map(|(other, own)| request(own).map(|cx| (other, cx))).collect()
    };
    let on = by(changes.asked.iter().map(Overlap::pair).collect());
    let off = by(closed.map(|closed| closed.overlap.pair()).collect());
    let list = |those: &HashMap<Uuid, &Cx<'_>>| those.keys().copied().collect::<Vec<_>>();
    let changed = unmark(tx, now, &list(&on), &list(&off)).await?;
    let changes = changed
        .into_iter()
        .filter_map(|(id, unit)| on.get(&id).or_else(|| off.get(&id)).map(|cx| cx.change("result", id, Some(unit))));
    Ok(audit::record_many(tx, &changes.collect::<Vec<_>>()).await?)
}

/// Marks the results `on`, and takes the mark from those of `off` that no open candidate is left of. Gives those that have
/// changed by it, with their teams' units, to be recorded.
///
/// # Errors
/// When the database refuses.
pub async fn unmark(tx: &Tx, now: DateTime<Utc>, on: &[Uuid], off: &[Uuid]) -> ApiResult<HashMap<Uuid, Uuid>> {
    let mut off = off.to_vec();
    if !off.is_empty() {
        let open = duplicates::with_open(tx, &off).await?;
        off.retain(|id| !open.contains(id));
    }
    if on.is_empty() && off.is_empty() {
        return Ok(HashMap::new());
    }
    let changed = results::remark(tx, now, Flag::PossibleDuplicate, on, &off).await?;
    Ok(results::units_of(tx, &changed).await?)
}
