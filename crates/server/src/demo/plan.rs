//! Which units have how many demonstration teams, and where those work.

use anyhow::{Result, ensure};
use chrono::{Datelike, NaiveDate};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{collections::BTreeMap, sync::Arc};
use tinhnguyen_domain::{
    campaigns::Campaign,
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
};
use uuid::Uuid;

/// What all that is random begins with: the same campaign each time.
pub const SEED: u64 = 3642;
/// Teams of the whole country.
const TEAMS: u64 = 5_000;

/// How a province, or a union directly under the centre, does.
#[derive(Debug, Clone, Copy)]
pub struct Vigour {
    /// Its figures, percent of the average.
    pub turns: i64,
    /// How many of its results are verified in the end, percent.
    pub verified: u32,
}

/// A team to be made.
#[derive(Debug, Clone)]
pub struct TeamPlan {
    /// Counts the teams from 1.
    pub number: u64,
    /// Its unit.
    pub org_unit_id: Uuid,
    /// Its unit's name.
    pub unit_name: String,
    /// The commune that its unit covers.
    pub home: Option<Uuid>,
    /// Communes that it goes to; at least one.
    pub near: Arc<[Uuid]>,
    /// How its province does.
    pub vigour: Vigour,
}

/// The teams, and the campaign that they belong to.
pub struct Plan {
    /// The campaign.
    pub campaign: Campaign,
    /// The days on which activities begin.
    pub days: Vec<Weighted<NaiveDate>>,
    /// The teams.
    pub teams: Vec<TeamPlan>,
    /// What the centre's target is split by: provinces and unions directly under the centre, each with its code.
    pub weights: Vec<(Uuid, String, i64)>,
}

/// Something, and how often it is chosen compared to its neighbours.
pub type Weighted<T> = (T, u32);

/// The campaign's days: few activities begin early in June, most in July, fewer late in August, and more at weekends.
fn days(campaign: &Campaign) -> Vec<Weighted<NaiveDate>> {
    let weight = |day: NaiveDate| {
        let season = match (day.month(), day.day()) {
            (6, 1..=7) => 3,
            (6, 8..=20) => 7,
            (8, 21..) => 4,
            (8, 11..=20) => 8,
            _ => 12,
        };
        season * if day.weekday().num_days_from_monday() >= 5 { 3 } else { 2 }
    };
    campaign.starts_on.iter_days().take_while(|day| *day <= campaign.ends_on).map(|day| (day, weight(day))).collect()
}

/// A province, or a union directly under the centre, with what stands below it.
struct Top<'a> {
    unit: &'a OrgUnit,
    districts: Vec<&'a OrgUnit>,
    communes: Vec<&'a OrgUnit>,
}

/// Provinces and unions directly under the centre by code, so that the order is the same everywhere.
fn tops(units: &[OrgUnit]) -> Vec<Top<'_>> {
    let mut sorted: Vec<&OrgUnit> = units.iter().collect();
    sorted.sort_by(|a, b| a.code.cmp(&b.code));
    let mut by_path: BTreeMap<&UnitPath, Top<'_>> = BTreeMap::new();
    for unit in &sorted {
        if matches!(unit.kind, OrgUnitKind::Province | OrgUnitKind::Affiliated) {
            by_path.insert(&unit.path, Top { unit, districts: vec![], communes: vec![] });
        }
    }
    for unit in &sorted {
        let above = unit.path.ancestors();
        let Some(top) = above.get(1).and_then(|path| by_path.get_mut(path)) else { continue };
        match unit.kind {
            OrgUnitKind::District => top.districts.push(unit),
            OrgUnitKind::Commune => top.communes.push(unit),
            _ => {}
        }
    }
    let mut tops: Vec<Top<'_>> = by_path.into_values().collect();
    tops.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
    tops
}

/// The communes below each district.
fn by_district<'a>(tops: &[Top<'a>]) -> BTreeMap<UnitPath, Vec<&'a OrgUnit>> {
    let mut found: BTreeMap<UnitPath, Vec<&OrgUnit>> = BTreeMap::new();
    for commune in tops.iter().flat_map(|top| &top.communes) {
        if let Some(district) = commune.path.ancestors().pop() {
            found.entry(district).or_default().push(commune);
        }
    }
    found
}

fn places(communes: &[&OrgUnit]) -> Arc<[Uuid]> {
    communes.iter().filter_map(|commune| commune.locality_id).collect()
}

impl Plan {
    /// Spreads the teams over the units: most to communes, by how many communes a province has.
    pub fn make(units: &[OrgUnit], campaign: &Campaign) -> Result<Self> {
        let mut random = StdRng::seed_from_u64(SEED);
        let tops = tops(units);
        let everywhere = places(&tops.iter().flat_map(|top| top.communes.iter().copied()).collect::<Vec<_>>());
        let of_district: BTreeMap<_, _> =
            by_district(&tops).into_iter().map(|(path, communes)| (path, places(&communes))).collect();
        let mut weights = Vec::with_capacity(tops.len());
        let mut due = Vec::with_capacity(tops.len());
        for top in &tops {
            let size = u64::try_from(top.communes.len())? + 60;
            due.push((top.unit.stamp.id, top.unit.code.clone(), i64::try_from(size)?));
            weights.push(size * random.random_range(70..=130));
        }
        let total = weights.iter().sum::<u64>().max(1);
        let (mut passed, mut teams) = (0, Vec::new());
        for (top, weight) in tops.iter().zip(weights) {
            let vigour = Vigour { turns: random.random_range(70..=135), verified: random.random_range(78..=97) };
            // The unions directly under the centre have no territory: their teams go everywhere.
            let within = if top.communes.is_empty() { everywhere.clone() } else { places(&top.communes) };
            let count = TEAMS * (passed + weight) / total - TEAMS * passed / total;
            passed += weight;
            for _ in 0..count {
                let level = match random.random_range(0..100) {
                    0..85 => top.communes.as_slice(),
                    85..96 => top.districts.as_slice(),
                    _ => &[],
                };
                let unit = level.choose(&mut random).copied().unwrap_or(top.unit);
                let district = match unit.kind {
                    OrgUnitKind::Commune => unit.path.ancestors().pop(),
                    _ => Some(unit.path.clone()),
                };
                let near = district.and_then(|path| of_district.get(&path)).unwrap_or(&within);
                ensure!(!near.is_empty(), "there is no commune for teams of {} to work in", unit.name);
                teams.push(TeamPlan {
                    number: u64::try_from(teams.len())? + 1,
                    org_unit_id: unit.stamp.id,
                    unit_name: unit.name.clone(),
                    home: unit.locality_id.filter(|_| unit.kind == OrgUnitKind::Commune),
                    near: near.clone(),
                    vigour,
                });
            }
        }
        Ok(Self { campaign: campaign.clone(), days: days(campaign), teams, weights: due })
    }
}
