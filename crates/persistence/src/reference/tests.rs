//! The data keep their promises, and seeding keeps its own.

use super::{organisation::unmarked, places::Generation, *};
use crate::{Database, localities};
use std::collections::BTreeSet;
use tinhnguyen_domain::{localities::LocalityKind, org_units::OrgUnitKind, text::nfc};

fn gazetteer() -> Gazetteer {
    Gazetteer::read().unwrap()
}

fn key(generation: Generation, code: &str) -> Key {
    Key { generation, code: code.to_owned() }
}

fn counted(gazetteer: &Gazetteer, generation: Generation, kind: LocalityKind) -> usize {
    gazetteer.places.iter().filter(|p| p.key.generation == generation && p.kind == kind).count()
}

fn default_of<'a>(gazetteer: &'a Gazetteer, from: &Key) -> &'a Key {
    let mut found = gazetteer.successions.iter().filter(|s| s.from == *from && s.is_default);
    let only = found.next().unwrap_or_else(|| panic!("{from:?} has no default successor"));
    assert_eq!(found.next(), None, "{from:?} has two default successors");
    &only.into
}

fn place<'a>(gazetteer: &'a Gazetteer, key: &Key) -> &'a Place {
    gazetteer.places.iter().find(|p| p.key == *key).unwrap()
}

#[test]
fn both_generations_are_complete() {
    use Generation::{Legacy, Reformed};
    use LocalityKind::{Commune, District, Province};
    let g = gazetteer();
    let counts = [(Legacy, Province), (Legacy, District), (Legacy, Commune), (Reformed, Province), (Reformed, Commune)]
        .map(|(generation, kind)| counted(&g, generation, kind));
    assert_eq!(counts, [63, 696, 10_035, 34, 3_321]);
    assert_eq!(g.places.len(), 14_149);
    let keys: BTreeSet<_> = g.places.iter().map(|p| &p.key).collect();
    assert_eq!(keys.len(), g.places.len(), "code and first day identify a place");
    let ids: BTreeSet<_> = g.places.iter().map(|p| place_id(&p.key)).collect();
    assert_eq!(ids.len(), g.places.len());
}

#[test]
fn names_are_nfc_and_begin_with_their_type() {
    let g = gazetteer();
    for p in &g.places {
        assert_eq!(nfc(&p.name()), p.name());
        assert_eq!(p.bare.trim(), p.bare);
        let kinds: &[&str] = match p.kind {
            LocalityKind::Province => &["Tỉnh", "Thành phố"],
            LocalityKind::District => &["Quận", "Huyện", "Thị xã", "Thành phố"],
            LocalityKind::Commune => &["Xã", "Phường", "Thị trấn", "Đặc khu"],
        };
        assert!(kinds.contains(&p.of_type), "{} is no {}", p.name(), p.kind);
    }
    let wrongly_typed = place(&g, &key(Generation::Legacy, "15061"));
    assert_eq!((wrongly_typed.of_type, wrongly_typed.bare.as_str()), ("Thị trấn", "Ngọc Lặc"));
    assert_eq!(place(&g, &key(Generation::Legacy, "058")).name(), "Thành phố Bắc Kạn");
}

#[test]
fn names_are_not_unique() {
    let g = gazetteer();
    let same =
        |generation| g.places.iter().filter(|p| p.key.generation == generation && p.name() == "Xã Tân Thành").count();
    assert_eq!(same(Generation::Legacy), 27);
}

#[test]
fn seven_codes_name_another_province_since_the_reform() {
    let g = gazetteer();
    for (code, before, since) in [
        ("15", "Tỉnh Yên Bái", "Tỉnh Lào Cai"),
        ("24", "Tỉnh Bắc Giang", "Tỉnh Bắc Ninh"),
        ("44", "Tỉnh Quảng Bình", "Tỉnh Quảng Trị"),
        ("52", "Tỉnh Bình Định", "Tỉnh Gia Lai"),
        ("80", "Tỉnh Long An", "Tỉnh Tây Ninh"),
        ("82", "Tỉnh Tiền Giang", "Tỉnh Đồng Tháp"),
        ("91", "Tỉnh Kiên Giang", "Tỉnh An Giang"),
    ] {
        let (old, new) = (key(Generation::Legacy, code), key(Generation::Reformed, code));
        assert_eq!((place(&g, &old).name(), place(&g, &new).name()), (before.to_owned(), since.to_owned()));
        assert_ne!(place_id(&old), place_id(&new));
        assert_eq!(default_of(&g, &old), &new);
    }
}

#[test]
fn every_older_place_has_one_default_successor_that_exists() {
    let g = gazetteer();
    let keys: BTreeSet<_> = g.places.iter().map(|p| &p.key).collect();
    for s in &g.successions {
        assert!(keys.contains(&s.from) && keys.contains(&s.into), "{s:?}");
        assert_eq!((s.from.generation, s.into.generation), (Generation::Legacy, Generation::Reformed));
    }
    let pairs: BTreeSet<_> = g.successions.iter().map(|s| (&s.from, &s.into)).collect();
    assert_eq!(pairs.len(), g.successions.len(), "no link twice");
    for p in g.places.iter().filter(|p| p.key.generation == Generation::Legacy) {
        default_of(&g, &p.key);
    }
    let of_communes = g.successions.iter().filter(|s| place(&g, &s.from).kind == LocalityKind::Commune);
    assert_eq!(of_communes.count(), 10_597);
}

#[test]
fn a_commune_stays_within_what_its_province_became() {
    let g = gazetteer();
    for commune in g.legacy(LocalityKind::Commune) {
        let district = place(&g, commune.parent.as_ref().unwrap());
        let province = district.parent.as_ref().unwrap();
        let heir = place(&g, default_of(&g, &commune.key));
        assert_eq!(heir.parent.as_ref(), Some(default_of(&g, province)), "{}", commune.name());
    }
}

#[test]
fn island_districts_became_the_special_zones_of_their_names() {
    let g = gazetteer();
    for (code, zone) in [
        ("318", "Đặc khu Bạch Long Vĩ"),
        ("471", "Đặc khu Cồn Cỏ"),
        ("498", "Đặc khu Hoàng Sa"),
        ("536", "Đặc khu Lý Sơn"),
        ("755", "Đặc khu Côn Đảo"),
    ] {
        let district = key(Generation::Legacy, code);
        assert!(!g.places.iter().any(|p| p.parent.as_ref() == Some(&district)), "{code} has communes");
        let heir = place(&g, default_of(&g, &district));
        assert_eq!((heir.name().as_str(), heir.kind), (zone, LocalityKind::Commune));
    }
    let zones = g.places.iter().filter(|p| p.of_type == "Đặc khu");
    assert_eq!(zones.count(), 13);
    let phu_quoc = place(&g, default_of(&g, &key(Generation::Legacy, "911")));
    assert_eq!(phu_quoc.name(), "Đặc khu Phú Quốc", "a district with communes that became zones");
    let ba_dinh = place(&g, default_of(&g, &key(Generation::Legacy, "001")));
    assert_eq!(ba_dinh.name(), "Thành phố Hà Nội", "any other district falls to the province");
}

#[test]
fn the_mapping_and_the_table_of_units_differ_on_ba_che() {
    let g = gazetteer();
    let heir = default_of(&g, &key(Generation::Legacy, "06973"));
    assert_eq!((heir.code.as_str(), place(&g, heir).name().as_str()), ("06970", "Xã Ba Chẽ"));
}

#[test]
fn the_organisation_stands_as_in_summer_2024() {
    let g = gazetteer();
    let units = organisation::units(&g);
    let of = |kind| units.iter().filter(|u| u.kind == kind).count();
    assert_eq!(
        [OrgUnitKind::Central, OrgUnitKind::SupportCentre, OrgUnitKind::Province, OrgUnitKind::Affiliated].map(of),
        [1, 1, 63, 4]
    );
    let named = |code: &str| units.iter().find(|u| u.code == code).map(|u| (u.name.as_str(), u.name_en.as_deref()));
    assert_eq!(named("TD-01"), Some(("Thành Đoàn Hà Nội", Some("Ha Noi City Youth Union"))));
    assert_eq!(named("TD-04"), Some(("Tỉnh Đoàn Cao Bằng", Some("Cao Bang Youth Union"))));
    assert_eq!(named("TD-77").unwrap().1, Some("Ba Ria - Vung Tau Youth Union"));
    assert_eq!(unmarked("Đắk R'lấp"), "Dak R'lap");
    for unit in &units {
        assert!(unit.parent.as_ref().is_none_or(|code| code == CENTRE));
        assert_eq!(unit.locality.is_some(), unit.kind == OrgUnitKind::Province);
    }
}

#[test]
fn grassroots_stand_under_their_parents() {
    let g = gazetteer();
    let units = organisation::grassroots(&g);
    assert_eq!(units.len(), 696 + 10_035);
    let codes: HashSet<_> = units.iter().map(|u| u.code.as_str()).collect();
    assert_eq!(codes.len(), units.len());
    let named = |code: &str| units.iter().find(|u| u.code == code).unwrap();
    assert_eq!(named("HD-001").name, "Quận Đoàn Ba Đình");
    assert_eq!(named("XD-00001").name, "Đoàn phường Phúc Xá");
    assert_eq!(named("XD-00001").parent.as_deref(), Some("HD-001"));
    assert_eq!(named("HD-001").parent.as_deref(), Some("TD-01"));
}

#[test]
fn ids_are_the_same_everywhere() {
    let id = id_of("org_unit", CENTRE);
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(id, id_of("org_unit", CENTRE));
    assert_ne!(id, id_of("locality", CENTRE));
    assert_eq!(id.to_string(), "018cc251-f400-7274-881f-f88f11edef9a");
}

async fn fresh() -> (Store, std::path::PathBuf) {
    let dir = std::env::temp_dir().join(format!("tinhnguyen-reference-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&dir).unwrap();
    let store = Store::open(Database::Sqlite(dir.join("test.db"))).await.unwrap();
    store.migrate().await.unwrap();
    (store, dir)
}

#[tokio::test]
async fn seeding_adds_what_is_missing_and_changes_nothing_that_is_there() {
    let (store, dir) = fresh().await;
    // Two replicas at once: together they add everything once.
    let (one, two) = tokio::join!(seed(&store), seed(&store));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.localities + two.localities, 14_149);
    assert_eq!((one.org_units + two.org_units, one.campaigns + two.campaigns), (69, 1));
    assert_eq!(one.indicators + two.indicators, 1);
    assert_eq!(seed(&store).await.unwrap(), Seeded::default());

    // What an operator changed stands; what is gone comes back.
    let mut centre = org_units::find_by_code(store.read(), CENTRE).await.unwrap().unwrap();
    centre.name = "Tên khác".to_owned();
    centre.stamp.version += 1;
    let link = gazetteer().successions[0].clone();
    store
        .write(async |tx| {
            org_units::update(tx, &centre).await?;
            let from = place_id(&link.from);
            locality_successor::Entity::delete_many()
                .filter(locality_successor::Column::PredecessorId.eq(from))
                .exec(tx)
                .await?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let again = seed(&store).await.unwrap();
    assert_eq!(again, Seeded { successors: 1, ..Seeded::default() });
    assert_eq!(org_units::find_by_code(store.read(), CENTRE).await.unwrap(), Some(centre.clone()));

    // Every stored row reads back, and paths follow parents.
    let places = localities::all(store.read()).await.unwrap();
    let paths: HashMap<Uuid, UnitPath> = places.into_iter().map(|place| (place.id, place.path)).collect();
    let ids: Vec<Uuid> = gazetteer().places.iter().map(|p| place_id(&p.key)).collect();
    for chunk in ids.chunks(5_000) {
        let found = localities::find_many(store.read(), chunk).await.unwrap();
        assert_eq!(found.len(), chunk.len());
        for stored in found {
            let (path, above) = (&paths[&stored.stamp.id], stored.parent_id.map(|id| &paths[&id]));
            assert!(above.is_none_or(|above| above.contains(path)));
            assert_eq!(above.map_or(0, |above| above.depth() + 1), path.depth());
        }
    }

    assert_eq!(seed_grassroots(&store, |_, _| {}).await.unwrap(), 10_731);
    assert_eq!(seed_grassroots(&store, |_, _| {}).await.unwrap(), 0);
    let commune = org_units::find_by_code(store.read(), "XD-00001").await.unwrap().unwrap();
    assert_eq!((commune.path.depth(), commune.locality_id), (3, Some(place_id(&key(Generation::Legacy, "00001")))));
    assert!(!is_demo(store.read()).await.unwrap());
    store.write(async |tx| mark_demo(tx).await).await.unwrap();
    assert!(is_demo(store.read()).await.unwrap());
    store.close().await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
