use super::{Trouble as T, *};
use crate::lineage::{Member, Placement, tree_on};
use OrgUnitKind::{Affiliated, Central, Commune, District, Grassroots, Province};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

fn day(n: u32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(739_000 + n).unwrap()).unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A tree with its history, as the database holds it.
#[derive(Clone)]
struct World {
    tree: Tree<OrgUnitKind>,
    members: Vec<Member>,
    /// Who stood where on which day, written down on that day.
    seen: BTreeMap<u32, Vec<(Uuid, Option<Uuid>)>>,
    next: u128,
}

impl World {
    /// The centre (1), two provinces (2, 3) and an affiliated union (4), districts 21 and 22 below 2 and 31 below 3,
    /// communes 211 and 212 below 21 and 311 below 31, a grassroots unit 2111 below 211.
    fn new() -> Self {
        let mut world = Self { tree: Tree::new(), members: vec![], seen: BTreeMap::new(), next: 100_000 };
        for (n, kind, parent) in [
            (1, Central, None),
            (2, Province, Some(1)),
            (3, Province, Some(1)),
            (4, Affiliated, Some(1)),
            (21, District, Some(2)),
            (22, District, Some(2)),
            (31, District, Some(3)),
            (211, Commune, Some(21)),
            (212, Commune, Some(21)),
            (311, Commune, Some(31)),
            (2111, Grassroots, Some(211)),
        ] {
            let above = parent.map(|parent| world.tree[&id(parent)].path.clone());
            let path = UnitPath::root(i64::try_from(n).unwrap()).under(above.as_ref());
            world.add(n, kind, parent.map(id), path, 0);
        }
        world
    }

    fn add(&mut self, n: u128, kind: OrgUnitKind, parent_id: Option<Uuid>, path: UnitPath, from: u32) {
        let (valid_from, code) = (day(from), format!("U-{n}"));
        let node = Node {
            id: id(n),
            kind,
            code,
            parent_id,
            path: path.clone(),
            valid_from,
            valid_to: None,
            since: valid_from,
        };
        self.tree.insert(node.id, node);
        let earlier = vec![];
        let (id, valid_to, successor_id) = (id(n), None, None);
        self.members.push(Member { id, path, valid_from, valid_to, parent_id, earlier, successor_id });
    }

    fn living(&self) -> Vec<&Node<OrgUnitKind>> {
        let mut living: Vec<_> = self.tree.values().filter(|node| node.valid_to.is_none()).collect();
        living.sort_by_key(|node| node.id);
        living
    }

    fn write_down(&mut self, on: u32) {
        let now = self.living().iter().map(|node| (node.id, node.parent_id)).collect();
        self.seen.insert(on, now);
    }

    fn plan(&self, on: u32, begun: &[Begun<OrgUnitKind>], changes: &[Change]) -> Result<Plan, Vec<Fault>> {
        plan(&self.tree, &Order { effective_on: day(on), begun, changes, hang: true, sees: &|_| true })
    }

    /// Does to the world what a plan says, as the database would.
    fn follow(&mut self, on: u32, begun: &[Begun<OrgUnitKind>], plan: &Plan) {
        for (id, path) in &plan.begun {
            let new = begun.iter().find(|new| new.id == *id).unwrap();
            self.add(id.as_u128(), new.kind, new.parent_id, path.clone(), on);
        }
        for touched in &plan.touched {
            let node = self.tree.get_mut(&touched.id).unwrap();
            let member = self.members.iter_mut().find(|member| member.id == touched.id).unwrap();
            if let Some((from, to)) = touched.was {
                member.earlier.push(Placement { from, to, parent_id: node.parent_id });
                node.since = to.succ_opt().unwrap();
            }
            (node.parent_id, member.parent_id) = (touched.parent_id, touched.parent_id);
            (node.path, member.path) = (touched.path.clone(), touched.path.clone());
            if touched.ends_on.is_some() {
                (node.valid_to, member.valid_to) = (touched.ends_on, touched.ends_on);
            }
        }
        for one in plan.successions.iter().filter(|one| one.is_default) {
            self.members.iter_mut().find(|member| member.id == one.from).unwrap().successor_id = Some(one.into);
        }
    }

    fn done(&mut self, on: u32, begun: &[Begun<OrgUnitKind>], changes: &[Change]) -> Plan {
        let plan = self.plan(on, begun, changes).unwrap();
        self.follow(on, begun, &plan);
        plan
    }

    fn path(&self, n: u128) -> &str {
        self.tree[&id(n)].path.as_str()
    }
}

fn new(n: u128, kind: OrgUnitKind, parent: u128, stated: (usize, usize)) -> Begun<OrgUnitKind> {
    let number = UnitPath::root(i64::try_from(n).unwrap());
    Begun { id: id(n), kind, code: format!("U-{n}"), parent_id: Some(id(parent)), number, stated }
}

fn change(kind: ChangeKind, from: &[u128], into: &[u128]) -> Change {
    let ids = |list: &[u128]| list.iter().copied().map(id).collect();
    Change { kind, from: ids(from), into: ids(into), default_into: 0 }
}

#[test]
fn what_is_merged_hangs_beneath_its_successor_and_what_goes_on_stands_below_it() {
    let mut world = World::new();
    let plan = world.done(10, &[new(5, Province, 1, (0, 0))], &[change(ChangeKind::Merge, &[2, 3], &[5])]);
    assert_eq!((world.path(5), world.path(2), world.path(3)), ("/1/5/", "/1/5/2/", "/1/5/3/"));
    assert_eq!((world.path(21), world.path(2111)), ("/1/5/21/", "/1/5/21/211/2111/"));
    assert_eq!(world.tree[&id(2)].valid_to, Some(day(9)));
    assert_eq!(plan.rehung.iter().map(|(at, id)| (*at, id.as_u128())).collect::<Vec<_>>(), [(0, 21), (0, 22), (0, 31)]);
    assert!(plan.successions.iter().all(|one| one.is_default && one.into == id(5)) && plan.successions.len() == 2);
    let commune = plan.touched.iter().find(|touched| touched.id == id(211)).unwrap();
    assert_eq!((commune.was, commune.ends_on), (None, None), "only its path has changed");
}

#[test]
fn of_what_is_divided_the_default_one_takes_what_hung_on_it() {
    let mut world = World::new();
    let begun = [new(213, Commune, 21, (0, 0)), new(221, Commune, 22, (0, 1))];
    let split = Change { default_into: 1, ..change(ChangeKind::Split, &[211], &[213, 221]) };
    let plan = world.done(10, &begun, &[split]);
    assert_eq!((world.path(211), world.path(2111)), ("/1/2/22/221/211/", "/1/2/22/221/2111/"));
    let into: Vec<_> = plan.successions.iter().map(|one| (one.into.as_u128(), one.is_default)).collect();
    assert_eq!(into, [(213, false), (221, true)]);
}

#[test]
fn what_moves_or_is_renamed_goes_on_and_what_is_closed_stays() {
    let mut world = World::new();
    let changes = [
        change(ChangeKind::Move, &[21], &[3]),
        change(ChangeKind::Rename, &[22], &[]),
        change(ChangeKind::Close, &[31, 311], &[]),
    ];
    let plan = world.done(10, &[], &changes);
    assert_eq!((world.path(21), world.path(211)), ("/1/3/21/", "/1/3/21/211/"));
    assert_eq!((world.path(31), world.path(311)), ("/1/3/31/", "/1/3/31/311/"));
    assert_eq!((world.tree[&id(31)].valid_to, world.tree[&id(21)].valid_to), (Some(day(9)), None));
    let was = |n| plan.touched.iter().find(|touched| touched.id == id(n)).unwrap().was;
    assert_eq!((was(21), was(22), was(31)), (Some((day(0), day(9))), Some((day(0), day(9))), None));
    assert!(plan.successions.is_empty());
}

#[test]
fn what_does_not_fit_below_a_successor_goes_to_the_nearest_above_it() {
    let mut world = World::new();
    // A district becomes one commune; its other communes can't stand below a commune.
    world.done(10, &[], &[change(ChangeKind::Merge, &[21], &[311])]);
    assert_eq!((world.path(21), world.path(211)), ("/1/3/31/311/21/", "/1/3/31/211/"));
}

#[test]
fn several_levels_may_go_at_once() {
    let mut world = World::new();
    let begun = [new(5, Province, 1, (0, 0)), new(51, Commune, 5, (2, 0))];
    let changes = [
        change(ChangeKind::Merge, &[2, 3], &[5]),
        change(ChangeKind::Merge, &[21, 22, 31], &[5]),
        change(ChangeKind::Merge, &[211, 311], &[51]),
        change(ChangeKind::Move, &[212], &[5]),
    ];
    world.done(10, &begun, &changes);
    for (n, path) in [
        (2, "/1/5/2/"),
        (21, "/1/5/21/"),
        (211, "/1/5/51/211/"),
        (311, "/1/5/51/311/"),
        (212, "/1/5/212/"),
        (2111, "/1/5/51/2111/"),
    ] {
        assert_eq!(world.path(n), path, "{n}");
    }
}

#[test]
fn every_fault_is_told_at_its_place() {
    let mut world = World::new();
    world.done(10, &[], &[change(ChangeKind::Close, &[311], &[])]);
    world.done(12, &[], &[change(ChangeKind::Move, &[22], &[3])]);
    let merge = |from: &[u128], into: &[u128]| change(ChangeKind::Merge, from, into);
    let tried = |on: u32, begun: &[Begun<OrgUnitKind>], changes: &[Change]| -> Vec<(Place, T)> {
        world.plan(on, begun, changes).unwrap_err().into_iter().map(|fault| (fault.place, fault.trouble)).collect()
    };
    use Place as P;
    for (what, changes, faults) in [
        ("itself", vec![merge(&[2, 3], &[3])], vec![(P::IntoAt(0, 0), T::Ends)]),
        ("nothing", vec![merge(&[], &[])], vec![(P::From(0), T::TooFew(1)), (P::Into(0), T::TooFew(1))]),
        ("two", vec![merge(&[21], &[22, 31])], vec![(P::Into(0), T::TooMany(1))]),
        ("unknown", vec![merge(&[99], &[98])], vec![(P::FromAt(0, 0), T::NotFound), (P::IntoAt(0, 0), T::NotFound)]),
        ("ended", vec![merge(&[311], &[211])], vec![(P::FromAt(0, 0), T::Ended(day(9)))]),
        ("into ended", vec![merge(&[211], &[311])], vec![(P::IntoAt(0, 0), T::Ended(day(9)))]),
        (
            "twice",
            vec![
                merge(&[21], &[22]),
                change(ChangeKind::Close, &[21, 211], &[]),
                change(ChangeKind::Rename, &[21], &[]),
            ],
            vec![(P::FromAt(1, 0), T::Repeated), (P::FromAt(2, 0), T::Repeated)],
        ),
        ("top", vec![merge(&[1], &[2])], vec![(P::FromAt(0, 0), T::Top), (P::IntoAt(0, 0), T::Circle)]),
        ("below itself", vec![merge(&[21], &[211])], vec![(P::IntoAt(0, 0), T::Circle)]),
        (
            "kind",
            vec![change(ChangeKind::Move, &[21], &[22])],
            vec![(P::FromAt(0, 0), T::KindNotUnder(Some("district")))],
        ),
        (
            "to what ends",
            vec![change(ChangeKind::Move, &[21], &[3]), merge(&[3], &[2])],
            vec![(P::IntoAt(0, 0), T::Ends)],
        ),
        ("occupied", vec![change(ChangeKind::Close, &[21], &[])], vec![(P::FromAt(0, 0), T::Occupied)]),
        ("one heir", vec![change(ChangeKind::Split, &[21], &[22])], vec![(P::Into(0), T::TooFew(2))]),
        (
            "one heir twice",
            vec![Change { default_into: 2, ..change(ChangeKind::Split, &[21, 31], &[22, 22]) }],
            vec![(P::From(0), T::TooMany(1)), (P::IntoAt(0, 1), T::Repeated), (P::Default(0), T::NotFound)],
        ),
    ] {
        let mut told = tried(20, &[], &changes);
        let mut faults = faults;
        told.sort_by_key(|fault| fault.0);
        faults.sort_by_key(|fault| fault.0);
        assert_eq!(told, faults, "{what}");
    }
    assert_eq!(tried(12, &[], &[merge(&[22], &[31])]), [(P::FromAt(0, 0), T::NotAfter(day(12)))]);
    assert_eq!(tried(0, &[], &[merge(&[21], &[31])]), [(P::FromAt(0, 0), T::NotAfter(day(0)))]);
    for (what, begun, fault) in [
        ("code", Begun { code: "U-21".to_owned(), ..new(5, Province, 1, (0, 0)) }, (P::CodeAt(0, 0), T::CodeTaken)),
        ("kind", new(5, District, 1, (0, 0)), (P::KindAt(0, 0), T::KindNotUnder(Some("central")))),
        ("no parent", Begun { parent_id: None, ..new(5, Central, 1, (0, 0)) }, (P::ParentAt(0, 0), T::Top)),
        ("parent ends", new(5, District, 2, (0, 0)), (P::ParentAt(0, 0), T::Ends)),
        ("parent unknown", new(5, District, 77, (0, 0)), (P::ParentAt(0, 0), T::NotFound)),
        ("id", Begun { code: "U-5".to_owned(), ..new(4, Province, 1, (0, 0)) }, (P::IntoAt(0, 0), T::Repeated)),
    ] {
        let into = begun.id.as_u128();
        assert_eq!(tried(20, &[begun], &[merge(&[2, 3], &[into])]), [fault], "{what}");
    }
    let hidden = |node: &Node<OrgUnitKind>| node.id != id(3);
    let order = Order { effective_on: day(20), begun: &[], changes: &[merge(&[2], &[3])], hang: true, sees: &hidden };
    let told = plan(&world.tree, &order).unwrap_err();
    assert_eq!(told, [Fault { place: P::IntoAt(0, 0), trouble: T::NotFound }], "out of sight is not there");
    // Communes stand below provinces and districts, and an affiliated union is neither.
    let mut world = world.clone();
    world.done(13, &[], &[change(ChangeKind::Move, &[212], &[2])]);
    let told = world.plan(20, &[], &[merge(&[2], &[4])]).unwrap_err();
    assert_eq!(told, [Fault { place: P::IntoAt(0, 0), trouble: T::KindNotUnder(Some("affiliated")) }]);
}

#[test]
fn what_grows_too_deep_is_refused() {
    let mut world = World::new();
    let mut into = 2111;
    for n in 0..40u128 {
        let begun = [new(5000 + n, Grassroots, 22, (0, 0))];
        let changes = [change(ChangeKind::Merge, &[into], &[5000 + n])];
        let on = 10 + u32::try_from(n).unwrap();
        match world.plan(on, &begun, &changes) {
            Ok(plan) => world.follow(on, &begun, &plan),
            Err(faults) => {
                assert_eq!(faults, [Fault { place: Place::Changes, trouble: T::TooDeep }]);
                assert!(n > 10);
                return;
            }
        }
        into = 5000 + n;
    }
    panic!("it grew without end");
}

/// One step of a history: what is tried, and with whom, by numbers that are taken modulo what is there.
type Step = (u8, usize, usize, usize);

/// Tries a step; what is refused does nothing.
fn try_step(world: &mut World, on: u32, (what, a, b, c): Step) -> bool {
    let living: Vec<(Uuid, OrgUnitKind)> = world.living().iter().map(|node| (node.id, node.kind)).collect();
    let pick = |n: usize| living[n % living.len()];
    let ((one, kind), (other, _), (third, _)) = (pick(a), pick(b), pick(c));
    let parent = world.tree[&one].parent_id;
    world.next += 2;
    let (n, m) = (world.next, world.next + 1);
    let fresh = |n, parent: Option<Uuid>, at| parent.map(|parent| new(n, kind, parent.as_u128(), (0, at)));
    let (begun, changes) = match what % 6 {
        0 => (vec![], vec![change(ChangeKind::Merge, &[one.as_u128()], &[other.as_u128()])]),
        1 => {
            let begun: Vec<_> = fresh(n, parent, 0).into_iter().collect();
            (begun, vec![change(ChangeKind::Merge, &[one.as_u128(), third.as_u128()], &[n])])
        }
        2 => {
            let begun: Vec<_> = fresh(n, parent, 0).into_iter().chain(fresh(m, parent, 1)).collect();
            (begun, vec![Change { default_into: b % 2, ..change(ChangeKind::Split, &[one.as_u128()], &[n, m]) }])
        }
        3 => (vec![], vec![change(ChangeKind::Move, &[one.as_u128()], &[other.as_u128()])]),
        4 => (vec![], vec![change(ChangeKind::Rename, &[one.as_u128()], &[])]),
        _ => (vec![], vec![change(ChangeKind::Close, &[one.as_u128()], &[])]),
    };
    let Ok(plan) = world.plan(on, &begun, &changes) else { return false };
    world.follow(on, &begun, &plan);
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// After any history: the stored tree is today's; who stood on a day stands there in that day's tree, as it was
    /// written down then; whatever tree one asks by, each figure is in it once, and no total differs.
    #[test]
    fn no_tree_of_any_day_gains_or_loses_a_figure(steps in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), any::<usize>()), 1..25)) {
        let mut world = World::new();
        world.write_down(0);
        let mut on = 1;
        for step in steps {
            on += 1;
            try_step(&mut world, on, step);
            world.write_down(on);
            // What lives stands below what lives.
            for node in world.living() {
                prop_assert!(node.parent_id.is_none_or(|above| world.tree[&above].valid_to.is_none()));
                prop_assert!(node.kind.may_stand(node.parent_id.map(|above| world.tree[&above].kind)));
            }
        }
        let figure = |id: Uuid| id.as_u128() % 1_009;
        let all: u128 = world.members.iter().map(|member| figure(member.id)).sum();
        for (on, written) in &world.seen {
            let tree = tree_on(&world.members, day(*on));
            let path: HashMap<Uuid, &UnitPath> = tree.iter().map(|standing| (standing.id, &standing.path)).collect();
            for (id, parent) in written {
                let above = parent.map(|parent| path[&parent]);
                prop_assert_eq!(path[id], &path[id].under(above), "{} on day {}", id, on);
                let counts_at = tree.iter().find(|standing| standing.id == *id).unwrap().counts_at;
                prop_assert_eq!(counts_at, *id);
            }
            prop_assert_eq!(tree.iter().map(|standing| figure(standing.id)).sum::<u128>(), all);
            prop_assert_eq!(path.values().collect::<HashSet<_>>().len(), tree.len());
            // By those who stand at some level of that day's tree, and what is above them, everything is found again.
            let mut heads: BTreeMap<Uuid, u128> = BTreeMap::new();
            for standing in &tree {
                *heads.entry(standing.counts_at).or_default() += figure(standing.id);
            }
            prop_assert_eq!(heads.values().sum::<u128>(), all);
        }
        for standing in tree_on(&world.members, day(on)) {
            prop_assert_eq!(&standing.path, &world.tree[&standing.id].path, "the stored tree is today's");
        }
    }
}
