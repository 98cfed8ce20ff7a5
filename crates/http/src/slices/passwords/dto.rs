//! Changes of one's own password as they are sent.

use crate::slices::access::dto::Password;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

/// Somebody forgot their password.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetRequest {
    /// The username, or the mail address of the account.
    #[schema(min_length = 2, max_length = 254, pattern = r"\S", example = "doi-truong-01")]
    pub username_or_email: String,
}

/// A new password by the link of a mail.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "strong_by_link"))]
pub struct PasswordResetConfirmation {
    /// The token of the mail's link: what stands behind `#`.
    #[schema(value_type = String, min_length = 1, max_length = 400, example = "tnp_…")]
    pub token: SecretString,
    /// The new password, at least 12 characters and hard to guess.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = "password", example = "mat-khau-du-dai-2024")]
    pub password: Password,
}

fn strong_by_link(confirmation: &PasswordResetConfirmation) -> Result<(), ValidationError> {
    confirmation.password.ensure_strong(&[])
}

/// A new password by whoever knows the present one.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "strong_by_old"))]
pub struct PasswordChange {
    /// The present password.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = "password", example = "mat-khau-dang-dung")]
    pub current_password: Password,
    /// The new password, at least 12 characters and hard to guess.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = "password", example = "mat-khau-du-dai-2024")]
    pub password: Password,
}

fn strong_by_old(change: &PasswordChange) -> Result<(), ValidationError> {
    change.password.ensure_strong(&[])
}
