//! The contract in the words of OpenAPI 3.0, for tools that don't read 3.1 yet: the same operations and the same schemas.

use serde_json::{Map, Value, json};

/// Where the licences of an SPDX expression are explained: 3.0 has no field for the expression itself.
const LICENCES: &str = "https://spdx.org/licenses/";

/// The document of 3.1 as one of 3.0.
#[must_use]
pub fn of(document: &Value) -> Value {
    let whole = Newer(document);
    let mut older = Map::new();
    for (name, member) in document.as_object().into_iter().flatten() {
        match name.as_str() {
            "openapi" => older.insert(name.clone(), "3.0.3".into()),
            // 3.0 has no section for them; the schemas that they send stay referred to.
            "webhooks" => older.insert("x-webhooks".to_owned(), whole.outside(member)),
            _ => older.insert(name.clone(), whole.outside(member)),
        };
    }
    let licence = older.get_mut("info").and_then(|info| info.get_mut("license")).and_then(Value::as_object_mut);
    if let Some(licence) = licence
        && licence.remove("identifier").is_some()
    {
        licence.insert("url".to_owned(), LICENCES.into());
    }
    Value::Object(older)
}

/// The document of 3.1, in which references are looked up.
struct Newer<'a>(&'a Value);

impl Newer<'_> {
    /// What is no schema: schemas are looked for, values that somebody would send are left alone.
    fn outside(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| {
                    let member = match (name.as_str(), member) {
                        ("example" | "examples", _) => member.clone(),
                        ("schema", _) => self.schema(member),
                        ("schemas", Value::Object(named)) => self.each(named),
                        _ => self.outside(member),
                    };
                    (name.clone(), member)
                })
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.outside(item)).collect(),
            _ => value.clone(),
        }
    }

    fn each(&self, named: &Map<String, Value>) -> Value {
        named.iter().map(|(name, one)| (name.clone(), self.schema(one))).collect::<Map<_, _>>().into()
    }

    /// One schema and those within it.
    fn schema(&self, value: &Value) -> Value {
        let Some(members) = value.as_object() else { return json!({}) };
        let mut older = Map::new();
        let mut put = |name: &str, value: Value| {
            older.insert(name.to_owned(), value);
        };
        for (name, member) in members {
            match (name.as_str(), member) {
                // Nothing may stand beside a reference.
                ("$ref", _) if members.len() > 1 => put("allOf", json!([{"$ref": member}])),
                ("type", Value::Array(types)) => {
                    let others: Vec<&Value> = types.iter().filter(|one| *one != "null").collect();
                    if others.len() < types.len() {
                        put("nullable", true.into());
                    }
                    match others.as_slice() {
                        [only] => put(name, (*only).clone()),
                        several => put("anyOf", several.iter().map(|one| json!({"type": one})).collect()),
                    }
                }
                ("oneOf" | "anyOf", Value::Array(branches)) => {
                    let others: Vec<&Value> = branches.iter().filter(|one| !is_null(one)).collect();
                    if others.len() < branches.len() {
                        put("nullable", true.into());
                        // Which means nothing without a type beside it.
                        if let Some(kind) = others.first().and_then(|one| self.kind(one)) {
                            put("type", kind);
                        }
                    }
                    let name = if others.len() == 1 { "allOf" } else { name.as_str() };
                    put(name, others.into_iter().map(|one| self.branch(one)).collect());
                }
                ("allOf", Value::Array(parts)) => put(name, parts.iter().map(|one| self.branch(one)).collect()),
                ("properties", Value::Object(named)) => put(name, self.each(named)),
                ("items" | "additionalProperties" | "not", Value::Object(_)) => put(name, self.schema(member)),
                ("const", _) => put("enum", json!([member])),
                ("examples", Value::Array(examples)) => {
                    if let Some(first) = examples.first() {
                        put("example", first.clone());
                    }
                }
                ("exclusiveMinimum", Value::Number(_)) => {
                    put("minimum", member.clone());
                    put(name, true.into());
                }
                ("exclusiveMaximum", Value::Number(_)) => {
                    put("maximum", member.clone());
                    put(name, true.into());
                }
                ("contentEncoding", _) => put("format", "byte".into()),
                ("contentMediaType", _) if members.contains_key("contentEncoding") => {}
                ("contentMediaType", _) => put("format", "binary".into()),
                _ => put(name, member.clone()),
            }
        }
        Value::Object(older)
    }

    /// One of several: what is said beside a reference is left out, so that it stays a name that a discriminator can map.
    fn branch(&self, value: &Value) -> Value {
        value.get("$ref").map_or_else(|| self.schema(value), |to| json!({"$ref": to}))
    }

    /// The type of a schema, its own or the one that it refers to.
    fn kind(&self, schema: &Value) -> Option<Value> {
        let to = schema.get("$ref").and_then(Value::as_str);
        match to.and_then(|to| self.0.pointer(to.trim_start_matches('#'))) {
            Some(target) => self.kind(target),
            None => schema.get("type").filter(|kind| kind.is_string()).cloned(),
        }
    }
}

fn is_null(branch: &Value) -> bool {
    branch.get("type").is_some_and(|one| one == "null")
}
