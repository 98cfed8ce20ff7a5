//! Users (người dùng) and grants (phân quyền).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{AccessRead, AccessWrite, Allowed, Demand},
    app::App,
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, get, patch, post, web::Path};
use dto::{Grant, GrantPage, GrantQuery, NewGrant, NewUser, Password, User, UserPage, UserPatch, UserQuery};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_users)
        .service(create_user)
        .service(get_user)
        .service(patch_user)
        .service(list_grants)
        .service(create_grant)
        .service(get_grant)
        .service(delete_grant);
}

async fn hash_of(app: &App, password: Option<&Password>) -> ApiResult<Option<String>> {
    match password {
        Some(password) => app.passwords.hash(password.secret().clone()).await.map(Some),
        None => Ok(None),
    }
}

/// List users
///
/// Accounts (người dùng) that hold a role in the subtrees that the caller administers, and those that the caller made.
#[utoipa::path(tag = "access", params(UserQuery),
    responses((status = 200, description = "A page of users.", body = UserPage)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/users")]
async fn list_users(allowed: Allowed<AccessRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: UserQuery = request.query(&app.contract)?;
    let page = ops::list_users(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, User::of)
}

/// Create a user
///
/// Makes an account (tài khoản). It can do nothing until it is granted a role.
#[utoipa::path(tag = "access", request_body(content = NewUser, description = "The account."),
    responses((status = 201, description = "The new user.", body = User),
        (status = 200, description = "The user that this id and body made before.", body = User)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "weak_password"]))))]
#[post("/v1/users")]
async fn create_user(allowed: Allowed<AccessWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewUser>(&app.contract).await?;
    let hash = hash_of(&app, input.value.password.as_ref()).await?;
    reply::write(&app, &request, "create_user", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create_user(tx, cx, &allowed, &input.value, hash.clone()).await
    })
    .await
}

/// Read a user
///
/// One account (người dùng) that the caller sees.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 200, description = "The user.", body = User)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str()))))]
#[get("/v1/users/{id}")]
async fn get_user(allowed: Allowed<AccessRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::item(&request, &User::of(ops::find_user(app.store.read(), &allowed, *id).await?))
}

/// Change a user
///
/// Changes name, mail address or password of an account (người dùng), or shuts it. The caller must administer every
/// unit on which the account holds a role. A new password ends all its sessions.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The user.")),
    request_body(content = UserPatch, description = "What changes."),
    responses((status = 200, description = "The changed user.", body = User)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["weak_password", "wrong_state"]))))]
#[patch("/v1/users/{id}")]
async fn patch_user(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<UserPatch>(&app.contract).await?;
    let hash = hash_of(&app, input.value.password.as_ref()).await?;
    reply::write(&app, &request, "patch_user", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change_user(tx, cx, &allowed, *id, &input.value, hash.clone()).await
    })
    .await
}

/// List grants
///
/// Roles (phân quyền) on units that the caller administers.
#[utoipa::path(tag = "access", params(GrantQuery),
    responses((status = 200, description = "A page of grants.", body = GrantPage)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/grants")]
async fn list_grants(allowed: Allowed<AccessRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: GrantQuery = request.query(&app.contract)?;
    let page = ops::list_grants(app.store.read(), &allowed, &query).await?;
    reply::page(&request, &query, page, Grant::of)
}

/// Grant a role
///
/// Gives a user a role (vai trò) over a subtree that the caller administers.
#[utoipa::path(tag = "access", request_body(content = NewGrant, description = "The grant."),
    responses((status = 201, description = "The new grant.", body = Grant),
        (status = 200, description = "The grant that this id and body made before.", body = Grant)),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "reference_not_found", "dates_inverted"]))))]
#[post("/v1/grants")]
async fn create_grant(allowed: Allowed<AccessWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewGrant>(&app.contract).await?;
    reply::write(&app, &request, "create_grant", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create_grant(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a grant
///
/// One role (phân quyền) on a unit that the caller administers.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The grant.")),
    responses((status = 200, description = "The grant.", body = Grant)),
    extensions(("x-permission" = json!(AccessRead::PERMISSION.as_str()))))]
#[get("/v1/grants/{id}")]
async fn get_grant(allowed: Allowed<AccessRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    reply::item(&request, &Grant::of(ops::find_grant(app.store.read(), &allowed, *id).await?))
}

/// Withdraw a grant
///
/// Takes a role (vai trò) back; it stops working at once. The centre keeps its last administrator.
#[utoipa::path(tag = "access", params(("id" = Uuid, Path, description = "The grant.")),
    responses((status = 204, description = "The grant is gone.")),
    extensions(("x-permission" = json!(AccessWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[delete("/v1/grants/{id}")]
async fn delete_grant(allowed: Allowed<AccessWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let today = app.today();
    reply::write(&app, &request, "delete_grant", &allowed.actor, &[], async |tx, cx| {
        ops::delete_grant(tx, cx, &allowed, *id, today).await
    })
    .await
}
