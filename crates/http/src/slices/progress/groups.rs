//! The groups of a progress answer. Whatever the figure is grouped by, the groups add up to it.

use super::{
    dto::{GroupBy, ProgressGroup, ProgressQuery},
    ops,
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    progress::{Asked, Targets, View},
};
use actix_web::web::Data;
use chrono::{Datelike, NaiveDate};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    catalogue::{ActivityKind, Audience, Topic},
    counting::Count,
    localities::Difficulty,
    org_units::OrgUnit,
    progress::{By, percent},
    reporting::{Period, WEEKS},
    teams::TeamKind,
};
use tinhnguyen_persistence::{progress::team_names, reporting};
use uuid::Uuid;

/// The most groups of one answer. Of more teams the smaller ones are told together.
const MOST: usize = 20_000;
/// The key of what is told together.
const OTHERS: (&str, &str, &str) = ("others", "Các đội khác", "Other teams");
/// The key of what has no word, such as the turns of a team whose kind is not known.
const UNKNOWN: (&str, &str, &str) = ("unknown", "Không rõ", "Unknown");

/// Whoever's days are in no period.
const OUTSIDE: (&str, &str, &str) = ("outside", "Ngoài các kỳ báo cáo", "Outside of the reporting periods");

/// What an answer tells that is not in memory.
pub(super) enum Beside {
    /// Nothing.
    Nothing,
    /// Code and name of teams.
    Teams(HashMap<Uuid, (String, String)>),
    /// The periods of one series.
    Periods(Vec<Period>),
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

fn named((key, vi, en): (&str, &str, &str), count: Count) -> ProgressGroup {
    group(key, vi, Some(en), count)
}

/// Units directly below, all of them, and the unit itself when its own teams reported.
#[must_use]
pub fn units(
    view: &View<'_>,
    unit: &OrgUnit,
    mut counts: BTreeMap<Uuid, Count>,
    targets: &Targets,
) -> Vec<ProgressGroup> {
    let of = |unit: &OrgUnit, count: Count, target: Option<i64>| ProgressGroup {
        id: Some(unit.stamp.id),
        target: Some(target),
        percent: Some(target.and_then(|target| percent(count.reported.0, target))),
        ..group(&unit.code, &unit.name, unit.name_en.as_deref(), count)
    };
    let below = view.trees.children(unit.stamp.id).into_iter();
    let mut groups: Vec<_> = below
        .map(|child| {
            let id = child.stamp.id;
            of(child, counts.remove(&id).unwrap_or_default(), targets.get(&id).copied())
        })
        .collect();
    // Whoever else reported, such as the unit's own teams, belongs to the sum. The unit's target is not theirs alone.
    let others = counts.into_iter().filter(|(_, count)| !count.is_zero());
    groups.extend(others.filter_map(|(id, count)| Some(of(view.trees.unit(id)?, count, None))));
    groups
}

/// All words of a vocabulary with their counts, those without reports too; what has no word comes last.
fn words<W: Copy + Ord + 'static>(
    all: &'static [W],
    counts: &BTreeMap<Option<W>, Count>,
    name: impl Fn(W) -> (&'static str, (&'static str, &'static str)),
) -> Vec<ProgressGroup> {
    let mut groups: Vec<_> = all
        .iter()
        .map(|word| {
            let (key, (vi, en)) = name(*word);
            group(key, vi, Some(en), counts.get(&Some(*word)).copied().unwrap_or_default())
        })
        .collect();
    let wordless = counts.get(&None).filter(|count| !count.is_zero());
    groups.extend(wordless.map(|count| named(UNKNOWN, *count)));
    groups
}

/// The figures by topic.
#[must_use]
pub fn topics(view: &View<'_>, asked: &Asked<'_>) -> Vec<ProgressGroup> {
    words(Topic::ALL, &view.by_topic(asked), |t| (t.as_str(), t.names()))
}

/// The figures by audience.
#[must_use]
pub fn audiences(view: &View<'_>, asked: &Asked<'_>) -> Vec<ProgressGroup> {
    words(Audience::ALL, &view.by_audience(asked), |a| (a.as_str(), a.names()))
}

/// The groups that are asked for. The figures by child are there already.
pub(super) fn groups(
    view: &View<'_>,
    asked: &Asked<'_>,
    by: GroupBy,
    (unit, by_child, targets): (&OrgUnit, BTreeMap<Uuid, Count>, &Targets),
    beside: &Beside,
) -> Vec<ProgressGroup> {
    match by {
        GroupBy::OrgUnit => units(view, unit, by_child, targets),
        GroupBy::Topic => topics(view, asked),
        GroupBy::Audience => audiences(view, asked),
        GroupBy::ActivityKind => words(ActivityKind::ALL, &view.by_activity_kind(asked), |k| (k.as_str(), k.names())),
        GroupBy::TeamKind => words(TeamKind::ALL, &view.by_team_kind(asked), |k| (k.as_str(), k.names())),
        GroupBy::Difficulty => {
            let counts = view.by_difficulty(asked).into_iter().map(|(difficulty, count)| (Some(difficulty), count));
            words(Difficulty::ALL, &counts.collect(), |d| (d.as_str(), d.names()))
        }
        GroupBy::Team => by_team(view, asked, beside),
        GroupBy::Period => by_period(view, asked, beside),
        GroupBy::Locality => {
            let place = |(id, count)| {
                let place = view.trees.place(id)?;
                Some(ProgressGroup { id: Some(id), ..group(&place.code, &place.name, None, count) })
            };
            let mut groups: Vec<_> = view.by_place(asked).into_iter().filter_map(place).collect();
            groups.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
            groups
        }
        GroupBy::Day => view
            .by_day(asked)
            .into_iter()
            .map(|(day, count)| group(day.to_string(), day.to_string(), None, count))
            .collect(),
        GroupBy::Week => view
            .groups(asked, &By::Day(&|day| (day.iso_week().year(), day.iso_week().week())))
            .into_iter()
            .map(|((year, week), count)| (format!("{year}-W{week:02}"), count))
            .map(|(week, count)| group(week.clone(), week, None, count))
            .collect(),
    }
}

/// Teams by what they reported, the most first.
fn largest_first(view: &View<'_>, asked: &Asked<'_>) -> Vec<(Uuid, Count)> {
    let mut teams: Vec<_> = view.by_team(asked).into_iter().filter(|(_, count)| !count.is_zero()).collect();
    teams.sort_by_key(|(id, count)| (std::cmp::Reverse(count.reported), *id));
    teams
}

fn by_team(view: &View<'_>, asked: &Asked<'_>, beside: &Beside) -> Vec<ProgressGroup> {
    let names = if let Beside::Teams(names) = beside { Some(names) } else { None };
    let mut teams = largest_first(view, asked);
    let rest = teams.split_off(teams.len().min(MOST - 1));
    let named_team = |(id, count): (Uuid, Count)| {
        let (code, name) =
            names.and_then(|names| names.get(&id)).cloned().unwrap_or_else(|| (id.to_string(), UNKNOWN.1.to_owned()));
        ProgressGroup { id: Some(id), ..group(code, name, None, count) }
    };
    let mut groups: Vec<_> = teams.into_iter().map(named_team).collect();
    if !rest.is_empty() {
        groups.push(named(OTHERS, rest.into_iter().map(|(_, count)| count).sum()));
    }
    groups
}

/// All periods, those without reports too; what is in none comes last.
fn by_period(view: &View<'_>, asked: &Asked<'_>, beside: &Beside) -> Vec<ProgressGroup> {
    let periods = if let Beside::Periods(periods) = beside { periods.as_slice() } else { &[] };
    // Periods of a series share no day.
    let within = |day: NaiveDate| periods.iter().position(|p| p.starts_on <= day && day <= p.ends_on);
    let mut counts = view.groups(asked, &By::Day(&within));
    let mut groups: Vec<_> = (0..)
        .zip(periods)
        .map(|(at, period)| ProgressGroup {
            id: Some(period.stamp.id),
            ..group(&period.code, &period.name, None, counts.remove(&Some(at)).unwrap_or_default())
        })
        .collect();
    let outside = counts.remove(&None).filter(|count| !count.is_zero());
    groups.extend(outside.map(|count| named(OUTSIDE, count)));
    groups
}

/// What an answer tells that is not in memory.
pub(super) async fn beside(app: &Data<App>, scope: &Scope<ProgressRead>, query: &ProgressQuery) -> ApiResult<Beside> {
    match query.group_by {
        Some(GroupBy::Team) => {
            let teams = ops::with(app, query, |view| {
                let (_, _, asked) = ops::question(view, scope, query)?;
                Ok(largest_first(view, &asked).into_iter().map(|(id, _)| id).take(MOST).collect::<Vec<_>>())
            })
            .await?;
            Ok(Beside::Teams(team_names(app.store.read(), &teams).await?))
        }
        Some(GroupBy::Period) => {
            let subject = ops::with(app, query, |view| Ok(ops::question(view, scope, query)?.0)).await?;
            let mut periods = reporting::of_campaign(app.store.read(), subject.campaign.stamp.id).await?;
            let named = query.series.as_deref();
            let weeks = periods.iter().find(|period| period.series == WEEKS);
            let series = named.or_else(|| weeks.map(|p| p.series.as_str()));
            let series =
                series.or_else(|| periods.iter().map(|p| p.series.as_str()).min()).unwrap_or_default().to_owned();
            periods.retain(|period| period.series == series);
            if periods.is_empty() && named.is_some() {
                return Err(ApiError::parameter(Fault::of_parameter("series", Code::ReferenceNotFound)));
            }
            Ok(Beside::Periods(periods))
        }
        _ => Ok(Beside::Nothing),
    }
}
