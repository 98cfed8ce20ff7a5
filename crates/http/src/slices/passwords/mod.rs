//! One's own password (mật khẩu): reset by mail, or changed.

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Actor, Allowed, Demand, SelfWrite, forbidden, lacks_second_factor},
    guesses::Attempt,
    passwords::Queue,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{self, Reply},
    request::Request,
    slices::auth::secrets,
};
use actix_web::{HttpResponse, post};
use dto::{PasswordChange, PasswordResetConfirmation, PasswordResetRequest};
use secrecy::ExposeSecret;
use tinhnguyen_persistence::{access, resets};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(request_password_reset).service(confirm_password_reset).service(change_password);
}

/// Ask for a new password
///
/// Sends a mail with a link to set a new password (quên mật khẩu), if there is such an account with a mail address. The
/// answer is the same whether there is or not, and no more than a few mails an hour go to one account. The link is good
/// once, for 30 minutes.
#[utoipa::path(tag = "auth", request_body(content = PasswordResetRequest, description = "Whose password."),
    responses((status = 202, description = "Taken up. Whether there is such an account is not told.")),
    extensions(("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/auth/password-reset")]
async fn request_password_reset(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<PasswordResetRequest>(&app.contract).await?;
    reply::write(&app, &request, "request_password_reset", &Actor::nobody(), &input.hash, async |tx, cx| {
        ops::ask(tx, cx, &input.value.username_or_email).await
    })
    .await
}

/// Set a new password by a mail's link
///
/// Sets a new password (đặt lại mật khẩu) by the token of a mail, once. All sessions of the account end. A second factor
/// stays as it is.
#[utoipa::path(tag = "auth", request_body(content = PasswordResetConfirmation, description = "Token and new password."),
    responses((status = 204, description = "The password is set.")),
    extensions(("x-codes" = json!(["token_not_valid", "idempotency_in_progress", "weak_password"]))))]
#[post("/v1/auth/password-reset/confirm")]
async fn confirm_password_reset(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<PasswordResetConfirmation>(&app.contract).await?;
    let actor = Actor::nobody();
    // A stranger's guess must not cost a hash of a password.
    if !resets::is_known(app.store.read(), &secrets::hash(&input.value.token)).await? {
        let refusal = ApiError::new(Code::TokenNotValid);
        return reply::again_or(refusal, &app, &request, "confirm_password_reset", &actor, &input.hash).await;
    }
    let hash = app.passwords.hash(input.value.password.secret().clone()).await?;
    reply::write(&app, &request, "confirm_password_reset", &actor, &input.hash, async |tx, cx| {
        ops::confirm(tx, cx, &app, &input.value, &hash).await
    })
    .await
}

/// Change my password
///
/// Sets a new password (đổi mật khẩu) by whoever knows the present one. All sessions of the account end, this one too:
/// log in again.
#[utoipa::path(tag = "auth", request_body(content = PasswordChange, description = "The present and the new password."),
    responses((status = 204, description = "The password is changed.")),
    extensions(("x-permission" = json!(SelfWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["wrong_password", "token_not_valid", "second_factor_required", "idempotency_in_progress", "weak_password"]))))]
#[post("/v1/me/password")]
async fn change_password(allowed: Allowed<SelfWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<PasswordChange>(&app.contract).await?;
    let Some(username) = &allowed.actor.username else { return Err(forbidden(SelfWrite::PERMISSION)) };
    if lacks_second_factor(&app, &allowed.actor, &allowed.rights).await? {
        return Err(ApiError::new(Code::SecondFactorRequired));
    }
    let known = access::credentials(app.store.read(), username).await?.and_then(|known| known.password_hash);
    // Whoever has a token of somebody must not find out their password by trying.
    let now = app.clock.now();
    let attempt = Attempt { username: username.clone(), address: request.provenance()?.address, at_home: true };
    app.guesses.allow(&attempt, now)?;
    let slot = app.passwords.slot(Queue::Home).await?;
    // It says nothing but passwords, which have no part in the usual hash of a body: here a keyed one tells them apart.
    let said =
        [&input.value.current_password, &input.value.password].map(|one| one.secret().expose_secret()).join("\n");
    let said = app.vault.veil(app.store.read(), said.as_bytes()).await?;
    if !slot.verify(input.value.current_password.secret().clone(), known).await? {
        let refusal = ApiError::fault(Fault::at("/current_password", Code::WrongPassword));
        let again = reply::again_or(refusal, &app, &request, "change_password", &allowed.actor, &said).await;
        if again.is_err() {
            app.guesses.failed(&attempt, now);
        }
        return again;
    }
    let hash = app.passwords.hash(input.value.password.secret().clone()).await?;
    let user_id = allowed.actor.id;
    reply::write(&app, &request, "change_password", &allowed.actor, &said, async |tx, cx| {
        ops::set(tx, cx, &app, user_id, &input.value.password, &hash).await?;
        Ok(Reply::gone())
    })
    .await
}
