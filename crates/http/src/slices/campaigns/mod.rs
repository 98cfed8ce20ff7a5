//! Campaigns (chiến dịch) and indicators (chỉ tiêu).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, CampaignWrite, CatalogueRead, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{
    Campaign, CampaignPage, CampaignPatch, CampaignQuery, Indicator, IndicatorPage, IndicatorPatch, IndicatorQuery,
    NewCampaign, NewIndicator,
};
use tinhnguyen_domain::campaigns::CampaignStatus;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaigns)
        .service(create_campaign)
        .service(get_campaign)
        .service(patch_campaign)
        .service(open_campaign)
        .service(close_campaign)
        .service(list_indicators)
        .service(create_indicator)
        .service(get_indicator)
        .service(patch_indicator);
}

/// List campaigns
///
/// All campaigns (chiến dịch).
#[utoipa::path(tag = "campaigns", params(CampaignQuery),
    responses((status = 200, description = "A page of campaigns.", body = CampaignPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/campaigns")]
async fn list_campaigns(allowed: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: CampaignQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &query).await?;
    reply::page(&request, &query, page, ops::view(&allowed))
}

/// Create a campaign
///
/// Adds a campaign (chiến dịch) as a draft. Wants the right over the centre.
#[utoipa::path(tag = "campaigns", request_body(content = NewCampaign, description = "The campaign."),
    responses((status = 201, description = "The new campaign.", body = Campaign),
        (status = 200, description = "The campaign that this id and body made before.", body = Campaign)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "dates_inverted"]))))]
#[post("/v1/campaigns")]
async fn create_campaign(allowed: Allowed<CampaignWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewCampaign>(&app.contract).await?;
    reply::write(&app, &request, "create_campaign", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a campaign
///
/// One campaign (chiến dịch).
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign.", body = Campaign)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/campaigns/{id}")]
async fn get_campaign(allowed: Allowed<CatalogueRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let campaign = ops::find(app.store.read(), *id).await?;
    reply::item(&request, &ops::view(&allowed)(campaign))
}

/// Change a campaign
///
/// Changes a campaign's (chiến dịch) words, days, strands or modes. Wants the right over the centre.
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The campaign.")),
    request_body(content = CampaignPatch, description = "What changes."),
    responses((status = 200, description = "The changed campaign.", body = Campaign)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["dates_inverted", "wrong_state"]))))]
#[patch("/v1/campaigns/{id}")]
async fn patch_campaign(allowed: Allowed<CampaignWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<CampaignPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_campaign", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Open a campaign
///
/// draft, closed → open: teams may report to it (mở chiến dịch). Wants the right over the centre.
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The campaign.")),
    responses((status = 200, description = "The open campaign.", body = Campaign)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/campaigns/{id}/open")]
async fn open_campaign(allowed: Allowed<CampaignWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    set_status(&allowed, &request, "open_campaign", *id, CampaignStatus::Open).await
}

/// Close a campaign
///
/// open → closed: its figures stand, and nothing more is reported (đóng chiến dịch). Wants the right over the centre.
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The campaign.")),
    responses((status = 200, description = "The closed campaign.", body = Campaign)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/campaigns/{id}/close")]
async fn close_campaign(allowed: Allowed<CampaignWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    set_status(&allowed, &request, "close_campaign", *id, CampaignStatus::Closed).await
}

async fn set_status(
    allowed: &Allowed<CampaignWrite>,
    request: &Request,
    operation: &'static str,
    id: Uuid,
    status: CampaignStatus,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, request, operation, &allowed.actor, &[], async |tx, cx| {
        ops::set_status(tx, cx, allowed, id, status).await
    })
    .await
}

/// List indicators
///
/// All indicators (chỉ tiêu).
#[utoipa::path(tag = "campaigns", params(IndicatorQuery),
    responses((status = 200, description = "A page of indicators.", body = IndicatorPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/indicators")]
async fn list_indicators(allowed: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: IndicatorQuery = request.query(&app.contract)?;
    let page = ops::list_indicators(app.store.read(), &query).await?;
    reply::page(&request, &query, page, ops::view_indicator(&allowed))
}

/// Create an indicator
///
/// Adds an indicator (chỉ tiêu) to a campaign of which nothing is counted yet. Wants the right over the centre.
#[utoipa::path(tag = "campaigns", request_body(content = NewIndicator, description = "The indicator."),
    responses((status = 201, description = "The new indicator.", body = Indicator),
        (status = 200, description = "The indicator that this id and body made before.", body = Indicator)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "wrong_state", "reference_not_found"]))))]
#[post("/v1/indicators")]
async fn create_indicator(allowed: Allowed<CampaignWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewIndicator>(&app.contract).await?;
    reply::write(&app, &request, "create_indicator", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create_indicator(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read an indicator
///
/// One indicator (chỉ tiêu).
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The indicator.")),
    responses((status = 200, description = "The indicator.", body = Indicator)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/indicators/{id}")]
async fn get_indicator(allowed: Allowed<CatalogueRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let indicator = ops::find_indicator(app.store.read(), *id).await?;
    reply::item(&request, &ops::view_indicator(&allowed)(indicator))
}

/// Change an indicator
///
/// Changes an indicator's (chỉ tiêu) words or target. Wants the right over the centre.
#[utoipa::path(tag = "campaigns", params(("id" = Uuid, Path, description = "The indicator.")),
    request_body(content = IndicatorPatch, description = "What changes."),
    responses((status = 200, description = "The changed indicator.", body = Indicator)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str()))))]
#[patch("/v1/indicators/{id}")]
async fn patch_indicator(allowed: Allowed<CampaignWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<IndicatorPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_indicator", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change_indicator(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}
