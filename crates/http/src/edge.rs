//! The edge of the service: every request gets its name, its deadline, its log line; every error its body, in the
//! language of the request; a panic becomes a 500 like any other.

use crate::{
    allowed::ActorId,
    app::App,
    problem::{ApiError, Code, Lang},
    request::RequestId,
};
use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tracing::{error, info, warn};
use uuid::Uuid;

/// How long a request may take altogether.
const DEADLINE: Duration = Duration::from_secs(30);

/// The outermost middleware.
///
/// # Errors
/// None: every error becomes an answer.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let head = request.method() == Method::HEAD;
    let method = request.method().clone();
    if head {
        // Routes are declared for GET; the server leaves the body of an answer to HEAD out by itself.
        request.head_mut().method = Method::GET;
    }
    let http = request.request().clone();
    let outcome = tokio::time::timeout(DEADLINE, AssertUnwindSafe(next.call(request)).catch_unwind()).await;
    let app = http.app_data::<web::Data<App>>().cloned();
    let (mut response, cause) = match outcome {
        Ok(Ok(Ok(response))) => {
            let cause = response.response().error().map(describe);
            (response.map_into_boxed_body(), cause)
        }
        Ok(Ok(Err(err))) => {
            let cause = describe(&err);
            (ServiceResponse::new(http.clone(), HttpResponse::from_error(err)), Some(cause))
        }
        Ok(Err(panic)) => {
            if let Some(gauge) = app.as_ref().and_then(|a| a.metrics.panics.as_ref()) {
                gauge.inc();
            }
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            let err: Error = ApiError::internal(format!("panic: {text}")).into();
            (ServiceResponse::new(http.clone(), HttpResponse::from_error(err)), Some(format!("panic: {text}")))
        }
        Err(_) => {
            let err: Error = ApiError::new(Code::Unavailable).into();
            (ServiceResponse::new(http.clone(), HttpResponse::from_error(err)), Some("deadline".to_owned()))
        }
    };
    if let Some(problem) = problem_of(&response) {
        let base = app.as_ref().map(|a| a.public_url.clone()).unwrap_or_default();
        let body = render(&http, &problem, &base, &id);
        response = ServiceResponse::new(http.clone(), body);
    }
    finish(&mut response, &id);

    let status = response.status();
    let route = http.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let actor = http.extensions().get::<ActorId>().map(|a| a.0);
    log(&id, &method, &route, status, started.elapsed(), actor, cause.as_deref());
    if let Some(app) = app {
        app.metrics.request(&route, method.as_str(), status.as_u16(), started.elapsed().as_secs_f64());
    }
    Ok(response)
}

fn describe(err: &Error) -> String {
    err.as_error::<ApiError>().map_or_else(|| err.to_string(), ToString::to_string)
}

/// The problem that an answer stands for, when it is an error that has no body of its own yet.
fn problem_of(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let error = response.response().error()?;
    if let Some(problem) = error.as_error::<ApiError>() {
        return Some(ApiError {
            detail: problem.detail.clone(),
            faults: problem.faults.clone(),
            extra: problem.extra.clone(),
            headers: problem.headers.clone(),
            ..ApiError::new(problem.code)
        });
    }
    // Errors that actix itself raises, such as a broken transfer.
    let code = match response.status().as_u16() {
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        408 => Code::RequestTimeout,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        400..=499 => Code::MalformedJson,
        500..=599 => Code::Internal,
        _ => return None,
    };
    Some(ApiError::new(code))
}

fn render(http: &actix_web::HttpRequest, problem: &ApiError, base: &str, id: &str) -> HttpResponse {
    let accept = http.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let lang = Lang::negotiate(accept);
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &problem.headers {
        response.insert_header((name.clone(), value.as_str()));
    }
    response
        .insert_header((header::CONTENT_LANGUAGE, lang.tag()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/problem+json");
    if matches!(problem.code, Code::RequestTimeout | Code::PayloadTooLarge) {
        // The rest of the body is not read, so the connection can't be used again.
        response.force_close();
    }
    response.body(problem.body(lang, base, http.path(), id).to_string())
}

fn finish(response: &mut ServiceResponse<BoxBody>, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = header::HeaderValue::from_str(id) {
        headers.insert(header::HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    headers.append(header::VARY, header::HeaderValue::from_static("authorization, accept-language"));
}

/// The client's name for the request, when it is a sound one; else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let sound = (1..=64).contains(&given.len())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if sound { given.to_owned() } else { Uuid::now_v7().to_string() }
}

fn log(
    id: &str,
    method: &Method,
    route: &str,
    status: StatusCode,
    took: Duration,
    actor: Option<Uuid>,
    cause: Option<&str>,
) {
    let duration_ms = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / 1000;
    let actor = actor.map(|a| a.to_string()).unwrap_or_default();
    let (status, cause) = (status.as_u16(), cause.unwrap_or_default());
    match status {
        500.. if status != 503 => error!(request_id = id, %method, route, status, duration_ms, actor, cause, "request"),
        503 => warn!(request_id = id, %method, route, status, duration_ms, actor, cause, "request"),
        _ => info!(request_id = id, %method, route, status, duration_ms, actor, cause, "request"),
    }
}
