//! Which counts everybody may see. A small count of a small place could tell of a person, so it is withheld, and with it
//! as much as is needed so that nobody computes it from the total and what is shown.

/// Why a count is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is below the threshold.
    Small,
    /// It isn't, but a small one could be computed from it.
    Protects,
}

/// Counts as everybody may see them. `shown` and `together` add up to the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed<K> {
    /// What is shown, the largest first.
    pub shown: Vec<(K, i64)>,
    /// What is not, and why, in the order given. Empty when even the names would tell: see [`Disclosed::withheld`].
    pub named: Vec<(K, Why)>,
    /// How many counts are not shown, named or not.
    pub withheld: usize,
    /// Their sum.
    pub together: i64,
}

/// Withholds what is below `threshold`, and the smallest others as far as that is needed. Counts of 0 are left out: nothing
/// was counted there.
///
/// Whoever reads what comes of it, and knows the total and how this works, learns of no small count more than that it is from
/// 1 to `threshold` − 1. Where not even withholding everything gives that, nothing is shown and nothing named.
#[must_use]
pub fn disclose<K>(counts: impl IntoIterator<Item = (K, i64)>, threshold: i64) -> Disclosed<K> {
    let counts = counts.into_iter().filter(|(_, count)| *count != 0).enumerate();
    let (small, mut shown): (Vec<_>, Vec<_>) = counts.partition(|(_, (_, count))| *count < threshold);
    // Of equals the order given stands.
    shown.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
    let mut protects = Vec::new();
    let mut safe = small.is_empty();
    while !safe {
        let sum = small.iter().chain(&protects).map(|(_, (_, count))| i128::from(*count)).sum();
        let least_shown = shown.last().map(|(_, (_, count))| i128::from(*count));
        safe = is_safe(threshold.into(), small.len(), protects.len(), least_shown, sum);
        if safe {
            break;
        }
        let Some(next) = shown.pop() else { break };
        protects.push(next);
    }
    let withheld = small.len().saturating_add(protects.len());
    let together = small.iter().chain(&protects).fold(0_i64, |sum, (_, (_, count))| sum.saturating_add(*count));
    let mut named: Vec<_> = small.into_iter().map(|(at, (key, _))| (at, key, Why::Small)).collect();
    named.extend(protects.into_iter().map(|(at, (key, _))| (at, key, Why::Protects)));
    // In the order given: sorted by their counts they would tell of them.
    named.sort_by_key(|(at, ..)| *at);
    if !safe {
        named.clear();
    }
    Disclosed {
        shown: shown.into_iter().map(|(_, count)| count).collect(),
        named: named.into_iter().map(|(_, key, why)| (key, why)).collect(),
        withheld,
        together,
    }
}

/// Whether each of `small` counts could be anything from 1 to `threshold` − 1, given the sum of all that are withheld: the
/// `protecting` ones are each from `threshold` to the least that is shown, because the smallest are taken.
fn is_safe(threshold: i128, small: usize, protecting: usize, least_shown: Option<i128>, sum: i128) -> bool {
    let number = |of: usize| i128::try_from(of).unwrap_or(i128::MAX);
    let (others, protecting) = (number(small.saturating_sub(1)), number(protecting));
    let least = match least_shown {
        Some(most) => sum - others * (threshold - 1) - protecting * most,
        None if protecting > 0 => 1,
        None => sum - others * (threshold - 1),
    };
    let most = sum - others - protecting * threshold;
    least <= 1 && most >= threshold - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(of: &[(&'static str, i64)], threshold: i64) -> (Vec<&'static str>, Vec<(&'static str, Why)>, i64) {
        let Disclosed { shown, named, together, .. } = disclose(of.iter().copied(), threshold);
        (shown.into_iter().map(|(name, _)| name).collect(), named, together)
    }

    #[test]
    fn what_reaches_the_threshold_is_shown_and_nothing_else() {
        assert_eq!(names(&[("a", 10), ("b", 40), ("c", 0)], 10), (vec!["b", "a"], vec![], 0));
        let many = [("a", 1), ("b", 9), ("c", 2), ("d", 8), ("e", 100)];
        let small = ["a", "b", "c", "d"].map(|name| (name, Why::Small)).to_vec();
        assert_eq!(names(&many, 10), (vec!["e"], small, 20));
    }

    #[test]
    fn one_small_count_takes_the_next_with_it() {
        let (shown, named, together) = names(&[("a", 5), ("b", 30), ("c", 30), ("d", 200)], 10);
        assert_eq!((shown, together), (vec!["d"], 65), "with 30 beside it, 35 would leave nothing but 5");
        assert_eq!(named, [("a", Why::Small), ("b", Why::Protects), ("c", Why::Protects)]);
    }

    #[test]
    fn two_small_counts_whose_sum_tells_them_are_not_left_alone() {
        // 2 = 1 + 1 and 18 = 9 + 9: no other way.
        for tells in [1, 9] {
            let (_, named, _) = names(&[("a", tells), ("b", tells), ("c", 50), ("d", 90), ("e", 91)], 10);
            assert!(named.iter().any(|(_, why)| *why == Why::Protects), "{tells}: {named:?}");
        }
    }

    #[test]
    fn where_nothing_helps_not_even_names_are_told() {
        let alone = disclose([("a", 3)], 10);
        assert_eq!((alone.shown.len(), alone.named.len(), alone.withheld, alone.together), (0, 0, 1, 3));
        let nothing = disclose(Vec::<(&str, i64)>::new(), 10);
        assert_eq!((nothing.withheld, nothing.together), (0, 0));
    }

    #[test]
    fn a_threshold_of_one_withholds_nothing() {
        assert_eq!(names(&[("a", 1), ("b", 2)], 1), (vec!["b", "a"], vec![], 0));
    }

    /// Every value that each of the withheld counts could have, as far as what is published says.
    fn possible(bounds: &[(i64, i64)], sum: i64) -> Vec<std::collections::BTreeSet<i64>> {
        let mut found = vec![std::collections::BTreeSet::new(); bounds.len()];
        let mut stack = vec![(Vec::new(), sum)];
        while let Some((chosen, left)) = stack.pop() {
            let Some((low, high)) = bounds.get(chosen.len()) else {
                if left == 0 {
                    for (set, value) in found.iter_mut().zip(chosen) {
                        set.insert(value);
                    }
                }
                continue;
            };
            for value in *low..=(*high).min(left) {
                stack.push(([chosen.as_slice(), &[value]].concat(), left - value));
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

        /// Held against trying out all counts that fit what is published.
        #[test]
        fn nobody_learns_more_of_a_small_count_than_that_it_is_small(
            counts in proptest::collection::vec(0i64..14, 0..6), threshold in 2i64..6
        ) {
            let whole: i64 = counts.iter().sum();
            let disclosed = disclose(counts.iter().copied().enumerate(), threshold);
            let shown: i64 = disclosed.shown.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(shown + disclosed.together, whole);
            prop_assert!(disclosed.shown.iter().all(|(at, count)| *count >= threshold && counts[*at] == *count));
            let known = counts.iter().filter(|count| **count > 0).count();
            prop_assert_eq!(disclosed.shown.len() + disclosed.withheld, known);
            let least_shown = disclosed.shown.iter().map(|(_, count)| *count).min().unwrap_or(whole);
            let bounds: Vec<_> = disclosed.named.iter().map(|(_, why)| match why {
                Why::Small => (1, threshold - 1),
                Why::Protects => (threshold, least_shown),
            }).collect();
            let possible = possible(&bounds, disclosed.together);
            for ((at, why), values) in disclosed.named.iter().zip(possible) {
                prop_assert!(values.contains(&counts[*at]));
                if *why == Why::Small {
                    prop_assert_eq!(values.into_iter().collect::<Vec<_>>(), (1..threshold).collect::<Vec<_>>());
                }
            }
        }
    }
}
