//! Targets of units (phân bổ chỉ tiêu).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, ProgressRead, TargetWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, post, put, web::Path};
use dto::{
    NewTarget, NewTargetSuggestion, NewTargets, Target, TargetAllocation, TargetQuery, TargetRevision,
    TargetRevisionPage, TargetRevisionQuery, TargetSuggestion,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_target_allocation)
        .service(set_targets)
        .service(suggest_targets)
        .service(get_target)
        .service(set_target)
        .service(list_target_revisions);
}

/// Read how a target is allocated
///
/// What a unit is to reach of an indicator and how that is allocated to the units directly below it (phân bổ chỉ tiêu), as
/// it is or as it was on a day: what none of them has yet, and what they have together beyond it, which is allowed. Units
/// have no target until somebody sets one; the centre's is the indicator's `target_value`.
#[utoipa::path(tag = "targets", params(("id" = Uuid, Path, description = "The indicator."), TargetQuery),
    responses((status = 200, description = "The allocation.", body = TargetAllocation)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str()))))]
#[get("/v1/indicators/{id}/targets")]
async fn get_target_allocation(
    allowed: Allowed<ProgressRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: TargetQuery = request.query(&app.contract)?;
    let answer = ops::allocation(app.store.read(), &allowed, *id, &query, app.clock.now()).await?;
    reply::document(&request, &answer)
}

/// Set several targets
///
/// Sets what up to 1,000 units directly below one are to reach (giao chỉ tiêu cho nhiều đơn vị): all of it or nothing. Each
/// is named with the `version` of its target that was seen; whoever says what is in force already changes nothing. The answer
/// is the allocation as it is then.
#[utoipa::path(tag = "targets", params(("id" = Uuid, Path, description = "The indicator.")),
    request_body(content = NewTargets, description = "The targets."),
    responses((status = 200, description = "The allocation now.", body = TargetAllocation)),
    extensions(("x-permission" = json!(TargetWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "reference_not_found", "org_unit_not_valid", "takes_no_target", "stale_version"]))))]
#[post("/v1/indicators/{id}/targets/bulk")]
async fn set_targets(allowed: Allowed<TargetWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewTargets>(&app.contract).await?;
    reply::write(&app, &request, "set_targets", &allowed.actor, &input.hash, async |tx, cx| {
        ops::put_many(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Suggest an allocation
///
/// Splits a unit's target by weights (gợi ý phân bổ), such as populations, into whole numbers that add up to it exactly: by
/// largest remainders, equal ones by code. A larger weight never gets less, weight zero gets nothing. Nothing is kept; what
/// is taken from it is set by `POST …/targets/bulk`.
#[utoipa::path(tag = "targets", params(("id" = Uuid, Path, description = "The indicator.")),
    request_body(content = NewTargetSuggestion, description = "What is split, and by what."),
    responses((status = 200, description = "The suggestion.", body = TargetSuggestion)),
    extensions(("x-permission" = json!(TargetWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "reference_not_found", "org_unit_not_valid", "takes_no_target", "not_additive"]))))]
#[post("/v1/indicators/{id}/targets/suggestion")]
async fn suggest_targets(allowed: Allowed<TargetWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewTargetSuggestion>(&app.contract).await?;
    reply::write(&app, &request, "suggest_targets", &allowed.actor, &input.hash, async |tx, cx| {
        ops::suggestion(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Read a unit's target
///
/// What one unit is to reach of an indicator (chỉ tiêu giao), who set it, when and why.
#[utoipa::path(tag = "targets",
    params(("id" = Uuid, Path, description = "The indicator."), ("org_unit_id" = Uuid, Path, description = "The unit.")),
    responses((status = 200, description = "The target.", body = Target)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str()))))]
#[get("/v1/indicators/{id}/targets/{org_unit_id}")]
async fn get_target(
    allowed: Allowed<ProgressRead>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (target, unit) = ops::find(app.store.read(), &allowed, *path).await?;
    reply::item(&request, &ops::view(&allowed)(target, &unit.path))
}

/// Set a unit's target
///
/// Sets what a unit is to reach from now on (giao chỉ tiêu), by the right over the unit directly above it: nobody sets their
/// own. The first time without `If-Match`; after that with it and a `reason`, as a new revision beside the old ones. The
/// centre's target is the indicator's `target_value`, and setting it wants the right to change indicators.
#[utoipa::path(tag = "targets",
    params(("id" = Uuid, Path, description = "The indicator."), ("org_unit_id" = Uuid, Path, description = "The unit.")),
    request_body(content = NewTarget, description = "The target."),
    responses((status = 201, description = "The unit's first target.", body = Target),
        (status = 200, description = "The target's new revision, or the one that said the same before.", body = Target)),
    extensions(("x-permission" = json!(TargetWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["org_unit_not_valid", "takes_no_target"]))))]
#[put("/v1/indicators/{id}/targets/{org_unit_id}")]
async fn set_target(
    allowed: Allowed<TargetWrite>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewTarget>(&app.contract).await?;
    reply::write(&app, &request, "set_target", &allowed.actor, &input.hash, async |tx, cx| {
        ops::put(tx, cx, &allowed, *path, &input.value).await
    })
    .await
}

/// List a target's revisions
///
/// All that a unit was ever to reach of an indicator (lịch sử giao chỉ tiêu), the latest first: who set it, when and why.
#[utoipa::path(tag = "targets",
    params(("id" = Uuid, Path, description = "The indicator."), ("org_unit_id" = Uuid, Path, description = "The unit."),
        TargetRevisionQuery),
    responses((status = 200, description = "A page of revisions.", body = TargetRevisionPage)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/indicators/{id}/targets/{org_unit_id}/revisions")]
async fn list_target_revisions(
    allowed: Allowed<ProgressRead>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: TargetRevisionQuery = request.query(&app.contract)?;
    let page = ops::revisions(app.store.read(), &allowed, *path, &query).await?;
    reply::page(&request, &query, page, TargetRevision::of)
}
