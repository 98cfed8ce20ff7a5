//! What the contract says of every answer, held on every answer that any test gets.

use super::Answer;
use actix_web::{http::Method, web::Data};
use serde_json::{Map, Value};
use tinhnguyen_http::app::App;

/// The operation of the document that a request is for, if it has one.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let path = path.split('?').next().unwrap_or_default();
    let matches = |template: &str| {
        let (left, right): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        left.len() == right.len()
            && left.iter().zip(&right).all(|(l, r)| l == r || (l.starts_with('{') && !r.is_empty()))
    };
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let paths: &Map<String, Value> = document["paths"].as_object()?;
    // A path that is there as it stands comes before those with parameters.
    let item = paths.get(path).or_else(|| paths.iter().find(|(template, _)| matches(template)).map(|(_, item)| item));
    item?.get(&method)
}

/// Holds an answer against the contract.
#[track_caller]
pub fn hold(app: &Data<App>, method: &Method, path: &str, answer: &Answer) {
    let told = format!("{method} {path} → {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
    assert!(answer.status < 500, "{told}");
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "no X-Request-Id: {told}");
    assert!(answer.header("cache-control").is_some(), "no Cache-Control: {told}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{told}");
    if path.starts_with("/v1/") {
        let quotas = |name: &str| answer.header(name).map(|list| list.split(", ").count());
        assert!(quotas("ratelimit").is_some(), "no RateLimit: {told}");
        assert_eq!(quotas("ratelimit"), quotas("ratelimit-policy"), "{told}");
    }
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    if is_problem {
        hold_problem(method, path, answer, &told);
    }
    // OAuth's endpoints say what is wrong in its own words.
    let is_oauth = matches!(path, "/v1/auth/token" | "/v1/auth/revoke" | "/v1/auth/introspect");
    // People are told by a page.
    let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    assert!(is_problem || answer.status < 400 || is_oauth || is_page, "no problem: {told}");
    let document = app.contract.document();
    let Some(operation) = operation(document, method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(!response.is_null(), "the contract does not declare this status: {told}");
    let resolved = |part: &'_ Value| match part["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap().clone(),
        None => part.clone(),
    };
    let response = resolved(response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let there = answer.header(name).is_some() || resolved(header)["required"] != true;
        assert!(there, "the contract promises the header {name}: {told}");
    }
    if answer.bytes.is_empty() {
        return;
    }
    let media_type = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let content = &response["content"][media_type];
    assert!(!content.is_null(), "the contract does not declare the media type {media_type}: {told}");
    if is_problem {
        let body = answer.json();
        let codes = operation["x-problem-codes"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(codes.contains(&body["code"]), "the contract does not state this code: {told}");
        assert_eq!(schema_faults(app, "Problem", &body), Vec::<String>::new(), "{told}");
    } else if media_type == "application/json" {
        let schema = content["schema"]["$ref"].as_str().and_then(|to| to.rsplit('/').next()).expect("a named schema");
        assert_eq!(schema_faults(app, schema, &answer.json()), Vec::<String>::new(), "{told}");
        let mut unsaid = Vec::new();
        unsaid_fields(document, &content["schema"], &answer.json(), "", &mut unsaid);
        assert_eq!(unsaid, Vec::<String>::new(), "the contract does not state these fields: {told}");
    }
}

/// The fields of a body that its schema says nothing of.
fn unsaid_fields(document: &Value, schema: &Value, body: &Value, at: &str, unsaid: &mut Vec<String>) {
    // A problem may tell more, as each code needs (RFC 9457 §3.2).
    if schema["$ref"] == "#/components/schemas/Problem" {
        return;
    }
    let schema = match schema["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    // Of several kinds: the one that the word says, or the one that is not null.
    if let Some(kinds) = schema["oneOf"].as_array() {
        let word = schema["discriminator"]["propertyName"].as_str().and_then(|name| body[name].as_str());
        let mapped = word.and_then(|word| schema["discriminator"]["mapping"][word].as_str());
        let other = || kinds.iter().find(|kind| kind["type"] != "null" && kinds.len() <= 2);
        match mapped {
            Some(to) => unsaid_fields(document, &serde_json::json!({"$ref": to}), body, at, unsaid),
            None => other().into_iter().for_each(|kind| unsaid_fields(document, kind, body, at, unsaid)),
        }
        return;
    }
    match body {
        Value::Object(members) if schema["properties"].is_object() => {
            for (name, member) in members {
                match schema["properties"].get(name) {
                    Some(field) => unsaid_fields(document, field, member, &format!("{at}/{name}"), unsaid),
                    None => unsaid.push(format!("{at}/{name}")),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unsaid_fields(document, &schema["items"], item, &format!("{at}/{index}"), unsaid);
            }
        }
        _ => {}
    }
}

fn schema_faults(app: &Data<App>, schema: &str, body: &Value) -> Vec<String> {
    app.contract.faults(schema, body).unwrap().iter().map(|fault| format!("{fault:?}")).collect()
}

/// RFC 9457, and our own members.
#[track_caller]
fn hold_problem(method: &Method, path: &str, answer: &Answer, told: &str) {
    if *method == Method::HEAD {
        return;
    }
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    assert_eq!(body["status"], answer.status, "{told}");
    assert_eq!(text("type"), format!("/problems/{}", text("code")), "{told}");
    assert_eq!(text("instance"), path.split('?').next().unwrap_or_default(), "{told}");
    assert_eq!(Some(text("request_id")), answer.header("x-request-id"), "{told}");
    assert!(!text("title").is_empty() && !text("detail").is_empty(), "{told}");
    assert!(matches!(answer.header("content-language"), Some("vi" | "en")), "{told}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{told}");
    match answer.status {
        401 => assert!(answer.header("www-authenticate").is_some_and(|v| v.starts_with("Bearer")), "{told}"),
        405 => assert!(answer.header("allow").is_some_and(|v| !v.is_empty()), "{told}"),
        429 | 503 => assert!(answer.header("retry-after").is_some(), "{told}"),
        _ => {}
    }
}
