//! What requests on the audit log mean.

use super::dto::AuditQuery;
use crate::{
    allowed::{AccessRead, Scope},
    page::ListQuery,
    problem::ApiResult,
};
use tinhnguyen_persistence::{
    ConnectionTrait,
    audit::{self, Entry, Filter},
    page::Page,
};

/// Lists what was done at units that the caller administers.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<AccessRead>,
    query: &AuditQuery,
) -> ApiResult<Page<Entry>> {
    let filter = Filter {
        id: query.id,
        actor_id: query.actor_id,
        resource_id: query.resource_id,
        resource: query.resource.clone(),
        action: query.action.clone(),
        org_unit_id: query.org_unit_id,
        request_id: query.request_id.clone(),
        from: query.from.max(query.updated_since),
        to: query.to,
    };
    Ok(audit::list(conn, &scope.reaches, &filter, &query.page_request()?).await?)
}
