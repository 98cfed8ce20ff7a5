//! Volunteer teams (đội hình tình nguyện).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, TeamRead, TeamWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{NewTeam, Team, TeamPage, TeamPatch, TeamQuery};
use tinhnguyen_domain::teams::TeamAction;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_teams)
        .service(create_team)
        .service(get_team)
        .service(patch_team)
        .service(ready_team)
        .service(deploy_team)
        .service(complete_team)
        .service(cancel_team);
}

/// List teams
///
/// Teams (đội hình) of the caller's subtrees, or a team leader's own.
#[utoipa::path(tag = "teams", params(TeamQuery),
    responses((status = 200, description = "A page of teams.", body = TeamPage)),
    extensions(("x-permission" = json!(TeamRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/teams")]
async fn list_teams(allowed: Allowed<TeamRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: TeamQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |team| match units.get(&team.org_unit_id) {
        Some(unit) => view(team, unit),
        None => Team::of(team, false),
    })
}

/// Create a team
///
/// Sets up a team (thành lập đội hình) of a unit that the caller coordinates.
#[utoipa::path(tag = "teams", request_body(content = NewTeam, description = "The team."),
    responses((status = 201, description = "The new team.", body = Team),
        (status = 200, description = "The team that this id and body made before.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "campaign_not_open", "reference_not_found", "dates_inverted", "outside_campaign", "locality_not_valid", "unit_ended"]))))]
#[post("/v1/teams")]
async fn create_team(allowed: Allowed<TeamWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewTeam>(&app.contract).await?;
    reply::write(&app, &request, "create_team", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a team
///
/// One team (đội hình) that the caller sees.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The team.", body = Team)),
    extensions(("x-permission" = json!(TeamRead::PERMISSION.as_str()))))]
#[get("/v1/teams/{id}")]
async fn get_team(allowed: Allowed<TeamRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (team, unit) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view(&allowed)(team, &unit.path))
}

/// Change a team
///
/// Changes a team (đội hình) that is not completed or cancelled.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    request_body(content = TeamPatch, description = "What changes."),
    responses((status = 200, description = "The changed team.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["not_editable", "campaign_not_open", "reference_not_found", "dates_inverted", "outside_campaign", "locality_not_valid", "member_elsewhere"]))))]
#[patch("/v1/teams/{id}")]
async fn patch_team(allowed: Allowed<TeamWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<TeamPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_team", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Declare a team ready
///
/// forming → ready (đội sẵn sàng). Wants a leader: a member whose part is `leader`, or somebody with the role
/// `team_leader` on it; and where members were registered, one who is still there.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The team.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state", "team_not_ready"]))))]
#[post("/v1/teams/{id}/ready")]
async fn ready_team(allowed: Allowed<TeamWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "ready_team", *id, TeamAction::Ready).await
}

/// Deploy a team
///
/// ready → deployed (ra quân).
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The team.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/teams/{id}/deploy")]
async fn deploy_team(allowed: Allowed<TeamWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "deploy_team", *id, TeamAction::Deploy).await
}

/// Complete a team
///
/// deployed → completed (hoàn thành).
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The team.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/teams/{id}/complete")]
async fn complete_team(allowed: Allowed<TeamWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "complete_team", *id, TeamAction::Complete).await
}

/// Cancel a team
///
/// forming, ready, deployed → cancelled (hủy đội hình). What it has reported stays counted.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    responses((status = 200, description = "The team.", body = Team)),
    extensions(("x-permission" = json!(TeamWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/teams/{id}/cancel")]
async fn cancel_team(allowed: Allowed<TeamWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    act(&allowed, &request, "cancel_team", *id, TeamAction::Cancel).await
}

async fn act(
    allowed: &Allowed<TeamWrite>,
    request: &Request,
    operation: &'static str,
    id: Uuid,
    action: TeamAction,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let today = app.today();
    reply::write(&app, request, operation, &allowed.actor, &[], async |tx, cx| {
        ops::act(tx, cx, allowed, id, action, today).await
    })
    .await
}
