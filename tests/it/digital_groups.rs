//! The register of community digital technology groups, and who takes part in what.

use crate::harness::{
    T, id_in, value,
    world::{DA_NANG, HA_NOI, new_activity, new_digital_group, new_series, new_team, place, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

both! {
    async fn a_group_is_entered_read_and_changed(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-NHOM").await;
        let coordinator = t.user(Role::Coordinator, ward).await;
        let mut body = new_digital_group(Some(ward));
        body["capability"] = json!([{"assessed_on": "2024-06-30", "level": 3}, {"assessed_on": "2024-06-01", "level": 1}]);
        let answer = coordinator.post("/v1/digital-groups", &body).await;
        let made = answer.ok(201);
        let path = format!("/v1/digital-groups/{}", answer.id());
        assert_eq!(answer.header("location"), Some(path.as_str()));
        for field in ["locality_id", "org_unit_id", "name", "members_count", "lead_contact"] {
            assert_eq!(made[field], body[field], "{field}");
        }
        let expected = json!([{"assessed_on": "2024-06-01", "level": 1}, {"assessed_on": "2024-06-30", "level": 3}]);
        assert_eq!((&made["capability"], &made["masked"], &made["allowed_actions"]), (&expected, &json!(false), &json!(["edit"])));
        assert_eq!(coordinator.get(&path).await.ok(200), made);

        let patch = json!({"name": "Tổ công nghệ số thôn 5", "members_count": 9, "locality_id": place("00004"), "lead_contact": null,
            "capability": [{"assessed_on": "2024-06-30", "level": 4}]});
        let changed = coordinator.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        assert_eq!((&changed["version"], &changed["masked"]), (&json!(2), &json!(false)));
        coordinator.patch(&path, &patch).if_match("\"1\"").await.problem(412, "stale_version");
        let found = coordinator.get(&format!("/v1/digital-groups?q=thon%205&locality_id={}", place("00004"))).await.ok(200);
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
        // By its id and body it is made once.
        let mut chosen = new_digital_group(Some(ward));
        chosen["id"] = json!(Uuid::now_v7());
        let first = coordinator.post("/v1/digital-groups", &chosen).await.ok(201);
        assert_eq!(coordinator.post("/v1/digital-groups", &chosen).await.ok(200), first);
        chosen["members_count"] = json!(1);
        coordinator.post("/v1/digital-groups", &chosen).await.problem(409, "id_already_used");
    }

    async fn whom_to_reach_is_kept_sealed_and_shown_to_who_manages_people_there(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-NHOM").await;
        let coordinator = t.user(Role::Coordinator, ward).await;
        let made = coordinator.post("/v1/digital-groups", &new_digital_group(Some(ward))).key("nhom").await.ok(201);
        let path = format!("/v1/digital-groups/{}", id_in(&made, "id"));
        let contact = &new_digital_group(None)["lead_contact"];
        for other in [
            t.user(Role::Viewer, ward).await,
            t.user(Role::TeamLeader, ward).await,
            t.user(Role::Coordinator, seeded_unit(DA_NANG)).await,
        ] {
            let shown = other.get(&path).await.ok(200);
            assert_eq!((&shown["lead_contact"], &shown["masked"]), (&Value::Null, &json!(true)));
        }
        assert_eq!(&coordinator.get(&path).await.ok(200)["lead_contact"], contact);
        // Each showing is remembered; a list shows none, a rehearsal and a replay neither.
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", id_in(&made, "id"))).await.ok(200);
        let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions.iter().filter(|action| **action == "get_digital_group").count(), 1, "{actions:?}");
        let listed = coordinator.get(&format!("/v1/digital-groups?id={}", id_in(&made, "id"))).await.ok(200);
        assert_eq!((&listed["data"][0]["lead_contact"], &listed["data"][0]["masked"]), (&Value::Null, &json!(true)));
        let again = coordinator.post("/v1/digital-groups", &new_digital_group(Some(ward))).key("nhom").await;
        assert_eq!((again.header("idempotency-replayed"), &again.ok(201)["lead_contact"]), (Some("true"), &Value::Null));
        let rehearsed = coordinator.post("/v1/digital-groups?dry_run=true", &new_digital_group(Some(ward))).await.ok(201);
        assert_eq!(rehearsed["lead_contact"], Value::Null);
        // What is stored tells nobody.
        for (table, column) in [("idempotency_key", "body"), ("digital_group", "name")] {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%0987%' OR {column} LIKE '%Hoa%'");
            assert_eq!(value::<i64>(t.store.read(), &sql).await, 0, "{table}");
        }
        let sql = "SELECT count(*) FROM personal_data WHERE field = 'lead_contact'";
        assert_eq!(value::<i64>(t.store.read(), sql).await, 1);
    }

    async fn the_unit_is_the_nearest_one_over_the_place_that_the_caller_coordinates(t: &T) {
        let ha_noi = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let unit = json!({"code": "XD-PX", "name": "Đoàn phường Phúc Xá", "kind": "commune", "parent_id": seeded_unit(HA_NOI),
            "locality_id": place("00001")});
        let ward = t.admin.post("/v1/org-units", &unit).await.id();
        let made = ha_noi.post("/v1/digital-groups", &new_digital_group(None)).await.ok(201);
        assert_eq!(made["org_unit_id"], json!(ward));
        let mut next = new_digital_group(None);
        next["locality_id"] = json!(place("00004"));
        assert_eq!(ha_noi.post("/v1/digital-groups", &next).await.ok(201)["org_unit_id"], json!(seeded_unit(HA_NOI)));
        // A union that works elsewhere looks after what it enters there.
        let away = t.user(Role::Coordinator, seeded_unit(DA_NANG)).await;
        assert_eq!(away.post("/v1/digital-groups", &next).await.ok(201)["org_unit_id"], json!(seeded_unit(DA_NANG)));
        away.post("/v1/digital-groups", &new_digital_group(Some(ward))).await.problem(422, "reference_not_found");
        let path = format!("/v1/digital-groups/{}", id_in(&made, "id"));
        away.patch(&path, &json!({"name": "Khác"})).if_match("*").await.problem(403, "forbidden");
        // Nobody gives an entry away to where they have no right.
        let own = t.user(Role::Coordinator, ward).await;
        own.patch(&path, &json!({"org_unit_id": seeded_unit(HA_NOI)})).if_match("*").await.problem(403, "forbidden");
        own.patch(&path, &json!({"org_unit_id": seeded_unit(DA_NANG)})).if_match("*").await.faults(422, &[("/org_unit_id", "reference_not_found")]);
    }

    async fn bad_input_is_told_all_at_once_and_repeats_nothing_personal(t: &T) {
        let admin = &t.admin;
        let mut body = new_digital_group(None);
        body["locality_id"] = json!(Uuid::now_v7());
        body["capability"] = json!([{"assessed_on": "2024-06-01", "level": 1}, {"assessed_on": "2024-06-01", "level": 2},
            {"assessed_on": "2099-01-01", "level": 3}]);
        let problem = admin.post("/v1/digital-groups", &body).await.faults(422, &[
            ("/locality_id", "reference_not_found"), ("/capability/1/assessed_on", "not_unique"),
            ("/capability/2/assessed_on", "in_the_future"),
        ]);
        assert!(!problem.to_string().contains("Hoa"));
        for (field, value, expected) in [
            ("name", json!(" "), ("/name", "bad_format")),
            ("members_count", json!(-1), ("/members_count", "out_of_range")),
            ("members_count", json!(10_001), ("/members_count", "out_of_range")),
            ("capability", json!([{"assessed_on": "2024-06-01", "level": 6}]), ("/capability/0/level", "out_of_range")),
            ("lead_contact", json!({"full_name": "Hoa", "phone": "gọi Hoa"}), ("/lead_contact/phone", "bad_format")),
            ("lead_contact", json!({"full_name": "Hoa", "zalo": "x"}), ("/lead_contact/zalo", "unknown_field")),
            ("leader", json!("Hoa"), ("/leader", "unknown_field")),
        ] {
            let mut body = new_digital_group(None);
            body[field] = value;
            let problem = admin.post("/v1/digital-groups", &body).await.faults(422, &[expected]);
            assert!(!problem.to_string().contains("gọi"), "{problem}");
        }
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM digital_group").await, 0);
    }

    async fn teams_activities_and_series_name_groups_of_the_register(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let one = t.admin.post("/v1/digital-groups", &new_digital_group(None)).await.id();
        let two = t.admin.post("/v1/digital-groups", &new_digital_group(None)).await.id();
        let wrong = json!([one, Uuid::now_v7(), one]);
        let faults = [("/digital_group_ids/1", "reference_not_found"), ("/digital_group_ids/2", "not_unique")];

        let mut body = new_team(seeded_unit(HA_NOI));
        body["digital_group_ids"] = json!([one, two]);
        let made = t.admin.post("/v1/teams", &body).await.ok(201);
        assert_eq!(made["digital_group_ids"], json!([one, two]));
        let path = format!("/v1/teams/{}", id_in(&made, "id"));
        let changed = t.admin.patch(&path, &json!({"digital_group_ids": [two]})).if_match("*").await.ok(200);
        assert_eq!(changed["digital_group_ids"], json!([two]));
        assert_eq!(t.admin.get(&path).await.ok(200)["digital_group_ids"], json!([two]));
        t.admin.patch(&path, &json!({"digital_group_ids": wrong})).if_match("*").await.faults(422, &faults);
        body["digital_group_ids"] = wrong.clone();
        t.admin.post("/v1/teams", &body).await.faults(422, &faults);

        let mut body = new_activity(id_in(&team, "id"));
        body["digital_group_ids"] = json!([one]);
        let made = leader.post("/v1/activities", &body).await.ok(201);
        assert_eq!(made["digital_group_ids"], json!([one]));
        let path = format!("/v1/activities/{}", id_in(&made, "id"));
        leader.patch(&path, &json!({"digital_group_ids": wrong})).if_match("*").await.faults(422, &faults);
        let changed = leader.patch(&path, &json!({"digital_group_ids": [two, one]})).if_match("*").await.ok(200);
        assert_eq!(changed["digital_group_ids"], json!([two, one]));
        // What a patch doesn't name stays.
        let kept = leader.patch(&path, &json!({"title": "Tên mới"})).if_match("*").await.ok(200);
        assert_eq!(kept["digital_group_ids"], json!([two, one]));

        let mut body = new_series(id_in(&team, "id"));
        body["digital_group_ids"] = json!([two]);
        let series = leader.post("/v1/activity-series", &body).await.ok(201);
        let all = leader.get(&format!("/v1/activities?series_id={}", id_in(&series, "id"))).await.ok(200);
        assert!(all["data"].as_array().unwrap().iter().all(|a| a["digital_group_ids"] == json!([two])));
    }
}
