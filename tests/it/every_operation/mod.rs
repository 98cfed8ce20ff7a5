//! What the conventions say of all operations alike, tried on every operation that the document has, on what the
//! document says of it. An operation that has no request in [`good`] or in `requests::case` fails; so does one that
//! answers what its own lines of the document don't say (`harness::conformance`).

mod edge;
mod good;
mod lists;
mod reads;
mod writes;

use crate::{
    harness::{Caller, Sending, T, value, values, world::HA_NOI, world::seeded_unit},
    identities::Stage,
    requests::Site,
};
use actix_web::{http::Method, web::Bytes};
use futures_util::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use tinhnguyen_domain::access::Permission;
use tinhnguyen_persistence::Store;
use uuid::Uuid;

/// An operation, and what the document says of it.
struct Op<'a> {
    id: String,
    method: Method,
    /// Path template.
    path: String,
    permission: Option<Permission>,
    document: &'a Value,
    says: &'a Value,
}

impl<'a> Op<'a> {
    /// All operations.
    fn all(t: &'a T) -> Vec<Self> {
        let document = t.app.contract.document();
        let of = |operation: tinhnguyen_http::contract::Operation| Self {
            method: operation.method.parse().unwrap(),
            says: &document["paths"][&operation.path][operation.method.to_ascii_lowercase()],
            id: operation.id,
            path: operation.path,
            permission: operation.permission,
            document,
        };
        t.app.contract.operations().into_iter().map(of).collect()
    }

    fn resolved(&self, part: &'a Value) -> &'a Value {
        match part["$ref"].as_str() {
            Some(to) => self.document.pointer(to.trim_start_matches('#')).unwrap(),
            None => part,
        }
    }

    /// Its parameters in `query`, `header` or `path`.
    fn parameters(&self, place: &str) -> Vec<&'a Value> {
        let all = self.says["parameters"].as_array().unwrap().iter().map(|parameter| self.resolved(parameter));
        all.filter(|parameter| parameter["in"] == place).collect()
    }

    fn has(&self, place: &str, name: &str) -> bool {
        self.parameters(place).iter().any(|parameter| parameter["name"] == name)
    }

    /// Whether it can't go without `If-Match`, on what is there already.
    fn wants_if_match(&self) -> bool {
        self.has("header", "If-Match")
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it takes an OAuth form, and answers in OAuth's own words.
    fn is_form(&self) -> bool {
        self.says["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some()
    }

    /// The schema of the JSON that it takes.
    fn body_schema(&self) -> Option<&'a str> {
        let schema = &self.says["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        schema.as_str()?.rsplit('/').next()
    }

    /// The schema of the JSON of its 200.
    fn answer_schema(&self) -> Option<(&'a str, &'a Value)> {
        let schema = &self.says["responses"]["200"]["content"]["application/json"]["schema"];
        Some((schema["$ref"].as_str()?.rsplit('/').next()?, self.resolved(schema)))
    }

    /// Whether it answers with a page of a list.
    fn is_list(&self) -> bool {
        let has = |schema: &Value, name: &str| schema["properties"].get(name).is_some();
        self.answer_schema().is_some_and(|(_, schema)| has(schema, "data") && has(schema, "next_cursor"))
    }

    /// The media types of its success.
    fn media_types(&self) -> Vec<&'a str> {
        let responses = self.says["responses"].as_object().unwrap();
        let successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
        successes
            .flat_map(|(_, response)| response["content"].as_object().into_iter().flatten())
            .map(|(t, _)| t.as_str())
            .collect()
    }
}

/// A request, ready to be sent as often as it takes.
#[derive(Clone)]
struct Asked {
    by: Caller,
    method: Method,
    path: String,
    body: Option<(String, Bytes)>,
    if_match: Option<String>,
}

impl Asked {
    fn of(op: &Op<'_>, by: &Caller, path: impl Into<String>) -> Self {
        let if_match = op.wants_if_match().then(|| "*".to_owned());
        Self { by: by.clone(), method: op.method.clone(), path: path.into(), body: None, if_match }
    }

    fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    fn body(self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self { body: Some((media_type.to_owned(), bytes.into())), ..self }
    }

    fn by(self, by: &Caller) -> Self {
        Self { by: by.clone(), ..self }
    }

    fn if_match(self, tag: Option<&str>) -> Self {
        Self { if_match: tag.map(str::to_owned), ..self }
    }

    /// The same with one more parameter in its query.
    fn with(&self, parameter: &str) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{joint}{parameter}", self.path), ..self.clone() }
    }

    /// Its path without the query.
    fn place(&self) -> &str {
        self.path.split('?').next().unwrap()
    }

    /// Its JSON.
    fn value(&self) -> Option<Value> {
        let (media_type, bytes) = self.body.as_ref()?;
        (media_type == "application/json").then(|| serde_json::from_slice(bytes).unwrap())
    }

    fn send(&self) -> Sending {
        let mut sending = self.by.send(self.method.clone(), &self.path);
        if let Some(tag) = &self.if_match {
            sending = sending.if_match(tag);
        }
        match &self.body {
            Some((media_type, bytes)) => sending.body(media_type, bytes.clone()),
            None => sending,
        }
    }
}

/// What the operations are tried in.
struct World<'a> {
    t: &'a T,
    /// An application whose people may also log in at a provider.
    stage: Stage,
    candidate: Uuid,
    site: Site,
}

impl<'a> World<'a> {
    async fn new(t: &'a T) -> Self {
        let candidate = t.user(tinhnguyen_domain::access::Role::Viewer, seeded_unit(HA_NOI)).await.user_id;
        let unit = t.commune(seeded_unit(HA_NOI), "XD-CHUNG").await;
        Self { t, stage: Stage::new(t, None).await, candidate, site: Site::at(t, unit, candidate).await }
    }

    /// A site at which nothing was done yet.
    async fn untouched(&self) -> Site {
        let unit = self.t.commune(seeded_unit(HA_NOI), &Uuid::now_v7().simple().to_string()).await;
        Site::at(self.t, unit, self.candidate).await
    }

    async fn end(self) {
        self.stage.idp.stop().await;
    }
}

/// Tries something with each of the operations, and tells of all that went wrong, not of the first alone.
async fn each<'a>(ops: impl IntoIterator<Item = Op<'a>>, least: usize, test: impl AsyncFn(&Op<'a>)) {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for op in ops {
        tried += 1;
        if let Err(panic) = AssertUnwindSafe(test(&op)).catch_unwind().await {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            wrong.push(format!("{} ({} {}): {text}", op.id, op.method, op.path));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} operations:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried >= least, "only {tried} operations");
}

/// How many rows each table has and how often its rows were changed: what a request kept shows here.
async fn kept(store: &Store) -> Vec<(String, i64)> {
    let conn = store.read();
    let (tables, versioned) = match store.engine() {
        "sqlite" => (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'version'",
        ),
        _ => (
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
            "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'version'",
        ),
    };
    let mut tables: Vec<String> = values(conn, tables).await;
    tables.sort();
    let versioned: Vec<String> = values(conn, versioned).await;
    let of = |table: &String| {
        let sum =
            if versioned.contains(table) && table != "seaql_migrations" { "COALESCE(sum(version), 0)" } else { "0" };
        format!("SELECT CAST(1000000 * count(*) + {sum} AS BIGINT) AS n FROM \"{table}\"")
    };
    let all: Vec<String> = tables.iter().map(of).collect();
    let counts: Vec<i64> = values(conn, &all.join(" UNION ALL ")).await;
    tables.into_iter().zip(counts).collect()
}

/// Holds that nothing was kept since `before`.
#[track_caller]
fn same(before: &[(String, i64)], after: &[(String, i64)], what: &str) {
    let changed: Vec<_> = before.iter().zip(after).filter(|(b, a)| b != a).collect();
    assert!(before.len() > 30 && changed.is_empty(), "{what} kept something: {changed:?}");
}

/// Which of these requests the audit log tells of.
async fn told_by_the_log(t: &T, requests: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for id in requests {
        let rows: i64 =
            value(t.store.read(), &format!("SELECT count(*) FROM audit_log WHERE request_id = '{id}'")).await;
        if rows > 0 {
            told.push((*id).to_owned());
        }
    }
    told
}
