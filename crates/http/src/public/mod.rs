//! What the public sees beside the contract's `/v1`: the dashboard page, a page for each unit, the page for frames, oEmbed.

pub mod cache;
pub mod figures;
pub mod live;
mod oembed;

use crate::{
    problem::{ApiError, ApiResult, Lang as Negotiated},
    public_pages::{self, Lang, Look, Sort, Theme},
    reply::{cached, hash_tag},
    request::Request,
};
use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use cache::Key;

/// One script, ours, which asks nobody but us; nothing is loaded from elsewhere; portals may frame a page.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors *; base-uri 'none'; form-action 'self'";
const HTML: &str = "text/html; charset=utf-8";
/// The longest search text, in characters.
const LONGEST_SEARCH: usize = 100;

/// Routes beside the contract.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/").get(dashboard))
        .service(web::resource("/provinces/{code}").get(province))
        .service(web::resource("/embed").get(embed))
        .service(web::resource("/oembed").get(oembed::oembed))
        .service(web::resource("/pages.js").get(script));
}

/// The language of a page or picture: the one that is asked for, or what the browser prefers.
#[must_use]
pub fn lang_of(request: &Request, asked: Option<&str>) -> Lang {
    match asked {
        Some(tag) => Lang::from_query(Some(tag)),
        None => Lang::from_query(Some(Negotiated::negotiate(request.header(header::ACCEPT_LANGUAGE)).tag())),
    }
}

/// A value of a page's query. Pages are linked to from anywhere, so what they don't know they pass over.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// How a page is wanted.
fn look_of(request: &Request, pairs: &[(String, String)]) -> Look {
    let q = tinhnguyen_domain::text::nfc(value(pairs, "q").unwrap_or_default().trim());
    Look {
        lang: lang_of(request, value(pairs, "lang")),
        theme: Theme::from_query(value(pairs, "theme")),
        sort: Sort::from_query(value(pairs, "sort")),
        q: q.chars().filter(|c| !c.is_control()).take(LONGEST_SEARCH).collect(),
    }
}

/// The query of a page; one that can't be read is taken for none.
pub(crate) fn pairs_of(request: &Request) -> Vec<(String, String)> {
    request.query_pairs().unwrap_or_default()
}

fn how(look: &Look, code: Option<&str>) -> String {
    let Look { lang, theme, sort, q } = look;
    format!("{} {} {} {} {q}", lang.tag(), theme.tag(), sort.tag(), code.unwrap_or_default())
}

fn page(mut response: HttpResponse, lang: Lang) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
    response
}

/// The country's page: `?lang=vi|en&theme=light|dark|auto&q=…&sort=reported|verified|name|target`.
async fn dashboard(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let look = look_of(&request, &pairs_of(&request));
    let board = cache::board_of(&app, None).await?;
    let render = || public_pages::dashboard(&board.page, &look).map_err(ApiError::internal);
    let made = app.public.bodies.text(Key::new("dashboard", how(&look, None), &board), render)?;
    Ok(page(made.answer(&request, HTML), look.lang))
}

/// A unit's page, such as `/provinces/TD-01`.
async fn province(request: Request, code: web::Path<String>) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let look = Look { q: String::new(), sort: Sort::default(), ..look_of(&request, &pairs_of(&request)) };
    let Some(board) = figures::board(&app, Some(&code)).await? else {
        let country = cache::board_of(&app, None).await?;
        let code: String = code.chars().filter(|c| !c.is_control()).take(40).collect();
        let body = public_pages::missing(&country.page, &look, &code).map_err(ApiError::internal)?;
        let response = HttpResponse::build(StatusCode::NOT_FOUND)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type(HTML)
            .body(body);
        return Ok(page(response, look.lang));
    };
    let render = || public_pages::province(&board.page, &look).map_err(ApiError::internal);
    let made = app.public.bodies.text(Key::new("province", how(&look, Some(&code)), &board), render)?;
    Ok(page(made.answer(&request, HTML), look.lang))
}

/// The page for frames: `?province=TD-01&lang=…&theme=…`.
async fn embed(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let pairs = pairs_of(&request);
    let look = Look { q: String::new(), sort: Sort::default(), ..look_of(&request, &pairs) };
    let code = value(&pairs, "province");
    let board = figures::board(&app, code).await?.ok_or_else(ApiError::not_found)?;
    let render = || public_pages::embed(&board.page, &look).map_err(ApiError::internal);
    let made = app.public.bodies.text(Key::new("embed", how(&look, code), &board), render)?;
    Ok(page(made.answer(&request, HTML), look.lang))
}

/// The pages' script.
async fn script(request: Request) -> HttpResponse {
    let script = public_pages::SCRIPT;
    cached(&request, hash_tag(script), "public, max-age=300", "text/javascript; charset=utf-8", script)
}
