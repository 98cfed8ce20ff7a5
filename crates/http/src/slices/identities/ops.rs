//! What logins through the identity provider mean.

use super::dto::StartQuery;
use crate::{
    app::App,
    oidc::{Identity, Provider},
    problem::{ApiError, ApiResult, Code, Fault},
    reply::Cx,
    request::Provenance,
    sealed::Purpose,
    slices::{
        auth::{
            dto::TokenAnswer,
            form::{Form, Refused, refuse},
            ops::open_session,
            secrets,
        },
        invitations::ops::welcome,
        second_factor,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tinhnguyen_persistence::{
    StoreError, Tx, access, audit,
    identities::{self as store, Login},
    invitations,
};
use url::Url;
use uuid::Uuid;

/// The provider, where the operator set one up.
///
/// # Errors
/// `not_found`.
pub fn provider(app: &App) -> ApiResult<&Provider> {
    app.accounts.oidc.as_ref().ok_or_else(ApiError::not_found)
}

/// Begins a login; gives the provider's page. What must be remembered stays here and not in the browser, which gets no
/// cookie.
///
/// # Errors
/// `not_found`, `unavailable`.
pub async fn start(app: &App, query: &StartQuery) -> ApiResult<Url> {
    let provider = provider(app)?;
    let code_challenge = query
        .code_challenge
        .clone()
        .ok_or_else(|| ApiError::parameter(Fault::of_parameter("code_challenge", Code::Required)))?;
    let begun = provider.begin().await?;
    let id = Uuid::now_v7();
    let secret = SecretString::from(format!("{} {}", begun.nonce.expose_secret(), begun.verifier.expose_secret()));
    let secret = app.accounts.sealer.seal(Purpose::Login, id, &secret)?;
    let login =
        Login { id, state_hash: secrets::hash(&begun.state), secret, code_challenge, app_state: query.state.clone() };
    let now = app.clock.now();
    app.store.write::<_, ApiError>(async |tx| Ok(store::begin(tx, login.clone(), now).await?)).await?;
    Ok(begun.url)
}

/// What the provider sends somebody back with.
#[derive(Default)]
pub struct Back {
    /// The provider's code.
    pub code: Option<String>,
    /// Ours.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who sends (RFC 9207).
    pub iss: Option<String>,
}

/// Who came back, as a one-time code for the application that began the login, and what it wanted back.
///
/// # Errors
/// `not_found`, `identity_refused`, `identity_unknown`, `unavailable`.
pub async fn back(app: &App, back: &Back, from: &Provenance) -> ApiResult<(SecretString, Option<String>)> {
    let provider = provider(app)?;
    let refused = || ApiError::new(Code::IdentityRefused);
    let now = app.clock.now();
    let state = back.state.clone().map(SecretString::from).ok_or_else(refused)?;
    // Whatever comes of it, this state has been used.
    let taken = app.store.write::<_, ApiError>(async |tx| Ok(store::take(tx, &secrets::hash(&state), now).await?));
    let login = taken.await?.ok_or_else(refused)?;
    let from_another = back.iss.as_deref().is_some_and(|iss| iss != provider.issuer());
    let Some(code) = back.code.as_deref().filter(|_| back.error.is_none() && !from_another) else {
        return Err(refused());
    };
    let secret = app.accounts.sealer.open(Purpose::Login, login.id, &login.secret)?;
    let (nonce, verifier) = secret.expose_secret().split_once(' ').ok_or_else(refused)?;
    let (nonce, verifier) = (SecretString::from(nonce), SecretString::from(verifier));
    let identity = provider.finish(code, &nonce, &verifier, now).await?;
    let user_id = account_of(app, &identity, from).await?;
    let code = secrets::new_login_code()?;
    let hash = secrets::hash(&code);
    app.store
        .write::<_, ApiError>(async |tx| {
            Ok(store::issue_code(tx, hash.clone(), user_id, &login.code_challenge, now).await?)
        })
        .await?;
    Ok((code, login.app_state))
}

/// The open account of an identity. One that is not known yet is linked to the one open account whose mail address the
/// provider has verified, unless that account has another identity there, or else to the one invitation that waits for that
/// address. Nobody gets an account or a right by the provider alone.
async fn account_of(app: &App, identity: &Identity, from: &Provenance) -> ApiResult<Uuid> {
    let unknown = || ApiError::new(Code::IdentityUnknown);
    let (issuer, subject) = (identity.issuer.as_str(), identity.subject.as_str());
    let now = app.clock.now();
    app.store
        .write::<_, ApiError>(async |tx| {
            if let Some(user_id) = store::find(tx, issuer, subject).await? {
                let open = access::find_user(tx, user_id).await?.is_some_and(|user| !user.disabled);
                return if open { Ok(user_id) } else { Err(unknown()) };
            }
            let email = identity.verified_email.as_deref().ok_or_else(unknown)?;
            let user_id = match store::accounts_with_email(tx, email).await?[..] {
                [] => invited(tx, app, email, from).await?,
                [user_id] if !store::has_identity(tx, issuer, user_id).await? => user_id,
                _ => return Err(unknown()),
            };
            let link = store::link(tx, issuer, subject, user_id, now).await.map_err(|err| match err {
                // Two logins at once: the other one linked it.
                StoreError::Conflict(_) => ApiError::new(Code::IdentityRefused),
                err => err.into(),
            })?;
            let change = audit::Change {
                at: now,
                actor_id: user_id,
                action: "link_identity",
                resource: "identity",
                resource_id: link,
                request_id: &from.request_id,
                org_unit_id: None,
                address: Some(from.address.0),
            };
            audit::record(tx, &change).await?;
            Ok(user_id)
        })
        .await
}

/// The account of somebody who was invited at this verified address and hasn't accepted yet: they accept it by this
/// login, and get an account without a password.
async fn invited(tx: &Tx, app: &App, email: &str, from: &Provenance) -> ApiResult<Uuid> {
    let unknown = || ApiError::new(Code::IdentityUnknown);
    let cx = Cx::of_nobody(app.clock.now(), "accept_invitation", from);
    let mut pending = invitations::pending_for(tx, email, cx.now).await?;
    // Of several the person chooses by their links.
    let (Some(invitation), None) = (pending.pop(), pending.pop()) else { return Err(unknown()) };
    let username = free_username(tx, email).await?;
    let user = welcome(tx, &cx, app, invitation, &username, None).await.map_err(|err| match err.code {
        Code::TokenNotValid => unknown(),
        _ => err,
    })?;
    Ok(user.stamp.id)
}

/// A username made of a mail address: what stands before the `@`, or that with a random end where it is taken.
async fn free_username(tx: &Tx, email: &str) -> ApiResult<String> {
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    let sound = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let name: String = local.chars().filter(sound).take(40).collect();
    if name.len() >= 2 && access::credentials(tx, &name).await?.is_none() {
        return Ok(name);
    }
    // The random end of a UUIDv7.
    let id = Uuid::now_v7().simple().to_string();
    Ok(format!("{name}-{}", id.get(24..).unwrap_or(&id)))
}

/// Tokens for a one-time code and the verifier of the challenge with which the login began. A code whose second factor
/// is missing stays good; with a wrong verifier it is gone.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn by_code(app: &App, form: &Form, from: &Provenance) -> ApiResult<Refused<TokenAnswer>> {
    let (Some(code), Some(verifier)) = (form.secret("code"), form.secret("code_verifier")) else {
        return Ok(Err(refuse("invalid_request", "`code` and `code_verifier` are wanted.")));
    };
    let refused = || refuse("invalid_grant", "The code is unknown, used or expired, or the verifier is not its own.");
    let hash = secrets::hash(&code);
    let now = app.clock.now();
    let Some((user_id, challenge)) = store::find_code(app.store.read(), &hash, now).await? else {
        return Ok(Err(refused()));
    };
    let right = URL_SAFE_NO_PAD.encode(secrets::hash(&verifier)) == challenge;
    if right && let Err(refused) = second_factor::ops::pass(app, user_id, form.secret("otp")).await? {
        return Ok(Err(refused));
    }
    let taken = app.store.write::<_, ApiError>(async |tx| Ok(store::take_code(tx, &hash, now).await?)).await?;
    let open = access::find_user(app.store.read(), user_id).await?.is_some_and(|user| !user.disabled);
    if !right || !taken || !open {
        return Ok(Err(refused()));
    }
    open_session(app, user_id, "log_in_by_provider", from).await.map(Ok)
}
