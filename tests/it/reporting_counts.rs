//! Who has reported in a period: expected, received, on time, late, missing, of teams and of units.

use crate::{
    harness::{
        Caller, T, id_in,
        world::{DA_NANG, HA_NOI, campaign, new_activity, new_team, seeded_unit},
    },
    reporting::{at, period},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

const FIELDS: [&str; 7] = ["expected", "received", "on_time", "late", "nil", "missing", "overdue"];

/// The seven figures of teams, in the order of [`FIELDS`].
fn figures(teams: &Value) -> [i64; 7] {
    FIELDS.map(|field| teams[field].as_i64().unwrap_or_else(|| panic!("{field} in {teams}")))
}

async fn completeness(t: &T, by: &Caller, unit: Uuid) -> Value {
    let _ = t;
    let path = format!("/v1/reporting/completeness?campaign_id={}&period=2024-W27&org_unit_id={unit}", campaign());
    by.clone().with_a_new_token().get(&path).await.ok(200)
}

async fn of_teams(t: &T, unit: Uuid) -> [i64; 7] {
    figures(&completeness(t, &t.admin, unit).await["teams"])
}

/// A team of a unit with these days, brought by these actions to where it stands.
async fn team(t: &T, unit: Uuid, days: (&str, &str), actions: &[&str]) -> (Value, Caller) {
    let admin = t.admin.clone().with_a_new_token();
    let mut body = new_team(unit);
    (body["starts_on"], body["ends_on"]) = (json!(days.0), json!(days.1));
    let team = admin.post("/v1/teams", &body).await.ok(201);
    let leader = t.leader(&team).await;
    for action in actions {
        admin.act(&format!("/v1/teams/{}/{action}", id_in(&team, "id"))).await.ok(200);
    }
    (team, leader.with_a_new_token())
}

const SUMMER: (&str, &str) = ("2024-06-01", "2024-08-31");
const AT_WORK: &[&str] = &["ready", "deploy"];

/// Files a result of a new activity for a day, as soon as the clock says so.
async fn files(t: &T, (team, leader): &(Value, Caller), day: &str, instant: &str) -> Value {
    at(t, instant);
    let leader = leader.clone().with_a_new_token();
    let mut body = new_activity(id_in(team, "id"));
    (body["starts_at"], body["ends_at"]) = (json!("2024-07-01T01:00:00Z"), json!("2024-07-20T04:00:00Z"));
    let activity = leader.post("/v1/activities", &body).await.ok(201);
    t.submitted(&leader, &activity, day, 7).await
}

both! {
    async fn a_deadline_is_a_local_day_and_its_last_second_is_on_time(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        let week = t.week_27().await;
        let mut teams = Vec::new();
        for _ in 0..4 {
            teams.push(team(t, ward, SUMMER, AT_WORK).await);
        }
        // 17:00Z is midnight in Viet Nam: the 9th ends there, although it is still the 9th in UTC.
        files(t, &teams[0], "2024-07-05", "2024-07-09T16:59:59Z").await;
        files(t, &teams[1], "2024-07-07", "2024-07-09T17:00:00Z").await;
        files(t, &teams[2], "2024-07-01", "2024-07-09T17:30:00Z").await;
        let shown = completeness(t, &t.admin, ward).await;
        assert_eq!(figures(&shown["teams"]), [4, 3, 1, 2, 0, 1, 1]);
        assert_eq!((&shown["teams"]["percent"], &shown["due_on"], &shown["period"]["id"]), (&json!(75.0), &json!("2024-07-09"), &json!(week)));
        let late: Vec<_> = shown["late_teams"].as_array().unwrap().iter().map(|one| (one["team_id"].clone(), one["days_late"].as_i64())).collect();
        let mut expected = vec![(teams[1].0["id"].clone(), Some(1)), (teams[2].0["id"].clone(), Some(1))];
        let code = |id: &Value| teams.iter().find(|(team, _)| team["id"] == *id).unwrap().0["code"].as_str().unwrap().to_owned();
        expected.sort_by_key(|(id, _)| code(id));
        assert_eq!(late, expected, "by code");
        let missing = &shown["missing_teams"][0];
        assert_eq!((&missing["team_id"], &missing["status"], &missing["filed_at"], &missing["days_late"]), (&teams[3].0["id"], &json!("missing"), &Value::Null, &json!(1)));
        assert_eq!((&missing["org_unit_id"], &missing["org_unit_code"]), (&json!(ward), &json!("XD-HAN")));
        // Until the day is over nothing is overdue.
        at(t, "2024-07-09T16:59:59Z");
        let before = figures(&completeness(t, &t.admin, ward).await["teams"]);
        assert_eq!((before[5], before[6]), (1, 0));
    }

    async fn who_is_expected_was_at_work_on_a_day_of_the_period(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        t.week_27().await;
        at(t, "2024-07-03T03:00:00Z");
        for (days, actions) in [
            (SUMMER, &[][..]), (SUMMER, &["ready"]), (SUMMER, &["cancel"]), (SUMMER, &["ready", "deploy", "cancel"]),
            (("2024-06-01", "2024-06-30"), AT_WORK), (("2024-07-08", "2024-08-31"), AT_WORK),
        ] {
            team(t, ward, days, actions).await;
        }
        assert_eq!(of_teams(t, ward).await[0], 0);
        let shown = completeness(t, &t.admin, ward).await;
        assert_eq!((&shown["teams"]["percent"], &shown["groups"]), (&Value::Null, &json!([])));
        for (days, actions) in [
            (SUMMER, AT_WORK), (("2024-06-01", "2024-07-01"), AT_WORK), (("2024-07-07", "2024-08-31"), AT_WORK),
            (SUMMER, &["ready", "deploy", "complete"]),
        ] {
            team(t, ward, days, actions).await;
        }
        assert_eq!(of_teams(t, ward).await, [4, 0, 0, 0, 0, 4, 0]);
        // Who was completed before a period began is expected in it no more, however long it was meant to work.
        let admin = t.admin.clone().with_a_new_token();
        admin.post("/v1/reporting-periods", &period("2024-W28", "2024-07-08", "2024-07-14", "2024-07-16")).await.ok(201);
        let next = admin.get(&format!("/v1/reporting/completeness?period=2024-W28&org_unit_id={ward}")).await.ok(200);
        assert_eq!(next["teams"]["expected"], 3, "two until August, one that begins with it");
    }

    async fn what_counts_is_a_submitted_result_of_a_day_of_the_period(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        t.week_27().await;
        let (early, draft) = (team(t, ward, SUMMER, AT_WORK).await, team(t, ward, SUMMER, AT_WORK).await);
        files(t, &early, "2024-06-30", "2024-07-08T03:00:00Z").await;
        files(t, &early, "2024-07-08", "2024-07-08T03:00:00Z").await;
        let leader = draft.1.clone().with_a_new_token();
        let activity = t.activity(&leader, &draft.0).await;
        let written = t.draft(&leader, &activity, "2024-07-02", 3).await;
        assert_eq!(of_teams(t, ward).await, [2, 0, 0, 0, 0, 2, 0]);
        files(t, &early, "2024-07-01", "2024-07-09T03:00:00Z").await;
        at(t, "2024-07-12T03:00:00Z");
        // A draft that lay there in time was filed when it was submitted.
        draft.1.clone().with_a_new_token().act(&format!("/v1/results/{}/submit", id_in(&written, "id"))).await.ok(200);
        assert_eq!(of_teams(t, ward).await, [2, 2, 1, 1, 0, 0, 0]);
        let admin = t.admin.clone().with_a_new_token();
        let late = admin.get("/v1/reporting/teams?period=2024-W27&status=late").await.ok(200);
        assert_eq!((&late["data"][0]["filed_at"], &late["data"][0]["days_late"]), (&json!("2024-07-12T03:00:00Z"), &json!(3)));
    }

    async fn a_joint_activity_is_reported_by_each_team_for_itself(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        t.week_27().await;
        let (one, two) = (team(t, ward, SUMMER, AT_WORK).await, team(t, ward, SUMMER, AT_WORK).await);
        let admin = t.admin.clone().with_a_new_token();
        let mut joint = new_activity(id_in(&one.0, "id"));
        joint["team_ids"] = json!([one.0["id"], two.0["id"]]);
        let joint = admin.post("/v1/activities", &joint).await.ok(201);
        at(t, "2024-07-08T03:00:00Z");
        t.submitted(&one.1.clone().with_a_new_token(), &joint, "2024-07-01", 9).await;
        let shown = completeness(t, &t.admin, ward).await;
        assert_eq!(figures(&shown["teams"]), [2, 1, 1, 0, 0, 1, 0]);
        assert_eq!(shown["missing_teams"][0]["team_id"], two.0["id"]);
    }

    async fn an_amendment_and_a_return_change_nothing_of_when_it_was_filed_first(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        t.week_27().await;
        let one = team(t, ward, SUMMER, AT_WORK).await;
        let result = files(t, &one, "2024-07-02", "2024-07-08T03:00:00Z").await;
        let path = format!("/v1/results/{}", id_in(&result, "id"));
        let on_time = [1, 1, 1, 0, 0, 0, 0];
        assert_eq!(of_teams(t, ward).await, on_time);
        at(t, "2024-07-12T03:00:00Z");
        let (leader, admin) = (one.1.clone().with_a_new_token(), t.admin.clone().with_a_new_token());
        admin.act(&format!("{path}/verify")).await.ok(200);
        assert_eq!(of_teams(t, ward).await, on_time);
        let amendment = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 8}], "reason": "Bổ sung"});
        leader.post(&format!("{path}/amend"), &amendment).if_match("*").await.ok(200);
        assert_eq!(of_teams(t, ward).await, on_time);
        // Returned, it isn't there; submitted again, it is as early as the first time.
        admin.post(&format!("{path}/return"), &json!({"reason": "Thiếu danh sách"})).if_match("*").await.ok(200);
        assert_eq!(of_teams(t, ward).await, [1, 0, 0, 0, 0, 1, 1]);
        leader.act(&format!("{path}/submit")).await.ok(200);
        assert_eq!(of_teams(t, ward).await, on_time);
        let shown = leader.get("/v1/reporting/teams?period=2024-W27").await.ok(200);
        assert_eq!((&shown["data"][0]["filed_at"], &shown["data"][0]["status"]), (&json!("2024-07-08T03:00:00Z"), &json!("on_time")));
    }

    async fn results_of_many_at_once_are_filed_as_one_by_one(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        t.week_27().await;
        let one = team(t, ward, SUMMER, AT_WORK).await;
        at(t, "2024-07-09T17:00:00Z");
        let leader = one.1.clone().with_a_new_token();
        let activity = t.activity(&leader, &one.0).await;
        let result = |day: &str| json!({"activity_id": activity["id"], "team_id": one.0["id"], "reported_on": day, "submit": true,
            "lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 5}]});
        leader.post("/v1/results", &result("2024-07-01")).await.ok(201);
        assert_eq!(of_teams(t, ward).await, [1, 1, 0, 1, 0, 0, 0]);
        at(t, "2024-07-08T03:00:00Z");
        let bulk = json!({"results": [result("2024-07-02"), result("2024-07-03")], "atomic": true});
        leader.clone().with_a_new_token().post("/v1/results/bulk", &bulk).await.ok(200);
        assert_eq!(of_teams(t, ward).await, [1, 1, 1, 0, 0, 0, 0]);
    }

    async fn an_extension_for_a_unit_holds_for_all_below_it_and_the_latest_of_several(t: &T) {
        let body = json!({"code": "QD-HAN", "name": "Quận Đoàn", "kind": "district", "parent_id": seeded_unit(HA_NOI)});
        let district = t.admin.post("/v1/org-units", &body).await.id();
        let (ward, beside) = (t.commune(district, "XD-HAN").await, t.commune(seeded_unit(HA_NOI), "XD-BEN").await);
        let week = t.week_27().await;
        let (one, other) = (team(t, ward, SUMMER, AT_WORK).await, team(t, beside, SUMMER, AT_WORK).await);
        for team in [&one, &other] {
            files(t, team, "2024-07-03", "2024-07-12T16:59:59Z").await;
        }
        let whole = async || (of_teams(t, district).await, of_teams(t, beside).await);
        let (late, on_time) = ([1, 1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0]);
        assert_eq!(whole().await, (late, late));
        let admin = t.admin.clone().with_a_new_token();
        let extend = async |unit: Uuid, due_on: &str| {
            let body = json!({"period_id": week, "org_unit_id": unit, "due_on": due_on, "reason": "Bão số 2"});
            format!("/v1/reporting-extensions/{}", admin.post("/v1/reporting-extensions", &body).await.id())
        };
        let take_back = async |path: &str| {
            admin.post(&format!("{path}/revoke"), &json!({"reason": "Nhầm"})).if_match("*").await.ok(200);
        };
        let of_district = extend(district, "2024-07-12").await;
        assert_eq!(whole().await, (on_time, late), "granted afterwards, and not beside");
        let of_ward = extend(ward, "2024-07-10").await;
        assert_eq!(whole().await, (on_time, late), "an earlier one of its own takes nothing away");
        let shown = completeness(t, &t.admin, district).await;
        assert_eq!((&shown["due_on"], &shown["groups"][0]["due_on"], &shown["period"]["due_on"]), (&json!("2024-07-12"), &json!("2024-07-12"), &json!("2024-07-09")));
        take_back(&of_district).await;
        assert_eq!(whole().await, (late, late));
        let listed = admin.get("/v1/reporting/teams?period=2024-W27&status=late").await.ok(200);
        let days: BTreeMap<_, _> = listed["data"].as_array().unwrap().iter().map(|row| (row["team_id"].to_string(), row["days_late"].as_i64().unwrap())).collect();
        assert_eq!(days, BTreeMap::from([(one.0["id"].to_string(), 2), (other.0["id"].to_string(), 3)]));
        take_back(&of_ward).await;
        let of_province = extend(seeded_unit(HA_NOI), "2024-07-13").await;
        assert_eq!(whole().await, (on_time, on_time));
        take_back(&of_province).await;
        assert_eq!(whole().await, (late, late));
        // The period's own deadline, moved, holds for all.
        admin.patch(&format!("/v1/reporting-periods/{week}"), &json!({"due_on": "2024-07-12"})).if_match("*").await.ok(200);
        assert_eq!(whole().await, (on_time, on_time));
    }

    async fn who_has_nothing_to_report_and_says_so_is_received(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        let week = t.week_27().await;
        let (one, two) = (team(t, ward, SUMMER, AT_WORK).await, team(t, ward, SUMMER, AT_WORK).await);
        let say = async |team: &(Value, Caller), instant: &str| {
            at(t, instant);
            let path = format!("/v1/teams/{}/nil-reports", id_in(&team.0, "id"));
            let body = json!({"period_id": week, "reason": "Đội nghỉ để dự thi"});
            let said = team.1.clone().with_a_new_token().post(&path, &body).await.ok(201);
            format!("{path}/{}", id_in(&said, "id"))
        };
        say(&one, "2024-07-09T03:00:00Z").await;
        let second = say(&two, "2024-07-10T03:00:00Z").await;
        assert_eq!(of_teams(t, ward).await, [2, 2, 1, 1, 2, 0, 0]);
        // Filed after all: the earlier of both tells when.
        files(t, &one, "2024-07-03", "2024-07-11T03:00:00Z").await;
        assert_eq!(of_teams(t, ward).await, [2, 2, 1, 1, 1, 0, 0]);
        two.1.clone().with_a_new_token().delete(&second).if_match("*").await.ok(204);
        assert_eq!(of_teams(t, ward).await, [2, 1, 1, 0, 0, 1, 1]);
    }

    async fn units_are_complete_partial_or_missing_and_add_up_to_their_teams(t: &T) {
        let top = seeded_unit(HA_NOI);
        let mut wards = Vec::new();
        for n in 0..5 {
            wards.push(t.commune(top, &format!("XD-{n}")).await);
        }
        t.week_27().await;
        let mut teams = Vec::new();
        for (ward, count) in [(wards[0], 2), (wards[1], 2), (wards[2], 2), (wards[3], 1), (top, 1)] {
            for _ in 0..count {
                teams.push(team(t, ward, SUMMER, AT_WORK).await);
            }
        }
        for (which, instant) in [(0, "2024-07-08T03:00:00Z"), (1, "2024-07-08T03:00:00Z"), (2, "2024-07-08T03:00:00Z"), (4, "2024-07-08T03:00:00Z"), (3, "2024-07-11T03:00:00Z")] {
            files(t, &teams[which], "2024-07-02", instant).await;
        }
        let shown = completeness(t, &t.admin, top).await;
        assert_eq!(figures(&shown["teams"]), [8, 5, 4, 1, 0, 3, 3]);
        let units = &shown["units"];
        let counts = ["expected", "received", "on_time", "late", "partial", "missing"].map(|field| units[field].as_i64().unwrap());
        assert_eq!(counts, [4, 2, 1, 1, 1, 1], "neither the ward without a team nor the unit itself");
        assert_eq!(units["percent"], 50.0);
        let groups = shown["groups"].as_array().unwrap();
        let statuses: Vec<_> = groups.iter().map(|one| (one["code"].as_str().unwrap(), one["status"].as_str().unwrap(), one["own_teams"] == true)).collect();
        assert_eq!(statuses, [
            ("XD-0", "complete", false), ("XD-1", "complete", false), ("XD-2", "partial", false), ("XD-3", "missing", false),
            ("XD-4", "none_expected", false), (HA_NOI, "missing", true),
        ]);
        for (at, field) in FIELDS.iter().enumerate() {
            let sum: i64 = groups.iter().map(|one| figures(&one["teams"])[at]).sum();
            assert_eq!(sum, figures(&shown["teams"])[at], "{field}");
        }
        // The country is the sum of the provinces, and the same with every parameter left out.
        let country = completeness(t, &t.admin, crate::harness::world::centre()).await;
        assert_eq!(figures(&country["teams"]), figures(&shown["teams"]));
        assert_eq!(country["units"]["partial"], 1);
        let admin = t.admin.clone().with_a_new_token();
        assert_eq!(admin.get("/v1/reporting/completeness").await.ok(200), country);
        let answer = admin.get("/v1/reporting/completeness").await;
        let again = admin.get("/v1/reporting/completeness").header("if-none-match", answer.etag()).await;
        assert_eq!(again.status, 304);
    }

    async fn whoever_asks_learns_of_their_own_subtree_alone(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-HAN").await;
        let foreign = t.commune(seeded_unit(DA_NANG), "XD-NGOAI").await;
        t.week_27().await;
        let (own, other) = (team(t, ward, SUMMER, AT_WORK).await, team(t, foreign, SUMMER, AT_WORK).await);
        team(t, ward, SUMMER, AT_WORK).await;
        let viewer = t.user(Role::Viewer, ward).await;
        let of = |unit: Uuid| format!("/v1/reporting/completeness?period=2024-W27&org_unit_id={unit}");
        assert_eq!(viewer.get(&of(ward)).await.ok(200)["teams"]["expected"], 2);
        assert_eq!(viewer.get("/v1/reporting/completeness?period=2024-W27").await.ok(200)["org_unit"]["id"], json!(ward));
        viewer.get(&of(seeded_unit(HA_NOI))).await.problem(403, "forbidden");
        for hidden in [foreign, seeded_unit(DA_NANG), Uuid::now_v7()] {
            viewer.get(&of(hidden)).await.problem(404, "not_found");
        }
        // Who leads one team sees how it stands, and no unit.
        own.1.get(&of(ward)).await.problem(403, "forbidden");
        own.1.get("/v1/reporting/completeness").await.problem(403, "forbidden");
        let ids = async |by: &Caller, query: &str| -> Vec<Value> {
            let page = by.get(&format!("/v1/reporting/teams?period=2024-W27{query}")).await.ok(200);
            page["data"].as_array().unwrap().iter().map(|row| row["team_id"].clone()).collect()
        };
        assert_eq!(ids(&own.1, "").await, [own.0["id"].clone()]);
        assert_eq!(ids(&own.1, &format!("&team_id={}", id_in(&other.0, "id"))).await, Vec::<Value>::new());
        assert_eq!(ids(&viewer, "").await.len(), 2);
        assert_eq!(ids(&viewer, &format!("&within={foreign}")).await, Vec::<Value>::new());
        for (query, parameter) in [("period=2024-W99", "period"), (&format!("campaign_id={}", Uuid::now_v7()), "campaign_id")] {
            viewer.get(&format!("/v1/reporting/completeness?{query}")).await.faults(400, &[(parameter, "reference_not_found")]);
            viewer.get(&format!("/v1/reporting/teams?{query}")).await.faults(400, &[(parameter, "reference_not_found")]);
        }
        viewer.get("/v1/reporting/teams?status=nil").await.faults(400, &[("status", "not_allowed_value")]);
    }

    async fn teams_are_listed_page_by_page_and_each_once_however_deadlines_differ(t: &T) {
        let top = seeded_unit(HA_NOI);
        let week = t.week_27().await;
        let (plain, extended) = (t.commune(top, "XD-THUONG").await, t.commune(top, "XD-GIAHAN").await);
        let body = json!({"period_id": week, "org_unit_id": extended, "due_on": "2024-07-12", "reason": "Bão số 2"});
        t.admin.post("/v1/reporting-extensions", &body).await.ok(201);
        let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for n in 0..12 {
            let unit = if n % 2 == 0 { plain } else { extended };
            let one = team(t, unit, SUMMER, AT_WORK).await;
            let status = match n / 4 {
                0 => {
                    files(t, &one, "2024-07-02", "2024-07-09T03:00:00Z").await;
                    "on_time"
                }
                // Late where nothing was granted.
                1 => {
                    files(t, &one, "2024-07-02", "2024-07-11T03:00:00Z").await;
                    if unit == plain { "late" } else { "on_time" }
                }
                _ => "missing",
            };
            expected.entry(status).or_default().insert(one.0["id"].as_str().unwrap().to_owned());
        }
        let admin = t.admin.clone().with_a_new_token();
        for (status, ids) in &expected {
            for limit in [1, 2, 5, 50] {
                let mut path = Some(format!("/v1/reporting/teams?period=2024-W27&within={top}&status={status}&limit={limit}"));
                let (mut seen, mut codes) = (Vec::new(), Vec::new());
                while let Some(at) = path {
                    let page = admin.get(&at).await;
                    for row in page.ok(200)["data"].as_array().unwrap() {
                        assert_eq!(row["status"], *status);
                        seen.push(row["team_id"].as_str().unwrap().to_owned());
                        codes.push(row["code"].as_str().unwrap().to_owned());
                    }
                    path = page.header("link").map(|link| link[1..link.find('>').unwrap()].to_owned());
                }
                assert!(codes.is_sorted(), "{codes:?}");
                assert_eq!((seen.len(), &seen.into_iter().collect::<BTreeSet<_>>()), (ids.len(), ids), "{status} by {limit}");
            }
        }
        let shown = completeness(t, &t.admin, top).await;
        let count = |status: &str| i64::try_from(expected[status].len()).unwrap();
        assert_eq!(figures(&shown["teams"]), [12, 8, count("on_time"), count("late"), 0, count("missing"), 2]);
        let page = admin.get("/v1/reporting/teams?period=2024-W27&limit=1&status=missing").await.ok(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        admin.get(&format!("/v1/reporting/teams?period=2024-W27&status=late&cursor={cursor}")).await.problem(400, "cursor_mismatch");
        admin.get("/v1/reporting/teams?cursor=x").await.problem(400, "bad_cursor");
    }
}
