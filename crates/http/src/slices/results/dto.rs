//! Results as they are sent.

use super::review::{ReviewNote, notes};
use crate::{
    page::{list_query, page_schema},
    problem::{Code, Lang},
    request::broken,
    schema::{
        AgeBandSchema, AudienceSchema, EvidenceKindSchema, FlagSchema, MeasureSchema, ResultStatusSchema, SexSchema,
        TopicSchema,
    },
    slices::item,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    catalogue::{AgeBand, Audience, Measure, Sex, Topic},
    counting::Turns,
    results::{self as d, EvidenceKind, Flag, ResultStatus},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Turns of support (lượt) on one topic to one audience, disaggregated as far as it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"topic": "cyber_safety", "audience": "children", "sex": "female", "turns": 42}))]
pub struct ResultLine {
    /// What it was about.
    #[schema(value_type = TopicSchema, example = "cyber_safety")]
    pub topic: Topic,
    /// Who was supported.
    #[schema(value_type = AudienceSchema, example = "children")]
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = SexSchema, required = false)]
    pub sex: Option<Sex>,
    /// Age band; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = AgeBandSchema, required = false)]
    pub age_band: Option<AgeBand>,
    /// Turns.
    #[schema(minimum = 1, maximum = 100000, example = 42)]
    pub turns: i64,
}

/// Something counted beside turns (kết quả khác).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"measure": "classes", "value": 1}))]
pub struct ResultOutput {
    /// What is counted; a measure that is an output.
    #[schema(value_type = MeasureSchema, example = "accounts_created")]
    pub measure: Measure,
    /// How many.
    #[schema(minimum = 0, maximum = 1000000, example = 12)]
    pub value: i64,
}

/// A link that supports the figures (minh chứng).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultEvidence {
    /// What it is.
    #[schema(value_type = EvidenceKindSchema, example = "photo")]
    pub kind: EvidenceKind,
    /// Where it is; left out for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_length = 8,
        max_length = 2000,
        pattern = "^https?://[^\\s]+$",
        example = "https://example.org/anh-1.jpg"
    )]
    pub url: Option<String>,
    /// A file of `POST /v1/evidence-files`, instead of `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file_id: Option<Uuid>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    pub note: Option<String>,
}

item! {
    /// What a team reports for one activity and one day (kết quả hoạt động).
    Result at "/v1/results" {
        /// The activity.
        activity_id: Uuid,
        /// The team that reports, and to whose unit it is attributed.
        team_id: Uuid,
        /// The day that is reported, local to the campaign.
        #[schema(example = "2024-07-01")]
        reported_on: NaiveDate,
        /// Turns by topic and audience.
        #[schema(max_items = 200)]
        lines: Vec<ResultLine>,
        /// Outputs beside turns.
        #[schema(max_items = 50)]
        outputs: Vec<ResultOutput>,
        /// Links that support the figures.
        #[schema(max_items = 50)]
        evidence: Vec<ResultEvidence>,
        /// All turns of the lines together.
        #[schema(minimum = 0, maximum = 20000000, example = 42)]
        turns: i64,
        /// Where it stands.
        #[schema(value_type = ResultStatusSchema)]
        status: ResultStatus,
        /// Counts the submissions, from 1.
        #[schema(minimum = 1, maximum = 1000000, example = 1)]
        revision: i32,
        /// Marks for a human eye; they never change what is counted.
        #[schema(value_type = Vec<FlagSchema>, max_items = 20, example = json!([]))]
        flags: Vec<Flag>,
        /// Why each mark is there, in the language of the request; `needs_review` goes with one of the others.
        #[schema(max_items = 20, example = json!([]))]
        review: Vec<ReviewNote>,
        /// Who wrote it.
        created_by: Uuid,
        /// Who submitted it last.
        submitted_by: Option<Uuid>,
        /// Who verified it.
        verified_by: Option<Uuid>,
        /// Whether its lines are the sums of tallies, so that submitting it takes in those that came since.
        from_tallies: bool,
        /// Why it was returned last.
        #[schema(max_length = 2000)]
        return_reason: Option<String>,
    }
}

page_schema!(ResultPage of Result);

impl Result {
    /// What is sent of a result.
    #[must_use]
    pub fn of(result: d::ActivityResult, allowed_actions: Vec<&'static str>, lang: Lang) -> Self {
        let review = notes(&result, lang);
        let turns = result.statement.turns().0;
        Self {
            id: result.stamp.id,
            activity_id: result.activity_id,
            team_id: result.team_id,
            reported_on: result.reported_on,
            lines: lines_sent(result.statement.lines),
            outputs: outputs_sent(result.statement.outputs),
            evidence: evidence_sent(result.statement.evidence),
            turns,
            status: result.status,
            revision: result.revision,
            flags: result.flags,
            review,
            created_by: result.created_by,
            submitted_by: result.submitted_by,
            verified_by: result.verified_by,
            from_tallies: result.from_tallies,
            return_reason: result.return_reason,
            created_at: result.stamp.created_at,
            updated_at: result.stamp.updated_at,
            version: result.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which results are listed.
    ResultQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// Of this activity.
        activity_id: Uuid,
        /// Of this team.
        team_id: Uuid,
        /// Of teams of this unit and of all units below it.
        within: Uuid,
        /// In this state.
        #[param(inline, value_type = Option<ResultStatusSchema>)]
        status: ResultStatus,
        /// With this mark.
        #[param(inline, value_type = Option<FlagSchema>)]
        flag: Flag,
        /// Reported for this day or later.
        from: NaiveDate,
        /// Reported for this day or earlier.
        to: NaiveDate,
    }
);

/// A new result: a draft, which counts once it is submitted, or submitted at once. It states lines, outputs or both.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "states_something"))]
#[schema(example = json!({
    "activity_id": "0190a1b2-0000-7000-8000-000000000002", "team_id": "0190a1b2-0000-7000-8000-000000000003",
    "reported_on": "2024-07-01",
    "lines": [{"topic": "cyber_safety", "audience": "children", "sex": "female", "turns": 42}],
    "outputs": [{"measure": "classes", "value": 1}]
}))]
pub struct NewResult {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The activity.
    pub activity_id: Uuid,
    /// The team that reports.
    pub team_id: Uuid,
    /// The day that is reported, local to the campaign.
    #[schema(example = "2024-07-01")]
    pub reported_on: NaiveDate,
    /// Turns by topic and audience; each combination once.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub lines: Vec<ResultLine>,
    /// Outputs beside turns; each measure once.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub outputs: Vec<ResultOutput>,
    /// Links that support the figures.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub evidence: Vec<ResultEvidence>,
    /// `true`: the lines are the sums of the activity's tallies of this team and day; `lines` is left out then.
    #[serde(default)]
    pub from_tallies: bool,
    /// `true`: it is submitted at once, so that it counts.
    #[serde(default)]
    pub submit: bool,
}

fn states_something(new: &NewResult) -> std::result::Result<(), ValidationError> {
    if new.from_tallies && !new.lines.is_empty() {
        return Err(broken(Code::TooMany, "/lines"));
    }
    if new.lines.is_empty() && new.outputs.is_empty() && !new.from_tallies {
        Err(broken(Code::TooFew, "/lines"))
    } else {
        Ok(())
    }
}

/// What changes in a draft or a returned result (JSON Merge Patch, RFC 7396).
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lines": [{"topic": "cyber_safety", "audience": "children", "turns": 40}]}))]
pub struct ResultPatch {
    /// Turns by topic and audience, all of them.
    #[serde(default)]
    #[schema(nullable = false, max_items = 200)]
    pub lines: Option<Vec<ResultLine>>,
    /// Outputs beside turns, all of them.
    #[serde(default)]
    #[schema(nullable = false, max_items = 50)]
    pub outputs: Option<Vec<ResultOutput>>,
    /// Links that support the figures, all of them.
    #[serde(default)]
    #[schema(nullable = false, max_items = 50)]
    pub evidence: Option<Vec<ResultEvidence>>,
}

/// Why a result is given back.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ResultReturn {
    /// What its author has to mend.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "Thiếu danh sách lớp ngày 01/7.")]
    pub reason: String,
}

/// Why a verification is taken back.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ResultUnverify {
    /// What was found.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "Xác nhận nhầm kết quả của đội khác.")]
    pub reason: String,
}

/// What a submitted or verified result states from now on: all of it, and why.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "states_no_lines_beside_tallies"))]
#[schema(example = json!({
    "lines": [{"topic": "cyber_safety", "audience": "children", "sex": "female", "turns": 45}],
    "outputs": [{"measure": "classes", "value": 1}], "reason": "Bổ sung danh sách buổi chiều."
}))]
pub struct ResultAmendment {
    /// Turns by topic and audience, all of them; each combination once.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub lines: Vec<ResultLine>,
    /// Outputs beside turns, all of them; each measure once.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub outputs: Vec<ResultOutput>,
    /// Links that support the figures, all of them; left out, those of before stay.
    #[serde(default)]
    #[schema(nullable = false, max_items = 50)]
    pub evidence: Option<Vec<ResultEvidence>>,
    /// `true`: the lines are the sums of all tallies of its day, the late ones too; `lines` is left out then.
    #[serde(default)]
    pub from_tallies: bool,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "Bổ sung danh sách buổi chiều.")]
    pub reason: String,
}

/// What is sent of lines.
pub(super) fn lines_sent(lines: Vec<d::Line>) -> Vec<ResultLine> {
    let line = |l: d::Line| ResultLine {
        topic: l.topic,
        audience: l.audience,
        sex: l.sex,
        age_band: l.age_band,
        turns: l.turns.0,
    };
    lines.into_iter().map(line).collect()
}

/// What is sent of outputs.
pub(super) fn outputs_sent(outputs: Vec<d::Output>) -> Vec<ResultOutput> {
    outputs.into_iter().map(|o| ResultOutput { measure: o.measure, value: o.value }).collect()
}

/// What is sent of evidence.
pub(super) fn evidence_sent(evidence: Vec<d::Evidence>) -> Vec<ResultEvidence> {
    evidence
        .into_iter()
        .map(|e| ResultEvidence { kind: e.kind, url: e.url, file_id: e.file_id, note: e.note })
        .collect()
}

fn states_no_lines_beside_tallies(amendment: &ResultAmendment) -> std::result::Result<(), ValidationError> {
    if amendment.from_tallies && !amendment.lines.is_empty() { Err(broken(Code::TooMany, "/lines")) } else { Ok(()) }
}

/// The domain's lines of what was sent.
pub(super) fn lines_of(lines: &[ResultLine]) -> Vec<d::Line> {
    let line = |l: &ResultLine| d::Line {
        topic: l.topic,
        audience: l.audience,
        sex: l.sex,
        age_band: l.age_band,
        turns: Turns(l.turns),
    };
    lines.iter().map(line).collect()
}

/// The domain's outputs of what was sent.
pub(super) fn outputs_of(outputs: &[ResultOutput]) -> Vec<d::Output> {
    outputs.iter().map(|o| d::Output { measure: o.measure, value: o.value }).collect()
}

/// The domain's evidence of what was sent.
pub(super) fn evidence_of(evidence: &[ResultEvidence]) -> Vec<d::Evidence> {
    evidence
        .iter()
        .map(|e| d::Evidence { kind: e.kind, url: e.url.clone(), file_id: e.file_id, note: e.note.clone() })
        .collect()
}
