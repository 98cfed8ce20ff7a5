//! The daily curve: cumulative figures against an even pace, as paths for an inline SVG and marks around it.
//!
//! The SVG is stretched to the page's width and therefore holds lines only; words stand around it in HTML, where they
//! keep their size on a phone.

use super::{
    bars::{self, Mark},
    format,
    input::{Dashboard, Figures, Lang},
};
use chrono::{Days, NaiveDate};
use std::{collections::BTreeMap, fmt::Write as _};

/// Width of the drawing, in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// Height of the drawing, in its own units.
pub(super) const HEIGHT: f64 = 400.0;
/// The most days that a curve shows: some ten years.
const MOST_DAYS: i64 = 3_660;

/// A row of the table beneath the curve.
#[derive(Debug)]
pub(super) struct Row {
    /// The day.
    pub(super) day: String,
    /// What the day added to `reported`.
    pub(super) added: String,
    /// Reported up to and including the day.
    pub(super) reported: String,
    /// Verified up to and including the day.
    pub(super) verified: String,
}

/// The drawing and what stands around it.
#[derive(Debug)]
pub(super) struct Curve {
    /// Path of the area under `reported`; empty when nothing was reported.
    pub(super) reported_area: String,
    /// Path of the line of `reported`.
    pub(super) reported_line: String,
    /// Path of the area under `verified`.
    pub(super) verified_area: String,
    /// Where the line of `reported` ends.
    pub(super) end: Option<(String, String)>,
    /// Path of the even pace; empty without a target.
    pub(super) pace: String,
    /// Height of the target as a percentage from the bottom.
    pub(super) target_at: Option<String>,
    /// Marks of the vertical axis, as percentages from the bottom.
    pub(super) turns: Vec<Mark>,
    /// Marks of the horizontal axis, as percentages from the left.
    pub(super) days: Vec<Mark>,
    /// The last day of the horizontal axis.
    pub(super) last: String,
    /// The table of the same figures, latest day first; days that added nothing are left out.
    pub(super) rows: Vec<Row>,
}

struct Span {
    first: NaiveDate,
    days: i64,
}

impl Span {
    /// From the campaign's first to its last day, widened where days were reported outside of it.
    fn of(page: &Dashboard) -> Self {
        let reported = || page.days.iter().map(|d| d.day);
        let first = reported().min().map_or(page.starts_on, |day| day.min(page.starts_on));
        let last = reported().max().map_or(page.ends_on, |day| day.max(page.ends_on)).max(first);
        let days = ((last - first).num_days() + 1).clamp(1, MOST_DAYS);
        Self { first, days }
    }

    fn last(&self) -> NaiveDate {
        add(self.first, self.days - 1)
    }

    /// Where a day ends, from the left.
    fn x(&self, day: NaiveDate) -> f64 {
        let days = (day - self.first).num_days() + 1;
        (days as f64 / self.days as f64).clamp(0.0, 1.0) * WIDTH
    }
}

fn add(day: NaiveDate, days: i64) -> NaiveDate {
    u64::try_from(days).ok().and_then(|days| day.checked_add_days(Days::new(days))).unwrap_or(day)
}

impl Curve {
    /// Draws the curve from the page's days.
    pub(super) fn new(page: &Dashboard, lang: Lang) -> Self {
        let span = Span::of(page);
        let mut added: BTreeMap<NaiveDate, Figures> = BTreeMap::new();
        for day in &page.days {
            let sum = added.entry(day.day).or_default();
            sum.reported = sum.reported.saturating_add(day.added.reported);
            sum.verified = sum.verified.saturating_add(day.added.verified);
        }
        let today = format::local(page.as_of).date();
        let points = cumulative(&added, &span, today);
        let most = points.iter().map(|(_, f)| f.reported.max(f.verified)).max().unwrap_or(0);
        let top = page.target.max(most).max(1);
        // A little air above the highest line.
        let top = top.saturating_add(top / 16);
        let y = |turns: i64| HEIGHT * (1.0 - bars::ratio(turns, top));

        // A day's figures stand at its end; today's at this instant.
        let now = span.x(today) - (1.0 - format::part_of_day(page.as_of)) * WIDTH / span.days as f64;
        let x = |day: NaiveDate| if day == today { now } else { span.x(day) };
        let reported: Vec<_> = points.iter().map(|(day, f)| (x(*day), y(f.reported))).collect();
        let verified: Vec<_> = points.iter().map(|(day, f)| (x(*day), y(f.verified))).collect();
        let target_at = (page.target > 0).then(|| bars::css(page.target, top));
        Self {
            reported_area: area(&reported),
            reported_line: line(&reported),
            verified_area: area(&verified),
            end: reported.last().map(|(x, y)| (format!("{x:.1}"), format!("{y:.1}"))),
            pace: pace(page, &span, y),
            target_at,
            turns: turns_axis(page.target, top, lang),
            days: days_axis(&span, lang),
            last: format::short_date(span.last(), lang),
            rows: rows(&added, lang),
        }
    }
}

/// The cumulative figures at the end of each day, up to today. Empty when no day has a figure.
fn cumulative(added: &BTreeMap<NaiveDate, Figures>, span: &Span, today: NaiveDate) -> Vec<(NaiveDate, Figures)> {
    let Some(latest) = added.keys().next_back().copied() else { return Vec::new() };
    let last = today.max(latest).min(span.last());
    let mut sum = Figures::default();
    let mut points = Vec::new();
    for nth in 0..span.days {
        let day = add(span.first, nth);
        if day > last {
            break;
        }
        if let Some(figures) = added.get(&day) {
            sum.reported = sum.reported.saturating_add(figures.reported);
            sum.verified = sum.verified.saturating_add(figures.verified);
        }
        points.push((day, sum));
    }
    points
}

/// A line from the bottom left through the points.
fn line(points: &[(f64, f64)]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut path = format!("M0 {HEIGHT}");
    for (x, y) in points {
        // Writing to a String can't fail.
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    path
}

/// The area between the points and the bottom.
fn area(points: &[(f64, f64)]) -> String {
    match points.last() {
        Some((x, _)) => format!("{}L{x:.1} {HEIGHT}Z", line(points)),
        None => String::new(),
    }
}

/// Straight from nothing before the campaign's first day to the target at the end of its last.
fn pace(page: &Dashboard, span: &Span, y: impl Fn(i64) -> f64) -> String {
    if page.target <= 0 {
        return String::new();
    }
    let start = page.starts_on.pred_opt().map_or(0.0, |day| span.x(day));
    format!("M{start:.1} {HEIGHT}L{:.1} {:.1}", span.x(page.ends_on), y(page.target))
}

fn turns_axis(target: i64, top: i64, lang: Lang) -> Vec<Mark> {
    let step = bars::round_step(top, 5);
    (1..=top / step)
        .map(|nth| step.saturating_mul(nth))
        // The target's own line and words take this place.
        .filter(|value| target <= 0 || (bars::ratio(*value, top) - bars::ratio(target, top)).abs() > 0.06)
        .map(|value| Mark { at: bars::css(value, top), label: format::compact(value, lang) })
        .collect()
}

fn days_axis(span: &Span, lang: Lang) -> Vec<Mark> {
    let months: Vec<_> = format::month_starts(span.first, span.last()).collect();
    let days = if months.len() >= 2 {
        let every = months.len().div_ceil(7);
        months.into_iter().step_by(every).collect()
    } else {
        let every = usize::try_from(span.days / 5).unwrap_or(1).max(1);
        (0..span.days).step_by(every).map(|nth| add(span.first, nth)).collect::<Vec<_>>()
    };
    days.into_iter()
        .map(|day| ((day - span.first).num_days(), day))
        // The last day's own words take the right end.
        .filter(|(nth, _)| *nth == 0 || bars::ratio(*nth, span.days) < 0.8)
        .map(|(nth, day)| Mark { at: bars::css(nth, span.days), label: format::short_date(day, lang) })
        .collect()
}

fn rows(added: &BTreeMap<NaiveDate, Figures>, lang: Lang) -> Vec<Row> {
    let mut sum = Figures::default();
    let mut rows: Vec<_> = added
        .iter()
        .filter(|(_, figures)| **figures != Figures::default())
        .map(|(day, figures)| {
            sum.reported = sum.reported.saturating_add(figures.reported);
            sum.verified = sum.verified.saturating_add(figures.verified);
            Row {
                day: format::date(*day, lang),
                added: format::number(figures.reported, lang),
                reported: format::number(sum.reported, lang),
                verified: format::number(sum.verified, lang),
            }
        })
        .collect();
    rows.reverse();
    rows
}
