//! Logins through the identity provider as they are sent.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How an application begins a login.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StartQuery {
    /// The PKCE challenge (RFC 7636, S256) of a verifier that the application made up and keeps: 43 letters of base64url.
    /// Only who has the verifier can redeem the one-time code.
    #[serde(default)]
    #[param(
        required = true,
        nullable = false,
        min_length = 43,
        max_length = 43,
        pattern = "^[A-Za-z0-9_-]{43}$",
        example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )]
    pub code_challenge: Option<String>,
    /// Whatever the application wants back with the one-time code.
    #[serde(default)]
    #[param(nullable = false, min_length = 1, max_length = 200, example = "xyz")]
    pub state: Option<String>,
}

/// A one-time code, for `POST /v1/auth/token` with `grant_type=authorization_code`.
#[derive(Serialize, ToSchema)]
pub struct LoginCode {
    /// The code: good once, for two minutes, with the verifier of the login's `code_challenge`.
    #[schema(max_length = 400, example = "tnl_…")]
    pub code: String,
    /// What the application wanted back.
    #[schema(max_length = 200, example = "xyz")]
    pub state: Option<String>,
    /// Seconds until it expires.
    #[schema(minimum = 1, maximum = 120, example = 120)]
    pub expires_in: i64,
}
