//! Webhooks: what is told to whom, signed, once written, sent until it is taken, and never to where it may not be.

use crate::harness::{
    Caller, Replica, T, id_in,
    receiver::Receiver,
    value, values,
    world::{DA_NANG, HA_NOI, seeded_unit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::{app::Settings, slices::webhooks::delivery::round};
use uuid::Uuid;

fn new_hook(url: &str, unit: Uuid, types: &[&str]) -> Value {
    json!({"url": url, "event_types": types, "org_unit_id": unit, "description": "Cổng báo cáo"})
}

/// A replica whose operator lets webhooks go to this machine.
async fn open(t: &T) -> Replica {
    t.replica_with(Settings { webhooks_anywhere: true, ..Settings::default() }).await
}

/// A webhook to a receiver, made by somebody; its id and its secret.
async fn hook(by: &Caller, url: &str, unit: Uuid, types: &[&str]) -> (Uuid, String) {
    let made = by.post("/v1/webhooks", &new_hook(url, unit, types)).await.ok(201);
    (id_in(&made, "id"), made["secret"].as_str().unwrap().to_owned())
}

/// HMAC-SHA256 as RFC 2104 writes it, so that signatures are not checked by what made them.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    assert!(key.len() <= 64);
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn signed(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    assert!((24..=64).contains(&key.len()), "as the specification wants it");
    format!("v1,{}", STANDARD.encode(hmac(&key, format!("{id}.{timestamp}.{body}").as_bytes())))
}

fn later(t: &T, by: TimeDelta) -> DateTime<Utc> {
    let to = t.app.clock.now() + by;
    t.clock.set(to);
    to
}

/// The types and what they tell of, as they came.
fn told(receiver: &Receiver) -> Vec<(String, String)> {
    let of = |event: &Value| {
        (event["type"].as_str().unwrap().to_owned(), event["data"]["action"].as_str().unwrap_or_default().to_owned())
    };
    receiver.taken().iter().map(|request| of(&request.json())).collect()
}

both! {
    async fn a_receiver_is_told_signed_and_once_of_what_happens_in_the_subtree(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let ward = t.commune(seeded_unit(HA_NOI), "XD-MOC").await;
        let admin = there.asked_by(&t.user(Role::Administrator, seeded_unit(HA_NOI)).await);
        let (id, secret) = hook(&admin, &receiver.url("/a?b=c"), ward, &["result.changed"]).await;
        let (team, leader) = t.deployed_team(ward).await;
        let activity = t.activity(&leader, &team).await;
        let result = t.submitted(&leader, &activity, "2024-07-01", 12).await;
        // Beside it, and above it: not of this subtree.
        for unit in [seeded_unit(HA_NOI), seeded_unit(DA_NANG)] {
            let (team, leader) = t.deployed_team(unit).await;
            let activity = t.activity(&leader, &team).await;
            t.submitted(&leader, &activity, "2024-07-01", 3).await;
        }
        assert_eq!(round(&there.app).await.unwrap(), 2);
        assert_eq!(round(&there.app).await.unwrap(), 0);
        let mut actions: Vec<_> = told(&receiver).into_iter().map(|(_, action)| action).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["create_result", "submit_result"]);
        for request in receiver.taken() {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a?b=c"));
            assert_eq!(request.header("content-type"), "application/json");
            let (message, second) = (request.header("webhook-id"), request.header("webhook-timestamp"));
            assert_eq!(second, t.app.clock.now().timestamp().to_string());
            assert_eq!(request.header("webhook-signature"), signed(&secret, message, second, &request.body));
            let event = request.json();
            let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["type", "timestamp", "data"]);
            let data = &event["data"];
            assert_eq!((&data["kind"], &data["id"], &data["org_unit_id"], &data["version"]), (&json!("result"), &result["id"], &json!(ward), &json!(2)));
            assert_eq!(data.as_object().unwrap().len(), 6, "thin: {data}");
            let faults = t.app.contract.faults("ChangeEvent", &event).unwrap();
            assert!(faults.is_empty(), "{faults:?}");
        }
        let ids: BTreeSet<_> = receiver.taken().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        let page = admin.get(&format!("/v1/webhooks/{id}/deliveries")).await.ok(200);
        let listed: BTreeSet<_> = page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, ids);
        assert!(page["data"].as_array().unwrap().iter().all(|one| one["status"] == "delivered" && one["last_status"] == 200 && one["attempts"] == 1 && one["next_attempt_at"] == Value::Null));
    }

    async fn of_two_replicas_at_once_each_event_is_written_once(t: &T) {
        let (one, two) = (open(t).await, open(t).await);
        let receiver = Receiver::start().await;
        let unit = seeded_unit(HA_NOI);
        hook(&one.asked_by(&t.admin), &receiver.url("/"), unit, &["team.changed", "activity.changed"]).await;
        for _ in 0..5 {
            let (team, leader) = t.deployed_team(unit).await;
            t.activity(&leader, &team).await;
        }
        let rounds = (0..6).map(|n| round(if n % 2 == 0 { &one.app } else { &two.app }));
        let sent: u64 = futures_util::future::join_all(rounds).await.into_iter().map(Result::unwrap).sum();
        let rest = round(&one.app).await.unwrap() + round(&two.app).await.unwrap();
        assert_eq!(sent + rest, 20, "create, ready, deploy, and the activity, of each of five");
        let ids: BTreeSet<_> = receiver.taken().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!((ids.len(), receiver.taken().len()), (20, 20));
    }

    async fn a_secret_is_shown_once_kept_sealed_and_rotated_with_both_in_use(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let admin = there.asked_by(&t.admin);
        let new = new_hook(&receiver.url("/"), seeded_unit(HA_NOI), &["team.changed"]);
        let made = admin.post("/v1/webhooks", &new).key("moc").await.ok(201);
        let first = made["secret"].as_str().unwrap().to_owned();
        let again = admin.post("/v1/webhooks", &new).key("moc").await;
        assert_eq!((again.header("idempotency-replayed"), &again.ok(201)["secret"]), (Some("true"), &Value::Null));
        let path = format!("/v1/webhooks/{}", id_in(&made, "id"));
        assert_eq!(admin.get(&path).await.ok(200)["secret"], Value::Null);
        assert_eq!(admin.get("/v1/webhooks").await.ok(200)["data"][0]["secret"], Value::Null);
        admin.act(&format!("{path}/test")).await.ok(200);
        round(&there.app).await.unwrap();
        let rotated = admin.act(&format!("{path}/rotate-secret")).await.ok(200);
        let second = rotated["secret"].as_str().unwrap().to_owned();
        assert_ne!(first, second);
        assert_eq!(rotated["version"], 2);
        admin.act(&format!("{path}/test")).await.ok(200);
        round(&there.app).await.unwrap();
        later(t, TimeDelta::hours(24));
        let admin = admin.with_a_new_token();
        admin.act(&format!("{path}/test")).await.ok(200);
        round(&there.app).await.unwrap();
        let expected = [vec![&first], vec![&second, &first], vec![&second]];
        for (request, secrets) in receiver.taken().iter().zip(expected) {
            assert_eq!(request.json()["type"], "webhook.test");
            let (id, second) = (request.header("webhook-id"), request.header("webhook-timestamp"));
            let all: Vec<_> = secrets.into_iter().map(|secret| signed(secret, id, second, &request.body)).collect();
            assert_eq!(request.header("webhook-signature"), all.join(" "));
        }
        assert_eq!(receiver.taken().len(), 3);
        // Nothing that is stored tells a secret.
        for secret in [&first, &second] {
            let bare = secret.strip_prefix("whsec_").unwrap();
            for (table, column) in [("idempotency_key", "body"), ("webhook", "url"), ("webhook_delivery", "body")] {
                let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{bare}%'");
                assert_eq!(value::<i64>(t.store.read(), &sql).await, 0, "{table}");
            }
            let sealed: Vec<Vec<u8>> = values(t.store.read(), "SELECT secret FROM webhook").await;
            assert!(sealed.iter().all(|sealed| !sealed.windows(bare.len()).any(|part| part == bare.as_bytes())));
        }
    }

    async fn what_is_not_taken_is_tried_more_and_more_seldom_and_then_the_webhook_is_switched_off(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let owner = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        t.admin.patch(&format!("/v1/users/{}", owner.user_id), &json!({"email": "chu-moc@example.org"})).if_match("*").await.ok(200);
        let admin = there.asked_by(&owner);
        let (id, _) = hook(&admin, &receiver.url("/"), seeded_unit(HA_NOI), &["team.changed"]).await;
        receiver.answer(500);
        t.team(seeded_unit(HA_NOI)).await;
        round(&there.app).await.unwrap();
        let mut tries = 1;
        let delivery = async || {
            let page = admin.clone().with_a_new_token().get(&format!("/v1/webhooks/{id}/deliveries")).await.ok(200);
            page["data"][0].clone()
        };
        let first = delivery().await;
        assert_eq!((&first["status"], &first["attempts"], &first["last_status"]), (&json!("pending"), &json!(1), &json!(500)));
        // At once nothing is tried again.
        round(&there.app).await.unwrap();
        assert_eq!(receiver.taken().len(), 1);
        let mut waits = Vec::new();
        loop {
            let shown = delivery().await;
            let Some(next) = shown["next_attempt_at"].as_str() else { break };
            let next: DateTime<Utc> = next.parse().unwrap();
            waits.push(next - t.app.clock.now());
            t.clock.set(next - TimeDelta::milliseconds(1));
            round(&there.app).await.unwrap();
            assert_eq!(receiver.taken().len(), tries);
            t.clock.set(next);
            round(&there.app).await.unwrap();
            tries += 1;
            assert_eq!(receiver.taken().len(), tries);
        }
        assert_eq!(tries, 10);
        assert!(waits.is_sorted() && waits.iter().sum::<TimeDelta>() >= TimeDelta::days(3), "{waits:?}");
        let ids: BTreeSet<_> = receiver.taken().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "the same id however often");
        assert_eq!(delivery().await["status"], "failed");
        let admin = admin.with_a_new_token();
        let off = admin.get(&format!("/v1/webhooks/{id}")).await.ok(200);
        assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
        let log = admin.get(&format!("/v1/audit-log?resource_id={id}&action=disable_webhook")).await.ok(200);
        assert_eq!(log["data"].as_array().unwrap().len(), 1);
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM mail_outbox WHERE kind = 'webhook_switched_off' AND recipient = 'chu-moc@example.org'").await, 1);
        // Switched on again it goes on where it was: what happened meanwhile is told.
        t.admin.clone().with_a_new_token().post("/v1/teams", &crate::harness::world::new_team(seeded_unit(HA_NOI))).await.ok(201);
        round(&there.app).await.unwrap();
        assert_eq!(receiver.taken().len(), tries);
        receiver.answer(204);
        admin.patch(&format!("/v1/webhooks/{id}"), &json!({"enabled": true})).if_match("*").await.ok(200);
        assert_eq!(round(&there.app).await.unwrap(), 1);
    }

    async fn a_receiver_that_is_gone_for_good_is_asked_no_more(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let admin = there.asked_by(&t.admin);
        let (id, _) = hook(&admin, &receiver.url("/"), seeded_unit(HA_NOI), &["team.changed"]).await;
        receiver.answer(410);
        admin.act(&format!("/v1/webhooks/{id}/test")).await.ok(200);
        round(&there.app).await.unwrap();
        let off = admin.get(&format!("/v1/webhooks/{id}")).await.ok(200);
        assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
        t.team(seeded_unit(HA_NOI)).await;
        later(t, TimeDelta::days(1));
        round(&there.app).await.unwrap();
        assert_eq!(receiver.taken().len(), 1);
    }

    async fn redirects_are_not_followed_and_slow_receivers_keep_nobody_else_waiting(t: &T) {
        let there = open(t).await;
        let (slow, quick, elsewhere) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
        let admin = there.asked_by(&t.admin);
        for url in [slow.url("/"), quick.url("/")] {
            hook(&admin, &url, seeded_unit(HA_NOI), &["team.changed"]).await;
        }
        slow.hold();
        t.team(seeded_unit(HA_NOI)).await;
        let waiting = round(&there.app);
        let seen = async {
            while quick.taken().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            slow.release();
        };
        let (taken, ()) = tokio::join!(waiting, seen);
        assert_eq!(taken.unwrap(), 2);
        let (id, _) = hook(&admin, &slow.url("/"), seeded_unit(HA_NOI), &["team.changed"]).await;
        slow.redirect(&elsewhere.url("/inside"));
        admin.act(&format!("/v1/webhooks/{id}/test")).await.ok(200);
        assert_eq!(round(&there.app).await.unwrap(), 0);
        assert!(elsewhere.taken().is_empty());
        let page = admin.get(&format!("/v1/webhooks/{id}/deliveries?status=pending")).await.ok(200);
        assert_eq!((&page["data"][0]["last_status"], page["data"][0]["last_error"].as_str()), (&json!(302), Some("redirects are not followed")));
    }

    async fn addresses_inside_are_refused_when_they_are_written_and_when_they_are_sent_to(t: &T) {
        let receiver = Receiver::start().await;
        let unit = seeded_unit(HA_NOI);
        for url in [
            receiver.url("/").as_str(), "https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest", "https://[::1]/",
            "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://metadata/", "https://10.1.2.3:8443/x", "http://hook.example.org/",
            "https://user:word@hook.example.org/",
        ] {
            t.admin.post("/v1/webhooks", &new_hook(url, unit, &["team.changed"])).await.faults(422, &[("/url", "not_allowed_value")]);
        }
        for url in ["nonsense", "ftp://hook.example.org/"] {
            t.admin.post("/v1/webhooks", &new_hook(url, unit, &["team.changed"])).await.faults(422, &[("/url", "bad_format")]);
        }
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM webhook").await, 0);
        // Written while the operator allowed it, and not sent to any more.
        let there = open(t).await;
        let (id, _) = hook(&there.asked_by(&t.admin), &receiver.url("/"), unit, &["team.changed"]).await;
        t.admin.act(&format!("/v1/webhooks/{id}/test")).await.ok(200);
        assert_eq!(round(&t.app).await.unwrap(), 0);
        assert!(receiver.taken().is_empty());
        let page = t.admin.get(&format!("/v1/webhooks/{id}/deliveries")).await.ok(200);
        assert_eq!((&page["data"][0]["status"], &page["data"][0]["last_status"]), (&json!("pending"), &Value::Null));
        t.admin.patch(&format!("/v1/webhooks/{id}"), &json!({"url": "https://127.0.0.1/"})).if_match("*").await.faults(422, &[("/url", "not_allowed_value")]);
    }

    async fn it_tells_what_its_owner_may_list_as_long_as_they_may(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let unit = seeded_unit(HA_NOI);
        // A client that reads teams, and not results.
        let client = json!({"name": "Cổng", "org_unit_id": unit, "scopes": ["teams:read", "webhooks:write", "webhooks:read"]});
        let client = t.admin.post("/v1/clients", &client).await.ok(201);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap()
        );
        let token = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", form).await.ok(200);
        let portal = there.asked_by(&t.stranger).with_token(token["access_token"].as_str().unwrap());
        let types = ["team.changed", "result.changed", "reporting.reminder", "campaign.changed"];
        let (id, _) = hook(&portal, &receiver.url("/"), unit, &types).await;
        let (team, leader) = t.deployed_team(unit).await;
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-01", 3).await;
        round(&there.app).await.unwrap();
        let kinds: BTreeSet<_> = told(&receiver).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, BTreeSet::from(["team.changed".to_owned()]));
        // Somebody who may read more takes it over, and answers for it from then on.
        let admin = there.asked_by(&t.admin);
        let taken_over = admin.patch(&format!("/v1/webhooks/{id}"), &json!({"event_types": types})).if_match("*").await.ok(200);
        assert_eq!(taken_over["owner_id"], json!(t.admin.user_id));
        t.submitted(&leader, &activity, "2024-07-02", 3).await;
        round(&there.app).await.unwrap();
        let kinds: BTreeSet<_> = told(&receiver).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, BTreeSet::from(["result.changed".to_owned(), "team.changed".to_owned()]));
        // And whoever lost their rights is told nothing more.
        portal.patch(&format!("/v1/webhooks/{id}"), &json!({"event_types": types})).if_match("*").await.ok(200);
        t.admin.patch(&format!("/v1/clients/{}", client["id"].as_str().unwrap()), &json!({"disabled": true})).if_match("*").await.ok(200);
        let before = receiver.taken().len();
        t.team(unit).await;
        round(&there.app).await.unwrap();
        assert_eq!(receiver.taken().len(), before);
        let off = admin.get(&format!("/v1/webhooks/{id}")).await.ok(200);
        assert_eq!(off["disabled_reason"], "owner_gone");
    }

    async fn reminders_are_told_to_the_webhooks_of_their_subtree(t: &T) {
        let there = open(t).await;
        let (own, foreign) = (Receiver::start().await, Receiver::start().await);
        let ward = t.commune(seeded_unit(HA_NOI), "XD-NHAC").await;
        t.deployed_team(ward).await;
        let week = t.week_27().await;
        let admin = there.asked_by(&t.admin);
        hook(&admin, &own.url("/"), seeded_unit(HA_NOI), &["reporting.reminder", "reporting.overdue"]).await;
        hook(&admin, &foreign.url("/"), seeded_unit(DA_NANG), &["reporting.reminder", "reporting.overdue"]).await;
        for instant in ["2024-07-08T03:00:00Z", "2024-07-10T03:00:00Z"] {
            crate::reporting::at(t, instant);
            tinhnguyen_http::slices::reporting::reminders::remind(&there.app).await.unwrap();
            round(&there.app).await.unwrap();
        }
        let events: Vec<Value> = own.taken().iter().map(|request| request.json()).collect();
        let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["reporting.reminder", "reporting.overdue"]);
        for event in &events {
            let faults = t.app.contract.faults("ReportingEvent", event).unwrap();
            assert!(faults.is_empty(), "{faults:?}");
            let data = &event["data"];
            assert_eq!((&data["period_id"], &data["org_unit_id"], &data["due_on"], &data["missing"]), (&json!(week), &json!(ward), &json!("2024-07-09"), &json!(1)));
        }
        assert!(foreign.taken().is_empty());
    }

    async fn what_was_told_is_told_again_by_its_id_or_since_an_instant(t: &T) {
        let there = open(t).await;
        let receiver = Receiver::start().await;
        let admin = there.asked_by(&t.admin);
        let (id, _) = hook(&admin, &receiver.url("/"), seeded_unit(HA_NOI), &["team.changed"]).await;
        let path = format!("/v1/webhooks/{id}");
        t.team(seeded_unit(HA_NOI)).await;
        round(&there.app).await.unwrap();
        let since = later(t, TimeDelta::minutes(5));
        t.team(seeded_unit(HA_NOI)).await;
        round(&there.app).await.unwrap();
        let ids: Vec<String> = receiver.taken().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 2);
        let replay = async |body: Value| admin.post(&format!("{path}/replay"), &body).if_match("*").await;
        assert_eq!(replay(json!({"delivery_id": ids[0]})).await.ok(200)["replayed"], 1);
        assert_eq!(round(&there.app).await.unwrap(), 1);
        assert_eq!(replay(json!({"since": since})).await.ok(200)["replayed"], 1);
        round(&there.app).await.unwrap();
        assert_eq!(replay(json!({"since": "2024-01-01T00:00:00Z"})).await.ok(200)["replayed"], 2);
        round(&there.app).await.unwrap();
        let mut again: Vec<String> = receiver.taken()[2..].iter().map(|request| request.header("webhook-id").to_owned()).collect();
        again[2..].sort_unstable();
        let mut both = ids.clone();
        both.sort_unstable();
        assert_eq!(again, [&ids[0], &ids[1], &both[0], &both[1]].map(ToOwned::to_owned));
        replay(json!({"delivery_id": Uuid::now_v7()})).await.faults(422, &[("/delivery_id", "reference_not_found")]);
        replay(json!({})).await.faults(422, &[("/since", "required")]);
        replay(json!({"since": since, "delivery_id": ids[0]})).await.faults(422, &[("/delivery_id", "too_many")]);
    }

    async fn a_webhook_is_changed_and_removed_by_whoever_reaches_its_unit(t: &T) {
        let there = open(t).await;
        let ward = t.commune(seeded_unit(HA_NOI), "XD-MOC").await;
        let receiver = Receiver::start().await;
        let by = there.asked_by(&t.user(Role::Coordinator, seeded_unit(HA_NOI)).await);
        let (id, _) = hook(&by, &receiver.url("/"), ward, &["team.changed"]).await;
        let path = format!("/v1/webhooks/{id}");
        let beside = there.asked_by(&t.user(Role::Administrator, seeded_unit(DA_NANG)).await);
        for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/deliveries")), ("DELETE", path.clone()), ("POST", format!("{path}/test")), ("POST", format!("{path}/rotate-secret"))] {
            beside.send(method.parse().unwrap(), &path).if_match("*").await.problem(404, "not_found");
        }
        let moved = by.patch(&path, &json!({"org_unit_id": seeded_unit(HA_NOI), "description": null})).if_match("\"1\"").await.ok(200);
        assert_eq!((&moved["org_unit_id"], &moved["description"], &moved["version"]), (&json!(seeded_unit(HA_NOI)), &Value::Null, &json!(2)));
        by.patch(&path, &json!({"org_unit_id": seeded_unit(DA_NANG)})).if_match("*").await.faults(422, &[("/org_unit_id", "reference_not_found")]);
        by.patch(&path, &json!({"event_types": ["team.changed", "team.changed"]})).if_match("*").await.faults(422, &[("/event_types/1", "not_unique")]);
        by.patch(&path, &json!({"event_types": []})).if_match("*").await.faults(422, &[("/event_types", "too_few")]);
        by.patch(&path, &json!({"secret": "whsec_x"})).if_match("*").await.faults(422, &[("/secret", "unknown_field")]);
        let off = by.patch(&path, &json!({"enabled": false})).if_match("*").await.ok(200);
        assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("switched_off")));
        by.act(&format!("{path}/test")).await.ok(200);
        assert_eq!(round(&there.app).await.unwrap(), 0);
        by.delete(&path).if_match("\"2\"").await.problem(412, "stale_version");
        by.delete(&path).if_match("*").await.ok(204);
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM webhook_delivery").await, 0);
    }

    async fn the_document_describes_every_event_that_is_sent(t: &T) {
        let document = t.app.contract.document();
        let described: BTreeSet<&str> = document["webhooks"].as_object().unwrap().keys().map(String::as_str).collect();
        let types: BTreeSet<&str> = tinhnguyen_domain::webhooks::EventType::WORDS.iter().copied().collect();
        assert_eq!(described, types);
        for (name, item) in document["webhooks"].as_object().unwrap() {
            let media = &item["post"]["requestBody"]["content"]["application/json"];
            let schema = media["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(t.app.contract.faults(schema, &media["example"]).unwrap().is_empty(), "{name}");
            assert_eq!(media["example"]["type"], **name);
        }
    }
}
