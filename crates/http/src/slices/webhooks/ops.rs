//! What requests on webhooks mean.

use super::dto::{
    NewWebhook, Webhook, WebhookDelivery, WebhookDeliveryQuery, WebhookPatch, WebhookQuery, WebhookReplay,
    WebhookReplayOutcome, WebhookTestEvent, WebhookTestEventData,
};
use crate::{
    allowed::{Demand, Scope, WebhookRead, WebhookWrite},
    app::App,
    fields::{Faults, repeated},
    outgoing::Refusal,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    sealed::Purpose,
    slices::auth::secrets,
};
use chrono::TimeDelta;
use secrecy::SecretString;
use tinhnguyen_domain::{
    org_units::OrgUnit,
    webhooks::{self as d, DisabledReason, EventType},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    audit::{self, Position},
    org_units,
    page::Page,
    webhooks::{self, Delivery, DeliveryFilter, Filter, NewDelivery},
};
use uuid::Uuid;

/// How long the secret before signs too after a new one was made.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The most webhooks on one unit.
const MOST: u64 = 50;

/// Lists the webhooks on units that the caller reaches.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<WebhookRead>,
    query: &WebhookQuery,
) -> ApiResult<Page<d::Webhook>> {
    let filter = Filter { id: query.id, org_unit_id: query.org_unit_id, updated_since: query.updated_since };
    Ok(webhooks::list(conn, &scope.reaches, &filter, &query.page_request()?).await?)
}

/// Finds a webhook on a unit that the caller reaches.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(conn: &impl ConnectionTrait, scope: &Scope<P>, id: Uuid) -> ApiResult<d::Webhook> {
    webhooks::find(conn, &scope.reaches, id).await?.ok_or_else(ApiError::not_found)
}

/// Holds that a webhook may send to an address.
fn check_url(app: &App, faults: &mut Faults, url: &str) {
    let Err(refusal) = app.outgoing.check(url) else { return };
    let fault = Fault::at("/url", Code::NotAllowedValue).limit("https");
    faults.push(match refusal {
        Refusal::NoAddress => Fault::at("/url", Code::BadFormat).limit("https://…"),
        Refusal::Plain => fault.message("Địa chỉ phải dùng https.", "The address must be https."),
        Refusal::Adorned => fault.message(
            "Địa chỉ không được chứa tên người dùng hay phần sau `#`.",
            "The address may name neither a user nor a fragment.",
        ),
        Refusal::Inside => {
            fault.message("Địa chỉ phải thuộc mạng công cộng.", "The address must be one of the public network.")
        }
    });
}

/// A new secret: 256 random bits, as Standard Webhooks writes them; and sealed.
fn new_secret(app: &App, id: Uuid) -> ApiResult<(SecretString, Vec<u8>)> {
    let secret = secrets::new_webhook_secret()?;
    let sealed = app.accounts.sealer.seal(Purpose::Webhook, id, &secret)?;
    Ok((secret, sealed))
}

fn check_types(faults: &mut Faults, types: &[EventType]) {
    repeated(types).for_each(|at| faults.add(format!("/event_types/{at}"), Code::NotUnique));
}

async fn unit_in_sight(
    tx: &Tx,
    scope: &Scope<WebhookWrite>,
    faults: &mut Faults,
    id: Uuid,
) -> ApiResult<Option<OrgUnit>> {
    let unit = org_units::find(tx, id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found("/org_unit_id", unit);
    if let Some(unit) = &unit {
        scope.ensure_unit(&unit.path)?;
    }
    Ok(unit)
}

/// Makes a webhook on a unit that the caller reaches. It tells of what happens from now on.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    scope: &Scope<WebhookWrite>,
    new: &NewWebhook,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&Webhook::of(find(tx, scope, new.id.unwrap_or_default()).await?, true));
    }
    let mut faults = Faults::default();
    check_url(app, &mut faults, &new.url);
    check_types(&mut faults, &new.event_types);
    unit_in_sight(tx, scope, &mut faults, new.org_unit_id).await?;
    faults.settle()?;
    if webhooks::count(tx, new.org_unit_id).await? >= MOST {
        return Err(ApiError::new(Code::WrongState).with("limit", MOST).detail(
            format!("Đơn vị đã có {MOST} webhook: xóa một webhook trước."),
            format!("The unit has {MOST} webhooks: delete one first."),
        ));
    }
    let webhook = d::Webhook {
        stamp: cx.new_stamp(new.id),
        url: new.url.clone(),
        description: new.description.clone(),
        event_types: new.event_types.clone(),
        org_unit_id: new.org_unit_id,
        owner_id: cx.actor_id,
        disabled: None,
    };
    let id = webhook.stamp.id;
    let (secret, sealed) = new_secret(app, id)?;
    // What is sealed already lies behind it; what waits for its seal comes with the next one.
    let from = Position { seal: audit::head(tx).await?, id: Uuid::max() };
    webhooks::insert(tx, &webhook, sealed, from).await?;
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    let shown = Webhook::of(webhook, true);
    Reply::created(&shown.clone().showing(&secret))?.stored_as(&shown)
}

/// Finds a webhook that the caller may change, keeps others from it, and holds that it is changed as it was seen.
async fn take(tx: &Tx, cx: &Cx<'_>, scope: &Scope<WebhookWrite>, id: Uuid) -> ApiResult<d::Webhook> {
    find(tx, scope, id).await?;
    let webhook = webhooks::hold(tx, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&webhook.stamp)?;
    Ok(webhook)
}

/// Changes a webhook.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    scope: &Scope<WebhookWrite>,
    id: Uuid,
    patch: &WebhookPatch,
) -> ApiResult<Reply> {
    let mut webhook = take(tx, cx, scope, id).await?;
    let mut faults = Faults::default();
    if let Some(url) = &patch.url {
        check_url(app, &mut faults, url);
        webhook.url.clone_from(url);
    }
    if let Some(types) = &patch.event_types {
        check_types(&mut faults, types);
        webhook.event_types.clone_from(types);
    }
    if let Some(unit) = patch.org_unit_id {
        unit_in_sight(tx, scope, &mut faults, unit).await?;
        webhook.org_unit_id = unit;
    }
    faults.settle()?;
    if let Some(description) = &patch.description {
        webhook.description.clone_from(description);
    }
    if patch.url.is_some() || patch.event_types.is_some() || patch.org_unit_id.is_some() {
        // Nobody sends to an address of theirs what somebody else may list.
        webhook.owner_id = cx.actor_id;
    }
    webhook.disabled = match patch.enabled {
        None => webhook.disabled,
        Some(true) => None,
        Some(false) => webhook.disabled.or(Some(DisabledReason::SwitchedOff)),
    };
    webhook.stamp = cx.next_stamp(webhook.stamp);
    webhooks::update(tx, &webhook).await?;
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    Reply::ok(&Webhook::of(webhook, true))
}

/// Removes a webhook with all that it was to tell.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete(tx: &Tx, cx: &Cx<'_>, scope: &Scope<WebhookWrite>, id: Uuid) -> ApiResult<Reply> {
    let webhook = take(tx, cx, scope, id).await?;
    webhooks::delete(tx, id).await?;
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    Ok(Reply::gone())
}

/// Gives a webhook a new secret. The one before signs too for a day.
///
/// # Errors
/// The problems that the operation states.
pub async fn rotate(tx: &Tx, cx: &Cx<'_>, app: &App, scope: &Scope<WebhookWrite>, id: Uuid) -> ApiResult<Reply> {
    let mut webhook = take(tx, cx, scope, id).await?;
    let (secret, sealed) = new_secret(app, id)?;
    webhook.stamp = cx.next_stamp(webhook.stamp);
    webhooks::update(tx, &webhook).await?;
    webhooks::rotate(tx, id, sealed, cx.now + OVERLAP).await?;
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    let shown = Webhook::of(webhook, true);
    Reply::ok(&shown.clone().showing(&secret))?.stored_as(&shown)
}

/// Tells again what was told, or given up.
///
/// # Errors
/// The problems that the operation states.
pub async fn replay(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<WebhookWrite>,
    id: Uuid,
    replay: &WebhookReplay,
) -> ApiResult<Reply> {
    let webhook = take(tx, cx, scope, id).await?;
    let replayed = match (replay.delivery_id, replay.since) {
        (Some(delivery), _) => {
            if webhooks::delivery(tx, id, delivery).await?.is_none() {
                return Err(ApiError::fault(Fault::at("/delivery_id", Code::ReferenceNotFound)));
            }
            webhooks::replay_one(tx, delivery, cx.now).await?
        }
        (None, Some(since)) => webhooks::replay_since(tx, id, since, cx.now).await?,
        (None, None) => 0,
    };
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    Reply::outcome(&WebhookReplayOutcome { replayed })
}

/// Sends a test.
///
/// # Errors
/// The problems that the operation states.
pub async fn test(tx: &Tx, cx: &Cx<'_>, scope: &Scope<WebhookWrite>, id: Uuid) -> ApiResult<Reply> {
    let webhook = take(tx, cx, scope, id).await?;
    let event =
        WebhookTestEvent { type_: EventType::Test, timestamp: cx.now, data: WebhookTestEventData { webhook_id: id } };
    let delivery = NewDelivery {
        id: Uuid::now_v7(),
        webhook_id: id,
        event_type: EventType::Test,
        entry_id: Uuid::now_v7(),
        body: serde_json::to_string(&event).map_err(ApiError::internal)?,
        created_at: cx.now,
    };
    webhooks::enqueue(tx, std::slice::from_ref(&delivery)).await?;
    cx.record(tx, "webhook", id, Some(webhook.org_unit_id)).await?;
    let written = webhooks::delivery(tx, id, delivery.id).await?.ok_or_else(ApiError::not_found)?;
    Reply::outcome(&WebhookDelivery::from(written))
}

/// Lists the deliveries of a webhook on a unit that the caller reaches.
///
/// # Errors
/// `not_found`, problems of the query.
pub async fn deliveries(
    conn: &impl ConnectionTrait,
    scope: &Scope<WebhookRead>,
    id: Uuid,
    query: &WebhookDeliveryQuery,
) -> ApiResult<Page<Delivery>> {
    let page = query.page_request()?;
    find(conn, scope, id).await?;
    let filter = DeliveryFilter { id: query.id, status: query.status, event_type: query.event_type };
    Ok(webhooks::deliveries(conn, id, &filter, &page).await?)
}
