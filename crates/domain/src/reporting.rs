//! Reporting periods (kỳ báo cáo), their deadlines and extensions (gia hạn), and who has reported.
//!
//! All days are local days of the campaign. A team is *expected* in a period when it is or was at work on one of its days;
//! it is *received* when one of its results for a day of the period counts, or when it said that it has nothing to report;
//! *on time* when the first of them was filed before its due day was over. An amendment and a return change nothing of
//! when a result was filed first.

use crate::{Stamp, org_units::UnitPath, words::words};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use std::{collections::BTreeMap, fmt, ops::AddAssign, str::FromStr};
use thiserror::Error;
use uuid::Uuid;

/// The series that generated weeks are of.
pub const WEEKS: &str = "week";
/// The series of a period that names none and whose code is no ISO week: a round of reports (đợt).
pub const ROUNDS: &str = "round";
/// The most periods that are generated at once: ten years of weeks.
pub const MOST_GENERATED: usize = 530;

words! {
    /// How often a period begins.
    pub enum Every: "frequency" {
        /// ISO weeks.
        Week = "week",
    }
}

words! {
    /// Where an extension stands.
    pub enum ExtensionStatus: "extension status" {
        /// It holds.
        Active = "active",
        /// It was taken back.
        Revoked = "revoked",
    }
}

words! {
    /// How a team stands in a period in which it is expected.
    pub enum TeamReporting: "team reporting status" {
        /// It has reported, the first time before its due day was over.
        OnTime = "on_time",
        /// It has reported, and the first time came later.
        Late = "late",
        /// Nothing of it is there.
        Missing = "missing",
    }
}

words! {
    /// How a unit stands in a period, by the teams of its subtree.
    pub enum UnitReporting: "unit reporting status" {
        /// All expected teams have reported.
        Complete = "complete",
        /// Some have.
        Partial = "partial",
        /// None has.
        Missing = "missing",
        /// No team is expected.
        NoneExpected = "none_expected",
    }
}

words! {
    /// What a unit is told of a period for which teams of its own are missing.
    pub enum NoticeKind: "reporting notice" {
        /// The due day comes.
        Reminder = "reminder",
        /// The due day is over.
        Overdue = "overdue",
    }
}

/// A time for which teams report, and by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Identity and version.
    pub stamp: Stamp,
    /// The campaign.
    pub campaign_id: Uuid,
    /// Which of the campaign's series it belongs to; periods of one series share no day.
    pub series: String,
    /// Stable code, unique in the campaign.
    pub code: String,
    /// Vietnamese name.
    pub name: String,
    /// First day, inclusive.
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    pub ends_on: NaiveDate,
    /// The day by whose end reports are due.
    pub due_on: NaiveDate,
}

/// A later due day for a unit and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Identity and version.
    pub stamp: Stamp,
    /// The period.
    pub period_id: Uuid,
    /// The unit.
    pub org_unit_id: Uuid,
    /// The day by whose end their reports are due.
    pub due_on: NaiveDate,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub granted_by: Uuid,
    /// Who took it back, when and why.
    pub revoked: Option<Revocation>,
}

/// How an extension was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Uuid,
    /// Why.
    pub reason: String,
}

impl Extension {
    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> ExtensionStatus {
        if self.revoked.is_some() { ExtensionStatus::Revoked } else { ExtensionStatus::Active }
    }
}

/// A team says that it has nothing to report for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NilReport {
    /// Identity and version.
    pub stamp: Stamp,
    /// The team.
    pub team_id: Uuid,
    /// The period.
    pub period_id: Uuid,
    /// Why there is nothing.
    pub reason: String,
    /// Who said so.
    pub created_by: Uuid,
}

/// An ISO week, as far as it lies within a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week {
    /// Such as `2024-W27`.
    pub code: String,
    /// First day within the campaign.
    pub starts_on: NaiveDate,
    /// Last day within the campaign.
    pub ends_on: NaiveDate,
}

/// The ISO weeks of a campaign's days, first and last day included; the first and the last week are cut at its ends.
#[must_use]
pub fn weeks(starts_on: NaiveDate, ends_on: NaiveDate) -> Vec<Week> {
    let mut weeks = Vec::new();
    let mut next = Some(starts_on);
    while let Some(first) = next.filter(|first| *first <= ends_on) {
        let left = 6_u64.saturating_sub(u64::from(first.weekday().num_days_from_monday()));
        let sunday = first.checked_add_days(Days::new(left)).unwrap_or(ends_on);
        let week = first.iso_week();
        weeks.push(Week {
            code: format!("{}-W{:02}", week.year(), week.week()),
            starts_on: first,
            ends_on: sunday.min(ends_on),
        });
        next = sunday.succ_opt();
    }
    weeks
}

/// The series of a period that names none.
#[must_use]
pub fn series_of(code: &str) -> &'static str {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let is_week = code.split_once("-W").is_some_and(|(year, week)| digits(year, 4) && digits(week, 2));
    if is_week { WEEKS } else { ROUNDS }
}

/// The due days of one period, by unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    due_on: NaiveDate,
    extended: BTreeMap<UnitPath, NaiveDate>,
}

impl Deadlines {
    /// Those of a period's own due day and of the extensions in force, each with its unit's place in the tree.
    pub fn new(due_on: NaiveDate, extensions: impl IntoIterator<Item = (UnitPath, NaiveDate)>) -> Self {
        let mut extended: BTreeMap<UnitPath, NaiveDate> = BTreeMap::new();
        for (unit, until) in extensions.into_iter().filter(|(_, until)| *until > due_on) {
            let latest = extended.entry(unit).or_insert(until);
            *latest = (*latest).max(until);
        }
        Self { due_on, extended }
    }

    /// The due day of a unit: the latest of the period's own and of what was granted to it or to a unit above it.
    #[must_use]
    pub fn of(&self, unit: &UnitPath) -> NaiveDate {
        if self.extended.is_empty() {
            return self.due_on;
        }
        let granted = |path: &UnitPath| self.extended.get(path).copied();
        let above = unit.ancestors();
        above.iter().chain([unit]).filter_map(granted).fold(self.due_on, NaiveDate::max)
    }

    /// Every due day that some unit has, each once and in order.
    #[must_use]
    pub fn days(&self) -> Vec<NaiveDate> {
        let mut days: Vec<NaiveDate> = self.extended.values().copied().chain([self.due_on]).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The latest of them.
    #[must_use]
    pub fn last(&self) -> NaiveDate {
        self.extended.values().copied().fold(self.due_on, NaiveDate::max)
    }
}

/// How teams stand. `expected` = received + missing, received = `on_time` + `late`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamCounts {
    /// Teams that are or were at work on a day of the period.
    pub expected: i64,
    /// Those that reported, the first time before their due day was over.
    pub on_time: i64,
    /// Those that reported, the first time later.
    pub late: i64,
    /// Of the received, those that have nothing to report and said so.
    pub nil: i64,
    /// Of the missing, those whose due day is over.
    pub overdue: i64,
}

impl TeamCounts {
    /// Those that have reported.
    #[must_use]
    pub const fn received(&self) -> i64 {
        self.on_time.saturating_add(self.late)
    }

    /// Those that haven't.
    #[must_use]
    pub const fn missing(&self) -> i64 {
        self.expected.saturating_sub(self.received())
    }

    /// How a unit with these teams stands.
    #[must_use]
    pub const fn status(&self) -> UnitReporting {
        if self.expected == 0 {
            UnitReporting::NoneExpected
        } else if self.received() == 0 {
            UnitReporting::Missing
        } else if self.missing() == 0 {
            UnitReporting::Complete
        } else {
            UnitReporting::Partial
        }
    }
}

impl AddAssign for TeamCounts {
    fn add_assign(&mut self, other: Self) {
        self.expected = self.expected.saturating_add(other.expected);
        self.on_time = self.on_time.saturating_add(other.on_time);
        self.late = self.late.saturating_add(other.late);
        self.nil = self.nil.saturating_add(other.nil);
        self.overdue = self.overdue.saturating_add(other.overdue);
    }
}

/// How units stand: `expected` = received + `partial` + `missing`, received = `on_time` + `late`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitCounts {
    /// Units with a team that is expected.
    pub expected: i64,
    /// Complete, all of their teams on time.
    pub on_time: i64,
    /// Complete, with a team that came late.
    pub late: i64,
    /// Some of their teams have reported.
    pub partial: i64,
    /// None of their teams has.
    pub missing: i64,
}

impl UnitCounts {
    /// The complete ones.
    #[must_use]
    pub const fn received(&self) -> i64 {
        self.on_time.saturating_add(self.late)
    }

    /// Counts a unit whose teams stand so.
    pub const fn count(&mut self, teams: &TeamCounts) {
        let one = match teams.status() {
            UnitReporting::NoneExpected => return,
            UnitReporting::Complete if teams.late == 0 => &mut self.on_time,
            UnitReporting::Complete => &mut self.late,
            UnitReporting::Partial => &mut self.partial,
            UnitReporting::Missing => &mut self.missing,
        };
        *one = one.saturating_add(1);
        self.expected = self.expected.saturating_add(1);
    }
}

/// How many days before and after a unit's due day it is told what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leads {
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Text that states no days before and after a due day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it must be `none`, or `before=N` and `after=N`, separated by commas, with N from 0 to 30 (after: from 1)")]
pub struct BadLeads;

impl Default for Leads {
    fn default() -> Self {
        Self { before: vec![1], after: vec![1] }
    }
}

impl FromStr for Leads {
    type Err = BadLeads;

    fn from_str(text: &str) -> Result<Self, BadLeads> {
        let mut leads = Self { before: vec![], after: vec![] };
        if text == "none" {
            return Ok(leads);
        }
        for part in text.split(',') {
            let (name, days) = part.trim().split_once('=').ok_or(BadLeads)?;
            let days: u8 = days.parse().map_err(|_| BadLeads)?;
            let (list, least) = match name {
                "before" => (&mut leads.before, 0),
                "after" => (&mut leads.after, 1),
                _ => return Err(BadLeads),
            };
            if days < least || days > 30 || list.contains(&days) {
                return Err(BadLeads);
            }
            list.push(days);
        }
        Ok(leads)
    }
}

impl fmt::Display for Leads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.before.iter().map(|days| format!("before={days}"));
        let all: Vec<String> = before.chain(self.after.iter().map(|days| format!("after={days}"))).collect();
        if all.is_empty() { f.write_str("none") } else { f.write_str(&all.join(",")) }
    }
}

/// What could not be told within this many days is not told any more.
const STALE: i64 = 7;

impl Leads {
    /// What a unit with this due day is to be told today, and how many days before or after it that was to be. Of several
    /// that could be told, the one nearest to today, so that a service that stood still doesn't tell all at once.
    #[must_use]
    pub fn due(&self, due_on: NaiveDate, today: NaiveDate) -> Option<(NoticeKind, u8)> {
        let since = today.signed_duration_since(due_on).num_days();
        if since <= 0 {
            let open = self.before.iter().filter(|days| since >= -i64::from(**days));
            open.min().map(|days| (NoticeKind::Reminder, *days))
        } else {
            let open = self.after.iter().filter(|days| {
                let past = since - i64::from(**days);
                (0..=STALE).contains(&past)
            });
            open.max().map(|days| (NoticeKind::Overdue, *days))
        }
    }

    /// Whether a period can be of any concern today: its first due day is near enough, and its last not too long ago.
    #[must_use]
    pub fn concern(&self, first_due: NaiveDate, last_due: NaiveDate, today: NaiveDate) -> bool {
        let before = self.before.iter().max().copied().map(i64::from);
        let after = self.after.iter().max().copied().map(i64::from);
        let (since_first, since_last) =
            (today.signed_duration_since(first_due).num_days(), today.signed_duration_since(last_due).num_days());
        let has_begun = before.is_some_and(|days| since_first >= -days) || (after.is_some() && since_first > 0);
        has_begun && since_last <= after.map_or(0, |days| days + STALE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, month, day).unwrap()
    }

    #[test]
    fn weeks_are_iso_weeks_cut_at_the_campaigns_ends_and_share_no_day() {
        let all = weeks(day(6, 1), day(8, 31));
        assert_eq!(all.len(), 14);
        let shown = |week: &Week| (week.code.clone(), week.starts_on, week.ends_on);
        assert_eq!(shown(&all[0]), ("2024-W22".into(), day(6, 1), day(6, 2)));
        assert_eq!(shown(&all[5]), ("2024-W27".into(), day(7, 1), day(7, 7)));
        assert_eq!(shown(&all[13]), ("2024-W35".into(), day(8, 26), day(8, 31)));
        let days: i64 = all.iter().map(|w| (w.ends_on - w.starts_on).num_days() + 1).sum();
        assert_eq!(days, 92, "every day is in one week");
        let year_end =
            weeks(NaiveDate::from_ymd_opt(2024, 12, 29).unwrap(), NaiveDate::from_ymd_opt(2025, 1, 1).unwrap());
        let codes: Vec<&str> = year_end.iter().map(|week| week.code.as_str()).collect();
        assert_eq!(codes, ["2024-W52", "2025-W01"]);
        assert!(weeks(day(6, 2), day(6, 1)).is_empty());
        assert_eq!(weeks(NaiveDate::MAX, NaiveDate::MAX).len(), 1);
    }

    #[test]
    fn a_code_of_a_week_is_of_the_series_of_weeks() {
        assert_eq!(series_of("2024-W27"), WEEKS);
        for other in ["DOT-1", "2024-W7", "24-W07", "2024-Wxx", "2024-W027", "-W", ""] {
            assert_eq!(series_of(other), ROUNDS, "{other}");
        }
    }

    #[test]
    fn the_latest_day_granted_to_a_unit_or_above_it_holds_and_an_earlier_one_takes_nothing() {
        let centre = UnitPath::root(1);
        let (province, other) = (centre.child(2), centre.child(20));
        let district = province.child(3);
        let commune = district.child(30);
        let due = Deadlines::new(
            day(7, 9),
            [
                (district.clone(), day(7, 12)),
                (district.clone(), day(7, 11)),
                (commune.clone(), day(7, 10)),
                (other.clone(), day(7, 1)),
            ],
        );
        assert_eq!(due.of(&district), day(7, 12));
        assert_eq!(due.of(&commune), day(7, 12), "what is above holds where it is later");
        assert_eq!(due.of(&district.child(31)), day(7, 12));
        for untouched in [&centre, &province, &other, &province.child(33)] {
            assert_eq!(due.of(untouched), day(7, 9), "{untouched}");
        }
        assert_eq!((due.days(), due.last()), (vec![day(7, 9), day(7, 10), day(7, 12)], day(7, 12)));
    }

    #[test]
    fn units_and_teams_add_up() {
        let of = |expected, on_time, late| TeamCounts { expected, on_time, late, ..TeamCounts::default() };
        let mut units = UnitCounts::default();
        for (teams, status) in [
            (of(0, 0, 0), UnitReporting::NoneExpected),
            (of(2, 2, 0), UnitReporting::Complete),
            (of(2, 1, 1), UnitReporting::Complete),
            (of(2, 0, 1), UnitReporting::Partial),
            (of(2, 0, 0), UnitReporting::Missing),
        ] {
            assert_eq!(teams.status(), status);
            assert_eq!(teams.expected, teams.received() + teams.missing());
            units.count(&teams);
        }
        assert_eq!(units, UnitCounts { expected: 4, on_time: 1, late: 1, partial: 1, missing: 1 });
        assert_eq!(units.expected, units.received() + units.partial + units.missing);
    }

    #[test]
    fn a_notice_is_due_in_its_days_and_of_several_the_nearest() {
        let leads: Leads = "before=3,before=1,after=1".parse().unwrap();
        let due = day(7, 9);
        for (today, expected) in [
            (day(7, 5), None),
            (day(7, 6), Some((NoticeKind::Reminder, 3))),
            (day(7, 7), Some((NoticeKind::Reminder, 3))),
            (day(7, 8), Some((NoticeKind::Reminder, 1))),
            (day(7, 9), Some((NoticeKind::Reminder, 1))),
            (day(7, 10), Some((NoticeKind::Overdue, 1))),
            (day(7, 17), Some((NoticeKind::Overdue, 1))),
            (day(7, 18), None),
        ] {
            assert_eq!(leads.due(due, today), expected, "{today}");
            assert!(expected.is_none() || leads.concern(due, due, today), "{today}");
        }
        assert!(!leads.concern(due, due, day(7, 5)) && !leads.concern(due, due, day(7, 18)));
        assert!(leads.concern(due, day(7, 15), day(7, 23)), "of a unit whose due day was extended");
        let none: Leads = "none".parse().unwrap();
        assert!((1..31).all(|n| none.due(due, day(7, n)).is_none() && !none.concern(due, due, day(7, n))));
        let after_alone: Leads = "after=2".parse().unwrap();
        assert_eq!(after_alone.due(due, day(7, 10)), None);
        assert!(after_alone.concern(due, due, day(7, 11)));
    }

    #[test]
    fn leads_are_read_as_they_are_written() {
        for text in ["none", "before=1,after=1", "before=3,before=1,after=1", "before=0"] {
            assert_eq!(text.parse::<Leads>().unwrap().to_string(), text);
        }
        assert_eq!(Leads::default().to_string(), "before=1,after=1");
        for bad in ["", "1", "before", "before=x", "before=31", "after=0", "before=1,before=1", "on=1", "before=-1"] {
            assert_eq!(bad.parse::<Leads>(), Err(BadLeads), "{bad}");
        }
    }
}
