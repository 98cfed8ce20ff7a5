//! Invitations (lời mời).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{AccessRead, AccessWrite, Actor, Allowed, Demand},
    problem::{ApiError, ApiResult, Code},
    reply,
    request::Request,
    slices::{access::dto::User, auth::secrets},
};
use actix_web::{HttpResponse, get, post, web::Path};
use dto::{Invitation, InvitationAcceptance, InvitationPage, InvitationQuery, NewInvitation};
use tinhnguyen_persistence::invitations;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_invitations)
        .service(create_invitation)
        .service(get_invitation)
        .service(revoke_invitation)
        .service(accept_invitation);
}

/// List invitations
///
/// Invitations (lời mời) that bring a role in the subtrees that the caller administers, and those that the caller sent.
#[utoipa::path(tag = "access", params(InvitationQuery),
    responses((status = 200, description = "A page of invitations.", body = InvitationPage)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/invitations")]
async fn list_invitations(allowed: Allowed<AccessRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: InvitationQuery = request.query(&app.contract)?;
    let now = app.clock.now();
    let (page, mut grants) = ops::list(app.store.read(), &allowed, &query, now).await?;
    let items = page.data.into_iter().map(|invitation| {
        let of = grants.remove(&invitation.stamp.id).unwrap_or_default();
        Invitation::of(invitation, of, now)
    });
    let page =
        tinhnguyen_persistence::page::Page { data: items.collect::<Vec<_>>(), next: page.next, total: page.total };
    reply::page(&request, &query, page, |shown| shown)
}

/// Invite somebody
///
/// Asks somebody by mail to come (mời tham gia), with roles over subtrees that the caller administers. The link of the mail
/// is good once, for seven days; it stands in no answer.
#[utoipa::path(tag = "access", request_body(content = NewInvitation, description = "The invitation."),
    responses((status = 201, description = "The new invitation.", body = Invitation),
        (status = 200, description = "The invitation that this id and body made before.", body = Invitation)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "reference_not_found", "dates_inverted"]))))]
#[post("/v1/invitations")]
async fn create_invitation(allowed: Allowed<AccessWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewInvitation>(&app.contract).await?;
    reply::write(&app, &request, "create_invitation", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &app, &allowed, &input.value).await
    })
    .await
}

/// Read an invitation
///
/// One invitation (lời mời) that the caller sees.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The invitation.")),
    responses((status = 200, description = "The invitation.", body = Invitation)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str()))))]
#[get("/v1/invitations/{id}")]
async fn get_invitation(allowed: Allowed<AccessRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let invitation = ops::find(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::show(app.store.read(), invitation, app.clock.now()).await?)
}

/// Take an invitation back
///
/// The link of the mail stops working at once (thu hồi lời mời). By whoever sent it, or administers every unit that it
/// brings a role on.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The invitation.")),
    responses((status = 200, description = "The revoked invitation.", body = Invitation)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/invitations/{id}/revoke")]
async fn revoke_invitation(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "revoke_invitation", &allowed.actor, &[], async |tx, cx| {
        ops::revoke(tx, cx, &allowed, *id).await
    })
    .await
}

/// Accept an invitation
///
/// Makes the account (tài khoản) that an invitation is for, with its roles. The token is good once, as long as whoever
/// sent it still holds what it gives. Log in afterwards at `POST /v1/auth/token`.
#[utoipa::path(tag = "auth", request_body(content = InvitationAcceptance, description = "Token, username, password."),
    responses((status = 201, description = "The new account.", body = User)),
    extensions(("x-codes" = json!(["token_not_valid", "code_already_used", "idempotency_in_progress", "weak_password"]))))]
#[post("/v1/auth/invitations/accept")]
async fn accept_invitation(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<InvitationAcceptance>(&app.contract).await?;
    let actor = Actor::nobody();
    // A stranger's guess must not cost a hash of a password.
    if invitations::find_by_token(app.store.read(), &secrets::hash(&input.value.token)).await?.is_none() {
        let refusal = ApiError::new(Code::TokenNotValid);
        return reply::again_or(refusal, &app, &request, "accept_invitation", &actor, &input.hash).await;
    }
    let hash = app.passwords.hash(input.value.password.secret().clone()).await?;
    reply::write(&app, &request, "accept_invitation", &actor, &input.hash, async |tx, cx| {
        ops::accept(tx, cx, &app, &input.value, &hash).await
    })
    .await
}
