//! Counting: turns, the two figures, and the differences that the ledger is made of.

use crate::catalogue::{Audience, Measure, Topic};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub},
};

/// Turns of support (lượt): one instance of support to one person. Additive over people, days, teams and units;
/// unique persons and person-days are other types, and don't add to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Turns(pub i64);

impl Turns {
    /// The least and the most that one line may state.
    pub const LINE: std::ops::RangeInclusive<i64> = 1..=100_000;
}

impl Add for Turns {
    type Output = Turns;
    fn add(self, other: Turns) -> Turns {
        Turns(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Turns {
    fn add_assign(&mut self, other: Turns) {
        *self = *self + other;
    }
}
impl Sub for Turns {
    type Output = Turns;
    fn sub(self, other: Turns) -> Turns {
        Turns(self.0.saturating_sub(other.0))
    }
}
impl Neg for Turns {
    type Output = Turns;
    fn neg(self) -> Turns {
        Turns(self.0.saturating_neg())
    }
}
impl Sum for Turns {
    fn sum<I: Iterator<Item = Turns>>(turns: I) -> Turns {
        turns.fold(Turns(0), Add::add)
    }
}

/// The two figures that stand everywhere side by side, in turns; of an output, in what it counts. Figures of different
/// indicators meet nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Submitted or verified.
    pub reported: Turns,
    /// Verified.
    pub verified: Turns,
}

impl Count {
    /// Neither figure.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

impl Add for Count {
    type Output = Count;
    fn add(self, other: Count) -> Count {
        Count { reported: self.reported + other.reported, verified: self.verified + other.verified }
    }
}
impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        *self = *self + other;
    }
}
impl Sub for Count {
    type Output = Count;
    fn sub(self, other: Count) -> Count {
        Count { reported: self.reported - other.reported, verified: self.verified - other.verified }
    }
}
impl Sum for Count {
    fn sum<I: Iterator<Item = Count>>(counts: I) -> Count {
        counts.fold(Count::default(), Add::add)
    }
}

/// What a figure of a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// Turns of support on a topic to an audience.
    Turns(Topic, Audience),
    /// Something that was done beside them, such as classes.
    Output(Measure),
}

impl Item {
    /// What it was about; outputs aren't told by topic.
    #[must_use]
    pub const fn topic(self) -> Option<Topic> {
        match self {
            Self::Turns(topic, _) => Some(topic),
            Self::Output(_) => None,
        }
    }

    /// Who was supported; outputs aren't told by audience.
    #[must_use]
    pub const fn audience(self) -> Option<Audience> {
        match self {
            Self::Turns(_, audience) => Some(audience),
            Self::Output(_) => None,
        }
    }
}

/// What a result counts for at one moment.
pub type Counted = BTreeMap<Item, Count>;

/// What has to be written to the ledger when a result that counted for `before` counts for `after`. Every change of a
/// counted figure is this difference, so that no transition can forget or double a part of it.
#[must_use]
pub fn difference(before: &Counted, after: &Counted) -> Counted {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    keys.into_iter()
        .map(|key| {
            let of = |counted: &Counted| counted.get(&key).copied().unwrap_or_default();
            (key, of(after) - of(before))
        })
        .filter(|(_, delta)| !delta.is_zero())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted() -> impl Strategy<Value = Counted> {
        proptest::collection::btree_map(
            (0..=Topic::ALL.len(), 0..Audience::ALL.len()).prop_map(|(t, a)| match Topic::ALL.get(t) {
                Some(topic) => Item::Turns(*topic, Audience::ALL[a]),
                None => Item::Output(Measure::Classes),
            }),
            (0i64..1000, 0i64..1000).prop_map(|(r, v)| Count { reported: Turns(r), verified: Turns(v) }),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn before_and_the_difference_make_after(before in counted(), after in counted()) {
            let mut sum = before.clone();
            for (key, delta) in difference(&before, &after) {
                *sum.entry(key).or_default() += delta;
            }
            sum.retain(|_, c| !c.is_zero());
            let mut after = after;
            after.retain(|_, c| !c.is_zero());
            prop_assert_eq!(sum, after);
        }

        #[test]
        fn nothing_changes_without_a_difference(same in counted()) {
            prop_assert!(difference(&same, &same).is_empty());
        }
    }
}
