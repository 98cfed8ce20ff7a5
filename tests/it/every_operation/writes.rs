//! Every writing operation is rehearsed, wants the version that was read, is done once for each key, and answers what the
//! document says.

use super::{Asked, Op, World, each, kept, same, told_by_the_log};
use crate::harness::{Answer, T};
use actix_web::web::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

/// Shown in the first answer alone, which is not kept: secrets, what would let a person be reached (masked when it is told
/// again), and who else has the same name.
const SECRETS: [&str; 12] = [
    "client_secret",
    "secret",
    "otpauth_uri",
    "recovery_codes",
    "url",
    "token",
    "phone",
    "email",
    "birth_date",
    "lead_contact",
    "masked",
    "duplicate_ids",
];

/// The body of an answer without what it shows once.
fn without_secrets(op: &Op<'_>, answer: &Answer) -> Value {
    if answer.bytes.is_empty() {
        return Value::Null;
    }
    let mut body = answer.json();
    // A webhook's URL is what its owner said; a calendar link's is its secret.
    let is_secret = |name: &str| SECRETS.contains(&name) && (name != "url" || op.id == "create_calendar_link");
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, _| !is_secret(name));
    }
    body
}

/// Another body that the schema takes: one of its values is another one. A password has no part in
/// what is kept of a body, so it makes another one only where there is nothing else.
fn another_body(t: &T, schema: &str, body: &Value) -> Option<Value> {
    fn leaves(value: &Value, at: &str, all: &mut Vec<String>, passwords: bool) {
        match value {
            Value::Object(members) => {
                let others = members.iter().filter(|(name, _)| passwords || !name.ends_with("password"));
                others.for_each(|(name, v)| leaves(v, &format!("{at}/{name}"), all, passwords));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, v)| leaves(v, &format!("{at}/{n}"), all, passwords))
            }
            _ => all.push(at.to_owned()),
        }
    }
    let mut places = Vec::new();
    leaves(body, "", &mut places, false);
    if places.is_empty() {
        leaves(body, "", &mut places, true);
    }
    let mut others = places.into_iter().filter_map(|place| {
        let mut other = body.clone();
        let leaf = other.pointer_mut(&place)?;
        *leaf = match &*leaf {
            Value::String(text) if Uuid::try_parse(text).is_ok() => return None,
            Value::String(text) => json!(format!("{text}9")),
            Value::Number(number) => json!(number.as_i64()? + 1),
            Value::Bool(is) => json!(!is),
            _ => return None,
        };
        Some(other)
    });
    others.find(|other| t.app.contract.faults(schema, other).unwrap().is_empty())
}

/// Wants the version that was read, and keeps nothing when it is not that.
async fn versions(t: &T, asked: &Asked) {
    let before = kept(&t.store).await;
    asked.clone().if_match(None).send().await.problem(428, "if_match_required");
    for stale in ["\"999\"", "W/\"1\"", "\"\""] {
        asked.clone().if_match(Some(stale)).send().await.problem(412, "stale_version");
    }
    same(&before, &kept(&t.store).await, "a request with a stale version");
}

/// Does the same and keeps nothing.
async fn rehearsal(t: &T, asked: &Asked) -> u16 {
    let before = kept(&t.store).await;
    let rehearsed = asked.with("dry_run=true").send().await;
    assert!(rehearsed.status < 300, "{} {}", rehearsed.status, rehearsed.text());
    assert_eq!(rehearsed.header("dry-run"), Some("true"));
    assert_eq!(rehearsed.header("idempotency-replayed"), None);
    same(&before, &kept(&t.store).await, "a rehearsal");
    rehearsed.status
}

/// Two at once with one key do it once, and it is not done again afterwards.
async fn once(t: &T, op: &Op<'_>, asked: &Asked) -> Answer {
    let key = Uuid::now_v7().to_string();
    let names = [format!("mot-{key}"), format!("hai-{key}")];
    let send = |name: &String| asked.send().key(&key).header("x-request-id", name).into_future();
    let (one, two) = tokio::join!(send(&names[0]), send(&names[1]));
    let is_fresh = |answer: &Answer| answer.status < 300 && answer.header("idempotency-replayed").is_none();
    let (fresh, other) = if is_fresh(&one) { (one, two) } else { (two, one) };
    assert!(is_fresh(&fresh), "{} {}", fresh.status, fresh.text());
    if other.status == 409 {
        other.problem(409, "idempotency_in_progress");
        assert!(other.header("retry-after").is_some());
    } else {
        replayed(op, &fresh, &other);
    }
    assert!(told_by_the_log(t, &[&names[0], &names[1]]).await.len() < 2, "done twice");

    let before = kept(&t.store).await;
    replayed(op, &fresh, &asked.send().key(&key).await);
    let another = match (op.body_schema(), asked.value()) {
        (Some(schema), Some(body)) => {
            // Of words and ids alone, another one would be of something else.
            another_body(t, schema, &body).map(|body| asked.clone().json(&body))
        }
        // A file of other bytes.
        _ => asked.body.clone().map(|(media_type, bytes)| {
            let mut bytes = bytes.to_vec();
            bytes.truncate(bytes.len() - 2);
            asked.clone().body(&media_type, Bytes::from([&bytes[..], b"khac\xff\xd9"].concat()))
        }),
    };
    if let Some(another) = another {
        another.send().key(&key).await.problem(422, "idempotency_key_reused");
    }
    same(&before, &kept(&t.store).await, "a key that was used");
    fresh
}

#[track_caller]
fn replayed(op: &Op<'_>, first: &Answer, again: &Answer) {
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{} {}", again.status, again.text());
    assert_eq!((again.status, without_secrets(op, again)), (first.status, without_secrets(op, first)));
    for name in ["etag", "location"] {
        assert_eq!(again.header(name), first.header(name));
    }
}

both! {
    async fn every_write_is_rehearsed_wants_its_version_and_is_done_once(t: &T) {
        let world = World::new(t).await;
        each(Op::all(t).into_iter().filter(|op| !op.is_read()), 50, async |op| {
            if op.is_form() {
                // Tokens are of no version, and nothing of their requests is kept for another time.
                let answer = world.good(op, &world.site).await.send().await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                return;
            }
            assert!(op.has("query", "dry_run"));
            assert_eq!(op.has("header", "Idempotency-Key"), op.method == "POST");
            let untouched;
            let site = if op.path.contains('{') || op.id == "sync_operations" || op.id == "verify_results" {
                untouched = world.untouched().await;
                &untouched
            } else {
                &world.site
            };
            let asked = world.good(op, site).await;
            if op.wants_if_match() {
                versions(t, &asked).await;
            }
            let status = rehearsal(t, &asked).await;
            let before = kept(&t.store).await;
            let answer = if op.has("header", "Idempotency-Key") { once(t, op, &asked).await } else { asked.send().await };
            assert_eq!((answer.status, answer.header("dry-run")), (status, None), "{}", answer.text());
            assert_ne!(before, kept(&t.store).await, "nothing was done");
        })
        .await;
        world.end().await;
    }
}
