//! Reorganisations of places.

use super::{by_depth, codes, day, figures};
use crate::harness::{
    T, id_in,
    world::{HA_NOI, new_activity, place, place_since_2025, seeded_unit},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::{localities, progress, reference};
use uuid::Uuid;

const PATH: &str = "/v1/localities/reorganisations";
const ITEM: &str = "/v1/locality-reorganisations";
const DAY: &str = "2024-07-10";

fn asks(changes: Value) -> Value {
    json!({"effective_on": DAY, "changes": changes})
}

fn ward(code: &str, name: &str, district: Uuid) -> Value {
    json!({"code": code, "name": name, "kind": "commune", "type": "Phường", "parent_id": district})
}

async fn code_on(t: &T, code: &str, on: &str) -> Value {
    t.admin.get(&format!("/v1/localities?kind=commune&code={code}&as_of={on}")).await.ok(200)["data"].clone()
}

both! {
    async fn places_that_are_merged_are_there_until_the_day_before(t: &T) {
        let (one, other) = (place("00001"), place("00004"));
        let heads = progress::heads(t.store.read()).await.unwrap();
        let answer = t.admin.post(PATH, &asks(json!([{"kind": "merge", "from": [one, other], "into": [ward("00001", "Phường Mới", place("001"))]}]))).await;
        let told = answer.ok(201);
        assert_eq!((&told["tree"], &told["counts"]["ended"], &told["counts"]["begun"]), (&json!("localities"), &json!(2), &json!(1)));
        assert_eq!(answer.header("location"), Some(format!("{ITEM}/{}", id_in(&told, "id")).as_str()));
        assert_eq!(t.admin.get(answer.header("location").unwrap()).await.ok(200), told);
        assert!(progress::heads(t.store.read()).await.unwrap().trees > heads.trees);
        let new = id_in(&told["changes"][0]["into"][0], "id");
        // One code, two places: the day tells them apart.
        assert_eq!(code_on(t, "00001", "2024-07-09").await[0]["id"], json!(one));
        let now = code_on(t, "00001", DAY).await;
        assert_eq!((&now[0]["id"], &now[0]["name"], &now[0]["type"]), (&json!(new), &json!("Phường Mới"), &json!("Phường")));
        let ended = t.admin.get(&format!("/v1/localities/{one}")).await.ok(200);
        assert_eq!((&ended["valid_to"], &ended["parent_id"]), (&json!("2024-07-09"), &json!(place("001"))), "it stays where it was");
        let next = t.admin.get(&format!("/v1/localities/{one}/successors")).await.ok(200);
        assert_eq!(next["data"][0]["id"], json!(new), "and no more what the reform would have made of it");
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={one}")).await.ok(200);
        assert_eq!(log["data"][0]["action"], "create_locality_reorganisation");

        // An activity is held where there was a place on its day.
        let team = t.team(seeded_unit(HA_NOI)).await;
        let held = |on: &str, place: Uuid| {
            let mut body = new_activity(id_in(&team, "id"));
            body["locality_id"] = json!(place);
            body["starts_at"] = json!(format!("{on}T01:00:00Z"));
            body["ends_at"] = json!(format!("{on}T04:00:00Z"));
            body
        };
        for (on, place, status) in [("2024-07-09", one, 201), (DAY, one, 422), ("2024-07-09", new, 422), (DAY, new, 201)] {
            assert_eq!(t.admin.post("/v1/activities", &held(on, place)).await.status, status, "{on}");
        }
        // Adding the reference data anew changes nothing of it.
        assert_eq!(reference::seed(&t.store).await.unwrap(), reference::Seeded::default());
        let next = t.admin.get(&format!("/v1/localities/{one}/successors")).await.ok(200);
        assert_eq!(next["data"][0]["id"], json!(new));
    }

    async fn figures_of_places_fall_to_what_took_their_place(t: &T) {
        let (one, other) = (place("00001"), place("00004"));
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for (at, turns) in [(one, 40), (other, 2)] {
            let mut body = new_activity(id_in(&team, "id"));
            body["locality_id"] = json!(at);
            let activity = leader.post("/v1/activities", &body).await.ok(201);
            t.submitted(&leader, &activity, "2024-07-05", turns).await;
        }
        // A district goes too, and what goes on of it stands below the other one.
        let told = t.admin.post(PATH, &asks(json!([
            {"kind": "merge", "from": [one], "into": [other]},
            {"kind": "merge", "from": [place("001")], "into": [place("002")]},
        ]))).await.ok(201);
        assert_eq!(told["counts"]["moved"], 12, "the other wards of Ba Đình");
        let cells = figures(t, |key| key.locality_id).await;
        for (on, ward, district) in [
            ("2024-07-09", BTreeMap::from([(one, 40), (other, 2)]), place("001")),
            (DAY, BTreeMap::from([(other, 42)]), place("002")),
        ] {
            let tree = localities::tree_on(t.store.read(), day(on)).await.unwrap();
            let mut heads: BTreeMap<Uuid, i64> = BTreeMap::new();
            for standing in tree.iter().filter(|standing| cells.contains_key(&standing.id)) {
                *heads.entry(standing.counts_at).or_default() += cells[&standing.id];
            }
            assert_eq!(heads, ward, "{on}");
            assert_eq!(by_depth(&cells, &tree, 1), BTreeMap::from([(district, 42)]), "{on}");
            assert_eq!(by_depth(&cells, &tree, 0), BTreeMap::from([(place("01"), 42)]), "{on}");
        }
        let below = t.admin.get(&format!("/v1/localities/{}/children?as_of={DAY}&include_total=true&limit=1", place("001"))).await.ok(200);
        assert_eq!(below["total"], 0);
        // By the places of the reform they fall to what the reform made of them.
        let tree = localities::tree_on(t.store.read(), day("2025-07-01")).await.unwrap();
        assert_eq!(by_depth(&cells, &tree, 0), BTreeMap::from([(place_since_2025("01"), 42)]));
    }

    async fn a_place_may_move_and_be_renamed_and_divided_ahead_of_its_day(t: &T) {
        let (district, other) = (place("001"), place("002"));
        let told = t.admin.post(PATH, &json!({"effective_on": "2024-08-01", "changes": [
            {"kind": "move", "from": [place("00001")], "into": [other]},
            {"kind": "rename", "from": [district], "into": [{"name": "Quận Ba Đình Mới"}]},
            {"kind": "split", "from": [place("00004")], "into": [ward("00005", "Phường Một", district), ward("00005B", "Phường Hai", district)], "default_into": "00005B"},
        ]})).await.ok(201);
        assert_eq!(told["counts"], json!({"ended": 1, "begun": 2, "moved": 1, "renamed": 1, "touched": 3}));
        let children = async |of: Uuid, on: &str| {
            let page = t.admin.get(&format!("/v1/localities/{of}/children?as_of={on}&limit=200")).await.ok(200);
            codes(&page).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let has = |list: &[String], code: &str| list.iter().any(|one| one == code);
        let (before, after) = (children(district, "2024-07-31").await, children(district, "2024-08-01").await);
        assert!(has(&before, "00001") && has(&before, "00004") && !has(&before, "00005B"));
        assert!(!has(&after, "00001") && !has(&after, "00004") && has(&after, "00005") && has(&after, "00005B"));
        assert!(has(&children(other, "2024-08-01").await, "00001") && !has(&children(other, "2024-07-31").await, "00001"));
        let next = t.admin.get(&format!("/v1/localities/{}/successors", place("00004"))).await.ok(200);
        assert_eq!(next["data"][0]["code"], "00005B");
    }

    async fn places_are_reorganised_by_whoever_administers_the_country(t: &T) {
        let wanted = asks(json!([{"kind": "merge", "from": [place("00001")], "into": [place("00004")]}]));
        for caller in [t.user(Role::Administrator, seeded_unit(HA_NOI)).await, t.user(Role::Coordinator, crate::harness::world::centre()).await] {
            caller.post(PATH, &wanted).await.problem(403, "forbidden");
        }
        let bad = json!([
            {"kind": "merge", "from": [place("01")], "into": [{"code": "01", "name": "X", "kind": "province", "type": "Tỉnh", "parent_id": place("04")}]},
            {"kind": "merge", "from": [place("00001")], "into": [{"code": "00006", "name": "X", "kind": "commune", "parent_id": place("00004")}]},
            {"kind": "close", "from": [place_since_2025("00097")]},
        ]);
        t.admin.post(PATH, &asks(bad)).await.faults(422, &[
            ("/changes/0/into/0/kind", "kind_not_under_parent"),
            ("/changes/1/into/0/type", "required"),
            ("/changes/2/from/0", "dates_inverted"),
        ]);
        let taken = json!([{"kind": "merge", "from": [place("00001")], "into": [ward("00006", "X", place("001"))]}]);
        t.admin.post(PATH, &asks(taken)).await.problem(409, "code_already_used");
        assert_eq!(t.user(Role::Viewer, seeded_unit(HA_NOI)).await.get(PATH).await.ok(200)["data"], json!([]));
        t.admin.post(PATH, &wanted).await.ok(201);
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        assert_eq!(viewer.get(PATH).await.ok(200)["data"].as_array().unwrap().len(), 1, "places are everybody's");
    }
}
