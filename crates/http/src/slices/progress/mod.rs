//! Progress (tiến độ) towards the indicators.

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, ProgressRead},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get};
use dto::{Progress, ProgressQuery, PublicProgress, PublicProgressQuery};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(get_progress).service(get_public_progress);
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
    let answer = ops::progress(&app, &allowed, &query).await?;
    if let Some(gauge) = &app.metrics.ledger_seq {
        gauge.set(answer.ledger_seq);
    }
    reply::document(&request, &answer)
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
    let answer = ops::public(&app, query.indicator_id).await?;
    reply::public(&request, &answer)
}
