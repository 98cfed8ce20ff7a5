//! What requests for reorganisations mean.

use super::{
    asked::{Asked, New, Resolved},
    dto::{NewLocalityReorganisation, NewOrgUnitReorganisation, Reorganisation, ReorganisationQuery},
};
use crate::{
    allowed::{LocalityWrite, OrgUnitRead, OrgUnitWrite, Scope, forbidden},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault as Problem},
    reply::{Cx, Reply},
};
use chrono::NaiveDate;
use std::collections::{HashMap, HashSet};
use tinhnguyen_domain::{
    access::{Permission, Reaches},
    localities::{Difficulty, Locality, LocalityKind},
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    reorganisation::{self as d, Level, Named, Node, Order, Plan, Tree, TreeKind, plan, told},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, audit, localities, org_units,
    page::Page,
    reorganisations::{self as stored, Filter, places, units},
};
use uuid::Uuid;

/// What a caller may see of the reorganisations of a tree.
pub(super) enum Sight<'a> {
    /// Those of the organisation, where everything that was touched is reached.
    OrgUnits(&'a Scope<OrgUnitRead>),
    /// Those of places, which are everybody's.
    Localities,
}

impl Sight<'_> {
    fn tree(&self) -> TreeKind {
        match self {
            Self::OrgUnits(_) => TreeKind::OrgUnits,
            Self::Localities => TreeKind::Localities,
        }
    }

    fn reaches(&self) -> Option<&Reaches> {
        match self {
            Self::OrgUnits(scope) => Some(&scope.reaches),
            Self::Localities => None,
        }
    }

    /// Lists a page of them.
    pub async fn list(
        &self,
        conn: &impl ConnectionTrait,
        query: &ReorganisationQuery,
    ) -> ApiResult<Page<d::Reorganisation>> {
        let filter = Filter { id: query.id, effective_on: query.effective_on, updated_since: query.updated_since };
        Ok(stored::list(conn, self.tree(), self.reaches(), &filter, &query.page_request()?).await?)
    }

    /// Finds one, whole.
    pub async fn find(&self, conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<Reorganisation> {
        let found = stored::find(conn, self.tree(), self.reaches(), id).await?;
        let (done, changes) = found.ok_or_else(ApiError::not_found)?;
        Ok(Reorganisation::whole(done, changes))
    }
}

/// Reorganises units of the organisation, all of whom one unit contains that the caller administers.
///
/// # Errors
/// The problems that the operation states.
pub async fn of_org_units(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<OrgUnitWrite>,
    new: &NewOrgUnitReorganisation,
    today: NaiveDate,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        return made_before(tx, TreeKind::OrgUnits, new.id).await;
    }
    let asked = Asked::<OrgUnitKind>::from(new);
    let tree = units::take(tx).await?;
    let sees = |node: &Node<OrgUnitKind>| scope.sees.sees_unit(&node.path);
    let top = top(&tree, asked.named(), &sees);
    if let Some(top) = &top
        && !scope.reaches.covers_unit(top)
    {
        return Err(forbidden(Permission::OrgUnitWrite));
    }
    let last = org_units::next_numbers(tx, count(asked.count_new())).await?;
    let mut resolved = asked.resolve(&tree, first_of(last, &asked), false);
    if asked.effective_on > today {
        // Rights go by the stored tree, which is the tree of now.
        resolved.faults.push(Problem::at("/effective_on", Code::InTheFuture).limit(today.to_string()));
    }
    covered_places(tx, &mut resolved).await?;
    let plan = planned(&tree, &asked, &mut resolved, true, &sees)?;
    let Some(top) = top else { return Err(forbidden(Permission::OrgUnitWrite)) };

    let begun = resolved.begun.iter().zip(paths(&plan, &resolved)).map(|(begun, path)| {
        let new = resolved.new.get(&begun.id);
        OrgUnit {
            stamp: cx.new_stamp(Some(begun.id)),
            code: begun.code.clone(),
            name: new.map(|new| new.name.clone()).unwrap_or_default(),
            name_en: new.and_then(|new| new.name_en.clone()),
            kind: begun.kind,
            parent_id: begun.parent_id,
            locality_id: new.and_then(|new| new.locality_id),
            national_org_code: new.and_then(|new| new.national_org_code.clone()),
            valid_from: asked.effective_on,
            valid_to: None,
            path,
        }
    });
    let mut begun: Vec<OrgUnit> = begun.collect();
    begun.sort_by_key(|unit| unit.path.depth());
    org_units::insert_many(tx, &begun).await?;
    let called = units::called(tx, &of_interest(&plan, &resolved)).await?;
    units::apply(tx, &plan, &resolved.names, cx.now, &|_| (), &|_, _| ()).await?;
    let changed = plan.touched.iter().map(|touched| touched.id).chain(begun.iter().map(|unit| unit.stamp.id));
    let rows: Vec<_> = changed.map(|id| cx.change("org_unit", id, Some(id))).collect();
    audit::record_many(tx, &rows).await?;
    let top = tree.values().find(|node| node.path == top).map(|node| node.id);
    settle(tx, cx, TreeKind::OrgUnits, &asked, &resolved, &plan, &called, top).await
}

/// Reorganises places, by whoever administers the whole country.
///
/// # Errors
/// The problems that the operation states.
pub async fn of_localities(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<LocalityWrite>,
    new: &NewLocalityReorganisation,
) -> ApiResult<Reply> {
    let root = org_units::root(tx).await?.ok_or_else(ApiError::not_found)?;
    scope.ensure_unit(&root.path)?;
    if cx.is_retry(tx, new.id).await? {
        return made_before(tx, TreeKind::Localities, new.id).await;
    }
    let asked = Asked::<LocalityKind>::from(new);
    let tree = places::take(tx).await?;
    let last = localities::next_numbers(tx, count(asked.count_new())).await?;
    let mut resolved = asked.resolve(&tree, first_of(last, &asked), true);
    let plan = planned(&tree, &asked, &mut resolved, false, &|_| true)?;

    let begun = resolved.begun.iter().zip(paths(&plan, &resolved)).map(|(begun, path)| {
        let new = resolved.new.get(&begun.id);
        let place = Locality {
            stamp: cx.new_stamp(Some(begun.id)),
            code: begun.code.clone(),
            name: new.map(|new| new.name.clone()).unwrap_or_default(),
            name_en: new.and_then(|new| new.name_en.clone()),
            kind: begun.kind,
            locality_type: new.and_then(|new| new.of_type.clone()).unwrap_or_default(),
            parent_id: begun.parent_id,
            difficulty: new.and_then(|new| new.difficulty).unwrap_or(Difficulty::None),
            categories: new.and_then(|new| new.categories.clone()).unwrap_or_default(),
            valid_from: asked.effective_on,
            valid_to: None,
        };
        (place, path)
    });
    let mut begun: Vec<(Locality, UnitPath)> = begun.collect();
    begun.sort_by_key(|(_, path)| path.depth());
    localities::insert_many(tx, &begun).await?;
    let called = places::called(tx, &of_interest(&plan, &resolved)).await?;
    places::apply(tx, &plan, &resolved.names, cx.now, &|_| (), &|_, _| ()).await?;
    let changed = plan.touched.iter().map(|touched| touched.id).chain(begun.iter().map(|(place, _)| place.stamp.id));
    let rows: Vec<_> = changed.map(|id| cx.change("locality", id, None)).collect();
    audit::record_many(tx, &rows).await?;
    settle(tx, cx, TreeKind::Localities, &asked, &resolved, &plan, &called, None).await
}

/// What this very request made before.
async fn made_before(tx: &Tx, tree: TreeKind, id: Option<Uuid>) -> ApiResult<Reply> {
    let found = stored::find(tx, tree, None, id.unwrap_or_default()).await?;
    let (done, changes) = found.ok_or_else(ApiError::not_found)?;
    Reply::ok(&Reorganisation::whole(done, changes))
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// The first of the numbers of which this is the last.
fn first_of<K: Copy>(last: i64, asked: &Asked<K>) -> i64 {
    last.saturating_sub(count(asked.count_new())).saturating_add(1)
}

/// The place of the nearest unit that contains all of those that are there; none when one of them is out of sight, or
/// none is there.
fn top<K>(tree: &Tree<K>, named: impl Iterator<Item = Uuid>, sees: &impl Fn(&Node<K>) -> bool) -> Option<UnitPath> {
    let mut top: Option<UnitPath> = None;
    for id in named {
        let Some(node) = tree.get(&id) else { continue };
        if !sees(node) {
            return None;
        }
        top = Some(match top {
            None => node.path.clone(),
            Some(top) => {
                let mut above = top.ancestors();
                above.push(top);
                above.into_iter().rev().find(|above| above.contains(&node.path))?
            }
        });
    }
    top
}

/// Adds faults for localities that new units shall cover and that are not there.
async fn covered_places(tx: &Tx, resolved: &mut Resolved<OrgUnitKind>) -> ApiResult<()> {
    let covers = |new: &New<OrgUnitKind>| new.locality_id;
    let wanted: Vec<Uuid> = resolved.new.values().filter_map(covers).collect();
    let there: HashSet<Uuid> = localities::find_many(tx, &wanted).await?.iter().map(|place| place.stamp.id).collect();
    for begun in &resolved.begun {
        let place = resolved.new.get(&begun.id).and_then(covers);
        if place.is_some_and(|place| !there.contains(&place)) {
            let (at, n) = begun.stated;
            let pointer = format!("/changes/{at}/into/{n}/locality_id");
            resolved.faults.push(Problem::at(pointer, Code::ReferenceNotFound));
        }
    }
    Ok(())
}

/// What is to be written.
///
/// # Errors
/// Everything that is wrong, at once.
fn planned<K: Level>(
    tree: &Tree<K>,
    asked: &Asked<K>,
    resolved: &mut Resolved<K>,
    hang: bool,
    sees: &dyn Fn(&Node<K>) -> bool,
) -> ApiResult<Plan> {
    let order =
        Order { effective_on: asked.effective_on, begun: &resolved.begun, changes: &resolved.changes, hang, sees };
    match plan(tree, &order) {
        Ok(plan) if resolved.faults.is_empty() => Ok(plan),
        Ok(_) => Err(ApiError::invalid(std::mem::take(&mut resolved.faults))),
        Err(faults) => {
            resolved.add(faults);
            Err(ApiError::invalid(std::mem::take(&mut resolved.faults)))
        }
    }
}

/// The places of those that begin, in the order in which they are stated.
fn paths<K>(plan: &Plan, resolved: &Resolved<K>) -> Vec<UnitPath> {
    let paths: HashMap<Uuid, &UnitPath> = plan.begun.iter().map(|(id, path)| (*id, path)).collect();
    let of = |begun: &d::Begun<K>| paths.get(&begun.id).map_or_else(|| begun.number.clone(), |path| (*path).clone());
    resolved.begun.iter().map(of).collect()
}

/// Those whose names the answer tells.
fn of_interest<K>(plan: &Plan, resolved: &Resolved<K>) -> Vec<Uuid> {
    let changes = resolved.changes.iter().flat_map(|change| change.from.iter().chain(&change.into)).copied();
    changes.chain(plan.rehung.iter().map(|(_, id)| *id)).collect()
}

/// Stores what was done and answers with it.
#[expect(clippy::too_many_arguments, reason = "what both trees' roads end in")]
async fn settle<K>(
    tx: &Tx,
    cx: &Cx<'_>,
    tree: TreeKind,
    asked: &Asked<K>,
    resolved: &Resolved<K>,
    plan: &Plan,
    called: &HashMap<Uuid, Named>,
    org_unit_id: Option<Uuid>,
) -> ApiResult<Reply> {
    let renamed = |id| resolved.names.get(&id).map(|(name, _)| name.clone());
    let (changes, counts) = told(&resolved.changes, &resolved.begun, plan, called, renamed);
    let done = d::Reorganisation {
        stamp: cx.new_stamp(asked.id),
        tree,
        effective_on: asked.effective_on,
        reason: asked.reason.clone(),
        document: asked.document.clone(),
        org_unit_id,
        counts,
    };
    stored::insert(tx, &done, &changes).await?;
    cx.record(tx, "reorganisation", done.stamp.id, org_unit_id).await?;
    Reply::created(&Reorganisation::whole(done, changes))
}
