//! The document's examples: each fits the schema that it is an example of, and each request is one that the service takes.

use crate::{
    harness::{
        Answer, Caller, T, id_in, now,
        world::{HA_NOI, centre, new_activity, seeded_unit},
    },
    requests::{Site, case},
};
use actix_web::http::Method;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use tinhnguyen_http::{
    app::contract,
    contract::{Contract, Operation},
    schema::{EXTENT, Extent},
};
use uuid::Uuid;

/// Calls `visit` with every object of the document and the way to it.
fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(at, members);
            members.iter().for_each(|(name, member)| walk(member, &format!("{at}/{}", name.replace('/', "~1")), visit));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}/{n}"), visit)),
        _ => {}
    }
}

/// What is wrong with an example.
fn faults(contract: &Contract, at: &str, schema: &Value, example: &Value) -> Vec<String> {
    let faults = contract.parameter_faults(at, at, schema, example).unwrap();
    faults.iter().map(|fault| format!("{at}: {:?} {:?} in {example}", fault.code, fault.limit)).collect()
}

#[test]
fn every_example_of_the_document_fits_its_schema() {
    let contract = contract();
    let (mut wrong, mut looked_at, mut webhooks) = (Vec::new(), 0, 0);
    // Bodies of requests, answers, problems and webhooks, whatever their media type; parameters and headers.
    walk(contract.document(), "", &mut |at, members| {
        let Some(schema) = members.get("schema") else { return };
        let named = members.get("examples").and_then(Value::as_object).into_iter().flatten();
        let examples = members.get("example").into_iter().chain(named.filter_map(|(_, one)| one.get("value")));
        for example in examples {
            looked_at += 1;
            webhooks += usize::from(at.starts_with("/webhooks/") && at.contains("/requestBody/"));
            wrong.extend(faults(&contract, at, schema, example));
        }
    });
    // What a schema, or a field of one, states as its own.
    walk(contract.document(), "", &mut |at, members| {
        let describes = ["type", "$ref", "oneOf"].iter().any(|word| members.contains_key(*word));
        if !at.starts_with("/components/schemas/") || at.ends_with("/properties") || !describes {
            return;
        }
        let schema = Value::Object(members.clone());
        let several = members.get("examples").and_then(Value::as_array).into_iter().flatten();
        for example in members.get("example").into_iter().chain(several) {
            looked_at += 1;
            wrong.extend(faults(&contract, at, &schema, example));
        }
    });
    assert!(wrong.is_empty(), "{} of {looked_at}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(looked_at > 700 && webhooks >= 10, "only {looked_at} examples, {webhooks} of webhooks");
}

#[test]
fn every_list_of_words_says_whether_it_may_grow() {
    let contract = contract();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    walk(contract.document(), "", &mut |at, members| {
        if !members.get("enum").is_some_and(Value::is_array) {
            return;
        }
        let words = members.get("description").and_then(Value::as_str).unwrap_or_default();
        let (open, closed) = (words.contains("Open list: "), words.contains("Closed list: "));
        match members.get(EXTENT).and_then(Value::as_str) {
            Some("open") if open && !closed => {}
            Some("closed") if closed && !open => {}
            other => wrong.push(format!("{at}: {other:?}, in words: {words}")),
        }
        let name = at.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'));
        if let Some(name) = name {
            assert_eq!(members[EXTENT].as_str(), Extent::of(name).map(Extent::word), "{name}");
            seen.insert(name.to_owned());
        }
    });
    assert!(wrong.is_empty(), "not stated:\n{}", wrong.join("\n"));
    assert!(seen.len() > 50, "only {} lists: {seen:?}", seen.len());
    assert_eq!(contract.document()["components"]["schemas"]["Flag"][EXTENT], "open");
    assert_eq!(contract.document()["components"]["schemas"]["ResultStatus"][EXTENT], "closed");
}

/// Where the document's example can't succeed by itself, what it is answered: a problem that the operation states.
const REFUSED: &[(&str, u16, &str)] = &[
    ("create_token", 400, "invalid_grant"),
    ("confirm_password_reset", 422, "token_not_valid"),
    ("change_password", 422, "wrong_password"),
    ("confirm_totp", 409, "wrong_state"),
    ("disable_totp", 409, "wrong_state"),
    ("accept_invitation", 422, "token_not_valid"),
    // Only a registered client may ask, with its secret.
    ("introspect_token", 401, "invalid_client"),
    // The team has a leader, its evenings are over, and the week is a period already.
    ("create_team_member", 409, "leader_exists"),
    ("cancel_activity_series", 409, "wrong_state"),
    ("create_reporting_period", 409, "period_overlaps"),
    // Places were reorganised on that day already.
    ("create_locality_reorganisation", 422, "validation_failed"),
    // The campaign counts already.
    ("create_indicator", 409, "wrong_state"),
    // Nothing is verified yet.
    ("unverify_result", 409, "wrong_state"),
    // A file's bytes are no text.
    ("create_evidence_file", 422, "file_not_readable"),
];

/// Ids of the document's examples stand for things that aren't there: real ones are put in. Those that `chosen` names, those
/// that the matrix sends at the same place, otherwise by what the field is called.
struct Ids<'a> {
    site: &'a Site,
    chosen: &'a [(&'a str, Uuid)],
}

impl Ids<'_> {
    fn put(&self, example: &Value, known: Option<&Value>, field: &str) -> Value {
        match example {
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), self.put(member, known.and_then(|k| k.get(name)), name)))
                .collect(),
            Value::Array(items) => {
                let at = |at: usize| known.and_then(|k| k.get(at).or_else(|| k.get(0)));
                items.iter().enumerate().map(|(n, item)| self.put(item, at(n), &format!("{field}/{n}"))).collect()
            }
            Value::String(text) if Uuid::try_parse(text).is_ok() => {
                let chosen = self.chosen.iter().find(|(name, _)| *name == field).map(|(_, id)| json!(id));
                let known = known.filter(|k| k.as_str().is_some_and(|id| Uuid::try_parse(id).is_ok()));
                let name = field.split('/').next().unwrap();
                chosen.or_else(|| known.cloned()).unwrap_or_else(|| json!(self.site.id_of(name)))
            }
            other => other.clone(),
        }
    }
}

both! {
    async fn every_example_of_a_request_is_taken_by_the_service(t: &T) {
        let site = Site::at(t, seeded_unit(HA_NOI), t.nobody().await.user_id).await;
        // For a day on which nothing is reported yet; and the unions that the reform merged.
        let activity = t.admin.post("/v1/activities", &new_activity(site.id_of("team_id"))).await.ok(201);
        let result = [("activity_id", id_in(&activity, "id"))];
        let merged =
            [("from/0", seeded_unit("TD-10")), ("from/1", seeded_unit("TD-15")), ("parent_id", centre())];
        let (mut wrong, mut taken, mut refused) = (Vec::new(), 0, BTreeSet::new());
        for operation in t.app.contract.operations() {
            let document = &t.app.contract.document()["paths"][&operation.path][operation.method.to_ascii_lowercase()];
            let Some(bodies) = document["requestBody"]["content"].as_object() else { continue };
            let case = case(&operation.id, &site).unwrap();
            let chosen: &[_] = match operation.id.as_str() {
                "create_result" | "create_results" => &result,
                "create_org_unit_reorganisation" => &merged,
                _ => &[],
            };
            // The organisation is not reorganised ahead of its day.
            let day = if operation.id == "create_org_unit_reorganisation" { reform() } else { now() };
            t.clock.set(day);
            let admin = t.admin.clone().with_a_new_token();
            for (kind, media) in bodies {
                let body = Ids { site: &site, chosen }.put(&media["example"], case.body.as_ref(), "");
                let answer = sent(&admin, &operation, &case.path, kind, &body).await;
                let said = String::from_utf8_lossy(&answer.bytes);
                let all_taken = answer.status < 300 && !said.contains("\"status\":\"rejected\"");
                match REFUSED.iter().find(|(id, ..)| *id == operation.id) {
                    None if all_taken => taken += 1,
                    // OAuth's endpoints say it in their own form.
                    Some((id, status, code)) if answer.status == *status && said.contains(&format!("\"{code}\"")) => {
                        refused.insert(*id);
                    }
                    _ => wrong.push(format!("{} {kind}: {} {said}\n    {body}", operation.id, answer.status)),
                }
            }
        }
        assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(refused.len(), REFUSED.len(), "only {refused:?} are refused");
        assert!(taken > 40, "only {taken} examples are taken");
    }
}

/// The first day of the reform, in Viet Nam.
fn reform() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 7, 1, 3, 0, 0).unwrap()
}

/// Sends an example as a rehearsal, where there are any, so that each starts from the same state.
async fn sent(by: &Caller, operation: &Operation, path: &str, kind: &str, example: &Value) -> Answer {
    let method: Method = operation.method.parse().unwrap();
    let form = kind == "application/x-www-form-urlencoded";
    let path = if form { path.to_owned() } else { format!("{path}?dry_run=true") };
    let request = by.send(method, &path).if_match("*");
    let request = match kind {
        "application/json" | "application/merge-patch+json" => request.body(kind, example.to_string()),
        _ if form => {
            let pairs = example.as_object().into_iter().flatten().map(|(name, value)| (name, value.as_str().unwrap()));
            request.body(kind, url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
        }
        _ => request.body(kind, example.as_str().unwrap().to_owned()),
    };
    request.await
}
