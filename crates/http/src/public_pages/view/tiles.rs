//! The tile map as its template wants it.

use super::{Dashboard, Lang, Look, Words, format};
use crate::public_pages::{
    look::page_of,
    map::{Scale, Square, TileMap},
};

/// A square of the map, or a unit beside it.
#[derive(Debug)]
pub(in crate::public_pages) struct TileView {
    /// Row and column of the grid, from 1; 0 beside the map.
    pub(super) row: u16,
    pub(super) column: u16,
    pub(super) level: u8,
    pub(super) href: String,
    /// The unit's whole name and figures.
    pub(super) says: String,
    /// The unit's name, for squares beside the map.
    pub(super) name: String,
    pub(super) short: &'static str,
    pub(super) long: [&'static str; 2],
    pub(super) number: String,
}

/// An archipelago.
#[derive(Debug)]
pub(in crate::public_pages) struct Isles {
    pub(super) row: u16,
    pub(super) column: u16,
    pub(super) name: [&'static str; 2],
    pub(super) says: String,
}

/// The map and what stands around it.
#[derive(Debug)]
pub(in crate::public_pages) struct MapView {
    pub(super) columns: u16,
    pub(super) tiles: Vec<TileView>,
    pub(super) beside: Vec<TileView>,
    pub(super) isles: Vec<Isles>,
    pub(super) legend: Vec<(u8, String)>,
    /// What the number in a square is.
    pub(super) scale_says: &'static str,
}

impl MapView {
    /// Lays out the map.
    pub(super) fn new(page: &Dashboard, look: &Look) -> Self {
        let (lang, t) = (look.lang, Words::of(look.lang));
        let map = TileMap::new(page, lang);
        let view = |square: &Square<'_>| {
            let name = square.unit.name.in_lang(lang).0.to_owned();
            TileView {
                row: square.tile.map_or(0, |tile| tile.row.saturating_add(1)),
                column: square.tile.map_or(0, |tile| tile.column.saturating_add(1)),
                level: square.level,
                href: look.href(&page_of(square.unit)),
                says: says(&name, square, map.scale, lang),
                name,
                short: square.tile.map_or("", |tile| tile.short),
                long: square.tile.map_or(["", ""], |tile| tile.long),
                number: square.number.clone(),
            }
        };
        let isles = map.archipelagos.iter().map(|isles| {
            let province = map.layout.tile(isles.province).map(|tile| tile.long.join(" ")).unwrap_or_default();
            let [a, b] = isles.name;
            let says = match lang {
                Lang::Vi => format!("Quần đảo {a} {b} {} {province}", t.isles_of),
                Lang::En => format!("{a} {b} archipelago, {} {province}", t.isles_of),
            };
            Isles { row: isles.row + 1, column: isles.column + 1, name: isles.name, says }
        });
        Self {
            columns: map.layout.columns,
            tiles: map.squares.iter().map(view).collect(),
            beside: map.beside.iter().map(view).collect(),
            isles: isles.collect(),
            legend: map.legend.clone(),
            scale_says: if map.scale == Scale::OwnTarget { t.map_target } else { t.map_share },
        }
    }
}

/// A square in a sentence.
fn says(name: &str, square: &Square<'_>, scale: Scale, lang: Lang) -> String {
    let number = &square.number;
    let reported = format::number(square.unit.figures.reported, lang);
    match (square.unit.figures.reported, scale, lang) {
        (0, _, Lang::Vi) => format!("{name}: chưa có báo cáo"),
        (0, _, Lang::En) => format!("{name}: nothing reported yet"),
        (_, Scale::OwnTarget, Lang::Vi) => format!("{name}: {number} chỉ tiêu giao, {reported} lượt"),
        (_, Scale::OwnTarget, Lang::En) => format!("{name}: {number} of its own target, {reported} turns"),
        (_, Scale::Share, Lang::Vi) => format!("{name}: {number} cả nước, {reported} lượt"),
        (_, Scale::Share, Lang::En) => format!("{name}: {number} of the country, {reported} turns"),
    }
}
