//! Tokens: who gets one, which are good, and how fast they stop being good.

use crate::harness::{ADMIN_PASSWORD, Answer, Caller, T, app, id_in, world};
use actix_web::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::{keyring::generate_key, tokens::Tokens};

async fn form(caller: &Caller, body: &str) -> Answer {
    caller.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", body.to_owned()).await
}

async fn password(t: &T, username: &str, password: &str) -> Answer {
    form(&t.stranger, &format!("grant_type=password&username={username}&password={password}")).await
}

/// A JWT of these parts, signed or not.
fn jwt(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

both! {
    async fn the_first_user_logs_in_and_is_administrator_at_the_centre(t: &T) {
        let answer = password(t, "admin", ADMIN_PASSWORD).await;
        let token = answer.ok(200);
        assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(900)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let me = t.stranger.clone().with_token(token["access_token"].as_str().unwrap()).get("/v1/me").await.ok(200);
        assert_eq!(me["username"], "admin");
        assert_eq!(me["grants"][0]["role"], "administrator");
        assert_eq!(me["grants"][0]["org_unit_id"], json!(world::centre()));
        assert_eq!(me["grants"][0]["in_force"], true);
        assert!(me["scopes"].as_array().unwrap().contains(&json!("results:verify")));
    }

    async fn a_username_is_known_in_any_case(t: &T) {
        password(t, "ADMIN", ADMIN_PASSWORD).await.ok(200);
    }

    async fn what_is_wrong_with_a_login_is_said_in_oauths_own_form(t: &T) {
        for (body, error) in [
            ("grant_type=password&username=admin&password=sai-mat-khau-roi", "invalid_grant"),
            ("grant_type=password&username=khong-co&password=sai-mat-khau-roi", "invalid_grant"),
            ("grant_type=password&username=admin&password=", "invalid_request"),
            ("grant_type=password&username=ad%00min&password=x", "invalid_request"),
            ("grant_type=password&username=admin", "invalid_request"),
            ("grant_type=password&password=x", "invalid_request"),
            ("username=admin&password=x", "invalid_request"),
            ("", "invalid_request"),
            ("grant_type=password&grant_type=password&username=admin&password=x", "invalid_request"),
            ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
            ("grant_type=%FF%FE&username=admin&password=x", "unsupported_grant_type"),
        ] {
            let answer = form(&t.stranger, body).await;
            assert_eq!(answer.ok(400)["error"], error, "{body}");
        }
        let json = t.stranger.post("/v1/auth/token", &json!({"grant_type": "password"})).await;
        assert_eq!(json.ok(400)["error"], "invalid_request");
    }

    async fn a_form_is_as_long_as_the_contract_allows(t: &T) {
        for (path, status) in [("/v1/auth/revoke", 200), ("/v1/auth/introspect", 401)] {
            let ask = async |length: usize| {
                let body = format!("token={}", "x".repeat(length));
                t.stranger.send(Method::POST, path).body("application/x-www-form-urlencoded", body).await
            };
            ask(4096).await.ok(status);
            assert_eq!(ask(4097).await.ok(400)["error"], "invalid_request", "{path}");
        }
        let answer = form(&t.stranger, &format!("grant_type=password&username={}&password=x", "x".repeat(65))).await;
        assert_eq!(answer.ok(400)["error"], "invalid_request");
        let answer = form(&t.stranger, &format!("grant_type=password&username=a&password=b&nobodys={}", "x".repeat(9000))).await;
        assert_eq!(answer.ok(400)["error"], "invalid_grant", "what the contract doesn't know is passed over");
    }

    async fn an_unknown_user_and_a_wrong_password_get_the_same_words(t: &T) {
        let (unknown, wrong) = (password(t, "khong-co", "x").await, password(t, "admin", "x").await);
        assert_eq!((unknown.status, &unknown.bytes), (wrong.status, &wrong.bytes));
    }

    async fn a_made_account_logs_in_with_its_password_until_it_is_shut(t: &T) {
        let body = json!({"username": "Can-Bo-01", "full_name": "Cán bộ", "password": "mat-khau-rat-dai-01"});
        let made = t.admin.post("/v1/users", &body).await;
        assert_eq!(made.ok(201)["username"], "can-bo-01");
        let token = password(t, "can-bo-01", "mat-khau-rat-dai-01").await.ok(200);
        let person = t.stranger.clone().with_token(token["access_token"].as_str().unwrap());
        let me = person.get("/v1/me").await.ok(200);
        assert_eq!((&me["grants"], &me["scopes"]), (&json!([]), &json!([])));
        person.get("/v1/teams").await.problem(403, "forbidden");

        let path = format!("/v1/users/{}", made.id());
        t.admin.patch(&path, &json!({"password": "mat-khau-moi-hon-02"})).if_match("\"1\"").await.ok(200);
        assert_eq!(password(t, "can-bo-01", "mat-khau-rat-dai-01").await.ok(400)["error"], "invalid_grant");
        password(t, "can-bo-01", "mat-khau-moi-hon-02").await.ok(200);

        t.admin.patch(&path, &json!({"disabled": true})).if_match("\"2\"").await.ok(200);
        assert_eq!(password(t, "can-bo-01", "mat-khau-moi-hon-02").await.ok(400)["error"], "invalid_grant");
        person.get("/v1/me").await.problem(401, "unauthenticated");
    }

    async fn an_account_without_a_password_cannot_log_in(t: &T) {
        t.admin.post("/v1/users", &json!({"username": "khong-mk", "full_name": "Không mật khẩu"})).await.ok(201);
        assert_eq!(password(t, "khong-mk", "x").await.ok(400)["error"], "invalid_grant");
    }

    async fn a_token_is_good_for_its_fifteen_minutes_and_no_longer(t: &T) {
        let start = crate::harness::now();
        for (seconds, status) in
            [(0, 200), (899, 200), (904, 200), (905, 401), (3600, 401), (-4, 200), (-6, 401), (-86_400, 401)]
        {
            t.clock.set(start + Duration::seconds(seconds));
            assert_eq!(t.admin.get("/v1/me").await.status, status, "{seconds} s after it was issued");
        }
    }

    async fn what_is_no_token_of_ours_is_refused_without_a_reason(t: &T) {
        let good = t.admin.token.clone().unwrap();
        let parts: Vec<&str> = good.split('.').collect();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let with = |value: &Value, key: &str, new: Value| {
            let mut value = value.clone();
            value[key] = new;
            value
        };
        let other = Tokens::from_pem(&generate_key().unwrap()).unwrap();
        let stolen_name = jsonwebtoken::encode(
            &jsonwebtoken::Header {
                typ: Some("at+jwt".into()),
                kid: header["kid"].as_str().map(Into::into),
                ..jsonwebtoken::Header::new(Algorithm::HS256)
            },
            &claims,
            &jsonwebtoken::EncodingKey::from_secret(t.app.tokens.keyring().jwks()["keys"][0]["x"].as_str().unwrap().as_bytes()),
        )
        .unwrap();
        for (what, token) in [
            ("no algorithm", jwt(&with(&header, "alg", json!("none")), &claims, "")),
            ("the public key as a secret", stolen_name),
            ("another kind of token", jwt(&with(&header, "typ", json!("JWT")), &claims, parts[2])),
            ("another user's id in it", jwt(&header, &with(&claims, "sub", json!(uuid::Uuid::now_v7())), parts[2])),
            ("a critical extension", jwt(&with(&header, "crit", json!(["exp"])), &claims, parts[2])),
            ("another key's", other.issue(t.admin.user_id, crate::harness::now()).unwrap()),
            ("cut off", good[..good.len() - 2].to_owned()),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("one part", parts[0].to_owned()),
            ("nothing", String::new()),
            ("huge", "a".repeat(100_000)),
            ("a path in the key's name", jwt(&with(&header, "kid", json!("../../etc/passwd")), &claims, parts[2])),
        ] {
            let answer = t.stranger.clone().with_token(token).get("/v1/me").await;
            answer.problem(401, "unauthenticated");
            let challenge = "Bearer realm=\"tinhnguyen\", error=\"invalid_token\"";
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{what}");
        }
        let without = t.stranger.get("/v1/me").await;
        without.problem(401, "unauthenticated");
        assert_eq!(without.header("www-authenticate"), Some("Bearer realm=\"tinhnguyen\""));
        t.stranger.get("/v1/me").header("authorization", format!("Basic {good}")).await.problem(401, "unauthenticated");
        t.stranger.get("/v1/me").header("authorization", "Bearer").await.problem(401, "unauthenticated");
        t.stranger.get("/v1/me").header("authorization", b"Bearer \xff\xfe").await.problem(401, "unauthenticated");
        t.stranger.get("/v1/me").header("authorization", format!("bearer  {good}")).await.ok(200);
    }

    async fn a_token_of_somebody_who_is_not_there_is_refused(t: &T) {
        let token = t.app.tokens.issue(uuid::Uuid::now_v7(), crate::harness::now()).unwrap();
        t.stranger.clone().with_token(token).get("/v1/me").await.problem(401, "unauthenticated");
    }

    async fn the_published_key_verifies_a_token_as_any_client_would(t: &T) {
        let keys: JwkSet = serde_json::from_value(t.stranger.get("/.well-known/jwks.json").await.ok(200)).unwrap();
        let token = t.admin.token.clone().unwrap();
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["tinhnguyen-api"]);
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["sub"], json!(t.admin.user_id));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
        let private = t.stranger.get("/.well-known/jwks.json").await.ok(200)["keys"][0].get("d").cloned();
        assert_eq!(private, None);
    }

    async fn a_token_of_one_replica_is_good_at_another(t: &T) {
        let replica = app(t.store.clone(), t.clock.clone());
        let token = replica.tokens.issue(t.admin.user_id, crate::harness::now()).unwrap();
        t.stranger.clone().with_token(token).get("/v1/me").await.ok(200);
    }

    async fn a_withdrawn_grant_stops_at_once(t: &T) {
        let viewer = t.nobody().await;
        let grant = t.grant(&viewer, Role::Viewer, world::seeded_unit(world::HA_NOI), None).await;
        viewer.get("/v1/teams").await.ok(200);
        t.admin.delete(&format!("/v1/grants/{grant}")).if_match("\"1\"").await.ok(204);
        viewer.get("/v1/teams").await.problem(403, "forbidden");
    }

    // Of people whom every replica remembers, and behind the service's back: so that no writer can forget to tell.
    async fn whatever_changes_somebodys_rights_is_known_everywhere_at_once(t: &T) {
        let replica = t.replica().await;
        let everywhere = async |caller: &Caller, expected: u16, what: &str| {
            for asked in [caller, &replica.asked_by(caller)] {
                for _ in 0..2 {
                    let answer = asked.get("/v1/teams").await;
                    assert_eq!(answer.status, expected, "{what}: {}", answer.text());
                }
            }
        };
        let person = t.nobody().await;
        everywhere(&person, 403, "without a grant").await;
        t.grant(&person, Role::Viewer, world::seeded_unit(world::HA_NOI), None).await;
        everywhere(&person, 200, "granted").await;
        for (change, expected) in [
            ("UPDATE access_grant SET valid_to = '2020-01-01' WHERE role = 'viewer'", 403),
            ("UPDATE access_grant SET valid_to = NULL WHERE role = 'viewer'", 200),
            ("UPDATE user_account SET disabled = true WHERE username LIKE 'nguoi-dung-%'", 401),
            ("UPDATE user_account SET disabled = false WHERE username LIKE 'nguoi-dung-%'", 200),
            ("DELETE FROM access_grant WHERE role = 'viewer'", 403),
        ] {
            t.sql(change).await;
            everywhere(&person, expected, change).await;
        }

        let login = form(&t.stranger, &format!("grant_type=password&username=admin&password={ADMIN_PASSWORD}")).await;
        let admin = t.admin.clone().with_token(login.ok(200)["access_token"].as_str().unwrap().to_owned());
        everywhere(&admin, 200, "logged in").await;
        t.sql("UPDATE session SET revoked_at = created_at").await;
        everywhere(&admin, 401, "the session has ended").await;
    }

    async fn a_grant_is_in_force_from_its_first_to_its_last_day_in_viet_nam(t: &T) {
        let person = t.nobody().await;
        let body = json!({
            "user_id": person.user_id, "role": "viewer", "org_unit_id": world::seeded_unit(world::HA_NOI),
            "valid_from": "2024-07-20", "valid_to": "2024-07-21",
        });
        t.admin.post("/v1/grants", &body).await.ok(201);
        let start = crate::harness::now();
        // 2024-07-19T17:00Z is midnight of the 20th in Viet Nam.
        for (instant, status) in [
            ("2024-07-19T16:59:59Z", 403),
            ("2024-07-19T17:00:00Z", 200),
            ("2024-07-21T16:59:59Z", 200),
            ("2024-07-21T17:00:00Z", 403),
        ] {
            t.clock.set(instant.parse().unwrap());
            let answer = person.clone().with_a_new_token().get("/v1/teams").await;
            assert_eq!(answer.status, status, "{instant}: {}", answer.text());
        }
        t.clock.set(start);
        let me = person.get("/v1/me").await.ok(200);
        assert_eq!((&me["grants"][0]["in_force"], id_in(&me, "id")), (&json!(false), person.user_id));
    }
}
