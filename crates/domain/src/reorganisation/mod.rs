//! Reorganisations (sắp xếp tổ chức, địa giới): what is merged, divided, moved, renamed or closed on a day, for units of
//! the organisation and for places alike.
//!
//! What ends gets its last day and successors, and hangs beneath the default one, so that whoever answers for the
//! successor answers for what was done before; nothing that was counted changes its place. What moves or is renamed keeps
//! its id, and where it stood is remembered ([`crate::lineage`]).

mod plan;
#[cfg(test)]
mod tests;
mod told;

pub use plan::plan;
pub use told::told;

use crate::{
    Stamp,
    localities::LocalityKind,
    org_units::{OrgUnitKind, UnitPath},
    words::words,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use thiserror::Error;
use uuid::Uuid;

words! {
    /// Which of the two trees.
    pub enum TreeKind: "tree" {
        /// The organisation.
        OrgUnits = "org_units",
        /// Places.
        Localities = "localities",
    }
}

words! {
    /// What a reorganisation does to some units.
    pub enum ChangeKind: "kind of change" {
        /// One or more end, and become one other.
        Merge = "merge",
        /// One ends, and becomes several others, of which one takes its figures.
        Split = "split",
        /// One or more stand below another one.
        Move = "move",
        /// One is called something else.
        Rename = "rename",
        /// One or more end, and nothing takes their place.
        Close = "close",
    }
}

/// The deepest that a unit may stand below the top: the contract says so of `depth`.
pub const MAX_DEPTH: usize = 20;

/// A kind of unit or place, by which it is known what may stand below what.
pub trait Level: Copy + Eq {
    /// Whether one of this kind may stand directly below one of `parent`'s kind, or at the top when there is none.
    fn may_stand(self, parent: Option<Self>) -> bool;
    /// The contract's word for it.
    fn word(self) -> &'static str;
}

impl Level for OrgUnitKind {
    fn may_stand(self, parent: Option<Self>) -> bool {
        parent.map_or(self == Self::Central, |parent| self.may_stand_under(parent))
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Level for LocalityKind {
    fn may_stand(self, parent: Option<Self>) -> bool {
        match self {
            Self::Province => parent.is_none(),
            Self::District => parent == Some(Self::Province),
            Self::Commune => matches!(parent, Some(Self::Province | Self::District)),
        }
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// A unit or place as far as a reorganisation is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<K> {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: K,
    /// Its code.
    pub code: String,
    /// Below whom it stands.
    pub parent_id: Option<Uuid>,
    /// Its place in the stored tree.
    pub path: UnitPath,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
    /// Since when it has stood where it stands and been called what it is called.
    pub since: NaiveDate,
}

/// The whole tree by id.
pub type Tree<K> = HashMap<Uuid, Node<K>>;

/// A unit or place that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun<K> {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: K,
    /// Its code.
    pub code: String,
    /// Below whom it shall stand.
    pub parent_id: Option<Uuid>,
    /// The number that its path ends in, as the path of a root.
    pub number: UnitPath,
    /// Which change states it, and at which place of `into`.
    pub stated: (usize, usize),
}

/// One of the things that a reorganisation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub kind: ChangeKind,
    /// To whom.
    pub from: Vec<Uuid>,
    /// What they become (merge, split), or below whom they move. Ids of units that are there or begin.
    pub into: Vec<Uuid>,
    /// Which of `into` takes the figures.
    pub default_into: usize,
}

/// What is to be done, all on one day.
pub struct Order<'a, K> {
    /// The first day of the new tree.
    pub effective_on: NaiveDate,
    /// What begins.
    pub begun: &'a [Begun<K>],
    /// What is done.
    pub changes: &'a [Change],
    /// Whether what ends hangs beneath its default successor. Rights go by the tree of the organisation, so its units do;
    /// places stay where they were.
    pub hang: bool,
    /// Whether whoever asks sees one: what is out of sight is not there for them.
    pub sees: &'a dyn Fn(&Node<K>) -> bool,
}

/// Where in the order something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// All changes together.
    Changes,
    /// All of a change's `from`.
    From(usize),
    /// One of them.
    FromAt(usize, usize),
    /// All of a change's `into`.
    Into(usize),
    /// One of them.
    IntoAt(usize, usize),
    /// The code of one that begins there.
    CodeAt(usize, usize),
    /// The kind of one that begins there.
    KindAt(usize, usize),
    /// The parent of one that begins there.
    ParentAt(usize, usize),
    /// Which takes the figures.
    Default(usize),
}

/// What is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Not there, or out of sight.
    #[error("it is not there")]
    NotFound,
    /// It had ended before; its last day.
    #[error("it ended on {0}")]
    Ended(NaiveDate),
    /// It ends by this very reorganisation.
    #[error("it ends by this reorganisation")]
    Ends,
    /// The reorganisation must be after this day: since it the unit is there, stands where it stands and is called what
    /// it is called.
    #[error("it has stood where it stands, under its name, only since {0}")]
    NotAfter(NaiveDate),
    /// It has not begun on the first day of the new tree; its first day.
    #[error("it begins on {0} only")]
    NotBegun(NaiveDate),
    /// It stands in two changes, or twice in one.
    #[error("it is named twice")]
    Repeated,
    /// At least so many are wanted.
    #[error("at least {0} are wanted")]
    TooFew(usize),
    /// At most so many.
    #[error("at most {0} are allowed")]
    TooMany(usize),
    /// Nothing of its kind stands below one of this kind; none is the top.
    #[error("one of its kind can't stand below {}", .0.unwrap_or("nothing"))]
    KindNotUnder(Option<&'static str>),
    /// The top of the tree neither ends nor moves.
    #[error("the top of the tree neither ends nor moves")]
    Top,
    /// It would come to stand below itself.
    #[error("it would stand below itself")]
    Circle,
    /// The code names another one.
    #[error("the code is taken")]
    CodeTaken,
    /// Others that go on stand below it, and nothing takes its place.
    #[error("others that go on stand below it")]
    Occupied,
    /// Deeper than [`MAX_DEPTH`].
    #[error("the tree would be deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Something that is wrong with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub trouble: Trouble,
}

/// What became of one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Which one.
    pub id: Uuid,
    /// Below whom it stands in the stored tree now.
    pub parent_id: Option<Uuid>,
    /// Its place in the stored tree now.
    pub path: UnitPath,
    /// Its last day, when it ends.
    pub ends_on: Option<NaiveDate>,
    /// From when until when it stood where it stood and was called what it was called, when that is over.
    pub was: Option<(NaiveDate, NaiveDate)>,
}

/// What one became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Succession {
    /// What ends.
    pub from: Uuid,
    /// One of those that take its place.
    pub into: Uuid,
    /// Whether figures fall to this one.
    pub is_default: bool,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What begins, with its place in the tree, parents first.
    pub begun: Vec<(Uuid, UnitPath)>,
    /// What is there and changes, be it only its path, in no order.
    pub touched: Vec<Touched>,
    /// What ends and what becomes of it.
    pub successions: Vec<Succession>,
    /// What goes on and stood directly below something that ends, by the change that ends it: below its successor now.
    pub rehung: Vec<(usize, Uuid)>,
}

/// A unit or place as it was called when a reorganisation was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A change that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneChange {
    /// What was done.
    pub kind: ChangeKind,
    /// To whom.
    pub from: Vec<Named>,
    /// What they became, below whom they moved, or what they are called now.
    pub into: Vec<Named>,
    /// Those of `into` that began by it.
    pub begun: Vec<Uuid>,
    /// Which took the figures; none when nothing ended or nothing took its place.
    pub default_into: Option<Uuid>,
    /// What goes on and stood directly below what ended.
    pub rehung: Vec<Named>,
}

/// A reorganisation that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reorganisation {
    /// Identity and version.
    pub stamp: Stamp,
    /// Of which tree.
    pub tree: TreeKind,
    /// The first day of the new tree.
    pub effective_on: NaiveDate,
    /// Why.
    pub reason: Option<String>,
    /// By which document.
    pub document: Option<String>,
    /// The unit that contains everything that was touched; none for places.
    pub org_unit_id: Option<Uuid>,
    /// How many of what.
    pub counts: Counts,
}

/// How much a reorganisation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Units that ended.
    pub ended: i64,
    /// Units that began.
    pub begun: i64,
    /// Units that stand directly below another one and go on: by a move, or because what they stood below ended.
    pub moved: i64,
    /// Units that are called something else.
    pub renamed: i64,
    /// Units that were there before and are changed in anything, be it only the path.
    pub touched: i64,
}
