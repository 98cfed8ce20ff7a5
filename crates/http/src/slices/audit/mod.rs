//! The audit log (nhật ký).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{AccessRead, Allowed, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get};
use dto::{AuditEntry, AuditPage, AuditQuery};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_audit_log);
}

/// List the audit log
///
/// What was changed, by whom and when (nhật ký), at units that the caller administers; whoever administers the centre
/// sees what belongs to the whole country too. The rows are chained by hashes: `tinhnguyen audit verify` finds one that
/// was changed or removed.
#[utoipa::path(tag = "access", params(AuditQuery),
    responses((status = 200, description = "A page of entries.", body = AuditPage)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/audit-log")]
async fn list_audit_log(allowed: Allowed<AccessRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: AuditQuery = request.query(&app.contract)?;
    let page = ops::list(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, AuditEntry::of)
}
