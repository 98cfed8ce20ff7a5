//! Teams as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{ModeSchema, TeamKindSchema, TeamStatusSchema},
    slices::item,
};
use chrono::NaiveDate;
use serde::Deserialize;
use tinhnguyen_domain::{
    campaigns::Mode,
    teams::{self as d, TeamAction, TeamKind, TeamStatus},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// A volunteer team (đội hình tình nguyện).
    Team at "/v1/teams" {
        /// The campaign.
        campaign_id: Uuid,
        /// The unit that set it up and answers for it.
        org_unit_id: Uuid,
        /// Which of the two kinds.
        #[schema(value_type = TeamKindSchema)]
        kind: TeamKind,
        /// Vietnamese name.
        #[schema(max_length = 200, example = "Đội hình Chuyển đổi số cộng đồng xã Ea H’leo")]
        name: String,
        /// Stable code, unique in the campaign.
        #[schema(max_length = 40, example = "CDS-EAHLEO-01")]
        code: String,
        /// Code of the campaign's strand that it works in.
        #[schema(max_length = 40, example = "mua_he_xanh")]
        strand: Option<String>,
        /// Modes of volunteering.
        #[schema(value_type = Vec<ModeSchema>, max_items = 10)]
        modes: Vec<Mode>,
        /// The places it is meant to work in.
        #[schema(max_items = 200)]
        locality_ids: Vec<Uuid>,
        /// The plan (kế hoạch) that it carries out; there are none yet, so it is null.
        plan_id: Option<Uuid>,
        /// Community digital technology groups (tổ công nghệ số cộng đồng) that it works with.
        #[schema(max_items = 50, example = json!([]))]
        digital_group_ids: Vec<Uuid>,
        /// First day, inclusive.
        #[schema(example = "2024-06-15")]
        starts_on: NaiveDate,
        /// Last day, inclusive.
        #[schema(example = "2024-07-15")]
        ends_on: NaiveDate,
        /// Where it stands.
        #[schema(value_type = TeamStatusSchema)]
        status: TeamStatus,
    }
}

page_schema!(TeamPage of Team);

impl Team {
    /// What is sent of a team.
    #[must_use]
    pub fn of(team: d::Team, may_write: bool) -> Self {
        let mut allowed_actions = Vec::new();
        if may_write {
            let acts = TeamAction::ALL.iter().filter(|action| team.status.after(**action).is_ok());
            allowed_actions.extend(acts.map(|action| action.as_str()));
            if team.status.is_editable() {
                allowed_actions.push("edit");
            }
        }
        Self {
            id: team.stamp.id,
            campaign_id: team.campaign_id,
            org_unit_id: team.org_unit_id,
            kind: team.kind,
            name: team.name,
            code: team.code,
            strand: team.strand,
            modes: team.modes,
            locality_ids: team.locality_ids,
            plan_id: None,
            digital_group_ids: team.digital_group_ids,
            starts_on: team.starts_on,
            ends_on: team.ends_on,
            status: team.status,
            created_at: team.stamp.created_at,
            updated_at: team.stamp.updated_at,
            version: team.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which teams are listed.
    TeamQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// By code.
        #[param(max_length = 40)]
        code: String,
        /// Of this campaign.
        campaign_id: Uuid,
        /// Of this unit itself.
        org_unit_id: Uuid,
        /// Of this unit and all units below it.
        within: Uuid,
        /// Of this kind.
        #[param(inline, value_type = Option<TeamKindSchema>)]
        kind: TeamKind,
        /// In this state.
        #[param(inline, value_type = Option<TeamStatusSchema>)]
        status: TeamStatus,
        /// Whose name holds this text, whatever its accents and case.
        #[param(min_length = 1, max_length = 100)]
        q: String,
    }
);

/// A new team; it starts as `forming`.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "dates"))]
pub struct NewTeam {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The unit that sets it up and answers for it.
    pub org_unit_id: Uuid,
    /// Which of the two kinds.
    #[schema(value_type = TeamKindSchema)]
    pub kind: TeamKind,
    /// Vietnamese name.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"\S",
        example = "Đội hình Chuyển đổi số cộng đồng xã Ea H’leo"
    )]
    pub name: String,
    /// Stable code, unique in the campaign; made for you when absent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "CDS-EAHLEO-01")]
    pub code: Option<String>,
    /// Code of the campaign's strand that it works in.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub strand: Option<String>,
    /// Modes of volunteering.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<ModeSchema>, max_items = 10)]
    pub modes: Vec<Mode>,
    /// The places it is meant to work in.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<Uuid>, max_items = 200)]
    pub locality_ids: Vec<Uuid>,
    /// The plan that it carries out: one that is there.
    #[serde(default)]
    pub plan_id: Option<Uuid>,
    /// Community digital technology groups that it works with: some that are there.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<Uuid>, max_items = 50, example = json!([]))]
    pub digital_group_ids: Vec<Uuid>,
    /// First day, inclusive.
    #[schema(example = "2024-06-15")]
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    #[schema(example = "2024-07-15")]
    pub ends_on: NaiveDate,
}

fn dates(new: &NewTeam) -> Result<(), ValidationError> {
    if new.ends_on < new.starts_on { Err(broken(Code::DatesInverted, "/ends_on")) } else { Ok(()) }
}

/// What changes in a team (JSON Merge Patch, RFC 7396). Its state changes by actions.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct TeamPatch {
    /// Vietnamese name.
    #[serde(default)]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"\S",
        example = "Đội hình Mùa hè số Cần Thơ"
    )]
    pub name: Option<String>,
    /// Code of the campaign's strand that it works in.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 40)]
    pub strand: Option<Option<String>>,
    /// Modes of volunteering, all of them.
    #[serde(default)]
    #[schema(nullable = false, value_type = std::collections::BTreeSet<ModeSchema>, max_items = 10)]
    pub modes: Option<Vec<Mode>>,
    /// The places it is meant to work in, all of them.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeSet<Uuid>>, nullable = false, max_items = 200)]
    pub locality_ids: Option<Vec<Uuid>>,
    /// Community digital technology groups that it works with, all of them.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeSet<Uuid>>, nullable = false, max_items = 50)]
    pub digital_group_ids: Option<Vec<Uuid>>,
    /// First day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub starts_on: Option<NaiveDate>,
    /// Last day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub ends_on: Option<NaiveDate>,
}
