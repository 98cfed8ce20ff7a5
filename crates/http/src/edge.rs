//! The edge of the service: every request gets its name, its deadline, its log line; every error its body, in the
//! language of the request; a panic becomes a 500 like any other.

use crate::{
    address::ClientAddress,
    allowed::ActorId,
    app::App,
    contract::HEADER_LENGTHS,
    limits::Standing,
    problem::{ApiError, Code, Fault, Lang},
    request::Provenance,
};
use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{Method, StatusCode, header},
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use std::{
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

/// How long a request may take altogether.
const DEADLINE: Duration = Duration::from_secs(30);

/// The outermost middleware.
///
/// # Errors
/// Only answers that have no route's request to go with (a panic, the deadline): they are complete all the same.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let asked = Asked::of(&request);
    let head = asked.method == Method::HEAD;
    request.extensions_mut().insert(Provenance { request_id: asked.id.clone(), address: asked.address, head });
    if head {
        // Routes are declared for GET; the server leaves the body of an answer to HEAD out by itself.
        request.head_mut().method = Method::GET;
    }
    if let Err(problem) = admissible(&request, &asked) {
        let mut response = asked.render(&problem);
        if let Some(standing) = request.extensions().get::<Standing>() {
            standing.tell(response.headers_mut());
        }
        asked.done(started, "unmatched", None, response.status(), None);
        return Ok(request.into_response(response));
    }
    // Routing wants the request for itself alone, so no clone of it is kept meanwhile.
    let outcome = tokio::time::timeout(DEADLINE, AssertUnwindSafe(next.call(request)).catch_unwind()).await;
    let (problem, cause) = match outcome {
        Ok(Ok(Ok(response))) => return Ok(asked.answer(response.map_into_boxed_body(), started)),
        Ok(Ok(Err(err))) => {
            let problem = problem_of(&err, err.as_response_error().status_code().as_u16());
            (problem.unwrap_or_else(|| ApiError::internal(&err)), describe(&err))
        }
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            if let Some(gauge) = asked.app.as_ref().and_then(|app| app.metrics.panics.as_ref()) {
                gauge.inc();
            }
            (ApiError::new(Code::Internal), format!("panic: {text}"))
        }
        Err(_) => (ApiError::new(Code::Unavailable), "deadline".to_owned()),
    };
    let response = asked.render(&problem);
    asked.done(started, "unmatched", None, response.status(), Some(&cause));
    Err(InternalError::from_response(problem, response).into())
}

/// Notes where the request comes from, and whether it may be looked at at all.
fn admissible(request: &ServiceRequest, asked: &Asked) -> Result<(), ApiError> {
    let mut standing = Standing::default();
    let admitted = match &asked.app {
        Some(app) => {
            let has_token = request.headers().contains_key(header::AUTHORIZATION);
            app.limits.count_address(asked.address, request.path(), has_token, &mut standing)
        }
        None => Ok(()),
    };
    request.extensions_mut().insert(standing);
    admitted?;
    bounded(request)?;
    acceptable(request)
}

/// Headers are as long as the contract allows; they are read in many places, and held to it here once.
fn bounded(request: &ServiceRequest) -> Result<(), ApiError> {
    let longer = |name: &str, most: usize| request.headers().get_all(name).any(|value| value.len() > most);
    let faults: Vec<_> = HEADER_LENGTHS
        .iter()
        .filter(|(name, most)| request.path().starts_with("/v1/") && longer(name, *most))
        .map(|(name, most)| Fault::of_parameter(*name, Code::TooLong).limit(*most))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ApiError::parameters(faults)) }
}

/// The media types that a path of the contract is answered in.
fn offered(path: &str) -> &'static [&'static str] {
    let last = path.rsplit('/').next().unwrap_or_default();
    match (last, last.rsplit('.').next()) {
        ("content", _) => &["image/jpeg", "image/png", "image/webp", "application/pdf"],
        ("events", _) => &["text/event-stream"],
        (_, Some("csv")) => &["text/csv"],
        (_, Some("svg")) => &["image/svg+xml"],
        (_, Some("png")) => &["image/png"],
        (_, Some("ics")) => &["text/calendar"],
        _ => &["application/json", "application/problem+json"],
    }
}

/// A client that takes nothing of what it would be answered in is told so before any work.
fn acceptable(request: &ServiceRequest) -> Result<(), ApiError> {
    let path = request.path();
    if !path.starts_with("/v1/") {
        return Ok(());
    }
    let Some(accept) = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()) else { return Ok(()) };
    let mut ranges = accept.split(',').map(|range| {
        let mut pieces = range.split(';');
        let kind = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let refused = pieces.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (kind, refused)
    });
    let offered = offered(path);
    let takes = |kind: &str| {
        let of_a_kind = |group: &str| offered.iter().any(|one| one.split('/').next() == Some(group));
        kind == "*/*" || offered.contains(&kind) || kind.strip_suffix("/*").is_some_and(of_a_kind)
    };
    if accept.trim().is_empty() || ranges.any(|(kind, refused)| takes(&kind) && !refused) {
        Ok(())
    } else {
        Err(ApiError::new(Code::NotAcceptable))
    }
}

/// What has to be known of a request after it is gone.
struct Asked {
    id: String,
    method: Method,
    path: String,
    lang: Lang,
    address: ClientAddress,
    app: Option<web::Data<App>>,
}

impl Asked {
    fn of(request: &ServiceRequest) -> Self {
        let accept = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let app = request.app_data::<web::Data<App>>().cloned();
        let forwarded: Vec<_> =
            request.headers().get_all("x-forwarded-for").map(|v| v.to_str().unwrap_or_default()).collect();
        // Without a peer there is no network between: a test, or a socket of this machine.
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let address = match &app {
            Some(app) => ClientAddress::of(peer, &forwarded, &app.settings.trusted_proxies),
            None => ClientAddress(peer),
        };
        Self {
            address,
            id: request_id(request),
            method: request.method().clone(),
            path: request.path().to_owned(),
            lang: Lang::negotiate(accept),
            app,
        }
    }

    /// Finishes the answer of a route.
    fn answer(&self, response: ServiceResponse<BoxBody>, started: Instant) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let actor = response.request().extensions().get::<ActorId>().map(|a| a.0);
        let error = response.response().error();
        let cause = error.map(describe);
        let problem = error.and_then(|err| problem_of(err, status.as_u16()));
        let mut response = match problem {
            Some(problem) => ServiceResponse::new(response.request().clone(), self.render(&problem)),
            None => response,
        };
        finish(response.headers_mut(), &self.id);
        let standing = response.request().extensions().get::<Standing>().cloned().unwrap_or_default();
        standing.tell(response.headers_mut());
        self.done(started, &route, actor, response.status(), cause.as_deref());
        response
    }

    fn render(&self, problem: &ApiError) -> HttpResponse {
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for (name, value) in &problem.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response
            .insert_header((header::CONTENT_LANGUAGE, self.lang.tag()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("application/problem+json");
        if matches!(problem.code, Code::RequestTimeout | Code::PayloadTooLarge) {
            // The rest of the body is not read, so the connection can't be used again.
            response.force_close();
        }
        let base = self.app.as_ref().map(|app| app.settings.public_url.as_str()).unwrap_or_default();
        let mut response = response.body(problem.body(self.lang, base, &self.path, &self.id).to_string());
        finish(response.headers_mut(), &self.id);
        response
    }

    fn done(&self, started: Instant, route: &str, actor: Option<Uuid>, status: StatusCode, cause: Option<&str>) {
        let took = started.elapsed();
        log(&self.id, &self.method, route, status, took, actor, cause);
        if let Some(app) = &self.app {
            app.metrics.request(route, self.method.as_str(), status.as_u16(), took.as_secs_f64());
        }
    }
}

fn describe(err: &Error) -> String {
    err.as_error::<ApiError>().map_or_else(|| err.to_string(), ToString::to_string)
}

/// The problem that an error stands for, when it is one that has no body of its own.
fn problem_of(err: &Error, status: u16) -> Option<ApiError> {
    if let Some(problem) = err.as_error::<ApiError>() {
        return Some(problem.clone());
    }
    // Errors that actix itself raises, such as a broken transfer.
    let code = match status {
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

/// The headers that every answer has.
fn finish(headers: &mut header::HeaderMap, id: &str) {
    if let Ok(id) = header::HeaderValue::from_str(id) {
        headers.insert(header::HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    // Rendered answers come here twice.
    if !headers.get_all(header::VARY).any(|v| v.as_bytes().starts_with(b"authorization")) {
        headers.append(header::VARY, header::HeaderValue::from_static("authorization, accept-language"));
    }
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
        // Proxies ask every second.
        _ if matches!(route, "/healthz" | "/readyz") => {
            debug!(request_id = id, %method, route, status, duration_ms, actor, cause, "request");
        }
        _ => info!(request_id = id, %method, route, status, duration_ms, actor, cause, "request"),
    }
}
