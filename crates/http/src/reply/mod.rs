//! Answers: an item with its ETag, a page with its links, and the one road of every write.

mod cx;
mod read;
mod write;

pub use cx::Cx;
pub use read::{PUBLIC_CACHE, body, cached, cached_bytes, document, hash_tag, item, list, page, personal_item};
pub use write::{Errand, LEDGER_SEQ, Outcome, again_or, write};

use crate::problem::{ApiError, ApiResult};
use actix_web::{HttpResponseBuilder, http::StatusCode};
use serde::Serialize;

/// A body that has an identity and a version.
pub trait Item: Serialize {
    /// Where it is found.
    fn location(&self) -> String;
    /// Its version: the ETag.
    fn version(&self) -> i64;
}

/// The outcome of a use case, before it is HTTP.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: String,
    etag: Option<String>,
    location: Option<String>,
    /// What is stored for a replay, where that is not the whole answer: secrets are shown once.
    stored: Option<String>,
    /// The last entry that it wrote to the ledger.
    ledger_seq: Option<i64>,
}

fn quoted(tag: impl std::fmt::Display) -> String {
    format!("\"{tag}\"")
}

impl Reply {
    /// 201 with the new item.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn created<T: Item>(item: &T) -> ApiResult<Self> {
        Ok(Self { status: 201, location: Some(item.location()), ..Self::ok(item)? })
    }

    /// 200 with the changed item.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn ok<T: Item>(item: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(item).map_err(ApiError::internal)?;
        Ok(Self {
            status: 200,
            body,
            etag: Some(quoted(item.version())),
            location: None,
            stored: None,
            ledger_seq: None,
        })
    }

    /// A body that is no item, such as secrets that are shown once.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn shown<T: Serialize>(status: u16, value: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(value).map_err(ApiError::internal)?;
        Ok(Self { status, body, etag: None, location: None, stored: None, ledger_seq: None })
    }

    /// 202 without a body: it is taken up, and what comes of it is not told here.
    #[must_use]
    pub const fn accepted() -> Self {
        Self { status: 202, body: String::new(), etag: None, location: None, stored: None, ledger_seq: None }
    }

    /// The answer to a replay leaves the secret out, and so does what is stored of this one.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn stored_as<T: Serialize>(self, without_secret: &T) -> ApiResult<Self> {
        let stored = serde_json::to_string(without_secret).map_err(ApiError::internal)?;
        Ok(Self { stored: Some(stored), ..self })
    }

    /// 200 with what became of many things.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn outcome<T: Serialize>(outcome: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(outcome).map_err(ApiError::internal)?;
        Ok(Self { status: 200, body, etag: None, location: None, stored: None, ledger_seq: None })
    }

    /// Names the last entry that it wrote to the ledger.
    #[must_use]
    pub fn counted_at(self, ledger_seq: Option<i64>) -> Self {
        Self { ledger_seq: ledger_seq.or(self.ledger_seq), ..self }
    }

    /// The status that it would be answered with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The version of the item that it shows; none when it shows none.
    #[must_use]
    pub fn version(&self) -> Option<i64> {
        self.etag.as_deref().and_then(|tag| tag.trim_matches('"').parse().ok())
    }

    /// 204.
    #[must_use]
    pub const fn gone() -> Self {
        Self { status: 204, body: String::new(), etag: None, location: None, stored: None, ledger_seq: None }
    }
}

fn builder(status: u16) -> HttpResponseBuilder {
    HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}
