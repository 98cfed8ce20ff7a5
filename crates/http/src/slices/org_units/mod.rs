//! The organisation (tổ chức Đoàn).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, OrgUnitRead, OrgUnitWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{NewOrgUnit, OrgUnit, OrgUnitPage, OrgUnitPatch, OrgUnitQuery};
use tinhnguyen_persistence::org_units;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_org_units)
        .service(create_org_unit)
        .service(get_org_unit)
        .service(patch_org_unit)
        .service(list_org_unit_children)
        .service(list_org_unit_ancestors)
        .service(list_org_unit_successors);
}

/// List units
///
/// Units of the organisation (tổ chức Đoàn) that the caller sees: their own subtrees, and the units above them.
#[utoipa::path(tag = "org-units", params(OrgUnitQuery),
    responses((status = 200, description = "A page of units.", body = OrgUnitPage)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/org-units")]
async fn list_org_units(allowed: Allowed<OrgUnitRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: OrgUnitQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, ops::view(&allowed))
}

/// Create a unit
///
/// Adds a unit (đơn vị) below one that the caller administers.
#[utoipa::path(tag = "org-units", request_body(content = NewOrgUnit, description = "The unit."),
    responses((status = 201, description = "The new unit.", body = OrgUnit),
        (status = 200, description = "The unit that this id and body made before.", body = OrgUnit)),
    extensions(("x-permission" = json!(OrgUnitWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "reference_not_found", "kind_not_under_parent", "dates_inverted", "unit_ended"]))))]
#[post("/v1/org-units")]
async fn create_org_unit(allowed: Allowed<OrgUnitWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewOrgUnit>(&app.contract).await?;
    let today = app.today();
    reply::write(&app, &request, "create_org_unit", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value, today).await
    })
    .await
}

/// Read a unit
///
/// One unit (đơn vị) that the caller sees.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The unit.")),
    responses((status = 200, description = "The unit.", body = OrgUnit)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str()))))]
#[get("/v1/org-units/{id}")]
async fn get_org_unit(allowed: Allowed<OrgUnitRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let unit = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(unit))
}

/// Change a unit
///
/// Changes name, locality, national code or end of a unit (đơn vị) that the caller administers.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The unit.")),
    request_body(content = OrgUnitPatch, description = "What changes."),
    responses((status = 200, description = "The changed unit.", body = OrgUnit)),
    extensions(("x-permission" = json!(OrgUnitWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["reference_not_found", "dates_inverted", "unit_ended"]))))]
#[patch("/v1/org-units/{id}")]
async fn patch_org_unit(allowed: Allowed<OrgUnitWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<OrgUnitPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_org_unit", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// List a unit's children
///
/// The units (đơn vị trực thuộc) directly below one that the caller sees.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The unit above."), OrgUnitQuery),
    responses((status = 200, description = "A page of units.", body = OrgUnitPage)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/org-units/{id}/children")]
async fn list_org_unit_children(
    allowed: Allowed<OrgUnitRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: OrgUnitQuery = request.query(&app.contract)?;
    let parent = ops::find(app.store.read(), &allowed, *id).await?;
    crate::page::same_parent(query.parent_id, parent.stamp.id)?;
    let query = OrgUnitQuery { parent_id: Some(parent.stamp.id), ..query };
    let page = ops::list(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, ops::view(&allowed))
}

/// List a unit's ancestors
///
/// The units (đơn vị cấp trên) above one that the caller sees, from the centre down.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The unit below.")),
    responses((status = 200, description = "The units above, all of them.", body = OrgUnitPage)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str()))))]
#[get("/v1/org-units/{id}/ancestors")]
async fn list_org_unit_ancestors(
    allowed: Allowed<OrgUnitRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let unit = ops::find(app.store.read(), &allowed, *id).await?;
    let above = org_units::ancestors(app.store.read(), &unit.path).await?;
    reply::list(&request, above.into_iter().map(ops::view(&allowed)).collect())
}

/// List a unit's successors
///
/// What became of a unit in a reorganisation (sắp xếp tổ chức Đoàn), as far as the caller sees it: the default successor,
/// to which its figures fall, comes first. Empty while the unit stands.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The unit that ended.")),
    responses((status = 200, description = "The successors, the default one first.", body = OrgUnitPage)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str()))))]
#[get("/v1/org-units/{id}/successors")]
async fn list_org_unit_successors(
    allowed: Allowed<OrgUnitRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let next = ops::successors(app.store.read(), &allowed, *id).await?;
    reply::list(&request, next.into_iter().map(ops::view(&allowed)).collect())
}
