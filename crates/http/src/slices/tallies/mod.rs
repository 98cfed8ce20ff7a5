//! Tallies (điểm đếm) from phones in the field.

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, ResultRead, ResultWrite},
    bulk::{Batch, BulkOutcome},
    problem::ApiResult,
    reply::{self, Reply},
    request::Request,
};
use actix_web::{HttpResponse, get, post, web::Path};
use dto::{Tally, TallyBatch, TallyPage, TallyQuery};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create_tallies).service(list_tallies);
}

/// Send tallies
///
/// Up to 1,000 tallies (điểm đếm) of one activity, in any order, as often as wanted, from however many phones: each is
/// counted once, by its id. The answer says of each whether it was accepted, known already, or why it was rejected. They
/// count in the figures with the result that takes them in (`from_tallies`). What comes after that result was submitted
/// waits, and marks it with `late_tallies`, until it is amended.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The activity.")),
    request_body(content = TallyBatch, description = "The tallies."),
    responses((status = 200, description = "What became of each.", body = BulkOutcome)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "activity_cancelled", "campaign_not_open", "reference_not_found", "not_its_team"]))))]
#[post("/v1/activities/{id}/tallies")]
async fn create_tallies(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let batch: Batch<TallyBatch> = Batch::read(&request, &app.contract, "tallies").await?;
    let render = request.renderer()?;
    reply::write(&app, &request, "create_tallies", &allowed.actor, &batch.hash, async |tx, cx| {
        Reply::outcome(&BulkOutcome::of(ops::add(tx, cx, &allowed, *id, &batch).await?, &render))
    })
    .await
}

/// List tallies
///
/// The tallies (điểm đếm) of one activity that the caller sees.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The activity."), TallyQuery),
    responses((status = 200, description = "A page of tallies.", body = TallyPage)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/activities/{id}/tallies")]
async fn list_tallies(allowed: Allowed<ResultRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: TallyQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &allowed, *id, &query).await?;
    reply::page(&request, &query, page, Tally::of)
}
