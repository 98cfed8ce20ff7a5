//! How numbers, percentages and dates are written for people.

use super::input::Lang;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _, Utc};

/// `6.000.000` in Vietnamese, `6,000,000` in English.
pub(super) fn number(value: i64, lang: Lang) -> String {
    let sign = if value < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs().into(), lang))
}

fn grouped(value: u128, lang: Lang) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(if lang == Lang::Vi { '.' } else { ',' });
        }
        text.push(digit);
    }
    text
}

/// A number with its sign always written, for differences.
pub(super) fn signed(value: i64, lang: Lang) -> String {
    if value > 0 { format!("+{}", number(value, lang)) } else { number(value, lang) }
}

/// `part` of `whole` to a tenth of a percent: `210,6%` or `210.6%`, never capped. `None` without a positive whole.
///
/// The tenths are cut, not rounded: 5,999,999 of 6,000,000 is 99.9 %, because 100 % says that it is done.
pub(super) fn percent(part: i64, whole: i64, lang: Lang) -> Option<String> {
    if whole <= 0 {
        return None;
    }
    let tenths = i128::from(part) * 1000 / i128::from(whole);
    let point = if lang == Lang::Vi { ',' } else { '.' };
    if part == 0 {
        return Some("0%".to_owned());
    }
    if tenths == 0 && part > 0 {
        return Some(format!("<0{point}1%"));
    }
    let sign = if tenths < 0 { "\u{2212}" } else { "" };
    let (ones, tenth) = (grouped(tenths.unsigned_abs() / 10, lang), tenths.unsigned_abs() % 10);
    Some(format!("{sign}{ones}{point}{tenth}%"))
}

/// `part` of `whole` in three or four letters, for the squares of a map: `7,4%`, `54%`, `210%`. Cut, not rounded.
pub(super) fn short_percent(part: i64, whole: i64, lang: Lang) -> Option<String> {
    let long = percent(part, whole, lang)?;
    if i128::from(part) * 10 < i128::from(whole) {
        return Some(long);
    }
    let ones = i128::from(part) * 100 / i128::from(whole);
    Some(format!("{}%", grouped(ones.unsigned_abs(), lang)))
}

/// A round number in few letters, for axes: `1,5 triệu`, `500 nghìn`; `1.5M`, `500k`.
pub(super) fn compact(value: i64, lang: Lang) -> String {
    let (unit, word) = match (value.unsigned_abs(), lang) {
        (1_000_000_000.., Lang::Vi) => (1_000_000_000, " tỷ"),
        (1_000_000_000.., Lang::En) => (1_000_000_000, "B"),
        (1_000_000.., Lang::Vi) => (1_000_000, " triệu"),
        (1_000_000.., Lang::En) => (1_000_000, "M"),
        (1_000.., Lang::Vi) => (1_000, " nghìn"),
        (1_000.., Lang::En) => (1_000, "k"),
        _ => return number(value, lang),
    };
    let hundredths = value % unit * 100 / unit;
    let point = if lang == Lang::Vi { ',' } else { '.' };
    let fraction = format!("{:02}", hundredths.abs());
    let fraction = fraction.trim_end_matches('0');
    let ones = number(value / unit, lang);
    if fraction.is_empty() { format!("{ones}{word}") } else { format!("{ones}{point}{fraction}{word}") }
}

/// `01/06/2024` in Vietnamese, `1 Jun 2024` in English.
pub(super) fn date(day: NaiveDate, lang: Lang) -> String {
    match lang {
        Lang::Vi => day.format("%d/%m/%Y").to_string(),
        Lang::En => day.format("%-d %b %Y").to_string(),
    }
}

/// A date without its year, for an axis: `01/06`, `1 Jun`.
pub(super) fn short_date(day: NaiveDate, lang: Lang) -> String {
    match lang {
        Lang::Vi => day.format("%d/%m").to_string(),
        Lang::En => day.format("%-d %b").to_string(),
    }
}

/// The instant in Asia/Ho_Chi_Minh, which is UTC+7 all year.
pub(super) fn local(at: DateTime<Utc>) -> NaiveDateTime {
    let utc = at.naive_utc();
    utc.checked_add_signed(TimeDelta::hours(7)).unwrap_or(utc)
}

/// How much of its local day an instant has behind it, 0 to 1.
pub(super) fn part_of_day(at: DateTime<Utc>) -> f64 {
    f64::from(local(at).num_seconds_from_midnight()) / 86_400.0
}

/// `14:05 ngày 17/07/2024 (giờ Việt Nam)`, `17 Jul 2024, 14:05 (Viet Nam time, UTC+7)`.
pub(super) fn instant(at: DateTime<Utc>, lang: Lang) -> String {
    let at = local(at);
    let (time, day) = (at.format("%H:%M"), date(at.date(), lang));
    match lang {
        Lang::Vi => format!("{time} ngày {day} (giờ Việt Nam)"),
        Lang::En => format!("{day}, {time} (Viet Nam time, UTC+7)"),
    }
}

/// The first days of the months within a span of days, both ends included.
pub(super) fn month_starts(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let mut next = if first.day() == 1 { Some(first) } else { month_after(first) };
    std::iter::from_fn(move || {
        let this = next.filter(|day| *day <= last)?;
        next = month_after(this);
        Some(this)
    })
}

fn month_after(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_days(Days::new(32))?.with_day(1)
}
