//! JSON as clients really send it: repeated keys are seen, text is NFC and without NUL.

use crate::problem::{ApiError, ApiResult, Code, Fault};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};
use std::{cell::RefCell, fmt};
use tinhnguyen_domain::text::nfc;

/// Every integer below it is a double (2⁵³).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses a body. Depth is bounded by the parser (128).
///
/// # Errors
/// `malformed_json` with line and column; `duplicate_key` and `nul_character` with pointers, all at once.
pub fn parse(bytes: &[u8]) -> ApiResult<Value> {
    let faults = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Node { pointer: String::new(), faults: &faults }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    let value = parsed.map_err(|err| {
        ApiError::new(Code::MalformedJson)
            .detail(
                format!("JSON sai ở dòng {}, cột {}.", err.line(), err.column()),
                format!("The JSON is wrong at line {}, column {}.", err.line(), err.column()),
            )
            .with("line", err.line())
            .with("column", err.column())
    })?;
    let faults = faults.into_inner();
    if faults.is_empty() { Ok(value) } else { Err(ApiError::invalid(faults)) }
}

/// A hash that is the same for bodies that say the same, whatever the order of keys and the white space. It is stored, so
/// a password has no part in it: a plain hash of one would be guessed far faster than argon2's.
#[must_use]
pub fn canonical_hash(value: &Value) -> Vec<u8> {
    fn feed(value: &Value, hasher: &mut Sha256) {
        match value {
            Value::Object(members) => {
                let mut keys: Vec<_> = members.iter().collect();
                keys.sort_by_key(|(key, _)| key.as_str());
                hasher.update(b"{");
                for (key, member) in keys {
                    feed(&Value::String(key.clone()), hasher);
                    if !matches!(key.as_str(), "password" | "current_password") {
                        feed(member, hasher);
                    }
                }
                hasher.update(b"}");
            }
            Value::Array(items) => {
                hasher.update(b"[");
                items.iter().for_each(|item| feed(item, hasher));
                hasher.update(b"]");
            }
            scalar => {
                hasher.update(scalar.to_string().as_bytes());
                hasher.update(b"\n");
            }
        }
    }
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hasher.finalize().to_vec()
}

/// One step of a JSON pointer, escaped.
#[must_use]
pub fn step(token: &str) -> String {
    format!("/{}", token.replace('~', "~0").replace('/', "~1"))
}

struct Node<'a> {
    pointer: String,
    faults: &'a RefCell<Vec<Fault>>,
}

impl Node<'_> {
    fn text(&self, text: &str) -> String {
        if text.contains('\0') {
            self.faults.borrow_mut().push(Fault::at(self.pointer.as_str(), Code::NulCharacter));
        }
        nfc(text)
    }

    fn child(&self, token: &str) -> Self {
        Node { pointer: format!("{}{}", self.pointer, step(token)), faults: self.faults }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        // `1.0` is the integer 1, to JSON Schema and to JavaScript; beyond this bound not every integer is a double.
        if v.fract() == 0.0
            && v.abs() < EXACT
            && let Ok(whole) = format!("{v:.0}").parse::<i64>()
        {
            return Ok(whole.into());
        }
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(self.text(v)))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.child(&items.len().to_string()))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let node = self.child(&key);
            if key.contains('\0') {
                self.faults.borrow_mut().push(Fault::at(node.pointer.as_str(), Code::NulCharacter));
            }
            if members.contains_key(&key) {
                self.faults.borrow_mut().push(Fault::at(node.pointer.as_str(), Code::DuplicateKey));
            }
            let member = map.next_value_seed(node)?;
            members.insert(key, member);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn repeated_keys_and_nul_are_seen_with_pointers() {
        let err = parse(br#"{"a":[{"b":1,"b":2}],"c":"x\u0000"}"#).unwrap_err();
        let seen: Vec<_> = err.faults.iter().map(|f| (f.pointer.clone().unwrap(), f.code)).collect();
        assert_eq!(seen, [("/a/0/b".into(), Code::DuplicateKey), ("/c".into(), Code::NulCharacter)]);
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for bad in
            [&b"{\"a\": 1,\n]"[..], b"", b"{} x", b"\"\\ud800\"", b"\xff", b"1e400", "[".repeat(10_000).as_bytes()]
        {
            assert_eq!(parse(bad).unwrap_err().code, Code::MalformedJson);
        }
        assert_eq!(parse(b"{\"a\": 1,\n]").unwrap_err().extra["line"], 2);
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        assert_eq!(parse(b"[1.0, 2e3, -0.0, -4.00]").unwrap(), json!([1, 2000, 0, -4]));
        assert_eq!(parse(b"[1.5, 1e300]").unwrap(), json!([1.5, 1e300]));
        assert_eq!(canonical_hash(&parse(b"7.0").unwrap()), canonical_hash(&json!(7)));
    }

    #[test]
    fn text_is_composed_and_the_hash_ignores_order_and_space() {
        assert_eq!(parse("\"Đa\u{300}\"".as_bytes()).unwrap(), json!("Đà"));
        let a = parse(br#"{"x":1, "y":[true,null]}"#).unwrap();
        let b = parse(br#"{ "y":[true,null],"x":1 }"#).unwrap();
        assert_eq!(canonical_hash(&a), canonical_hash(&b));
        assert_ne!(canonical_hash(&a), canonical_hash(&json!({"x": 1, "y": [true]})));
        let with = |password: &str| canonical_hash(&json!({"username": "a", "password": password}));
        assert_eq!(with("mat-khau-mot"), with("mat-khau-hai"), "a password leaves no trace in it");
        assert_ne!(with("x"), canonical_hash(&json!({"username": "b", "password": "x"})));
    }
}
