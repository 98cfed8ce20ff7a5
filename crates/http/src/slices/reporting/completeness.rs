//! Who has reported in a period: what asking for it means.

use super::completeness_dto::{
    Completeness, CompletenessGroup, CompletenessPeriod, CompletenessQuery, TeamReport, TeamReportQuery,
};
use crate::{
    allowed::{ReportingRead, Scope},
    app::App,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    slices::{
        progress::dto::ProgressUnit,
        teams::ops::{Nowhere, within},
    },
};
use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use std::collections::HashMap;
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus},
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    reporting::{Deadlines, Period, TeamCounts, TeamReporting, UnitCounts},
};
use tinhnguyen_persistence::{
    ConnectionTrait, campaigns, org_units,
    page::{After, Mark, Page},
    reporting::{self, TeamFilter, TeamRow, UnitRow},
};
use uuid::Uuid;

/// Missing and late teams that a completeness answer names itself; all of them are listed by `GET /v1/reporting/teams`.
const NAMED: usize = 50;
/// Teams that are read at once while those are looked for that stand as it was asked.
const WINDOW: u64 = 500;
/// How many times that many for one page: a page may be short, and its cursor goes on.
const WINDOWS: usize = 40;

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
        let instants = days.iter().map(|day| self.campaign.end_of(*day)).collect();
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
        let first = self.campaign.end_of(self.period.due_on);
        let last = self.campaign.end_of(self.deadlines.last());
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
