//! What an order means for the tree, and everything that is wrong with it.

use super::{
    Begun, Change, ChangeKind, Fault, Level, MAX_DEPTH, Node, Order, Place, Plan, Succession, Touched, Tree, Trouble,
};
use crate::org_units::UnitPath;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Works out what an order does to the whole tree.
///
/// # Errors
/// Everything that is wrong with it, by where it stands in the order.
pub fn plan<K: Level>(tree: &Tree<K>, order: &Order<'_, K>) -> Result<Plan, Vec<Fault>> {
    let mut draft = Draft::new(tree, order);
    draft.check_shapes();
    draft.check_subjects();
    draft.check_begun();
    draft.check_successors();
    draft.check_destinations();
    if !draft.faults.is_empty() {
        return Err(draft.faults());
    }
    let rehung = draft.rehang();
    if !draft.faults.is_empty() {
        return Err(draft.faults());
    }
    let plan = draft.finish(rehung);
    if draft.faults.is_empty() { Ok(plan) } else { Err(draft.faults()) }
}

struct Draft<'a, K> {
    tree: &'a Tree<K>,
    order: &'a Order<'a, K>,
    faults: Vec<Fault>,
    begun: HashMap<Uuid, &'a Begun<K>>,
    /// What ends, and by which change.
    ending: BTreeMap<Uuid, usize>,
    /// What moves, and below whom.
    moving: HashMap<Uuid, Uuid>,
    renamed: HashSet<Uuid>,
    /// Below whom those come who stood below something that ends.
    rehung: HashMap<Uuid, Uuid>,
}

impl<'a, K: Level> Draft<'a, K> {
    fn new(tree: &'a Tree<K>, order: &'a Order<'a, K>) -> Self {
        let begun = order.begun.iter().map(|begun| (begun.id, begun)).collect();
        let mut draft = Self {
            tree,
            order,
            faults: vec![],
            begun,
            ending: BTreeMap::new(),
            moving: HashMap::new(),
            renamed: HashSet::new(),
            rehung: HashMap::new(),
        };
        for (at, change) in order.changes.iter().enumerate() {
            for id in &change.from {
                match (change.kind, change.into.first()) {
                    (ChangeKind::Merge | ChangeKind::Split | ChangeKind::Close, _) => {
                        draft.ending.entry(*id).or_insert(at);
                    }
                    (ChangeKind::Move, Some(into)) => drop(draft.moving.insert(*id, *into)),
                    (ChangeKind::Move, None) => {}
                    (ChangeKind::Rename, _) => drop(draft.renamed.insert(*id)),
                }
            }
        }
        draft
    }

    fn changes(&self) -> impl Iterator<Item = (usize, &'a Change)> + use<'a, K> {
        self.order.changes.iter().enumerate()
    }

    fn fault(&mut self, place: Place, trouble: Trouble) {
        self.faults.push(Fault { place, trouble });
    }

    /// In the order of the request, each once.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = self.faults.clone();
        faults.sort_by_key(|fault| fault.place);
        faults.dedup();
        faults
    }

    fn kind_of(&self, id: Uuid) -> Option<K> {
        self.tree.get(&id).map(|node| node.kind).or_else(|| self.begun.get(&id).map(|begun| begun.kind))
    }

    /// One that is there and in sight.
    fn seen(&self, id: Uuid) -> Option<&'a Node<K>> {
        self.tree.get(&id).filter(|node| (self.order.sees)(node))
    }

    /// Whether one stands on the day before the new tree or later.
    fn lives(&self, node: &Node<K>) -> bool {
        node.valid_to.is_none_or(|to| to >= self.order.effective_on)
    }

    /// How many each kind of change wants.
    fn check_shapes(&mut self) {
        for (at, change) in self.changes() {
            let (most_from, least_into, most_into) = match change.kind {
                ChangeKind::Merge | ChangeKind::Move => (usize::MAX, 1, 1),
                ChangeKind::Split => (1, 2, usize::MAX),
                // The new name stands in the place of a successor, and is no unit.
                ChangeKind::Rename => (1, 0, 0),
                ChangeKind::Close => (usize::MAX, 0, 0),
            };
            if change.from.is_empty() {
                self.fault(Place::From(at), Trouble::TooFew(1));
            }
            if change.from.len() > most_from {
                self.fault(Place::From(at), Trouble::TooMany(most_from));
            }
            if change.into.len() < least_into {
                self.fault(Place::Into(at), Trouble::TooFew(least_into));
            }
            if change.into.len() > most_into {
                self.fault(Place::Into(at), Trouble::TooMany(most_into));
            }
            if !change.into.is_empty() && change.default_into >= change.into.len() {
                self.fault(Place::Default(at), Trouble::NotFound);
            }
        }
    }

    /// Those to whom something is done.
    fn check_subjects(&mut self) {
        let mut known = HashSet::new();
        for (at, change) in self.changes() {
            for (n, id) in change.from.iter().enumerate() {
                let place = Place::FromAt(at, n);
                if !known.insert(*id) {
                    self.fault(place, Trouble::Repeated);
                    continue;
                }
                let Some(node) = self.seen(*id) else {
                    self.fault(place, Trouble::NotFound);
                    continue;
                };
                if let Some(end) = node.valid_to.filter(|_| !self.lives(node)) {
                    self.fault(place, Trouble::Ended(end));
                } else if self.order.effective_on <= node.since {
                    self.fault(place, Trouble::NotAfter(node.since));
                }
                // The one above all carries the rights over the whole tree.
                if node.parent_id.is_none() && self.order.hang && change.kind != ChangeKind::Rename {
                    self.fault(place, Trouble::Top);
                }
            }
        }
    }

    /// What begins.
    fn check_begun(&mut self) {
        let mut ids = HashSet::new();
        let mut codes: HashSet<&str> = HashSet::new();
        // A code may go on to somebody else when whom it named ends, unless it is theirs for good.
        let taken: HashSet<&str> = self
            .tree
            .values()
            .filter(|node| {
                let effective_on = self.order.effective_on;
                let then = node.valid_from <= effective_on && self.lives(node) && !self.ending.contains_key(&node.id);
                self.order.hang || node.valid_from == effective_on || then
            })
            .map(|node| node.code.as_str())
            .collect();
        for begun in self.order.begun {
            let (at, n) = begun.stated;
            if !ids.insert(begun.id) || self.tree.contains_key(&begun.id) {
                self.fault(Place::IntoAt(at, n), Trouble::Repeated);
            }
            if taken.contains(begun.code.as_str()) || !codes.insert(&begun.code) {
                self.fault(Place::CodeAt(at, n), Trouble::CodeTaken);
            }
            match begun.parent_id {
                Some(parent) => self.check_above(parent, Place::ParentAt(at, n)),
                None if self.order.hang => self.fault(Place::ParentAt(at, n), Trouble::Top),
                None => {}
            }
            let parent = begun.parent_id.map(|parent| self.kind_of(parent));
            // A parent that is not there was told already.
            if parent != Some(None) && !begun.kind.may_stand(parent.flatten()) {
                let place = if parent.is_none() { Place::ParentAt(at, n) } else { Place::KindAt(at, n) };
                self.fault(place, Trouble::KindNotUnder(parent.flatten().map(Level::word)));
            }
        }
    }

    /// Whether something may come to stand below one on the first day of the new tree.
    fn check_above(&mut self, parent: Uuid, place: Place) {
        if self.begun.contains_key(&parent) {
            return;
        }
        let effective_on = self.order.effective_on;
        let trouble = match self.seen(parent) {
            None => Trouble::NotFound,
            Some(_) if self.ending.contains_key(&parent) => Trouble::Ends,
            Some(node) => match node.valid_to.filter(|_| !self.lives(node)) {
                Some(end) => Trouble::Ended(end),
                None if node.valid_from > effective_on => Trouble::NotBegun(node.valid_from),
                None => return,
            },
        };
        self.fault(place, trouble);
    }

    /// Those who take the place of what ends.
    fn check_successors(&mut self) {
        for (at, change) in self.changes() {
            if !matches!(change.kind, ChangeKind::Merge | ChangeKind::Split) {
                continue;
            }
            for (n, id) in change.into.iter().enumerate() {
                let place = Place::IntoAt(at, n);
                if change.into.iter().take(n).any(|before| before == id) {
                    self.fault(place, Trouble::Repeated);
                    continue;
                }
                self.check_above(*id, place);
                // Beneath a unit that ends nothing can take its place: it would hang beneath itself.
                let Some(heir) = self.seen(*id) else { continue };
                let below = |from: &Uuid| self.tree.get(from).is_some_and(|node| node.path.contains(&heir.path));
                if !change.from.contains(id) && change.from.iter().any(below) {
                    self.fault(place, Trouble::Circle);
                }
            }
        }
    }

    /// Those below whom something moves.
    fn check_destinations(&mut self) {
        for (at, change) in self.changes() {
            let (ChangeKind::Move, [into]) = (change.kind, change.into.as_slice()) else { continue };
            self.check_above(*into, Place::IntoAt(at, 0));
            let Some(parent) =
                self.kind_of(*into).filter(|_| !self.tree.contains_key(into) || self.seen(*into).is_some())
            else {
                continue;
            };
            for (n, id) in change.from.iter().enumerate() {
                let Some(node) = self.seen(*id) else { continue };
                if !node.kind.may_stand(Some(parent)) {
                    self.fault(Place::FromAt(at, n), Trouble::KindNotUnder(Some(parent.word())));
                }
            }
        }
    }

    /// The one that takes the figures of what a change ends.
    fn heir(&self, at: usize) -> Option<Uuid> {
        let change = self.order.changes.get(at)?;
        change.into.get(change.default_into).copied()
    }

    /// What goes on and stands directly below something that ends comes to stand below the successor, or below the nearest
    /// above that where one of its kind may stand.
    fn rehang(&mut self) -> Vec<(usize, Uuid)> {
        let mut children: Vec<(usize, Uuid, &'a Node<K>)> = self
            .tree
            .values()
            .filter(|node| {
                self.lives(node) && !self.ending.contains_key(&node.id) && !self.moving.contains_key(&node.id)
            })
            .filter_map(|node| {
                let parent = node.parent_id?;
                Some((*self.ending.get(&parent)?, parent, node))
            })
            .collect();
        children.sort_by(|(a, _, one), (b, _, other)| (a, &one.code, one.id).cmp(&(b, &other.code, other.id)));
        for (at, parent, child) in &children {
            let Some(heir) = self.heir(*at) else {
                let n = self.order.changes.get(*at).and_then(|change| change.from.iter().position(|id| id == parent));
                self.fault(Place::FromAt(*at, n.unwrap_or_default()), Trouble::Occupied);
                continue;
            };
            match self.nearest(child, heir) {
                Ok(above) => drop(self.rehung.insert(child.id, above)),
                Err(trouble) => {
                    let n = self.order.changes.get(*at).map_or(0, |change| change.default_into);
                    self.fault(Place::IntoAt(*at, n), trouble);
                }
            }
        }
        children.into_iter().map(|(at, _, child)| (at, child.id)).collect()
    }

    fn nearest(&self, child: &Node<K>, heir: Uuid) -> Result<Uuid, Trouble> {
        let mut above = heir;
        for _ in 0..=MAX_DEPTH {
            if above != child.id && self.kind_of(above).is_some_and(|kind| child.kind.may_stand(Some(kind))) {
                return Ok(above);
            }
            above = self.above(above).ok_or_else(|| Trouble::KindNotUnder(self.kind_of(heir).map(Level::word)))?;
        }
        Err(Trouble::Circle)
    }

    /// Below whom one stands in the new tree, before those are settled who stood below what ends.
    fn above(&self, id: Uuid) -> Option<Uuid> {
        if let Some(begun) = self.begun.get(&id) {
            return begun.parent_id;
        }
        let parent = self.moving.get(&id).copied().or_else(|| self.tree.get(&id)?.parent_id)?;
        match self.ending.get(&parent) {
            Some(at) => self.heir(*at),
            None => Some(parent),
        }
    }

    /// Below whom one stands in the stored tree in the end.
    fn settled(&self, id: Uuid) -> Option<Uuid> {
        if let Some(begun) = self.begun.get(&id) {
            return begun.parent_id;
        }
        if let Some(above) = self.moving.get(&id).or_else(|| self.rehung.get(&id)) {
            return Some(*above);
        }
        let hung = self.ending.get(&id).filter(|_| self.order.hang).and_then(|at| self.heir(*at));
        hung.or_else(|| self.tree.get(&id)?.parent_id)
    }

    /// The path of one in the stored tree in the end; none when it leads in a circle.
    fn path(&self, id: Uuid, known: &mut HashMap<Uuid, UnitPath>) -> Option<UnitPath> {
        let mut way = vec![];
        let (mut at, mut seen) = (Some(id), HashSet::new());
        let mut path = loop {
            let Some(next) = at else { break None };
            if let Some(path) = known.get(&next) {
                break Some(path.clone());
            }
            if !seen.insert(next) {
                return None;
            }
            way.push(next);
            at = self.settled(next);
        };
        while let Some(next) = way.pop() {
            let own = self.begun.get(&next).map(|begun| &begun.number);
            let own = own.or_else(|| self.tree.get(&next).map(|node| &node.path))?;
            let here = own.under(path.as_ref());
            known.insert(next, here.clone());
            path = Some(here);
        }
        path
    }

    fn finish(&mut self, rehung: Vec<(usize, Uuid)>) -> Plan {
        let effective_on = self.order.effective_on;
        let last_day = effective_on.pred_opt().unwrap_or(effective_on);
        let mut known = HashMap::new();
        let mut plan = Plan { rehung, ..Plan::default() };
        for begun in self.order.begun {
            match self.path(begun.id, &mut known) {
                Some(path) => plan.begun.push((begun.id, path)),
                None => self.fault(Place::ParentAt(begun.stated.0, begun.stated.1), Trouble::Circle),
            }
        }
        plan.begun.sort_by_key(|(_, path)| path.depth());
        let (mut circle, mut deep) = (false, plan.begun.iter().any(|(_, path)| path.depth() > MAX_DEPTH));
        for node in self.tree.values() {
            let Some(path) = self.path(node.id, &mut known) else {
                circle = true;
                continue;
            };
            deep |= path.depth() > MAX_DEPTH;
            let ends = self.ending.contains_key(&node.id);
            let parent_id = self.settled(node.id);
            let elsewhere = parent_id != node.parent_id || self.renamed.contains(&node.id);
            if elsewhere || ends || path != node.path {
                // Who came below what ends after it had ended (it is told late) never stood there.
                let was = (elsewhere && node.since <= last_day).then_some((node.since, last_day));
                plan.touched.push(Touched { id: node.id, parent_id, path, ends_on: ends.then_some(last_day), was });
            }
        }
        if circle {
            self.fault(Place::Changes, Trouble::Circle);
        }
        if deep {
            self.fault(Place::Changes, Trouble::TooDeep);
        }
        for (from, at) in &self.ending {
            let Some(change) = self.order.changes.get(*at) else { continue };
            for (n, into) in change.into.iter().enumerate() {
                plan.successions.push(Succession { from: *from, into: *into, is_default: n == change.default_into });
            }
        }
        plan
    }
}
