//! Answers as they were sent: the same question about the same figures is rendered once.

use actix_web::web::Bytes;
use moka::sync::Cache;

/// How much of them is kept, in bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// An answer's body and its ETag.
#[derive(Debug, Clone)]
pub struct Body {
    /// The strong ETag, in quotes.
    pub etag: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Bodies by what they answer. The key names the question and how far the figures were, so nothing is ever out of date and
/// nothing has to be dropped; what is not asked for any more goes by itself.
pub struct Bodies(Cache<String, Body>);

impl Default for Bodies {
    fn default() -> Self {
        let weight = |key: &String, body: &Body| u32::try_from(key.len() + body.bytes.len() + 200).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(CAPACITY).weigher(weight).build())
    }
}

impl Bodies {
    /// What was answered.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Body> {
        self.0.get(key)
    }

    /// Keeps an answer.
    pub fn put(&self, key: String, body: &Body) {
        self.0.insert(key, body.clone());
    }
}
