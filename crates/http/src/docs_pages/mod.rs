//! The documentation as one site that wants no network: its start, the guides, the reference (Swagger UI) and the catalogue of
//! problems, in Vietnamese and English.

mod guides;
mod pages;
mod words;

use crate::{
    problem::{ApiError, ApiResult, Code},
    public::{self, lang_of},
    public_pages::{Look, Theme},
    reply::{cached, hash_tag},
    request::Request,
};
use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use askama::Template;
use guides::GUIDES;
use std::sync::Arc;

const HTML: &str = "text/html; charset=utf-8";
/// A page has its style in itself, and loads nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Swagger UI's scripts and ours, all from here.
const REFERENCE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Swagger UI's configuration.
type Ui = Arc<utoipa_swagger_ui::Config<'static>>;

/// Routes beside the contract.
pub fn routes(config: &mut web::ServiceConfig) {
    let ui: Ui = Arc::new(
        utoipa_swagger_ui::Config::new(["/openapi.json"])
            .try_it_out_enabled(true)
            .persist_authorization(true)
            .display_operation_id(true)
            .deep_linking(true)
            .filter(true)
            .use_base_layout(),
    );
    config
        .app_data(web::Data::new(ui))
        .service(web::resource("/docs").get(|| moved("/docs/")))
        .service(web::resource("/docs/").get(start))
        .service(web::resource("/docs/guides/{name}").get(guide))
        .service(web::resource("/docs/api").get(|| moved("/docs/api/")))
        .service(web::resource("/docs/api/").get(reference))
        .service(web::resource("/docs/api/colours.js").get(colours))
        .service(web::resource("/docs/api/{file}").get(reference_file))
        .service(web::resource("/problems").get(problems))
        .service(web::resource("/problems/{code}").get(problem));
}

async fn moved(to: &'static str) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, to)).finish()
}

/// How a page is wanted: `?lang=vi|en&theme=light|dark|auto`.
fn look_of(request: &Request) -> Look {
    let pairs = public::pairs_of(request);
    let theme = Theme::from_query(public::value(&pairs, "theme"));
    Look { lang: lang_of(request, public::value(&pairs, "lang")), theme, ..Look::default() }
}

fn page(request: &Request, look: &Look, page: &impl Template, policy: &'static str) -> ApiResult<HttpResponse> {
    let body = page.render().map_err(ApiError::internal)?;
    let mut response = cached(request, hash_tag(&body), "public, max-age=300", HTML, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(look.lang.tag()));
    Ok(response)
}

/// Where one begins.
async fn start(request: Request) -> ApiResult<HttpResponse> {
    let look = look_of(&request);
    page(&request, &look, &pages::Start::new(&look), PAGE_POLICY)
}

/// One guide.
async fn guide(request: Request, name: web::Path<String>) -> ApiResult<HttpResponse> {
    let look = look_of(&request);
    let guide = GUIDES.iter().find(|guide| guide.name == name.as_str()).ok_or_else(ApiError::not_found)?;
    page(&request, &look, &pages::GuidePage::new(guide, &look), PAGE_POLICY)
}

/// Every problem code.
async fn problems(request: Request) -> ApiResult<HttpResponse> {
    let look = look_of(&request);
    page(&request, &look, &pages::Problems::new(&look), PAGE_POLICY)
}

/// One code: what happened, why, what to do about it, and where it comes from.
async fn problem(request: Request, code: web::Path<String>) -> ApiResult<HttpResponse> {
    let (app, look) = (request.app()?, look_of(&request));
    let code = Code::ALL.iter().copied().find(|c| c.as_str() == code.as_str()).ok_or_else(ApiError::not_found)?;
    let base = &app.settings.public_url;
    page(&request, &look, &pages::Problem::new(code, &app.contract, base, &look), PAGE_POLICY)
}

/// The reference.
async fn reference(request: Request) -> ApiResult<HttpResponse> {
    let look = look_of(&request);
    page(&request, &look, &pages::Reference::new(&look), REFERENCE_POLICY)
}

/// Swagger UI knows a class, the site a theme.
async fn colours(request: Request) -> HttpResponse {
    let script = include_str!("colours.js");
    cached(&request, hash_tag(script), "public, max-age=300", "text/javascript; charset=utf-8", script)
}

/// Swagger UI's files, out of the binary.
async fn reference_file(request: Request, file: web::Path<String>, ui: web::Data<Ui>) -> ApiResult<HttpResponse> {
    match utoipa_swagger_ui::serve(&file, ui.get_ref().clone()) {
        Ok(Some(file)) => {
            let bytes = file.bytes.into_owned();
            let mut response = cached(&request, hash_tag(&bytes), "public, max-age=3600", "", bytes);
            let kind = HeaderValue::from_str(&file.content_type).map_err(ApiError::internal)?;
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            Ok(response)
        }
        Ok(None) => Err(ApiError::not_found()),
        Err(err) => Err(ApiError::internal(err)),
    }
}
