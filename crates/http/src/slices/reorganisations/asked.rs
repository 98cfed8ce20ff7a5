//! What a request asks of either tree, in the terms of the domain, with everything that is wrong with it told where it
//! stands in the body.

use super::dto::{LocalityInto, NewLocalityReorganisation, NewOrgUnitReorganisation, OrgUnitInto};
use crate::problem::{Code, Fault as Problem};
use chrono::NaiveDate;
use std::collections::{BTreeSet, HashMap};
use tinhnguyen_domain::{
    localities::{Difficulty, LocalityCategory, LocalityKind},
    org_units::{OrgUnitKind, UnitPath},
    reorganisation::{Begun, Change, ChangeKind, Fault, MAX_DEPTH, Place, Tree, Trouble},
};
use tinhnguyen_persistence::reorganisations::Names;
use uuid::Uuid;

/// A request of either tree.
pub(super) struct Asked<K> {
    pub id: Option<Uuid>,
    pub effective_on: NaiveDate,
    pub reason: Option<String>,
    pub document: Option<String>,
    pub changes: Vec<AskedChange<K>>,
}

pub(super) struct AskedChange<K> {
    kind: ChangeKind,
    from: Vec<Uuid>,
    into: Vec<AskedInto<K>>,
    default_into: Option<String>,
}

enum AskedInto<K> {
    There(Uuid),
    New(New<K>),
}

/// One that begins, with what either tree's rows hold.
#[derive(Clone)]
pub(super) struct New<K> {
    id: Option<Uuid>,
    code: Option<String>,
    pub name: String,
    pub name_en: Option<String>,
    kind: Option<K>,
    parent_id: Option<Uuid>,
    pub locality_id: Option<Uuid>,
    pub national_org_code: Option<String>,
    pub of_type: Option<String>,
    pub difficulty: Option<Difficulty>,
    pub categories: Option<Vec<LocalityCategory>>,
}

impl From<&NewOrgUnitReorganisation> for Asked<OrgUnitKind> {
    fn from(new: &NewOrgUnitReorganisation) -> Self {
        let into = |into: &OrgUnitInto| match into {
            OrgUnitInto::Existing(id) => AskedInto::There(*id),
            OrgUnitInto::New(new) => AskedInto::New(New {
                id: new.id,
                code: new.code.clone(),
                name: new.name.clone(),
                name_en: new.name_en.clone(),
                kind: new.kind,
                parent_id: new.parent_id,
                locality_id: new.locality_id,
                national_org_code: new.national_org_code.clone(),
                of_type: None,
                difficulty: None,
                categories: None,
            }),
        };
        let changes = new.changes.iter().map(|change| AskedChange {
            kind: change.kind,
            from: change.from.clone(),
            into: change.into.iter().map(into).collect(),
            default_into: change.default_into.clone(),
        });
        Self {
            id: new.id,
            effective_on: new.effective_on,
            reason: new.reason.clone(),
            document: new.document.clone(),
            changes: changes.collect(),
        }
    }
}

impl From<&NewLocalityReorganisation> for Asked<LocalityKind> {
    fn from(new: &NewLocalityReorganisation) -> Self {
        let into = |into: &LocalityInto| match into {
            LocalityInto::Existing(id) => AskedInto::There(*id),
            LocalityInto::New(new) => AskedInto::New(New {
                id: new.id,
                code: new.code.clone(),
                name: new.name.clone(),
                name_en: new.name_en.clone(),
                kind: new.kind,
                parent_id: new.parent_id,
                locality_id: None,
                national_org_code: None,
                of_type: new.r#type.clone(),
                difficulty: new.difficulty,
                categories: new.categories.clone(),
            }),
        };
        let changes = new.changes.iter().map(|change| AskedChange {
            kind: change.kind,
            from: change.from.clone(),
            into: change.into.iter().map(into).collect(),
            default_into: change.default_into.clone(),
        });
        Self {
            id: new.id,
            effective_on: new.effective_on,
            reason: new.reason.clone(),
            document: new.document.clone(),
            changes: changes.collect(),
        }
    }
}

/// What a request asks, in the domain's terms.
pub(super) struct Resolved<K> {
    pub begun: Vec<Begun<K>>,
    /// The rest of those that begin.
    pub new: HashMap<Uuid, New<K>>,
    pub changes: Vec<Change>,
    pub names: Names,
    pub faults: Vec<Problem>,
    /// New ones of which too little was told: named in a fault, and no unknown reference.
    incomplete: BTreeSet<Place>,
}

impl<K: Copy> Asked<K> {
    /// How many could begin.
    pub fn count_new(&self) -> usize {
        let is_new = |into: &&AskedInto<K>| matches!(into, AskedInto::New(_));
        self.changes.iter().flat_map(|change| &change.into).filter(is_new).count()
    }

    /// Those that are named: what is done to them, what takes their place, and below whom something comes to stand. Some
    /// may begin by this very request.
    pub fn named(&self) -> impl Iterator<Item = Uuid> {
        self.changes.iter().flat_map(|change| {
            let into = change.into.iter().filter_map(|into| match into {
                AskedInto::There(id) => Some(*id),
                AskedInto::New(new) => new.parent_id,
            });
            change.from.iter().copied().chain(into)
        })
    }

    /// Says it in the domain's terms; the numbers of paths are taken from `first_number` on. In the organisation everybody
    /// but the centre stands below somebody; of a place the type is wanted.
    pub fn resolve(&self, tree: &Tree<K>, first_number: i64, of_places: bool) -> Resolved<K> {
        let mut out = Resolved {
            begun: vec![],
            new: HashMap::new(),
            changes: vec![],
            names: Names::new(),
            faults: vec![],
            incomplete: BTreeSet::new(),
        };
        let mut number = first_number;
        for (at, change) in self.changes.iter().enumerate() {
            let mut into = Vec::with_capacity(change.into.len());
            for (n, asked) in change.into.iter().enumerate() {
                let here = format!("/changes/{at}/into/{n}");
                match (change.kind, asked) {
                    (ChangeKind::Rename, AskedInto::There(_)) | (ChangeKind::Move, AskedInto::New(_)) => {
                        out.faults.push(Problem::at(here, Code::NotAllowedValue).message(
                            "`move` nhận mã định danh của đơn vị có sẵn; `rename` nhận tên mới.",
                            "`move` takes the id of one that is there, `rename` a new name.",
                        ));
                        out.incomplete.insert(Place::IntoAt(at, n));
                        if change.kind == ChangeKind::Move {
                            into.push(Uuid::nil());
                        }
                    }
                    (ChangeKind::Rename, AskedInto::New(new)) => out.rename(change, new, &here),
                    (_, AskedInto::There(id)) => into.push(*id),
                    (_, AskedInto::New(new)) => {
                        let id = new.id.unwrap_or_else(Uuid::now_v7);
                        into.push(id);
                        out.begin(id, new, (at, n), number, of_places);
                        number = number.saturating_add(1);
                    }
                }
            }
            if change.kind == ChangeKind::Rename && change.into.len() != 1 {
                let code = if change.into.is_empty() { Code::TooFew } else { Code::TooMany };
                out.faults.push(Problem::at(format!("/changes/{at}/into"), code).limit(1));
            }
            let default_into = out.default_of(at, change, &into, tree);
            out.changes.push(Change { kind: change.kind, from: change.from.clone(), into, default_into });
        }
        out
    }
}

impl<K: Copy> Resolved<K> {
    fn rename(&mut self, change: &AskedChange<K>, new: &New<K>, here: &str) {
        let surplus = [
            ("id", new.id.is_some()),
            ("code", new.code.is_some()),
            ("kind", new.kind.is_some()),
            ("parent_id", new.parent_id.is_some()),
            ("locality_id", new.locality_id.is_some()),
            ("national_org_code", new.national_org_code.is_some()),
            ("type", new.of_type.is_some()),
            ("difficulty", new.difficulty.is_some()),
            ("categories", new.categories.is_some()),
        ];
        for (field, _) in surplus.into_iter().filter(|(_, stated)| *stated) {
            self.faults.push(Problem::at(format!("{here}/{field}"), Code::UnknownField));
        }
        if let Some(id) = change.from.first() {
            self.names.insert(*id, (new.name.clone(), new.name_en.clone()));
        }
    }

    fn begin(&mut self, id: Uuid, new: &New<K>, (at, n): (usize, usize), number: i64, of_places: bool) {
        let wanted = [
            ("code", new.code.is_some()),
            ("kind", new.kind.is_some()),
            ("parent_id", of_places || new.parent_id.is_some()),
            ("type", !of_places || new.of_type.is_some()),
        ];
        for (field, _) in wanted.into_iter().filter(|(_, stated)| !stated) {
            self.faults.push(Problem::at(format!("/changes/{at}/into/{n}/{field}"), Code::Required));
            self.incomplete.insert(Place::IntoAt(at, n));
        }
        if let (Some(code), Some(kind), false) = (&new.code, new.kind, self.incomplete.contains(&Place::IntoAt(at, n)))
        {
            let (code, number, parent_id) = (code.clone(), UnitPath::root(number), new.parent_id);
            self.begun.push(Begun { id, kind, code, parent_id, number, stated: (at, n) });
            self.new.insert(id, new.clone());
        }
    }

    /// Which of `into` takes the figures.
    fn default_of(&mut self, at: usize, change: &AskedChange<K>, into: &[Uuid], tree: &Tree<K>) -> usize {
        let Some(text) = &change.default_into else { return 0 };
        let place = format!("/changes/{at}/default_into");
        if !matches!(change.kind, ChangeKind::Merge | ChangeKind::Split) {
            self.faults.push(Problem::at(place, Code::UnknownField));
            return 0;
        }
        let id = text.parse::<Uuid>().ok();
        let code_of = |id: &Uuid| {
            let begun = self.begun.iter().find(|begun| begun.id == *id).map(|begun| begun.code.as_str());
            begun.or_else(|| tree.get(id).map(|node| node.code.as_str()))
        };
        into.iter().position(|one| id == Some(*one) || code_of(one) == Some(text.as_str())).unwrap_or_else(|| {
            self.faults.push(Problem::at(place, Code::NotAllowedValue).message(
                "Phải là mã hoặc mã định danh của một phần tử trong `into`.",
                "It must be the id or the code of one of `into`.",
            ));
            0
        })
    }

    /// Adds what the domain finds wrong.
    pub fn add(&mut self, faults: Vec<Fault>) {
        let told =
            faults.into_iter().filter(|fault| !self.incomplete.contains(&fault.place)).map(|fault| problem(&fault));
        self.faults.extend(told);
    }
}

fn pointer(place: Place) -> String {
    match place {
        Place::Changes => "/changes".to_owned(),
        Place::From(at) => format!("/changes/{at}/from"),
        Place::FromAt(at, n) => format!("/changes/{at}/from/{n}"),
        Place::Into(at) => format!("/changes/{at}/into"),
        Place::IntoAt(at, n) => format!("/changes/{at}/into/{n}"),
        Place::CodeAt(at, n) => format!("/changes/{at}/into/{n}/code"),
        Place::KindAt(at, n) => format!("/changes/{at}/into/{n}/kind"),
        Place::ParentAt(at, n) => format!("/changes/{at}/into/{n}/parent_id"),
        Place::Default(at) => format!("/changes/{at}/default_into"),
    }
}

fn problem(fault: &Fault) -> Problem {
    let here = |code| Problem::at(pointer(fault.place), code);
    match &fault.trouble {
        Trouble::NotFound => here(Code::ReferenceNotFound),
        Trouble::Ended(day) => here(Code::UnitEnded).limit(day.to_string()),
        Trouble::Ends => here(Code::UnitEnded)
            .message("Đơn vị này kết thúc trong chính lần sắp xếp này.", "It ends by this very reorganisation."),
        Trouble::NotAfter(day) => here(Code::DatesInverted).limit(day.to_string()).message(
            format!("Ngày hiệu lực phải sau {day}: từ ngày đó đơn vị ở vị trí và mang tên hiện nay."),
            format!("`effective_on` must be after {day}: since then it has stood where it stands under its name."),
        ),
        Trouble::NotBegun(day) => here(Code::DatesInverted).limit(day.to_string()).message(
            format!("Đơn vị này chỉ bắt đầu từ {day}, sau ngày hiệu lực."),
            format!("It begins on {day}, after `effective_on`."),
        ),
        Trouble::Repeated => here(Code::NotUnique),
        Trouble::TooFew(limit) => here(Code::TooFew).limit(*limit),
        Trouble::TooMany(limit) => here(Code::TooMany).limit(*limit),
        Trouble::KindNotUnder(parent) => match parent {
            Some(parent) => here(Code::KindNotUnderParent).limit(*parent),
            None => here(Code::KindNotUnderParent),
        },
        Trouble::Top => here(Code::NotAllowedValue).message(
            "Đơn vị cao nhất không kết thúc và không điều chuyển; không có đơn vị cao nhất thứ hai.",
            "The unit above all neither ends nor moves, and there is no second one.",
        ),
        Trouble::Circle => here(Code::TreeCircle),
        Trouble::CodeTaken => here(Code::CodeAlreadyUsed),
        Trouble::Occupied => here(Code::UnitOccupied),
        Trouble::TooDeep => here(Code::OutOfRange).limit(MAX_DEPTH).message(
            format!("Cây đơn vị sẽ sâu quá {MAX_DEPTH} cấp."),
            format!("The tree would be deeper than {MAX_DEPTH} levels."),
        ),
    }
}
