//! Who is behind, how campaigns compare, and the figure by reporting period.

use crate::{
    harness::{
        T, id_in,
        world::{DA_NANG, HA_NOI, campaign, centre, indicator, new_activity, new_result, new_team, seeded_unit},
    },
    progress::groups,
};
use actix_web::http::Method;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

async fn target(t: &T, unit: Uuid, value: i64) {
    let path = format!("/v1/indicators/{}/targets/{unit}", indicator());
    t.admin.send(Method::PUT, &path).json(&json!({"value": value})).await.ok(201);
}

/// What a unit's team submits on days of July.
async fn reported(t: &T, unit: Uuid, days: &[(u32, i64)]) {
    let (team, leader) = t.deployed_team(unit).await;
    let activity = t.activity(&leader, &team).await;
    for (day, turns) in days {
        t.submitted(&leader, &activity, &format!("2024-07-{day:02}"), *turns).await;
    }
}

fn counts(of: &Value) -> [i64; 6] {
    ["units", "without_target", "reached", "on_course", "at_risk", "out_of_reach"]
        .map(|name| of[name].as_i64().unwrap())
}

fn codes(of: &Value) -> Vec<(&str, &str)> {
    let units = of["data"].as_array().unwrap().iter();
    units.map(|unit| (unit["org_unit"]["code"].as_str().unwrap(), unit["outlook"].as_str().unwrap())).collect()
}

both! {
    async fn the_units_that_would_miss_their_targets_are_listed_the_worst_first(t: &T) {
        // The tests' day is 15 July; 47 days are left after it.
        let ward = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        let each: Vec<_> = (9..=15).map(|day| (day, 10)).collect();
        reported(t, ward, &each).await;
        let alternating: Vec<_> = (9..=15).step_by(2).map(|day| (day, 20)).collect();
        reported(t, seeded_unit(DA_NANG), &alternating).await;
        reported(t, seeded_unit("TD-79"), &[(14, 4)]).await;
        reported(t, seeded_unit("TD-31"), &each).await;
        for (code, value) in [(HA_NOI, 541), (DA_NANG, 700), ("TD-79", 3), ("TD-31", 540), ("TD-92", 100)] {
            target(t, seeded_unit(code), value).await;
        }
        target(t, ward, 1_000).await;

        let whole = t.admin.get("/v1/progress/at-risk").await.ok(200);
        let all = t.admin.get("/v1/progress").await.ok(200)["completeness"]["units_expected"].as_i64().unwrap();
        assert_eq!(counts(&whole), [all, all - 5, 1, 1, 1, 2]);
        assert_eq!(codes(&whole), [("TD-92", "out_of_reach"), (DA_NANG, "at_risk"), (HA_NOI, "out_of_reach")]);
        let [none, da_nang, ha_noi] = [0, 1, 2].map(|at| &whole["data"][at]);
        assert_eq!((&none["reported"], &none["shortfall"], &none["percent"]), (&json!(0), &json!(100), &json!(0.0)));
        // Eleven a day for 47 days beside the 80 that are there.
        assert_eq!((&da_nang["pace"]["forecast_total"], &da_nang["shortfall"]), (&json!(597), &json!(103)));
        assert_eq!((&da_nang["forecast_percent"], &da_nang["percent"]), (&json!(85.29), &json!(11.43)));
        assert_eq!((&ha_noi["reported"], &ha_noi["pace"]["forecast_high"], &ha_noi["shortfall"]), (&json!(70), &json!(540), &json!(1)));

        // What it says of a unit is what the unit's own progress says.
        let own = t.admin.get(&format!("/v1/progress?org_unit_id={}", seeded_unit(DA_NANG))).await.ok(200);
        assert_eq!((&own["pace"], &own["reported"]), (&da_nang["pace"], &da_nang["reported"]));

        let communes = t.admin.get("/v1/progress/at-risk?kind=commune").await.ok(200);
        assert_eq!((counts(&communes), codes(&communes)), ([1, 0, 0, 0, 0, 1], vec![("XD-1", "out_of_reach")]));
        let provinces = t.admin.get("/v1/progress/at-risk?kind=province").await.ok(200);
        assert_eq!((provinces["units"].as_i64(), codes(&provinces)), (Some(63), codes(&whole)));
        // Before the week, nothing was there to go by.
        let before = t.admin.get("/v1/progress/at-risk?as_of=2024-05-31T03:00:00Z").await.ok(200);
        assert_eq!(counts(&before)[2..], [0, 0, 0, 0], "targets were set later: {before}");

        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let below = viewer.get("/v1/progress/at-risk").await.ok(200);
        assert_eq!((&below["org_unit"]["code"], codes(&below)), (&json!(HA_NOI), vec![("XD-1", "out_of_reach")]));
        viewer.get(&format!("/v1/progress/at-risk?org_unit_id={}", seeded_unit(DA_NANG))).await.problem(404, "not_found");
        t.admin.get("/v1/progress/at-risk?kind=village").await.faults(400, &[("kind", "not_allowed_value")]);
    }

    async fn campaigns_are_compared_as_a_whole_and_by_the_same_day(t: &T) {
        let ha_noi = seeded_unit(HA_NOI);
        let of_teams = json!({"campaign_id": campaign(), "number": 99, "name": "Đội", "unit": "đội", "measure": "teams", "target_value": 4});
        t.admin.post("/v1/indicators", &of_teams).await.ok(201);
        reported(t, ha_noi, &[(1, 30), (15, 12)]).await;
        let spring = json!({
            "code": "XUAN-2024", "name": "Xuân 2024", "starts_on": "2024-02-01", "ends_on": "2024-03-31", "strands": [], "modes": [],
        });
        let spring = t.admin.post("/v1/campaigns", &spring).await.ok(201);
        let spring = id_in(&spring, "id");
        let counted = json!({
            "campaign_id": spring, "number": 1, "name": "Lượt hỗ trợ", "unit": "lượt", "measure": "beneficiary_turns", "target_value": 200,
        });
        t.admin.post("/v1/indicators", &counted).await.ok(201);
        let draft = t.admin.get("/v1/progress/campaigns").await.ok(200);
        assert_eq!(draft["data"].as_array().unwrap().len(), 1, "a draft is nothing to compare with");
        t.admin.act(&format!("/v1/campaigns/{spring}/open")).await.ok(200);
        let mut body = new_team(seeded_unit(DA_NANG));
        for (field, value) in [("campaign_id", json!(spring)), ("starts_on", json!("2024-02-01")), ("ends_on", json!("2024-03-31"))] {
            body[field] = value;
        }
        let team = t.admin.post("/v1/teams", &body).await.ok(201);
        let leader = t.leader(&team).await;
        for action in ["ready", "deploy"] {
            t.admin.act(&format!("/v1/teams/{}/{action}", id_in(&team, "id"))).await.ok(200);
        }
        let mut body = new_activity(id_in(&team, "id"));
        for (field, value) in [
            ("campaign_id", json!(spring)), ("starts_at", json!("2024-02-01T01:00:00Z")), ("ends_at", json!("2024-03-30T04:00:00Z")),
        ] {
            body[field] = value;
        }
        let activity = leader.post("/v1/activities", &body).await.ok(201);
        // Its 45th day was 16 March.
        for (day, turns) in [("2024-02-10", 50), ("2024-03-16", 40), ("2024-03-17", 20)] {
            let body = new_result(id_in(&activity, "id"), id_in(&team, "id"), day, turns);
            let draft = leader.post("/v1/results", &body).await.ok(201);
            leader.act(&format!("/v1/results/{}/submit", id_in(&draft, "id"))).await.ok(200);
        }

        let asked = async |query: &str| t.admin.get(&format!("/v1/progress/campaigns{query}")).await.ok(200);
        let told = |answer: &Value| -> Vec<Value> {
            let of = |one: &Value| json!([one["campaign"]["code"], one["reported"], one["by_day"]["date"], one["by_day"]["reported"], one["by_day"]["percent"]]);
            answer["data"].as_array().unwrap().iter().map(of).collect()
        };
        let both = asked("").await;
        assert_eq!((&both["day"], &both["measure"]), (&json!(45), &json!("beneficiary_turns")));
        assert_eq!(
            told(&both),
            [json!(["XUAN-2024", 110, "2024-03-16", 90, 45.0]), json!(["HE-2024", 42, "2024-07-15", 42, 0.0])]
        );
        assert_eq!((&both["data"][0]["percent"], &both["data"][1]["target"]), (&json!(55.0), &json!(6_000_000)));
        let late = asked("?day=90").await;
        assert_eq!(
            told(&late),
            [json!(["XUAN-2024", 110, "2024-03-31", 110, 55.0]), json!(["HE-2024", 42, "2024-08-29", 42, 0.0])]
        );
        let of_unit = asked(&format!("?org_unit_id={ha_noi}&day=31")).await;
        assert_eq!(
            told(&of_unit),
            [json!(["XUAN-2024", 0, "2024-03-02", 0, null]), json!(["HE-2024", 42, "2024-07-01", 30, null])]
        );
        // Teams are counted as they are, on their first days.
        assert_eq!(told(&asked("?measure=teams").await), [json!(["HE-2024", 1, "2024-07-15", 1, 25.0])]);
        assert_eq!(told(&asked("?measure=news_items").await), Vec::<Value>::new());
        t.admin.get("/v1/progress/campaigns?day=0").await.faults(400, &[("day", "out_of_range")]);
    }

    async fn the_figure_is_told_by_reporting_period(t: &T) {
        let ha_noi = seeded_unit(HA_NOI);
        reported(t, ha_noi, &[(1, 30), (7, 5), (8, 12), (15, 2)]).await;
        let none = t.admin.get("/v1/progress?group_by=period").await.ok(200);
        assert_eq!(groups(&none, "groups"), [("outside".to_owned(), (49, 0))].into());
        let week = t.week_27().await;
        t.week(28).await;
        let round = json!({
            "campaign_id": campaign(), "code": "DOT-1", "name": "Đợt 1", "starts_on": "2024-06-01", "ends_on": "2024-07-07", "due_on": "2024-07-10",
        });
        t.admin.post("/v1/reporting-periods", &round).await.ok(201);
        let of = |figures: &[(&str, i64)]| figures.iter().map(|(key, n)| ((*key).to_owned(), (*n, 0))).collect();
        let by_week = t.admin.get("/v1/progress?group_by=period").await.ok(200);
        assert_eq!(groups(&by_week, "groups"), of(&[("2024-W27", 35), ("2024-W28", 12), ("outside", 2)]));
        assert_eq!((&by_week["groups"][0]["id"], &by_week["groups"][0]["name"]), (&json!(week), &json!("Bản tin tuần 27")));
        let by_round = t.admin.get("/v1/progress?group_by=period&series=round").await.ok(200);
        assert_eq!(groups(&by_round, "groups"), of(&[("DOT-1", 35), ("outside", 14)]));
        let narrowed = t.admin.get(&format!("/v1/progress?group_by=period&org_unit_id={}", centre())).await.ok(200);
        assert_eq!(groups(&narrowed, "groups"), groups(&by_week, "groups"));
        let elsewhere = t.admin.get(&format!("/v1/progress?group_by=period&org_unit_id={}", seeded_unit(DA_NANG))).await.ok(200);
        let codes: Vec<_> = elsewhere["groups"].as_array().unwrap().iter().map(|group| &group["key"]).collect();
        assert_eq!(codes, ["2024-W27", "2024-W28"], "periods without reports are told too");
        t.admin.get("/v1/progress?group_by=period&series=month").await.faults(400, &[("series", "reference_not_found")]);
        t.admin.get("/v1/progress?series=week").await.faults(400, &[("series", "not_allowed_value")]);
        // A period that is renamed is told by its new name at once.
        t.admin.patch(&format!("/v1/reporting-periods/{week}"), &json!({"name": "Tuần 27"})).if_match("*").await.ok(200);
        let renamed = t.admin.get("/v1/progress?group_by=period").await.ok(200);
        assert_eq!(renamed["groups"][0]["name"], "Tuần 27");
    }
}
