//! Who has reported in a period, as it is sent.

use crate::{
    page::{ListQuery, page_schema},
    schema::{OrgUnitKindSchema, TeamReportingSchema, UnitReportingSchema},
    slices::progress::dto::ProgressUnit,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    org_units::OrgUnitKind,
    progress::percent,
    reporting::{Period, TeamCounts, TeamReporting, UnitCounts, UnitReporting},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which completeness is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct CompletenessQuery {
    /// The campaign; when absent, the one that is open, or was last.
    pub campaign_id: Option<Uuid>,
    /// The unit whose subtree is asked; when absent, the highest unit that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// The period's code; when absent, the period that began last.
    #[param(max_length = 40, example = "2024-W27")]
    pub period: Option<String>,
}

/// Which teams are listed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TeamReportQuery {
    /// The campaign; when absent, the one that is open, or was last.
    pub campaign_id: Option<Uuid>,
    /// The period's code; when absent, the period that began last.
    #[param(max_length = 40, example = "2024-W27")]
    pub period: Option<String>,
    /// Of this unit and all units below it.
    pub within: Option<Uuid>,
    /// This team.
    pub team_id: Option<Uuid>,
    /// Those that stand so.
    #[param(inline, value_type = Option<TeamReportingSchema>)]
    pub status: Option<TeamReporting>,
    /// Items a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same filters.
    #[param(max_length = 1000)]
    pub cursor: Option<String>,
}

impl ListQuery for TeamReportQuery {
    const SORTS: &'static [&'static str] = &["code"];
}

/// The period that is asked about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CompletenessPeriod {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "2024-W27")]
    pub code: String,
    /// The series that it belongs to.
    #[schema(max_length = 40, example = "week")]
    pub series: String,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Bản tin tuần 27")]
    pub name: String,
    /// First day, inclusive.
    #[schema(example = "2024-07-01")]
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    #[schema(example = "2024-07-07")]
    pub ends_on: NaiveDate,
    /// The day by whose end reports are due, without extensions.
    #[schema(example = "2024-07-09")]
    pub due_on: NaiveDate,
}

impl CompletenessPeriod {
    /// What is sent of the period that is asked about.
    #[must_use]
    pub fn of(period: &Period) -> Self {
        Self {
            id: period.stamp.id,
            code: period.code.clone(),
            series: period.series.clone(),
            name: period.name.clone(),
            starts_on: period.starts_on,
            ends_on: period.ends_on,
            due_on: period.due_on,
        }
    }
}

/// How teams stand: `expected` = `received` + `missing`, `received` = `on_time` + `late`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct TeamCompleteness {
    /// Teams that are or were at work on a day of the period.
    #[schema(minimum = 0, example = 412)]
    pub expected: i64,
    /// Those that have reported.
    #[schema(minimum = 0, example = 398)]
    pub received: i64,
    /// Those that reported, the first time before their due day was over.
    #[schema(minimum = 0, example = 390)]
    pub on_time: i64,
    /// Those that reported, the first time later.
    #[schema(minimum = 0, example = 8)]
    pub late: i64,
    /// Of the received, those that said that they have nothing to report.
    #[schema(minimum = 0, example = 3)]
    pub nil: i64,
    /// Those that haven't reported.
    #[schema(minimum = 0, example = 14)]
    pub missing: i64,
    /// Of the missing, those whose due day is over.
    #[schema(minimum = 0, example = 14)]
    pub overdue: i64,
    /// `received` / `expected` × 100, rounded to two decimals; null where no team is expected.
    #[schema(example = 96.6)]
    pub percent: Option<f64>,
}

impl From<TeamCounts> for TeamCompleteness {
    fn from(counts: TeamCounts) -> Self {
        Self {
            expected: counts.expected,
            received: counts.received(),
            on_time: counts.on_time,
            late: counts.late,
            nil: counts.nil,
            missing: counts.missing(),
            overdue: counts.overdue,
            percent: percent(counts.received(), counts.expected),
        }
    }
}

/// How the units directly below stand: `expected` = `received` + `partial` + `missing`, `received` = `on_time` + `late`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct UnitCompleteness {
    /// Units with a team that is expected.
    #[schema(minimum = 0, example = 30)]
    pub expected: i64,
    /// Units all of whose expected teams have reported.
    #[schema(minimum = 0, example = 25)]
    pub received: i64,
    /// Of those, units all of whose teams were on time.
    #[schema(minimum = 0, example = 22)]
    pub on_time: i64,
    /// Of those, units with a team that came late.
    #[schema(minimum = 0, example = 3)]
    pub late: i64,
    /// Units some of whose teams have reported.
    #[schema(minimum = 0, example = 4)]
    pub partial: i64,
    /// Units none of whose teams has.
    #[schema(minimum = 0, example = 1)]
    pub missing: i64,
    /// `received` / `expected` × 100, rounded to two decimals; null where no unit is expected.
    #[schema(example = 83.33)]
    pub percent: Option<f64>,
}

impl From<UnitCounts> for UnitCompleteness {
    fn from(counts: UnitCounts) -> Self {
        Self {
            expected: counts.expected,
            received: counts.received(),
            on_time: counts.on_time,
            late: counts.late,
            partial: counts.partial,
            missing: counts.missing,
            percent: percent(counts.received(), counts.expected),
        }
    }
}

/// A unit directly below with the teams of its subtree, or the unit itself with its own.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CompletenessGroup {
    /// The unit.
    pub id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "QD-BADINH")]
    pub code: String,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Quận Đoàn Ba Đình")]
    pub name: String,
    /// English name.
    #[schema(max_length = 200)]
    pub name_en: Option<String>,
    /// What it is.
    #[schema(value_type = OrgUnitKindSchema)]
    pub kind: OrgUnitKind,
    /// Whether it is the unit that was asked for, with its own teams alone; it is none of the `units` that are counted.
    pub own_teams: bool,
    /// How it stands.
    #[schema(value_type = UnitReportingSchema)]
    pub status: UnitReporting,
    /// The day by whose end its reports are due, extensions included.
    #[schema(example = "2024-07-09")]
    pub due_on: NaiveDate,
    /// How its teams stand.
    pub teams: TeamCompleteness,
}

/// A team that is expected in a period (tình trạng báo cáo).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TeamReport {
    /// The team.
    pub team_id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "CDS-EAHLEO-01")]
    pub code: String,
    /// Its name.
    #[schema(max_length = 200, example = "Đội hình Chuyển đổi số cộng đồng xã Ea H’leo")]
    pub name: String,
    /// Its unit.
    pub org_unit_id: Uuid,
    /// Its unit's code.
    #[schema(max_length = 40, example = "XD-EAHLEO")]
    pub org_unit_code: String,
    /// Its unit's name.
    #[schema(max_length = 200, example = "Xã Đoàn Ea H’leo")]
    pub org_unit_name: String,
    /// How it stands.
    #[schema(value_type = TeamReportingSchema)]
    pub status: TeamReporting,
    /// When the first of its results that count for a day of the period was filed; null when there is none.
    pub filed_at: Option<DateTime<Utc>>,
    /// When it said that it has nothing to report.
    pub nil_at: Option<DateTime<Utc>>,
    /// The day by whose end its reports are due, extensions included.
    #[schema(example = "2024-07-09")]
    pub due_on: NaiveDate,
    /// Days between its due day and the day of its first filing, or today while nothing came; 0 when it is not late.
    #[schema(minimum = 0, example = 0)]
    pub days_late: i64,
}

page_schema!(TeamReportPage of TeamReport);

/// Who has reported in a period (mức độ đầy đủ của báo cáo).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Completeness {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The period.
    pub period: CompletenessPeriod,
    /// Whose subtree is asked.
    pub org_unit: ProgressUnit,
    /// The instant that the figures stand at: this minute's beginning.
    pub as_of: DateTime<Utc>,
    /// The day by whose end the unit's reports are due, extensions included.
    #[schema(example = "2024-07-09")]
    pub due_on: NaiveDate,
    /// How the teams of the subtree stand.
    pub teams: TeamCompleteness,
    /// How the units directly below stand.
    pub units: UnitCompleteness,
    /// The units directly below, by code, and the unit itself when teams of its own are expected; their teams add up to
    /// `teams`.
    #[schema(max_items = 20000)]
    pub groups: Vec<CompletenessGroup>,
    /// Teams that haven't reported, by code: of more than 50 the first; `GET /v1/reporting/teams` lists all.
    #[schema(max_items = 50)]
    pub missing_teams: Vec<TeamReport>,
    /// Teams that came late, by code: of more than 50 the first; `GET /v1/reporting/teams` lists all.
    #[schema(max_items = 50)]
    pub late_teams: Vec<TeamReport>,
}
