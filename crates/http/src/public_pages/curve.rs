//! The daily curve: cumulative figures against an even pace, and where they would be at the end, as paths for an SVG and
//! marks around it.
//!
//! The page's SVG is stretched to its width and therefore holds lines only; words stand around it in HTML, where they
//! keep their size on a phone. The embeddable picture draws both itself.

use super::{
    bars::{self, Mark},
    format,
    input::{Dashboard, Figures, Forecast, Lang},
};
use chrono::{Days, NaiveDate};
use std::{collections::BTreeMap, fmt::Write as _};

/// How large a drawing is, in its own units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Width.
    pub(super) w: f64,
    /// Height.
    pub(super) h: f64,
}

/// The page's drawing, before it is stretched.
pub(super) const PAGE: Size = Size { w: 1000.0, h: 400.0 };
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
    /// Path from where the figure is to where it would be at the campaign's end.
    pub(super) forecast: Option<String>,
    /// The area that the figure would most likely stay within.
    pub(super) band: Option<String>,
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
    width: f64,
}

impl Span {
    /// From the campaign's first to its last day, widened where days were reported outside of it.
    fn of(page: &Dashboard, width: f64) -> Self {
        let reported = || page.days.iter().map(|d| d.day);
        let first = reported().min().map_or(page.starts_on, |day| day.min(page.starts_on));
        let last = reported().max().map_or(page.ends_on, |day| day.max(page.ends_on)).max(first);
        let days = ((last - first).num_days() + 1).clamp(1, MOST_DAYS);
        Self { first, days, width }
    }

    fn last(&self) -> NaiveDate {
        add(self.first, self.days - 1)
    }

    /// Where a day ends, from the left.
    fn x(&self, day: NaiveDate) -> f64 {
        let days = (day - self.first).num_days() + 1;
        (days as f64 / self.days as f64).clamp(0.0, 1.0) * self.width
    }
}

fn add(day: NaiveDate, days: i64) -> NaiveDate {
    u64::try_from(days).ok().and_then(|days| day.checked_add_days(Days::new(days))).unwrap_or(day)
}

impl Curve {
    /// Draws the curve from the page's days.
    pub(super) fn new(page: &Dashboard, lang: Lang, size: Size) -> Self {
        let span = Span::of(page, size.w);
        let mut added: BTreeMap<NaiveDate, Figures> = BTreeMap::new();
        for day in &page.days {
            let sum = added.entry(day.day).or_default();
            sum.reported = sum.reported.saturating_add(day.added.reported);
            sum.verified = sum.verified.saturating_add(day.added.verified);
        }
        let today = format::local(page.as_of).date();
        let points = cumulative(&added, &span, today);
        let most = points.iter().map(|(_, f)| f.reported.max(f.verified)).max().unwrap_or(0);
        let ahead = page.forecast.filter(|_| today <= page.ends_on && !points.is_empty());
        let top = top(page.target.max(most).max(1), ahead);
        let y = |turns: i64| size.h * (1.0 - bars::ratio(turns, top));

        // A day's figures stand at its end; today's at this instant.
        let now = span.x(today) - (1.0 - format::part_of_day(page.as_of)) * size.w / span.days as f64;
        let x = |day: NaiveDate| if day == today { now } else { span.x(day) };
        let reported: Vec<_> = points.iter().map(|(day, f)| (x(*day), y(f.reported))).collect();
        let verified: Vec<_> = points.iter().map(|(day, f)| (x(*day), y(f.verified))).collect();
        let last = points.last().map_or(0, |(_, figures)| figures.reported);
        let ahead = ahead.zip(reported.last().copied()).map(|(forecast, from)| Ahead {
            forecast,
            from,
            last,
            to: span.x(page.ends_on),
            top,
            h: size.h,
        });
        let target_at = (page.target > 0).then(|| bars::css(page.target, top));
        Self {
            reported_area: area(&reported, size.h),
            reported_line: line(&reported, size.h),
            verified_area: area(&verified, size.h),
            end: reported.last().map(|(x, y)| (format!("{x:.1}"), format!("{y:.1}"))),
            pace: pace(page, &span, size.h, y),
            forecast: ahead.as_ref().map(Ahead::line),
            band: ahead.as_ref().and_then(Ahead::band),
            target_at,
            turns: turns_axis(page.target, top, lang),
            days: days_axis(&span, lang),
            last: format::short_date(span.last(), lang),
            rows: rows(&added, lang),
        }
    }
}

/// The turns at the upper edge: a little air above the highest line. A forecast makes it at most twice as high as it would
/// be without, so that a day of many reports doesn't flatten all that was.
fn top(without: i64, ahead: Option<Forecast>) -> i64 {
    let wanted = ahead.map_or(0, |forecast| forecast.band.map_or(forecast.total, |(_, high)| high.max(forecast.total)));
    let top = without.max(wanted.min(without.saturating_mul(2)));
    top.saturating_add(top / 16)
}

/// From where the figure is to where it would be.
struct Ahead {
    forecast: Forecast,
    /// Where the line of `reported` ends.
    from: (f64, f64),
    /// The turns there.
    last: i64,
    /// The campaign's end, from the left.
    to: f64,
    /// The turns at the upper edge.
    top: i64,
    h: f64,
}

impl Ahead {
    /// Where the way to so many turns at the end comes to, held within the drawing: at the end or at the upper edge.
    fn reach(&self, turns: i64) -> (f64, f64) {
        let (x, _) = self.from;
        if turns <= self.top {
            return (self.to, self.h * (1.0 - bars::ratio(turns, self.top)));
        }
        let part = bars::ratio(self.top.saturating_sub(self.last), turns.saturating_sub(self.last));
        (x + (self.to - x) * part, 0.0)
    }

    fn line(&self) -> String {
        let ((x, y), (to, end)) = (self.from, self.reach(self.forecast.total));
        format!("M{x:.1} {y:.1}L{to:.1} {end:.1}")
    }

    fn band(&self) -> Option<String> {
        let (low, high) = self.forecast.band?;
        let ((x, y), (ax, ay), (bx, by)) = (self.from, self.reach(high.max(low)), self.reach(low.min(high)));
        let corner = if bx > ax { format!("L{bx:.1} {ay:.1}") } else { String::new() };
        Some(format!("M{x:.1} {y:.1}L{ax:.1} {ay:.1}{corner}L{bx:.1} {by:.1}Z"))
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
fn line(points: &[(f64, f64)], bottom: f64) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut path = format!("M0 {bottom:.1}");
    for (x, y) in points {
        // Writing to a String can't fail.
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    path
}

/// The area between the points and the bottom.
fn area(points: &[(f64, f64)], bottom: f64) -> String {
    match points.last() {
        Some((x, _)) => format!("{}L{x:.1} {bottom:.1}Z", line(points, bottom)),
        None => String::new(),
    }
}

/// Straight from nothing before the campaign's first day to the target at the end of its last.
fn pace(page: &Dashboard, span: &Span, bottom: f64, y: impl Fn(i64) -> f64) -> String {
    if page.target <= 0 {
        return String::new();
    }
    let start = page.starts_on.pred_opt().map_or(0.0, |day| span.x(day));
    format!("M{start:.1} {bottom:.1}L{:.1} {:.1}", span.x(page.ends_on), y(page.target))
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
