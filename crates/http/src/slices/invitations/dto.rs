//! Invitations as they are sent.

use crate::{
    page::{list_query, page_schema},
    schema::{InvitationStatusSchema, RoleSchema},
    slices::{
        access::dto::{Password, ensure_sound},
        item,
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::access::{InvitationStatus, Role};
use tinhnguyen_persistence::invitations as d;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// An invitation (lời mời): somebody is asked by mail to come, with these roles.
    Invitation at "/v1/invitations" {
        /// Where it is sent.
        #[schema(max_length = 254, example = "can-bo@example.org")]
        email: String,
        /// The person's name.
        #[schema(max_length = 200, example = "Nguyễn Văn Mẫu")]
        full_name: String,
        /// Where it stands.
        #[schema(value_type = InvitationStatusSchema, example = "pending")]
        status: InvitationStatus,
        /// The roles that it brings.
        #[schema(max_items = 20)]
        grants: Vec<InvitedGrant>,
        /// From this instant on it is not good any more: seven days after it was made.
        expires_at: DateTime<Utc>,
        /// Who invites.
        invited_by: Uuid,
        /// The account that came of it.
        user_id: Option<Uuid>,
    }
}

page_schema!(InvitationPage of Invitation);

/// A role that an invitation brings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InvitedGrant {
    /// The role.
    #[schema(value_type = RoleSchema, example = "verifier")]
    pub role: Role,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
    /// When set, only this team of the subtree.
    pub team_id: Option<Uuid>,
    /// First day, inclusive.
    pub valid_from: Option<NaiveDate>,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
}

impl Invitation {
    /// What is sent of an invitation as it stands now.
    #[must_use]
    pub fn of(invitation: d::Invitation, grants: Vec<d::InvitedGrant>, now: DateTime<Utc>) -> Self {
        let status = invitation.status_at(now);
        let grants = grants.into_iter().map(|g| InvitedGrant {
            role: g.role,
            org_unit_id: g.org_unit_id,
            team_id: g.team_id,
            valid_from: g.valid_from,
            valid_to: g.valid_to,
        });
        Self {
            id: invitation.stamp.id,
            email: invitation.email,
            full_name: invitation.full_name,
            status,
            grants: grants.collect(),
            expires_at: invitation.expires_at,
            invited_by: invitation.invited_by,
            user_id: invitation.user_id,
            created_at: invitation.stamp.created_at,
            updated_at: invitation.stamp.updated_at,
            version: invitation.stamp.version,
            allowed_actions: if status == InvitationStatus::Pending { vec!["revoke"] } else { vec![] },
        }
    }
}

list_query!(
    /// Which invitations are listed.
    InvitationQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// With a role on this unit.
        org_unit_id: Uuid,
        /// Where they stand.
        #[param(inline, value_type = Option<InvitationStatusSchema>)]
        status: InvitationStatus,
    }
);

/// A new invitation.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "can-bo@example.org", "full_name": "Nguyễn Văn Mẫu", "grants": [
        {"role": "verifier", "org_unit_id": "0190a1b2-0000-7000-8000-000000000005", "valid_to": "2024-09-30"}]
}))]
pub struct NewInvitation {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Where it is sent.
    #[schema(format = "email", min_length = 3, max_length = 254, example = "can-bo@example.org")]
    pub email: String,
    /// The person's name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Nguyễn Văn Mẫu")]
    pub full_name: String,
    /// The roles that it brings.
    #[schema(min_items = 1, max_items = 20)]
    #[validate(nested)]
    pub grants: Vec<NewInvitedGrant>,
}

/// A role that a new invitation brings.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "sound_grant"))]
pub struct NewInvitedGrant {
    /// The role.
    #[schema(value_type = RoleSchema, example = "verifier")]
    pub role: Role,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
    /// Only this team of the subtree; for `team_leader`.
    #[serde(default)]
    pub team_id: Option<Uuid>,
    /// First day, inclusive; at once when absent.
    #[serde(default)]
    pub valid_from: Option<NaiveDate>,
    /// Last day, inclusive; until withdrawn when absent.
    #[serde(default)]
    pub valid_to: Option<NaiveDate>,
}

fn sound_grant(new: &NewInvitedGrant) -> Result<(), ValidationError> {
    ensure_sound(new.role, new.team_id, (new.valid_from, new.valid_to))
}

/// Somebody accepts an invitation.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "strong"))]
pub struct InvitationAcceptance {
    /// The token of the mail's link: what stands behind `#`.
    #[schema(value_type = String, min_length = 1, max_length = 400, example = "tni_…")]
    pub token: SecretString,
    /// The name to log in with: unique; kept in lower case.
    #[schema(min_length = 2, max_length = 64, pattern = "^[A-Za-z0-9._@+-]+$", example = "can-bo-01")]
    pub username: String,
    /// At least 12 characters and hard to guess.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = "password", example = "mat-khau-du-dai-2024")]
    pub password: Password,
}

fn strong(acceptance: &InvitationAcceptance) -> Result<(), ValidationError> {
    acceptance.password.ensure_strong(&[acceptance.username.as_str()])
}
