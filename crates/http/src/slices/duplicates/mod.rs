//! Duplicate candidates (nghi trùng): results that may count the same people twice.

pub mod dto;
pub mod follow;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, ResultRead, ResultVerify},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, post, web::Path};
use dto::{CandidateResolution, DuplicateCandidate, DuplicateCandidatePage, DuplicateCandidateQuery};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_duplicate_candidates).service(get_duplicate_candidate).service(resolve_duplicate_candidate);
}

/// List duplicate candidates
///
/// Pairs of results that may count the same people (nghi trùng), of which the caller reaches at least one. When a result is
/// filed or amended it is compared with those that count of the same campaign, place and day. Two are a candidate when
/// they are of different teams and different activities (teams of one joint activity count each its own part), have a topic
/// in common, and their turns on the common topics differ by at most 5, or by at most a fifth of the larger figure; of each
/// result the 20 most alike are listed. Nothing is taken back by itself: both count until somebody decides. An open
/// candidate is `closed` when one of its results is returned or is alike no more, and open again when they are again. `distinct` and `joint` stand as long as the
/// figures do that they were said of; what was taken back as `duplicate` and is submitted again is asked about anew.
#[utoipa::path(tag = "duplicates", params(DuplicateCandidateQuery),
    responses((status = 200, description = "A page of candidates.", body = DuplicateCandidatePage)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/duplicate-candidates")]
async fn list_duplicate_candidates(allowed: Allowed<ResultRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: DuplicateCandidateQuery = request.query(&app.contract)?;
    let (page, around) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |candidate| view(candidate, &around))
}

/// Read a duplicate candidate
///
/// One pair of results that may count the same people (nghi trùng). Of a team that the caller doesn't reach it tells the
/// result's id, place, day, topics and turns, and not which team it is.
#[utoipa::path(tag = "duplicates", params(("id" = Uuid, Path, description = "The candidate.")),
    responses((status = 200, description = "The candidate.", body = DuplicateCandidate)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str()))))]
#[get("/v1/duplicate-candidates/{id}")]
async fn get_duplicate_candidate(
    allowed: Allowed<ResultRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (candidate, around) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(candidate, &around))
}

/// Resolve a duplicate candidate
///
/// Decides on a pair of results (kết luận nghi trùng), with a reason: `distinct` (different, both count), `joint` (one event,
/// each team counted its own part, both count), or `duplicate` (the same): then one of the two, by default the one that was
/// counted later, is returned with a reason that names the other, and leaves the reported and the verified figure at the same
/// moment. Decided by who verifies for both teams, and never by who submitted either.
#[utoipa::path(tag = "duplicates", params(("id" = Uuid, Path, description = "The candidate.")),
    request_body(content = CandidateResolution, description = "What is decided, and why."),
    responses((status = 200, description = "The candidate as it was decided.", body = DuplicateCandidate)),
    extensions(("x-permission" = json!(ResultVerify::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "verifier_is_submitter"]))))]
#[post("/v1/duplicate-candidates/{id}/resolve")]
async fn resolve_duplicate_candidate(
    allowed: Allowed<ResultVerify>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<CandidateResolution>(&app.contract).await?;
    reply::write(&app, &request, "resolve_duplicate_candidate", &allowed.actor, &input.hash, async |tx, cx| {
        ops::resolve(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}
