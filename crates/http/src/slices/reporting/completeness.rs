//! Who has reported in a period: what is sent, and what asking for it means.

use crate::{
    allowed::{ReportingRead, Scope},
    app::App,
    page::{ListQuery, page_schema},
    problem::{ApiError, ApiResult, Code, Fault},
    schema::{OrgUnitKindSchema, TeamReportingSchema, UnitReportingSchema},
    slices::{
        progress::dto::ProgressUnit,
        teams::ops::{Nowhere, within},
    },
};
use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus},
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    progress::percent,
    reporting::{Deadlines, Period, TeamCounts, TeamReporting, UnitCounts, UnitReporting},
};
use tinhnguyen_persistence::{
    ConnectionTrait, campaigns, org_units,
    page::{After, Mark, Page},
    reporting::{self, TeamFilter, TeamRow, UnitRow},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Missing and late teams that a completeness answer names itself; all of them are listed by `GET /v1/reporting/teams`.
const NAMED: usize = 50;
/// Teams that are read at once while those are looked for that stand as it was asked.
const WINDOW: u64 = 500;
/// How many times that many for one page: a page may be short, and its cursor goes on.
const WINDOWS: usize = 40;

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
    fn of(period: &Period) -> Self {
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

/// A parameter that names nothing, or nothing in sight.
fn unknown(parameter: &str) -> ApiError {
    ApiError::parameter(Fault::of_parameter(parameter, Code::ReferenceNotFound))
}

/// A period, its campaign, and by when each unit's reports are due.
pub struct Term {
    /// The campaign.
    pub campaign: Campaign,
    /// The period.
    pub period: Period,
    /// The due days.
    pub deadlines: Deadlines,
}

impl Term {
    /// The period of a campaign with the extensions in force.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn of(conn: &impl ConnectionTrait, campaign: Campaign, period: Period) -> ApiResult<Self> {
        let deadlines = reporting::deadlines_of(conn, std::slice::from_ref(&period)).await?.remove(&period.stamp.id);
        let deadlines = deadlines.unwrap_or_else(|| Deadlines::new(period.due_on, []));
        Ok(Self { campaign, period, deadlines })
    }

    /// The period that is asked for: by its campaign and code, or the one that began last of the campaign that is open or
    /// was last.
    ///
    /// # Errors
    /// `invalid_parameter` for what is not there; `not_found` when there is no period at all.
    async fn asked(
        conn: &impl ConnectionTrait,
        campaign_id: Option<Uuid>,
        code: Option<&str>,
        now: DateTime<Utc>,
    ) -> ApiResult<Self> {
        let campaign = match campaign_id {
            Some(id) => campaigns::find(conn, id).await?.ok_or_else(|| unknown("campaign_id"))?,
            None => {
                let mut all = campaigns::all(conn).await?;
                all.retain(|campaign| campaign.status != CampaignStatus::Draft);
                let latest = all.into_iter().max_by_key(|campaign| {
                    (campaign.status == CampaignStatus::Open, campaign.starts_on, campaign.stamp.id)
                });
                latest.ok_or_else(ApiError::not_found)?
            }
        };
        let id = campaign.stamp.id;
        let period = match code {
            Some(code) => reporting::find_by_code(conn, id, code).await?.ok_or_else(|| unknown("period"))?,
            None => {
                let began = reporting::latest(conn, id, campaign.local_day(now)).await?;
                began.ok_or_else(ApiError::not_found)?
            }
        };
        Self::of(conn, campaign, period).await
    }

    /// The due days that some unit has, each with the instant at which it is over.
    fn instants(&self) -> (Vec<NaiveDate>, Vec<DateTime<Utc>>) {
        let days = self.deadlines.days();
        let instants = days.iter().map(|day| self.campaign.end_of_day(*day)).collect();
        (days, instants)
    }

    /// How the expected teams of each unit of a subtree stand.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    pub async fn by_unit(
        &self,
        conn: &impl ConnectionTrait,
        top: &UnitPath,
        now: DateTime<Utc>,
    ) -> ApiResult<Vec<(UnitRow, TeamCounts)>> {
        let (days, instants) = self.instants();
        let rows = reporting::by_unit(conn, &self.period, top, &instants).await?;
        let today = self.campaign.local_day(now);
        let of = |row: UnitRow| {
            let due_on = self.deadlines.of(&row.path);
            let at = days.iter().position(|day| *day == due_on);
            let on_time = at.and_then(|at| row.before.get(at)).copied().unwrap_or_default();
            let late = row.received.saturating_sub(on_time);
            let mut counts = TeamCounts { expected: row.expected, on_time, late, nil: row.nil, overdue: 0 };
            if today > due_on {
                counts.overdue = counts.missing();
            }
            (row, counts)
        };
        Ok(rows.into_iter().map(of).collect())
    }

    fn report(&self, row: TeamRow, today: NaiveDate) -> TeamReport {
        let due_on = self.deadlines.of(&row.path);
        let first = [row.filed_at, row.nil_at].into_iter().flatten().min();
        let filed_on = first.map(|at| self.campaign.local_day(at));
        let days_late = filed_on.unwrap_or(today).signed_duration_since(due_on).num_days().max(0);
        let status = match filed_on {
            None => TeamReporting::Missing,
            Some(_) if days_late > 0 => TeamReporting::Late,
            Some(_) => TeamReporting::OnTime,
        };
        TeamReport {
            team_id: row.id,
            code: row.code,
            name: row.name,
            org_unit_id: row.org_unit_id,
            org_unit_code: row.unit_code,
            org_unit_name: row.unit_name,
            status,
            filed_at: row.filed_at,
            nil_at: row.nil_at,
            due_on,
            days_late,
        }
    }

    /// Expected teams that are reached and stand as it is asked, by code; and where to go on.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    async fn teams(
        &self,
        conn: &impl ConnectionTrait,
        scope: &Scope<ReportingRead>,
        asked: Listed,
        now: DateTime<Utc>,
    ) -> ApiResult<(Vec<TeamReport>, Option<(String, Uuid)>)> {
        let first = self.campaign.end_of_day(self.period.due_on);
        let last = self.campaign.end_of_day(self.deadlines.last());
        let today = self.campaign.local_day(now);
        let mut filter = TeamFilter {
            team_id: asked.team_id,
            within: asked.within,
            status: asked.status.map(|status| (status, first, last)),
            after: asked.after,
        };
        // Without extensions the database's word is the last one, and a page is read in one go.
        let room = u64::try_from(asked.limit).unwrap_or(u64::MAX).saturating_add(1);
        let window = if first == last { room } else { room.max(WINDOW) };
        let mut found: Vec<TeamReport> = Vec::new();
        for _ in 0..WINDOWS {
            let rows = reporting::teams(conn, &scope.reaches, &self.period, &filter, window).await?;
            let ended = u64::try_from(rows.len()).is_ok_and(|count| count < window);
            for row in rows {
                filter.after = Some((row.code.clone(), row.id));
                let report = self.report(row, today);
                if asked.status.is_some_and(|status| status != report.status) {
                    continue;
                }
                if found.len() >= asked.limit {
                    let next = found.last().map(|last| (last.code.clone(), last.team_id));
                    return Ok((found, next));
                }
                found.push(report);
            }
            if ended {
                return Ok((found, None));
            }
        }
        Ok((found, filter.after))
    }
}

/// Which teams of a term are looked for.
struct Listed {
    team_id: Option<Uuid>,
    within: Option<UnitPath>,
    status: Option<TeamReporting>,
    after: Option<(String, Uuid)>,
    limit: usize,
}

/// How the expected teams of a subtree stand together: what a figure's answer says of how much of it has come.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn summary(
    conn: &impl ConnectionTrait,
    term: &Term,
    top: &UnitPath,
    now: DateTime<Utc>,
) -> ApiResult<TeamCounts> {
    let mut total = TeamCounts::default();
    term.by_unit(conn, top, now).await?.into_iter().for_each(|(_, counts)| total += counts);
    Ok(total)
}

/// The unit that is asked for; when none is, the highest one that the caller reaches.
async fn unit_of(conn: &impl ConnectionTrait, scope: &Scope<ReportingRead>, id: Option<Uuid>) -> ApiResult<OrgUnit> {
    if let Some(id) = id {
        let unit = scope.seen(org_units::find(conn, id).await?)?;
        scope.ensure_unit(&unit.path)?;
        return Ok(unit);
    }
    let parts = scope.reaches.parts().iter().filter(|part| part.team_id.is_none());
    let Some(highest) = parts.min_by_key(|part| part.path.depth()) else {
        return Err(ApiError::new(Code::Forbidden).detail(
            "Bạn không có quyền xem tình trạng báo cáo của cả một đơn vị; xem đội của mình tại `GET /v1/reporting/teams`.",
            "You may not see who of a whole unit has reported; see your own team at `GET /v1/reporting/teams`.",
        ));
    };
    org_units::find_by_path(conn, &highest.path).await?.ok_or_else(ApiError::not_found)
}

/// Who of a unit's subtree has reported.
///
/// # Errors
/// The problems that the operation states.
pub async fn read(app: &App, scope: &Scope<ReportingRead>, query: &CompletenessQuery) -> ApiResult<Completeness> {
    let (conn, now) = (app.store.read(), app.clock.now());
    let unit = unit_of(conn, scope, query.org_unit_id).await?;
    let term = Term::asked(conn, query.campaign_id, query.period.as_deref(), now).await?;
    let rows = term.by_unit(conn, &unit.path, now).await?;

    let depth = unit.path.depth().saturating_add(1);
    let (mut total, mut below) = (TeamCounts::default(), HashMap::<UnitPath, TeamCounts>::new());
    for (row, counts) in rows {
        total += counts;
        *below.entry(row.path.at_depth(depth)).or_default() += counts;
    }
    let group = |of: &OrgUnit, counts: TeamCounts, own_teams: bool| CompletenessGroup {
        id: of.stamp.id,
        code: of.code.clone(),
        name: of.name.clone(),
        name_en: of.name_en.clone(),
        kind: of.kind,
        own_teams,
        status: counts.status(),
        due_on: term.deadlines.of(&of.path),
        teams: counts.into(),
    };
    let mut units = UnitCounts::default();
    let mut groups = Vec::new();
    for child in org_units::children(conn, unit.stamp.id).await? {
        let counts = below.get(&child.path).copied().unwrap_or_default();
        // The support centre guides and has no teams; a unit that is no more is told of as long as it has some.
        let may_report =
            child.kind != OrgUnitKind::SupportCentre && child.valid_to.is_none_or(|to| to >= term.period.starts_on);
        if counts.expected > 0 || may_report {
            units.count(&counts);
            groups.push(group(&child, counts, false));
        }
    }
    if let Some(own) = below.get(&unit.path).filter(|own| own.expected > 0) {
        groups.push(group(&unit, *own, true));
    }
    let named = async |status: TeamReporting, count: i64| {
        if count == 0 {
            return Ok(Vec::new());
        }
        let within = Some(unit.path.clone());
        let asked = Listed { team_id: None, within, status: Some(status), after: None, limit: NAMED };
        term.teams(conn, scope, asked, now).await.map(|(teams, _)| teams)
    };
    let missing_teams = named(TeamReporting::Missing, total.missing()).await?;
    let late_teams = named(TeamReporting::Late, total.late).await?;
    Ok(Completeness {
        campaign_id: term.campaign.stamp.id,
        period: CompletenessPeriod::of(&term.period),
        due_on: term.deadlines.of(&unit.path),
        org_unit: ProgressUnit::of(&unit),
        as_of: now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now),
        teams: total.into(),
        units: units.into(),
        groups,
        missing_teams,
        late_teams,
    })
}

/// Lists the expected teams that the caller reaches.
///
/// # Errors
/// The problems that the operation states.
pub async fn list(app: &App, scope: &Scope<ReportingRead>, query: &TeamReportQuery) -> ApiResult<Page<TeamReport>> {
    let (conn, now) = (app.store.read(), app.clock.now());
    let page = query.page_request()?;
    let after = match page.after {
        None => None,
        Some(After { mark: Mark::Text(code), id }) => Some((code, id)),
        Some(_) => return Err(ApiError::new(Code::BadCursor)),
    };
    let term = Term::asked(conn, query.campaign_id, query.period.as_deref(), now).await?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok(Page { data: vec![], next: None, total: None }),
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let asked = Listed { team_id: query.team_id, within, status: query.status, after, limit };
    let (data, next) = term.teams(conn, scope, asked, now).await?;
    Ok(Page { data, next: next.map(|(code, id)| After { mark: Mark::Text(code), id }), total: None })
}
