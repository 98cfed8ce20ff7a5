//! Tokens and who I am, as they are sent.

use crate::schema::RoleSchema;
use chrono::NaiveDate;
use serde::Serialize;
use tinhnguyen_domain::access::Role;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request for a token (RFC 6749), form-encoded. It stands for the form in the contract; the form is read by name.
#[derive(ToSchema)]
#[schema(example = json!({"grant_type": "password", "username": "admin", "password": "mat-khau-du-dai-2024"}))]
pub struct TokenRequest {
    /// `password` for people's own accounts, `authorization_code` after a login through the identity provider,
    /// `refresh_token`, or `client_credentials` for registered clients.
    #[schema(max_length = 40, example = "password")]
    pub grant_type: String,
    /// With `password`: the account's name.
    #[schema(nullable = false, max_length = 64)]
    pub username: Option<String>,
    /// With `password`: the account's password.
    #[schema(nullable = false, max_length = 200, format = "password")]
    pub password: Option<String>,
    /// With `password` and `authorization_code`, when the account has a second factor: a code of the authenticator app, or
    /// a recovery code. Ask for it after `error_code` said `second_factor_required`.
    #[schema(nullable = false, max_length = 40)]
    pub otp: Option<String>,
    /// With `authorization_code`: the one-time code of a login through the identity provider.
    #[schema(nullable = false, max_length = 400)]
    pub code: Option<String>,
    /// With `authorization_code`: the verifier of the `code_challenge` with which the login began (RFC 7636).
    #[schema(nullable = false, max_length = 128)]
    pub code_verifier: Option<String>,
    /// With `refresh_token`: the token that was given last. It is good once.
    #[schema(nullable = false, max_length = 400)]
    pub refresh_token: Option<String>,
    /// With `client_credentials`, unless it is sent by HTTP Basic: the client's id.
    #[schema(nullable = false, max_length = 64)]
    pub client_id: Option<String>,
    /// With `client_credentials`, unless it is sent by HTTP Basic: one of the client's secrets.
    #[schema(nullable = false, max_length = 400, format = "password")]
    pub client_secret: Option<String>,
    /// With `client_credentials`: some of the client's scopes, separated by spaces; all of them when absent.
    #[schema(nullable = false, max_length = 1000)]
    pub scope: Option<String>,
}

/// A token that is asked about or given back (RFC 7009, RFC 7662), form-encoded.
#[derive(ToSchema)]
#[schema(example = json!({"token": "tnr_AZIPAAAAcACAAAAAAAAAAQ.…"}))]
pub struct TokenForm {
    /// The token.
    #[schema(max_length = 4096)]
    pub token: String,
    /// `access_token` or `refresh_token`; it is found out anyway.
    #[schema(nullable = false, max_length = 40)]
    pub token_type_hint: Option<String>,
    /// Unless it is sent by HTTP Basic: the asking client's id.
    #[schema(nullable = false, max_length = 64)]
    pub client_id: Option<String>,
    /// Unless it is sent by HTTP Basic: one of the asking client's secrets.
    #[schema(nullable = false, max_length = 400, format = "password")]
    pub client_secret: Option<String>,
}

/// Tokens (RFC 6749 §5.1).
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
    /// For the next access token, within 30 days. Good once: each answer brings the next one, and one that comes back
    /// ends the session. Clients get none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 400, example = "tnr_AZIPAAAAcACAAAAAAAAAAQ.…")]
    pub refresh_token: Option<String>,
    /// What a client's token is good for, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 1000)]
    pub scope: Option<String>,
}

/// What the token endpoints refuse with (RFC 6749 §5.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenError {
    /// `invalid_request`, `invalid_grant`, `invalid_client`, `invalid_scope` or `unsupported_grant_type`.
    #[schema(max_length = 40, example = "invalid_grant")]
    pub error: &'static str,
    /// In words.
    #[schema(max_length = 400, example = "The username or the password is wrong.")]
    pub error_description: &'static str,
    /// `second_factor_required`: the password was right; send a code in `otp` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40, example = "second_factor_required")]
    pub error_code: Option<&'static str>,
}

/// What is known of a token (RFC 7662).
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Introspection {
    /// Whether it is good now. Nothing else is told of one that isn't.
    #[schema(example = true)]
    pub active: bool,
    /// For whom it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sub: Option<Uuid>,
    /// The client that it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_id: Option<Uuid>,
    /// What it is good for today, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2000, example = "results:read results:write")]
    pub scope: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 10)]
    pub token_type: Option<&'static str>,
    /// Not after, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exp: Option<i64>,
    /// Issued at, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub iat: Option<i64>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 100)]
    pub iss: Option<String>,
}

/// Who I am and what I may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// My account's or client's id.
    pub id: Uuid,
    /// My account's name; a client has none.
    #[schema(max_length = 64, example = "admin")]
    pub username: Option<String>,
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
    /// Whether a second factor is on.
    pub second_factor: bool,
    /// Whether my roles want a second factor that is not on: until it is, nothing else can be done.
    pub second_factor_required: bool,
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
