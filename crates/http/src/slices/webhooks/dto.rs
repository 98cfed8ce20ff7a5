//! Webhooks and their deliveries as they are sent.

use crate::{
    page::{ListQuery, list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{DeliveryStatusSchema, DisabledReasonSchema, EventTypeSchema},
    slices::item,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::webhooks::{self as d, DeliveryStatus, DisabledReason, EventType};
use tinhnguyen_persistence::webhooks as stored;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// A webhook: where somebody's own service is told of what happens.
    Webhook at "/v1/webhooks" {
        /// Where it sends.
        #[schema(max_length = 2000, example = "https://bao-cao.tinhdoan.example/tinhnguyen")]
        url: String,
        /// What it is for.
        #[schema(max_length = 500, example = "Cổng báo cáo Tỉnh Đoàn")]
        description: Option<String>,
        /// What it tells.
        #[schema(value_type = Vec<EventTypeSchema>, max_items = 50, example = json!(["result.changed", "reporting.overdue"]))]
        event_types: Vec<EventType>,
        /// The top of the subtree of which it tells.
        org_unit_id: Uuid,
        /// By whose rights it tells: what they may not list is not told.
        owner_id: Uuid,
        /// Whether it tells.
        #[schema(example = true)]
        enabled: bool,
        /// Why it doesn't.
        #[schema(value_type = Option<DisabledReasonSchema>)]
        disabled_reason: Option<DisabledReason>,
        /// A new secret, in the answer that made it and never again; also not in a replay of that answer.
        #[schema(max_length = 200, example = "whsec_…")]
        secret: Option<String>,
    }
}

page_schema!(WebhookPage of Webhook);

impl Webhook {
    /// What is sent of a webhook.
    #[must_use]
    pub fn of(webhook: d::Webhook, may_write: bool) -> Self {
        let actions = vec!["edit", "delete", "rotate-secret", "replay", "test"];
        Self {
            id: webhook.stamp.id,
            url: webhook.url,
            description: webhook.description,
            event_types: webhook.event_types,
            org_unit_id: webhook.org_unit_id,
            owner_id: webhook.owner_id,
            enabled: webhook.disabled.is_none(),
            disabled_reason: webhook.disabled,
            secret: None,
            created_at: webhook.stamp.created_at,
            updated_at: webhook.stamp.updated_at,
            version: webhook.stamp.version,
            allowed_actions: if may_write { actions } else { vec![] },
        }
    }

    /// The same with a secret that was just made.
    #[must_use]
    pub fn showing(self, secret: &SecretString) -> Self {
        Self { secret: Some(secret.expose_secret().to_owned()), ..self }
    }
}

list_query!(
    /// Which webhooks are listed.
    WebhookQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// On this unit.
        org_unit_id: Uuid,
    }
);

/// A new webhook.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Where it sends: `https`, and an address of the public network.
    #[schema(min_length = 1, max_length = 2000, example = "https://bao-cao.tinhdoan.example/tinhnguyen")]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500, example = "Cổng báo cáo Tỉnh Đoàn")]
    pub description: Option<String>,
    /// What it tells.
    #[schema(value_type = std::collections::BTreeSet<EventTypeSchema>, min_items = 1, max_items = 50, example = json!(["result.changed", "reporting.overdue"]))]
    pub event_types: Vec<EventType>,
    /// The top of the subtree of which it tells.
    pub org_unit_id: Uuid,
}

/// What changes in a webhook (JSON Merge Patch, RFC 7396). Whoever changes where it sends, what it tells or of which subtree
/// becomes its owner.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct WebhookPatch {
    /// Where it sends.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 2000, example = "https://bao-cao.tinhdoan.example/v2")]
    pub url: Option<String>,
    /// What it is for.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    pub description: Option<Option<String>>,
    /// What it tells, all of it.
    #[serde(default)]
    #[schema(nullable = false, value_type = std::collections::BTreeSet<EventTypeSchema>, min_items = 1, max_items = 50)]
    pub event_types: Option<Vec<EventType>>,
    /// The top of the subtree of which it tells.
    #[serde(default)]
    #[schema(nullable = false)]
    pub org_unit_id: Option<Uuid>,
    /// `false`: it tells nothing until it is switched on again; then it goes on where it was, as far as thirty days back.
    #[serde(default)]
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

/// What is told again: all that was written since an instant, or one delivery.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "one_of_both"))]
#[schema(min_properties = 1, max_properties = 1, example = json!({"since": "2024-07-01T00:00:00Z"}))]
pub struct WebhookReplay {
    /// All that was written at or after this instant.
    #[serde(default)]
    #[schema(nullable = false, example = "2024-07-01T00:00:00Z")]
    pub since: Option<DateTime<Utc>>,
    /// The delivery with this id.
    #[serde(default)]
    #[schema(nullable = false)]
    pub delivery_id: Option<Uuid>,
}

fn one_of_both(replay: &WebhookReplay) -> Result<(), ValidationError> {
    match (replay.since, replay.delivery_id) {
        (None, None) => Err(broken(Code::Required, "/since")),
        (Some(_), Some(_)) => Err(broken(Code::TooMany, "/delivery_id")),
        _ => Ok(()),
    }
}

/// What is told again.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReplayOutcome {
    /// How many deliveries are due again.
    #[schema(minimum = 0, example = 12)]
    pub replayed: u64,
}

/// Something that a webhook tells, and where its telling stands. Its `id` is sent as `webhook-id`, the same however often.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookDelivery {
    /// Its id.
    pub id: Uuid,
    /// The webhook.
    pub webhook_id: Uuid,
    /// What it tells.
    #[schema(value_type = EventTypeSchema, example = "result.changed")]
    pub event_type: EventType,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Where it stands.
    #[schema(value_type = DeliveryStatusSchema, example = "delivered")]
    pub status: DeliveryStatus,
    /// How often it was tried since it was written or told again.
    #[schema(minimum = 0, example = 1)]
    pub attempts: i32,
    /// When it is tried next; null when it is not.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the receiver took it last.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The status that the receiver answered last; null when it did not answer.
    #[schema(minimum = 100, maximum = 999, example = 204)]
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    #[schema(max_length = 500)]
    pub last_error: Option<String>,
}

page_schema!(WebhookDeliveryPage of WebhookDelivery);

impl From<stored::Delivery> for WebhookDelivery {
    fn from(delivery: stored::Delivery) -> Self {
        let pending = delivery.status == DeliveryStatus::Pending;
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event_type: delivery.event_type,
            created_at: delivery.created_at,
            status: delivery.status,
            attempts: delivery.attempts,
            next_attempt_at: pending.then_some(delivery.due_at),
            delivered_at: delivery.delivered_at,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
        }
    }
}

/// Which deliveries of a webhook are listed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct WebhookDeliveryQuery {
    /// By id.
    pub id: Option<Uuid>,
    /// In this state.
    #[param(inline, value_type = Option<DeliveryStatusSchema>)]
    pub status: Option<DeliveryStatus>,
    /// Of this type.
    #[param(inline, value_type = Option<EventTypeSchema>)]
    pub event_type: Option<EventType>,
    /// Items a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same filters and sort.
    #[param(max_length = 1000)]
    pub cursor: Option<String>,
    /// Sort order; `-` is descending.
    #[param(schema_with = crate::page::sort_schema::<Self>)]
    pub sort: Option<String>,
}

impl ListQuery for WebhookDeliveryQuery {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

/// What a `….changed` event tells of a thing; the thing itself is read by its id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeEventData {
    /// What kind of thing it is, as in `GET /v1/changes`.
    #[schema(max_length = 40, example = "result")]
    pub kind: &'static str,
    /// Which one.
    pub id: Uuid,
    /// What was done: an operation's id. Open list.
    #[schema(max_length = 100, example = "verify_result")]
    pub action: String,
    /// The unit where it was done; null for what belongs to the whole country.
    pub org_unit_id: Option<Uuid>,
    /// Its version when the event was written; absent when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 3)]
    pub version: Option<i64>,
    /// Whether it is gone: deleted, or out of sight.
    #[schema(example = false)]
    pub deleted: bool,
}

/// A thing was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeEvent {
    /// What it tells.
    #[serde(rename = "type")]
    #[schema(value_type = EventTypeSchema, example = "result.changed")]
    pub type_: EventType,
    /// When it was changed.
    pub timestamp: DateTime<Utc>,
    /// Which thing.
    pub data: ChangeEventData,
}

/// What a `reporting.…` event tells of a unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportingEventData {
    /// The notice; each is told once.
    pub notice_id: Uuid,
    /// The period.
    pub period_id: Uuid,
    /// The unit whose own teams are missing.
    pub org_unit_id: Uuid,
    /// The day by whose end its reports are due, extensions included.
    #[schema(example = "2024-07-09")]
    pub due_on: chrono::NaiveDate,
    /// Teams of its own that are expected.
    #[schema(minimum = 1, example = 3)]
    pub expected: i64,
    /// Those that are missing.
    #[schema(minimum = 1, example = 1)]
    pub missing: i64,
}

/// Teams of a unit are missing in a reporting period.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportingEvent {
    /// What it tells.
    #[serde(rename = "type")]
    #[schema(value_type = EventTypeSchema, example = "reporting.overdue")]
    pub type_: EventType,
    /// When it was noticed.
    pub timestamp: DateTime<Utc>,
    /// Where, and how many.
    pub data: ReportingEventData,
}

/// What a test tells.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookTestEventData {
    /// The webhook.
    pub webhook_id: Uuid,
}

/// Somebody tries the webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookTestEvent {
    /// What it tells.
    #[serde(rename = "type")]
    #[schema(value_type = EventTypeSchema, example = "webhook.test")]
    pub type_: EventType,
    /// When it was asked for.
    pub timestamp: DateTime<Utc>,
    /// Which webhook.
    pub data: WebhookTestEventData,
}
