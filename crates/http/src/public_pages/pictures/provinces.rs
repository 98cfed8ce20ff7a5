//! The tile map, and beside it, where there is room, the ranking.

use super::{Sheet, Stand, width_of, wrap};
use crate::public_pages::{
    format,
    input::{Dashboard, Figures, Lang, Theme},
    map::{Scale, Square, TileMap},
    view::summary,
};

/// The side of a square at most, in pixels.
const LARGEST: f64 = 72.0;
/// Between two squares.
const GAP: f64 = 3.0;
/// From this width on the ranking stands beside the map.
const TWO_COLUMNS: f64 = 720.0;

/// Draws the picture.
pub(in crate::public_pages) fn render(page: &Dashboard, lang: Lang, theme: Theme, width: u32) -> String {
    let mut sheet = Sheet::new(page, lang, theme, width);
    let map = TileMap::new(page, lang);
    sheet.head();
    let says = if map.scale == Scale::OwnTarget { sheet.t.map_target } else { sheet.t.map_share };
    sheet.small(says);
    legend(&mut sheet, &map);
    sheet.y += sheet.pad * 0.6;
    let (columns, top) = (f64::from(map.layout.columns), sheet.y);
    let beside = sheet.w >= TWO_COLUMNS;
    let room = if beside { sheet.inner() * 0.52 } else { sheet.inner() };
    let side = ((room + GAP) / columns - GAP).min(LARGEST).floor();
    let wide = columns * (side + GAP) - GAP;
    let left = if beside { sheet.pad } else { sheet.pad + (sheet.inner() - wide) / 2.0 };
    let high = f64::from(map.layout.rows) * (side + GAP) - GAP;
    squares(&mut sheet, &map, (left, top), side);
    sheet.y = top + high;
    if beside {
        let from = sheet.pad + wide + sheet.pad * 1.2;
        ranking(&mut sheet, (from, top), high);
    } else {
        others(&mut sheet, &map);
    }
    let describe = format!("{}. {} {says}", sheet.t.map, summary(page.total, page.target, lang));
    sheet.finish(&describe)
}

fn legend(sheet: &mut Sheet<'_>, map: &TileMap<'_>) {
    let c = sheet.c;
    let size = (sheet.w / 56.0).clamp(11.0, 16.0);
    let mut x = sheet.pad;
    sheet.y += size * 2.0;
    for (level, words) in &map.legend {
        let wide = size * 2.2 + width_of(words, size);
        if x > sheet.pad && x + wide > sheet.w - sheet.pad {
            x = sheet.pad;
            sheet.y += size * 1.6;
        }
        square(sheet, *level, (x, sheet.y - size * 0.85), (size * 1.6, size * 1.1));
        sheet.text((x + size * 2.0, sheet.y), size, ("i", c.ink), Stand::Start, words);
        x += wide + size;
    }
}

/// The colours of the words in a square.
fn words_on(sheet: &Sheet<'_>, level: u8) -> (String, &'static str) {
    let of = usize::from(level).checked_sub(1).and_then(|at| sheet.c.levels.get(at));
    of.map_or_else(|| ("i".to_owned(), sheet.c.ink), |(_, words)| (format!("o{level}"), words))
}

fn square(sheet: &mut Sheet<'_>, level: u8, at: (f64, f64), size: (f64, f64)) {
    match usize::from(level).checked_sub(1).and_then(|at| sheet.c.levels.get(at)) {
        Some((fill, _)) => sheet.rect(&format!("l{level}"), fill, at, size),
        None => outline(sheet, at, size, ""),
    }
}

fn outline(sheet: &mut Sheet<'_>, (x, y): (f64, f64), (w, h): (f64, f64), rest: &str) {
    let (x, y, w, h, soft) = (x + 0.5, y + 0.5, w - 1.0, h - 1.0, sheet.c.soft);
    sheet.draw(format_args!(
        r#"<rect class="ss" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" fill="none" stroke="{soft}"{rest}/>"#
    ));
}

fn squares(sheet: &mut Sheet<'_>, map: &TileMap<'_>, (left, top): (f64, f64), side: f64) {
    let place = |column: u16, row: u16| (left + f64::from(column) * (side + GAP), top + f64::from(row) * (side + GAP));
    let size = (side * 0.25).clamp(9.5, 14.0);
    for of in &map.squares {
        let Some(tile) = of.tile else { continue };
        let (x, y) = place(tile.column, tile.row);
        sheet.draw(format_args!("<g><title>{}</title>", super::escape(&says(sheet, of))));
        square(sheet, of.level, (x, y), (side, side));
        let (class, fill) = words_on(sheet, of.level);
        let middle = x + side / 2.0;
        let long = side >= 46.0;
        let names = if long { tile.long.to_vec() } else { vec![tile.short] };
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let line = size * 1.15;
        let mut at = y + side / 2.0 - line * (names.len() as f64 + 1.0) / 2.0 + size * 0.95;
        for name in names {
            sheet.text((middle, at), size, (&class, fill), Stand::Middle, name);
            at += line;
        }
        sheet.styled((middle, at), size, (&class, fill), Stand::Middle, r#" font-weight="700""#, &of.number);
        sheet.draw(format_args!("</g>"));
    }
    for isles in &map.archipelagos {
        let (x, y) = place(isles.column, isles.row);
        outline(sheet, (x, y), (side, side), r#" stroke-dasharray="3 3""#);
        let soft = sheet.c.soft;
        for (name, down) in isles.name.iter().zip([0.45, 0.75]) {
            sheet.text((x + side / 2.0, y + side * down), size * 0.9, ("s", soft), Stand::Middle, name);
        }
    }
}

fn says(sheet: &Sheet<'_>, of: &Square<'_>) -> String {
    let name = of.unit.name.in_lang(sheet.lang).0;
    format!("{name}: {} ({})", of.number, format::number(of.unit.figures.reported, sheet.lang))
}

/// As many units as there is room for, the most first.
fn ranking(sheet: &mut Sheet<'_>, (left, top): (f64, f64), high: f64) {
    let (page, lang, c) = (sheet.page, sheet.lang, sheet.c);
    let mut units: Vec<_> = page.units.iter().filter(|unit| unit.figures != Figures::default()).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.figures.reported));
    let fit = (high / 19.0) as usize;
    let row = (high / units.len().clamp(1, fit.max(1)) as f64).min(30.0);
    let size = (row * 0.62).clamp(11.0, 16.0);
    let right = sheet.w - sheet.pad;
    for (at, unit) in units.into_iter().take(fit).enumerate() {
        let y = top + row * at as f64 + size;
        let figure = format::number(unit.figures.reported, lang);
        let most = ((right - left - width_of(&figure, size) - size) / (size * 0.56)).max(4.0) as usize;
        let name = wrap(unit.name.in_lang(lang).0, most, 1).into_iter().next().unwrap_or_default();
        sheet.text((left, y), size, ("i", c.ink), Stand::Start, &name);
        sheet.styled((right, y), size, ("i", c.ink), Stand::End, r#" font-weight="700""#, &figure);
    }
}

/// Unions without a square, beneath the map.
fn others(sheet: &mut Sheet<'_>, map: &TileMap<'_>) {
    let size = (sheet.w / 40.0).clamp(12.0, 16.0);
    sheet.y += size;
    for of in &map.beside {
        let high = size * 2.0;
        sheet.y += GAP;
        let (x, y, wide) = (sheet.pad, sheet.y, sheet.inner());
        square(sheet, of.level, (x, y), (wide, high));
        let (class, fill) = words_on(sheet, of.level);
        let most = ((wide - size * 5.0) / (size * 0.56)) as usize;
        let name = wrap(of.unit.name.in_lang(sheet.lang).0, most, 1).into_iter().next().unwrap_or_default();
        let base = y + size * 1.35;
        sheet.text((x + size * 0.6, base), size, (&class, fill), Stand::Start, &name);
        let end = (x + wide - size * 0.6, base);
        sheet.styled(end, size, (&class, fill), Stand::End, r#" font-weight="700""#, &of.number);
        sheet.y += high;
    }
}
