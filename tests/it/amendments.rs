//! Corrections in the open: amendments, verifications taken back, and the history of a result.

use crate::harness::{
    T, id_in,
    world::{HA_NOI, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;

fn lines(turns: i64) -> Value {
    json!([{"topic": "cyber_safety", "audience": "residents", "turns": turns}])
}

async fn figures(t: &T) -> (i64, i64) {
    let progress = t.stranger.get("/v1/public/progress").await.ok(200);
    (progress["reported"].as_i64().unwrap(), progress["verified"].as_i64().unwrap())
}

both! {
    async fn an_amendment_counts_at_once_as_reported_and_as_verified_after_it_is_verified_anew(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let result = t.submitted(&leader, &activity, "2024-07-01", 40).await;
        let path = format!("/v1/results/{}", id_in(&result, "id"));
        t.admin.act(&format!("{path}/verify")).await.ok(200);
        assert_eq!(figures(t).await, (40, 40));
        let amendment = json!({"lines": lines(45), "reason": "Bổ sung danh sách buổi chiều"});
        let amended = leader.post(&format!("{path}/amend"), &amendment).if_match("*").await.ok(200);
        assert_eq!(
            (&amended["status"], &amended["revision"], &amended["turns"], &amended["verified_by"]),
            (&json!("submitted"), &json!(2), &json!(45), &Value::Null)
        );
        assert_eq!(figures(t).await, (45, 0));
        t.admin.act(&format!("{path}/verify")).await.ok(200);
        assert_eq!(figures(t).await, (45, 45));

        let history = leader.get(&format!("{path}/revisions")).await.ok(200);
        let rows = history["data"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((&rows[0]["turns"], &rows[0]["status"], &rows[0]["changed_lines"]), (&json!(40), &json!("verified"), &json!([])));
        assert_eq!((&rows[1]["turns"], &rows[1]["status"]), (&json!(45), &json!("verified")));
        assert_eq!(
            rows[1]["changed_lines"],
            json!([{"topic": "cyber_safety", "audience": "residents", "before": 40, "after": 45}])
        );
        assert_eq!(rows[1]["amend_reason"], "Bổ sung danh sách buổi chiều");
        assert_eq!((&rows[1]["submitted_by"], &rows[1]["decided_by"]), (&json!(leader.user_id), &json!(t.admin.user_id)));
    }

    async fn a_verification_is_taken_back_with_a_reason_and_the_figure_with_it(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let result = t.submitted(&leader, &activity, "2024-07-01", 40).await;
        let path = format!("/v1/results/{}", id_in(&result, "id"));
        let back = json!({"reason": "Xác nhận nhầm"});
        t.admin.post(&format!("{path}/unverify"), &back).if_match("*").await.problem(409, "wrong_state");
        t.admin.act(&format!("{path}/verify")).await.ok(200);
        let verifier = t.user(Role::Verifier, seeded_unit(HA_NOI)).await;
        let verified = verifier.get(&path).await.ok(200);
        assert!(verified["allowed_actions"].as_array().unwrap().contains(&json!("unverify")));
        leader.post(&format!("{path}/unverify"), &back).if_match("*").await.problem(403, "forbidden");
        t.admin.post(&format!("{path}/unverify"), &json!({})).if_match("*").await.faults(422, &[("/reason", "required")]);
        assert_eq!(figures(t).await, (40, 40));
        let taken = verifier.post(&format!("{path}/unverify"), &back).if_match("*").await.ok(200);
        assert_eq!((&taken["status"], &taken["revision"]), (&json!("submitted"), &json!(1)));
        assert_eq!(figures(t).await, (40, 0));
        let row = leader.get(&format!("{path}/revisions")).await.ok(200)["data"][0].clone();
        assert_eq!((&row["status"], &row["return_reason"]), (&json!("submitted"), &json!("Xác nhận nhầm")));
        verifier.act(&format!("{path}/verify")).await.ok(200);
        assert_eq!(figures(t).await, (40, 40));
    }

    async fn every_submission_is_kept_and_an_edit_in_between_changes_none(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let result = t.submitted(&leader, &activity, "2024-07-01", 10).await;
        let path = format!("/v1/results/{}", id_in(&result, "id"));
        t.admin.post(&format!("{path}/return"), &json!({"reason": "Thiếu danh sách"})).if_match("*").await.ok(200);
        leader.patch(&path, &json!({"lines": lines(12)})).if_match("*").await.ok(200);
        let turns = async || -> Vec<i64> {
            let rows = leader.get(&format!("{path}/revisions")).await.ok(200);
            rows["data"].as_array().unwrap().iter().map(|row| row["turns"].as_i64().unwrap()).collect()
        };
        assert_eq!(turns().await, [10]);
        leader.act(&format!("{path}/submit")).await.ok(200);
        assert_eq!(turns().await, [10, 12]);
        let rows = leader.get(&format!("{path}/revisions")).await.ok(200);
        assert_eq!((&rows["data"][0]["status"], &rows["data"][0]["return_reason"]), (&json!("returned"), &json!("Thiếu danh sách")));
    }

    async fn what_is_wrong_with_an_amendment_changes_nothing(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let draft = t.draft(&leader, &activity, "2024-07-02", 3).await;
        let path = format!("/v1/results/{}/amend", id_in(&draft, "id"));
        let sound = json!({"lines": lines(5), "reason": "Sửa"});
        leader.post(&path, &sound).if_match("*").await.problem(409, "wrong_state");
        let result = t.submitted(&leader, &activity, "2024-07-01", 10).await;
        let path = format!("/v1/results/{}", id_in(&result, "id"));
        let amend = format!("{path}/amend");
        leader.post(&amend, &sound).await.problem(428, "if_match_required");
        leader.post(&amend, &sound).if_match("\"1\"").await.problem(412, "stale_version");
        leader.post(&amend, &json!({"lines": lines(5)})).if_match("*").await.faults(422, &[("/reason", "required")]);
        leader.post(&amend, &json!({"lines": [], "reason": "Sửa"})).if_match("*").await.faults(422, &[("/lines", "too_few")]);
        let other = json!({"lines": [{"topic": "it_contest", "audience": "children", "turns": 1}], "reason": "Sửa"});
        leader.post(&amend, &other).if_match("*").await.faults(422, &[("/lines/0/topic", "topic_not_of_kind")]);
        let dry = leader.post(&format!("{amend}?dry_run=true"), &sound).if_match("*").await.ok(200);
        assert_eq!(dry["turns"], 5);
        assert_eq!(leader.get(&path).await.ok(200)["turns"], 10);
        assert_eq!(figures(t).await, (10, 0));
    }
}
