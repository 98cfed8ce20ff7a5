//! Second factors as they are sent.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// An authenticator that is being set up (RFC 6238: SHA-1, 6 digits, 30 seconds).
#[derive(Serialize, ToSchema)]
pub struct TotpEnrolment {
    /// The secret in base32, to be typed into an app; in the answer that made it and never again, also not in a replay.
    #[schema(max_length = 100, example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    pub secret: Option<String>,
    /// The same as an address to be shown as a QR code; as seldom.
    #[schema(
        max_length = 1000,
        example = "otpauth://totp/tinhnguyen:doi-truong-01?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=tinhnguyen"
    )]
    pub otpauth_uri: Option<String>,
}

/// A code of an authenticator.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct TotpCode {
    /// The six digits that the app shows now; to switch it off a recovery code is as good.
    #[schema(value_type = String, min_length = 6, max_length = 40, example = "492039")]
    pub code: SecretString,
}

/// Codes for the day when the authenticator is lost.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten codes, each good once instead of the app's; in the answer that made them and never again, so that a replay
    /// gives none.
    #[schema(max_items = 10, example = json!(["k7wq-3mzx-p2hd-9tcb"]))]
    pub recovery_codes: Vec<String>,
}
