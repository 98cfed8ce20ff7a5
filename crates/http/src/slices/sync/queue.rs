//! Reading a queue: each operation is checked by itself, by the schema of its own kind, so that what is wrong with it is
//! said in its terms.

use super::{
    dto::{
        OperationKind, SyncAmendResult, SyncCreateActivity, SyncCreateResult, SyncDeleteResult, SyncPatchActivity,
        SyncPatchResult, SyncRequest, SyncSubmitResult,
    },
    order::{Node, Stage},
};
use crate::{
    bulk::{Batch, MAX_ITEMS},
    contract::Contract,
    problem::{ApiError, ApiResult, Code, Fault},
    request::{Request, typed},
    slices::tallies::dto::TallyBatch,
    strict_json::canonical_hash,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// A queue, read.
pub struct Queue {
    /// The operations, in the order in which they were sent.
    pub entries: Vec<Entry>,
    /// A hash that is the same for queues that say the same.
    pub hash: Vec<u8>,
}

/// One entry of a queue.
pub struct Entry {
    /// The client's own id for it, where it could be read.
    pub op_id: Option<Uuid>,
    /// The thing that it is about, where it could be read.
    pub id: Option<Uuid>,
    /// What is to be done, or what is wrong with it.
    pub operation: ApiResult<Operation>,
}

/// An operation that passed the checks of its kind.
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// The client's own id for it.
    pub op_id: Option<Uuid>,
    /// The thing that it is about.
    pub id: Uuid,
    /// The version that it changes; 0 of what makes something.
    pub version: i64,
    /// A hash that is the same for operations that say the same; of what makes something the same as if it were sent alone.
    pub hash: Vec<u8>,
    /// What it says.
    pub what: What,
}

/// What an operation says.
pub enum What {
    /// Plans an activity.
    CreateActivity(SyncCreateActivity),
    /// Changes one.
    PatchActivity(SyncPatchActivity),
    /// Sends tallies.
    AddTallies(Box<Batch<TallyBatch>>),
    /// Writes a draft.
    CreateResult(SyncCreateResult),
    /// Changes one.
    PatchResult(SyncPatchResult),
    /// Submits a result.
    SubmitResult,
    /// Amends one.
    AmendResult(SyncAmendResult),
    /// Removes a draft.
    DeleteResult,
}

impl Operation {
    /// What it stands on.
    #[must_use]
    pub const fn node(&self) -> Node {
        let stage = match self.what {
            What::CreateActivity(_) | What::PatchActivity(_) => Stage::Activities,
            What::AddTallies(_) => Stage::Tallies,
            _ => Stage::Results,
        };
        Node { stage, id: self.id, version: self.version }
    }
}

impl Queue {
    /// Reads the queue of a request. What is wrong outside of the operations is wrong with the whole request.
    ///
    /// # Errors
    /// 400, 408, 413, 415 and 422 problems.
    pub async fn read(request: &Request, contract: &Contract) -> ApiResult<Self> {
        let mut value = request.json().await?;
        let hash = canonical_hash(&value);
        let items = match value.get_mut("operations") {
            Some(Value::Array(items)) => std::mem::take(items),
            _ => vec![],
        };
        // The rest is checked by the schema of the whole, with operations in it that are known to be sound: as many as
        // show whether there are too few or too many.
        let shown = if items.len() > MAX_ITEMS { items.len() } else { items.len().min(1) };
        if let Some(Value::Array(list)) = value.get_mut("operations") {
            let nil = Uuid::nil();
            list.resize(shown, json!({"kind": "submit_result", "id": nil, "version": 1}));
        }
        let faults = contract.faults(&SyncRequest::name(), &value)?;
        if !faults.is_empty() {
            return Err(ApiError::invalid(faults));
        }
        let entries = items.into_iter().enumerate().map(|(index, item)| entry(contract, index, item)).collect();
        Ok(Self { entries, hash })
    }
}

/// Where an operation stands in the request.
#[must_use]
pub fn place(index: usize) -> String {
    format!("/operations/{index}")
}

/// An error whose faults stand below a place of the request.
#[must_use]
pub fn below(mut error: ApiError, place: &str) -> ApiError {
    for pointer in error.faults.iter_mut().filter_map(|fault| fault.pointer.as_mut()) {
        pointer.insert_str(0, place);
    }
    error
}

fn entry(contract: &Contract, index: usize, item: Value) -> Entry {
    let id = |name: &str| item.get(name).and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    let (op_id, about) = (id("op_id"), id("id"));
    Entry { op_id, id: about, operation: operation(contract, item).map_err(|error| below(error, &place(index))) }
}

fn operation(contract: &Contract, item: Value) -> ApiResult<Operation> {
    let Value::Object(members) = &item else {
        return Err(ApiError::fault(Fault::at("", Code::WrongType).limit("object")));
    };
    let kind = kind_of(members)?;
    // Tallies are looked at one by one.
    let within_tallies = |fault: &Fault| {
        kind == OperationKind::AddTallies
            && fault.pointer.as_deref().is_some_and(|pointer| pointer.starts_with("/body/tallies/"))
    };
    let mut faults = contract.faults(&kind.schema(), &item)?;
    faults.retain(|fault| !within_tallies(fault));
    if let (Some(id), Some(inner)) = (members.get("id"), item.pointer("/body/id"))
        && makes(kind)
        && !inner.is_null()
        && !same_id(id, inner)
    {
        faults.push(Fault::at("/body/id", Code::NotAllowedValue).limit(id.clone()));
    }
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let hash = if makes(kind) { hash_alone(members) } else { canonical_hash(&item) };
    Ok(match kind {
        OperationKind::CreateActivity => {
            let mut new: SyncCreateActivity = typed(item)?;
            new.body.id = Some(new.id);
            Operation { kind, op_id: new.op_id, id: new.id, version: 0, hash, what: What::CreateActivity(new) }
        }
        OperationKind::PatchActivity => {
            let patch: SyncPatchActivity = typed(item)?;
            let SyncPatchActivity { op_id, id, version, .. } = patch;
            Operation { kind, op_id: Some(op_id), id, version, hash, what: What::PatchActivity(patch) }
        }
        OperationKind::AddTallies => {
            let body = members.get("body").cloned().unwrap_or_default();
            let batch = Batch::check(contract, body, "tallies").map_err(|error| below(error, "/body"))?;
            let (op_id, id) = ids_of_tallies(&item);
            Operation { kind, op_id, id, version: 0, hash, what: What::AddTallies(Box::new(batch)) }
        }
        OperationKind::CreateResult => {
            let mut new: SyncCreateResult = typed(item)?;
            new.body.id = Some(new.id);
            Operation { kind, op_id: new.op_id, id: new.id, version: 0, hash, what: What::CreateResult(new) }
        }
        OperationKind::PatchResult => {
            let patch: SyncPatchResult = typed(item)?;
            let SyncPatchResult { op_id, id, version, .. } = patch;
            Operation { kind, op_id: Some(op_id), id, version, hash, what: What::PatchResult(patch) }
        }
        OperationKind::SubmitResult => {
            let SyncSubmitResult { op_id, id, version, .. } = typed(item)?;
            Operation { kind, op_id, id, version, hash, what: What::SubmitResult }
        }
        OperationKind::AmendResult => {
            let amendment: SyncAmendResult = typed(item)?;
            let SyncAmendResult { op_id, id, version, .. } = amendment;
            Operation { kind, op_id: Some(op_id), id, version, hash, what: What::AmendResult(amendment) }
        }
        OperationKind::DeleteResult => {
            let SyncDeleteResult { op_id, id, version, .. } = typed(item)?;
            Operation { kind, op_id: Some(op_id), id, version, hash, what: What::DeleteResult }
        }
    })
}

fn kind_of(members: &Map<String, Value>) -> ApiResult<OperationKind> {
    let words = || OperationKind::ALL.iter().map(|(_, word)| *word).collect::<Vec<_>>();
    let fault = match members.get("kind") {
        None => Fault::at("/kind", Code::Required),
        Some(Value::String(text)) => match OperationKind::ALL.iter().find(|(_, word)| word == text) {
            Some((kind, _)) => return Ok(*kind),
            None => Fault::at("/kind", Code::NotAllowedValue).limit(words()),
        },
        Some(_) => Fault::at("/kind", Code::WrongType).limit("string"),
    };
    Err(ApiError::fault(fault))
}

/// Whether the thing that an operation is about is there only after it.
const fn makes(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::CreateActivity | OperationKind::CreateResult)
}

fn same_id(left: &Value, right: &Value) -> bool {
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    id(left).is_some() && id(left) == id(right)
}

/// The hash that the body has when it is sent to its own operation with the same id in it.
fn hash_alone(members: &Map<String, Value>) -> Vec<u8> {
    let mut body = members.get("body").cloned().unwrap_or_default();
    if let (Some(body), Some(id)) = (body.as_object_mut(), members.get("id")) {
        body.insert("id".to_owned(), id.clone());
    }
    canonical_hash(&body)
}

/// The ids of an operation on tallies, whose schema was held already; its tallies need not be sound.
fn ids_of_tallies(item: &Value) -> (Option<Uuid>, Uuid) {
    let id = |name: &str| item.get(name).and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    (id("op_id"), id("id").unwrap_or_default())
}
