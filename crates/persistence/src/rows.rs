//! Small helpers between raw columns and domain values, each naming the row it can't read.

use crate::{StoreError, StoreResult};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt::Display, str::FromStr};
use uuid::Uuid;

/// One cell of a row: where a value came from, for the error that names it.
#[derive(Clone, Copy)]
pub(crate) struct At(pub &'static str, pub &'static str, pub Uuid);

impl At {
    pub(crate) fn corrupt(self, reason: impl Display) -> StoreError {
        StoreError::Inconsistent { table: self.0, column: self.1, id: self.2, reason: reason.to_string() }
    }

    /// Reads a word of one of the contract's vocabularies, a time zone, a path …
    pub(crate) fn word<T: FromStr<Err: Display>>(self, text: &str) -> StoreResult<T> {
        text.parse().map_err(|e| self.corrupt(e))
    }

    /// Reads a JSON column.
    pub(crate) fn json<T: DeserializeOwned>(self, value: Value) -> StoreResult<T> {
        serde_json::from_value(value).map_err(|e| self.corrupt(e))
    }
}

/// Writes a JSON column. The domain's types have string keys only, so this can't fail; if it did, the null would be
/// refused by the column.
pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
