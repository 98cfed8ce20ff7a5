//! Volunteer teams (đội hình tình nguyện) and their states.

use crate::{Stamp, campaigns::Mode, words::words};
use chrono::NaiveDate;
use thiserror::Error;
use uuid::Uuid;

words! {
    /// The two kinds of team that the letter deploys.
    pub enum TeamKind: "team kind" {
        /// Chuyển đổi số cộng đồng.
        CommunityDigitalTransformation = "community_digital_transformation",
        /// Mùa hè số.
        DigitalSummer = "digital_summer",
    }
}

impl TeamKind {
    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::CommunityDigitalTransformation => {
                ("Đội hình chuyển đổi số cộng đồng", "Community digital transformation teams")
            }
            Self::DigitalSummer => ("Đội hình Mùa hè số", "Digital summer teams"),
        }
    }
}

words! {
    /// Where a team stands.
    pub enum TeamStatus: "team status" {
        /// Members are being found.
        Forming = "forming",
        /// Led and trained.
        Ready = "ready",
        /// At work.
        Deployed = "deployed",
        /// Its work is done.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

words! {
    /// What moves a team from state to state.
    pub enum TeamAction: "team action" {
        /// forming → ready.
        Ready = "ready",
        /// ready → deployed.
        Deploy = "deploy",
        /// deployed → completed.
        Complete = "complete",
        /// any state but the last two → cancelled.
        Cancel = "cancel",
    }
}

/// A volunteer team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Identity and version.
    pub stamp: Stamp,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The unit that set it up and answers for it.
    pub org_unit_id: Uuid,
    /// Which of the two kinds.
    pub kind: TeamKind,
    /// Vietnamese name.
    pub name: String,
    /// Stable code, unique in the campaign.
    pub code: String,
    /// Code of the campaign's strand that it works in.
    pub strand: Option<String>,
    /// Modes of volunteering.
    pub modes: Vec<Mode>,
    /// The places it is meant to work in.
    pub locality_ids: Vec<Uuid>,
    /// First day, inclusive.
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    pub ends_on: NaiveDate,
    /// Where it stands.
    pub status: TeamStatus,
    /// Community digital technology groups that it works with.
    pub digital_group_ids: Vec<Uuid>,
}

/// Why a team can't move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TeamError {
    /// The action doesn't start from this state.
    #[error("a team that is {from} can't {action}")]
    WrongState {
        /// Where it stands.
        from: TeamStatus,
        /// What was asked.
        action: TeamAction,
    },
    /// Nobody leads the team.
    #[error("the team has no leader")]
    NoLeader,
    /// Members were registered, and none is left.
    #[error("the team has no member left")]
    NoMembers,
}

/// What a team's register of members says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crew {
    /// Memberships altogether, whenever they were.
    pub registered: u64,
    /// Those of the day.
    pub active: u64,
    /// Leaders among those.
    pub leaders: u64,
}

impl Crew {
    /// Whether members were registered and none is left. A team that never registered any is not asked for them.
    #[must_use]
    pub const fn is_deserted(self) -> bool {
        self.registered > 0 && self.active == 0
    }
}

impl TeamStatus {
    /// The state after `action`.
    ///
    /// # Errors
    /// [`TeamError::WrongState`] when the action doesn't start from here.
    pub const fn after(self, action: TeamAction) -> Result<TeamStatus, TeamError> {
        match (self, action) {
            (Self::Forming, TeamAction::Ready) => Ok(Self::Ready),
            (Self::Ready, TeamAction::Deploy) => Ok(Self::Deployed),
            (Self::Deployed, TeamAction::Complete) => Ok(Self::Completed),
            (Self::Forming | Self::Ready | Self::Deployed, TeamAction::Cancel) => Ok(Self::Cancelled),
            (from, action) => Err(TeamError::WrongState { from, action }),
        }
    }

    /// Whether it is expected to work, so that it can't be without members.
    #[must_use]
    pub const fn wants_members(self) -> bool {
        matches!(self, Self::Ready | Self::Deployed)
    }

    /// Whether its fields may still be edited.
    #[must_use]
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Forming | Self::Ready | Self::Deployed)
    }
}

impl Team {
    /// Moves the team. `reporters` counts the people who may report for it: a team that has neither one of them nor a
    /// leader among its members can't be ready, and one whose members have all left can't either.
    ///
    /// # Errors
    /// [`TeamError`].
    pub fn act(mut self, action: TeamAction, reporters: u64, crew: Crew) -> Result<Team, TeamError> {
        let status = self.status.after(action)?;
        if status == TeamStatus::Ready {
            if crew.is_deserted() {
                return Err(TeamError::NoMembers);
            }
            if reporters == 0 && crew.leaders == 0 {
                return Err(TeamError::NoLeader);
            }
        }
        self.status = status;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_follow_the_one_road() {
        use TeamAction as A;
        use TeamStatus as S;
        let road = [
            (S::Forming, A::Ready, S::Ready),
            (S::Ready, A::Deploy, S::Deployed),
            (S::Deployed, A::Complete, S::Completed),
        ];
        for from in S::ALL {
            for action in A::ALL {
                let expected = road
                    .iter()
                    .find(|(f, a, _)| f == from && a == action)
                    .map(|(_, _, to)| *to)
                    .or((*action == A::Cancel && from.is_editable()).then_some(S::Cancelled));
                assert_eq!(from.after(*action).ok(), expected, "{from} {action}");
            }
        }
    }
}
