//! Community digital technology groups as they are sent.

use crate::{
    page::{list_query, page_schema},
    slices::item,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{digital_groups as d, personal::Personal};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// How able a group was found to be on a day (mức năng lực).
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// The day.
    #[schema(example = "2024-07-01")]
    pub assessed_on: NaiveDate,
    /// 1 (beginning) to 5 (works by itself).
    #[schema(minimum = 1, maximum = 5, example = 2)]
    pub level: i32,
}

/// Whom to reach at a group (đầu mối liên hệ).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadContact {
    /// Name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Trần Thị Hoa")]
    pub full_name: String,
    /// Phone number.
    #[serde(default)]
    #[schema(max_length = 21, pattern = r"^\+?[0-9(][0-9 .()-]{6,19}$", example = "0912 345 678")]
    pub phone: Option<String>,
    /// Mail address.
    #[serde(default)]
    #[schema(format = Email, max_length = 254, example = "hoa@example.org")]
    pub email: Option<String>,
}

/// A contact that was told to whoever may see it, one group at a time.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Shown(LeadContact);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

item! {
    /// A community digital technology group (tổ công nghệ số cộng đồng).
    DigitalGroup at "/v1/digital-groups" {
        /// Its place.
        locality_id: Uuid,
        /// The unit that looks after its entry.
        org_unit_id: Uuid,
        /// Vietnamese name.
        #[schema(max_length = 200, example = "Tổ công nghệ số cộng đồng thôn 3")]
        name: String,
        /// How many people it has.
        #[schema(minimum = 0, maximum = 10000, example = 7)]
        members_count: i32,
        /// What was found out about it, in order of time.
        #[schema(max_items = 50)]
        capability: Vec<Capability>,
        /// Whom to reach there: shown to whoever manages people over its unit, one group at a time, which the audit log
        /// remembers.
        #[schema(value_type = Option<LeadContact>, example = json!(null))]
        lead_contact: Option<Shown>,
        /// Whether `lead_contact` is kept back here, so that null doesn't say "none".
        #[schema(example = true)]
        masked: bool,
    }
}

page_schema!(DigitalGroupPage of DigitalGroup);

impl DigitalGroup {
    /// What is sent of a group to whoever may not see whom to reach there.
    #[must_use]
    pub fn masked(group: d::DigitalGroup, may_write: bool) -> Self {
        let of = |c: &d::Capability| Capability { assessed_on: c.assessed_on, level: c.level };
        Self {
            id: group.stamp.id,
            locality_id: group.locality_id,
            org_unit_id: group.org_unit_id,
            name: group.name,
            members_count: group.members_count,
            capability: group.capability.iter().map(of).collect(),
            lead_contact: None,
            masked: true,
            created_at: group.stamp.created_at,
            updated_at: group.stamp.updated_at,
            version: group.stamp.version,
            allowed_actions: if may_write { vec!["edit"] } else { vec![] },
        }
    }

    /// The same with whom to reach there.
    #[must_use]
    pub fn showing(self, contact: Option<LeadContact>) -> Self {
        Self { lead_contact: contact.map(Shown), masked: false, ..self }
    }
}

list_query!(
    /// Which groups are listed.
    DigitalGroupQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// In this locality itself.
        locality_id: Uuid,
        /// Whose name holds this text, whatever its accents and case.
        #[param(min_length = 1, max_length = 200)]
        q: String,
    }
);

/// A new group.
#[derive(Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewDigitalGroup {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Its place.
    pub locality_id: Uuid,
    /// The unit that looks after its entry: one that the caller coordinates. When absent, the nearest such unit over its
    /// place, or else the top of what the caller coordinates.
    #[serde(default)]
    pub org_unit_id: Option<Uuid>,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Tổ công nghệ số cộng đồng thôn 3")]
    pub name: String,
    /// How many people it has.
    #[schema(minimum = 0, maximum = 10000, example = 7)]
    pub members_count: i32,
    /// Whom to reach there; they must know that it is noted here.
    #[serde(default)]
    #[schema(value_type = Option<LeadContact>)]
    pub lead_contact: Option<Personal<LeadContact>>,
    /// What was found out about it, each day once.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub capability: Vec<Capability>,
}

/// What changes in a group (JSON Merge Patch, RFC 7396).
#[derive(Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct DigitalGroupPatch {
    /// Its place.
    #[serde(default)]
    #[schema(nullable = false)]
    pub locality_id: Option<Uuid>,
    /// The unit that looks after its entry from now on: one that the caller coordinates too.
    #[serde(default)]
    #[schema(nullable = false)]
    pub org_unit_id: Option<Uuid>,
    /// Vietnamese name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Tổ công nghệ số thôn 3")]
    pub name: Option<String>,
    /// How many people it has.
    #[serde(default)]
    #[schema(nullable = false, minimum = 0, maximum = 10000)]
    pub members_count: Option<i32>,
    /// Whom to reach there, all of it.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<LeadContact>)]
    pub lead_contact: Option<Option<Personal<LeadContact>>>,
    /// What was found out about it, all of it, each day once.
    #[serde(default)]
    #[schema(nullable = false, max_items = 50)]
    pub capability: Option<Vec<Capability>>,
}
