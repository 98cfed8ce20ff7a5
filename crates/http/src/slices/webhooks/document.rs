//! The `webhooks` section of the document: what a receiver is sent.

use serde_json::{Map, Value, json};
use tinhnguyen_domain::webhooks::EventType;

/// One entry for each type of event.
#[must_use]
pub fn section(schemas: &Map<String, Value>) -> Value {
    EventType::ALL.iter().map(|one| (one.as_str().to_owned(), entry(*one, schemas))).collect::<Map<_, _>>().into()
}

/// In words, and the schema of the body.
const fn described(event: EventType) -> (&'static str, &'static str) {
    match event {
        EventType::CampaignChanged => ("A campaign (chiến dịch) was changed", "ChangeEvent"),
        EventType::IndicatorChanged => ("An indicator (chỉ tiêu) was changed", "ChangeEvent"),
        EventType::OrgUnitChanged => ("A unit of the organisation (đơn vị) was changed", "ChangeEvent"),
        EventType::TeamChanged => ("A team (đội hình) was changed", "ChangeEvent"),
        EventType::TeamMemberChanged => ("A membership (đội viên) was changed", "ChangeEvent"),
        EventType::ActivityChanged => ("An activity (hoạt động) was changed, or tallies came to it", "ChangeEvent"),
        EventType::ResultChanged => ("A result (kết quả) was changed", "ChangeEvent"),
        EventType::ReportingReminder => {
            ("Reports are due soon, and teams of a unit are missing (nhắc báo cáo)", "ReportingEvent")
        }
        EventType::ReportingOverdue => {
            ("Reports are overdue, and teams of a unit are missing (quá hạn)", "ReportingEvent")
        }
        EventType::Test => ("Somebody tries the webhook", "WebhookTestEvent"),
    }
}

fn entry(event: EventType, schemas: &Map<String, Value>) -> Value {
    let (summary, schema) = described(event);
    let mut example = schemas.get(schema).map_or(Value::Null, |one| crate::example::of(one, schemas));
    if let Some(members) = example.as_object_mut() {
        members.insert("type".to_owned(), event.as_str().into());
        let kind = event.as_str().strip_suffix(".changed");
        if let (Some(kind), Some(data)) = (kind, members.get_mut("data").and_then(Value::as_object_mut)) {
            data.insert("kind".to_owned(), kind.into());
            data.insert("action".to_owned(), format!("patch_{kind}").into());
        }
    }
    let header = |name: &str, description: &str, example: &str| {
        json!({"name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string", "maxLength": 500}, "example": example})
    };
    json!({"post": {
        "tags": ["webhooks"],
        "summary": summary,
        "description": "By Standard Webhooks (standardwebhooks.com). Check the signature before anything else: HMAC-SHA256 under the \
            bytes behind `whsec_` (base64), of `webhook-id`, `webhook-timestamp` and the body as it came, joined by `.`; while a secret is \
            rotated there are two signatures, separated by a space. Refuse what is older than a few minutes, and remember \
            `webhook-id`: an event comes at least once, in no certain order. It tells which thing it is and no more; read that by \
            its id.",
        "operationId": format!("receive_{}", event.as_str().replace('.', "_")),
        "security": [],
        "parameters": [
            header("webhook-id", "The same however often the event is sent.", "0190a1b2-0000-7000-8000-000000000001"),
            header("webhook-timestamp", "When it is sent, in seconds since 1970.", "1720400400"),
            header("webhook-signature", "`v1,` and the signature in base64.", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
        ],
        "requestBody": {
            "description": "The event.",
            "required": true,
            "content": {"application/json": {
                "schema": {"$ref": format!("#/components/schemas/{schema}")},
                "example": example,
            }},
        },
        "responses": {
            "2XX": {"description": "It was taken. The body is not read."},
            "410": {"description": "The receiver is gone for good: the webhook is switched off."},
            "default": {"description": "It is sent again, more and more seldom, for about three days. Redirects are not followed."},
        },
    }})
}
