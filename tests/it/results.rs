//! Results: draft, submitted, verified or returned; what each state counts, and what is refused.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, campaign, centre, new_activity, new_result, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// A team at work in Hà Nội, its leader, its activity, and a verifier over it.
struct Scene {
    team: Uuid,
    leader: Caller,
    activity: Value,
    verifier: Caller,
}

impl Scene {
    async fn set(t: &T) -> Self {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        Self { team: id_in(&team, "id"), leader, activity, verifier: t.verifier(seeded_unit(HA_NOI)).await }
    }

    fn body(&self, day: &str, turns: i64) -> Value {
        new_result(id_in(&self.activity, "id"), self.team, day, turns)
    }
}

fn path(result: &Value) -> String {
    format!("/v1/results/{}", id_in(result, "id"))
}

/// The nation's reported and verified turns.
async fn figures(t: &T) -> (i64, i64) {
    let report = t.check().await;
    let total = report.totals.get(&crate::harness::world::indicator()).copied().unwrap_or_default();
    (total.reported.0, total.verified.0)
}

both! {
    async fn a_result_is_drafted_submitted_and_verified(t: &T) {
        let scene = Scene::set(t).await;
        let mut body = scene.body("2024-07-01", 20);
        body["lines"] = json!([
            {"topic": "cyber_safety", "audience": "children", "sex": "female", "age_band": "6_15", "turns": 20},
            {"topic": "office_software", "audience": "residents", "turns": 22},
        ]);
        body["outputs"] = json!([{"measure": "classes", "value": 2}, {"measure": "accounts_created", "value": 0}]);
        body["evidence"] = json!([{"kind": "photo", "url": "https://example.org/anh.jpg", "note": "Lớp học"}]);
        let answer = scene.leader.post("/v1/results", &body).await;
        let draft = answer.ok(201);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&draft[field], value, "{field}");
        }
        assert_eq!((&draft["status"], &draft["turns"], &draft["revision"]), (&json!("draft"), &json!(42), &json!(1)));
        assert_eq!(draft["allowed_actions"], json!(["edit", "delete", "submit"]));
        assert_eq!(figures(t).await, (0, 0));

        let submitted = scene.leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        assert_eq!(
            (&submitted["status"], &submitted["submitted_by"]),
            (&json!("submitted"), &json!(scene.leader.user_id))
        );
        assert_eq!(submitted["allowed_actions"], json!(["amend"]));
        assert_eq!(figures(t).await, (42, 0));
        assert_eq!(scene.verifier.get(&path(&draft)).await.ok(200)["allowed_actions"], json!(["verify", "return"]));

        let verified = scene.verifier.act(&format!("{}/verify", path(&draft))).await.ok(200);
        assert_eq!(
            (&verified["status"], &verified["verified_by"]),
            (&json!("verified"), &json!(scene.verifier.user_id))
        );
        assert_eq!((&verified["version"], &verified["allowed_actions"]), (&json!(3), &json!(["unverify"])));
        assert_eq!(figures(t).await, (42, 42));
        assert_eq!(scene.leader.get(&path(&draft)).await.ok(200)["status"], "verified");
    }

    async fn a_returned_result_is_mended_and_submitted_again_as_a_new_revision(t: &T) {
        let scene = Scene::set(t).await;
        let result = t.submitted(&scene.leader, &scene.activity, "2024-07-01", 20).await;
        let reason = json!({"reason": "Thiếu danh sách lớp"});
        let returned = scene.verifier.post(&format!("{}/return", path(&result)), &reason).if_match("*").await.ok(200);
        assert_eq!((&returned["status"], &returned["return_reason"]), (&json!("returned"), &reason["reason"]));
        assert_eq!(figures(t).await, (0, 0));
        assert_eq!(scene.leader.get(&path(&result)).await.ok(200)["allowed_actions"], json!(["edit", "submit"]));
        let lines = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 18}]});
        scene.leader.patch(&path(&result), &lines).if_match("*").await.ok(200);
        let again = scene.leader.act(&format!("{}/submit", path(&result))).await.ok(200);
        assert_eq!(
            (&again["revision"], &again["turns"], &again["return_reason"]),
            (&json!(2), &json!(18), &Value::Null)
        );
        assert_eq!(figures(t).await, (18, 0));
    }

    async fn bad_input_gets_the_problem_of_its_place_and_changes_nothing(t: &T) {
        let scene = Scene::set(t).await;
        let line = |turns: Value| json!({"topic": "cyber_safety", "audience": "residents", "turns": turns});
        for (lines, expected) in [
            (json!([line(json!(0))]), ("/lines/0/turns", "out_of_range")),
            (json!([line(json!(-5))]), ("/lines/0/turns", "out_of_range")),
            (json!([line(json!(100_001))]), ("/lines/0/turns", "out_of_range")),
            (json!([line(json!(9_007_199_254_740_993_i64))]), ("/lines/0/turns", "out_of_range")),
            (json!([line(json!(1.5))]), ("/lines/0/turns", "wrong_type")),
            (json!([line(json!("12"))]), ("/lines/0/turns", "wrong_type")),
            (json!([line(Value::Null)]), ("/lines/0/turns", "wrong_type")),
            (json!([line(json!(true))]), ("/lines/0/turns", "wrong_type")),
            (json!({}), ("/lines", "wrong_type")),
            (
                json!([{"topic": "cooking", "audience": "residents", "turns": 1}]),
                ("/lines/0/topic", "not_allowed_value"),
            ),
            (
                json!([{"topic": "cyber_safety", "audience": "cats", "turns": 1}]),
                ("/lines/0/audience", "not_allowed_value"),
            ),
            (
                json!([{"topic": "cyber_safety", "audience": "residents", "turns": 1, "people": 1}]),
                ("/lines/0/people", "unknown_field"),
            ),
            (json!([{"topic": "cyber_safety", "audience": "residents"}]), ("/lines/0/turns", "required")),
            (
                json!([{"topic": "it_contest", "audience": "residents", "turns": 1}]),
                ("/lines/0/topic", "topic_not_of_kind"),
            ),
            (json!([line(json!(1)), line(json!(2))]), ("/lines/1", "not_unique")),
            (json!([]), ("/lines", "too_few")),
            (json!(vec![line(json!(1)); 201]), ("/lines", "too_many")),
        ] {
            let mut body = scene.body("2024-07-01", 1);
            body["lines"] = lines;
            scene.leader.post("/v1/results", &body).await.faults(422, &[expected]);
        }
        for (field, value, code) in [
            ("outputs", json!([{"measure": "teams", "value": 1}]), ("/outputs/0/measure", "not_an_output")),
            (
                "outputs",
                json!([{"measure": "classes", "value": 1}, {"measure": "classes", "value": 2}]),
                ("/outputs/1/measure", "not_unique"),
            ),
            ("outputs", json!([{"measure": "classes", "value": -1}]), ("/outputs/0/value", "out_of_range")),
            ("evidence", json!([{"kind": "photo", "url": "javascript:alert(1)"}]), ("/evidence/0/url", "bad_format")),
            ("evidence", json!([{"kind": "photo", "url": "https://a b"}]), ("/evidence/0/url", "bad_format")),
            ("reported_on", json!("2024-02-30"), ("/reported_on", "bad_format")),
            ("reported_on", json!("2024-05-31"), ("/reported_on", "outside_campaign")),
            ("reported_on", json!("2024-09-01"), ("/reported_on", "outside_campaign")),
            ("reported_on", json!("2024-07-16"), ("/reported_on", "in_the_future")),
            ("activity_id", json!(Uuid::now_v7()), ("/activity_id", "reference_not_found")),
            ("team_id", json!(Uuid::now_v7()), ("/team_id", "reference_not_found")),
            ("activity_id", json!("' OR 1=1 --"), ("/activity_id", "bad_format")),
            ("status", json!("verified"), ("/status", "unknown_field")),
            ("verified_by", json!(Uuid::now_v7()), ("/verified_by", "unknown_field")),
            ("created_at", json!("2024-01-01T00:00:00Z"), ("/created_at", "unknown_field")),
            ("version", json!(7), ("/version", "unknown_field")),
        ] {
            let mut body = scene.body("2024-07-01", 1);
            body[field] = value;
            scene.leader.post("/v1/results", &body).await.faults(422, &[code]);
        }
        let page = scene.leader.get("/v1/results?include_total=true").await.ok(200);
        assert_eq!(page["total"], 0);
        let activity = scene.leader.get(&format!("/v1/activities/{}", id_in(&scene.activity, "id"))).await.ok(200);
        assert_eq!((&activity["status"], &activity["version"]), (&json!("planned"), &json!(1)));
    }

    async fn a_day_is_the_campaigns_own(t: &T) {
        let scene = Scene::set(t).await;
        // 23:30 in Viet Nam on the 15th, then half past midnight on the 16th.
        t.clock.set("2024-07-15T16:30:00Z".parse().unwrap());
        let leader = scene.leader.clone().with_a_new_token();
        leader
            .post("/v1/results", &scene.body("2024-07-16", 1))
            .await
            .faults(422, &[("/reported_on", "in_the_future")]);
        t.clock.set("2024-07-15T17:30:00Z".parse().unwrap());
        let leader = scene.leader.clone().with_a_new_token();
        leader.post("/v1/results", &scene.body("2024-07-16", 1)).await.ok(201);
        // The last day is inclusive, and can still be reported when the campaign is over but open.
        t.clock.set("2024-09-10T00:00:00Z".parse().unwrap());
        let leader = scene.leader.clone().with_a_new_token();
        leader.post("/v1/results", &scene.body("2024-08-31", 1)).await.ok(201);
    }

    async fn one_activity_team_and_day_take_one_result(t: &T) {
        let scene = Scene::set(t).await;
        let first = scene.leader.post("/v1/results", &scene.body("2024-07-01", 5)).await.ok(201);
        let refused =
            scene.leader.post("/v1/results", &scene.body("2024-07-01", 7)).await.problem(409, "result_exists");
        assert_eq!(refused["existing"], json!(path(&first)));
        scene.leader.get(refused["existing"].as_str().unwrap()).await.ok(200);
        scene.leader.post("/v1/results", &scene.body("2024-07-02", 7)).await.ok(201);
    }

    async fn twenty_at_once_for_one_day_make_one_result(t: &T) {
        let scene = Scene::set(t).await;
        let body = scene.body("2024-07-01", 5);
        let answers =
            futures_util::future::join_all((0..20).map(|_| scene.leader.post("/v1/results", &body).into_future()))
                .await;
        let made = answers.iter().filter(|a| a.status == 201).count();
        assert_eq!(made, 1);
        for answer in answers.iter().filter(|a| a.status != 201) {
            answer.problem(409, "result_exists");
        }
    }

    async fn a_result_for_anothers_team_is_refused(t: &T) {
        let scene = Scene::set(t).await;
        let (other, other_leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        // Not of the activity, though in sight.
        let mut body = scene.body("2024-07-01", 5);
        body["team_id"] = other["id"].clone();
        coordinator.post("/v1/results", &body).await.faults(422, &[("/team_id", "not_its_team")]);
        // Of the activity, though not in sight.
        other_leader
            .post("/v1/results", &scene.body("2024-07-01", 5))
            .await
            .faults(422, &[("/team_id", "reference_not_found"), ("/activity_id", "reference_not_found")]);
        // In sight, though not in reach.
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        t.grant(&viewer, Role::Coordinator, seeded_unit(DA_NANG), None).await;
        viewer.post("/v1/results", &scene.body("2024-07-01", 5)).await.problem(403, "forbidden");
    }

    async fn each_team_of_a_joint_activity_reports_for_itself(t: &T) {
        let (one, first) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (two, second) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let mut body = new_activity(id_in(&one, "id"));
        body["team_ids"] = json!([one["id"], two["id"]]);
        let activity = t.admin.post("/v1/activities", &body).await.ok(201);
        for (team, leader, turns) in [(&one, &first, 5), (&two, &second, 7)] {
            let body = new_result(id_in(&activity, "id"), id_in(team, "id"), "2024-07-01", turns);
            let draft = leader.post("/v1/results", &body).await.ok(201);
            leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        }
        assert_eq!(figures(t).await, (12, 0));
        let page = first.get("/v1/results?include_total=true").await.ok(200);
        assert_eq!(page["total"], 1, "of the other team's result nothing is seen");
    }

    async fn nobody_verifies_or_returns_what_they_submitted(t: &T) {
        let scene = Scene::set(t).await;
        let both = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let draft = t.draft(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let own = both.act(&format!("{}/submit", path(&draft))).await.ok(200);
        assert_eq!(own["allowed_actions"], json!(["amend"]));
        both.act(&format!("{}/verify", path(&draft))).await.problem(403, "verifier_is_submitter");
        let back = both.post(&format!("{}/return", path(&draft)), &json!({"reason": "x"})).if_match("*").await;
        back.problem(403, "verifier_is_submitter");
        assert_eq!(figures(t).await, (5, 0));
        scene.verifier.act(&format!("{}/verify", path(&draft))).await.ok(200);
    }

    async fn a_verifier_of_elsewhere_verifies_nothing_here(t: &T) {
        let scene = Scene::set(t).await;
        let result = t.submitted(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let elsewhere = t.verifier(seeded_unit(DA_NANG)).await;
        elsewhere.act(&format!("{}/verify", path(&result))).await.problem(404, "not_found");
        scene.leader.act(&format!("{}/verify", path(&result))).await.problem(403, "forbidden");
        let above = t.verifier(centre()).await;
        above.act(&format!("{}/verify", path(&result))).await.ok(200);
    }

    async fn each_state_refuses_what_does_not_start_from_it(t: &T) {
        let scene = Scene::set(t).await;
        let lines = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 9}]});
        let draft = t.draft(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let at = path(&draft);
        scene.verifier.act(&format!("{at}/verify")).await.problem(409, "wrong_state");
        scene.leader.act(&format!("{at}/submit")).await.ok(200);
        assert_eq!(scene.leader.act(&format!("{at}/submit")).await.problem(409, "wrong_state")["state"], "submitted");
        assert_eq!(
            scene.leader.patch(&at, &lines).if_match("*").await.problem(409, "not_editable")["state"],
            "submitted"
        );
        scene.leader.delete(&at).if_match("*").await.problem(409, "not_editable");
        scene.verifier.act(&format!("{at}/verify")).await.ok(200);
        scene.leader.patch(&at, &lines).if_match("*").await.problem(409, "not_editable");
        scene.leader.delete(&at).if_match("*").await.problem(409, "not_editable");
        scene.leader.act(&format!("{at}/submit")).await.problem(409, "wrong_state");
        scene.verifier.act(&format!("{at}/verify")).await.problem(409, "wrong_state");
        let back = scene.verifier.post(&format!("{at}/return"), &json!({"reason": "Muộn"})).if_match("*").await;
        back.problem(409, "wrong_state");
        assert_eq!(figures(t).await, (5, 5));
    }

    async fn a_return_needs_a_reason(t: &T) {
        let scene = Scene::set(t).await;
        let result = t.submitted(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let at = format!("{}/return", path(&result));
        scene.verifier.post(&at, &json!({})).if_match("*").await.faults(422, &[("/reason", "required")]);
        scene
            .verifier
            .post(&at, &json!({"reason": " \n"}))
            .if_match("*")
            .await
            .faults(422, &[("/reason", "bad_format")]);
        assert_eq!(figures(t).await, (5, 0));
    }

    async fn a_draft_is_deleted_and_its_day_is_free_again(t: &T) {
        let scene = Scene::set(t).await;
        let draft = t.draft(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        scene.leader.delete(&path(&draft)).if_match("\"2\"").await.problem(412, "stale_version");
        scene.leader.delete(&path(&draft)).if_match("\"1\"").await.ok(204);
        scene.leader.get(&path(&draft)).await.problem(404, "not_found");
        t.draft(&scene.leader, &scene.activity, "2024-07-01", 6).await;
    }

    async fn reporting_moves_a_planned_activity_on_and_leaves_a_completed_one(t: &T) {
        let scene = Scene::set(t).await;
        t.draft(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let at = format!("/v1/activities/{}", id_in(&scene.activity, "id"));
        assert_eq!(scene.leader.get(&at).await.ok(200)["status"], "ongoing");
        scene.leader.act(&format!("{at}/complete")).await.ok(200);
        t.submitted(&scene.leader, &scene.activity, "2024-07-02", 5).await;
        assert_eq!(scene.leader.get(&at).await.ok(200)["status"], "completed", "a late report is taken");
    }

    async fn what_is_unlikely_is_taken_and_marked(t: &T) {
        let scene = Scene::set(t).await;
        let mut body = new_activity(scene.team);
        body["planned_turns"] = json!(10);
        let planned = scene.leader.post("/v1/activities", &body).await.ok(201);
        let modest = t.submitted(&scene.leader, &planned, "2024-07-01", 30).await;
        let bold = t.submitted(&scene.leader, &planned, "2024-07-02", 31).await;
        assert_eq!(modest["flags"], json!([]));
        assert_eq!(bold["flags"], json!(["needs_review", "over_planned_turns"]));
        // A team that is not at work yet.
        let early = t.team(seeded_unit(HA_NOI)).await;
        let leader = t.leader(&early).await;
        let activity = t.activity(&leader, &early).await;
        let result = t.submitted(&leader, &activity, "2024-07-01", 5).await;
        assert_eq!(result["flags"], json!(["team_not_deployed"]));
        assert_eq!(figures(t).await, (66, 0), "all of it is counted");
        for (flag, expected) in
            [("needs_review", vec![&bold]), ("over_planned_turns", vec![&bold]), ("team_not_deployed", vec![&result])]
        {
            let page = t.admin.get(&format!("/v1/results?flag={flag}")).await.ok(200);
            let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
            assert_eq!(ids, expected.iter().map(|r| &r["id"]).collect::<Vec<_>>(), "{flag}");
        }
    }

    async fn a_closed_campaign_takes_no_report_but_verifies_what_it_has(t: &T) {
        let scene = Scene::set(t).await;
        let result = t.submitted(&scene.leader, &scene.activity, "2024-07-01", 5).await;
        let draft = t.draft(&scene.leader, &scene.activity, "2024-07-02", 5).await;
        t.admin.act(&format!("/v1/campaigns/{}/close", campaign())).await.ok(200);
        scene.leader.post("/v1/results", &scene.body("2024-07-03", 5)).await.problem(409, "campaign_not_open");
        scene.leader.act(&format!("{}/submit", path(&draft))).await.problem(409, "campaign_not_open");
        scene.verifier.act(&format!("{}/verify", path(&result))).await.ok(200);
        assert_eq!(figures(t).await, (5, 5));
    }
}
