//! oEmbed 1.0: whoever pastes the address of a page of ours into another site gets the frame that shows it there.

use super::{figures, lang_of, value};
use crate::{
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    public_pages::{Lang, path_of},
    request::Request,
};
use actix_web::{HttpResponse, http::header};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use url::{Url, form_urlencoded::byte_serialize};

/// How wide a frame is, unless less is asked for, in pixels.
const WIDTH: u32 = 640;
/// How high it is, unless less is asked for: a narrow one needs more.
const HEIGHT: u32 = 440;
const HEIGHT_WHEN_NARROW: u32 = 500;
/// The width below which a frame is narrow.
const NARROW: u32 = 480;
/// How long an answer may be kept, in seconds.
const CACHE_AGE: u32 = 3600;

/// The two formats of an answer.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Xml,
}

/// What an address stands for.
struct Page {
    /// Where the service is reached.
    base: String,
    /// The unit; the country when absent.
    code: Option<String>,
    /// As the address asks for them.
    lang: Option<String>,
    theme: Option<String>,
}

fn format_of(text: Option<&str>) -> ApiResult<Format> {
    match text {
        None | Some("json") => Ok(Format::Json),
        Some("xml") => Ok(Format::Xml),
        Some(_) => Err(ApiError::new(Code::FormatNotOffered)),
    }
}

/// Pixels that the other site has room for.
fn room(pairs: &[(String, String)], name: &str, usual: u32) -> ApiResult<u32> {
    let Some(text) = value(pairs, name) else { return Ok(usual) };
    match text.parse::<u32>() {
        Ok(most) if most > 0 => Ok(most.min(usual)),
        _ => Err(ApiError::parameter(Fault::of_parameter(name, Code::WrongType).limit("integer"))),
    }
}

/// The page of ours that an address names; `None` when it is none. The host must be the public one; a service that wasn't told
/// its own goes by the host that it was asked at.
fn page_of(app: &App, request: &Request, text: &str) -> Option<Page> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    let base = app.settings.public_url.as_str();
    let (base, path) = if base.is_empty() {
        let asked = request.header(header::HOST)?;
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        (authority.eq_ignore_ascii_case(asked)).then(|| (origin, url.path().to_owned()))?
    } else {
        let ours = Url::parse(base).ok()?;
        let same = ours.origin() == url.origin();
        let path = url.path().strip_prefix(ours.path().trim_end_matches('/'))?;
        same.then(|| (base.to_owned(), path.to_owned()))?
    };
    let asked = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    let code = match path.as_str() {
        "" | "/" => None,
        "/embed" => asked("province"),
        other => {
            let code = other.strip_prefix("/provinces/")?;
            // The path as it was written: a code that needs no escapes is the same.
            let decoded = url::form_urlencoded::parse(format!("c={}", code.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())?;
            Some(decoded).filter(|code| !code.is_empty() && !code.contains('/'))
        }
    };
    if code.is_none() && !matches!(path.as_str(), "" | "/" | "/embed") {
        return None;
    }
    Some(Page { base, code, lang: asked("lang"), theme: asked("theme") })
}

/// `/oembed?url=…&format=json|xml&maxwidth=…&maxheight=…`.
///
/// # Errors
/// 400 without an address or with sizes that are none, 404 for an address that is no page of ours, 501 for another format.
pub async fn oembed(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let pairs = request.query_pairs()?;
    let format = format_of(value(&pairs, "format"))?;
    let missing = || ApiError::parameter(Fault::of_parameter("url", Code::Required));
    let address = value(&pairs, "url").ok_or_else(missing)?;
    let width = room(&pairs, "maxwidth", WIDTH)?;
    let height = room(&pairs, "maxheight", if width < NARROW { HEIGHT_WHEN_NARROW } else { HEIGHT })?;
    let page = page_of(&app, &request, address).ok_or_else(ApiError::not_found)?;
    let board = figures::board(&app, page.code.as_deref()).await?.ok_or_else(ApiError::not_found)?;
    let lang = lang_of(&request, page.lang.as_deref());
    let title = board.page.title().in_lang(lang).0;
    let members = answer(&page, lang, title, (width, height));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, format!("public, max-age={CACHE_AGE}")));
    Ok(match format {
        Format::Json => response.content_type("application/json").body(Value::Object(members).to_string()),
        Format::Xml => response.content_type("text/xml; charset=utf-8").body(xml(&members)),
    })
}

fn answer(page: &Page, lang: Lang, title: &str, (width, height): (u32, u32)) -> Map<String, Value> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let base = &page.base;
    let mut query = format!("lang={}", lang.tag());
    if let Some(theme) = page.theme.as_deref().filter(|theme| matches!(*theme, "light" | "dark")) {
        let _ = write!(query, "&theme={theme}");
    }
    if let Some(code) = &page.code {
        let _ = write!(query, "&province={}", encoded(code));
    }
    let escape = crate::public_pages::escape;
    let frame = format!("{base}/embed?{query}");
    let html = format!(
        r#"<iframe src="{}" title="{}" width="{width}" height="{height}" style="border:0;max-width:100%" loading="lazy"></iframe>"#,
        escape(&frame),
        escape(title)
    );
    let whole = page.code.as_deref().map_or_else(|| "/".to_owned(), path_of);
    let members = json!({
        "version": "1.0",
        "type": "rich",
        "title": title,
        "provider_name": "tinhnguyen",
        "provider_url": format!("{base}/"),
        "author_url": format!("{base}{whole}"),
        "cache_age": CACHE_AGE,
        "html": html,
        "width": width,
        "height": height,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn xml(members: &Map<String, Value>) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<oembed>\n".to_owned();
    for (name, value) in members {
        let plain = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        // Writing to a String can't fail.
        let _ = writeln!(text, "  <{name}>{}</{name}>", crate::public_pages::escape(&plain));
    }
    text.push_str("</oembed>\n");
    text
}
