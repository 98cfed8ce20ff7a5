//! Localities: reading, searching, and adding new ones.

use crate::{
    StoreError, StoreResult, Tx,
    entities::locality as t,
    org_units::advance,
    page::{Page, PageRequest, fetch},
    reorganisations::places,
    rows::{At, json},
};
use chrono::NaiveDate;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tinhnguyen_domain::{
    Stamp,
    lineage::{self, Standing},
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
    /// Directly below this one, on the day of `as_of` when there is one.
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
        query = query.filter(match filter.as_of {
            Some(day) => places::below_on(parent, day),
            None => Condition::all().add(t::Column::ParentId.eq(parent)),
        });
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
}

/// Every locality, in no order. For what works on the whole tree, such as progress.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn all(conn: &impl ConnectionTrait) -> StoreResult<Vec<Place>> {
    let rows: Vec<(Uuid, String, String, String, String)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::Code, t::Column::Name, t::Column::Difficulty, t::Column::Path])
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, code, name, difficulty, path)| {
            let difficulty = At("locality", "difficulty", id).word(&difficulty)?;
            let path = UnitPath::parse(&path).map_err(|e| At("locality", "path", id).corrupt(e))?;
            Ok(Place { id, code, name, difficulty, path })
        })
        .collect()
}

/// The places as they stood on a day: for every locality that ever was, its one place in that day's tree, in no order.
/// The same as long as the trees' number of [`crate::progress::heads`] is.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn tree_on(conn: &impl ConnectionTrait, day: NaiveDate) -> StoreResult<Vec<Standing>> {
    Ok(lineage::tree_on(&places::members(conn).await?, day))
}

/// The counter that numbers localities in paths; its row is also the lock under which reference data are added.
pub(crate) const NUMBERS: &str = "locality";

/// The last of the next `count` numbers that localities' paths end in.
///
/// # Errors
/// When the database refuses.
pub async fn next_numbers(tx: &Tx, count: i64) -> StoreResult<i64> {
    advance(tx, NUMBERS, count).await
}

/// Stores new localities, each with its place in the tree.
///
/// # Errors
/// [`StoreError::Conflict`] when an id, or a code of that first day, is taken.
pub async fn insert_many(tx: &Tx, localities: &[(Locality, UnitPath)]) -> StoreResult<()> {
    for chunk in localities.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(|(place, path)| row(place, path))).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn row(place: &Locality, path: &UnitPath) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(place.stamp.id),
        created_at: Set(place.stamp.created_at),
        updated_at: Set(place.stamp.updated_at),
        version: Set(place.stamp.version),
        code: Set(place.code.clone()),
        name: Set(place.name.clone()),
        name_en: Set(place.name_en.clone()),
        name_folded: Set(fold(&place.name)),
        kind: Set(place.kind.as_str().to_owned()),
        locality_type: Set(place.locality_type.clone()),
        parent_id: Set(place.parent_id),
        difficulty: Set(place.difficulty.as_str().to_owned()),
        categories: Set(json(&place.categories)),
        valid_from: Set(place.valid_from),
        valid_to: Set(place.valid_to),
        path: Set(path.to_string()),
    }
}
