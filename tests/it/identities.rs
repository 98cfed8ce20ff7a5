//! Logins through an identity provider: only its own sound answers, once, for whoever began, and to accounts that are
//! there.

use crate::harness::{
    ADMIN, Answer, Caller, Replica, T, id_in, now,
    provider::{CLIENT, Idp},
    value, values,
    world::{HA_NOI, new_invitation, seeded_unit},
};
use actix_web::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::keyring::generate_key;
use url::Url;
use uuid::Uuid;

const VERIFIER: &str = "mot-chuoi-ngau-nhien-rat-dai-ma-chi-ung-dung-biet";

/// Makes an ID token of claims.
type Sign<'a> = &'a dyn Fn(&Value) -> String;

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn way_back(state: &str, code: &str) -> String {
    format!("/v1/auth/oidc/callback?code={code}&state={state}&session_state=x")
}

/// An application, a provider that it trusts, and an account with a mail address.
pub struct Stage {
    pub idp: Idp,
    app: Replica,
    pub browser: Caller,
    user: Uuid,
}

/// A login on its way: what the provider was told.
struct Going {
    state: String,
    nonce: String,
    challenge: String,
}

impl Stage {
    pub async fn new(t: &T, return_url: Option<&str>) -> Self {
        let idp = Idp::start().await;
        let app = t.replica_deciding(|accounts| idp.trusted_by(accounts, return_url)).await;
        let browser = app.asked_by(&t.stranger);
        let body = json!({"username": "can-bo", "full_name": "Cán Bộ", "email": "Can-Bo@example.org"});
        let user = t.admin.post("/v1/users", &body).await.id();
        Self { idp, app, browser, user }
    }

    async fn start(&self) -> Going {
        let path = format!("/v1/auth/oidc/start?code_challenge={}&state=cua-ung-dung", challenge(VERIFIER));
        let answer = self.browser.get(&path).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        let to = Url::parse(answer.header("location").unwrap()).unwrap();
        assert!(to.as_str().starts_with(&format!("{}/authorize?", self.idp.issuer)), "{to}");
        let query: HashMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!((query["client_id"].as_str(), query["response_type"].as_str()), (CLIENT, "code"));
        assert_eq!(query["redirect_uri"], "https://tinhnguyen.example/v1/auth/oidc/callback");
        assert_eq!((query["code_challenge_method"].as_str(), query["scope"].as_str()), ("S256", "openid email"));
        assert_ne!(query["code_challenge"], challenge(VERIFIER), "towards the provider there is another one");
        Going {
            state: query["state"].clone(),
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
        }
    }

    async fn back(&self, state: &str, code: &str) -> Answer {
        self.browser.get(&way_back(state, code)).await
    }

    /// Where a browser comes back to from a login in which the provider's token says what `change` makes of a good one.
    pub async fn way_back(&self, change: impl FnOnce(&mut Value)) -> String {
        let going = self.start().await;
        let mut claims = self.idp.claims("nguoi-1", "can-bo@example.org", &going.nonce);
        change(&mut claims);
        self.idp.issue("ma", &going.challenge, self.idp.sign(&claims));
        way_back(&going.state, "ma")
    }

    /// A login in which the provider's token says what `change` makes of a good one.
    async fn answered(&self, change: impl FnOnce(&mut Value)) -> Answer {
        self.browser.get(&self.way_back(change).await).await
    }

    async fn redeem(&self, code: &str, verifier: &str, more: &str) -> Answer {
        let body = format!("grant_type=authorization_code&code={code}&code_verifier={verifier}{more}");
        self.browser.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body).await
    }

    /// The one-time code of a good login.
    async fn code(&self) -> String {
        let answer = self.answered(|_| {}).await.ok(200);
        assert_eq!((&answer["state"], &answer["expires_in"]), (&json!("cua-ung-dung"), &json!(120)));
        answer["code"].as_str().unwrap().to_owned()
    }
}

both! {
    async fn who_logs_in_there_is_known_here_by_the_verified_address_and_then_by_the_identity(t: &T) {
        let stage = Stage::new(t, None).await;
        let code = stage.code().await;
        let tokens = stage.redeem(&code, VERIFIER, "").await.ok(200);
        let person = t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap());
        let me = person.get("/v1/me").await.ok(200);
        assert_eq!((id_in(&me, "id"), &me["grants"]), (stage.user, &json!([])));
        assert!(tokens["refresh_token"].as_str().is_some());
        // The address no longer counts: the identity does.
        let path = format!("/v1/users/{}", stage.user);
        t.admin.patch(&path, &json!({"email": "khac@example.org"})).if_match("*").await.ok(200);
        stage.code().await;
        let actions: Vec<String> =
            values(t.store.read(), "SELECT action FROM audit_log WHERE action LIKE '%link%' OR action LIKE 'log_in%'").await;
        assert_eq!(actions, ["link_identity", "log_in_by_provider"]);
        t.admin.patch(&path, &json!({"disabled": true})).if_match("*").await.ok(200);
        stage.answered(|_| {}).await.problem(403, "identity_unknown");
        stage.idp.stop().await;
    }

    async fn what_is_wrong_with_an_id_token_lets_nobody_in(t: &T) {
        let stage = Stage::new(t, None).await;
        let at = now().timestamp();
        for (what, name, wrong) in [
            ("another login's nonce", "nonce", json!("khac")),
            ("no nonce", "nonce", Value::Null),
            ("for another application", "aud", json!("ung-dung-khac")),
            ("for us and another application", "aud", json!([CLIENT, "ung-dung-khac"])),
            ("expired", "exp", json!(at - 1)),
            ("another issuer's", "iss", json!("https://nha-khac.example")),
            ("no subject", "sub", Value::Null),
        ] {
            let answer = stage.answered(|claims| claims[name] = wrong).await;
            assert_eq!(answer.problem(403, "identity_refused")["status"], 403, "{what}");
        }
        let signatures: [(&str, Sign<'_>); 3] = [
            ("another key's", &|claims| stage.idp.sign_with(&generate_key().unwrap(), claims)),
            ("the client's secret's", &|claims| stage.idp.sign_with_the_clients_secret(claims)),
            ("none", &|claims| {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
            }),
        ];
        for (what, sign) in signatures {
            let going = stage.start().await;
            let claims = stage.idp.claims("nguoi-1", "can-bo@example.org", &going.nonce);
            stage.idp.issue("ma", &going.challenge, sign(&claims));
            let answer = stage.back(&going.state, "ma").await;
            assert_eq!(answer.problem(403, "identity_refused")["status"], 403, "{what}");
        }
        let linked: i64 = value(t.store.read(), "SELECT count(*) FROM oidc_identity").await;
        let codes: i64 = value(t.store.read(), "SELECT count(*) FROM oidc_code").await;
        assert_eq!((linked, codes), (0, 0));
        stage.code().await;
        stage.idp.stop().await;
    }

    async fn a_state_is_good_once_for_ten_minutes_and_only_ours(t: &T) {
        let stage = Stage::new(t, None).await;
        let going = stage.start().await;
        let good = stage.idp.claims("nguoi-1", "can-bo@example.org", &going.nonce);
        stage.idp.issue("ma", &going.challenge, stage.idp.sign(&good));
        stage.back("made-up", "ma").await.problem(403, "identity_refused");
        stage.back(&going.state, "ma").await.ok(200);
        // Replayed, with a code that would be good.
        stage.idp.issue("ma", &going.challenge, stage.idp.sign(&good));
        stage.back(&going.state, "ma").await.problem(403, "identity_refused");

        let going = stage.start().await;
        let claims = stage.idp.claims("nguoi-1", "can-bo@example.org", &going.nonce);
        stage.idp.issue("ma", &going.challenge, stage.idp.sign(&claims));
        t.clock.set(now() + Duration::minutes(10));
        stage.back(&going.state, "ma").await.problem(403, "identity_refused");
        t.clock.set(now());

        // A code of another login: its challenge is not answered.
        let (one, other) = (stage.start().await, stage.start().await);
        let claims = stage.idp.claims("nguoi-1", "can-bo@example.org", &one.nonce);
        stage.idp.issue("ma", &other.challenge, stage.idp.sign(&claims));
        stage.back(&one.state, "ma").await.problem(403, "identity_refused");

        let going = stage.start().await;
        let path = format!("/v1/auth/oidc/callback?error=access_denied&state={}", going.state);
        stage.browser.get(&path).await.problem(403, "identity_refused");
        let going = stage.start().await;
        let path = format!("/v1/auth/oidc/callback?code=ma&state={}&iss=https://nha-khac.example", going.state);
        stage.browser.get(&path).await.problem(403, "identity_refused");
        for path in ["/v1/auth/oidc/callback", "/v1/auth/oidc/callback?code=x", "/v1/auth/oidc/callback?state="] {
            stage.browser.get(path).await.problem(403, "identity_refused");
        }
        stage.idp.stop().await;
    }

    async fn the_one_time_code_is_of_use_once_and_only_to_who_began(t: &T) {
        let stage = Stage::new(t, None).await;
        // Somebody else's verifier: the code is gone, as it was stolen or slipped in.
        let code = stage.code().await;
        let refused = stage.redeem(&code, &VERIFIER.replace("mot", "hai"), "").await.ok(400);
        assert_eq!(refused["error"], "invalid_grant");
        stage.redeem(&code, VERIFIER, "").await.ok(400);

        let code = stage.code().await;
        stage.redeem(&code, VERIFIER, "").await.ok(200);
        stage.redeem(&code, VERIFIER, "").await.ok(400);

        let code = stage.code().await;
        let answers = futures_util::future::join_all((0..4).map(|_| stage.redeem(&code, VERIFIER, ""))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);

        let code = stage.code().await;
        t.clock.set(now() + Duration::minutes(2));
        stage.redeem(&code, VERIFIER, "").await.ok(400);
        t.clock.set(now());
        for body in ["", "&code=x", "&code_verifier=x"] {
            let body = format!("grant_type=authorization_code{body}");
            let form = stage.browser.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body);
            assert_eq!(form.await.ok(400)["error"], "invalid_request");
        }
        let kept: Vec<Vec<u8>> = values(t.store.read(), "SELECT code_hash FROM oidc_code").await;
        assert!(kept.iter().all(|hash| hash.len() == 32));
        stage.idp.stop().await;
    }

    async fn nobody_gets_an_account_or_somebody_elses_by_it(t: &T) {
        let stage = Stage::new(t, None).await;
        for (what, name, claim) in [
            ("an address that nobody has here", "email", json!("la@example.org")),
            ("not verified", "email_verified", json!(false)),
            ("not said to be verified", "email_verified", Value::Null),
            ("no address", "email", Value::Null),
        ] {
            let answer = stage.answered(|claims| claims[name] = claim).await;
            assert_eq!(answer.problem(403, "identity_unknown")["status"], 403, "{what}");
        }
        // An address that two accounts have says not which.
        let twin = json!({"username": "hai", "full_name": "Hai", "email": "can-bo@example.org"});
        let twin = t.admin.post("/v1/users", &twin).await.id();
        stage.answered(|_| {}).await.problem(403, "identity_unknown");
        t.admin.patch(&format!("/v1/users/{twin}"), &json!({"email": null})).if_match("*").await.ok(200);
        stage.code().await;
        // Another person there, who was given the address of one who left.
        stage.answered(|claims| claims["sub"] = json!("nguoi-2")).await.problem(403, "identity_unknown");
        let users: i64 = value(t.store.read(), "SELECT count(*) FROM user_account").await;
        assert_eq!(users, 3);
        assert_eq!(ADMIN, "admin");
        stage.idp.stop().await;
    }

    async fn who_was_invited_accepts_by_it_and_only_what_still_may_be_given(t: &T) {
        let stage = Stage::new(t, None).await;
        let provincial = t.nobody().await;
        let grant = t.grant(&provincial, Role::Administrator, seeded_unit(HA_NOI), None).await;
        let mut body = new_invitation(seeded_unit(HA_NOI));
        body["email"] = json!("Can-Bo@moi.example");
        let invitation = provincial.post("/v1/invitations", &body).await.ok(201);
        let as_invited = |claims: &mut Value| claims["email"] = json!("can-bo@moi.example");
        let unverified = |claims: &mut Value| {
            as_invited(claims);
            claims["email_verified"] = json!(false);
        };
        stage.answered(unverified).await.problem(403, "identity_unknown");
        let code = stage.answered(as_invited).await.ok(200)["code"].as_str().unwrap().to_owned();
        let tokens = stage.redeem(&code, VERIFIER, "").await.ok(200);
        let me = t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap()).get("/v1/me").await.ok(200);
        // Somebody is called `can-bo` already.
        assert!(me["username"].as_str().unwrap().starts_with("can-bo-"), "{me}");
        assert_eq!((&me["grants"][0]["role"], me["grants"].as_array().unwrap().len()), (&json!("viewer"), 1));
        let read = t.admin.get(&format!("/v1/invitations/{}", id_in(&invitation, "id"))).await.ok(200);
        assert_eq!((&read["status"], &read["user_id"]), (&json!("accepted"), &me["id"]));

        body["email"] = json!("hai@moi.example");
        provincial.post("/v1/invitations", &body).await.ok(201);
        t.admin.delete(&format!("/v1/grants/{grant}")).if_match("*").await.ok(204);
        let second = |claims: &mut Value| {
            claims["sub"] = json!("nguoi-2");
            claims["email"] = json!("hai@moi.example");
        };
        stage.answered(second).await.problem(403, "identity_unknown");
        // Of two invitations the person chooses by the links.
        t.admin.post("/v1/invitations", &body).await.ok(201);
        stage.answered(second).await.problem(403, "identity_unknown");
        let users: i64 = value(t.store.read(), "SELECT count(*) FROM user_account").await;
        assert_eq!(users, 4);
        stage.idp.stop().await;
    }

    async fn who_has_a_second_factor_brings_it_too(t: &T) {
        let stage = Stage::new(t, None).await;
        let code = stage.code().await;
        t.second_factor_of(stage.user).await;
        let refused = stage.redeem(&code, VERIFIER, "").await.ok(400);
        assert_eq!(refused["error_code"], "second_factor_required");
        stage.redeem(&code, VERIFIER, "&otp=abcd-efgh").await.ok(400);
        t.sql("DELETE FROM recovery_code").await;
        t.sql("DELETE FROM totp").await;
        stage.redeem(&code, VERIFIER, "").await.ok(200);
        stage.idp.stop().await;
    }

    async fn the_operator_may_send_people_on_to_the_application(t: &T) {
        let stage = Stage::new(t, Some("https://ung-dung.example/vao?ngon-ngu=vi")).await;
        let answer = stage.answered(|_| {}).await;
        assert_eq!(answer.status, 302);
        let to = Url::parse(answer.header("location").unwrap()).unwrap();
        assert!(to.as_str().starts_with("https://ung-dung.example/vao?ngon-ngu=vi&code=tnl_"), "{to}");
        let query: HashMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!(query["state"], "cua-ung-dung");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        stage.redeem(&query["code"], VERIFIER, "").await.ok(200);
        stage.idp.stop().await;
    }

    async fn what_the_application_sends_wrongly_is_said(t: &T) {
        let stage = Stage::new(t, None).await;
        let start = |query: &str| stage.browser.get(&format!("/v1/auth/oidc/start{query}"));
        start("").await.faults(400, &[("code_challenge", "required")]);
        let short = start("?code_challenge=x&redirect=https://ke-gian.example").await;
        short.faults(400, &[("code_challenge", "bad_format"), ("code_challenge", "too_short"), ("redirect", "unknown_parameter")]);
        // Where there is no provider.
        t.stranger.get(&format!("/v1/auth/oidc/start?code_challenge={}", challenge(VERIFIER))).await.problem(404, "not_found");
        t.stranger.get("/v1/auth/oidc/callback?code=x&state=y").await.problem(404, "not_found");
        assert!(stage.app.app.accounts.oidc.is_some());
        stage.idp.stop().await;
    }
}

/// What a provider answers that is down, or not the one it should be. Not by `both!`: a 503 is none of the contract's
/// usual answers in tests.
mod away {
    use super::*;

    async fn body(t: &T) {
        let stage = Stage::new(t, None).await;
        let path = format!("/v1/auth/oidc/start?code_challenge={}", challenge(VERIFIER));
        stage.idp.says(json!({"issuer": "https://nha-khac.example"}));
        let answer = stage.browser.get(&path).lenient().await;
        answer.problem(503, "unavailable");
        assert!(!answer.text().contains("nha-khac"), "the cause is not told");
        // It leads into another network, or without encryption out of this machine.
        stage.idp.says(json!({"jwks_uri": "http://192.0.2.1/jwks"}));
        stage.browser.get(&path).lenient().await.problem(503, "unavailable");
        stage.idp.says(json!({}));
        assert_eq!(stage.browser.get(&path).await.status, 302);
        let Stage { idp, app, .. } = stage;
        idp.stop().await;
        drop(app);
    }

    #[test]
    fn sqlite() {
        crate::harness::run(crate::harness::Engine::Sqlite, body);
    }

    #[test]
    fn postgres() {
        crate::harness::run(crate::harness::Engine::Postgres, body);
    }
}
