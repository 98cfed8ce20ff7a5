//! Sessions: refresh tokens that are good once, and what ends a session ends it at once.

use crate::harness::{ADMIN_PASSWORD, Answer, Caller, T};
use actix_web::http::Method;
use chrono::Duration;
use serde_json::{Value, json};

async fn form(caller: &Caller, path: &str, body: &str) -> Answer {
    caller.send(Method::POST, path).body("application/x-www-form-urlencoded", body.to_owned()).await
}

async fn log_in(t: &T) -> Value {
    let body = format!("grant_type=password&username=admin&password={ADMIN_PASSWORD}");
    form(&t.stranger, "/v1/auth/token", &body).await.ok(200)
}

async fn refresh(caller: &Caller, tokens: &Value) -> Answer {
    let token = tokens["refresh_token"].as_str().unwrap();
    form(caller, "/v1/auth/token", &format!("grant_type=refresh_token&refresh_token={token}")).await
}

fn holder(t: &T, tokens: &Value) -> Caller {
    t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap())
}

both! {
    async fn a_refresh_token_brings_new_tokens_once(t: &T) {
        let first = log_in(t).await;
        let second = refresh(&t.stranger, &first).await.ok(200);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(holder(t, &second).get("/v1/me").await.ok(200)["username"], "admin");
        let third = refresh(&t.stranger, &second).await.ok(200);
        holder(t, &third).get("/v1/me").await.ok(200);
    }

    async fn a_refresh_token_that_comes_back_ends_its_session_at_once_and_no_other(t: &T) {
        let other = log_in(t).await;
        let first = log_in(t).await;
        let second = refresh(&t.stranger, &first).await.ok(200);
        assert_eq!(refresh(&t.stranger, &first).await.ok(400)["error"], "invalid_grant");
        assert_eq!(refresh(&t.stranger, &second).await.ok(400)["error"], "invalid_grant", "the family is revoked");
        for tokens in [&first, &second] {
            holder(t, tokens).get("/v1/me").await.problem(401, "unauthenticated");
        }
        holder(t, &other).get("/v1/me").await.ok(200);
        refresh(&t.stranger, &other).await.ok(200);
    }

    async fn of_many_uses_at_once_one_renews_and_the_session_ends(t: &T) {
        let first = log_in(t).await;
        let replica = t.replica().await;
        let there = replica.asked_by(&t.stranger);
        let uses = (0..10).map(|n| refresh(if n % 2 == 0 { &t.stranger } else { &there }, &first));
        let answers = futures_util::future::join_all(uses).await;
        let renewed: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
        assert_eq!(renewed.len(), 1, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
        let next = renewed[0].ok(200);
        assert_eq!(refresh(&there, &next).await.ok(400)["error"], "invalid_grant");
        holder(t, &next).get("/v1/me").await.problem(401, "unauthenticated");
    }

    async fn a_refresh_token_is_good_for_thirty_days(t: &T) {
        let start = crate::harness::now();
        let (kept, late) = (log_in(t).await, log_in(t).await);
        t.clock.set(start + Duration::days(30) - Duration::seconds(1));
        let next = refresh(&t.stranger, &kept).await.ok(200);
        t.clock.set(start + Duration::days(30));
        assert_eq!(refresh(&t.stranger, &late).await.ok(400)["error"], "invalid_grant");
        t.clock.set(start + Duration::days(59));
        refresh(&t.stranger, &next).await.ok(200);
        t.clock.set(start);
    }

    async fn what_is_no_refresh_token_is_refused(t: &T) {
        let good = log_in(t).await;
        let good = good["refresh_token"].as_str().unwrap();
        let (id, _) = good.split_once('.').unwrap();
        let (wrong_secret, cut) = (format!("{id}.AAAA"), &good[..good.len() - 1]);
        for token in ["x", "tnr_", "tnr_x.y", "tnr_.", wrong_secret.as_str(), cut] {
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            let answer = form(&t.stranger, "/v1/auth/token", &body).await;
            assert_eq!(answer.ok(400)["error"], "invalid_grant", "{token}");
        }
        // A guess does not end the session.
        form(&t.stranger, "/v1/auth/token", &format!("grant_type=refresh_token&refresh_token={good}")).await.ok(200);
    }

    async fn giving_a_token_back_ends_its_session_on_every_replica(t: &T) {
        let replica = t.replica().await;
        for which in ["refresh_token", "access_token"] {
            let tokens = log_in(t).await;
            let caller = holder(t, &tokens);
            caller.get("/v1/me").await.ok(200);
            replica.asked_by(&caller).get("/v1/me").await.ok(200);
            let body = format!("token={}", tokens[which].as_str().unwrap());
            assert_eq!(form(&t.stranger, "/v1/auth/revoke", &body).await.status, 200);
            caller.get("/v1/me").await.problem(401, "unauthenticated");
            replica.asked_by(&caller).get("/v1/me").await.problem(401, "unauthenticated");
            assert_eq!(refresh(&t.stranger, &tokens).await.ok(400)["error"], "invalid_grant");
            assert_eq!(form(&t.stranger, "/v1/auth/revoke", &body).await.status, 200, "again is as good");
        }
        assert_eq!(form(&t.stranger, "/v1/auth/revoke", "token=nonsense").await.status, 200);
        assert_eq!(form(&t.stranger, "/v1/auth/revoke", "").await.ok(400)["error"], "invalid_request");
    }

    async fn a_new_password_and_a_shut_account_end_all_sessions(t: &T) {
        let body = json!({"username": "can-bo", "full_name": "Cán bộ", "password": "mat-khau-rat-dai-01"});
        let path = format!("/v1/users/{}", t.admin.post("/v1/users", &body).await.id());
        let log_in = async |password: &str| {
            let body = format!("grant_type=password&username=can-bo&password={password}");
            form(&t.stranger, "/v1/auth/token", &body).await.ok(200)
        };
        let old = log_in("mat-khau-rat-dai-01").await;
        t.admin.patch(&path, &json!({"password": "mat-khau-moi-hon-02"})).if_match("\"1\"").await.ok(200);
        holder(t, &old).get("/v1/me").await.problem(401, "unauthenticated");
        assert_eq!(refresh(&t.stranger, &old).await.ok(400)["error"], "invalid_grant");
        let new = log_in("mat-khau-moi-hon-02").await;
        t.admin.patch(&path, &json!({"disabled": true})).if_match("\"2\"").await.ok(200);
        assert_eq!(refresh(&t.stranger, &new).await.ok(400)["error"], "invalid_grant");
        t.admin.patch(&path, &json!({"disabled": false})).if_match("\"3\"").await.ok(200);
        holder(t, &new).get("/v1/me").await.problem(401, "unauthenticated");
    }
}
