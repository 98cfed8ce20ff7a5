//! The OpenAPI document: what is committed is what is served, complete and sound.

use crate::harness::T;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, path::Path};
use tinhnguyen_domain::webhooks::EventType;
use tinhnguyen_http::{app::contract, problem::Code};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every operation of the document: where it stands, its method, and itself.
pub fn operations(document: &Value) -> Vec<(String, &'static str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| Some((format!("{method} {path}"), *method, item.get(method)?)))
        })
        .collect()
}

/// Calls `visit` with every object of the document and the way to it.
pub fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
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
            for status in responses.keys().filter(|s| s.starts_with(['4', '5'])) {
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

/// Whether a schema takes null.
fn nullable(schema: &Value) -> bool {
    let types = schema["type"].as_array().is_some_and(|all| all.contains(&"null".into()));
    types || schema["oneOf"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
}

/// The names of the schemas that a part of the document refers to, and of those that they refer to.
fn named(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    let mut to = Vec::new();
    walk(part, "", &mut |_, members| to.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned)));
    for to in to {
        if names.insert(to.rsplit('/').next().unwrap().to_owned()) {
            named(document, document.pointer(to.trim_start_matches('#')).unwrap(), names);
        }
    }
}

#[test]
fn pages_refer_to_their_items_by_name() {
    let contract = contract();
    let schemas = contract.document()["components"]["schemas"].as_object().unwrap();
    let pages: Vec<_> = schemas.iter().filter(|(_, one)| one["properties"].get("next_cursor").is_some()).collect();
    assert!(pages.len() > 20, "only {} pages", pages.len());
    for (name, page) in pages {
        let lists: Vec<&Value> =
            page["properties"].as_object().unwrap().values().filter(|one| one["type"] == "array").collect();
        assert!(!lists.is_empty(), "{name} lists nothing");
        for list in lists {
            assert!(list["items"]["$ref"].is_string(), "{name} says itself what its items are");
        }
    }
}

#[test]
fn a_choice_between_things_says_by_what_they_are_told_apart() {
    let contract = contract();
    let document = contract.document();
    let mut choices = 0;
    walk(document, "", &mut |at, members| {
        let branches = members.get("oneOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let things: Vec<&str> = branches
            .iter()
            .filter_map(|one| one["$ref"].as_str())
            .filter(|to| document.pointer(&to[1..]).unwrap()["type"] == "object")
            .collect();
        if things.len() < 2 {
            return;
        }
        choices += 1;
        let discriminator = members.get("discriminator").unwrap_or_else(|| panic!("{at}: no discriminator"));
        let by = discriminator["propertyName"].as_str().unwrap();
        let mapping = discriminator["mapping"].as_object().unwrap_or_else(|| panic!("{at}: no mapping"));
        let mapped: BTreeSet<&str> = mapping.values().map(|to| to.as_str().unwrap()).collect();
        assert_eq!(mapped, things.iter().copied().collect::<BTreeSet<_>>(), "{at}");
        for (word, to) in mapping {
            let thing = document.pointer(&to.as_str().unwrap()[1..]).unwrap();
            let tag = resolve(document, &thing["properties"][by]);
            assert_eq!(tag["enum"], serde_json::json!([word]), "{at}: {to}");
            assert!(thing["required"].as_array().unwrap().contains(&by.into()), "{at}: {to} may leave `{by}` out");
        }
    });
    assert!(choices >= 3, "only {choices} choices");
}

#[test]
fn what_an_answer_leaves_out_when_it_is_empty_is_never_null() {
    // Left out where nobody asked, null where there is no such thing.
    const NOT_ASKED: [&str; 2] = ["ProgressGroup.target", "ProgressGroup.percent"];
    let contract = contract();
    let document = contract.document();
    let mut sent = BTreeSet::new();
    for (_, _, operation) in operations(document) {
        named(document, &operation["requestBody"], &mut sent);
    }
    assert!(sent.contains("NewTeam") && sent.contains("GeoPoint") && !sent.contains("Team"), "{sent:?}");
    let mut found = 0;
    for (name, schema) in
        document["components"]["schemas"].as_object().unwrap().iter().filter(|(n, _)| !sent.contains(*n))
    {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (field, _) in fields.filter(|(_, one)| nullable(one)) {
            found += 1;
            let there = required.contains(&field.as_str().into());
            assert_eq!(there, !NOT_ASKED.contains(&format!("{name}.{field}").as_str()), "{name}.{field}");
        }
    }
    assert!(found > 100, "only {found} fields");
}

#[test]
fn every_event_is_a_webhook_of_the_document_with_a_schema_and_an_example_of_it() {
    let contract = contract();
    let document = contract.document();
    let webhooks = document["webhooks"].as_object().unwrap();
    let events: BTreeSet<&str> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(webhooks.keys().map(String::as_str).collect::<BTreeSet<_>>(), events);
    for (event, item) in webhooks {
        let media = &item["post"]["requestBody"]["content"]["application/json"];
        let schema = media["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let faults = contract.faults(schema, &media["example"]).unwrap();
        assert!(faults.is_empty() && media["example"]["type"] == event.as_str(), "{event}: {faults:?}");
        for (status, response) in item["post"]["responses"].as_object().unwrap() {
            assert!(
                !response["description"].as_str().unwrap_or_default().is_empty(),
                "{event} {status}: no description"
            );
        }
    }
}

/// The operations that the sources declare, by attributes of routes and by the macro of pictures: nothing else serves anything
/// below `/v1`.
fn declared() -> BTreeSet<String> {
    fn sources(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
                continue;
            }
            let text = if path.extension().is_some_and(|e| e == "rs") {
                std::fs::read_to_string(&path).unwrap()
            } else {
                continue;
            };
            for (n, line) in text.lines().map(str::trim).enumerate() {
                for method in METHODS {
                    let route = line.strip_prefix(&format!("#[{method}(\"")).and_then(|rest| rest.split('"').next());
                    found.extend(route.map(|route| format!("{method} {route}")));
                }
                let picture = line.split_once(" at \"").and_then(|(_, rest)| rest.split_once("\":"));
                found.extend(picture.map(|(route, _)| format!("get {route}")));
                let by_hand = ["resource(\"/v1", "route(\"/v1", "scope(\"/v1"].iter().any(|way| line.contains(way));
                assert!(!by_hand, "{}:{}: a route that the document doesn't know", path.display(), n + 1);
            }
        }
    }
    let mut found = BTreeSet::new();
    sources(&root().join("crates/http/src"), &mut found);
    found
}

#[test]
fn every_route_below_v1_is_in_the_document() {
    let contract = contract();
    let documented: BTreeSet<String> = operations(contract.document()).into_iter().map(|(at, _, _)| at).collect();
    assert_eq!(declared(), documented);
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

    async fn every_operation_of_the_document_is_routed(t: &T) {
        for (at, method, _) in operations(t.app.contract.document()) {
            let template = at.split(' ').nth(1).unwrap();
            let id = uuid::Uuid::now_v7().to_string();
            let steps = template.split('/').map(|step| if step.starts_with('{') { id.as_str() } else { step });
            let path: Vec<&str> = steps.collect();
            t.stranger.send(method.to_ascii_uppercase().parse().unwrap(), &path.join("/")).await;
            let metrics = t.stranger.get("/metrics").await.text().to_owned();
            let seen = metrics.lines().any(|line| {
                line.contains(&format!("route=\"{template}\"")) && line.contains(&format!("method=\"{}\"", method.to_ascii_uppercase()))
            });
            assert!(seen, "{at} leads nowhere");
        }
    }

    async fn every_example_of_an_answer_is_one_by_its_schema(t: &T) {
        let document = t.app.contract.document();
        let mut seen = 0;
        for (at, _, operation) in operations(document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                for (kind, media) in resolve(document, response)["content"].as_object().into_iter().flatten() {
                    let Some(schema) = media["schema"]["$ref"].as_str().filter(|_| kind.ends_with("json")) else { continue };
                    let faults = t.app.contract.faults(schema.rsplit('/').next().unwrap(), &media["example"]).unwrap();
                    assert!(faults.is_empty(), "{at} {status}: {faults:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 1000, "only {seen} examples");
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
