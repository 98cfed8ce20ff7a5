//! Places (địa bàn, đơn vị hành chính).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, CatalogueRead, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, web::Path};
use dto::{Locality, LocalityPage, LocalityQuery};
use tinhnguyen_persistence::localities;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_localities)
        .service(get_locality)
        .service(list_locality_children)
        .service(list_locality_ancestors)
        .service(list_locality_successors);
}

/// List localities
///
/// Places (địa bàn) of both generations: before and since the reorganisation of 1 July 2025. Shows those valid today,
/// unless `as_of` says another day or `id`, `parent_id` or `within` names a place.
#[utoipa::path(tag = "localities", params(LocalityQuery),
    responses((status = 200, description = "A page of localities.", body = LocalityPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/localities")]
async fn list_localities(_: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: LocalityQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &query, app.today()).await?;
    reply::page(&request, &query, page, Locality::of)
}

/// Read a locality
///
/// One place (địa bàn).
#[utoipa::path(tag = "localities", params(("id" = Uuid, Path, description = "The locality.")),
    responses((status = 200, description = "The locality.", body = Locality)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/localities/{id}")]
async fn get_locality(_: Allowed<CatalogueRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::item(&request, &Locality::of(ops::find(app.store.read(), *id).await?))
}

/// List a locality's children
///
/// The places (địa bàn trực thuộc) directly below one.
#[utoipa::path(tag = "localities", params(("id" = Uuid, Path, description = "The locality above."), LocalityQuery),
    responses((status = 200, description = "A page of localities.", body = LocalityPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/localities/{id}/children")]
async fn list_locality_children(
    _: Allowed<CatalogueRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: LocalityQuery = request.query(&app.contract)?;
    let parent = ops::find(app.store.read(), *id).await?;
    crate::page::same_parent(query.parent_id, parent.stamp.id)?;
    let query = LocalityQuery { parent_id: Some(parent.stamp.id), ..query };
    let page = ops::list(app.store.read(), &query, app.today()).await?;
    reply::page(&request, &query, page, Locality::of)
}

/// List a locality's ancestors
///
/// The places (địa bàn cấp trên) above one, from the province down.
#[utoipa::path(tag = "localities", params(("id" = Uuid, Path, description = "The locality below.")),
    responses((status = 200, description = "The localities above, all of them.", body = LocalityPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/localities/{id}/ancestors")]
async fn list_locality_ancestors(
    _: Allowed<CatalogueRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let place = ops::find(app.store.read(), *id).await?;
    let above = localities::ancestors(app.store.read(), place.stamp.id).await?;
    reply::list(&request, above.into_iter().map(Locality::of).collect())
}

/// List a locality's successors
///
/// What became of a place in a reorganisation (sắp xếp đơn vị hành chính): the default successor, to which an old
/// place's figures fall, comes first. Empty while the place stands.
#[utoipa::path(tag = "localities", params(("id" = Uuid, Path, description = "The locality that ended.")),
    responses((status = 200, description = "The successors, the default one first.", body = LocalityPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/localities/{id}/successors")]
async fn list_locality_successors(
    _: Allowed<CatalogueRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let next = ops::successors(app.store.read(), *id).await?;
    reply::list(&request, next.into_iter().map(Locality::of).collect())
}
