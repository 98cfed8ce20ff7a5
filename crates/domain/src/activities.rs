//! Activities (hoạt động): what teams hold, where and when.

use crate::{
    Stamp,
    catalogue::{ActivityKind, Topic},
    words::words,
};
use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

words! {
    /// Where an activity stands.
    pub enum ActivityStatus: "activity status" {
        /// Planned.
        Planned = "planned",
        /// Going on: something was reported.
        Ongoing = "ongoing",
        /// Done.
        Completed = "completed",
        /// Given up: refuses results.
        Cancelled = "cancelled",
    }
}

words! {
    /// What moves an activity from state to state.
    pub enum ActivityAction: "activity action" {
        /// planned → ongoing.
        Start = "start",
        /// planned, ongoing → completed.
        Complete = "complete",
        /// planned, ongoing → cancelled, while nothing is counted.
        Cancel = "cancel",
    }
}

words! {
    /// Whether people meet in a place or online.
    pub enum ActivityMode: "activity mode" {
        /// In a place.
        InPerson = "in_person",
        /// Online.
        Online = "online",
    }
}

/// A place on earth, WGS 84, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoPoint {
    /// Latitude, −90 to 90.
    pub lat: f64,
    /// Longitude, −180 to 180.
    pub lon: f64,
}

/// An activity of one or several teams.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Identity and version.
    pub stamp: Stamp,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The team that answers for it.
    pub lead_team_id: Uuid,
    /// All teams that hold it, the leading one among them.
    pub team_ids: Vec<Uuid>,
    /// Where it is held, by administrative unit.
    pub locality_id: Uuid,
    /// What kind of activity.
    pub kind: ActivityKind,
    /// What it is about.
    pub topics: Vec<Topic>,
    /// Vietnamese title.
    pub title: String,
    /// In person or online.
    pub mode: ActivityMode,
    /// The place's name.
    pub venue: Option<String>,
    /// The place on the map.
    pub location: Option<GeoPoint>,
    /// Beginning, UTC.
    pub starts_at: DateTime<Utc>,
    /// End, UTC.
    pub ends_at: DateTime<Utc>,
    /// Turns that are expected.
    pub planned_turns: Option<i64>,
    /// People whom the venue holds in one day, all sessions together.
    pub venue_capacity: Option<i64>,
    /// Where it stands.
    pub status: ActivityStatus,
    /// The series that it is an occurrence of.
    pub series_id: Option<Uuid>,
    /// Community digital technology groups that take part.
    pub digital_group_ids: Vec<Uuid>,
}

/// Why an activity refuses something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ActivityError {
    /// The action doesn't start from this state.
    #[error("an activity that is {from} can't {action}")]
    WrongState {
        /// Where it stands.
        from: ActivityStatus,
        /// What was asked.
        action: ActivityAction,
    },
    /// Nothing can be reported to a cancelled activity.
    #[error("the activity is cancelled")]
    Cancelled,
    /// The team doesn't hold this activity.
    #[error("the team does not hold this activity")]
    NotItsTeam,
    /// Results of it are counted, so it can't be cancelled.
    #[error("{counted} results of the activity are counted")]
    HasCountedResults {
        /// How many.
        counted: u64,
    },
}

impl ActivityStatus {
    /// The state after `action`.
    ///
    /// # Errors
    /// [`ActivityError::WrongState`].
    pub const fn after(self, action: ActivityAction) -> Result<ActivityStatus, ActivityError> {
        match (self, action) {
            (Self::Planned, ActivityAction::Start) => Ok(Self::Ongoing),
            (Self::Planned | Self::Ongoing, ActivityAction::Complete) => Ok(Self::Completed),
            (Self::Planned | Self::Ongoing, ActivityAction::Cancel) => Ok(Self::Cancelled),
            (from, action) => Err(ActivityError::WrongState { from, action }),
        }
    }

    /// The state after something was reported: a planned activity goes on; a completed one still takes late reports.
    ///
    /// # Errors
    /// [`ActivityError::Cancelled`].
    pub const fn on_report(self) -> Result<ActivityStatus, ActivityError> {
        match self {
            Self::Planned | Self::Ongoing => Ok(Self::Ongoing),
            Self::Completed => Ok(Self::Completed),
            Self::Cancelled => Err(ActivityError::Cancelled),
        }
    }

    /// Whether its fields may still be edited.
    #[must_use]
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Planned | Self::Ongoing)
    }
}

impl Activity {
    /// Holds that `team_id` may report to this activity.
    ///
    /// # Errors
    /// [`ActivityError::NotItsTeam`], [`ActivityError::Cancelled`].
    pub fn ensure_takes_report_of(&self, team_id: Uuid) -> Result<(), ActivityError> {
        if !self.team_ids.contains(&team_id) {
            return Err(ActivityError::NotItsTeam);
        }
        self.status.on_report().map(|_| ())
    }

    /// Moves the activity. `counted` is how many of its results are counted now.
    ///
    /// # Errors
    /// [`ActivityError`].
    pub fn act(mut self, action: ActivityAction, counted: u64) -> Result<Activity, ActivityError> {
        let status = self.status.after(action)?;
        if status == ActivityStatus::Cancelled && counted > 0 {
            return Err(ActivityError::HasCountedResults { counted });
        }
        self.status = status;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_activity_takes_nothing_and_a_completed_one_still_takes_late_reports() {
        assert_eq!(ActivityStatus::Planned.on_report(), Ok(ActivityStatus::Ongoing));
        assert_eq!(ActivityStatus::Completed.on_report(), Ok(ActivityStatus::Completed));
        assert_eq!(ActivityStatus::Cancelled.on_report(), Err(ActivityError::Cancelled));
        assert!(ActivityStatus::Cancelled.after(ActivityAction::Start).is_err());
        assert!(ActivityStatus::Completed.after(ActivityAction::Cancel).is_err());
    }
}
