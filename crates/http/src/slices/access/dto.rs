//! Users and grants as they are sent.

use crate::{
    page::{list_query, page_schema},
    passwords::is_strong,
    problem::Code,
    request::broken,
    schema::RoleSchema,
    slices::item,
};
use chrono::NaiveDate;
use secrecy::SecretString;
use serde::Deserialize;
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::access as d;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// A person's account (người dùng).
    User at "/v1/users" {
        /// Unique, lower case.
        #[schema(max_length = 64, example = "doi-truong-01")]
        username: String,
        /// The person's name.
        #[schema(max_length = 200, example = "Đội trưởng mẫu")]
        full_name: String,
        /// Where mail reaches them.
        #[schema(max_length = 254)]
        email: Option<String>,
        /// Whether the account is shut.
        disabled: bool,
    }
}

page_schema!(UserPage of User);

impl User {
    /// What is sent of a user.
    #[must_use]
    pub fn of(user: d::User) -> Self {
        Self {
            id: user.stamp.id,
            username: user.username,
            full_name: user.full_name,
            email: user.email,
            disabled: user.disabled,
            created_at: user.stamp.created_at,
            updated_at: user.stamp.updated_at,
            version: user.stamp.version,
            allowed_actions: vec!["edit"],
        }
    }
}

list_query!(
    /// Which users are listed.
    UserQuery, sorts: ["-created_at", "created_at", "username", "-username"], {
        /// By id.
        id: Uuid,
        /// By username.
        #[param(max_length = 64)]
        username: String,
    }
);

/// A password on its way in; it is never printed.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(SecretString);

impl Password {
    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }

    /// Holds that it is hard to guess, also for somebody who knows these names of its owner.
    ///
    /// # Errors
    /// `weak_password` at `/password`.
    pub fn ensure_strong(&self, known: &[&str]) -> Result<(), ValidationError> {
        if is_strong(&self.0, known) { Ok(()) } else { Err(broken(Code::WeakPassword, "/password")) }
    }
}

/// A new account.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "strong_when_new"))]
pub struct NewUser {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Unique; kept in lower case.
    #[schema(min_length = 2, max_length = 64, pattern = "^[A-Za-z0-9._@+-]+$", example = "doi-truong-01")]
    pub username: String,
    /// The person's name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Đội trưởng mẫu")]
    pub full_name: String,
    /// Where mail reaches them.
    #[serde(default)]
    #[schema(format = "email", min_length = 3, max_length = 254)]
    pub email: Option<String>,
    /// At least 12 characters and hard to guess. Without one the account can't log in by password.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, format = "password", example = "mat-khau-du-dai-2024")]
    pub password: Option<Password>,
}

fn strong_when_new(new: &NewUser) -> Result<(), ValidationError> {
    let known = [new.username.as_str(), new.full_name.as_str(), new.email.as_deref().unwrap_or_default()];
    new.password.as_ref().map_or(Ok(()), |password| password.ensure_strong(&known))
}

/// What changes in an account (JSON Merge Patch, RFC 7396).
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "strong_when_changed"))]
#[schema(example = json!({"full_name": "Đội trưởng mẫu", "disabled": false}))]
pub struct UserPatch {
    /// The person's name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Đội trưởng mẫu")]
    pub full_name: Option<String>,
    /// Where mail reaches them.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, format = "email", min_length = 3, max_length = 254)]
    pub email: Option<Option<String>>,
    /// A new password, at least 12 characters and hard to guess.
    #[serde(default)]
    #[schema(nullable = false, value_type = String, min_length = 1, max_length = 200, format = "password")]
    pub password: Option<Password>,
    /// Whether the account is shut: its tokens stop working at once.
    #[serde(default)]
    #[schema(nullable = false)]
    pub disabled: Option<bool>,
}

fn strong_when_changed(patch: &UserPatch) -> Result<(), ValidationError> {
    // What stands in the account already is looked at with the account.
    patch.password.as_ref().map_or(Ok(()), |password| password.ensure_strong(&[]))
}

item! {
    /// A role of somebody over a subtree of the organisation (phân quyền).
    Grant at "/v1/grants" {
        /// Who holds it.
        user_id: Uuid,
        /// The role.
        #[schema(value_type = RoleSchema, example = "verifier")]
        role: Role,
        /// The top of its subtree.
        org_unit_id: Uuid,
        /// When set, only this team of the subtree: a team leader's own team.
        team_id: Option<Uuid>,
        /// First day, inclusive.
        valid_from: Option<NaiveDate>,
        /// Last day, inclusive.
        valid_to: Option<NaiveDate>,
        /// Who gave it.
        granted_by: Uuid,
    }
}

page_schema!(GrantPage of Grant);

impl Grant {
    /// What is sent of a grant.
    #[must_use]
    pub fn of(grant: d::GrantRecord) -> Self {
        Self {
            id: grant.stamp.id,
            user_id: grant.user_id,
            role: grant.role,
            org_unit_id: grant.org_unit_id,
            team_id: grant.team_id,
            valid_from: grant.valid_from,
            valid_to: grant.valid_to,
            granted_by: grant.granted_by,
            created_at: grant.stamp.created_at,
            updated_at: grant.stamp.updated_at,
            version: grant.stamp.version,
            allowed_actions: vec!["delete"],
        }
    }
}

list_query!(
    /// Which grants are listed.
    GrantQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this user.
        user_id: Uuid,
        /// On this unit.
        org_unit_id: Uuid,
        /// Of this role.
        #[param(inline, value_type = Option<RoleSchema>)]
        role: Role,
    }
);

/// A new grant.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "sound_grant"))]
#[schema(example = json!({
    "user_id": "0190a1b2-0000-7000-8000-000000000004", "role": "verifier",
    "org_unit_id": "0190a1b2-0000-7000-8000-000000000005", "valid_to": "2024-09-30"
}))]
pub struct NewGrant {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Who shall hold it.
    pub user_id: Uuid,
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

fn sound_grant(new: &NewGrant) -> Result<(), ValidationError> {
    ensure_sound(new.role, new.team_id, (new.valid_from, new.valid_to))
}

/// What a role must hold to, whichever way it is given: days in their order, and a team for its leader alone.
pub(in crate::slices) fn ensure_sound(
    role: Role,
    team_id: Option<Uuid>,
    days: (Option<NaiveDate>, Option<NaiveDate>),
) -> Result<(), ValidationError> {
    match days {
        (Some(from), Some(to)) if to < from => Err(broken(Code::DatesInverted, "/valid_to")),
        _ if team_id.is_some() && role != Role::TeamLeader => Err(broken(Code::NotAllowedValue, "/team_id")),
        _ => Ok(()),
    }
}
