//! Activities that recur (chuỗi hoạt động định kỳ), such as a class every evening: a recurrence rule (RFC 5545) and a first
//! occurrence become the instants at which activities begin.

use crate::Stamp;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;
use uuid::Uuid;

/// The most occurrences of one series.
pub const MAX_OCCURRENCES: usize = 366;

/// The parts of a rule that are understood: those that choose days. The time of day is the first occurrence's.
const PARTS: [&str; 11] = [
    "FREQ",
    "COUNT",
    "UNTIL",
    "INTERVAL",
    "WKST",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "BYYEARDAY",
    "BYWEEKNO",
];
/// How often something may recur.
const FREQUENCIES: [&str; 4] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

/// An activity that recurs, as it was planned. What became of each occurrence is told by its activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Identity and version.
    pub stamp: Stamp,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The team that answers for it.
    pub lead_team_id: Uuid,
    /// Vietnamese title, as it was given to the occurrences.
    pub title: String,
    /// The rule, as RFC 5545 writes it, without `RRULE:`.
    pub recurrence: String,
    /// Local days that are left out.
    pub exdates: Vec<NaiveDate>,
    /// The zone that its days and times are counted in.
    pub time_zone: Tz,
    /// Its activities, in order of time, as they were planned.
    pub occurrences: Vec<Occurrence>,
    /// How many of them were cancelled by way of the series.
    pub cancelled_count: i32,
    /// Why.
    pub cancel_reason: Option<String>,
}

/// One activity of a series as it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The activity.
    pub activity_id: Uuid,
    /// Beginning, UTC.
    pub starts_at: DateTime<Utc>,
    /// End, UTC.
    pub ends_at: DateTime<Utc>,
}

/// Why a rule gives no occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecurrenceError {
    /// It is no rule of RFC 5545.
    #[error("not a recurrence rule: {0}")]
    Syntax(String),
    /// A part that isn't offered, such as hours: occurrences are days apart.
    #[error("`{0}` is not offered")]
    NotOffered(String),
    /// Neither `COUNT` nor `UNTIL`.
    #[error("the rule has no end")]
    Endless,
    /// Both `COUNT` and `UNTIL`.
    #[error("the rule has both COUNT and UNTIL")]
    TwoEnds,
    /// The first occurrence doesn't follow its own rule.
    #[error("the first occurrence does not follow the rule")]
    FirstIsNone,
    /// More than [`MAX_OCCURRENCES`].
    #[error("more than {MAX_OCCURRENCES} occurrences")]
    TooMany,
    /// No day is left.
    #[error("no occurrence is left")]
    Nothing,
    /// A day that is left out is no day of the rule; its place in the list.
    #[error("the excluded day {0} is no day of the rule")]
    NotExcluded(usize),
}

/// What the rule says, part by part, with the end of days and local times made an instant.
fn canonical(rule: &str, zone: Tz) -> Result<String, RecurrenceError> {
    let syntax = |what: &str| RecurrenceError::Syntax(what.to_owned());
    let rule = rule.trim();
    let rule = rule.strip_prefix("RRULE:").unwrap_or(rule);
    if !rule.is_ascii() {
        return Err(syntax("ASCII"));
    }
    let mut parts: Vec<(String, String)> = Vec::new();
    for part in rule.to_ascii_uppercase().split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| syntax(part))?;
        let sound = value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b',' | b'+' | b'-'));
        if value.is_empty() || !sound || parts.iter().any(|(known, _)| known == name) {
            return Err(syntax(part));
        }
        if !PARTS.contains(&name) {
            return Err(RecurrenceError::NotOffered(name.to_owned()));
        }
        let value = if name == "UNTIL" { until(value, zone).ok_or_else(|| syntax(part))? } else { value.to_owned() };
        parts.push((name.to_owned(), value));
    }
    let value = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match value("FREQ") {
        None => return Err(syntax("FREQ")),
        Some(freq) if matches!(freq, "HOURLY" | "MINUTELY" | "SECONDLY") => {
            return Err(RecurrenceError::NotOffered(format!("FREQ={freq}")));
        }
        Some(freq) if !FREQUENCIES.contains(&freq) => return Err(syntax(freq)),
        Some(_) => {}
    }
    match (value("COUNT"), value("UNTIL")) {
        (None, None) => return Err(RecurrenceError::Endless),
        (Some(_), Some(_)) => return Err(RecurrenceError::TwoEnds),
        // A count beyond what can be made is not worked out first.
        (Some(count), None) => match count.parse::<usize>() {
            Ok(0) | Err(_) => return Err(syntax("COUNT")),
            Ok(count) if count > MAX_OCCURRENCES => return Err(RecurrenceError::TooMany),
            Ok(_) => {}
        },
        (None, Some(_)) => {}
    }
    Ok(parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";"))
}

/// `UNTIL` as an instant: a day means until its local end, a time without `Z` is local.
fn until(value: &str, zone: Tz) -> Option<String> {
    let local = if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
        day.and_time(NaiveTime::from_hms_opt(23, 59, 59)?)
    } else if value.ends_with('Z') {
        NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%SZ").ok()?;
        return Some(value.to_owned());
    } else {
        NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").ok()?
    };
    let instant = zone.from_local_datetime(&local).latest()?.with_timezone(&Utc);
    Some(instant.format("%Y%m%dT%H%M%SZ").to_string())
}

/// The instants at which the occurrences begin, in order: `first` and what the rule makes of it, at the same local time of
/// day, without the local days in `exdates`.
///
/// # Errors
/// [`RecurrenceError`].
pub fn expand(
    rule: &str,
    first: DateTime<Utc>,
    zone: Tz,
    exdates: &[NaiveDate],
) -> Result<Vec<DateTime<Utc>>, RecurrenceError> {
    let syntax = |err: rrule::RRuleError| RecurrenceError::Syntax(err.to_string());
    let parsed: rrule::RRule<rrule::Unvalidated> = canonical(rule, zone)?.parse().map_err(syntax)?;
    // The rule is in whole seconds; what is beyond them is put back afterwards.
    let whole = DateTime::from_timestamp(first.timestamp(), 0).ok_or(RecurrenceError::Nothing)?;
    let beyond = first - whole;
    let start = whole.with_timezone(&rrule::Tz::from(zone));
    let set = parsed.build(start).map_err(syntax)?;
    let limit = u16::try_from(MAX_OCCURRENCES + 1).unwrap_or(u16::MAX);
    let mut all: Vec<DateTime<Utc>> = set.all(limit).dates.iter().map(|at| at.with_timezone(&Utc) + beyond).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() > MAX_OCCURRENCES {
        return Err(RecurrenceError::TooMany);
    }
    if all.is_empty() {
        return Err(RecurrenceError::Nothing);
    }
    if all.first() != Some(&first) {
        return Err(RecurrenceError::FirstIsNone);
    }
    let day = |at: &DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let days: BTreeSet<NaiveDate> = all.iter().map(day).collect();
    if let Some(at) = exdates.iter().position(|left_out| !days.contains(left_out)) {
        return Err(RecurrenceError::NotExcluded(at));
    }
    all.retain(|at| !exdates.contains(&day(at)));
    if all.is_empty() { Err(RecurrenceError::Nothing) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{Asia::Ho_Chi_Minh, Europe::Paris};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Monday, 1 July 2024, 19:00 in Viet Nam.
    fn evening() -> DateTime<Utc> {
        at("2024-07-01T12:00:00Z")
    }

    fn days(rule: &str, exdates: &[NaiveDate]) -> Vec<String> {
        let all = expand(rule, evening(), Ho_Chi_Minh, exdates).unwrap();
        all.iter().map(|at| at.with_timezone(&Ho_Chi_Minh).format("%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn a_class_every_evening_or_on_some_days_of_the_week() {
        assert_eq!(days("FREQ=DAILY;COUNT=3", &[]), ["07-01T19:00", "07-02T19:00", "07-03T19:00"]);
        assert_eq!(
            days("RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", &[]),
            ["07-01T19:00", "07-04T19:00", "07-08T19:00", "07-11T19:00"]
        );
        assert_eq!(days("freq=daily;interval=2;count=3", &[day("2024-07-03")]), ["07-01T19:00", "07-05T19:00"]);
        assert_eq!(days("FREQ=MONTHLY;BYDAY=1MO;COUNT=2", &[]), ["07-01T19:00", "08-05T19:00"]);
    }

    #[test]
    fn until_a_day_includes_its_evening_and_local_times_are_local() {
        assert_eq!(days("FREQ=DAILY;UNTIL=20240703", &[]).len(), 3);
        assert_eq!(days("FREQ=DAILY;UNTIL=20240703T190000", &[]).len(), 3);
        assert_eq!(days("FREQ=DAILY;UNTIL=20240703T185959", &[]).len(), 2);
        assert_eq!(days("FREQ=DAILY;UNTIL=20240703T120000Z", &[]).len(), 3);
        assert_eq!(days("FREQ=DAILY;UNTIL=20240703T115959Z", &[]).len(), 2);
    }

    #[test]
    fn the_time_of_day_is_local_when_clocks_are_put_back_and_parts_of_a_second_stay() {
        let first = at("2024-10-26T16:00:00.250Z");
        let all = expand("FREQ=DAILY;COUNT=2", first, Paris, &[]).unwrap();
        assert_eq!(all, [first, at("2024-10-27T17:00:00.250Z")]);
    }

    #[test]
    fn what_is_no_rule_of_days_with_an_end_is_refused_and_says_why() {
        let refused = |rule: &str| expand(rule, evening(), Ho_Chi_Minh, &[]).unwrap_err();
        assert_eq!(refused("FREQ=DAILY"), RecurrenceError::Endless);
        assert_eq!(refused("FREQ=DAILY;COUNT=2;UNTIL=20240703"), RecurrenceError::TwoEnds);
        assert_eq!(refused("FREQ=DAILY;COUNT=367"), RecurrenceError::TooMany);
        assert_eq!(refused("FREQ=DAILY;UNTIL=20260703"), RecurrenceError::TooMany);
        assert_eq!(refused("FREQ=HOURLY;COUNT=2"), RecurrenceError::NotOffered("FREQ=HOURLY".into()));
        assert_eq!(refused("FREQ=DAILY;COUNT=2;BYHOUR=1,2"), RecurrenceError::NotOffered("BYHOUR".into()));
        assert_eq!(refused("FREQ=WEEKLY;BYDAY=TU;COUNT=2"), RecurrenceError::FirstIsNone);
        for rule in [
            "",
            "DAILY",
            "COUNT=3",
            "FREQ=OFTEN;COUNT=2",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=-1",
            "FREQ=DAILY;COUNT=2;COUNT=3",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ=DAILY;COUNT=2;BYDAY=ĐĐ",
            "FREQ=DAILY;COUNT=2;BYDAY=XX",
            "FREQ=DAILY;COUNT=2\nEXDATE:20240701T120000Z",
        ] {
            assert!(matches!(refused(rule), RecurrenceError::Syntax(_)), "{rule}: {:?}", refused(rule));
        }
        let left_out = [day("2024-07-02"), day("2024-07-05")];
        assert_eq!(
            expand("FREQ=DAILY;COUNT=3", evening(), Ho_Chi_Minh, &left_out),
            Err(RecurrenceError::NotExcluded(1))
        );
        assert_eq!(
            expand("FREQ=DAILY;COUNT=1", evening(), Ho_Chi_Minh, &[day("2024-07-01")]),
            Err(RecurrenceError::Nothing)
        );
    }

    #[test]
    fn rules_that_never_come_true_end_soon() {
        let started = std::time::Instant::now();
        for rule in [
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2",
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31;COUNT=366",
            "FREQ=MONTHLY;INTERVAL=65535;BYMONTHDAY=31;COUNT=366",
            "FREQ=WEEKLY;INTERVAL=65535;BYMONTH=2;COUNT=366",
            "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6;UNTIL=99991231",
        ] {
            assert!(expand(rule, evening(), Ho_Chi_Minh, &[]).is_err(), "{rule}");
        }
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}
