//! Tokens (đăng nhập) and who I am.

pub mod dto;
pub mod form;
pub mod ops;
pub mod secrets;

use crate::{
    allowed::{Allowed, Demand, SelfRead},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, HttpResponseBuilder, get, http::header, post};
use dto::{Introspection, Me, TokenAnswer, TokenError, TokenForm, TokenRequest};
use form::{Form, Refused};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create_token).service(revoke_token).service(introspect_token).service(get_me);
}

/// OAuth's answers: never kept, and refusals in its own form.
fn answer<T: Serialize>(outcome: Refused<T>) -> HttpResponse {
    let mut response: HttpResponseBuilder = match &outcome {
        Ok(_) => HttpResponse::Ok(),
        Err(refused) if refused.error == "invalid_client" => {
            let mut response = HttpResponse::Unauthorized();
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"tinhnguyen\""));
            response
        }
        Err(_) => HttpResponse::BadRequest(),
    };
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    match outcome {
        Ok(body) => response.json(body),
        Err(refused) => response.json(refused),
    }
}

/// Get a token
///
/// The OAuth 2 token endpoint (đăng nhập): `password` for people's own accounts, `authorization_code` after a login through
/// the identity provider (where the operator set one up), `refresh_token` to go on without the password, `client_credentials` for registered clients. Form-encoded, and errors are in OAuth's own form
/// (RFC 6749 §5.2).
#[utoipa::path(tag = "auth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded", description = "Who wants a token."),
    responses((status = 200, description = "A token, good for 15 minutes.", body = TokenAnswer),
        (status = 400, description = "Refused; `error` says why.", body = TokenError),
        (status = 401, description = "The client is unknown, or its secret is wrong.", body = TokenError)))]
#[post("/v1/auth/token")]
async fn create_token(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let outcome = match Form::read::<TokenRequest>(&request).await? {
        Ok(form) => ops::token(&app, &form, &request.provenance()?).await?,
        Err(refused) => Err(refused),
    };
    Ok(answer(outcome))
}

/// Give a token back
///
/// Ends the session of a refresh or access token (đăng xuất, RFC 7009): all its tokens stop working at once. An unknown
/// token gets the same answer. Registered clients' access tokens have no session; they run out after 15 minutes.
#[utoipa::path(tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded", description = "The token."),
    responses((status = 200, description = "It works no more."),
        (status = 400, description = "Refused; `error` says why.", body = TokenError)))]
#[post("/v1/auth/revoke")]
async fn revoke_token(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let outcome = match Form::read::<TokenForm>(&request).await? {
        Ok(form) => ops::revoke(&app, &form, &request.provenance()?).await?,
        Err(refused) => Err(refused),
    };
    Ok(match outcome {
        Ok(()) => HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish(),
        Err(refused) => answer(Err::<(), _>(refused)),
    })
}

/// Ask about a token
///
/// What a registered client may know of a token that it was shown (RFC 7662): whether it is good now, for whom and for
/// what (kiểm tra token). The client says who it is by HTTP Basic or in the form.
#[utoipa::path(tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded", description = "The token."),
    responses((status = 200, description = "What is known of it.", body = Introspection),
        (status = 400, description = "Refused; `error` says why.", body = TokenError),
        (status = 401, description = "The client is unknown, or its secret is wrong.", body = TokenError)))]
#[post("/v1/auth/introspect")]
async fn introspect_token(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let outcome = match Form::read::<TokenForm>(&request).await? {
        Ok(form) => ops::introspect(&app, &form).await?,
        Err(refused) => Err(refused),
    };
    Ok(answer(outcome))
}

/// Read who I am
///
/// The caller's account and grants (quyền của tôi), or a client's scopes.
#[utoipa::path(tag = "auth", responses((status = 200, description = "Who I am.", body = Me)),
    extensions(("x-permission" = json!(SelfRead::PERMISSION.as_str()))))]
#[get("/v1/me")]
async fn get_me(allowed: Allowed<SelfRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::document(&request, &ops::me(&app, &allowed).await?)
}
