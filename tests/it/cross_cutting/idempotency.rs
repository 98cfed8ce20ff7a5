//! A retry is answered, not executed: by `Idempotency-Key`, and by an id that the client chose.

use crate::harness::{
    Answer, T, id_in, value,
    world::{HA_NOI, campaign, new_result, new_team, seeded_unit},
};
use actix_web::http::Method;
use chrono::Duration;
use serde_json::json;
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::{
    StoreError,
    idempotency::{self, KeyScope},
};
use tokio::sync::Notify;
use uuid::Uuid;

async fn teams(t: &T) -> i64 {
    value(t.store.read(), "SELECT count(*) FROM team").await
}

async fn keys(t: &T) -> i64 {
    value(t.store.read(), "SELECT count(*) FROM idempotency_key").await
}

fn told(answer: &Answer) -> (u16, Option<&str>, Option<&str>, &[u8]) {
    (answer.status, answer.header("etag"), answer.header("location"), &answer.bytes)
}

both! {
    async fn the_same_key_and_body_replay_the_stored_answer(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        let first = t.admin.post("/v1/teams", &body).key("khoa-1").await;
        first.ok(201);
        assert_eq!(first.header("idempotency-replayed"), None);
        for key in ["khoa-1", "\"khoa-1\""] {
            let again = t.admin.post("/v1/teams", &body).key(key).await;
            assert_eq!(told(&again), told(&first), "{key}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
        // The same said in another order and with other spaces.
        let shuffled: serde_json::Map<_, _> = body.as_object().unwrap().clone().into_iter().rev().collect();
        let text = serde_json::to_string_pretty(&shuffled).unwrap();
        let again =
            t.admin.send(Method::POST, "/v1/teams").body("application/json", text).key("khoa-1").await;
        assert_eq!(told(&again), told(&first));
        assert_eq!(teams(t).await, 1);
    }

    async fn the_same_key_with_another_body_is_refused(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        t.admin.post("/v1/teams", &body).key("khoa-1").await.ok(201);
        body["name"] = json!("Đội khác");
        t.admin.post("/v1/teams", &body).key("khoa-1").await.problem(422, "idempotency_key_reused");
        assert_eq!(teams(t).await, 1);
    }

    async fn a_key_belongs_to_one_person_and_one_path(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        let other = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let (one, two) =
            (t.admin.post("/v1/teams", &body).key("khoa-1").await, other.post("/v1/teams", &body).key("khoa-1").await);
        one.ok(201);
        two.ok(201);
        assert_ne!(one.id(), two.id());
        t.leader(&one.json()).await;
        for action in ["ready", "deploy"] {
            t.admin.act(&format!("/v1/teams/{}/{action}", one.id())).key("khoa-1").await.ok(200);
        }
    }

    async fn twenty_at_once_with_one_key_make_one_team(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        let sent = (0..20).map(|_| t.admin.post("/v1/teams", &body).key("khoa-1").into_future());
        let answers = futures_util::future::join_all(sent).await;
        let fresh = answers.iter().filter(|a| a.status == 201 && a.header("idempotency-replayed").is_none());
        assert_eq!(fresh.count(), 1);
        let first = answers.iter().find(|a| a.status == 201).unwrap();
        for answer in &answers {
            if answer.status == 409 {
                answer.problem(409, "idempotency_in_progress");
                assert!(answer.header("retry-after").is_some());
            } else {
                assert_eq!(told(answer), told(first));
            }
        }
        assert_eq!(teams(t).await, 1);
    }

    async fn what_the_state_was_against_is_kept_under_the_key(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["ends_on"] = json!("2024-09-30");
        let first = t.admin.post("/v1/teams", &body).key("khoa-1").await;
        first.problem(422, "outside_campaign");
        assert_eq!(first.header("idempotency-replayed"), None);
        assert_eq!(keys(t).await, 1);
        // The state is mended: the key keeps what it was told, a new one is looked at anew.
        let campaign = format!("/v1/campaigns/{}", campaign());
        t.admin.patch(&campaign, &json!({"ends_on": "2024-12-31"})).if_match("*").await.ok(200);
        let again = t.admin.post("/v1/teams", &body).key("\"khoa-1\"").await;
        let problem = again.problem(422, "outside_campaign");
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        for member in ["title", "detail", "errors", "limit"] {
            assert_eq!(problem[member], first.json()[member], "{member}");
        }
        // Its words are the reader's, its name is this request's.
        let english = t.admin.post("/v1/teams", &body).key("khoa-1").header("accept-language", "en").await;
        assert_eq!(english.problem(422, "outside_campaign")["title"], "The day is outside the campaign");
        assert_ne!(english.json()["request_id"], problem["request_id"]);
        let mut other = body.clone();
        other["ends_on"] = json!("2024-08-31");
        t.admin.post("/v1/teams", &other).key("khoa-1").await.problem(422, "idempotency_key_reused");
        t.admin.post("/v1/teams", &body).key("khoa-2").await.ok(201);
        assert_eq!((teams(t).await, keys(t).await), (1, 2));
    }

    async fn what_was_written_before_a_refusal_is_taken_back(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["code"] = json!("DOI-1");
        t.admin.post("/v1/teams", &body).await.ok(201);
        let counts = async || -> (i64, i64, i64) {
            let ids = value(t.store.read(), "SELECT count(*) FROM chosen_id").await;
            let entries = value(t.store.read(), "SELECT count(*) FROM audit_log").await;
            (teams(t).await, ids, entries)
        };
        let before = counts().await;
        // The id is taken, and then the code is not free.
        body["id"] = json!(Uuid::now_v7());
        for replayed in [None, Some("true")] {
            let answer = t.admin.post("/v1/teams", &body).key("khoa-1").await;
            answer.problem(409, "code_already_used");
            assert_eq!(answer.header("idempotency-replayed"), replayed);
        }
        assert_eq!(counts().await, before);
    }

    async fn a_key_is_free_again_where_body_rights_or_version_were_wrong(t: &T) {
        let unit = seeded_unit(HA_NOI);
        let mut body = new_team(unit);
        // The body alone.
        body["nam"] = json!("Đội");
        t.admin.post("/v1/teams", &body).key("khoa-1").await.problem(422, "unknown_field");
        body.as_object_mut().unwrap().remove("nam");
        let raw = |kind, text| t.admin.send(Method::POST, "/v1/teams").body(kind, text).key("khoa-1");
        raw("application/json", "{").await.problem(400, "malformed_json");
        raw("text/plain", "x").await.problem(415, "unsupported_media_type");
        let team = t.admin.post("/v1/teams", &body).key("khoa-1").await.ok(201);
        t.leader(&team).await;
        // Rights: the work itself refuses, since only it knows of which unit this is.
        let viewer = t.user(Role::Coordinator, t.commune(unit, "XD-KHOA").await).await;
        viewer.post("/v1/teams", &body).key("khoa-1").await.problem(403, "forbidden");
        t.grant(&viewer, Role::Coordinator, unit, None).await;
        let viewer = viewer.with_a_new_token();
        viewer.post("/v1/teams", &body).key("khoa-1").await.ok(201);
        // Out of sight, and then not.
        let stranger = t.user(Role::Coordinator, seeded_unit(crate::harness::world::DA_NANG)).await;
        let ready = format!("/v1/teams/{}/ready", id_in(&team, "id"));
        stranger.act(&ready).key("khoa-1").await.problem(404, "not_found");
        // The version.
        let act = |tag| t.admin.send(Method::POST, &ready).if_match(tag).key("khoa-1");
        t.admin.send(Method::POST, &ready).key("khoa-1").await.problem(428, "if_match_required");
        act("\"7\"").await.problem(412, "stale_version");
        t.grant(&stranger, Role::Coordinator, unit, None).await;
        let stranger = stranger.with_a_new_token();
        stranger.act(&ready).key("khoa-1").await.ok(200);
        act("\"2\"").await.problem(409, "wrong_state");
        assert_eq!(keys(t).await, 4);
    }

    async fn twenty_at_once_with_one_key_are_refused_alike(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["ends_on"] = json!("2024-09-30");
        let sent = (0..20).map(|_| t.admin.post("/v1/teams", &body).key("khoa-1").into_future());
        let answers = futures_util::future::join_all(sent).await;
        let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 422).collect();
        assert_eq!(refused.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
        refused.iter().for_each(|answer| drop(answer.problem(422, "outside_campaign")));
        for answer in answers.iter().filter(|answer| answer.status != 422) {
            answer.problem(409, "idempotency_in_progress");
        }
        assert_eq!((teams(t).await, keys(t).await), (0, 1));
    }

    async fn results_that_are_filed_together_keep_their_refusals(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-16", 5);
        let sent = (0..8).map(|_| leader.post("/v1/results", &body).key("khoa-1").into_future());
        let answers = futures_util::future::join_all(sent).await;
        answers.iter().for_each(|answer| drop(answer.problem(422, "in_the_future")));
        assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
        // The day has come: the key still says what it said, until its day is over.
        t.clock.set(crate::harness::now() + Duration::hours(20));
        let leader = leader.with_a_new_token();
        let again = leader.post("/v1/results", &body).key("khoa-1").await;
        again.problem(422, "in_the_future");
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        t.clock.set(crate::harness::now() + Duration::hours(25));
        let leader = leader.with_a_new_token();
        leader.post("/v1/results", &body).key("khoa-1").await.ok(201);
        let other = t.leader(&team).await;
        let wrong = new_result(Uuid::now_v7(), id_in(&team, "id"), "2024-07-02", 5);
        other.post("/v1/results", &wrong).key("khoa-2").await.problem(422, "reference_not_found");
        let right = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-02", 5);
        other.post("/v1/results", &right).key("khoa-2").await.problem(422, "idempotency_key_reused");
        other.post("/v1/results", &right).key("khoa-3").await.ok(201);
    }

    async fn a_rehearsal_is_not_answered_from_a_key(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        t.admin.post("/v1/teams", &body).key("khoa-1").await.ok(201);
        // Whatever stands in the query: it is the same request, and the same key.
        let again = t.admin.post("/v1/teams?dry_run=false", &body).key("khoa-1").await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
        body["ends_on"] = json!("2024-09-30");
        for _ in 0..2 {
            let rehearsed = t.admin.post("/v1/teams?dry_run=true", &body).key("khoa-1").await;
            rehearsed.problem(422, "outside_campaign");
            assert_eq!(rehearsed.header("idempotency-replayed"), None);
        }
        assert_eq!((teams(t).await, keys(t).await), (1, 1));
    }

    async fn a_key_is_a_structured_fields_string_or_stands_as_it_is(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        let made = t.admin.post("/v1/teams", &body).key("a\"b\\c d").await.id();
        for key in [r#""a\"b\\c d""#, r#"  "a\"b\\c d"  "#, r#""a\"b\\c d";v=1"#] {
            let again = t.admin.post("/v1/teams", &body).key(key).await;
            assert_eq!((again.status, again.id()), (201, made), "{key}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{key}");
        }
        for key in [r#"""#, r#""a"#, r#""a"b"#, r#""a", "b""#, r#""a\n""#] {
            t.admin.post("/v1/teams", &body).key(key).await.faults(400, &[("Idempotency-Key", "bad_format")]);
        }
        assert_eq!(teams(t).await, 1);
    }

    async fn a_key_is_kept_for_a_day(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        let first = t.admin.post("/v1/teams", &body).key("khoa-1").await.id();
        t.clock.set(crate::harness::now() + Duration::hours(23));
        let admin = t.admin.clone().with_a_new_token();
        assert_eq!(admin.post("/v1/teams", &body).key("khoa-1").await.id(), first);
        t.clock.set(crate::harness::now() + Duration::hours(25));
        let admin = t.admin.clone().with_a_new_token();
        let later = admin.post("/v1/teams", &body).key("khoa-1").await;
        later.ok(201);
        assert_ne!(later.id(), first);
    }

    async fn a_key_must_be_one_to_255_visible_characters(t: &T) {
        let body = new_team(seeded_unit(HA_NOI));
        for key in ["", "\"\"", &"k".repeat(256), "khóa"] {
            let answer = t.admin.post("/v1/teams", &body).key(key).await;
            answer.faults(400, &[("Idempotency-Key", "out_of_range")]);
        }
        t.admin.post("/v1/teams", &body).key(&"k".repeat(255)).await.ok(201);
        assert_eq!(teams(t).await, 1);
    }

    async fn a_state_action_is_replayed_though_the_state_has_moved_on(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let draft = t.draft(&leader, &activity, "2024-07-01", 5).await;
        let path = format!("/v1/results/{}/submit", id_in(&draft, "id"));
        let first = leader.send(Method::POST, &path).if_match("\"1\"").key("nop-1").await;
        first.ok(200);
        let again = leader.send(Method::POST, &path).if_match("\"1\"").key("nop-1").await;
        assert_eq!(told(&again), told(&first));
        leader
            .send(Method::POST, &path)
            .if_match("\"1\"")
            .key("nop-2")
            .await
            .problem(412, "stale_version");
        let entries: i64 = value(t.store.read(), "SELECT count(*) FROM ledger").await;
        assert_eq!(entries, 1);
    }

    async fn a_replay_is_not_for_whoever_has_lost_the_right(t: &T) {
        let coordinator = t.nobody().await;
        let grant = t.grant(&coordinator, Role::Coordinator, seeded_unit(HA_NOI), None).await;
        let body = new_team(seeded_unit(HA_NOI));
        coordinator.post("/v1/teams", &body).key("khoa-1").await.ok(201);
        t.admin.delete(&format!("/v1/grants/{grant}")).if_match("*").await.ok(204);
        coordinator.post("/v1/teams", &body).key("khoa-1").await.problem(403, "forbidden");
    }

    async fn a_chosen_id_makes_a_thing_once(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        let id = Uuid::now_v7();
        body["id"] = json!(id);
        let first = t.admin.post("/v1/teams", &body).await;
        assert_eq!((first.status, first.id()), (201, id));
        let again = t.admin.post("/v1/teams", &body).await;
        assert_eq!((again.status, again.json()), (200, first.json()));
        body["name"] = json!("Đội khác");
        t.admin.post("/v1/teams", &body).await.problem(409, "id_already_used");
        assert_eq!(teams(t).await, 1);
    }

    async fn a_retry_by_id_is_answered_with_the_thing_as_it_stands(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 5);
        body["id"] = json!(Uuid::now_v7());
        let made = leader.post("/v1/results", &body).await.ok(201);
        leader.act(&format!("/v1/results/{}/submit", id_in(&made, "id"))).await.ok(200);
        let again = leader.post("/v1/results", &body).await;
        assert_eq!((again.status, &again.json()["status"], again.etag().as_str()), (200, &json!("submitted"), "\"2\""));
    }

    async fn twenty_at_once_with_one_id_make_one_team(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["id"] = json!(Uuid::now_v7());
        let answers =
            futures_util::future::join_all((0..20).map(|_| t.admin.post("/v1/teams", &body).into_future())).await;
        let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200; 19], vec![201]].concat());
        assert_eq!(teams(t).await, 1);
    }

    async fn the_id_of_something_else_is_taken(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let mut body = new_team(seeded_unit(HA_NOI));
        body["id"] = team["id"].clone();
        body["code"] = json!("KHAC-1");
        t.admin.post("/v1/teams", &body).await.problem(409, "id_already_used");
        body["id"] = json!("7");
        t.admin.post("/v1/teams", &body).await.faults(422, &[("/id", "bad_format")]);
    }

    async fn a_rehearsal_answers_alike_keeps_nothing_and_takes_no_key(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        body["id"] = json!(Uuid::now_v7());
        let rehearsed = t.admin.post("/v1/teams?dry_run=true", &body).key("khoa-1").await;
        assert_eq!((rehearsed.status, rehearsed.header("dry-run")), (201, Some("true")));
        t.admin.get(&format!("/v1/teams/{}", rehearsed.id())).await.problem(404, "not_found");
        let real = t.admin.post("/v1/teams", &body).key("khoa-1").await;
        assert_eq!((real.status, real.header("dry-run"), real.header("idempotency-replayed")), (201, None, None));
        assert_eq!(real.json(), rehearsed.json());
        body["name"] = json!("");
        t.admin
            .post("/v1/teams?dry_run=true", &body)
            .await
            .faults(422, &[("/name", "bad_format"), ("/name", "too_short")]);
        t.admin.post("/v1/teams?dry_run=maybe", &body).await;
        t.admin
            .post("/v1/teams?dry_run=1", &new_team(seeded_unit(HA_NOI)))
            .await
            .faults(400, &[("dry_run", "wrong_type")]);
        t.admin
            .post("/v1/teams?dryrun=true", &new_team(seeded_unit(HA_NOI)))
            .await
            .faults(400, &[("dryrun", "unknown_parameter")]);
        assert_eq!(teams(t).await, 1);
    }
}

only! { Postgres:
    async fn a_key_whose_first_request_is_still_at_work_says_so(t: &T) {
        let (held, told) = (Notify::new(), Notify::new());
        let scope = KeyScope {
            principal_id: t.admin.user_id,
            method: "POST".to_owned(),
            path: "/v1/teams".to_owned(),
            key: "khoa-1".to_owned(),
        };
        let first = t.store.write::<_, StoreError>(async |tx| {
            idempotency::claim(tx, &scope, b"body", crate::harness::now()).await?;
            held.notify_one();
            told.notified().await;
            Ok(())
        });
        let second = async {
            held.notified().await;
            let answer = t.admin.post("/v1/teams", &new_team(seeded_unit(HA_NOI))).key("khoa-1").await;
            told.notify_one();
            answer
        };
        let (first, second) = tokio::join!(first, second);
        first.unwrap();
        second.problem(409, "idempotency_in_progress");
        assert_eq!(second.header("retry-after"), Some("1"));
        assert_eq!(teams(t).await, 0);
    }
}
