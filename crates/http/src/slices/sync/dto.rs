//! Operations of a client that was without a signal, and what became of each.

use crate::{
    bulk::{BulkOutcome, RejectionCause},
    problem::Problem,
    slices::{
        activities::dto::{Activity, ActivityPatch, NewActivity},
        results::dto::{NewResult, Result as ResultBody, ResultAmendment, ResultPatch},
        tallies::dto::TallyBatch,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

macro_rules! operations {
    ($(
        #[doc = $doc:literal]
        $variant:ident = $word:literal, $name:ident, $tag:ident {
            op_id: $op:ty = $op_doc:literal,
            id: $id_doc:literal,
            $(version: $version:ty,)?
            $(body: $body:ty,)?
        }
    )+) => {
        /// What a queued operation does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum OperationKind {$(
            #[doc = $doc]
            $variant,
        )+}

        impl OperationKind {
            /// All of them, with their words.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $word)),+];

            /// Its word: the name of the operation that does the same alone.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The name of its schema.
            #[must_use]
            pub fn schema(self) -> std::borrow::Cow<'static, str> {
                match self { $(Self::$variant => $name::name()),+ }
            }
        }

        $(
            #[doc = concat!("The kind `", $word, "`.")]
            #[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
            #[serde(rename_all = "snake_case")]
            #[schema(description = concat!("The kind `", $word, "`."))]
            pub enum $tag {
                #[doc = $doc]
                $variant,
            }

            #[doc = $doc]
            #[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                /// What it does.
                pub kind: $tag,
                #[doc = $op_doc]
                pub op_id: $op,
                #[doc = $id_doc]
                pub id: Uuid,
                $(
                    /// The version that it changes: as it was read, or as the operations before this one in the queue
                    /// will have made it, each by one.
                    #[schema(minimum = 1, maximum = 9007199254740991_i64, example = 1)]
                    pub version: $version,
                )?
                $(
                    /// What the operation that does the same alone is sent.
                    #[validate(nested)]
                    pub body: $body,
                )?
            }
        )+

        /// One operation of a client's queue. `kind` tells which.
        #[derive(Debug, Clone, Deserialize, ToSchema)]
        #[serde(untagged)]
        #[schema(discriminator(property_name = "kind", mapping($(($word = concat!("#/components/schemas/", stringify!($name)))),+)))]
        pub enum SyncOperation {$(
            #[doc = $doc]
            $variant($name),
        )+}
    };
}

operations! {
    #[doc = "Plans an activity (lập hoạt động)."]
    CreateActivity = "create_activity", SyncCreateActivity, CreateActivityTag {
        op_id: Option<Uuid> = "The client's own id for it, told again with the outcome. A repetition is known without it.",
        id: "The new activity's id (UUIDv7), chosen by the client; `body.id` is the same or left out.",
        body: NewActivity,
    }
    #[doc = "Changes an activity (sửa hoạt động)."]
    PatchActivity = "patch_activity", SyncPatchActivity, PatchActivityTag {
        op_id: Uuid = "The client's own id for it (UUIDv7): it is done once by it, however often it is sent.",
        id: "The activity.",
        version: i64,
        body: ActivityPatch,
    }
    #[doc = "Sends tallies of an activity (gửi điểm đếm)."]
    AddTallies = "add_tallies", SyncAddTallies, AddTalliesTag {
        op_id: Option<Uuid> = "The client's own id for it, told again with the outcome. A repetition is known without it.",
        id: "The activity.",
        body: TallyBatch,
    }
    #[doc = "Writes the draft of a result (lập kết quả)."]
    CreateResult = "create_result", SyncCreateResult, CreateResultTag {
        op_id: Option<Uuid> = "The client's own id for it, told again with the outcome. A repetition is known without it.",
        id: "The new result's id (UUIDv7), chosen by the client; `body.id` is the same or left out.",
        body: NewResult,
    }
    #[doc = "Changes a draft or a returned result (sửa kết quả)."]
    PatchResult = "patch_result", SyncPatchResult, PatchResultTag {
        op_id: Uuid = "The client's own id for it (UUIDv7): it is done once by it, however often it is sent.",
        id: "The result.",
        version: i64,
        body: ResultPatch,
    }
    #[doc = "Submits a result (nộp kết quả)."]
    SubmitResult = "submit_result", SyncSubmitResult, SubmitResultTag {
        op_id: Option<Uuid> = "The client's own id for this operation (UUIDv7): it is done once by it. Left out, a result that the caller has submitted since that version is a duplicate.",
        id: "The result.",
        version: i64,
    }
    #[doc = "Amends a submitted or verified result (điều chỉnh kết quả)."]
    AmendResult = "amend_result", SyncAmendResult, AmendResultTag {
        op_id: Uuid = "The client's own id for it (UUIDv7): it is done once by it, however often it is sent.",
        id: "The result.",
        version: i64,
        body: ResultAmendment,
    }
    #[doc = "Removes a draft (xóa bản nháp)."]
    DeleteResult = "delete_result", SyncDeleteResult, DeleteResultTag {
        op_id: Uuid = "The client's own id for it (UUIDv7): it is done once by it, however often it is sent.",
        id: "The draft.",
        version: i64,
    }
}

/// The queue of a client that was without a signal.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"operations": [
    {"kind": "create_result", "id": "0190a1b2-0000-7000-8000-000000000031", "body": {
        "activity_id": "0190a1b2-0000-7000-8000-000000000002", "team_id": "0190a1b2-0000-7000-8000-000000000003",
        "reported_on": "2024-07-01", "lines": [{"topic": "cyber_safety", "audience": "children", "turns": 42}]}},
    {"kind": "submit_result", "op_id": "0190a1b2-0000-7000-8000-000000000041",
        "id": "0190a1b2-0000-7000-8000-000000000031", "version": 1}
]}))]
pub struct SyncRequest {
    /// The operations. One that is wrong is rejected alone.
    #[schema(min_items = 1, max_items = 1000)]
    pub operations: Vec<SyncOperation>,
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Done now.
    Accepted,
    /// Done already, by an earlier request or an earlier operation.
    Duplicate,
    /// Not done: somebody else changed the thing meanwhile. `current` is what it is now; a human decides.
    Conflict,
    /// Not done, and sending it again as it is changes nothing; `problem` says why.
    Rejected,
}

/// The kind `result`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurrentResultTag {
    /// A result.
    Result,
}

/// The kind `activity`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurrentActivityTag {
    /// An activity.
    Activity,
}

/// A result as the caller sees it now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CurrentResult {
    /// What kind of thing it is.
    pub kind: CurrentResultTag,
    /// The result.
    pub item: ResultBody,
}

/// An activity as the caller sees it now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CurrentActivity {
    /// What kind of thing it is.
    pub kind: CurrentActivityTag,
    /// The activity.
    pub item: Activity,
}

/// What a conflict is with. `kind` tells which.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "kind", mapping(
    ("result" = "#/components/schemas/CurrentResult"), ("activity" = "#/components/schemas/CurrentActivity")
)))]
pub enum Current {
    /// A result.
    Result(CurrentResult),
    /// An activity.
    Activity(CurrentActivity),
}

/// What became of one operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncOutcome {
    /// Its place in what was sent, from 0.
    #[schema(minimum = 0, maximum = 999, example = 0)]
    pub index: usize,
    /// The client's own id for it, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub op_id: Option<Uuid>,
    /// What became of it.
    pub status: SyncStatus,
    /// The thing that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    /// That thing's version now; absent when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 2)]
    pub version: Option<i64>,
    /// Why it was rejected, or what it is in conflict with. Pointers are into the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Problem, required = false)]
    pub problem: Option<Value>,
    /// Of a conflict: what stands there now, where the caller sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current: Option<Current>,
    /// Of tallies: what became of each. The operation is accepted when at least one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tallies: Option<BulkOutcome>,
}

/// What became of a queue: each operation is accepted, a duplicate, in conflict, or rejected.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncOutcomes {
    /// Operations done now.
    #[schema(minimum = 0, maximum = 1000, example = 2)]
    pub accepted: usize,
    /// Operations done already.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub duplicates: usize,
    /// Operations in conflict.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub conflicts: usize,
    /// Operations refused.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub rejected: usize,
    /// Each operation, in the order in which they were sent.
    #[schema(max_items = 1000)]
    pub outcomes: Vec<SyncOutcome>,
    /// Rejected operations and conflicts by reason.
    #[schema(max_items = 100, example = json!([]))]
    pub causes: Vec<RejectionCause>,
}
