//! What requests for tokens mean.

use super::dto::{Me, MyGrant, TokenAnswer, TokenError, TokenRequest};
use crate::{
    allowed::{Scope, SelfRead},
    app::App,
    problem::ApiResult,
    request::Request,
    tokens::LIFETIME,
};
use actix_web::http::header;
use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use tinhnguyen_domain::access::Permission;
use tinhnguyen_persistence::{ConnectionTrait, access, org_units};

/// What the endpoint refuses with; its own kind of error (RFC 6749 §5.2).
type Refused<T> = Result<T, TokenError>;

const fn invalid_request(error_description: &'static str) -> TokenError {
    TokenError { error: "invalid_request", error_description }
}

/// Reads the form.
///
/// # Errors
/// 408 and 413 problems of the transfer.
pub async fn read(request: &Request) -> ApiResult<Refused<TokenRequest>> {
    let kind = request.header(header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Err(invalid_request("Send the parameters as application/x-www-form-urlencoded.")));
    }
    let bytes = request.bytes().await?;
    let form = std::str::from_utf8(&bytes).ok().and_then(|text| {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text).ok()?.into_inner();
        let value = |name: &str| {
            let mut values = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone());
            // A parameter must not stand twice (RFC 6749 §3.2).
            match (values.next(), values.next()) {
                (_, Some(_)) => None,
                (first, None) => Some(first),
            }
        };
        let (grant_type, username, password) = (value("grant_type")?, value("username")?, value("password")?);
        Some(TokenRequest { grant_type: grant_type?, username, password: password.map(SecretString::from) })
    });
    Ok(form.ok_or_else(|| invalid_request("`grant_type` is missing, or a parameter stands twice.")))
}

/// Issues a token. An unknown account, a shut one and a wrong password get the same answer after the same work.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn token(app: &App, wanted: TokenRequest) -> ApiResult<Refused<TokenAnswer>> {
    if wanted.grant_type != "password" {
        return Ok(Err(TokenError {
            error: "unsupported_grant_type",
            error_description: "`grant_type` is `password`.",
        }));
    }
    let (Some(username), Some(password)) = (wanted.username, wanted.password) else {
        return Ok(Err(invalid_request("`username` and `password` are wanted.")));
    };
    let sound = |text: &str, most: usize| text.len() <= most && !text.contains('\0');
    let username = username.to_lowercase();
    let known = if sound(&username, 64) { access::credentials(app.store.read(), &username).await? } else { None };
    let known = known.filter(|c| !c.disabled && sound(password.expose_secret(), 800));
    let (user_id, hash) = known.map_or((None, None), |c| (Some(c.user_id), c.password_hash));
    let right = app.passwords.verify(password, hash).await?;
    match user_id.filter(|_| right) {
        Some(user_id) => Ok(Ok(TokenAnswer {
            access_token: app.tokens.issue(user_id, app.clock.now())?,
            token_type: "Bearer",
            expires_in: LIFETIME.num_seconds(),
        })),
        None => {
            Ok(Err(TokenError { error: "invalid_grant", error_description: "The username or the password is wrong." }))
        }
    }
}

/// Who the caller is.
///
/// # Errors
/// When the database can't be asked.
pub async fn me(conn: &impl ConnectionTrait, scope: &Scope<SelfRead>, today: NaiveDate) -> ApiResult<Me> {
    let mut grants = Vec::with_capacity(scope.grants.len());
    for grant in &scope.grants {
        let unit = org_units::find(conn, grant.org_unit_id).await?;
        let (org_unit_code, org_unit_name) = unit.map(|u| (u.code, u.name)).unwrap_or_default();
        grants.push(MyGrant {
            id: grant.id,
            role: grant.role,
            org_unit_id: grant.org_unit_id,
            org_unit_code,
            org_unit_name,
            team_id: grant.team_id,
            valid_from: grant.valid_from,
            valid_to: grant.valid_to,
            in_force: grant.in_force_on(today),
        });
    }
    let held = |p: &&Permission| scope.grants.iter().any(|g| g.in_force_on(today) && g.role.allows(**p));
    Ok(Me {
        id: scope.actor.stamp.id,
        username: scope.actor.username.clone(),
        full_name: scope.actor.full_name.clone(),
        email: scope.actor.email.clone(),
        grants,
        scopes: Permission::ALL.iter().filter(held).map(|p| p.scope()).collect(),
    })
}
