//! Authorisation as a type: an operation that demands `Allowed<ResultVerify>` can't forget to check it, and a use case
//! that demands a `Scope<ResultVerify>` can't be called without it.

use crate::{
    app::App,
    introductions::{Known, known},
    limits::Standing,
    problem::{ApiError, ApiResult, Code, Lang},
    request::Provenance,
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use chrono::NaiveDate;
use futures_util::future::LocalBoxFuture;
use std::marker::PhantomData;
use tinhnguyen_domain::{
    access::{Permission, Reaches, Rights, wants_second_factor},
    org_units::{OrgUnit, UnitPath},
};
use tinhnguyen_persistence::{
    ConnectionTrait,
    access::{User, principal},
    clients, org_units,
    progress::Heads,
    second_factor,
};
use uuid::Uuid;

/// A permission as a type.
pub trait Demand: 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! demands {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("Demands [`Permission::", stringify!($name), "`].")]
        #[derive(Debug)]
        pub struct $name;
        impl Demand for $name { const PERMISSION: Permission = Permission::$name; }
    )+};
}
demands!(
    CatalogueRead,
    CampaignWrite,
    LocalityWrite,
    OrgUnitRead,
    OrgUnitWrite,
    AccessRead,
    AccessWrite,
    SelfRead,
    SelfWrite,
    TeamRead,
    TeamWrite,
    MemberWrite,
    VolunteerRead,
    VolunteerWrite,
    VolunteerPersonal,
    DigitalGroupRead,
    DigitalGroupWrite,
    ActivityRead,
    ActivityWrite,
    ResultRead,
    ResultWrite,
    ResultVerify,
    ProgressRead,
    TargetWrite,
    ReportingRead,
    ReportingWrite,
    WebhookRead,
    WebhookWrite,
);

/// Who asks: a person, or a registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's or the client's id.
    pub id: Uuid,
    /// The account's username; a client has none.
    pub username: Option<String>,
    /// The person's or the client's name.
    pub full_name: String,
    /// Where mail reaches the person.
    pub email: Option<String>,
}

impl Actor {
    /// Whoever writes without a token, such as somebody who accepts an invitation.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { id: Uuid::nil(), username: None, full_name: String::new(), email: None }
    }
}

impl From<User> for Actor {
    fn from(user: User) -> Self {
        Self { id: user.stamp.id, username: Some(user.username), full_name: user.full_name, email: user.email }
    }
}

/// Who asks, and over which parts of the tree they hold the permission `P`.
pub struct Scope<P> {
    /// Who asks.
    pub actor: Actor,
    /// All that they may do.
    pub rights: Rights,
    /// Where they hold `P`.
    pub reaches: Reaches,
    /// Where they may read what `P` is about, for telling 404 from 403.
    pub sees: Reaches,
    /// In which language they are answered.
    pub lang: Lang,
    /// How far everything was when it was asked whether they are still known, after the request came.
    pub heads: Option<Heads>,
    /// Today, by which grants are in force.
    today: NaiveDate,
    demand: PhantomData<P>,
}

impl<P: Demand> Scope<P> {
    /// Holds that a unit is reached: 404 when it can't be seen, 403 when it is seen but not reached.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub fn ensure_unit(&self, unit: &UnitPath) -> ApiResult<()> {
        if self.reaches.covers_unit(unit) {
            Ok(())
        } else if self.sees.sees_unit(unit) {
            Err(forbidden(P::PERMISSION))
        } else {
            Err(ApiError::not_found())
        }
    }

    /// Holds that a team at a unit is reached: 404 when it can't be seen, 403 when it is seen but not reached.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub fn ensure_team(&self, unit: &UnitPath, team_id: Uuid) -> ApiResult<()> {
        if self.reaches.covers_team(unit, team_id) {
            Ok(())
        } else if self.sees.covers_team(unit, team_id) {
            Err(forbidden(P::PERMISSION))
        } else {
            Err(ApiError::not_found())
        }
    }

    /// Where the caller holds another permission: for `allowed_actions`.
    #[must_use]
    pub fn reaches_of(&self, permission: Permission) -> Reaches {
        self.rights.reaches(permission, self.today)
    }

    /// Today, by which rights are in force.
    #[must_use]
    pub const fn today(&self) -> NaiveDate {
        self.today
    }

    /// The unit, when it may be seen.
    ///
    /// # Errors
    /// `not_found`.
    pub fn seen(&self, unit: Option<OrgUnit>) -> ApiResult<OrgUnit> {
        unit.filter(|u| self.sees.sees_unit(&u.path)).ok_or_else(ApiError::not_found)
    }
}

/// Seen but not allowed.
#[must_use]
pub fn forbidden(permission: Permission) -> ApiError {
    let roles: Vec<_> = permission.roles().iter().map(|r| format!("`{r}`")).collect();
    let roles = roles.join(", ");
    ApiError::new(Code::Forbidden)
        .detail(
            format!("Cần một trong các vai trò {roles} trên đơn vị này."),
            format!("One of the roles {roles} over this unit is wanted."),
        )
        .with("required_scope", permission.scope())
}

/// The extractor: who asks is known, and holds the permission somewhere.
pub struct Allowed<P>(pub Scope<P>);

impl<P> std::ops::Deref for Allowed<P> {
    type Target = Scope<P>;
    fn deref(&self) -> &Scope<P> {
        &self.0
    }
}

/// Who asked, for the log line of the request.
#[derive(Debug, Clone, Copy)]
pub struct ActorId(pub Uuid);

impl<P: Demand> FromRequest for Allowed<P> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (Known { actor, rights, heads }, today) = asker(&request, P::PERMISSION).await?;
            let lang = lang_of(&request);
            scope(actor, rights, today).map(|scope| Self(Scope { lang, heads, ..scope }))
        })
    }
}

/// The extractor of an operation of several parts, of which each demands `P` or `Q`: who asks is known, and holds at least
/// one of them somewhere.
pub struct AllowedEither<P, Q> {
    /// Who asks.
    pub actor: Actor,
    /// Where they hold `P`, if anywhere.
    pub first: Option<Scope<P>>,
    /// Where they hold `Q`, if anywhere.
    pub second: Option<Scope<Q>>,
}

impl<P: Demand, Q: Demand> FromRequest for AllowedEither<P, Q> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (Known { actor, rights, heads }, today) = asker(&request, P::PERMISSION).await?;
            let lang = lang_of(&request);
            let first = scope(actor.clone(), rights.clone(), today).ok().map(|scope| Scope { lang, heads, ..scope });
            let second = scope(actor.clone(), rights, today).ok().map(|scope| Scope { lang, heads, ..scope });
            if first.is_none() && second.is_none() {
                return Err(forbidden(P::PERMISSION));
            }
            Ok(Self { actor, first, second })
        })
    }
}

/// The language that a request asks for.
fn lang_of(request: &HttpRequest) -> Lang {
    Lang::negotiate(request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()))
}

/// Who asks, by the request's token, and all that they may do.
async fn asker(request: &HttpRequest, permission: Permission) -> ApiResult<(Known, NaiveDate)> {
    let app = request
        .app_data::<web::Data<App>>()
        .cloned()
        .ok_or_else(|| ApiError::internal("the application's state is missing"))?;
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    let now = app.clock.now();
    let claims = app.tokens.verify(token, now).map_err(of_no_use)?;
    let known = known(&app, &claims).await?;
    let known = known.ok_or_else(|| of_no_use(ApiError::new(Code::Unauthenticated)))?;
    request.extensions_mut().insert(ActorId(known.actor.id));
    count(&app, request, known.actor.id, claims.client_id.is_some())?;
    if !is_own(permission) && lacks_second_factor(&app, &known.actor, &known.rights).await? {
        return Err(ApiError::new(Code::SecondFactorRequired));
    }
    Ok((known, app.today()))
}

/// A token that is no longer good is told apart from none at all (RFC 6750 §3.1).
fn of_no_use(mut error: ApiError) -> ApiError {
    let challenges = error.headers.iter_mut().filter(|(name, _)| name == header::WWW_AUTHENTICATE);
    challenges.for_each(|(_, challenge)| challenge.push_str(", error=\"invalid_token\""));
    error
}

/// What everybody may who has an account: read and secure it.
const fn is_own(permission: Permission) -> bool {
    matches!(permission, Permission::SelfRead | Permission::SelfWrite)
}

/// Whether somebody wants a second factor to use their roles, and has none. Asked at each request, so that the
/// operator's switch, a new grant and a second factor that was switched off all work at once.
///
/// # Errors
/// When the database can't be asked.
pub async fn lacks_second_factor(app: &App, actor: &Actor, rights: &Rights) -> ApiResult<bool> {
    let Rights::Person(grants) = rights else { return Ok(false) };
    if !app.accounts.require_totp || !wants_second_factor(grants, app.today()) {
        return Ok(false);
    }
    Ok(!second_factor::is_on(app.store.read(), actor.id).await?)
}

/// Counts the request against the caller's own quota.
fn count(app: &App, request: &HttpRequest, caller: Uuid, is_client: bool) -> ApiResult<()> {
    let mut extensions = request.extensions_mut();
    let Some(address) = extensions.get::<Provenance>().map(|provenance| provenance.address) else { return Ok(()) };
    let mut standing = extensions.remove::<Standing>().unwrap_or_default();
    let counted = app.limits.count_caller(caller, is_client, request.method(), address, &mut standing);
    extensions.insert(standing);
    counted
}

/// What an account or a registered client may do today, without a token of theirs: for what they began and somebody else
/// finishes. None when it is gone or shut.
///
/// # Errors
/// When the database can't be asked.
pub async fn rights_of(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<Option<(Actor, Rights)>> {
    if let Some((user, grants)) = principal(conn, id).await? {
        return Ok((!user.disabled).then(|| (user.into(), Rights::Person(grants))));
    }
    let Some(client) = clients::find_any(conn, id).await?.filter(|client| !client.disabled) else { return Ok(None) };
    let Some(unit) = org_units::find(conn, client.org_unit_id).await? else { return Ok(None) };
    let actor = Actor { id: client.stamp.id, username: None, full_name: client.name, email: None };
    Ok(Some((actor, Rights::Client { scopes: client.scopes, path: unit.path })))
}

/// The scope of somebody who is known; also for the worker, imports and the command line, which have no request.
///
/// # Errors
/// `forbidden` when they hold the permission nowhere.
pub fn scope<P: Demand>(actor: Actor, rights: Rights, today: NaiveDate) -> ApiResult<Scope<P>> {
    let reaches = rights.reaches(P::PERMISSION, today);
    // Who has no right yet may still ask who they are.
    if reaches.is_empty() && !is_own(P::PERMISSION) {
        return Err(forbidden(P::PERMISSION));
    }
    let sees = rights.sees(today);
    Ok(Scope { actor, rights, reaches, sees, lang: Lang::default(), heads: None, today, demand: PhantomData })
}
