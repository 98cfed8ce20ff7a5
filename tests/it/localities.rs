//! Places: the trees of both generations, searched without accents.

use crate::harness::{
    T,
    world::{place, place_since_2025},
};
use serde_json::{Value, json};
use uuid::Uuid;

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn total(t: &T, query: &str) -> u64 {
    t.admin.get(&format!("/v1/localities?include_total=true&limit=1&{query}")).await.ok(200)["total"].as_u64().unwrap()
}

both! {
    async fn both_generations_are_there_and_a_day_tells_them_apart(t: &T) {
        for (day, provinces, districts, communes) in [
            ("2024-07-15", 63, 696, 10_035),
            ("2025-06-30", 63, 696, 10_035),
            ("2025-07-01", 34, 0, 3_321),
            ("2026-01-01", 34, 0, 3_321),
        ] {
            for (kind, count) in [("province", provinces), ("district", districts), ("commune", communes)] {
                assert_eq!(total(t, &format!("kind={kind}&as_of={day}")).await, count, "{kind} on {day}");
            }
        }
    }

    async fn without_a_day_today_is_meant(t: &T) {
        assert_eq!(total(t, "kind=province").await, 63);
        t.clock.set("2025-06-30T17:00:00Z".parse().unwrap());
        let admin = t.admin.clone().with_a_new_token();
        let page = admin.get("/v1/localities?include_total=true&kind=province").await.ok(200);
        assert_eq!(page["total"], 34, "midnight in Viet Nam");
    }

    async fn a_search_finds_names_whatever_accents_and_case_are_written(t: &T) {
        for q in [
            "da%20nang",
            "%C4%90%C3%A0%20N%E1%BA%B5ng",
            "DA%20NANG",
            "D%C3%A0%20n%C4%83ng",
            "Da%CC%80%20Na%CC%86%CC%83ng",
        ] {
            let page = t.admin.get(&format!("/v1/localities?kind=province&q={q}")).await.ok(200);
            assert_eq!(names(&page), ["Thành phố Đà Nẵng"], "{q}");
        }
        for nothing in ["%25", "_", "!", "%25a%25", "d_%20nang"] {
            let page = t.admin.get(&format!("/v1/localities?kind=province&q={nothing}")).await.ok(200);
            assert_eq!(names(&page), Vec::<&str>::new(), "{nothing} is no wildcard");
        }
    }

    async fn the_tree_is_walked_down_and_up(t: &T) {
        let ha_noi = place("01");
        let children = t.admin.get(&format!("/v1/localities/{ha_noi}/children?limit=200")).await.ok(200);
        assert_eq!(children["data"].as_array().unwrap().len(), 30);
        assert!(
            children["data"]
                .as_array()
                .unwrap()
                .iter()
                .all(|d| d["kind"] == "district" && d["parent_id"] == json!(ha_noi))
        );
        let above = t.admin.get(&format!("/v1/localities/{}/ancestors", place("00001"))).await.ok(200);
        assert_eq!(names(&above), ["Thành phố Hà Nội", "Quận Ba Đình"]);
        let none = t.admin.get(&format!("/v1/localities/{ha_noi}/ancestors")).await.ok(200);
        assert_eq!(none["data"], json!([]));
        let within = total(t, &format!("within={}", above["data"][1]["id"].as_str().unwrap())).await;
        assert_eq!(within, 14, "the district and its 13 wards");
        assert_eq!(total(t, &format!("within={}", Uuid::now_v7())).await, 0);
    }

    async fn what_became_of_a_place_is_told_the_default_first(t: &T) {
        let page = t.admin.get(&format!("/v1/localities/{}/successors", place("00001"))).await.ok(200);
        assert_eq!(page["data"][0]["id"], json!(place_since_2025("00097")));
        assert_eq!(page["data"][0]["valid_from"], "2025-07-01");
        let standing = t.admin.get(&format!("/v1/localities/{}/successors", place_since_2025("00097"))).await.ok(200);
        assert_eq!(standing["data"], json!([]));
    }

    async fn one_code_may_name_two_places_at_two_times(t: &T) {
        let old = t.admin.get(&format!("/v1/localities/{}", place("15"))).await.ok(200);
        let new = t.admin.get(&format!("/v1/localities/{}", place_since_2025("15"))).await.ok(200);
        assert_eq!((&old["code"], &old["valid_to"]), (&json!("15"), &json!("2025-06-30")));
        assert_eq!((&new["code"], &new["valid_to"]), (&json!("15"), &Value::Null));
        assert_ne!(old["name"], new["name"]);
        let listed = t.admin.get("/v1/localities?code=15&kind=province&as_of=2025-07-01").await.ok(200);
        assert_eq!(listed["data"], json!([new]));
    }

    async fn a_place_that_is_not_there_is_404_in_every_way(t: &T) {
        let id = Uuid::now_v7();
        for path in ["", "/children", "/ancestors", "/successors"] {
            t.admin.get(&format!("/v1/localities/{id}{path}")).await.problem(404, "not_found");
        }
        t.admin.get("/v1/localities/khong-phai-uuid").await.faults(400, &[("id", "bad_format")]);
    }

    async fn wrong_parameters_are_refused_all_at_once(t: &T) {
        let bad = t.admin.get("/v1/localities?kind=village&limit=0&as_of=2024-02-30&nme=x&sort=size&parent_id=7").await;
        bad.faults(
            400,
            &[
                ("kind", "not_allowed_value"),
                ("limit", "out_of_range"),
                ("as_of", "bad_format"),
                ("nme", "unknown_parameter"),
                ("sort", "not_allowed_value"),
                ("parent_id", "bad_format"),
            ],
        );
        t.admin.get("/v1/localities?sort=size").await.faults(400, &[("sort", "not_allowed_value")]);
        t.admin.get("/v1/localities?limit=201").await.faults(400, &[("limit", "out_of_range")]);
        t.admin.get("/v1/localities?limit=x").await.faults(400, &[("limit", "wrong_type")]);
        t.admin.get("/v1/localities?kind=province&kind=commune").await.faults(400, &[("kind", "not_unique")]);
        t.admin.get("/v1/localities?q=a%00b").await.faults(400, &[("q", "nul_character")]);
        t.admin.get(&format!("/v1/localities?q={}", "a".repeat(101))).await.faults(400, &[("q", "too_long")]);
        t.admin.get("/v1/localities?q=").await.faults(400, &[("q", "too_short")]);
    }

    async fn sorting_is_by_code_either_way(t: &T) {
        let codes = async |sort: &str| -> Vec<String> {
            let page = t.admin.get(&format!("/v1/localities?kind=province&limit=200&sort={sort}")).await.ok(200);
            page["data"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap().to_owned()).collect()
        };
        let up = codes("code").await;
        let mut down = codes("-code").await;
        down.reverse();
        assert_eq!((up.len(), &up), (63, &down));
        assert!(up.is_sorted());
    }
}
