//! Who is behind, and how campaigns compare.

use super::{
    dto::{ProgressIndicator, ProgressQuery, ProgressUnit},
    ops,
    outlook_dto::{
        AtRiskQuery, CampaignProgress, CampaignsCompared, CampaignsQuery, ComparedCampaign, ProgressByDay, UnitAtRisk,
        UnitsAtRisk,
    },
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    problem::ApiResult,
    progress::{Asked, Subject, View, When},
};
use actix_web::web::Data;
use chrono::{Days, NaiveDate};
use std::{collections::BTreeMap, sync::Arc};
use tinhnguyen_domain::{
    campaigns::CampaignStatus,
    catalogue::Measure,
    counting::Count,
    org_units::{OrgUnit, UnitPath},
    progress::{Cube, Outlook, percent},
};
use tinhnguyen_persistence::progress as rows;

/// The most units of one answer.
const MOST: usize = 20_000;

/// The units that would miss their targets, the one that lacks most of its own first.
///
/// # Errors
/// The problems that the operation states.
pub async fn at_risk(app: &Data<App>, scope: &Scope<ProgressRead>, query: &AtRiskQuery) -> ApiResult<UnitsAtRisk> {
    let question = ProgressQuery {
        indicator_id: query.indicator_id,
        org_unit_id: query.org_unit_id,
        as_of: query.as_of,
        tree_as_of: query.tree_as_of,
        ..ProgressQuery::default()
    };
    ops::with(app, &question, |view| {
        let (subject, top, asked) = ops::question(view, scope, &question)?;
        let units = match query.kind {
            None => view.trees.children(top.stamp.id),
            Some(kind) => view.trees.below(asked.org_unit, kind),
        };
        let targets = view.targets(&subject);
        let mut by_day = view.by_unit_and_day(&asked, query.kind);
        let has_begun = subject.campaign.starts_on <= subject.campaign.local_day(view.as_of);
        let mut answer = UnitsAtRisk {
            indicator: ProgressIndicator::of(&subject.indicator),
            org_unit: ProgressUnit::of(top),
            as_of: view.as_of,
            tree_as_of: view.trees.day,
            ledger_seq: view.ledger_seq(),
            units: 0,
            without_target: 0,
            reached: 0,
            on_course: 0,
            at_risk: 0,
            out_of_reach: 0,
            data: vec![],
        };
        for unit in units {
            answer.units += 1;
            let Some(target) = targets.get(&unit.stamp.id).copied() else {
                answer.without_target += 1;
                continue;
            };
            let days = by_day.remove(&unit.stamp.id).unwrap_or_default();
            let pace = ops::pace(view, &subject, target, &days);
            let outlook = pace.outlook(target, has_begun);
            *match outlook {
                Outlook::Reached => &mut answer.reached,
                Outlook::OnCourse => &mut answer.on_course,
                Outlook::AtRisk => &mut answer.at_risk,
                Outlook::OutOfReach => &mut answer.out_of_reach,
            } += 1;
            if matches!(outlook, Outlook::AtRisk | Outlook::OutOfReach) {
                let total: Count = days.values().copied().sum();
                answer.data.push(UnitAtRisk {
                    org_unit: ProgressUnit::of(unit),
                    outlook,
                    target,
                    reported: total.reported.0,
                    verified: total.verified.0,
                    percent: percent(total.reported.0, target),
                    shortfall: target.saturating_sub(pace.forecast.total),
                    forecast_percent: percent(pace.forecast.total, target),
                    pace: pace.into(),
                });
            }
        }
        // By the share that would be missing, so that a small unit is seen beside a large one.
        answer.data.sort_by(|a, b| {
            // Shares are compared without dividing, so that equal ones are equal.
            let total = |one: &UnitAtRisk| i128::from(one.pace.forecast_total);
            let (left, right) = (total(a) * i128::from(b.target), total(b) * i128::from(a.target));
            left.cmp(&right).then_with(|| a.org_unit.code.cmp(&b.org_unit.code))
        });
        answer.data.truncate(MOST);
        Ok(answer)
    })
    .await
}

/// What a unit reached in each campaign, as a whole and by the same day of each.
///
/// # Errors
/// The problems that the operation states.
pub async fn compared(
    app: &Data<App>,
    scope: &Scope<ProgressRead>,
    query: &CampaignsQuery,
) -> ApiResult<CampaignsCompared> {
    let measure = query.measure.unwrap_or(Measure::BeneficiaryTurns);
    let when = When { tree_as_of: query.tree_as_of, ..When::default() };
    let mut cells = None;
    if !ops::is_of_ledger(measure) {
        let subjects = app.figures.with(app, |view| view.subjects.counting(measure)).await?;
        let mut found = Vec::new();
        for subject in subjects {
            let counted = (subject.indicator.stamp.id, measure);
            found.extend(rows::team_cells(app.store.read(), counted, subject.campaign.stamp.id).await?);
        }
        cells = Some(found);
    }
    app.figures
        .when(app, when, |view| match cells {
            None => compare(view, scope, query, measure),
            Some(cells) => {
                let cube = Cube::load(view.ledger_seq(), cells);
                compare(&View { cube: &cube, ..*view }, scope, query, measure)
            }
        })
        .await?
}

fn compare(
    view: &View<'_>,
    scope: &Scope<ProgressRead>,
    query: &CampaignsQuery,
    measure: Measure,
) -> ApiResult<CampaignsCompared> {
    let unit = ops::unit_of(view, scope, query.org_unit_id)?;
    let path = view.trees.unit_path(unit.stamp.id).ok_or_else(crate::problem::ApiError::not_found)?;
    let subjects = view.subjects.counting(measure);
    let day = query.day.or_else(|| day_of(view, &subjects));
    Ok(CampaignsCompared {
        measure,
        org_unit: ProgressUnit::of(unit),
        as_of: view.as_of,
        tree_as_of: view.trees.day,
        ledger_seq: view.ledger_seq(),
        day,
        data: subjects.iter().map(|subject| one(view, subject, (unit, path), day)).collect(),
    })
}

/// The day of the campaign that began last, in its own days; none before the first of any.
fn day_of(view: &View<'_>, subjects: &[Arc<Subject>]) -> Option<u32> {
    let begun = |subject: &&Arc<Subject>| subject.campaign.starts_on <= subject.campaign.local_day(view.as_of);
    let open = |subject: &Subject| subject.campaign.status == CampaignStatus::Open;
    let last = subjects.iter().filter(begun).max_by_key(|subject| (open(subject), subject.campaign.starts_on))?;
    let campaign = &last.campaign;
    let today = campaign.local_day(view.as_of).min(campaign.ends_on);
    u32::try_from((today - campaign.starts_on).num_days() + 1).ok()
}

fn one(view: &View<'_>, subject: &Subject, (unit, path): (&OrgUnit, &UnitPath), day: Option<u32>) -> CampaignProgress {
    let Subject { campaign, indicator } = subject;
    let days: BTreeMap<NaiveDate, Count> = view.by_day(&Asked::all(indicator.stamp.id, path));
    let total: Count = days.values().copied().sum();
    let target = view.targets(subject).get(&unit.stamp.id).copied();
    let share = |figure: i64| target.and_then(|target| percent(figure, target));
    let by_day = day.and_then(|day| {
        let last = campaign.starts_on.checked_add_days(Days::new(u64::from(day).checked_sub(1)?))?;
        let last = last.min(campaign.ends_on);
        let count: Count = days.range(..=last).map(|(_, count)| *count).sum();
        Some(ProgressByDay {
            date: last,
            reported: count.reported.0,
            verified: count.verified.0,
            percent: share(count.reported.0),
        })
    });
    CampaignProgress {
        campaign: ComparedCampaign::of(campaign),
        indicator: ProgressIndicator::of(indicator),
        target,
        reported: total.reported.0,
        verified: total.verified.0,
        percent: share(total.reported.0),
        verified_percent: share(total.verified.0),
        by_day,
    }
}
