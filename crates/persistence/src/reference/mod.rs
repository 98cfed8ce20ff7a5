//! The reference data that the binary carries: localities before and since the reform of 2025, the organisation of
//! summer 2024, the campaign with its indicator. See `data/README.md` for where they come from.

mod organisation;
mod places;
mod reform;
#[cfg(test)]
mod tests;

pub use organisation::{CAMPAIGN, CENTRE, SUPPORT_CENTRE};
pub use reform::{Level, REFORM_DAY, ReformError, Reformed, is_reformed, reform_2025};

use crate::{
    StoreError, StoreResult, Tx, campaigns,
    entities::{campaign, counter, indicator, locality, locality_successor, org_unit, team},
    localities::NUMBERS as PLACES,
    org_units::{self, advance},
    rows::{At, json},
    store::Store,
};
use chrono::{DateTime, NaiveDate, Utc};
use organisation::Unit;
use places::{Gazetteer, Key, Place, Succession};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use thiserror::Error;
use tinhnguyen_domain::{
    Stamp,
    localities::{Difficulty, LocalityCategory},
    org_units::{OrgUnit, UnitPath},
    text::fold,
};
use uuid::Uuid;

/// How many rows one transaction adds. Two replicas that start at once take turns: neither may hold the lock for as
/// long as the other waits for one.
const BATCH: usize = 2_000;
/// The counter that marks a database as filled with demonstration data.
pub(crate) const DEMO: &str = "demo";

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(day) => day,
        None => NaiveDate::MIN,
    }
}

/// The day from which the organisation and the older localities are valid.
const FIRST_DAY: NaiveDate = day(2024, 1, 1);
/// The instant at which all reference data are said to be made: midnight of the first day, UTC.
const MADE_AT: DateTime<Utc> = FIRST_DAY.and_time(chrono::NaiveTime::MIN).and_utc();

/// Reference data that can't be read: a fault of the build, and a test finds it.
#[derive(Debug, Error)]
#[error("the reference data can't be read: {0}")]
struct Malformed(String);

impl From<Malformed> for StoreError {
    fn from(err: Malformed) -> Self {
        Self::Db(DbErr::Custom(err.to_string()))
    }
}

/// What [`seed`] added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seeded {
    /// Localities of both generations.
    pub localities: u64,
    /// Links from an old locality to what became of it.
    pub successors: u64,
    /// Units of the organisation.
    pub org_units: u64,
    /// Campaigns.
    pub campaigns: u64,
    /// Indicators.
    pub indicators: u64,
}

impl Seeded {
    /// All rows together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.localities + self.successors + self.org_units + self.campaigns + self.indicators
    }
}

/// The id of a row of reference data: a UUIDv7 of the first instant whose other bits are a hash of what it stands for,
/// so that every installation has the same ids.
#[must_use]
pub fn id_of(kind: &str, key: &str) -> Uuid {
    id_at(MADE_AT, kind, key)
}

/// Like [`id_of`], at another instant: ids that sort by when their rows were made.
#[must_use]
pub fn id_at(at: DateTime<Utc>, kind: &str, key: &str) -> Uuid {
    let hash = Sha256::digest(format!("{kind}|{key}").as_bytes());
    let bits = hash.first_chunk::<10>().copied().unwrap_or_default();
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

fn place_id(key: &Key) -> Uuid {
    id_of("locality", &format!("{}@{}", key.code, key.generation.valid_from()))
}

fn stamp(id: Uuid) -> Stamp {
    Stamp { id, created_at: MADE_AT, updated_at: MADE_AT, version: 1 }
}

/// Adds the reference data that are missing and changes nothing that is there: an operator's edits stand. Costs a few
/// reads when nothing is missing. Safe when two replicas start at once: each batch is added under a lock.
///
/// # Errors
/// When the database can't be asked or refuses.
pub async fn seed(store: &Store) -> StoreResult<Seeded> {
    let gazetteer = Gazetteer::read()?;
    let _alone = store.alone().await?;
    let mut seeded = Seeded::default();
    if !missing_places(store.read(), &gazetteer.places).await?.is_empty() {
        for batch in gazetteer.places.chunks(BATCH) {
            seeded.localities += store.write(async |tx| add_places(tx, batch).await).await?;
        }
    }
    if locality_successor::Entity::find().count(store.read()).await? < count(gazetteer.successions.len()) {
        for batch in gazetteer.successions.chunks(BATCH) {
            seeded.successors += store.write(async |tx| add_successions(tx, batch).await).await?;
        }
    }
    seeded.org_units = add_missing_units(store, &organisation::units(&gazetteer), &|_, _| {}).await?;
    (seeded.campaigns, seeded.indicators) = add_campaign(store).await?;
    Ok(seeded)
}

/// Adds the district and the commune unions of 2024 under the provincial ones; gives how many were missing.
/// `progress` is told how many of how many are done.
///
/// # Errors
/// When the database can't be asked or refuses, or when the provincial unions are not there.
pub async fn seed_grassroots(store: &Store, progress: impl Fn(u64, u64)) -> StoreResult<u64> {
    let gazetteer = Gazetteer::read()?;
    let units = organisation::grassroots(&gazetteer);
    if is_reformed(store.read()).await? {
        // They would come to stand below provincial unions that have ended.
        let stored = stored_units(store.read()).await?;
        let missing = units.iter().filter(|unit| !stored.contains_key(&unit.code)).count();
        return if missing == 0 { Ok(0) } else { Err(DbErr::Custom(TOO_LATE.to_owned()).into()) };
    }
    add_missing_units(store, &units, &progress).await
}

/// Why unions of 2024 are not added any more.
const TOO_LATE: &str = "the reform of 2025 has been applied; district and commune unions of 2024 are added before it";

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

type PlaceRow = (Uuid, String, NaiveDate, String);

/// The stored localities by code and first day.
async fn stored_places(conn: &impl ConnectionTrait) -> StoreResult<HashMap<(String, NaiveDate), (Uuid, UnitPath)>> {
    use locality::Column as C;
    let rows: Vec<PlaceRow> = locality::Entity::find()
        .select_only()
        .columns([C::Id, C::Code, C::ValidFrom, C::Path])
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, code, from, path)| {
            let path = UnitPath::parse(&path).map_err(|e| At("locality", "path", id).corrupt(e))?;
            Ok(((code, from), (id, path)))
        })
        .collect()
}

fn stored_key(key: &Key) -> (String, NaiveDate) {
    (key.code.clone(), key.generation.valid_from())
}

async fn missing_places<'a>(conn: &impl ConnectionTrait, places: &'a [Place]) -> StoreResult<Vec<&'a Place>> {
    let stored = stored_places(conn).await?;
    Ok(places.iter().filter(|p| !stored.contains_key(&stored_key(&p.key))).collect())
}

/// Adds those of the places that are not there; parents must come first.
async fn add_places(tx: &Tx, batch: &[Place]) -> StoreResult<u64> {
    advance(tx, PLACES, 0).await?;
    let mut stored = stored_places(tx).await?;
    let missing: Vec<&Place> = batch.iter().filter(|p| !stored.contains_key(&stored_key(&p.key))).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    let len = i64::try_from(missing.len()).unwrap_or_default();
    let last = advance(tx, PLACES, len).await?;
    let mut rows = Vec::with_capacity(missing.len());
    for (number, place) in (last - len + 1..).zip(&missing) {
        let parent = match &place.parent {
            Some(key) => Some(stored.get(&stored_key(key)).ok_or_else(|| {
                Malformed(format!("locality {} comes before its parent {}", place.key.code, key.code))
            })?),
            None => None,
        };
        let path = parent.map_or_else(|| UnitPath::root(number), |(_, above)| above.child(number));
        let parent_id = parent.map(|(id, _)| *id);
        let id = place_id(&place.key);
        rows.push(place_row(place, id, parent_id, &path));
        stored.insert(stored_key(&place.key), (id, path));
    }
    for chunk in rows.chunks(500) {
        locality::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(tx).await?;
    }
    Ok(count(rows.len()))
}

fn place_row(place: &Place, id: Uuid, parent_id: Option<Uuid>, path: &UnitPath) -> locality::ActiveModel {
    let name = place.name();
    locality::ActiveModel {
        id: Set(id),
        created_at: Set(MADE_AT),
        updated_at: Set(MADE_AT),
        version: Set(1),
        code: Set(place.key.code.clone()),
        name_en: Set(None),
        name_folded: Set(fold(&name)),
        name: Set(name),
        kind: Set(place.kind.as_str().to_owned()),
        locality_type: Set(place.of_type.to_owned()),
        parent_id: Set(parent_id),
        difficulty: Set(Difficulty::None.as_str().to_owned()),
        categories: Set(json(&Vec::<LocalityCategory>::new())),
        valid_from: Set(place.key.generation.valid_from()),
        valid_to: Set(place.key.generation.valid_to()),
        path: Set(path.to_string()),
    }
}

/// Adds those of the links that are not there.
async fn add_successions(tx: &Tx, batch: &[Succession]) -> StoreResult<u64> {
    use locality_successor as t;
    advance(tx, PLACES, 0).await?;
    let places = stored_places(tx).await?;
    let stored: HashSet<(Uuid, Uuid)> = t::Entity::find()
        .select_only()
        .columns([t::Column::PredecessorId, t::Column::SuccessorId])
        .into_tuple()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    let id = |key: &Key| places.get(&stored_key(key)).map(|(id, _)| *id);
    let mut rows = Vec::new();
    for succession in batch {
        let (Some(from), Some(into)) = (id(&succession.from), id(&succession.into)) else {
            let (from, into) = (&succession.from.code, &succession.into.code);
            return Err(Malformed(format!("the link from {from} to {into} leads nowhere")).into());
        };
        if !stored.contains(&(from, into)) {
            rows.push(t::ActiveModel {
                predecessor_id: Set(from),
                successor_id: Set(into),
                is_default: Set(succession.is_default),
            });
        }
    }
    for chunk in rows.chunks(500) {
        t::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(tx).await?;
    }
    Ok(count(rows.len()))
}

async fn stored_units(conn: &impl ConnectionTrait) -> StoreResult<HashMap<String, (Uuid, UnitPath)>> {
    use org_unit::Column as C;
    let rows: Vec<(Uuid, String, String)> =
        org_unit::Entity::find().select_only().columns([C::Id, C::Code, C::Path]).into_tuple().all(conn).await?;
    rows.into_iter()
        .map(|(id, code, path)| {
            let path = UnitPath::parse(&path).map_err(|e| At("org_unit", "path", id).corrupt(e))?;
            Ok((code, (id, path)))
        })
        .collect()
}

/// Adds those of the units whose code is not there, batch by batch; parents must come first.
async fn add_missing_units(store: &Store, units: &[Unit], progress: &impl Fn(u64, u64)) -> StoreResult<u64> {
    let stored = stored_units(store.read()).await?;
    let missing: Vec<&Unit> = units.iter().filter(|unit| !stored.contains_key(&unit.code)).collect();
    let all = count(missing.len());
    let (mut added, mut done) = (0, 0);
    progress(0, all);
    for batch in missing.chunks(BATCH) {
        added += store.write(async |tx| add_units(tx, batch).await).await?;
        done += count(batch.len());
        progress(done, all);
    }
    Ok(added)
}

async fn add_units(tx: &Tx, batch: &[&Unit]) -> StoreResult<u64> {
    advance(tx, PLACES, 0).await?;
    let places = stored_places(tx).await?;
    let mut stored = stored_units(tx).await?;
    let missing: Vec<&&Unit> = batch.iter().filter(|unit| !stored.contains_key(&unit.code)).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    let len = i64::try_from(missing.len()).unwrap_or_default();
    let last = org_units::next_numbers(tx, len).await?;
    let mut units = Vec::with_capacity(missing.len());
    for (number, unit) in (last - len + 1..).zip(missing) {
        let parent = match &unit.parent {
            Some(code) => Some(
                stored
                    .get(code)
                    .ok_or_else(|| Malformed(format!("unit {} comes before its parent {code}", unit.code)))?,
            ),
            None => None,
        };
        let path = parent.map_or_else(|| UnitPath::root(number), |(_, above)| above.child(number));
        let id = id_of("org_unit", &unit.code);
        units.push(OrgUnit {
            stamp: stamp(id),
            code: unit.code.clone(),
            name: unit.name.clone(),
            name_en: unit.name_en.clone(),
            kind: unit.kind,
            parent_id: parent.map(|(id, _)| *id),
            locality_id: unit.locality.as_ref().and_then(|key| places.get(&stored_key(key))).map(|(id, _)| *id),
            national_org_code: None,
            valid_from: FIRST_DAY,
            valid_to: None,
            path: path.clone(),
        });
        stored.insert(unit.code.clone(), (id, path));
    }
    org_units::insert_many(tx, &units).await?;
    Ok(count(units.len()))
}

async fn campaign_id(conn: &impl ConnectionTrait) -> StoreResult<Option<Uuid>> {
    use campaign::Column as C;
    Ok(campaign::Entity::find().select_only().column(C::Id).filter(C::Code.eq(CAMPAIGN)).into_tuple().one(conn).await?)
}

async fn has_indicator(conn: &impl ConnectionTrait, campaign_id: Uuid, number: Option<i32>) -> StoreResult<bool> {
    use indicator::Column as C;
    let found = indicator::Entity::find()
        .filter(C::CampaignId.eq(campaign_id))
        .filter(C::Number.eq(number))
        .count(conn)
        .await?;
    Ok(found > 0)
}

/// Adds the campaign and its indicator unless they are there; gives how many of each.
async fn add_campaign(store: &Store) -> StoreResult<(u64, u64)> {
    if let Some(id) = campaign_id(store.read()).await?
        && has_indicator(store.read(), id, Some(7)).await?
    {
        return Ok((0, 0));
    }
    store
        .write(async |tx| {
            advance(tx, PLACES, 0).await?;
            let (id, campaigns) = match campaign_id(tx).await? {
                Some(id) => (id, 0),
                None => {
                    let campaign = organisation::campaign();
                    campaigns::insert(tx, &campaign).await?;
                    (campaign.stamp.id, 1)
                }
            };
            let indicator = organisation::indicator(id);
            if has_indicator(tx, id, indicator.number).await? {
                return Ok((campaigns, 0));
            }
            campaigns::insert_indicator(tx, &indicator, None).await?;
            Ok((campaigns, 1))
        })
        .await
}

/// What the codes of demonstration teams begin with.
pub const DEMO_PREFIX: &str = "DEMO-";

/// How many teams are no demonstration teams.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_real_teams(conn: &impl ConnectionTrait) -> StoreResult<u64> {
    let real = team::Column::Code.not_like(format!("{DEMO_PREFIX}%"));
    Ok(team::Entity::find().filter(real).count(conn).await?)
}

/// Whether the database was filled with demonstration data: whoever shows figures says so.
///
/// # Errors
/// When the database can't be asked.
pub async fn is_demo(conn: &impl ConnectionTrait) -> StoreResult<bool> {
    Ok(counter::Entity::find_by_id(DEMO).one(conn).await?.is_some())
}

/// Marks the database as filled with demonstration data, for good.
///
/// # Errors
/// When the database refuses.
pub async fn mark_demo(tx: &Tx) -> StoreResult<()> {
    advance(tx, DEMO, 1).await.map(|_| ())
}
