//! HTTP itself: routes that are not there, methods, HEAD, names of requests, languages, pages beside the contract.

use crate::harness::{
    T, id_in,
    world::{HA_NOI, new_activity, new_team, seeded_unit},
};
use actix_web::http::Method;
use serde_json::json;
use uuid::Uuid;

both! {
    async fn a_route_that_is_not_there_is_404_whoever_asks(t: &T) {
        for path in [
            "/v1",
            "/v1/",
            "/v2/teams",
            "/v1/team",
            "/v1/teams/",
            "/v1/teams//",
            "/V1/teams",
            "/etc/passwd",
            "/v1/teams/../users",
            "/v1/teams%2F..",
            "/v1/nothing?x=1",
        ] {
            for caller in [&t.stranger, &t.admin] {
                for method in [Method::GET, Method::POST, Method::DELETE] {
                    caller.send(method, path).await.problem(404, "not_found");
                }
            }
        }
    }

    async fn a_method_that_is_not_there_is_405_and_says_which_are(t: &T) {
        let id = Uuid::now_v7();
        for (method, path, allow) in [
            ("DELETE", "/v1/teams".to_owned(), "GET, POST, HEAD, OPTIONS"),
            ("PUT", "/v1/teams".to_owned(), "GET, POST, HEAD, OPTIONS"),
            ("POST", format!("/v1/teams/{id}"), "GET, PATCH, HEAD, OPTIONS"),
            ("GET", format!("/v1/teams/{id}/ready"), "POST, OPTIONS"),
            ("DELETE", format!("/v1/results/{id}/verify"), "POST, OPTIONS"),
            ("POST", "/v1/topics".to_owned(), "GET, HEAD, OPTIONS"),
            ("GET", "/v1/auth/token".to_owned(), "POST, OPTIONS"),
            ("PATCH", format!("/v1/grants/{id}"), "GET, DELETE, HEAD, OPTIONS"),
            ("TRACE", "/v1/teams".to_owned(), "GET, POST, HEAD, OPTIONS"),
            ("BREW", "/v1/teams".to_owned(), "GET, POST, HEAD, OPTIONS"),
        ] {
            let answer = t.stranger.send(Method::from_bytes(method.as_bytes()).unwrap(), &path).lenient().await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        }
        // Beside a path with an id, which has these methods.
        for (method, path) in [
            (Method::GET, "/v1/results/verify".to_owned()),
            (Method::DELETE, "/v1/results/bulk".to_owned()),
            (Method::GET, "/v1/reporting-periods/generate".to_owned()),
            (Method::GET, format!("/v1/indicators/{id}/targets/bulk")),
            (Method::PUT, format!("/v1/indicators/{id}/targets/suggestion")),
        ] {
            let answer = t.admin.send(method, &path).await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("POST, OPTIONS"), "{path}");
            let options = t.stranger.send(Method::OPTIONS, &path).lenient().await;
            assert_eq!((options.status, options.header("allow")), (204, Some("POST, OPTIONS")));
        }
        let options = t.stranger.send(Method::OPTIONS, "/v1/teams").lenient().await;
        assert_eq!((options.status, options.header("allow")), (204, Some("GET, POST, HEAD, OPTIONS")));
    }

    async fn head_answers_as_get_does(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        for path in [
            format!("/v1/teams/{}", id_in(&team, "id")),
            "/v1/teams".to_owned(),
            "/healthz".to_owned(),
            "/v1/public/progress".to_owned(),
        ] {
            let get = t.admin.get(&path).await;
            let head = t.admin.send(Method::HEAD, &path).await;
            assert_eq!(
                (head.status, head.header("etag"), head.header("content-type")),
                (200, get.header("etag"), get.header("content-type")),
                "{path}"
            );
        }
        assert_eq!(t.admin.send(Method::HEAD, &format!("/v1/teams/{}", Uuid::now_v7())).await.status, 404);
        assert_eq!(t.stranger.send(Method::HEAD, "/v1/teams").await.status, 401);
    }

    async fn a_header_longer_than_the_contract_says_is_refused(t: &T) {
        let parameters = t.app.contract.document()["components"]["parameters"].as_object().unwrap();
        let headers = parameters.values().filter(|one| one["in"] == "header" && one["name"] != "Idempotency-Key");
        let mut seen = 0;
        for header in headers {
            let (name, most) = (header["name"].as_str().unwrap(), header["schema"]["maxLength"].as_u64().unwrap() as usize);
            let long = "x".repeat(most + 1);
            let answer = t.admin.get("/v1/me").header(name, &long).await;
            assert_eq!(answer.problem(400, "invalid_parameter")["errors"][0]["parameter"], name);
            assert_eq!(t.admin.get("/v1/me").header(name, &long[1..]).await.status, 200, "{name}");
            assert_eq!(t.admin.get("/healthz").header(name, &long).await.status, 200, "{name}");
            seen += 1;
        }
        assert_eq!(seen, 5, "headers");
    }

    async fn a_request_keeps_its_name_when_it_is_a_sound_one(t: &T) {
        for name in ["a", "yeu-cau_1.2", &"x".repeat(64)] {
            let answer = t.admin.get("/v1/me").header("x-request-id", name).await;
            assert_eq!(answer.header("x-request-id"), Some(name));
            let problem = t.admin.get("/v1/nothing").header("x-request-id", name).await;
            assert_eq!(problem.problem(404, "not_found")["request_id"], name);
        }
        for unsound in ["", "a b", "<script>", "é", &"x".repeat(65), "a;b"] {
            let answer = t.admin.get("/v1/me").header("x-request-id", unsound).await;
            let given = answer.header("x-request-id").unwrap();
            assert!(given != unsound && Uuid::try_parse(given).is_ok(), "{unsound} → {given}");
        }
    }

    async fn problems_speak_the_language_that_is_asked_for_and_codes_stay(t: &T) {
        for (accept, lang, title) in [
            (None, "vi", "Không tìm thấy"),
            (Some("vi"), "vi", "Không tìm thấy"),
            (Some("en"), "en", "Not found"),
            (Some("en-GB, vi;q=0.5"), "en", "Not found"),
            (Some("fr, de"), "vi", "Không tìm thấy"),
            (Some("en;q=0, vi"), "vi", "Không tìm thấy"),
            (Some(";;;,,q=x"), "vi", "Không tìm thấy"),
        ] {
            let mut request = t.admin.get("/v1/nothing");
            if let Some(accept) = accept {
                request = request.header("accept-language", accept);
            }
            let answer = request.await;
            assert_eq!(answer.problem(404, "not_found")["title"], title, "{accept:?}");
            assert_eq!(answer.header("content-language"), Some(lang), "{accept:?}");
            assert!(answer.headers.get_all("vary").any(|v| v.to_str().unwrap().contains("accept-language")));
        }
        let mut body = new_team(seeded_unit(HA_NOI));
        body["name"] = json!("x".repeat(201));
        let english = t.admin.post("/v1/teams", &body).header("accept-language", "en").await.problem(422, "too_long");
        assert_eq!(
            (&english["errors"][0]["message"], &english["errors"][0]["limit"]),
            (&json!("Too long"), &json!(200))
        );
    }

    async fn a_header_is_as_long_as_the_contract_allows(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        for (name, most) in [("Accept-Language", 200), ("If-Match", 200), ("If-None-Match", 2000), ("Last-Event-ID", 40)] {
            t.admin.get(&path).header(name, "x".repeat(most)).await.ok(200);
            t.admin.get(&path).header(name, "x".repeat(most + 1)).await.faults(400, &[(name, "too_long")]);
        }
    }

    async fn an_empty_if_match_is_none(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        for empty in ["", " "] {
            t.admin.patch(&path, &json!({"name": "Tên mới"})).if_match(empty).await.problem(428, "if_match_required");
        }
    }

    async fn a_problem_tells_of_a_thousand_faults_and_no_more(t: &T) {
        for (unknown, told) in [(1000, 1000), (1500, 1000)] {
            let body: serde_json::Map<_, _> = (0..unknown).map(|n| (format!("field_{n}"), json!(n))).collect();
            let mut all = new_team(seeded_unit(HA_NOI));
            all.as_object_mut().unwrap().extend(body);
            let problem = t.admin.post("/v1/teams", &all).await.problem(422, "unknown_field");
            assert_eq!(problem["errors"].as_array().unwrap().len(), told);
        }
    }

    async fn a_whole_number_may_be_written_with_a_point(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["planned_turns"] = json!(40.0);
        assert!(body.to_string().contains("40.0"));
        assert_eq!(leader.post("/v1/activities", &body).await.ok(201)["planned_turns"], 40);
        body["planned_turns"] = json!(40.5);
        leader.post("/v1/activities", &body).await.faults(422, &[("/planned_turns", "wrong_type")]);
    }

    async fn whoever_takes_no_json_is_told_406(t: &T) {
        for accept in ["text/html", "application/xml", "application/json;q=0", "image/*, text/*"] {
            t.admin.get("/v1/teams").header("accept", accept).await.problem(406, "not_acceptable");
        }
        for accept in ["*/*", "application/json", "text/html, application/*;q=0.1", "application/problem+json", ""] {
            t.admin.get("/v1/teams").header("accept", accept).await.ok(200);
        }
        let picture = t.stranger.get("/v1/public/progress.svg").header("accept", "image/svg+xml").await;
        assert_eq!(picture.status, 200);
    }

    async fn an_answer_is_compressed_for_whoever_takes_it(t: &T) {
        let plain = t.admin.get("/v1/localities?limit=200").await;
        assert_eq!(plain.header("content-encoding"), None);
        for coding in ["gzip", "br", "zstd"] {
            let packed = t.admin.get("/v1/localities?limit=200").header("accept-encoding", coding).lenient().await;
            assert_eq!((packed.status, packed.header("content-encoding")), (200, Some(coding)));
            assert!(
                packed.bytes.len() * 4 < plain.bytes.len(),
                "{coding}: {} of {}",
                packed.bytes.len(),
                plain.bytes.len()
            );
        }
    }

    async fn health_readiness_and_metrics_are_public_and_tell_of_no_person(t: &T) {
        t.admin.get("/v1/me").await.ok(200);
        assert_eq!(t.stranger.get("/healthz").await.ok(200), json!({"status": "ok"}));
        let ready = t.stranger.get("/readyz").await.ok(200);
        assert_eq!(ready, json!({"status": "ready", "database": t.store.engine()}));
        let path = format!("/v1/teams/{}", Uuid::now_v7());
        t.admin.get(&path).await.problem(404, "not_found");
        let metrics = t.stranger.get("/metrics").await;
        assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let text = metrics.text();
        assert!(
            text.contains("tinhnguyen_http_requests_total{method=\"GET\",route=\"/v1/teams/{id}\",status=\"404\"} 1"),
            "{text}"
        );
        assert!(!text.contains(&path) && !text.contains(&t.admin.user_id.to_string()) && !text.contains("admin"));
    }
}
