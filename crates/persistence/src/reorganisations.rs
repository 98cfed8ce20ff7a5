//! Reorganisations of both trees: the trees with their history, what a plan writes, and what was done.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{
        locality, locality_placement, locality_successor, org_unit, org_unit_placement, org_unit_successor,
        reorganisation as t, reorganisation_detail as detail,
    },
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    lineage::{Member, Placement},
    localities::LocalityKind,
    org_units::{OrgUnitKind, UnitPath},
    reorganisation::{Counts, DoneChange, Named, Node, Plan, Reorganisation, Touched, Tree, TreeKind},
    text::fold,
};
use uuid::Uuid;

/// Rows that one statement reads or writes.
const CHUNK: usize = 500;

/// New names by unit: Vietnamese, and English where there is one.
pub type Names = HashMap<Uuid, (String, Option<String>)>;

/// What both trees have in common: both are stored alike, in tables of their own.
macro_rules! tree {
    (
        $(#[$meta:meta])* $module:ident: $table:literal, $row:ident, $placement:ident, $successor:ident, $kind:ty,
        amended: [$($more:ident),*]
    ) => {
        $(#[$meta])*
        pub mod $module {
            use super::*;
            use super::{$placement as p, $row as r, $successor as s};

            type Line = (Uuid, String, NaiveDate, Option<NaiveDate>, Option<Uuid>);
            type NodeLine = (Uuid, String, String, String, NaiveDate, Option<NaiveDate>, Option<Uuid>);

            fn path(id: Uuid, text: &str) -> StoreResult<UnitPath> {
                UnitPath::parse(text).map_err(|e| At($table, "path", id).corrupt(e))
            }

            /// Takes the tree for a change: whoever else reorganises waits until this transaction ends.
            ///
            /// # Errors
            /// When the database refuses or a row is corrupt.
            pub async fn take(tx: &Tx) -> StoreResult<Tree<$kind>> {
                crate::org_units::tree_changed(tx).await?;
                let mut since: HashMap<Uuid, NaiveDate> = HashMap::new();
                let ends: Vec<(Uuid, NaiveDate)> =
                    p::Entity::find().select_only().columns([p::Column::UnitId, p::Column::ValidTo]).into_tuple().all(tx).await?;
                for (id, to) in ends {
                    let next = to.succ_opt().unwrap_or(to);
                    since.entry(id).and_modify(|since| *since = next.max(*since)).or_insert(next);
                }
                let rows: Vec<NodeLine> = r::Entity::find()
                    .select_only()
                    .columns([r::Column::Id, r::Column::Kind, r::Column::Code, r::Column::Path])
                    .columns([r::Column::ValidFrom, r::Column::ValidTo, r::Column::ParentId])
                    .into_tuple()
                    .all(tx)
                    .await?;
                rows.into_iter()
                    .map(|(id, kind, code, text, valid_from, valid_to, parent_id)| {
                        let (kind, path) = (At($table, "kind", id).word(&kind)?, path(id, &text)?);
                        let since = since.get(&id).copied().unwrap_or(valid_from);
                        Ok((id, Node { id, kind, code, parent_id, path, valid_from, valid_to, since }))
                    })
                    .collect()
            }

            /// What some are called now.
            ///
            /// # Errors
            /// When the database can't be asked.
            pub async fn called(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, Named>> {
                let mut called = HashMap::with_capacity(ids.len());
                for chunk in ids.chunks(CHUNK) {
                    let rows: Vec<(Uuid, String, String)> = r::Entity::find()
                        .select_only()
                        .columns([r::Column::Id, r::Column::Code, r::Column::Name])
                        .filter(r::Column::Id.is_in(chunk.iter().copied()))
                        .into_tuple()
                        .all(conn)
                        .await?;
                    called.extend(rows.into_iter().map(|(id, code, name)| (id, Named { id, code, name })));
                }
                Ok(called)
            }

            /// Everybody who ever was, with their history.
            ///
            /// # Errors
            /// When the database can't be asked or a row is corrupt.
            pub(crate) async fn members(conn: &impl ConnectionTrait) -> StoreResult<Vec<Member>> {
                let mut earlier: HashMap<Uuid, Vec<Placement>> = HashMap::new();
                for place in p::Entity::find().all(conn).await? {
                    let p::Model { unit_id, valid_from: from, valid_to: to, parent_id, .. } = place;
                    earlier.entry(unit_id).or_default().push(Placement { from, to, parent_id });
                }
                let heirs: HashMap<Uuid, Uuid> = s::Entity::find()
                    .select_only()
                    .columns([s::Column::PredecessorId, s::Column::SuccessorId])
                    .filter(s::Column::IsDefault.eq(true))
                    .into_tuple::<(Uuid, Uuid)>()
                    .all(conn)
                    .await?
                    .into_iter()
                    .collect();
                let rows: Vec<Line> = r::Entity::find()
                    .select_only()
                    .columns([r::Column::Id, r::Column::Path, r::Column::ValidFrom, r::Column::ValidTo, r::Column::ParentId])
                    .into_tuple()
                    .all(conn)
                    .await?;
                rows.into_iter()
                    .map(|(id, text, valid_from, valid_to, parent_id)| {
                        let (earlier, path) = (earlier.remove(&id).unwrap_or_default(), path(id, &text)?);
                        let successor_id = heirs.get(&id).copied();
                        Ok(Member { id, path, valid_from, valid_to, parent_id, earlier, successor_id })
                    })
                    .collect()
            }

            /// Writes what a plan does to those who are there; what begins must have been stored before. `progress` is told
            /// how many of how many rows are written.
            ///
            /// # Errors
            /// When the database refuses.
            pub async fn apply(
                tx: &Tx,
                plan: &Plan,
                names: &Names,
                at: DateTime<Utc>,
                amend: &(dyn Fn(&mut r::Model) + Sync),
                progress: &(dyn Fn(usize, usize) + Sync),
            ) -> StoreResult<()> {
                let mut touched: Vec<&Touched> = plan.touched.iter().collect();
                touched.sort_by_key(|touched| touched.id);
                for (done, chunk) in touched.chunks(CHUNK).enumerate() {
                    progress(done * CHUNK, touched.len());
                    write(tx, chunk, names, at, amend).await?;
                }
                progress(touched.len(), touched.len());
                let mut ended: Vec<Uuid> = plan.successions.iter().map(|one| one.from).collect();
                ended.dedup();
                for chunk in ended.chunks(CHUNK) {
                    // Whatever was said before of who takes the place of what has ended now.
                    s::Entity::update_many()
                        .col_expr(s::Column::IsDefault, Expr::value(false))
                        .filter(s::Column::PredecessorId.is_in(chunk.iter().copied()))
                        .exec(tx)
                        .await?;
                }
                for chunk in plan.successions.chunks(CHUNK) {
                    let rows = chunk.iter().map(|one| s::ActiveModel {
                        predecessor_id: Set(one.from),
                        successor_id: Set(one.into),
                        is_default: Set(one.is_default),
                    });
                    let known = OnConflict::columns([s::Column::PredecessorId, s::Column::SuccessorId])
                        .update_column(s::Column::IsDefault)
                        .to_owned();
                    s::Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
                }
                Ok(())
            }

            async fn write(
                tx: &Tx,
                chunk: &[&Touched],
                names: &Names,
                at: DateTime<Utc>,
                amend: &(dyn Fn(&mut r::Model) + Sync),
            ) -> StoreResult<()> {
                let ids = chunk.iter().map(|touched| touched.id);
                let rows = r::Entity::find().filter(r::Column::Id.is_in(ids)).all(tx).await?;
                let mut rows: HashMap<Uuid, r::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
                let (mut changed, mut places) = (Vec::with_capacity(chunk.len()), Vec::new());
                for touched in chunk {
                    let Some(mut row) = rows.remove(&touched.id) else { return Err(StoreError::Stale) };
                    if let Some((from, to)) = touched.was {
                        places.push(p::ActiveModel {
                            unit_id: Set(row.id),
                            valid_from: Set(from),
                            valid_to: Set(to),
                            parent_id: Set(row.parent_id),
                            name: Set(row.name.clone()),
                            name_en: Set(row.name_en.clone()),
                        });
                    }
                    row.parent_id = touched.parent_id;
                    row.path = touched.path.to_string();
                    row.valid_to = touched.ends_on.or(row.valid_to);
                    if let Some((name, name_en)) = names.get(&row.id) {
                        row.name_folded = fold(name);
                        (row.name, row.name_en) = (name.clone(), name_en.clone());
                    }
                    amend(&mut row);
                    (row.version, row.updated_at) = (row.version.saturating_add(1), at);
                    changed.push(row.into_active_model());
                }
                if !places.is_empty() {
                    p::Entity::insert_many(places).exec_without_returning(tx).await?;
                }
                // One statement for many rows that each get something else: all of them are there, so all are updated.
                use r::Column as C;
                let columns = [
                    C::ParentId, C::Path, C::ValidTo, C::Name, C::NameEn, C::NameFolded, C::Version, C::UpdatedAt,
                    $(C::$more),*
                ];
                let there = OnConflict::column(C::Id).update_columns(columns).to_owned();
                r::Entity::insert_many(changed).on_conflict(there).exec_without_returning(tx).await?;
                Ok(())
            }

            /// What became of one: the successors, the default one first.
            ///
            /// # Errors
            /// When the database can't be asked.
            pub async fn successors(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Vec<(Uuid, bool)>> {
                let rows = s::Entity::find()
                    .filter(s::Column::PredecessorId.eq(id))
                    .order_by_desc(s::Column::IsDefault)
                    .order_by_asc(s::Column::SuccessorId)
                    .all(conn)
                    .await?;
                Ok(rows.into_iter().map(|row| (row.successor_id, row.is_default)).collect())
            }

            /// Those that stood directly below one on a day.
            pub(crate) fn below_on(parent: Uuid, day: NaiveDate) -> Condition {
                let then = |conditions: Condition| {
                    p::Entity::find()
                        .select_only()
                        .column(p::Column::UnitId)
                        .filter(conditions)
                        .filter(p::Column::ValidFrom.lte(day))
                        .filter(p::Column::ValidTo.gte(day))
                };
                let elsewhere = then(Condition::all()).into_query();
                let there = then(Condition::all().add(p::Column::ParentId.eq(parent))).into_query();
                let still = Condition::all().add(r::Column::ParentId.eq(parent)).add(r::Column::Id.not_in_subquery(elsewhere));
                Condition::any().add(r::Column::Id.in_subquery(there)).add(still)
            }
        }
    };
}

tree!(
    /// The organisation.
    units: "org_unit", org_unit, org_unit_placement, org_unit_successor, OrgUnitKind,
    amended: [LocalityId]
);
tree!(
    /// Places.
    places: "locality", locality, locality_placement, locality_successor, LocalityKind,
    amended: []
);

impl TryFrom<t::Model> for Reorganisation {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            tree: At("reorganisation", "tree", row.id).word(&row.tree)?,
            effective_on: row.effective_on,
            reason: row.reason,
            document: row.document,
            org_unit_id: row.org_unit_id,
            counts: Counts {
                ended: row.ended,
                begun: row.begun,
                moved: row.moved,
                renamed: row.renamed,
                touched: row.touched,
            },
        })
    }
}

/// Stores what was done.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, done: &Reorganisation, changes: &[DoneChange]) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(done.stamp.id),
        created_at: Set(done.stamp.created_at),
        updated_at: Set(done.stamp.updated_at),
        version: Set(done.stamp.version),
        tree: Set(done.tree.as_str().to_owned()),
        effective_on: Set(done.effective_on),
        reason: Set(done.reason.clone()),
        document: Set(done.document.clone()),
        org_unit_id: Set(done.org_unit_id),
        ended: Set(done.counts.ended),
        begun: Set(done.counts.begun),
        moved: Set(done.counts.moved),
        renamed: Set(done.counts.renamed),
        touched: Set(done.counts.touched),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    let whole = detail::ActiveModel { reorganisation_id: Set(done.stamp.id), changes: Set(json(&changes)) };
    detail::Entity::insert(whole).exec_without_returning(tx).await?;
    Ok(())
}

/// Which reorganisations are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// In force from this day.
    pub effective_on: Option<NaiveDate>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Those of a tree that are seen: of the organisation where everything that was touched is reached, of places all.
fn seen(tree: TreeKind, reaches: Option<&Reaches>) -> Condition {
    let of_tree = Condition::all().add(t::Column::Tree.eq(tree.as_str()));
    match reaches {
        Some(reaches) if !scope::covers_all(reaches) => {
            of_tree.add(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
        }
        _ => of_tree,
    }
}

/// Lists a page of the reorganisations of a tree: those within `reaches`, or all.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    tree: TreeKind,
    reaches: Option<&Reaches>,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Reorganisation>> {
    let mut query = t::Entity::find().filter(seen(tree, reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(day) = filter.effective_on {
        query = query.filter(t::Column::EffectiveOn.eq(day));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Finds one of a tree, within `reaches` or anywhere, with all that was done.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find(
    conn: &impl ConnectionTrait,
    tree: TreeKind,
    reaches: Option<&Reaches>,
    id: Uuid,
) -> StoreResult<Option<(Reorganisation, Vec<DoneChange>)>> {
    let Some(row) = t::Entity::find_by_id(id).filter(seen(tree, reaches)).one(conn).await? else { return Ok(None) };
    let changes = match detail::Entity::find_by_id(id).one(conn).await? {
        Some(detail) => At("reorganisation_detail", "changes", id).json(detail.changes)?,
        None => vec![],
    };
    Ok(Some((row.try_into()?, changes)))
}
