//! Community digital technology groups (tổ công nghệ số cộng đồng).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, DigitalGroupRead, DigitalGroupWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{DigitalGroup, DigitalGroupPage, DigitalGroupPatch, DigitalGroupQuery, NewDigitalGroup};
use tinhnguyen_persistence::personal::Reading;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_digital_groups)
        .service(create_digital_group)
        .service(get_digital_group)
        .service(patch_digital_group);
}

/// List digital groups
///
/// The register of community digital technology groups (tổ công nghệ số cộng đồng) of the whole country, without whom to
/// reach there.
#[utoipa::path(tag = "teams", params(DigitalGroupQuery),
    responses((status = 200, description = "A page of groups.", body = DigitalGroupPage)),
    extensions(("x-permission" = json!(DigitalGroupRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/digital-groups")]
async fn list_digital_groups(allowed: Allowed<DigitalGroupRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: DigitalGroupQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |group| {
        let unit = units.get(&group.org_unit_id);
        view(group, unit)
    })
}

/// Create a digital group
///
/// Enters a group (tổ công nghệ số cộng đồng) into the register. `lead_contact` is personal data: it is encrypted and shown
/// to whoever manages people over the group's unit.
#[utoipa::path(tag = "teams", request_body(content = NewDigitalGroup, description = "The group."),
    responses((status = 201, description = "The new group.", body = DigitalGroup),
        (status = 200, description = "The group that this id and body made before.", body = DigitalGroup)),
    extensions(("x-permission" = json!(DigitalGroupWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "reference_not_found", "in_the_future"]))))]
#[post("/v1/digital-groups")]
async fn create_digital_group(allowed: Allowed<DigitalGroupWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewDigitalGroup>(&app.contract).await?;
    // What is stored of the request must not help anybody to guess what it said.
    let hash = app.vault.veil(app.store.read(), &input.hash).await?;
    reply::write(&app, &request, "create_digital_group", &allowed.actor, &hash, async |tx, cx| {
        ops::create(tx, cx, &app.vault, &allowed, &input.value).await
    })
    .await
}

/// Read a digital group
///
/// One group (tổ công nghệ số cộng đồng). Whoever holds `volunteers.personal` over its unit sees whom to reach there too,
/// and the audit log remembers it.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The group.")),
    responses((status = 200, description = "The group.", body = DigitalGroup)),
    extensions(("x-permission" = json!(DigitalGroupRead::PERMISSION.as_str())), ("x-codes" = json!(["storage_full"]))))]
#[get("/v1/digital-groups/{id}")]
async fn get_digital_group(
    allowed: Allowed<DigitalGroupRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let provenance = request.provenance()?;
    let reading = Reading {
        at: app.clock.now(),
        actor_id: allowed.actor.id,
        action: "get_digital_group",
        request_id: &provenance.request_id,
        address: Some(provenance.address.0),
    };
    let group = ops::read(&app.store, &app.vault, &allowed, &reading, *id).await?;
    reply::personal_item(&request, &group)
}

/// Change a digital group
///
/// Changes the entry of a group (tổ công nghệ số cộng đồng) that the caller's units look after.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The group.")),
    request_body(content = DigitalGroupPatch, description = "What changes."),
    responses((status = 200, description = "The changed group.", body = DigitalGroup)),
    extensions(("x-permission" = json!(DigitalGroupWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["reference_not_found", "in_the_future"]))))]
#[patch("/v1/digital-groups/{id}")]
async fn patch_digital_group(
    allowed: Allowed<DigitalGroupWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<DigitalGroupPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_digital_group", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &app.vault, &allowed, *id, &input.value).await
    })
    .await
}
