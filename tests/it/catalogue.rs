//! The closed vocabularies.

use crate::harness::T;
use serde_json::{Value, json};
use tinhnguyen_domain::catalogue::{Measure, Topic};

fn codes(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect()
}

both! {
    async fn all_topics_are_listed_with_their_kind_and_their_names(t: &T) {
        let page = t.admin.get("/v1/topics").await.ok(200);
        assert_eq!(codes(&page), Topic::WORDS);
        let safety = page["data"].as_array().unwrap().iter().find(|t| t["code"] == "cyber_safety").unwrap();
        assert_eq!(
            safety,
            &json!({"code": "cyber_safety", "activity_kind": "training_class", "name": "An toàn, an ninh mạng", "name_en": "Cyber safety"})
        );
        assert_eq!(page["next_cursor"], Value::Null);
    }

    async fn all_measures_are_listed_and_say_what_results_state(t: &T) {
        let page = t.admin.get("/v1/measures").await.ok(200);
        assert_eq!(codes(&page), Measure::WORDS);
        for measure in page["data"].as_array().unwrap() {
            let outside = ["beneficiary_turns", "teams", "members"].contains(&measure["code"].as_str().unwrap());
            assert_eq!(measure["output"], !outside, "{measure}");
            assert_eq!(measure["additive"], measure["code"] != "members", "{measure}");
        }
    }

    async fn a_vocabulary_takes_no_parameter_and_answers_304(t: &T) {
        for path in ["/v1/topics", "/v1/measures"] {
            let bad = t.admin.get(&format!("{path}?limit=1")).await;
            bad.faults(400, &[("limit", "unknown_parameter")]);
            let etag = t.admin.get(path).await.etag();
            let again = t.admin.get(path).header("if-none-match", &etag).await;
            assert_eq!((again.status, again.bytes.len()), (304, 0));
            t.stranger.get(path).await.problem(401, "unauthenticated");
        }
    }
}
