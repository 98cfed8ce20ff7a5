//! Progress (tiến độ) towards the indicators.

pub mod dto;
mod explain;
pub mod groups;
pub mod ops;
mod outlook;
pub mod outlook_dto;

use crate::{
    allowed::{Allowed, Demand, ProgressRead},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get};
use dto::{ExplainQuery, Progress, ProgressExplanation, ProgressQuery, PublicProgress, PublicProgressQuery};
use outlook_dto::{AtRiskQuery, CampaignsCompared, CampaignsQuery, UnitsAtRisk};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_progress)
        .service(explain_progress)
        .service(list_units_at_risk)
        .service(compare_campaigns)
        .service(get_public_progress);
}

/// Read progress
///
/// Progress (tiến độ) of a unit's subtree towards an indicator: exact at `ledger_seq`, and never older than the last
/// write that was answered. With `from` and `to` the figures are those of the period, and `cumulative` stands beside.
#[utoipa::path(tag = "progress", params(ProgressQuery),
    responses((status = 200, description = "The figures.", body = Progress)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found", "ledger_behind"]))))]
#[get("/v1/progress")]
async fn get_progress(allowed: Allowed<ProgressRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ProgressQuery = request.query(&app.contract)?;
    app.figures.reach(&app.store, query.min_ledger_seq).await?;
    let body = ops::progress(&app, &allowed, &query).await?;
    if let Some(gauge) = &app.metrics.ledger_seq {
        gauge.set(app.figures.ledger_seq());
    }
    Ok(reply::body(&request, &body, "private, no-cache"))
}

/// Explain a figure
///
/// The results behind a figure (giải trình số liệu) of `GET /v1/progress` with the same parameters: what each brings to it, by
/// team and result. All pages add up to the figure, when `as_of` is given.
#[utoipa::path(tag = "progress", params(ExplainQuery),
    responses((status = 200, description = "A page of results.", body = ProgressExplanation)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found", "bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/progress/explain")]
async fn explain_progress(allowed: Allowed<ProgressRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ExplainQuery = request.query(&app.contract)?;
    explain::explain(&app, &allowed, &request, &query).await
}

/// List units at risk
///
/// The units that would miss their targets (đơn vị có nguy cơ không đạt) if the days left are like the last seven, and how many
/// there are beside them. Units without a target are counted alone.
#[utoipa::path(tag = "progress", params(AtRiskQuery),
    responses((status = 200, description = "The units.", body = UnitsAtRisk)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found", "ledger_behind"]))))]
#[get("/v1/progress/at-risk")]
async fn list_units_at_risk(allowed: Allowed<ProgressRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: AtRiskQuery = request.query(&app.contract)?;
    app.figures.reach(&app.store, query.min_ledger_seq).await?;
    reply::document(&request, &outlook::at_risk(&app, &allowed, &query).await?)
}

/// Compare campaigns
///
/// What a unit's subtree reached in each campaign (so sánh giữa các chiến dịch), as a whole and by the same day of each: so a
/// running campaign is held against how far earlier ones were.
#[utoipa::path(tag = "progress", params(CampaignsQuery),
    responses((status = 200, description = "The campaigns.", body = CampaignsCompared)),
    extensions(("x-permission" = json!(ProgressRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found", "ledger_behind"]))))]
#[get("/v1/progress/campaigns")]
async fn compare_campaigns(allowed: Allowed<ProgressRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: CampaignsQuery = request.query(&app.contract)?;
    app.figures.reach(&app.store, query.min_ledger_seq).await?;
    reply::document(&request, &outlook::compared(&app, &allowed, &query).await?)
}

/// Read public progress
///
/// The country's progress (tiến độ công khai) and that of every province, for everybody.
#[utoipa::path(tag = "progress", params(PublicProgressQuery),
    responses((status = 200, description = "The figures.", body = PublicProgress)),
    extensions(("x-codes" = json!(["not_found", "ledger_behind"]))))]
#[get("/v1/public/progress")]
async fn get_public_progress(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: PublicProgressQuery = request.query(&app.contract)?;
    app.figures.reach(&app.store, query.min_ledger_seq).await?;
    let body = ops::public(&app, query.indicator_id).await?;
    Ok(reply::body(&request, &body, reply::PUBLIC_CACHE))
}
