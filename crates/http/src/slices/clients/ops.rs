//! What requests on registered clients mean.

use super::dto::{Client, ClientPatch, ClientQuery, NewClient};
use crate::{
    allowed::{AccessRead, AccessWrite, Demand, Scope, forbidden},
    fields::{Faults, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Reply},
    slices::auth::secrets,
};
use secrecy::SecretString;
use std::collections::HashMap;
use tinhnguyen_domain::access::Permission;
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    clients::{self, Filter, SecretInfo},
    org_units,
    page::Page,
};
use uuid::Uuid;

/// How many secrets of a client may work at once.
const SECRETS: usize = 2;

/// Lists the clients on units that the caller administers, with their secrets' dates.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<AccessRead>,
    query: &ClientQuery,
) -> ApiResult<(Page<clients::Client>, HashMap<Uuid, Vec<SecretInfo>>)> {
    let filter = Filter { id: query.id, org_unit_id: query.org_unit_id, updated_since: query.updated_since };
    let page = clients::list(conn, &scope.reaches, &filter, &query.page_request()?).await?;
    let mut secrets = HashMap::new();
    for client in &page.data {
        secrets.insert(client.stamp.id, clients::secrets(conn, client.stamp.id).await?);
    }
    Ok((page, secrets))
}

/// Finds a client on a unit that the caller administers.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<clients::Client> {
    clients::find(conn, &scope.reaches, id).await?.ok_or_else(ApiError::not_found)
}

/// Shows a client.
///
/// # Errors
/// When the database can't be asked.
pub async fn show(conn: &impl ConnectionTrait, client: clients::Client) -> ApiResult<Client> {
    let secrets = clients::secrets(conn, client.stamp.id).await?;
    Ok(Client::of(client, &secrets))
}

/// Nobody gives a client what they don't hold themselves over that unit.
fn ensure_holds(
    scope: &Scope<AccessWrite>,
    unit: &tinhnguyen_domain::org_units::UnitPath,
    scopes: &[String],
) -> ApiResult<()> {
    for permission in Permission::ALL {
        if scopes.iter().any(|s| s == permission.scope()) && !scope.reaches_of(*permission).covers_unit(unit) {
            return Err(forbidden(*permission));
        }
    }
    Ok(())
}

fn unique(faults: &mut Faults, scopes: &[String]) {
    repeated(scopes).for_each(|at| faults.add(format!("/scopes/{at}"), Code::NotUnique));
}

/// Stores a new secret; gives it to be shown once.
async fn add_secret(tx: &Tx, cx: &Cx<'_>, client_id: Uuid) -> ApiResult<SecretString> {
    let secret = secrets::new_client_secret()?;
    let info = SecretInfo { id: Uuid::now_v7(), created_at: cx.now };
    clients::insert_secret(tx, client_id, info, secrets::hash(&secret)).await?;
    Ok(secret)
}

/// Registers a client over a subtree that the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, new: &NewClient) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&show(tx, find(tx, scope, new.id.unwrap_or_default()).await?).await?);
    }
    let mut faults = Faults::default();
    unique(&mut faults, &new.scopes);
    let unit = org_units::find(tx, new.org_unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found("/org_unit_id", unit);
    faults.settle()?;
    let Some(unit) = unit else { return Err(ApiError::not_found()) };
    scope.ensure_unit(&unit.path)?;
    ensure_holds(scope, &unit.path, &new.scopes)?;
    let client = clients::Client {
        stamp: cx.new_stamp(new.id),
        name: new.name.clone(),
        scopes: new.scopes.clone(),
        org_unit_id: new.org_unit_id,
        disabled: false,
        created_by: cx.actor_id,
    };
    clients::insert(tx, &client).await?;
    let secret = add_secret(tx, cx, client.stamp.id).await?;
    cx.record(tx, "client", client.stamp.id, Some(client.org_unit_id)).await?;
    let shown = show(tx, client).await?;
    Reply::created(&shown.clone().showing(&secret))?.stored_as(&shown)
}

/// Finds a client whose unit the caller administers, and holds that it is changed as it was seen.
async fn take(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, id: Uuid) -> ApiResult<clients::Client> {
    let client = find(tx, scope, id).await?;
    cx.ensure_unchanged(&client.stamp)?;
    Ok(client)
}

/// Changes a client.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<AccessWrite>,
    id: Uuid,
    patch: &ClientPatch,
) -> ApiResult<Reply> {
    let mut client = take(tx, cx, scope, id).await?;
    if let Some(scopes) = &patch.scopes {
        let mut faults = Faults::default();
        unique(&mut faults, scopes);
        faults.settle()?;
        let unit = org_units::find(tx, client.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
        ensure_holds(scope, &unit.path, scopes)?;
        client.scopes.clone_from(scopes);
    }
    if let Some(name) = &patch.name {
        client.name.clone_from(name);
    }
    client.disabled = patch.disabled.unwrap_or(client.disabled);
    client.stamp = cx.next_stamp(client.stamp);
    clients::update(tx, &client).await?;
    cx.record(tx, "client", id, Some(client.org_unit_id)).await?;
    Reply::ok(&show(tx, client).await?)
}

/// Gives a client a new secret. The oldest goes when there would be more than two: so the one in use works until the
/// next roll.
///
/// # Errors
/// The problems that the operation states.
pub async fn roll(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, id: Uuid) -> ApiResult<Reply> {
    let mut client = take(tx, cx, scope, id).await?;
    client.stamp = cx.next_stamp(client.stamp);
    clients::update(tx, &client).await?;
    let old = clients::secrets(tx, id).await?;
    for secret in old.iter().take((old.len() + 1).saturating_sub(SECRETS)) {
        clients::delete_secret(tx, id, secret.id).await?;
    }
    let secret = add_secret(tx, cx, id).await?;
    cx.record(tx, "client", id, Some(client.org_unit_id)).await?;
    let shown = show(tx, client).await?;
    Reply::ok(&shown.clone().showing(&secret))?.stored_as(&shown)
}

/// Withdraws a secret; it stops working at once, and the tokens that it brought within 15 minutes.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete_secret(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<AccessWrite>,
    id: Uuid,
    secret_id: Uuid,
) -> ApiResult<Reply> {
    let mut client = take(tx, cx, scope, id).await?;
    if !clients::delete_secret(tx, id, secret_id).await? {
        return Err(ApiError::not_found());
    }
    client.stamp = cx.next_stamp(client.stamp);
    clients::update(tx, &client).await?;
    cx.record(tx, "client", id, Some(client.org_unit_id)).await?;
    Ok(Reply::gone())
}
