//! Answers to reading requests: an item, a list, a page, a document, bytes; each with its ETag.

use super::{Item, builder, quoted};
use crate::{
    page::{ListQuery, PageBody},
    problem::{ApiError, ApiResult},
    progress::Body,
    request::Request,
};
use actix_web::{HttpResponse, http::header, web::Bytes};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tinhnguyen_persistence::page::Page;

/// Answers with an item, or 304 when the client has it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn item<T: Item>(request: &Request, item: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(item).map_err(ApiError::internal)?;
    Ok(cached(request, quoted(item.version()), "private, no-cache", "application/json", body))
}

/// Answers with an item that tells of a person, so that nobody on the way keeps it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn personal_item<T: Item>(request: &Request, item: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(item).map_err(ApiError::internal)?;
    Ok(cached(request, quoted(item.version()), "no-store", "application/json", body))
}

/// Answers with a body whose ETag is a hash of it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn document<T: Serialize>(request: &Request, value: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(value).map_err(ApiError::internal)?;
    Ok(cached(request, hash_tag(&body), "private, no-cache", "application/json", body))
}

/// Answers with a body that was rendered before, or 304 when the client has it.
#[must_use]
pub fn body(request: &Request, body: &Body, cache_control: &'static str) -> HttpResponse {
    let has = has(request, &body.etag);
    let mut response = builder(if has { 304 } else { 200 });
    response.insert_header((header::ETAG, body.etag.clone())).insert_header((header::CACHE_CONTROL, cache_control));
    if has {
        return response.finish();
    }
    response.content_type("application/json").body(body.bytes.clone())
}

/// How long what is public may be kept. Always asked again, so that nobody shows yesterday's figure.
pub const PUBLIC_CACHE: &str = "public, max-age=0, must-revalidate";

/// Whether the client has what this ETag names.
fn has(request: &Request, etag: &str) -> bool {
    request
        .header(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|t| t.trim().trim_start_matches("W/") == etag))
}

/// Answers with bytes, or 304 without reading them when the client has them.
///
/// # Errors
/// Whatever reading them returns.
pub async fn cached_bytes(
    request: &Request,
    etag: String,
    cache_control: &'static str,
    content_type: &'static str,
    read: impl AsyncFnOnce() -> ApiResult<Bytes>,
) -> ApiResult<HttpResponse> {
    let has = has(request, &etag);
    let mut response = builder(if has { 304 } else { 200 });
    response.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, cache_control));
    if has {
        return Ok(response.finish());
    }
    Ok(response.content_type(content_type).body(read().await?))
}

/// Answers with a body, or 304 when the client has it.
#[must_use]
pub fn cached(
    request: &Request,
    etag: String,
    cache_control: &'static str,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let has = has(request, &etag);
    let mut response = builder(if has { 304 } else { 200 });
    response.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, cache_control));
    if has {
        return response.finish();
    }
    response.content_type(content_type).body(body.into())
}

/// A strong ETag made of the body.
#[must_use]
pub fn hash_tag(body: impl AsRef<[u8]>) -> String {
    let hash = Sha256::digest(body.as_ref());
    let short: String = hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
    quoted(short)
}

/// Answers with a short list that has no further pages.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn list<D: Serialize>(request: &Request, data: Vec<D>) -> ApiResult<HttpResponse> {
    document(request, &PageBody { data, next_cursor: None, total: None })
}

/// Answers with a page and its `Link: rel="next"`.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn page<T, D: Serialize>(
    request: &Request,
    query: &impl ListQuery,
    page: Page<T>,
    show: impl Fn(T) -> D,
) -> ApiResult<HttpResponse> {
    query.ensure_cursor_of(request.path())?;
    let next_cursor = page.next.as_ref().map(|after| query.cursor_for(request.path(), after));
    let body = PageBody {
        data: page.data.into_iter().map(show).collect::<Vec<D>>(),
        next_cursor: next_cursor.clone(),
        total: page.total,
    };
    let mut response = document(request, &body)?;
    if let Some(cursor) = next_cursor {
        let link = format!("<{}>; rel=\"next\"", query.next_link(request.path(), &cursor));
        if let Ok(link) = header::HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}
