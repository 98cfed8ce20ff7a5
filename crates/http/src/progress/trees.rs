//! What the figures are asked by: the two trees, and what is counted.

use chrono::{DateTime, NaiveDate, Utc};
use std::{collections::HashMap, sync::Arc};
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus, Indicator},
    catalogue::Measure,
    lineage::Standing,
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    targets::{Target, in_force},
};
use tinhnguyen_persistence::{
    StoreResult, Tx, campaigns,
    localities::{self, Place},
    org_units, progress, targets,
};
use uuid::Uuid;

/// The organisation and the localities as they stood on a day: everybody who ever was has one place in it.
pub struct Trees {
    /// The local day.
    pub day: NaiveDate,
    units: HashMap<Uuid, OrgUnit>,
    root: Option<Uuid>,
    unit_stored_at: HashMap<UnitPath, Uuid>,
    unit_paths: HashMap<Uuid, UnitPath>,
    unit_at: HashMap<UnitPath, Uuid>,
    places: HashMap<Uuid, Place>,
    place_paths: HashMap<Uuid, UnitPath>,
    place_at: HashMap<UnitPath, Uuid>,
}

/// Under which path the figures of each are, and who stands at a path.
fn placed(standings: &[Standing]) -> (HashMap<Uuid, UnitPath>, HashMap<UnitPath, Uuid>) {
    let own: HashMap<Uuid, &UnitPath> = standings.iter().map(|one| (one.id, &one.path)).collect();
    // Who ended counts with who took their place.
    let paths = standings.iter().filter_map(|one| Some((one.id, (*own.get(&one.counts_at)?).clone())));
    (paths.collect(), standings.iter().map(|one| (one.path.clone(), one.id)).collect())
}

impl Trees {
    /// Reads them as they stood on a day, and the number of their last change.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    pub async fn load(tx: &Tx, day: NaiveDate) -> StoreResult<(Self, i64)> {
        let number = progress::heads(tx).await?.trees;
        let (unit_paths, unit_at) = placed(&org_units::tree_on(tx, day).await?);
        let (place_paths, place_at) = placed(&localities::tree_on(tx, day).await?);
        let units: HashMap<_, _> = org_units::all(tx).await?.into_iter().map(|unit| (unit.stamp.id, unit)).collect();
        let root = units.values().find(|unit| unit.parent_id.is_none()).map(|unit| unit.stamp.id);
        let unit_stored_at = units.values().map(|unit| (unit.path.clone(), unit.stamp.id)).collect();
        let places = localities::all(tx).await?.into_iter().map(|place| (place.id, place)).collect();
        Ok((Self { day, units, root, unit_stored_at, unit_paths, unit_at, places, place_paths, place_at }, number))
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, id: Uuid) -> Option<&OrgUnit> {
        self.units.get(&id)
    }

    /// Under which path a unit's figures are on that day.
    #[must_use]
    pub fn unit_path(&self, id: Uuid) -> Option<&UnitPath> {
        self.unit_paths.get(&id)
    }

    /// The unit that stands at this path on that day.
    #[must_use]
    pub fn unit_at(&self, path: &UnitPath) -> Option<&OrgUnit> {
        self.unit_at.get(path).and_then(|id| self.units.get(id))
    }

    /// The unit whose stored path, by which rights go, is this.
    #[must_use]
    pub fn unit_stored_at(&self, path: &UnitPath) -> Option<&OrgUnit> {
        self.unit_stored_at.get(path).and_then(|id| self.units.get(id))
    }

    /// The unit over all others.
    #[must_use]
    pub fn root(&self) -> Option<&OrgUnit> {
        self.root.and_then(|id| self.units.get(&id))
    }

    /// A locality.
    #[must_use]
    pub fn place(&self, id: Uuid) -> Option<&Place> {
        self.places.get(&id)
    }

    /// Under which path a locality's figures are on that day.
    #[must_use]
    pub fn place_path(&self, id: Uuid) -> Option<&UnitPath> {
        self.place_paths.get(&id)
    }

    /// The locality that stands at this path on that day.
    #[must_use]
    pub fn place_at(&self, path: &UnitPath) -> Option<&Place> {
        self.place_at.get(path).and_then(|id| self.places.get(id))
    }

    /// The units that stand directly below one on that day and are expected to report, by code: the support centre guides
    /// and has no teams.
    #[must_use]
    pub fn children(&self, parent: Uuid) -> Vec<&OrgUnit> {
        let Some(above) = self.unit_paths.get(&parent) else { return vec![] };
        self.standing(|path, unit| unit.kind != OrgUnitKind::SupportCentre && path.parent().as_ref() == Some(above))
    }

    /// The units of a kind that stand at or below one on that day, by code.
    #[must_use]
    pub fn below(&self, top: &UnitPath, kind: OrgUnitKind) -> Vec<&OrgUnit> {
        self.standing(|path, unit| unit.kind == kind && top.contains(path))
    }

    fn standing(&self, wanted: impl Fn(&UnitPath, &OrgUnit) -> bool) -> Vec<&OrgUnit> {
        let on_the_day =
            |unit: &OrgUnit| unit.valid_from <= self.day && unit.valid_to.is_none_or(|last| self.day <= last);
        let mut units: Vec<_> = self
            .unit_at
            .iter()
            .filter_map(|(path, id)| Some((path, self.units.get(id)?)))
            .filter(|(path, unit)| on_the_day(unit) && wanted(path, unit))
            .map(|(_, unit)| unit)
            .collect();
        units.sort_by(|a, b| a.code.cmp(&b.code));
        units
    }
}

/// What is counted, and in which campaign.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The campaign.
    pub campaign: Campaign,
    /// The indicator.
    pub indicator: Indicator,
}

/// All campaigns, their indicators, and what units are to reach of them.
pub struct Subjects {
    by_indicator: HashMap<Uuid, Arc<Subject>>,
    targets: HashMap<Uuid, Vec<Target>>,
    usual: Option<Arc<Subject>>,
}

/// What units are to reach, by unit.
pub type Targets = HashMap<Uuid, i64>;

impl Subjects {
    /// Reads them as they stand, and the number of their last change.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    pub async fn load(tx: &Tx) -> StoreResult<(Self, i64)> {
        let number = progress::heads(tx).await?.subjects;
        let campaigns: HashMap<_, _> = campaigns::all(tx).await?.into_iter().map(|c| (c.stamp.id, c)).collect();
        let subject = |indicator: Indicator| {
            let campaign = campaigns.get(&indicator.campaign_id)?.clone();
            Some((indicator.stamp.id, Arc::new(Subject { campaign, indicator })))
        };
        let by_indicator: HashMap<_, _> =
            campaigns::all_indicators(tx).await?.into_iter().filter_map(subject).collect();
        let usual = counting(&by_indicator, Measure::BeneficiaryTurns)
            .into_iter()
            .max_by_key(|s| (s.campaign.status == CampaignStatus::Open, s.campaign.starts_on, s.campaign.stamp.id));
        let mut targets: HashMap<Uuid, Vec<Target>> = HashMap::new();
        for target in targets::all(tx).await? {
            targets.entry(target.indicator_id).or_default().push(target);
        }
        Ok((Self { by_indicator, targets, usual }, number))
    }

    /// What units were to reach on the local day of an instant. The centre's is the indicator's own where no revision says
    /// anything.
    #[must_use]
    pub fn targets(&self, subject: &Subject, centre: Uuid, at: DateTime<Utc>) -> Targets {
        let Subject { campaign, indicator } = subject;
        let before = campaign.end_of(campaign.local_day(at));
        let revisions = self.targets.get(&indicator.stamp.id).into_iter().flatten();
        let mut values: Targets =
            in_force(revisions, before).into_iter().map(|(unit, target)| (unit, target.value)).collect();
        values.entry(centre).or_insert(indicator.target_value);
        values
    }

    /// The indicator that is asked for; when none is, the first that counts turns of the campaign that is open, or that
    /// was last. None when it isn't there.
    #[must_use]
    pub fn find(&self, indicator_id: Option<Uuid>) -> Option<Arc<Subject>> {
        match indicator_id {
            Some(id) => self.by_indicator.get(&id).cloned(),
            None => self.usual.clone(),
        }
    }

    /// The first indicator of every campaign that counts this, drafts left out, by the campaigns' first days.
    #[must_use]
    pub fn counting(&self, measure: Measure) -> Vec<Arc<Subject>> {
        let mut subjects = counting(&self.by_indicator, measure);
        subjects.sort_by_key(|subject| (subject.campaign.starts_on, subject.campaign.stamp.id));
        subjects
    }
}

/// The first indicator of every campaign that counts this, drafts left out.
fn counting(all: &HashMap<Uuid, Arc<Subject>>, measure: Measure) -> Vec<Arc<Subject>> {
    let rank = |indicator: &Indicator| (indicator.number.is_none(), indicator.number, indicator.stamp.id);
    let mut first: HashMap<Uuid, &Arc<Subject>> = HashMap::new();
    let open = |subject: &&Arc<Subject>| subject.campaign.status != CampaignStatus::Draft;
    for subject in all.values().filter(open).filter(|subject| subject.indicator.measure == measure) {
        let known = first.entry(subject.campaign.stamp.id).or_insert(subject);
        if rank(&subject.indicator) < rank(&known.indicator) {
            *known = subject;
        }
    }
    first.into_values().cloned().collect()
}
