//! What requests on invitations mean.

use super::dto::{Invitation, InvitationAcceptance, InvitationQuery, NewInvitation};
use crate::{
    allowed::{AccessRead, AccessWrite, Demand, Scope, forbidden, rights_of, scope},
    app::App,
    fields::Faults,
    mail,
    page::ListQuery,
    passwords::is_strong,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{
        access::{dto::User, ops::place_of},
        auth::secrets,
    },
};
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use tinhnguyen_domain::access::{InvitationStatus, Permission};
use tinhnguyen_persistence::{
    ConnectionTrait, StoreError, Tx,
    access::{self, GrantRecord},
    invitations::{self as store, Filter, InvitedGrant},
    org_units,
    page::Page,
};
use uuid::Uuid;

/// How long an invitation is good.
pub const LIFETIME: Duration = Duration::days(7);

/// Lists the invitations that the caller sees, with their roles.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<AccessRead>,
    query: &InvitationQuery,
    now: DateTime<Utc>,
) -> ApiResult<(Page<store::Invitation>, HashMap<Uuid, Vec<InvitedGrant>>)> {
    let filter = Filter {
        id: query.id,
        status: query.status.map(|status| (status, now)),
        org_unit_id: query.org_unit_id,
        updated_since: query.updated_since,
    };
    let page = store::list(conn, &scope.reaches, scope.actor.id, &filter, &query.page_request()?).await?;
    let mut grants = HashMap::new();
    for invitation in &page.data {
        grants.insert(invitation.stamp.id, store::grants_of(conn, invitation.stamp.id).await?);
    }
    Ok((page, grants))
}

/// Finds an invitation that the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<store::Invitation> {
    store::find(conn, &scope.reaches, scope.actor.id, id).await?.ok_or_else(ApiError::not_found)
}

/// Shows an invitation.
///
/// # Errors
/// When the database can't be asked.
pub async fn show(
    conn: &impl ConnectionTrait,
    invitation: store::Invitation,
    now: DateTime<Utc>,
) -> ApiResult<Invitation> {
    let grants = store::grants_of(conn, invitation.stamp.id).await?;
    Ok(Invitation::of(invitation, grants, now))
}

/// Invites somebody with roles over subtrees that the caller administers, all of them.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    scope: &Scope<AccessWrite>,
    new: &NewInvitation,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&show(tx, find(tx, scope, new.id.unwrap_or_default()).await?, cx.now).await?);
    }
    let mut faults = Faults::default();
    let mut units = Vec::new();
    for (at, grant) in new.grants.iter().enumerate() {
        let pointer = format!("/grants/{at}");
        units.extend(place_of(tx, scope, &mut faults, &pointer, grant.org_unit_id, grant.team_id).await?);
    }
    faults.settle()?;
    for unit in &units {
        scope.ensure_unit(&unit.path)?;
    }
    let invitation = store::Invitation {
        stamp: cx.new_stamp(new.id),
        email: new.email.clone(),
        full_name: new.full_name.clone(),
        status: InvitationStatus::Pending,
        expires_at: cx.now + LIFETIME,
        invited_by: cx.actor_id,
        user_id: None,
    };
    let grants: Vec<_> = new
        .grants
        .iter()
        .map(|grant| InvitedGrant {
            role: grant.role,
            org_unit_id: grant.org_unit_id,
            team_id: grant.team_id,
            valid_from: grant.valid_from,
            valid_to: grant.valid_to,
        })
        .collect();
    let token = secrets::new_invitation_token()?;
    store::insert(tx, &invitation, secrets::hash(&token), &grants).await?;
    let until = invitation.expires_at;
    let inviter = &scope.actor.full_name;
    let letter = mail::invitation(&app.accounts.links, &invitation.full_name, inviter, &token, until);
    mail::post(tx, app, &invitation.email, letter, cx.now, until).await?;
    cx.record(tx, "invitation", invitation.stamp.id, grants.first().map(|grant| grant.org_unit_id)).await?;
    Reply::created(&Invitation::of(invitation, grants, cx.now))
}

/// Takes an invitation back: by whoever sent it, or administers every unit that it brings a role on.
///
/// # Errors
/// The problems that the operation states.
pub async fn revoke(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, id: Uuid) -> ApiResult<Reply> {
    let mut invitation = find(tx, scope, id).await?;
    let grants = store::grants_of(tx, id).await?;
    if invitation.invited_by != scope.actor.id && !covers(tx, scope, &grants).await? {
        return Err(forbidden(Permission::AccessWrite));
    }
    cx.ensure_unchanged(&invitation.stamp)?;
    if invitation.status_at(cx.now) != InvitationStatus::Pending {
        return Err(ApiError::new(Code::WrongState));
    }
    invitation.status = InvitationStatus::Revoked;
    invitation.stamp = cx.next_stamp(invitation.stamp);
    store::update(tx, &invitation).await?;
    cx.record(tx, "invitation", id, grants.first().map(|grant| grant.org_unit_id)).await?;
    Reply::ok(&Invitation::of(invitation, grants, cx.now))
}

/// Whether somebody administers, as the tree stands today, every unit that the roles are on.
async fn covers(tx: &Tx, scope: &Scope<AccessWrite>, grants: &[InvitedGrant]) -> ApiResult<bool> {
    for grant in grants {
        let unit = org_units::find(tx, grant.org_unit_id).await?;
        if !unit.is_some_and(|unit| scope.reaches.covers_unit(&unit.path)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the account that an invitation is for, with its roles, once. Whoever invited must still hold what they give.
/// `hash` is the password's, made outside the transaction because it takes long.
///
/// # Errors
/// The problems that the operation states.
pub async fn accept(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    acceptance: &InvitationAcceptance,
    hash: &str,
) -> ApiResult<Reply> {
    let invitation = store::find_by_token(tx, &secrets::hash(&acceptance.token)).await?;
    let invitation = invitation.ok_or_else(|| ApiError::new(Code::TokenNotValid))?;
    if !is_strong(acceptance.password.secret(), &[invitation.full_name.as_str(), invitation.email.as_str()]) {
        return Err(ApiError::fault(Fault::at("/password", Code::WeakPassword)));
    }
    let user = welcome(tx, cx, app, invitation, &acceptance.username, Some(hash.to_owned())).await?;
    Reply::created(&User { allowed_actions: vec![], ..User::of(user) })
}

/// Makes the account that a pending invitation is for, with its roles, as long as whoever invited holds what they give.
///
/// # Errors
/// `token_not_valid`, `code_already_used`.
pub(crate) async fn welcome(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    mut invitation: store::Invitation,
    username: &str,
    hash: Option<String>,
) -> ApiResult<access::User> {
    let refused = || ApiError::new(Code::TokenNotValid);
    let id = invitation.stamp.id;
    if invitation.status_at(cx.now) != InvitationStatus::Pending {
        return Err(refused());
    }
    let grants = store::grants_of(tx, id).await?;
    let (inviter, rights) = rights_of(tx, invitation.invited_by).await?.ok_or_else(refused)?;
    let inviter: Scope<AccessWrite> = scope(inviter, rights, app.today()).map_err(|_| refused())?;
    if !covers(tx, &inviter, &grants).await? {
        return Err(refused());
    }
    let user = access::User {
        stamp: cx.new_stamp(None),
        username: username.to_lowercase(),
        full_name: invitation.full_name.clone(),
        email: Some(invitation.email.clone()),
        disabled: false,
        created_by: Some(inviter.actor.id),
    };
    let user_id = user.stamp.id;
    access::insert_user(tx, &user, hash).await?;
    cx.record_by(tx, user_id, "user", user_id, None).await?;
    for grant in &grants {
        let record = GrantRecord {
            stamp: cx.new_stamp(None),
            user_id,
            role: grant.role,
            org_unit_id: grant.org_unit_id,
            team_id: grant.team_id,
            valid_from: grant.valid_from,
            valid_to: grant.valid_to,
            granted_by: inviter.actor.id,
        };
        access::insert_grant(tx, &record).await?;
        cx.record_by(tx, inviter.actor.id, "grant", record.stamp.id, Some(grant.org_unit_id)).await?;
    }
    invitation.status = InvitationStatus::Accepted;
    invitation.user_id = Some(user_id);
    invitation.stamp = cx.next_stamp(invitation.stamp);
    store::update(tx, &invitation).await.map_err(|err| match err {
        // Somebody else was faster with the same link.
        StoreError::Stale => refused(),
        err => err.into(),
    })?;
    cx.record_by(tx, user_id, "invitation", id, grants.first().map(|grant| grant.org_unit_id)).await?;
    Ok(user)
}
