//! What is not of the contract's `/v1`: health, metrics, the document, keys.

use crate::{
    app::App,
    problem::{ApiError, ApiResult, Code, Lang, Problem, ProblemFault},
    reply::{cached, hash_tag},
    request::Request,
    slices::webhooks::dto::{
        ChangeEvent, ChangeEventData, ReportingEvent, ReportingEventData, WebhookTestEvent, WebhookTestEventData,
    },
    tokens::ISSUER,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde_json::json;
use tinhnguyen_domain::access::Permission;
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server, tag::TagBuilder,
};

/// The project's licence, as an SPDX expression.
const LICENSE: &str = "MIT OR Apache-2.0";

/// The document's own words.
#[must_use]
pub fn about() -> OpenApi {
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Tình nguyện — chuyển đổi số cộng đồng")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(include_str!("about.md")))
                .contact(Some(ContactBuilder::new().name(Some("tinhnguyen")).build()))
                .license(Some(LicenseBuilder::new().name(LICENSE).identifier(Some(LICENSE)).build()))
                .build(),
        )
        .components(Some(
            ComponentsBuilder::new()
                .schema_from::<Problem>()
                .schema_from::<ProblemFault>()
                .schema_from::<ChangeEvent>()
                .schema_from::<ChangeEventData>()
                .schema_from::<ReportingEvent>()
                .schema_from::<ReportingEventData>()
                .schema_from::<WebhookTestEvent>()
                .schema_from::<WebhookTestEventData>()
                .build(),
        ))
        .servers(Some([Server::new("/")]))
        .tags(Some([
            tag("auth", "Tokens (đăng nhập) and who I am."),
            tag("org-units", "The organisation (tổ chức Đoàn): who did it."),
            tag("localities", "Places (địa bàn, đơn vị hành chính): where it was done."),
            tag("campaigns", "Campaigns (chiến dịch) and their indicators (chỉ tiêu)."),
            tag("targets", "What each unit is to reach (phân bổ chỉ tiêu), allocated down the organisation."),
            tag("catalogue", "Closed vocabularies: topics (nội dung) and measures (chỉ số)."),
            tag("access", "Users (người dùng) and grants (phân quyền)."),
            tag("clients", "Registered clients (ứng dụng đã đăng ký) and their secrets."),
            tag("teams", "Volunteer teams (đội hình tình nguyện) and their members (đội viên)."),
            tag("volunteers", "Volunteers (tình nguyện viên), and what is kept of them."),
            tag("activities", "Activities (hoạt động)."),
            tag("results", "Results (kết quả hoạt động): submit, verify, return."),
            tag("duplicates", "Duplicate candidates (nghi trùng): results that may count the same people twice."),
            tag("progress", "Progress (tiến độ) towards the indicators."),
            tag("reporting", "Reporting periods (kỳ báo cáo), deadlines, extensions (gia hạn), and who has reported."),
            tag("public", "What everybody may see (công khai): figures, tables, pictures, live events."),
            tag("webhooks", "Webhooks: somebody's own service is told of what happens."),
            tag(
                "changes",
                "For clients without a signal: what was changed (thay đổi), and many operations at once (đồng bộ).",
            ),
        ]))
        .build()
}

/// Routes beside the contract.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/healthz").get(healthz))
        .service(web::resource("/readyz").get(readyz))
        .service(web::resource("/metrics").get(metrics))
        .service(web::resource("/openapi.json").get(openapi))
        .service(web::resource("/openapi-3.0.json").get(openapi_3_0))
        .service(web::resource("/.well-known/jwks.json").get(jwks))
        .service(web::resource("/.well-known/oauth-authorization-server").get(authorization_server));
}

/// Alive: the process answers. Says nothing of the database, so that an orchestrator doesn't kill what only waits.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Ready: the database answers. Its schema was brought up to date before this process began to listen.
async fn readyz(app: web::Data<App>) -> ApiResult<HttpResponse> {
    app.store.ping().await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready", "database": app.store.engine()})))
}

async fn metrics(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(app.metrics.text())
}

async fn openapi(app: web::Data<App>, request: Request) -> HttpResponse {
    document(&request, app.contract.text())
}

async fn openapi_3_0(app: web::Data<App>, request: Request) -> HttpResponse {
    document(&request, app.contract.text_3_0())
}

fn document(request: &Request, text: &str) -> HttpResponse {
    cached(request, hash_tag(text), "public, max-age=300", "application/json", text.to_owned())
}

async fn jwks(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(app.tokens.keyring().jwks())
}

/// The authorization server's metadata (RFC 8414).
async fn authorization_server(app: web::Data<App>) -> HttpResponse {
    let base = &app.settings.public_url;
    let mut grants = vec!["password", "refresh_token", "client_credentials"];
    grants.extend(app.accounts.oidc.as_ref().map(|_| "authorization_code"));
    let scopes: Vec<_> = Permission::ALL.iter().map(|p| p.scope()).collect();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(json!({
        "issuer": ISSUER,
        "token_endpoint": format!("{base}/v1/auth/token"),
        "revocation_endpoint": format!("{base}/v1/auth/revoke"),
        "introspection_endpoint": format!("{base}/v1/auth/introspect"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "service_documentation": format!("{base}/docs/"),
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": scopes,
    }))
}

pub(crate) fn lang_of(request: &HttpRequest) -> Lang {
    let accept = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    match request.query_string() {
        query if query.contains("lang=en") => Lang::En,
        query if query.contains("lang=vi") => Lang::Vi,
        _ => Lang::negotiate(accept),
    }
}

/// No route: 405 with `Allow` when the path is there with other methods, 404 otherwise.
///
/// # Errors
/// Always.
pub async fn no_such_route(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    let Some(methods) = app.contract.methods_of(request.path()) else { return Err(ApiError::not_found()) };
    if request.method() == actix_web::http::Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, methods.join(", "))).finish());
    }
    Err(method_not_allowed(&methods))
}

fn method_not_allowed(methods: &[String]) -> ApiError {
    let mut error = ApiError::new(Code::MethodNotAllowed);
    error.headers.push((header::ALLOW, methods.join(", ")));
    error
}

/// What is wrong with a request whose path has a part that is no id: perhaps it is a word, of a path that has other methods.
#[must_use]
pub fn wrong_method(request: &HttpRequest) -> Option<ApiError> {
    let methods = request.app_data::<web::Data<App>>()?.contract.methods_of(request.path())?;
    (!methods.iter().any(|m| m == request.method().as_str())).then(|| method_not_allowed(&methods))
}
