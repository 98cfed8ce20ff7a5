//! Bodies as clients really send them: each gets its problem with a place, and nothing is stored.

use crate::harness::{
    Answer, T, id_in, value,
    world::{HA_NOI, new_team, seeded_unit},
};
use actix_web::http::Method;
use serde_json::{Value, json};

async fn raw(t: &T, media_type: &str, bytes: impl Into<actix_web::web::Bytes>) -> Answer {
    t.admin.send(Method::POST, "/v1/teams").body(media_type, bytes).await
}

async fn json_text(t: &T, text: impl Into<actix_web::web::Bytes>) -> Answer {
    raw(t, "application/json", text).await
}

/// A team's body as text, with its name's JSON put in as it stands.
fn named(name: &str) -> String {
    let mut body = new_team(seeded_unit(HA_NOI));
    body["name"] = json!("@@");
    body.to_string().replace("\"@@\"", name)
}

async fn nothing_was_made(t: &T) {
    assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM team").await, 0);
}

both! {
    async fn json_that_cannot_be_read_is_400_with_line_and_column(t: &T) {
        for (text, line, column) in [
            (&b""[..], 1, 0),
            (b"{", 1, 1),
            (b"{\"name\": }", 1, 10),
            (b"{\n  \"name\": \"a\",\n}", 3, 1),
            (b"{} {}", 1, 4),
            (b"{'name': 1}", 1, 2),
            (b"// no\n{}", 1, 1),
            (b"{\"name\": 1e400}", 1, 14),
            (b"{\"name\": 01}", 1, 11),
            (b"{\"name\": NaN}", 1, 10),
            (b"{\"name\": \"\\ud800\"}", 1, 17),
            (b"{\"name\": \"\xff\xfe\"}", 1, 12),
            (b"{\"name\": \"a\x00b\"}", 1, 12),
            (b"\xef\xbb\xbf{}", 1, 1),
        ] {
            let answer = json_text(t, text.to_vec()).await.problem(400, "malformed_json");
            let seen = (answer["line"].as_i64().unwrap(), answer["column"].as_i64().unwrap());
            assert_eq!(seen.0, line, "{}", String::from_utf8_lossy(text));
            assert!((seen.1 - column).abs() <= 1, "{}: column {} for {column}", String::from_utf8_lossy(text), seen.1);
        }
        nothing_was_made(t).await;
    }

    async fn nesting_without_end_is_refused_without_falling_over(t: &T) {
        for text in [
            "[".repeat(10_000),
            "{\"a\":".repeat(10_000),
            format!("{{\"name\":{}1{}}}", "[".repeat(500_000), "]".repeat(500_000)),
        ] {
            json_text(t, text).await.problem(400, "malformed_json");
        }
    }

    async fn a_body_that_is_no_object_is_of_the_wrong_type(t: &T) {
        for text in ["[]", "null", "7", "\"x\"", "true"] {
            json_text(t, text).await.faults(422, &[("", "wrong_type")]);
        }
    }

    async fn a_nul_is_seen_wherever_it_stands(t: &T) {
        json_text(t, named("\"a\\u0000b\"")).await.faults(422, &[("/name", "nul_character")]);
        json_text(t, named("\"x\", \"a\\u0000\": 1")).await.faults(422, &[("/a\0", "nul_character")]);
        json_text(t, named("[{\"x\": \"\\u0000\"}]")).await.faults(422, &[("/name/0/x", "nul_character")]);
        nothing_was_made(t).await;
    }

    async fn a_key_that_stands_twice_is_seen(t: &T) {
        json_text(t, named("\"x\", \"name\": \"y\"")).await.faults(422, &[("/name", "duplicate_key")]);
        json_text(t, named("\"x\", \"na\\u006de\": \"y\"")).await.faults(422, &[("/name", "duplicate_key")]);
        nothing_was_made(t).await;
    }

    async fn unknown_fields_are_named_one_by_one(t: &T) {
        let mut body = new_team(seeded_unit(HA_NOI));
        for (field, value) in [
            ("status", json!("ready")),
            ("version", json!(9)),
            ("nam", json!("x")),
            ("a/b~c", json!(1)),
            ("", json!(1)),
        ] {
            body[field] = value;
        }
        let answer = t.admin.post("/v1/teams", &body).await;
        answer.faults(
            422,
            &[
                ("/status", "unknown_field"),
                ("/version", "unknown_field"),
                ("/nam", "unknown_field"),
                ("/a~1b~0c", "unknown_field"),
                ("/", "unknown_field"),
            ],
        );
        nothing_was_made(t).await;
    }

    async fn numbers_beyond_exactness_are_refused_not_rounded(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let body = crate::harness::world::new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 77_777);
        for number in
            ["9007199254740993", "-0", "0", "1e5000000", "100000.5", "1E2", "1.0", "18446744073709551616", "-1"]
        {
            let text = body.to_string().replace("77777", number);
            let answer = leader.send(Method::POST, "/v1/results").body("application/json", text).await;
            // Some spellings of a whole number in bounds are that number; no other one is stored.
            match answer.status {
                201 => {
                    let turns = answer.json()["turns"].as_f64();
                    assert_eq!(turns, Some(number.parse().unwrap()), "{number}");
                    let path = format!("/v1/results/{}", answer.id());
                    leader.delete(&path).if_match("*").await.ok(204);
                }
                400 => drop(answer.problem(400, "malformed_json")),
                _ => assert_eq!(answer.json()["errors"][0]["pointer"], "/lines/0/turns", "{number}: {}", answer.text()),
            }
        }
    }

    async fn text_is_kept_composed_and_otherwise_as_it_is(t: &T) {
        let path = format!("/v1/org-units/{}", seeded_unit(HA_NOI));
        for (sent, kept) in [
            ("Đoàn phươ\u{300}ng", "Đoàn phường"),
            ("\u{202e}ngược\u{202c}", "\u{202e}ngược\u{202c}"),
            ("👩‍👩‍👧 ñ", "👩‍👩‍👧 ñ"),
            ("'; DROP TABLE team; --", "'; DROP TABLE team; --"),
            ("%_!\\\"<b>", "%_!\\\"<b>"),
        ] {
            let changed = t.admin.patch(&path, &json!({"name": sent})).if_match("*").await.ok(200);
            assert_eq!(changed["name"], kept);
            let query: String = kept.bytes().map(|b| format!("%{b:02X}")).collect();
            let found = t.admin.get(&format!("/v1/org-units?q={query}")).await.ok(200);
            assert_eq!(found["data"][0]["id"], json!(seeded_unit(HA_NOI)), "{kept}");
        }
    }

    async fn a_patch_of_null_clears_and_an_absent_field_stays(t: &T) {
        let path = format!("/v1/org-units/{}", seeded_unit(HA_NOI));
        let before = t.admin.get(&path).await.ok(200);
        let after = t.admin.patch(&path, &json!({})).if_match("*").await.ok(200);
        for field in ["name", "name_en", "locality_id", "valid_to"] {
            assert_eq!(after[field], before[field], "{field}");
        }
        let cleared = t.admin.patch(&path, &json!({"locality_id": null})).if_match("*").await.ok(200);
        assert_eq!((&cleared["locality_id"], &cleared["name"]), (&Value::Null, &before["name"]));
    }

    async fn only_json_is_taken_and_merge_patch_for_a_patch(t: &T) {
        let body = new_team(seeded_unit(HA_NOI)).to_string();
        for media_type in [
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "application/merge-patch+json",
            "application/jsonx",
            "x",
        ] {
            let answer = raw(t, media_type, body.clone()).await.problem(415, "unsupported_media_type");
            assert_eq!(answer["received"], media_type);
        }
        raw(t, "Application/JSON; charset=utf-8", body).await.ok(201);
        let team = t.admin.get("/v1/teams").await.ok(200)["data"][0].clone();
        let path = format!("/v1/teams/{}", id_in(&team, "id"));
        let patch = |media_type| {
            t.admin.send(Method::PATCH, &path).body(media_type, r#"{"name":"Tên mới"}"#).if_match("*").into_future()
        };
        patch("application/merge-patch+json").await.ok(200);
        patch("application/json").await.ok(200);
        patch("application/json-patch+json").await.problem(415, "unsupported_media_type");
    }

    async fn a_body_above_two_mebibytes_is_413(t: &T) {
        let huge = named(&format!("\"{}\"", "x".repeat(3 * 1024 * 1024)));
        let answer = json_text(t, huge).await.problem(413, "payload_too_large");
        assert_eq!(answer["limit"], 2_097_152);
        let large = named(&format!("\"{}\"", "x".repeat(2 * 1024 * 1024 - 1000)));
        json_text(t, large).await.faults(422, &[("/name", "too_long")]);
        nothing_was_made(t).await;
    }

    async fn whoever_may_not_write_has_their_body_not_looked_at(t: &T) {
        let viewer = t.user(tinhnguyen_domain::access::Role::Viewer, seeded_unit(HA_NOI)).await;
        let send = |by: &crate::harness::Caller| {
            by.send(Method::POST, "/v1/teams").body("text/plain", "x".repeat(3 * 1024 * 1024)).into_future()
        };
        send(&t.stranger).await.problem(401, "unauthenticated");
        send(&viewer).await.problem(403, "forbidden");
    }

    async fn an_action_without_a_body_takes_none(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}/cancel", id_in(&team, "id"));
        t.admin.act(&path).json(&json!({"reason": "x"})).await.faults(422, &[("/reason", "unknown_field")]);
        t.admin.act(&path).body("application/json", "{").await.problem(400, "malformed_json");
        t.admin.act(&path).body("application/json", "[]").await.faults(422, &[("", "wrong_type")]);
        t.admin.act(&path).body("application/json", " {} ").await.ok(200);
    }
}
