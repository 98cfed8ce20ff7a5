//! The reform of 1 July 2025, applied to the organisation: as the places went from 63 provinces, 696 districts and 10,035
//! communes to 34 provinces and 3,321 communes, so do the unions that cover them.

use super::{
    CENTRE, day, id_of,
    organisation::{self, Unit},
    place_id,
    places::{Gazetteer, Generation, Key, Place, Succession},
};
use crate::{
    Retryable, Store, StoreError, StoreResult, Tx,
    audit::{self, Change as Audited},
    org_units,
    reorganisations::{self, Names, units},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::ConnectionTrait;
use std::collections::{BTreeMap, HashMap, HashSet};
use thiserror::Error;
use tinhnguyen_domain::{
    Stamp,
    localities::LocalityKind,
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    reorganisation::{Begun, Change, ChangeKind, Fault, Node, Order, Reorganisation, Tree, TreeKind, plan, told},
};
use uuid::Uuid;

/// The first day of the new tree.
pub const REFORM_DAY: NaiveDate = day(2025, 7, 1);
/// What the audit log names instead of a request.
const COMMAND_LINE: &str = "command-line";

/// Why the reform could not be applied.
#[derive(Debug, Error)]
pub enum ReformError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The centre is not there: the organisation was never seeded.
    #[error("the organisation is not there; run `tinhnguyen seed` first")]
    NotSeeded,
    /// The organisation is not as the reform needs it.
    #[error("the organisation does not admit the reform: {}", .0.join("; "))]
    Refused(Vec<String>),
}

impl Retryable for ReformError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(err) if err.is_retryable())
    }
}

/// What became of the unions of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// How many ended.
    pub ended: usize,
    /// How many began.
    pub begun: usize,
    /// How many went on, because their place did not change.
    pub kept: usize,
}

/// What the reform did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reformed {
    /// By level.
    pub levels: BTreeMap<OrgUnitKind, Level>,
    /// Units beside the reference data's that stood below one that ended, and stand below its successor now.
    pub moved_along: usize,
    /// Units of which anything is different.
    pub touched: usize,
}

fn reform_id() -> Uuid {
    id_of("reorganisation", "reform-2025")
}

/// Whether the reform was applied.
///
/// # Errors
/// When the database can't be asked.
pub async fn is_reformed(conn: &impl ConnectionTrait) -> StoreResult<bool> {
    Ok(reorganisations::find(conn, TreeKind::OrgUnits, None, reform_id()).await?.is_some())
}

/// Applies the reform to the organisation in one transaction; none when it was applied before. With `dry_run` nothing is
/// kept. `progress` is told how many of how many units are written.
///
/// # Errors
/// [`ReformError`].
pub async fn reform_2025(
    store: &Store,
    at: DateTime<Utc>,
    dry_run: bool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Option<Reformed>, ReformError> {
    let gazetteer = Gazetteer::read().map_err(StoreError::from)?;
    let work = async |tx: &Tx| apply(tx, &gazetteer, at, progress).await;
    if dry_run { store.rehearse(work).await } else { store.write(work).await }
}

/// What is to be done, as far as the organisation is there.
#[derive(Default)]
struct Draft {
    begun: Vec<(Unit, Begun<OrgUnitKind>)>,
    changes: Vec<Change>,
    /// The union of each new place.
    unions: HashMap<Key, Uuid>,
    /// The new places of unions that go on.
    covering: HashMap<Uuid, Uuid>,
    kept: Vec<OrgUnitKind>,
}

/// The reference data by what the reform asks of them, and the unions that stand.
struct Sources<'a> {
    gazetteer: &'a Gazetteer,
    places: HashMap<&'a Key, &'a Place>,
    after: HashMap<&'a Key, Vec<&'a Succession>>,
    before: HashMap<&'a Key, Vec<&'a Succession>>,
    standing: HashMap<&'a str, &'a Node<OrgUnitKind>>,
}

impl<'a> Sources<'a> {
    fn new(gazetteer: &'a Gazetteer, tree: &'a Tree<OrgUnitKind>) -> Self {
        let mut after: HashMap<&Key, Vec<&Succession>> = HashMap::new();
        let mut before: HashMap<&Key, Vec<&Succession>> = HashMap::new();
        for succession in &gazetteer.successions {
            after.entry(&succession.from).or_default().push(succession);
            before.entry(&succession.into).or_default().push(succession);
        }
        // The default one first.
        after.values_mut().for_each(|list| list.sort_by_key(|succession| !succession.is_default));
        let stands = |node: &&Node<OrgUnitKind>| node.valid_to.is_none_or(|to| to >= REFORM_DAY);
        Self {
            gazetteer,
            places: gazetteer.places.iter().map(|place| (&place.key, place)).collect(),
            after,
            before,
            standing: tree.values().filter(stands).map(|node| (node.code.as_str(), node)).collect(),
        }
    }

    fn of(&self, generation: Generation, kind: LocalityKind) -> impl Iterator<Item = &'a Place> {
        let of = move |place: &&Place| place.key.generation == generation && place.kind == kind;
        self.gazetteer.places.iter().filter(of)
    }

    /// The union of an older place, when it stands.
    fn union(&self, place: &Place) -> Option<&'a Node<OrgUnitKind>> {
        self.standing.get(organisation::old_code(place).as_str()).copied()
    }

    /// The places that one was made of. The figures of most districts fall to a province, which is not made of them.
    fn made_of(&self, new: &Place) -> Vec<&'a Place> {
        let before = self.before.get(&new.key).into_iter().flatten();
        let old = before.filter_map(|succession| self.places.get(&succession.from)).copied();
        old.filter(|old| new.kind != LocalityKind::Province || old.kind == LocalityKind::Province).collect()
    }

    /// The older place that only goes on in a new one: the same level and name, nothing added and nothing taken away.
    fn same_as(&self, new: &Place) -> Option<&'a Place> {
        let [old] = *self.made_of(new).as_slice() else { return None };
        let whole = self.after.get(&old.key).is_some_and(|after| after.len() == 1);
        (whole && old.kind == new.kind && old.name() == new.name()).then_some(old)
    }
}

impl Draft {
    fn new(sources: &Sources<'_>, centre: Uuid) -> Self {
        let mut draft = Self::default();
        for province in sources.of(Generation::Reformed, LocalityKind::Province) {
            draft.union_of(sources, province, centre, CENTRE);
        }
        for commune in sources.of(Generation::Reformed, LocalityKind::Commune) {
            let above = commune.parent.as_ref().and_then(|province| draft.unions.get(province)).copied();
            let province = commune.parent.as_ref().and_then(|key| sources.places.get(key));
            if let (Some(above), Some(province)) = (above, province) {
                draft.union_of(sources, commune, above, &organisation::reformed(province, None).code);
            }
        }
        for level in [LocalityKind::Province, LocalityKind::District, LocalityKind::Commune] {
            draft.endings(sources, level);
        }
        draft
    }

    /// The union of a new place: the one that goes on, or one that begins where there was one before.
    fn union_of(&mut self, sources: &Sources<'_>, place: &Place, above: Uuid, above_code: &str) {
        if let Some(old) = sources.same_as(place) {
            let Some(union) = sources.union(old) else { return };
            self.unions.insert(place.key.clone(), union.id);
            self.covering.insert(union.id, place_id(&place.key));
            self.kept.push(union.kind);
            if union.parent_id != Some(above) {
                self.change(ChangeKind::Move, vec![union.id], vec![above]);
            }
            return;
        }
        if !sources.made_of(place).into_iter().any(|old| sources.union(old).is_some()) {
            return;
        }
        let unit = organisation::reformed(place, Some(above_code.to_owned()));
        let id = id_of("org_unit", &unit.code);
        self.unions.insert(place.key.clone(), id);
        let begun = Begun {
            id,
            kind: unit.kind,
            code: unit.code.clone(),
            parent_id: Some(above),
            // Numbered when it is known how many begin.
            number: UnitPath::root(0),
            stated: (0, self.begun.len()),
        };
        self.begun.push((unit, begun));
    }

    fn change(&mut self, kind: ChangeKind, from: Vec<Uuid>, into: Vec<Uuid>) {
        self.changes.push(Change { kind, from, into, default_into: 0 });
    }

    /// What becomes of the older unions of a level that don't go on.
    fn endings(&mut self, sources: &Sources<'_>, level: LocalityKind) {
        // Those that become one are one change, in the order of the places.
        let mut merges: Vec<(Uuid, Vec<Uuid>)> = vec![];
        let mut at: HashMap<Uuid, usize> = HashMap::new();
        for place in sources.of(Generation::Legacy, level) {
            let Some(union) = sources.union(place).filter(|union| !self.covering.contains_key(&union.id)) else {
                continue;
            };
            let after = sources.after.get(&place.key).into_iter().flatten();
            let into: Vec<Uuid> = after.filter_map(|one| self.unions.get(&one.into)).copied().collect();
            match into.as_slice() {
                [] => {}
                [only] => {
                    let place = *at.entry(*only).or_insert_with(|| {
                        merges.push((*only, vec![]));
                        merges.len() - 1
                    });
                    if let Some((_, from)) = merges.get_mut(place) {
                        from.push(union.id);
                    }
                }
                _ => self.change(ChangeKind::Split, vec![union.id], into),
            }
        }
        for (into, from) in merges {
            self.change(ChangeKind::Merge, from, vec![into]);
        }
    }
}

/// What is wrong, by the codes of the units concerned.
fn refused(faults: &[Fault], draft: &Draft, tree: &Tree<OrgUnitKind>) -> ReformError {
    use tinhnguyen_domain::reorganisation::Place as P;
    let of_change = |at: usize, n: usize| {
        let change = draft.changes.get(at)?;
        let node = change.from.get(n).or_else(|| change.from.first()).and_then(|id| tree.get(id))?;
        Some(node.code.clone())
    };
    let told = faults.iter().take(10).map(|fault| {
        let unit = match fault.place {
            P::CodeAt(_, n) | P::KindAt(_, n) | P::ParentAt(_, n) => {
                draft.begun.get(n).map(|(unit, _)| unit.code.clone())
            }
            P::FromAt(at, n) => of_change(at, n),
            P::From(at) | P::Into(at) | P::IntoAt(at, _) | P::Default(at) => of_change(at, 0),
            P::Changes => None,
        };
        format!("{}: {}", unit.unwrap_or_else(|| "the whole tree".to_owned()), fault.trouble)
    });
    ReformError::Refused(told.collect())
}

async fn apply(
    tx: &Tx,
    gazetteer: &Gazetteer,
    at: DateTime<Utc>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Option<Reformed>, ReformError> {
    let tree = units::take(tx).await?;
    if is_reformed(tx).await? {
        return Ok(None);
    }
    let centre = tree.values().find(|node| node.code == CENTRE).ok_or(ReformError::NotSeeded)?.id;
    let mut draft = Draft::new(&Sources::new(gazetteer, &tree), centre);
    let many = i64::try_from(draft.begun.len()).unwrap_or_default();
    let last = org_units::next_numbers(tx, many).await?;
    for (number, (_, begun)) in (last - many + 1..).zip(&mut draft.begun) {
        begun.number = UnitPath::root(number);
    }
    let begun: Vec<Begun<OrgUnitKind>> = draft.begun.iter().map(|(_, begun)| begun.clone()).collect();
    let order = Order { effective_on: REFORM_DAY, begun: &begun, changes: &draft.changes, hang: true, sees: &|_| true };
    let plan = plan(&tree, &order).map_err(|faults| refused(&faults, &draft, &tree))?;

    let stamp = |id| Stamp { id, created_at: at, updated_at: at, version: 1 };
    let paths: HashMap<Uuid, &UnitPath> = plan.begun.iter().map(|(id, path)| (*id, path)).collect();
    let unit = |(unit, begun): &(Unit, Begun<OrgUnitKind>)| OrgUnit {
        stamp: stamp(begun.id),
        code: unit.code.clone(),
        name: unit.name.clone(),
        name_en: unit.name_en.clone(),
        kind: unit.kind,
        parent_id: begun.parent_id,
        locality_id: unit.locality.as_ref().map(place_id),
        national_org_code: None,
        valid_from: REFORM_DAY,
        valid_to: None,
        path: paths.get(&begun.id).map_or_else(|| begun.number.clone(), |path| (*path).clone()),
    };
    // Provinces stand before communes there, and so do parents before their children.
    org_units::insert_many(tx, &draft.begun.iter().map(unit).collect::<Vec<_>>()).await?;
    let ids: Vec<Uuid> = tree.keys().copied().chain(begun.iter().map(|begun| begun.id)).collect();
    let called = units::called(tx, &ids).await?;
    let amend = |row: &mut crate::entities::org_unit::Model| {
        row.locality_id = draft.covering.get(&row.id).copied().or(row.locality_id);
    };
    units::apply(tx, &plan, &Names::new(), at, &amend, progress).await?;
    let touched: HashSet<Uuid> = plan.touched.iter().map(|touched| touched.id).collect();
    let mut changed: Vec<Uuid> = touched.iter().copied().chain(begun.iter().map(|begun| begun.id)).collect();
    changed.sort_unstable();
    for (id, place) in draft.covering.iter().filter(|(id, _)| !touched.contains(*id)) {
        let Some(mut unit) = org_units::find(tx, *id).await? else { continue };
        unit.locality_id = Some(*place);
        unit.stamp = Stamp { updated_at: at, version: unit.stamp.version + 1, ..unit.stamp };
        org_units::update(tx, &unit).await?;
        changed.push(*id);
    }

    let (changes, counts) = told(&draft.changes, &begun, &plan, &called, |_| None);
    let done = Reorganisation {
        stamp: stamp(reform_id()),
        tree: TreeKind::OrgUnits,
        effective_on: REFORM_DAY,
        reason: Some("Sắp xếp tổ chức Đoàn theo đơn vị hành chính hai cấp".to_owned()),
        document: Some("202/2025/QH15".to_owned()),
        org_unit_id: Some(centre),
        counts,
    };
    reorganisations::insert(tx, &done, &changes).await?;
    let audited = |resource, id, unit| Audited {
        at,
        actor_id: Uuid::nil(),
        action: "reorganise_reform_2025",
        resource,
        resource_id: id,
        request_id: COMMAND_LINE,
        org_unit_id: Some(unit),
        address: None,
    };
    let mut rows: Vec<Audited<'_>> = changed.iter().map(|id| audited("org_unit", *id, *id)).collect();
    rows.push(audited("reorganisation", reform_id(), centre));
    audit::record_many(tx, &rows).await?;
    Ok(Some(summary(&draft, plan.touched.len(), plan.rehung.len(), &tree)))
}

fn summary(draft: &Draft, touched: usize, moved_along: usize, tree: &Tree<OrgUnitKind>) -> Reformed {
    let mut levels: BTreeMap<OrgUnitKind, Level> = BTreeMap::new();
    for (unit, _) in &draft.begun {
        levels.entry(unit.kind).or_default().begun += 1;
    }
    for kind in &draft.kept {
        levels.entry(*kind).or_default().kept += 1;
    }
    let ends = draft.changes.iter().filter(|change| change.kind != ChangeKind::Move);
    for node in ends.flat_map(|change| &change.from).filter_map(|id| tree.get(id)) {
        levels.entry(node.kind).or_default().ended += 1;
    }
    Reformed { levels, moved_along, touched }
}
