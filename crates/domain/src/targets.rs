//! Target allocation down the tree (phân bổ chỉ tiêu): what a unit is to reach of an indicator, and who said so when.
//!
//! A target is stated by revisions, of which none is ever changed; the latest one set by the end of a local day is in
//! force on that day. The children of a unit may together get more than the unit, and the sums say so.

use crate::Stamp;
use chrono::{DateTime, TimeDelta, Utc};
use std::{borrow::Borrow, collections::HashMap, ops::RangeInclusive};
use uuid::Uuid;

/// What a target may be, in the indicator's unit.
pub const VALUES: RangeInclusive<i64> = 0..=1_000_000_000_000;

/// A unit's target for an indicator, as one revision of it states it. The stamp's id is the same in all revisions;
/// `version` counts them from 1, and `updated_at` is when this one was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Identity, and which revision this is.
    pub stamp: Stamp,
    /// The indicator.
    pub indicator_id: Uuid,
    /// The unit.
    pub org_unit_id: Uuid,
    /// What it is to reach, in the indicator's unit.
    pub value: i64,
    /// Why it was set so; the first revision may say nothing.
    pub reason: Option<String>,
    /// Who set it; none for what the reference data brought.
    pub set_by: Option<Uuid>,
}

impl Target {
    /// The next revision. It comes after this one even where the clock was set back, so that the order by time is the
    /// order of versions.
    #[must_use]
    pub fn revised(&self, value: i64, reason: Option<String>, by: Uuid, at: DateTime<Utc>) -> Self {
        let after = self.stamp.updated_at + TimeDelta::microseconds(1);
        let stamp = Stamp { updated_at: at.max(after), version: self.stamp.version.saturating_add(1), ..self.stamp };
        Self { stamp, value, reason, set_by: Some(by), ..*self }
    }

    /// Whether this is what somebody says once more after the answer was lost.
    #[must_use]
    pub fn is_as_said(&self, value: i64, reason: Option<&str>, by: Uuid) -> bool {
        self.value == value && self.reason.as_deref() == reason && self.set_by == Some(by)
    }
}

/// What is in force just before an instant, by unit: of each unit's revisions the latest that was set by then.
#[must_use]
pub fn in_force<T: Borrow<Target>>(revisions: impl IntoIterator<Item = T>, before: DateTime<Utc>) -> HashMap<Uuid, T> {
    let mut latest: HashMap<Uuid, T> = HashMap::new();
    for revision in revisions {
        let this: &Target = revision.borrow();
        let older = |known: &T| known.borrow().stamp.version < this.stamp.version;
        if this.stamp.updated_at < before && latest.get(&this.org_unit_id).is_none_or(older) {
            latest.insert(this.org_unit_id, revision);
        }
    }
    latest
}

/// How much of a unit's target its children have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// The sum of the children's targets.
    pub allocated: i64,
    /// What no child has yet; none where the unit has no target itself.
    pub unallocated: Option<i64>,
    /// What the children have beyond the unit's own target; none where it has none.
    pub over_allocated: Option<i64>,
}

impl Sums {
    /// The sums of a unit with this target, if any, whose children have these.
    #[must_use]
    pub fn of(value: Option<i64>, children: impl IntoIterator<Item = i64>) -> Self {
        let allocated = children.into_iter().fold(0_i64, i64::saturating_add);
        let left = value.map(|value| value.saturating_sub(allocated));
        Self {
            allocated,
            unallocated: left.map(|left| left.max(0)),
            over_allocated: left.map(|left| left.saturating_neg().max(0)),
        }
    }
}

/// Splits a total by weights into whole numbers that add up to it exactly (largest remainders, Hamilton's method): a
/// larger weight never gets less, weight zero gets nothing, and of equal remainders the lower key comes first. None when
/// a weight or the total is negative, or no weight is positive.
#[must_use]
pub fn suggest<K: Ord>(total: i64, weights: &[(K, i64)]) -> Option<Vec<i64>> {
    let whole: i128 = weights.iter().map(|(_, weight)| i128::from(*weight)).sum();
    if total < 0 || whole <= 0 || weights.iter().any(|(_, weight)| *weight < 0) {
        return None;
    }
    // Of (quota, remainder): below 2^63 × 2^63 each, which an i128 holds.
    let exact = |weight: i64| i128::from(total) * i128::from(weight);
    let mut parts: Vec<i64> = Vec::with_capacity(weights.len());
    for (_, weight) in weights {
        parts.push(i64::try_from(exact(*weight) / whole).ok()?);
    }
    let left = total.checked_sub(parts.iter().sum())?;
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let remainder = |at: &usize| weights.get(*at).map_or(0, |(_, weight)| exact(*weight) % whole);
    order.sort_by(|a, b| {
        let key = |at: &usize| weights.get(*at).map(|(key, _)| key);
        remainder(b).cmp(&remainder(a)).then_with(|| key(a).cmp(&key(b)))
    });
    for at in order.into_iter().take(usize::try_from(left).ok()?) {
        if let Some(part) = parts.get_mut(at) {
            *part = part.saturating_add(1);
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    fn at(hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2024, 7, 1, hour, 0, 0).unwrap()
    }

    fn first(value: i64) -> Target {
        let stamp = Stamp { id: Uuid::from_u128(1), created_at: at(1), updated_at: at(1), version: 1 };
        let unit = Uuid::from_u128(9);
        Target { stamp, indicator_id: Uuid::from_u128(7), org_unit_id: unit, value, reason: None, set_by: None }
    }

    #[test]
    fn the_latest_revision_set_before_an_instant_is_in_force() {
        let by = Uuid::from_u128(5);
        let one = first(100);
        let two = one.revised(120, Some("Thêm".into()), by, at(5));
        // The clock was set back; the revision still comes after the one before it.
        let three = two.revised(90, Some("Bớt".into()), by, at(2));
        assert!(three.stamp.updated_at > two.stamp.updated_at && three.stamp.created_at == one.stamp.created_at);
        let all = [three.clone(), one.clone(), two.clone()];
        let value = |before| in_force(all.clone(), before).get(&one.org_unit_id).map(|target| target.value);
        assert_eq!([value(at(1)), value(at(2)), value(at(5)), value(at(6))], [None, Some(100), Some(100), Some(90)]);
        assert_eq!(in_force(all, two.stamp.updated_at + TimeDelta::microseconds(1))[&one.org_unit_id], two);
    }

    #[test]
    fn what_is_said_again_is_known_again() {
        let by = Uuid::from_u128(5);
        let two = first(1).revised(2, Some("Thêm".into()), by, at(5));
        assert!(
            two.is_as_said(2, Some("Thêm"), by) && !two.is_as_said(2, None, by) && !two.is_as_said(3, Some("Thêm"), by)
        );
        assert!(!two.is_as_said(2, Some("Thêm"), Uuid::nil()) && !first(1).is_as_said(1, None, by));
    }

    #[test]
    fn sums_say_what_is_left_and_what_is_too_much_and_of_nothing_neither() {
        let sums = |value, children: &[i64]| {
            let sums = Sums::of(value, children.iter().copied());
            (sums.allocated, sums.unallocated, sums.over_allocated)
        };
        assert_eq!(sums(Some(100), &[30, 40]), (70, Some(30), Some(0)));
        assert_eq!(sums(Some(100), &[60, 60]), (120, Some(0), Some(20)));
        assert_eq!(sums(Some(0), &[]), (0, Some(0), Some(0)));
        assert_eq!(sums(None, &[5]), (5, None, None));
    }

    #[test]
    fn a_suggestion_is_split_by_largest_remainders_and_ties_go_by_key() {
        assert_eq!(suggest(10, &[("b", 1), ("a", 1), ("c", 1)]), Some(vec![3, 4, 3]));
        assert_eq!(suggest(100, &[("a", 2), ("b", 0), ("c", 1)]), Some(vec![67, 0, 33]));
        assert_eq!(suggest(2, &[("a", 3), ("b", 3), ("c", 4)]), Some(vec![1, 0, 1]));
        assert_eq!(suggest(0, &[("a", 1)]), Some(vec![0]));
        for (total, weights) in [(1, vec![]), (1, vec![("a", 0)]), (1, vec![("a", 2), ("b", -1)]), (-1, vec![("a", 1)])]
        {
            assert_eq!(suggest(total, &weights), None);
        }
        let most = *VALUES.end();
        let parts = suggest(most, &[("a", most), ("b", most - 1), ("c", 1)]).unwrap();
        assert_eq!(parts.iter().sum::<i64>(), most);
    }

    proptest! {
        #[test]
        fn a_suggestion_adds_up_exactly_and_follows_the_weights(
            total in 0..=*VALUES.end(),
            weights in proptest::collection::vec(prop_oneof![Just(0_i64), 1_i64..20, 1_i64..=1_000_000_000_000], 1..70),
        ) {
            let keyed: Vec<(usize, i64)> = weights.iter().copied().enumerate().collect();
            let Some(parts) = suggest(total, &keyed) else {
                prop_assert!(weights.iter().all(|weight| *weight == 0));
                return Ok(());
            };
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                // Each gets its share, rounded down or up.
                let down = i128::from(total) * i128::from(*weight) / whole;
                prop_assert!((down..=down + 1).contains(&i128::from(*part)));
                prop_assert!(*weight > 0 || *part == 0, "weight zero gets nothing");
                for (other, beside) in parts.iter().zip(&weights) {
                    prop_assert!(weight <= beside || part >= other, "a larger weight never gets less");
                }
            }
            // The order in which they are named changes nothing.
            let mut turned = keyed.clone();
            turned.reverse();
            let mut again = suggest(total, &turned).unwrap();
            again.reverse();
            prop_assert_eq!(again, parts);
        }

        #[test]
        fn of_every_unit_the_highest_version_set_before_is_in_force(
            sets in proptest::collection::vec((0_u128..4, 0_i64..1_000, 0_u32..24), 0..40), hour in 0_u32..24,
        ) {
            let mut last: HashMap<Uuid, Target> = HashMap::new();
            let mut all = Vec::new();
            for (unit, value, hour) in sets {
                let unit = Uuid::from_u128(unit);
                let next = match last.get(&unit) {
                    Some(before) => before.revised(value, None, Uuid::nil(), at(hour)),
                    None => {
                        let stamp = Stamp { updated_at: at(hour), created_at: at(hour), ..first(0).stamp };
                        Target { stamp, org_unit_id: unit, ..first(value) }
                    }
                };
                last.insert(unit, next.clone());
                all.push(next);
            }
            let found = in_force(all.clone(), at(hour));
            for unit in last.keys() {
                let naive = all.iter().rev().find(|one| one.org_unit_id == *unit && one.stamp.updated_at < at(hour));
                prop_assert_eq!(found.get(unit), naive);
            }
        }
    }
}
