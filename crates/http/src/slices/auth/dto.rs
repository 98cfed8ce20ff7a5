//! Tokens and who I am, as they are sent.

use crate::schema::RoleSchema;
use chrono::NaiveDate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::access::Role;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request for a token (RFC 6749 §4.3), form-encoded.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `password`.
    #[schema(max_length = 40, example = "password")]
    pub grant_type: String,
    /// The account's name.
    #[serde(default)]
    #[schema(value_type = String, max_length = 64, example = "admin")]
    pub username: Option<String>,
    /// The account's password.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, format = "password", example = "mat-khau-du-dai-2024")]
    pub password: Option<SecretString>,
}

/// An access token (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// Send it as `Authorization: Bearer`.
    #[schema(max_length = 4096, example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.…")]
    pub access_token: String,
    /// `Bearer`.
    #[schema(max_length = 10, example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until it expires.
    #[schema(minimum = 1, maximum = 900, example = 900)]
    pub expires_in: i64,
}

/// What the token endpoint refuses with (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
pub struct TokenError {
    /// `invalid_request`, `invalid_grant` or `unsupported_grant_type`.
    #[schema(max_length = 40, example = "invalid_grant")]
    pub error: &'static str,
    /// In words.
    #[schema(max_length = 400, example = "The username or the password is wrong.")]
    pub error_description: &'static str,
}

/// Who I am and what I am granted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// My account's id.
    pub id: Uuid,
    /// My account's name.
    #[schema(max_length = 64, example = "admin")]
    pub username: String,
    /// My name.
    #[schema(max_length = 200, example = "Quản trị viên")]
    pub full_name: String,
    /// Where mail reaches me.
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// What I am granted, in force or not.
    #[schema(max_items = 1000)]
    pub grants: Vec<MyGrant>,
    /// What I may do somewhere today, as OAuth scopes.
    #[schema(max_items = 100, example = json!(["results:read", "results:write"]))]
    pub scopes: Vec<&'static str>,
}

/// A role of mine.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyGrant {
    /// The grant's id.
    pub id: Uuid,
    /// The role.
    #[schema(value_type = RoleSchema, example = "administrator")]
    pub role: Role,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
    /// That unit's code.
    #[schema(max_length = 40, example = "TWD")]
    pub org_unit_code: String,
    /// That unit's name.
    #[schema(max_length = 200, example = "Trung ương Đoàn TNCS Hồ Chí Minh")]
    pub org_unit_name: String,
    /// When set, only this team.
    pub team_id: Option<Uuid>,
    /// First day, inclusive.
    pub valid_from: Option<NaiveDate>,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
    /// Whether it is in force today.
    #[schema(example = true)]
    pub in_force: bool,
}
