//! Tallies (điểm đếm): single marks made in the field, each counted once by its id, summed up into a result when the day is
//! closed.

use crate::{
    catalogue::{Audience, Sex, Topic},
    counting::Turns,
    results::Line,
};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One mark: some turns on one topic to one audience at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The phone's own id for it: whatever is sent again with it is the same tally.
    pub id: Uuid,
    /// The activity.
    pub activity_id: Uuid,
    /// The team that made it.
    pub team_id: Uuid,
    /// When, by the phone.
    pub occurred_at: DateTime<Utc>,
    /// The day that it belongs to, local to the campaign.
    pub day: NaiveDate,
    /// What it was about.
    pub topic: Topic,
    /// Who was supported.
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    pub sex: Option<Sex>,
    /// Turns.
    pub turns: Turns,
    /// Who sent it first.
    pub created_by: Uuid,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The result that took it in; none as long as none has.
    pub result_id: Option<Uuid>,
}

impl Tally {
    /// Whether it says the same as another one of its id, whoever sent either and when.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |t: &Self| (t.activity_id, t.team_id, t.occurred_at, t.topic, t.audience, t.sex, t.turns);
        said(self) == said(other)
    }
}

/// The lines that tallies add up to: one for each topic, audience and sex.
#[must_use]
pub fn lines_of<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Vec<Line> {
    let mut sums: BTreeMap<(Topic, Audience, Option<Sex>), Turns> = BTreeMap::new();
    for tally in tallies {
        *sums.entry((tally.topic, tally.audience, tally.sex)).or_default() += tally.turns;
    }
    sums.into_iter()
        .map(|((topic, audience, sex), turns)| Line { topic, audience, sex, age_band: None, turns })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    fn tally(n: u128, sex: Option<Sex>, turns: i64) -> Tally {
        let at = Utc.with_ymd_and_hms(2024, 7, 1, 2, 0, 0).unwrap();
        Tally {
            id: Uuid::from_u128(n),
            activity_id: Uuid::nil(),
            team_id: Uuid::nil(),
            occurred_at: at,
            day: at.date_naive(),
            topic: Topic::CyberSafety,
            audience: Audience::Children,
            sex,
            turns: Turns(turns),
            created_by: Uuid::nil(),
            received_at: at,
            result_id: None,
        }
    }

    #[test]
    fn a_tally_is_told_from_another_by_what_it_says() {
        let one = tally(1, None, 1);
        let again = Tally {
            created_by: Uuid::from_u128(9),
            received_at: one.received_at + chrono::Duration::hours(1),
            ..one.clone()
        };
        assert!(one.says_the_same(&again));
        assert!(!one.says_the_same(&Tally { turns: Turns(2), ..one.clone() }));
    }

    proptest! {
        #[test]
        fn no_turn_is_lost_or_doubled_in_the_sum(marks in proptest::collection::vec((0u8..3, 1i64..500), 0..200)) {
            let sexes = [None, Some(Sex::Female), Some(Sex::Male)];
            let tallies: Vec<Tally> =
                marks.iter().zip(0..).map(|((sex, turns), n)| tally(n, sexes[usize::from(*sex)], *turns)).collect();
            let lines = lines_of(&tallies);
            prop_assert_eq!(lines.iter().map(|l| l.turns.0).sum::<i64>(), marks.iter().map(|(_, t)| *t).sum::<i64>());
            prop_assert!(lines.len() <= 3);
        }
    }
}
