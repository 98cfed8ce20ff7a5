//! Registered clients: their right is where scopes and subtree meet, their secrets are shown once and roll.

use crate::harness::{
    Answer, Caller, T, id_in,
    world::{DA_NANG, HA_NOI, seeded_unit},
};
use actix_web::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

async fn form(caller: &Caller, path: &str, body: &str) -> Answer {
    caller.send(Method::POST, path).body("application/x-www-form-urlencoded", body.to_owned()).await
}

async fn register(t: &T, unit: Uuid, scopes: &[&str]) -> Value {
    let body = json!({"name": "Cổng báo cáo", "org_unit_id": unit, "scopes": scopes});
    t.admin.post("/v1/clients", &body).await.ok(201)
}

fn credentials(client: &Value) -> String {
    let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    format!("client_id={id}&client_secret={secret}")
}

async fn token(t: &T, credentials: &str, scope: &str) -> Answer {
    form(&t.stranger, "/v1/auth/token", &format!("grant_type=client_credentials&{credentials}&scope={scope}")).await
}

async fn caller(t: &T, client: &Value) -> Caller {
    let tokens = token(t, &credentials(client), "").await.ok(200);
    assert_eq!(tokens.get("refresh_token"), None);
    t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap())
}

both! {
    async fn a_client_does_what_its_scopes_allow_within_its_subtree(t: &T) {
        let (here, there) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let client = register(t, here, &["teams:read", "teams:write"]).await;
        let caller = caller(t, &client).await;
        let me = caller.get("/v1/me").await.ok(200);
        assert_eq!((&me["username"], &me["scopes"]), (&Value::Null, &json!(["teams:read", "teams:write"])));

        let team = caller.post("/v1/teams", &crate::harness::world::new_team(here)).await.ok(201);
        caller.post("/v1/teams", &crate::harness::world::new_team(there)).await.problem(422, "reference_not_found");
        let hidden = t.team(there).await;
        caller.get(&format!("/v1/teams/{}", id_in(&hidden, "id"))).await.problem(404, "not_found");
        let listed = caller.get("/v1/teams?include_total=true").await.ok(200);
        assert_eq!((&listed["total"], &listed["data"][0]["id"]), (&json!(1), &team["id"]));
        caller.get("/v1/results").await.problem(403, "forbidden");
        caller.get("/v1/users").await.problem(403, "forbidden");
    }

    async fn a_token_may_be_narrowed_and_never_widened(t: &T) {
        let client = register(t, seeded_unit(HA_NOI), &["teams:read", "results:read"]).await;
        let narrow = token(t, &credentials(&client), "teams:read").await.ok(200);
        assert_eq!(narrow["scope"], "teams:read");
        let narrow = t.stranger.clone().with_token(narrow["access_token"].as_str().unwrap());
        narrow.get("/v1/teams").await.ok(200);
        narrow.get("/v1/results").await.problem(403, "forbidden");
        let wide = token(t, &credentials(&client), "teams:read%20users:write").await;
        assert_eq!(wide.ok(400)["error"], "invalid_scope");
    }

    async fn a_client_says_who_it_is_in_the_form_or_by_basic(t: &T) {
        let client = register(t, seeded_unit(HA_NOI), &["teams:read"]).await;
        let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        let ask = |header: String| {
            t.stranger
                .send(Method::POST, "/v1/auth/token")
                .header("authorization", header)
                .body("application/x-www-form-urlencoded", "grant_type=client_credentials".to_owned())
        };
        ask(basic(format!("{id}:{secret}"))).await.ok(200);
        for wrong in [format!("{id}:x"), format!("{}:{secret}", Uuid::now_v7()), "x".to_owned(), format!(":{secret}")] {
            let answer = ask(basic(wrong)).await;
            assert_eq!(answer.ok(401)["error"], "invalid_client");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"tinhnguyen\""));
        }
        let none = form(&t.stranger, "/v1/auth/token", "grant_type=client_credentials").await;
        assert_eq!(none.ok(401)["error"], "invalid_client");
    }

    async fn two_secrets_work_at_a_time_and_a_withdrawn_one_stops_at_once(t: &T) {
        let first = register(t, seeded_unit(HA_NOI), &["teams:read"]).await;
        let path = format!("/v1/clients/{}", first["id"].as_str().unwrap());
        let read = t.admin.get(&path).await.ok(200);
        assert_eq!((&read["client_secret"], read["secrets"].as_array().unwrap().len()), (&Value::Null, 1));

        let roll = async |version: &str| t.admin.act(&format!("{path}/roll")).if_match(version).await.ok(200);
        let second = roll("\"1\"").await;
        for client in [&first, &second] {
            token(t, &credentials(client), "").await.ok(200);
        }
        let third = roll("\"2\"").await;
        assert_eq!(third["secrets"].as_array().unwrap().len(), 2);
        assert_eq!(token(t, &credentials(&first), "").await.ok(401)["error"], "invalid_client", "the oldest is gone");
        token(t, &credentials(&second), "").await.ok(200);

        let oldest = third["secrets"][0]["id"].as_str().unwrap();
        let withdraw = format!("{path}/secrets/{oldest}");
        assert_eq!(t.admin.delete(&withdraw).if_match("\"3\"").await.status, 204);
        assert_eq!(token(t, &credentials(&second), "").await.ok(401)["error"], "invalid_client");
        token(t, &credentials(&third), "").await.ok(200);
        t.admin.delete(&withdraw).if_match("\"4\"").await.problem(404, "not_found");
    }

    async fn a_rolled_secret_is_known_at_every_replica_at_once(t: &T) {
        let replica = t.replica().await;
        let (here, there) = (t.stranger.clone(), replica.asked_by(&t.stranger));
        let status = async |caller: &Caller, client: &Value| {
            form(caller, "/v1/auth/token", &format!("grant_type=client_credentials&{}", credentials(client))).await.status
        };
        let first = register(t, seeded_unit(HA_NOI), &["teams:read"]).await;
        let roll = format!("/v1/clients/{}/roll", first["id"].as_str().unwrap());
        let second = t.admin.act(&roll).await.ok(200);
        for (caller, client) in [(&here, &first), (&there, &first), (&here, &second), (&there, &second)] {
            assert_eq!(status(caller, client).await, 200, "two at a time, at both");
        }
        let third = replica.asked_by(&t.admin).act(&roll).await.ok(200);
        for caller in [&here, &there] {
            assert_eq!(status(caller, &first).await, 401, "the oldest is gone");
            assert_eq!(status(caller, &second).await, 200);
            assert_eq!(status(caller, &third).await, 200);
        }
    }

    async fn a_secret_is_shown_once_and_not_in_a_replay(t: &T) {
        let body = json!({"name": "Cổng", "org_unit_id": seeded_unit(HA_NOI), "scopes": ["teams:read"]});
        let send = async || t.admin.post("/v1/clients", &body).header("idempotency-key", "mot-lan").await;
        let first = send().await.ok(201);
        assert!(first["client_secret"].as_str().unwrap().starts_with("tnc_"));
        let again = send().await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let again = again.ok(201);
        assert_eq!((&again["id"], &again["client_secret"]), (&first["id"], &Value::Null));
    }

    async fn a_shut_client_is_out_at_once(t: &T) {
        let client = register(t, seeded_unit(HA_NOI), &["teams:read"]).await;
        let caller = caller(t, &client).await;
        caller.get("/v1/teams").await.ok(200);
        let path = format!("/v1/clients/{}", client["id"].as_str().unwrap());
        t.admin.patch(&path, &json!({"scopes": ["results:read"]})).if_match("\"1\"").await.ok(200);
        caller.get("/v1/teams").await.problem(403, "forbidden");
        t.admin.patch(&path, &json!({"disabled": true})).if_match("\"2\"").await.ok(200);
        caller.get("/v1/me").await.problem(401, "unauthenticated");
        assert_eq!(token(t, &credentials(&client), "").await.ok(401)["error"], "invalid_client");
    }

    async fn nobody_registers_a_client_beyond_their_own_subtree(t: &T) {
        let mine = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let body = |unit: Uuid| json!({"name": "Cổng", "org_unit_id": unit, "scopes": ["access:write"]});
        mine.post("/v1/clients", &body(seeded_unit(HA_NOI))).await.ok(201);
        mine.post("/v1/clients", &body(crate::harness::world::centre())).await.problem(403, "forbidden");
        mine.post("/v1/clients", &body(seeded_unit(DA_NANG))).await.problem(422, "reference_not_found");
        let bad =
            json!({"name": "Cổng", "org_unit_id": seeded_unit(HA_NOI), "scopes": ["teams:read", "teams:read", "x"]});
        t.admin.post("/v1/clients", &bad).await.problem(422, "not_allowed_value");
    }

    async fn a_client_may_ask_about_a_token_that_it_was_shown(t: &T) {
        let client = register(t, seeded_unit(HA_NOI), &["teams:read"]).await;
        let ask = async |token: &str| {
            form(&t.stranger, "/v1/auth/introspect", &format!("{}&token={token}", credentials(&client))).await.ok(200)
        };
        let known = ask(t.admin.token.as_deref().unwrap()).await;
        assert_eq!((&known["active"], &known["sub"]), (&json!(true), &json!(t.admin.user_id)));
        assert!(known["scope"].as_str().unwrap().contains("results:verify"));
        assert_eq!(ask("nonsense").await, json!({"active": false}));
        let stranger = form(&t.stranger, "/v1/auth/introspect", "token=x").await;
        assert_eq!(stranger.ok(401)["error"], "invalid_client");
    }
}
