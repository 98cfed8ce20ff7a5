//! What requests on users and grants mean.

use super::dto::{Grant, GrantQuery, NewGrant, NewUser, User, UserPatch, UserQuery};
use crate::{
    allowed::{AccessRead, AccessWrite, Demand, Scope, forbidden},
    fields::Faults,
    page::ListQuery,
    passwords::is_strong,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
};
use chrono::NaiveDate;
use tinhnguyen_domain::{
    access::{Permission, Role},
    org_units::OrgUnit,
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    access::{self, GrantFilter, GrantRecord, UserFilter},
    org_units,
    page::Page,
    resets,
    scope::covers_all,
    sessions, teams,
};
use uuid::Uuid;

/// Lists the users that the caller sees.
///
/// # Errors
/// Problems of the query.
pub async fn list_users(
    conn: &impl ConnectionTrait,
    scope: &Scope<AccessRead>,
    query: &UserQuery,
) -> ApiResult<Page<access::User>> {
    let filter = UserFilter {
        id: query.id,
        username: query.username.as_ref().map(|name| name.to_lowercase()),
        updated_since: query.updated_since,
    };
    let viewer = scope.actor.id;
    Ok(access::list_users(conn, &scope.reaches, viewer, &filter, &query.page_request()?).await?)
}

/// Finds a user that the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn find_user<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<access::User> {
    let found = access::find_user_seen(conn, &scope.reaches, scope.actor.id, id).await?;
    found.ok_or_else(ApiError::not_found)
}

/// Makes an account. `hash` is its password's, made outside the transaction because it takes long.
///
/// # Errors
/// The problems that the operation states.
pub async fn create_user(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<AccessWrite>,
    new: &NewUser,
    hash: Option<String>,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&User::of(find_user(tx, scope, new.id.unwrap_or_default()).await?));
    }
    let user = access::User {
        stamp: cx.new_stamp(new.id),
        username: new.username.to_lowercase(),
        full_name: new.full_name.clone(),
        email: new.email.clone(),
        disabled: false,
        created_by: Some(cx.actor_id),
    };
    access::insert_user(tx, &user, hash).await?;
    cx.record(tx, "user", user.stamp.id, None).await?;
    Reply::created(&User::of(user))
}

/// Holds that all that a user is granted lies within what the caller administers: whoever sets a password could log in
/// with it, and must not come to more rights by that.
pub(crate) async fn ensure_controls(tx: &Tx, scope: &Scope<AccessWrite>, user_id: Uuid) -> ApiResult<()> {
    let Some((user, grants)) = access::principal(tx, user_id).await? else { return Err(ApiError::not_found()) };
    let own = user.created_by == Some(scope.actor.id) || covers_all(&scope.reaches) || !grants.is_empty();
    if own && grants.iter().all(|grant| scope.reaches.covers_unit(&grant.path)) {
        Ok(())
    } else {
        Err(forbidden(Permission::AccessWrite))
    }
}

/// Changes an account whose every grant the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn change_user(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<AccessWrite>,
    id: Uuid,
    patch: &UserPatch,
    hash: Option<String>,
) -> ApiResult<Reply> {
    let mut user = find_user(tx, scope, id).await?;
    ensure_controls(tx, scope, id).await?;
    cx.ensure_unchanged(&user.stamp)?;
    if patch.disabled == Some(true) && id == cx.actor_id {
        return Err(ApiError::new(Code::WrongState)
            .detail("Không thể tự khóa tài khoản của mình.", "Nobody shuts their own account."));
    }
    if let Some(password) = &patch.password {
        let known = [user.username.as_str(), user.full_name.as_str(), user.email.as_deref().unwrap_or_default()];
        if !is_strong(password.secret(), &known) {
            return Err(ApiError::fault(Fault::at("/password", Code::WeakPassword)));
        }
    }
    if let Some(name) = &patch.full_name {
        user.full_name.clone_from(name);
    }
    if let Some(email) = &patch.email {
        user.email.clone_from(email);
    }
    user.disabled = patch.disabled.unwrap_or(user.disabled);
    user.stamp = cx.next_stamp(user.stamp);
    if hash.is_some() || user.disabled {
        // Whoever came in with the old password, or before the account was shut, is out at once.
        sessions::end_all(tx, id, cx.now).await?;
        resets::void(tx, id, cx.now).await?;
    }
    access::update_user(tx, &user, hash).await?;
    cx.record(tx, "user", id, None).await?;
    Reply::ok(&User::of(user))
}

/// Lists the grants on units that the caller administers.
///
/// # Errors
/// Problems of the query.
pub async fn list_grants(
    conn: &impl ConnectionTrait,
    scope: &Scope<AccessRead>,
    query: &GrantQuery,
) -> ApiResult<Page<GrantRecord>> {
    let filter = GrantFilter { id: query.id, user_id: query.user_id, org_unit_id: query.org_unit_id, role: query.role };
    Ok(access::list_grants(conn, &scope.reaches, &filter, &query.page_request()?).await?)
}

/// Finds a grant on a unit that the caller administers.
///
/// # Errors
/// `not_found`.
pub async fn find_grant<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<GrantRecord> {
    access::find_grant(conn, &scope.reaches, id).await?.ok_or_else(ApiError::not_found)
}

/// The unit of a role that is to be given, with faults at `pointer` when the caller doesn't see it, or when the team is
/// none of its subtree. Whether the caller administers it is asked by [`Scope::ensure_unit`].
///
/// # Errors
/// When the database can't be asked.
pub(crate) async fn place_of(
    tx: &Tx,
    scope: &Scope<AccessWrite>,
    faults: &mut Faults,
    pointer: &str,
    org_unit_id: Uuid,
    team_id: Option<Uuid>,
) -> ApiResult<Option<OrgUnit>> {
    let unit = org_units::find(tx, org_unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found(format!("{pointer}/org_unit_id"), unit);
    if let (Some(unit), Some(team_id)) = (&unit, team_id) {
        let team = teams::find(tx, &scope.sees, team_id).await?;
        let team_unit = match team {
            Some(team) => org_units::find(tx, team.org_unit_id).await?,
            None => None,
        };
        faults.found(format!("{pointer}/team_id"), team_unit.filter(|team_unit| unit.path.contains(&team_unit.path)));
    }
    Ok(unit)
}

/// Grants a role over a subtree that the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn create_grant(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, new: &NewGrant) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&Grant::of(find_grant(tx, scope, new.id.unwrap_or_default()).await?));
    }
    let mut faults = Faults::default();
    let holder = access::find_user_seen(tx, &scope.reaches, cx.actor_id, new.user_id).await?;
    faults.found("/user_id", holder);
    let unit = place_of(tx, scope, &mut faults, "", new.org_unit_id, new.team_id).await?;
    faults.settle()?;
    let Some(unit) = unit else { return Err(ApiError::not_found()) };
    scope.ensure_unit(&unit.path)?;
    let grant = GrantRecord {
        stamp: cx.new_stamp(new.id),
        user_id: new.user_id,
        role: new.role,
        org_unit_id: new.org_unit_id,
        team_id: new.team_id,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        granted_by: cx.actor_id,
    };
    access::insert_grant(tx, &grant).await?;
    cx.record(tx, "grant", grant.stamp.id, Some(grant.org_unit_id)).await?;
    Reply::created(&Grant::of(grant))
}

/// Withdraws a grant; it stops working at once.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete_grant(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<AccessWrite>,
    id: Uuid,
    today: NaiveDate,
) -> ApiResult<Reply> {
    let grant = find_grant(tx, scope, id).await?;
    cx.ensure_unchanged(&grant.stamp)?;
    let unit = org_units::find(tx, grant.org_unit_id).await?;
    let over_all = grant.role == Role::Administrator && unit.is_some_and(|unit| unit.parent_id.is_none());
    if over_all && access::count_other_administrators(tx, id, today).await? == 0 {
        return Err(ApiError::new(Code::WrongState).detail(
            "Đây là quản trị viên cuối cùng của Trung ương; cấp vai trò cho người khác trước.",
            "This is the centre's last administrator; grant the role to somebody else first.",
        ));
    }
    access::delete_grant(tx, id, grant.stamp.version).await?;
    cx.record(tx, "grant", id, Some(grant.org_unit_id)).await?;
    Ok(Reply::gone())
}
