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
    let exact = paths.get(path).and_then(|item| item.get(&method));
    exact.or_else(|| paths.iter().find(|(template, _)| matches(template)).and_then(|(_, item)| item.get(&method)))
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
    let document = app.contract.document();
    let Some(operation) = operation(document, method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(!response.is_null(), "the contract does not declare this status: {told}");
    if answer.bytes.is_empty() {
        return;
    }
    if is_problem {
        let body = answer.json();
        let codes = operation["x-problem-codes"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(codes.contains(&body["code"]), "the contract does not state this code: {told}");
        assert_eq!(schema_faults(app, "Problem", &body), Vec::<String>::new(), "{told}");
        return;
    }
    let content = &response["content"]["application/json"]["schema"]["$ref"];
    let Some(schema) = content.as_str().and_then(|r| r.rsplit('/').next()) else {
        assert!(answer.header("content-type") != Some("application/json"), "a body without a schema: {told}");
        return;
    };
    assert_eq!(schema_faults(app, schema, &answer.json()), Vec::<String>::new(), "{told}");
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
