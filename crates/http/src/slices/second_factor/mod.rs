//! Second factors (xác thực hai lớp).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{AccessWrite, Allowed, Demand, SelfWrite, forbidden},
    problem::{ApiResult, Code},
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, post, web::Path};
use dto::{RecoveryCodes, TotpCode, TotpEnrolment};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create_totp).service(confirm_totp).service(disable_totp).service(delete_user_totp);
}

/// Begin to set up my second factor
///
/// Gives a secret for an authenticator app (thiết lập xác thực hai lớp), shown in this answer once. It is on after it was
/// confirmed; one that was begun and not confirmed is replaced.
#[utoipa::path(tag = "auth",
    responses((status = 201, description = "The secret.", body = TotpEnrolment)),
    extensions(("x-permission" = json!(SelfWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "idempotency_in_progress"]))))]
#[post("/v1/me/totp")]
async fn create_totp(allowed: Allowed<SelfWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let Some(username) = &allowed.actor.username else { return Err(forbidden(SelfWrite::PERMISSION)) };
    reply::write(&app, &request, "create_totp", &allowed.actor, &[], async |tx, cx| {
        ops::begin(tx, cx, &app, allowed.actor.id, username).await
    })
    .await
}

/// Switch my second factor on
///
/// Shows by a code that the app has the secret (xác nhận xác thực hai lớp). From now on every login wants a code, in `otp`.
/// The answer gives recovery codes, once.
#[utoipa::path(tag = "auth", request_body(content = TotpCode, description = "A code of the app."),
    responses((status = 200, description = "It is on.", body = RecoveryCodes)),
    extensions(("x-permission" = json!(SelfWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "wrong_code", "idempotency_in_progress"]))))]
#[post("/v1/me/totp/confirm")]
async fn confirm_totp(allowed: Allowed<SelfWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<TotpCode>(&app.contract).await?;
    reply::write(&app, &request, "confirm_totp", &allowed.actor, &input.hash, async |tx, cx| {
        ops::confirm(tx, cx, &app, allowed.actor.id, &input.value.code).await
    })
    .await
}

/// Switch my second factor off
///
/// Switches the second factor (tắt xác thực hai lớp) off by a code of it, or a recovery code.
#[utoipa::path(tag = "auth", request_body(content = TotpCode, description = "A code of the app, or a recovery code."),
    responses((status = 204, description = "It is off.")),
    extensions(("x-permission" = json!(SelfWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_state", "wrong_code", "idempotency_in_progress"]))))]
#[post("/v1/me/totp/disable")]
async fn disable_totp(allowed: Allowed<SelfWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<TotpCode>(&app.contract).await?;
    let id = allowed.actor.id;
    let outcome = reply::write(&app, &request, "disable_totp", &allowed.actor, &input.hash, async |tx, cx| {
        ops::disable(tx, cx, &app, id, &input.value.code).await
    })
    .await;
    if outcome.as_ref().is_err_and(|err| err.code == Code::WrongCode) {
        ops::count_failure(&app, id).await?;
    }
    outcome
}

/// Switch somebody's second factor off
///
/// For somebody who lost it (gỡ xác thực hai lớp). The caller must administer every unit on which the account holds a
/// role. All its sessions end.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 204, description = "It is off.")),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[delete("/v1/users/{id}/totp")]
async fn delete_user_totp(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "delete_user_totp", &allowed.actor, &[], async |tx, cx| {
        ops::reset(tx, cx, &allowed, *id).await
    })
    .await
}
