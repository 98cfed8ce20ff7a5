//! Reorganisations of both trees: what ends, begins and moves, who answers for it before and after, and that no total
//! changes by it.

mod faults;
mod places;
mod reform;

use crate::harness::{
    Caller, T, id_in, value,
    world::{DA_NANG, HA_NOI, centre, indicator, new_activity, new_result, new_team, seeded_unit},
};
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinhnguyen_domain::{access::Role, lineage::Standing, org_units::UnitPath};
use tinhnguyen_persistence::{StoreError, ledger, org_units, progress};
use uuid::Uuid;

const PATH: &str = "/v1/org-units/reorganisations";
const ITEM: &str = "/v1/org-unit-reorganisations";
/// The first day of the new trees of these tests: five days ago.
const DAY: &str = "2024-07-10";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A unit that has been there all year.
async fn unit(t: &T, parent: Uuid, code: &str, kind: &str) -> Uuid {
    let body = json!({"code": code, "name": format!("Đoàn {code}"), "kind": kind, "parent_id": parent, "valid_from": "2024-01-01"});
    t.admin.post("/v1/org-units", &body).await.ok(201);
    id_of(t, code).await
}

async fn id_of(t: &T, code: &str) -> Uuid {
    let page = t.admin.get(&format!("/v1/org-units?code={code}")).await.ok(200);
    id_in(&page["data"][0], "id")
}

async fn read(t: &T, id: Uuid) -> Value {
    t.admin.get(&format!("/v1/org-units/{id}")).await.ok(200)
}

/// A new province below the centre.
fn province(code: &str) -> Value {
    json!({"code": code, "name": format!("Tỉnh Đoàn {code}"), "kind": "province", "parent_id": centre()})
}

fn asks(changes: Value) -> Value {
    json!({"effective_on": DAY, "reason": "Sắp xếp", "document": "12-QĐ/TWĐTN", "changes": changes})
}

async fn done(t: &T, changes: Value) -> Value {
    t.admin.post(PATH, &asks(changes)).await.ok(201)
}

fn codes(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect()
}

fn codes_of(units: &Value) -> Vec<&str> {
    units.as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect()
}

/// The reported figures by whatever the cells are counted by.
async fn figures(t: &T, of: impl Fn(&tinhnguyen_domain::progress::CellKey) -> Uuid) -> BTreeMap<Uuid, i64> {
    let cube = t.store.snapshot::<_, StoreError>(async |tx| ledger::cube_now(tx).await).await.unwrap();
    let mut figures = BTreeMap::new();
    for (key, count) in cube.cells().filter(|(key, _)| key.indicator_id == indicator()) {
        *figures.entry(of(&key)).or_default() += count.reported.0;
    }
    figures
}

/// Sums by those who stand at a depth of a day's tree; what is above that depth stays with itself.
fn by_depth(figures: &BTreeMap<Uuid, i64>, tree: &[Standing], depth: usize) -> BTreeMap<Uuid, i64> {
    let path: BTreeMap<Uuid, &UnitPath> = tree.iter().map(|standing| (standing.id, &standing.path)).collect();
    let at: BTreeMap<&UnitPath, Uuid> = tree.iter().map(|standing| (&standing.path, standing.id)).collect();
    let mut sums = BTreeMap::new();
    for (id, turns) in figures {
        *sums.entry(at[&path[id].at_depth(depth)]).or_default() += turns;
    }
    sums
}

async fn org_tree(t: &T, on: &str) -> Vec<Standing> {
    org_units::tree_on(t.store.read(), day(on)).await.unwrap()
}

/// Holds that the stored paths are those of the tree of a day.
async fn hold_stored_paths(t: &T, on: &str) {
    let stored: BTreeMap<Uuid, UnitPath> =
        org_units::all(t.store.read()).await.unwrap().into_iter().map(|unit| (unit.stamp.id, unit.path)).collect();
    for standing in org_tree(t, on).await {
        assert_eq!(standing.path, stored[&standing.id], "{}", standing.id);
    }
}

/// A team at work with a result that was submitted.
async fn reported(t: &T, unit: Uuid, turns: i64) -> (Value, Caller, Value, Value) {
    let (team, leader) = t.deployed_team(unit).await;
    let activity = t.activity(&leader, &team).await;
    let result = t.submitted(&leader, &activity, "2024-07-05", turns).await;
    (team, leader, activity, result)
}

both! {
    async fn a_merge_ends_units_and_hangs_them_beneath_the_one_that_takes_their_place(t: &T) {
        let (one, other) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let ward = unit(t, one, "XD-1", "commune").await;
        let before = read(t, one).await;
        let answer = t.admin.post(PATH, &asks(json!([{"kind": "merge", "from": [one, other], "into": [province("TD-MOI")]}]))).await;
        let answer_body = answer.ok(201);
        assert_eq!(answer.header("location"), Some(format!("{ITEM}/{}", id_in(&answer_body, "id")).as_str()));
        assert_eq!(
            answer_body["counts"],
            json!({"ended": 2, "begun": 1, "moved": 1, "renamed": 0, "touched": 3}),
        );
        let change = &answer_body["changes"][0];
        assert_eq!((codes_of(&change["from"]), codes_of(&change["into"])), (vec![HA_NOI, DA_NANG], vec!["TD-MOI"]));
        let new = id_in(&change["into"][0], "id");
        assert_eq!((&change["begun"], &change["default_into"]), (&json!([new]), &json!(new)));
        assert_eq!(codes_of(&change["moved_along"]), ["XD-1"]);
        assert_eq!(t.admin.get(answer.header("location").unwrap()).await.ok(200), answer_body, "kept as it was told");

        let (ended, begun, goes_on) = (read(t, one).await, read(t, new).await, read(t, ward).await);
        assert_eq!((&ended["valid_to"], &ended["parent_id"], &ended["version"]), (&json!("2024-07-09"), &json!(new), &json!(2)));
        assert_eq!((&begun["valid_from"], &begun["valid_to"], &begun["depth"]), (&json!(DAY), &Value::Null, &json!(1)));
        assert_eq!((&goes_on["parent_id"], &goes_on["valid_to"]), (&json!(new), &Value::Null));
        assert_eq!(ended["updated_at"], "2024-07-15T03:00:00Z");
        assert_eq!(before["valid_to"], Value::Null);
        hold_stored_paths(t, "2024-07-15").await;

        let successors = t.admin.get(&format!("/v1/org-units/{one}/successors")).await.ok(200);
        assert_eq!(successors["data"], json!([begun]));
        assert_eq!(t.admin.get(&format!("/v1/org-units/{new}/successors")).await.ok(200)["data"], json!([]));
        // The children of a day are those of that day's tree.
        for (on, provinces, wards) in [("2024-07-09", 63, vec!["XD-1"]), (DAY, 62, vec![])] {
            let list = format!("/v1/org-units/{}/children?kind=province&as_of={on}&include_total=true&limit=1", centre());
            assert_eq!(t.admin.get(&list).await.ok(200)["total"], provinces, "{on}");
            let below = t.admin.get(&format!("/v1/org-units?parent_id={one}&as_of={on}")).await.ok(200);
            assert_eq!(codes(&below), wards, "{on}");
        }
        let below = t.admin.get(&format!("/v1/org-units?parent_id={new}&as_of={DAY}")).await.ok(200);
        assert_eq!(codes(&below), ["XD-1"], "what has ended is no child of that day");

        let listed = t.admin.get(&format!("{PATH}?effective_on={DAY}")).await.ok(200);
        assert_eq!(listed["data"][0]["counts"], answer_body["counts"]);
        assert_eq!(listed["data"][0].get("changes"), None);
        for id in [one, other, new, ward] {
            let log = t.admin.get(&format!("/v1/audit-log?resource_id={id}&action=create_org_unit_reorganisation")).await.ok(200);
            assert_eq!(log["data"].as_array().unwrap().len(), 1, "{id}");
        }
        let feed = t.admin.get("/v1/changes?kind=org_unit&limit=200&include=items").await.ok(200);
        let told = feed["data"].as_array().unwrap().iter().find(|change| change["id"] == json!(one)).unwrap();
        assert_eq!((&told["action"], &told["item"]), (&json!("create_org_unit_reorganisation"), &ended));
    }

    async fn a_rehearsal_says_what_would_come_of_it_and_keeps_nothing(t: &T) {
        let (one, other) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let rows = async || -> (i64, i64, i64, i64) {
            let conn = t.store.read();
            (
                value(conn, "SELECT CAST(sum(version) AS BIGINT) FROM org_unit").await,
                value(conn, "SELECT count(*) FROM org_unit_placement").await,
                value(conn, "SELECT count(*) FROM org_unit_successor").await,
                value(conn, "SELECT count(*) FROM audit_log").await,
            )
        };
        let (before, heads) = (rows().await, progress::heads(t.store.read()).await.unwrap());
        let wanted = asks(json!([{"kind": "merge", "from": [one, other], "into": [province("TD-MOI")]}]));
        let answer = t.admin.post(&format!("{PATH}?dry_run=true"), &wanted).await;
        assert_eq!(answer.header("dry-run"), Some("true"));
        assert_eq!(answer.ok(201)["counts"]["ended"], 2);
        assert_eq!((rows().await, progress::heads(t.store.read()).await.unwrap()), (before, heads));
        t.admin.post(PATH, &wanted).await.ok(201);
        assert!(progress::heads(t.store.read()).await.unwrap().trees > heads.trees, "whoever keeps the tree learns of it");
    }

    async fn of_what_is_divided_one_successor_takes_the_figures(t: &T) {
        let (parent, old) = (seeded_unit(HA_NOI), unit(t, seeded_unit(HA_NOI), "XD-1", "commune").await);
        let branch = unit(t, old, "CD-1", "grassroots").await;
        let there = unit(t, parent, "XD-2", "commune").await;
        let new = json!({"code": "XD-3", "name": "Đoàn xã mới", "kind": "commune", "parent_id": parent});
        let answer = done(t, json!([{"kind": "split", "from": [old], "into": [there, new], "default_into": "XD-3"}])).await;
        let taken = id_of(t, "XD-3").await;
        assert_eq!(answer["changes"][0]["default_into"], json!(taken));
        assert_eq!(read(t, old).await["parent_id"], json!(taken));
        assert_eq!(read(t, branch).await["parent_id"], json!(taken), "it goes on below the one that takes the figures");
        let successors = t.admin.get(&format!("/v1/org-units/{old}/successors")).await.ok(200);
        assert_eq!(codes(&successors), ["XD-3", "XD-2"], "the default one first");
    }

    async fn what_moves_or_is_renamed_keeps_its_id_and_its_history(t: &T) {
        let (from, to) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let (ward, below) = (unit(t, from, "XD-1", "commune").await, unit(t, from, "XD-2", "commune").await);
        let branch = unit(t, ward, "CD-1", "grassroots").await;
        let answer = done(t, json!([
            {"kind": "move", "from": [ward], "into": [to]},
            {"kind": "rename", "from": [below], "into": [{"name": "Đoàn phường Tên Mới", "name_en": "New Name"}]},
        ])).await;
        assert_eq!(answer["counts"], json!({"ended": 0, "begun": 0, "moved": 1, "renamed": 1, "touched": 3}));
        assert_eq!(answer["changes"][1]["from"][0]["name"], "Đoàn XD-2");
        assert_eq!(answer["changes"][1]["into"][0]["name"], "Đoàn phường Tên Mới");
        let (moved, renamed) = (read(t, ward).await, read(t, below).await);
        assert_eq!((&moved["parent_id"], &moved["valid_from"], &moved["valid_to"]), (&json!(to), &json!("2024-01-01"), &Value::Null));
        assert_eq!((&renamed["name"], &renamed["name_en"]), (&json!("Đoàn phường Tên Mới"), &json!("New Name")));
        assert_eq!(read(t, branch).await["version"], 2, "its path is another one");
        let found = t.admin.get("/v1/org-units?q=ten%20moi").await.ok(200);
        assert_eq!(codes(&found), ["XD-2"]);
        for (on, there, here) in [("2024-07-09", vec!["XD-1", "XD-2"], vec![]), (DAY, vec!["XD-2"], vec!["XD-1"])] {
            for (parent, expected) in [(from, there), (to, here)] {
                let page = t.admin.get(&format!("/v1/org-units/{parent}/children?as_of={on}")).await.ok(200);
                assert_eq!(codes(&page), expected, "{on}");
            }
        }
        hold_stored_paths(t, "2024-07-15").await;
        let name: String = value(t.store.read(), "SELECT name FROM org_unit_placement WHERE name LIKE '%XD-2'").await;
        assert_eq!(name, "Đoàn XD-2");
        // A second time it must be later than the first.
        let again = asks(json!([{"kind": "move", "from": [ward], "into": [from]}]));
        t.admin.post(PATH, &again).await.faults(422, &[("/changes/0/from/0", "dates_inverted")]);
        let mut later = again.clone();
        later["effective_on"] = json!("2024-07-12");
        t.admin.post(PATH, &later).await.ok(201);
        let on = |standings: &[Standing]| standings.iter().find(|s| s.id == ward).unwrap().path.to_string();
        let paths = [on(&org_tree(t, "2024-07-01").await), on(&org_tree(t, "2024-07-11").await), on(&org_tree(t, "2024-07-12").await)];
        assert!(paths[0] == paths[2] && paths[0] != paths[1], "{paths:?}");
    }

    async fn what_is_closed_stays_where_it_was_and_is_not_opened_by_the_way(t: &T) {
        let ward = unit(t, seeded_unit(HA_NOI), "XD-1", "commune").await;
        let other = unit(t, seeded_unit(HA_NOI), "XD-2", "commune").await;
        let answer = done(t, json!([{"kind": "close", "from": [ward]}, {"kind": "merge", "from": [other], "into": [seeded_unit(HA_NOI)]}])).await;
        assert_eq!(answer["changes"][0]["default_into"], Value::Null);
        let closed = read(t, ward).await;
        assert_eq!((&closed["valid_to"], &closed["parent_id"]), (&json!("2024-07-09"), &json!(seeded_unit(HA_NOI))));
        // Who was only closed may be opened again; who was taken in may not.
        let open = json!({"valid_to": null});
        t.admin.patch(&format!("/v1/org-units/{ward}"), &open).if_match("*").await.ok(200);
        t.admin.patch(&format!("/v1/org-units/{other}"), &open).if_match("*").await.faults(422, &[("/valid_to", "unit_ended")]);
        t.admin.patch(&format!("/v1/org-units/{other}"), &json!({"name_en": "Old"})).if_match("*").await.ok(200);
    }

    async fn whoever_answers_for_the_successor_answers_for_what_was_done_before(t: &T) {
        let (one, other) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let (team, _, _, result) = reported(t, one, 40).await;
        let (elsewhere, _, _, _) = reported(t, other, 7).await;
        let old_officer = t.user(Role::Verifier, one).await;
        let volunteer = t.volunteer(one, "Trần Văn Bình").await;
        done(t, json!([{"kind": "merge", "from": [one, other], "into": [province("TD-MOI")]}])).await;
        let new = id_of(t, "TD-MOI").await;
        let (new_officer, neighbour) = (t.verifier(new).await, t.verifier(seeded_unit("TD-79")).await);
        let team_path = |team: &Value| format!("/v1/teams/{}", id_in(team, "id"));
        for (who, mine, others) in [(&old_officer, 200, 404), (&new_officer, 200, 200), (&neighbour, 404, 404)] {
            assert_eq!(who.get(&team_path(&team)).await.status, mine);
            assert_eq!(who.get(&team_path(&elsewhere)).await.status, others, "a grant on what ended stays with its part");
        }
        assert_eq!(new_officer.get(&format!("/v1/volunteers/{volunteer}")).await.status, 200);
        assert_eq!(old_officer.get(&format!("/v1/org-units/{new}")).await.status, 200, "one sees what stands above");
        let within = new_officer.get(&format!("/v1/teams?within={new}&include_total=true")).await.ok(200);
        assert_eq!(within["total"], 2);
        let verify = format!("/v1/results/{}/verify", id_in(&result, "id"));
        neighbour.act(&verify).await.problem(404, "not_found");
        new_officer.act(&verify).await.ok(200);
    }

    async fn what_has_ended_takes_nothing_new_and_what_it_did_still_counts(t: &T) {
        let old = unit(t, seeded_unit(HA_NOI), "XD-1", "commune").await;
        let (team, leader, activity, _) = reported(t, old, 40).await;
        done(t, json!([{"kind": "merge", "from": [old], "into": [seeded_unit(DA_NANG)]}])).await;
        t.admin.post("/v1/teams", &new_team(old)).await.faults(422, &[("/org_unit_id", "unit_ended")]);
        let child = json!({"code": "CD-9", "name": "Chi đoàn", "kind": "grassroots", "parent_id": old});
        t.admin.post("/v1/org-units", &child).await.faults(422, &[("/parent_id", "unit_ended")]);
        let mut late = new_activity(id_in(&team, "id"));
        late["starts_at"] = json!("2024-07-10T01:00:00Z");
        late["ends_at"] = json!("2024-07-10T04:00:00Z");
        leader.post("/v1/activities", &late).await.faults(422, &[("/lead_team_id", "unit_ended")]);
        let path = format!("/v1/activities/{}", id_in(&activity, "id"));
        let moved = json!({"starts_at": late["starts_at"], "ends_at": late["ends_at"]});
        leader.patch(&path, &moved).if_match("*").await.faults(422, &[("/starts_at", "unit_ended")]);
        let mut series = crate::harness::world::new_series(id_in(&team, "id"));
        series["recurrence"] = json!("FREQ=DAILY;COUNT=12");
        leader.post("/v1/activity-series", &series).await.faults(422, &[("/recurrence", "unit_ended")]);

        // What was held before the end is told late, filed late, verified and amended.
        late["starts_at"] = json!("2024-07-09T01:00:00Z");
        late["ends_at"] = json!("2024-07-09T04:00:00Z");
        let told = leader.post("/v1/activities", &late).await.ok(201);
        for (held, on, turns) in [(&told, "2024-07-09", 5), (&activity, "2024-07-08", 9)] {
            let result = leader.post("/v1/results", &new_result(id_in(held, "id"), id_in(&team, "id"), on, turns)).await.ok(201);
            let path = format!("/v1/results/{}", id_in(&result, "id"));
            leader.act(&format!("{path}/submit")).await.ok(200);
            t.verifier(seeded_unit(DA_NANG)).await.act(&format!("{path}/verify")).await.ok(200);
            let amended = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": turns + 1}], "outputs": [], "reason": "Bổ sung danh sách"});
            leader.post(&format!("{path}/amend"), &amended).if_match("*").await.ok(200);
        }
        assert_eq!(figures(t, |key| key.org_unit_id).await, BTreeMap::from([(old, 56)]), "counted where it was reported");
    }

    async fn sums_by_the_tree_of_before_and_of_after_are_of_the_same_figures(t: &T) {
        let (one, other, apart) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG), seeded_unit("TD-79"));
        let (ward, moving) = (unit(t, one, "XD-1", "commune").await, unit(t, one, "XD-2", "commune").await);
        for (unit, turns) in [(one, 1), (other, 20), (apart, 300), (ward, 4_000), (moving, 50_000)] {
            reported(t, unit, turns).await;
        }
        done(t, json!([
            {"kind": "merge", "from": [one, other], "into": [province("TD-MOI")]},
            {"kind": "move", "from": [moving], "into": [apart]},
        ])).await;
        let new = id_of(t, "TD-MOI").await;
        // And once more: what took their place is taken in.
        let mut again = asks(json!([{"kind": "merge", "from": [new], "into": [province("TD-SAU")]}]));
        again["effective_on"] = json!("2024-07-12");
        t.admin.post(PATH, &again).await.ok(201);
        let last = id_of(t, "TD-SAU").await;
        hold_stored_paths(t, "2024-07-15").await;
        let cells = figures(t, |key| key.org_unit_id).await;
        let total: i64 = cells.values().sum();
        assert_eq!(total, 54_321);
        for (on, expected) in [
            ("2024-07-09", BTreeMap::from([(one, 54_001), (other, 20), (apart, 300)])),
            (DAY, BTreeMap::from([(new, 4_021), (apart, 50_300)])),
            ("2024-07-12", BTreeMap::from([(last, 4_021), (apart, 50_300)])),
        ] {
            let tree = org_tree(t, on).await;
            assert_eq!(by_depth(&cells, &tree, 1), expected, "{on}");
            assert_eq!(by_depth(&cells, &tree, 0), BTreeMap::from([(centre(), total)]), "{on}");
            let heads = |id| tree.iter().find(|standing| standing.id == id).unwrap().counts_at;
            let head = expected.keys().find(|id| **id != apart && **id != other).unwrap();
            assert_eq!(heads(one), *head, "{on}");
        }
        // The service's own sum, by the stored tree, is today's.
        let progress = t.admin.get(&format!("/v1/progress?org_unit_id={last}")).await.ok(200);
        assert_eq!(progress["reported"], 4_021);
    }
}
