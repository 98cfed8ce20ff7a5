//! Whoever sees a place by one grant and holds a right at another by a second one has not got that right here: 403, and
//! nothing happens.

use crate::harness::{
    T, id_in, value,
    world::{DA_NANG, HA_NOI, new_activity, new_result, new_team, seeded_unit},
};
use actix_web::http::Method;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;

both! {
    async fn a_right_held_elsewhere_is_none_where_one_only_sees(t: &T) {
        let here = seeded_unit(HA_NOI);
        let (deployed, leader) = t.deployed_team(here).await;
        let (forming, ready) = (t.team(here).await, t.team(here).await);
        t.leader(&forming).await;
        t.leader(&ready).await;
        t.admin.act(&format!("/v1/teams/{}/ready", id_in(&ready, "id"))).await.ok(200);
        let activity = t.activity(&leader, &deployed).await;
        let planned = t.activity(&leader, &deployed).await;
        let draft = t.draft(&leader, &activity, "2024-07-01", 1).await;
        let submitted = t.submitted(&leader, &activity, "2024-07-02", 1).await;
        let at = |kind: &str, item: &Value, action: &str| format!("/v1/{kind}/{}{action}", id_in(item, "id"));
        let team = id_in(&deployed, "id");
        let another = json!({"code": "XD-9", "name": "Đoàn phường", "kind": "commune", "parent_id": here});
        let name = json!({"name": "Tên mới"});
        let coordinating = [
            ("POST", "/v1/teams".to_owned(), new_team(here)),
            ("PATCH", at("teams", &deployed, ""), name.clone()),
            ("POST", at("teams", &forming, "/ready"), Value::Null),
            ("POST", at("teams", &ready, "/deploy"), Value::Null),
            ("POST", at("teams", &deployed, "/complete"), Value::Null),
            ("POST", at("teams", &forming, "/cancel"), Value::Null),
        ];
        let leading = [
            ("POST", "/v1/activities".to_owned(), new_activity(team)),
            ("PATCH", at("activities", &activity, ""), json!({"title": "Tên mới"})),
            ("POST", at("activities", &planned, "/start"), Value::Null),
            ("POST", at("activities", &activity, "/complete"), Value::Null),
            ("POST", at("activities", &planned, "/cancel"), Value::Null),
            ("POST", "/v1/results".to_owned(), new_result(id_in(&activity, "id"), team, "2024-07-03", 1)),
            ("PATCH", at("results", &draft, ""), json!({"evidence": []})),
            ("DELETE", at("results", &draft, ""), Value::Null),
            ("POST", at("results", &draft, "/submit"), Value::Null),
        ];
        let verifying = [
            ("POST", at("results", &submitted, "/verify"), Value::Null),
            ("POST", at("results", &submitted, "/return"), json!({"reason": "Sai"})),
        ];
        let administering =
            [("POST", "/v1/org-units".to_owned(), another), ("PATCH", format!("/v1/org-units/{here}"), name)];
        let all = || administering.iter().chain(&coordinating).chain(&leading).chain(&verifying);
        let sees = [Role::Viewer, Role::Inspector, Role::Guide];
        for (index, (role, writes)) in [
            (Role::Administrator, all().collect::<Vec<_>>()),
            (Role::Coordinator, coordinating.iter().chain(&leading).collect()),
            (Role::TeamLeader, leading.iter().collect()),
            (Role::Verifier, verifying.iter().collect()),
        ]
        .into_iter()
        .enumerate()
        {
            let caller = t.user(sees[index % sees.len()], here).await;
            t.grant(&caller, role, seeded_unit(DA_NANG), None).await;
            for (method, path, body) in writes {
                let mut request = caller.send(Method::from_bytes(method.as_bytes()).unwrap(), path).if_match("*");
                if !body.is_null() {
                    request = request.json(body);
                }
                let answer = request.await;
                assert_eq!(answer.status, 403, "{role}: {method} {path}: {}", answer.text());
                answer.problem(403, "forbidden");
            }
            let shown = caller.get(&at("results", &submitted, "")).await.ok(200);
            assert_eq!(shown["allowed_actions"], json!([]), "{role}");
            assert_eq!(caller.get(&at("teams", &deployed, "")).await.ok(200)["allowed_actions"], json!([]), "{role}");
            assert_eq!(
                caller.get(&at("activities", &activity, "")).await.ok(200)["allowed_actions"],
                json!([]),
                "{role}"
            );
        }
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM result WHERE version > 2").await, 0);
        // And whoever holds the right here does each of them, so that the refusals above mean something.
        let admin = t.user(Role::Administrator, here).await;
        for (method, path, body) in all() {
            let path = format!("{path}?dry_run=true");
            let mut request = admin.send(Method::from_bytes(method.as_bytes()).unwrap(), &path).if_match("*");
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = request.await;
            assert!(answer.status < 300, "{method} {path}: {}", answer.text());
        }
    }

    async fn a_right_over_one_team_is_none_over_its_neighbours_that_one_sees(t: &T) {
        let here = seeded_unit(HA_NOI);
        let (mine, _) = t.deployed_team(here).await;
        let (theirs, their_leader) = t.deployed_team(here).await;
        let activity = t.activity(&their_leader, &theirs).await;
        let draft = t.draft(&their_leader, &activity, "2024-07-01", 1).await;
        // Sees the whole province, leads one team of it.
        let caller = t.user(Role::Viewer, here).await;
        t.grant(&caller, Role::TeamLeader, here, Some(id_in(&mine, "id"))).await;
        let path = format!("/v1/results/{}", id_in(&draft, "id"));
        caller.get(&path).await.ok(200);
        caller.act(&format!("{path}/submit")).await.problem(403, "forbidden");
        caller.delete(&path).if_match("*").await.problem(403, "forbidden");
        let body = new_result(id_in(&activity, "id"), id_in(&theirs, "id"), "2024-07-02", 1);
        caller.post("/v1/results", &body).await.problem(403, "forbidden");
        caller.post("/v1/activities", &new_activity(id_in(&theirs, "id"))).await.problem(403, "forbidden");
        caller.post("/v1/activities", &new_activity(id_in(&mine, "id"))).await.ok(201);
    }
}
