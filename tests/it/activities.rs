//! Activities: held by teams, in a place that existed on that day, about topics of their kind.

use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, campaign, new_activity, place, place_since_2025, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

fn ids(page: &Value) -> Vec<Uuid> {
    let mut ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|item| id_in(item, "id")).collect();
    ids.sort_unstable();
    ids
}

both! {
    async fn an_activity_is_made_by_the_teams_leader_read_and_changed(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["venue"] = json!("Nhà văn hoá thôn 3");
        body["location"] = json!({"lat": 21.04, "lon": 105.84});
        body["planned_turns"] = json!(40);
        let answer = leader.post("/v1/activities", &body).await;
        let made = answer.ok(201);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&made[field], value, "{field}");
        }
        assert_eq!(made["status"], "planned");
        assert_eq!(made["allowed_actions"], json!(["start", "complete", "cancel", "edit", "report"]));
        let path = format!("/v1/activities/{}", answer.id());
        assert_eq!(leader.get(&path).await.ok(200), made);
        let patch = json!({
            "title": "Lớp kỹ năng số, buổi 2", "venue": null, "location": null, "planned_turns": null, "mode": "online",
            "topics": ["other"], "locality_id": place("00004"), "starts_at": "2024-07-02T01:00:00Z", "ends_at": "2024-07-02T02:00:00Z",
        });
        let changed = leader.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        assert_eq!(leader.get(&path).await.ok(200), changed);
    }

    async fn only_lead_team_place_kind_topics_title_and_times_are_needed(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let full = new_activity(id_in(&team, "id"));
        let mut body = full.clone();
        for field in ["campaign_id", "team_ids", "mode"] {
            body.as_object_mut().unwrap().remove(field);
        }
        let made = leader.post("/v1/activities", &body).await.ok(201);
        assert_eq!(
            (&made["campaign_id"], &made["team_ids"], &made["mode"]),
            (&full["campaign_id"], &full["team_ids"], &json!("in_person"))
        );
        leader.post("/v1/activities", &json!({})).await.faults(
            422,
            &[
                ("/lead_team_id", "required"),
                ("/locality_id", "required"),
                ("/kind", "required"),
                ("/topics", "required"),
                ("/title", "required"),
                ("/starts_at", "required"),
                ("/ends_at", "required"),
            ],
        );
    }

    async fn faults_of_an_activity_are_told_all_at_once(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["topics"] = json!(["cyber_safety", "it_contest", "cyber_safety"]);
        body["team_ids"] = json!([team["id"], Uuid::now_v7(), team["id"]]);
        body["campaign_id"] = json!(Uuid::now_v7());
        body["locality_id"] = json!(place_since_2025("00097"));
        body["starts_at"] = json!("2024-05-31T16:59:59Z");
        body["ends_at"] = json!("2024-08-31T17:00:00Z");
        body["digital_group_ids"] = json!([Uuid::now_v7()]);
        leader.post("/v1/activities", &body).await.faults(
            422,
            &[
                ("/topics/1", "topic_not_of_kind"),
                ("/topics/2", "not_unique"),
                ("/team_ids/1", "reference_not_found"),
                ("/team_ids/2", "not_unique"),
                ("/campaign_id", "reference_not_found"),
                ("/locality_id", "locality_not_valid"),
                ("/starts_at", "outside_campaign"),
                ("/ends_at", "outside_campaign"),
                ("/digital_group_ids/0", "reference_not_found"),
            ],
        );
        let mut body = new_activity(id_in(&team, "id"));
        body["kind"] = json!("party");
        body["topics"] = json!([]);
        body["location"] = json!({"lat": 91, "lon": -181, "alt": 3});
        body["planned_turns"] = json!(0);
        body["title"] = json!("x".repeat(201));
        body["starts_at"] = json!("2024-07-01 01:00");
        body["mode"] = json!(7);
        let answer = leader.post("/v1/activities", &body).await;
        answer.faults(
            422,
            &[
                ("/kind", "not_allowed_value"),
                ("/topics", "too_few"),
                ("/location/lat", "out_of_range"),
                ("/location/lon", "out_of_range"),
                ("/location/alt", "unknown_field"),
                ("/planned_turns", "out_of_range"),
                ("/title", "too_long"),
                ("/starts_at", "bad_format"),
                ("/mode", "wrong_type"),
                ("/mode", "not_allowed_value"),
            ],
        );
        let mut body = new_activity(id_in(&team, "id"));
        body["ends_at"] = body["starts_at"].clone();
        leader.post("/v1/activities", &body).await.faults(422, &[("/ends_at", "dates_inverted")]);
        assert_eq!(leader.get("/v1/activities").await.ok(200)["data"], json!([]), "nothing was made");
    }

    async fn the_campaigns_first_and_last_local_day_belong_to_it(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["starts_at"] = json!("2024-05-31T17:00:00Z");
        body["ends_at"] = json!("2024-08-31T16:59:59Z");
        leader.post("/v1/activities", &body).await.ok(201);
    }

    async fn an_instant_with_an_offset_is_the_same_instant(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["starts_at"] = json!("2024-07-01T08:00:00+07:00");
        assert_eq!(leader.post("/v1/activities", &body).await.ok(201)["starts_at"], "2024-07-01T01:00:00Z");
    }

    async fn an_activity_goes_its_ways_and_no_others(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for (actions, last, refused) in [
            (vec!["start", "complete"], "completed", vec!["start", "complete", "cancel"]),
            (vec!["complete"], "completed", vec!["start"]),
            (vec!["cancel"], "cancelled", vec!["start", "complete", "cancel"]),
            (vec!["start", "cancel"], "cancelled", vec!["complete"]),
        ] {
            let activity = t.activity(&leader, &team).await;
            let path = format!("/v1/activities/{}", id_in(&activity, "id"));
            let mut state = activity;
            for action in actions {
                state = leader.act(&format!("{path}/{action}")).await.ok(200);
            }
            assert_eq!(state["status"], last);
            for action in refused {
                assert_eq!(leader.act(&format!("{path}/{action}")).await.problem(409, "wrong_state")["state"], last);
            }
            leader.patch(&path, &json!({"title": "Muộn"})).if_match("*").await.problem(409, "not_editable");
        }
    }

    async fn what_is_counted_holds_an_activity_in_its_place(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (second, second_leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["team_ids"] = json!([team["id"], second["id"]]);
        let activity = coordinator.post("/v1/activities", &body).await.ok(201);
        let path = format!("/v1/activities/{}", id_in(&activity, "id"));
        let result = t.submitted(&leader, &activity, "2024-07-01", 10).await;
        for patch in [json!({"locality_id": place("00004")}), json!({"team_ids": [team["id"]]})] {
            coordinator.patch(&path, &patch).if_match("*").await.problem(409, "not_editable");
        }
        coordinator
            .patch(&path, &json!({"title": "Tên mới", "team_ids": [second["id"], team["id"]]}))
            .if_match("*")
            .await
            .ok(200);
        let refused = leader.act(&format!("{path}/cancel")).await.problem(409, "wrong_state");
        assert_eq!(refused["counted"], 1);
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let back = verifier
            .post(&format!("/v1/results/{}/return", id_in(&result, "id")), &json!({"reason": "Nhầm"}))
            .if_match("*")
            .await;
        back.ok(200);
        leader.act(&format!("{path}/cancel")).await.ok(200);
        leader.act(&format!("/v1/results/{}/submit", id_in(&result, "id"))).await.problem(409, "activity_cancelled");
        let late = crate::harness::world::new_result(id_in(&activity, "id"), id_in(&second, "id"), "2024-07-01", 5);
        second_leader.post("/v1/results", &late).await.problem(409, "activity_cancelled");
    }

    async fn a_joint_activity_is_seen_by_all_its_teams_and_changed_by_the_leading_one(t: &T) {
        let (lead, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (second, second_leader) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let (_, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let mut body = new_activity(id_in(&lead, "id"));
        body["team_ids"] = json!([second["id"]]);
        leader.post("/v1/activities", &body).await.faults(422, &[("/team_ids/0", "reference_not_found")]);
        let activity = t.admin.post("/v1/activities", &body).await.ok(201);
        assert_eq!(activity["team_ids"], json!([second["id"], lead["id"]]), "the leading team is always one of them");
        let path = format!("/v1/activities/{}", id_in(&activity, "id"));
        leader.get(&path).await.ok(200);
        assert_eq!(second_leader.get(&path).await.ok(200)["allowed_actions"], json!([]));
        second_leader.patch(&path, &json!({"title": "Của tôi"})).if_match("*").await.problem(403, "forbidden");
        stranger.get(&path).await.problem(404, "not_found");
        stranger.patch(&path, &json!({"title": "Của tôi"})).if_match("*").await.problem(404, "not_found");
        for (who, sees) in [(&leader, true), (&second_leader, true), (&stranger, false)] {
            let page = who.get("/v1/activities?include_total=true").await.ok(200);
            assert_eq!(page["total"], i32::from(sees));
        }
    }

    async fn a_closed_campaign_takes_no_activity(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        t.admin.act(&format!("/v1/campaigns/{}/close", campaign())).await.ok(200);
        leader.post("/v1/activities", &new_activity(id_in(&team, "id"))).await.problem(409, "campaign_not_open");
        let patch = leader
            .patch(&format!("/v1/activities/{}", id_in(&activity, "id")), &json!({"title": "x"}))
            .if_match("*")
            .await;
        patch.problem(409, "campaign_not_open");
    }

    async fn nobody_makes_an_activity_for_anothers_team(t: &T) {
        let (team, _) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (_, neighbour) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let body = new_activity(id_in(&team, "id"));
        neighbour.post("/v1/activities", &body).await.faults(422, &[("/lead_team_id", "reference_not_found")]);
        viewer.post("/v1/activities", &body).await.problem(403, "forbidden");
        // Sees the team through one grant and writes elsewhere through another.
        let mixed = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        t.grant(&mixed, Role::Coordinator, seeded_unit(DA_NANG), None).await;
        mixed.post("/v1/activities", &body).await.problem(403, "forbidden");
    }

    async fn activities_are_listed_by_every_filter(t: &T) {
        let (one, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (two, _) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let first = t.activity(&leader, &one).await;
        let mut body = new_activity(id_in(&two, "id"));
        body["team_ids"] = json!([one["id"]]);
        body["kind"] = json!("contest");
        body["topics"] = json!(["it_contest"]);
        body["starts_at"] = json!("2024-07-10T01:00:00Z");
        body["ends_at"] = json!("2024-07-10T02:00:00Z");
        body["locality_id"] = json!(place("00004"));
        let second = t.admin.post("/v1/activities", &body).await.ok(201);
        t.admin.act(&format!("/v1/activities/{}/start", id_in(&second, "id"))).await.ok(200);
        let (a, b) = (id_in(&first, "id"), id_in(&second, "id"));
        let mut all = vec![a, b];
        all.sort_unstable();
        for (filter, expected) in [
            (format!("team_id={}", id_in(&one, "id")), all.clone()),
            (format!("lead_team_id={}", id_in(&one, "id")), vec![a]),
            (format!("within={}", seeded_unit(DA_NANG)), vec![b]),
            ("kind=contest".to_owned(), vec![b]),
            ("status=planned".to_owned(), vec![a]),
            (format!("locality_id={}", place("00004")), vec![b]),
            ("from=2024-07-01T01:00:00Z&to=2024-07-10T01:00:00Z".to_owned(), vec![a]),
            ("from=2024-07-01T01:00:01Z".to_owned(), vec![b]),
            (format!("campaign_id={}", campaign()), all.clone()),
            (format!("id={a}"), vec![a]),
        ] {
            assert_eq!(ids(&t.admin.get(&format!("/v1/activities?{filter}")).await.ok(200)), expected, "{filter}");
        }
    }
}
