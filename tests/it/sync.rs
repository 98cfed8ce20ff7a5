//! Queues of clients that were without a signal: in any order, as often as they like, nothing overwritten.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, new_activity, new_result, seeded_unit},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

async fn send(by: &Caller, operations: &[Value]) -> Value {
    by.post("/v1/sync", &json!({"operations": operations})).await.ok(200)
}

/// What became of each: its status, or the code of what is wrong.
fn became(outcome: &Value) -> Vec<&str> {
    let outcomes = outcome["outcomes"].as_array().unwrap().iter();
    outcomes
        .map(|one| match one["status"].as_str().unwrap() {
            "rejected" => one["problem"]["code"].as_str().unwrap_or("rejected"),
            status => status,
        })
        .collect()
}

async fn reported(t: &T) -> i64 {
    t.stranger.get("/v1/public/progress").await.ok(200)["reported"].as_i64().unwrap()
}

fn create_activity(id: Uuid, team: Uuid) -> Value {
    json!({"kind": "create_activity", "id": id, "body": new_activity(team)})
}

fn create_result(id: Uuid, activity: Uuid, team: Uuid, day: &str, turns: i64) -> Value {
    json!({"kind": "create_result", "id": id, "body": new_result(activity, team, day, turns)})
}

fn tally(day: &str, turns: i64) -> Value {
    json!({"id": Uuid::now_v7(), "occurred_at": format!("{day}T02:00:00Z"), "topic": "cyber_safety",
        "audience": "residents", "turns": turns})
}

fn step(kind: &str, id: Uuid, version: i64) -> Value {
    json!({"kind": kind, "op_id": Uuid::now_v7(), "id": id, "version": version})
}

fn with_body(mut step: Value, body: Value) -> Value {
    step["body"] = body;
    step
}

fn lines(turns: i64) -> Value {
    json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": turns}]})
}

both! {
    async fn a_day_without_a_signal_is_done_in_any_order_and_again_is_harmless(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let team = id_in(&team, "id");
        let [activity, of_tallies, by_hand] = std::array::from_fn(|_| Uuid::now_v7());
        let mut from_tallies = create_result(of_tallies, activity, team, "2024-07-01", 1);
        from_tallies["body"].as_object_mut().unwrap().remove("lines");
        from_tallies["body"]["from_tallies"] = json!(true);
        let mut queue = vec![
            create_activity(activity, team),
            with_body(step("patch_activity", activity, 1), json!({"title": "Lớp buổi tối"})),
            json!({"kind": "add_tallies", "id": activity, "body": {"tallies": [tally("2024-07-01", 3), tally("2024-07-01", 4)]}}),
            json!({"kind": "add_tallies", "id": activity, "body": {"tallies": [tally("2024-07-01", 5)]}}),
            from_tallies,
            step("submit_result", of_tallies, 1),
            create_result(by_hand, activity, team, "2024-07-02", 20),
            with_body(step("patch_result", by_hand, 1), lines(21)),
            json!({"kind": "submit_result", "id": by_hand, "version": 2}),
            with_body(step("amend_result", by_hand, 3), json!({"lines": lines(30)["lines"], "reason": "Đếm sót"})),
        ];
        // Backwards, as bad as it gets; then shuffled.
        queue.reverse();
        let outcome = send(&leader, &queue).await;
        assert_eq!(became(&outcome), ["accepted"; 10], "{outcome}");
        assert_eq!(outcome["outcomes"][0]["version"], 4);
        assert_eq!(outcome["outcomes"][0]["op_id"], queue[0]["op_id"]);
        assert_eq!(reported(t).await, 12 + 30);
        let shown = leader.get(&format!("/v1/results/{of_tallies}")).await.ok(200);
        assert_eq!((&shown["turns"], &shown["status"], &shown["flags"]), (&json!(12), &json!("submitted"), &json!([])));
        assert_eq!(leader.get(&format!("/v1/activities/{activity}")).await.ok(200)["title"], "Lớp buổi tối");
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..3 {
            queue.shuffle(&mut random);
            let outcome = send(&leader, &queue).await;
            assert_eq!(became(&outcome), ["duplicate"; 10], "{outcome}");
            assert_eq!(outcome["duplicates"], 10);
            assert_eq!(reported(t).await, 42);
        }
        // The same as if it were sent alone.
        let alone = queue.iter().find(|one| one["kind"] == "create_result" && one["id"] == json!(by_hand)).unwrap();
        let mut body = alone["body"].clone();
        body["id"] = json!(by_hand);
        assert_eq!(leader.post("/v1/results", &body).await.ok(200)["version"], 4);
    }

    async fn whatever_part_of_a_queue_arrives_in_whatever_order_the_end_is_the_same(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let team = id_in(&team, "id");
        let mut random = StdRng::seed_from_u64(11);
        let (mut queue, mut turns) = (Vec::new(), 0);
        for _ in 0..3 {
            let activity = Uuid::now_v7();
            queue.push(create_activity(activity, team));
            for day in ["2024-07-01", "2024-07-02", "2024-07-03"] {
                let result = Uuid::now_v7();
                let counted = random.random_range(1..9);
                queue.push(create_result(result, activity, team, day, 50));
                queue.push(with_body(step("patch_result", result, 1), lines(counted)));
                queue.push(step("submit_result", result, 2));
                turns += counted;
            }
        }
        // What can't be done yet is refused or in conflict and sent again; what was done stays done.
        let mut rounds = 0;
        loop {
            queue.shuffle(&mut random);
            let part: Vec<Value> = queue.iter().filter(|_| random.random_bool(0.4)).cloned().collect();
            if !part.is_empty() {
                let outcome = send(&leader, &part).await;
                for code in became(&outcome) {
                    assert!(
                        matches!(code, "accepted" | "duplicate" | "conflict" | "not_found" | "reference_not_found"),
                        "{outcome}"
                    );
                }
            }
            if became(&send(&leader, &queue).await).iter().all(|code| *code == "duplicate") {
                break;
            }
            rounds += 1;
            assert!(rounds < 50);
        }
        assert_eq!(reported(t).await, turns);
    }

    async fn a_conflict_changes_nothing_and_shows_what_stands_there(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let fellow = t.leader(&team).await;
        let activity = t.activity(&leader, &team).await;
        let draft = t.draft(&leader, &activity, "2024-07-01", 5).await;
        let (draft, activity, team) = (id_in(&draft, "id"), id_in(&activity, "id"), id_in(&team, "id"));
        // Somebody else corrects it meanwhile.
        let path = format!("/v1/results/{draft}");
        fellow.patch(&path, &lines(6)).if_match("\"1\"").await.ok(200);
        let other = Uuid::now_v7();
        let queue = [
            with_body(step("patch_result", draft, 1), lines(7)),
            step("submit_result", draft, 1),
            step("delete_result", draft, 1),
            create_result(other, activity, team, "2024-07-01", 8),
            with_body(step("patch_activity", activity, 1), json!({"title": "Tên khác"})),
        ];
        let outcome = send(&leader, &queue).await;
        assert_eq!(became(&outcome), ["conflict"; 5], "{outcome}");
        assert_eq!(outcome["conflicts"], 5);
        let now = leader.get(&path).await.ok(200);
        assert_eq!((&now["turns"], &now["version"], &now["status"]), (&json!(6), &json!(2), &json!("draft")));
        for n in 0..4 {
            let one = &outcome["outcomes"][n];
            assert_eq!((&one["current"]["kind"], &one["current"]["item"]), (&json!("result"), &now), "{n}");
            let code = if n == 3 { "result_exists" } else { "stale_version" };
            assert_eq!(one["problem"]["code"], code);
            assert_eq!(one.get("version"), (n != 3).then_some(&json!(2)));
        }
        assert_eq!(outcome["outcomes"][3]["id"], json!(other));
        let activity_now = leader.get(&format!("/v1/activities/{activity}")).await.ok(200);
        assert_eq!(outcome["outcomes"][4]["current"], json!({"kind": "activity", "item": activity_now}));
        // Whoever has seen it decides; the same operation by its own id, at the version that was shown.
        let mut decided = queue[0].clone();
        decided["version"] = json!(2);
        assert_eq!(became(&send(&leader, &[decided.clone()]).await), ["accepted"]);
        assert_eq!(became(&send(&leader, &[decided]).await), ["duplicate"]);
        assert_eq!(leader.get(&path).await.ok(200)["turns"], 7);
        // A submission that somebody else has made is nobody's duplicate but theirs.
        fellow.act(&format!("{path}/submit")).await.ok(200);
        let submit = json!({"kind": "submit_result", "id": draft, "version": 3});
        assert_eq!(became(&send(&leader, std::slice::from_ref(&submit)).await), ["conflict"]);
        assert_eq!(became(&send(&fellow, &[submit]).await), ["duplicate"]);
        assert_eq!(reported(t).await, 7);
    }

    async fn a_mark_that_somebody_elses_filing_brought_is_no_conflict(t: &T) {
        let one = crate::duplicates::team(t, HA_NOI).await;
        let (id, day) = (Uuid::now_v7(), "2024-07-01");
        let filed = [create_result(id, id_in(&one.activity, "id"), one.id, day, 40), step("submit_result", id, 1)];
        assert_eq!(became(&send(&one.leader, &filed).await), ["accepted", "accepted"]);
        let two = crate::duplicates::team(t, HA_NOI).await;
        let other = two.files(t, day, 41).await;
        let marked = t.admin.get(&format!("/v1/results/{id}")).await.ok(200);
        assert_eq!((&marked["version"], &marked["flags"]), (&json!(3), &json!(["possible_duplicate"])));
        // Whoever decides must have seen the mark.
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        verifier.act(&format!("/v1/results/{id}/verify")).if_match("\"2\"").await.problem(412, "stale_version");
        // The phone counts on versions 2 and 3; they are 3 and 4.
        let amended = |version, turns| {
            let mut body = lines(turns);
            body["reason"] = json!("Đếm lại");
            with_body(step("amend_result", id, version), body)
        };
        let outcome = send(&one.leader, &[amended(3, 43), amended(2, 42)]).await;
        assert_eq!(became(&outcome), ["accepted", "accepted"], "{outcome}");
        assert_eq!((&outcome["outcomes"][1]["version"], &outcome["outcomes"][0]["version"]), (&json!(4), &json!(5)));
        // What a person did in between is a conflict as before, and so is what came before it.
        for version in [2, 3, 4] {
            assert_eq!(became(&send(&one.leader, &[amended(version, 44)]).await), ["conflict"], "{version}");
        }
        assert_eq!(reported(t).await, 43 + 41);
        // Taken away and brought back are two marks more.
        for _ in 0..2 {
            let give_back = format!("/v1/results/{}/return", id_in(&other, "id"));
            verifier.post(&give_back, &json!({"reason": "Kiểm tra lại"})).if_match("*").await.ok(200);
            two.leader.act(&format!("/v1/results/{}/submit", id_in(&other, "id"))).await.ok(200);
        }
        assert_eq!(t.admin.get(&format!("/v1/results/{id}")).await.ok(200)["version"], 9);
        assert_eq!(became(&send(&one.leader, &[amended(6, 45)]).await), ["accepted"]);
    }

    async fn an_operation_is_done_once_by_its_id(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let submitted = id_in(&t.submitted(&leader, &activity, "2024-07-01", 5).await, "id");
        let [gone, kept] = std::array::from_fn(|_| Uuid::now_v7());
        let (activity, team) = (id_in(&activity, "id"), id_in(&team, "id"));
        let amend = with_body(step("amend_result", submitted, 2), json!({"lines": lines(9)["lines"], "reason": "Sửa"}));
        let queue = [amend.clone(), amend, create_result(gone, activity, team, "2024-07-02", 1), step("delete_result", gone, 1)];
        assert_eq!(became(&send(&leader, &queue).await), ["accepted", "duplicate", "accepted", "accepted"]);
        let again = send(&leader, &queue).await;
        assert_eq!(became(&again), ["duplicate"; 4]);
        assert_eq!((again["outcomes"][0]["version"].clone(), again["outcomes"][3].get("version")), (json!(3), None));
        assert_eq!(reported(t).await, 9);
        let revisions = leader.get(&format!("/v1/results/{submitted}/revisions")).await.ok(200);
        assert_eq!(revisions["data"].as_array().unwrap().len(), 2);
        // The id of another operation is taken; one that failed has taken nothing.
        let mut other = queue[0].clone();
        other["body"]["reason"] = json!("Khác");
        assert_eq!(became(&send(&leader, &[other]).await), ["id_already_used"]);
        let patch = with_body(step("patch_result", kept, 1), lines(4));
        assert_eq!(became(&send(&leader, std::slice::from_ref(&patch)).await), ["not_found"]);
        let queue = [patch, create_result(kept, activity, team, "2024-07-03", 3)];
        assert_eq!(became(&send(&leader, &queue).await), ["accepted"; 2]);
        let mut clash = queue[1].clone();
        clash["body"]["reported_on"] = json!("2024-07-04");
        assert_eq!(became(&send(&leader, &[clash]).await), ["id_already_used"]);
    }

    async fn what_is_wrong_with_one_is_said_in_its_place_and_the_others_are_done(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = id_in(&t.activity(&leader, &team).await, "id");
        let team = id_in(&team, "id");
        let mut zero = create_result(Uuid::now_v7(), activity, team, "2024-07-01", 0);
        zero["extra"] = json!(1);
        let mut two_ids = create_result(Uuid::now_v7(), activity, team, "2024-07-01", 1);
        two_ids["body"]["id"] = json!(Uuid::now_v7());
        let mut nothing = create_result(Uuid::now_v7(), activity, team, "2024-07-01", 1);
        nothing["body"]["lines"] = json!([]);
        let mut inverted = create_activity(Uuid::now_v7(), team);
        inverted["body"]["ends_at"] = json!("2024-06-30T01:00:00Z");
        let mut no_op_id = with_body(step("patch_result", Uuid::now_v7(), 1), lines(1));
        no_op_id.as_object_mut().unwrap().remove("op_id");
        let mut wrong_tally = tally("2024-07-01", 1);
        wrong_tally["turns"] = json!(0);
        let queue = [
            zero,
            json!(7),
            json!({"id": Uuid::now_v7()}),
            json!({"kind": "verify_result", "id": Uuid::now_v7(), "version": 1}),
            two_ids,
            nothing,
            inverted,
            no_op_id,
            create_result(Uuid::now_v7(), Uuid::now_v7(), team, "2024-07-01", 1),
            json!({"kind": "add_tallies", "id": activity, "body": {"tallies": [wrong_tally, tally("2023-07-01", 1), tally("2024-07-01", 2)]}}),
            json!({"kind": "add_tallies", "id": activity, "body": {"tallies": []}}),
            create_result(Uuid::now_v7(), activity, team, "2024-07-01", 6),
        ];
        let outcome = send(&leader, &queue).await;
        let faults: Vec<Vec<(&str, &str)>> = outcome["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let faults = one["problem"]["errors"].as_array().into_iter().flatten();
                faults.map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
            })
            .collect();
        let mut first = faults[0].clone();
        first.sort_unstable();
        assert_eq!(first, [("/operations/0/body/lines/0/turns", "out_of_range"), ("/operations/0/extra", "unknown_field")]);
        assert_eq!(faults[1], [("/operations/1", "wrong_type")]);
        assert_eq!(faults[2], [("/operations/2/kind", "required")]);
        assert_eq!(faults[3], [("/operations/3/kind", "not_allowed_value")]);
        assert_eq!(faults[4], [("/operations/4/body/id", "not_allowed_value")]);
        assert_eq!(faults[5], [("/operations/5/body/lines", "too_few")]);
        assert_eq!(faults[6], [("/operations/6/body/ends_at", "dates_inverted")]);
        assert_eq!(faults[7], [("/operations/7/op_id", "required")]);
        assert_eq!(faults[8], [("/operations/8/body/activity_id", "reference_not_found")]);
        let tallies = &outcome["outcomes"][9]["tallies"];
        assert_eq!((outcome["outcomes"][9]["status"].as_str(), &tallies["accepted"], &tallies["rejected"]), (Some("accepted"), &json!(1), &json!(2)));
        let pointer = |n: usize| tallies["outcomes"][n]["problem"]["errors"][0]["pointer"].as_str().unwrap();
        assert_eq!([pointer(0), pointer(1)], ["/operations/9/body/tallies/0/turns", "/operations/9/body/tallies/1/occurred_at"]);
        assert_eq!(faults[10], [("/operations/10/body/tallies", "too_few")]);
        assert_eq!((outcome["accepted"].clone(), outcome["rejected"].clone()), (json!(2), json!(10)));
        assert_eq!(t.admin.get("/v1/results?include_total=true").await.ok(200)["total"], 1);

        // What is wrong outside of the operations is wrong with all.
        let one = create_result(Uuid::now_v7(), activity, team, "2024-07-05", 1);
        for (body, fault) in [
            (json!({}), ("/operations", "required")),
            (json!({"operations": []}), ("/operations", "too_few")),
            (json!({"operations": 3}), ("/operations", "wrong_type")),
            (json!({"operations": [one], "atomic": true}), ("/atomic", "unknown_field")),
            (json!({"operations": vec![json!(0); 1001]}), ("/operations", "too_many")),
        ] {
            leader.post("/v1/sync", &body).await.faults(422, &[fault]);
        }
    }

    async fn each_operation_demands_what_it_demands_alone(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (foreign_team, foreign_leader) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let activity = t.activity(&leader, &team).await;
        let draft = id_in(&t.draft(&leader, &activity, "2024-07-01", 5).await, "id");
        let foreign_activity = t.activity(&foreign_leader, &foreign_team).await;
        let foreign_draft = id_in(&t.draft(&foreign_leader, &foreign_activity, "2024-07-01", 5).await, "id");
        let (activity, team) = (id_in(&activity, "id"), id_in(&team, "id"));
        let queue = |activity: Uuid, team: Uuid, draft: Uuid| {
            [
                create_activity(Uuid::now_v7(), team),
                with_body(step("patch_activity", activity, 2), json!({"title": "Khác"})),
                json!({"kind": "add_tallies", "id": activity, "body": {"tallies": [tally("2024-07-01", 2)]}}),
                create_result(Uuid::now_v7(), activity, team, "2024-07-02", 1),
                with_body(step("patch_result", draft, 1), lines(9)),
                step("submit_result", draft, 1),
                with_body(step("amend_result", draft, 1), json!({"lines": lines(9)["lines"], "reason": "Sửa"})),
                step("delete_result", draft, 1),
            ]
        };
        // What is elsewhere is what never was.
        let elsewhere = queue(id_in(&foreign_activity, "id"), id_in(&foreign_team, "id"), foreign_draft);
        let nowhere = queue(Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let (there, never) = (send(&leader, &elsewhere).await, send(&leader, &nowhere).await);
        assert_eq!(became(&there), became(&never));
        assert_eq!(there["accepted"], 0);
        for one in there["outcomes"].as_array().unwrap() {
            assert_eq!((one.get("current"), one.get("version")), (None, None), "{one}");
        }
        // Whoever may only look is told so at once; a client with one scope does what that one allows.
        let operations = json!({"operations": queue(activity, team, draft)});
        t.user(Role::Verifier, seeded_unit(HA_NOI)).await.post("/v1/sync", &operations).await.problem(403, "forbidden");
        t.stranger.post("/v1/sync", &operations).await.problem(401, "unauthenticated");
        let body = json!({"name": "Cổng", "org_unit_id": seeded_unit(HA_NOI), "scopes": ["activities:write"]});
        let client = t.admin.post("/v1/clients", &body).await.ok(201);
        let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let token = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token");
        let token = token.body("application/x-www-form-urlencoded", form).await.ok(200);
        let client = t.stranger.clone().with_token(token["access_token"].as_str().unwrap());
        let outcome = send(&client, &queue(activity, team, draft)).await;
        assert_eq!(became(&outcome)[..2], ["accepted"; 2]);
        assert_eq!(became(&outcome)[2..], ["forbidden"; 6]);
        // The audit log tells each by its own name.
        let log = t.admin.get("/v1/audit-log?resource=activity&sort=-created_at&limit=2").await.ok(200);
        let mut actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["create_activity", "patch_activity"]);
    }

    async fn a_rehearsal_keeps_nothing_and_a_key_gives_the_same_answer(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = id_in(&t.activity(&leader, &team).await, "id");
        let id = Uuid::now_v7();
        let queue = [create_result(id, activity, id_in(&team, "id"), "2024-07-01", 5), step("submit_result", id, 1)];
        let body = json!({"operations": queue});
        let dry = leader.post("/v1/sync?dry_run=true", &body).await;
        assert_eq!((became(&dry.ok(200)), dry.header("dry-run")), (vec!["accepted"; 2], Some("true")));
        leader.get(&format!("/v1/results/{id}")).await.problem(404, "not_found");
        let first = leader.post("/v1/sync", &body).key("hang-doi-1").await;
        let again = leader.post("/v1/sync", &body).key("hang-doi-1").await;
        assert_eq!((first.ok(200), again.header("idempotency-replayed")), (again.ok(200), Some("true")));
        assert_eq!(became(&first.json()), ["accepted"; 2]);
        assert_eq!(reported(t).await, 5);
    }
}
