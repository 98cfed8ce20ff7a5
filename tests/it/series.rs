//! Activities that recur: all occurrences or none, by a rule with an end, within the campaign.

use crate::harness::{
    Caller, T, id_in, value,
    world::{HA_NOI, new_activity, new_series, place, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// The activities of a series, in order of time.
async fn activities(by: &Caller, series: &Value) -> Vec<Value> {
    let path = format!("/v1/activities?series_id={}&limit=200&sort=created_at", id_in(series, "id"));
    by.get(&path).await.ok(200)["data"].as_array().unwrap().clone()
}

fn statuses(activities: &[Value]) -> Vec<&str> {
    activities.iter().map(|activity| activity["status"].as_str().unwrap()).collect()
}

async fn count(t: &T, table: &str) -> i64 {
    value(t.store.read(), &format!("SELECT count(*) FROM {table}")).await
}

both! {
    async fn a_class_every_evening_becomes_ordinary_activities(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_series(id_in(&team, "id"));
        body["recurrence"] = json!("RRULE:FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20240718");
        body["exdates"] = json!(["2024-07-11"]);
        body["venue"] = json!("Nhà văn hoá thôn 3");
        body["planned_turns"] = json!(40);
        let answer = leader.post("/v1/activity-series", &body).await;
        let made = answer.ok(201);
        assert_eq!(answer.header("location"), Some(format!("/v1/activity-series/{}", answer.id()).as_str()));
        assert_eq!(made["recurrence"], "FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20240718");
        assert_eq!((&made["occurrence_count"], &made["cancelled_count"]), (&json!(5), &json!(0)));
        assert_eq!((&made["starts_at"], &made["ends_at"]), (&json!("2024-07-01T12:00:00Z"), &json!("2024-07-18T14:00:00Z")));
        assert_eq!((&made["time_zone"], &made["allowed_actions"]), (&json!("Asia/Ho_Chi_Minh"), &json!(["cancel"])));
        assert_eq!(leader.get(&format!("/v1/activity-series/{}", answer.id())).await.ok(200), made);

        let all = activities(&leader, &made).await;
        let days: Vec<_> = all.iter().map(|a| a["starts_at"].as_str().unwrap().split_once('T').unwrap().0).collect();
        assert_eq!(days, ["2024-07-01", "2024-07-04", "2024-07-08", "2024-07-15", "2024-07-18"]);
        for (activity, planned) in all.iter().zip(made["occurrences"].as_array().unwrap()) {
            assert_eq!(activity["id"], planned["activity_id"]);
            assert_eq!((&activity["starts_at"], &activity["ends_at"]), (&planned["starts_at"], &planned["ends_at"]));
            assert!(activity["ends_at"].as_str().unwrap().ends_with("T14:00:00Z"));
            assert_eq!((&activity["series_id"], &activity["status"]), (&made["id"], &json!("planned")));
            for field in ["title", "venue", "planned_turns", "topics", "team_ids", "locality_id", "kind"] {
                assert_eq!(activity[field], body[field], "{field}");
            }
        }
        // Each is reported to like any other, and counts.
        t.submitted(&leader, &all[0], "2024-07-01", 7).await;
        assert_eq!(statuses(&activities(&leader, &made).await)[0], "ongoing");
        let listed = leader.get(&format!("/v1/activity-series?lead_team_id={}", id_in(&team, "id"))).await.ok(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        assert!(listed["data"][0].get("occurrences").is_none());
        // What isn't of a series says so.
        let single = t.activity(&leader, &team).await;
        assert_eq!(single["series_id"], Value::Null);
    }

    async fn a_rule_that_gives_no_sound_occurrences_makes_none_and_says_what_to_do(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let body = new_series(id_in(&team, "id"));
        let (series, activities) = (count(t, "activity_series").await, count(t, "activity").await);
        for (rule, expected) in [
            ("FREQ=DAILY", ("/recurrence", "required")),
            ("FREQ=DAILY;COUNT=2;UNTIL=20240705", ("/recurrence", "bad_format")),
            ("every evening", ("/recurrence", "bad_format")),
            ("FREQ=HOURLY;COUNT=2", ("/recurrence", "not_allowed_value")),
            ("FREQ=DAILY;COUNT=2;BYHOUR=8", ("/recurrence", "not_allowed_value")),
            ("FREQ=DAILY;COUNT=367", ("/recurrence", "too_many")),
            ("FREQ=DAILY;COUNT=63", ("/recurrence", "outside_campaign")),
            ("FREQ=DAILY;UNTIL=20240901", ("/recurrence", "outside_campaign")),
            ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", ("/starts_at", "not_allowed_value")),
            ("FREQ=DAILY;COUNT=2\r\nDTSTART:20240701T120000Z", ("/recurrence", "bad_format")),
        ] {
            let mut body = body.clone();
            body["recurrence"] = json!(rule);
            let problem = leader.post("/v1/activity-series", &body).header("accept-language", "en").await.faults(422, &[expected]);
            let message = problem["errors"][0]["message"].as_str().unwrap();
            assert!(!message.is_empty(), "{rule}");
            if expected.1 == "outside_campaign" {
                assert!(message.contains("2024-09-01") && message.contains("COUNT"), "{message}");
            }
        }
        let mut days = body.clone();
        days["exdates"] = json!(["2024-07-02", "2024-07-09"]);
        leader.post("/v1/activity-series", &days).await.faults(422, &[("/exdates/1", "not_allowed_value")]);
        days["exdates"] = json!(["2024-07-01", "2024-07-02", "2024-07-03"]);
        leader.post("/v1/activity-series", &days).await.faults(422, &[("/recurrence", "too_few")]);
        // Of the activity's own fields and of the rule, all at once.
        let mut several = body.clone();
        several["topics"] = json!(["it_contest"]);
        several["locality_id"] = json!(Uuid::now_v7());
        several["recurrence"] = json!("FREQ=DAILY");
        leader.post("/v1/activity-series", &several).await.faults(
            422,
            &[("/topics/0", "topic_not_of_kind"), ("/locality_id", "reference_not_found"), ("/recurrence", "required")],
        );
        let mut inverted = body.clone();
        inverted["ends_at"] = json!("2024-07-01T11:00:00Z");
        leader.post("/v1/activity-series", &inverted).await.faults(422, &[("/ends_at", "dates_inverted")]);
        leader.post("/v1/activity-series", &json!({"rule": "x"})).await.problem(422, "validation_failed");
        assert_eq!((count(t, "activity_series").await, count(t, "activity").await), (series, activities));
        // The longest that fits is made.
        let mut long = body.clone();
        long["recurrence"] = json!("FREQ=DAILY;UNTIL=20240831");
        assert_eq!(leader.post("/v1/activity-series", &long).await.ok(201)["occurrence_count"], 62);
    }

    async fn a_place_that_ends_within_the_series_is_told(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let ends = "UPDATE locality SET valid_to = '2024-07-03' WHERE id = ";
        let id = place("00001");
        let quoted = if t.store.engine() == "sqlite" { format!("x'{}'", id.simple()) } else { format!("'{id}'") };
        t.sql(&format!("{ends}{quoted}")).await;
        let mut body = new_series(id_in(&team, "id"));
        body["recurrence"] = json!("FREQ=DAILY;COUNT=10");
        leader.post("/v1/activity-series", &body).await.faults(422, &[("/locality_id", "locality_not_valid")]);
    }

    async fn a_retry_makes_nothing_twice_and_a_rehearsal_shows_the_occurrences(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_series(id_in(&team, "id"));
        let shown = leader.post("/v1/activity-series?dry_run=true", &body).await;
        assert_eq!(shown.header("dry-run"), Some("true"));
        assert_eq!(shown.ok(201)["occurrences"].as_array().unwrap().len(), 3);
        assert_eq!((count(t, "activity_series").await, count(t, "activity").await), (0, 0));

        body["id"] = json!(Uuid::now_v7());
        let made = leader.post("/v1/activity-series", &body).await.ok(201);
        assert_eq!(leader.post("/v1/activity-series", &body).await.ok(200), made);
        body["title"] = json!("Lớp khác");
        leader.post("/v1/activity-series", &body).await.problem(409, "id_already_used");
        let keyed = new_series(id_in(&team, "id"));
        let first = leader.post("/v1/activity-series", &keyed).key("k-1").await;
        let again = leader.post("/v1/activity-series", &keyed).key("k-1").await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(first.ok(201), again.ok(201));
        assert_eq!((count(t, "activity_series").await, count(t, "activity").await), (2, 6));
    }

    async fn cancelling_a_series_gives_up_what_is_still_planned(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_series(id_in(&team, "id"));
        body["recurrence"] = json!("FREQ=DAILY;COUNT=6");
        let made = leader.post("/v1/activity-series", &body).await.ok(201);
        let all = activities(&leader, &made).await;
        t.submitted(&leader, &all[0], "2024-07-01", 5).await;
        leader.act(&format!("/v1/activities/{}/complete", id_in(&all[1], "id"))).await.ok(200);
        let path = format!("/v1/activity-series/{}/cancel", id_in(&made, "id"));
        leader.post(&path, &json!({"reason": "Mưa bão"})).await.problem(428, "if_match_required");
        leader.post(&path, &json!({})).if_match("\"1\"").await.faults(422, &[("/reason", "required")]);

        let later = json!({"reason": "Mưa bão", "from": "2024-07-05"});
        let changed = leader.post(&path, &later).if_match("\"1\"").await.ok(200);
        assert_eq!(
            (&changed["cancelled_count"], &changed["cancel_reason"], &changed["version"]),
            (&json!(2), &json!("Mưa bão"), &json!(2))
        );
        let expected = ["ongoing", "completed", "planned", "planned", "cancelled", "cancelled"];
        assert_eq!(statuses(&activities(&leader, &made).await), expected);
        leader.post(&path, &later).if_match("\"1\"").await.problem(412, "stale_version");
        leader.post(&path, &later).if_match("\"2\"").await.problem(409, "wrong_state");

        let rest = leader.post(&path, &json!({"reason": "Hết kinh phí"})).if_match("\"2\"").await.ok(200);
        assert_eq!((&rest["cancelled_count"], &rest["cancel_reason"]), (&json!(4), &json!("Hết kinh phí")));
        let after = activities(&leader, &made).await;
        assert_eq!(statuses(&after), ["ongoing", "completed", "cancelled", "cancelled", "cancelled", "cancelled"]);
        assert_eq!((&after[5]["version"], &after[2]["version"]), (&json!(2), &json!(2)));
        // Each of them stands in the audit log, with the series.
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", id_in(&after[5], "id"))).await.ok(200);
        assert_eq!(log["data"][0]["action"], "cancel_activity_series");
        // What was counted stays counted, and a cancelled one takes nothing.
        let late = crate::harness::world::new_result(id_in(&after[5], "id"), id_in(&team, "id"), "2024-07-01", 1);
        leader.post("/v1/results", &late).await.problem(409, "activity_cancelled");
    }

    async fn a_series_is_changed_by_who_answers_for_its_team_only(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let made = leader.post("/v1/activity-series", &new_series(id_in(&team, "id"))).await.ok(201);
        let path = format!("/v1/activity-series/{}", id_in(&made, "id"));
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let shown = viewer.get(&path).await.ok(200);
        assert_eq!(shown["allowed_actions"], json!([]));
        let cancel = json!({"reason": "x"});
        viewer.post(&format!("{path}/cancel"), &cancel).if_match("*").await.problem(403, "forbidden");
        let (other_team, other) = t.deployed_team(seeded_unit(HA_NOI)).await;
        other.get(&path).await.problem(404, "not_found");
        other.post(&format!("{path}/cancel"), &cancel).if_match("*").await.problem(404, "not_found");
        other.post("/v1/activity-series", &new_series(id_in(&team, "id"))).await.problem(422, "reference_not_found");
        // A joint series: the other team sees its own activities of it.
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let mut joint = new_series(id_in(&team, "id"));
        joint["team_ids"] = json!([team["id"], other_team["id"]]);
        let joint = coordinator.post("/v1/activity-series", &joint).await.ok(201);
        assert_eq!(activities(&other, &joint).await.len(), 3);
    }

    async fn a_cancelled_series_and_a_report_at_once_never_leave_a_report_to_a_cancelled_activity(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for _ in 0..5 {
            let made = leader.post("/v1/activity-series", &new_series(id_in(&team, "id"))).await.ok(201);
            let all = activities(&leader, &made).await;
            let result = crate::harness::world::new_result(id_in(&all[0], "id"), id_in(&team, "id"), "2024-07-01", 3);
            let path = format!("/v1/activity-series/{}/cancel", id_in(&made, "id"));
            let body = json!({"reason": "Mưa bão"});
            let (reported, cancelled) = futures_util::join!(
                leader.post("/v1/results", &result).into_future(),
                leader.post(&path, &body).if_match("*").into_future()
            );
            let cancelled = cancelled.ok(200);
            let status = activities(&leader, &made).await[0]["status"].clone();
            match reported.status {
                201 => assert_eq!((status, &cancelled["cancelled_count"]), (json!("ongoing"), &json!(2))),
                _ => {
                    reported.problem(409, "activity_cancelled");
                    assert_eq!((status, &cancelled["cancelled_count"]), (json!("cancelled"), &json!(3)));
                }
            }
        }
        // An activity beside it is not touched.
        leader.post("/v1/activities", &new_activity(id_in(&team, "id"))).await.ok(201);
    }
}
