//! What is true of the campaign without a database or HTTP: types, state machines, counting and access rules.
//!
//! Nothing here does I/O, reads the clock or knows a framework; every rule is a pure function that a unit test can
//! call. The slices carry the names of the contract's resources.

#![deny(clippy::as_conversions)]

pub mod access;
pub mod activities;
pub mod campaigns;
pub mod catalogue;
pub mod clock;
pub mod counting;
pub mod digital_groups;
pub mod disclosure;
pub mod duplicates;
pub mod evidence;
pub mod lineage;
pub mod localities;
pub mod org_units;
pub mod personal;
pub mod plausibility;
pub mod progress;
pub mod reorganisation;
pub mod reporting;
pub mod results;
pub mod series;
pub mod tallies;
pub mod targets;
pub mod teams;
pub mod text;
pub mod volunteers;
pub mod webhooks;
mod words;

pub use words::UnknownWord;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What every stored resource carries beside its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// UUIDv7; a client may choose it on create.
    pub id: Uuid,
    /// Instant of creation, UTC.
    pub created_at: DateTime<Utc>,
    /// Instant of the last change, UTC.
    pub updated_at: DateTime<Utc>,
    /// Counts the changes from 1; it is also the strong ETag.
    pub version: i64,
}
