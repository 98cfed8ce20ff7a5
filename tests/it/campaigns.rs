//! Campaigns and indicators: they belong to the whole country, and what is counted holds them in place.

use crate::harness::{
    T, id_in,
    world::{HA_NOI, campaign, centre, indicator, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

fn summer_2026() -> Value {
    json!({
        "code": "HE-2026", "name": "Chiến dịch Hè 2026", "starts_on": "2026-06-01", "ends_on": "2026-08-31",
        "strands": [{"code": "mua_he_xanh", "kind": "drive", "name": "Mùa hè xanh"}], "modes": ["online", "regular"],
    })
}

both! {
    async fn the_campaign_of_summer_2024_is_there_with_its_indicator(t: &T) {
        let seeded = t.admin.get(&format!("/v1/campaigns/{}", campaign())).await.ok(200);
        assert_eq!(
            (&seeded["code"], &seeded["starts_on"], &seeded["ends_on"]),
            (&json!("HE-2024"), &json!("2024-06-01"), &json!("2024-08-31"))
        );
        assert_eq!((&seeded["status"], &seeded["time_zone"]), (&json!("open"), &json!("Asia/Ho_Chi_Minh")));
        let kinds: Vec<_> = seeded["strands"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["programme", "drive", "drive", "drive", "drive"]);
        assert_eq!(seeded["modes"].as_array().unwrap().len(), 5);
        let page = t.admin.get(&format!("/v1/indicators?campaign_id={}&number=7", campaign())).await.ok(200);
        let seven = &page["data"][0];
        assert_eq!(
            (&seven["id"], &seven["target_value"], &seven["measure"]),
            (&json!(indicator()), &json!(6_000_000), &json!("beneficiary_turns"))
        );
    }

    async fn a_campaign_goes_from_draft_to_open_to_closed_and_open_again(t: &T) {
        let made = t.admin.post("/v1/campaigns", &summer_2026()).await;
        let body = made.ok(201);
        assert_eq!((&body["status"], &body["allowed_actions"]), (&json!("draft"), &json!(["edit", "open"])));
        assert_eq!(body["time_zone"], "Asia/Ho_Chi_Minh");
        let path = format!("/v1/campaigns/{}", made.id());
        t.admin.act(&format!("{path}/close")).await.problem(409, "wrong_state");
        for (action, state) in [("open", "open"), ("close", "closed"), ("open", "open")] {
            let moved = t.admin.act(&format!("{path}/{action}")).await.ok(200);
            assert_eq!(moved["status"], state);
        }
        let again = t.admin.act(&format!("{path}/open")).await.problem(409, "wrong_state");
        assert_eq!(again["state"], "open");
        assert_eq!(t.admin.get(&path).await.ok(200)["version"], 4);
    }

    async fn a_campaign_is_changed_field_by_field(t: &T) {
        let made = t.admin.post("/v1/campaigns", &summer_2026()).await;
        let path = format!("/v1/campaigns/{}", made.id());
        let patch =
            json!({"theme": "Năm chuyển đổi số", "ends_on": "2026-09-15", "strands": [], "modes": ["in_place"]});
        let body = t.admin.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&body[field], value, "{field}");
        }
        let body = t.admin.patch(&path, &json!({"theme": null})).if_match("\"2\"").await.ok(200);
        assert_eq!((&body["theme"], &body["name"]), (&Value::Null, &json!("Chiến dịch Hè 2026")));
        t.admin
            .patch(&path, &json!({"status": "open"}))
            .if_match("\"3\"")
            .await
            .faults(422, &[("/status", "unknown_field")]);
        t.admin.patch(&path, &json!({"name": null})).if_match("\"3\"").await.faults(422, &[("/name", "wrong_type")]);
        t.admin
            .patch(&path, &json!({"starts_on": "2026-09-16"}))
            .if_match("\"3\"")
            .await
            .faults(422, &[("/ends_on", "dates_inverted")]);
    }

    async fn faults_of_a_campaign_are_told_all_at_once(t: &T) {
        let mut body = summer_2026();
        body["ends_on"] = json!("2026-05-31");
        t.admin.post("/v1/campaigns", &body).await.faults(422, &[("/ends_on", "dates_inverted")]);
        let mut body = summer_2026();
        body["strands"] = json!([body["strands"][0], body["strands"][0]]);
        body["modes"] = json!(["online", "regular", "online"]);
        t.admin
            .post("/v1/campaigns", &body)
            .await
            .faults(422, &[("/strands/1/code", "not_unique"), ("/modes/2", "not_unique")]);
        let mut body = summer_2026();
        body["strands"][0]["kind"] = json!("party");
        body["modes"] = json!(["by_night"]);
        body["code"] = json!("HÈ 2026");
        body["starts_on"] = json!("2026-02-30");
        body["time_zone"] = json!("Asia/Nowhere");
        let answer = t.admin.post("/v1/campaigns", &body).await;
        answer.faults(
            422,
            &[
                ("/code", "bad_format"),
                ("/modes/0", "not_allowed_value"),
                ("/starts_on", "bad_format"),
                ("/strands/0/kind", "not_allowed_value"),
            ],
        );
        let mut body = summer_2026();
        body["time_zone"] = json!("Asia/Nowhere");
        let answer = t.admin.post("/v1/campaigns", &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], "/time_zone");
    }

    async fn a_campaigns_code_and_an_indicators_number_are_taken_once(t: &T) {
        let mut body = summer_2026();
        body["code"] = json!("HE-2024");
        t.admin.post("/v1/campaigns", &body).await.problem(409, "code_already_used");
        let body = json!({"campaign_id": campaign(), "number": 7, "name": "Chỉ tiêu 7 nữa", "unit": "lượt", "measure": "beneficiary_turns", "target_value": 1});
        t.admin.post("/v1/indicators", &body).await.problem(409, "code_already_used");
    }

    async fn only_the_centre_writes_them_and_everybody_reads_them(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let national = t.user(Role::Administrator, centre()).await;
        let viewer = t.user(Role::Viewer, centre()).await;
        let made = national.post("/v1/campaigns", &summer_2026()).await.ok(201);
        let path = format!("/v1/campaigns/{}", id_in(&made, "id"));
        for (who, name) in [(&provincial, "provincial"), (&viewer, "viewer")] {
            assert_eq!(who.get(&path).await.ok(200)["allowed_actions"], json!([]), "{name}");
            who.post("/v1/campaigns", &summer_2026()).await.problem(403, "forbidden");
            who.patch(&path, &json!({"name": "x"})).if_match("*").await.problem(403, "forbidden");
            who.act(&format!("{path}/open")).await.problem(403, "forbidden");
            who.patch(&format!("/v1/indicators/{}", indicator()), &json!({"target_value": 1}))
                .if_match("*")
                .await
                .problem(403, "forbidden");
        }
        assert_eq!(national.get(&path).await.ok(200)["allowed_actions"], json!(["edit", "open"]));
    }

    async fn an_indicator_is_made_and_its_target_changed(t: &T) {
        let campaign = t.admin.post("/v1/campaigns", &summer_2026()).await.id();
        let body = json!({
            "campaign_id": campaign, "number": 1, "name": "An toàn mạng", "unit": "lượt", "measure": "beneficiary_turns",
            "target_value": 100, "counted_topics": ["cyber_safety"],
        });
        let made = t.admin.post("/v1/indicators", &body).await.ok(201);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&made[field], value, "{field}");
        }
        let path = format!("/v1/indicators/{}", id_in(&made, "id"));
        let changed = t.admin.patch(&path, &json!({"target_value": 250})).if_match("\"1\"").await.ok(200);
        assert_eq!((&changed["target_value"], &changed["version"]), (&json!(250), &json!(2)));
        t.admin
            .patch(&path, &json!({"measure": "classes"}))
            .if_match("\"2\"")
            .await
            .faults(422, &[("/measure", "unknown_field")]);
        t.admin
            .patch(&path, &json!({"target_value": -1}))
            .if_match("\"2\"")
            .await
            .faults(422, &[("/target_value", "out_of_range")]);

        let mut bad = body.clone();
        bad["campaign_id"] = json!(Uuid::now_v7());
        bad["counted_topics"] = json!(["cyber_safety", "cyber_safety"]);
        bad["number"] = json!(2);
        t.admin
            .post("/v1/indicators", &bad)
            .await
            .faults(422, &[("/campaign_id", "reference_not_found"), ("/counted_topics/1", "not_unique")]);
        t.admin.get(&format!("/v1/indicators/{}", Uuid::now_v7())).await.problem(404, "not_found");
        t.admin.get(&format!("/v1/campaigns/{}", Uuid::now_v7())).await.problem(404, "not_found");
    }

    async fn what_is_counted_holds_the_campaigns_days_and_its_indicators(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let path = format!("/v1/campaigns/{}", campaign());
        // A draft is not counted.
        let draft = t.draft(&leader, &activity, "2024-07-01", 10).await;
        t.admin.patch(&path, &json!({"theme": "Chưa có gì"})).if_match("\"1\"").await.ok(200);
        leader.act(&format!("/v1/results/{}/submit", id_in(&draft, "id"))).await.ok(200);
        let late = json!({"starts_on": "2024-07-02"});
        t.admin.patch(&path, &late).if_match("\"2\"").await.problem(409, "wrong_state");
        t.admin.patch(&path, &json!({"ends_on": "2024-07-01"})).if_match("\"2\"").await.ok(200);
        let body = json!({"campaign_id": campaign(), "name": "Muộn", "unit": "lượt", "measure": "beneficiary_turns", "target_value": 1});
        t.admin.post("/v1/indicators", &body).await.problem(409, "wrong_state");
    }

    async fn lists_filter_by_code_state_and_campaign(t: &T) {
        let made = t.admin.post("/v1/campaigns", &summer_2026()).await.ok(201);
        for (filter, expected) in [
            ("code=HE-2026".to_owned(), vec!["HE-2026"]),
            ("status=draft".to_owned(), vec!["HE-2026"]),
            ("status=open".to_owned(), vec!["HE-2024"]),
            ("status=closed".to_owned(), vec![]),
            ("sort=code".to_owned(), vec!["HE-2024", "HE-2026"]),
            ("sort=-code".to_owned(), vec!["HE-2026", "HE-2024"]),
            (format!("id={}", id_in(&made, "id")), vec!["HE-2026"]),
        ] {
            let page = t.admin.get(&format!("/v1/campaigns?{filter}")).await.ok(200);
            let codes: Vec<_> = page["data"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
            assert_eq!(codes, expected, "{filter}");
        }
        let other = t.admin.get(&format!("/v1/indicators?campaign_id={}", id_in(&made, "id"))).await.ok(200);
        assert_eq!(other["data"], json!([]));
    }
}
