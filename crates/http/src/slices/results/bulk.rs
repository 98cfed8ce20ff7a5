//! Many results in one call.

use super::{
    dto::NewResult,
    intake::{Incoming, Taken, take_in},
    ops::{confirm, file, find},
};
use crate::{
    allowed::{ResultVerify, ResultWrite, Scope},
    bulk::{Batch, Became, MAX_ITEMS, is_of_the_item},
    problem::{ApiError, ApiResult, Code, Fault},
    reply::Cx,
    request::broken,
    slices::teams::ops::within,
};
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use tinhnguyen_domain::{
    org_units::UnitPath,
    results::{ActivityResult, ResultStatus},
};
use tinhnguyen_persistence::{
    Tx,
    page::PageRequest,
    results::{self, Filter},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Results to be written together.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewResults {
    /// The results. One that is wrong is rejected alone, unless `atomic` is set.
    #[schema(min_items = 1, max_items = 1000)]
    #[validate(nested)]
    pub results: Vec<NewResult>,
    /// Whether they are submitted at once, so that they count.
    #[serde(default)]
    pub submit: bool,
    /// Whether all are kept or none: the first answer with a fault is a problem that names all faults.
    #[serde(default)]
    pub atomic: bool,
}

/// A result as the verifier has seen it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenResult {
    /// The result.
    pub id: Uuid,
    /// The version that was seen; what has changed since is rejected with `stale_version`.
    #[schema(minimum = 1, maximum = 9007199254740991_i64, example = 2)]
    pub version: i64,
}

/// Which submitted results are verified.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultSelection {
    /// Of this activity.
    #[serde(default)]
    #[schema(nullable = false)]
    pub activity_id: Option<Uuid>,
    /// Of this team.
    #[serde(default)]
    #[schema(nullable = false)]
    pub team_id: Option<Uuid>,
    /// Of teams of this unit and of all units below it.
    #[serde(default)]
    #[schema(nullable = false)]
    pub within: Option<Uuid>,
    /// Reported for this day or later.
    #[serde(default)]
    #[schema(nullable = false, example = "2024-07-01")]
    pub from: Option<NaiveDate>,
    /// Reported for this day or earlier.
    #[serde(default)]
    #[schema(nullable = false, example = "2024-07-07")]
    pub to: Option<NaiveDate>,
    /// Whether marked results are verified too; without it they are left for a human eye.
    #[serde(default)]
    pub flagged: bool,
}

/// Results to be verified together: either `results` or `filter`.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "names_or_filters"))]
#[schema(example = json!({"results": [{"id": "0190a1b2-0000-7000-8000-000000000031", "version": 2}]}))]
pub struct VerifiedResults {
    /// These results.
    #[serde(default)]
    #[schema(nullable = false, min_items = 1, max_items = 1000)]
    pub results: Option<Vec<SeenResult>>,
    /// Submitted results that this finds, the oldest 1,000 of them.
    #[serde(default)]
    #[schema(nullable = false)]
    pub filter: Option<ResultSelection>,
}

fn names_or_filters(which: &VerifiedResults) -> Result<(), ValidationError> {
    match (&which.results, &which.filter) {
        (None, None) => Err(broken(Code::Required, "/results")),
        (Some(_), Some(_)) => Err(broken(Code::TooMany, "/filter")),
        _ => Ok(()),
    }
}

/// Writes results, each by itself; with `submit` it files them too.
///
/// # Errors
/// With `atomic` all that is wrong with any of them; what is wrong with the database.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    batch: &Batch<NewResults>,
) -> ApiResult<BTreeMap<usize, Became>> {
    let mut became: BTreeMap<usize, Became> =
        batch.refused.iter().map(|(place, error)| (*place, Became::Rejected(None, error.clone()))).collect();
    let items: Vec<Incoming<'_>> = batch
        .value
        .results
        .iter()
        .zip(&batch.hashes)
        .map(|(new, hash)| Incoming { cx, scope, new, hash, submit: batch.value.submit || new.submit })
        .collect();
    let taken = take_in(tx, &items).await?;
    let mut filed = HashSet::new();
    for ((item, place), taken) in items.iter().zip(&batch.places).zip(taken) {
        let outcome = match taken {
            Ok(Taken::New(result, _)) => Became::Accepted(result.stamp.id),
            Ok(Taken::Known(result, unit))
                if item.submit && result.status == ResultStatus::Draft && !filed.contains(&result.stamp.id) =>
            {
                let id = result.stamp.id;
                match tx.attempt(async |tx| submit_as_sent(tx, cx, scope, result.clone(), &unit).await).await {
                    Ok(()) => {
                        filed.insert(id);
                        Became::Accepted(id)
                    }
                    Err(error) if is_of_the_item(&error) => Became::Rejected(Some(id), error),
                    Err(error) => return Err(error),
                }
            }
            Ok(Taken::Known(result, _)) => Became::Duplicate(result.stamp.id),
            Err(error) => Became::Rejected(item.new.id, error),
        };
        became.insert(*place, outcome);
    }
    if batch.value.atomic {
        let faults: Vec<Fault> = became.iter().flat_map(|(place, became)| faults_of(*place, became)).collect();
        if !faults.is_empty() {
            return Err(ApiError::invalid(faults));
        }
    }
    Ok(became)
}

/// Files a draft that was sent before without being submitted, unless somebody has changed it since.
async fn submit_as_sent(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    draft: ActivityResult,
    unit: &UnitPath,
) -> ApiResult<()> {
    scope.ensure_team(unit, draft.team_id)?;
    if draft.stamp.version != 1 {
        return Err(ApiError::new(Code::StaleVersion));
    }
    file(tx, cx, draft).await.map(drop)
}

/// What is wrong with one of many, as faults of the whole body.
fn faults_of(place: usize, became: &Became) -> Vec<Fault> {
    let Became::Rejected(_, error) = became else { return vec![] };
    let at = |pointer: &str| format!("/results/{place}{pointer}");
    if error.faults.is_empty() {
        return vec![Fault::at(at(""), error.code)];
    }
    let moved =
        |fault: &Fault| Fault { pointer: Some(at(fault.pointer.as_deref().unwrap_or_default())), ..fault.clone() };
    error.faults.iter().map(moved).collect()
}

/// Verifies results, each by itself.
///
/// # Errors
/// What is wrong with the filter or with the database.
pub async fn verify(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultVerify>,
    which: &VerifiedResults,
) -> ApiResult<BTreeMap<usize, Became>> {
    let seen = match (&which.results, &which.filter) {
        (Some(named), _) => named.clone(),
        (None, Some(filter)) => selected(tx, scope, filter).await?,
        (None, None) => vec![],
    };
    let mut became = BTreeMap::new();
    for (place, seen) in seen.iter().enumerate() {
        let outcome = tx
            .attempt(async |tx| {
                let (result, unit) = find(tx, scope, seen.id).await?;
                scope.ensure_team(&unit, result.team_id)?;
                if result.status == ResultStatus::Verified && result.verified_by == Some(cx.actor_id) {
                    // Sent once more after its answer was lost.
                    return Ok(false);
                }
                if result.stamp.version != seen.version {
                    return Err(ApiError::new(Code::StaleVersion));
                }
                confirm(tx, cx, result).await?;
                Ok::<_, ApiError>(true)
            })
            .await;
        let outcome = match outcome {
            Ok(true) => Became::Accepted(seen.id),
            Ok(false) => Became::Duplicate(seen.id),
            Err(error) if is_of_the_item(&error) => Became::Rejected(Some(seen.id), error),
            Err(error) => return Err(error),
        };
        became.insert(place, outcome);
    }
    Ok(became)
}

/// The submitted results that a filter finds, as they stand now.
async fn selected(tx: &Tx, scope: &Scope<ResultVerify>, filter: &ResultSelection) -> ApiResult<Vec<SeenResult>> {
    let Ok(path) = within(tx, scope, filter.within).await? else { return Ok(vec![]) };
    let found = Filter {
        activity_id: filter.activity_id,
        team_id: filter.team_id,
        within: path,
        status: Some(ResultStatus::Submitted),
        // Asked of the database, not sorted out here: a thousand marked ones would hide all others.
        unmarked: !filter.flagged,
        from: filter.from,
        to: filter.to,
        ..Filter::default()
    };
    let limit = u64::try_from(MAX_ITEMS).unwrap_or(u64::MAX);
    let sort = "created_at".to_owned();
    let page = PageRequest { sort, descending: false, limit, after: None, include_total: false };
    let results = results::list(tx, &scope.reaches, &found, &page).await?.data.into_iter();
    Ok(results.map(|result| SeenResult { id: result.stamp.id, version: result.stamp.version }).collect())
}
