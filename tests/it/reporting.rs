//! Reporting periods, their deadlines, extensions, nil reports, and reminders; who has reported is held in
//! `reporting_counts`.

use crate::harness::{
    Caller, T, id_in, value, values,
    world::{DA_NANG, HA_NOI, campaign, centre, seeded_unit},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::slices::reporting::reminders::remind;
use uuid::Uuid;

/// Sets the clock.
pub fn at(t: &T, instant: &str) {
    t.clock.set(instant.parse::<DateTime<Utc>>().unwrap());
}

/// The body of a period of the seeded campaign.
pub fn period(code: &str, starts_on: &str, ends_on: &str, due_on: &str) -> Value {
    json!({"campaign_id": campaign(), "code": code, "name": format!("Kỳ {code}"), "starts_on": starts_on,
        "ends_on": ends_on, "due_on": due_on})
}

fn extension(period: Uuid, unit: Uuid, due_on: &str) -> Value {
    json!({"period_id": period, "org_unit_id": unit, "due_on": due_on, "reason": "Mất điện do bão số 2"})
}

async fn told(t: &T) -> Vec<(String, i32, Uuid)> {
    let kinds: Vec<String> = values(t.store.read(), "SELECT kind FROM reporting_notice ORDER BY kind, days, id").await;
    let days: Vec<i32> = values(t.store.read(), "SELECT days FROM reporting_notice ORDER BY kind, days, id").await;
    let units: Vec<Uuid> =
        values(t.store.read(), "SELECT org_unit_id FROM reporting_notice ORDER BY kind, days, id").await;
    kinds.into_iter().zip(days).zip(units).map(|((kind, days), unit)| (kind, days, unit)).collect()
}

both! {
    async fn a_period_is_made_read_changed_and_removed(t: &T) {
        let body = period("DOT-1", "2024-06-01", "2024-06-30", "2024-07-03");
        let made = t.admin.post("/v1/reporting-periods", &body).await;
        let first = made.ok(201);
        let path = format!("/v1/reporting-periods/{}", made.id());
        assert_eq!((made.header("location"), &first["series"]), (Some(path.as_str()), &json!("round")));
        for (field, stated) in body.as_object().unwrap() {
            assert_eq!(&first[field], stated, "{field}");
        }
        assert_eq!(first["allowed_actions"], json!(["edit", "delete"]));
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let seen = viewer.get(&path).await.ok(200);
        assert_eq!((&seen["code"], &seen["allowed_actions"]), (&json!("DOT-1"), &json!([])));

        t.admin.patch(&path, &json!({"due_on": "2024-07-05"})).await.problem(428, "if_match_required");
        let changed = t.admin.patch(&path, &json!({"due_on": "2024-07-05", "name": "Đợt đầu"})).if_match("\"1\"").await.ok(200);
        assert_eq!((&changed["due_on"], &changed["name"], &changed["version"]), (&json!("2024-07-05"), &json!("Đợt đầu"), &json!(2)));
        t.admin.patch(&path, &json!({"name": "x"})).if_match("\"1\"").await.problem(412, "stale_version");
        t.admin.patch(&path, &json!({"code": "DOT-2"})).if_match("*").await.faults(422, &[("/code", "unknown_field")]);
        t.admin.patch(&path, &json!({"due_on": "2024-06-29"})).if_match("*").await.faults(422, &[("/due_on", "dates_inverted")]);

        for (query, count) in [
            ("code=DOT-1", 1), ("series=round", 1), ("series=week", 0), ("on=2024-06-30", 1), ("on=2024-07-01", 0),
            (&format!("campaign_id={}", campaign()), 1), (&format!("campaign_id={}", Uuid::now_v7()), 0),
        ] {
            let page = viewer.get(&format!("/v1/reporting-periods?{query}")).await.ok(200);
            assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
        }
        t.admin.delete(&path).if_match("\"1\"").await.problem(412, "stale_version");
        t.admin.delete(&path).if_match("\"2\"").await.ok(204);
        t.admin.get(&path).await.problem(404, "not_found");
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", made.id())).await.ok(200);
        let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["delete_reporting_period", "patch_reporting_period", "create_reporting_period"]);
    }

    async fn what_is_wrong_with_a_period_is_told_all_at_once(t: &T) {
        for (body, faults) in [
            (period("A", "2024-07-02", "2024-07-01", "2024-07-05"), vec![("/ends_on", "dates_inverted")]),
            (period("A", "2024-07-01", "2024-07-07", "2024-07-06"), vec![("/due_on", "dates_inverted")]),
            (period("A", "2024-05-31", "2024-09-01", "2024-09-05"), vec![("/starts_on", "outside_campaign"), ("/ends_on", "outside_campaign")]),
            (period("a b", "2024-07-01", "2024-07-07", "2024-07-09"), vec![("/code", "bad_format")]),
        ] {
            t.admin.post("/v1/reporting-periods", &body).await.faults(422, &faults);
        }
        let mut elsewhere = period("A", "2024-07-01", "2024-07-07", "2024-07-09");
        elsewhere["campaign_id"] = json!(Uuid::now_v7());
        t.admin.post("/v1/reporting-periods", &elsewhere).await.faults(422, &[("/campaign_id", "reference_not_found")]);
        // A deadline may lie after the campaign's end.
        t.admin.post("/v1/reporting-periods", &period("CUOI", "2024-08-01", "2024-08-31", "2024-09-15")).await.ok(201);
        t.admin.act(&format!("/v1/campaigns/{}/close", campaign())).await.ok(200);
        t.admin.post("/v1/reporting-periods", &period("B", "2024-06-01", "2024-06-02", "2024-06-03")).await.problem(409, "campaign_not_open");
    }

    async fn periods_of_one_series_share_no_day_and_a_code_stands_once(t: &T) {
        let first = t.admin.post("/v1/reporting-periods", &period("2024-W27", "2024-07-01", "2024-07-07", "2024-07-09")).await;
        assert_eq!(first.ok(201)["series"], "week");
        let next = period("2024-W28", "2024-07-07", "2024-07-14", "2024-07-16");
        let problem = t.admin.post("/v1/reporting-periods", &next).await.problem(409, "period_overlaps");
        assert_eq!(problem["existing"], format!("/v1/reporting-periods/{}", first.id()));
        let next = period("2024-W28", "2024-07-08", "2024-07-14", "2024-07-16");
        let second = t.admin.post("/v1/reporting-periods", &next).await;
        second.ok(201);
        let round = period("DOT-1", "2024-06-01", "2024-07-31", "2024-08-02");
        t.admin.post("/v1/reporting-periods", &round).await.ok(201);
        t.admin.post("/v1/reporting-periods", &period("DOT-1", "2024-08-01", "2024-08-02", "2024-08-02")).await.problem(409, "code_already_used");
        let path = format!("/v1/reporting-periods/{}", second.id());
        t.admin.patch(&path, &json!({"starts_on": "2024-07-07"})).if_match("*").await.problem(409, "period_overlaps");
        t.admin.patch(&path, &json!({"starts_on": "2024-07-09"})).if_match("*").await.ok(200);
    }

    async fn of_many_overlapping_periods_at_once_one_is_made(t: &T) {
        let there = t.replica().await;
        let other = there.asked_by(&t.admin);
        let sent = (0..8).map(|n| {
            let body = period(&format!("DOT-{n}"), "2024-07-01", "2024-07-10", "2024-07-12");
            let by = if n % 2 == 0 { t.admin.clone() } else { other.clone() };
            async move { by.post("/v1/reporting-periods", &body).await.status }
        });
        let mut statuses = futures_util::future::join_all(sent).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    }

    async fn the_weeks_of_a_campaign_are_made_at_once_and_once(t: &T) {
        let body = json!({"campaign_id": campaign(), "every": "week", "due_after_days": 2});
        let rehearsed = t.admin.post("/v1/reporting-periods/generate?dry_run=true", &body).await;
        assert_eq!((rehearsed.ok(200)["created"].as_i64(), rehearsed.header("dry-run")), (Some(14), Some("true")));
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM reporting_period").await, 0);
        t.week_27().await;
        let made = t.admin.post("/v1/reporting-periods/generate", &body).await.ok(200);
        assert_eq!((&made["created"], &made["kept"]), (&json!(13), &json!(1)));
        let shown: Vec<_> = made["data"].as_array().unwrap().iter()
            .map(|p| ["code", "starts_on", "ends_on", "due_on", "name", "series"].map(|field| p[field].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(shown.len(), 14);
        assert_eq!(shown[0], ["2024-W22", "2024-06-01", "2024-06-02", "2024-06-04", "Tuần 22", "week"]);
        assert_eq!(shown[5][4], "Bản tin tuần 27", "what was there stays");
        assert_eq!(shown[6], ["2024-W28", "2024-07-08", "2024-07-14", "2024-07-16", "Tuần 28", "week"]);
        assert_eq!(shown[13], ["2024-W35", "2024-08-26", "2024-08-31", "2024-09-02", "Tuần 35", "week"]);
        let again = t.admin.post("/v1/reporting-periods/generate", &body).await.ok(200);
        assert_eq!((&again["created"], &again["kept"]), (&json!(0), &json!(14)));
        let path = format!("/v1/reporting-periods/{}", id_in(&made["data"][8], "id"));
        t.admin.delete(&path).if_match("*").await.ok(204);
        let mut odd = period("X-1", "2024-07-23", "2024-07-24", "2024-07-25");
        odd["series"] = json!("week");
        t.admin.post("/v1/reporting-periods", &odd).await.ok(201);
        t.admin.post("/v1/reporting-periods/generate", &body).await.problem(409, "period_overlaps");
        t.admin.post("/v1/reporting-periods/generate", &json!({"campaign_id": campaign(), "every": "day", "due_after_days": 61}))
            .await.faults(422, &[("/every", "not_allowed_value"), ("/due_after_days", "out_of_range")]);
        let officer = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        officer.post("/v1/reporting-periods/generate", &body).await.problem(403, "forbidden");
    }

    async fn a_period_on_which_something_depends_stays(t: &T) {
        let week = t.week_27().await;
        let path = format!("/v1/reporting-periods/{week}");
        let given = t.admin.post("/v1/reporting-extensions", &extension(week, seeded_unit(HA_NOI), "2024-07-12")).await.ok(201);
        let granted = format!("/v1/reporting-extensions/{}", id_in(&given, "id"));
        t.admin.delete(&path).if_match("*").await.problem(409, "period_in_use");
        assert_eq!(t.admin.get(&path).await.ok(200)["allowed_actions"], json!(["edit"]));
        t.admin.post(&format!("{granted}/revoke"), &json!({"reason": "Nhầm"})).if_match("*").await.ok(200);
        t.admin.delete(&path).if_match("*").await.problem(409, "period_in_use");
        // Granting and deleting at once: whichever comes second learns of the first.
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for n in 0..4 {
            let code = format!("DOT-{n}");
            let made = id_in(&t.admin.post("/v1/reporting-periods", &period(&code, "2024-07-01", "2024-07-02", "2024-07-03")).await.ok(201), "id");
            let nil = json!({"period_id": made, "reason": "Không có hoạt động"});
            let nil_path = format!("/v1/teams/{}/nil-reports", id_in(&team, "id"));
            let path = format!("/v1/reporting-periods/{made}");
            let (said, gone) = tokio::join!(
                async { leader.post(&nil_path, &nil).await.status },
                async { t.admin.delete(&path).if_match("*").await.status }
            );
            assert!(matches!((said, gone), (201, 409) | (422, 204)), "{said} {gone}");
            if gone == 409 {
                let id = leader.get(&format!("{nil_path}?period_id={made}")).await.ok(200)["data"][0]["id"].as_str().unwrap().to_owned();
                leader.delete(&format!("{nil_path}/{id}")).if_match("*").await.ok(204);
                t.admin.delete(&path).if_match("*").await.ok(204);
            }
        }
    }

    async fn an_extension_is_granted_from_above_with_a_reason_and_taken_back(t: &T) {
        let week = t.week_27().await;
        let ward = t.commune(seeded_unit(HA_NOI), "XD-GIAHAN").await;
        let own = t.user(Role::Coordinator, ward).await;
        let province = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let beside = t.user(Role::Administrator, seeded_unit(DA_NANG)).await;
        let verifier = t.user(Role::Verifier, seeded_unit(HA_NOI)).await;
        let path = "/v1/reporting-extensions";
        own.post(path, &extension(week, ward, "2024-07-12")).await.problem(403, "forbidden");
        province.post(path, &extension(week, seeded_unit(HA_NOI), "2024-07-12")).await.problem(403, "forbidden");
        verifier.post(path, &extension(week, ward, "2024-07-12")).await.problem(403, "forbidden");
        beside.post(path, &extension(week, ward, "2024-07-12")).await.faults(422, &[("/org_unit_id", "reference_not_found")]);
        let mut mute = extension(week, ward, "2024-07-12");
        mute["reason"] = json!(" ");
        province.post(path, &mute).await.faults(422, &[("/reason", "bad_format")]);
        mute.as_object_mut().unwrap().remove("reason");
        province.post(path, &mute).await.faults(422, &[("/reason", "required")]);
        for early in ["2024-07-09", "2024-07-01"] {
            province.post(path, &extension(week, ward, early)).await.faults(422, &[("/due_on", "out_of_range")]);
        }
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM reporting_extension").await, 0);

        province.post(&format!("{path}?dry_run=true"), &extension(week, ward, "2024-07-12")).await.ok(201);
        let given = province.post(path, &extension(week, ward, "2024-07-12")).await;
        let shown = given.ok(201);
        assert_eq!((&shown["status"], &shown["granted_by"], &shown["allowed_actions"]), (&json!("active"), &json!(province.user_id), &json!(["revoke"])));
        let one = format!("{path}/{}", given.id());
        assert_eq!(own.get(&one).await.ok(200)["allowed_actions"], json!([]));
        beside.get(&one).await.problem(404, "not_found");
        t.admin.post(path, &extension(week, centre(), "2024-07-10")).await.ok(201);
        for (who, count) in [(&own, 2), (&province, 2), (&beside, 1)] {
            let page = who.get(&format!("{path}?period_id={week}&include_total=true")).await.ok(200);
            assert_eq!((page["data"].as_array().unwrap().len(), page["total"].as_i64()), (count, i64::try_from(count).ok()));
        }

        let why = json!({"reason": "Đã có điện trở lại"});
        own.post(&format!("{one}/revoke"), &why).if_match("*").await.problem(403, "forbidden");
        beside.post(&format!("{one}/revoke"), &why).if_match("*").await.problem(404, "not_found");
        province.post(&format!("{one}/revoke"), &json!({})).if_match("*").await.faults(422, &[("/reason", "required")]);
        let back = province.post(&format!("{one}/revoke"), &why).if_match("\"1\"").await.ok(200);
        assert_eq!((&back["status"], &back["revoke_reason"], &back["revoked_by"]), (&json!("revoked"), &why["reason"], &json!(province.user_id)));
        province.post(&format!("{one}/revoke"), &why).if_match("*").await.problem(409, "wrong_state");
        for (status, count) in [("active", 1), ("revoked", 1)] {
            let page = own.get(&format!("{path}?status={status}")).await.ok(200);
            assert_eq!(page["data"].as_array().unwrap().len(), count, "{status}");
        }
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", given.id())).await.ok(200);
        assert_eq!(log["data"].as_array().unwrap().len(), 2, "a rehearsal left no row");
        assert_eq!(log["data"][0]["org_unit_id"], json!(ward));
    }

    async fn a_team_says_once_that_it_has_nothing_to_report(t: &T) {
        let week = t.week_27().await;
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (_, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let path = format!("/v1/teams/{}/nil-reports", id_in(&team, "id"));
        let nil = json!({"period_id": week, "reason": "Đội nghỉ để dự thi"});
        stranger.post(&path, &nil).await.problem(404, "not_found");
        t.user(Role::Viewer, seeded_unit(HA_NOI)).await.post(&path, &nil).await.problem(403, "forbidden");
        leader.post(&path, &json!({"period_id": Uuid::now_v7(), "reason": "x"})).await.faults(422, &[("/period_id", "reference_not_found")]);
        let later = t.admin.post("/v1/reporting-periods", &period("2024-W30", "2024-07-22", "2024-07-28", "2024-07-30")).await.id();
        leader.post(&path, &json!({"period_id": later, "reason": "x"})).await.faults(422, &[("/period_id", "in_the_future")]);
        let mut chosen = nil.clone();
        chosen["id"] = json!(Uuid::now_v7());
        let said = leader.post(&path, &chosen).await.ok(201);
        assert_eq!(leader.post(&path, &chosen).await.ok(200), said);
        leader.post(&path, &nil).await.problem(409, "wrong_state");
        let one = format!("{path}/{}", id_in(&said, "id"));
        stranger.get(&path).await.problem(404, "not_found");
        assert_eq!(leader.get(&path).await.ok(200)["data"], json!([said]));
        leader.delete(&one).if_match("\"1\"").await.ok(204);
        leader.delete(&one).if_match("*").await.problem(404, "not_found");
        // Who has filed has something to report.
        let activity = t.activity(&leader, &team).await;
        t.draft(&leader, &activity, "2024-07-02", 3).await;
        let said = leader.post(&path, &nil).await.ok(201);
        leader.delete(&format!("{path}/{}", id_in(&said, "id"))).if_match("*").await.ok(204);
        t.submitted(&leader, &activity, "2024-07-03", 3).await;
        leader.post(&path, &nil).await.problem(409, "wrong_state");
    }

    async fn each_unit_is_reminded_once_whichever_replicas_look(t: &T) {
        let (ward, other) = (t.commune(seeded_unit(HA_NOI), "XD-NHAC").await, t.commune(seeded_unit(HA_NOI), "XD-DU").await);
        t.deployed_team(ward).await;
        let (_, extended) = (t.deployed_team(ward).await, t.commune(seeded_unit(DA_NANG), "XD-GIAHAN").await);
        t.deployed_team(extended).await;
        let (team, leader) = t.deployed_team(other).await;
        let week = t.week_27().await;
        t.admin.post("/v1/reporting-extensions", &extension(week, seeded_unit(DA_NANG), "2024-07-12")).await.ok(201);
        let there = t.replica().await;
        let look = async || {
            let (here, beside) = (0..4).fold((vec![], vec![]), |(mut here, mut beside), _| {
                here.push(remind(&t.app));
                beside.push(remind(&there.app));
                (here, beside)
            });
            let (one, two) =
                tokio::join!(futures_util::future::join_all(here), futures_util::future::join_all(beside));
            one.into_iter().chain(two).map(Result::unwrap).sum::<u64>()
        };
        // 16:59:59Z is the 7th in Viet Nam: two days before.
        at(t, "2024-07-07T16:59:59Z");
        assert_eq!(look().await, 0);
        let leader = leader.with_a_new_token();
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-02", 3).await;
        at(t, "2024-07-07T17:00:00Z");
        assert_eq!(look().await, 1);
        assert_eq!(told(t).await, [("reminder".to_owned(), 1, ward)]);
        assert_eq!(look().await, 0);
        let sql = "SELECT count(*) FROM reporting_notice WHERE expected = 2 AND missing = 2";
        assert_eq!(value::<i64>(t.store.read(), sql).await, 1);
        // The day after: whose deadline was extended is reminded before it.
        at(t, "2024-07-09T16:59:59Z");
        assert_eq!(look().await, 0);
        at(t, "2024-07-09T17:00:00Z");
        assert_eq!(look().await, 1);
        at(t, "2024-07-11T03:00:00Z");
        assert_eq!(look().await, 1);
        let expected = BTreeSet::from([
            ("overdue".to_owned(), 1, ward), ("reminder".to_owned(), 1, extended), ("reminder".to_owned(), 1, ward),
        ]);
        assert_eq!(told(t).await.into_iter().collect::<BTreeSet<_>>(), expected);
        at(t, "2024-07-20T03:00:00Z");
        assert_eq!(look().await, 1, "of the extended one, eight days after its due day");
        at(t, "2024-07-21T03:00:00Z");
        assert_eq!(look().await, 0);
        // Each stands in the audit log of its unit.
        let officer = t.user(Role::Administrator, ward).await;
        let log = officer.get("/v1/audit-log?resource=reporting_notice").await.ok(200);
        let actions: BTreeSet<_> = log["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, BTreeSet::from(["reporting.overdue", "reporting.reminder"]));
        assert_eq!(log["data"].as_array().unwrap().len(), 2);
        let admin = t.admin.clone().with_a_new_token();
        admin.delete(&format!("/v1/reporting-periods/{week}")).if_match("*").await.problem(409, "period_in_use");
    }

    async fn nobody_is_reminded_of_a_campaign_that_is_not_open_or_where_the_operator_wants_none(t: &T) {
        t.deployed_team(seeded_unit(HA_NOI)).await;
        t.week_27().await;
        at(t, "2024-07-09T03:00:00Z");
        let settings = tinhnguyen_http::app::Settings { reminders: "none".parse().unwrap(), ..Default::default() };
        assert_eq!(remind(&t.replica_with(settings).await.app).await.unwrap(), 0);
        let admin: Caller = t.admin.clone().with_a_new_token();
        admin.act(&format!("/v1/campaigns/{}/close", campaign())).await.ok(200);
        assert_eq!(remind(&t.app).await.unwrap(), 0);
        admin.act(&format!("/v1/campaigns/{}/open", campaign())).await.ok(200);
        assert_eq!(remind(&t.app).await.unwrap(), 1);
    }
}
