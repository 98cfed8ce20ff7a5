//! Many operations of a client that was without a signal (đồng bộ).

pub mod dto;
pub mod ops;
mod order;
mod queue;

use crate::{
    allowed::{Demand, ResultWrite},
    problem::ApiResult,
    reply::{self, Reply},
    request::Request,
};
use actix_web::{HttpResponse, post};
use dto::{SyncOutcomes, SyncRequest};
use ops::Writers;
use queue::Queue;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sync_operations);
}

/// Send a queue
///
/// Up to 1,000 operations of a client that was without a signal (đồng bộ), in any order: activities are done first, then
/// tallies, then results; each kind as it was sent, but of one thing the lower version first. Each is accepted, known
/// already as done, in conflict, or rejected by itself, exactly as its own operation would have it: `create_activity` as
/// `POST /v1/activities`, `add_tallies` as `POST /v1/activities/{id}/tallies`, and so on. Sending all of it again is
/// harmless. A conflict changes nothing and shows what stands there now; a new operation with the version that was shown
/// settles it. Operations on activities demand scope `activities:write`, the others `results:write`; who holds one of them may
/// send a queue.
#[utoipa::path(tag = "changes", request_body(content = SyncRequest, description = "The operations."),
    responses((status = 200, description = "What became of each.", body = SyncOutcomes)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())), ("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/sync")]
async fn sync_operations(writers: Writers, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let queue = Queue::read(&request, &app.contract).await?;
    let render = request.renderer()?;
    reply::write(&app, &request, "sync_operations", &writers.actor, &queue.hash, async |tx, cx| {
        Reply::outcome(&ops::sync(tx, cx, &writers, &queue, &render).await?)
    })
    .await
}
