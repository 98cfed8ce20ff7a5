//! Duplicate candidates (nghi trùng): results of different teams that may have counted the same people twice.
//!
//! Only an eye can tell whether two classes in one ward on one day were one class. What is alike is listed, and somebody
//! decides; nothing is taken back by itself.

use crate::{Stamp, catalogue::Topic, results::ActivityResult, words::words};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use thiserror::Error;
use uuid::Uuid;

words! {
    /// Where a candidate stands.
    pub enum CandidateStatus: "candidate status" {
        /// Nobody has decided yet, and both results count.
        Open = "open",
        /// They are different: both count.
        Distinct = "distinct",
        /// They are of one event, and each team counted its own part: both count.
        Joint = "joint",
        /// They are the same: one was taken back.
        Duplicate = "duplicate",
        /// Nobody decided, and there is nothing to decide any more: one of the results counts no more, or they are alike no
        /// more.
        Closed = "closed",
    }
}

words! {
    /// What somebody decides on a candidate.
    pub enum Decision: "decision" {
        /// They are different: both count.
        Distinct = "distinct",
        /// They are of one event, and each team counted its own part: both count.
        Joint = "joint",
        /// They are the same: one is taken back.
        Duplicate = "duplicate",
    }
}

impl Decision {
    /// Where the candidate stands after it.
    #[must_use]
    pub const fn status(self) -> CandidateStatus {
        match self {
            Self::Distinct => CandidateStatus::Distinct,
            Self::Joint => CandidateStatus::Joint,
            Self::Duplicate => CandidateStatus::Duplicate,
        }
    }
}

/// A result as far as it is compared with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The result.
    pub result_id: Uuid,
    /// The team that reports it.
    pub team_id: Uuid,
    /// The activity; those of a joint activity count each team's own part by agreement.
    pub activity_id: Uuid,
    /// The campaign, in whose figures it counts.
    pub campaign_id: Uuid,
    /// The place.
    pub locality_id: Uuid,
    /// The day.
    pub day: NaiveDate,
    /// Turns by topic; none when it counts nowhere.
    pub turns: BTreeMap<Topic, i64>,
}

impl Reported {
    /// What a result of a campaign counts as reported.
    #[must_use]
    pub fn of(result: &ActivityResult, campaign_id: Uuid) -> Self {
        Self {
            result_id: result.stamp.id,
            team_id: result.team_id,
            activity_id: result.activity_id,
            campaign_id,
            locality_id: result.locality_id,
            day: result.reported_on,
            turns: result.reported_turns(),
        }
    }

    fn turns_on(&self, topics: &[Topic]) -> i64 {
        topics.iter().filter_map(|topic| self.turns.get(topic)).sum()
    }

    fn place_and_day(&self) -> (Uuid, Uuid, NaiveDate) {
        (self.campaign_id, self.locality_id, self.day)
    }
}

/// One of the two results of an overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The result.
    pub result_id: Uuid,
    /// Its team.
    pub team_id: Uuid,
    /// Its turns on the topics in common.
    pub turns: i64,
}

/// Two results that are alike; the one with the lower id stands first, so that a pair is one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The campaign of both.
    pub campaign_id: Uuid,
    /// The place of both.
    pub locality_id: Uuid,
    /// The day of both.
    pub day: NaiveDate,
    /// The topics of both, in the catalogue's order.
    pub topics: Vec<Topic>,
    /// The two results.
    pub sides: [Side; 2],
}

impl Overlap {
    /// The two results.
    #[must_use]
    pub fn pair(&self) -> [Uuid; 2] {
        self.sides.map(|side| side.result_id)
    }

    /// How far apart the figures are.
    fn distance(&self) -> i64 {
        let [one, other] = self.sides;
        one.turns.abs_diff(other.turns).try_into().unwrap_or(i64::MAX)
    }
}

/// The most overlaps that one filed result is listed with: the most alike.
pub const MOST: usize = 20;

/// What figures may differ by, in turns, and still be alike: small groups are counted a head more or less.
const NEAR: i64 = 5;

/// Whether two figures are alike: they differ by at most five turns, or by at most a fifth of the larger one.
#[must_use]
pub fn alike(one: i64, other: i64) -> bool {
    let apart = i64::try_from(one.abs_diff(other)).unwrap_or(i64::MAX);
    apart <= NEAR || apart <= one.max(other) / 5
}

/// Whether two results overlap: other teams, other activities, the same campaign, place and day, at least one topic in
/// common, and figures on the common topics that are [`alike`].
#[must_use]
pub fn overlap(one: &Reported, other: &Reported) -> Option<Overlap> {
    if one.result_id == other.result_id
        || one.team_id == other.team_id
        || one.activity_id == other.activity_id
        || one.place_and_day() != other.place_and_day()
    {
        return None;
    }
    let topics: Vec<Topic> = one.turns.keys().filter(|topic| other.turns.contains_key(topic)).copied().collect();
    if topics.is_empty() || !alike(one.turns_on(&topics), other.turns_on(&topics)) {
        return None;
    }
    let (first, second) = if one.result_id < other.result_id { (one, other) } else { (other, one) };
    let side = |of: &Reported| Side { result_id: of.result_id, team_id: of.team_id, turns: of.turns_on(&topics) };
    Some(Overlap {
        campaign_id: one.campaign_id,
        locality_id: one.locality_id,
        day: one.day,
        sides: [side(first), side(second)],
        topics,
    })
}

/// The overlaps of results that were filed just now, with one another and with those that stood there before; of each
/// at most [`MOST`], the most alike first.
#[must_use]
pub fn overlaps(filed: &[Reported], standing: &[Reported]) -> Vec<Overlap> {
    let mut near: HashMap<(Uuid, Uuid, NaiveDate), Vec<&Reported>> = HashMap::new();
    for other in filed.iter().chain(standing) {
        near.entry(other.place_and_day()).or_default().push(other);
    }
    let mut pairs = HashSet::new();
    let mut found = Vec::new();
    for one in filed {
        let others = near.get(&one.place_and_day()).into_iter().flatten();
        let mut of_it: Vec<Overlap> = others.filter_map(|other| overlap(one, other)).collect();
        of_it.sort_by_key(|overlap| (overlap.distance(), overlap.pair()));
        of_it.truncate(MOST);
        found.extend(of_it.into_iter().filter(|overlap| pairs.insert(overlap.pair())));
    }
    found
}

/// Two results that may be the same, and what was decided on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Identity and version.
    pub stamp: Stamp,
    /// In what they are alike.
    pub overlap: Overlap,
    /// Where it stands.
    pub status: CandidateStatus,
    /// Why it was decided so.
    pub reason: Option<String>,
    /// Who decided.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// The result that was taken back as a duplicate.
    pub duplicate_result_id: Option<Uuid>,
}

/// Why a candidate can't be decided on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CandidateError {
    /// It was decided on already, or there is nothing to decide any more.
    #[error("a candidate that is {0} is not open")]
    NotOpen(CandidateStatus),
    /// The result that is to be taken back is neither of the two.
    #[error("the duplicate is neither of the two results")]
    NotOfThePair,
}

impl Candidate {
    /// Decides on it. `duplicate` is the result that is taken back when they are the same.
    ///
    /// # Errors
    /// [`CandidateError`].
    pub fn resolve(
        mut self,
        decision: Decision,
        duplicate: Option<Uuid>,
        by: Uuid,
        at: DateTime<Utc>,
        reason: String,
    ) -> Result<Self, CandidateError> {
        if self.status != CandidateStatus::Open {
            return Err(CandidateError::NotOpen(self.status));
        }
        if duplicate.is_some_and(|id| !self.overlap.pair().contains(&id)) {
            return Err(CandidateError::NotOfThePair);
        }
        self.status = decision.status();
        self.reason = Some(reason);
        self.decided_by = Some(by);
        self.decided_at = Some(at);
        self.duplicate_result_id = duplicate;
        Ok(self)
    }

    /// Whether what was decided holds for figures as they are now: that they are different, or parts of one event, was
    /// said of these figures; that they are the same says nothing of one that was filed again.
    #[must_use]
    pub fn still_settles(&self, now: &Overlap) -> bool {
        matches!(self.status, CandidateStatus::Distinct | CandidateStatus::Joint) && self.overlap == *now
    }
}

/// What becomes of the candidates of results whose reported figures changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Asked now, or asked anew.
    pub asked: Vec<Overlap>,
    /// The results of all pairs that are open from now on, these and those that were before.
    pub open: HashSet<Uuid>,
    /// Open ones that are alike no more, or of which one counts no more: their ids.
    pub closed: Vec<Uuid>,
}

/// What becomes of the candidates `known` of results that now overlap as in `found`.
#[must_use]
pub fn changes(known: &[Candidate], found: Vec<Overlap>) -> Changes {
    let by_pair: HashMap<[Uuid; 2], &Candidate> = known.iter().map(|known| (known.overlap.pair(), known)).collect();
    let standing: BTreeSet<[Uuid; 2]> = found.iter().map(Overlap::pair).collect();
    let open = known.iter().filter(|known| known.status == CandidateStatus::Open);
    let closed = open.filter(|open| !standing.contains(&open.overlap.pair())).map(|open| open.stamp.id).collect();
    let known_as = |overlap: &Overlap| by_pair.get(&overlap.pair()).copied();
    let unsettled = found.into_iter().filter(|overlap| !known_as(overlap).is_some_and(|k| k.still_settles(overlap)));
    let unsettled: Vec<Overlap> = unsettled.collect();
    let open = unsettled.iter().flat_map(Overlap::pair).collect();
    let is_asked = |overlap: &Overlap| {
        known_as(overlap).is_some_and(|k| k.status == CandidateStatus::Open && k.overlap == *overlap)
    };
    Changes { asked: unsettled.into_iter().filter(|overlap| !is_asked(overlap)).collect(), open, closed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 7, 1).unwrap()
    }

    fn reported(id: u128, turns: &[(Topic, i64)]) -> Reported {
        Reported {
            result_id: Uuid::from_u128(id),
            team_id: Uuid::from_u128(100 + id),
            activity_id: Uuid::from_u128(200 + id),
            campaign_id: Uuid::nil(),
            locality_id: Uuid::from_u128(7),
            day: day(),
            turns: turns.iter().copied().collect(),
        }
    }

    #[test]
    fn figures_are_alike_within_five_turns_or_a_fifth_of_the_larger() {
        for (one, other, expected) in [
            (1, 6, true),
            (1, 7, false),
            (20, 25, true),
            (100, 80, true),
            (100, 79, false),
            (80, 100, true),
            (0, 0, true),
        ] {
            assert_eq!((alike(one, other), alike(other, one)), (expected, expected), "{one} and {other}");
        }
        assert!(!alike(i64::MAX, 1));
    }

    #[test]
    fn results_overlap_by_place_day_topic_and_size_and_never_with_their_own_team_or_activity() {
        use Topic::{CyberSafety, ElectronicPayment, OfficeSoftware};
        let one = reported(1, &[(CyberSafety, 40), (OfficeSoftware, 500)]);
        let two = reported(2, &[(CyberSafety, 38), (ElectronicPayment, 9)]);
        let found = overlap(&two, &one).unwrap();
        assert_eq!(Some(&found), overlap(&one, &two).as_ref(), "in whatever order");
        assert_eq!((found.topics.as_slice(), found.sides.map(|s| s.turns)), ([CyberSafety].as_slice(), [40, 38]));
        let without = |change: &dyn Fn(&mut Reported)| {
            let mut other = two.clone();
            change(&mut other);
            overlap(&one, &other)
        };
        assert_eq!(without(&|o| o.team_id = one.team_id), None);
        assert_eq!(without(&|o| o.activity_id = one.activity_id), None);
        assert_eq!(without(&|o| o.locality_id = Uuid::nil()), None);
        assert_eq!(without(&|o| o.campaign_id = Uuid::from_u128(1)), None);
        assert_eq!(without(&|o| o.day = day().succ_opt().unwrap()), None);
        assert_eq!(without(&|o| o.turns.retain(|topic, _| *topic != CyberSafety)), None);
        assert_eq!(without(&|o| o.turns.extend([(CyberSafety, 90)])), None);
    }

    #[test]
    fn of_a_crowd_the_most_alike_are_listed_and_pairs_within_a_batch_once() {
        let standing: Vec<_> =
            (10..60).map(|n| reported(n, &[(Topic::CyberSafety, 70 + i64::try_from(n).unwrap())])).collect();
        let one = reported(1, &[(Topic::CyberSafety, 100)]);
        let found = overlaps(std::slice::from_ref(&one), &standing);
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|overlap| overlap.distance() <= 10), "{found:?}");
        let twin = reported(2, &[(Topic::CyberSafety, 100)]);
        assert_eq!(overlaps(&[one, twin], &[]).len(), 1);
    }

    #[test]
    fn a_decision_stands_for_its_figures_and_what_was_taken_back_is_asked_of_anew() {
        let found = |turns| {
            let (one, two) = (reported(1, &[(Topic::CyberSafety, turns)]), reported(2, &[(Topic::CyberSafety, 40)]));
            overlap(&one, &two).unwrap()
        };
        let at = Utc.with_ymd_and_hms(2024, 7, 2, 0, 0, 0).unwrap();
        let open = Candidate {
            stamp: Stamp { id: Uuid::from_u128(9), created_at: at, updated_at: at, version: 1 },
            overlap: found(40),
            status: CandidateStatus::Open,
            reason: None,
            decided_by: None,
            decided_at: None,
            duplicate_result_id: None,
        };
        let by = Uuid::from_u128(5);
        let decide = |decision, duplicate| open.clone().resolve(decision, duplicate, by, at, "xem rồi".to_owned());
        let distinct = decide(Decision::Distinct, None).unwrap();
        assert_eq!(
            distinct.clone().resolve(Decision::Joint, None, by, at, "x".to_owned()),
            Err(CandidateError::NotOpen(CandidateStatus::Distinct))
        );
        assert_eq!(decide(Decision::Duplicate, Some(Uuid::from_u128(3))), Err(CandidateError::NotOfThePair));
        let taken = decide(Decision::Duplicate, Some(Uuid::from_u128(2))).unwrap();
        let asked = |known: &Candidate, overlap: &Overlap| {
            changes(std::slice::from_ref(known), vec![overlap.clone()]).asked.len()
        };
        assert_eq!((asked(&distinct, &found(40)), asked(&distinct, &found(41))), (0, 1));
        assert_eq!((asked(&taken, &found(40)), asked(&open, &found(40)), asked(&open, &found(41))), (1, 0, 1));
        assert_eq!(changes(std::slice::from_ref(&open), vec![]).closed, [open.stamp.id]);
        assert_eq!(changes(&[distinct], vec![]), Changes::default(), "what was decided is kept");
    }
}
