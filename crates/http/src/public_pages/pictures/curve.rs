//! The curve: cumulative turns by day against an even pace, and the forecast.

use super::{Sheet, Stand, width_of};
use crate::public_pages::{
    curve::{Curve, Size},
    format,
    input::{Dashboard, Lang, Theme},
    view::curve_says,
};

/// Draws the picture.
pub(in crate::public_pages) fn render(page: &Dashboard, lang: Lang, theme: Theme, width: u32) -> String {
    let mut sheet = Sheet::new(page, lang, theme, width);
    sheet.head();
    let size = Size { w: sheet.inner(), h: (sheet.inner() * 0.5).clamp(170.0, 520.0) };
    let curve = Curve::new(page, lang, size);
    figure(&mut sheet);
    legend(&mut sheet, &curve);
    sheet.y += (sheet.w / 30.0).clamp(14.0, 34.0);
    plot(&mut sheet, &curve, size);
    sheet.finish(&curve_says(page, lang))
}

fn figure(sheet: &mut Sheet<'_>) {
    let (page, lang) = (sheet.page, sheet.lang);
    let figure = format::number(page.total.reported, lang);
    let percent = format::percent(page.total.reported, page.target, lang);
    let percent = percent.map(|percent| format!(" · {percent} {}", sheet.t.of_target)).unwrap_or_default();
    let size = (sheet.w / 30.0).clamp(15.0, 34.0);
    sheet.y += size * 1.4;
    let line = format!("{figure} {}{percent}", sheet.t.turns_reported);
    let size = size.min(sheet.inner() / width_of(&line, 1.0));
    let at = (sheet.pad, sheet.y);
    sheet.styled(at, size, ("a", sheet.c.accent), Stand::Start, r#" font-weight="700""#, &line);
}

/// What the lines are, in as many rows as they need.
fn legend(sheet: &mut Sheet<'_>, curve: &Curve) {
    let (t, c) = (sheet.t, sheet.c);
    let size = (sheet.w / 56.0).clamp(11.0, 18.0);
    let key = size * 1.8;
    let mut x = sheet.pad;
    sheet.y += size * 2.0;
    let has_figures = curve.end.is_some();
    let entries = [
        ("reported", t.reported, has_figures),
        ("verified", t.verified, has_figures),
        ("pace", t.pace, !curve.pace.is_empty()),
        ("forecast", t.forecast, curve.forecast.is_some()),
        ("band", t.forecast_band, curve.band.is_some()),
    ];
    for (kind, words, _) in entries.into_iter().filter(|(.., there)| *there) {
        let wide = key + size * 0.5 + width_of(words, size);
        if x > sheet.pad && x + wide > sheet.w - sheet.pad {
            x = sheet.pad;
            sheet.y += size * 1.6;
        }
        let (y, high) = (sheet.y - size * 0.8, size);
        let middle = y + high / 2.0;
        match kind {
            "reported" => {
                sheet.rect("m", c.mid, (x, y), (key, high));
                sheet.rect("a", c.accent, (x, y), (key, 2.5));
            }
            "verified" => sheet.rect("a", c.accent, (x, y), (key, high)),
            "band" => sheet.draw(format_args!(
                r#"<rect class="a" x="{x:.1}" y="{y:.1}" width="{key:.1}" height="{high:.1}" fill="{}" opacity=".18"/>"#,
                c.accent
            )),
            _ => {
                let path = format!("M{x:.1} {middle:.1}h{key:.1}");
                line(sheet, &path, kind == "forecast");
            }
        }
        let at = (x + key + size * 0.5, sheet.y);
        sheet.text(at, size, ("i", c.ink), Stand::Start, words);
        x += wide + size * 1.6;
    }
}

/// The even pace is dashed, the forecast dotted.
fn line(sheet: &mut Sheet<'_>, path: &str, forecast: bool) {
    let c = sheet.c;
    if forecast {
        sheet.draw(format_args!(
            r#"<path class="sa" d="{path}" fill="none" stroke="{}" stroke-width="3.5" stroke-linecap="round" stroke-dasharray=".1 8"/>"#,
            c.accent
        ));
    } else {
        sheet.draw(format_args!(
            r#"<path class="si" d="{path}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="7 6"/>"#,
            c.ink
        ));
    }
}

fn plot(sheet: &mut Sheet<'_>, curve: &Curve, size: Size) {
    let (c, left, top) = (sheet.c, sheet.pad, sheet.y);
    let small = (sheet.w / 60.0).clamp(11.0, 16.0);
    let bottom = top + size.h;
    let at = |percent: &str| percent.parse::<f64>().unwrap_or(0.0) / 100.0;
    for mark in &curve.turns {
        let y = bottom - size.h * at(&mark.at);
        rule(sheet, "se", c.edge, y, 1.0);
        sheet.text((left, y + small * 1.2), small, ("s", c.soft), Stand::Start, &mark.label);
    }
    sheet.draw(format_args!(r#"<g transform="translate({left:.1} {top:.1})">"#));
    if let Some(band) = &curve.band {
        sheet.draw(format_args!(r#"<path class="a" d="{band}" fill="{}" opacity=".18"/>"#, c.accent));
    }
    if curve.end.is_some() {
        sheet.draw(format_args!(r#"<path class="m" d="{}" fill="{}"/>"#, curve.reported_area, c.mid));
        sheet.draw(format_args!(r#"<path class="a" d="{}" fill="{}"/>"#, curve.verified_area, c.accent));
        sheet.draw(format_args!(
            r#"<path class="sa" d="{}" fill="none" stroke="{}" stroke-width="3" stroke-linejoin="round"/>"#,
            curve.reported_line, c.accent
        ));
    }
    if !curve.pace.is_empty() {
        sheet.draw(format_args!(
            r#"<path class="sp" d="{}" fill="none" stroke="{}" stroke-width="5"/>"#,
            curve.pace, c.paper
        ));
        line(sheet, &curve.pace, false);
    }
    if let Some(forecast) = &curve.forecast {
        line(sheet, forecast, true);
    }
    if let Some((x, y)) = &curve.end {
        sheet.draw(format_args!(r#"<circle class="a" cx="{x}" cy="{y}" r="6.5" fill="{}"/>"#, c.accent));
        sheet.draw(format_args!(r#"<circle class="p" cx="{x}" cy="{y}" r="3" fill="{}"/>"#, c.paper));
    }
    sheet.draw(format_args!("</g>"));
    if let Some(target) = &curve.target_at {
        let y = bottom - size.h * at(target);
        rule(sheet, "si", c.ink, y, 2.0);
        let words = format!("{} {}", sheet.t.target, format::number(sheet.page.target, sheet.lang));
        sheet.styled((left, y - small * 0.5), small, ("i", c.ink), Stand::Start, r#" font-weight="700""#, &words);
    }
    rule(sheet, "si", c.ink, bottom, 2.0);
    sheet.y = bottom + small * 1.5;
    for mark in &curve.days {
        let x = left + size.w * at(&mark.at);
        sheet.text((x, sheet.y), small, ("s", c.soft), Stand::Start, &mark.label);
    }
    sheet.text((left + size.w, sheet.y), small, ("s", c.soft), Stand::End, &curve.last);
}

fn rule(sheet: &mut Sheet<'_>, class: &str, colour: &str, y: f64, wide: f64) {
    let (from, to) = (sheet.pad, sheet.w - sheet.pad);
    sheet.draw(format_args!(
        r#"<path class="{class}" d="M{from:.1} {y:.1}H{to:.1}" stroke="{colour}" stroke-width="{wide:.1}"/>"#
    ));
}
