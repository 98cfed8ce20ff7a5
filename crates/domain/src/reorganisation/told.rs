//! What was done, in the words that are kept of it.

use super::{Begun, Change, ChangeKind, Counts, DoneChange, Named, Plan};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// What a plan did, by change, and how much: `called` are the names of before, and of what began; `renamed` the new ones.
#[must_use]
pub fn told<K>(
    changes: &[Change],
    begun: &[Begun<K>],
    plan: &Plan,
    called: &HashMap<Uuid, Named>,
    renamed: impl Fn(Uuid) -> Option<String>,
) -> (Vec<DoneChange>, Counts) {
    let begun: HashSet<Uuid> = begun.iter().map(|begun| begun.id).collect();
    let mut rehung: HashMap<usize, Vec<Named>> = HashMap::new();
    for (at, id) in &plan.rehung {
        rehung.entry(*at).or_default().extend(called.get(id).cloned());
    }
    let named = |ids: &[Uuid]| ids.iter().filter_map(|id| called.get(id).cloned()).collect::<Vec<_>>();
    let mut counts = Counts {
        begun: count(begun.len()),
        moved: count(plan.rehung.len()),
        touched: count(plan.touched.len()),
        ..Counts::default()
    };
    let mut done = Vec::with_capacity(changes.len());
    for (at, change) in changes.iter().enumerate() {
        let (from, many) = (named(&change.from), count(change.from.len()));
        let mut into = named(&change.into);
        match change.kind {
            ChangeKind::Merge | ChangeKind::Split | ChangeKind::Close => counts.ended += many,
            ChangeKind::Move => counts.moved += many,
            ChangeKind::Rename => {
                counts.renamed += many;
                into =
                    from.iter().map(|old| Named { name: renamed(old.id).unwrap_or_default(), ..old.clone() }).collect();
            }
        }
        let heir = change.into.get(change.default_into).copied();
        done.push(DoneChange {
            kind: change.kind,
            from,
            into,
            begun: change.into.iter().copied().filter(|id| begun.contains(id)).collect(),
            default_into: heir.filter(|_| matches!(change.kind, ChangeKind::Merge | ChangeKind::Split)),
            rehung: rehung.remove(&at).unwrap_or_default(),
        });
    }
    (done, counts)
}
