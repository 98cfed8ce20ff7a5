//! The figures that everybody may see, as plain values. The only place where what is public asks the folded ledger.

use crate::{
    app::App,
    problem::{ApiError, ApiResult},
    progress::{Asked, Folded},
    public_pages::{
        Dashboard, Day, Figures, Forecast, Generation, Label, Localities, Locality, Province, Share, Unit, Whose,
    },
    slices::progress::{
        dto::ProgressGroup,
        ops::{self, Subject},
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use std::{collections::HashMap, sync::Arc};
use tinhnguyen_domain::{
    catalogue::{Audience, Topic},
    counting::Count,
    disclosure::disclose,
    org_units::OrgUnit,
};
use tinhnguyen_persistence::{org_units, reference};

/// The first day of the provinces since the reform.
const REFORM: NaiveDate = match NaiveDate::from_ymd_opt(2025, 7, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// What figures stand at: whoever has figures of this stamp, or a later one, need not ask again. Whatever else a page comes to
/// depend on belongs in here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    ledger_seq: i64,
    tree: i64,
    as_of: DateTime<Utc>,
    /// Versions of campaign and indicator.
    subject: [(uuid::Uuid, i64); 2],
    demo: bool,
}

impl Stamp {
    /// Whether figures of this stamp are as good as those of another.
    fn covers(&self, other: &Self) -> bool {
        self.ledger_seq >= other.ledger_seq
            && self.tree >= other.tree
            && self.as_of >= other.as_of
            && (self.subject, self.demo) == (other.subject, other.demo)
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

/// What is asked once for every request.
struct Ground {
    subject: Subject,
    root: OrgUnit,
    demo: bool,
}

async fn ground(app: &App) -> ApiResult<Ground> {
    let conn = app.store.read();
    let subject = ops::subject(conn, None).await?.ok_or_else(ApiError::not_found)?;
    let root = org_units::root(conn).await?.ok_or_else(ApiError::not_found)?;
    Ok(Ground { subject, root, demo: reference::is_demo(conn).await? })
}

fn stamp(folded: &Folded, ground: &Ground, now: DateTime<Utc>) -> Stamp {
    let (campaign, indicator) = (&ground.subject.campaign.stamp, &ground.subject.indicator.stamp);
    Stamp {
        ledger_seq: folded.ledger_seq(),
        tree: folded.tree(),
        as_of: folded.as_of(now),
        subject: [(campaign.id, campaign.version), (indicator.id, indicator.version)],
        demo: ground.demo,
    }
}

fn unit_of(folded: &Folded, root: &OrgUnit, code: &str) -> Option<OrgUnit> {
    folded.children(root.stamp.id).into_iter().find(|unit| unit.code == code).cloned()
}

/// The figures of the country, or of the unit with this code directly below it; `None` when there is no such unit. They include
/// everything that was committed before the call.
///
/// However many ask at once, they are put together by one at a time, and whoever waited for figures that are new enough takes
/// those.
///
/// # Errors
/// `not_found` without a campaign that counts turns; `unavailable` when the database can't be asked.
pub async fn board(app: &App, code: Option<&str>) -> ApiResult<Option<Arc<Board>>> {
    let ground = ground(app).await?;
    let now = app.clock.now();
    let asked = app.figures.with(&app.store, |folded| {
        let unit = code.map(|code| unit_of(folded, &ground.root, code));
        (stamp(folded, &ground, now), unit)
    });
    let (needed, unit) = asked.await?;
    let unit = match unit {
        Some(None) => return Ok(None),
        Some(Some(unit)) => Some(unit),
        None => None,
    };
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
    let made = app.figures.with(&app.store, |folded| assemble(app, folded, &ground, unit.as_ref(), now)).await?;
    let board = Arc::new(made);
    boards.known.insert(key, board.clone());
    Ok(Some(board))
}

fn figures(count: Count) -> Figures {
    Figures { reported: count.reported.0, verified: count.verified.0 }
}

fn label(unit: &OrgUnit) -> Label {
    Label { vi: unit.name.clone(), en: unit.name_en.clone() }
}

/// The target that was set for a unit; none yet.
fn target_of(_: &OrgUnit) -> Option<i64> {
    None
}

fn province(folded: &Folded, unit: &OrgUnit) -> Option<Province> {
    let place = folded.place(unit.locality_id?)?;
    let generation = if place.valid_from < REFORM { Generation::Of2024 } else { Generation::Of2025 };
    Some(Province { code: place.code.clone(), generation })
}

fn shares<W: Copy>(
    groups: Vec<ProgressGroup>,
    words: &'static [W],
    key: impl Fn(W) -> &'static str,
    names: impl Fn(W) -> (&'static str, &'static str),
) -> Vec<Share> {
    let counts: HashMap<String, Figures> = groups
        .into_iter()
        .map(|group| (group.key, Figures { reported: group.reported, verified: group.verified }))
        .collect();
    let share = |word: &W| {
        let (vi, en) = names(*word);
        let key = key(*word);
        Share { key, name: Label::new(vi, en), figures: counts.get(key).copied().unwrap_or_default() }
    };
    words.iter().map(share).collect()
}

fn assemble(app: &App, folded: &Folded, ground: &Ground, unit: Option<&OrgUnit>, now: DateTime<Utc>) -> Board {
    let Ground { subject, root, demo } = ground;
    let of = unit.unwrap_or(root);
    let asked = ops::everything(subject, &of.path);
    let stamp = stamp(folded, ground, now);
    let target = match unit {
        Some(unit) => target_of(unit).unwrap_or(0),
        None => subject.indicator.target_value,
    };
    let days = folded.groups(&asked, |key| Some(key.day));
    let total: Count = days.values().copied().sum();
    let pace = ops::pace(folded, subject, &asked, target, stamp.as_of);
    let page = Dashboard {
        campaign_code: subject.campaign.code.clone(),
        campaign: Label { vi: subject.campaign.name.clone(), en: subject.campaign.name_en.clone() },
        indicator: Label { vi: subject.indicator.name.clone(), en: subject.indicator.name_en.clone() },
        whose: unit.map(|unit| Whose { code: unit.code.clone(), name: label(unit) }),
        target,
        total: figures(total),
        starts_on: subject.campaign.starts_on,
        ends_on: subject.campaign.ends_on,
        as_of: stamp.as_of,
        ledger_seq: stamp.ledger_seq,
        expected: Some(pace.expected),
        forecast: Some(Forecast {
            total: pace.forecast_total,
            per_day: pace.per_day_7d,
            reached_on: pace.forecast_reached_on,
            band: None,
        }),
        days: days.into_iter().map(|(day, count)| Day { day, added: figures(count) }).collect(),
        units: if unit.is_none() { units(folded, root, &asked) } else { Vec::new() },
        topics: shares(ops::topics(folded, &asked), Topic::ALL, Topic::as_str, Topic::names),
        audiences: shares(ops::audiences(folded, &asked), Audience::ALL, Audience::as_str, Audience::names),
        localities: unit.map(|unit| localities(app, folded, unit, &asked, total)),
        demo: *demo,
        public_url: Some(app.settings.public_url.clone()).filter(|url| !url.is_empty()),
    };
    Board { stamp, page }
}

/// The units directly below the centre, and the centre where its own teams reported.
fn units(folded: &Folded, root: &OrgUnit, asked: &Asked<'_>) -> Vec<Unit> {
    let line = |group: ProgressGroup| {
        let unit = folded.unit(group.id?)?;
        Some(Unit {
            code: group.key,
            name: Label { vi: group.name, en: group.name_en },
            kind: unit.kind.as_str(),
            figures: Figures { reported: group.reported, verified: group.verified },
            target: target_of(unit),
            province: province(folded, unit),
        })
    };
    ops::units(folded, root, asked).into_iter().filter_map(line).collect()
}

/// By the places directly below the unit's province, and whatever was done elsewhere; of a union without a territory by province.
fn localities(app: &App, folded: &Folded, unit: &OrgUnit, asked: &Asked<'_>, total: Count) -> Localities {
    let own = unit.locality_id.and_then(|id| folded.place(id));
    let counts = folded.by_place(&Asked { locality: own.map(|place| &place.path), ..*asked });
    let mut places: Vec<_> = counts
        .into_iter()
        .filter_map(|(id, count)| Some((folded.place(id)?, count.reported.0)))
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
pub async fn tally(app: &App) -> ApiResult<Tally> {
    let ground = ground(app).await?;
    let now = app.clock.now();
    app.figures
        .with(&app.store, |folded| {
            let asked = ops::everything(&ground.subject, &ground.root.path);
            let units = units(folded, &ground.root, &asked);
            Tally {
                as_of: folded.as_of(now),
                ledger_seq: folded.ledger_seq(),
                country: (ground.subject.indicator.target_value, figures(folded.total(&asked))),
                units: units.into_iter().map(|unit| (unit.code, (unit.target, unit.figures))).collect(),
            }
        })
        .await
}

/// The ledger's last entry, for one small query.
///
/// # Errors
/// `unavailable` when the database can't be asked.
pub async fn ledger_seq(app: &App) -> ApiResult<i64> {
    Ok(org_units::heads(app.store.read()).await?.0)
}

#[cfg(test)]
impl Board {
    /// Figures of nothing, at an entry.
    pub(super) fn example(ledger_seq: i64) -> Self {
        let stamp =
            Stamp { ledger_seq, tree: 1, as_of: DateTime::UNIX_EPOCH, subject: Default::default(), demo: false };
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
        let other = Stamp { tree: 2, ..stamp(5) };
        assert!(!stamp(5).covers(&other));
        let edited = Stamp { subject: [(uuid::Uuid::nil(), 2), (uuid::Uuid::nil(), 1)], ..stamp(5) };
        assert!(!edited.covers(&stamp(5)) && !stamp(5).covers(&edited), "another campaign, or another version of it");
    }
}
