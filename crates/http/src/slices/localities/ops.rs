//! What requests on localities mean.

use super::dto::LocalityQuery;
use crate::{
    page::ListQuery,
    problem::{ApiError, ApiResult},
};
use chrono::NaiveDate;
use std::collections::HashMap;
use tinhnguyen_domain::localities::Locality;
use tinhnguyen_persistence::{
    ConnectionTrait,
    localities::{self, Filter},
    page::Page,
    reorganisations::places,
};
use uuid::Uuid;

/// Lists localities; those valid `today` unless the query says another day.
///
/// # Errors
/// Problems of the query.
pub async fn list(conn: &impl ConnectionTrait, query: &LocalityQuery, today: NaiveDate) -> ApiResult<Page<Locality>> {
    // Who names the very locality, or the one above it, wants it whenever it was valid.
    let named = query.id.is_some() || query.parent_id.is_some() || query.within.is_some();
    let filter = Filter {
        id: query.id,
        code: query.code.clone(),
        parent_id: query.parent_id,
        kind: query.kind,
        within: query.within,
        as_of: query.as_of.or((!named).then_some(today)),
        q: query.q.clone(),
        updated_since: query.updated_since,
    };
    Ok(localities::list(conn, &filter, &query.page_request()?).await?)
}

/// Finds a locality.
///
/// # Errors
/// `not_found`.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<Locality> {
    localities::find(conn, id).await?.ok_or_else(ApiError::not_found)
}

/// What became of a locality in a reorganisation, the default successor first.
///
/// # Errors
/// `not_found`.
pub async fn successors(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<Vec<Locality>> {
    find(conn, id).await?;
    let order = places::successors(conn, id).await?;
    let ids: Vec<Uuid> = order.iter().map(|(id, _)| *id).collect();
    let mut found: HashMap<Uuid, Locality> =
        localities::find_many(conn, &ids).await?.into_iter().map(|place| (place.stamp.id, place)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}
