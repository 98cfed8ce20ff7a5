//! How much one caller may ask for, who is taken for which caller, and which pages of other origins may ask.

use crate::harness::{Answer, Replica, T};
use actix_web::http::Method;
use serde_json::{Value, json};
use tinhnguyen_http::app::Settings;

async fn replica(t: &T, quotas: &str, proxies: &str) -> Replica {
    let settings = Settings {
        quotas: quotas.parse().unwrap(),
        trusted_proxies: proxies.parse().unwrap(),
        cors_origins: "https://app.example.org".parse().unwrap(),
        ..Settings::default()
    };
    t.replica_with(settings).await
}

#[track_caller]
fn refused(answer: &Answer, limit: &str) {
    assert_eq!(answer.problem(429, "too_many_requests")["limit"], limit);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

both! {
    async fn each_person_has_a_quota_of_their_own_for_reading_and_for_writing(t: &T) {
        let replica = replica(t, "read=3,write=2", "").await;
        let admin = replica.asked_by(&t.admin);
        let other = replica.asked_by(&t.nobody().await);
        let home = "198.51.100.7";
        for left in [2, 1, 0] {
            let answer = admin.get("/v1/me").from(home).await;
            answer.ok(200);
            assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=60000;w=60, \"read\";q=3;w=60"));
            let told = answer.header("ratelimit").unwrap();
            assert!(told.contains(&format!("\"read\";r={left};t={}", (3 - left) * 20)), "{told}");
        }
        let answer = admin.get("/v1/me").from("203.0.113.8").await;
        refused(&answer, "read");
        assert!(answer.header("ratelimit").unwrap().contains("\"read\";r=0"), "wherever they ask from");
        other.get("/v1/me").from(home).await.ok(200);
        for n in 0..2 {
            let body = json!({"username": format!("moi-{n}"), "full_name": "Mới"});
            admin.post("/v1/users", &body).from(home).await.ok(201);
        }
        let body = json!({"username": "moi-3", "full_name": "Mới"});
        refused(&admin.post("/v1/users", &body).from(home).await, "write");
        assert_eq!(t.admin.get("/v1/users?username=moi-3").await.ok(200)["data"], json!([]), "nothing was done");
        // Another replica counts for itself.
        t.admin.get("/v1/me").from(home).await.ok(200);
    }

    async fn a_registered_client_has_a_quota_of_its_own(t: &T) {
        let replica = replica(t, "client=2,read=1", "").await;
        let unit = crate::harness::world::seeded_unit(crate::harness::world::HA_NOI);
        let body = json!({"name": "Cổng", "scopes": ["teams:read"], "org_unit_id": unit});
        let made = t.admin.post("/v1/clients", &body).await.ok(201);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            made["id"].as_str().unwrap(),
            made["client_secret"].as_str().unwrap()
        );
        let token = t.stranger.send(Method::POST, "/v1/auth/token").body("application/x-www-form-urlencoded", form).await.ok(200);
        let client = replica.asked_by(&t.stranger).with_token(token["access_token"].as_str().unwrap());
        for _ in 0..2 {
            client.get("/v1/teams").from("198.51.100.7").await.ok(200);
        }
        refused(&client.get("/v1/teams").from("198.51.100.7").await, "client");
    }

    async fn strangers_are_counted_by_address_and_name_none_but_by_a_proxy_that_we_trust(t: &T) {
        let replica = replica(t, "public=1,auth=1", "10.0.0.0/8").await;
        let stranger = replica.asked_by(&t.stranger);
        let ask = async |peer: &str, forwarded: &str| {
            stranger.get("/v1/public/progress").from(peer).header("x-forwarded-for", forwarded).await
        };
        ask("198.51.100.7", "203.0.113.1").await.ok(200);
        for made_up in ["203.0.113.2", "10.0.0.1", "127.0.0.1", "", "::1, 203.0.113.3"] {
            refused(&ask("198.51.100.7", made_up).await, "public");
        }
        ask("10.1.1.1", "203.0.113.1").await.ok(200);
        refused(&ask("10.1.1.1", "203.0.113.1").await, "public");
        refused(&ask("10.1.1.2", "1.2.3.4, 203.0.113.1").await, "public");
        ask("10.1.1.1", "203.0.113.2").await.ok(200);
        // Tokens have a quota apart, and what is exempt is exempt only when it comes from there.
        let login = async |peer: &str| {
            let form = "grant_type=refresh_token&refresh_token=x".to_owned();
            let sending = stranger.send(Method::POST, "/v1/auth/token").from(peer);
            sending.body("application/x-www-form-urlencoded", form).await
        };
        login("198.51.100.7").await.ok(400);
        refused(&login("198.51.100.7").await, "auth");
        for _ in 0..3 {
            login("127.0.0.1").await.ok(400);
            stranger.get("/healthz").from("198.51.100.7").await.ok(200);
        }
    }

    async fn an_invented_token_counts_against_the_address_that_sends_it(t: &T) {
        let replica = replica(t, "address=2", "").await;
        let forger = replica.asked_by(&t.stranger).with_token("a.b.c");
        for _ in 0..2 {
            forger.get("/v1/me").from("198.51.100.7").await.problem(401, "unauthenticated");
        }
        refused(&forger.get("/v1/me").from("198.51.100.7").await, "address");
        refused(&replica.asked_by(&t.admin).get("/v1/me").from("198.51.100.7").await, "address");
        replica.asked_by(&t.admin).get("/v1/me").from("198.51.100.8").await.ok(200);
    }

    async fn the_audit_log_says_from_where(t: &T) {
        let replica = replica(t, "", "10.0.0.0/8").await;
        let body = json!({"username": "moi", "full_name": "Mới"});
        let sending = replica.asked_by(&t.admin).post("/v1/users", &body).from("10.0.0.9");
        sending.header("x-forwarded-for", "2001:db8::7").header("x-request-id", "r-7").await.ok(201);
        let rows: Value = t.admin.get("/v1/audit-log?request_id=r-7").await.ok(200);
        assert_eq!(rows["data"][0]["address"], "2001:db8::7");
    }

    async fn only_listed_origins_may_call_and_all_may_read_what_is_public(t: &T) {
        let replica = replica(t, "", "").await;
        let (stranger, admin) = (replica.asked_by(&t.stranger), replica.asked_by(&t.admin));
        let asks = async |origin: &str, method: &str, path: &str| {
            let sending = stranger.send(Method::OPTIONS, path).header("origin", origin).lenient();
            let sending = sending.header("access-control-request-method", method);
            sending.header("access-control-request-headers", "authorization,content-type,if-match,idempotency-key").await
        };
        let yes = asks("https://app.example.org", "PATCH", "/v1/teams/x").await;
        assert_eq!((yes.status, yes.header("access-control-allow-origin")), (200, Some("https://app.example.org")));
        assert_eq!(yes.header("access-control-max-age"), Some("3600"));
        assert_eq!(yes.header("access-control-allow-credentials"), None, "cookies are never taken");
        for origin in ["https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null"] {
            let no = asks(origin, "PATCH", "/v1/teams/x").await;
            assert_eq!(no.header("access-control-allow-origin"), None, "{origin}");
            let read = stranger.get("/v1/public/progress").header("origin", origin).await;
            read.ok(200);
            assert_eq!(read.header("access-control-allow-origin"), Some(origin));
            let hidden = admin.get("/v1/me").header("origin", origin).await;
            assert_eq!(hidden.header("access-control-allow-origin"), None, "{origin}");
        }
        let me = admin.get("/v1/me").header("origin", "https://app.example.org").await;
        me.ok(200);
        assert_eq!(me.header("access-control-allow-origin"), Some("https://app.example.org"));
        assert!(me.header("access-control-expose-headers").unwrap().to_ascii_lowercase().contains("etag"));
        assert!(me.headers.get_all("vary").any(|v| v.to_str().unwrap().to_ascii_lowercase().contains("origin")));
        // A page must be able to read why it was refused.
        let problem = stranger.get("/v1/me").header("origin", "https://app.example.org").await;
        problem.problem(401, "unauthenticated");
        assert_eq!(problem.header("access-control-allow-origin"), Some("https://app.example.org"));
        // A service that lists nobody.
        let alone = t.admin.get("/v1/me").header("origin", "https://app.example.org").await;
        assert_eq!(alone.header("access-control-allow-origin"), None);
    }

    async fn a_cookie_is_no_token(t: &T) {
        let token = t.admin.token.clone().unwrap();
        for cookie in [format!("access_token={token}"), format!("Authorization=Bearer {token}")] {
            t.stranger.get("/v1/me").header("cookie", cookie).await.problem(401, "unauthenticated");
        }
        let login = crate::guessing::login(&t.stranger, "admin", crate::harness::ADMIN_PASSWORD, "198.51.100.7").await;
        assert_eq!((login.status, login.header("set-cookie")), (200, None));
    }

    async fn pages_state_what_they_may_load(t: &T) {
        for path in ["/", "/docs/", "/problems", "/v1/public/progress.svg"] {
            let page = t.stranger.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            let policy = page.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{path}: {policy}");
            assert!(!policy.contains("script-src 'unsafe-inline'") && !policy.contains("unsafe-eval"), "{path}: {policy}");
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
            assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        }
    }
}
