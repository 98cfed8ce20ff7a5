//! Activities (hoạt động).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{ActivityRead, ActivityWrite, Allowed, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{Activity, ActivityPage, ActivityPatch, ActivityQuery, NewActivity};
use tinhnguyen_domain::activities::ActivityAction;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_activities)
        .service(create_activity)
        .service(get_activity)
        .service(patch_activity)
        .service(start_activity)
        .service(complete_activity)
        .service(cancel_activity);
}

/// List activities
///
/// Activities (hoạt động) of teams of the caller's subtrees, or of a team leader's own team.
#[utoipa::path(tag = "activities", params(ActivityQuery),
    responses((status = 200, description = "A page of activities.", body = ActivityPage)),
    extensions(("x-permission" = json!(ActivityRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/activities")]
async fn list_activities(allowed: Allowed<ActivityRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ActivityQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |activity| {
        let unit = units.get(&activity.lead_team_id);
        view(activity, unit)
    })
}

/// Create an activity
///
/// Plans an activity (lập hoạt động) of a team that the caller coordinates or leads.
#[utoipa::path(tag = "activities", request_body(content = NewActivity, description = "The activity."),
    responses((status = 201, description = "The new activity.", body = Activity),
        (status = 200, description = "The activity that this id and body made before.", body = Activity)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "campaign_not_open", "reference_not_found", "dates_inverted", "outside_campaign", "topic_not_of_kind", "locality_not_valid", "unit_ended"]))))]
#[post("/v1/activities")]
async fn create_activity(allowed: Allowed<ActivityWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewActivity>(&app.contract).await?;
    reply::write(&app, &request, "create_activity", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read an activity
///
/// One activity (hoạt động) that the caller sees.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The activity.")),
    responses((status = 200, description = "The activity.", body = Activity)),
    extensions(("x-permission" = json!(ActivityRead::PERMISSION.as_str()))))]
#[get("/v1/activities/{id}")]
async fn get_activity(allowed: Allowed<ActivityRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (activity, unit) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(activity, Some(&unit)))
}

/// Change an activity
///
/// Changes an activity (hoạt động) that is not completed or cancelled. Once results are counted its place and teams
/// stay.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The activity.")),
    request_body(content = ActivityPatch, description = "What changes."),
    responses((status = 200, description = "The changed activity.", body = Activity)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["not_editable", "campaign_not_open", "reference_not_found", "dates_inverted", "outside_campaign", "topic_not_of_kind", "locality_not_valid", "unit_ended"]))))]
#[patch("/v1/activities/{id}")]
async fn patch_activity(allowed: Allowed<ActivityWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ActivityPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_activity", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Start an activity
///
/// planned → ongoing (bắt đầu). Filing a result does it too.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The activity.")),
    responses((status = 200, description = "The activity.", body = Activity)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/activities/{id}/start")]
async fn start_activity(allowed: Allowed<ActivityWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "start_activity", *id, ActivityAction::Start).await
}

/// Complete an activity
///
/// planned, ongoing → completed (hoàn thành). Late results are still taken.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The activity.")),
    responses((status = 200, description = "The activity.", body = Activity)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/activities/{id}/complete")]
async fn complete_activity(
    allowed: Allowed<ActivityWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "complete_activity", *id, ActivityAction::Complete).await
}

/// Cancel an activity
///
/// planned, ongoing → cancelled (hủy hoạt động), while none of its results is counted. It takes no results any more.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The activity.")),
    responses((status = 200, description = "The activity.", body = Activity)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/activities/{id}/cancel")]
async fn cancel_activity(allowed: Allowed<ActivityWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "cancel_activity", *id, ActivityAction::Cancel).await
}

async fn act(
    allowed: &Allowed<ActivityWrite>,
    request: &Request,
    operation: &'static str,
    id: Uuid,
    action: ActivityAction,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, request, operation, &allowed.actor, &[], async |tx, cx| {
        ops::act(tx, cx, allowed, id, action).await
    })
    .await
}
