//! Phones in the field that lose answers, send again, out of order and from two devices, while the service is killed again
//! and again: at the end it knows exactly what they know.

use crate::harness::{
    Blank,
    desk::Desk,
    world::{HA_NOI, new_activity, new_team, seeded_unit},
};
use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

const DAYS: [&str; 3] = ["2024-07-01", "2024-07-02", "2024-07-03"];

/// A mark on a phone, and where it belongs.
#[derive(Clone)]
struct Mark {
    id: Uuid,
    activity: Uuid,
    day: &'static str,
    turns: i64,
    body: Value,
}

/// Where the service is at the moment.
struct Net {
    base: RefCell<String>,
    token: String,
    http: reqwest::Client,
    lost: Cell<u32>,
}

impl Net {
    /// Sends marks of one activity; nothing when no answer comes, whatever has become of the request.
    async fn send(&self, activity: Uuid, marks: &[Mark], loses_the_answer: bool) -> Option<Value> {
        let url = format!("{}/v1/activities/{activity}/tallies", self.base.borrow());
        let bodies: Vec<_> = marks.iter().map(|mark| &mark.body).collect();
        let request = self.http.post(url).bearer_auth(&self.token).json(&json!({"tallies": bodies}));
        let answer = request.timeout(Duration::from_secs(20)).send().await.ok()?;
        if loses_the_answer {
            self.lost.set(self.lost.get() + 1);
            return None;
        }
        let status = answer.status();
        let body: Value = answer.json().await.ok()?;
        assert!(status == 200 || status == 503, "{status}: {body}");
        (status == 200).then_some(body)
    }
}

/// Sends all marks until the service has said of each that it has it.
async fn phone(net: &Net, marks: &[Mark], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut waiting: BTreeSet<Uuid> = marks.iter().map(|mark| mark.id).collect();
    while !waiting.is_empty() {
        // Of one activity, some that wait and some that are sent once more, in any order.
        let first = marks.iter().find(|mark| waiting.contains(&mark.id)).unwrap();
        let of_it = |mark: &&Mark| mark.activity == first.activity;
        let many = random.random_range(1..30);
        let mut batch: Vec<Mark> = marks
            .iter()
            .filter(of_it)
            .filter(|mark| waiting.contains(&mark.id) || random.random_bool(0.2))
            .take(many)
            .cloned()
            .collect();
        batch.shuffle(&mut random);
        match net.send(first.activity, &batch, random.random_bool(0.15)).await {
            Some(answer) => {
                for outcome in answer["outcomes"].as_array().unwrap() {
                    let status = outcome["status"].as_str().unwrap();
                    assert!(matches!(status, "accepted" | "duplicate"), "{outcome}");
                    waiting.remove(&outcome["id"].as_str().unwrap().parse().unwrap());
                }
            }
            None => tokio::time::sleep(Duration::from_millis(random.random_range(5..60))).await,
        }
    }
}

both! {
    async fn whatever_phones_send_through_kills_is_counted_once_to_the_turn(db: &Blank) {
        // More of them, for longer: `TINHNGUYEN_TEST_PHONES=200`. The seed of a run that failed makes the same phones again.
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let phones = number("TINHNGUYEN_TEST_PHONES").unwrap_or(16);
        let seed = number("TINHNGUYEN_TEST_SEED").unwrap_or_else(|| rand::rng().random());
        println!("TINHNGUYEN_TEST_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let team = service.post("/v1/teams", &new_team(seeded_unit(HA_NOI))).await.unwrap();
        let team: Uuid = team["id"].as_str().unwrap().parse().unwrap();
        let mut activities = Vec::new();
        for _ in 0..4 {
            let made = service.post("/v1/activities", &new_activity(team)).await.unwrap();
            activities.push(made["id"].as_str().unwrap().parse::<Uuid>().unwrap());
        }
        let mut own: Vec<Vec<Mark>> = Vec::new();
        for _ in 0..phones {
            let mark = |random: &mut StdRng| {
                let (id, day) = (Uuid::now_v7(), DAYS[random.random_range(0..DAYS.len())]);
                let turns = random.random_range(1..6);
                let body = json!({
                    "id": id, "occurred_at": format!("{day}T0{}:15:00Z", random.random_range(0..9)), "turns": turns,
                    "topic": "cyber_safety", "audience": (["residents", "children"][random.random_range(0..2)]),
                });
                Mark { id, activity: activities[random.random_range(0..4)], day, turns, body }
            };
            own.push((0..60).map(|_| mark(&mut random)).collect());
        }
        let net = Net {
            base: RefCell::new(service.base.clone()),
            token: service.token.clone(),
            http: reqwest::Client::new(),
            lost: Cell::new(0),
        };
        let done = Cell::new(false);
        let field = async {
            // Every fourth phone has a twin that holds the same marks.
            let twins = own.iter().step_by(4);
            let all = own.iter().chain(twins).zip(seed..);
            join_all(all.map(|(marks, seed)| phone(&net, marks, seed))).await;
            done.set(true);
        };
        let kills = async {
            let mut kills = 0;
            while !done.get() && kills < 4 {
                tokio::time::sleep(Duration::from_millis(250)).await;
                service.signal("KILL");
                service.ended().await;
                kills += 1;
                service = desk.start();
                service.ready().await;
                net.base.replace(service.base.clone());
            }
            kills
        };
        let ((), kills) = tokio::join!(field, kills);
        assert!(kills > 0 && net.lost.get() > 0, "{kills} kills, {} answers lost", net.lost.get());

        let mut sums: BTreeMap<(Uuid, &str), i64> = BTreeMap::new();
        for mark in own.iter().flatten() {
            *sums.entry((mark.activity, mark.day)).or_default() += mark.turns;
        }
        for ((activity, day), turns) in &sums {
            let body = json!({"activity_id": activity, "team_id": team, "reported_on": day, "from_tallies": true});
            let result = service.post("/v1/results", &body).await.unwrap();
            assert_eq!(result["turns"], *turns, "{activity} on {day}");
            service.post(&format!("/v1/results/{}/submit", result["id"].as_str().unwrap()), &Value::Null).await.unwrap();
        }
        assert_eq!(service.reported().await, sums.values().sum::<i64>());
        service.stop().await;
        let (code, said) = desk.run(&["progress", "check"]);
        assert_eq!(code, Some(0), "{said}");
    }
}
