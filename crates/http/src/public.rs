//! The public dashboard page and picture, drawn from the figures.

use crate::{
    app::App,
    problem::{ApiError, ApiResult},
    progress::Asked,
    public_pages::{self, Dashboard, Day, Figures, Label, Lang, ProgressPicture, Share, Theme, Unit},
    reply::{PUBLIC_CACHE, cached, hash_tag},
    request::Request,
    slices::progress::{dto::ProgressGroup, groups, ops},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::Data,
};
use tinhnguyen_domain::counting::Count;

/// The page runs no script and loads nothing from elsewhere; portals may frame it.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors *; base-uri 'none'; form-action 'none'";

fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?.into_inner();
    query.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

fn figures(count: Count) -> Figures {
    Figures { reported: count.reported.0, verified: count.verified.0 }
}

fn share(group: ProgressGroup) -> Share {
    let figures = Figures { reported: group.reported, verified: group.verified };
    Share { name: Label { vi: group.name, en: group.name_en }, figures }
}

async fn page_of(app: &Data<App>) -> ApiResult<Dashboard> {
    app.figures
        .with(app, |view| {
            let subject = view.subjects.find(None).ok_or_else(ApiError::not_found)?;
            let root = view.trees.root().ok_or_else(ApiError::not_found)?;
            let asked = Asked::all(subject.indicator.stamp.id, &root.path);
            let target = subject.indicator.target_value;
            let days = view.by_day(&asked);
            Ok(Dashboard {
                campaign: Label { vi: subject.campaign.name.clone(), en: subject.campaign.name_en.clone() },
                indicator: Label { vi: subject.indicator.name.clone(), en: subject.indicator.name_en.clone() },
                target,
                total: figures(view.total(&asked)),
                starts_on: subject.campaign.starts_on,
                ends_on: subject.campaign.ends_on,
                as_of: view.as_of,
                ledger_seq: view.ledger_seq(),
                expected: Some(ops::pace(view, &subject, target, &days).expected),
                days: days.into_iter().map(|(day, count)| Day { day, added: figures(count) }).collect(),
                units: groups::units(view, root, view.by_child(&asked), &view.targets(&subject))
                    .into_iter()
                    .map(|group| {
                        let target = group.target.flatten();
                        let Share { name, figures } = share(group);
                        Unit { name, figures, target }
                    })
                    .collect(),
                topics: groups::topics(view, &asked).into_iter().map(share).collect(),
                audiences: groups::audiences(view, &asked).into_iter().map(share).collect(),
                demo: view.heads.demo,
                public_url: Some(app.settings.public_url.clone()).filter(|url| !url.is_empty()),
            })
        })
        .await?
}

/// The page's language: `?lang=`, or what the browser asks for.
fn lang_of(http: &HttpRequest) -> Lang {
    match parameter(http, "lang") {
        Some(tag) => Lang::from_query(Some(&tag)),
        None => {
            let accept = http.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
            Lang::from_query(Some(crate::problem::Lang::negotiate(accept).tag()))
        }
    }
}

/// The public page at `/`.
///
/// # Errors
/// `unavailable` when the database can't be asked.
pub async fn dashboard(http: HttpRequest, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let lang = lang_of(&http);
    let body = public_pages::dashboard(&page_of(&app).await?, lang).map_err(ApiError::internal)?;
    let mut response = cached(&request, hash_tag(&body), PUBLIC_CACHE, "text/html; charset=utf-8", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
    Ok(response)
}

/// The picture that portals embed: `?lang=vi|en&theme=light|dark|auto&width=320…1600`.
///
/// # Errors
/// `unavailable` when the database can't be asked.
pub async fn progress_svg(http: HttpRequest, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let lang = lang_of(&http);
    let theme = Theme::from_query(parameter(&http, "theme").as_deref());
    let width = parameter(&http, "width").and_then(|w| w.parse().ok()).unwrap_or(640);
    let page = page_of(&app).await?;
    let picture = ProgressPicture {
        title: page.indicator,
        target: page.target,
        total: page.total,
        as_of: page.as_of,
        demo: page.demo,
    };
    let body = public_pages::progress_svg(&picture, lang, theme, width);
    let mut response = cached(&request, hash_tag(&body), PUBLIC_CACHE, "image/svg+xml; charset=utf-8", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    // A picture may be shown by any page.
    headers.insert(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    Ok(response)
}
