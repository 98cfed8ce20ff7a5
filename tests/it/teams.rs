//! Teams: set up by a unit, led by somebody, moved from state to state.

use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, centre, new_team, place, place_since_2025, seeded_unit},
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
    async fn a_team_is_made_read_and_changed(t: &T) {
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let mut body = new_team(seeded_unit(HA_NOI));
        body["code"] = json!("CDS-01");
        body["strand"] = json!("mua_he_xanh");
        let answer = coordinator.post("/v1/teams", &body).await;
        let team = answer.ok(201);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&team[field], value, "{field}");
        }
        assert_eq!(
            (&team["status"], &team["allowed_actions"]),
            (&json!("forming"), &json!(["ready", "cancel", "edit"]))
        );
        let path = format!("/v1/teams/{}", answer.id());
        assert_eq!((answer.header("location"), answer.etag().as_str()), (Some(path.as_str()), "\"1\""));
        let patch = json!({"name": "Đội hình Mùa hè số", "strand": null, "modes": [], "locality_ids": [], "ends_on": "2024-08-01"});
        let changed = coordinator.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        assert_eq!(coordinator.get(&path).await.ok(200), changed);
        coordinator
            .patch(&path, &json!({"status": "ready"}))
            .if_match("*")
            .await
            .faults(422, &[("/status", "unknown_field")]);
        coordinator
            .patch(&path, &json!({"org_unit_id": centre()}))
            .if_match("*")
            .await
            .faults(422, &[("/org_unit_id", "unknown_field")]);
    }

    async fn a_team_without_a_code_is_given_one(t: &T) {
        let (one, two) = (t.team(seeded_unit(HA_NOI)).await, t.team(seeded_unit(HA_NOI)).await);
        assert!(one["code"].as_str().unwrap().starts_with("TN-"));
        assert_ne!(one["code"], two["code"]);
        let mut body = new_team(seeded_unit(DA_NANG));
        body["code"] = one["code"].clone();
        t.admin.post("/v1/teams", &body).await.problem(409, "code_already_used");
    }

    async fn a_team_is_ready_when_somebody_leads_it_and_goes_on_from_there(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        let refused = t.admin.act(&format!("{path}/ready")).await.problem(409, "team_not_ready");
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("đội trưởng"));
        t.leader(&team).await;
        for (action, state, allowed) in [
            ("ready", "ready", json!(["deploy", "cancel", "edit"])),
            ("deploy", "deployed", json!(["complete", "cancel", "edit"])),
            ("complete", "completed", json!([])),
        ] {
            let moved = t.admin.act(&format!("{path}/{action}")).await.ok(200);
            assert_eq!((&moved["status"], &moved["allowed_actions"]), (&json!(state), &allowed));
        }
        for action in ["ready", "deploy", "complete", "cancel"] {
            let refused = t.admin.act(&format!("{path}/{action}")).await.problem(409, "wrong_state");
            assert_eq!(refused["state"], "completed", "{action}");
        }
        t.admin.patch(&path, &json!({"name": "Muộn"})).if_match("*").await.problem(409, "not_editable");
    }

    async fn a_team_skips_no_state_and_a_cancelled_one_stays_so(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        t.admin.act(&format!("{path}/deploy")).await.problem(409, "wrong_state");
        t.admin.act(&format!("{path}/complete")).await.problem(409, "wrong_state");
        assert_eq!(t.admin.act(&format!("{path}/cancel")).await.ok(200)["status"], "cancelled");
        t.leader(&team).await;
        t.admin.act(&format!("{path}/ready")).await.problem(409, "wrong_state");
    }

    async fn faults_of_a_team_are_told_all_at_once(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["starts_on"] = json!("2024-05-31");
        body["ends_on"] = json!("2024-09-01");
        body["strand"] = json!("khong_co");
        body["modes"] = json!(["online", "online"]);
        body["locality_ids"] = json!([place("00001"), Uuid::now_v7(), place_since_2025("00097"), place("00001")]);
        body["plan_id"] = json!(Uuid::now_v7());
        body["digital_group_ids"] = json!([Uuid::now_v7()]);
        t.admin.post("/v1/teams", &body).await.faults(
            422,
            &[
                ("/starts_on", "outside_campaign"),
                ("/ends_on", "outside_campaign"),
                ("/strand", "not_allowed_value"),
                ("/modes/1", "not_unique"),
                ("/locality_ids/1", "reference_not_found"),
                ("/locality_ids/2", "locality_not_valid"),
                ("/locality_ids/3", "not_unique"),
                ("/plan_id", "reference_not_found"),
                ("/digital_group_ids/0", "reference_not_found"),
            ],
        );
        let mut body = new_team(seeded_unit(HA_NOI));
        body["ends_on"] = json!("2024-05-31");
        t.admin.post("/v1/teams", &body).await.faults(422, &[("/ends_on", "dates_inverted")]);
        let mut body = new_team(Uuid::now_v7());
        body["campaign_id"] = json!(Uuid::now_v7());
        t.admin
            .post("/v1/teams", &body)
            .await
            .faults(422, &[("/campaign_id", "reference_not_found"), ("/org_unit_id", "reference_not_found")]);
        let page = t.admin.get("/v1/teams?include_total=true").await.ok(200);
        assert_eq!(page["total"], 0, "nothing was made");
    }

    async fn a_closed_campaign_takes_no_team(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        t.admin.act(&format!("/v1/campaigns/{}/close", crate::harness::world::campaign())).await.ok(200);
        t.admin.post("/v1/teams", &new_team(seeded_unit(HA_NOI))).await.problem(409, "campaign_not_open");
        let patch =
            t.admin.patch(&format!("/v1/teams/{}", id_in(&team, "id")), &json!({"name": "x"})).if_match("*").await;
        patch.problem(409, "campaign_not_open");
    }

    async fn one_lists_the_teams_of_ones_subtree_by_every_filter(t: &T) {
        let (ward, aside) = (t.commune(seeded_unit(HA_NOI), "XD-1").await, seeded_unit(DA_NANG));
        let (above, below, other) = (t.team(seeded_unit(HA_NOI)).await, t.team(ward).await, t.team(aside).await);
        let of = |teams: &[&Value]| {
            let mut ids: Vec<_> = teams.iter().map(|team| id_in(team, "id")).collect();
            ids.sort_unstable();
            ids
        };
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let low = t.user(Role::Viewer, ward).await;
        assert_eq!(ids(&viewer.get("/v1/teams").await.ok(200)), of(&[&above, &below]));
        assert_eq!(ids(&low.get("/v1/teams").await.ok(200)), of(&[&below]));
        assert_eq!(ids(&t.admin.get("/v1/teams").await.ok(200)), of(&[&above, &below, &other]));
        for (filter, expected) in [
            (format!("org_unit_id={}", seeded_unit(HA_NOI)), of(&[&above])),
            (format!("within={}", seeded_unit(HA_NOI)), of(&[&above, &below])),
            (format!("within={ward}"), of(&[&below])),
            (format!("within={}", Uuid::now_v7()), vec![]),
            (format!("id={}", id_in(&other, "id")), of(&[&other])),
            (format!("code={}", other["code"].as_str().unwrap()), of(&[&other])),
            ("kind=digital_summer".to_owned(), vec![]),
            ("status=forming&q=chuyen%20doi%20so".to_owned(), of(&[&above, &below, &other])),
            (format!("campaign_id={}", Uuid::now_v7()), vec![]),
            ("updated_since=2024-07-15T03:00:01Z".to_owned(), vec![]),
        ] {
            assert_eq!(ids(&t.admin.get(&format!("/v1/teams?{filter}")).await.ok(200)), expected, "{filter}");
        }
        for hidden in [&above, &other] {
            low.get(&format!("/v1/teams/{}", id_in(hidden, "id"))).await.problem(404, "not_found");
            let page = low.get(&format!("/v1/teams?id={}&include_total=true", id_in(hidden, "id"))).await.ok(200);
            assert_eq!((&page["data"], &page["total"]), (&json!([]), &json!(0)));
        }
    }

    async fn a_leader_sees_and_changes_no_team_but_sees_their_own(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let neighbour = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        assert_eq!(ids(&leader.get("/v1/teams").await.ok(200)), [id_in(&team, "id")]);
        assert_eq!(leader.get(&path).await.ok(200)["allowed_actions"], json!([]));
        leader.get(&format!("/v1/teams/{}", id_in(&neighbour, "id"))).await.problem(404, "not_found");
        leader.patch(&path, &json!({"name": "Của tôi"})).if_match("*").await.problem(403, "forbidden");
    }

    async fn a_coordinator_sets_teams_up_only_below(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        let coordinator = t.user(Role::Coordinator, ward).await;
        coordinator.post("/v1/teams", &new_team(ward)).await.ok(201);
        coordinator.post("/v1/teams", &new_team(seeded_unit(HA_NOI))).await.problem(403, "forbidden");
        coordinator
            .post("/v1/teams", &new_team(seeded_unit(DA_NANG)))
            .await
            .faults(422, &[("/org_unit_id", "reference_not_found")]);
        let above = t.team(seeded_unit(HA_NOI)).await;
        coordinator.act(&format!("/v1/teams/{}/cancel", id_in(&above, "id"))).await.problem(404, "not_found");
    }
}
