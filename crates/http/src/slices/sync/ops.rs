//! What a queue means: each operation as its own operation does it, in a part of the transaction that may fail alone.

use super::{
    dto::{
        Current, CurrentActivity, CurrentActivityTag, CurrentResult, CurrentResultTag, SyncOutcome, SyncOutcomes,
        SyncStatus,
    },
    order::order,
    queue::{Operation, Queue, What, below, place},
};
use crate::{
    allowed::{ActivityWrite, AllowedEither, Demand, ResultWrite, Scope, forbidden},
    bulk::{Became, BulkOutcome, RejectionCause, is_of_the_item},
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Reply},
    request::IfMatch,
    slices::{
        activities::ops as of_activities,
        results::{intake::take_one, ops as of_results},
        tallies::ops as of_tallies,
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::results::ResultStatus;
use tinhnguyen_persistence::{Tx, idempotency};
use uuid::Uuid;

/// What a queue's operations demand: each one of them.
pub type Writers = AllowedEither<ResultWrite, ActivityWrite>;

/// What became of an operation, before it is written in the client's language.
#[expect(clippy::large_enum_variant, reason = "a thousand of them, for the length of a request")]
enum Done {
    /// Done now; the version that it made.
    Now(Option<i64>),
    /// Done before; the version that there is.
    Before(Option<i64>),
    /// Tallies, each by itself.
    Tallies(BTreeMap<usize, Became>),
    /// Not done.
    Not(ApiError, Option<Current>),
}

/// Does the operations of a queue, each by itself.
///
/// # Errors
/// What is wrong with the database: nothing is kept then, and the queue is sent again.
pub async fn sync(
    tx: &Tx,
    cx: &Cx<'_>,
    writers: &Writers,
    queue: &Queue,
    render: &impl Fn(&ApiError) -> Value,
) -> ApiResult<SyncOutcomes> {
    let mut became: BTreeMap<usize, Done> = BTreeMap::new();
    let mut sound = Vec::new();
    for (index, entry) in queue.entries.iter().enumerate() {
        match &entry.operation {
            Ok(operation) => sound.push((index, operation)),
            Err(error) => drop(became.insert(index, Done::Not(error.clone(), None))),
        }
    }
    // A mark that somebody else's filing has put on a result meanwhile moves its versions on: those that the queue counts on
    // for what its own operations have made, and those that they are.
    let mut made: HashMap<Uuid, (i64, i64)> = HashMap::new();
    let nodes: Vec<_> = sound.iter().map(|(_, operation)| operation.node()).collect();
    for at in order(&nodes) {
        let Some((index, operation)) = sound.get(at) else { continue };
        let version = match made.get(&operation.id) {
            Some((counted_on, version)) if *counted_on == operation.version => *version,
            _ => operation.version,
        };
        let outcome = tx.attempt(async |tx| run(tx, cx, writers, operation, version).await).await;
        if let Ok(Done::Now(Some(version))) = &outcome
            && operation.version > 0
        {
            made.insert(operation.id, (operation.version + 1, *version));
        }
        let done = match outcome {
            Ok(done) => done,
            Err(error) if is_of_the_item(&error) => {
                let current = current(tx, writers, operation, &error).await?;
                Done::Not(below(error, &format!("{}/body", place(*index))), current)
            }
            Err(error) => return Err(error),
        };
        became.insert(*index, done);
    }
    Ok(told(queue, became, render))
}

/// Holds that the caller may do what an operation demands.
fn may<P: Demand>(scope: Option<&Scope<P>>) -> ApiResult<&Scope<P>> {
    scope.ok_or_else(|| forbidden(P::PERMISSION))
}

async fn run(tx: &Tx, cx: &Cx<'_>, writers: &Writers, operation: &Operation, version: i64) -> ApiResult<Done> {
    let seen = IfMatch::Tags(vec![version.to_string()]);
    let part = cx.part(operation.kind.as_str(), Some(&seen), &operation.hash);
    let id = operation.id;
    // Whoever may not do it is not told whether it was done.
    match operation.what {
        What::CreateActivity(_) | What::PatchActivity(_) => may(writers.second.as_ref()).map(|_| ())?,
        _ => may(writers.first.as_ref()).map(|_| ())?,
    }
    if is_done(tx, operation).await? {
        return Ok(Done::Before(version_of(tx, writers, operation).await?));
    }
    let reply = match &operation.what {
        What::CreateActivity(new) => of_activities::create(tx, &part, may(writers.second.as_ref())?, &new.body).await?,
        What::PatchActivity(patch) => {
            of_activities::change(tx, &part, may(writers.second.as_ref())?, id, &patch.body).await?
        }
        What::AddTallies(batch) => {
            let part = cx.part("create_tallies", None, &operation.hash);
            let became = of_tallies::add(tx, &part, may(writers.first.as_ref())?, id, batch).await?;
            return Ok(Done::Tallies(became));
        }
        What::CreateResult(new) => take_one(tx, &part, may(writers.first.as_ref())?, &new.body).await?,
        What::PatchResult(patch) => {
            of_results::change(tx, &part, may(writers.first.as_ref())?, id, &patch.body).await?
        }
        What::SubmitResult => {
            let scope = may(writers.first.as_ref())?;
            if let Some(version) = submitted_since(tx, cx, scope, operation).await? {
                return Ok(Done::Before(Some(version)));
            }
            of_results::submit(tx, &part, scope, id).await?
        }
        What::AmendResult(amendment) => {
            of_results::amend(tx, &part, may(writers.first.as_ref())?, id, &amendment.body).await?
        }
        What::DeleteResult => of_results::delete(tx, &part, may(writers.first.as_ref())?, id).await?,
    };
    cx.note_ledger(part.ledger_seq());
    Ok(Done::Now(Reply::version(&reply)))
}

/// Whether this very operation was done before. What makes something is known by that thing's id; what changes something by
/// the client's id for the operation, which is taken now unless it was.
async fn is_done(tx: &Tx, operation: &Operation) -> ApiResult<bool> {
    let (known, hash) = match (&operation.what, operation.op_id) {
        // The use case takes the id.
        (What::CreateActivity(_) | What::CreateResult(_), _) => (idempotency::taken_by(tx, operation.id).await?, false),
        (What::AddTallies(_), _) | (_, None) => return Ok(false),
        (_, Some(op_id)) => (idempotency::claim_id(tx, op_id, &operation.hash).await?, true),
    };
    match known {
        None => Ok(false),
        Some(before) if before == operation.hash => Ok(true),
        Some(_) if hash => Err(ApiError::new(Code::IdAlreadyUsed)),
        // The use case says so.
        Some(_) => Ok(false),
    }
}

/// Without an id of its own, submitting is known again by its outcome: the version that there is, where the caller has
/// submitted the result since the version that they name.
async fn submitted_since(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    operation: &Operation,
) -> ApiResult<Option<i64>> {
    if operation.op_id.is_some() {
        return Ok(None);
    }
    let (result, unit) = of_results::find(tx, scope, operation.id).await?;
    scope.ensure_team(&unit, result.team_id)?;
    let counted = matches!(result.status, ResultStatus::Submitted | ResultStatus::Verified);
    let since = counted && result.submitted_by == Some(cx.actor_id) && result.stamp.version > operation.version;
    Ok(since.then_some(result.stamp.version))
}

/// What stands where an operation is about something, as the caller sees it.
async fn at_hand(
    tx: &Tx,
    writers: &Writers,
    operation: &Operation,
    result: Option<Uuid>,
) -> ApiResult<Option<Current>> {
    let of_activity = matches!(operation.what, What::CreateActivity(_) | What::PatchActivity(_) | What::AddTallies(_));
    let found = match (&writers.first, &writers.second) {
        (_, Some(scope)) if of_activity => {
            of_activities::find(tx, scope, operation.id).await.map(|(activity, unit)| {
                let item = of_activities::view(scope)(activity, Some(&unit));
                Current::Activity(CurrentActivity { kind: CurrentActivityTag::Activity, item })
            })
        }
        (Some(scope), _) if !of_activity => {
            of_results::find(tx, scope, result.unwrap_or(operation.id)).await.map(|(result, unit)| {
                let item = of_results::view(scope)(result, Some(&unit));
                Current::Result(CurrentResult { kind: CurrentResultTag::Result, item })
            })
        }
        _ => return Ok(None),
    };
    match found {
        Ok(current) => Ok(Some(current)),
        Err(error) if is_of_the_item(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn version_of(tx: &Tx, writers: &Writers, operation: &Operation) -> ApiResult<Option<i64>> {
    Ok(at_hand(tx, writers, operation, None).await?.as_ref().map(version))
}

const fn version(current: &Current) -> i64 {
    match current {
        Current::Result(result) => result.item.version,
        Current::Activity(activity) => activity.item.version,
    }
}

/// Whether an operation failed because of what somebody else did meanwhile.
fn is_conflict(error: &ApiError) -> bool {
    matches!(error.code, Code::StaleVersion | Code::ResultExists)
}

/// What a conflict is with.
async fn current(tx: &Tx, writers: &Writers, operation: &Operation, error: &ApiError) -> ApiResult<Option<Current>> {
    if !is_conflict(error) {
        return Ok(None);
    }
    let other = error.extra.get("existing").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    at_hand(tx, writers, operation, other.and_then(|id| Uuid::try_parse(id).ok())).await
}

/// What became of the operations, in the order in which they were sent and in the client's language.
fn told(queue: &Queue, became: BTreeMap<usize, Done>, render: &impl Fn(&ApiError) -> Value) -> SyncOutcomes {
    let mut causes: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(became.len());
    for (index, done) in became {
        let entry = queue.entries.get(index);
        let (op_id, id) = (entry.and_then(|entry| entry.op_id), entry.and_then(|entry| entry.id));
        let blank = SyncOutcome {
            index,
            op_id,
            status: SyncStatus::Accepted,
            id,
            version: None,
            problem: None,
            current: None,
            tallies: None,
        };
        outcomes.push(match done {
            Done::Now(version) => SyncOutcome { version, ..blank },
            Done::Before(version) => SyncOutcome { status: SyncStatus::Duplicate, version, ..blank },
            Done::Tallies(became) => {
                let at = format!("{}/body/tallies", place(index));
                let moved = became.into_iter().map(|(place, became)| {
                    let became = match became {
                        Became::Rejected(id, error) => Became::Rejected(id, below(error, &format!("{at}/{place}"))),
                        taken => taken,
                    };
                    (place, became)
                });
                let tallies = BulkOutcome::of(moved.collect(), render);
                let status = match (tallies.accepted, tallies.rejected) {
                    (0, 0) => SyncStatus::Duplicate,
                    (0, _) if tallies.duplicates == 0 => SyncStatus::Rejected,
                    (0, _) => SyncStatus::Duplicate,
                    _ => SyncStatus::Accepted,
                };
                SyncOutcome { status, tallies: Some(tallies), ..blank }
            }
            Done::Not(error, current) => {
                *causes.entry(error.code.as_str()).or_default() += 1;
                let status = if is_conflict(&error) { SyncStatus::Conflict } else { SyncStatus::Rejected };
                // What stands in the way may be another thing, with a version of its own.
                let of_itself = error.code == Code::StaleVersion;
                let version = current.as_ref().filter(|_| of_itself).map(version);
                SyncOutcome { status, problem: Some(render(&error)), version, current, ..blank }
            }
        });
    }
    let count = |status| outcomes.iter().filter(|outcome| outcome.status == status).count();
    SyncOutcomes {
        accepted: count(SyncStatus::Accepted),
        duplicates: count(SyncStatus::Duplicate),
        conflicts: count(SyncStatus::Conflict),
        rejected: count(SyncStatus::Rejected),
        outcomes,
        causes: causes.into_iter().map(|(code, count)| RejectionCause { code, count }).collect(),
    }
}
