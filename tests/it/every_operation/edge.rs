//! What is wrong with a request is told by every operation in the same way, and nothing is kept of it.

use super::{Asked, Op, World, each, kept, same};
use crate::harness::{Answer, T};
use actix_web::{http::Method, web::Bytes};
use chrono::Duration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tinhnguyen_domain::evidence::MAX_FILE;
use tinhnguyen_http::tokens::LIFETIME;
use uuid::Uuid;

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "BREW"];

/// The methods that the document has for a path, and those that come with them.
fn allowed(op: &Op<'_>) -> BTreeSet<String> {
    let item = op.document["paths"][&op.path].as_object().unwrap();
    let mut methods: BTreeSet<String> = item.keys().map(|method| method.to_ascii_uppercase()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD".to_owned());
    }
    methods.insert("OPTIONS".to_owned());
    methods
}

fn told(answer: &Answer) -> BTreeSet<String> {
    answer.header("allow").expect("an Allow").split(", ").map(str::to_owned).collect()
}

/// Holds that it is this problem, of one parameter.
#[track_caller]
fn of_parameter(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    let body = answer.json();
    let faults = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = faults.iter().all(|fault| fault["parameter"] == name);
    assert!(!faults.is_empty() && named, "{name} is not named alone: {}", answer.text());
}

/// Values that a query parameter doesn't take, by its schema.
fn wrong_values(schema: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if schema["type"] == "integer" {
        wrong.extend(["x".to_owned(), "1.5".to_owned(), String::new()]);
        wrong.extend(schema["minimum"].as_i64().map(|least| (least - 1).to_string()));
        wrong.extend(schema["maximum"].as_i64().map(|most| (most + 1).to_string()));
    } else if schema["type"] == "boolean" {
        wrong.extend(["1".to_owned(), "True".to_owned()]);
    } else if schema.get("enum").is_some() || schema.get("format").is_some() {
        wrong.extend(["khong_co".to_owned(), String::new()]);
    } else if let Some(most) = schema["maxLength"].as_u64() {
        wrong.push("a".repeat(usize::try_from(most).unwrap() + 1));
    } else if schema.get("pattern").is_some() {
        wrong.push("*".to_owned());
    }
    wrong
}

/// The same request with this parameter in its query, and none other of the name.
fn with(asked: &Asked, name: &str, value: &str) -> Asked {
    let (place, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
    let pairs: Vec<String> = others.map(str::to_owned).chain([format!("{name}={value}")]).collect();
    Asked { path: format!("{place}?{}", pairs.join("&")), ..asked.clone() }
}

/// Every object in a body, by its pointer.
fn objects(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            all.push(at.to_owned());
            members.iter().for_each(|(name, member)| objects(member, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| objects(item, &format!("{at}/{n}"), all)),
        _ => {}
    }
}

async fn addresses_and_methods(op: &Op<'_>, asked: &Asked) {
    let below = Asked { path: format!("{}/khong-co/o-day", asked.place()), ..asked.clone() };
    let vi = below.send().await;
    assert_eq!(vi.problem(404, "not_found")["title"], "Không tìm thấy");
    assert_eq!(vi.header("content-language"), Some("vi"));
    let en = below.send().header("accept-language", "en").await;
    assert_eq!(en.problem(404, "not_found")["title"], "Not found");
    assert_eq!(en.header("content-language"), Some("en"));

    let allowed = allowed(op);
    for method in METHODS.iter().filter(|method| !allowed.contains(**method)) {
        let answer = asked.by.send(Method::from_bytes(method.as_bytes()).unwrap(), &asked.path).lenient().await;
        assert_eq!(answer.status, 405, "{method}: {}", answer.text());
        answer.problem(405, "method_not_allowed");
        assert_eq!(told(&answer), allowed, "{method}");
    }
    let options = asked.by.send(Method::OPTIONS, &asked.path).lenient().await;
    assert_eq!((options.status, told(&options)), (204, allowed));
}

/// What the client takes, and who it is.
async fn heads(t: &T, op: &Op<'_>, asked: &Asked) {
    let none = asked.send().header("accept", "model/vrml").await;
    none.problem(406, "not_acceptable");
    if op.permission.is_none() {
        return;
    }
    let stranger = asked.clone().by(&t.stranger).send().await;
    stranger.problem(401, "unauthenticated");
    assert_eq!(stranger.header("www-authenticate"), Some("Bearer realm=\"tinhnguyen\""));
    let expired = t.app.tokens.issue(t.admin.user_id, t.app.clock.now() - LIFETIME - Duration::hours(1)).unwrap();
    for token in ["x", expired.as_str()] {
        let answer = asked.clone().by(&t.stranger.clone().with_token(token)).send().await;
        answer.problem(401, "unauthenticated");
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
}

async fn queries(op: &Op<'_>, asked: &Asked) {
    of_parameter(&with(asked, "khong_co", "1").send().await, "khong_co");
    for parameter in op.parameters("query") {
        let name = parameter["name"].as_str().unwrap();
        let wrong = wrong_values(op.resolved(&parameter["schema"]));
        assert!(!wrong.is_empty(), "{name} takes whatever one sends");
        for value in wrong {
            of_parameter(&with(asked, name, &value).send().await, name);
        }
        if parameter["required"] == true {
            let without = asked.path.replace(&format!("{name}="), "khac=");
            let answer = Asked { path: without, ..asked.clone() }.send().await;
            assert_eq!(answer.status, 400, "without {name}: {}", answer.text());
        }
    }
    let (template, path) = (op.path.split('/'), asked.place().split('/').collect::<Vec<_>>());
    for (index, segment) in template.enumerate().filter(|(_, segment)| segment.starts_with('{')) {
        let name = segment.trim_matches(['{', '}']);
        let parameter = op.parameters("path").into_iter().find(|p| p["name"] == name).expect(name);
        if op.resolved(&parameter["schema"])["format"] == "uuid" {
            let mut path = path.clone();
            path[index] = "khong-phai-uuid";
            let answer = Asked { path: path.join("/"), ..asked.clone() }.send().await;
            of_parameter(&answer, name);
        }
    }
    if op.has("header", "Idempotency-Key") {
        of_parameter(&asked.send().key("khóa").await, "Idempotency-Key");
    }
    // Something that never was.
    if op.permission.is_some() && op.path.contains("{id}") {
        let never = Uuid::now_v7().to_string();
        let mut path = path.clone();
        path[op.path.split('/').position(|segment| segment == "{id}").unwrap()] = &never;
        Asked { path: path.join("/"), ..asked.clone() }.send().await.problem(404, "not_found");
    }
}

async fn bodies(op: &Op<'_>, asked: &Asked, huge: &Bytes) {
    let media_type = asked.body.as_ref().map_or("application/json", |(media_type, _)| media_type.as_str());
    let most = if op.id == "create_evidence_file" { MAX_FILE } else { 3 * 1024 * 1024 - 1 };
    let answer = asked.clone().body(media_type, huge.slice(..=most)).send().await;
    answer.problem(413, "payload_too_large");
    if asked.body.is_some() {
        let (_, bytes) = asked.body.clone().unwrap();
        for other in ["text/plain", "application/xml", "multipart/form-data"] {
            let answer = asked.clone().body(other, bytes.clone()).send().await;
            if op.is_form() {
                assert_eq!(answer.ok(400)["error"], "invalid_request");
                continue;
            }
            assert_eq!(answer.problem(415, "unsupported_media_type")["received"], other);
        }
    }
    if op.is_form() || op.id == "create_evidence_file" {
        return;
    }
    let malformed = asked.clone().body("application/json", "{\n  \"a\": }").send().await;
    let place = malformed.problem(400, "malformed_json");
    assert_eq!((&place["line"], &place["column"]), (&json!(2), &json!(8)));
    let body = asked.value().unwrap_or_else(|| json!({}));
    let mut places = Vec::new();
    objects(&body, "", &mut places);
    for place in places {
        let mut more = body.clone();
        more.pointer_mut(&place).unwrap()["khong_co"] = json!(1);
        let answer = asked.clone().json(&more).send().await;
        // One of several has an outcome of its own.
        let outcomes = answer.json()["outcomes"].as_array().filter(|_| !place.is_empty()).cloned();
        if let Some([outcome]) = outcomes.as_deref() {
            let fault = &outcome["problem"]["errors"][0];
            assert_eq!(
                (&outcome["status"], &fault["code"]),
                (&json!("rejected"), &json!("unknown_field")),
                "{outcome}"
            );
            assert!(fault["pointer"].as_str().unwrap().ends_with("/khong_co"), "{outcome}");
            continue;
        }
        answer.faults(422, &[(format!("{place}/khong_co").as_str(), "unknown_field")]);
    }
    asked.clone().json(&json!([])).send().await.faults(422, &[("", "wrong_type")]);
}

both! {
    async fn addresses_methods_and_heads_are_refused_alike(t: &T) {
        let world = World::new(t).await;
        each(Op::all(t), 100, async |op| {
            let asked = world.good(op, &world.site).await;
            let before = kept(&t.store).await;
            addresses_and_methods(op, &asked).await;
            heads(t, op, &asked).await;
            same(&before, &kept(&t.store).await, "a refused request");
        })
        .await;
        world.end().await;
    }

    async fn parameters_are_refused_by_their_name(t: &T) {
        let world = World::new(t).await;
        // What identity providers send is of their own making.
        let ops = Op::all(t).into_iter().filter(|op| op.id != "finish_login");
        each(ops, 100, async |op| {
            let asked = world.good(op, &world.site).await;
            let before = kept(&t.store).await;
            queries(op, &asked).await;
            same(&before, &kept(&t.store).await, "a refused request");
        })
        .await;
        world.end().await;
    }

    async fn bodies_are_refused_with_their_place(t: &T) {
        let world = World::new(t).await;
        let huge = Bytes::from(vec![b' '; MAX_FILE + 1]);
        each(Op::all(t).into_iter().filter(|op| !op.is_read()), 50, async |op| {
            let asked = world.good(op, &world.site).await;
            let before = kept(&t.store).await;
            bodies(op, &asked, &huge).await;
            same(&before, &kept(&t.store).await, "a refused request");
        })
        .await;
        world.end().await;
    }
}
