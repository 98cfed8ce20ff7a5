//! Plausibility (tính hợp lý): which figures want a second look, and by which numbers.
//!
//! A true figure is never turned away: what looks odd is marked, with the numbers that made it odd, and somebody looks.
//! What is known around a statement is fetched for many at once ([`Facts`]); judging it is a pure function.

use crate::{
    activities::Activity,
    catalogue::Topic,
    results::{Flag, Statement, turns_by_topic},
    teams::TeamStatus,
};
use serde::{Deserialize, Serialize};

/// Why a figure is marked: the numbers, which whoever shows it puts into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "flag", rename_all = "snake_case")]
pub enum Finding {
    /// More than [`TIMES_PLANNED`] times what was planned.
    OverPlannedTurns {
        /// Turns that are stated.
        turns: i64,
        /// Turns that were planned.
        planned: i64,
    },
    /// More turns on one topic than the venue holds people in a day.
    OverVenueCapacity {
        /// The topic.
        topic: Topic,
        /// Turns on it.
        turns: i64,
        /// People whom the venue holds in a day.
        capacity: i64,
    },
    /// Far from what the team reported before.
    UnlikeOwnHistory {
        /// Turns that are stated.
        turns: i64,
        /// The median of the team's earlier results, rounded up.
        median: i64,
        /// How many earlier results that is of.
        earlier: i64,
        /// The modified z-score, in tenths; negative below the median.
        score_tenths: i64,
    },
}

impl Finding {
    /// The mark that it stands behind.
    #[must_use]
    pub const fn flag(self) -> Flag {
        match self {
            Self::OverPlannedTurns { .. } => Flag::OverPlannedTurns,
            Self::OverVenueCapacity { .. } => Flag::OverVenueCapacity,
            Self::UnlikeOwnHistory { .. } => Flag::UnlikeOwnHistory,
        }
    }
}

/// How many times the planned turns are still plausible.
pub const TIMES_PLANNED: i64 = 3;
/// The fewest earlier results that say what is usual for a team.
pub const FEWEST: usize = 8;
/// The most earlier results that are looked at, the latest ones.
pub const LATEST: usize = 60;
/// The modified z-score beyond which a figure is unlike the others (Iglewicz and Hoaglin), in tenths.
const LIMIT_TENTHS: i64 = 35;

/// What is known around a statement when it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The activity.
    pub activity: &'a Activity,
    /// Where the team stands.
    pub team: TeamStatus,
    /// Turns of the team's other results that count, at most [`LATEST`]; empty where they don't matter yet.
    pub history: &'a [i64],
    /// Whether tallies of its day wait that it does not include.
    pub late_tallies: bool,
}

/// The marks of a statement and the numbers behind them. A mark that others put on a result ([`Flag::PossibleDuplicate`])
/// is not among them.
#[must_use]
pub fn marks_of(statement: &Statement, facts: &Facts<'_>) -> (Vec<Flag>, Vec<Finding>) {
    let turns = statement.turns().0;
    let findings: Vec<Finding> = [
        over_planned(turns, facts.activity.planned_turns),
        over_capacity(statement, facts.activity.venue_capacity),
        unlike_history(turns, facts.history),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut flags = Vec::new();
    if !findings.is_empty() {
        flags.push(Flag::NeedsReview);
    }
    flags.extend(findings.iter().map(|finding| finding.flag()));
    if facts.team != TeamStatus::Deployed && facts.team != TeamStatus::Completed {
        flags.push(Flag::TeamNotDeployed);
    }
    if facts.late_tallies {
        flags.push(Flag::LateTallies);
    }
    (flags, findings)
}

fn over_planned(turns: i64, planned: Option<i64>) -> Option<Finding> {
    let planned = planned.filter(|planned| turns > planned.saturating_mul(TIMES_PLANNED))?;
    Some(Finding::OverPlannedTurns { turns, planned })
}

/// By topic: whoever comes to a class on two topics is one person in the room and two turns.
fn over_capacity(statement: &Statement, capacity: Option<i64>) -> Option<Finding> {
    let capacity = capacity?;
    let (topic, turns) = turns_by_topic(&statement.lines).into_iter().max_by_key(|(_, turns)| *turns)?;
    (turns > capacity).then_some(Finding::OverVenueCapacity { topic, turns, capacity })
}

/// Twice the median of sorted values, so that it is whole.
fn twice_median(sorted: &[i64]) -> i64 {
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    if sorted.len().is_multiple_of(2) { at(middle.saturating_sub(1)) + at(middle) } else { at(middle) * 2 }
}

/// The modified z-score of Iglewicz and Hoaglin: 0.6745 · (x − median) / MAD, where the MAD is the median distance from
/// the median. Where more than half of the figures are the same the MAD is zero, and the mean distance takes its place
/// (with 1.253314 · mean instead of MAD / 0.6745). Either is taken for at least a tenth of the median and one turn, so
/// that a team whose figures hardly differ is not asked about every head more.
fn unlike_history(turns: i64, earlier: &[i64]) -> Option<Finding> {
    if earlier.len() < FEWEST {
        return None;
    }
    let mut sorted = earlier.to_vec();
    sorted.sort_unstable();
    let median2 = twice_median(&sorted);
    let mut apart2: Vec<i64> = sorted.iter().map(|past| (past * 2 - median2).abs()).collect();
    apart2.sort_unstable();
    let count = i64::try_from(earlier.len()).ok()?;
    // What one standard deviation would be, in thousandths of a turn.
    let spread = match twice_median(&apart2) {
        0 => apart2.iter().sum::<i64>() * 1_253_314 / (2_000 * count),
        mad4 => mad4 * 2_500_000 / 6_745,
    };
    let spread = spread.max(median2 * 50).max(1_000);
    let score_tenths = (turns * 2 - median2) * 5_000 / spread;
    let unlike = Finding::UnlikeOwnHistory { turns, median: (median2 + 1) / 2, earlier: count, score_tenths };
    (score_tenths.abs() > LIMIT_TENTHS).then_some(unlike)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(turns: i64, earlier: &[i64]) -> Option<(i64, i64)> {
        match unlike_history(turns, earlier)? {
            Finding::UnlikeOwnHistory { median, score_tenths, .. } => Some((median, score_tenths)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_figure_far_from_a_teams_own_is_unlike_them_and_one_outlier_does_not_hide_the_next() {
        let usual = [20, 22, 24, 26, 28, 30, 32, 34];
        // Median 27, MAD 4: one deviation is 5.93 turns.
        assert_eq!(score(27, &usual), None);
        assert_eq!(score(47, &usual), None, "z = 3.37");
        assert_eq!(score(49, &usual), Some((27, 37)));
        assert_eq!(score(1, &usual), Some((27, -43)));
        let mut with_one = usual.to_vec();
        with_one.push(9_000);
        assert!(score(9_000, &with_one).is_some(), "the mean would have been moved by it");
        assert_eq!(score(9_000, &usual[..7]), None, "seven say nothing yet");
    }

    #[test]
    fn figures_that_hardly_differ_are_measured_by_the_mean_distance_or_a_tenth_of_the_median() {
        assert_eq!(score(33, &[30; 8]), None, "a tenth more");
        assert_eq!(score(41, &[30; 8]), Some((30, 36)));
        // The MAD is zero, the mean distance is not: one deviation is 12.5 turns.
        let mut mostly = vec![30; 9];
        mostly.push(130);
        assert_eq!(score(60, &mostly), None);
        assert!(score(100, &mostly).is_some());
        assert_eq!(score(4, &[0; 8]), Some((0, 40)), "of outputs alone: every turn is new, one is one deviation");
    }

    #[test]
    fn no_figure_is_too_large_to_be_judged() {
        assert!(score(20_000_000, &[1; 60]).is_some());
        assert!(score(1, &[20_000_000; 60]).is_some());
    }

    proptest! {
        #[test]
        fn what_a_team_reported_most_is_never_unlike_it(mut earlier in proptest::collection::vec(0i64..1000, 8..60)) {
            earlier.sort_unstable();
            let median = earlier[earlier.len() / 2];
            prop_assert_eq!(score(median, &earlier), None);
        }

        #[test]
        fn twice_the_figures_have_the_same_score(earlier in proptest::collection::vec(100i64..1000, 8..60), turns in 0i64..20_000) {
            let doubled: Vec<i64> = earlier.iter().map(|past| past * 2).collect();
            let (one, two) = (score(turns, &earlier), score(turns * 2, &doubled));
            // But for rounding at the very limit.
            let near_limit = |s: Option<(i64, i64)>| s.is_none_or(|(_, tenths)| tenths.abs() <= 37);
            prop_assert!(one.is_some() == two.is_some() || near_limit(one) && near_limit(two), "{one:?} {two:?}");
        }
    }
}
