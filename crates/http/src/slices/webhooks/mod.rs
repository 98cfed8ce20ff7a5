//! Webhooks: somebody's own service is told of what happens.

pub mod delivery;
pub mod document;
pub mod dto;
pub mod follow;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, WebhookRead, WebhookWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, get, patch, post, web::Path};
use dto::{
    NewWebhook, Webhook, WebhookDelivery, WebhookDeliveryPage, WebhookDeliveryQuery, WebhookPage, WebhookPatch,
    WebhookQuery, WebhookReplay, WebhookReplayOutcome,
};
use tinhnguyen_domain::access::Permission;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_webhooks)
        .service(create_webhook)
        .service(get_webhook)
        .service(patch_webhook)
        .service(delete_webhook)
        .service(rotate_webhook_secret)
        .service(replay_webhook)
        .service(test_webhook)
        .service(list_webhook_deliveries);
}

/// List webhooks
///
/// Webhooks on the caller's units, without their secrets.
#[utoipa::path(tag = "webhooks", params(WebhookQuery),
    responses((status = 200, description = "A page of webhooks.", body = WebhookPage)),
    extensions(("x-permission" = json!(WebhookRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/webhooks")]
async fn list_webhooks(allowed: Allowed<WebhookRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: WebhookQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &allowed, &query).await?;
    let writes = !allowed.reaches_of(Permission::WebhookWrite).is_empty();
    reply::page(&request, &query, page, |webhook| Webhook::of(webhook, writes))
}

/// Create a webhook
///
/// From now on an address is told of what happens in a subtree, by Standard Webhooks (standardwebhooks.com): a POST with
/// `webhook-id`, `webhook-timestamp` and `webhook-signature`, whose bodies the document's `webhooks` describe. It is told
/// what the caller could list themselves, for as long as they could, and nothing else. Its `secret` is shown in this answer
/// alone. Each event is sent at least once, until a 2xx is answered, for about three days; then the webhook is switched off
/// and its owner is written a mail.
#[utoipa::path(tag = "webhooks", request_body(content = NewWebhook, description = "The webhook."),
    responses((status = 201, description = "The new webhook, with its secret.", body = Webhook),
        (status = 200, description = "The webhook that this id and body made before.", body = Webhook)),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "wrong_state", "reference_not_found"]))))]
#[post("/v1/webhooks")]
async fn create_webhook(allowed: Allowed<WebhookWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewWebhook>(&app.contract).await?;
    reply::write(&app, &request, "create_webhook", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &app, &allowed, &input.value).await
    })
    .await
}

/// Read a webhook
///
/// One webhook on the caller's units, without its secret.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook.", body = Webhook)),
    extensions(("x-permission" = json!(WebhookRead::PERMISSION.as_str()))))]
#[get("/v1/webhooks/{id}")]
async fn get_webhook(allowed: Allowed<WebhookRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let webhook = ops::find(app.store.read(), &allowed, *id).await?;
    let writes = !allowed.reaches_of(Permission::WebhookWrite).is_empty();
    reply::item(&request, &Webhook::of(webhook, writes))
}

/// Change a webhook
///
/// Changes where a webhook sends, what it tells and whether it does.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    request_body(content = WebhookPatch, description = "What changes."),
    responses((status = 200, description = "The changed webhook.", body = Webhook)),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str())), ("x-codes" = json!(["reference_not_found"]))))]
#[patch("/v1/webhooks/{id}")]
async fn patch_webhook(allowed: Allowed<WebhookWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<WebhookPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_webhook", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &app, &allowed, *id, &input.value).await
    })
    .await
}

/// Delete a webhook
///
/// Removes a webhook, with all that it was to tell.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    responses((status = 204, description = "The webhook is gone.")),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str()))))]
#[delete("/v1/webhooks/{id}")]
async fn delete_webhook(allowed: Allowed<WebhookWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "delete_webhook", &allowed.actor, &[], async |tx, cx| {
        ops::delete(tx, cx, &allowed, *id).await
    })
    .await
}

/// Rotate a webhook's secret
///
/// Gives a webhook a new secret, shown in this answer alone. For 24 hours each delivery is signed with both, so that the
/// receiver changes when it likes.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook, with its new secret.", body = Webhook)),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str())), ("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/webhooks/{id}/rotate-secret")]
async fn rotate_webhook_secret(
    allowed: Allowed<WebhookWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "rotate_webhook_secret", &allowed.actor, &[], async |tx, cx| {
        ops::rotate(tx, cx, &app, &allowed, *id).await
    })
    .await
}

/// Replay a webhook
///
/// Sends again what was sent or given up, with the same ids: all that was written since an instant, or one delivery. What was
/// written is kept for thirty days.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    request_body(content = WebhookReplay, description = "What is sent again."),
    responses((status = 200, description = "How much is sent again.", body = WebhookReplayOutcome)),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "reference_not_found"]))))]
#[post("/v1/webhooks/{id}/replay")]
async fn replay_webhook(allowed: Allowed<WebhookWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<WebhookReplay>(&app.contract).await?;
    reply::write(&app, &request, "replay_webhook", &allowed.actor, &input.hash, async |tx, cx| {
        ops::replay(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Test a webhook
///
/// Sends the event `webhook.test`; what becomes of it is told by the webhook's deliveries.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook.")),
    responses((status = 200, description = "The delivery, which is sent in a moment.", body = WebhookDelivery)),
    extensions(("x-permission" = json!(WebhookWrite::PERMISSION.as_str())), ("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/webhooks/{id}/test")]
async fn test_webhook(allowed: Allowed<WebhookWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "test_webhook", &allowed.actor, &[], async |tx, cx| {
        ops::test(tx, cx, &allowed, *id).await
    })
    .await
}

/// List a webhook's deliveries
///
/// What a webhook told or is to tell, of the last thirty days, and what became of it.
#[utoipa::path(tag = "webhooks", params(("id" = Uuid, Path, description = "The webhook."), WebhookDeliveryQuery),
    responses((status = 200, description = "A page of deliveries.", body = WebhookDeliveryPage)),
    extensions(("x-permission" = json!(WebhookRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/webhooks/{id}/deliveries")]
async fn list_webhook_deliveries(
    allowed: Allowed<WebhookRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: WebhookDeliveryQuery = request.query(&app.contract)?;
    let page = ops::deliveries(app.store.read(), &allowed, *id, &query).await?;
    reply::page(&request, &query, page, WebhookDelivery::from)
}
