//! Lists: every item once, whatever is added meanwhile; a cursor belongs to its filter.

use crate::harness::{
    Answer, Caller, T, id_in,
    world::{DA_NANG, HA_NOI, seeded_unit},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

/// The path of the next page, by the header; it must say the same as the body's cursor.
fn next(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let link = answer.header("link").map(|link| {
        let (path, relation) = link.split_once(">; ").unwrap();
        assert_eq!(relation, "rel=\"next\"");
        path.trim_start_matches('<').to_owned()
    });
    match (&body["next_cursor"], &link) {
        (Value::Null, None) => {}
        (Value::String(cursor), Some(link)) => assert!(link.contains(&format!("cursor={cursor}")), "{link}"),
        other => panic!("{other:?}"),
    }
    link
}

async fn walked(by: &Caller, first: &str, between: impl AsyncFn()) -> Vec<Uuid> {
    let (mut path, mut seen) = (Some(first.to_owned()), Vec::new());
    while let Some(at) = path {
        let page = by.get(&at).await;
        seen.extend(page.ok(200)["data"].as_array().unwrap().iter().map(|item| id_in(item, "id")));
        path = next(&page);
        between().await;
    }
    seen
}

both! {
    async fn all_pages_are_walked_in_either_order_and_each_item_stands_once(t: &T) {
        let mut made = Vec::new();
        for n in 0..7 {
            // Some at the same instant, so that the order falls back on the id.
            t.clock.set(crate::harness::now() + chrono::Duration::seconds(n / 3));
            made.push(id_in(&t.team(seeded_unit(HA_NOI)).await, "id"));
        }
        for limit in [1, 2, 3, 7, 50] {
            let up = walked(&t.admin, &format!("/v1/teams?sort=created_at&limit={limit}"), async || {}).await;
            assert_eq!(up, made, "limit {limit}");
            let mut down = walked(&t.admin, &format!("/v1/teams?limit={limit}"), async || {}).await;
            down.reverse();
            assert_eq!(down, made, "limit {limit}");
        }
    }

    async fn what_is_added_while_one_walks_neither_repeats_nor_hides_anything(t: &T) {
        let mut made = Vec::new();
        for _ in 0..6 {
            made.push(id_in(&t.team(seeded_unit(HA_NOI)).await, "id"));
        }
        let add = async || {
            t.team(seeded_unit(HA_NOI)).await;
        };
        let mut down = walked(&t.admin, "/v1/teams?limit=2", add).await;
        down.reverse();
        assert_eq!(down, made, "newer ones come before the first page");
        let up = walked(
            &t.admin,
            &format!("/v1/teams?limit=2&sort=created_at&org_unit_id={}", seeded_unit(HA_NOI)),
            async || {},
        )
        .await;
        assert_eq!(up.len(), 9);
        assert_eq!(up.iter().collect::<std::collections::BTreeSet<_>>().len(), 9);
    }

    async fn a_list_sorted_by_code_is_walked_the_same_on_both_databases(t: &T) {
        for code in ["b", "B", "a-1", "A.1", "a_1", "Z", "z", "10", "9"] {
            t.commune(seeded_unit(HA_NOI), code).await;
        }
        let (mut path, mut codes) = (Some("/v1/org-units?kind=commune&limit=2&sort=code".to_owned()), Vec::new());
        while let Some(at) = path {
            let page = t.admin.get(&at).await;
            codes
                .extend(page.json()["data"].as_array().unwrap().iter().map(|u| u["code"].as_str().unwrap().to_owned()));
            path = next(&page);
        }
        assert_eq!(codes, ["10", "9", "A.1", "B", "Z", "a-1", "a_1", "b", "z"], "by bytes");
    }

    async fn the_total_is_told_on_demand_and_on_every_page(t: &T) {
        for _ in 0..3 {
            t.team(seeded_unit(HA_NOI)).await;
        }
        assert_eq!(t.admin.get("/v1/teams").await.ok(200).get("total"), None);
        let first = t.admin.get("/v1/teams?limit=2&include_total=true").await;
        assert_eq!(first.ok(200)["total"], 3);
        let second = t.admin.get(&next(&first).unwrap()).await.ok(200);
        assert_eq!((&second["total"], second["data"].as_array().unwrap().len()), (&json!(3), 1));
    }

    async fn a_cursor_of_another_filter_sort_or_list_is_refused(t: &T) {
        for _ in 0..3 {
            t.team(seeded_unit(HA_NOI)).await;
        }
        let page = t.admin.get("/v1/teams?limit=1").await.ok(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        t.admin.get(&format!("/v1/teams?limit=2&include_total=true&cursor={cursor}")).await.ok(200);
        for query in ["status=forming", "sort=created_at", &format!("within={}", seeded_unit(DA_NANG)), "q=x"] {
            t.admin.get(&format!("/v1/teams?{query}&cursor={cursor}")).await.problem(400, "cursor_mismatch");
        }
        for list in ["activities", "results", "users", "campaigns", "grants"] {
            t.admin.get(&format!("/v1/{list}?cursor={cursor}")).await.problem(400, "cursor_mismatch");
        }
    }

    async fn a_cursor_that_was_made_up_is_refused(t: &T) {
        for _ in 0..3 {
            t.team(seeded_unit(HA_NOI)).await;
        }
        let page = t.admin.get("/v1/teams?limit=1").await.ok(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let inside: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
        let forged = |field: &str, value: Value| {
            let mut forged = inside.clone();
            forged[field] = value;
            URL_SAFE_NO_PAD.encode(forged.to_string())
        };
        for (what, bad) in [
            ("cut off", cursor[..cursor.len() - 3].to_owned()),
            ("no base64", "%%%".replace('%', "%25")),
            ("nothing", String::new()),
            ("no JSON", URL_SAFE_NO_PAD.encode("x")),
            ("a text where an instant stands", forged("mark", json!("' OR 1=1 --"))),
            ("a number", forged("mark", json!(7))),
            ("no id", forged("id", json!("7"))),
        ] {
            t.admin.get(&format!("/v1/teams?limit=1&cursor={bad}")).await.problem(400, "bad_cursor");
            let _ = what;
        }
        let other = forged("f", json!("000000000000"));
        t.admin.get(&format!("/v1/teams?limit=1&cursor={other}")).await.problem(400, "cursor_mismatch");
        t.admin.get(&format!("/v1/teams?cursor={}", "a".repeat(1001))).await.faults(400, &[("cursor", "too_long")]);
        // A forged place gives no sight of what is not in sight.
        let viewer = t.user(tinhnguyen_domain::access::Role::Viewer, seeded_unit(DA_NANG)).await;
        let page = viewer.get(&format!("/v1/teams?limit=1&cursor={cursor}")).await.ok(200);
        assert_eq!(page["data"], json!([]));
    }

    async fn what_changed_since_an_instant_is_listed(t: &T) {
        let first = t.team(seeded_unit(HA_NOI)).await;
        t.clock.set(crate::harness::now() + chrono::Duration::minutes(5));
        let second = t.team(seeded_unit(HA_NOI)).await;
        let since = async |instant: &str| -> Vec<Uuid> {
            let page = t.admin.get(&format!("/v1/teams?sort=created_at&updated_since={instant}")).await.ok(200);
            page["data"].as_array().unwrap().iter().map(|item| id_in(item, "id")).collect()
        };
        let (first, second) = (id_in(&first, "id"), id_in(&second, "id"));
        assert_eq!(since("2024-07-15T03:00:00Z").await, [first, second]);
        assert_eq!(since("2024-07-15T10:05:00%2B07:00").await, [second]);
        t.admin.patch(&format!("/v1/teams/{first}"), &json!({"name": "Mới"})).if_match("*").await.ok(200);
        assert_eq!(since("2024-07-15T03:05:00Z").await, [first, second]);
        t.admin.get("/v1/teams?updated_since=yesterday").await.faults(400, &[("updated_since", "bad_format")]);
    }
}
