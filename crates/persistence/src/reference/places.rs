//! The administrative units of both generations, read from the tables in `data/`.

use super::{FIRST_DAY, Malformed, day};
use chrono::NaiveDate;
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, HashMap};
use tinhnguyen_domain::{localities::LocalityKind, text::nfc};

/// Which generation of administrative units a place belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Generation {
    /// Before the reform of 1 July 2025: three levels.
    Legacy,
    /// Since then: two levels.
    Reformed,
}

impl Generation {
    /// The first day. The tables say how things stood in March 2025 and not since when; the first day of the
    /// campaign's year is taken, so that every day of a campaign of 2024 finds its places.
    pub(super) const fn valid_from(self) -> NaiveDate {
        match self {
            Self::Legacy => FIRST_DAY,
            Self::Reformed => day(2025, 7, 1),
        }
    }

    /// The last day, inclusive.
    pub(super) const fn valid_to(self) -> Option<NaiveDate> {
        match self {
            Self::Legacy => Some(day(2025, 6, 30)),
            Self::Reformed => None,
        }
    }
}

/// What identifies a place: seven codes name another province since July 2025, so the code alone doesn't.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) generation: Generation,
    pub(super) code: String,
}

/// An administrative unit.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) key: Key,
    /// The type, such as `Phường`.
    pub(super) of_type: &'static str,
    /// The name without its type.
    pub(super) bare: String,
    pub(super) kind: LocalityKind,
    pub(super) parent: Option<Key>,
}

/// The types that names begin with; none is the beginning of another.
const TYPES: [&str; 9] = ["Thành phố", "Tỉnh", "Quận", "Huyện", "Thị xã", "Phường", "Thị trấn", "Đặc khu", "Xã"];

/// The type and the bare name of `Phường Ba Đình`. The tables' own column of types contradicts the name in seven rows,
/// where the name is right; a few names write `Thành Phố`.
fn parts(name: &str) -> Result<(&'static str, String), Malformed> {
    TYPES
        .iter()
        .find_map(|of_type| {
            let (head, bare) = name.split_at_checked(of_type.len())?;
            let matches = head.to_lowercase() == of_type.to_lowercase();
            Some((*of_type, bare.strip_prefix(' ')?.to_owned())).filter(|_| matches)
        })
        .ok_or_else(|| Malformed(format!("`{name}` does not begin with a type")))
}

impl Place {
    /// The name with its type.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.of_type, self.bare)
    }
}

/// What became of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Succession {
    pub(super) from: Key,
    pub(super) into: Key,
    /// Whether figures of the old place fall to this one.
    pub(super) is_default: bool,
}

/// All places, parents before their children, and what became of the older ones.
pub(super) struct Gazetteer {
    pub(super) places: Vec<Place>,
    pub(super) successions: Vec<Succession>,
}

#[derive(Deserialize)]
struct Row {
    code: String,
    name_vi: String,
    province_code: Option<String>,
    district_code: Option<String>,
}

#[derive(Deserialize)]
struct ProvinceMove {
    old_code: String,
    new_code: String,
}

#[derive(Deserialize)]
struct CommuneMove {
    old_commune_code: String,
    new_commune_code: String,
    is_default_target: u8,
}

fn table<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, Malformed> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|e| Malformed(e.to_string()))
}

fn places(text: &str, generation: Generation, kind: LocalityKind) -> Result<Vec<Place>, Malformed> {
    let key = |code: String| Key { generation, code };
    let rows: Vec<Row> = table(text)?;
    rows.into_iter()
        .map(|row| {
            let (of_type, bare) = parts(&nfc(&row.name_vi))?;
            // A commune of before stands under its district, one of today under its province.
            let parent = row.district_code.or(row.province_code).map(key);
            Ok(Place { key: key(row.code), of_type, bare, kind, parent })
        })
        .collect()
}

impl Gazetteer {
    /// Reads the tables.
    pub(super) fn read() -> Result<Self, Malformed> {
        use Generation::{Legacy, Reformed};
        use LocalityKind::{Commune, District, Province};
        let tables = [
            (include_str!("../../data/provinces_legacy.csv"), Legacy, Province),
            (include_str!("../../data/districts_legacy.csv"), Legacy, District),
            (include_str!("../../data/communes_legacy.csv"), Legacy, Commune),
            (include_str!("../../data/provinces_2025.csv"), Reformed, Province),
            (include_str!("../../data/communes_2025.csv"), Reformed, Commune),
        ];
        let mut all = Vec::new();
        for (text, generation, kind) in tables {
            all.extend(places(text, generation, kind)?);
        }
        let successions = successions(&all)?;
        Ok(Self { places: all, successions })
    }

    /// The places of the older generation at one level.
    pub(super) fn legacy(&self, kind: LocalityKind) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(move |p| p.key.generation == Generation::Legacy && p.kind == kind)
    }
}

/// The mapping writes 06978 for Xã Ba Chẽ, which is 06970 among the units of 2025.
fn settled(code: String) -> String {
    if code == "06978" { "06970".to_owned() } else { code }
}

fn successions(places: &[Place]) -> Result<Vec<Succession>, Malformed> {
    let old = |code: String| Key { generation: Generation::Legacy, code };
    let new = |code: String| Key { generation: Generation::Reformed, code };
    let mut found = Vec::new();
    for row in table::<ProvinceMove>(include_str!("../../data/province_mapping_2024_2025.csv"))? {
        found.push(Succession { from: old(row.old_code), into: new(row.new_code), is_default: true });
    }
    let mut of_communes = Vec::new();
    for row in table::<CommuneMove>(include_str!("../../data/commune_mapping_2024_2025.csv"))? {
        of_communes.push(Succession {
            from: old(row.old_commune_code),
            into: new(settled(row.new_commune_code)),
            is_default: row.is_default_target == 1,
        });
    }
    found.extend(of_districts(places, &found, &of_communes)?);
    found.extend(of_communes);
    Ok(found)
}

/// What became of the districts, which no table says: there are none any more. A district that is now a special zone,
/// or several, falls to the zone that most of its communes went to; the five island districts without communes became
/// the special zone of their name. The figures of every other district fall to the new province.
fn of_districts(
    places: &[Place],
    of_provinces: &[Succession],
    of_communes: &[Succession],
) -> Result<Vec<Succession>, Malformed> {
    let by_key: HashMap<&Key, &Place> = places.iter().map(|p| (&p.key, p)).collect();
    let province_of: HashMap<&Key, &Key> = of_provinces.iter().map(|s| (&s.from, &s.into)).collect();
    let mut heirs: HashMap<&Key, BTreeMap<&Key, u32>> = HashMap::new();
    for succession in of_communes.iter().filter(|s| s.is_default) {
        let district = by_key.get(&succession.from).and_then(|p| p.parent.as_ref());
        let district =
            district.ok_or_else(|| Malformed(format!("commune {} has no district", succession.from.code)))?;
        *heirs.entry(district).or_default().entry(&succession.into).or_default() += 1;
    }
    let mut zones: HashMap<(&Key, &str), &Key> = HashMap::new();
    for place in places {
        if let ("Đặc khu", Some(province)) = (place.of_type, &place.parent) {
            zones.insert((province, place.bare.as_str()), &place.key);
        }
    }
    let is_zone = |key: &Key| zones.values().any(|zone| *zone == key);
    let mut found = Vec::new();
    for district in places.iter().filter(|p| p.kind == LocalityKind::District) {
        let province = district.parent.as_ref().and_then(|p| province_of.get(p)).copied();
        let province =
            province.ok_or_else(|| Malformed(format!("district {} has no new province", district.key.code)))?;
        let mut into: Vec<(&Key, u32)> = match heirs.get(&district.key) {
            Some(heirs) if heirs.keys().all(|heir| is_zone(heir)) => heirs.iter().map(|(k, n)| (*k, *n)).collect(),
            Some(_) => vec![(province, 1)],
            None => vec![(zones.get(&(province, district.bare.as_str())).copied().unwrap_or(province), 1)],
        };
        into.sort_by_key(|(_, communes)| std::cmp::Reverse(*communes));
        found.extend(into.into_iter().enumerate().map(|(rank, (heir, _))| Succession {
            from: district.key.clone(),
            into: heir.clone(),
            is_default: rank == 0,
        }));
    }
    Ok(found)
}
