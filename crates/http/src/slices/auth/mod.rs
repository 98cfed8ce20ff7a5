//! Tokens (đăng nhập) and who I am.

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, SelfRead},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, http::header, post};
use dto::{Me, TokenAnswer, TokenError, TokenRequest};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create_token).service(get_me);
}

/// Get a token
///
/// The OAuth 2 token endpoint (đăng nhập): `grant_type=password` for people's own accounts. Form-encoded, and errors
/// are in OAuth's own form (RFC 6749 §5.2).
#[utoipa::path(tag = "auth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded", description = "Who wants a token."),
    responses((status = 200, description = "A token, good for 15 minutes.", body = TokenAnswer),
        (status = 400, description = "Refused; `error` says why.", body = TokenError)))]
#[post("/v1/auth/token")]
async fn create_token(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let outcome = match ops::read(&request).await? {
        Ok(wanted) => ops::token(&app, wanted).await?,
        Err(refused) => Err(refused),
    };
    let mut response = if outcome.is_ok() { HttpResponse::Ok() } else { HttpResponse::BadRequest() };
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(match outcome {
        Ok(answer) => response.json(answer),
        Err(refused) => response.json(refused),
    })
}

/// Read who I am
///
/// The caller's account and grants (quyền của tôi).
#[utoipa::path(tag = "auth", responses((status = 200, description = "Who I am.", body = Me)),
    extensions(("x-permission" = json!(SelfRead::PERMISSION.as_str()))))]
#[get("/v1/me")]
async fn get_me(allowed: Allowed<SelfRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::document(&request, &ops::me(app.store.read(), &allowed, app.today()).await?)
}
