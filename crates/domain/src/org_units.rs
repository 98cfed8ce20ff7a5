//! The organisation tree (tổ chức Đoàn): who did it. Every right is scoped to a subtree of it.

use crate::{Stamp, words::words};
use chrono::NaiveDate;
use std::fmt;
use thiserror::Error;
use uuid::Uuid;

words! {
    /// What a unit of the organisation is.
    pub enum OrgUnitKind: "org unit kind" {
        /// The Central Youth Union (Trung ương Đoàn).
        Central = "central",
        /// The centre that guides and supports the units.
        SupportCentre = "support_centre",
        /// A provincial or municipal union (tỉnh, thành Đoàn).
        Province = "province",
        /// A union directly under the centre (Đoàn trực thuộc).
        Affiliated = "affiliated",
        /// A district-level union.
        District = "district",
        /// A commune-level union.
        Commune = "commune",
        /// A grassroots union (Đoàn cơ sở).
        Grassroots = "grassroots",
    }
}

impl OrgUnitKind {
    /// Whether a unit of this kind may stand directly under one of `parent`'s kind. Affiliated unions have
    /// district-level unions of their own, and since July 2025 communes stand under provinces.
    #[must_use]
    pub const fn may_stand_under(self, parent: OrgUnitKind) -> bool {
        use OrgUnitKind as K;
        match self {
            K::Central => false,
            K::SupportCentre | K::Province | K::Affiliated => matches!(parent, K::Central),
            K::District => matches!(parent, K::Province | K::Affiliated),
            K::Commune => matches!(parent, K::Province | K::District),
            K::Grassroots => matches!(parent, K::Province | K::Affiliated | K::District | K::Commune),
        }
    }
}

/// A unit's place in the tree, `/1/7/31/`: the numbers of its ancestors and its own, delimited at both ends so that
/// `/1/` is never taken for a prefix of `/10/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPath(String);

/// A path that is not of the form `/1/7/31/`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a unit path")]
pub struct BadPath(pub String);

impl UnitPath {
    /// The path of the root with this number.
    #[must_use]
    pub fn root(number: i64) -> Self {
        Self(format!("/{number}/"))
    }

    /// The path of a child with this number.
    #[must_use]
    pub fn child(&self, number: i64) -> Self {
        Self(format!("{}{number}/", self.0))
    }

    /// The path of the same unit, by its own number, below another one, or of a root.
    #[must_use]
    pub fn under(&self, above: Option<&UnitPath>) -> Self {
        let own = self.0.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        Self(format!("{}{own}/", above.map_or("/", UnitPath::as_str)))
    }

    /// Reads a stored path.
    ///
    /// # Errors
    /// [`BadPath`] unless it is numbers delimited by `/` at both ends.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let inner = text.strip_prefix('/').and_then(|t| t.strip_suffix('/'));
        let sound = inner.is_some_and(|i| i.split('/').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())));
        if sound { Ok(Self(text.to_owned())) } else { Err(BadPath(text.to_owned())) }
    }

    /// The stored text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this unit or stands anywhere below it.
    #[must_use]
    pub fn contains(&self, other: &UnitPath) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The half-open range of stored texts that lie at or below this path, for an index range scan: every such text
    /// starts with `…/`, and `0` is the character after `/`. Wants a byte-wise collation.
    #[must_use]
    pub fn range(&self) -> (String, String) {
        let mut end = self.0.clone();
        end.pop();
        end.push('0');
        (self.0.clone(), end)
    }

    /// The depth: 0 at the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.matches('/').count().saturating_sub(2)
    }

    /// The ancestor at a depth, or the path itself when it is no deeper.
    #[must_use]
    pub fn at_depth(&self, depth: usize) -> UnitPath {
        let end = self.0.match_indices('/').nth(depth.saturating_add(1)).and_then(|(at, _)| self.0.get(..=at));
        end.map_or_else(|| self.clone(), |text| Self(text.to_owned()))
    }

    /// The path of the unit directly above; none for the root.
    #[must_use]
    pub fn parent(&self) -> Option<UnitPath> {
        self.ancestors().pop()
    }

    /// The paths from the root down to, and without, this one.
    #[must_use]
    pub fn ancestors(&self) -> Vec<UnitPath> {
        let cuts: Vec<usize> = self.0.match_indices('/').map(|(at, _)| at).collect();
        let inner = cuts.get(1..cuts.len().saturating_sub(1)).unwrap_or_default();
        inner.iter().filter_map(|at| self.0.get(..=*at)).map(|text| Self(text.to_owned())).collect()
    }
}

impl fmt::Display for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A unit of the organisation.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgUnit {
    /// Identity and version.
    pub stamp: Stamp,
    /// Stable code, unique.
    pub code: String,
    /// Vietnamese name.
    pub name: String,
    /// English name.
    pub name_en: Option<String>,
    /// What it is.
    pub kind: OrgUnitKind,
    /// Its parent; only the centre has none.
    pub parent_id: Option<Uuid>,
    /// The locality that it covers, where it covers one.
    pub locality_id: Option<Uuid>,
    /// The organisation's national identification code.
    pub national_org_code: Option<String>,
    /// First day of existence.
    pub valid_from: NaiveDate,
    /// Last day of existence, inclusive; none while it stands.
    pub valid_to: Option<NaiveDate>,
    /// Its place in the tree.
    pub path: UnitPath,
}

impl OrgUnit {
    /// Whether it exists on a day.
    #[must_use]
    pub fn exists_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// Whether it is to reach anything: the support centre guides the others and has no teams.
    #[must_use]
    pub fn takes_targets(&self) -> bool {
        self.kind != OrgUnitKind::SupportCentre
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_digits_is_no_ancestor() {
        let one = UnitPath::root(1);
        let ten = UnitPath::root(10);
        assert!(!one.contains(&ten) && one.contains(&one) && one.contains(&one.child(10)));
        let (from, to) = one.range();
        assert!(!(from.as_str()..to.as_str()).contains(&ten.as_str()));
        assert!((from.as_str()..to.as_str()).contains(&one.child(99).as_str()));
    }

    #[test]
    fn ancestors_and_depth() {
        let leaf = UnitPath::root(1).child(7).child(31);
        assert_eq!(leaf.as_str(), "/1/7/31/");
        assert_eq!(leaf.depth(), 2);
        assert_eq!(leaf.ancestors(), vec![UnitPath::root(1), UnitPath::root(1).child(7)]);
        assert!(UnitPath::root(1).ancestors().is_empty());
        assert_eq!((leaf.parent(), UnitPath::root(1).parent()), (Some(UnitPath::root(1).child(7)), None));
        assert_eq!(leaf.at_depth(0), UnitPath::root(1));
        assert_eq!(leaf.at_depth(1), UnitPath::root(1).child(7));
        assert_eq!(leaf.at_depth(2), leaf);
        assert_eq!(leaf.at_depth(9), leaf);
    }

    #[test]
    fn a_unit_that_moves_keeps_its_own_number() {
        let leaf = UnitPath::root(1).child(7).child(31);
        assert_eq!(leaf.under(Some(&UnitPath::root(1).child(8))).as_str(), "/1/8/31/");
        assert_eq!(leaf.under(None).as_str(), "/31/");
        assert_eq!(UnitPath::root(5).under(None), UnitPath::root(5));
    }

    #[test]
    fn only_sound_paths_parse() {
        assert!(UnitPath::parse("/1/7/").is_ok());
        for bad in ["", "/", "//", "1/7", "/1/7", "/1//7/", "/1/x/", "/1/%/"] {
            assert!(UnitPath::parse(bad).is_err(), "{bad}");
        }
    }
}
