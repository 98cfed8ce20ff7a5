//! The audit log as it is sent.

use crate::page::{list_query, page_schema};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tinhnguyen_persistence::audit as d;
use utoipa::ToSchema;
use uuid::Uuid;

/// A change that was made (nhật ký): who did what to which thing, when, and in which request.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: a user or a client; the nil UUID where the service itself did it, at the end of a time.
    pub actor_id: Uuid,
    /// What was done: an operation's id.
    #[schema(max_length = 100, example = "verify_result")]
    pub action: String,
    /// What kind of thing it was done to.
    #[schema(max_length = 100, example = "result")]
    pub resource: String,
    /// Which one.
    pub resource_id: Uuid,
    /// In which request.
    #[schema(max_length = 64, example = "0190a1b2-0000-7000-8000-00000000000a")]
    pub request_id: String,
    /// From which address; null for what the command line or the service itself did.
    #[schema(max_length = 45, example = "203.0.113.9")]
    pub address: Option<String>,
    /// At which unit; null for what belongs to the whole country.
    pub org_unit_id: Option<Uuid>,
    /// The seal that covers it; null for a moment, until the next one is set.
    #[schema(minimum = 1, example = 42)]
    pub seal: Option<i64>,
}

page_schema!(AuditPage of AuditEntry);

impl AuditEntry {
    /// What is sent of an entry.
    #[must_use]
    pub fn of(entry: d::Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            actor_id: entry.actor_id,
            action: entry.action,
            resource: entry.resource,
            resource_id: entry.resource_id,
            request_id: entry.request_id,
            address: entry.address,
            org_unit_id: entry.org_unit_id,
            seal: entry.seal,
        }
    }
}

list_query!(
    /// Which entries are listed. An entry never changes, so `updated_since` is its instant.
    AuditQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// By whom.
        actor_id: Uuid,
        /// Done to this.
        resource_id: Uuid,
        /// Done to things of this kind, such as `result`.
        #[param(max_length = 100)]
        resource: String,
        /// This was done, such as `verify_result`.
        #[param(max_length = 100)]
        action: String,
        /// At this unit itself.
        org_unit_id: Uuid,
        /// In this request.
        #[param(max_length = 64)]
        request_id: String,
        /// At or after this instant.
        from: DateTime<Utc>,
        /// Before this instant.
        to: DateTime<Utc>,
    }
);
