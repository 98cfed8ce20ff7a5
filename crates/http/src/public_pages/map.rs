//! The tile map as figures: which province is coloured how, what stands in its square, and who has no square.

use super::{
    format,
    input::{Dashboard, Figures, Lang, Unit},
    tiles::{Archipelago, Layout, Tile, generation},
};

/// How strong a square's colour is: 0 nothing reported, then 1 to 5.
pub(super) type Level = u8;

/// What the colours and numbers of the map are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Percent of the unit's own target.
    OwnTarget,
    /// Percent of all that was reported.
    Share,
}

/// A unit on the map or beside it.
#[derive(Debug)]
pub(super) struct Square<'a> {
    /// The unit.
    pub(super) unit: &'a Unit,
    /// Where it stands; `None` beside the map.
    pub(super) tile: Option<&'static Tile>,
    /// How strong its colour is.
    pub(super) level: Level,
    /// The number in it.
    pub(super) number: String,
}

/// The map.
#[derive(Debug)]
pub(super) struct TileMap<'a> {
    /// Columns and rows.
    pub(super) layout: &'static Layout,
    /// What it tells.
    pub(super) scale: Scale,
    /// The provinces, from the north-west.
    pub(super) squares: Vec<Square<'a>>,
    /// Unions without a square of their own.
    pub(super) beside: Vec<Square<'a>>,
    /// The archipelagos whose province has a square.
    pub(super) archipelagos: Vec<Archipelago>,
    /// The bounds of the levels 1 to 5, in words.
    pub(super) legend: Vec<(Level, String)>,
}

impl<'a> TileMap<'a> {
    /// Colours the units. By percent of their own targets when every one that reported has a target, by their shares
    /// otherwise: two scales in one picture would deceive.
    pub(super) fn new(page: &'a Dashboard, lang: Lang) -> Self {
        let map_of = generation(page.units.iter().filter_map(|unit| unit.province.as_ref()));
        let layout = Layout::of(map_of);
        let heard = || page.units.iter().filter(|unit| unit.figures != Figures::default());
        let has_target = |unit: &Unit| unit.target.is_some_and(|target| target > 0);
        let any = page.units.iter().any(has_target);
        let scale = if any && heard().all(has_target) { Scale::OwnTarget } else { Scale::Share };
        let most = page.units.iter().map(|unit| unit.figures.reported).max().unwrap_or(0);
        let square = |unit: &'a Unit| {
            let reported = unit.figures.reported;
            let (level, number) = match scale {
                Scale::OwnTarget => {
                    let target = unit.target.unwrap_or(0);
                    (of_target(reported, target), format::short_percent(reported, target, lang))
                }
                Scale::Share => (of_most(reported, most), format::short_percent(reported, page.total.reported, lang)),
            };
            let province = unit.province.as_ref().filter(|province| province.generation == map_of);
            Square {
                unit,
                tile: province.and_then(|province| layout.tile(&province.code)),
                level,
                number: if reported == 0 { "0".to_owned() } else { number.unwrap_or_else(|| "0".to_owned()) },
            }
        };
        let (mut squares, beside): (Vec<_>, Vec<_>) = page.units.iter().map(square).partition(|s| s.tile.is_some());
        squares.sort_by_key(|square| square.tile.map(|tile| (tile.row, tile.column)));
        let is_there = |isles: &Archipelago| squares.iter().any(|s| s.tile.is_some_and(|t| t.code == isles.province));
        let archipelagos = layout.archipelagos.into_iter().filter(is_there).collect();
        Self { layout, scale, squares, beside, archipelagos, legend: legend(scale, most, page.total.reported, lang) }
    }
}

/// Quarters of the target; 5 is reserved for who has reached it.
fn of_target(reported: i64, target: i64) -> Level {
    if reported <= 0 || target <= 0 {
        return 0;
    }
    let quarters = i128::from(reported) * 4 / i128::from(target);
    u8::try_from(quarters.min(4)).unwrap_or(4) + 1
}

/// By the most that any unit reported, in steps that grow (1, 4, 9, 16 and 25 of 25): a few units report many times as much as
/// most, and even steps would paint all the others alike.
fn of_most(reported: i64, most: i64) -> Level {
    if reported <= 0 || most <= 0 {
        return 0;
    }
    let within = |level: &Level| i128::from(reported) * 25 <= i128::from(most) * i128::from(*level).pow(2);
    (1..5).find(within).unwrap_or(5)
}

fn legend(scale: Scale, most: i64, total: i64, lang: Lang) -> Vec<(Level, String)> {
    let none = match lang {
        Lang::Vi => "Chưa báo cáo",
        Lang::En => "Nothing yet",
    };
    let mut legend = vec![(0, none.to_owned())];
    match scale {
        Scale::OwnTarget => {
            let bounds = ["0–25%", "25–50%", "50–75%", "75–100%", "100%+"];
            legend.extend((1..=5).zip(bounds.map(ToOwned::to_owned)));
        }
        Scale::Share => {
            let bound = |level: Level| {
                let turns = i64::try_from(i128::from(most) * i128::from(level).pow(2) / 25).ok()?;
                format::percent(turns, total, lang)
            };
            legend.extend((1..=5).filter_map(|level: Level| {
                let (from, to) = (bound(level - 1)?, bound(level)?);
                Some((level, format!("{}–{to}", from.trim_end_matches('%'))))
            }));
        }
    }
    legend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_quarters_of_the_target_or_growing_steps_to_the_most() {
        let levels = [0, 1, 24, 25, 50, 99, 100, 300].map(|reported| of_target(reported, 100));
        assert_eq!(levels, [0, 1, 1, 2, 3, 4, 5, 5]);
        assert_eq!(
            [0, 1, 4, 5, 16, 17, 64, 65, 100].map(|reported| of_most(reported, 100)),
            [0, 1, 1, 2, 2, 3, 4, 5, 5]
        );
        assert_eq!((of_target(5, 0), of_most(i64::MAX, i64::MAX), of_target(i64::MAX, 1)), (0, 5, 5));
    }
}
