//! Lists: their common parameters, their cursor, and the shape of a page.

use crate::problem::{ApiError, ApiResult, Code, Fault};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tinhnguyen_persistence::page::{After, PageRequest};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use uuid::Uuid;

/// A page as it is sent.
#[derive(Serialize)]
pub struct PageBody<D> {
    /// The items.
    pub data: Vec<D>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
    /// All items of the filter, when `include_total=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Where a page starts, as it is told to nobody but us.
#[derive(Serialize, Deserialize)]
pub struct Cursor {
    /// What filter and sort it belongs to.
    f: String,
    /// What path: lists of many things have the same filters.
    p: String,
    #[serde(flatten)]
    after: After,
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|b| format!("{b:02x}")).collect()
}

/// The parameters of a list.
pub trait ListQuery: Serialize {
    /// The sort orders that the list offers, the default first.
    const SORTS: &'static [&'static str];

    /// The filters and the sort as JSON, without what pages differ in.
    fn filters(&self) -> Map<String, Value> {
        let mut filters = match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        filters
            .retain(|name, value| !value.is_null() && !matches!(name.as_str(), "cursor" | "limit" | "include_total"));
        filters
    }

    /// Names filter and sort, so that a cursor is refused elsewhere.
    fn fingerprint(&self) -> String {
        let mut filters: Vec<_> = self.filters().into_iter().collect();
        filters.sort_by(|a, b| a.0.cmp(&b.0));
        short_hash(&json!([std::any::type_name::<Self>(), filters]).to_string())
    }

    /// The cursor that was sent; none when none was.
    ///
    /// # Errors
    /// `bad_cursor`.
    fn cursor(&self) -> ApiResult<Option<Cursor>> {
        let all = serde_json::to_value(self).unwrap_or_default();
        let Some(text) = all.get("cursor").and_then(Value::as_str) else { return Ok(None) };
        let cursor = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.map(Some).ok_or_else(|| ApiError::new(Code::BadCursor))
    }

    /// Holds that the cursor that was sent, if one was, is of the list at this path.
    ///
    /// # Errors
    /// `bad_cursor`, `cursor_mismatch`.
    fn ensure_cursor_of(&self, path: &str) -> ApiResult<()> {
        match self.cursor()? {
            Some(cursor) if cursor.p != short_hash(path) => Err(ApiError::new(Code::CursorMismatch)),
            _ => Ok(()),
        }
    }

    /// The opaque cursor of the page of the list at `path` after `after`.
    fn cursor_for(&self, path: &str, after: &After) -> String {
        let cursor = Cursor { f: self.fingerprint(), p: short_hash(path), after: after.clone() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// The path and query of the next page.
    fn next_link(&self, path: &str, cursor: &str) -> String {
        let mut link = format!("{path}?cursor={cursor}");
        let all = serde_json::to_value(self).unwrap_or_default();
        for (name, value) in all.as_object().into_iter().flatten() {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if name != "cursor" {
                let encoded: String = text
                    .bytes()
                    .map(|b| match b {
                        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                            char::from(b).to_string()
                        }
                        b => format!("%{b:02X}"),
                    })
                    .collect();
                link.push_str(&format!("&{name}={encoded}"));
            }
        }
        link
    }

    /// Reads the common parameters.
    ///
    /// # Errors
    /// `bad_cursor`, `cursor_mismatch`, `invalid_parameter` for a sort that the list doesn't offer.
    fn page_request(&self) -> ApiResult<PageRequest> {
        let all = serde_json::to_value(self).unwrap_or_default();
        let text = |name: &str| all.get(name).and_then(Value::as_str);
        let sort = text("sort").unwrap_or_else(|| Self::SORTS.first().copied().unwrap_or("-created_at"));
        if !Self::SORTS.contains(&sort) {
            let fault = Fault::of_parameter("sort", Code::NotAllowedValue).limit(json!(Self::SORTS));
            return Err(ApiError::parameter(fault));
        }
        let after = match self.cursor()? {
            Some(cursor) if cursor.f != self.fingerprint() => return Err(ApiError::new(Code::CursorMismatch)),
            cursor => cursor.map(|cursor| cursor.after),
        };
        // A mark of the wrong kind could only come from a forged cursor.
        let instant = sort.ends_with("created_at");
        let sound =
            after.as_ref().is_none_or(|a| instant == matches!(a.mark, tinhnguyen_persistence::page::Mark::Instant(_)));
        if !sound {
            return Err(ApiError::new(Code::BadCursor));
        }
        Ok(PageRequest {
            sort: sort.trim_start_matches('-').to_owned(),
            descending: sort.starts_with('-'),
            limit: all.get("limit").and_then(Value::as_u64).unwrap_or(50),
            after,
            include_total: all.get("include_total").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The sort orders that a list offers, as its parameter states them.
pub fn sort_schema<Q: ListQuery>() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("Sort order; `-` is descending."))
        .enum_values(Some(Q::SORTS.iter().copied()))
        .default(Q::SORTS.first().map(|first| json!(first)))
        .build()
        .into()
}

/// Holds that a list of what stands below something isn't asked for what stands below something else.
///
/// # Errors
/// `invalid_parameter`.
pub fn same_parent(stated: Option<Uuid>, parent: Uuid) -> ApiResult<()> {
    if stated.is_none_or(|stated| stated == parent) {
        return Ok(());
    }
    Err(ApiError::parameter(Fault::of_parameter("parent_id", Code::NotAllowedValue).limit(parent.to_string())))
}

/// Declares the query of a list: its own filters and the parameters that all lists share.
macro_rules! list_query {
    ($(#[$meta:meta])* $name:ident, sorts: [$($sort:literal),+], { $($(#[$fmeta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Default, serde::Serialize, serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(default)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: Option<$type>,)*
            /// Items a page, 1 to 200.
            #[param(minimum = 1, maximum = 200, default = 50)]
            pub limit: Option<u32>,
            /// `next_cursor` of the page before, with the same filters and sort.
            #[param(max_length = 1000)]
            pub cursor: Option<String>,
            /// Count all items of the filter too.
            pub include_total: Option<bool>,
            /// Sort order; `-` is descending.
            #[param(schema_with = $crate::page::sort_schema::<Self>)]
            pub sort: Option<String>,
            /// Only what changed at or after this instant.
            pub updated_since: Option<chrono::DateTime<chrono::Utc>>,
        }

        impl $crate::page::ListQuery for $name {
            const SORTS: &'static [&'static str] = &[$($sort),+];
        }
    };
}
pub(crate) use list_query;

/// Declares the schema of a page of one kind of item. Generic pages would be inlined without a name.
macro_rules! page_schema {
    ($name:ident of $item:ty) => {
        #[doc = concat!("A page of `", stringify!($item), "`.")]
        #[derive(serde::Serialize, utoipa::ToSchema)]
        #[schema(description = concat!("A page of `", stringify!($item), "`."))]
        pub struct $name {
            /// The items, at most `limit`.
            #[schema(max_items = 200)]
            pub data: Vec<$item>,
            /// Where the next page starts; null on the last.
            #[schema(max_length = 1000)]
            pub next_cursor: Option<String>,
            /// All items of the filter; only with `include_total=true`.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false, minimum = 0)]
            pub total: Option<u64>,
        }
    };
}
pub(crate) use page_schema;
