//! Duplicate candidates as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{CandidateStatusSchema, DecisionSchema, TopicSchema},
    slices::item,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    catalogue::Topic,
    duplicates::{self as d, CandidateStatus, Decision},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// One of the two results of a candidate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CandidateResult {
    /// The result. It can be read by whoever reaches its team.
    pub result_id: Uuid,
    /// Its team; null where the caller doesn't reach it: whose figure the other one is, is not told to everybody.
    pub team_id: Option<Uuid>,
    /// Its turns on the topics in common.
    #[schema(minimum = 1, maximum = 20000000, example = 40)]
    pub turns: i64,
}

item! {
    /// Two results of different teams that may count the same people (nghi trùng): of one campaign, place and day, on the
    /// same topics, with figures that are alike.
    DuplicateCandidate at "/v1/duplicate-candidates" {
        /// The campaign of both.
        campaign_id: Uuid,
        /// The place of both.
        locality_id: Uuid,
        /// The day of both, local to the campaign.
        #[schema(example = "2024-07-01")]
        day: NaiveDate,
        /// The topics of both.
        #[schema(value_type = Vec<TopicSchema>, max_items = 15, example = json!(["cyber_safety"]))]
        topics: Vec<Topic>,
        /// The two results.
        #[schema(min_items = 2, max_items = 2, example = json!([
            {"result_id": "0190a1b2-0000-7000-8000-000000000031", "team_id": "0190a1b2-0000-7000-8000-000000000003", "turns": 40},
            {"result_id": "0190a1b2-0000-7000-8000-000000000032", "team_id": null, "turns": 42}
        ]))]
        results: Vec<CandidateResult>,
        /// Where it stands.
        #[schema(value_type = CandidateStatusSchema, example = "open")]
        status: CandidateStatus,
        /// Why it was decided so; null while it is open.
        #[schema(max_length = 1800)]
        reason: Option<String>,
        /// Who decided.
        decided_by: Option<Uuid>,
        /// When.
        decided_at: Option<DateTime<Utc>>,
        /// The result that was taken back as a duplicate.
        duplicate_result_id: Option<Uuid>,
    }
}

page_schema!(DuplicateCandidatePage of DuplicateCandidate);

impl DuplicateCandidate {
    /// What is sent of a candidate to somebody who sees these of its teams.
    #[must_use]
    pub fn of(candidate: d::Candidate, sees_team: impl Fn(Uuid) -> bool, allowed_actions: Vec<&'static str>) -> Self {
        let side = |side: d::Side| CandidateResult {
            result_id: side.result_id,
            team_id: Some(side.team_id).filter(|team| sees_team(*team)),
            turns: side.turns,
        };
        Self {
            id: candidate.stamp.id,
            campaign_id: candidate.overlap.campaign_id,
            locality_id: candidate.overlap.locality_id,
            day: candidate.overlap.day,
            results: candidate.overlap.sides.map(side).into(),
            topics: candidate.overlap.topics,
            status: candidate.status,
            reason: candidate.reason,
            decided_by: candidate.decided_by,
            decided_at: candidate.decided_at,
            duplicate_result_id: candidate.duplicate_result_id,
            created_at: candidate.stamp.created_at,
            updated_at: candidate.stamp.updated_at,
            version: candidate.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which candidates are listed. By result, team and unit only what the caller reaches is found.
    DuplicateCandidateQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// Of this place itself.
        locality_id: Uuid,
        /// Of this result.
        result_id: Uuid,
        /// Of results of this team.
        team_id: Uuid,
        /// Of results of teams of this unit and of all units below it.
        within: Uuid,
        /// In this state.
        #[param(inline, value_type = Option<CandidateStatusSchema>)]
        status: CandidateStatus,
        /// Of this day or later.
        from: NaiveDate,
        /// Of this day or earlier.
        to: NaiveDate,
    }
);

/// What is decided on a candidate, and why.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "names_a_duplicate_only_of_duplicates"))]
#[schema(example = json!({"decision": "distinct", "reason": "Hai lớp khác nhau: buổi sáng ở nhà văn hoá, buổi chiều ở trường."}))]
pub struct CandidateResolution {
    /// The decision.
    #[schema(value_type = DecisionSchema, example = "distinct")]
    pub decision: Decision,
    /// Why; people of both teams read it.
    #[schema(min_length = 1, max_length = 1800, pattern = r"\S", example = "Hai lớp khác nhau trong cùng một ngày.")]
    pub reason: String,
    /// With `duplicate`: which of the two is taken back; the one that was counted later when it is left out.
    #[serde(default)]
    #[schema(nullable = false)]
    pub duplicate_result_id: Option<Uuid>,
}

fn names_a_duplicate_only_of_duplicates(resolution: &CandidateResolution) -> Result<(), ValidationError> {
    if resolution.duplicate_result_id.is_some() && resolution.decision != Decision::Duplicate {
        Err(broken(Code::TooMany, "/duplicate_result_id"))
    } else {
        Ok(())
    }
}
