//! Who is behind and how campaigns compare, as it is sent.

use super::dto::{ProgressIndicator, ProgressPace, ProgressUnit};
use crate::schema::{CampaignStatusSchema, MeasureSchema, OrgUnitKindSchema, OutlookSchema};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus},
    catalogue::Measure,
    org_units::OrgUnitKind,
    progress::Outlook,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Of whom it is asked whether they are behind.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AtRiskQuery {
    /// The indicator; when absent, the first one that counts turns of the campaign that is open, or was last.
    pub indicator_id: Option<Uuid>,
    /// The unit below which is looked; when absent, the centre or the highest unit that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// All units of this kind below it; when absent, those directly below.
    #[param(value_type = OrgUnitKindSchema)]
    pub kind: Option<OrgUnitKind>,
    /// As it stood at this instant (UTC); now when absent.
    pub as_of: Option<DateTime<Utc>>,
    /// In the tree of this local day; that of `as_of` when absent.
    pub tree_as_of: Option<NaiveDate>,
    /// The ledger's entry that the answer must include, such as the `Ledger-Seq` of a write.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub min_ledger_seq: Option<i64>,
}

/// A unit that would miss its target.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UnitAtRisk {
    /// The unit.
    pub org_unit: ProgressUnit,
    /// What is to be expected: `at_risk` or `out_of_reach`.
    #[schema(value_type = OutlookSchema)]
    pub outlook: Outlook,
    /// Its target.
    #[schema(minimum = 0, example = 315000)]
    pub target: i64,
    /// Submitted or verified.
    #[schema(example = 90000)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 81000)]
    pub verified: i64,
    /// `reported` / `target` × 100, never capped; null when the target is 0.
    #[schema(example = 28.57)]
    pub percent: Option<f64>,
    /// What would be missing at the campaign's end if every day left brings as many as a day of the last seven.
    #[schema(minimum = 1, example = 41000)]
    pub shortfall: i64,
    /// Where it would come to, in percent of the target; null when the target is 0.
    #[schema(example = 86.98)]
    pub forecast_percent: Option<f64>,
    /// How its figure moves.
    pub pace: ProgressPace,
}

/// The units that would miss their targets (đơn vị có nguy cơ không đạt), by how much of it would be missing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UnitsAtRisk {
    /// What is counted.
    pub indicator: ProgressIndicator,
    /// Below whom was looked.
    pub org_unit: ProgressUnit,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The local day whose tree it is told in.
    pub tree_as_of: NaiveDate,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// Units that were looked at.
    #[schema(minimum = 0, example = 67)]
    pub units: u64,
    /// Of those, units without a target.
    #[schema(minimum = 0, example = 4)]
    pub without_target: u64,
    /// Units that have reached their target.
    #[schema(minimum = 0, example = 10)]
    pub reached: u64,
    /// Units that would reach it.
    #[schema(minimum = 0, example = 41)]
    pub on_course: u64,
    /// Units that may miss it.
    #[schema(minimum = 0, example = 9)]
    pub at_risk: u64,
    /// Units for which it lies beyond what is likely.
    #[schema(minimum = 0, example = 3)]
    pub out_of_reach: u64,
    /// The units of the last two counts, the one that would reach the least share of its target first; of more than 20,000
    /// the first.
    #[schema(max_items = 20000)]
    pub data: Vec<UnitAtRisk>,
}

/// What campaigns are compared by.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct CampaignsQuery {
    /// What is counted; turns of support when absent. Of each campaign the first indicator that counts it is taken.
    #[param(value_type = MeasureSchema)]
    pub measure: Option<Measure>,
    /// The unit whose subtree is asked; when absent, the centre or the highest unit that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// By which day of each campaign, 1 for its first; when absent, the one at which the campaign stands that is open, or
    /// that began last.
    #[param(minimum = 1, maximum = 1000)]
    pub day: Option<u32>,
    /// In the tree of this local day; that of today when absent.
    pub tree_as_of: Option<NaiveDate>,
    /// The ledger's entry that the answer must include, such as the `Ledger-Seq` of a write.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub min_ledger_seq: Option<i64>,
}

/// A campaign that is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparedCampaign {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub code: String,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Chiến dịch Thanh niên tình nguyện hè năm 2024")]
    pub name: String,
    /// English name.
    #[schema(max_length = 200)]
    pub name_en: Option<String>,
    /// First local day.
    pub starts_on: NaiveDate,
    /// Last local day.
    pub ends_on: NaiveDate,
    /// Where it stands.
    #[schema(value_type = CampaignStatusSchema)]
    pub status: CampaignStatus,
}

impl ComparedCampaign {
    /// What is sent of a campaign.
    #[must_use]
    pub fn of(campaign: &Campaign) -> Self {
        Self {
            id: campaign.stamp.id,
            code: campaign.code.clone(),
            name: campaign.name.clone(),
            name_en: campaign.name_en.clone(),
            starts_on: campaign.starts_on,
            ends_on: campaign.ends_on,
            status: campaign.status,
        }
    }
}

/// What was reported for the days up to one.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProgressByDay {
    /// The local day; the campaign's last one where it was shorter.
    pub date: NaiveDate,
    /// Submitted or verified.
    #[schema(example = 2123456)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 2000000)]
    pub verified: i64,
    /// `reported` / `target` × 100; null without a target.
    #[schema(example = 35.39)]
    pub percent: Option<f64>,
}

/// What was reached in one campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CampaignProgress {
    /// The campaign.
    pub campaign: ComparedCampaign,
    /// What is counted.
    pub indicator: ProgressIndicator,
    /// The unit's target; null when it has none.
    #[schema(minimum = 0, example = 6000000)]
    pub target: Option<i64>,
    /// Submitted or verified.
    #[schema(example = 5123456)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 4321000)]
    pub verified: i64,
    /// `reported` / `target` × 100; null without a target.
    #[schema(example = 85.39)]
    pub percent: Option<f64>,
    /// `verified` / `target` × 100; null without a target.
    #[schema(example = 72.02)]
    pub verified_percent: Option<f64>,
    /// The figures of its first `day` days; null before the first day of any campaign.
    pub by_day: Option<ProgressByDay>,
}

/// Campaigns side by side (so sánh giữa các chiến dịch), by their first days; drafts are left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CampaignsCompared {
    /// What is counted.
    #[schema(value_type = MeasureSchema)]
    pub measure: Measure,
    /// Whose subtree is counted.
    pub org_unit: ProgressUnit,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The local day whose tree they are told in.
    pub tree_as_of: NaiveDate,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// By which day of each campaign they are compared; null before the first day of any.
    #[schema(minimum = 1, maximum = 10000, example = 35)]
    pub day: Option<u32>,
    /// The campaigns that have such an indicator.
    #[schema(max_items = 1000)]
    pub data: Vec<CampaignProgress>,
}
