//! Ids of somebody else's subtree, wherever an id may stand: in the path, the query, the body, a cursor. The answer must be
//! the one that an id gets which never was, in status, code, words and totals; nothing tells whether the thing is there.

use crate::{
    harness::{
        Answer, Caller, T,
        world::{DA_NANG, HA_NOI, seeded_unit},
    },
    requests::{Site, case},
};
use actix_web::http::Method;
use serde_json::Value;
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// What an answer tells, without what differs from request to request and without the id that was asked for.
fn told(answer: &Answer, asked: Uuid) -> (u16, String) {
    let body = if answer.bytes.is_empty() { Value::Null } else { answer.json() };
    let request = answer.header("x-request-id").unwrap();
    (answer.status, body.to_string().replace(request, "").replace(&asked.to_string(), "…"))
}

/// Every id in a value, replaced one at a time: the place, and the value with the other id there.
fn with_each_id_replaced(value: &Value, by: Uuid) -> Vec<(String, Value)> {
    fn walk(value: &Value, at: &str, places: &mut Vec<String>) {
        match value {
            Value::String(text) if text.len() == 36 && Uuid::try_parse(text).is_ok() => places.push(at.to_owned()),
            Value::Array(items) => items.iter().enumerate().for_each(|(n, v)| walk(v, &format!("{at}/{n}"), places)),
            Value::Object(members) => members.iter().for_each(|(name, v)| walk(v, &format!("{at}/{name}"), places)),
            _ => {}
        }
    }
    let mut places = Vec::new();
    walk(value, "", &mut places);
    let replaced = |place: String| {
        let mut copy = value.clone();
        *copy.pointer_mut(&place).unwrap() = by.to_string().into();
        (place, copy)
    };
    places.into_iter().map(replaced).collect()
}

/// A caller who may do everything in their own ward, and all that is elsewhere.
async fn world(t: &T) -> (Caller, Site, Vec<Uuid>) {
    let own = t.commune(seeded_unit(HA_NOI), "XD-OWN").await;
    let elsewhere = t.commune(seeded_unit(DA_NANG), "XD-ELSEWHERE").await;
    let caller = t.nobody().await;
    for role in Role::ALL {
        t.grant(&caller, *role, own, None).await;
    }
    let candidate = t.user(Role::Viewer, own).await.user_id;
    let there = Site::at(t, elsewhere, candidate).await;
    (caller, Site::at(t, own, candidate).await, there.ids())
}

both! {
    async fn in_a_query_a_foreign_id_is_an_id_that_never_was(t: &T) {
        let (caller, _, foreign) = world(t).await;
        let document = t.app.contract.document().clone();
        let mut probes = 0;
        for operation in t.app.contract.operations().iter().filter(|o| o.method == "GET" && !o.path.contains('{')) {
            let parameters = document["paths"][&operation.path]["get"]["parameters"].as_array().unwrap();
            let names = parameters.iter().filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap());
            let counts = names.clone().any(|name| name == "include_total");
            let by_id = parameters.iter().filter(|p| p["in"] == "query" && p["schema"]["format"] == "uuid");
            for name in by_id.map(|p| p["name"].as_str().unwrap()) {
                let ask = async |id: Uuid| {
                    let total = if counts { "&include_total=true" } else { "" };
                    told(&caller.get(&format!("{}?{name}={id}{total}", operation.path)).await, id)
                };
                let nothing = ask(Uuid::now_v7()).await;
                for id in &foreign {
                    assert_eq!(ask(*id).await, nothing, "{} by {name}", operation.id);
                    probes += 1;
                }
            }
        }
        assert!(probes > 200, "{probes}");
    }

    async fn in_a_path_a_foreign_id_is_an_id_that_never_was(t: &T) {
        let (caller, site, foreign) = world(t).await;
        let mut probes = 0;
        for operation in t.app.contract.operations().iter().filter(|o| o.path.contains('{')) {
            let body = case(&operation.id, &site).unwrap().body;
            let write = operation.method != "GET";
            let ask = async |id: Uuid| {
                let mut pieces: Vec<_> = operation.path.split('/').map(ToOwned::to_owned).collect();
                for piece in pieces.iter_mut().filter(|piece| piece.starts_with('{')) {
                    *piece = id.to_string();
                }
                let path = pieces.join("/") + if write { "?dry_run=true" } else { "" };
                let mut request = caller.send(operation.method.parse::<Method>().unwrap(), &path);
                if write {
                    request = request.if_match("*");
                }
                if let Some(body) = &body {
                    request = request.json(body);
                }
                told(&request.await, id)
            };
            let nothing = ask(Uuid::now_v7()).await;
            assert!(matches!(nothing.0, 403 | 404), "{}: {nothing:?}", operation.id);
            for id in &foreign {
                assert_eq!(ask(*id).await, nothing, "{}", operation.id);
                probes += 1;
            }
        }
        assert!(probes > 300, "{probes}");
    }

    async fn in_a_body_a_foreign_id_is_an_id_that_never_was(t: &T) {
        let (caller, site, foreign) = world(t).await;
        let mut probes = 0;
        for operation in t.app.contract.operations().iter().filter(|o| o.method != "GET") {
            let case = case(&operation.id, &site).unwrap();
            let Some(body) = case.body else { continue };
            let path = format!("{}?dry_run=true", case.path);
            let ask = async |body: &Value, id: Uuid| {
                let request = caller.send(operation.method.parse::<Method>().unwrap(), &path);
                told(&request.if_match("*").json(body).await, id)
            };
            let unknown = Uuid::now_v7();
            for (n, (place, never)) in with_each_id_replaced(&body, unknown).into_iter().enumerate() {
                let nothing = ask(&never, unknown).await;
                // Of many at once each is answered by itself. What is new may have whatever id nobody has.
                let refused = nothing.0 >= 400 || nothing.1.contains("\"accepted\":0");
                let own_id = operation.id.starts_with("create_") && place.ends_with("/id");
                assert!(refused || own_id, "{} at {place}: {nothing:?}", operation.id);
                for id in &foreign {
                    let (_, body) = with_each_id_replaced(&body, *id).swap_remove(n);
                    assert_eq!(ask(&body, *id).await, nothing, "{} at {place}", operation.id);
                    probes += 1;
                }
            }
        }
        assert!(probes > 50, "{probes}");
    }

    async fn a_cursor_of_somebody_who_sees_more_shows_no_more(t: &T) {
        let (caller, ..) = world(t).await;
        let mut pages = 0;
        for operation in t.app.contract.operations().iter().filter(|o| o.method == "GET" && !o.path.contains('{')) {
            let path = &operation.path;
            // The feed's cursors are good for nobody else at all: see `changes`.
            if path == "/v1/changes" {
                continue;
            }
            let wide = t.admin.get(&format!("{path}?limit=1")).await;
            let Some(cursor) = (wide.status == 200).then(|| wide.json()["next_cursor"].as_str().map(ToOwned::to_owned)).flatten()
            else {
                continue;
            };
            let own: Vec<Value> = caller.get(&format!("{path}?limit=200")).await.json()["data"].as_array().unwrap().clone();
            let answer = caller.get(&format!("{path}?limit=200&cursor={cursor}")).await;
            let page = answer.json();
            let rows = page["data"].as_array().unwrap();
            assert!(rows.iter().all(|row| own.contains(row) || own.len() == 200), "{}", operation.id);
            pages += 1;
        }
        assert!(pages > 8, "{pages}");
    }
}
