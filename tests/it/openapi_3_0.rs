//! The contract in the words of OpenAPI 3.0: the committed file is the one of this code, it says the same and nothing of 3.1.

use crate::contract::{operations, root, walk};
use crate::harness::T;
use serde_json::{Value, json};
use tinhnguyen_http::{app::contract, openapi_3_0::of};

#[track_caller]
fn holds(newer: Value, older: Value) {
    let document =
        json!({"components": {"schemas": {"One": newer, "Word": {"type": "string"}, "Thing": {"type": "object"}}}});
    assert_eq!(of(&document)["components"]["schemas"]["One"], older, "{document}");
}

#[test]
fn what_3_1_says_is_said_in_words_of_3_0() {
    holds(
        json!({"type": ["string", "null"], "maxLength": 3}),
        json!({"nullable": true, "type": "string", "maxLength": 3}),
    );
    holds(json!({"type": ["string", "integer"]}), json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}));
    let (word, thing) = (json!({"$ref": "#/components/schemas/Word"}), json!({"$ref": "#/components/schemas/Thing"}));
    holds(
        json!({"description": "d", "oneOf": [{"type": "null"}, word]}),
        json!({"description": "d", "nullable": true, "type": "string", "allOf": [word]}),
    );
    holds(
        json!({"oneOf": [{"type": "null"}, thing, {"$ref": "#/components/schemas/Thing", "description": "d"}]}),
        json!({"nullable": true, "type": "object", "oneOf": [thing, thing]}),
    );
    holds(word.clone(), word.clone());
    holds(json!({"$ref": word["$ref"], "description": "d"}), json!({"allOf": [word], "description": "d"}));
    holds(json!({"const": "a", "examples": ["a", "b"]}), json!({"enum": ["a"], "example": "a"}));
    holds(
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2}),
        json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 2, "exclusiveMaximum": true}),
    );
    holds(
        json!({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}),
        json!({"type": "string", "format": "byte"}),
    );
    holds(json!({"type": "string", "contentMediaType": "image/png"}), json!({"type": "string", "format": "binary"}));
    // Within, and not within what is a value or a name.
    holds(
        json!({"properties": {"type": {"type": ["integer", "null"]}}, "items": {"const": 1}, "default": {"const": 1}}),
        json!({"properties": {"type": {"type": "integer", "nullable": true}}, "items": {"enum": [1]}, "default": {"const": 1}}),
    );
}

#[test]
fn the_document_keeps_its_examples_and_its_webhooks() {
    let newer = json!({
        "openapi": "3.1.0", "info": {"title": "t", "license": {"name": "n", "identifier": "MIT"}},
        "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"const": 1}, "example": {"schema": {"const": 1}}}}}}}}},
        "webhooks": {"w": {"post": {}}},
    });
    let older = json!({
        "openapi": "3.0.3", "info": {"title": "t", "license": {"name": "n", "url": "https://spdx.org/licenses/"}},
        "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"enum": [1]}, "example": {"schema": {"const": 1}}}}}}}}},
        "x-webhooks": {"w": {"post": {}}},
    });
    assert_eq!(of(&newer), older);
}

#[test]
fn the_committed_3_0_document_is_the_one_of_this_code() {
    let committed = std::fs::read_to_string(root().join("openapi/openapi-3.0.json")).unwrap();
    let contract = contract();
    let differs = committed.lines().zip(contract.text_3_0().lines()).find(|(old, new)| old != new);
    assert!(
        committed == contract.text_3_0(),
        "openapi/openapi-3.0.json is not what the code says; make it anew with `tinhnguyen openapi --as 3.0 --output \
         openapi/openapi-3.0.json`. First difference: {differs:?}"
    );
}

#[test]
fn the_3_0_document_has_the_same_operations_and_schemas_and_nothing_of_3_1() {
    let contract = contract();
    let (newer, older) = (contract.document(), of(contract.document()));
    assert_eq!(older["openapi"], "3.0.3");
    let ids = |document| -> Vec<_> {
        operations(document).iter().map(|(at, _, one)| (at.clone(), one["operationId"].clone())).collect()
    };
    assert_eq!(ids(newer), ids(&older));
    let names =
        |document: &Value| document["components"]["schemas"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(newer), names(&older));
    assert_eq!(older["x-webhooks"].as_object().unwrap().len(), newer["webhooks"].as_object().unwrap().len());
    let nullable = |document: &Value| {
        let mut all = 0;
        walk(document, "", &mut |_, one| {
            let types = one.get("type").and_then(Value::as_array);
            let branches = one.get("oneOf").and_then(Value::as_array);
            all += usize::from(one.get("nullable") == Some(&json!(true)));
            all += usize::from(types.is_some_and(|all| all.contains(&json!("null"))));
            all += usize::from(branches.is_some_and(|all| all.contains(&json!({"type": "null"}))));
        });
        all
    };
    assert_eq!((nullable(newer), nullable(newer) > 200), (nullable(&older), true));
    walk(&older, "", &mut |at, one| {
        if at.contains("/example") || at.ends_with("/properties") {
            return;
        }
        assert!(!one.get("type").is_some_and(Value::is_array), "{at}: several types");
        assert!(one.get("type") != Some(&json!("null")), "{at}: null is no type of 3.0");
        assert!(one.len() == 1 || !one.get("$ref").is_some_and(Value::is_string), "{at}: something beside a reference");
        for word in ["const", "examples", "contentEncoding", "contentMediaType", "jsonSchemaDialect", "identifier"] {
            assert!(!one.contains_key(word), "{at}: `{word}` is of 3.1");
        }
    });
}

both! {
    async fn the_3_0_document_is_served_like_the_other(t: &T) {
        let served = t.stranger.get("/openapi-3.0.json").await;
        assert_eq!(served.text(), t.app.contract.text_3_0());
        assert_eq!(served.header("content-type"), Some("application/json"));
        let again = t.stranger.get("/openapi-3.0.json").header("if-none-match", served.etag()).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
    }
}
