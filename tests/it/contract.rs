//! The OpenAPI document: what is committed is what is served, complete and sound.

use crate::harness::T;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, path::Path};
use tinhnguyen_http::{app::contract, problem::Code};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every operation of the document: where it stands, its method, and itself.
fn operations(document: &Value) -> Vec<(String, &'static str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| Some((format!("{method} {path}"), *method, item.get(method)?)))
        })
        .collect()
}

/// Calls `visit` with every object of the document and the way to it.
fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(at, members);
            for (name, member) in members {
                walk(member, &format!("{at}/{}", name.replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}/{n}"), visit)),
        _ => {}
    }
}

#[test]
fn the_committed_document_is_the_one_of_this_code() {
    let path = root().join("openapi/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let contract = contract();
    let differs = committed.lines().zip(contract.text().lines()).find(|(old, new)| old != new);
    assert!(
        committed == contract.text(),
        "openapi/openapi.json is not what the code says; make it anew with `tinhnguyen openapi --output \
         openapi/openapi.json`. First difference: {differs:?}"
    );
}

#[test]
fn every_operation_has_its_id_tag_words_examples_and_problems() {
    let contract = contract();
    let document = contract.document();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (at, method, operation) in operations(document) {
        let text = |name: &str| operation[name].as_str().unwrap_or_default();
        let id = text("operationId");
        assert!(ids.insert(id), "{at}: operationId `{id}` stands twice");
        let (verb, resource) = id.split_once('_').unwrap_or_default();
        assert!(
            !verb.is_empty() && !resource.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{at}: `{id}`"
        );
        let tag: Vec<&str> = operation["tags"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
        assert!(tag.len() == 1 && tags.contains(tag[0]), "{at}: tags {tag:?}");
        assert!(
            (5..=80).contains(&text("summary").len()) && !text("summary").ends_with('.'),
            "{at}: summary `{}`",
            text("summary")
        );
        // OAuth's endpoints answer in a form of their own.
        let form = operation["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some();
        let description = text("description");
        assert!(description.contains("Problems: "), "{at}: no problems in words");
        assert!(description.contains("scope `") || description.contains("Public"), "{at}: says not who may");
        assert!(operation.get("security").is_some(), "{at}: no security");

        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|s| s.starts_with('2') || s == "302"), "{at}: no success");
        for (status, response) in responses {
            let response = resolve(document, response);
            assert!(!response["description"].as_str().unwrap_or_default().is_empty(), "{at} {status}: no description");
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                assert!(media.get("schema").is_some(), "{at} {status} {kind}: no schema");
                assert!(
                    media.get("example").is_some() || media.get("examples").is_some(),
                    "{at} {status} {kind}: no example"
                );
            }
        }
        for status in ["400", "429", "500", "503"] {
            assert!(responses.contains_key(status), "{at}: {status} is not declared");
        }
        if operation.get("x-permission").is_some() {
            assert!(
                responses.contains_key("401") && responses.contains_key("403"),
                "{at}: 401 and 403 are not declared"
            );
        }
        // Every stated code has its status declared, and every declared status of a problem a code.
        let stated: BTreeSet<String> = operation["x-problem-codes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|code| {
                let code = Code::ALL.iter().find(|c| c.as_str() == code.as_str().unwrap()).unwrap();
                code.status().to_string()
            })
            .collect();
        for status in &stated {
            assert!(responses.contains_key(status), "{at}: a code of {status}, which is not declared");
        }
        if !form {
            for status in responses.keys().filter(|s| s.as_str() >= "400") {
                assert!(stated.contains(status), "{at}: {status} is declared and no code of it stated");
            }
        }
        if let Some(body) = operation.get("requestBody") {
            assert_ne!(method, "get", "{at}: a body");
            assert_eq!(body["required"], true, "{at}: the body is not required");
            for (kind, media) in body["content"].as_object().unwrap() {
                assert!(media.get("example").is_some(), "{at} {kind}: no example");
            }
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolve(document, parameter);
            assert!(
                !parameter["description"].as_str().unwrap_or_default().is_empty(),
                "{at}: {} has no description",
                parameter["name"]
            );
        }
    }
    assert!(ids.len() > 40, "only {} operations", ids.len());
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} is not there")),
        None => value,
    }
}

#[test]
fn every_reference_is_there_and_every_component_is_referred_to() {
    let contract = contract();
    let document = contract.document();
    let mut referred = BTreeSet::new();
    walk(document, "", &mut |at, members| {
        if let Some(to) = members.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{at}: {to} is not there");
            referred.insert(to.to_owned());
        }
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        if kind == "securitySchemes" {
            continue;
        }
        for name in components.as_object().unwrap().keys() {
            assert!(referred.contains(&format!("#/components/{kind}/{name}")), "nothing refers to {kind}/{name}");
        }
    }
}

#[test]
fn every_field_of_every_schema_has_its_words_and_bounds() {
    let contract = contract();
    let document = contract.document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!schema["description"].as_str().unwrap_or_default().is_empty(), "{name} has no description");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let described = property.get("description").is_some() || property.get("$ref").is_some();
            assert!(described, "{name}.{field} has no description");
            let is = |kind: &str| {
                property["type"] == kind || property["type"].as_array().is_some_and(|t| t.contains(&kind.into()))
            };
            if is("string") {
                let bounded = ["maxLength", "enum", "format", "pattern"].iter().any(|b| property.get(b).is_some());
                assert!(bounded, "{name}.{field}: text without a bound");
            }
            if is("array") {
                assert!(property.get("maxItems").is_some(), "{name}.{field}: a list without a bound");
            }
        }
    }
    // Statements of what is sent; a typo must lose nothing.
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let input = name.starts_with("New") || name.ends_with("Patch") || name == "ResultReturn";
        if input {
            assert_eq!(schema["additionalProperties"], false, "{name} takes unknown fields");
        }
    }
}

#[test]
fn the_document_is_openapi_3_1_without_what_trips_tools() {
    let contract = contract();
    let document = contract.document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document.get("jsonSchemaDialect"), None);
    assert!(contract.text().ends_with("}\n") && contract.text().starts_with("{\n"));
    walk(document, "", &mut |at, members| {
        assert_ne!(members.get("nullable"), Some(&Value::Bool(true)), "{at}: `nullable` is of 3.0");
        assert!(members.get("default") != Some(&Value::Null), "{at}: a default of null");
    });
}

#[test]
fn every_problem_code_is_stated_by_an_operation_or_given_at_the_edge() {
    // Of requests that have no operation, such as oEmbed's, and of faults within a 400 that has a code of its own.
    const EDGE: [&str; 2] = ["method_not_allowed", "format_not_offered"];
    let contract = contract();
    let stated: BTreeSet<&str> = operations(contract.document())
        .into_iter()
        .flat_map(|(_, _, operation)| {
            operation["x-problem-codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    let unstated: Vec<&str> =
        Code::ALL.iter().map(|c| c.as_str()).filter(|c| !stated.contains(c) && !EDGE.contains(c)).collect();
    assert!(unstated.is_empty(), "no operation states {unstated:?}");
}

#[test]
fn the_crates_depend_downwards_only() {
    for (krate, may) in [
        ("domain", &[][..]),
        ("persistence", &["domain"]),
        ("http", &["domain", "persistence"]),
        ("server", &["domain", "persistence", "http"]),
    ] {
        let text = std::fs::read_to_string(root().join("crates").join(krate).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for name in dependencies.keys().filter_map(|name| name.strip_prefix("tinhnguyen-")) {
                assert!(may.contains(&name), "{krate} depends on {name}");
            }
        }
    }
}

both! {
    async fn the_served_document_is_the_contract_and_answers_304(t: &T) {
        let served = t.stranger.get("/openapi.json").await;
        assert_eq!(served.text(), t.app.contract.text());
        assert_eq!(served.header("content-type"), Some("application/json"));
        let again = t.stranger.get("/openapi.json").header("if-none-match", served.etag()).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
    }

    async fn every_example_of_a_request_is_taken_by_its_own_schema(t: &T) {
        for (at, _, operation) in operations(t.app.contract.document()) {
            let Some(media) = operation.get("requestBody").and_then(|b| b["content"].get("application/json")) else {
                continue;
            };
            let schema = media["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let faults = t.app.contract.faults(schema, &media["example"]).unwrap();
            assert!(faults.is_empty(), "{at}: {faults:?}");
        }
    }
}
