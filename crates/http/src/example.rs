//! Examples for every request and answer, made from the schemas' own examples, so that they can't drift from them.

use serde_json::{Map, Value, json};

/// How deep a schema is followed.
const DEPTH: usize = 12;

/// An example of what a schema describes: its own where it states one, otherwise made of its parts.
pub fn of(schema: &Value, schemas: &Map<String, Value>) -> Value {
    make(schema, schemas, 0)
}

fn make(schema: &Value, schemas: &Map<String, Value>, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(example) = schema.get("examples").and_then(|e| e.get(0)) {
        return example.clone();
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) {
        return schemas.get(name).map_or(Value::Null, |target| make(target, schemas, depth + 1));
    }
    if let Some(first) = schema.get("enum").and_then(|e| e.get(0)) {
        return first.clone();
    }
    if let Some(branches) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        let branch = branches.iter().find(|b| b.get("type").and_then(Value::as_str) != Some("null"));
        return branch.map_or(Value::Null, |b| make(b, schemas, depth + 1));
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        // A nullable field without an example is shown as null.
        Some(Value::Array(kinds)) if kinds.iter().any(|k| k == "null") => return Value::Null,
        _ => "object",
    };
    match kind {
        "object" => {
            let required: Vec<&str> = schema
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            members
                .filter(|(name, property)| {
                    required.contains(&name.as_str())
                        || property.get("example").is_some()
                        || property.get("examples").is_some()
                })
                .map(|(name, property)| (name.clone(), make(property, schemas, depth + 1)))
                .collect::<Map<_, _>>()
                .into()
        }
        "array" => {
            let item = schema.get("items").map_or(Value::Null, |items| make(items, schemas, depth + 1));
            json!([item])
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(false),
        _ => text(schema.get("format").and_then(Value::as_str)).into(),
    }
}

fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "0190a1b2-0000-7000-8000-000000000001",
        Some("date") => "2024-07-01",
        Some("date-time") => "2024-07-01T08:30:00Z",
        _ => "…",
    }
}
