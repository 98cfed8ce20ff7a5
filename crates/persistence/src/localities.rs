//! Localities: reading and searching.

use crate::{
    StoreError, StoreResult,
    entities::{locality as t, locality_successor},
    page::{Page, PageRequest, fetch},
    rows::At,
};
use chrono::NaiveDate;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tinhnguyen_domain::{
    Stamp,
    localities::{Difficulty, Locality, LocalityKind},
    org_units::UnitPath,
    text::fold,
};
use uuid::Uuid;

impl TryFrom<t::Model> for Locality {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("locality", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            kind: at("kind").word(&row.kind)?,
            difficulty: at("difficulty").word(&row.difficulty)?,
            categories: at("categories").json(row.categories.clone())?,
            code: row.code,
            name: row.name,
            name_en: row.name_en,
            locality_type: row.locality_type,
            parent_id: row.parent_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        })
    }
}

/// Which localities are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// By code; the same code may name another place before and after the reform.
    pub code: Option<String>,
    /// Directly below this one.
    pub parent_id: Option<Uuid>,
    /// Of this level.
    pub kind: Option<LocalityKind>,
    /// This one and all below it.
    pub within: Option<Uuid>,
    /// Valid on this day.
    pub as_of: Option<NaiveDate>,
    /// Whose name holds this text, whatever its accents and case.
    pub q: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<chrono::DateTime<chrono::Utc>>,
}

/// Text for a LIKE that matches it literally anywhere; `!` is the escape character.
pub(crate) fn contains(column: impl ColumnTrait, text: &str) -> sea_orm::sea_query::SimpleExpr {
    let mut pattern = String::from("%");
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    column.like(sea_orm::sea_query::LikeExpr::new(pattern).escape('!'))
}

fn within(path: &UnitPath) -> Condition {
    let (from, to) = path.range();
    Condition::all().add(t::Column::Path.gte(from)).add(t::Column::Path.lt(to))
}

async fn path_of(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<UnitPath>> {
    let row = t::Entity::find_by_id(id).one(conn).await?;
    row.map(|row| UnitPath::parse(&row.path).map_err(|e| At("locality", "path", id).corrupt(e))).transpose()
}

/// Finds one.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Locality>> {
    t::Entity::find_by_id(id).one(conn).await?.map(Locality::try_from).transpose()
}

/// Finds many, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<Vec<Locality>> {
    let rows = t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(Locality::try_from).collect()
}

/// Lists a page. `within` of a locality that isn't there gives nothing.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(conn: &impl ConnectionTrait, filter: &Filter, page: &PageRequest) -> StoreResult<Page<Locality>> {
    let mut query = t::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(code) = &filter.code {
        query = query.filter(t::Column::Code.eq(code.as_str()));
    }
    if let Some(parent) = filter.parent_id {
        query = query.filter(t::Column::ParentId.eq(parent));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(t::Column::Kind.eq(kind.as_str()));
    }
    if let Some(id) = filter.within {
        match path_of(conn, id).await? {
            Some(path) => query = query.filter(within(&path)),
            None => return Ok(Page { data: vec![], next: None, total: page.include_total.then_some(0) }),
        }
    }
    if let Some(day) = filter.as_of {
        query = query
            .filter(t::Column::ValidFrom.lte(day))
            .filter(Condition::any().add(t::Column::ValidTo.is_null()).add(t::Column::ValidTo.gte(day)));
    }
    if let Some(text) = &filter.q {
        query = query.filter(contains(t::Column::NameFolded, text));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    let column = if page.sort == "created_at" { t::Column::CreatedAt } else { t::Column::Code };
    fetch(conn, query, page, column, t::Column::Id).await
}

/// The localities above one, from the province down.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn ancestors(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Vec<Locality>> {
    let Some(path) = path_of(conn, id).await? else { return Ok(vec![]) };
    let paths = path.ancestors().into_iter().map(|p| p.to_string());
    let rows = t::Entity::find().filter(t::Column::Path.is_in(paths)).order_by_asc(t::Column::Path).all(conn).await?;
    let mut found: Vec<_> = rows.into_iter().collect();
    found.sort_by_key(|row| row.path.len());
    found.into_iter().map(Locality::try_from).collect()
}

/// A locality as far as the figures need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: Uuid,
    /// Statistical code.
    pub code: String,
    /// Vietnamese name.
    pub name: String,
    /// How difficult it is designated.
    pub difficulty: Difficulty,
    /// Its place in the tree.
    pub path: UnitPath,
    /// Its first day: the same code may name another place before and after a reform.
    pub valid_from: NaiveDate,
}

/// Every locality, in no order. For what works on the whole tree, such as progress.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn all(conn: &impl ConnectionTrait) -> StoreResult<Vec<Place>> {
    let rows: Vec<(Uuid, String, String, String, String, NaiveDate)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::Code, t::Column::Name, t::Column::Difficulty, t::Column::Path])
        .column(t::Column::ValidFrom)
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, code, name, difficulty, path, valid_from)| {
            let difficulty = At("locality", "difficulty", id).word(&difficulty)?;
            let path = UnitPath::parse(&path).map_err(|e| At("locality", "path", id).corrupt(e))?;
            Ok(Place { id, code, name, difficulty, path, valid_from })
        })
        .collect()
}

/// What became of a locality in a reorganisation: the successors, the default one first.
///
/// # Errors
/// When the database can't be asked.
pub async fn successors(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Vec<(Uuid, bool)>> {
    let rows = locality_successor::Entity::find()
        .filter(locality_successor::Column::PredecessorId.eq(id))
        .order_by_desc(locality_successor::Column::IsDefault)
        .order_by_asc(locality_successor::Column::SuccessorId)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|r| (r.successor_id, r.is_default)).collect())
}
