//! The feed of changes (thay đổi).

pub mod dto;
pub mod ops;
pub mod waiting;

use crate::{
    allowed::{Allowed, CatalogueRead, Demand},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get};
use dto::{ChangePage, ChangeQuery};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_changes);
}

/// Follow changes
///
/// What was changed of all that the caller may list (thay đổi), in the order of commits: none is ever missing, one may come
/// twice. Of each kind those things are told that the caller's own scopes and roles let them list: campaigns and indicators,
/// units and their targets, teams, memberships, activities, results; what was deleted or went out of their sight comes with `deleted`.
///
/// A client that begins asks with `since=now`, keeps `next_cursor`, lists what it wants to keep, and then follows from that
/// cursor on, with `wait=30` as long as it is connected. Several changes of one thing in one answer are told once, and the
/// thing is told as it is now, not as it was. When `sight_changed` is set, list again. Tallies are told as a change of
/// their activity; memberships that end with their team as a change of the team.
#[utoipa::path(tag = "changes", params(ChangeQuery),
    responses((status = 200, description = "What was changed.", body = ChangePage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor"]))))]
#[get("/v1/changes")]
async fn list_changes(allowed: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ChangeQuery = request.query(&app.contract)?;
    reply::document(&request, &ops::follow(&app, &allowed, &query).await?)
}
