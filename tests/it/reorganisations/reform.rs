//! The reform of 1 July 2025, applied to the organisation.

use super::{PATH, by_depth, codes, day, figures, hold_stored_paths, org_tree, read, unit};
use crate::harness::{
    Blank, T, check,
    desk::Desk,
    id_in, value,
    world::{centre, new_activity, new_result, place, place_since_2025, seeded_unit},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinhnguyen_domain::{access::Role, org_units::OrgUnitKind};
use tinhnguyen_persistence::{
    StoreError, localities, org_units,
    reference::{self, ReformError, Reformed},
};
use uuid::Uuid;

/// A moment after the reform.
const AFTER: &str = "2025-08-01T03:00:00Z";

async fn reform(t: &T, dry_run: bool) -> Result<Option<Reformed>, ReformError> {
    reference::reform_2025(&t.store, AFTER.parse().unwrap(), dry_run, &|_, _| ()).await
}

fn level(reformed: &Reformed, kind: OrgUnitKind) -> (usize, usize, usize) {
    let level = reformed.levels.get(&kind).copied().unwrap_or_default();
    (level.ended, level.begun, level.kept)
}

async fn by_code(t: &T, code: &str) -> Value {
    let page = t.admin.get(&format!("/v1/org-units?code={code}")).await.ok(200);
    page["data"][0].clone()
}

/// How many units of a kind stand directly below the centre on a day.
async fn below_centre(t: &T, kind: &str, on: &str) -> Value {
    let path = format!("/v1/org-units/{}/children?kind={kind}&as_of={on}&include_total=true&limit=1", centre());
    t.admin.get(&path).await.ok(200)["total"].clone()
}

/// A result that was submitted, of a unit, at a place.
async fn reported(t: &T, unit: Uuid, at: Uuid, turns: i64) {
    let (team, leader) = t.deployed_team(unit).await;
    let mut body = new_activity(id_in(&team, "id"));
    body["locality_id"] = json!(at);
    let activity = leader.post("/v1/activities", &body).await.ok(201);
    let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-05", turns);
    body["submit"] = json!(true);
    leader.post("/v1/results", &body).await.ok(201);
}

both! {
    async fn sixty_three_provincial_unions_become_thirty_four_and_no_total_moves(t: &T) {
        // Every other province reports, each so much that every sum tells who is in it.
        let provinces: Vec<(String, Uuid)> = {
            let page = t.admin.get("/v1/org-units?kind=province&limit=200").await.ok(200);
            page["data"].as_array().unwrap().iter().map(|unit| (unit["code"].as_str().unwrap().to_owned(), id_in(unit, "id"))).collect()
        };
        assert_eq!(provinces.len(), 63);
        for (n, (code, id)) in (1i64..).zip(provinces.iter().step_by(2)) {
            reported(t, *id, place(code.strip_prefix("TD-").unwrap()), n * 101).await;
        }
        reported(t, centre(), place("01"), 9).await;
        reported(t, seeded_unit("TW-QD"), place("01"), 5).await;
        let (cells, at) = (figures(t, |key| key.org_unit_id).await, figures(t, |key| key.locality_id).await);
        let total: i64 = cells.values().sum();
        assert_eq!((total, at.values().sum::<i64>()), (101 * 32 * 33 / 2 + 14, total));
        let before = by_depth(&cells, &org_tree(t, "2025-06-30").await, 1);

        let told = reform(t, true).await.unwrap().unwrap();
        assert_eq!(below_centre(t, "province", "2025-07-01").await, 63, "a rehearsal keeps nothing");
        let done = reform(t, false).await.unwrap().unwrap();
        assert_eq!(done, told);
        assert_eq!(level(&done, OrgUnitKind::Province), (52, 23, 11));
        assert_eq!(level(&done, OrgUnitKind::Commune), (0, 0, 0), "there were none");
        assert_eq!(reform(t, false).await.unwrap(), None, "a second time there is nothing to do");

        for (on, provinces) in [("2024-07-15", 63), ("2025-06-30", 63), ("2025-07-01", 34), ("2026-01-01", 34)] {
            assert_eq!(below_centre(t, "province", on).await, provinces, "{on}");
            assert_eq!(below_centre(t, "affiliated", on).await, 4, "{on}");
        }
        hold_stored_paths(t, "2025-08-01").await;
        assert_eq!(figures(t, |key| key.org_unit_id).await, cells, "each figure stays with whom it was counted for");
        let (then, now) = (org_tree(t, "2024-07-15").await, org_tree(t, "2025-07-01").await);
        assert_eq!(by_depth(&cells, &then, 1), before, "asked by the tree of then nothing has changed");
        let after = by_depth(&cells, &now, 1);
        assert_eq!(after.values().sum::<i64>(), total);
        assert!(after.len() < before.len() && after.len() <= 34 + 2, "{after:?}");
        for tree in [&then, &now] {
            assert_eq!(by_depth(&cells, tree, 0), BTreeMap::from([(centre(), total)]));
        }
        // Each new union has what its mapping says it has.
        let mut expected: BTreeMap<Uuid, i64> = BTreeMap::new();
        for (id, turns) in &before {
            let standing = read(t, *id).await;
            let head = if standing["valid_to"].is_null() { *id } else { id_in(&standing, "parent_id") };
            *expected.entry(head).or_default() += turns;
        }
        assert_eq!(after, expected);
        // By places it is the same, without anything being applied to them.
        for (on, provinces) in [("2024-07-15", 32), ("2025-07-01", after.len() - 2)] {
            let sums = by_depth(&at, &localities::tree_on(t.store.read(), day(on)).await.unwrap(), 0);
            assert_eq!((sums.len(), sums.values().sum::<i64>()), (provinces, total), "{on}");
        }
    }

    async fn a_code_that_names_another_province_now_misleads_nobody(t: &T) {
        reform(t, false).await.unwrap().unwrap();
        for (code, before, since) in [
            ("15", "Tỉnh Đoàn Yên Bái", "Tỉnh Đoàn Lào Cai"),
            ("24", "Tỉnh Đoàn Bắc Giang", "Tỉnh Đoàn Bắc Ninh"),
            ("44", "Tỉnh Đoàn Quảng Bình", "Tỉnh Đoàn Quảng Trị"),
            ("52", "Tỉnh Đoàn Bình Định", "Tỉnh Đoàn Gia Lai"),
            ("80", "Tỉnh Đoàn Long An", "Tỉnh Đoàn Tây Ninh"),
            ("82", "Tỉnh Đoàn Tiền Giang", "Tỉnh Đoàn Đồng Tháp"),
            ("91", "Tỉnh Đoàn Kiên Giang", "Tỉnh Đoàn An Giang"),
        ] {
            let (old, new) = (by_code(t, &format!("TD-{code}")).await, by_code(t, &format!("TD-2025-{code}")).await);
            assert_eq!((&old["name"], &new["name"]), (&json!(before), &json!(since)));
            assert_eq!((&old["valid_to"], &new["valid_from"]), (&json!("2025-06-30"), &json!("2025-07-01")));
            assert_eq!((&old["locality_id"], &new["locality_id"]), (&json!(place(code)), &json!(place_since_2025(code))));
            let next = t.admin.get(&format!("/v1/org-units/{}/successors", id_in(&old, "id"))).await.ok(200);
            assert_eq!(next["data"], json!([new]), "here the code stayed with the place");
        }
        // A province that did not change goes on, over its place of now.
        let ha_noi = by_code(t, "TD-01").await;
        assert_eq!((&ha_noi["valid_to"], &ha_noi["version"]), (&Value::Null, &json!(2)));
        assert_eq!(ha_noi["locality_id"], json!(place_since_2025("01")));
        // The record is there for who reaches the whole country.
        let listed = t.admin.get("/v1/org-units/reorganisations").await.ok(200);
        let record = t.admin.get(&format!("/v1/org-unit-reorganisations/{}", id_in(&listed["data"][0], "id"))).await.ok(200);
        assert_eq!((&record["counts"]["ended"], &record["counts"]["begun"]), (&json!(52), &json!(23)));
        assert_eq!(record["changes"].as_array().unwrap().len(), 23);
        let viewer = t.user(Role::Viewer, seeded_unit("TD-15")).await;
        assert_eq!(viewer.get("/v1/org-units/reorganisations").await.ok(200)["data"], json!([]));
        let log = t.admin.get("/v1/audit-log?action=reorganise_reform_2025&limit=200").await.ok(200);
        assert_eq!(log["data"].as_array().unwrap().len(), 52 + 23 + 11 + 1);
        assert_eq!(reference::seed(&t.store).await.unwrap(), reference::Seeded::default());
        let late = reference::seed_grassroots(&t.store, |_, _| ()).await.unwrap_err();
        assert!(late.to_string().contains("reform"), "{late}");
    }

    async fn ten_thousand_commune_unions_become_three_thousand(t: &T) {
        assert_eq!(reference::seed_grassroots(&t.store, |_, _| ()).await.unwrap(), 10_731);
        // An operator's own units below a district and below a commune, and a grant.
        let own = unit(t, seeded_unit("HD-001"), "XD-RIENG", "commune").await;
        let branch = unit(t, seeded_unit("XD-00001"), "CD-RIENG", "grassroots").await;
        let island = unit(t, seeded_unit("HD-911"), "XD-DAO", "commune").await;
        for (code, at, turns) in [
            ("XD-00001", "00001", 1_000), ("HD-001", "001", 200), ("TD-01", "01", 30), ("XD-06973", "06973", 4),
            ("HD-536", "536", 50_000), ("HD-911", "911", 600), ("TD-15", "15", 7_000),
        ] {
            reported(t, seeded_unit(code), place(at), turns).await;
        }
        let cells = figures(t, |key| key.org_unit_id).await;
        let before = by_depth(&cells, &org_tree(t, "2025-06-30").await, 2);
        let started = std::time::Instant::now();
        let done = reform(t, false).await.unwrap().unwrap();
        assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
        assert_eq!(level(&done, OrgUnitKind::Province), (52, 23, 11));
        assert_eq!(level(&done, OrgUnitKind::District), (696, 0, 0));
        let (ended, begun, kept) = level(&done, OrgUnitKind::Commune);
        assert_eq!((ended + kept, begun + kept), (10_035, 3_321));
        assert!(kept > 50, "{kept}");
        for (on, districts, communes) in [("2025-06-30", 696, 10_037), ("2025-07-01", 0, 3_323)] {
            for (kind, expected) in [("district", districts), ("commune", communes)] {
                let path = format!("/v1/org-units?kind={kind}&as_of={on}&include_total=true&limit=1");
                assert_eq!(t.admin.get(&path).await.ok(200)["total"], expected, "{kind} on {on}");
            }
        }
        hold_stored_paths(t, "2025-08-01").await;
        let living: i64 = value(t.store.read(), "SELECT count(*) FROM org_unit u JOIN org_unit p ON p.id = u.parent_id WHERE u.valid_to IS NULL AND p.valid_to IS NOT NULL").await;
        assert_eq!(living, 0, "what lives stands below what lives");

        // Island districts without communes, and one with, became the special zones of their names.
        for (code, zone) in [("318", "Bạch Long Vĩ"), ("471", "Cồn Cỏ"), ("498", "Hoàng Sa"), ("536", "Lý Sơn"), ("755", "Côn Đảo"), ("911", "Phú Quốc")] {
            let old = by_code(t, &format!("HD-{code}")).await;
            let new = read(t, id_in(&old, "parent_id")).await;
            assert_eq!((&new["name"], &new["kind"]), (&json!(format!("Đoàn đặc khu {zone}")), &json!("commune")));
        }
        // Xã Ba Chẽ has the code of the table of units.
        let ba_che = read(t, id_in(&by_code(t, "XD-06973").await, "parent_id")).await;
        assert_eq!((&ba_che["code"], &ba_che["name"]), (&json!("XD-2025-06970"), &json!("Đoàn xã Ba Chẽ")));
        assert_eq!(by_code(t, "XD-2025-06978").await, Value::Null);
        // A commune that was divided has the main one first.
        let split: i64 = value(t.store.read(), "SELECT count(*) FROM (SELECT predecessor_id FROM org_unit_successor GROUP BY predecessor_id HAVING count(*) > 1) s").await;
        assert!(split > 100, "{split}");
        let defaults: i64 = value(t.store.read(), "SELECT count(*) FROM (SELECT predecessor_id FROM org_unit_successor WHERE is_default GROUP BY predecessor_id HAVING count(*) <> 1) s").await;
        assert_eq!(defaults, 0);
        // The operator's own went along: below the province, since a commune can't stand below one.
        let ha_noi = seeded_unit("TD-01");
        assert_eq!(read(t, own).await["parent_id"], json!(ha_noi));
        assert_eq!(read(t, island).await["parent_id"], by_code(t, "TD-2025-91").await["id"]);
        let heir = read(t, id_in(&read(t, branch).await, "parent_id")).await;
        assert_eq!(heir["locality_id"], json!(place_since_2025("00097")));
        // A union whose place only went on goes on, below its province.
        let kept: String = value(t.store.read(), "SELECT code FROM org_unit WHERE kind = 'commune' AND valid_to IS NULL AND valid_from = '2024-01-01' AND code <> 'XD-RIENG' AND code <> 'XD-DAO' ORDER BY code LIMIT 1").await;
        let kept = by_code(t, &kept).await;
        assert_eq!(read(t, id_in(&kept, "parent_id")).await["kind"], "province");
        let covered = t.admin.get(&format!("/v1/localities/{}", kept["locality_id"].as_str().unwrap())).await.ok(200);
        assert_eq!(covered["valid_from"], "2025-07-01");

        assert_eq!(figures(t, |key| key.org_unit_id).await, cells);
        assert_eq!(by_depth(&cells, &org_tree(t, "2025-06-30").await, 2), before, "by the tree of then nothing has changed");
        let now = by_depth(&cells, &org_tree(t, "2025-07-01").await, 1);
        let province = async |code: &str| id_in(&by_code(t, code).await, "id");
        assert_eq!(now, BTreeMap::from([
            (ha_noi, 1_230), (seeded_unit("TD-22"), 4), (province("TD-2025-51").await, 50_000),
            (province("TD-2025-91").await, 600), (province("TD-2025-15").await, 7_000),
        ]));
        assert_eq!(check(&t.store).await.disagreements, []);
    }

    async fn what_an_operator_has_done_already_is_left_alone_or_refused_in_words(t: &T) {
        // Lào Cai and Yên Bái were merged by hand; what is left of the reform is done.
        let changes = json!([{"kind": "merge", "from": [seeded_unit("TD-10"), seeded_unit("TD-15")], "into": [
            {"code": "LC", "name": "Tỉnh Đoàn Lào Cai", "kind": "province", "parent_id": centre()}]}]);
        t.clock.set(AFTER.parse().unwrap());
        let admin = t.admin.clone().with_a_new_token();
        let asked = json!({"effective_on": "2025-07-01", "changes": changes});
        admin.post(PATH, &asked).await.ok(201);
        // A code of the reform's is taken by somebody else.
        let taken = json!({"code": "TD-2025-48", "name": "Đoàn khác", "kind": "province", "parent_id": centre()});
        let taken = admin.post("/v1/org-units", &taken).await.ok(201);
        let refused = reform(t, false).await.unwrap_err();
        assert_eq!(refused.to_string(), "the organisation does not admit the reform: TD-2025-48: the code is taken");
        t.sql("UPDATE org_unit SET code = 'KHAC' WHERE code = 'TD-2025-48'").await;
        let done = reform(t, false).await.unwrap().unwrap();
        assert_eq!(level(&done, OrgUnitKind::Province), (50, 22, 11));
        let page = admin.get(&format!("/v1/org-units?id={}", id_in(&taken, "id"))).await.ok(200);
        assert_eq!(codes(&page), ["KHAC"]);
    }

    async fn an_operator_applies_the_reform_by_a_command(db: &Blank) {
        let desk = Desk::new(db);
        let (code, said) = desk.run(&["reorganise", "reform-2025"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("tinhnguyen migrate"), "{said}");
        assert_eq!(desk.run(&["migrate"]).0, Some(0));
        let (code, said) = desk.run(&["reorganise", "reform-2025"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("tinhnguyen seed"), "{said}");
        assert_eq!(desk.run(&["seed"]).0, Some(0));
        let (code, said) = desk.run(&["reorganise", "reform-2025", "--dry-run"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("63 → 34") && said.contains("nothing was kept"), "{said}");
        let (code, said) = desk.run(&["reorganise", "reform-2025"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("63 → 34") && said.contains("is applied"), "{said}");
        let (code, said) = desk.run(&["reorganise", "reform-2025"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("applied before: nothing to do"), "{said}");
        let (code, said) = desk.run(&["seed", "--grassroots"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("before it"), "{said}");
        let store = db.open().await;
        let standing = org_units::tree_on(store.read(), day("2025-07-01")).await.unwrap();
        assert_eq!(standing.iter().filter(|standing| standing.path.depth() == 1).count(), 34 + 5);
        let _: Result<(), StoreError> = store.close().await;
    }
}
