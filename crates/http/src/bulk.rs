//! Many things in one request: each is accepted, known already, or refused by itself, and the answer says which is which.

use crate::{
    contract::Contract,
    problem::{ApiError, ApiResult, Code, Problem},
    request::{self, Request},
    strict_json::canonical_hash,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// The most items of one request.
pub const MAX_ITEMS: usize = 1_000;

/// A body with a list in it, of which every item is looked at by itself.
#[derive(Debug)]
pub struct Batch<T> {
    /// The body, with the items that passed their checks.
    pub value: T,
    /// Where each of them stood in what was sent.
    pub places: Vec<usize>,
    /// A hash of each that is the same for items that say the same.
    pub hashes: Vec<Vec<u8>>,
    /// What is wrong with the others.
    pub refused: BTreeMap<usize, ApiError>,
    /// A hash that is the same for bodies that say the same.
    pub hash: Vec<u8>,
}

impl<T: DeserializeOwned + ToSchema + Validate> Batch<T> {
    /// Reads a body whose member `list` holds the items. What is wrong outside of them is wrong with the whole request.
    ///
    /// # Errors
    /// 400, 408, 413, 415 and 422 problems.
    pub async fn read(request: &Request, contract: &Contract, list: &str) -> ApiResult<Self> {
        Self::check(contract, request.json().await?, list)
    }

    /// The same of a body that is at hand.
    ///
    /// # Errors
    /// 422 problems.
    pub fn check(contract: &Contract, mut value: Value, list: &str) -> ApiResult<Self> {
        let hash = canonical_hash(&value);
        let mut whole = Vec::new();
        let mut by_item: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        let prefix = format!("/{list}/");
        for mut fault in contract.faults(&T::name(), &value)? {
            let within = fault.pointer.as_deref().and_then(|pointer| pointer.strip_prefix(&prefix)).map(|rest| {
                let (index, pointer) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (index.parse::<usize>(), pointer.to_owned())
            });
            match within {
                Some((Ok(index), pointer)) => {
                    fault.pointer = Some(pointer);
                    by_item.entry(index).or_default().push(fault);
                }
                _ => whole.push(fault),
            }
        }
        if !whole.is_empty() {
            return Err(ApiError::invalid(whole));
        }
        let (mut places, mut hashes) = (Vec::new(), Vec::new());
        if let Some(items) = value.get_mut(list).and_then(Value::as_array_mut) {
            places = (0..items.len()).filter(|index| !by_item.contains_key(index)).collect();
            let mut index = 0;
            items.retain(|_| {
                index += 1;
                !by_item.contains_key(&(index - 1))
            });
            hashes = items.iter().map(canonical_hash).collect();
        }
        let value = request::typed(value)?;
        let refused = by_item.into_iter().map(|(index, faults)| (index, ApiError::invalid(faults))).collect();
        Ok(Self { value, places, hashes, refused, hash })
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Taken.
    Accepted,
    /// Known already, by an earlier request or an earlier item: it counts once.
    Duplicate,
    /// Not taken; `problem` says why.
    Rejected,
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemOutcome {
    /// Its place in what was sent, from 0.
    #[schema(minimum = 0, maximum = 999, example = 0)]
    pub index: usize,
    /// What became of it.
    pub status: ItemStatus,
    /// Its id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Problem, required = false)]
    pub problem: Option<Value>,
}

/// How many items were rejected for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectionCause {
    /// The problem's code.
    #[schema(max_length = 100, example = "outside_campaign")]
    pub code: &'static str,
    /// How many.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    pub count: usize,
}

/// What became of the items of one request: each is accepted, a duplicate, or rejected.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkOutcome {
    /// Items taken now.
    #[schema(minimum = 0, maximum = 1000, example = 1)]
    pub accepted: usize,
    /// Items known already.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub duplicates: usize,
    /// Items refused.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub rejected: usize,
    /// Each item, in the order in which they were sent.
    #[schema(max_items = 1000)]
    pub outcomes: Vec<ItemOutcome>,
    /// Rejected items by reason.
    #[schema(max_items = 100, example = json!([]))]
    pub causes: Vec<RejectionCause>,
}

/// An item's outcome before it is written in the client's language.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a thousand of them, for the length of a request")]
pub enum Became {
    /// Taken.
    Accepted(Uuid),
    /// Known already.
    Duplicate(Uuid),
    /// Refused.
    Rejected(Option<Uuid>, ApiError),
}

impl BulkOutcome {
    /// The outcome of items by their place. `render` writes a problem in the client's language.
    #[must_use]
    pub fn of(items: BTreeMap<usize, Became>, render: impl Fn(&ApiError) -> Value) -> Self {
        let mut causes: BTreeMap<&'static str, usize> = BTreeMap::new();
        let outcomes: Vec<ItemOutcome> = items
            .into_iter()
            .map(|(index, became)| match became {
                Became::Accepted(id) => {
                    ItemOutcome { index, status: ItemStatus::Accepted, id: Some(id), problem: None }
                }
                Became::Duplicate(id) => {
                    ItemOutcome { index, status: ItemStatus::Duplicate, id: Some(id), problem: None }
                }
                Became::Rejected(id, error) => {
                    *causes.entry(error.code.as_str()).or_default() += 1;
                    ItemOutcome { index, status: ItemStatus::Rejected, id, problem: Some(render(&error)) }
                }
            })
            .collect();
        let count = |status| outcomes.iter().filter(|outcome| outcome.status == status).count();
        Self {
            accepted: count(ItemStatus::Accepted),
            duplicates: count(ItemStatus::Duplicate),
            rejected: count(ItemStatus::Rejected),
            outcomes,
            causes: causes.into_iter().map(|(code, count)| RejectionCause { code, count }).collect(),
        }
    }
}

/// Whether an error is of one item alone. An error of the database, or of ours, is the whole request's: nothing of it is
/// kept, and it is sent again.
#[must_use]
pub fn is_of_the_item(error: &ApiError) -> bool {
    error.code.status() < 500 && !matches!(error.code, Code::IdempotencyInProgress)
}
