//! What the figures are asked by: the two trees, and what is counted.

use std::collections::HashMap;
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus, Indicator},
    catalogue::Measure,
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
};
use tinhnguyen_persistence::{
    StoreResult, Tx, campaigns,
    localities::{self, Place},
    org_units, progress,
};
use uuid::Uuid;

/// The organisation and the localities.
pub struct Trees {
    units: HashMap<Uuid, OrgUnit>,
    unit_at: HashMap<UnitPath, Uuid>,
    places: HashMap<Uuid, Place>,
    place_at: HashMap<UnitPath, Uuid>,
}

impl Trees {
    /// Reads them as they stand, and the number of their last change.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    pub async fn load(tx: &Tx) -> StoreResult<(Self, i64)> {
        let number = progress::heads(tx).await?.trees;
        let units = org_units::all(tx).await?;
        let places = localities::all(tx).await?;
        let trees = Self {
            unit_at: units.iter().map(|unit| (unit.path.clone(), unit.stamp.id)).collect(),
            units: units.into_iter().map(|unit| (unit.stamp.id, unit)).collect(),
            place_at: places.iter().map(|place| (place.path.clone(), place.id)).collect(),
            places: places.into_iter().map(|place| (place.id, place)).collect(),
        };
        Ok((trees, number))
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, id: Uuid) -> Option<&OrgUnit> {
        self.units.get(&id)
    }

    /// The unit with this path.
    #[must_use]
    pub fn unit_at(&self, path: &UnitPath) -> Option<&OrgUnit> {
        self.unit_at.get(path).and_then(|id| self.units.get(id))
    }

    /// The unit over all others.
    #[must_use]
    pub fn root(&self) -> Option<&OrgUnit> {
        self.units.values().find(|unit| unit.parent_id.is_none())
    }

    /// A locality.
    #[must_use]
    pub fn place(&self, id: Uuid) -> Option<&Place> {
        self.places.get(&id)
    }

    /// The locality with this path.
    #[must_use]
    pub fn place_at(&self, path: &UnitPath) -> Option<&Place> {
        self.place_at.get(path).and_then(|id| self.places.get(id))
    }

    /// The units directly below one that are expected to report, by code: the support centre guides and has no teams.
    #[must_use]
    pub fn children(&self, parent: Uuid) -> Vec<&OrgUnit> {
        let reports = |unit: &&OrgUnit| unit.parent_id == Some(parent) && unit.kind != OrgUnitKind::SupportCentre;
        let mut children: Vec<_> = self.units.values().filter(reports).collect();
        children.sort_by(|a, b| a.code.cmp(&b.code));
        children
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

/// All campaigns and their indicators.
pub struct Subjects {
    campaigns: HashMap<Uuid, Campaign>,
    indicators: HashMap<Uuid, Indicator>,
    usual: Option<Uuid>,
}

impl Subjects {
    /// Reads them as they stand, and the number of their last change.
    ///
    /// # Errors
    /// When the database can't be asked or a row is corrupt.
    pub async fn load(tx: &Tx) -> StoreResult<(Self, i64)> {
        let number = progress::heads(tx).await?.subjects;
        let campaigns: HashMap<_, _> = campaigns::all(tx).await?.into_iter().map(|c| (c.stamp.id, c)).collect();
        let indicators: HashMap<_, _> =
            campaigns::all_indicators(tx).await?.into_iter().map(|i| (i.stamp.id, i)).collect();
        let usual = usual(&campaigns, &indicators);
        Ok((Self { campaigns, indicators, usual }, number))
    }

    /// The indicator that is asked for; when none is, the first that counts turns of the campaign that is open, or that
    /// was last. None when it isn't there.
    #[must_use]
    pub fn find(&self, indicator_id: Option<Uuid>) -> Option<Subject> {
        let indicator = self.indicators.get(&indicator_id.or(self.usual)?)?;
        let campaign = self.campaigns.get(&indicator.campaign_id)?;
        Some(Subject { campaign: campaign.clone(), indicator: indicator.clone() })
    }
}

fn usual(campaigns: &HashMap<Uuid, Campaign>, indicators: &HashMap<Uuid, Indicator>) -> Option<Uuid> {
    let of = |campaign: &Campaign| {
        indicators
            .values()
            .filter(|i| i.campaign_id == campaign.stamp.id && i.measure == Measure::BeneficiaryTurns)
            .min_by_key(|i| (i.number.is_none(), i.number, i.stamp.id))
    };
    campaigns
        .values()
        .filter(|campaign| campaign.status != CampaignStatus::Draft)
        .filter_map(|campaign| Some((campaign, of(campaign)?)))
        .max_by_key(|(campaign, _)| (campaign.status == CampaignStatus::Open, campaign.starts_on, campaign.stamp.id))
        .map(|(_, indicator)| indicator.stamp.id)
}
