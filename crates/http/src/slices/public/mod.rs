//! What everybody may see (công khai): figures as JSON and CSV, pictures for other people's pages, and live events. One
//! scheme: `/v1/public/WHAT` is JSON, `.csv` the same as a table, `.svg` and `.png` a picture of it.

mod csv;
pub mod dto;

use crate::{
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    public::{
        cache::{Key, board_of},
        figures::Board,
        lang_of, live,
    },
    public_pages::{self, Dashboard, Lang, Picture, Theme},
    request::Request,
};
use actix_web::{
    HttpResponse, get,
    http::header::{self, ContentEncoding, HeaderName, HeaderValue},
    web::Data,
};
use dto::{
    MapQuery, PictureQuery, PublicCurve, PublicDataQuery, PublicLocalities, PublicLocalitiesQuery, PublicProvinces,
    PublicShares,
};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8; header=present";
const SVG: &str = "image/svg+xml; charset=utf-8";
const PNG: &str = "image/png";
/// What a picture may load when somebody opens it by itself.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// The width of a picture that nobody stated one for, in pixels.
const WIDTH: u32 = 640;

/// The bytes of a picture, as they are.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary, example = json!("…"))]
pub struct PictureBytes(pub Vec<u8>);

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_public_progress_csv)
        .service(get_public_progress_svg)
        .service(get_public_progress_png)
        .service(get_public_progress_events)
        .service(get_public_curve)
        .service(get_public_curve_csv)
        .service(get_public_curve_svg)
        .service(get_public_curve_png)
        .service(get_public_provinces)
        .service(get_public_provinces_csv)
        .service(get_public_provinces_svg)
        .service(get_public_provinces_png)
        .service(get_public_progress_provinces_svg)
        .service(get_public_progress_provinces_png)
        .service(get_public_topics)
        .service(get_public_topics_csv)
        .service(get_public_audiences)
        .service(get_public_audiences_csv)
        .service(get_public_localities)
        .service(get_public_localities_csv);
}

/// How a picture is wanted, in one way of writing.
struct Wanted {
    picture: Picture,
    lang: Lang,
    theme: Theme,
    width: u32,
    province: Option<String>,
}

impl Wanted {
    fn of(picture: Picture, query: PictureQuery, request: &Request) -> Self {
        Self {
            picture,
            lang: query.lang.map_or_else(|| lang_of(request, None), Into::into),
            theme: query.theme.unwrap_or_default().into(),
            width: query.width.unwrap_or(WIDTH),
            province: query.province,
        }
    }

    fn draw(&self, page: &Dashboard) -> String {
        public_pages::svg(self.picture, page, self.lang, self.theme, self.width)
    }

    fn key(&self, form: &'static str, board: &Board) -> Key {
        let Self { picture, lang, theme, width, province } = self;
        let province = province.as_deref().unwrap_or_default();
        Key::new(form, format!("{picture:?} {} {} {width} {province}", lang.tag(), theme.tag()), board)
    }
}

/// A picture may be shown by any page.
fn shown_anywhere(mut response: HttpResponse, lang: Lang) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY));
    let anywhere = HeaderValue::from_static("cross-origin");
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), anywhere);
    response
}

async fn svg(request: &Request, picture: Picture, query: PictureQuery) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let wanted = Wanted::of(picture, query, request);
    let board = board_of(&app, wanted.province.as_deref()).await?;
    let drawn = app.public.bodies.text(wanted.key(SVG, &board), || Ok(wanted.draw(&board.page)))?;
    Ok(shown_anywhere(drawn.answer(request, SVG), wanted.lang))
}

async fn png(request: &Request, picture: Picture, query: PictureQuery) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let wanted = Wanted::of(picture, query, request);
    let board = board_of(&app, wanted.province.as_deref()).await?;
    let drawn = app.public.bodies.png(wanted.key(PNG, &board), || wanted.draw(&board.page)).await?;
    Ok(shown_anywhere(drawn.answer(request, PNG), wanted.lang))
}

/// Declares the two forms of a picture.
macro_rules! pictures {
    ($($(#[$doc:meta])* $name:ident at $path:tt: $form:ident($picture:ident, $query:ident) as $schema:ident, $media:tt, $example:tt;)+) => {$(
        $(#[$doc])*
        #[utoipa::path(tag = "public", params($query),
            responses((status = 200, description = "The picture.", body = $schema, content_type = $media, example = json!($example))),
            extensions(("x-codes" = json!(["not_found"]))))]
        #[get($path)]
        async fn $name(request: Request) -> ApiResult<HttpResponse> {
            let query: $query = request.query(&request.app()?.contract)?;
            $form(&request, Picture::$picture, query.into()).await
        }
    )+};
}

impl From<MapQuery> for PictureQuery {
    fn from(query: MapQuery) -> Self {
        Self { lang: query.lang, theme: query.theme, width: query.width, province: None }
    }
}

pictures! {
    /// Draw the figure as SVG
    ///
    /// The figure towards the target (ảnh tiến độ) as a picture for an `<img>` of any page, of the country or of one unit. It has
    /// a title and a description for those who don't see it.
    get_public_progress_svg at "/v1/public/progress.svg": svg(Progress, PictureQuery) as String, "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>";
    /// Draw the figure as PNG
    ///
    /// The figure towards the target (ảnh tiến độ), for where SVG isn't taken.
    get_public_progress_png at "/v1/public/progress.png": png(Progress, PictureQuery) as PictureBytes, "image/png", "…";
    /// Draw the curve as SVG
    ///
    /// Cumulative turns by day (đồ thị tiến độ) beside the even pace, with the forecast up to the campaign's end.
    get_public_curve_svg at "/v1/public/curve.svg": svg(Curve, PictureQuery) as String, "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>";
    /// Draw the curve as PNG
    ///
    /// Cumulative turns by day (đồ thị tiến độ), for where SVG isn't taken.
    get_public_curve_png at "/v1/public/curve.png": png(Curve, PictureQuery) as PictureBytes, "image/png", "…";
    /// Draw the map of the provinces as SVG
    ///
    /// The tile map (bản đồ ô vuông các tỉnh, thành): a square for each province, with its number. From 720 pixels on the ranking
    /// stands beside it.
    get_public_provinces_svg at "/v1/public/provinces.svg": svg(Provinces, MapQuery) as String, "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>";
    /// Draw the map of the provinces as PNG
    ///
    /// The tile map (bản đồ ô vuông các tỉnh, thành), for where SVG isn't taken.
    get_public_provinces_png at "/v1/public/provinces.png": png(Provinces, MapQuery) as PictureBytes, "image/png", "…";
    /// Draw the map of the provinces as SVG, by its other address
    ///
    /// The same as `/v1/public/provinces.svg` (bản đồ ô vuông các tỉnh, thành), which is the one to use.
    get_public_progress_provinces_svg at "/v1/public/progress/provinces.svg": svg(Provinces, MapQuery) as String, "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>";
    /// Draw the map of the provinces as PNG, by its other address
    ///
    /// The same as `/v1/public/provinces.png` (bản đồ ô vuông các tỉnh, thành), which is the one to use.
    get_public_progress_provinces_png at "/v1/public/progress/provinces.png": png(Provinces, MapQuery) as PictureBytes, "image/png", "…";
}

/// A table, rendered unless it is there; browsers save it under a name of its own.
fn table(
    request: &Request,
    board: &Board,
    what: &'static str,
    render: impl FnOnce(&Dashboard) -> ApiResult<String>,
) -> ApiResult<HttpResponse> {
    let code = board.page.whose.as_ref().map(|whose| whose.code.as_str()).unwrap_or_default();
    let key = Key::new(CSV, format!("{what} {code}"), board);
    let made = request.app()?.public.bodies.text(key, || render(&board.page))?;
    let mut response = made.answer(request, CSV);
    let sound: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let of = if sound.is_empty() { String::new() } else { format!("-{sound}") };
    let name = format!("attachment; filename=\"tinhnguyen-{what}{of}.csv\"");
    let name = HeaderValue::from_str(&name).map_err(ApiError::internal)?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// A document, rendered unless it is there.
fn document<T: serde::Serialize>(
    request: &Request,
    board: &Board,
    what: &'static str,
    render: impl FnOnce(&Dashboard) -> ApiResult<T>,
) -> ApiResult<HttpResponse> {
    let code = board.page.whose.as_ref().map(|whose| whose.code.as_str()).unwrap_or_default();
    let key = Key::new(JSON, format!("{what} {code}"), board);
    let make = || serde_json::to_string(&render(&board.page)?).map_err(ApiError::internal);
    Ok(request.app()?.public.bodies.text(key, make)?.answer(request, JSON))
}

async fn board(request: &Request) -> ApiResult<Arc<Board>> {
    let app = request.app()?;
    let query: PublicDataQuery = request.query(&app.contract)?;
    board_of(&app, query.province.as_deref()).await
}

async fn country(request: &Request) -> ApiResult<Arc<Board>> {
    request.no_query()?;
    board_of(&request.app()?, None).await
}

async fn places(request: &Request) -> ApiResult<Arc<Board>> {
    let app = request.app()?;
    let query: PublicLocalitiesQuery = request.query(&app.contract)?;
    let missing = || ApiError::parameter(Fault::of_parameter("province", Code::Required));
    board_of(&app, Some(&query.province.ok_or_else(missing)?)).await
}

/// Read public progress as a table
///
/// The figure (tiến độ công khai) of the country or of one unit, as CSV with one row: campaign, unit, target, both figures and
/// what they stand at. UTF-8 with a byte order mark, as Excel wants it.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("campaign,province,name,target,reported,verified,percent,verified_percent,as_of,ledger_seq\r\n…"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/progress.csv")]
async fn get_public_progress_csv(request: Request) -> ApiResult<HttpResponse> {
    table(&request, board(&request).await?.as_ref(), "progress", csv::progress)
}

/// Read the curve
///
/// Figures by day (đồ thị tiến độ) of the country or of one unit, with what an even pace would have reached and the forecast.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The figures.", body = PublicCurve)),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/curve")]
async fn get_public_curve(request: Request) -> ApiResult<HttpResponse> {
    document(&request, board(&request).await?.as_ref(), "curve", |page| Ok(PublicCurve::of(page)))
}

/// Read the curve as a table
///
/// Figures by day (đồ thị tiến độ) as CSV: a row for each day with reports.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("day,reported,verified,reported_total,verified_total\r\n2024-06-01,68000,61000,68000,61000\r\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/curve.csv")]
async fn get_public_curve_csv(request: Request) -> ApiResult<HttpResponse> {
    table(&request, board(&request).await?.as_ref(), "curve", |page| csv::curve(&PublicCurve::of(page)))
}

/// Read the provinces
///
/// The provincial unions and the unions directly under the centre (tỉnh, thành Đoàn và Đoàn trực thuộc), with targets and
/// figures.
#[utoipa::path(tag = "public",
    responses((status = 200, description = "The figures.", body = PublicProvinces)),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/provinces")]
async fn get_public_provinces(request: Request) -> ApiResult<HttpResponse> {
    document(&request, country(&request).await?.as_ref(), "provinces", |page| Ok(PublicProvinces::of(page)))
}

/// Read the provinces as a table
///
/// The provincial unions and the unions directly under the centre (tỉnh, thành Đoàn và Đoàn trực thuộc) as CSV: a row for each.
#[utoipa::path(tag = "public",
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("code,name,name_en,kind,target,reported,verified,percent\r\nTD-01,Thành Đoàn Hà Nội,Ha Noi City Youth Union,province,150000,315975,300000,210.65\r\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/provinces.csv")]
async fn get_public_provinces_csv(request: Request) -> ApiResult<HttpResponse> {
    table(&request, country(&request).await?.as_ref(), "provinces", |page| csv::provinces(&PublicProvinces::of(page)))
}

/// Read the topics
///
/// What was taught (nội dung hỗ trợ), of the country or of one unit; topics without reports too.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The figures.", body = PublicShares)),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/topics")]
async fn get_public_topics(request: Request) -> ApiResult<HttpResponse> {
    document(&request, board(&request).await?.as_ref(), "topics", |page| Ok(PublicShares::of(page, &page.topics)))
}

/// Read the topics as a table
///
/// What was taught (nội dung hỗ trợ) as CSV: a row for each topic.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("key,name,name_en,reported,verified\r\ncyber_safety,\"An toàn, an ninh mạng\",Cyber safety,420000,400000\r\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/topics.csv")]
async fn get_public_topics_csv(request: Request) -> ApiResult<HttpResponse> {
    table(&request, board(&request).await?.as_ref(), "topics", |page| {
        csv::shares(&PublicShares::of(page, &page.topics))
    })
}

/// Read the audiences
///
/// Who was supported (đối tượng), of the country or of one unit.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The figures.", body = PublicShares)),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/audiences")]
async fn get_public_audiences(request: Request) -> ApiResult<HttpResponse> {
    document(&request, board(&request).await?.as_ref(), "audiences", |page| Ok(PublicShares::of(page, &page.audiences)))
}

/// Read the audiences as a table
///
/// Who was supported (đối tượng) as CSV: a row for each audience.
#[utoipa::path(tag = "public", params(PublicDataQuery),
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("key,name,name_en,reported,verified\r\nyoung_people,Thanh niên,Young people,420000,400000\r\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/audiences.csv")]
async fn get_public_audiences_csv(request: Request) -> ApiResult<HttpResponse> {
    table(&request, board(&request).await?.as_ref(), "audiences", |page| {
        csv::shares(&PublicShares::of(page, &page.audiences))
    })
}

/// Read where a unit's turns were done
///
/// A unit's figure by place (nơi thực hiện): by the districts or communes of its province, and by province for a union without a
/// territory. Counts below a threshold are withheld, because a small count of a small place could tell of a person.
#[utoipa::path(tag = "public", params(PublicLocalitiesQuery),
    responses((status = 200, description = "The figures.", body = PublicLocalities)),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/localities")]
async fn get_public_localities(request: Request) -> ApiResult<HttpResponse> {
    let none = || ApiError::internal("a unit without places");
    document(&request, places(&request).await?.as_ref(), "localities", |page| {
        PublicLocalities::of(page).ok_or_else(none)
    })
}

/// Read where a unit's turns were done as a table
///
/// A unit's figure by place (nơi thực hiện) as CSV: a row for each place, and one (`together`) for those that are withheld.
#[utoipa::path(tag = "public", params(PublicLocalitiesQuery),
    responses((status = 200, description = "The table.", body = String, content_type = "text/csv",
        example = json!("code,name,reported,shown\r\n001,Quận Ba Đình,4200,exact\r\n002,Quận Hoàn Kiếm,,below_threshold\r\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/localities.csv")]
async fn get_public_localities_csv(request: Request) -> ApiResult<HttpResponse> {
    let none = || ApiError::internal("a unit without places");
    table(&request, places(&request).await?.as_ref(), "localities", |page| {
        csv::localities(&PublicLocalities::of(page).ok_or_else(none)?)
    })
}

/// Listen to public progress
///
/// Server-sent events (số liệu trực tiếp): an event `progress` at once, and whenever the ledger has moved, once a second at the
/// most. Its data are `ledger_seq`, `as_of`, `target`, `reported`, `verified`, `percent` and `verified_percent`; its id is
/// `ledger_seq`, and who comes back with it as `Last-Event-ID` is told only what is newer. A comment every 15 seconds keeps the
/// connection. When too many listen the answer is 503 with `Retry-After`.
#[utoipa::path(tag = "public", params(PublicDataQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event's id; browsers send it by themselves.", max_length = 40)),
    responses((status = 200, description = "Events, until the client goes.", body = String, content_type = "text/event-stream",
        example = json!("id: 182340\nevent: progress\ndata: {\"ledger_seq\":182340,\"as_of\":\"2024-07-15T03:00:00Z\",\"target\":6000000,\"reported\":5123456,\"verified\":4321000,\"percent\":85.39,\"verified_percent\":72.02}\n\n"))),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/public/progress/events")]
async fn get_public_progress_events(request: Request) -> ApiResult<HttpResponse> {
    let app: Data<App> = request.app()?;
    let query: PublicDataQuery = request.query(&app.contract)?;
    let provenance = request.provenance()?;
    let last = request.header("last-event-id").and_then(|id| id.trim().parse().ok());
    if let Some(code) = &query.province {
        live::known(&app, code).await?;
    }
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Neither compressed nor buffered on the way: an event is of use at once or not at all.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("x-accel-buffering", "no"));
    if provenance.head {
        return Ok(response.finish());
    }
    Ok(response.streaming(live::listen(&app, provenance.address, query.province, last)?))
}
