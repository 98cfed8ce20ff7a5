//! What requests for progress mean.

use super::dto::{
    GroupBy, Progress, ProgressCompleteness, ProgressGroup, ProgressIncludes, ProgressIndicator, ProgressQuery,
    ProgressUnit, PublicProgress,
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    progress::{Asked, Folded},
    slices::targets::ops::in_force_at,
};
use chrono::{DateTime, Datelike, Utc};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus, Indicator},
    catalogue::{ActivityKind, Audience, Measure, Topic},
    counting::Count,
    org_units::{OrgUnit, UnitPath},
    progress::{Pace, percent},
};
use tinhnguyen_persistence::{ConnectionTrait, campaigns, org_units, reference};
use uuid::Uuid;

/// What is counted, and in which campaign.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The campaign.
    pub campaign: Campaign,
    /// The indicator.
    pub indicator: Indicator,
}

/// What units are to reach, by unit.
pub type Targets = HashMap<Uuid, i64>;

/// A parameter that names nothing, or nothing in sight.
fn unknown(parameter: &str) -> ApiError {
    let fault = Fault::of_parameter(parameter, Code::ReferenceNotFound);
    ApiError::parameter(fault)
}

/// The indicator that is asked for; when none is, the first that counts turns of the campaign that is open, or that
/// was last.
///
/// # Errors
/// `invalid_parameter` when it is not there or does not count turns.
pub async fn subject(conn: &impl ConnectionTrait, indicator_id: Option<Uuid>) -> ApiResult<Option<Subject>> {
    if let Some(id) = indicator_id {
        let indicator = campaigns::find_indicator(conn, id).await?.ok_or_else(|| unknown("indicator_id"))?;
        if indicator.measure != Measure::BeneficiaryTurns {
            let fault = Fault::of_parameter("indicator_id", Code::NotAllowedValue).message(
                "Chỉ tiêu này không tính theo lượt, chưa có tiến độ từ sổ cái.",
                "This indicator does not count turns, and the ledger has no progress of it.",
            );
            return Err(ApiError::parameter(fault));
        }
        let campaign = campaigns::find(conn, indicator.campaign_id).await?.ok_or_else(|| unknown("indicator_id"))?;
        return Ok(Some(Subject { campaign, indicator }));
    }
    let mut candidates = campaigns::all(conn).await?;
    candidates.retain(|campaign| campaign.status != CampaignStatus::Draft);
    candidates.sort_by_key(|campaign| {
        std::cmp::Reverse((campaign.status == CampaignStatus::Open, campaign.starts_on, campaign.stamp.id))
    });
    for campaign in candidates {
        let indicators = campaigns::indicators_of(conn, campaign.stamp.id).await?;
        let first = indicators
            .into_iter()
            .filter(|i| i.measure == Measure::BeneficiaryTurns)
            .min_by_key(|i| (i.number.is_none(), i.number, i.stamp.id));
        if let Some(indicator) = first {
            return Ok(Some(Subject { campaign, indicator }));
        }
    }
    Ok(None)
}

/// The unit that is asked for; when none is, the highest one that the caller reaches.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn unit_of(conn: &impl ConnectionTrait, scope: &Scope<ProgressRead>, id: Option<Uuid>) -> ApiResult<OrgUnit> {
    match id {
        Some(id) => {
            let unit = scope.seen(org_units::find(conn, id).await?)?;
            scope.ensure_unit(&unit.path)?;
            Ok(unit)
        }
        None => {
            let parts = scope.reaches.parts().iter().filter(|part| part.team_id.is_none());
            let highest = parts.min_by_key(|part| part.path.depth());
            let Some(highest) = highest else {
                return Err(ApiError::new(Code::Forbidden).detail(
                    "Bạn không có quyền xem tiến độ của cả một đơn vị.",
                    "You may not see the progress of a whole unit.",
                ));
            };
            org_units::find_by_path(conn, &highest.path).await?.ok_or_else(ApiError::not_found)
        }
    }
}

/// Progress of a unit's subtree.
///
/// # Errors
/// The problems that the operation states.
pub async fn progress(app: &App, scope: &Scope<ProgressRead>, query: &ProgressQuery) -> ApiResult<Progress> {
    let conn = app.store.read();
    let unit = unit_of(conn, scope, query.org_unit_id).await?;
    let subject = subject(conn, query.indicator_id).await?.ok_or_else(ApiError::not_found)?;
    if let (Some(from), Some(to)) = (query.from, query.to)
        && to < from
    {
        let fault = Fault::of_parameter("to", Code::DatesInverted);
        return Err(ApiError::parameter(fault));
    }
    let now = app.clock.now();
    let targets = in_force_at(conn, (&subject.indicator, &subject.campaign), &unit, now).await?;
    app.figures.with(&app.store, |folded| answer(folded, &subject, &unit, &targets, query, now)).await?
}

fn answer(
    folded: &Folded,
    subject: &Subject,
    unit: &OrgUnit,
    targets: &Targets,
    query: &ProgressQuery,
    now: DateTime<Utc>,
) -> ApiResult<Progress> {
    let locality = match query.locality_id {
        Some(id) => Some(&folded.place(id).ok_or_else(|| unknown("locality_id"))?.path),
        None => None,
    };
    let as_of = folded.as_of(now);
    let asked = Asked {
        indicator_id: subject.indicator.stamp.id,
        org_unit: &unit.path,
        locality,
        from: query.from,
        to: query.to,
    };
    let total = folded.total(&asked);
    let cumulative = folded.total(&Asked { from: None, ..asked });
    let unfiltered = locality.is_none() && query.from.is_none() && query.to.is_none();
    let target = targets.get(&unit.stamp.id).copied();
    let pace = target.filter(|_| unfiltered).map(|target| pace(folded, subject, &asked, target, as_of).into());
    let by_child = folded.by_child(&asked);
    let below = folded.children(unit.stamp.id);
    let reporting = below.iter().filter(|child| by_child.get(&child.stamp.id).is_some_and(|c| c.reported.0 != 0));
    Ok(Progress {
        indicator: ProgressIndicator::of(&subject.indicator),
        org_unit: ProgressUnit::of(unit),
        as_of,
        ledger_seq: folded.ledger_seq(),
        target,
        reported: total.reported.0,
        verified: total.verified.0,
        percent: target.and_then(|target| percent(total.reported.0, target)),
        verified_percent: target.and_then(|target| percent(total.verified.0, target)),
        cumulative: cumulative.into(),
        pace,
        completeness: ProgressCompleteness {
            units_expected: u64::try_from(below.len()).unwrap_or(u64::MAX),
            units_reporting: u64::try_from(reporting.count()).unwrap_or(u64::MAX),
        },
        groups: query.group_by.map_or_else(Vec::new, |by| groups(folded, unit, &asked, targets, by)),
        includes: ProgressIncludes::default(),
    })
}

/// How a figure moves, in the campaign's own time zone.
#[must_use]
pub fn pace(folded: &Folded, subject: &Subject, asked: &Asked<'_>, target: i64, as_of: DateTime<Utc>) -> Pace {
    let days = folded.groups(asked, |key| Some(key.day));
    let local = as_of.with_timezone(&subject.campaign.time_zone).naive_local();
    Pace::at(target, (subject.campaign.starts_on, subject.campaign.ends_on), local, &days)
}

fn group(key: impl Into<String>, name: impl Into<String>, name_en: Option<&str>, count: Count) -> ProgressGroup {
    ProgressGroup {
        key: key.into(),
        id: None,
        name: name.into(),
        name_en: name_en.map(ToOwned::to_owned),
        reported: count.reported.0,
        verified: count.verified.0,
        target: None,
        percent: None,
    }
}

/// Units directly below, all of them, and the unit itself when its own teams reported.
#[must_use]
pub fn units(folded: &Folded, unit: &OrgUnit, asked: &Asked<'_>, targets: &Targets) -> Vec<ProgressGroup> {
    let mut counts = folded.by_child(asked);
    let of = |unit: &OrgUnit, count: Count, target: Option<i64>| ProgressGroup {
        id: Some(unit.stamp.id),
        target: Some(target),
        percent: Some(target.and_then(|target| percent(count.reported.0, target))),
        ..group(&unit.code, &unit.name, unit.name_en.as_deref(), count)
    };
    let below = folded.children(unit.stamp.id).into_iter();
    let mut groups: Vec<_> = below
        .map(|child| {
            let id = child.stamp.id;
            of(child, counts.remove(&id).unwrap_or_default(), targets.get(&id).copied())
        })
        .collect();
    // Whoever else reported, such as the unit's own teams, belongs to the sum. The unit's target is not theirs alone.
    let others = counts.into_iter().filter(|(_, count)| !count.is_zero());
    groups.extend(others.filter_map(|(id, count)| Some(of(folded.unit(id)?, count, None))));
    groups
}

/// All words of a vocabulary with their counts, those without reports too.
fn words<W: Copy + Ord + 'static>(
    all: &'static [W],
    counts: &BTreeMap<W, Count>,
    name: impl Fn(W) -> (&'static str, (&'static str, &'static str)),
) -> Vec<ProgressGroup> {
    all.iter()
        .map(|word| {
            let (key, (vi, en)) = name(*word);
            group(key, vi, Some(en), counts.get(word).copied().unwrap_or_default())
        })
        .collect()
}

/// The figures by topic.
#[must_use]
pub fn topics(folded: &Folded, asked: &Asked<'_>) -> Vec<ProgressGroup> {
    words(Topic::ALL, &folded.groups(asked, |key| Some(key.topic)), |t| (t.as_str(), t.names()))
}

/// The figures by audience.
#[must_use]
pub fn audiences(folded: &Folded, asked: &Asked<'_>) -> Vec<ProgressGroup> {
    words(Audience::ALL, &folded.groups(asked, |key| Some(key.audience)), |a| (a.as_str(), a.names()))
}

fn groups(folded: &Folded, unit: &OrgUnit, asked: &Asked<'_>, targets: &Targets, by: GroupBy) -> Vec<ProgressGroup> {
    match by {
        GroupBy::OrgUnit => units(folded, unit, asked, targets),
        GroupBy::Topic => topics(folded, asked),
        GroupBy::Audience => audiences(folded, asked),
        GroupBy::ActivityKind => {
            let counts = folded.groups(asked, |key| Some(key.topic.activity_kind()));
            words(ActivityKind::ALL, &counts, |k| (k.as_str(), k.names()))
        }
        GroupBy::Locality => {
            let mut groups: Vec<_> = folded
                .by_place(asked)
                .into_iter()
                .filter_map(|(id, count)| {
                    let place = folded.place(id)?;
                    Some(ProgressGroup { id: Some(id), ..group(&place.code, &place.name, None, count) })
                })
                .collect();
            groups.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
            groups
        }
        GroupBy::Day => {
            let counts = folded.groups(asked, |key| Some(key.day));
            counts.into_iter().map(|(day, count)| group(day.to_string(), day.to_string(), None, count)).collect()
        }
        GroupBy::Week => {
            let counts = folded.groups(asked, |key| Some((key.day.iso_week().year(), key.day.iso_week().week())));
            let named = counts.into_iter().map(|((year, week), count)| (format!("{year}-W{week:02}"), count));
            named.map(|(week, count)| group(week.clone(), week, None, count)).collect()
        }
    }
}

/// The country's progress, for everybody. The provinces are given by `units`, and the country's own teams under the
/// centre's code.
///
/// # Errors
/// The problems that the operation states.
pub async fn public(app: &App, indicator_id: Option<Uuid>) -> ApiResult<PublicProgress> {
    let conn = app.store.read();
    let subject = subject(conn, indicator_id).await?.ok_or_else(ApiError::not_found)?;
    let root = org_units::root(conn).await?.ok_or_else(ApiError::not_found)?;
    let demo = reference::is_demo(conn).await?;
    let now = app.clock.now();
    let targets = in_force_at(conn, (&subject.indicator, &subject.campaign), &root, now).await?;
    app.figures
        .with(&app.store, |folded| {
            let asked = everything(&subject, &root.path);
            let total = folded.total(&asked);
            let target = subject.indicator.target_value;
            PublicProgress {
                campaign: subject.campaign.code.clone(),
                indicator: ProgressIndicator::of(&subject.indicator),
                as_of: folded.as_of(now),
                ledger_seq: folded.ledger_seq(),
                target,
                reported: total.reported.0,
                verified: total.verified.0,
                percent: percent(total.reported.0, target),
                verified_percent: percent(total.verified.0, target),
                provinces: units(folded, &root, &asked, &targets),
                demo,
            }
        })
        .await
}

/// All that counts for an indicator.
#[must_use]
pub const fn everything<'a>(subject: &Subject, root: &'a UnitPath) -> Asked<'a> {
    Asked { indicator_id: subject.indicator.stamp.id, org_unit: root, locality: None, from: None, to: None }
}
