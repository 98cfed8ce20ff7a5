//! Trees that change: where each unit or place stood on a day, and in whose figures one is that did not stand then.
//!
//! A figure stays with whom it was counted for; which sums it is part of is a matter of the tree that one asks by. Every
//! member that ever was has exactly one place in the tree of any day, so no tree gains or loses a figure.

use crate::org_units::UnitPath;
use chrono::NaiveDate;
use std::collections::HashMap;
use uuid::Uuid;

/// Where a member stood for a time that is over. Days are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Below whom; none at the top.
    pub parent_id: Option<Uuid>,
}

/// A unit or place of a tree, with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// Its place in the stored tree; the number that it ends in is its own for good.
    pub path: UnitPath,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
    /// Below whom it stands in the stored tree, since its last earlier place.
    pub parent_id: Option<Uuid>,
    /// Its earlier places, in any order.
    pub earlier: Vec<Placement>,
    /// To whom its figures fall after its end.
    pub successor_id: Option<Uuid>,
}

impl Member {
    /// Whether it stood on a day.
    #[must_use]
    pub fn stood_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|to| day <= to)
    }

    /// Below whom it stood on a day.
    #[must_use]
    pub fn parent_on(&self, day: NaiveDate) -> Option<Uuid> {
        let then = self.earlier.iter().find(|place| place.from <= day && day <= place.to);
        then.map_or(self.parent_id, |place| place.parent_id)
    }
}

/// A member's place in the tree of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id.
    pub id: Uuid,
    /// Under which path its figures are in that tree. No two members have the same, and every prefix is somebody's.
    pub path: UnitPath,
    /// In whose figures it is: itself where it stood on that day, otherwise the member of that day that took its place, or
    /// that it came from; itself again when there is none such.
    pub counts_at: Uuid,
}

/// What stands above a member in the tree of a day.
#[derive(Clone, Copy)]
enum Above {
    /// Another one, below which it stands.
    Parent(usize),
    /// Another one, whose figures it is part of.
    Heir(usize),
    /// Nothing.
    Top,
}

/// The tree of a day, with one place for everybody who ever was, in the order of `members`.
///
/// Who stood on that day is where they stood. Who had ended is beneath their default successor, or the one's after that,
/// and stays for itself where it stood last when it has none. Who had not begun is beneath the one whom they came from
/// when that is one alone (nothing can be divided backwards), and otherwise where they stood at first.
#[must_use]
pub fn tree_on(members: &[Member], day: NaiveDate) -> Vec<Standing> {
    let walk = Walk::new(members, day);
    let mut places: Vec<Option<Standing>> = vec![None; members.len()];
    let mut busy = vec![false; members.len()];
    for start in 0..members.len() {
        // Whoever is being placed, and how many of the places they could have were found to lead back to themselves.
        let mut stack: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, tried)) = stack.pop() {
            let (Some(member), Some(None)) = (members.get(at), places.get(at)) else { continue };
            if let Some(mark) = busy.get_mut(at) {
                *mark = true;
            }
            let above = walk.above(at).into_iter().flatten().nth(tried).unwrap_or(Above::Top);
            let (Above::Parent(next) | Above::Heir(next)) = above else {
                place(&mut places, at, Standing { id: member.id, path: member.path.under(None), counts_at: member.id });
                continue;
            };
            match places.get(next).and_then(Option::as_ref) {
                Some(up) => {
                    let counts_at = if matches!(above, Above::Heir(_)) { up.counts_at } else { member.id };
                    let path = member.path.under(Some(&up.path));
                    place(&mut places, at, Standing { id: member.id, path, counts_at });
                }
                // Only dates that contradict one another lead back: the next best place is taken.
                None if busy.get(next).copied().unwrap_or(true) => stack.push((at, tried.saturating_add(1))),
                None => stack.extend([(at, tried), (next, 0)]),
            }
        }
    }
    places.into_iter().flatten().collect()
}

fn place(places: &mut [Option<Standing>], at: usize, standing: Standing) {
    if let Some(place) = places.get_mut(at) {
        *place = Some(standing);
    }
}

/// The members by id, and who came from whom.
struct Walk<'a> {
    members: &'a [Member],
    day: NaiveDate,
    at: HashMap<Uuid, usize>,
    /// Those whose default successor one is.
    origins: HashMap<Uuid, Vec<usize>>,
    /// The one above all, where there is one.
    root: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(members: &'a [Member], day: NaiveDate) -> Self {
        let mut origins: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (at, member) in members.iter().enumerate() {
            if let Some(heir) = member.successor_id {
                origins.entry(heir).or_default().push(at);
            }
        }
        let mut tops = members.iter().enumerate().filter(|(_, member)| member.parent_id.is_none());
        let root = match (tops.next(), tops.next()) {
            (Some((at, _)), None) => Some(at),
            _ => None,
        };
        let at = members.iter().enumerate().map(|(at, member)| (member.id, at)).collect();
        Self { members, day, at, origins, root }
    }

    /// What could stand above a member, the best first.
    fn above(&self, at: usize) -> [Option<Above>; 3] {
        let Some(member) = self.members.get(at) else { return [None; 3] };
        let below = |parent: Option<Uuid>| match parent {
            None => Some(Above::Top),
            Some(id) => self.at.get(&id).map(|at| Above::Parent(*at)),
        };
        let last = self.root.filter(|root| *root != at).map(Above::Parent);
        if member.stood_on(self.day) {
            return [below(member.parent_on(self.day)), last, None];
        }
        match member.valid_to {
            Some(end) if end < self.day => {
                let heir = member.successor_id.and_then(|id| self.at.get(&id)).map(|heir| Above::Heir(*heir));
                [heir, below(member.parent_on(end)), last]
            }
            _ => {
                let origin = self.origin(member).map(Above::Heir);
                [origin, below(member.parent_on(member.valid_from)), last]
            }
        }
    }

    /// The one who stood on the day and from whom alone a member came, over however many steps.
    fn origin(&self, member: &Member) -> Option<usize> {
        let mut young = member;
        // Each step goes back in time, as long as nobody ends before they begin.
        for _ in 0..self.members.len() {
            let begin = young.valid_from;
            let [only] = self.origins.get(&young.id)?.as_slice() else { return None };
            let origin = self.members.get(*only)?;
            // Who took in another one later did not come from them.
            if origin.valid_to.and_then(|end| end.succ_opt()) != Some(begin) {
                return None;
            }
            if origin.stood_on(self.day) {
                return Some(*only);
            }
            young = origin;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(i32::try_from(739_000 + n).unwrap()).unwrap()
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn member(n: u128, parent: Option<u128>, path: &str, life: (u32, Option<u32>)) -> Member {
        Member {
            id: id(n),
            path: UnitPath::parse(path).unwrap(),
            valid_from: day(life.0),
            valid_to: life.1.map(day),
            parent_id: parent.map(id),
            earlier: vec![],
            successor_id: None,
        }
    }

    /// The path and the head of one member in the tree of a day.
    fn of(members: &[Member], n: u128, on: u32) -> (String, u128) {
        let tree = tree_on(members, day(on));
        let found = tree.iter().find(|standing| standing.id == id(n)).unwrap();
        (found.path.to_string(), found.counts_at.as_u128())
    }

    /// Two provinces of which one took in the other's successor: 2 and 3 became 4 on day 10, 4 became 5 on day 20. Unit 6
    /// stood below 2 and stands below 5 now; 7 was closed on day 15 below 4.
    fn merged() -> Vec<Member> {
        let mut two = member(2, Some(4), "/1/5/4/2/", (0, Some(9)));
        two.earlier = vec![Placement { from: day(0), to: day(9), parent_id: Some(id(1)) }];
        two.successor_id = Some(id(4));
        let mut three = Member { id: id(3), path: UnitPath::parse("/1/5/4/3/").unwrap(), ..two.clone() };
        three.successor_id = Some(id(4));
        let mut four = member(4, Some(5), "/1/5/4/", (10, Some(19)));
        four.earlier = vec![Placement { from: day(10), to: day(19), parent_id: Some(id(1)) }];
        four.successor_id = Some(id(5));
        let mut six = member(6, Some(5), "/1/5/6/", (0, None));
        six.earlier = vec![
            Placement { from: day(0), to: day(9), parent_id: Some(id(2)) },
            Placement { from: day(10), to: day(19), parent_id: Some(id(4)) },
        ];
        vec![
            member(1, None, "/1/", (0, None)),
            two,
            three,
            four,
            member(5, Some(1), "/1/5/", (20, None)),
            six,
            member(7, Some(4), "/1/5/4/7/", (0, Some(14))),
        ]
    }

    #[test]
    fn who_stands_is_where_it_stood_that_day() {
        let members = merged();
        for (n, on, path) in [
            (2, 5, "/1/2/"),
            (6, 5, "/1/2/6/"),
            (6, 15, "/1/4/6/"),
            (6, 25, "/1/5/6/"),
            (4, 10, "/1/4/"),
            (7, 14, "/1/4/7/"),
        ] {
            assert_eq!(of(&members, n, on), (path.to_owned(), n), "{n} on day {on}");
        }
    }

    #[test]
    fn who_has_ended_is_beneath_the_last_of_its_successors_that_stands() {
        let members = merged();
        assert_eq!(of(&members, 2, 9), ("/1/2/".to_owned(), 2));
        assert_eq!(of(&members, 2, 10), ("/1/4/2/".to_owned(), 4));
        assert_eq!(of(&members, 2, 20), ("/1/5/4/2/".to_owned(), 5), "merges of merges");
        assert_eq!(of(&members, 3, 99), ("/1/5/4/3/".to_owned(), 5));
    }

    #[test]
    fn who_was_closed_stays_for_itself_and_goes_along_with_what_was_above() {
        let members = merged();
        assert_eq!(of(&members, 7, 15), ("/1/4/7/".to_owned(), 7));
        assert_eq!(of(&members, 7, 30), ("/1/5/4/7/".to_owned(), 7));
    }

    #[test]
    fn who_has_not_begun_is_beneath_the_one_it_came_from_and_divides_nothing() {
        let members = merged();
        assert_eq!(of(&members, 5, 15), ("/1/4/5/".to_owned(), 4), "from one alone");
        assert_eq!(of(&members, 4, 5), ("/1/4/".to_owned(), 4), "from two: no honest answer but itself");
        assert_eq!(of(&members, 5, 5), ("/1/5/".to_owned(), 5), "from one that came from two");
    }

    #[test]
    fn who_took_in_another_one_later_did_not_come_from_them() {
        let mut old = member(2, Some(3), "/1/3/2/", (0, Some(19)));
        old.earlier = vec![Placement { from: day(0), to: day(19), parent_id: Some(id(1)) }];
        old.successor_id = Some(id(3));
        let members = [member(1, None, "/1/", (0, None)), old, member(3, Some(1), "/1/3/", (10, None))];
        assert_eq!(of(&members, 3, 5), ("/1/3/".to_owned(), 3));
        assert_eq!(of(&members, 2, 25), ("/1/3/2/".to_owned(), 3));
    }

    #[test]
    fn dates_that_contradict_one_another_lose_nobody() {
        // 3 stands below 2 since before 2 began, and ended into it: who goes by dates alone runs in a circle.
        let mut three = member(3, Some(2), "/1/2/3/", (0, Some(9)));
        three.successor_id = Some(id(2));
        let members = [member(1, None, "/1/", (0, None)), member(2, Some(1), "/1/2/", (10, None)), three];
        let tree = tree_on(&members, day(5));
        assert_eq!(tree.len(), 3);
        assert!(tree.iter().all(|standing| standing.path.as_str().starts_with("/1/")), "{tree:?}");
    }

    /// Members whose dates, parents and successors are whatever they are; their stored paths are a tree of two levels.
    fn whatever() -> impl Strategy<Value = Vec<Member>> {
        let one =
            (0u32..30, proptest::option::of(0u32..30), 1u128..12, proptest::option::of(1u128..12), 0u32..30, 1u128..12);
        proptest::collection::vec(one, 0..11).prop_map(|rows| {
            let mut members = vec![member(1, None, "/1/", (0, None))];
            for (n, (from, length, parent, heir, moved, before)) in (2u128..).zip(rows) {
                let mut next = member(n, Some(parent), &format!("/1/{n}/"), (from, length.map(|l| from + l)));
                next.successor_id = next.valid_to.and(heir.map(id));
                next.earlier = vec![Placement { from: day(0), to: day(moved), parent_id: Some(id(before)) }];
                members.push(next);
            }
            members
        })
    }

    proptest! {
        /// Whatever the history says, everybody has one place that is nobody else's, below the root and below somebody's.
        #[test]
        fn everybody_has_one_place_in_the_tree_of_any_day(members in whatever(), on in 0u32..70) {
            let tree = tree_on(&members, day(on));
            let ids: Vec<Uuid> = members.iter().map(|member| member.id).collect();
            prop_assert_eq!(tree.iter().map(|standing| standing.id).collect::<Vec<_>>(), ids);
            let paths: HashSet<&UnitPath> = tree.iter().map(|standing| &standing.path).collect();
            prop_assert_eq!(paths.len(), tree.len());
            for standing in &tree {
                for above in standing.path.ancestors() {
                    prop_assert!(paths.contains(&above), "{:?}", standing);
                }
                prop_assert!(UnitPath::root(1).contains(&standing.path));
                prop_assert_eq!(standing.path.under(None), members.iter().find(|m| m.id == standing.id).unwrap().path.under(None));
            }
            prop_assert_eq!(&tree_on(&members, day(on)), &tree, "asking again");
        }
    }
}
