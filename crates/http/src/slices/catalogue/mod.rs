//! The closed vocabularies: topics (nội dung) and measures (chỉ số). They have no use cases, so no `ops`.

pub mod dto;

use crate::{
    allowed::{Allowed, CatalogueRead, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get};
use dto::{MeasureInfo, MeasurePage, TopicInfo, TopicPage};
use tinhnguyen_domain::catalogue::{Measure, Topic};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_topics).service(list_measures);
}

/// List topics
///
/// All topics (nội dung hỗ trợ) with their kind of activity and their names; the list has one page.
#[utoipa::path(tag = "catalogue", responses((status = 200, description = "All topics.", body = TopicPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/topics")]
async fn list_topics(_: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    request.no_query()?;
    reply::list(&request, Topic::ALL.iter().copied().map(TopicInfo::of).collect())
}

/// List measures
///
/// All measures (chỉ số) that indicators count and results state; the list has one page.
#[utoipa::path(tag = "catalogue", responses((status = 200, description = "All measures.", body = MeasurePage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/measures")]
async fn list_measures(_: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    request.no_query()?;
    reply::list(&request, Measure::ALL.iter().copied().map(MeasureInfo::of).collect())
}
