//! Memberships as they are sent. They name volunteers by id alone.

use crate::{
    page::{list_query, page_schema},
    reply::Item,
    schema::MemberRoleSchema,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::volunteers::{self as d, MemberRole};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// A volunteer's time in a team (đội viên).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Member {
    /// UUIDv7; a client may choose it on create.
    pub id: Uuid,
    /// The team.
    pub team_id: Uuid,
    /// The volunteer.
    pub volunteer_id: Uuid,
    /// Their part.
    #[schema(value_type = MemberRoleSchema)]
    pub role: MemberRole,
    /// First day, inclusive.
    #[schema(example = "2024-06-15")]
    pub joined_on: NaiveDate,
    /// Last day, inclusive; null until they leave or the team's time is over.
    pub left_on: Option<NaiveDate>,
    /// Instant of creation.
    pub created_at: DateTime<Utc>,
    /// Instant of the last change.
    pub updated_at: DateTime<Utc>,
    /// Counts the changes from 1; in quotes it is the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i64,
    /// What this caller may do with it now.
    #[schema(max_items = 20, example = json!([]))]
    pub allowed_actions: Vec<&'static str>,
}

impl Item for Member {
    fn location(&self) -> String {
        format!("/v1/teams/{}/members/{}", self.team_id, self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

page_schema!(MemberPage of Member);

impl Member {
    /// What is sent of a membership.
    #[must_use]
    pub fn of(member: d::Member, may_write: bool) -> Self {
        Self {
            id: member.stamp.id,
            team_id: member.team_id,
            volunteer_id: member.volunteer_id,
            role: member.role,
            joined_on: member.joined_on,
            left_on: member.left_on,
            created_at: member.stamp.created_at,
            updated_at: member.stamp.updated_at,
            version: member.stamp.version,
            allowed_actions: if may_write { vec!["edit"] } else { vec![] },
        }
    }
}

list_query!(
    /// Which members of a team are listed.
    MemberQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this volunteer.
        volunteer_id: Uuid,
        /// Of this part.
        #[param(inline, value_type = Option<MemberRoleSchema>)]
        role: MemberRole,
        /// In the team on this day.
        active_on: NaiveDate,
    }
);

/// A new membership.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The volunteer: one that the caller reads, or one of the team's unit or below.
    pub volunteer_id: Uuid,
    /// Their part; a team has one leader at a time.
    #[schema(value_type = MemberRoleSchema, example = "member")]
    pub role: MemberRole,
    /// First day, inclusive; not after the team's last day.
    #[schema(example = "2024-06-15")]
    pub joined_on: NaiveDate,
    /// Last day, inclusive.
    #[serde(default)]
    pub left_on: Option<NaiveDate>,
}

/// What changes in a membership (JSON Merge Patch, RFC 7396). A last day ends it.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    /// Their part.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<MemberRoleSchema>)]
    pub role: Option<MemberRole>,
    /// First day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub joined_on: Option<NaiveDate>,
    /// Last day, inclusive.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<NaiveDate>, example = "2024-07-31")]
    pub left_on: Option<Option<NaiveDate>>,
}
