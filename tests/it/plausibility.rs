//! Figures that want a second look: taken, marked, and explained with their numbers.

use crate::harness::{
    Caller, T, id_in,
    world::{HA_NOI, new_activity, new_result, seeded_unit},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A team at work, its leader, and an activity with these fields beside the usual ones.
async fn scene(t: &T, fields: Value) -> (Caller, Value) {
    let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
    let mut body = new_activity(id_in(&team, "id"));
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let activity = leader.post("/v1/activities", &body).await.ok(201);
    (leader, activity)
}

fn path(result: &Value) -> String {
    format!("/v1/results/{}", id_in(result, "id"))
}

async fn filed(t: &T, by: &Caller, activity: &Value, day: &str, turns: i64) -> Value {
    t.submitted(by, activity, day, turns).await
}

both! {
    async fn more_than_three_times_the_plan_is_taken_and_explained_with_its_numbers(t: &T) {
        let (leader, activity) = scene(t, json!({"planned_turns": 40})).await;
        let plain = filed(t, &leader, &activity, "2024-07-01", 120).await;
        assert_eq!((&plain["flags"], &plain["review"]), (&json!([]), &json!([])));
        let draft = t.draft(&leader, &activity, "2024-07-02", 121).await;
        assert_eq!(draft["flags"], json!(["needs_review", "over_planned_turns"]), "the author learns of it at once");
        let result = leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        let note = |message: &str| json!([{"flag": "over_planned_turns", "message": message}]);
        assert_eq!(result["review"], note("Vượt 3 lần số lượt dự kiến: 121 so với 40."));
        let english = leader.get(&path(&result)).header("accept-language", "en").await.ok(200);
        assert_eq!(english["review"], note("More than 3 times the planned turns: 121 against 40."));
        // The plan is another one by now; the mark says by which numbers it was made.
        let at = format!("/v1/activities/{}", id_in(&activity, "id"));
        leader.patch(&at, &json!({"planned_turns": 500})).if_match("*").await.ok(200);
        assert_eq!(leader.get(&path(&result)).await.ok(200)["review"], result["review"]);
        let queue = t.admin.get("/v1/results?flag=needs_review&status=submitted").await.ok(200);
        let queue: Vec<_> = queue["data"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect();
        assert_eq!(queue, [result["id"].clone()]);
        assert_eq!(t.check().await.totals.values().next().unwrap().reported.0, 241, "a true figure is never refused");
    }

    async fn more_turns_on_a_topic_than_the_venue_holds_are_marked(t: &T) {
        let (leader, activity) = scene(t, json!({"venue_capacity": 50})).await;
        assert_eq!(activity["venue_capacity"], 50);
        let lines = |a: i64, b: i64| json!([
            {"topic": "cyber_safety", "audience": "children", "sex": "female", "turns": a},
            {"topic": "cyber_safety", "audience": "children", "sex": "male", "turns": a},
            {"topic": "office_software", "audience": "children", "turns": b},
        ]);
        let mut body = new_result(id_in(&activity, "id"), id_in(&activity, "lead_team_id"), "2024-07-01", 1);
        // A person in the room may be supported on both topics.
        body["lines"] = lines(25, 50);
        assert_eq!(leader.post("/v1/results", &body).await.ok(201)["flags"], json!([]));
        body["lines"] = lines(26, 50);
        body["reported_on"] = json!("2024-07-02");
        let marked = leader.post("/v1/results", &body).await.ok(201);
        assert_eq!(marked["flags"], json!(["needs_review", "over_venue_capacity"]));
        let message = marked["review"][0]["message"].as_str().unwrap();
        assert!(message.contains("52 lượt") && message.contains("50 người"), "{message}");
        // The capacity is corrected, and the result is stated again.
        let at = format!("/v1/activities/{}", id_in(&activity, "id"));
        leader.patch(&at, &json!({"venue_capacity": null})).if_match("*").await.ok(200);
        let mended = leader.patch(&path(&marked), &json!({"lines": lines(26, 50)})).if_match("*").await.ok(200);
        assert_eq!((&mended["flags"], &mended["review"]), (&json!([]), &json!([])));
        for wrong in [json!(0), json!(-1), json!(1_000_001)] {
            leader.patch(&at, &json!({"venue_capacity": wrong})).if_match("*").await.faults(422, &[("/venue_capacity", "out_of_range")]);
        }
    }

    async fn a_figure_far_from_the_teams_own_is_marked_from_the_ninth_on(t: &T) {
        let (leader, activity) = scene(t, json!({})).await;
        let usual = [20, 22, 24, 26, 28, 30, 32];
        for (day, turns) in (1..).zip(usual) {
            let result = filed(t, &leader, &activity, &format!("2024-07-0{day}"), turns).await;
            assert_eq!(result["flags"], json!([]));
        }
        // Seven say nothing yet.
        let early = filed(t, &leader, &activity, "2024-07-08", 400).await;
        assert_eq!(early["flags"], json!([]));
        t.admin.post(&format!("{}/return", path(&early)), &json!({"reason": "Sai số"})).if_match("*").await.ok(200);
        filed(t, &leader, &activity, "2024-07-09", 34).await;
        // Far above, far below; what is like the others is not marked, and another team's history is none.
        let above = filed(t, &leader, &activity, "2024-07-10", 400).await;
        assert_eq!(above["flags"], json!(["needs_review", "unlike_own_history"]));
        let message = above["review"][0]["message"].as_str().unwrap();
        assert!(message.contains("400 lượt") && message.contains("của 8 kết quả gần đây là 27"), "{message}");
        assert_eq!(filed(t, &leader, &activity, "2024-07-11", 1).await["flags"], json!(["needs_review", "unlike_own_history"]));
        assert_eq!(filed(t, &leader, &activity, "2024-07-12", 36).await["flags"], json!([]));
        let (other, elsewhere) = scene(t, json!({})).await;
        assert_eq!(filed(t, &other, &elsewhere, "2024-07-13", 400).await["flags"], json!([]));
        // Amended to what is usual the mark goes: its own figure of before is no part of its history.
        let body = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 40}], "reason": "Gõ thừa số 0"});
        let amended = leader.post(&format!("{}/amend", path(&above)), &body).if_match("*").await.ok(200);
        assert_eq!((&amended["flags"], &amended["review"]), (&json!([]), &json!([])));
    }

    async fn the_latest_sixty_of_each_of_many_teams_are_fetched_at_once(t: &T) {
        use tinhnguyen_persistence::results::history;
        let (leader, activity) = scene(t, json!({})).await;
        let (other, elsewhere) = scene(t, json!({})).await;
        let team = |activity: &Value| id_in(activity, "lead_team_id");
        let mut batch = Vec::new();
        for n in 0..62 {
            let mut one = activity.clone();
            if n >= 40 {
                one = leader.post("/v1/activities", &new_activity(team(&activity))).await.ok(201);
            }
            let day = chrono::NaiveDate::from_ymd_opt(2024, 6, 1).unwrap() + chrono::Days::new(n % 40);
            batch.push(new_result(id_in(&one, "id"), team(&activity), &day.to_string(), 1 + i64::try_from(n).unwrap()));
        }
        for results in batch.chunks(31) {
            leader.post("/v1/results/bulk", &json!({"results": results, "submit": true})).await.ok(200);
            t.clock.set(crate::harness::now() + chrono::TimeDelta::minutes(1));
        }
        filed(t, &other.clone().with_a_new_token(), &elsewhere, "2024-07-01", 7).await;
        t.draft(&other.with_a_new_token(), &elsewhere, "2024-07-02", 9).await;
        let teams = [team(&activity), team(&elsewhere), Uuid::now_v7()];
        let past = history(t.store.read(), &teams, None).await.unwrap();
        assert_eq!(past.len(), 2);
        assert_eq!(past[&team(&elsewhere)], [7], "a draft is no history");
        let turns = &past[&team(&activity)];
        assert_eq!(turns.len(), 60);
        assert!((32..=62).all(|latest| turns.contains(&latest)), "{turns:?}");
        let own = leader.get(&format!("/v1/results?team_id={}&limit=1", teams[1])).await;
        assert_eq!(own.ok(200)["data"], json!([]), "out of sight");
        let filed = t.admin.get(&format!("/v1/results?team_id={}&status=submitted", teams[1])).await.ok(200);
        let except = Some(id_in(&filed["data"][0], "id"));
        assert_eq!(history(t.store.read(), &teams[1..], except).await.unwrap().len(), 0, "it is no part of its own history");
    }
}
