//! What requests for tokens mean.

use super::{
    dto::{Introspection, Me, MyGrant, TokenAnswer},
    form::{Form, Refused, refuse},
    secrets,
};
use crate::{
    allowed::{Actor, Scope, SelfRead, lacks_second_factor},
    app::App,
    guesses::Attempt,
    introductions::{Known, known},
    passwords::Queue,
    problem::ApiResult,
    request::Provenance,
    slices::{identities, second_factor},
    tokens::{ISSUER, LIFETIME},
};
use actix_web::web::Data;
use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use tinhnguyen_domain::access::{Permission, Rights};
use tinhnguyen_persistence::{
    access, audit,
    clients::{self, Client},
    org_units, second_factor as store,
    sessions::{self, NewRefresh, Rotation},
};
use tracing::warn;
use uuid::Uuid;

/// Issues tokens.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn token(app: &App, form: &Form, from: &Provenance) -> ApiResult<Refused<TokenAnswer>> {
    match form.value("grant_type") {
        Some("password") => by_password(app, form, from).await,
        Some("refresh_token") => by_refresh(app, form, from).await,
        Some("client_credentials") => by_client(app, form).await,
        Some("authorization_code") if app.accounts.oidc.is_some() => identities::ops::by_code(app, form, from).await,
        Some(_) => Ok(Err(refuse(
            "unsupported_grant_type",
            "`grant_type` is `password`, `refresh_token` or `client_credentials`.",
        ))),
        None => Ok(Err(refuse("invalid_request", "`grant_type` is missing."))),
    }
}

fn answer(access_token: String, refresh: Option<&SecretString>, scope: Option<String>) -> TokenAnswer {
    TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME.num_seconds(),
        refresh_token: refresh.map(|token| token.expose_secret().to_owned()),
        scope,
    }
}

fn new_refresh() -> ApiResult<(NewRefresh, SecretString)> {
    let (id, token) = secrets::new_refresh()?;
    Ok((NewRefresh { id, secret_hash: secrets::hash(&token) }, token))
}

/// An unknown account, a shut one and a wrong password get the same answer after the same work.
async fn by_password(app: &App, form: &Form, from: &Provenance) -> ApiResult<Refused<TokenAnswer>> {
    let (Some(username), Some(password)) = (form.value("username"), form.secret("password")) else {
        return Ok(Err(refuse("invalid_request", "`username` and `password` are wanted.")));
    };
    let username = username.to_lowercase();
    let known = if username.len() <= 64 { access::credentials(app.store.read(), &username).await? } else { None };
    let known = known.filter(|c| !c.disabled && password.expose_secret().len() <= 800);
    let (user_id, hash) = known.map_or((None, None), |c| (Some(c.user_id), c.password_hash));
    let place = from.address.subscriber().to_string();
    let now = app.clock.now();
    // Asked for unknown accounts too, so that they take as long.
    let at_home = sessions::knows_place(app.store.read(), user_id.unwrap_or_default(), &place, now).await?;
    let attempt = Attempt { username, address: from.address, at_home };
    app.guesses.allow(&attempt, now)?;
    let slot = app.passwords.slot(if at_home { Queue::Home } else { Queue::Strangers }).await?;
    // Once more: while this one waited for its turn, others may have guessed wrong.
    app.guesses.allow(&attempt, now)?;
    let right = slot.verify(password, hash).await?;
    let Some(user_id) = user_id.filter(|_| right) else {
        app.guesses.failed(&attempt, now);
        return Ok(Err(refuse("invalid_grant", "The username or the password is wrong.")));
    };
    if let Err(refused) = second_factor::ops::pass(app, user_id, form.secret("otp")).await? {
        return Ok(Err(refused));
    }
    open_session(app, user_id, "log_in", from).await.map(Ok)
}

/// Begins a session of somebody who has shown who they are.
///
/// # Errors
/// `unavailable`, `internal`.
pub(crate) async fn open_session(app: &App, user_id: Uuid, action: &str, from: &Provenance) -> ApiResult<TokenAnswer> {
    let (new, token) = new_refresh()?;
    let place = from.address.subscriber().to_string();
    let now = app.clock.now();
    let session = app
        .store
        .write::<Uuid, crate::problem::ApiError>(async |tx| {
            let session = sessions::begin(tx, user_id, &new, now).await?;
            sessions::remember_place(tx, user_id, &place, now).await?;
            record(tx, now, user_id, action, session, from).await?;
            Ok(session)
        })
        .await?;
    Ok(answer(app.tokens.issue_in(user_id, session, now)?, Some(&token), None))
}

async fn record(
    tx: &tinhnguyen_persistence::Tx,
    at: chrono::DateTime<chrono::Utc>,
    actor_id: Uuid,
    action: &str,
    session: Uuid,
    from: &Provenance,
) -> ApiResult<()> {
    let change = audit::Change {
        at,
        actor_id,
        action,
        resource: "session",
        resource_id: session,
        request_id: &from.request_id,
        org_unit_id: None,
        address: Some(from.address.0),
    };
    Ok(audit::record(tx, &change).await?)
}

async fn by_refresh(app: &App, form: &Form, from: &Provenance) -> ApiResult<Refused<TokenAnswer>> {
    let Some(token) = form.secret("refresh_token") else {
        return Ok(Err(refuse("invalid_request", "`refresh_token` is wanted.")));
    };
    let refused = || refuse("invalid_grant", "The refresh token is unknown, used, expired or revoked: log in again.");
    let Some(id) = secrets::refresh_id(&token) else { return Ok(Err(refused())) };
    let (new, next) = new_refresh()?;
    let now = app.clock.now();
    let hash = secrets::hash(&token);
    let rotation = app
        .store
        .write::<Rotation, crate::problem::ApiError>(async |tx| {
            let rotation = sessions::rotate(tx, id, &hash, &new, now).await?;
            if let Rotation::Reused { user_id, session_id } = rotation {
                record(tx, now, user_id, "reuse_refresh_token", session_id, from).await?;
            }
            Ok(rotation)
        })
        .await?;
    match rotation {
        Rotation::Renewed { user_id, session_id } => {
            let open = access::find_user(app.store.read(), user_id).await?.is_some_and(|user| !user.disabled);
            if !open {
                return Ok(Err(refused()));
            }
            Ok(Ok(answer(app.tokens.issue_in(user_id, session_id, now)?, Some(&next), None)))
        }
        Rotation::Reused { user_id, session_id } => {
            warn!(request_id = from.request_id, %user_id, %session_id, "a refresh token came back: its session has been ended");
            Ok(Err(refused()))
        }
        Rotation::Refused => Ok(Err(refused())),
    }
}

/// The registered client that sends the form.
///
/// # Errors
/// When the database can't be asked.
pub async fn client(app: &App, form: &Form) -> ApiResult<Refused<Client>> {
    let refused = || refuse("invalid_client", "The client is unknown or shut, or its secret is wrong.");
    let Some((id, secret)) = form.client() else { return Ok(Err(refused())) };
    Ok(clients::authenticate(app.store.read(), id, &secrets::hash(&secret)).await?.ok_or_else(refused))
}

async fn by_client(app: &App, form: &Form) -> ApiResult<Refused<TokenAnswer>> {
    let client = match client(app, form).await? {
        Ok(client) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    let wanted: Vec<&str> = form.value("scope").unwrap_or_default().split(' ').filter(|s| !s.is_empty()).collect();
    if wanted.iter().any(|scope| !client.scopes.iter().any(|held| held == scope)) {
        return Ok(Err(refuse("invalid_scope", "The client does not hold every scope that is asked for.")));
    }
    let scope = if wanted.is_empty() { client.scopes.join(" ") } else { wanted.join(" ") };
    let token = app.tokens.issue_to(client.stamp.id, scope.clone(), app.clock.now())?;
    Ok(Ok(answer(token, None, Some(scope))))
}

/// Ends the session of a token. Whether there was one is not told (RFC 7009 §2.2).
///
/// # Errors
/// When the database refuses.
pub async fn revoke(app: &App, form: &Form, from: &Provenance) -> ApiResult<Refused<()>> {
    let Some(token) = form.secret("token") else { return Ok(Err(refuse("invalid_request", "`token` is wanted."))) };
    let now = app.clock.now();
    let session = match secrets::refresh_id(&token) {
        Some(id) => sessions::session_of(app.store.read(), id, &secrets::hash(&token)).await?,
        None => {
            let claims = app.tokens.verify(token.expose_secret(), now).ok();
            claims.and_then(|claims| Some((claims.sid?, claims.sub)))
        }
    };
    if let Some((session, user_id)) = session {
        app.store
            .write::<(), crate::problem::ApiError>(async |tx| {
                sessions::end(tx, session, now).await?;
                record(tx, now, user_id, "log_out", session, from).await
            })
            .await?;
    }
    Ok(Ok(()))
}

/// What a registered client may know of a token that it was shown.
///
/// # Errors
/// When the database can't be asked.
pub async fn introspect(app: &Data<App>, form: &Form) -> ApiResult<Refused<Introspection>> {
    if let Err(refused) = client(app, form).await? {
        return Ok(Err(refused));
    }
    let Some(token) = form.secret("token") else { return Ok(Err(refuse("invalid_request", "`token` is wanted."))) };
    let Ok(claims) = app.tokens.verify(token.expose_secret(), app.clock.now()) else {
        return Ok(Ok(Introspection::default()));
    };
    let Some(Known { actor, rights, .. }) = known(app, &claims).await? else {
        return Ok(Ok(Introspection::default()));
    };
    let scope = may(app, &actor, &rights).await?.join(" ");
    Ok(Ok(Introspection {
        active: true,
        sub: Some(claims.sub),
        client_id: claims.client_id,
        scope: Some(scope),
        token_type: Some("Bearer"),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        iss: Some(ISSUER.to_owned()),
    }))
}

/// What somebody may do somewhere, as OAuth scopes.
fn held(rights: &Rights, today: NaiveDate) -> Vec<&'static str> {
    Permission::ALL.iter().filter(|p| !rights.reaches(**p, today).is_empty()).map(|p| p.scope()).collect()
}

/// The same, less what waits for a second factor.
async fn may(app: &App, actor: &Actor, rights: &Rights) -> ApiResult<Vec<&'static str>> {
    if lacks_second_factor(app, actor, rights).await? {
        return Ok(vec![Permission::SelfRead.scope(), Permission::SelfWrite.scope()]);
    }
    Ok(held(rights, app.today()))
}

/// Who the caller is.
///
/// # Errors
/// When the database can't be asked.
pub async fn me(app: &App, scope: &Scope<SelfRead>) -> ApiResult<Me> {
    let (conn, today) = (app.store.read(), app.today());
    let mut grants = Vec::new();
    if let Rights::Person(mine) = &scope.rights {
        for grant in mine {
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
    }
    let Actor { id, username, full_name, email } = scope.actor.clone();
    let second_factor = store::is_on(conn, id).await?;
    let second_factor_required = lacks_second_factor(app, &scope.actor, &scope.rights).await?;
    let scopes = may(app, &scope.actor, &scope.rights).await?;
    Ok(Me { id, username, full_name, email, grants, scopes, second_factor, second_factor_required })
}
