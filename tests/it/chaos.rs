//! Phones in the field that lose answers, hang up, send again, out of order and from two devices whose clocks are hours
//! off, while the service is killed again and again: at the end it knows exactly what they know, to the turn.
//!
//! Small as it stands. `TINHNGUYEN_TEST_PHONES=200` is a campaign's evening: 500 tallies and 100 results a phone, kills
//! every four seconds (`TINHNGUYEN_TEST_TALLIES`, `TINHNGUYEN_TEST_RESULTS` and `TINHNGUYEN_TEST_KILL_MS` change that). The
//! seed is printed; `TINHNGUYEN_TEST_SEED` makes the same phones again, with the same ids and the same bad luck.
//! `cargo test --release -p tests --test it -- chaos --nocapture` runs it with an optimised service.

use crate::harness::{
    Blank,
    desk::Desk,
    world::{HA_NOI, new_activity, new_result, new_team, seeded_unit},
};
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How large a run is.
struct Size {
    phones: usize,
    tallies: usize,
    results: usize,
    kill_every: Duration,
    kills_at_most: u32,
    /// Things in one request at most.
    portion: usize,
    /// How long it may take: what is refused again and again would else never end.
    at_most: Duration,
}

impl Size {
    fn wanted() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
        let evening = number("TINHNGUYEN_TEST_PHONES").is_some();
        let or = |name: &str, large: usize, small: usize| number(name).unwrap_or(if evening { large } else { small });
        Self {
            phones: or("TINHNGUYEN_TEST_PHONES", 200, 6),
            tallies: or("TINHNGUYEN_TEST_TALLIES", 500, 25),
            results: or("TINHNGUYEN_TEST_RESULTS", 100, 5),
            kill_every: Duration::from_millis(or("TINHNGUYEN_TEST_KILL_MS", 4_000, 700).try_into().unwrap()),
            kills_at_most: if evening { u32::MAX } else { 3 },
            portion: if evening { 60 } else { 20 },
            at_most: Duration::from_secs(if evening { 7_200 } else { 600 }),
        }
    }
}

/// Phones of one team share it and the activities that its tallies are made for.
const PHONES_A_TEAM: usize = 4;
/// Days on which a phone reports for each of its activities.
const DAYS_AN_ACTIVITY: usize = 10;

/// An id that the seed gives.
fn id(random: &mut StdRng) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(1_719_800_000_000 + random.random_range(0..1_000_000), &random.random())
        .into_uuid()
}

fn day(n: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 6, 20).unwrap() + TimeDelta::days(i64::try_from(n).unwrap())
}

/// The day in Viet Nam.
fn local_day(at: DateTime<Utc>) -> NaiveDate {
    (at + TimeDelta::hours(7)).date_naive()
}

/// A mark on a phone, and where it belongs.
#[derive(Clone)]
struct Mark {
    id: Uuid,
    activity: Uuid,
    day: NaiveDate,
    turns: i64,
    body: Value,
}

/// By which road a result is sent, the same from a phone and its twin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    /// `POST /v1/results`, then `/submit`.
    Alone,
    /// `POST /v1/results/bulk` with `submit`.
    Bulk,
    /// `POST /v1/sync`.
    Sync,
}

/// A result that a phone states.
#[derive(Clone)]
struct Stated {
    id: Uuid,
    road: Road,
    body: Value,
    /// What it counts for at the end.
    turns: i64,
}

/// All that a phone knows.
#[derive(Clone)]
struct Phone {
    marks: Vec<Mark>,
    results: Vec<Stated>,
    /// Operations that go by sync alone: its own activities, the results of that road, amendments.
    operations: Vec<Value>,
}

impl Phone {
    fn new(random: &mut StdRng, size: &Size, team: Uuid, of_tallies: &[Uuid]) -> Self {
        // Fast or slow by hours.
        let skew = TimeDelta::minutes(random.random_range(-600..600));
        let marks = (0..size.tallies).map(|_| {
            let minute = random.random_range(0..3 * 24 * 60);
            let at = Utc.with_ymd_and_hms(2024, 7, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minute) + skew;
            let (id, turns) = (id(random), random.random_range(1..6));
            let body = json!({
                "id": id, "occurred_at": at, "turns": turns, "topic": "cyber_safety",
                "audience": (["residents", "children"][random.random_range(0..2)]),
            });
            Mark { id, activity: of_tallies[random.random_range(0..of_tallies.len())], day: local_day(at), turns, body }
        });
        let marks = marks.collect();
        let (mut results, mut operations) = (Vec::new(), Vec::new());
        while results.len() < size.results {
            let activity = id(random);
            let body = new_activity(team);
            operations.push(json!({"kind": "create_activity", "id": activity, "body": body}));
            for n in 0..DAYS_AN_ACTIVITY.min(size.results - results.len()) {
                let (id, op_id, amendment) = (id(random), id(random), id(random));
                let road = [Road::Alone, Road::Bulk, Road::Sync][random.random_range(0..3)];
                let mut turns = random.random_range(1..90);
                let mut body = new_result(activity, team, &day(n).to_string(), turns);
                body["id"] = json!(id);
                if road == Road::Sync {
                    operations.push(json!({"kind": "create_result", "id": id, "body": body}));
                    operations.push(json!({"kind": "submit_result", "op_id": op_id, "id": id, "version": 1}));
                }
                if random.random_bool(0.2) {
                    turns = random.random_range(1..90);
                    let amended = json!({"lines": new_result(activity, team, "", turns)["lines"], "reason": "Đếm lại"});
                    operations.push(
                        json!({"kind": "amend_result", "op_id": amendment, "id": id, "version": 2, "body": amended}),
                    );
                }
                results.push(Stated { id, road, body, turns });
            }
        }
        Self { marks, results, operations }
    }
}

/// Where the service is at the moment.
struct Net {
    base: RefCell<String>,
    token: RefCell<String>,
    http: reqwest::Client,
    portion: usize,
    began: Instant,
    at_most: Duration,
    /// What was refused last.
    refused: RefCell<String>,
    lost: Cell<u32>,
    hung_up: Cell<u32>,
    sent: Cell<u32>,
}

impl Net {
    /// Sends a request; nothing when no answer comes, whatever has become of it.
    async fn send(
        &self,
        random: &mut StdRng,
        path: &str,
        body: &Value,
        headers: &[(&str, String)],
    ) -> Option<(u16, Value)> {
        assert!(self.began.elapsed() < self.at_most, "{path} is still sent; refused last: {}", self.refused.borrow());
        let url = format!("{}{path}", self.base.borrow());
        let mut request = self.http.post(url).bearer_auth(&*self.token.borrow());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let hangs_up = random.random_bool(0.05);
        let patience = if hangs_up { random.random_range(1..40) } else { 25_000 };
        self.sent.set(self.sent.get() + 1);
        let Ok(answer) = request.timeout(Duration::from_millis(patience)).send().await else {
            self.hung_up.set(self.hung_up.get() + u32::from(hangs_up));
            return None;
        };
        if random.random_bool(0.15) {
            self.lost.set(self.lost.get() + 1);
            return None;
        }
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.ok()?;
        assert!(
            matches!(status, 200 | 201 | 409 | 412 | 503) || (status == 422 && path == "/v1/results"),
            "{path}: {status} {body}"
        );
        Some((status, body))
    }

    async fn pause(random: &mut StdRng) {
        tokio::time::sleep(Duration::from_millis(random.random_range(5..60))).await;
    }
}

/// Tells of those things of a request that an answer says are done.
fn settle(net: &Net, answer: &Value, may_fail: &[&str], mut done: impl FnMut(&Value)) {
    for outcome in answer["outcomes"].as_array().unwrap() {
        match outcome["status"].as_str().unwrap() {
            "accepted" | "duplicate" => done(outcome),
            // It stands on something that has not arrived yet.
            _ => {
                let code = outcome["problem"]["code"].as_str().unwrap();
                assert!(may_fail.contains(&code), "{outcome}");
                net.refused.replace(outcome.to_string());
            }
        }
    }
}

/// Some of those that wait, and some that are sent once more, in any order.
fn some<T: Clone>(random: &mut StdRng, all: &[T], at_most: usize, waits: impl Fn(&T) -> bool) -> Vec<T> {
    let many = random.random_range(1..=at_most);
    let mut chosen: Vec<T> = all.iter().filter(|one| waits(one) || random.random_bool(0.1)).cloned().collect();
    chosen.shuffle(random);
    chosen.truncate(many);
    chosen
}

/// Sends all marks until the service has said of each that it has it.
async fn send_marks(net: &Net, marks: &[Mark], random: &mut StdRng) {
    let mut waiting: BTreeSet<Uuid> = marks.iter().map(|mark| mark.id).collect();
    while let Some(first) = marks.iter().find(|mark| waiting.contains(&mark.id)) {
        let of_it: Vec<Mark> = marks.iter().filter(|mark| mark.activity == first.activity).cloned().collect();
        let batch = some(random, &of_it, net.portion, |mark| waiting.contains(&mark.id));
        if batch.is_empty() {
            continue;
        }
        let bodies: Vec<_> = batch.iter().map(|mark| &mark.body).collect();
        let path = format!("/v1/activities/{}/tallies", first.activity);
        match net.send(random, &path, &json!({"tallies": bodies}), &[]).await {
            Some((200, answer)) => settle(net, &answer, &[], |one| {
                waiting.remove(&one["id"].as_str().unwrap().parse().unwrap());
            }),
            _ => Net::pause(random).await,
        }
    }
}

/// Sends results one by one and in bulk until the service has said of each that it is submitted.
async fn send_results(net: &Net, results: &[Stated], random: &mut StdRng) {
    let mut bulk: BTreeSet<Uuid> = results.iter().filter(|one| one.road == Road::Bulk).map(|one| one.id).collect();
    let of_bulk: Vec<Stated> = results.iter().filter(|one| one.road == Road::Bulk).cloned().collect();
    let mut alone: Vec<&Stated> = results.iter().filter(|one| one.road == Road::Alone).collect();
    alone.shuffle(random);
    while !bulk.is_empty() || !alone.is_empty() {
        if !bulk.is_empty() {
            let batch = some(random, &of_bulk, net.portion, |one| bulk.contains(&one.id));
            let bodies: Vec<_> = batch.iter().map(|one| &one.body).collect();
            if !bodies.is_empty() {
                match net.send(random, "/v1/results/bulk", &json!({"results": bodies, "submit": true}), &[]).await {
                    Some((200, answer)) => settle(net, &answer, &["reference_not_found"], |one| {
                        bulk.remove(&one["id"].as_str().unwrap().parse().unwrap());
                    }),
                    _ => Net::pause(random).await,
                }
            }
        }
        let Some(one) = alone.last() else { continue };
        if submitted_alone(net, one, random).await {
            alone.pop();
        } else {
            Net::pause(random).await;
            alone.shuffle(random);
        }
    }
}

/// Tries to write a result and to submit it; whether the service has said that it is.
async fn submitted_alone(net: &Net, one: &Stated, random: &mut StdRng) -> bool {
    // Half of the phones name their requests too.
    let key = |what: &str| vec![("idempotency-key", format!("{what}-{}", one.id))];
    let keyed = random.random_bool(0.5);
    let headers = if keyed { key("ghi") } else { vec![] };
    let Some((200 | 201, _)) = net.send(random, "/v1/results", &one.body, &headers).await else { return false };
    let mut headers = if keyed { key("nop") } else { vec![] };
    headers.push(("if-match", "\"1\"".to_owned()));
    let path = format!("/v1/results/{}/submit", one.id);
    match net.send(random, &path, &Value::Null, &headers).await {
        Some((200, answer)) => answer["status"] == "submitted",
        // It was changed since: by this very submission, whose answer was lost, or by the twin's.
        Some((412, _)) => true,
        _ => false,
    }
}

/// Sends operations until the service has said of each that it is done.
async fn send_operations(net: &Net, operations: &[Value], random: &mut StdRng) {
    let numbered: Vec<(usize, Value)> = operations.iter().cloned().enumerate().collect();
    let mut waiting: BTreeSet<usize> = (0..operations.len()).collect();
    while !waiting.is_empty() {
        let batch = some(random, &numbered, net.portion, |(n, _)| waiting.contains(n));
        if batch.is_empty() {
            continue;
        }
        let bodies: Vec<_> = batch.iter().map(|(_, operation)| operation).collect();
        match net.send(random, "/v1/sync", &json!({"operations": bodies}), &[]).await {
            Some((200, answer)) => {
                settle(net, &answer, &["reference_not_found", "not_found", "stale_version"], |one| {
                    waiting.remove(&batch[usize::try_from(one["index"].as_u64().unwrap()).unwrap()].0);
                })
            }
            _ => Net::pause(random).await,
        }
    }
}

/// Sends all that a phone knows, by every road at once, as an application does that has just found its signal again.
async fn phone(net: &Net, phone: &Phone, seed: u64) {
    let [mut first, mut second, mut third] =
        [1, 2, 3].map(|n| StdRng::seed_from_u64(seed.wrapping_mul(3).wrapping_add(n)));
    tokio::join!(
        send_marks(net, &phone.marks, &mut first),
        send_results(net, &phone.results, &mut second),
        send_operations(net, &phone.operations, &mut third),
    );
}

/// Where two maps differ, some of it.
fn differences(left: &BTreeMap<String, i64>, right: &BTreeMap<String, i64>) -> Vec<String> {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let told = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
    told.take(10).map(|key| format!("{key}: {:?}, {:?}", left.get(key), right.get(key))).collect()
}

/// Every page of a list.
async fn all(service: &crate::harness::desk::Service, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("{path}limit=200{cursor}")).await;
        items.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// What a reader of the changes has at the end: the version of each result.
async fn followed(service: &crate::harness::desk::Service) -> BTreeMap<String, i64> {
    let (mut copy, mut since) = (BTreeMap::new(), String::new());
    loop {
        let page = service.get(&format!("/v1/changes?kind=result&limit=200{since}")).await;
        for one in page["data"].as_array().unwrap() {
            copy.insert(one["id"].as_str().unwrap().to_owned(), one["version"].as_i64().unwrap());
        }
        since = format!("&since={}", page["next_cursor"].as_str().unwrap());
        if page["has_more"] == false {
            return copy;
        }
    }
}

both! {
    async fn whatever_phones_send_through_kills_is_counted_once_to_the_turn(db: &Blank) {
        let size = Size::wanted();
        let seed = std::env::var("TINHNGUYEN_TEST_SEED").ok().and_then(|text| text.parse::<u64>().ok());
        let seed = seed.unwrap_or_else(|| rand::rng().random());
        println!("TINHNGUYEN_TEST_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let mut own: Vec<Phone> = Vec::new();
        let mut team_of: BTreeMap<Uuid, Uuid> = BTreeMap::new();
        while own.len() < size.phones {
            let (team, activities) = (id(&mut random), [id(&mut random), id(&mut random)]);
            let mut body = new_team(seeded_unit(HA_NOI));
            body["id"] = json!(team);
            service.post("/v1/teams", &body).await.unwrap();
            for activity in activities {
                let mut body = new_activity(team);
                body["id"] = json!(activity);
                service.post("/v1/activities", &body).await.unwrap();
                team_of.insert(activity, team);
            }
            for _ in 0..PHONES_A_TEAM.min(size.phones - own.len()) {
                own.push(Phone::new(&mut random, &size, team, &activities));
            }
        }
        let net = Net {
            base: RefCell::new(service.base.clone()),
            token: RefCell::new(service.token.clone()),
            http: reqwest::Client::new(),
            portion: size.portion,
            began: Instant::now(),
            at_most: size.at_most,
            refused: RefCell::default(),
            lost: Cell::new(0),
            hung_up: Cell::new(0),
            sent: Cell::new(0),
        };
        let done = Cell::new(false);
        let field = async {
            // Every fourth phone has a twin that holds the same.
            let twins = own.iter().step_by(4);
            let all = own.iter().chain(twins).zip(seed..);
            join_all(all.map(|(knows, seed)| phone(&net, knows, seed))).await;
            done.set(true);
        };
        let kills = async {
            let mut kills = 0;
            while !done.get() && kills < size.kills_at_most {
                tokio::time::sleep(size.kill_every).await;
                if done.get() && kills > 0 {
                    break;
                }
                service.signal("KILL");
                service.ended().await;
                kills += 1;
                service = desk.start();
                // Logs in anew too: an evening is longer than a token is good for.
                service.ready().await;
                net.base.replace(service.base.clone());
                net.token.replace(service.token.clone());
            }
            kills
        };
        let ((), kills) = tokio::join!(field, kills);
        let (lost, hung_up, sent) = (net.lost.get(), net.hung_up.get(), net.sent.get());
        println!("{sent} requests, {kills} kills, {lost} answers lost, {hung_up} hung up");
        assert!(kills > 0 && lost > 0, "{kills} kills, {lost} answers lost");

        // Every result states what its phone knows, and none is there that no phone knows.
        let known: BTreeMap<String, i64> =
            own.iter().flat_map(|phone| &phone.results).map(|one| (one.id.to_string(), one.turns)).collect();
        assert_eq!(known.len(), size.phones * size.results);
        let stored = all(&service, "/v1/results?").await;
        let stored_turns: BTreeMap<String, i64> = stored
            .iter()
            .map(|one| {
                assert_eq!(one["status"], "submitted", "{one}");
                (one["id"].as_str().unwrap().to_owned(), one["turns"].as_i64().unwrap())
            })
            .collect();
        assert_eq!(stored.len(), stored_turns.len());
        assert_eq!(differences(&stored_turns, &known), Vec::<String>::new(), "what is stored, and what the phones know");
        let versions: BTreeMap<String, i64> = stored
            .iter()
            .map(|one| (one["id"].as_str().unwrap().to_owned(), one["version"].as_i64().unwrap()))
            .collect();
        let copy = followed(&service).await;
        assert_eq!(differences(&copy, &versions), Vec::<String>::new(), "what a follower has, and what is stored");

        let mut sums: BTreeMap<(Uuid, NaiveDate), (i64, i64)> = BTreeMap::new();
        for mark in own.iter().flat_map(|phone| &phone.marks) {
            let sum = sums.entry((mark.activity, mark.day)).or_default();
            *sum = (sum.0 + mark.turns, sum.1 + 1);
        }
        assert_eq!(sums.values().map(|(_, marks)| *marks).sum::<i64>(), i64::try_from(size.phones * size.tallies).unwrap());
        for ((activity, day), (turns, marks)) in &sums {
            let counted = service.get(&format!("/v1/activities/{activity}/tallies?day={day}&limit=1&include_total=true")).await;
            assert_eq!(counted["total"], *marks, "{activity} on {day}");
            let body = json!({"activity_id": activity, "team_id": team_of[activity], "reported_on": day, "from_tallies": true});
            let result = service.post("/v1/results", &body).await.unwrap();
            assert_eq!(result["turns"], *turns, "{activity} on {day}");
            service.post(&format!("/v1/results/{}/submit", result["id"].as_str().unwrap()), &Value::Null).await.unwrap();
        }
        let tallied: i64 = sums.values().map(|(turns, _)| turns).sum();
        assert_eq!(service.reported().await, tallied + known.values().sum::<i64>());
        service.stop().await;
        for check in [["progress", "check"], ["audit", "verify"]] {
            let (code, said) = desk.run(&check);
            assert_eq!(code, Some(0), "{said}");
        }
    }
}
