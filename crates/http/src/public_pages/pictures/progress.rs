//! The figure towards the target: the number, the percentage, the bar.

use super::{Sheet, Stand};
use crate::public_pages::{
    bars::Gauge,
    format,
    input::{Dashboard, Lang, Theme},
    view::summary,
};

/// Draws the picture.
pub(in crate::public_pages) fn render(page: &Dashboard, lang: Lang, theme: Theme, width: u32) -> String {
    let mut sheet = Sheet::new(page, lang, theme, width);
    sheet.head();
    figure(&mut sheet);
    if page.target > 0 {
        bar(&mut sheet);
    }
    legend(&mut sheet);
    sheet.finish(&summary(page.total, page.target, lang))
}

/// The figure, and the percentage at the other end of its line where both have room.
fn figure(sheet: &mut Sheet<'_>) {
    let (page, lang, t, c) = (sheet.page, sheet.lang, sheet.t, sheet.c);
    let figure = format::number(page.total.reported, lang);
    let percent = format::percent(page.total.reported, page.target, lang).unwrap_or_default();
    let (figures, percents) = (figure.chars().count() as f64, percent.chars().count() as f64);
    // Digits of the boldest system fonts are some 0.62 em wide; the percentage is half as high.
    let fits = sheet.inner() / ((figures + percents * 0.5 + 0.8) * 0.62);
    let size = fits.min(sheet.w / 6.5).min(200.0);
    let (start, end) = (sheet.pad, sheet.w - sheet.pad);
    sheet.y += size * 1.1;
    sheet.styled((start, sheet.y), size, ("a", c.accent), Stand::Start, r#" font-weight="800""#, &figure);
    if !percent.is_empty() {
        sheet.styled((end, sheet.y), size * 0.5, ("i", c.ink), Stand::End, r#" font-weight="700""#, &percent);
    }
    let small = (sheet.w / 44.0).clamp(13.0, 24.0);
    sheet.y += small * 1.55;
    sheet.text((start, sheet.y), small, ("s", c.soft), Stand::Start, t.turns_reported);
    if !percent.is_empty() {
        sheet.text((end, sheet.y), small, ("s", c.soft), Stand::End, t.of_target);
    }
}

fn bar(sheet: &mut Sheet<'_>) {
    let (page, c, inner) = (sheet.page, sheet.c, sheet.inner());
    let gauge = Gauge::new(page.total, page.target, sheet.lang);
    let high = (sheet.w / 32.0).clamp(14.0, 40.0);
    let small = (sheet.w / 50.0).clamp(12.0, 22.0);
    let (x, at) = (sheet.pad, |percent: &str| inner * percent.parse::<f64>().unwrap_or(0.0) / 100.0);
    sheet.y += small * 1.3;
    let y = sheet.y;
    let (verified, pending) = (at(&gauge.bar.verified), at(&gauge.bar.pending));
    sheet.rect("t", c.track, (x, y), (inner, high));
    sheet.rect("a", c.accent, (x, y), (verified, high));
    sheet.rect("h", "url(#tinhnguyen-hatch)", (x + verified, y), (pending, high));
    for mark in &gauge.marks {
        sheet.rect("p", c.paper, (x + at(&mark.at) - 1.0, y), (2.0, high));
    }
    if let Some(target) = gauge.target_at.as_deref().filter(|_| gauge.exceeded) {
        sheet.rect("i", c.ink, (x + at(target) - 2.0, y - small * 0.4), (4.0, high + small * 0.8));
    }
    sheet.y += high;
}

/// Beneath the bar: what is verified, and the target; in two lines where one is too short.
fn legend(sheet: &mut Sheet<'_>) {
    let (page, lang, t, c) = (sheet.page, sheet.lang, sheet.t, sheet.c);
    let small = (sheet.w / 50.0).clamp(12.0, 22.0);
    let verified = format!("{}: {}", t.verified, format::number(page.total.verified, lang));
    let target = format!("{}: {}", t.target, format::number(page.target, lang));
    let letters = (verified.chars().count() + target.chars().count() + 4) as f64;
    let (start, end) = (sheet.pad, sheet.w - sheet.pad);
    sheet.y += small * 1.75;
    sheet.text((start, sheet.y), small, ("i", c.ink), Stand::Start, &verified);
    if page.target > 0 {
        if letters * small * 0.58 > sheet.inner() {
            sheet.y += small * 1.5;
            sheet.text((start, sheet.y), small, ("i", c.ink), Stand::Start, &target);
        } else {
            sheet.text((end, sheet.y), small, ("i", c.ink), Stand::End, &target);
        }
    }
}
