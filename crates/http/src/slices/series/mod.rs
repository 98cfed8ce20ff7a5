//! Activities that recur (chuỗi hoạt động định kỳ).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{ActivityRead, ActivityWrite, Allowed, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, post, web::Path};
use dto::{ActivitySeries, ActivitySeriesPage, ActivitySeriesQuery, NewActivitySeries, SeriesCancellation};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_activity_series)
        .service(create_activity_series)
        .service(get_activity_series)
        .service(cancel_activity_series);
}

/// List series of activities
///
/// Series (chuỗi hoạt động định kỳ) of teams of the caller's subtrees, or of a team leader's own team, without their
/// occurrences; `GET /v1/activities?series_id=` has those.
#[utoipa::path(tag = "activities", params(ActivitySeriesQuery),
    responses((status = 200, description = "A page of series.", body = ActivitySeriesPage)),
    extensions(("x-permission" = json!(ActivityRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/activity-series")]
async fn list_activity_series(allowed: Allowed<ActivityRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ActivitySeriesQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |series| {
        let unit = units.get(&series.lead_team_id);
        view(series, unit).in_list()
    })
}

/// Create a series of activities
///
/// Plans an activity that recurs (lập chuỗi hoạt động định kỳ), such as a class every evening, by a rule of RFC 5545:
/// up to 366 ordinary activities with this `series_id`, all of them or none. Days and times of day are those of the
/// campaign's time zone, and every occurrence must lie within the campaign. With `dry_run=true` the answer shows the
/// occurrences that would be made.
#[utoipa::path(tag = "activities", request_body(content = NewActivitySeries, description = "The first activity, and the rule."),
    responses((status = 201, description = "The new series and its activities.", body = ActivitySeries),
        (status = 200, description = "The series that this id and body made before.", body = ActivitySeries)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "campaign_not_open", "reference_not_found", "dates_inverted", "outside_campaign", "topic_not_of_kind", "locality_not_valid", "unit_ended"]))))]
#[post("/v1/activity-series")]
async fn create_activity_series(allowed: Allowed<ActivityWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewActivitySeries>(&app.contract).await?;
    reply::write(&app, &request, "create_activity_series", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a series of activities
///
/// One series (chuỗi hoạt động định kỳ) that the caller sees, with its occurrences as they were planned.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The series.")),
    responses((status = 200, description = "The series.", body = ActivitySeries)),
    extensions(("x-permission" = json!(ActivityRead::PERMISSION.as_str()))))]
#[get("/v1/activity-series/{id}")]
async fn get_activity_series(
    allowed: Allowed<ActivityRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (series, unit) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(series, Some(&unit)))
}

/// Cancel a series of activities
///
/// Gives up the activities of a series that are still planned (hủy các buổi còn lại): all of them, or those from a local
/// day on. What was started, reported or completed stays.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The series.")),
    request_body(content = SeriesCancellation, description = "Why, and from when on."),
    responses((status = 200, description = "The series.", body = ActivitySeries)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/activity-series/{id}/cancel")]
async fn cancel_activity_series(
    allowed: Allowed<ActivityWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<SeriesCancellation>(&app.contract).await?;
    reply::write(&app, &request, "cancel_activity_series", &allowed.actor, &input.hash, async |tx, cx| {
        ops::cancel(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}
