//! The main promise: whatever many people do at once, every slice of the figure adds up to the same total, the
//! ledger's.

use crate::harness::{
    Caller, T, id_in,
    world::{campaign, centre, indicator, new_activity, place, seeded_unit},
};
use crate::progress::groups;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const WRITERS: usize = 16;
const RESULTS: usize = 125;
const PROVINCES: [&str; 4] = ["TD-01", "TD-48", "TD-79", "TD-92"];
const TOPICS: [&str; 5] = ["cyber_safety", "basic_programming", "e_commerce", "office_software", "smart_devices"];
const AUDIENCES: [&str; 4] = ["young_people", "children", "officials", "residents"];
/// Days that have come by the tests' present.
const DAYS: usize = 45;

/// What is expected, by the keys of one grouping.
type Sums = BTreeMap<String, (i64, i64)>;

/// What one writer has got counted: its keys by province, topic, audience and day, with reported and verified turns.
type Counted = Vec<([String; 4], (i64, i64))>;

struct Writer {
    number: usize,
    leader: Caller,
    verifier: Caller,
    team: Uuid,
    activities: Vec<Uuid>,
}

impl Writer {
    async fn new(t: &T, number: usize) -> Self {
        let ward = t.commune(seeded_unit(PROVINCES[number % 4]), &format!("XD-{number}")).await;
        let (team, leader) = t.deployed_team(ward).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["topics"] = json!(TOPICS);
        body["locality_id"] = json!(place(if number.is_multiple_of(2) { "00001" } else { "48" }));
        let mut activities = Vec::new();
        for _ in 0..RESULTS.div_ceil(DAYS) {
            activities.push(leader.post("/v1/activities", &body).await.id());
        }
        let verifier = t.verifier(centre()).await;
        Self { number, leader, verifier, team: id_in(&team, "id"), activities }
    }

    fn lines(&self, n: usize, more: i64) -> Vec<(&'static str, &'static str, i64)> {
        let turns = i64::try_from(n % 97).unwrap() + 1 + more;
        let mut lines = vec![(TOPICS[(n + self.number) % 5], AUDIENCES[n % 4], turns)];
        if n.is_multiple_of(3) {
            lines.push((TOPICS[(n + self.number + 1) % 5], AUDIENCES[(n + 1) % 4], 7));
        }
        lines
    }

    /// Reports, submits and settles one result in one of four ways; gives what is counted of it in the end.
    async fn result(&self, n: usize) -> Counted {
        let day = NaiveDate::from_ymd_opt(2024, 6, 1).unwrap() + Days::new(u64::try_from(n % DAYS).unwrap());
        let show = |lines: &[(&str, &str, i64)]| -> Value {
            lines
                .iter()
                .map(|(topic, audience, turns)| json!({"topic": topic, "audience": audience, "turns": turns}))
                .collect()
        };
        let lines = self.lines(n, 0);
        let body = json!({
            "activity_id": self.activities[n / DAYS], "team_id": self.team, "reported_on": day, "lines": show(&lines),
        });
        let made = self.leader.post("/v1/results", &body).await;
        made.ok(201);
        let path = format!("/v1/results/{}", made.id());
        let submit = format!("{path}/submit");
        let give_back = async || {
            let reason = json!({"reason": "Kiểm tra lại"});
            self.verifier.post(&format!("{path}/return"), &reason).if_match("*").await.ok(200);
        };
        self.leader.act(&submit).await.ok(200);
        let (lines, verified) = match n % 4 {
            0 => (lines, false),
            1 => {
                self.verifier.act(&format!("{path}/verify")).await.ok(200);
                (lines, true)
            }
            2 => {
                give_back().await;
                (vec![], false)
            }
            _ => {
                give_back().await;
                let lines = self.lines(n, 5);
                self.leader.patch(&path, &json!({"lines": show(&lines)})).if_match("*").await.ok(200);
                self.leader.act(&submit).await.ok(200);
                self.verifier.act(&format!("{path}/verify")).await.ok(200);
                (lines, true)
            }
        };
        let province = PROVINCES[self.number % 4];
        lines
            .into_iter()
            .map(|(topic, audience, turns)| {
                let keys = [province, topic, audience, &day.to_string()].map(ToOwned::to_owned);
                (keys, (turns, if verified { turns } else { 0 }))
            })
            .collect()
    }

    async fn write(&self) -> Counted {
        let mut counted = Vec::new();
        for n in 0..RESULTS {
            counted.extend(self.result(n).await);
        }
        counted
    }
}

fn sum<'a>(figures: impl Iterator<Item = &'a (i64, i64)>) -> (i64, i64) {
    figures.fold((0, 0), |(r, v), (reported, verified)| (r + reported, v + verified))
}

both! {
    async fn after_sixteen_writers_with_two_thousand_results_every_slice_adds_up_to_the_ledger(t: &T) {
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            writers.push(Writer::new(t, number).await);
        }
        // Somebody looks all the while: whatever they are shown adds up in itself.
        let looking = std::cell::Cell::new(true);
        let looker = async {
            let mut looks = 0;
            while looking.get() {
                let progress = t.admin.get("/v1/progress?group_by=topic").await.ok(200);
                let total = (progress["reported"].as_i64().unwrap(), progress["verified"].as_i64().unwrap());
                assert_eq!(sum(groups(&progress, "groups").values()), total);
                assert!(total.1 <= total.0, "more verified than reported: {total:?}");
                looks += 1;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            looks
        };
        let working = async {
            let counted = futures_util::future::join_all(writers.iter().map(Writer::write)).await;
            looking.set(false);
            counted.into_iter().flatten().collect::<Counted>()
        };
        let (looks, counted) = tokio::join!(looker, working);
        assert!(looks > 3, "looked {looks} times");

        let total = sum(counted.iter().map(|(_, figures)| figures));
        let report = t.check().await;
        assert_eq!(report.disagreements, []);
        assert_eq!(report.results, u64::try_from(WRITERS * RESULTS).unwrap());
        let ledger = report.totals[&indicator()];
        assert_eq!((ledger.reported.0, ledger.verified.0), total, "the ledger's sum");

        let replica = t.replica().await;
        for by in [t.admin.clone(), replica.asked_by(&t.admin)] {
            for (key, by_what) in ["org_unit", "topic", "audience", "day"].into_iter().enumerate() {
                let mut expected = Sums::new();
                for (keys, (reported, verified)) in &counted {
                    let sum = expected.entry(keys[key].clone()).or_default();
                    *sum = (sum.0 + reported, sum.1 + verified);
                }
                let progress =
                    by.get(&format!("/v1/progress?group_by={by_what}&org_unit_id={}", centre())).await.ok(200);
                assert_eq!(groups(&progress, "groups"), expected, "by {by_what}");
                assert_eq!(
                    (progress["reported"].as_i64(), progress["verified"].as_i64()),
                    (Some(total.0), Some(total.1))
                );
                assert_eq!(progress["ledger_seq"].as_i64(), Some(report.ledger_seq));
            }
            for by_what in ["locality", "activity_kind", "week"] {
                let progress = by.get(&format!("/v1/progress?group_by={by_what}")).await.ok(200);
                assert_eq!(sum(groups(&progress, "groups").values()), total, "by {by_what}");
            }
        }

        // Province by province, each asked for itself.
        let mut provinces = (0, 0);
        for code in PROVINCES {
            let progress = t.admin.get(&format!("/v1/progress?org_unit_id={}", seeded_unit(code))).await.ok(200);
            provinces = (
                provinces.0 + progress["reported"].as_i64().unwrap(),
                provinces.1 + progress["verified"].as_i64().unwrap(),
            );
        }
        assert_eq!(provinces, total);
        let public = t.stranger.get("/v1/public/progress").await.ok(200);
        assert_eq!(sum(groups(&public, "provinces").values()), total);
        assert_eq!((public["reported"].as_i64(), public["verified"].as_i64()), (Some(total.0), Some(total.1)));

        // And what the list of results itself says.
        let (mut path, mut listed) = (format!("/v1/results?limit=200&campaign_id={}", campaign()), (0, 0));
        loop {
            let page = t.admin.get(&path).await.ok(200);
            for result in page["data"].as_array().unwrap() {
                let turns = result["turns"].as_i64().unwrap();
                match result["status"].as_str().unwrap() {
                    "submitted" => listed.0 += turns,
                    "verified" => listed = (listed.0 + turns, listed.1 + turns),
                    _ => {}
                }
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/results?limit=200&campaign_id={}&cursor={cursor}", campaign());
        }
        assert_eq!(listed, total);
    }
}
