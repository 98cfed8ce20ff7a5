//! The figures that everybody may see, as plain values. The only place where what is public asks the folded ledger.

use crate::{
    app::App,
    problem::{ApiError, ApiResult},
    progress::{Asked, Subject, Targets, View},
    public_pages::{
        Dashboard, Day, Figures, Forecast, Generation, Label, Localities, Locality, Province, Share, Unit, Whose,
    },
    slices::progress::{groups, ops},
};
use actix_web::web::Data;
use chrono::{DateTime, NaiveDate, Utc};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tinhnguyen_domain::{
    catalogue::{Audience, Topic},
    counting::Count,
    disclosure::disclose,
    org_units::OrgUnit,
};
use tinhnguyen_persistence::progress::Heads;

/// The first day of the provinces since the reform.
const REFORM: NaiveDate = match NaiveDate::from_ymd_opt(2025, 7, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
/// What was counted without a word for it.
const UNKNOWN: (&str, &str, &str) = ("unknown", "Không rõ", "Not stated");

/// What figures stand at: whoever has figures of this stamp, or a later one, need not ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    heads: Heads,
    as_of: DateTime<Utc>,
}

impl Stamp {
    const fn of(view: &View<'_>) -> Self {
        Self { heads: view.heads, as_of: view.as_of }
    }

    /// Whether figures of this stamp are as good as those of another.
    fn covers(&self, other: &Self) -> bool {
        self.heads.covers(&other.heads) && self.as_of >= other.as_of
    }
}

/// Figures, and what they stand at.
#[derive(Debug)]
pub struct Board {
    /// What they stand at.
    pub stamp: Stamp,
    /// The figures.
    pub page: Dashboard,
}

/// What is counted, and the centre.
fn ground<'a>(view: &View<'a>) -> ApiResult<(Arc<Subject>, &'a OrgUnit)> {
    let subject = view.subjects.find(None).ok_or_else(ApiError::not_found)?;
    Ok((subject, view.trees.root().ok_or_else(ApiError::not_found)?))
}

/// The unit directly below the centre with this code.
fn unit_of<'a>(view: &View<'a>, root: &OrgUnit, code: &str) -> Option<&'a OrgUnit> {
    view.trees.children(root.stamp.id).into_iter().find(|unit| unit.code == code)
}

/// The figures of the country, or of the unit with this code directly below it; `None` when there is no such unit. They include
/// everything that was committed before the call.
///
/// However many ask at once, they are put together by one at a time, and whoever waited for figures that are new enough takes
/// those.
///
/// # Errors
/// `not_found` without a campaign that counts turns; `unavailable` when the database can't be asked.
pub async fn board(app: &Data<App>, code: Option<&str>) -> ApiResult<Option<Arc<Board>>> {
    let asked = app.figures.with(app, |view| {
        let (_, root) = ground(view)?;
        Ok::<_, ApiError>((Stamp::of(view), code.is_none_or(|code| unit_of(view, root, code).is_some())))
    });
    let (needed, is_there) = asked.await??;
    if !is_there {
        return Ok(None);
    }
    let boards = &app.public.boards;
    let key = code.unwrap_or_default().to_owned();
    let known = || boards.known.get(&key).filter(|board| board.stamp.covers(&needed));
    if let Some(board) = known() {
        return Ok(Some(board));
    }
    let _alone = boards.alone.lock().await;
    if let Some(board) = known() {
        return Ok(Some(board));
    }
    let made = app.figures.with(app, |view| assemble(app, view, code)).await??;
    let board = made.map(Arc::new);
    if let Some(board) = &board {
        boards.known.insert(key, board.clone());
    }
    Ok(board)
}

fn figures(count: Count) -> Figures {
    Figures { reported: count.reported.0, verified: count.verified.0 }
}

fn label(unit: &OrgUnit) -> Label {
    Label { vi: unit.name.clone(), en: unit.name_en.clone() }
}

fn province(view: &View<'_>, unit: &OrgUnit) -> Option<Province> {
    let place = view.trees.place(unit.locality_id?)?;
    let generation = if place.valid_from < REFORM { Generation::Of2024 } else { Generation::Of2025 };
    Some(Province { code: place.code.clone(), generation })
}

/// All words of a vocabulary, those without reports too, and what has no word.
fn shares<W: Copy + Ord>(
    words: &'static [W],
    counts: &BTreeMap<Option<W>, Count>,
    of: impl Fn(W) -> (&'static str, (&'static str, &'static str)),
) -> Vec<Share> {
    let share = |word: Option<W>, (key, vi, en): (&'static str, &str, &str)| {
        let figures = figures(counts.get(&word).copied().unwrap_or_default());
        Share { key, name: Label::new(vi, en), figures }
    };
    let known = words.iter().map(|word| {
        let (key, (vi, en)) = of(*word);
        share(Some(*word), (key, vi, en))
    });
    known.chain(counts.get(&None).filter(|count| !count.is_zero()).map(|_| share(None, UNKNOWN))).collect()
}

fn assemble(app: &App, view: &View<'_>, code: Option<&str>) -> ApiResult<Option<Board>> {
    let (subject, root) = ground(view)?;
    let unit = match code.map(|code| unit_of(view, root, code)) {
        Some(None) => return Ok(None),
        Some(unit) => unit,
        None => None,
    };
    let of = unit.unwrap_or(root);
    let path = view.trees.unit_path(of.stamp.id).ok_or_else(ApiError::not_found)?;
    let asked = Asked::all(subject.indicator.stamp.id, path);
    let targets = view.targets(&subject);
    let target = match unit {
        Some(unit) => targets.get(&unit.stamp.id).copied().unwrap_or(0),
        None => subject.indicator.target_value,
    };
    let days = view.by_day(&asked);
    let total: Count = days.values().copied().sum();
    let pace = ops::pace(view, &subject, target, &days);
    let forecast = pace.forecast;
    let page = Dashboard {
        campaign_code: subject.campaign.code.clone(),
        campaign: Label { vi: subject.campaign.name.clone(), en: subject.campaign.name_en.clone() },
        indicator: Label { vi: subject.indicator.name.clone(), en: subject.indicator.name_en.clone() },
        whose: unit.map(|unit| Whose { code: unit.code.clone(), name: label(unit) }),
        target,
        total: figures(total),
        starts_on: subject.campaign.starts_on,
        ends_on: subject.campaign.ends_on,
        as_of: view.as_of,
        ledger_seq: view.ledger_seq(),
        expected: Some(pace.expected),
        forecast: Some(Forecast {
            total: forecast.total,
            per_day: pace.per_day_7d,
            reached_on: forecast.reached_on,
            // One that says nothing isn't drawn.
            band: Some((forecast.low, forecast.high)).filter(|(low, high)| low < high),
        }),
        days: days.into_iter().map(|(day, count)| Day { day, added: figures(count) }).collect(),
        units: if unit.is_none() { units(view, root, &asked, &targets) } else { Vec::new() },
        topics: shares(Topic::ALL, &view.by_topic(&asked), |t| (t.as_str(), t.names())),
        audiences: shares(Audience::ALL, &view.by_audience(&asked), |a| (a.as_str(), a.names())),
        localities: unit.map(|unit| localities(app, view, unit, &asked, total)),
        demo: view.heads.demo,
        public_url: Some(app.settings.public_url.clone()).filter(|url| !url.is_empty()),
    };
    Ok(Some(Board { stamp: Stamp::of(view), page }))
}

/// The units directly below the centre, and the centre where its own teams reported.
fn units(view: &View<'_>, root: &OrgUnit, asked: &Asked<'_>, targets: &Targets) -> Vec<Unit> {
    let groups = groups::units(view, root, view.by_child(asked), targets);
    let line = |group: crate::slices::progress::dto::ProgressGroup| {
        let unit = view.trees.unit(group.id?)?;
        Some(Unit {
            code: group.key,
            name: Label { vi: group.name, en: group.name_en },
            kind: unit.kind.as_str(),
            figures: Figures { reported: group.reported, verified: group.verified },
            target: group.target.flatten(),
            province: province(view, unit),
        })
    };
    groups.into_iter().filter_map(line).collect()
}

/// By the places directly below the unit's province, and whatever was done elsewhere; of a union without a territory by province.
fn localities(app: &App, view: &View<'_>, unit: &OrgUnit, asked: &Asked<'_>, total: Count) -> Localities {
    let own = unit.locality_id.and_then(|id| view.trees.place(id));
    let counts = view.by_place(&Asked { locality: own.and_then(|place| view.trees.place_path(place.id)), ..*asked });
    let mut places: Vec<_> = counts
        .into_iter()
        .filter_map(|(id, count)| Some((view.trees.place(id)?, count.reported.0)))
        .map(|(place, count)| (Locality::Place { code: place.code.clone(), name: place.name.clone() }, count))
        .collect();
    places.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
    let inside: i64 = places.iter().map(|(_, count)| count).sum();
    places.push((Locality::Elsewhere, total.reported.0.saturating_sub(inside)));
    let threshold = app.settings.public_min_count;
    Localities { threshold, disclosed: disclose(places, threshold) }
}

/// Same codes are there twice, of both generations.
fn order(place: &Locality) -> (&str, &str) {
    match place {
        Locality::Place { code, name } => (code, name),
        Locality::Elsewhere => ("", ""),
    }
}

/// Two figures of the country and of each unit directly below it, for whoever listens.
#[derive(Debug)]
pub struct Tally {
    /// How far everything is that they were made of.
    pub heads: Heads,
    /// The instant that they stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    pub ledger_seq: i64,
    /// The country's target, and its figures.
    pub country: (i64, Figures),
    /// Targets and figures by the units' codes.
    pub units: HashMap<String, (Option<i64>, Figures)>,
}

/// The figures now.
///
/// # Errors
/// As [`board`].
pub async fn tally(app: &Data<App>) -> ApiResult<Tally> {
    let tally = app.figures.with(app, |view| {
        let (subject, root) = ground(view)?;
        let path = view.trees.unit_path(root.stamp.id).ok_or_else(ApiError::not_found)?;
        let asked = Asked::all(subject.indicator.stamp.id, path);
        let units = units(view, root, &asked, &view.targets(&subject));
        Ok(Tally {
            heads: view.heads,
            as_of: view.as_of,
            ledger_seq: view.ledger_seq(),
            country: (subject.indicator.target_value, figures(view.total(&asked))),
            units: units.into_iter().map(|unit| (unit.code, (unit.target, unit.figures))).collect(),
        })
    });
    tally.await?
}

#[cfg(test)]
impl Board {
    /// Figures of nothing, at an entry.
    pub(super) fn example(ledger_seq: i64) -> Self {
        let stamp = Stamp { heads: Heads { ledger_seq, ..Heads::default() }, as_of: DateTime::UNIX_EPOCH };
        Self { stamp, page: crate::public_pages::empty_page() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_good_for_whoever_needs_them_as_new_and_no_newer() {
        let stamp = |ledger_seq| Board::example(ledger_seq).stamp;
        assert!(stamp(5).covers(&stamp(5)) && stamp(6).covers(&stamp(5)) && !stamp(4).covers(&stamp(5)));
        let later = Stamp { as_of: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(1), ..stamp(5) };
        assert!(later.covers(&stamp(5)) && !stamp(5).covers(&later), "the minute has gone by");
        let edited = Stamp { heads: Heads { subjects: 2, ..stamp(5).heads }, ..stamp(5) };
        assert!(edited.covers(&stamp(5)) && !stamp(5).covers(&edited), "campaign, indicator or a target was changed");
    }
}
