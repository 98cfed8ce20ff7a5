//! Revisions of results as they are sent.

use super::dto::{ResultEvidence, ResultLine, ResultOutput, evidence_sent, lines_sent, outputs_sent};
use crate::{
    page::page_schema,
    schema::{AgeBandSchema, AudienceSchema, MeasureSchema, ResultStatusSchema, SexSchema, TopicSchema},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tinhnguyen_domain::{
    catalogue::{AgeBand, Audience, Measure, Sex, Topic},
    results::{ResultStatus, Revision, Statement},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A line that a revision changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedLine {
    /// What it was about.
    #[schema(value_type = TopicSchema, example = "cyber_safety")]
    pub topic: Topic,
    /// Who was supported.
    #[schema(value_type = AudienceSchema, example = "children")]
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = SexSchema, required = false)]
    pub sex: Option<Sex>,
    /// Age band; absent when it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = AgeBandSchema, required = false)]
    pub age_band: Option<AgeBand>,
    /// Turns before; null where the line did not stand.
    #[schema(minimum = 1, maximum = 100000, example = 42)]
    pub before: Option<i64>,
    /// Turns after; null where the line stands no more.
    #[schema(minimum = 1, maximum = 100000, example = 45)]
    pub after: Option<i64>,
}

/// An output that a revision changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedOutput {
    /// What is counted.
    #[schema(value_type = MeasureSchema, example = "accounts_created")]
    pub measure: Measure,
    /// Before; null where it was not stated.
    #[schema(minimum = 0, maximum = 1000000, example = 11)]
    pub before: Option<i64>,
    /// After; null where it is stated no more.
    #[schema(minimum = 0, maximum = 1000000, example = 12)]
    pub after: Option<i64>,
}

/// One revision of a result (lần điều chỉnh): what was submitted, what it changed, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultRevision {
    /// Counts the submissions, from 1.
    #[schema(minimum = 1, example = 2)]
    pub revision: i32,
    /// Turns by topic and audience.
    #[schema(max_items = 200)]
    pub lines: Vec<ResultLine>,
    /// Outputs beside turns.
    #[schema(max_items = 50)]
    pub outputs: Vec<ResultOutput>,
    /// Links that support the figures.
    #[schema(max_items = 50)]
    pub evidence: Vec<ResultEvidence>,
    /// All turns together.
    #[schema(minimum = 0, example = 45)]
    pub turns: i64,
    /// Lines that differ from the revision before; empty for the first.
    #[schema(max_items = 400)]
    pub changed_lines: Vec<ChangedLine>,
    /// Outputs that differ from the revision before; empty for the first.
    #[schema(max_items = 100)]
    pub changed_outputs: Vec<ChangedOutput>,
    /// Where it stands, or stood when the next one came.
    #[schema(value_type = ResultStatusSchema, example = "submitted")]
    pub status: ResultStatus,
    /// Why it replaced a revision that counted; null for a first submission, and for one after a return.
    #[schema(max_length = 2000)]
    pub amend_reason: Option<String>,
    /// Who submitted it.
    pub submitted_by: Uuid,
    /// When.
    pub submitted_at: DateTime<Utc>,
    /// Who decided on it last.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was returned, or its verification taken back.
    #[schema(max_length = 2000)]
    pub return_reason: Option<String>,
}

page_schema!(ResultRevisionPage of ResultRevision);

impl ResultRevision {
    /// What is sent of revisions that follow one another.
    #[must_use]
    pub fn each(kept: Vec<Revision>) -> Vec<Self> {
        let mut before: Option<Statement> = None;
        kept.into_iter()
            .map(|revision| {
                let now = revision.statement.clone();
                let sent = Self::of(revision, before.as_ref());
                before = Some(now);
                sent
            })
            .collect()
    }

    fn of(revision: Revision, before: Option<&Statement>) -> Self {
        let statement = revision.statement;
        let lines = before.map(|before| before.changed_lines(&statement)).unwrap_or_default();
        let outputs = before.map(|before| before.changed_outputs(&statement)).unwrap_or_default();
        Self {
            revision: revision.revision,
            turns: statement.turns().0,
            changed_lines: lines
                .into_iter()
                .map(|d| {
                    let (topic, audience, sex, age_band) = d.key;
                    ChangedLine { topic, audience, sex, age_band, before: d.before, after: d.after }
                })
                .collect(),
            changed_outputs: outputs
                .into_iter()
                .map(|d| ChangedOutput { measure: d.key, before: d.before, after: d.after })
                .collect(),
            lines: lines_sent(statement.lines),
            outputs: outputs_sent(statement.outputs),
            evidence: evidence_sent(statement.evidence),
            status: revision.status,
            amend_reason: revision.amend_reason,
            submitted_by: revision.submitted_by,
            submitted_at: revision.submitted_at,
            decided_by: revision.decided_by,
            decided_at: revision.decided_at,
            return_reason: revision.return_reason,
        }
    }
}
