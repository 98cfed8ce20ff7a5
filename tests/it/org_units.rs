//! Units of the organisation: the tree, who sees what of it, and who changes it.

use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, centre, place, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

fn codes(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect()
}

fn commune(parent: Uuid, code: &str) -> Value {
    json!({"code": code, "name": format!("Đoàn phường {code}"), "kind": "commune", "parent_id": parent})
}

both! {
    async fn the_organisation_of_summer_2024_is_there(t: &T) {
        for (kind, count) in
            [("central", 1), ("support_centre", 1), ("province", 63), ("affiliated", 4), ("district", 0)]
        {
            let page = t.admin.get(&format!("/v1/org-units?include_total=true&limit=1&kind={kind}")).await.ok(200);
            assert_eq!(page["total"], count, "{kind}");
        }
        let ha_noi = t.admin.get(&format!("/v1/org-units/{}", seeded_unit(HA_NOI))).await.ok(200);
        assert_eq!((&ha_noi["name"], &ha_noi["depth"]), (&json!("Thành Đoàn Hà Nội"), &json!(1)));
        assert_eq!(ha_noi["locality_id"], json!(place("01")));
    }

    async fn a_unit_is_made_read_and_changed(t: &T) {
        let answer = t.admin.post("/v1/org-units", &commune(seeded_unit(HA_NOI), "XD-00001")).await;
        let unit = answer.ok(201);
        let path = format!("/v1/org-units/{}", id_in(&unit, "id"));
        assert_eq!(answer.header("location"), Some(path.as_str()));
        assert_eq!((answer.etag().as_str(), &unit["version"], &unit["depth"]), ("\"1\"", &json!(1), &json!(2)));
        assert_eq!(unit["valid_from"], "2024-07-15", "today in Viet Nam");
        assert_eq!(unit["created_at"], "2024-07-15T03:00:00Z");
        assert_eq!(t.admin.get(&path).await.ok(200), unit);

        let patch = json!({"name": "Đoàn phường Phúc Xá", "name_en": "Phuc Xa", "locality_id": place("00001"), "valid_to": "2024-12-31"});
        let changed = t.admin.patch(&path, &patch).if_match("\"1\"").await;
        assert_eq!(changed.etag(), "\"2\"");
        let changed = changed.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        let cleared = t.admin.patch(&path, &json!({"name_en": null, "valid_to": null})).if_match("\"2\"").await.ok(200);
        assert_eq!(
            (&cleared["name_en"], &cleared["valid_to"], &cleared["name"]),
            (&Value::Null, &Value::Null, &patch["name"])
        );
        assert_eq!(t.admin.get(&path).await.ok(200), cleared);
    }

    async fn the_tree_is_walked_down_and_up(t: &T) {
        let first = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        t.commune(seeded_unit(HA_NOI), "XD-2").await;
        let children = t.admin.get(&format!("/v1/org-units/{}/children", seeded_unit(HA_NOI))).await.ok(200);
        assert_eq!(codes(&children), ["XD-1", "XD-2"]);
        let above = t.admin.get(&format!("/v1/org-units/{first}/ancestors")).await.ok(200);
        assert_eq!(codes(&above), ["TWD", HA_NOI]);
        let within = t.admin.get(&format!("/v1/org-units?within={}", seeded_unit(HA_NOI))).await.ok(200);
        assert_eq!(codes(&within), [HA_NOI, "XD-1", "XD-2"]);
        let all = t.admin.get(&format!("/v1/org-units?within={}&include_total=true&limit=1", centre())).await.ok(200);
        assert_eq!(all["total"], 71);
    }

    async fn names_are_found_without_accents_and_by_every_filter(t: &T) {
        let id = t.commune(seeded_unit(DA_NANG), "XD-HL").await;
        for filter in [
            "q=thanh%20doan%20da%20nang".to_owned(),
            format!("code={DA_NANG}"),
            format!("id={}", seeded_unit(DA_NANG)),
            format!("locality_id={}", place("48")),
        ] {
            let page = t.admin.get(&format!("/v1/org-units?{filter}")).await.ok(200);
            assert_eq!(codes(&page), [DA_NANG], "{filter}");
        }
        assert_eq!(codes(&t.admin.get("/v1/org-units?kind=commune").await.ok(200)), ["XD-HL"]);
        let before = t.admin.get("/v1/org-units?kind=commune&as_of=2024-07-14").await.ok(200);
        assert_eq!(codes(&before), Vec::<&str>::new(), "it began on the 15th");
        assert_eq!(codes(&t.admin.get("/v1/org-units?updated_since=2024-07-15T00:00:00Z").await.ok(200)), ["XD-HL"]);
        assert_eq!(
            codes(&t.admin.get(&format!("/v1/org-units?parent_id={}", seeded_unit(DA_NANG))).await.ok(200)),
            ["XD-HL"]
        );
        let _ = id;
    }

    async fn one_sees_ones_subtree_and_what_stands_above_it(t: &T) {
        let (mine, other) =
            (t.commune(seeded_unit(HA_NOI), "XD-1").await, t.commune(seeded_unit(HA_NOI), "XD-2").await);
        let viewer = t.user(Role::Viewer, mine).await;
        assert_eq!(codes(&viewer.get("/v1/org-units?include_total=true").await.ok(200)), [HA_NOI, "TWD", "XD-1"]);
        for (unit, status) in
            [(mine, 200), (seeded_unit(HA_NOI), 200), (centre(), 200), (other, 404), (seeded_unit(DA_NANG), 404)]
        {
            assert_eq!(viewer.get(&format!("/v1/org-units/{unit}")).await.status, status);
            assert_eq!(viewer.get(&format!("/v1/org-units/{unit}/ancestors")).await.status, status);
            assert_eq!(viewer.get(&format!("/v1/org-units/{unit}/children")).await.status, status);
        }
        let above = viewer.get(&format!("/v1/org-units/{}/children", seeded_unit(HA_NOI))).await.ok(200);
        assert_eq!(codes(&above), ["XD-1"], "the neighbour is not told");
        let hidden =
            viewer.get(&format!("/v1/org-units?within={}&include_total=true", seeded_unit(DA_NANG))).await.ok(200);
        assert_eq!((&hidden["data"], &hidden["total"]), (&json!([]), &json!(0)));
        assert_eq!(viewer.get(&format!("/v1/org-units/{mine}")).await.ok(200)["allowed_actions"], json!([]));
        assert_eq!(
            t.admin.get(&format!("/v1/org-units/{mine}")).await.ok(200)["allowed_actions"],
            json!(["edit", "add_child"])
        );
    }

    async fn an_administrator_of_a_province_changes_only_what_is_below(t: &T) {
        let own = seeded_unit(HA_NOI);
        let admin = t.user(Role::Administrator, own).await;
        let made = admin.post("/v1/org-units", &commune(own, "XD-1")).await;
        made.ok(201);
        let patch = json!({"name": "Tên mới"});
        admin.patch(&format!("/v1/org-units/{}", made.id()), &patch).if_match("*").await.ok(200);
        admin.patch(&format!("/v1/org-units/{}", centre()), &patch).if_match("*").await.problem(403, "forbidden");
        admin
            .patch(&format!("/v1/org-units/{}", seeded_unit(DA_NANG)), &patch)
            .if_match("*")
            .await
            .problem(404, "not_found");
        let up = json!({"code": "TD-99", "name": "Tỉnh Đoàn mới", "kind": "province", "parent_id": centre()});
        admin.post("/v1/org-units", &up).await.problem(403, "forbidden");
        let aside = admin.post("/v1/org-units", &commune(seeded_unit(DA_NANG), "XD-9")).await;
        aside.faults(422, &[("/parent_id", "reference_not_found")]);
    }

    async fn faults_of_a_new_unit_are_told_all_at_once_and_nothing_is_made(t: &T) {
        let body = json!({
            "code": "có dấu", "name": "", "kind": "village", "parent_id": "7", "depth": 3, "name_en": "x".repeat(201),
            "valid_from": "2024-13-01",
        });
        t.admin.post("/v1/org-units", &body).await.faults(
            422,
            &[
                ("/code", "bad_format"),
                ("/name", "bad_format"),
                ("/name", "too_short"),
                ("/kind", "not_allowed_value"),
                ("/parent_id", "bad_format"),
                ("/depth", "unknown_field"),
                ("/name_en", "too_long"),
                ("/valid_from", "bad_format"),
            ],
        );
        t.admin.post("/v1/org-units", &json!({})).await.faults(
            422,
            &[("/code", "required"), ("/name", "required"), ("/kind", "required"), ("/parent_id", "required")],
        );
        let mut body = commune(Uuid::now_v7(), "XD-1");
        body["locality_id"] = json!(Uuid::now_v7());
        t.admin
            .post("/v1/org-units", &body)
            .await
            .faults(422, &[("/parent_id", "reference_not_found"), ("/locality_id", "reference_not_found")]);
        let page = t.admin.get("/v1/org-units?include_total=true&limit=1").await.ok(200);
        assert_eq!(page["total"], 69);
    }

    async fn what_does_not_fit_the_tree_or_the_calendar_is_refused(t: &T) {
        let mut wrong = commune(centre(), "XD-1");
        t.admin.post("/v1/org-units", &wrong).await.faults(422, &[("/kind", "kind_not_under_parent")]);
        wrong["parent_id"] = json!(seeded_unit(HA_NOI));
        wrong["kind"] = json!("central");
        t.admin.post("/v1/org-units", &wrong).await.faults(422, &[("/kind", "kind_not_under_parent")]);
        let mut inverted = commune(seeded_unit(HA_NOI), "XD-1");
        inverted["valid_from"] = json!("2024-07-02");
        inverted["valid_to"] = json!("2024-07-01");
        t.admin.post("/v1/org-units", &inverted).await.faults(422, &[("/valid_to", "dates_inverted")]);
        let unit = t.commune(seeded_unit(HA_NOI), "XD-2").await;
        let patch = json!({"valid_to": "2024-07-14"});
        let answer = t.admin.patch(&format!("/v1/org-units/{unit}"), &patch).if_match("*").await;
        answer.faults(422, &[("/valid_to", "dates_inverted")]);
        let late = json!({"id": Uuid::now_v7(), "code": "XD-3", "name": "Muộn", "kind": "commune", "parent_id": seeded_unit(HA_NOI), "valid_to": "2024-07-14"});
        t.admin.post("/v1/org-units", &late).await.faults(422, &[("/valid_to", "dates_inverted")]);
    }

    async fn a_code_is_taken_once(t: &T) {
        t.commune(seeded_unit(HA_NOI), "XD-1").await;
        t.admin.post("/v1/org-units", &commune(seeded_unit(DA_NANG), "XD-1")).await.problem(409, "code_already_used");
    }

    async fn a_unit_that_moved_takes_its_rights_along_at_once(t: &T) {
        let (mine, other) = (t.commune(seeded_unit(HA_NOI), "XD-1").await, seeded_unit(DA_NANG));
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        viewer.get(&format!("/v1/org-units/{mine}")).await.ok(200);
        let path = t.admin.get(&format!("/v1/org-units/{other}")).await.ok(200)["path"].as_str().unwrap().to_owned();
        t.sql(&format!("UPDATE org_unit SET path = '{path}999/' WHERE code = 'XD-1'")).await;
        viewer.get(&format!("/v1/org-units/{mine}")).await.problem(404, "not_found");
    }
}
