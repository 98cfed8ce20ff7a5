//! Reorganisations (sắp xếp tổ chức, đơn vị hành chính) of both trees.

mod asked;
pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, CatalogueRead, Demand, LocalityWrite, OrgUnitRead, OrgUnitWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, post, web::Path};
use dto::{
    NewLocalityReorganisation, NewOrgUnitReorganisation, Reorganisation, ReorganisationPage, ReorganisationQuery,
};
use ops::Sight;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_org_unit_reorganisations)
        .service(create_org_unit_reorganisation)
        .service(get_org_unit_reorganisation)
        .service(list_locality_reorganisations)
        .service(create_locality_reorganisation)
        .service(get_locality_reorganisation);
}

/// List the organisation's reorganisations
///
/// What was done to units (sắp xếp tổ chức Đoàn) of which the caller reaches everything that was touched, without the
/// changes themselves.
#[utoipa::path(tag = "org-units", params(ReorganisationQuery),
    responses((status = 200, description = "A page of reorganisations.", body = ReorganisationPage)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/org-units/reorganisations")]
async fn list_org_unit_reorganisations(allowed: Allowed<OrgUnitRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ReorganisationQuery = request.query(&app.contract)?;
    let page = Sight::OrgUnits(&allowed).list(app.store.read(), &query).await?;
    reply::page(&request, &query, page, Reorganisation::of)
}

/// Reorganise the organisation
///
/// Merges, divides, moves, renames and closes units (sắp xếp tổ chức Đoàn), all in one or nothing. The caller administers a
/// unit that contains everything that is named: what is changed, what takes its place, and below whom something comes to
/// stand. `dry_run=true` tells what would end, begin and move.
///
/// What ends keeps its id and everything that was counted for it; it is found beneath the unit that took its place
/// (`parent_id`, `path`), so that whoever answers for that one sees its teams, people and figures, and may verify what is
/// still reported. It takes no new teams. What stood below it and goes on stands below its successor, or below the nearest
/// unit above that where one of its kind may stand. Figures can be asked by the tree of any day, and no total changes.
#[utoipa::path(tag = "org-units",
    request_body(content = NewOrgUnitReorganisation, description = "What is done."),
    responses((status = 201, description = "What was done.", body = Reorganisation),
        (status = 200, description = "What this id and body did before.", body = Reorganisation)),
    extensions(("x-permission" = json!(OrgUnitWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["reference_not_found", "unit_ended", "unit_occupied", "tree_circle", "kind_not_under_parent", "dates_inverted",
            "in_the_future", "code_already_used", "id_already_used", "idempotency_in_progress"]))))]
#[post("/v1/org-units/reorganisations")]
async fn create_org_unit_reorganisation(allowed: Allowed<OrgUnitWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewOrgUnitReorganisation>(&app.contract).await?;
    let today = app.today();
    reply::write(&app, &request, "create_org_unit_reorganisation", &allowed.actor, &input.hash, async |tx, cx| {
        ops::of_org_units(tx, cx, &allowed, &input.value, today).await
    })
    .await
}

/// Read a reorganisation of the organisation
///
/// What was done to units (sắp xếp tổ chức Đoàn), in full.
#[utoipa::path(tag = "org-units", params(("id" = Uuid, Path, description = "The reorganisation.")),
    responses((status = 200, description = "The reorganisation.", body = Reorganisation)),
    extensions(("x-permission" = json!(OrgUnitRead::PERMISSION.as_str()))))]
#[get("/v1/org-unit-reorganisations/{id}")]
async fn get_org_unit_reorganisation(
    allowed: Allowed<OrgUnitRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::item(&request, &Sight::OrgUnits(&allowed).find(app.store.read(), *id).await?)
}

/// List the reorganisations of places
///
/// What was done to places (sắp xếp đơn vị hành chính) by this service, without the changes themselves. The reform of
/// 1 July 2025 is part of the reference data.
#[utoipa::path(tag = "localities", params(ReorganisationQuery),
    responses((status = 200, description = "A page of reorganisations.", body = ReorganisationPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/localities/reorganisations")]
async fn list_locality_reorganisations(_: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ReorganisationQuery = request.query(&app.contract)?;
    let page = Sight::Localities.list(app.store.read(), &query).await?;
    reply::page(&request, &query, page, Reorganisation::of)
}

/// Reorganise places
///
/// Merges, divides, moves, renames and closes places (sắp xếp đơn vị hành chính), all in one or nothing, by whoever
/// administers the whole country. `dry_run=true` tells what would end, begin and move. What ends is valid until the day
/// before and keeps what was counted there; figures can be asked by the places of any day, and no total changes.
#[utoipa::path(tag = "localities",
    request_body(content = NewLocalityReorganisation, description = "What is done."),
    responses((status = 201, description = "What was done.", body = Reorganisation),
        (status = 200, description = "What this id and body did before.", body = Reorganisation)),
    extensions(("x-permission" = json!(LocalityWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["reference_not_found", "unit_ended", "unit_occupied", "tree_circle", "kind_not_under_parent", "dates_inverted",
            "code_already_used", "id_already_used", "idempotency_in_progress"]))))]
#[post("/v1/localities/reorganisations")]
async fn create_locality_reorganisation(allowed: Allowed<LocalityWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewLocalityReorganisation>(&app.contract).await?;
    reply::write(&app, &request, "create_locality_reorganisation", &allowed.actor, &input.hash, async |tx, cx| {
        ops::of_localities(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a reorganisation of places
///
/// What was done to places (sắp xếp đơn vị hành chính), in full.
#[utoipa::path(tag = "localities", params(("id" = Uuid, Path, description = "The reorganisation.")),
    responses((status = 200, description = "The reorganisation.", body = Reorganisation)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/locality-reorganisations/{id}")]
async fn get_locality_reorganisation(
    _: Allowed<CatalogueRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::item(&request, &Sight::Localities.find(app.store.read(), *id).await?)
}
