//! Results (kết quả hoạt động): what is counted.

pub mod bulk;
pub mod dto;
pub mod filing;
pub mod intake;
pub mod ops;
pub mod review;
pub mod revisions;

use crate::{
    allowed::{Allowed, Demand, ResultRead, ResultVerify, ResultWrite},
    bulk::{Batch, BulkOutcome},
    problem::ApiResult,
    reply::{self, Errand, Reply},
    request::Request,
};
use actix_web::{HttpResponse, delete, get, patch, post, web::Path};
use bulk::{NewResults, VerifiedResults};
use dto::{NewResult, Result, ResultAmendment, ResultPage, ResultPatch, ResultQuery, ResultReturn, ResultUnverify};
use filing::Filing;
use revisions::{ResultRevision, ResultRevisionPage};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_results)
        .service(create_result)
        .service(get_result)
        .service(patch_result)
        .service(delete_result)
        .service(submit_result)
        .service(verify_result)
        .service(return_result)
        .service(amend_result)
        .service(unverify_result)
        .service(list_result_revisions)
        .service(create_results)
        .service(verify_results);
}

/// List results
///
/// Results (kết quả) of teams of the caller's subtrees, or of a team leader's own team. The verifiers' queue (hàng chờ xem
/// lại) is `?status=submitted&flag=needs_review`, and `flag=possible_duplicate` for those with an open duplicate
/// candidate; an index serves both.
#[utoipa::path(tag = "results", params(ResultQuery),
    responses((status = 200, description = "A page of results.", body = ResultPage)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/results")]
async fn list_results(allowed: Allowed<ResultRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ResultQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |result| {
        let unit = units.get(&result.team_id);
        view(result, unit)
    })
}

/// Create a result
///
/// Writes a result (kết quả) for one activity, team and day: a draft, which counts once it is submitted, or, with
/// `submit`, submitted at once. What looks implausible is accepted and flagged, and `review` says why: `over_planned_turns`
/// (more than 3 times those planned), `over_venue_capacity` (more turns on one topic than the venue holds people in a day).
/// When it is submitted it is also compared with the team's own last 60 results (`unlike_own_history`, a modified z-score
/// over 3.5, from 8 earlier ones on) and with other teams' results of that place and day (`possible_duplicate`).
#[utoipa::path(tag = "results", request_body(content = NewResult, description = "The result."),
    responses((status = 201, description = "The new result.", body = Result),
        (status = 200, description = "The result that this id and body made before.", body = Result)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "result_exists", "idempotency_in_progress", "activity_cancelled", "campaign_not_open", "reference_not_found", "not_its_team", "outside_campaign", "in_the_future", "topic_not_of_kind", "not_an_output"]))))]
#[post("/v1/results")]
async fn create_result(allowed: Allowed<ResultWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewResult>(&app.contract).await?;
    let errand = Errand::of(&app, &request, "create_result", &allowed.actor, &input.hash)?;
    Filing { errand, scope: allowed.0, new: input.value }.answer(&app).await
}

/// Read a result
///
/// One result (kết quả) that the caller sees.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    responses((status = 200, description = "The result.", body = Result)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str()))))]
#[get("/v1/results/{id}")]
async fn get_result(allowed: Allowed<ResultRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (result, unit) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(result, Some(&unit)))
}

/// Change a result
///
/// Changes a draft or a returned result (sửa kết quả).
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    request_body(content = ResultPatch, description = "What changes."),
    responses((status = 200, description = "The changed result.", body = Result)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["not_editable", "reference_not_found", "topic_not_of_kind", "not_an_output"]))))]
#[patch("/v1/results/{id}")]
async fn patch_result(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ResultPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_result", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Delete a draft
///
/// Removes a draft (xóa bản nháp), which counted nowhere.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    responses((status = 204, description = "The draft is gone.")),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())), ("x-codes" = json!(["not_editable"]))))]
#[delete("/v1/results/{id}")]
async fn delete_result(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "delete_result", &allowed.actor, &[], async |tx, cx| {
        ops::delete(tx, cx, &allowed, *id).await
    })
    .await
}

/// Submit a result
///
/// draft, returned → submitted (nộp kết quả): from now on it counts as reported.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    responses((status = 200, description = "The submitted result.", body = Result)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "activity_cancelled", "campaign_not_open"]))))]
#[post("/v1/results/{id}/submit")]
async fn submit_result(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "submit_result", &allowed.actor, &[], async |tx, cx| {
        ops::submit(tx, cx, &allowed, *id).await
    })
    .await
}

/// Verify a result
///
/// submitted → verified (xác nhận kết quả): from now on it counts as verified too. Whoever submitted it doesn't verify it.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    responses((status = 200, description = "The verified result.", body = Result)),
    extensions(("x-permission" = json!(ResultVerify::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "verifier_is_submitter"]))))]
#[post("/v1/results/{id}/verify")]
async fn verify_result(allowed: Allowed<ResultVerify>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "verify_result", &allowed.actor, &[], async |tx, cx| {
        ops::verify(tx, cx, &allowed, *id).await
    })
    .await
}

/// Return a result
///
/// submitted → returned (trả lại kết quả), with a reason: until it is submitted again it counts nowhere.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    request_body(content = ResultReturn, description = "Why."),
    responses((status = 200, description = "The returned result.", body = Result)),
    extensions(("x-permission" = json!(ResultVerify::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "verifier_is_submitter"]))))]
#[post("/v1/results/{id}/return")]
async fn return_result(allowed: Allowed<ResultVerify>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ResultReturn>(&app.contract).await?;
    reply::write(&app, &request, "return_result", &allowed.actor, &input.hash, async |tx, cx| {
        ops::give_back(tx, cx, &allowed, *id, &input.value.reason).await
    })
    .await
}

/// Amend a result
///
/// submitted, verified → submitted (điều chỉnh kết quả), with a reason: the next revision, which counts as reported at
/// once and is verified anew. What was stated before stays readable under `/revisions`.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    request_body(content = ResultAmendment, description = "What it states from now on, and why."),
    responses((status = 200, description = "The amended result.", body = Result)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "campaign_not_open", "reference_not_found", "topic_not_of_kind", "not_an_output"]))))]
#[post("/v1/results/{id}/amend")]
async fn amend_result(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ResultAmendment>(&app.contract).await?;
    reply::write(&app, &request, "amend_result", &allowed.actor, &input.hash, async |tx, cx| {
        ops::amend(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Take a verification back
///
/// verified → submitted (hủy xác nhận), with a reason: it counts as reported alone again, from the same moment.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    request_body(content = ResultUnverify, description = "Why."),
    responses((status = 200, description = "The result, submitted again.", body = Result)),
    extensions(("x-permission" = json!(ResultVerify::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "verifier_is_submitter"]))))]
#[post("/v1/results/{id}/unverify")]
async fn unverify_result(allowed: Allowed<ResultVerify>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ResultUnverify>(&app.contract).await?;
    reply::write(&app, &request, "unverify_result", &allowed.actor, &input.hash, async |tx, cx| {
        ops::unverify(tx, cx, &allowed, *id, &input.value.reason).await
    })
    .await
}

/// List a result's revisions
///
/// All that was ever submitted of one result (lịch sử điều chỉnh), the first revision first, each with what it changed
/// and what became of it.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The result.")),
    responses((status = 200, description = "The revisions, all of them.", body = ResultRevisionPage)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str()))))]
#[get("/v1/results/{id}/revisions")]
async fn list_result_revisions(
    allowed: Allowed<ResultRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (result, _) = ops::find(app.store.read(), &allowed, *id).await?;
    let kept = tinhnguyen_persistence::revisions::of(app.store.read(), result.stamp.id).await?;
    reply::list(&request, ResultRevision::each(kept))
}

/// Create results
///
/// Up to 1,000 results (nhiều kết quả cùng lúc) in one call, drafts or submitted at once. Each is accepted, known already, or
/// rejected by itself; with `atomic` all are kept or none. A draft that is sent again with `submit` is submitted, unless it was
/// changed since (`stale_version`).
#[utoipa::path(tag = "results", request_body(content = NewResults, description = "The results."),
    responses((status = 200, description = "What became of each.", body = BulkOutcome)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "id_already_used", "result_exists", "stale_version", "activity_cancelled", "campaign_not_open", "reference_not_found", "not_its_team", "outside_campaign", "in_the_future", "topic_not_of_kind", "not_an_output"]))))]
#[post("/v1/results/bulk")]
async fn create_results(allowed: Allowed<ResultWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let batch: Batch<NewResults> = Batch::read(&request, &app.contract, "results").await?;
    let render = request.renderer()?;
    reply::write(&app, &request, "create_results", &allowed.actor, &batch.hash, async |tx, cx| {
        Reply::outcome(&BulkOutcome::of(bulk::create(tx, cx, &allowed, &batch).await?, &render))
    })
    .await
}

/// Verify results
///
/// Up to 1,000 results (xác nhận nhiều kết quả) in one call: those that are named, each at the version that the verifier
/// has seen, or those submitted that a filter finds. Each is accepted, known already as verified, or rejected by itself.
#[utoipa::path(tag = "results", request_body(content = VerifiedResults, description = "Which results."),
    responses((status = 200, description = "What became of each.", body = BulkOutcome)),
    extensions(("x-permission" = json!(ResultVerify::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/results/verify")]
async fn verify_results(allowed: Allowed<ResultVerify>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<VerifiedResults>(&app.contract).await?;
    let render = request.renderer()?;
    reply::write(&app, &request, "verify_results", &allowed.actor, &input.hash, async |tx, cx| {
        Reply::outcome(&BulkOutcome::of(bulk::verify(tx, cx, &allowed, &input.value).await?, &render))
    })
    .await
}
