//! A cube by columns, for storing it: alike values lie side by side, so that it packs well.

use super::cube::{Cube, Interned, Packed, Source};
use crate::{
    catalogue::{Audience, Topic},
    counting::{Count, Turns},
};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A cube by columns. Words are told by their text once, so that a later version reads them whatever its order of words is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    seq: i64,
    indicators: Vec<Uuid>,
    teams: Vec<Uuid>,
    units: Vec<Uuid>,
    places: Vec<Uuid>,
    topics: Vec<String>,
    audiences: Vec<String>,
    indicator: Vec<u16>,
    /// Numbers of a source, each as its distance from the one before.
    source: Vec<u32>,
    place: Vec<u32>,
    /// Days since 2000-01-01.
    day: Vec<u32>,
    /// 0 is none.
    topic: Vec<u8>,
    audience: Vec<u8>,
    reported: Vec<i64>,
    verified: Vec<i64>,
}

/// Columns that don't make a cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the columns of a stored cube don't fit each other")]
pub struct Misfit;

const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// The number of a word from 1, 0 for none.
fn number<T: PartialEq>(all: &[T], word: Option<&T>) -> u8 {
    let at = word.and_then(|word| all.iter().position(|known| known == word));
    at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
}

impl From<&Cube> for Columns {
    fn from(cube: &Cube) -> Self {
        let mut cells: Vec<(&Packed, Count)> = cube.all().filter(|(_, count)| !count.is_zero()).collect();
        cells.sort_unstable_by_key(|(packed, _)| **packed);
        let mut last = 0;
        let source = cells.iter().map(|(cell, _)| cell.source - std::mem::replace(&mut last, cell.source)).collect();
        let day = |day: NaiveDate| u32::try_from((day - EPOCH).num_days()).unwrap_or(0);
        Self {
            seq: cube.ledger_seq(),
            indicators: cube.indicators.all.clone(),
            teams: cube.sources().map(|source| source.team_id).collect(),
            units: cube.sources().map(|source| source.org_unit_id).collect(),
            places: cube.places.all.clone(),
            topics: Topic::WORDS.iter().map(ToString::to_string).collect(),
            audiences: Audience::WORDS.iter().map(ToString::to_string).collect(),
            indicator: cells.iter().map(|(cell, _)| cell.indicator).collect(),
            source,
            place: cells.iter().map(|(cell, _)| cell.place).collect(),
            day: cells.iter().map(|(cell, _)| day(cell.day)).collect(),
            topic: cells.iter().map(|(cell, _)| number(Topic::ALL, cell.topic.as_ref())).collect(),
            audience: cells.iter().map(|(cell, _)| number(Audience::ALL, cell.audience.as_ref())).collect(),
            reported: cells.iter().map(|(_, count)| count.reported.0).collect(),
            verified: cells.iter().map(|(_, count)| count.verified.0).collect(),
        }
    }
}

/// The values of words that were stored by their text.
fn words<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, Misfit> {
    texts.iter().map(|text| text.parse().map_err(|_| Misfit)).collect()
}

fn word<T: Copy>(all: &[T], number: u8) -> Result<Option<T>, Misfit> {
    match usize::from(number).checked_sub(1) {
        None => Ok(None),
        Some(at) => all.get(at).copied().map(Some).ok_or(Misfit),
    }
}

impl TryFrom<Columns> for Cube {
    type Error = Misfit;

    fn try_from(columns: Columns) -> Result<Self, Misfit> {
        let topics: Vec<Topic> = words(&columns.topics)?;
        let audiences: Vec<Audience> = words(&columns.audiences)?;
        let sources = columns.teams.iter().zip(&columns.units);
        let sources = sources.map(|(team_id, org_unit_id)| Source { team_id: *team_id, org_unit_id: *org_unit_id });
        let sources = Interned::from_iter(sources);
        let cells = columns.source.len();
        let lengths = [
            columns.indicator.len(),
            columns.place.len(),
            columns.day.len(),
            columns.topic.len(),
            columns.audience.len(),
            columns.reported.len(),
            columns.verified.len(),
        ];
        if lengths.iter().any(|length| *length != cells) || columns.teams.len() != columns.units.len() {
            return Err(Misfit);
        }
        let mut sorted = Vec::with_capacity(cells);
        let mut source = 0_u32;
        let rows = columns
            .source
            .iter()
            .zip(&columns.place)
            .zip(&columns.day)
            .zip(&columns.indicator)
            .zip(&columns.topic)
            .zip(&columns.audience)
            .zip(&columns.reported)
            .zip(&columns.verified);
        for (((((((step, place), day), indicator), topic), audience), reported), verified) in rows {
            source = source.checked_add(*step).ok_or(Misfit)?;
            let packed = Packed {
                source,
                place: *place,
                day: EPOCH.checked_add_days(Days::new(u64::from(*day))).ok_or(Misfit)?,
                indicator: *indicator,
                topic: word(&topics, *topic)?,
                audience: word(&audiences, *audience)?,
            };
            let known = sources.has(source)
                && usize::try_from(*place).is_ok_and(|at| at < columns.places.len())
                && usize::from(*indicator) < columns.indicators.len();
            if !known {
                return Err(Misfit);
            }
            sorted.push((packed, Count { reported: Turns(*reported), verified: Turns(*verified) }));
        }
        sorted.sort_unstable_by_key(|(packed, _)| *packed);
        Ok(Self {
            seq: columns.seq,
            indicators: Interned::from_iter(columns.indicators),
            sources,
            places: Interned::from_iter(columns.places),
            sorted,
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{CellKey, Entry};

    fn cube() -> Cube {
        let mut cube = Cube::default();
        for seq in 1..=40 {
            let n = u128::try_from(seq).unwrap();
            let key = CellKey {
                indicator_id: Uuid::from_u128(n % 2),
                team_id: Uuid::from_u128(100 + n % 7),
                org_unit_id: Uuid::from_u128(200 + n % 3),
                locality_id: Uuid::from_u128(300 + n % 5),
                day: NaiveDate::from_ymd_opt(2024, 6, u32::try_from(n % 28).unwrap() + 1).unwrap(),
                topic: (n % 4 > 0).then(|| Topic::ALL[usize::try_from(n % 15).unwrap()]),
                audience: (n % 4 > 0).then_some(Audience::Children),
            };
            let delta = Count { reported: Turns(seq - 20), verified: Turns(seq % 3) };
            cube.apply(&Entry { seq, key, delta }).unwrap();
        }
        cube
    }

    fn sorted(cube: &Cube) -> Vec<String> {
        let mut cells: Vec<_> = cube.cells().map(|cell| format!("{cell:?}")).collect();
        cells.sort();
        cells
    }

    #[test]
    fn a_cube_comes_back_from_its_columns() {
        let cube = cube();
        let back = Cube::try_from(Columns::from(&cube)).unwrap();
        assert_eq!((back.ledger_seq(), sorted(&back)), (40, sorted(&cube)));
        assert!(sorted(&cube).len() > 30);
    }

    #[test]
    fn columns_that_were_cut_or_name_what_is_not_there_are_refused() {
        let whole = Columns::from(&cube());
        let cut = Columns { verified: whole.verified[1..].to_vec(), ..whole.clone() };
        let stranger = Columns { places: vec![], ..whole.clone() };
        let word = Columns { topics: vec!["astrology".into()], ..whole.clone() };
        for bad in [cut, stranger, word] {
            assert_eq!(Cube::try_from(bad).err(), Some(Misfit));
        }
        assert!(Cube::try_from(whole).is_ok());
    }
}
