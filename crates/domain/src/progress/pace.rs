//! How a figure moves towards its target, and where it would come to.

use crate::{counting::Count, words::words};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use std::collections::BTreeMap;

/// A share in percent, rounded to two decimals, never capped; none when there is no target.
#[must_use]
pub fn percent(figure: i64, target: i64) -> Option<f64> {
    if target <= 0 {
        return None;
    }
    // In hundredths of a percent and in integers, so that the same figures always give the same digits.
    let hundredths = (i128::from(figure) * 20_000 + i128::from(target)).div_euclid(i128::from(target) * 2);
    i32::try_from(hundredths).ok().map(|h| f64::from(h) / 100.0)
}

/// How a figure moves towards its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What an even pace would have reached by the instant that was asked.
    pub expected: i64,
    /// What a day brought over the last seven local days, today included, rounded down.
    pub per_day_7d: i64,
    /// What each day left, today included, has to bring for the target, rounded up; 0 when it is reached, none when no
    /// day is left.
    pub needed_per_day: Option<i64>,
    /// Where the figure would come to.
    pub forecast: Forecast,
}

/// Where a figure would come to at the campaign's end if the days left are like the last seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The figure at the end if every day left after today brings as many as a day of the last seven.
    pub total: i64,
    /// The least that is likely: four times in five the end lies between this and `high`, if days are alike.
    pub low: i64,
    /// The most that is likely.
    pub high: i64,
    /// The day on which the target was or would be reached; none when it never would.
    pub reached_on: Option<NaiveDate>,
    /// Whether the target is reached at the campaign's end at that rate.
    pub is_enough: bool,
}

words! {
    /// What is to be expected of a target.
    pub enum Outlook: "outlook" {
        /// It has been reached.
        Reached = "reached",
        /// It would be reached by the last day if the days left are like the last seven; or the first day hasn't come.
        OnCourse = "on_course",
        /// It wouldn't be, but lies within what is likely.
        AtRisk = "at_risk",
        /// It lies beyond what is likely; after the last day, it was missed.
        OutOfReach = "out_of_reach",
    }
}

/// Student's t for four fifths of the area and six degrees of freedom: seven days are looked at.
const T_80_PERCENT_6: f64 = 1.440;

impl Pace {
    /// The pace at a local time, from what each day reported. Days of a closed interval `starts_on..=ends_on`.
    #[must_use]
    pub fn at(
        target: i64,
        (starts_on, ends_on): (NaiveDate, NaiveDate),
        now: NaiveDateTime,
        days: &BTreeMap<NaiveDate, Count>,
    ) -> Self {
        let today = now.date();
        let all = i128::from((ends_on - starts_on).num_days() + 1) * 86_400;
        let gone = (now - starts_on.and_time(NaiveTime::MIN)).num_seconds();
        let gone = i128::from(gone).clamp(0, all.max(0));
        let expected = if all > 0 { i128::from(target) * gone / all } else { 0 };
        let week: Vec<i64> = (0..7)
            .map(|back| today.checked_sub_days(Days::new(back)))
            .map(|day| day.and_then(|day| days.get(&day)).map_or(0, |count| count.reported.0))
            .collect();
        let per_day_7d = week.iter().sum::<i64>().max(0) / 7;
        let reported: i64 = days.values().map(|count| count.reported.0).sum();
        let left = (ends_on - today.max(starts_on)).num_days().max(0);
        let total = reported.saturating_add(per_day_7d.saturating_mul(left));
        let margin = margin(&week, left);
        // Today is still to be used, unless the campaign is over.
        let usable = if today > ends_on { 0 } else { left + 1 };
        let missing = target.saturating_sub(reported).max(0);
        Self {
            expected: i64::try_from(expected).unwrap_or(i64::MAX),
            per_day_7d,
            needed_per_day: match (missing, usable) {
                (0, _) => Some(0),
                (_, 0) => None,
                (missing, days) => Some(missing / days + i64::from(missing % days > 0)),
            },
            forecast: Forecast {
                total,
                // What was reported stands.
                low: total.saturating_sub(margin).max(reported.min(total)),
                high: total.saturating_add(margin),
                reached_on: reached_on(target, today, per_day_7d, reported, days),
                is_enough: total >= target,
            },
        }
    }
}

impl Pace {
    /// What is to be expected of the target that this pace was worked out for.
    #[must_use]
    pub const fn outlook(&self, target: i64, has_begun: bool) -> Outlook {
        if matches!(self.needed_per_day, Some(0)) {
            Outlook::Reached
        } else if self.forecast.is_enough || !has_begun {
            Outlook::OnCourse
        } else if self.forecast.high >= target {
            Outlook::AtRisk
        } else {
            Outlook::OutOfReach
        }
    }
}

/// Half the width of the interval in which the sum of `left` days lies four times in five, if they are like the seven that
/// were seen: `t × s × √(n + n²/7)`, the prediction interval of a sum of normal variables of unknown mean and spread.
fn margin(week: &[i64], left: i64) -> i64 {
    let real = |n: i64| i32::try_from(n).map_or(f64::from(i32::MAX), f64::from);
    let days = real(left);
    let mean = week.iter().map(|n| real(*n)).sum::<f64>() / 7.0;
    let variance = week.iter().map(|n| (real(*n) - mean).powi(2)).sum::<f64>() / 6.0;
    let half = T_80_PERCENT_6 * (variance * (days + days * days / 7.0)).sqrt();
    // By way of text, because a float turns into an integer by `as` alone, which is not used here.
    format!("{:.0}", half.clamp(0.0, 1e15)).parse().unwrap_or(0)
}

fn reached_on(
    target: i64,
    today: NaiveDate,
    per_day: i64,
    reported: i64,
    days: &BTreeMap<NaiveDate, Count>,
) -> Option<NaiveDate> {
    let mut sum = 0_i64;
    for (day, count) in days {
        sum = sum.saturating_add(count.reported.0);
        if sum >= target {
            return Some(*day);
        }
    }
    if per_day <= 0 {
        return None;
    }
    let missing = target.saturating_sub(reported);
    let wanted = missing / per_day + i64::from(missing % per_day > 0);
    today.checked_add_days(Days::new(u64::try_from(wanted).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::Turns;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 6, d).unwrap()
    }

    fn count(reported: i64) -> Count {
        Count { reported: Turns(reported), verified: Turns(0) }
    }

    #[test]
    fn percent_rounds_and_is_never_capped() {
        assert_eq!(percent(0, 6_000_000), Some(0.0));
        assert_eq!(percent(315_975, 150_036), Some(210.6));
        assert_eq!(percent(1, 3), Some(33.33));
        assert_eq!(percent(5, 0), None);
    }

    #[test]
    fn pace_is_even_and_forecasts_by_the_last_week() {
        let days: BTreeMap<_, _> = (1..=7).map(|d| (day(d), count(100))).collect();
        let noon = day(7).and_hms_opt(12, 0, 0).unwrap();
        let pace = Pace::at(1_500, (day(1), day(15)), noon, &days);
        assert_eq!(pace.expected, 650, "six and a half days of fifteen");
        assert_eq!(pace.per_day_7d, 100);
        assert_eq!(pace.needed_per_day, Some(89), "800 in nine days, today among them");
        let forecast = pace.forecast;
        assert_eq!((forecast.total, forecast.low, forecast.high), (1_500, 1_500, 1_500), "days that are all alike");
        assert_eq!((forecast.reached_on, forecast.is_enough), (Some(day(15)), true));
        let pace = Pace::at(250, (day(1), day(15)), noon, &days);
        assert_eq!((pace.forecast.reached_on, pace.needed_per_day), (Some(day(3)), Some(0)), "it has been reached");
        let after = day(30).and_hms_opt(0, 0, 0).unwrap();
        let pace = Pace::at(1_500, (day(1), day(15)), after, &days);
        assert_eq!((pace.expected, pace.forecast.total, pace.forecast.reached_on), (1_500, 700, None));
        assert_eq!((pace.needed_per_day, pace.forecast.is_enough), (None, false));
        let before = NaiveDate::from_ymd_opt(2024, 5, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let pace = Pace::at(1_500, (day(1), day(15)), before, &BTreeMap::new());
        assert_eq!((pace.expected, pace.needed_per_day), (0, Some(100)));
    }

    #[test]
    fn the_less_alike_days_are_the_wider_is_the_forecast() {
        let days: BTreeMap<_, _> = (1..=7).map(|d| (day(d), count(if d % 2 == 0 { 200 } else { 50 }))).collect();
        let noon = day(7).and_hms_opt(12, 0, 0).unwrap();
        let forecast = Pace::at(2_000, (day(1), day(14)), noon, &days).forecast;
        // Spread 80.18, seven days left: 1.44 × 80.18 × √14 = 432.
        assert_eq!((forecast.total, forecast.low, forecast.high), (1_598, 1_166, 2_030));
        for (target, outlook) in [
            (700, Outlook::Reached),
            (1_598, Outlook::OnCourse),
            (2_000, Outlook::AtRisk),
            (2_031, Outlook::OutOfReach),
        ] {
            let pace = Pace::at(target, (day(1), day(14)), noon, &days);
            assert_eq!(pace.outlook(target, true), outlook, "{target}");
        }
        let never = Pace::at(2_000, (day(1), day(14)), noon, &BTreeMap::new());
        assert_eq!((never.outlook(2_000, true), never.outlook(2_000, false)), (Outlook::OutOfReach, Outlook::OnCourse));
        let last = Pace::at(2_000, (day(1), day(7)), noon, &days).forecast;
        assert_eq!((last.total, last.low, last.high), (800, 800, 800), "nothing is left to guess");
        let end = Pace::at(2_000, (day(1), day(8)), noon, &days).forecast;
        assert_eq!(end.low, 800, "what was reported stands");
    }
}
