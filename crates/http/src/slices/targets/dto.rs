//! Targets of units as they are sent.

use crate::{
    page::{list_query, page_schema},
    reply::Item,
    slices::progress::dto::ProgressUnit,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    org_units::OrgUnit,
    targets::{self as d, Sums},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

/// What a unit is to reach of an indicator (chỉ tiêu giao), as its latest revision states it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Target {
    /// Its id, the same in all revisions.
    pub id: Uuid,
    /// The indicator.
    pub indicator_id: Uuid,
    /// The unit.
    pub org_unit_id: Uuid,
    /// What it is to reach, in the indicator's unit.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 315000)]
    pub value: i64,
    /// Why it was set so; null where nobody said.
    #[schema(max_length = 2000, example = "Bổ sung theo số dân của các phường mới.")]
    pub reason: Option<String>,
    /// Who set it; null for what the reference data brought.
    pub set_by: Option<Uuid>,
    /// Instant of the first revision.
    pub created_at: DateTime<Utc>,
    /// Instant of this revision.
    pub updated_at: DateTime<Utc>,
    /// Counts the revisions from 1; in quotes it is the ETag.
    #[schema(minimum = 1, example = 2)]
    pub version: i64,
    /// What this caller may do with it now.
    #[schema(max_items = 20, example = json!([]))]
    pub allowed_actions: Vec<&'static str>,
}

impl Item for Target {
    fn location(&self) -> String {
        format!("/v1/indicators/{}/targets/{}", self.indicator_id, self.org_unit_id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

impl Target {
    /// What is sent of a target.
    #[must_use]
    pub fn of(target: d::Target, may_set: bool) -> Self {
        Self {
            id: target.stamp.id,
            indicator_id: target.indicator_id,
            org_unit_id: target.org_unit_id,
            value: target.value,
            reason: target.reason,
            set_by: target.set_by,
            created_at: target.stamp.created_at,
            updated_at: target.stamp.updated_at,
            version: target.stamp.version,
            allowed_actions: if may_set { vec!["edit"] } else { vec![] },
        }
    }
}

/// One revision of a target (lần điều chỉnh chỉ tiêu). None is ever changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetRevision {
    /// Counts the revisions from 1.
    #[schema(minimum = 1, example = 2)]
    pub version: i64,
    /// What the unit was to reach from then on, in the indicator's unit.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 315000)]
    pub value: i64,
    /// Why; null where nobody said.
    #[schema(max_length = 2000, example = "Bổ sung theo số dân của các phường mới.")]
    pub reason: Option<String>,
    /// Who set it; null for what the reference data brought.
    pub set_by: Option<Uuid>,
    /// When.
    pub set_at: DateTime<Utc>,
}

page_schema!(TargetRevisionPage of TargetRevision);

impl TargetRevision {
    /// What is sent of a revision.
    #[must_use]
    pub fn of(target: d::Target) -> Self {
        Self {
            version: target.stamp.version,
            value: target.value,
            reason: target.reason,
            set_by: target.set_by,
            set_at: target.stamp.updated_at,
        }
    }
}

list_query!(
    /// Which revisions are listed.
    TargetRevisionQuery, sorts: ["-created_at", "created_at"], {}
);

/// Whose allocation is asked, and of which day.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TargetQuery {
    /// The unit; when absent, the highest one that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// What was in force on this local day, at its end; today when absent.
    pub as_of: Option<NaiveDate>,
}

/// What a unit is to reach, and how much of it the units directly below it have.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TargetShare {
    /// The unit.
    pub org_unit: ProgressUnit,
    /// What it is to reach, in the indicator's unit; null where nobody has set it.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 315000)]
    pub value: Option<i64>,
    /// Which revision states it; null without one.
    #[schema(minimum = 1, example = 2)]
    pub version: Option<i64>,
    /// Why it was set so; null where nobody said.
    #[schema(max_length = 2000, example = "Bổ sung theo số dân của các phường mới.")]
    pub reason: Option<String>,
    /// Who set it; null for what the reference data brought.
    pub set_by: Option<Uuid>,
    /// When; null where nobody has set it.
    pub set_at: Option<DateTime<Utc>>,
    /// The sum of the targets of the units directly below; null for an indicator that doesn't add up.
    #[schema(minimum = 0, example = 300000)]
    pub allocated: Option<i64>,
    /// What none of them has yet; null where the unit has no target or the indicator doesn't add up.
    #[schema(minimum = 0, example = 15000)]
    pub unallocated: Option<i64>,
    /// What they have together beyond the unit's own target; null where `unallocated` is.
    #[schema(minimum = 0, example = 0)]
    pub over_allocated: Option<i64>,
}

impl TargetShare {
    /// What is sent of a unit's target; without sums for an indicator that doesn't add up.
    #[must_use]
    pub fn of(unit: &OrgUnit, target: Option<&d::Target>, sums: Option<Sums>) -> Self {
        Self {
            org_unit: ProgressUnit::of(unit),
            value: target.map(|target| target.value),
            version: target.map(|target| target.stamp.version),
            reason: target.and_then(|target| target.reason.clone()),
            set_by: target.and_then(|target| target.set_by),
            set_at: target.map(|target| target.stamp.updated_at),
            allocated: sums.map(|sums| sums.allocated),
            unallocated: sums.and_then(|sums| sums.unallocated),
            over_allocated: sums.and_then(|sums| sums.over_allocated),
        }
    }
}

/// How a unit's target is allocated to the units directly below it (phân bổ chỉ tiêu).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TargetAllocation {
    /// The indicator.
    pub indicator_id: Uuid,
    /// The local day, at whose end this is what was in force.
    #[schema(example = "2024-07-15")]
    pub as_of: NaiveDate,
    /// Whether the indicator adds up; where it doesn't, there are no sums.
    #[schema(example = true)]
    pub additive: bool,
    /// The unit.
    pub org_unit: ProgressUnit,
    /// What it is to reach, in the indicator's unit; null where nobody has set it.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 6000000)]
    pub value: Option<i64>,
    /// Which revision states it; null without one.
    #[schema(minimum = 1, example = 1)]
    pub version: Option<i64>,
    /// Why it was set so; null where nobody said.
    #[schema(max_length = 2000)]
    pub reason: Option<String>,
    /// Who set it; null for what the reference data brought.
    pub set_by: Option<Uuid>,
    /// When; null where nobody has set it.
    pub set_at: Option<DateTime<Utc>>,
    /// The sum of the children's targets; null for an indicator that doesn't add up.
    #[schema(minimum = 0, example = 5900000)]
    pub allocated: Option<i64>,
    /// What no child has yet; null where the unit has no target or the indicator doesn't add up.
    #[schema(minimum = 0, example = 100000)]
    pub unallocated: Option<i64>,
    /// What the children have together beyond the unit's own target; null where `unallocated` is.
    #[schema(minimum = 0, example = 0)]
    pub over_allocated: Option<i64>,
    /// The units directly below that existed on the day, by code. The support centre is none of them.
    #[schema(max_items = 20000)]
    pub children: Vec<TargetShare>,
    /// What this caller may do: `allocate` to the units directly below.
    #[schema(max_items = 20, example = json!(["allocate"]))]
    pub allowed_actions: Vec<&'static str>,
}

impl TargetAllocation {
    /// What is sent of an allocation.
    #[must_use]
    pub fn of(
        (indicator_id, additive): (Uuid, bool),
        as_of: NaiveDate,
        own: TargetShare,
        children: Vec<TargetShare>,
        may_allocate: bool,
    ) -> Self {
        Self {
            indicator_id,
            as_of,
            additive,
            org_unit: own.org_unit,
            value: own.value,
            version: own.version,
            reason: own.reason,
            set_by: own.set_by,
            set_at: own.set_at,
            allocated: own.allocated,
            unallocated: own.unallocated,
            over_allocated: own.over_allocated,
            children,
            allowed_actions: if may_allocate { vec!["allocate"] } else { vec![] },
        }
    }
}

/// What a unit is to reach from now on.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"value": 315000, "reason": "Bổ sung theo số dân của các phường mới."}))]
pub struct NewTarget {
    /// In the indicator's unit.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 315000)]
    pub value: i64,
    /// Why; wanted when there is a target already.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "Bổ sung theo số dân của các phường mới.")]
    pub reason: Option<String>,
}

/// What one of several units is to reach from now on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTargetOfUnit {
    /// The unit: one directly below.
    pub org_unit_id: Uuid,
    /// In the indicator's unit.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 315000)]
    pub value: i64,
    /// The version of its target that was seen; wanted when there is one already that says something else.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9007199254740991_i64, example = 1)]
    pub version: Option<i64>,
}

/// What several units directly below one are to reach from now on: all of it or nothing.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewTargets {
    /// The unit above.
    pub org_unit_id: Uuid,
    /// Why; wanted when one of them has a target already that says something else.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "Phân bổ lại theo số dân.")]
    pub reason: Option<String>,
    /// The targets, each unit once. Units that are not named keep what they have.
    #[schema(min_items = 1, max_items = 1000)]
    pub targets: Vec<NewTargetOfUnit>,
}

/// How much one of several units weighs, such as its population.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetWeight {
    /// The unit: one directly below.
    pub org_unit_id: Uuid,
    /// Its weight compared to the others'.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 8435700)]
    pub weight: i64,
}

/// What is to be split, and by what.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewTargetSuggestion {
    /// The unit whose target is split.
    pub org_unit_id: Uuid,
    /// The weights of units directly below it, each once; at least one is above zero.
    #[schema(min_items = 1, max_items = 1000)]
    pub weights: Vec<TargetWeight>,
    /// What is split; the unit's target when absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 6000000)]
    pub total: Option<i64>,
}

/// What one unit would get.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestedTarget {
    /// The unit.
    pub org_unit_id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "TD-01")]
    pub code: String,
    /// Its weight, as it was sent.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 8435700)]
    pub weight: i64,
    /// What it would get.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 504000)]
    pub value: i64,
    /// The version of the target that it has; null when it has none. `POST …/targets/bulk` wants it back.
    #[schema(minimum = 1, example = 1)]
    pub version: Option<i64>,
}

/// A split of a target by weights (gợi ý phân bổ). Nothing of it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetSuggestion {
    /// The unit whose target is split.
    pub org_unit_id: Uuid,
    /// What is split; the values add up to it exactly.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 6000000)]
    pub total: i64,
    /// What each would get, in the order that was sent.
    #[schema(max_items = 1000)]
    pub targets: Vec<SuggestedTarget>,
}
