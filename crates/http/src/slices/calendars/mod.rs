//! Calendars of teams (lịch hoạt động của đội), for calendar applications.

pub mod dto;
mod feed;
pub mod ops;

use crate::{
    allowed::{ActivityRead, ActivityWrite, Allowed, Demand},
    problem::ApiResult,
    reply::{self, cached, hash_tag},
    request::Request,
};
use actix_web::{HttpResponse, delete, get, http::header, post, web::Path};
use dto::{CalendarLink, CalendarLinkList};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

/// The media type of iCalendar text.
const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_team_calendar)
        .service(list_calendar_links)
        .service(create_calendar_link)
        .service(delete_calendar_link)
        .service(get_public_calendar);
}

fn calendar(request: &Request, text: String) -> HttpResponse {
    let mut response = cached(request, hash_tag(&text), "private, no-cache", MEDIA_TYPE, text);
    let name = header::HeaderValue::from_static("inline; filename=\"lich-hoat-dong.ics\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    response
}

/// Read a team's calendar
///
/// The activities that a team takes part in (lịch hoạt động), as iCalendar text (RFC 5545): one event for each, with a UID
/// that stays, its version as `SEQUENCE`, and `STATUS:CANCELLED` when it is cancelled. Of more than 2,000 the latest.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The calendar.", body = String, content_type = "text/calendar",
        example = json!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n…\r\nEND:VCALENDAR\r\n"))),
    extensions(("x-permission" = json!(ActivityRead::PERMISSION.as_str()))))]
#[get("/v1/teams/{id}/calendar.ics")]
async fn get_team_calendar(
    allowed: Allowed<ActivityRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let text = ops::of_team(app.store.read(), &allowed, *id).await?;
    Ok(calendar(&request, text))
}

/// List a team's calendar links
///
/// The links (liên kết lịch) by which calendar applications read a team's calendar, without their secrets: for whoever
/// coordinates or leads the team.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The links.", body = CalendarLinkList)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str()))))]
#[get("/v1/teams/{id}/calendar-links")]
async fn list_calendar_links(
    allowed: Allowed<ActivityWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::list(&request, ops::links(app.store.read(), &allowed, *id).await?)
}

/// Create a calendar link
///
/// Makes an address (tạo liên kết lịch) that calendar applications subscribe to without an account. It holds an unguessable
/// secret, is shown once, and works until it is deleted. Whoever has it sees titles, times and places of the team's
/// activities, and nothing of any person. 20 links a team at the most.
#[utoipa::path(tag = "activities", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 201, description = "The new link, with its address.", body = CalendarLink)),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "idempotency_in_progress"]))))]
#[post("/v1/teams/{id}/calendar-links")]
async fn create_calendar_link(
    allowed: Allowed<ActivityWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let base = app.settings.public_url.clone();
    reply::write(&app, &request, "create_calendar_link", &allowed.actor, &[], async |tx, cx| {
        ops::create(tx, cx, &allowed, &base, *id).await
    })
    .await
}

/// Delete a calendar link
///
/// Takes a link back (thu hồi liên kết lịch): its address answers 404 at once. A link never changes: `If-Match` is `"1"` or
/// `*`.
#[utoipa::path(tag = "activities",
    params(("id" = Uuid, Path, description = "The team."), ("link_id" = Uuid, Path, description = "The link.")),
    responses((status = 204, description = "The link is gone.")),
    extensions(("x-permission" = json!(ActivityWrite::PERMISSION.as_str()))))]
#[delete("/v1/teams/{id}/calendar-links/{link_id}")]
async fn delete_calendar_link(
    allowed: Allowed<ActivityWrite>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let (id, link_id) = *path;
    reply::write(&app, &request, "delete_calendar_link", &allowed.actor, &[], async |tx, cx| {
        ops::delete(tx, cx, &allowed, id, link_id).await
    })
    .await
}

/// Read a calendar by its link
///
/// The calendar (lịch hoạt động) that a link's address opens, for calendar applications, which send no token.
#[utoipa::path(tag = "activities",
    params(("file" = String, Path, description = "The secret of the link's address, and `.ics`.", max_length = 200)),
    responses((status = 200, description = "The calendar.", body = String, content_type = "text/calendar",
        example = json!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n…\r\nEND:VCALENDAR\r\n"))))]
#[get("/v1/public/calendars/{file}")]
async fn get_public_calendar(file: Path<String>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let text = ops::of_link(app.store.read(), &file).await?;
    Ok(calendar(&request, text))
}
