//! Nobody overwrites what they have not seen: ETag, `If-Match`, `If-None-Match`, and races for one state.

use crate::harness::{
    T, id_in, value,
    world::{HA_NOI, seeded_unit},
};
use serde_json::json;

both! {
    async fn a_change_wants_the_version_that_was_read(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        let patch = json!({"name": "Tên mới"});
        t.admin.patch(&path, &patch).await.problem(428, "if_match_required");
        let stale = t.admin.patch(&path, &patch).if_match("\"7\"").await.problem(412, "stale_version");
        assert_eq!(stale["current_etag"], "\"1\"");
        t.admin.patch(&path, &patch).if_match("").await.problem(428, "if_match_required");
        for weak in ["W/\"1\"", "1x", "\"\""] {
            t.admin.patch(&path, &patch).if_match(weak).await.problem(412, "stale_version");
        }
        assert_eq!(t.admin.get(&path).await.ok(200), team, "nothing has changed");
        for (tag, version) in [("\"1\"", 2), ("\"7\", \"2\"", 3), ("*", 4)] {
            let changed = t.admin.patch(&path, &patch).if_match(tag).await;
            assert_eq!(
                (changed.ok(200)["version"].as_i64(), changed.etag()),
                (Some(version), format!("\"{version}\""))
            );
        }
    }

    async fn a_state_action_wants_it_too(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}/cancel", id_in(&team, "id"));
        t.admin.send(actix_web::http::Method::POST, &path).await.problem(428, "if_match_required");
        t.admin.send(actix_web::http::Method::POST, &path).if_match("\"2\"").await.problem(412, "stale_version");
        t.admin.send(actix_web::http::Method::POST, &path).if_match("\"1\"").await.ok(200);
    }

    async fn what_the_client_has_is_not_sent_again(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        for (tag, status) in [("\"1\"", 304), ("W/\"1\"", 304), ("\"7\", \"1\"", 304), ("*", 304), ("\"2\"", 200)] {
            let answer = t.admin.get(&path).header("if-none-match", tag).await;
            assert_eq!((answer.status, answer.etag().as_str()), (status, "\"1\""), "{tag}");
            assert_eq!(answer.bytes.is_empty(), status == 304);
        }
        t.admin.patch(&path, &json!({"name": "Tên mới"})).if_match("*").await.ok(200);
        t.admin.get(&path).header("if-none-match", "\"1\"").await.ok(200);
    }

    async fn a_lists_etag_changes_with_what_it_shows(t: &T) {
        t.team(seeded_unit(HA_NOI)).await;
        let first = t.admin.get("/v1/teams").await.etag();
        assert_eq!(t.admin.get("/v1/teams").header("if-none-match", &first).await.status, 304);
        t.team(seeded_unit(HA_NOI)).await;
        t.admin.get("/v1/teams").header("if-none-match", &first).await.ok(200);
        // The same rows are another answer to somebody who may do other things with them.
        let viewer = t.user(tinhnguyen_domain::access::Role::Viewer, seeded_unit(HA_NOI)).await;
        assert_ne!(viewer.get("/v1/teams").await.etag(), t.admin.get("/v1/teams").await.etag());
    }

    async fn of_ten_changes_at_once_from_one_version_one_wins(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        for round in 1..=5 {
            let tag = format!("\"{round}\"");
            let sent = (0..10).map(|n| {
                t.admin.patch(&path, &json!({"name": format!("Tên {round}.{n}")})).if_match(&tag).into_future()
            });
            let answers = futures_util::future::join_all(sent).await;
            let winners: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
            assert_eq!(winners.len(), 1, "round {round}");
            for loser in answers.iter().filter(|a| a.status != 200) {
                loser.problem(412, "stale_version");
            }
            assert_eq!(t.admin.get(&path).await.ok(200)["name"], winners[0].json()["name"]);
        }
    }

    async fn of_two_verifiers_and_a_return_at_once_exactly_one_takes_effect(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let (one, two) = (t.verifier(seeded_unit(HA_NOI)).await, t.verifier(seeded_unit(HA_NOI)).await);
        for round in 1..=8 {
            let result = t.submitted(&leader, &activity, &format!("2024-07-0{round}"), 1).await;
            let path = format!("/v1/results/{}", id_in(&result, "id"));
            let verify = format!("{path}/verify");
            let answers = tokio::join!(
                one.act(&verify).into_future(),
                two.act(&verify).into_future(),
                two.post(&format!("{path}/return"), &json!({"reason": "Sai"})).if_match("*").into_future(),
            );
            let answers = [answers.0, answers.1, answers.2];
            assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1, "round {round}");
            for answer in answers.iter().filter(|a| a.status != 200) {
                assert!(matches!(answer.status, 409 | 412), "{}", answer.text());
            }
        }
        // Of each result: one entry when it was submitted, one when it was settled.
        let entries: i64 = value(t.store.read(), "SELECT count(*) FROM ledger").await;
        assert_eq!(entries, 16);
    }

    async fn a_submit_and_an_edit_at_once_do_not_mix(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        for round in 1..=8 {
            let draft = t.draft(&leader, &activity, &format!("2024-07-0{round}"), 5).await;
            let path = format!("/v1/results/{}", id_in(&draft, "id"));
            let lines = json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 9}]});
            let (submit, edit) = tokio::join!(
                leader.act(&format!("{path}/submit")).into_future(),
                leader.patch(&path, &lines).if_match("\"1\"").into_future(),
            );
            assert!(submit.status == 200 || submit.status == 412, "{}", submit.text());
            assert!(matches!(edit.status, 200 | 409 | 412), "{}", edit.text());
            let stored = leader.get(&path).await.ok(200);
            assert_eq!(stored["turns"], if edit.status == 200 { 9 } else { 5 });
        }
    }
}
