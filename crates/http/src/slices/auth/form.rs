//! The form that OAuth's endpoints read, and who sends it.

use super::dto::TokenError;
use crate::{
    problem::{ApiResult, Code},
    request::Request,
};
use actix_web::http::header;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::Map;
use utoipa::ToSchema;
use uuid::Uuid;

/// What an endpoint refuses with; its own kind of error (RFC 6749 §5.2).
pub type Refused<T> = Result<T, TokenError>;

/// A refusal.
pub const fn refuse(error: &'static str, error_description: &'static str) -> TokenError {
    TokenError { error, error_description, error_code: None }
}

/// The parameters of a form, each at most once.
pub struct Form {
    pairs: Vec<(String, String)>,
    basic: Option<(String, String)>,
}

impl Form {
    /// Reads the form and, where it is there, HTTP Basic authentication. `T` is its schema in the contract, which bounds its
    /// parameters; others are passed over (RFC 6749 §3.2).
    ///
    /// # Errors
    /// 408 and 413 problems of the transfer, 400 of the headers.
    pub async fn read<T: ToSchema>(request: &Request) -> ApiResult<Refused<Self>> {
        // It is of no use here, and still has to be one.
        request.idempotency_key()?;
        let kind = request.header(header::CONTENT_TYPE).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Err(refuse("invalid_request", "Send the parameters as application/x-www-form-urlencoded.")));
        }
        let bytes = request.bytes().await?;
        let pairs = std::str::from_utf8(&bytes).ok().and_then(|text| {
            let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text).ok()?.into_inner();
            // A parameter must not stand twice (RFC 6749 §3.2).
            let twice = pairs.iter().enumerate().any(|(at, (n, _))| pairs.iter().take(at).any(|(m, _)| m == n));
            let nul = pairs.iter().any(|(n, v)| n.contains('\0') || v.contains('\0'));
            (!twice && !nul).then_some(pairs)
        });
        let Some(pairs) = pairs else {
            return Ok(Err(refuse("invalid_request", "The form can't be read, or a parameter stands twice.")));
        };
        let stated: Map<_, _> = pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let faults = request.app()?.contract.faults(&T::name(), &stated.into())?;
        if faults.iter().any(|fault| fault.code == Code::TooLong) {
            return Ok(Err(refuse("invalid_request", "A parameter is longer than the contract allows.")));
        }
        Ok(Ok(Self { pairs, basic: basic(request) }))
    }

    /// A parameter; one without a value is as good as absent (RFC 6749 §3.2).
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// A parameter that is nobody's business.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.value(name).map(|value| SecretString::from(value.to_owned()))
    }

    /// The client's id and secret, by HTTP Basic or in the form (RFC 6749 §2.3.1).
    #[must_use]
    pub fn client(&self) -> Option<(Uuid, SecretString)> {
        let (id, secret) = match &self.basic {
            Some((id, secret)) => (id.clone(), secret.clone()),
            None => (self.value("client_id")?.to_owned(), self.value("client_secret")?.to_owned()),
        };
        Some((Uuid::try_parse(&id).ok()?, SecretString::from(secret)))
    }
}

fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, credentials) = request.header(header::AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
