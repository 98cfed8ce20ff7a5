//! Members of teams (đội viên).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, MemberWrite, TeamRead},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{Member, MemberPage, MemberPatch, MemberQuery, NewMember};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_team_members).service(create_team_member).service(get_team_member).service(patch_team_member);
}

/// List a team's members
///
/// The members (đội viên) of a team that the caller sees, past ones too, by their volunteers' ids.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team."), MemberQuery),
    responses((status = 200, description = "A page of members.", body = MemberPage)),
    extensions(("x-permission" = json!(TeamRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/teams/{id}/members")]
async fn list_team_members(allowed: Allowed<TeamRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: MemberQuery = request.query(&app.contract)?;
    let (page, may_write) = ops::list(app.store.read(), &allowed, *id, &query).await?;
    reply::page(&request, &query, page, |member| Member::of(member, may_write))
}

/// Add a member to a team
///
/// Puts a volunteer into a team (thêm đội viên) from a day on. Nobody is in two teams on one day, and a team has one
/// leader at a time.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team.")),
    request_body(content = NewMember, description = "The member."),
    responses((status = 201, description = "The new member.", body = Member),
        (status = 200, description = "The member that this id and body made before.", body = Member)),
    extensions(("x-permission" = json!(MemberWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "wrong_state", "member_elsewhere", "leader_exists", "reference_not_found", "dates_inverted"]))))]
#[post("/v1/teams/{id}/members")]
async fn create_team_member(
    allowed: Allowed<MemberWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewMember>(&app.contract).await?;
    reply::write(&app, &request, "create_team_member", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Read a member of a team
///
/// One member (đội viên) of a team that the caller sees.
#[utoipa::path(tag = "teams",
    params(("id" = Uuid, Path, description = "The team."), ("member_id" = Uuid, Path, description = "The membership.")),
    responses((status = 200, description = "The member.", body = Member)),
    extensions(("x-permission" = json!(TeamRead::PERMISSION.as_str()))))]
#[get("/v1/teams/{id}/members/{member_id}")]
async fn get_team_member(
    allowed: Allowed<TeamRead>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (team_id, id) = *path;
    reply::item(&request, &ops::read(app.store.read(), &allowed, team_id, id).await?)
}

/// Change a member's part or time in a team
///
/// Changes a member's part (vai trò) or days; a last day ends the membership. The last member of a team that is ready or
/// at work stays until another one is there or the team ends.
#[utoipa::path(tag = "teams",
    params(("id" = Uuid, Path, description = "The team."), ("member_id" = Uuid, Path, description = "The membership.")),
    request_body(content = MemberPatch, description = "What changes."),
    responses((status = 200, description = "The changed member.", body = Member)),
    extensions(("x-permission" = json!(MemberWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "member_elsewhere", "leader_exists", "last_member", "volunteer_erased", "dates_inverted"]))))]
#[patch("/v1/teams/{id}/members/{member_id}")]
async fn patch_team_member(
    allowed: Allowed<MemberWrite>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<MemberPatch>(&app.contract).await?;
    let (team_id, id) = *path;
    reply::write(&app, &request, "patch_team_member", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, team_id, id, &input.value).await
    })
    .await
}
