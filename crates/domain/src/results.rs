//! Results of activities (kết quả hoạt động): what a team reports for one activity and one day.

use crate::{
    Stamp,
    catalogue::{AgeBand, Audience, Measure, Sex, Topic},
    counting::{Count, Counted, Item, Turns},
    plausibility::Finding,
    words::words,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use uuid::Uuid;

words! {
    /// Where a result stands.
    pub enum ResultStatus: "result status" {
        /// Being written; counts nowhere.
        Draft = "draft",
        /// Filed: counts as reported.
        Submitted = "submitted",
        /// Checked: counts as reported and as verified.
        Verified = "verified",
        /// Given back with a reason; counts nowhere until it is submitted again.
        Returned = "returned",
    }
}

words! {
    /// What moves a result from state to state.
    pub enum ResultAction: "result action" {
        /// draft, returned → submitted.
        Submit = "submit",
        /// submitted → verified.
        Verify = "verify",
        /// submitted → returned.
        Return = "return",
        /// submitted, verified → submitted, at the next revision and with another statement.
        Amend = "amend",
        /// verified → submitted: a verification is taken back.
        Unverify = "unverify",
        /// submitted, verified → returned: another result counts the same people.
        TakeBack = "take_back",
    }
}

words! {
    /// What a result is marked with for a human eye; a flag never changes what is counted.
    pub enum Flag: "flag" {
        /// The figure looks implausible.
        NeedsReview = "needs_review",
        /// More than three times the activity's planned turns.
        OverPlannedTurns = "over_planned_turns",
        /// More turns on one topic than the venue holds people in a day.
        OverVenueCapacity = "over_venue_capacity",
        /// Far from what the team reported before.
        UnlikeOwnHistory = "unlike_own_history",
        /// The team was not deployed when it reported.
        TeamNotDeployed = "team_not_deployed",
        /// Tallies of its day have come that it does not include.
        LateTallies = "late_tallies",
        /// Alike another team's result of that place and day, and nobody has decided on it yet.
        PossibleDuplicate = "possible_duplicate",
    }
}

words! {
    /// What a piece of evidence is.
    pub enum EvidenceKind: "evidence kind" {
        /// A photograph.
        Photo = "photo",
        /// A video.
        Video = "video",
        /// A document.
        Document = "document",
        /// A link to a report in the press or online.
        Link = "link",
    }
}

/// Turns of support on one topic to one audience, disaggregated as far as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it was about.
    pub topic: Topic,
    /// Who was supported.
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Age band; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_band: Option<AgeBand>,
    /// Turns, 1 to 100,000.
    pub turns: Turns,
}

/// Something counted beside turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What is counted.
    pub measure: Measure,
    /// How many.
    pub value: i64,
}

/// A link or a file that supports the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// Where it is; none for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file; none for a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a team states; the part of a result that its author writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Turns by topic and audience.
    pub lines: Vec<Line>,
    /// Outputs beside turns.
    pub outputs: Vec<Output>,
    /// Links and files that support the figures.
    pub evidence: Vec<Evidence>,
}

impl Statement {
    fn by_line(&self) -> BTreeMap<LineKey, i64> {
        self.lines.iter().map(|l| ((l.topic, l.audience, l.sex, l.age_band), l.turns.0)).collect()
    }

    fn by_measure(&self) -> BTreeMap<Measure, i64> {
        self.outputs.iter().map(|o| (o.measure, o.value)).collect()
    }

    /// Where the lines of a later statement differ from these.
    #[must_use]
    pub fn changed_lines(&self, later: &Self) -> Vec<Difference<LineKey>> {
        compare(self.by_line(), later.by_line())
    }

    /// Where the outputs of a later statement differ from these.
    #[must_use]
    pub fn changed_outputs(&self, later: &Self) -> Vec<Difference<Measure>> {
        compare(self.by_measure(), later.by_measure())
    }

    /// All turns together.
    #[must_use]
    pub fn turns(&self) -> Turns {
        self.lines.iter().map(|l| l.turns).sum()
    }
}

/// A result: one for each activity, team and day.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityResult {
    /// Identity and version.
    pub stamp: Stamp,
    /// The activity.
    pub activity_id: Uuid,
    /// The team that reports, and to whose unit it is attributed.
    pub team_id: Uuid,
    /// The day that is reported, local to the campaign.
    pub reported_on: NaiveDate,
    /// Where it is counted: the activity's place when it was filed last. Nil where an older version of the service wrote
    /// the row; filing it sets it.
    pub locality_id: Uuid,
    /// What is stated.
    pub statement: Statement,
    /// Where it stands.
    pub status: ResultStatus,
    /// Counts the submissions, from 1: a result that was returned and submitted again is at 2.
    pub revision: i32,
    /// Marks for a human eye.
    pub flags: Vec<Flag>,
    /// The numbers behind the marks that have some.
    pub findings: Vec<Finding>,
    /// Who wrote it.
    pub created_by: Uuid,
    /// Who submitted it last.
    pub submitted_by: Option<Uuid>,
    /// Who verified it.
    pub verified_by: Option<Uuid>,
    /// Why it was returned last.
    pub return_reason: Option<String>,
    /// Whether its lines are the sums of tallies.
    pub from_tallies: bool,
    /// How many of its latest versions differ in marks alone, which nobody's act upon it has made: whoever saw one of them,
    /// or the one before, has seen what it states.
    pub marked: i64,
}

/// One revision of a result: what was submitted, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Counts the submissions, from 1.
    pub revision: i32,
    /// What was stated.
    pub statement: Statement,
    /// Where it stands, or stood when the next one came.
    pub status: ResultStatus,
    /// Why it replaced a revision that counted.
    pub amend_reason: Option<String>,
    /// Who submitted it.
    pub submitted_by: Uuid,
    /// When.
    pub submitted_at: DateTime<Utc>,
    /// Who verified or returned it.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was returned, or its verification taken back.
    pub return_reason: Option<String>,
}

/// Where two statements differ: a line or an output with what it said before and what it says after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<K> {
    /// Which line, or which output.
    pub key: K,
    /// Before; none where it did not stand.
    pub before: Option<i64>,
    /// After; none where it stands no more.
    pub after: Option<i64>,
}

/// What tells a line from the others of its statement.
pub type LineKey = (Topic, Audience, Option<Sex>, Option<AgeBand>);

fn compare<K: Ord + Copy>(before: BTreeMap<K, i64>, after: BTreeMap<K, i64>) -> Vec<Difference<K>> {
    let keys: BTreeSet<K> = before.keys().chain(after.keys()).copied().collect();
    keys.into_iter()
        .map(|key| Difference { key, before: before.get(&key).copied(), after: after.get(&key).copied() })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

/// Why a result can't move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResultError {
    /// The action doesn't start from this state.
    #[error("a result that is {from} can't {action}")]
    WrongState {
        /// Where it stands.
        from: ResultStatus,
        /// What was asked.
        action: ResultAction,
    },
    /// A verified or submitted result can't be edited.
    #[error("a result that is {0} can't be edited")]
    NotEditable(ResultStatus),
    /// Whoever submitted a result never verifies it.
    #[error("whoever submitted a result does not verify it")]
    OwnResult,
}

impl ResultStatus {
    /// The state after `action`.
    ///
    /// # Errors
    /// [`ResultError::WrongState`].
    pub const fn after(self, action: ResultAction) -> Result<ResultStatus, ResultError> {
        match (self, action) {
            (Self::Draft | Self::Returned, ResultAction::Submit) => Ok(Self::Submitted),
            (Self::Submitted, ResultAction::Verify) => Ok(Self::Verified),
            (Self::Submitted, ResultAction::Return) | (Self::Submitted | Self::Verified, ResultAction::TakeBack) => {
                Ok(Self::Returned)
            }
            (Self::Submitted | Self::Verified, ResultAction::Amend) | (Self::Verified, ResultAction::Unverify) => {
                Ok(Self::Submitted)
            }
            (from, action) => Err(ResultError::WrongState { from, action }),
        }
    }

    /// Whether its statement may be edited.
    #[must_use]
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::Returned)
    }

    /// What `turns` count for in this state.
    #[must_use]
    pub const fn counts(self, turns: Turns) -> Count {
        match self {
            Self::Draft | Self::Returned => Count { reported: Turns(0), verified: Turns(0) },
            Self::Submitted => Count { reported: turns, verified: Turns(0) },
            Self::Verified => Count { reported: turns, verified: turns },
        }
    }
}

impl ActivityResult {
    /// What the result counts for now, by topic and audience.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let mut counted = Counted::new();
        for line in &self.statement.lines {
            *counted.entry(Item::Turns(line.topic, line.audience)).or_default() += self.status.counts(line.turns);
        }
        for output in &self.statement.outputs {
            *counted.entry(Item::Output(output.measure)).or_default() += self.status.counts(Turns(output.value));
        }
        counted.retain(|_, count| !count.is_zero());
        counted
    }

    /// What it counts for as reported, by topic.
    #[must_use]
    pub fn reported_turns(&self) -> BTreeMap<Topic, i64> {
        reported_by_topic(&self.counted())
    }

    /// Files the result.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it is a draft or was returned.
    pub fn submit(mut self, by: Uuid) -> Result<Self, ResultError> {
        let resubmitted = self.status == ResultStatus::Returned;
        self.status = self.status.after(ResultAction::Submit)?;
        self.revision = self.revision.saturating_add(i32::from(resubmitted));
        self.submitted_by = Some(by);
        self.verified_by = None;
        self.return_reason = None;
        Ok(self)
    }

    /// Verifies the result. That the verifier stands at an ancestor unit is a matter of scope, held by the caller.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it is submitted; [`ResultError::OwnResult`] for who submitted it.
    pub fn verify(mut self, by: Uuid) -> Result<Self, ResultError> {
        self.status = self.status.after(ResultAction::Verify)?;
        if self.submitted_by == Some(by) {
            return Err(ResultError::OwnResult);
        }
        self.verified_by = Some(by);
        Ok(self)
    }

    /// Gives the result back to its author with a reason.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it is submitted; [`ResultError::OwnResult`] for who submitted it.
    pub fn give_back(mut self, by: Uuid, reason: String) -> Result<Self, ResultError> {
        self.status = self.status.after(ResultAction::Return)?;
        if self.submitted_by == Some(by) {
            return Err(ResultError::OwnResult);
        }
        self.return_reason = Some(reason);
        Ok(self)
    }

    /// States something else than what was submitted or verified: the next revision, which is verified anew.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it is submitted or verified.
    pub fn amend(mut self, by: Uuid, statement: Statement) -> Result<Self, ResultError> {
        self.status = self.status.after(ResultAction::Amend)?;
        self.revision = self.revision.saturating_add(1);
        self.statement = statement;
        self.submitted_by = Some(by);
        self.verified_by = None;
        Ok(self)
    }

    /// Takes a verification back: it counts as reported alone again.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it is verified; [`ResultError::OwnResult`] for who submitted it.
    pub fn unverify(mut self, by: Uuid) -> Result<Self, ResultError> {
        self.status = self.status.after(ResultAction::Unverify)?;
        if self.submitted_by == Some(by) {
            return Err(ResultError::OwnResult);
        }
        self.verified_by = None;
        Ok(self)
    }

    /// Takes the result out of the figures because another one counts the same people.
    ///
    /// # Errors
    /// [`ResultError::WrongState`] unless it counts; [`ResultError::OwnResult`] for who submitted it.
    pub fn take_back(mut self, by: Uuid, reason: String) -> Result<Self, ResultError> {
        self.status = self.status.after(ResultAction::TakeBack)?;
        if self.submitted_by == Some(by) {
            return Err(ResultError::OwnResult);
        }
        self.verified_by = None;
        self.return_reason = Some(reason);
        Ok(self)
    }

    /// Replaces what is stated.
    ///
    /// # Errors
    /// [`ResultError::NotEditable`] once it is submitted or verified.
    pub fn edit(mut self, statement: Statement) -> Result<Self, ResultError> {
        if !self.status.is_editable() {
            return Err(ResultError::NotEditable(self.status));
        }
        self.statement = statement;
        Ok(self)
    }
}

/// What lines state, by topic.
#[must_use]
pub fn turns_by_topic(lines: &[Line]) -> BTreeMap<Topic, i64> {
    let mut turns = BTreeMap::new();
    for line in lines {
        *turns.entry(line.topic).or_default() += line.turns.0;
    }
    turns
}

/// What is counted as reported, by topic.
#[must_use]
pub fn reported_by_topic(counted: &Counted) -> BTreeMap<Topic, i64> {
    let mut turns = BTreeMap::new();
    for (item, count) in counted.iter().filter(|(_, count)| count.reported != Turns(0)) {
        if let Some(topic) = item.topic() {
            *turns.entry(topic).or_default() += count.reported.0;
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;

    fn result(turns: &[i64]) -> ActivityResult {
        let at = Utc.with_ymd_and_hms(2024, 6, 1, 0, 0, 0).unwrap();
        let line = |t: &i64| Line {
            topic: Topic::CyberSafety,
            audience: Audience::Children,
            sex: None,
            age_band: None,
            turns: Turns(*t),
        };
        ActivityResult {
            stamp: Stamp { id: Uuid::nil(), created_at: at, updated_at: at, version: 1 },
            activity_id: Uuid::nil(),
            team_id: Uuid::nil(),
            reported_on: at.date_naive(),
            locality_id: Uuid::nil(),
            statement: Statement { lines: turns.iter().map(line).collect(), outputs: vec![], evidence: vec![] },
            status: ResultStatus::Draft,
            revision: 1,
            flags: vec![],
            findings: vec![],
            created_by: Uuid::nil(),
            submitted_by: None,
            verified_by: None,
            return_reason: None,
            from_tallies: false,
            marked: 0,
        }
    }

    fn total(r: &ActivityResult) -> Count {
        r.counted().into_values().sum()
    }

    #[test]
    fn each_state_counts_for_what_it_says() {
        let (author, officer) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let r = result(&[20, 22]);
        assert!(total(&r).is_zero());
        let r = r.submit(author).unwrap();
        assert_eq!(total(&r), Count { reported: Turns(42), verified: Turns(0) });
        assert_eq!(r.clone().verify(author), Err(ResultError::OwnResult));
        let back = r.clone().give_back(officer, "thiếu danh sách".into()).unwrap();
        assert!(total(&back).is_zero() && back.revision == 1);
        assert_eq!(back.submit(author).unwrap().revision, 2);
        let r = r.verify(officer).unwrap();
        assert_eq!(total(&r), Count { reported: Turns(42), verified: Turns(42) });
        assert!(matches!(r.clone().edit(r.statement.clone()), Err(ResultError::NotEditable(ResultStatus::Verified))));
        assert!(matches!(r.clone().give_back(officer, "x".into()), Err(ResultError::WrongState { .. })));
        assert!(matches!(r.submit(author), Err(ResultError::WrongState { .. })));
    }

    #[test]
    fn an_amendment_counts_as_reported_until_it_is_verified_and_says_what_it_changed() {
        let (author, officer) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let verified = result(&[20]).submit(author).unwrap().verify(officer).unwrap();
        let amended = verified.clone().amend(author, result(&[25]).statement).unwrap();
        assert_eq!(total(&amended), Count { reported: Turns(25), verified: Turns(0) });
        assert_eq!((amended.revision, amended.verified_by), (2, None));
        let changes = verified.statement.changed_lines(&amended.statement);
        let key = (Topic::CyberSafety, Audience::Children, None, None);
        assert_eq!(changes, [Difference { key, before: Some(20), after: Some(25) }]);
        assert_eq!(
            result(&[7]).amend(author, result(&[8]).statement).unwrap_err(),
            ResultError::WrongState { from: ResultStatus::Draft, action: ResultAction::Amend }
        );
        assert_eq!(verified.clone().unverify(author), Err(ResultError::OwnResult));
        let back = verified.unverify(officer).unwrap();
        assert_eq!(total(&back), Count { reported: Turns(20), verified: Turns(0) });
        assert!(back.verify(officer).is_ok());
    }

    #[test]
    fn a_duplicate_is_taken_back_from_wherever_it_counts_by_somebody_else_than_its_author() {
        let (author, officer) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let submitted = result(&[20]).submit(author).unwrap();
        let verified = submitted.clone().verify(Uuid::from_u128(3)).unwrap();
        for counting in [submitted, verified] {
            assert_eq!(counting.clone().take_back(author, "x".into()), Err(ResultError::OwnResult));
            let back = counting.take_back(officer, "trùng".into()).unwrap();
            assert!(total(&back).is_zero() && back.verified_by.is_none());
            assert_eq!((back.status, back.return_reason.as_deref()), (ResultStatus::Returned, Some("trùng")));
            assert!(back.clone().take_back(officer, "x".into()).is_err());
            assert_eq!(back.submit(author).unwrap().revision, 2);
        }
    }

    proptest! {
        /// Whatever is tried in whatever order, the ledger's sum equals what the result counts for at the end.
        #[test]
        fn the_ledger_follows_every_road(steps in proptest::collection::vec((0u8..7, 1i64..1000), 0..24)) {
            let mut now = result(&[7]);
            let mut ledger = Counted::new();
            for (step, turns) in steps {
                let next = match step {
                    0 => now.clone().submit(Uuid::from_u128(1)),
                    1 => now.clone().verify(Uuid::from_u128(2)),
                    2 => now.clone().give_back(Uuid::from_u128(2), "r".into()),
                    3 => now.clone().amend(Uuid::from_u128(1), result(&[turns]).statement),
                    4 => now.clone().unverify(Uuid::from_u128(2)),
                    5 => now.clone().take_back(Uuid::from_u128(2), "r".into()),
                    _ => now.clone().edit(result(&[turns]).statement),
                };
                if let Ok(next) = next {
                    for (key, delta) in crate::counting::difference(&now.counted(), &next.counted()) {
                        *ledger.entry(key).or_default() += delta;
                    }
                    now = next;
                }
                ledger.retain(|_, c| !c.is_zero());
                prop_assert_eq!(&ledger, &now.counted());
            }
        }
    }
}
