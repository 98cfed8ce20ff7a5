//! Progress: the ledger folded into cells that answer any slice of the figure without the database.

use crate::{
    catalogue::{Audience, Topic},
    counting::Count,
};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// What a counted figure is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// The indicator.
    pub indicator_id: Uuid,
    /// The unit of the reporting team.
    pub org_unit_id: Uuid,
    /// The place of the activity.
    pub locality_id: Uuid,
    /// The day that was reported, local to the campaign.
    pub day: NaiveDate,
    /// What it was about.
    pub topic: Topic,
    /// Who was supported.
    pub audience: Audience,
}

/// One row of the ledger as far as the figures are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the ledger's gap-free order, from 1.
    pub seq: i64,
    /// What it is counted by.
    pub key: CellKey,
    /// What it adds, positive or negative.
    pub delta: Count,
}

/// An entry that doesn't follow the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {got} does not follow {last}")]
pub struct OutOfOrder {
    /// The last entry that was folded.
    pub last: i64,
    /// The entry that was given.
    pub got: i64,
}

/// The folded ledger. Exact at [`Cube::ledger_seq`]. Ids are interned, so that a cell takes some 40 bytes.
#[derive(Debug, Clone, Default)]
pub struct Cube {
    seq: i64,
    ids: Vec<Uuid>,
    index: HashMap<Uuid, u32>,
    cells: HashMap<Packed, Count>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Packed {
    indicator: u32,
    org_unit: u32,
    locality: u32,
    day: NaiveDate,
    topic: Topic,
    audience: Audience,
}

/// Which cells are asked for. Days are inclusive.
#[derive(Default)]
pub struct Slice<'a> {
    /// The indicator.
    pub indicator_id: Uuid,
    /// Only units for which this holds.
    pub org_unit: Option<&'a dyn Fn(Uuid) -> bool>,
    /// Only localities for which this holds.
    pub locality: Option<&'a dyn Fn(Uuid) -> bool>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
}

impl Cube {
    /// A cube loaded from roll-up rows that are exact at `seq`.
    #[must_use]
    pub fn load(seq: i64, rows: impl IntoIterator<Item = (CellKey, Count)>) -> Self {
        let mut cube = Self { seq, ..Self::default() };
        for (key, count) in rows {
            cube.add(&key, count);
        }
        cube
    }

    /// The last entry that is folded in.
    #[must_use]
    pub const fn ledger_seq(&self) -> i64 {
        self.seq
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// No cell at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Folds the next entry. One that is already folded is passed over, so that two followers don't double it.
    ///
    /// # Errors
    /// [`OutOfOrder`] when entries between are missing: the ledger has no gaps.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), OutOfOrder> {
        if entry.seq <= self.seq {
            return Ok(());
        }
        if entry.seq != self.seq.saturating_add(1) {
            return Err(OutOfOrder { last: self.seq, got: entry.seq });
        }
        self.add(&entry.key, entry.delta);
        self.seq = entry.seq;
        Ok(())
    }

    fn add(&mut self, key: &CellKey, delta: Count) {
        let packed = Packed {
            indicator: self.intern(key.indicator_id),
            org_unit: self.intern(key.org_unit_id),
            locality: self.intern(key.locality_id),
            day: key.day,
            topic: key.topic,
            audience: key.audience,
        };
        let cell = self.cells.entry(packed).or_default();
        *cell += delta;
        if cell.is_zero() {
            self.cells.remove(&packed);
        }
    }

    fn intern(&mut self, id: Uuid) -> u32 {
        if let Some(at) = self.index.get(&id) {
            return *at;
        }
        let at = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        self.index.insert(id, at);
        at
    }

    /// The figures of a slice, grouped by whatever `group` says of a cell; cells of which it says nothing are left out.
    pub fn groups<K: Ord>(&self, slice: &Slice<'_>, group: impl Fn(&CellKey) -> Option<K>) -> BTreeMap<K, Count> {
        let mut groups = BTreeMap::new();
        let Some(indicator) = self.index.get(&slice.indicator_id).copied() else { return groups };
        let admitted = |filter: Option<&dyn Fn(Uuid) -> bool>| -> Option<Vec<bool>> {
            filter.map(|f| self.ids.iter().map(|id| f(*id)).collect())
        };
        let (units, localities) = (admitted(slice.org_unit), admitted(slice.locality));
        let admits = |table: &Option<Vec<bool>>, at: u32| {
            table.as_ref().is_none_or(|t| usize::try_from(at).ok().and_then(|i| t.get(i)).copied().unwrap_or(false))
        };
        let id = |at: u32| usize::try_from(at).ok().and_then(|i| self.ids.get(i)).copied().unwrap_or_default();
        for (cell, count) in &self.cells {
            let wanted = cell.indicator == indicator
                && slice.from.is_none_or(|from| from <= cell.day)
                && slice.to.is_none_or(|to| cell.day <= to)
                && admits(&units, cell.org_unit)
                && admits(&localities, cell.locality);
            if !wanted {
                continue;
            }
            let key = CellKey {
                indicator_id: slice.indicator_id,
                org_unit_id: id(cell.org_unit),
                locality_id: id(cell.locality),
                day: cell.day,
                topic: cell.topic,
                audience: cell.audience,
            };
            if let Some(key) = group(&key) {
                *groups.entry(key).or_default() += *count;
            }
        }
        groups
    }

    /// The two figures of a slice.
    #[must_use]
    pub fn total(&self, slice: &Slice<'_>) -> Count {
        self.groups(slice, |_| Some(())).into_values().sum()
    }
}

/// A share in percent, rounded to two decimals, never capped; none when there is no target.
#[must_use]
pub fn percent(figure: i64, target: i64) -> Option<f64> {
    if target <= 0 {
        return None;
    }
    // In hundredths of a percent and in integers, so that the same figures always give the same digits.
    let hundredths = (i128::from(figure) * 20_000 + i128::from(target)).div_euclid(i128::from(target) * 2);
    i32::try_from(hundredths).ok().map(|h| f64::from(h) / 100.0)
}

/// How a figure moves towards its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Turns that an even pace would have reached by the instant that was asked.
    pub expected: i64,
    /// Turns a day over the last seven local days, today included, rounded down.
    pub per_day_7d: i64,
    /// Turns at the campaign's end if every day left after today brings as many.
    pub forecast_total: i64,
    /// The day on which the target was or would be reached at that rate; none when it never would.
    pub forecast_reached_on: Option<NaiveDate>,
}

impl Pace {
    /// The pace at a local time, from what each day reported. Days of a closed interval `starts_on..=ends_on`.
    #[must_use]
    pub fn at(
        target: i64,
        (starts_on, ends_on): (NaiveDate, NaiveDate),
        now: NaiveDateTime,
        days: &BTreeMap<NaiveDate, Count>,
    ) -> Self {
        let today = now.date();
        let all = i128::from((ends_on - starts_on).num_days() + 1) * 86_400;
        let gone = (now - starts_on.and_time(NaiveTime::MIN)).num_seconds();
        let gone = i128::from(gone).clamp(0, all.max(0));
        let expected = if all > 0 { i128::from(target) * gone / all } else { 0 };
        let week = days.iter().filter(|(day, _)| (0..7).contains(&(today - **day).num_days()));
        let per_day_7d = week.map(|(_, count)| count.reported.0).sum::<i64>().max(0) / 7;
        let reported: i64 = days.values().map(|count| count.reported.0).sum();
        let left = (ends_on - today.max(starts_on)).num_days().max(0);
        Self {
            expected: i64::try_from(expected).unwrap_or(i64::MAX),
            per_day_7d,
            forecast_total: reported.saturating_add(per_day_7d.saturating_mul(left)),
            forecast_reached_on: reached_on(target, today, per_day_7d, reported, days),
        }
    }
}

fn reached_on(
    target: i64,
    today: NaiveDate,
    per_day: i64,
    reported: i64,
    days: &BTreeMap<NaiveDate, Count>,
) -> Option<NaiveDate> {
    let mut sum = 0_i64;
    for (day, count) in days {
        sum = sum.saturating_add(count.reported.0);
        if sum >= target {
            return Some(*day);
        }
    }
    if per_day <= 0 {
        return None;
    }
    let missing = target.saturating_sub(reported);
    let wanted = missing / per_day + i64::from(missing % per_day > 0);
    today.checked_add_days(Days::new(u64::try_from(wanted).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::Turns;
    use proptest::prelude::*;

    fn key(unit: u128, day: u32, topic: usize) -> CellKey {
        CellKey {
            indicator_id: Uuid::from_u128(7),
            org_unit_id: Uuid::from_u128(unit),
            locality_id: Uuid::from_u128(900),
            day: NaiveDate::from_ymd_opt(2024, 6, day).unwrap(),
            topic: Topic::ALL[topic],
            audience: Audience::Residents,
        }
    }

    fn count(reported: i64, verified: i64) -> Count {
        Count { reported: Turns(reported), verified: Turns(verified) }
    }

    #[test]
    fn an_entry_counts_once_and_a_gap_is_seen() {
        let mut cube = Cube::default();
        let one = Entry { seq: 1, key: key(1, 1, 0), delta: count(5, 0) };
        cube.apply(&one).unwrap();
        cube.apply(&one).unwrap();
        let slice = Slice { indicator_id: Uuid::from_u128(7), ..Slice::default() };
        assert_eq!(cube.total(&slice), count(5, 0));
        assert_eq!(cube.apply(&Entry { seq: 3, ..one }), Err(OutOfOrder { last: 1, got: 3 }));
    }

    #[test]
    fn percent_rounds_and_is_never_capped() {
        assert_eq!(percent(0, 6_000_000), Some(0.0));
        assert_eq!(percent(315_975, 150_036), Some(210.6));
        assert_eq!(percent(1, 3), Some(33.33));
        assert_eq!(percent(5, 0), None);
    }

    #[test]
    fn pace_is_even_and_forecasts_by_the_last_week() {
        let day = |d: u32| NaiveDate::from_ymd_opt(2024, 6, d).unwrap();
        let days: BTreeMap<_, _> = (1..=7).map(|d| (day(d), count(100, 0))).collect();
        let noon = day(7).and_hms_opt(12, 0, 0).unwrap();
        let pace = Pace::at(1_500, (day(1), day(15)), noon, &days);
        assert_eq!(pace.expected, 650, "six and a half days of fifteen");
        assert_eq!(pace.per_day_7d, 100);
        assert_eq!(pace.forecast_total, 700 + 8 * 100);
        assert_eq!(pace.forecast_reached_on, Some(day(15)));
        let pace = Pace::at(250, (day(1), day(15)), noon, &days);
        assert_eq!(pace.forecast_reached_on, Some(day(3)), "it has been reached");
        let after = day(30).and_hms_opt(0, 0, 0).unwrap();
        let pace = Pace::at(1_500, (day(1), day(15)), after, &days);
        assert_eq!((pace.expected, pace.forecast_total, pace.forecast_reached_on), (1_500, 700, None));
        let before = NaiveDate::from_ymd_opt(2024, 5, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        assert_eq!(Pace::at(1_500, (day(1), day(15)), before, &BTreeMap::new()).expected, 0);
    }

    proptest! {
        /// Any grouping of a slice adds up to the slice, and the slice to a naive sum.
        #[test]
        fn groups_add_up(rows in proptest::collection::vec((1u128..5, 1u32..28, 0usize..15, -50i64..500), 0..60), from in 1u32..28) {
            let mut cube = Cube::default();
            for (at, (unit, day, topic, turns)) in rows.iter().enumerate() {
                let seq = i64::try_from(at).unwrap() + 1;
                cube.apply(&Entry { seq, key: key(*unit, *day, *topic), delta: count(*turns, 0) }).unwrap();
            }
            let odd = |id: Uuid| id.as_u128() % 2 == 1;
            let slice = Slice {
                indicator_id: Uuid::from_u128(7),
                org_unit: Some(&odd),
                from: NaiveDate::from_ymd_opt(2024, 6, from),
                ..Slice::default()
            };
            let naive: i64 = rows.iter().filter(|(u, d, _, _)| u % 2 == 1 && *d >= from).map(|r| r.3).sum();
            let total = cube.total(&slice);
            prop_assert_eq!(total, count(naive, 0));
            let by_day: Count = cube.groups(&slice, |k| Some(k.day)).into_values().sum();
            let by_topic: Count = cube.groups(&slice, |k| Some(k.topic)).into_values().sum();
            prop_assert_eq!(by_day, total);
            prop_assert_eq!(by_topic, total);
        }
    }
}
