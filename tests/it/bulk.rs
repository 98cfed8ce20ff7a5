//! Many results in one call: each by itself, or all or none; sent again they count once.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, new_result, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

async fn figures(t: &T) -> (i64, i64) {
    let progress = t.stranger.get("/v1/public/progress").await.ok(200);
    (progress["reported"].as_i64().unwrap(), progress["verified"].as_i64().unwrap())
}

fn counts(outcome: &Value) -> (i64, i64, i64) {
    let count = |name: &str| outcome[name].as_i64().unwrap();
    (count("accepted"), count("duplicates"), count("rejected"))
}

fn codes(outcome: &Value) -> Vec<&str> {
    let outcomes = outcome["outcomes"].as_array().unwrap().iter();
    outcomes.map(|o| o["problem"]["code"].as_str().unwrap_or_else(|| o["status"].as_str().unwrap())).collect()
}

/// A team at work in a province, its leader, and bodies of results of its activity.
async fn scene(t: &T, unit: &str) -> (Caller, impl Fn(&str, i64) -> Value) {
    let (team, leader) = t.deployed_team(seeded_unit(unit)).await;
    let activity = t.activity(&leader, &team).await;
    let (activity, team) = (id_in(&activity, "id"), id_in(&team, "id"));
    let body = move |day: &str, turns: i64| {
        let mut body = new_result(activity, team, day, turns);
        body["id"] = json!(Uuid::now_v7());
        body
    };
    (leader, body)
}

both! {
    async fn each_is_taken_by_itself_and_a_repetition_counts_once(t: &T) {
        let (leader, body) = scene(t, HA_NOI).await;
        let (_, foreign) = scene(t, DA_NANG).await;
        let mut wrong = body("2024-07-04", 1);
        wrong["lines"][0]["turns"] = json!(0);
        let results = [
            body("2024-07-01", 10),
            body("2024-07-02", 20),
            body("2024-07-01", 30),
            wrong,
            foreign("2024-07-01", 40),
            body("2023-07-01", 50),
        ];
        let batch = json!({"results": results, "submit": true});
        let outcome = leader.post("/v1/results/bulk", &batch).await.ok(200);
        assert_eq!(codes(&outcome), ["accepted", "accepted", "result_exists", "out_of_range", "reference_not_found", "outside_campaign"]);
        assert_eq!(outcome["outcomes"][3]["problem"]["errors"][0]["pointer"], "/lines/0/turns");
        assert_eq!(figures(t).await, (30, 0));
        // Again, and mended: what failed before left nothing behind, not even its id.
        let mut results = results;
        results[2]["reported_on"] = json!("2024-07-03");
        let outcome = leader.post("/v1/results/bulk", &json!({"results": results, "submit": true})).await.ok(200);
        assert_eq!(codes(&outcome)[..3], ["duplicate", "duplicate", "accepted"]);
        assert_eq!(figures(t).await, (60, 0));
        let first = results[0].clone();
        assert_eq!(leader.post("/v1/results", &first).await.ok(200)["status"], "submitted", "the same as one by one");
        let mut other = first;
        other["lines"][0]["turns"] = json!(11);
        let outcome = leader.post("/v1/results/bulk", &json!({"results": [other]})).await.ok(200);
        assert_eq!(codes(&outcome), ["id_already_used"]);
    }

    async fn what_was_sent_as_a_draft_is_filed_when_it_is_sent_to_be_submitted(t: &T) {
        let (leader, body) = scene(t, HA_NOI).await;
        let results = [body("2024-07-01", 10), body("2024-07-02", 20), body("2024-07-03", 30)];
        let drafts = leader.post("/v1/results/bulk", &json!({"results": results})).await.ok(200);
        assert_eq!((codes(&drafts), figures(t).await), (vec!["accepted"; 3], (0, 0)));
        // One of them was changed since: what was sent is not what it says any more.
        let changed = format!("/v1/results/{}", results[1]["id"].as_str().unwrap());
        let lines = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 21}]});
        leader.patch(&changed, &lines).if_match("*").await.ok(200);
        let batch = json!({"results": results, "submit": true});
        let all_or_none = json!({"results": results, "submit": true, "atomic": true});
        let refused = leader.post("/v1/results/bulk", &all_or_none).await.problem(412, "stale_version");
        assert_eq!((&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]), (&json!("/results/1"), &json!("stale_version")));
        assert_eq!(figures(t).await, (0, 0));
        let twice = json!({"results": [results[0], results[1], results[2], results[0]], "submit": true});
        let outcome = leader.post("/v1/results/bulk", &twice).await.ok(200);
        assert_eq!(codes(&outcome), ["accepted", "stale_version", "accepted", "duplicate"]);
        assert_eq!(figures(t).await, (40, 0));
        let outcome = leader.post("/v1/results/bulk", &batch).await.ok(200);
        assert_eq!(codes(&outcome), ["duplicate", "stale_version", "duplicate"]);
        leader.act(&format!("{changed}/submit")).await.ok(200);
        let outcome = leader.post("/v1/results/bulk", &batch).await.ok(200);
        assert_eq!((codes(&outcome), figures(t).await), (vec!["duplicate"; 3], (61, 0)));
    }

    async fn all_or_none_names_all_that_is_wrong(t: &T) {
        let (leader, body) = scene(t, HA_NOI).await;
        let mut wrong = body("2024-07-04", 1);
        wrong["lines"][0]["turns"] = json!(0);
        let results = [body("2024-07-01", 10), wrong, body("2024-07-01", 30)];
        let batch = json!({"results": results, "submit": true, "atomic": true});
        let refused = leader.post("/v1/results/bulk", &batch).await;
        refused.faults(422, &[("/results/1/lines/0/turns", "out_of_range"), ("/results/2", "result_exists")]);
        assert_eq!(figures(t).await, (0, 0));
        assert_eq!(t.admin.get("/v1/results").await.ok(200)["data"], json!([]));
        let batch = json!({"results": [results[0]], "submit": true, "atomic": true});
        let dry = leader.post("/v1/results/bulk?dry_run=true", &batch).await.ok(200);
        assert_eq!((counts(&dry), figures(t).await), ((1, 0, 0), (0, 0)));
        leader.post("/v1/results/bulk", &batch).await.ok(200);
        assert_eq!(figures(t).await, (10, 0));
    }

    async fn a_verifier_verifies_what_they_have_seen_or_what_a_filter_finds(t: &T) {
        let (leader, body) = scene(t, HA_NOI).await;
        let (other, foreign) = scene(t, DA_NANG).await;
        let days = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04"];
        let results: Vec<_> = days.iter().map(|day| body(day, 10)).collect();
        leader.post("/v1/results/bulk", &json!({"results": results, "submit": true})).await.ok(200);
        let elsewhere = foreign("2024-07-06", 7);
        other.post("/v1/results/bulk", &json!({"results": [elsewhere], "submit": true})).await.ok(200);
        let verifier = t.user(Role::Verifier, seeded_unit(HA_NOI)).await;
        let seen = |result: &Value, version: i64| json!({"id": result["id"], "version": version});
        let named = [seen(&results[0], 2), seen(&results[1], 1), seen(&elsewhere, 2), seen(&results[0], 2)];
        let outcome = verifier.post("/v1/results/verify", &json!({"results": named})).await.ok(200);
        assert_eq!(codes(&outcome), ["accepted", "stale_version", "not_found", "duplicate"]);
        assert_eq!(figures(t).await, (47, 10));
        leader.post("/v1/results/verify", &json!({"results": [seen(&results[1], 2)]})).await.problem(403, "forbidden");
        let filter = json!({"filter": {"from": "2024-07-02", "to": "2024-07-03"}});
        assert_eq!(counts(&verifier.post("/v1/results/verify", &filter).await.ok(200)), (2, 0, 0));
        assert_eq!(counts(&verifier.post("/v1/results/verify", &json!({"filter": {}})).await.ok(200)), (1, 0, 0));
        assert_eq!(figures(t).await, (47, 40), "of the verifier's own province");
        assert_eq!(counts(&verifier.post("/v1/results/verify", &json!({"filter": {}})).await.ok(200)), (0, 0, 0));
        verifier.post("/v1/results/verify", &json!({})).await.faults(422, &[("/results", "required")]);
    }

    async fn nobody_verifies_their_own_and_what_is_marked_is_left_for_a_human_eye(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut activity = crate::harness::world::new_activity(id_in(&team, "id"));
        activity["planned_turns"] = json!(1);
        let activity = id_in(&leader.post("/v1/activities", &activity).await.ok(201), "id");
        let result = new_result(activity, id_in(&team, "id"), "2024-07-01", 10);
        t.admin.post("/v1/results/bulk", &json!({"results": [result], "submit": true})).await.ok(200);
        let all = json!({"filter": {"flagged": true}});
        let own = t.admin.post("/v1/results/verify", &all).await.ok(200);
        assert_eq!(codes(&own), ["verifier_is_submitter"]);
        let verifier = t.user(Role::Verifier, seeded_unit(HA_NOI)).await;
        let clean = new_result(activity, id_in(&team, "id"), "2024-07-02", 1);
        t.admin.post("/v1/results/bulk", &json!({"results": [clean], "submit": true})).await.ok(200);
        assert_eq!(counts(&verifier.post("/v1/results/verify", &json!({"filter": {}})).await.ok(200)), (1, 0, 0));
        assert_eq!(counts(&verifier.post("/v1/results/verify", &all).await.ok(200)), (1, 0, 0));
        assert_eq!(figures(t).await, (11, 11));
    }
}
