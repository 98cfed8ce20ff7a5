//! The figures at one moment, and the questions that they answer.

use super::{Subject, Subjects, Targets, Trees};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{
    catalogue::{ActivityKind, Audience, Topic},
    counting::Count,
    localities::Difficulty,
    org_units::{OrgUnitKind, UnitPath},
    progress::{By, Cube, Slice, Source},
    teams::TeamKind,
};
use tinhnguyen_persistence::progress::Heads;
use uuid::Uuid;

/// The figures at one moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The instant that they stand at. Asked for it again they are the same.
    pub as_of: DateTime<Utc>,
    /// How far everything is that they were made of.
    pub heads: Heads,
    /// The cells.
    pub cube: &'a Cube,
    /// Of which kind teams are.
    pub kinds: &'a HashMap<Uuid, TeamKind>,
    /// The trees.
    pub trees: &'a Trees,
    /// What is counted.
    pub subjects: &'a Subjects,
}

/// What is asked of the figures. Days are inclusive; what is none asks for all.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The indicator.
    pub indicator_id: Uuid,
    /// Only what units at or below this path reported.
    pub org_unit: &'a UnitPath,
    /// Only what was done in localities at or below this path.
    pub locality: Option<&'a UnitPath>,
    /// Only what this team reported.
    pub team_id: Option<Uuid>,
    /// Only what teams of this kind reported.
    pub team_kind: Option<TeamKind>,
    /// Only what was done in localities of this difficulty.
    pub difficulty: Option<Difficulty>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Only what was about this.
    pub topic: Option<Topic>,
    /// Only who was supported.
    pub audience: Option<Audience>,
}

impl<'a> Asked<'a> {
    /// All that a unit and those below it reported.
    #[must_use]
    pub const fn all(indicator_id: Uuid, org_unit: &'a UnitPath) -> Self {
        Self {
            indicator_id,
            org_unit,
            locality: None,
            team_id: None,
            team_kind: None,
            difficulty: None,
            from: None,
            to: None,
            topic: None,
            audience: None,
        }
    }

    /// Whether nothing but indicator and unit is asked by.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_of_all_days()
            && self.locality.is_none()
            && self.team_id.is_none()
            && self.team_kind.is_none()
            && self.difficulty.is_none()
            && self.topic.is_none()
            && self.audience.is_none()
    }

    const fn is_of_all_days(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl View<'_> {
    /// The last entry that is in the figures.
    #[must_use]
    pub const fn ledger_seq(&self) -> i64 {
        self.cube.ledger_seq()
    }

    /// What units were to reach on the day of these figures.
    #[must_use]
    pub fn targets(&self, subject: &Subject) -> Targets {
        let centre = self.trees.root().map_or(Uuid::nil(), |unit| unit.stamp.id);
        self.subjects.targets(subject, centre, self.as_of)
    }

    /// The difficulty of a place; of one that isn't known, none.
    fn difficulty(&self, id: Uuid) -> Difficulty {
        self.trees.place(id).map_or(Difficulty::None, |place| place.difficulty)
    }

    /// The figures of what is asked, by group.
    pub fn groups<K: Ord + Clone>(&self, asked: &Asked<'_>, by: &By<'_, K>) -> BTreeMap<K, Count> {
        self.sliced(asked, |slice| self.cube.groups(slice, by))
    }

    /// By day, of each unit of a kind at or below the one asked for; of those directly below it when no kind is said.
    #[must_use]
    pub fn by_unit_and_day(
        &self,
        asked: &Asked<'_>,
        kind: Option<OrgUnitKind>,
    ) -> HashMap<Uuid, BTreeMap<NaiveDate, Count>> {
        let depth = asked.org_unit.depth() + 1;
        let unit_of = |source: Source| {
            let path = self.trees.unit_path(source.org_unit_id)?;
            let unit = match kind {
                None => self.trees.unit_at(&path.at_depth(depth)),
                // Of units of one kind none stands above another.
                Some(kind) => (asked.org_unit.depth()..=path.depth())
                    .filter_map(|depth| self.trees.unit_at(&path.at_depth(depth)))
                    .find(|unit| unit.kind == kind),
            };
            unit.map(|unit| unit.stamp.id)
        };
        self.sliced(asked, |slice| self.cube.days_by_source(slice, &unit_of)).into_iter().collect()
    }

    fn sliced<T>(&self, asked: &Asked<'_>, work: impl FnOnce(&Slice<'_>) -> T) -> T {
        let whole = asked.org_unit.depth() == 0 && asked.team_id.is_none() && asked.team_kind.is_none();
        let from = |source: Source| {
            let path = self.trees.unit_path(source.org_unit_id);
            path.is_some_and(|path| asked.org_unit.contains(path))
                && asked.team_id.is_none_or(|team| team == source.team_id)
                && asked.team_kind.is_none_or(|kind| self.kinds.get(&source.team_id) == Some(&kind))
        };
        let everywhere = asked.locality.is_none() && asked.difficulty.is_none();
        let within = |id: Uuid| {
            let path = self.trees.place_path(id);
            asked.locality.is_none_or(|top| path.is_some_and(|path| top.contains(path)))
                && asked.difficulty.is_none_or(|difficulty| self.difficulty(id) == difficulty)
        };
        let slice = Slice {
            indicator_id: asked.indicator_id,
            source: if whole { None } else { Some(&from) },
            place: if everywhere { None } else { Some(&within) },
            from: asked.from,
            to: asked.to,
            topic: asked.topic,
            audience: asked.audience,
        };
        work(&slice)
    }

    /// The two figures of what is asked.
    #[must_use]
    pub fn total(&self, asked: &Asked<'_>) -> Count {
        self.groups(asked, &By::Day(&|_| ())).into_values().sum()
    }

    /// By reported day.
    #[must_use]
    pub fn by_day(&self, asked: &Asked<'_>) -> BTreeMap<NaiveDate, Count> {
        self.groups(asked, &By::Day(&|day| day))
    }

    /// By the units directly below the one asked for; its own teams' stand under itself.
    #[must_use]
    pub fn by_child(&self, asked: &Asked<'_>) -> BTreeMap<Uuid, Count> {
        let depth = asked.org_unit.depth() + 1;
        self.groups(
            asked,
            &By::Source(&|source| {
                let path = self.trees.unit_path(source.org_unit_id);
                let above = path.and_then(|path| self.trees.unit_at(&path.at_depth(depth)));
                above.map_or(source.org_unit_id, |unit| unit.stamp.id)
            }),
        )
    }

    /// By the localities directly below the one asked for, or by province.
    #[must_use]
    pub fn by_place(&self, asked: &Asked<'_>) -> BTreeMap<Uuid, Count> {
        let depth = asked.locality.map_or(0, |top| top.depth() + 1);
        self.groups(
            asked,
            &By::Place(&|id| {
                let path = self.trees.place_path(id);
                path.and_then(|path| self.trees.place_at(&path.at_depth(depth))).map_or(id, |place| place.id)
            }),
        )
    }

    /// By topic.
    #[must_use]
    pub fn by_topic(&self, asked: &Asked<'_>) -> BTreeMap<Option<Topic>, Count> {
        self.groups(asked, &By::Topic(&|topic| topic))
    }

    /// By kind of activity, which the topic tells.
    #[must_use]
    pub fn by_activity_kind(&self, asked: &Asked<'_>) -> BTreeMap<Option<ActivityKind>, Count> {
        self.groups(asked, &By::Topic(&|topic| topic.map(Topic::activity_kind)))
    }

    /// By audience.
    #[must_use]
    pub fn by_audience(&self, asked: &Asked<'_>) -> BTreeMap<Option<Audience>, Count> {
        self.groups(asked, &By::Audience(&|audience| audience))
    }

    /// By team.
    #[must_use]
    pub fn by_team(&self, asked: &Asked<'_>) -> BTreeMap<Uuid, Count> {
        self.groups(asked, &By::Source(&|source| source.team_id))
    }

    /// By kind of team.
    #[must_use]
    pub fn by_team_kind(&self, asked: &Asked<'_>) -> BTreeMap<Option<TeamKind>, Count> {
        self.groups(asked, &By::Source(&|source| self.kinds.get(&source.team_id).copied()))
    }

    /// By the difficulty of the place.
    #[must_use]
    pub fn by_difficulty(&self, asked: &Asked<'_>) -> BTreeMap<Difficulty, Count> {
        self.groups(asked, &By::Place(&|id| self.difficulty(id)))
    }
}
