//! Keyset pages: a cursor survives inserts, and no page costs more than the first.

use crate::StoreResult;
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, ModelTrait, Order, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The value of the sort column in the last row of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mark {
    /// An instant, UTC.
    Instant(DateTime<Utc>),
    /// Text that sorts by bytes.
    Text(String),
}

/// Where a page starts: after the row with this mark and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The sort column's value.
    pub mark: Mark,
    /// The tie-breaker.
    pub id: Uuid,
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// The sort column's name in the contract; a slice maps it to a column.
    pub sort: String,
    /// Descending.
    pub descending: bool,
    /// Rows a page.
    pub limit: u64,
    /// Where to start; the beginning when absent.
    pub after: Option<After>,
    /// Count all rows too.
    pub include_total: bool,
}

/// A page of domain values.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where the next page starts, when there is one.
    pub next: Option<After>,
    /// All rows of the filter, when asked for.
    pub total: Option<u64>,
}

/// Fetches a page of `query`, sorted by `column` and then by id.
pub(crate) async fn fetch<E, T>(
    conn: &impl ConnectionTrait,
    query: Select<E>,
    request: &PageRequest,
    column: E::Column,
    id: E::Column,
) -> StoreResult<Page<T>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + FromQueryResult + Sync,
    T: TryFrom<E::Model, Error = crate::StoreError>,
{
    let total = if request.include_total { Some(query.clone().count(conn).await?) } else { None };
    let order = if request.descending { Order::Desc } else { Order::Asc };
    let mut query = query;
    if let Some(after) = &request.after {
        let mark: Value = match &after.mark {
            Mark::Instant(at) => (*at).into(),
            Mark::Text(text) => text.clone().into(),
        };
        let (beyond, tied) = if request.descending {
            (column.lt(mark.clone()), id.lt(after.id))
        } else {
            (column.gt(mark.clone()), id.gt(after.id))
        };
        query = query.filter(Condition::any().add(beyond).add(Condition::all().add(column.eq(mark)).add(tied)));
    }
    let mut rows: Vec<E::Model> = query
        .order_by(column, order.clone())
        .order_by(id, order)
        .limit(request.limit.saturating_add(1))
        .all(conn)
        .await?;
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().and_then(|row| after_of(row, column, id)) } else { None };
    let data = rows.into_iter().map(T::try_from).collect::<StoreResult<_>>()?;
    Ok(Page { data, next, total })
}

fn after_of<M: ModelTrait>(
    row: &M,
    column: <M::Entity as EntityTrait>::Column,
    id: <M::Entity as EntityTrait>::Column,
) -> Option<After> {
    let mark = match row.get(column) {
        Value::ChronoDateTimeUtc(Some(at)) => Mark::Instant(at),
        Value::String(Some(text)) => Mark::Text(text),
        _ => return None,
    };
    match row.get(id) {
        Value::Uuid(Some(id)) => Some(After { mark, id }),
        _ => None,
    }
}
