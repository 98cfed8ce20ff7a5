//! The groups of a progress answer. Whatever the figure is grouped by, the groups add up to it.

use super::{
    dto::{GroupBy, ProgressGroup, ProgressQuery},
    ops,
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    problem::ApiResult,
    progress::{Asked, Targets, View},
};
use actix_web::web::Data;
use chrono::Datelike;
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    catalogue::{ActivityKind, Audience, Topic},
    counting::Count,
    localities::Difficulty,
    org_units::OrgUnit,
    progress::{By, percent},
    teams::TeamKind,
};
use tinhnguyen_persistence::progress::team_names;
use uuid::Uuid;

/// The most groups of one answer. Of more teams the smaller ones are told together.
const MOST: usize = 20_000;
/// The key of what is told together.
const OTHERS: (&str, &str, &str) = ("others", "Các đội khác", "Other teams");
/// The key of what has no word, such as the turns of a team whose kind is not known.
const UNKNOWN: (&str, &str, &str) = ("unknown", "Không rõ", "Unknown");

/// Code and name of teams.
pub type Names = HashMap<Uuid, (String, String)>;

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

/// The groups that are asked for. The figures by child are there already; `teams` are wanted for teams alone.
pub(super) fn groups(
    view: &View<'_>,
    asked: &Asked<'_>,
    by: GroupBy,
    (unit, by_child, targets): (&OrgUnit, BTreeMap<Uuid, Count>, &Targets),
    teams: Option<&Names>,
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
        GroupBy::Team => by_team(view, asked, teams),
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

fn by_team(view: &View<'_>, asked: &Asked<'_>, names: Option<&Names>) -> Vec<ProgressGroup> {
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

/// Names of the teams that an answer tells, which are not in memory.
pub(super) async fn names_of_teams(
    app: &Data<App>,
    scope: &Scope<ProgressRead>,
    query: &ProgressQuery,
) -> ApiResult<Names> {
    let teams = ops::with(app, query, |view| {
        let (_, _, asked) = ops::question(view, scope, query)?;
        Ok(largest_first(view, &asked).into_iter().map(|(id, _)| id).take(MOST).collect::<Vec<_>>())
    })
    .await?;
    Ok(team_names(app.store.read(), &teams).await?)
}
