//! Registered clients (ứng dụng đã đăng ký).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{AccessRead, AccessWrite, Allowed, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, get, patch, post, web::Path};
use dto::{Client, ClientPage, ClientPatch, ClientQuery, NewClient};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_clients)
        .service(create_client)
        .service(get_client)
        .service(patch_client)
        .service(roll_client)
        .service(delete_client_secret);
}

/// List clients
///
/// Registered clients (ứng dụng) on units that the caller administers.
#[utoipa::path(tag = "clients", params(ClientQuery),
    responses((status = 200, description = "A page of clients.", body = ClientPage)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/clients")]
async fn list_clients(allowed: Allowed<AccessRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ClientQuery = request.query(&app.contract)?;
    let (page, secrets) = ops::list(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, |client| {
        let of = secrets.get(&client.stamp.id).map(Vec::as_slice).unwrap_or_default();
        Client::of(client, of)
    })
}

/// Register a client
///
/// Registers an application (đăng ký ứng dụng) over a subtree that the caller administers, with scopes that the caller
/// holds. The answer shows its first secret, once.
#[utoipa::path(tag = "clients", request_body(content = NewClient, description = "The client."),
    responses((status = 201, description = "The new client, with its secret.", body = Client),
        (status = 200, description = "The client that this id and body made before, without its secret.", body = Client)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "reference_not_found"]))))]
#[post("/v1/clients")]
async fn create_client(allowed: Allowed<AccessWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewClient>(&app.contract).await?;
    reply::write(&app, &request, "create_client", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a client
///
/// One client (ứng dụng) on a unit that the caller administers.
#[utoipa::path(tag = "clients", params(("id" = Uuid, Path, description = "The client.")),
    responses((status = 200, description = "The client.", body = Client)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str()))))]
#[get("/v1/clients/{id}")]
async fn get_client(allowed: Allowed<AccessRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let client = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::show(app.store.read(), client).await?)
}

/// Change a client
///
/// Changes a client's (ứng dụng) name or scopes, or shuts it: then its tokens stop working at once.
#[utoipa::path(tag = "clients", params(("id" = Uuid, Path, description = "The client.")),
    request_body(content = ClientPatch, description = "What changes."),
    responses((status = 200, description = "The changed client.", body = Client)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str()))))]
#[patch("/v1/clients/{id}")]
async fn patch_client(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ClientPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_client", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Roll a client's secret
///
/// Gives a client a new secret (đổi khóa bí mật), shown in this answer once. The one in use goes on working; of more than
/// two the oldest goes.
#[utoipa::path(tag = "clients", params(("id" = Uuid, Path, description = "The client.")),
    responses((status = 200, description = "The client, with its new secret.", body = Client)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str()))))]
#[post("/v1/clients/{id}/roll")]
async fn roll_client(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "roll_client", &allowed.actor, &[], async |tx, cx| {
        ops::roll(tx, cx, &allowed, *id).await
    })
    .await
}

/// Withdraw a client's secret
///
/// Takes one of a client's secrets (khóa bí mật) back; it stops working at once.
#[utoipa::path(tag = "clients",
    params(("id" = Uuid, Path, description = "The client."), ("secret_id" = Uuid, Path, description = "The secret.")),
    responses((status = 204, description = "The secret is gone.")),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str()))))]
#[delete("/v1/clients/{id}/secrets/{secret_id}")]
async fn delete_client_secret(
    allowed: Allowed<AccessWrite>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let (id, secret_id) = *path;
    reply::write(&app, &request, "delete_client_secret", &allowed.actor, &[], async |tx, cx| {
        ops::delete_secret(tx, cx, &allowed, id, secret_id).await
    })
    .await
}
