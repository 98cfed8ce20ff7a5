//! New results that come at the same moment are written together: each is taken or refused as if it had come alone.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, indicator, new_activity, new_result, seeded_unit},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

async fn figures(t: &T) -> (i64, i64) {
    let report = t.check().await;
    let total = report.totals.get(&indicator()).copied().unwrap_or_default();
    (total.reported.0, total.verified.0)
}

/// A leader in Hà Nội, and bodies of submitted results of theirs.
async fn scene(t: &T) -> (Caller, Uuid, impl Fn(&str, i64) -> Value) {
    let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
    let activity = id_in(&t.activity(&leader, &team).await, "id");
    let team = id_in(&team, "id");
    let body = move |day: &str, turns: i64| {
        let mut body = new_result(activity, team, day, turns);
        body["id"] = json!(Uuid::now_v7());
        body["submit"] = json!(true);
        body
    };
    (leader, activity, body)
}

both! {
    async fn what_comes_together_is_taken_or_refused_one_by_one(t: &T) {
        let (leader, activity, body) = scene(t).await;
        let (_, foreign, elsewhere) = scene(t).await;
        let (far_team, far_leader) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let far = t.activity(&far_leader, &far_team).await;
        let days: Vec<String> = (1..=28).map(|day| format!("2024-06-{day:02}")).collect();
        let good: Vec<Value> = days.iter().zip(1..).map(|(day, turns)| body(day, turns)).collect();
        let with = |base: &Value, field: &str, value: Value| {
            let mut body = base.clone();
            body["id"] = json!(Uuid::now_v7());
            body[field] = value;
            body
        };
        let fresh = body("2024-07-01", 1_000);
        let unknown = |pointer: &'static str| vec![(pointer, "reference_not_found")];
        let contest = json!([{"topic": "it_contest", "audience": "residents", "turns": 1}]);
        let refused = [
            (elsewhere("2024-07-02", 1), [unknown("/team_id"), unknown("/activity_id")].concat()),
            (with(&fresh, "activity_id", json!(foreign)), unknown("/activity_id")),
            (with(&fresh, "activity_id", far["id"].clone()), unknown("/activity_id")),
            (with(&fresh, "team_id", far_team["id"].clone()), unknown("/team_id")),
            (with(&good[0], "team_id", json!(Uuid::now_v7())), unknown("/team_id")),
            (with(&fresh, "reported_on", json!("2024-12-01")), vec![("/reported_on", "outside_campaign")]),
            (with(&fresh, "lines", contest), vec![("/lines/0/topic", "topic_not_of_kind")]),
        ];
        let sent = good.iter().chain(refused.iter().map(|(body, ..)| body));
        let answers = join_all(sent.map(|body| async { leader.post("/v1/results", body).await })).await;
        for (answer, sent) in answers.iter().zip(&good) {
            let made = answer.ok(201);
            assert_eq!((&made["id"], &made["status"], &made["version"]), (&sent["id"], &json!("submitted"), &json!(2)));
            assert_eq!(made["submitted_by"], json!(leader.user_id));
        }
        for (answer, (_, faults)) in answers.iter().skip(good.len()).zip(&refused) {
            answer.faults(422, faults);
        }
        let sum: i64 = (1..=28).sum();
        assert_eq!(figures(t).await, (sum, 0));
        let listed = leader.get(&format!("/v1/results?activity_id={activity}&limit=200&include_total=true")).await.ok(200);
        assert_eq!(listed["total"], 28);
        assert_eq!(t.admin.get(&format!("/v1/activities/{activity}")).await.ok(200)["status"], "ongoing");
        let revisions = leader.get(&format!("/v1/results/{}/revisions", good[3]["id"].as_str().unwrap())).await.ok(200);
        assert_eq!((revisions["data"].as_array().unwrap().len(), &revisions["data"][0]["status"]), (1, &json!("submitted")));
    }

    async fn the_same_sent_many_times_at_once_counts_once(t: &T) {
        let (leader, _, body) = scene(t).await;
        let replica = t.replica().await;
        let there = replica.asked_by(&leader);
        let (by_id, by_key) = (body("2024-07-01", 7), body("2024-07-02", 11));
        let mut other = by_id.clone();
        other["lines"][0]["turns"] = json!(8);
        let mut changed = by_key.clone();
        changed["lines"][0]["turns"] = json!(12);
        // One day, six results of different ids, from both replicas: one of them is it.
        let rivals: Vec<Value> = (0..6).map(|_| body("2024-07-03", 13)).collect();
        let at = |n: usize| if n.is_multiple_of(2) { &leader } else { &there };
        let ids = join_all((0..10).map(|n| at(n).post("/v1/results", &by_id).into_future()));
        let clashes = join_all((0..4).map(|n| at(n).post("/v1/results", &other).into_future()));
        let keys = join_all((0..10).map(|n| at(n).post("/v1/results", &by_key).key("lop-02").into_future()));
        let reused = join_all((0..4).map(|n| at(n).post("/v1/results", &changed).key("lop-02").into_future()));
        let days = join_all((0..6).map(|n| at(n).post("/v1/results", &rivals[n]).into_future()));
        let (ids, clashes, keys, reused, days) = futures_util::join!(ids, clashes, keys, reused, days);

        let count = |answers: &[crate::harness::Answer]| {
            let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
            answers.iter().for_each(|answer| *by_status.entry(answer.status).or_default() += 1);
            by_status
        };
        // Whichever body came first has the id; whoever says otherwise afterwards is told so.
        let made: Vec<_> = ids.iter().chain(&clashes).filter(|answer| answer.status == 201).collect();
        assert_eq!(made.len(), 1, "{:?} {:?}", count(&ids), count(&clashes));
        let seven = made[0].json()["lines"][0]["turns"] == json!(7);
        let (same, otherwise) = if seven { (&ids, &clashes) } else { (&clashes, &ids) };
        assert!(same.iter().all(|answer| matches!(answer.status, 200 | 201)), "{:?}", count(same));
        otherwise.iter().for_each(|answer| drop(answer.problem(409, "id_already_used")));

        let eleven = keys.iter().any(|answer| answer.status == 201);
        let (same, otherwise) = if eleven { (&keys, &reused) } else { (&reused, &keys) };
        let bodies: Vec<Value> = same.iter().map(|answer| answer.ok(201)).collect();
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
        let replayed = same.iter().filter(|answer| answer.header("idempotency-replayed").is_some()).count();
        assert_eq!(replayed, same.len() - 1);
        otherwise.iter().for_each(|answer| drop(answer.problem(422, "idempotency_key_reused")));

        assert_eq!(count(&days), BTreeMap::from([(201, 1), (409, 5)]));
        let it = days.iter().find(|answer| answer.status == 201).unwrap().id();
        for answer in days.iter().filter(|answer| answer.status == 409) {
            assert_eq!(answer.problem(409, "result_exists")["existing"], format!("/v1/results/{it}"));
        }
        let expected = (if seven { 7 } else { 8 }) + (if eleven { 11 } else { 12 }) + 13;
        assert_eq!(figures(t).await, (expected, 0));
    }

    async fn days_of_tallies_close_together(t: &T) {
        let (leader, activity, body) = scene(t).await;
        let days = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04"];
        let tally = |day: &str, turns: i64| json!({
            "id": Uuid::now_v7(), "occurred_at": format!("{day}T02:00:00Z"), "topic": "cyber_safety", "audience": "residents",
            "turns": turns,
        });
        let tallies: Vec<Value> = days.iter().zip(1..).flat_map(|(day, turns)| [tally(day, turns), tally(day, 10)]).collect();
        leader.post(&format!("/v1/activities/{activity}/tallies"), &json!({"tallies": tallies})).await.ok(200);
        // Three days are made of their tallies; of the fourth the leader states a figure of their own.
        let close = |at: usize| {
            let mut body = body(days[at], 500);
            if at < 3 {
                body["from_tallies"] = json!(true);
                body.as_object_mut().unwrap().remove("lines");
            }
            body
        };
        let bodies: Vec<Value> = (0..4).map(close).collect();
        let answers = join_all(bodies.iter().map(|body| async { leader.post("/v1/results", body).await })).await;
        let made: Vec<Value> = answers.iter().map(|answer| answer.ok(201)).collect();
        let turns: Vec<_> = made.iter().map(|made| made["turns"].as_i64().unwrap()).collect();
        assert_eq!(turns, [11, 12, 13, 500]);
        assert_eq!((&made[0]["flags"], &made[3]["flags"]), (&json!([]), &json!(["late_tallies"])));
        for (made, of_it) in made.iter().zip([2, 2, 2, 0]) {
            let path = format!("/v1/activities/{activity}/tallies?result_id={}&include_total=true", made["id"].as_str().unwrap());
            assert_eq!(leader.get(&path).await.ok(200)["total"], of_it);
        }
        assert_eq!(figures(t).await, (536, 0));
    }

    async fn a_rehearsal_is_answered_alone_and_leaves_nothing(t: &T) {
        let (leader, _, body) = scene(t).await;
        let new = body("2024-07-01", 5);
        let dry = leader.post("/v1/results?dry_run=true", &new).key("thu").await;
        assert_eq!((&dry.ok(201)["status"], dry.header("dry-run")), (&json!("submitted"), Some("true")));
        assert_eq!((figures(t).await, dry.header("ledger-seq")), ((0, 0), None));
        leader.post("/v1/results", &new).key("thu").await.ok(201);
        assert_eq!(figures(t).await, (5, 0));
    }

    async fn a_write_names_the_entry_that_a_reading_may_wait_for(t: &T) {
        let (leader, activity, body) = scene(t).await;
        let entry = |answer: &crate::harness::Answer| answer.header("ledger-seq").unwrap().parse::<i64>().unwrap();
        let made = leader.post("/v1/results", &body("2024-07-01", 5)).await;
        made.ok(201);
        assert_eq!(entry(&made), 1);
        let verified = t.admin.act(&format!("/v1/results/{}/verify", made.id())).await;
        verified.ok(200);
        assert_eq!(entry(&verified), 2);
        let draft = leader.post("/v1/results", &new_result(activity, id_in(&made.json(), "team_id"), "2024-07-02", 1)).await;
        assert_eq!((draft.ok(201)["status"].as_str(), draft.header("ledger-seq")), (Some("draft"), None));
        for path in ["/v1/progress", "/v1/public/progress"] {
            let progress = t.admin.get(&format!("{path}?min_ledger_seq=2")).await.ok(200);
            assert_eq!((&progress["reported"], &progress["ledger_seq"]), (&json!(5), &json!(2)));
            let behind = t.admin.get(&format!("{path}?min_ledger_seq=3")).await;
            assert_eq!(behind.problem(409, "ledger_behind")["ledger_seq"], 2);
            assert_eq!(behind.header("retry-after"), Some("1"));
            t.admin.get(&format!("{path}?min_ledger_seq=0")).await.problem(400, "invalid_parameter");
        }
        // What is waited for may come meanwhile.
        let waiting = t.admin.get("/v1/progress?min_ledger_seq=3").into_future();
        let coming = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            leader.act(&format!("/v1/results/{}/submit", draft.id())).await.ok(200)
        };
        let (waited, _) = futures_util::join!(waiting, coming);
        assert_eq!(waited.ok(200)["reported"], 6);
    }

    async fn activities_of_a_group_go_on_together(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let team = id_in(&team, "id");
        let mut activities = Vec::new();
        for _ in 0..5 {
            activities.push(leader.post("/v1/activities", &new_activity(team)).await.id());
        }
        t.admin.act(&format!("/v1/activities/{}/cancel", activities[4])).await.ok(200);
        let bodies: Vec<Value> = activities.iter().map(|activity| new_result(*activity, team, "2024-07-01", 2)).collect();
        let answers = join_all(bodies.iter().map(|body| async { leader.post("/v1/results", body).await })).await;
        answers[..4].iter().for_each(|answer| drop(answer.ok(201)));
        answers[4].problem(409, "activity_cancelled");
        for (activity, status) in activities.iter().zip(["ongoing", "ongoing", "ongoing", "ongoing", "cancelled"]) {
            let activity = leader.get(&format!("/v1/activities/{activity}")).await.ok(200);
            assert_eq!((&activity["status"], &activity["version"]), (&json!(status), &json!(2)));
        }
    }
    async fn who_goes_away_takes_nobody_along(t: &T) {
        let (leader, _, body) = scene(t).await;
        let bodies: Vec<Value> = (1..=30).map(|day| body(&format!("2024-06-{day:02}"), 3)).collect();
        let sent = bodies.iter().enumerate().map(|(at, body)| {
            let sending = leader.post("/v1/results", body).into_future();
            async move {
                // Every third client has no patience at all, every fifth a little.
                let patience = if at % 3 == 0 { 0 } else if at % 5 == 0 { 3 } else { 20_000 };
                tokio::time::timeout(std::time::Duration::from_millis(patience), sending).await.ok()
            }
        });
        let answers = join_all(sent).await;
        let patient = answers.iter().flatten().count();
        assert!((16..30).contains(&patient), "{patient} of 30 waited");
        answers.iter().flatten().for_each(|answer| drop(answer.ok(201)));
        // Once or not at all; sent again, each is there once.
        for body in &bodies {
            let again = leader.post("/v1/results", body).await;
            assert!(matches!(again.status, 200 | 201), "{}", again.text());
        }
        assert_eq!(figures(t).await, (90, 0));
    }

    async fn each_of_a_group_stands_in_the_audit_log_with_its_own_request(t: &T) {
        let (leader, _, body) = scene(t).await;
        let bodies: Vec<Value> = (1..=6).map(|day| body(&format!("2024-06-{day:02}"), 3)).collect();
        let sent = bodies.iter().enumerate().map(|(at, body)| {
            leader.post("/v1/results", body).header("x-request-id", format!("lop-{at}")).into_future()
        });
        join_all(sent).await.iter().for_each(|answer| drop(answer.ok(201)));
        let log = t.admin.get(&format!("/v1/audit-log?actor_id={}&limit=200", leader.user_id)).await.ok(200);
        for (at, body) in bodies.iter().enumerate() {
            let rows: Vec<_> =
                log["data"].as_array().unwrap().iter().filter(|row| row["resource_id"] == body["id"]).collect();
            assert_eq!((rows.len(), &rows[0]["request_id"]), (1, &json!(format!("lop-{at}"))));
            assert_eq!(rows[0]["action"], "create_result");
        }
    }
}
