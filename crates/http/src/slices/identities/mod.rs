//! Logins through the Union's identity provider (đăng nhập qua nhà cung cấp định danh).

pub mod dto;
pub mod ops;

use crate::{
    problem::{ApiResult, Problem},
    request::Request,
};
use actix_web::{HttpResponse, get, http::header};
use dto::{LoginCode, StartQuery};
use secrecy::ExposeSecret;
use tinhnguyen_persistence::identities::CODE_LIFETIME;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(start_login).service(finish_login);
}

fn elsewhere(to: &str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// Begin a login through the provider
///
/// Sends a person's browser to the Union's identity provider (đăng nhập qua nhà cung cấp định danh). The application keeps
/// the verifier of its `code_challenge`: without it the one-time code that comes of the login is of no use to anybody.
/// 404 where the operator set up no provider.
#[utoipa::path(tag = "auth", params(StartQuery),
    responses((status = 302, description = "On to the provider's page."),
        (status = "default", description = "Whatever else comes is a problem.", body = Problem, content_type = "application/problem+json")),
    extensions(("x-codes" = json!(["not_found"]))))]
#[get("/v1/auth/oidc/start")]
async fn start_login(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    ops::provider(&app)?;
    let query: StartQuery = request.query(&app.contract)?;
    Ok(elsewhere(ops::start(&app, &query).await?.as_str()))
}

/// Come back from the provider
///
/// Where the provider sends the browser back to (quay lại từ nhà cung cấp định danh). The answer is a one-time code, as JSON
/// or, where the operator named the application's address, as `code` and `state` behind it. The application redeems it at
/// `POST /v1/auth/token` with `grant_type=authorization_code`. An identity is linked to the open account whose mail
/// address the provider has verified, or else accepts the one invitation that waits for that address.
#[utoipa::path(tag = "auth",
    params(("code" = Option<String>, Query, description = "The provider's code.", max_length = 4096),
        ("state" = Option<String>, Query, description = "The login's state.", max_length = 400),
        ("error" = Option<String>, Query, description = "Why the provider sends no code.", max_length = 400),
        ("iss" = Option<String>, Query, description = "Who sends (RFC 9207).", max_length = 2000)),
    responses((status = 200, description = "A one-time code.", body = LoginCode),
        (status = 302, description = "On to the application, with the code.")),
    extensions(("x-codes" = json!(["not_found", "identity_refused", "identity_unknown"]))))]
#[get("/v1/auth/oidc/callback")]
async fn finish_login(request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let mut back = ops::Back::default();
    // Providers add parameters of their own, so unknown ones are no fault here.
    for (name, value) in request.query_pairs()? {
        let place = match name.as_str() {
            "code" => &mut back.code,
            "state" => &mut back.state,
            "error" => &mut back.error,
            "iss" => &mut back.iss,
            _ => continue,
        };
        *place = Some(value).filter(|value| value.len() <= 4096);
    }
    let (code, state) = ops::back(&app, &back, &request.provenance()?).await?;
    if let Some(mut to) = ops::provider(&app)?.return_url.clone() {
        to.query_pairs_mut().append_pair("code", code.expose_secret());
        if let Some(state) = &state {
            to.query_pairs_mut().append_pair("state", state);
        }
        return Ok(elsewhere(to.as_str()));
    }
    let body = LoginCode { code: code.expose_secret().to_owned(), state, expires_in: CODE_LIFETIME.num_seconds() };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
}
