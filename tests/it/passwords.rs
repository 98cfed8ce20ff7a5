//! Forgotten and changed passwords: the same answer for everybody, links that are good once, and no session that stays.

use crate::harness::{
    Answer, Caller, T, id_in, letters, now, value, values,
    world::{HA_NOI, seeded_unit},
};
use actix_web::http::Method;
use chrono::Duration;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

const OLD: &str = "mat-khau-cu-rat-dai";
const NEW: &str = "mat-khau-moi-rat-dai";

async fn account(t: &T, username: &str, email: &str) -> Uuid {
    let body = json!({"username": username, "full_name": "Cán Bộ", "email": email, "password": OLD});
    t.admin.post("/v1/users", &body).await.id()
}

async fn log_in(t: &T, username: &str, password: &str) -> Answer {
    let body = format!("grant_type=password&username={username}&password={password}");
    t.stranger.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body).await
}

fn holder(t: &T, tokens: &Value) -> Caller {
    t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap())
}

async fn forget(t: &T, who: &str) -> Answer {
    t.stranger.post("/v1/auth/password-reset", &json!({"username_or_email": who})).await
}

async fn confirm(t: &T, token: &str, password: &str) -> Answer {
    t.stranger.post("/v1/auth/password-reset/confirm", &json!({"token": token, "password": password})).await
}

both! {
    async fn whether_there_is_such_an_account_is_neither_told_nor_looked_up(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        let (known, unknown) = (forget(t, "can-bo").await, forget(t, "khong-co").await);
        assert_eq!((known.status, known.bytes.len()), (202, 0));
        let heads = |answer: &Answer| {
            let mut heads: Vec<_> = answer.headers.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
            // The name of the request, and what is left of the quota.
            heads.retain(|(name, _)| !matches!(name.as_str(), "x-request-id" | "ratelimit"));
            heads.sort_by(|a, b| a.0.cmp(&b.0));
            heads
        };
        assert_eq!((unknown.status, &unknown.bytes, heads(&unknown)), (known.status, &known.bytes, heads(&known)));
        // The same rows were written for both: what differs happens later, out of the asker's sight.
        let rows: i64 = value(t.store.read(), "SELECT count(*) FROM password_reset_request").await;
        let tokens: i64 = value(t.store.read(), "SELECT count(*) FROM password_reset").await;
        assert_eq!((rows, tokens), (2, 0));
        assert_eq!(t.letters().await.len(), 1);
        let rows: i64 = value(t.store.read(), "SELECT count(*) FROM password_reset_request").await;
        assert_eq!(rows, 0);
    }

    async fn a_link_sets_a_new_password_once_and_ends_all_sessions(t: &T) {
        let user = account(t, "can-bo", "Can-Bo@example.org").await;
        let old = log_in(t, "can-bo", OLD).await.ok(200);
        forget(t, "can-bo@EXAMPLE.org").await.ok(202);
        let [letter] = &t.letters().await[..] else { panic!("one mail") };
        assert!(letter.text.contains("can-bo") && letter.to == "Can-Bo@example.org", "{letter:?}");
        let token = letter.token();
        confirm(t, &token, "ngan").await.faults(422, &[("/password", "weak_password")]);
        // What anybody who knows the account would try.
        confirm(t, &token, "can-bo@example.org").await.faults(422, &[("/password", "weak_password")]);
        confirm(t, "tnp_khong-co", NEW).await.problem(422, "token_not_valid");
        assert_eq!(confirm(t, &token, NEW).await.status, 204);
        holder(t, &old).get("/v1/me").await.problem(401, "unauthenticated");
        log_in(t, "can-bo", OLD).await.ok(400);
        log_in(t, "can-bo", NEW).await.ok(200);
        confirm(t, &token, "mat-khau-thu-ba-dai").await.problem(422, "token_not_valid");
        log_in(t, "can-bo", NEW).await.ok(200);
        let [news] = &t.letters().await[..] else { panic!("the owner is told") };
        assert!(news.text.contains("đã được đổi") && !news.text.contains("mat-khau"), "{}", news.text);
        let sql = format!("SELECT action FROM audit_log WHERE resource_id = '{user}' AND action LIKE '%reset%' ORDER BY id");
        let sql = if t.store.engine() == "sqlite" { sql.replace(&format!("'{user}'"), &format!("X'{}'", user.simple())) } else { sql };
        let actions: Vec<String> = values(t.store.read(), &sql).await;
        assert_eq!(actions, ["send_password_reset", "confirm_password_reset"]);
    }

    async fn of_many_at_once_with_one_link_one_sets_its_password(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        forget(t, "can-bo").await.ok(202);
        let token = t.letters().await[0].token();
        let passwords: Vec<String> = (0..4).map(|n| format!("mat-khau-so-{n}-rat-dai")).collect();
        let answers = futures_util::future::join_all(passwords.iter().map(|p| confirm(t, &token, p))).await;
        let won: Vec<_> = answers.iter().zip(&passwords).filter(|(a, _)| a.status == 204).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
        log_in(t, "can-bo", won[0].1).await.ok(200);
    }

    async fn a_link_is_good_for_thirty_minutes(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        forget(t, "can-bo").await.ok(202);
        forget(t, "can-bo").await.ok(202);
        let letters = t.letters().await;
        t.clock.set(now() + Duration::minutes(30) - Duration::seconds(1));
        assert_eq!(confirm(t, &letters[0].token(), NEW).await.status, 204);
        // A password that was set makes the other links useless.
        confirm(t, &letters[1].token(), OLD).await.problem(422, "token_not_valid");
        forget(t, "can-bo").await.ok(202);
        let late = t.letters().await.iter().find(|l| l.text.contains('#')).unwrap().token();
        t.clock.set(now() + Duration::minutes(60));
        confirm(t, &late, OLD).await.problem(422, "token_not_valid");
        log_in(t, "can-bo", NEW).await.ok(200);
    }

    async fn an_account_gets_three_mails_an_hour_whoever_asks_where(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        account(t, "khac", "khac@example.org").await;
        let replica = t.replica().await;
        for n in 0..5 {
            let asking = if n % 2 == 0 { t.stranger.clone() } else { replica.asked_by(&t.stranger) };
            asking.post("/v1/auth/password-reset", &json!({"username_or_email": "can-bo"})).await.ok(202);
        }
        forget(t, "khac").await.ok(202);
        let sent = futures_util::future::join(letters::delivered(&t.app), letters::delivered(&replica.app)).await;
        let mut to: Vec<String> = sent.0.into_iter().chain(sent.1).map(|l| l.to).collect();
        to.extend(t.letters().await.into_iter().map(|l| l.to));
        to.sort();
        assert_eq!(to, ["can-bo@example.org", "can-bo@example.org", "can-bo@example.org", "khac@example.org"]);
        t.clock.set(now() + Duration::minutes(60));
        forget(t, "can-bo").await.ok(202);
        assert_eq!(t.letters().await.len(), 1);
    }

    async fn who_cannot_log_in_by_password_gets_no_mail(t: &T) {
        let shut = account(t, "bi-khoa", "bi-khoa@example.org").await;
        t.admin.patch(&format!("/v1/users/{shut}"), &json!({"disabled": true})).if_match("*").await.ok(200);
        let body = json!({"username": "khong-mk", "full_name": "Không", "email": "khong-mk@example.org"});
        t.admin.post("/v1/users", &body).await.ok(201);
        t.admin.post("/v1/users", &json!({"username": "khong-thu", "full_name": "Không", "password": OLD})).await.ok(201);
        for who in ["bi-khoa", "khong-mk", "khong-thu", "khong-co", "%%", "' OR 1=1 --"] {
            assert_eq!(forget(t, who).await.status, 202, "{who}");
        }
        assert!(t.letters().await.is_empty());
        let answer = t.stranger.post("/v1/auth/password-reset", &json!({"username_or_email": "", "x": 1})).await;
        answer.faults(422, &[("/username_or_email", "bad_format"), ("/username_or_email", "too_short"), ("/x", "unknown_field")]);
    }

    async fn an_account_that_was_shut_meanwhile_stays_shut(t: &T) {
        let user = account(t, "can-bo", "can-bo@example.org").await;
        forget(t, "can-bo").await.ok(202);
        let token = t.letters().await[0].token();
        t.admin.patch(&format!("/v1/users/{user}"), &json!({"disabled": true})).if_match("*").await.ok(200);
        confirm(t, &token, NEW).await.problem(422, "token_not_valid");
    }

    async fn a_password_that_an_administrator_sets_makes_links_useless(t: &T) {
        let user = account(t, "can-bo", "can-bo@example.org").await;
        forget(t, "can-bo").await.ok(202);
        let token = t.letters().await[0].token();
        t.admin.patch(&format!("/v1/users/{user}"), &json!({"password": NEW})).if_match("*").await.ok(200);
        confirm(t, &token, OLD).await.problem(422, "token_not_valid");
    }

    async fn who_knows_the_present_password_changes_it_and_logs_in_again(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        let (mine, other) = (log_in(t, "can-bo", OLD).await.ok(200), log_in(t, "can-bo", OLD).await.ok(200));
        let me = holder(t, &mine);
        let change = |current: &str, new: &str| json!({"current_password": current, "password": new});
        let wrong = me.post("/v1/me/password", &change("khong-phai", NEW)).await;
        wrong.faults(422, &[("/current_password", "wrong_password")]);
        me.post("/v1/me/password", &change(OLD, "ngan")).await.faults(422, &[("/password", "weak_password")]);
        assert_eq!(me.post("/v1/me/password?dry_run=true", &change(OLD, NEW)).await.status, 204);
        me.get("/v1/me").await.ok(200);
        assert_eq!(me.post("/v1/me/password", &change(OLD, NEW)).await.status, 204);
        for tokens in [&mine, &other] {
            holder(t, tokens).get("/v1/me").await.problem(401, "unauthenticated");
        }
        log_in(t, "can-bo", OLD).await.ok(400);
        log_in(t, "can-bo", NEW).await.ok(200);
        assert_eq!(t.letters().await.len(), 1, "the owner is told");
    }

    async fn trying_the_present_password_is_slowed(t: &T) {
        account(t, "can-bo", "can-bo@example.org").await;
        let me = holder(t, &log_in(t, "can-bo", OLD).await.ok(200));
        let change = |current: &str| json!({"current_password": current, "password": NEW});
        for n in 0..10 {
            let wrong = me.post("/v1/me/password", &change(&format!("khong-phai-{n}"))).await;
            wrong.problem(422, "wrong_password");
        }
        me.post("/v1/me/password", &change(OLD)).await.problem(429, "too_many_requests");
        t.clock.set(now() + Duration::minutes(1));
        assert_eq!(me.post("/v1/me/password", &change(OLD)).await.status, 204);
    }

    async fn a_client_has_no_password_and_no_second_factor(t: &T) {
        let body = json!({"name": "Cổng", "org_unit_id": seeded_unit(HA_NOI), "scopes": ["self:write", "self:read"]});
        let client = t.admin.post("/v1/clients", &body).await.ok(201);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            id_in(&client, "id"),
            client["client_secret"].as_str().unwrap()
        );
        let tokens = t.stranger.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", form);
        let caller = holder(t, &tokens.await.ok(200));
        let body = json!({"current_password": "x", "password": NEW});
        caller.post("/v1/me/password", &body).await.problem(403, "forbidden");
        caller.send(Method::POST, "/v1/me/totp").await.problem(403, "forbidden");
        let verifier = t.user(Role::Verifier, seeded_unit(HA_NOI)).await;
        verifier.get("/v1/me").await.ok(200);
    }
}
