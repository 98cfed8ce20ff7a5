//! The tree of places (địa bàn, đơn vị hành chính): where it was done.

use crate::{Stamp, words::words};
use chrono::NaiveDate;
use uuid::Uuid;

words! {
    /// The administrative level of a locality.
    pub enum LocalityKind: "locality kind" {
        /// Province or city under the central government.
        Province = "province",
        /// District; none since 1 July 2025.
        District = "district",
        /// Commune, ward, town or special zone.
        Commune = "commune",
    }
}

words! {
    /// How difficult the conditions of a locality are designated to be.
    pub enum Difficulty: "difficulty" {
        /// No designation.
        None = "none",
        /// Difficult.
        Difficult = "difficult",
        /// Especially difficult.
        EspeciallyDifficult = "especially_difficult",
    }
}

impl Difficulty {
    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::None => ("Địa bàn không thuộc diện khó khăn", "No designation"),
            Self::Difficult => ("Địa bàn khó khăn", "Difficult areas"),
            Self::EspeciallyDifficult => ("Địa bàn đặc biệt khó khăn", "Especially difficult areas"),
        }
    }
}

words! {
    /// What else sets a locality apart.
    pub enum LocalityCategory: "locality category" {
        /// Island.
        Island = "island",
        /// Border.
        Border = "border",
        /// Ethnic minority area.
        EthnicMinority = "ethnic_minority",
        /// Mountainous.
        Mountainous = "mountainous",
        /// Former revolutionary base (safe zone).
        SafeZone = "safe_zone",
        /// Coastal.
        Coastal = "coastal",
    }
}

/// An administrative unit. Its key is (code, valid_from): seven codes name another province since July 2025.
#[derive(Debug, Clone, PartialEq)]
pub struct Locality {
    /// Identity and version.
    pub stamp: Stamp,
    /// Statistical code, zero-padded text.
    pub code: String,
    /// Vietnamese name with its type, such as `Phường Ba Đình`.
    pub name: String,
    /// English name.
    pub name_en: Option<String>,
    /// Administrative level.
    pub kind: LocalityKind,
    /// Vietnamese type, such as `Phường`, `Đặc khu`.
    pub locality_type: String,
    /// The locality above; provinces have none.
    pub parent_id: Option<Uuid>,
    /// Designated difficulty.
    pub difficulty: Difficulty,
    /// Further categories.
    pub categories: Vec<LocalityCategory>,
    /// First day of validity.
    pub valid_from: NaiveDate,
    /// Last day of validity, inclusive.
    pub valid_to: Option<NaiveDate>,
}

impl Locality {
    /// Whether the locality existed on `day`.
    #[must_use]
    pub fn was_valid_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|to| day <= to)
    }
}
