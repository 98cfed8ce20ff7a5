//! Progress: the figure by every slice, exact after every write, on every replica.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, centre, indicator, new_activity, new_result, place, seeded_unit},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinhnguyen_domain::{access::Role, clock::Clock};
use uuid::Uuid;

/// Reported and verified of the groups, by key; groups of zero left out.
pub fn groups(progress: &Value, list: &str) -> BTreeMap<String, (i64, i64)> {
    let figure = |group: &Value, name: &str| group[name].as_i64().unwrap();
    progress[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            (group["key"].as_str().unwrap().to_owned(), (figure(group, "reported"), figure(group, "verified")))
        })
        .filter(|(_, figures)| *figures != (0, 0))
        .collect()
}

fn total(progress: &Value) -> (i64, i64) {
    (progress["reported"].as_i64().unwrap(), progress["verified"].as_i64().unwrap())
}

async fn ask(by: &Caller, query: &str) -> Value {
    by.get(&format!("/v1/progress?{query}")).await.ok(200)
}

fn result_path(result: &Value) -> String {
    format!("/v1/results/{}", id_in(result, "id"))
}

/// Three results: 10 and 5 turns verified in a ward of Hà Nội, 7 submitted in Đà Nẵng.
async fn three_results(t: &T) -> [Value; 3] {
    let ward = t.commune(seeded_unit(HA_NOI), "XD-00001").await;
    let (one, leader) = t.deployed_team(ward).await;
    let (two, other_leader) = t.deployed_team(seeded_unit(DA_NANG)).await;
    let verifier = t.verifier(centre()).await;
    let first = t.activity(&leader, &one).await;
    let mut body = new_activity(id_in(&two, "id"));
    body["kind"] = json!("project06_support");
    body["topics"] = json!(["electronic_payment"]);
    body["locality_id"] = json!(place("48"));
    let second = other_leader.post("/v1/activities", &body).await.ok(201);
    let a = t.submitted(&leader, &first, "2024-07-01", 10).await;
    let b = t.submitted(&leader, &first, "2024-07-08", 5).await;
    for result in [&a, &b] {
        verifier.act(&format!("{}/verify", result_path(result))).await.ok(200);
    }
    let mut body = new_result(id_in(&second, "id"), id_in(&two, "id"), "2024-07-08", 7);
    body["lines"] = json!([{"topic": "electronic_payment", "audience": "officials", "turns": 7}]);
    let c = other_leader.post("/v1/results", &body).await.ok(201);
    let c = other_leader.act(&format!("{}/submit", result_path(&c))).await.ok(200);
    [a, b, c]
}

fn figures<const N: usize>(groups: [(&str, (i64, i64)); N]) -> BTreeMap<String, (i64, i64)> {
    groups.into_iter().map(|(key, figures)| (key.to_owned(), figures)).collect()
}

both! {
    async fn before_anything_is_reported_everything_is_zero(t: &T) {
        let progress = ask(&t.admin, "group_by=org_unit").await;
        assert_eq!(total(&progress), (0, 0));
        assert_eq!(
            (&progress["target"], &progress["percent"], &progress["ledger_seq"]),
            (&json!(6_000_000), &json!(0.0), &json!(0))
        );
        assert_eq!(progress["org_unit"]["id"], json!(centre()));
        assert_eq!(progress["indicator"]["id"], json!(indicator()));
        let public = t.stranger.get("/v1/public/progress").await.ok(200);
        assert_eq!((total(&public), &public["target"], &public["demo"]), ((0, 0), &json!(6_000_000), &json!(false)));
    }

    async fn the_figure_is_sliced_by_unit_topic_audience_kind_place_day_and_week(t: &T) {
        three_results(t).await;
        let nation = ask(&t.admin, "").await;
        assert_eq!(total(&nation), (22, 15));
        assert_eq!((&nation["ledger_seq"], &nation["groups"]), (&json!(5), &json!([])));
        assert_eq!(nation["includes"], json!({"reported": ["submitted", "verified"], "verified": ["verified"]}));
        assert_eq!(nation["completeness"]["units_reporting"], 2);
        // 63 provinces and four unions directly under the centre; the support centre reports nothing.
        assert_eq!(nation["completeness"]["units_expected"], 67);
        for (by, expected) in [
            ("org_unit", figures([(HA_NOI, (15, 15)), (DA_NANG, (7, 0))])),
            ("topic", figures([("cyber_safety", (15, 15)), ("electronic_payment", (7, 0))])),
            ("audience", figures([("residents", (15, 15)), ("officials", (7, 0))])),
            ("activity_kind", figures([("training_class", (15, 15)), ("project06_support", (7, 0))])),
            ("locality", figures([("01", (15, 15)), ("48", (7, 0))])),
            ("day", figures([("2024-07-01", (10, 10)), ("2024-07-08", (12, 5))])),
            ("week", figures([("2024-W27", (10, 10)), ("2024-W28", (12, 5))])),
        ] {
            let progress = ask(&t.admin, &format!("group_by={by}")).await;
            assert_eq!((groups(&progress, "groups"), total(&progress)), (expected, (22, 15)), "by {by}");
        }
        let ha_noi = ask(&t.admin, &format!("group_by=org_unit&org_unit_id={}", seeded_unit(HA_NOI))).await;
        assert_eq!((total(&ha_noi), groups(&ha_noi, "groups")), ((15, 15), figures([("XD-00001", (15, 15))])));
        assert_eq!(ha_noi["target"], Value::Null, "not allocated yet is not zero");
    }

    async fn days_and_places_narrow_the_figure_and_the_whole_stands_beside_it(t: &T) {
        three_results(t).await;
        for (filter, expected, cumulative) in [
            ("from=2024-07-02", (12, 5), (22, 15)),
            ("to=2024-07-01", (10, 10), (10, 10)),
            ("from=2024-07-02&to=2024-07-07", (0, 0), (10, 10)),
            ("from=2024-07-08&to=2024-07-08", (12, 5), (22, 15)),
        ] {
            let progress = ask(&t.admin, filter).await;
            let whole = &progress["cumulative"];
            assert_eq!((total(&progress), total(whole)), (expected, cumulative), "{filter}");
            assert_eq!(progress["pace"], Value::Null, "{filter}");
        }
        let ha_noi = ask(&t.admin, &format!("locality_id={}&group_by=locality", place("01"))).await;
        assert_eq!((total(&ha_noi), groups(&ha_noi, "groups")), ((15, 15), figures([("001", (15, 15))])));
        let elsewhere =
            ask(&t.admin, &format!("locality_id={}&org_unit_id={}", place("48"), seeded_unit(HA_NOI))).await;
        assert_eq!(total(&elsewhere), (0, 0));
    }

    async fn the_pace_says_what_a_steady_campaign_would_have(t: &T) {
        three_results(t).await;
        let pace = &ask(&t.admin, "").await["pace"];
        // 44 days and 10 hours of 92 days.
        let expected = pace["expected"].as_i64().unwrap();
        assert!((2_860_000..=2_940_000).contains(&expected), "{pace}");
        assert_eq!(pace["forecast_reached_on"], Value::Null, "at this pace it is never reached");
    }

    async fn the_answer_after_a_write_includes_it_on_every_replica(t: &T) {
        let replica = t.replica().await;
        let other = replica.asked_by(&t.admin);
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let mut expected = (0, 0);
        for n in 1..=5 {
            let result = t.submitted(&leader, &activity, &format!("2024-07-0{n}"), n).await;
            expected.0 += n;
            assert_eq!(total(&ask(&t.admin, "").await), expected);
            assert_eq!(total(&ask(&other, "").await), expected);
            if n % 2 == 0 {
                verifier.act(&format!("{}/verify", result_path(&result))).await.ok(200);
                expected.1 += n;
            } else {
                let reason = json!({"reason": "Sai"});
                verifier.post(&format!("{}/return", result_path(&result)), &reason).if_match("*").await.ok(200);
                expected.0 -= n;
            }
            assert_eq!(total(&ask(&other, "").await), expected);
            assert_eq!(total(&ask(&t.admin, "").await), expected);
            let public = replica.asked_by(&t.stranger).get("/v1/public/progress").await.ok(200);
            assert_eq!(total(&public), expected);
        }
        assert_eq!(expected, (6, 6));
    }

    async fn a_unit_made_later_and_a_unit_that_moved_are_counted_where_they_stand(t: &T) {
        ask(&t.admin, "group_by=org_unit").await;
        three_results(t).await;
        let before = groups(&ask(&t.admin, "group_by=org_unit").await, "groups");
        assert_eq!(before, figures([(HA_NOI, (15, 15)), (DA_NANG, (7, 0))]));
        // As a reorganisation does.
        let aside = t.admin.get(&format!("/v1/org-units/{}", seeded_unit(DA_NANG))).await.ok(200)["path"]
            .as_str()
            .unwrap()
            .to_owned();
        t.sql(&format!("UPDATE org_unit SET path = '{aside}999/', parent_id = (SELECT id FROM org_unit WHERE code = '{DA_NANG}') WHERE code = 'XD-00001'")).await;
        t.sql("UPDATE counter SET value = value + 1 WHERE name = 'org_tree'").await;
        let after = ask(&t.admin, "group_by=org_unit").await;
        assert_eq!(groups(&after, "groups"), figures([(DA_NANG, (22, 15))]));
        assert_eq!(total(&after), (22, 15), "no total changes by it");
    }

    async fn one_sees_the_progress_of_ones_own_subtree_only(t: &T) {
        three_results(t).await;
        let provincial = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let own = ask(&provincial, "").await;
        assert_eq!((&own["org_unit"]["code"], total(&own)), (&json!(HA_NOI), (15, 15)));
        provincial.get(&format!("/v1/progress?org_unit_id={}", centre())).await.problem(403, "forbidden");
        provincial.get(&format!("/v1/progress?org_unit_id={}", seeded_unit(DA_NANG))).await.problem(404, "not_found");
        provincial.get(&format!("/v1/progress?org_unit_id={}", Uuid::now_v7())).await.problem(404, "not_found");
        // A place elsewhere tells nothing of others' work there.
        let there = ask(&provincial, &format!("locality_id={}", place("48"))).await;
        assert_eq!(total(&there), (0, 0));
        let team = t.team(seeded_unit(HA_NOI)).await;
        t.leader(&team).await.get("/v1/progress").await.problem(403, "forbidden");
        t.stranger.get("/v1/progress").await.problem(401, "unauthenticated");
    }

    async fn wrong_parameters_are_refused(t: &T) {
        for (query, place, code) in [
            ("group_by=colour", "group_by", "not_allowed_value"),
            ("from=yesterday", "from", "bad_format"),
            ("from=2024-07-02&to=2024-07-01", "to", "dates_inverted"),
            (&format!("indicator_id={}", Uuid::now_v7()), "indicator_id", "reference_not_found"),
            (&format!("locality_id={}", Uuid::now_v7()), "locality_id", "reference_not_found"),
            ("limit=5", "limit", "unknown_parameter"),
        ] {
            t.admin.get(&format!("/v1/progress?{query}")).await.faults(400, &[(place, code)]);
        }
        t.stranger
            .get(&format!("/v1/public/progress?indicator_id={}", Uuid::now_v7()))
            .await
            .faults(400, &[("indicator_id", "reference_not_found")]);
        t.stranger.get("/v1/public/progress?org_unit_id=x").await.faults(400, &[("org_unit_id", "unknown_parameter")]);
    }

    async fn an_unchanged_figure_is_304_and_a_changed_one_is_not(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        for path in ["/v1/progress?group_by=topic", "/v1/public/progress"] {
            let etag = t.admin.get(path).await.etag();
            assert_eq!(t.admin.get(path).header("if-none-match", &etag).await.status, 304, "{path}");
        }
        let etags = (t.admin.get("/v1/progress").await.etag(), t.stranger.get("/v1/public/progress").await.etag());
        t.submitted(&leader, &activity, "2024-07-01", 3).await;
        t.admin.get("/v1/progress").header("if-none-match", &etags.0).await.ok(200);
        t.stranger.get("/v1/public/progress").header("if-none-match", &etags.1).await.ok(200);
    }

    async fn the_public_sees_the_same_figures_by_province_and_in_words_and_pictures(t: &T) {
        three_results(t).await;
        let public = t.stranger.get("/v1/public/progress").await.ok(200);
        assert_eq!(total(&public), (22, 15));
        assert_eq!(groups(&public, "provinces"), figures([(HA_NOI, (15, 15)), (DA_NANG, (7, 0))]));
        let nation = ask(&t.admin, "group_by=org_unit").await;
        assert_eq!(nation["groups"], public["provinces"]);
        assert_eq!((&nation["ledger_seq"], &nation["percent"]), (&public["ledger_seq"], &public["percent"]));
        for path in ["/?lang=vi", "/?lang=en", "/v1/public/progress.svg?lang=vi", "/v1/public/progress.svg?lang=en"] {
            let page = t.stranger.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text().contains("22"), "{path}: {}", page.text());
        }
        assert!(t.stranger.get("/?lang=en").await.text().contains("6,000,000"));
        assert!(t.stranger.get("/?lang=vi").await.text().contains("6.000.000"));
    }

    async fn a_name_with_markup_in_it_is_shown_and_not_run(t: &T) {
        three_results(t).await;
        let path = format!("/v1/org-units/{}", seeded_unit(HA_NOI));
        let name = json!({"name": "<script>alert(1)</script>\"'&", "name_en": "<img src=x onerror=alert(1)>"});
        t.admin.patch(&path, &name).if_match("*").await.ok(200);
        let indicator = format!("/v1/indicators/{}", indicator());
        t.admin.patch(&indicator, &json!({"name": "</svg><script>alert(2)</script>"})).if_match("*").await.ok(200);
        for path in ["/?lang=vi", "/?lang=en", "/v1/public/progress.svg?lang=vi", "/v1/public/progress.svg?lang=en"] {
            let page = t.stranger.get(path).await;
            let text = page.text();
            assert!(
                !text.contains("<script>alert") && !text.contains("<img src=x") && !text.contains("</svg><"),
                "{path}"
            );
        }
    }

    async fn the_comparison_of_totals_and_ledger_is_a_metric(t: &T) {
        let told = async || {
            let metrics = t.stranger.get("/metrics").await.text().to_owned();
            let line = metrics.lines().find(|line| line.starts_with("tinhnguyen_progress_disagreements ")).map(ToOwned::to_owned);
            line.unwrap()
        };
        assert_eq!(told().await, "tinhnguyen_progress_disagreements -1", "nobody has looked");
        three_results(t).await;
        tinhnguyen_http::progress::audit(&t.app).await.unwrap();
        assert_eq!(told().await, "tinhnguyen_progress_disagreements 0");
        t.sql("UPDATE rollup_cell SET verified = verified + 1").await;
        tinhnguyen_http::progress::audit(&t.app).await.unwrap();
        assert_eq!(told().await, "tinhnguyen_progress_disagreements 1");
        t.sql("UPDATE rollup_cell SET verified = verified - 1").await;
    }

    async fn the_past_is_told_as_it_stood_and_the_same_each_time(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let verifier = t.verifier(centre()).await;
        let activity = t.activity(&leader, &team).await;
        let start = t.clock.now();
        let hour = |n: i64| start + chrono::TimeDelta::hours(n);
        let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let again = |who: &Caller| who.clone().with_a_new_token();
        t.clock.set(hour(1));
        let first = t.submitted(&again(&leader), &activity, "2024-07-01", 10).await;
        t.clock.set(hour(2));
        t.submitted(&again(&leader), &activity, "2024-07-02", 5).await;
        t.clock.set(hour(3));
        again(&verifier).act(&format!("{}/verify", result_path(&first))).await.ok(200);
        t.clock.set(hour(4));
        let admin = again(&t.admin);
        let replica = t.replica().await;
        let other = replica.asked_by(&admin);
        for by in [&admin, &other] {
            for (at, expected, seq) in [
                (hour(0), (0, 0), 0), (hour(1), (10, 0), 1), (hour(2) - chrono::TimeDelta::seconds(1), (10, 0), 1),
                (hour(2), (15, 0), 2), (hour(3), (15, 10), 3), (hour(4), (15, 10), 3),
            ] {
                let past = ask(by, &format!("as_of={}&group_by=org_unit", text(at))).await;
                assert_eq!((total(&past), &past["ledger_seq"]), (expected, &json!(seq)), "{at}");
                let of_groups = groups(&past, "groups").values().fold((0, 0), |s, f| (s.0 + f.0, s.1 + f.1));
                assert_eq!(of_groups, expected, "{at}");
            }
            // What an answer says of itself can be asked again, whatever came since.
            let now = ask(by, "").await;
            let as_of = now["as_of"].as_str().unwrap().to_owned();
            t.clock.set(t.clock.now() + chrono::TimeDelta::seconds(1));
            let again = ask(by, &format!("as_of={as_of}")).await;
            assert_eq!((total(&again), &again["ledger_seq"]), ((15, 10), &now["ledger_seq"]));
        }
        admin.get(&format!("/v1/progress?as_of={}", text(hour(9)))).await.faults(400, &[("as_of", "not_allowed_value")]);
    }

    async fn what_was_merged_counts_with_its_successor_now_and_where_it_was_then(t: &T) {
        let ha_noi = seeded_unit(HA_NOI);
        let mut merged = Vec::new();
        for (code, turns) in [("XD-A", 10), ("XD-B", 7)] {
            let ward = json!({"code": code, "name": code, "kind": "commune", "parent_id": ha_noi, "valid_from": "2024-01-01"});
            let ward = t.admin.post("/v1/org-units", &ward).await.id();
            let (team, leader) = t.deployed_team(ward).await;
            let activity = t.activity(&leader, &team).await;
            t.submitted(&leader, &activity, "2024-07-01", turns).await;
            merged.push(ward);
        }
        let before = ask(&t.admin, &format!("org_unit_id={ha_noi}&group_by=org_unit")).await;
        let apart = figures([("XD-A", (10, 0)), ("XD-B", (7, 0))]);
        assert_eq!(groups(&before, "groups"), apart);
        let into = json!([{"code": "XD-C", "name": "Đoàn xã Hợp Nhất", "kind": "commune", "parent_id": ha_noi}]);
        let changes = json!({"effective_on": "2024-07-10", "changes": [{"kind": "merge", "from": merged, "into": into}]});
        t.admin.post("/v1/org-units/reorganisations", &changes).await.ok(201);
        let successor = t.admin.get("/v1/org-units?code=XD-C").await.ok(200)["data"][0]["id"].as_str().unwrap().to_owned();
        let own = ask(&t.admin, &format!("org_unit_id={successor}&group_by=org_unit")).await;
        assert_eq!(groups(&own, "groups"), figures([("XD-C", (17, 0))]), "its own, and not of units that have ended");
        let replica = t.replica().await;
        for by in [&t.admin, &replica.asked_by(&t.admin)] {
            for (day, expected) in [
                ("", figures([("XD-C", (17, 0))])),
                ("&tree_as_of=2024-07-10", figures([("XD-C", (17, 0))])),
                ("&tree_as_of=2024-07-09", apart.clone()),
            ] {
                let asked = ask(by, &format!("org_unit_id={ha_noi}&group_by=org_unit{day}")).await;
                assert_eq!((total(&asked), groups(&asked, "groups")), ((17, 0), expected), "{day}: {asked}");
                assert_eq!(total(&ask(by, &format!("group_by=org_unit{day}")).await), (17, 0), "{day}");
            }
        }
    }

    async fn a_figure_is_explained_by_its_results_now_and_then(t: &T) {
        let [a, b, c] = three_results(t).await;
        let asked = async |query: &str| t.admin.get(&format!("/v1/progress/explain?{query}")).await.ok(200);
        let ids = |page: &Value| -> std::collections::BTreeSet<String> {
            page["data"].as_array().unwrap().iter().map(|row| row["result_id"].as_str().unwrap().to_owned()).collect()
        };
        let of = |results: &[&Value]| results.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
        let whole = asked("").await;
        assert_eq!((total(&whole), ids(&whole)), ((22, 15), of(&[&a, &b, &c])));
        assert_eq!(whole["data"].as_array().unwrap().iter().map(|r| r["reported"].as_i64().unwrap()).sum::<i64>(), 22);
        let ha_noi = asked(&format!("org_unit_id={}&to=2024-07-01", seeded_unit(HA_NOI))).await;
        assert_eq!((total(&ha_noi), ids(&ha_noi)), ((10, 10), of(&[&a])));
        assert_eq!(ha_noi["data"][0]["verified"], 10);
        let payment = asked("topic=electronic_payment").await;
        assert_eq!((total(&payment), ids(&payment)), ((7, 0), of(&[&c])));
        assert_eq!(ids(&asked(&format!("locality_id={}", place("48"))).await), of(&[&c]));
        assert_eq!(ids(&asked("team_kind=digital_summer").await), of(&[]));
        // Page by page, nothing twice and nothing lost.
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = asked(&format!("limit=1{cursor}")).await;
            assert_eq!(page["data"].as_array().unwrap().len(), 1);
            seen.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        seen.sort();
        assert_eq!(seen, of(&[&a, &b, &c]).into_iter().collect::<Vec<String>>());
        // Given back, it is behind nothing any more; as it stood it still is.
        let before = asked("").await["as_of"].as_str().unwrap().to_owned();
        t.clock.set(t.clock.now() + chrono::TimeDelta::minutes(1));
        let verifier = t.verifier(centre()).await;
        verifier.post(&format!("{}/return", result_path(&c)), &json!({"reason": "sai"})).if_match("*").await.ok(200);
        assert_eq!(ids(&asked("").await), of(&[&a, &b]));
        assert_eq!(ids(&asked(&format!("as_of={before}")).await), of(&[&a, &b, &c]));
        let stranger = t.verifier(seeded_unit(DA_NANG)).await;
        stranger.get(&format!("/v1/progress/explain?org_unit_id={}", seeded_unit(HA_NOI))).await.problem(404, "not_found");
    }

    async fn by_team_kind_of_team_and_difficulty_the_figure_is_the_same(t: &T) {
        three_results(t).await;
        let kinds = ask(&t.admin, "group_by=team_kind").await;
        assert_eq!(groups(&kinds, "groups"), figures([("community_digital_transformation", (22, 15))]));
        assert_eq!(kinds["groups"].as_array().unwrap().len(), 2, "kinds without reports too");
        let teams = ask(&t.admin, "group_by=team").await;
        let of_teams: Vec<_> = teams["groups"].as_array().unwrap().iter().map(|g| g["reported"].as_i64().unwrap()).collect();
        assert_eq!(of_teams, [15, 7], "who reported most comes first");
        assert!(teams["groups"][0]["name"].as_str().unwrap().contains("Đội"), "{teams}");
        t.db.sql("UPDATE locality SET difficulty = 'difficult' WHERE code = '48'").await;
        let replica = t.replica().await;
        let by = replica.asked_by(&t.admin);
        let difficulty = ask(&by, "group_by=difficulty").await;
        assert_eq!(groups(&difficulty, "groups"), figures([("difficult", (7, 0)), ("none", (15, 15))]));
        assert_eq!(total(&ask(&by, "difficulty=difficult").await), (7, 0));
        let [first, second] = [0, 1].map(|n| teams["groups"][n]["id"].as_str().unwrap().to_owned());
        assert_eq!(total(&ask(&by, &format!("team_id={first}")).await), (15, 15));
        assert_eq!(total(&ask(&by, &format!("team_id={second}&topic=cyber_safety")).await), (0, 0));
        assert_eq!(total(&ask(&by, "audience=officials").await), (7, 0));
    }

    async fn outputs_teams_and_members_are_indicators_beside_the_turns(t: &T) {
        let indicator = async |measure: &str, number: i32| {
            let body = json!({"campaign_id": crate::harness::world::campaign(), "number": number, "name": measure, "unit": "x",
                "measure": measure, "target_value": 100});
            t.admin.post("/v1/indicators", &body).await.id()
        };
        let (classes, teams, members) = (indicator("classes", 21).await, indicator("teams", 22).await, indicator("members", 23).await);
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        t.team(seeded_unit(DA_NANG)).await;
        let verifier = t.verifier(centre()).await;
        let activity = t.activity(&leader, &team).await;
        let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 42);
        body["outputs"] = json!([{"measure": "classes", "value": 3}, {"measure": "contests", "value": 9}]);
        let result = leader.post("/v1/results", &body).await.ok(201);
        let result = leader.act(&format!("{}/submit", result_path(&result))).await.ok(200);
        let of = async |id: Uuid, more: &str| ask(&t.admin, &format!("indicator_id={id}{more}")).await;
        assert_eq!(total(&of(classes, "").await), (3, 0));
        assert_eq!(total(&ask(&t.admin, "").await), (42, 0), "classes are no turns");
        verifier.act(&format!("{}/verify", result_path(&result))).await.ok(200);
        let by_unit = of(classes, "&group_by=org_unit").await;
        assert_eq!((total(&by_unit), groups(&by_unit, "groups")), ((3, 3), figures([(HA_NOI, (3, 3))])));
        assert_eq!(by_unit["percent"], 3.0);
        assert_eq!(groups(&of(classes, "&group_by=day").await, "groups"), figures([("2024-07-01", (3, 3))]));
        let (counted, crew) = (of(teams, "&group_by=org_unit").await, of(members, "").await);
        assert_eq!((total(&counted), groups(&counted, "groups")), ((1, 1), figures([(HA_NOI, (1, 1))])), "one is forming");
        assert_eq!(counted["includes"]["verified"], json!(["deployed", "completed"]));
        assert_eq!(total(&crew), (0, 0), "nobody registered members");
        // What makes no sense is refused rather than answered by nothing.
        for senseless in [
            (format!("indicator_id={classes}&group_by=topic"), "group_by"),
            (format!("indicator_id={classes}&audience=children"), "audience"),
            (format!("indicator_id={teams}&group_by=locality"), "group_by"),
            (format!("indicator_id={teams}&as_of=2024-07-01T00:00:00Z"), "as_of"),
        ] {
            let (query, parameter) = senseless;
            t.admin.get(&format!("/v1/progress?{query}")).await.faults(400, &[(parameter, "not_allowed_value")]);
        }
        let teams_explained = t.admin.get(&format!("/v1/progress/explain?indicator_id={teams}")).await;
        teams_explained.faults(400, &[("indicator_id", "not_allowed_value")]);
        let explained = t.admin.get(&format!("/v1/progress/explain?indicator_id={classes}")).await.ok(200);
        assert_eq!((total(&explained), &explained["data"][0]["verified"]), ((3, 3), &json!(3)));
    }

    async fn the_same_question_is_the_same_answer_until_something_is_counted(t: &T) {
        three_results(t).await;
        let first = t.admin.get("/v1/progress?group_by=org_unit").await;
        let etag = first.header("etag").unwrap().to_owned();
        let unchanged = t.admin.get("/v1/progress?group_by=org_unit").header("If-None-Match", &etag).await;
        assert_eq!(unchanged.status, 304);
        let public = t.stranger.get("/v1/public/progress").await.header("etag").unwrap().to_owned();
        assert_eq!(t.stranger.get("/v1/public/progress").header("If-None-Match", &public).await.status, 304);
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-03", 1).await;
        assert_eq!(t.admin.get("/v1/progress?group_by=org_unit").header("If-None-Match", &etag).await.status, 200);
        assert_eq!(t.stranger.get("/v1/public/progress").header("If-None-Match", &public).await.status, 200);
    }
}
