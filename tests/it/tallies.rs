//! Tallies: exactly once by their ids, whoever sends them, how often and in which order; and what a result makes of them.

use crate::harness::{
    Caller, T, id_in,
    world::{HA_NOI, seeded_unit},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

fn tally(id: Uuid, at: &str, turns: i64) -> Value {
    json!({"id": id, "occurred_at": at, "topic": "cyber_safety", "audience": "residents", "turns": turns})
}

/// A team at work, its leader, and its activity.
struct Scene {
    leader: Caller,
    activity: Uuid,
    team: Uuid,
}

impl Scene {
    async fn set(t: &T) -> Self {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        Self { leader, activity: id_in(&activity, "id"), team: id_in(&team, "id") }
    }

    async fn send(&self, tallies: &[Value]) -> Value {
        self.leader.post(&self.path(), &json!({"tallies": tallies})).await.ok(200)
    }

    fn path(&self) -> String {
        format!("/v1/activities/{}/tallies", self.activity)
    }

    /// The day is closed: a draft made of its tallies.
    async fn close(&self, day: &str) -> Value {
        let body =
            json!({"activity_id": self.activity, "team_id": self.team, "reported_on": day, "from_tallies": true});
        self.leader.post("/v1/results", &body).await.ok(201)
    }
}

fn counts(outcome: &Value) -> (i64, i64, i64) {
    let count = |name: &str| outcome[name].as_i64().unwrap();
    (count("accepted"), count("duplicates"), count("rejected"))
}

const DAY: &str = "2024-07-01T02:00:00Z";

both! {
    async fn each_is_counted_once_whatever_is_sent_again(t: &T) {
        let scene = Scene::set(t).await;
        let ids: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
        let all: Vec<Value> = ids.iter().map(|id| tally(*id, DAY, 2)).collect();
        assert_eq!(counts(&scene.send(&all[..3]).await), (3, 0, 0));
        // Overlapping, backwards, and one of them twice.
        let again = [all[4].clone(), all[2].clone(), all[3].clone(), all[4].clone(), all[0].clone()];
        let outcome = scene.send(&again).await;
        assert_eq!(counts(&outcome), (2, 3, 0));
        let statuses: Vec<_> = outcome["outcomes"].as_array().unwrap().iter().map(|o| o["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["accepted", "duplicate", "accepted", "duplicate", "duplicate"]);
        assert_eq!(counts(&scene.send(&all).await), (0, 5, 0));
        let result = scene.close("2024-07-01").await;
        assert_eq!((&result["turns"], &result["from_tallies"]), (&json!(10), &json!(true)));
        assert_eq!(counts(&scene.send(&all).await), (0, 5, 0), "and after the day is closed");
        assert_eq!(t.admin.get(&format!("{}?include_total=true", scene.path())).await.ok(200)["total"], 5);
    }

    async fn one_that_is_wrong_is_rejected_alone(t: &T) {
        let scene = Scene::set(t).await;
        let good = Uuid::now_v7();
        let mut unknown = tally(Uuid::now_v7(), DAY, 1);
        unknown["note"] = json!("x");
        let mut topic = tally(Uuid::now_v7(), DAY, 1);
        topic["topic"] = json!("it_contest");
        let batch = [
            tally(good, DAY, 1),
            tally(Uuid::now_v7(), DAY, 0),
            unknown,
            json!(7),
            tally(Uuid::now_v7(), "2024-05-01T02:00:00Z", 1),
            tally(Uuid::now_v7(), "2024-07-16T02:00:00Z", 1),
            topic,
            tally(good, DAY, 2),
        ];
        let outcome = scene.send(&batch).await;
        assert_eq!(counts(&outcome), (1, 0, 7));
        let told: Vec<_> = outcome["outcomes"].as_array().unwrap().iter().map(|o| {
            let problem = &o["problem"];
            (o["index"].as_u64().unwrap(), problem["code"].as_str().unwrap_or("-").to_owned(), problem["errors"][0]["pointer"].as_str().unwrap_or("-").to_owned())
        }).collect();
        let wanted = [
            (0, "-", "-"),
            (1, "out_of_range", "/turns"),
            (2, "unknown_field", "/note"),
            (3, "wrong_type", ""),
            (4, "outside_campaign", "/occurred_at"),
            (5, "in_the_future", "/occurred_at"),
            (6, "topic_not_of_kind", "/topic"),
            (7, "id_already_used", "-"),
        ];
        assert_eq!(told, wanted.map(|(index, code, at)| (index, code.to_owned(), at.to_owned())));
        assert_eq!(outcome["causes"].as_array().unwrap().len(), 7);
        assert_eq!(scene.close("2024-07-01").await["turns"], 1);
        // What is wrong with all of it.
        scene.leader.post(&scene.path(), &json!({"tallies": []})).await.faults(422, &[("/tallies", "too_few")]);
        let many: Vec<_> = (0..1001).map(|_| tally(Uuid::now_v7(), DAY, 1)).collect();
        scene.leader.post(&scene.path(), &json!({"tallies": many})).await.faults(422, &[("/tallies", "too_many")]);
        let body = json!({"tallies": [tally(good, DAY, 1)], "team_id": Uuid::now_v7()});
        scene.leader.post(&scene.path(), &body).await.faults(422, &[("/team_id", "reference_not_found")]);
    }

    async fn two_phones_at_once_send_the_same_and_it_is_counted_once(t: &T) {
        let scene = Scene::set(t).await;
        let all: Vec<Value> = (0..40).map(|_| tally(Uuid::now_v7(), DAY, 3)).collect();
        let batches = join_all((0..8).map(|phone| {
            let mut mine = all.clone();
            mine.rotate_left(phone * 5);
            let scene = &scene;
            async move { counts(&scene.send(&mine).await) }
        }))
        .await;
        assert_eq!(batches.iter().map(|(accepted, ..)| accepted).sum::<i64>(), 40);
        assert_eq!(batches.iter().map(|(_, duplicates, _)| duplicates).sum::<i64>(), 7 * 40);
        assert_eq!(scene.close("2024-07-01").await["turns"], 120);
    }

    async fn a_day_is_the_campaigns_own_and_a_draft_takes_in_what_comes_before_it_is_submitted(t: &T) {
        let scene = Scene::set(t).await;
        let id = Uuid::now_v7;
        // 17:00Z is midnight in Viet Nam.
        scene.send(&[tally(id(), "2024-06-30T17:00:00Z", 5), tally(id(), "2024-07-01T16:59:59.999999Z", 7)]).await;
        scene.send(&[tally(id(), "2024-07-01T17:00:00Z", 11), tally(id(), "2024-06-30T16:59:59Z", 13)]).await;
        let draft = scene.close("2024-07-01").await;
        assert_eq!(draft["turns"], 12);
        scene.send(&[tally(id(), DAY, 100)]).await;
        let path = format!("/v1/results/{}", id_in(&draft, "id"));
        let submitted = scene.leader.act(&format!("{path}/submit")).await.ok(200);
        assert_eq!((&submitted["turns"], &submitted["flags"]), (&json!(112), &json!([])));
        let waiting = scene.leader.get(&format!("{}?waiting=true&include_total=true", scene.path())).await.ok(200);
        assert_eq!(waiting["total"], 2, "of the other days");
    }

    async fn what_comes_late_is_kept_seen_and_taken_in_by_an_amendment(t: &T) {
        let scene = Scene::set(t).await;
        scene.send(&[tally(Uuid::now_v7(), DAY, 5)]).await;
        let draft = scene.close("2024-07-01").await;
        let path = format!("/v1/results/{}", id_in(&draft, "id"));
        scene.leader.act(&format!("{path}/submit")).await.ok(200);
        t.admin.act(&format!("{path}/verify")).await.ok(200);
        scene.send(&[tally(Uuid::now_v7(), DAY, 7)]).await;
        let late = scene.leader.get(&path).await.ok(200);
        assert_eq!((&late["turns"], &late["status"], &late["flags"]), (&json!(5), &json!("verified"), &json!(["late_tallies"])));
        let listed = t.admin.get("/v1/results?flag=late_tallies").await.ok(200);
        assert_eq!(listed["data"][0]["id"], draft["id"]);
        let amendment = json!({"from_tallies": true, "reason": "Điện thoại có mạng trở lại"});
        let amended = scene.leader.post(&format!("{path}/amend"), &amendment).if_match("*").await.ok(200);
        assert_eq!((&amended["turns"], &amended["status"], &amended["flags"]), (&json!(12), &json!("submitted"), &json!([])));
        let both = json!({"from_tallies": true, "lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 1}], "reason": "x"});
        scene.leader.post(&format!("{path}/amend"), &both).if_match("*").await.faults(422, &[("/lines", "too_many")]);
    }

    async fn a_deleted_draft_lets_its_tallies_go_and_lines_by_hand_stay_by_hand(t: &T) {
        let scene = Scene::set(t).await;
        scene.send(&[tally(Uuid::now_v7(), DAY, 5)]).await;
        let draft = scene.close("2024-07-01").await;
        scene.leader.delete(&format!("/v1/results/{}", id_in(&draft, "id"))).if_match("*").await.ok(204);
        let draft = scene.close("2024-07-01").await;
        assert_eq!(draft["turns"], 5);
        let path = format!("/v1/results/{}", id_in(&draft, "id"));
        let lines = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 6}]});
        let changed = scene.leader.patch(&path, &lines).if_match("*").await.ok(200);
        assert_eq!((&changed["turns"], &changed["from_tallies"]), (&json!(6), &json!(false)));
        let submitted = scene.leader.act(&format!("{path}/submit")).await.ok(200);
        assert_eq!(submitted["turns"], 6);
        // A day without tallies has nothing to be made of.
        let body = json!({"activity_id": scene.activity, "team_id": scene.team, "reported_on": "2024-07-02", "from_tallies": true});
        scene.leader.post("/v1/results", &body).await.faults(422, &[("/lines", "too_few")]);
    }

    async fn a_rehearsal_keeps_nothing_and_a_key_replays(t: &T) {
        let scene = Scene::set(t).await;
        let body = json!({"tallies": [tally(Uuid::now_v7(), DAY, 5)]});
        let dry = scene.leader.post(&format!("{}?dry_run=true", scene.path()), &body).await.ok(200);
        assert_eq!(counts(&dry), (1, 0, 0));
        let first = scene.leader.post(&scene.path(), &body).key("tally-1").await;
        assert_eq!(counts(&first.ok(200)), (1, 0, 0));
        let again = scene.leader.post(&scene.path(), &body).key("tally-1").await;
        assert_eq!((counts(&again.ok(200)), again.header("idempotency-replayed")), ((1, 0, 0), Some("true")));
        assert_eq!(counts(&scene.leader.post(&scene.path(), &body).await.ok(200)), (0, 1, 0));
    }
}
