//! The ledger folded into cells in memory.

use super::{CellKey, Entry};
use crate::{
    catalogue::{Audience, Topic},
    counting::Count,
};
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// An entry that doesn't follow the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {got} does not follow {last}")]
pub struct OutOfOrder {
    /// The last entry that was folded.
    pub last: i64,
    /// The entry that was given.
    pub got: i64,
}

/// The folded ledger. Exact at [`Cube::ledger_seq`].
///
/// Most cells lie in one sorted run of 32 bytes each; those that are new since it was sorted lie in a map beside it, and are
/// merged in when they have become many. A slice is answered by one pass over both: a million cells take some
/// milliseconds, and no memory beyond the cells.
#[derive(Debug, Clone, Default)]
pub struct Cube {
    pub(super) seq: i64,
    pub(super) indicators: Interned<Uuid>,
    pub(super) sources: Interned<Source>,
    pub(super) places: Interned<Uuid>,
    pub(super) sorted: Vec<(Packed, Count)>,
    pub(super) recent: HashMap<Packed, Count>,
}

/// Who reported: a team, and the unit that it belonged to when it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Source {
    /// The team.
    pub team_id: Uuid,
    /// Its unit.
    pub org_unit_id: Uuid,
}

/// A cell's key with its ids interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Packed {
    pub(super) source: u32,
    pub(super) place: u32,
    pub(super) day: NaiveDate,
    pub(super) indicator: u16,
    pub(super) topic: Option<Topic>,
    pub(super) audience: Option<Audience>,
}

/// Ids by small numbers, in the order in which they came.
#[derive(Debug, Clone)]
pub(super) struct Interned<T> {
    pub(super) all: Vec<T>,
    index: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { all: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash + Default> Interned<T> {
    fn put(&mut self, id: T) -> u32 {
        if let Some(at) = self.index.get(&id) {
            return *at;
        }
        let at = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(id);
        self.index.insert(id, at);
        at
    }

    /// Each of these by its place; none may come twice.
    pub(super) fn from_iter(all: impl IntoIterator<Item = T>) -> Self {
        let all: Vec<T> = all.into_iter().collect();
        let index = all.iter().copied().zip(0..).collect();
        Self { all, index }
    }

    pub(super) fn has(&self, at: u32) -> bool {
        usize::try_from(at).is_ok_and(|at| at < self.all.len())
    }

    fn get(&self, at: u32) -> T {
        usize::try_from(at).ok().and_then(|at| self.all.get(at)).copied().unwrap_or_default()
    }

    /// What `of` says of each, by number.
    fn table<G>(&self, of: impl FnMut(T) -> G) -> Table<G> {
        Table(self.all.iter().copied().map(of).collect())
    }
}

struct Table<G>(Vec<G>);

impl<G> Table<G> {
    fn at(&self, at: u32) -> Option<&G> {
        usize::try_from(at).ok().and_then(|at| self.0.get(at))
    }
}

/// Which cells are asked for. Days are inclusive; what is none asks for all.
#[derive(Default, Clone, Copy)]
pub struct Slice<'a> {
    /// The indicator.
    pub indicator_id: Uuid,
    /// Only teams and units for which this holds.
    pub source: Option<&'a dyn Fn(Source) -> bool>,
    /// Only localities for which this holds.
    pub place: Option<&'a dyn Fn(Uuid) -> bool>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Only what was about this.
    pub topic: Option<Topic>,
    /// Only what these were supported with.
    pub audience: Option<Audience>,
}

/// What cells are grouped by. Each question is asked once of every team, place or day, not of every cell.
pub enum By<'a, K> {
    /// By team and unit.
    Source(&'a dyn Fn(Source) -> K),
    /// By place.
    Place(&'a dyn Fn(Uuid) -> K),
    /// By day.
    Day(&'a dyn Fn(NaiveDate) -> K),
    /// By topic; outputs have none.
    Topic(&'a dyn Fn(Option<Topic>) -> K),
    /// By audience; outputs have none.
    Audience(&'a dyn Fn(Option<Audience>) -> K),
}

impl Cube {
    /// A cube of cells that are exact at `seq`.
    #[must_use]
    pub fn load(seq: i64, cells: impl IntoIterator<Item = (CellKey, Count)>) -> Self {
        let mut cube = Self { seq, ..Self::default() };
        for (key, count) in cells {
            let packed = cube.pack(&key);
            cube.sorted.push((packed, count));
        }
        cube.sorted.sort_unstable_by_key(|(packed, _)| *packed);
        // The same key twice is one cell.
        cube.sorted.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        cube.sorted.retain(|(_, count)| !count.is_zero());
        cube.sorted.shrink_to_fit();
        cube
    }

    /// The last entry that is folded in.
    #[must_use]
    pub const fn ledger_seq(&self) -> i64 {
        self.seq
    }

    /// How many cells are held; those that came to nothing are among them until they are merged away.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len().saturating_add(self.recent.len())
    }

    /// No cell at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every cell that isn't zero, in no order.
    pub fn cells(&self) -> impl Iterator<Item = (CellKey, Count)> + '_ {
        self.all().filter(|(_, count)| !count.is_zero()).map(|(packed, count)| (self.unpack(packed), count))
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

    /// The cube as it stood at `seq`, made by adding or taking away what happened between.
    #[must_use]
    pub fn moved_to(mut self, seq: i64, difference: impl IntoIterator<Item = (CellKey, Count)>) -> Self {
        for (key, delta) in difference {
            self.add(&key, delta);
        }
        self.seq = seq;
        self.merge();
        self
    }

    fn add(&mut self, key: &CellKey, delta: Count) {
        let packed = self.pack(key);
        let at = self.sorted.binary_search_by_key(&packed, |(packed, _)| *packed);
        match at.ok().and_then(|at| self.sorted.get_mut(at)) {
            Some((_, count)) => *count += delta,
            None => {
                *self.recent.entry(packed).or_default() += delta;
                // Merging costs a pass over all cells: seldom enough that it costs each new cell a few moves.
                if self.recent.len() > 4_096 && self.recent.len() > self.sorted.len() / 8 {
                    self.merge();
                }
            }
        }
    }

    fn merge(&mut self) {
        self.sorted.extend(self.recent.drain());
        self.recent = HashMap::new();
        self.sorted.retain(|(_, count)| !count.is_zero());
        self.sorted.sort_unstable_by_key(|(packed, _)| *packed);
        self.sorted.shrink_to_fit();
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Packed, Count)> {
        let recent = self.recent.iter().map(|(packed, count)| (packed, *count));
        self.sorted.iter().map(|(packed, count)| (packed, *count)).chain(recent)
    }

    fn pack(&mut self, key: &CellKey) -> Packed {
        Packed {
            source: self.sources.put(Source { team_id: key.team_id, org_unit_id: key.org_unit_id }),
            place: self.places.put(key.locality_id),
            day: key.day,
            indicator: u16::try_from(self.indicators.put(key.indicator_id)).unwrap_or(u16::MAX),
            topic: key.topic,
            audience: key.audience,
        }
    }

    fn unpack(&self, packed: &Packed) -> CellKey {
        let Source { team_id, org_unit_id } = self.sources.get(packed.source);
        CellKey {
            indicator_id: self.indicators.get(u32::from(packed.indicator)),
            team_id,
            org_unit_id,
            locality_id: self.places.get(packed.place),
            day: packed.day,
            topic: packed.topic,
            audience: packed.audience,
        }
    }

    /// Teams and units that ever reported, in the order in which they did first.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.sources.all.iter().copied()
    }

    /// The cells of a slice.
    fn of_slice<'a>(&'a self, slice: &'a Slice<'_>) -> impl Iterator<Item = (&'a Packed, Count)> {
        // What was never counted has no cell.
        let indicator = self.indicators.index.get(&slice.indicator_id).copied();
        let sources = slice.source.map(|holds| self.sources.table(holds));
        let places = slice.place.map(|holds| self.places.table(holds));
        let holds = |table: &Option<Table<bool>>, at: u32| {
            table.as_ref().is_none_or(|table| table.at(at).copied().unwrap_or(false))
        };
        self.all().filter(move |(cell, _)| {
            Some(u32::from(cell.indicator)) == indicator
                && slice.from.is_none_or(|from| from <= cell.day)
                && slice.to.is_none_or(|to| cell.day <= to)
                && slice.topic.is_none_or(|topic| cell.topic == Some(topic))
                && slice.audience.is_none_or(|audience| cell.audience == Some(audience))
                && holds(&sources, cell.source)
                && holds(&places, cell.place)
        })
    }

    /// The figures of a slice, by group.
    #[must_use]
    pub fn groups<K: Ord + Clone>(&self, slice: &Slice<'_>, by: &By<'_, K>) -> BTreeMap<K, Count> {
        let wanted = self.of_slice(slice);
        match by {
            By::Source(of) => sums_by(self.sources.all.len(), wanted.map(|(cell, count)| (cell.source, count)))
                .map(|(at, count)| (of(self.sources.get(at)), count))
                .fold(BTreeMap::new(), add_up),
            By::Place(of) => sums_by(self.places.all.len(), wanted.map(|(cell, count)| (cell.place, count)))
                .map(|(at, count)| (of(self.places.get(at)), count))
                .fold(BTreeMap::new(), add_up),
            By::Day(of) => {
                let mut days: HashMap<NaiveDate, Count> = HashMap::new();
                wanted.for_each(|(cell, count)| *days.entry(cell.day).or_default() += count);
                days.into_iter().map(|(day, count)| (of(day), count)).fold(BTreeMap::new(), add_up)
            }
            By::Topic(of) => {
                let mut topics: HashMap<Option<Topic>, Count> = HashMap::new();
                wanted.for_each(|(cell, count)| *topics.entry(cell.topic).or_default() += count);
                topics.into_iter().map(|(topic, count)| (of(topic), count)).fold(BTreeMap::new(), add_up)
            }
            By::Audience(of) => {
                let mut audiences: HashMap<Option<Audience>, Count> = HashMap::new();
                wanted.for_each(|(cell, count)| *audiences.entry(cell.audience).or_default() += count);
                audiences.into_iter().map(|(audience, count)| (of(audience), count)).fold(BTreeMap::new(), add_up)
            }
        }
    }

    /// The figures of a slice by day, of each group of teams and units; those without a group are left out.
    #[must_use]
    pub fn days_by_source<K: Ord + Clone>(
        &self,
        slice: &Slice<'_>,
        of: &dyn Fn(Source) -> Option<K>,
    ) -> BTreeMap<K, BTreeMap<NaiveDate, Count>> {
        let mut sums: HashMap<(u32, NaiveDate), Count> = HashMap::new();
        self.of_slice(slice).for_each(|(cell, count)| *sums.entry((cell.source, cell.day)).or_default() += count);
        let table = self.sources.table(of);
        let mut groups: BTreeMap<K, BTreeMap<NaiveDate, Count>> = BTreeMap::new();
        for ((source, day), count) in sums {
            if let Some(Some(group)) = table.at(source) {
                *groups.entry(group.clone()).or_default().entry(day).or_default() += count;
            }
        }
        groups
    }

    /// The two figures of a slice.
    #[must_use]
    pub fn total(&self, slice: &Slice<'_>) -> Count {
        self.groups(slice, &By::Day(&|_| ())).into_values().sum()
    }
}

fn add_up<K: Ord>(mut groups: BTreeMap<K, Count>, (key, count): (K, Count)) -> BTreeMap<K, Count> {
    *groups.entry(key).or_default() += count;
    groups
}

/// Adds up by small numbers; those to which nothing came are left out.
fn sums_by(numbers: usize, cells: impl Iterator<Item = (u32, Count)>) -> impl Iterator<Item = (u32, Count)> {
    let mut sums: Vec<Option<Count>> = vec![None; numbers];
    for (at, count) in cells {
        if let Some(sum) = usize::try_from(at).ok().and_then(|at| sums.get_mut(at)) {
            *sum.get_or_insert_default() += count;
        }
    }
    (0..).zip(sums).filter_map(|(at, sum)| Some((at, sum?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::Turns;
    use proptest::prelude::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 6, day).unwrap()
    }

    fn key(unit: u128, day_of_june: u32, topic: usize) -> CellKey {
        CellKey {
            indicator_id: Uuid::from_u128(7),
            team_id: Uuid::from_u128(unit * 10),
            org_unit_id: Uuid::from_u128(unit),
            locality_id: Uuid::from_u128(900),
            day: day(day_of_june),
            topic: Some(Topic::ALL[topic]),
            audience: Some(Audience::Residents),
        }
    }

    fn count(reported: i64, verified: i64) -> Count {
        Count { reported: Turns(reported), verified: Turns(verified) }
    }

    #[test]
    fn a_cell_takes_thirty_two_bytes() {
        assert_eq!(size_of::<(Packed, Count)>(), 32);
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

    proptest! {
        /// Any grouping of a slice adds up to the slice, and the slice to a naive sum; loaded, folded and moved cubes say
        /// the same.
        #[test]
        fn groups_add_up(
            rows in proptest::collection::vec((1u128..5, 1u32..28, 0usize..15, -50i64..500), 0..60),
            from in 1u32..28,
            cut in 0usize..60,
        ) {
            let entries: Vec<_> = (1i64..)
                .zip(&rows)
                .map(|(seq, (unit, day, topic, turns))| Entry { seq, key: key(*unit, *day, *topic), delta: count(*turns, 0) })
                .collect();
            let mut folded = Cube::default();
            for entry in &entries {
                folded.apply(entry).unwrap();
            }
            let cut = cut.min(entries.len());
            let head = i64::try_from(entries.len()).unwrap();
            let of = |entries: &[Entry]| entries.iter().map(|e| (e.key, e.delta)).collect::<Vec<_>>();
            let loaded = Cube::load(i64::try_from(cut).unwrap(), of(&entries[..cut]));
            let forward = loaded.clone().moved_to(head, of(&entries[cut..]));
            let back = folded.clone().moved_to(
                i64::try_from(cut).unwrap(),
                of(&entries[cut..]).into_iter().map(|(key, delta)| (key, Count::default() - delta)),
            );
            let odd = |source: Source| source.org_unit_id.as_u128() % 2 == 1;
            let slice = Slice {
                indicator_id: Uuid::from_u128(7),
                source: Some(&odd),
                from: Some(day(from)),
                ..Slice::default()
            };
            let naive = |rows: &[(u128, u32, usize, i64)]| -> i64 {
                rows.iter().filter(|(u, d, _, _)| u % 2 == 1 && *d >= from).map(|r| r.3).sum()
            };
            for cube in [&folded, &forward] {
                prop_assert_eq!(cube.ledger_seq(), head);
                prop_assert_eq!(cube.total(&slice), count(naive(&rows), 0));
            }
            for cube in [&loaded, &back] {
                prop_assert_eq!(cube.total(&slice), count(naive(&rows[..cut]), 0));
            }
            let total = folded.total(&slice);
            let mut by_unit = folded.days_by_source(&slice, &|source| Some(source.org_unit_id));
            for (unit, days) in folded.groups(&slice, &By::Source(&|source| source.org_unit_id)) {
                prop_assert_eq!(by_unit.remove(&unit).unwrap_or_default().into_values().sum::<Count>(), days);
            }
            prop_assert!(by_unit.is_empty());
            let by_day: Count = folded.groups(&slice, &By::Day(&|day| day)).into_values().sum();
            let by_topic: Count = folded.groups(&slice, &By::Topic(&|topic| topic)).into_values().sum();
            let by_team: Count = folded.groups(&slice, &By::Source(&|source| source.team_id)).into_values().sum();
            let by_place: Count = folded.groups(&slice, &By::Place(&|place| place)).into_values().sum();
            prop_assert_eq!([by_day, by_topic, by_team, by_place], [total; 4]);
            prop_assert_eq!(Cube::load(head, folded.cells()).total(&slice), total);
        }
    }
}
