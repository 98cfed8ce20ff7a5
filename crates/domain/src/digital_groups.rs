//! Community digital technology groups (tổ công nghệ số cộng đồng): the people of a place whom the teams strengthen.

use crate::Stamp;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How able a group was found to be on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// The day.
    pub assessed_on: NaiveDate,
    /// 1 (beginning) to 5 (works by itself).
    pub level: i32,
}

/// A group. Whom to reach there is personal data, and kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigitalGroup {
    /// Identity and version.
    pub stamp: Stamp,
    /// Its place.
    pub locality_id: Uuid,
    /// The unit that looks after its entry.
    pub org_unit_id: Uuid,
    /// Vietnamese name.
    pub name: String,
    /// How many people it has.
    pub members_count: i32,
    /// What was found out about it, in order of time.
    pub capability: Vec<Capability>,
}

/// The places of assessments that lie after today, and those whose day stood before.
#[must_use]
pub fn unsound(capability: &[Capability], today: NaiveDate) -> (Vec<usize>, Vec<usize>) {
    let late = capability.iter().enumerate().filter(|(_, c)| c.assessed_on > today).map(|(at, _)| at).collect();
    let again = capability
        .iter()
        .enumerate()
        .filter(|(at, c)| capability.iter().take(*at).any(|before| before.assessed_on == c.assessed_on))
        .map(|(at, _)| at)
        .collect();
    (late, again)
}
