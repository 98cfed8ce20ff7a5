//! Progress: the ledger folded into cells that answer any slice of the figure without the database.

mod columns;
mod cube;
mod pace;

pub use columns::{Columns, Misfit};
pub use cube::{By, Cube, OutOfOrder, Slice, Source};
pub use pace::{Forecast, Outlook, Pace, percent};

use crate::{
    catalogue::{Audience, Topic},
    counting::Count,
};
use chrono::NaiveDate;
use uuid::Uuid;

/// What a counted figure is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// The indicator.
    pub indicator_id: Uuid,
    /// The reporting team.
    pub team_id: Uuid,
    /// The unit that the team belonged to when it reported.
    pub org_unit_id: Uuid,
    /// The place of the activity.
    pub locality_id: Uuid,
    /// The day that was reported, local to the campaign.
    pub day: NaiveDate,
    /// What it was about; outputs aren't told by topic.
    pub topic: Option<Topic>,
    /// Who was supported; outputs aren't told by audience.
    pub audience: Option<Audience>,
}

/// One row of the ledger as far as the figures are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the ledger's gap-free order, from 1.
    pub seq: i64,
    /// What it is counted by.
    pub key: CellKey,
    /// What it adds, positive or negative.
    pub delta: Count,
}
