//! Second factors: codes that are good once, in their time, and few at a time; and roles that want one.

use crate::harness::{
    ADMIN_PASSWORD, Answer, Caller, T, now, value, values,
    world::{HA_NOI, centre, seeded_unit},
};
use actix_web::http::Method;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use totp_rs::{Builder, Secret};

const PASSWORD: &str = "mat-khau-cua-can-bo";

async fn account(t: &T, username: &str) -> uuid::Uuid {
    let body = json!({"username": username, "full_name": "Cán Bộ", "password": PASSWORD});
    t.admin.post("/v1/users", &body).await.id()
}

async fn log_in(t: &T, username: &str, otp: Option<&str>) -> Answer {
    let password = if username == "admin" { ADMIN_PASSWORD } else { PASSWORD };
    let otp = otp.map(|otp| format!("&otp={otp}")).unwrap_or_default();
    let body = format!("grant_type=password&username={username}&password={password}{otp}");
    t.stranger.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body).await
}

fn holder(t: &T, tokens: &Value) -> Caller {
    t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap())
}

/// What an authenticator app shows at an instant.
pub fn code(secret: &str, at: DateTime<Utc>) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    totp.generate(u64::try_from(at.timestamp()).unwrap()).to_string()
}

/// Sets a second factor up; gives its secret and recovery codes. Time stands one step later then.
async fn enrol(t: &T, who: &Caller) -> (String, Vec<String>) {
    let at = now();
    let secret = who.send(Method::POST, "/v1/me/totp").await.ok(201)["secret"].as_str().unwrap().to_owned();
    let body = json!({"code": code(&secret, at)});
    let codes = who.post("/v1/me/totp/confirm", &body).await.ok(200);
    t.clock.set(at + Duration::seconds(30));
    let codes = codes["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned());
    (secret, codes.collect())
}

both! {
    async fn after_it_is_confirmed_every_login_wants_a_code(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        assert_eq!(me.get("/v1/me").await.ok(200)["second_factor"], false);
        let begun = me.send(Method::POST, "/v1/me/totp").await.ok(201);
        let (secret, uri) = (begun["secret"].as_str().unwrap(), begun["otpauth_uri"].as_str().unwrap());
        assert!(uri.starts_with("otpauth://totp/tinhnguyen:can-bo?") && uri.contains(&format!("secret={secret}")), "{uri}");
        // Begun is not on.
        log_in(t, "can-bo", None).await.ok(200);
        me.post("/v1/me/totp/confirm", &json!({"code": "000000"})).await.faults(422, &[("/code", "wrong_code")]);
        // Begun anew: the first secret is of no use.
        let again = me.send(Method::POST, "/v1/me/totp").await.ok(201)["secret"].as_str().unwrap().to_owned();
        assert_ne!(again, secret);
        me.post("/v1/me/totp/confirm", &json!({"code": code(secret, now())})).await.problem(422, "wrong_code");
        let codes = me.post("/v1/me/totp/confirm", &json!({"code": code(&again, now())})).await.ok(200);
        assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);
        assert_eq!(me.get("/v1/me").await.ok(200)["second_factor"], true);
        me.send(Method::POST, "/v1/me/totp").await.problem(409, "wrong_state");

        let missing = log_in(t, "can-bo", None).await.ok(400);
        assert_eq!((&missing["error"], &missing["error_code"]), (&json!("invalid_grant"), &json!("second_factor_required")));
        t.clock.set(now() + Duration::seconds(30));
        log_in(t, "can-bo", Some(&code(&again, now() + Duration::seconds(30)))).await.ok(200);
    }

    async fn whether_there_is_one_is_told_only_after_the_right_password(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        let (secret, _) = enrol(t, &me).await;
        let good = code(&secret, t.app.clock.now());
        for otp in ["", "&otp=000000", &format!("&otp={good}")] {
            let body = format!("grant_type=password&username=can-bo&password=sai-mat-khau{otp}");
            let answer = t.stranger.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body);
            let refused = answer.await.ok(400);
            assert_eq!((&refused["error"], refused.get("error_code")), (&json!("invalid_grant"), None));
        }
        // A wrong password has not used the code up.
        log_in(t, "can-bo", Some(&good)).await.ok(200);
    }

    async fn a_code_is_good_once_and_one_step_beside_its_time(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        let (secret, _) = enrol(t, &me).await;
        let start = now() + Duration::minutes(10);
        let of = |steps: i64| code(&secret, start + Duration::seconds(30 * steps));
        t.clock.set(start);
        for (steps, status) in [(-2, 400), (2, 400), (-1, 200), (-1, 400), (0, 200), (0, 400), (-1, 400), (1, 200), (1, 400)] {
            assert_eq!(log_in(t, "can-bo", Some(&of(steps))).await.status, status, "the code of step {steps}");
        }
        // Two replicas at once: one lets it in.
        t.clock.set(start + Duration::minutes(5));
        let fresh = of(10);
        let answers = futures_util::future::join_all((0..4).map(|_| log_in(t, "can-bo", Some(&fresh)))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    }

    async fn a_recovery_code_is_good_once_however_it_is_written(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        let (_, codes) = enrol(t, &me).await;
        let shouted = codes[0].replace('-', "").to_uppercase();
        log_in(t, "can-bo", Some(&shouted)).await.ok(200);
        assert_eq!(log_in(t, "can-bo", Some(&codes[0])).await.status, 400);
        log_in(t, "can-bo", Some(&codes[1])).await.ok(200);
        assert_eq!(log_in(t, "can-bo", Some("abcd-efgh-ijkm-npqr")).await.status, 400);
        let hashes: Vec<Vec<u8>> = values(t.store.read(), "SELECT code_hash FROM recovery_code").await;
        assert!(hashes.iter().all(|hash| hash.len() == 32), "only hashes are kept");
    }

    async fn after_some_wrong_codes_none_is_taken_for_a_while(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        let (secret, codes) = enrol(t, &me).await;
        let start = now() + Duration::minutes(10);
        t.clock.set(start);
        let good = code(&secret, start);
        let wrong = if good == "000000" { "000001" } else { "000000" };
        for _ in 0..5 {
            assert_eq!(log_in(t, "can-bo", Some(wrong)).await.status, 400);
        }
        for refused in [good.as_str(), codes[0].as_str()] {
            assert_eq!(log_in(t, "can-bo", Some(refused)).await.status, 400, "right, and refused all the same");
        }
        // Each further one makes it longer; at the most a quarter of an hour.
        let until: DateTime<Utc> = value(t.store.read(), "SELECT locked_until FROM totp").await;
        assert_eq!((until - start).num_seconds(), 120);
        t.clock.set(until);
        log_in(t, "can-bo", Some(&code(&secret, until))).await.ok(200);
        let failures: i32 = value(t.store.read(), "SELECT failures FROM totp").await;
        assert_eq!(failures, 0);
        let tokens = log_in(t, "admin", None).await.ok(200);
        holder(t, &tokens).get("/v1/me").await.ok(200);
    }

    async fn the_secret_is_kept_sealed_and_shown_once(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        let first = me.send(Method::POST, "/v1/me/totp").key("mot").await.ok(201);
        let again = me.send(Method::POST, "/v1/me/totp").key("mot").await.ok(201);
        let secret = first["secret"].as_str().unwrap();
        assert_eq!((&again["secret"], &again["otpauth_uri"]), (&Value::Null, &Value::Null), "a replay shows no secret");
        let stored: Vec<u8> = value(t.store.read(), "SELECT secret FROM totp").await;
        assert!(!stored.windows(secret.len()).any(|w| w == secret.as_bytes()));
        let kept: Vec<String> = values(t.store.read(), "SELECT body FROM idempotency_key").await;
        assert!(kept.iter().all(|body| !body.contains(secret)), "{kept:?}");
        let body = json!({"code": code(secret, now())});
        let codes = me.post("/v1/me/totp/confirm", &body).key("hai").await.ok(200);
        let again = me.post("/v1/me/totp/confirm", &body).key("hai").await.ok(200);
        assert_eq!((codes["recovery_codes"].as_array().unwrap().len(), &again["recovery_codes"]), (10, &json!([])));
    }

    async fn it_is_switched_off_by_a_code_and_by_nothing_else(t: &T) {
        account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        me.post("/v1/me/totp/disable", &json!({"code": "000000"})).await.problem(409, "wrong_state");
        let (_, codes) = enrol(t, &me).await;
        for n in 1..=5 {
            me.post("/v1/me/totp/disable", &json!({"code": "khong-phai-ma"})).await.faults(422, &[("/code", "wrong_code")]);
            let failures: i32 = value(t.store.read(), "SELECT failures FROM totp").await;
            assert_eq!(failures, n, "counted, though the request was refused");
        }
        me.post("/v1/me/totp/disable", &json!({"code": codes[0]})).await.problem(422, "wrong_code");
        t.clock.set(now() + Duration::minutes(5));
        assert_eq!(me.post("/v1/me/totp/disable", &json!({"code": codes[0]})).await.status, 204);
        log_in(t, "can-bo", None).await.ok(200);
        let left: i64 = value(t.store.read(), "SELECT count(*) FROM recovery_code").await;
        assert_eq!(left, 0);
    }

    async fn an_administrator_switches_off_what_somebody_below_lost(t: &T) {
        let here = seeded_unit(HA_NOI);
        let user = account(t, "can-bo").await;
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        t.grant(&me.of(user), Role::Viewer, here, None).await;
        enrol(t, &me).await;
        let provincial = t.user(Role::Administrator, here).await;
        let path = format!("/v1/users/{user}/totp");
        provincial.delete(&path).await.problem(428, "if_match_required");
        assert_eq!(provincial.delete(&path).if_match("\"1\"").await.status, 204);
        me.get("/v1/me").await.problem(401, "unauthenticated");
        log_in(t, "can-bo", None).await.ok(200);
        provincial.delete(&path).if_match("*").await.problem(409, "wrong_state");
        // Of somebody who holds more it is out of reach.
        let me = holder(t, &log_in(t, "can-bo", None).await.ok(200));
        t.grant(&me.of(user), Role::Viewer, centre(), None).await;
        t.second_factor_of(user).await;
        provincial.delete(&path).if_match("*").await.problem(403, "forbidden");
        // Nobody switches their own off that way.
        t.second_factor_of(t.admin.user_id).await;
        let own = format!("/v1/users/{}/totp", t.admin.user_id);
        t.admin.clone().with_a_new_token().delete(&own).if_match("*").await.problem(409, "wrong_state");
    }

    async fn where_the_operator_asks_for_it_high_roles_do_nothing_without_one(t: &T) {
        let strict = t.replica_deciding(|accounts| accounts.require_totp = true).await;
        let ward = t.commune(seeded_unit(HA_NOI), "XD-01").await;
        for (role, unit, wanted) in [
            (Role::Administrator, seeded_unit(HA_NOI), true),
            (Role::Verifier, seeded_unit(HA_NOI), true),
            (Role::Verifier, centre(), true),
            (Role::Coordinator, seeded_unit(HA_NOI), false),
            (Role::Administrator, ward, false),
        ] {
            let person = t.user(role, unit).await;
            person.get("/v1/teams").await.ok(200);
            let there = strict.asked_by(&person);
            let me = there.get("/v1/me").await.ok(200);
            assert_eq!(me["second_factor_required"], wanted, "{role}");
            if !wanted {
                there.get("/v1/teams").await.ok(200);
                continue;
            }
            assert_eq!(me["scopes"], json!(["self:read", "self:write"]));
            there.get("/v1/teams").await.problem(403, "second_factor_required");
            there.get("/v1/topics").await.problem(403, "second_factor_required");
            let body = json!({"current_password": "x", "password": "mat-khau-rat-dai-02"});
            there.post("/v1/me/password", &body).await.problem(403, "second_factor_required");
            enrol(t, &there).await;
            there.get("/v1/teams").await.ok(200);
            assert_eq!(there.get("/v1/me").await.ok(200)["second_factor_required"], false);
            // Off again: at once.
            t.sql("DELETE FROM recovery_code").await;
            t.sql("DELETE FROM totp").await;
            there.get("/v1/teams").await.problem(403, "second_factor_required");
            t.clock.set(now());
        }
        let administrator = strict.asked_by(&t.admin);
        administrator.get("/v1/users").await.problem(403, "second_factor_required");
        t.stranger.get("/v1/public/progress").await.ok(200);
    }

    async fn a_grant_that_wants_one_works_at_once(t: &T) {
        let strict = t.replica_deciding(|accounts| accounts.require_totp = true).await;
        let person = strict.asked_by(&t.user(Role::Viewer, seeded_unit(HA_NOI)).await);
        person.get("/v1/teams").await.ok(200);
        let grant = t.grant(&person, Role::Verifier, seeded_unit(HA_NOI), None).await;
        person.get("/v1/teams").await.problem(403, "second_factor_required");
        t.admin.delete(&format!("/v1/grants/{grant}")).if_match("*").await.ok(204);
        person.get("/v1/teams").await.ok(200);
    }
}
