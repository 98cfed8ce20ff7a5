//! Campaigns and indicators as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{CampaignStatusSchema, MeasureSchema, ModeSchema, StrandKindSchema, TimeZoneSchema, TopicSchema},
    slices::item,
};
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    campaigns::{self as d, CampaignStatus, Mode, StrandKind},
    catalogue::{Measure, Topic},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// A part of a campaign: its programme (chương trình) or one of its drives (chiến dịch).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Strand {
    /// Stable code, unique in the campaign.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "mua_he_xanh")]
    pub code: String,
    /// Programme or drive.
    #[schema(value_type = StrandKindSchema, example = "drive")]
    pub kind: StrandKind,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 200, example = "Mùa hè xanh")]
    pub name: String,
}

item! {
    /// A campaign (chiến dịch). Its days are local days of its time zone, first and last included.
    Campaign at "/v1/campaigns" {
        /// Stable code, unique.
        #[schema(max_length = 40, example = "HE-2024")]
        code: String,
        /// Vietnamese name.
        #[schema(max_length = 200, example = "Chiến dịch Thanh niên tình nguyện Hè năm 2024")]
        name: String,
        /// English name.
        #[schema(max_length = 200, example = "Summer Youth Volunteer Campaign 2024")]
        name_en: Option<String>,
        /// The year's theme.
        #[schema(max_length = 200, example = "Năm Thanh niên tình nguyện")]
        theme: Option<String>,
        /// First local day, inclusive.
        #[schema(example = "2024-06-01")]
        starts_on: NaiveDate,
        /// Last local day, inclusive.
        #[schema(example = "2024-08-31")]
        ends_on: NaiveDate,
        /// The time zone that its days are counted in.
        #[schema(value_type = TimeZoneSchema, example = "Asia/Ho_Chi_Minh")]
        time_zone: Tz,
        /// Where it stands.
        #[schema(value_type = CampaignStatusSchema, example = "open")]
        status: CampaignStatus,
        /// Its programme and drives.
        #[schema(max_items = 50)]
        strands: Vec<Strand>,
        /// The modes of volunteering that it uses.
        #[schema(value_type = Vec<ModeSchema>, max_items = 10)]
        modes: Vec<Mode>,
    }
}

page_schema!(CampaignPage of Campaign);

impl Campaign {
    /// What is sent of a campaign.
    #[must_use]
    pub fn of(campaign: d::Campaign, may_write: bool) -> Self {
        let mut allowed_actions = Vec::new();
        if may_write {
            allowed_actions.push("edit");
            allowed_actions.push(if campaign.status == CampaignStatus::Open { "close" } else { "open" });
        }
        Self {
            id: campaign.stamp.id,
            code: campaign.code,
            name: campaign.name,
            name_en: campaign.name_en,
            theme: campaign.theme,
            starts_on: campaign.starts_on,
            ends_on: campaign.ends_on,
            time_zone: campaign.time_zone,
            status: campaign.status,
            strands: campaign
                .strands
                .into_iter()
                .map(|s| Strand { code: s.code, kind: s.kind, name: s.name })
                .collect(),
            modes: campaign.modes,
            created_at: campaign.stamp.created_at,
            updated_at: campaign.stamp.updated_at,
            version: campaign.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which campaigns are listed.
    CampaignQuery, sorts: ["-created_at", "created_at", "code", "-code"], {
        /// By id.
        id: Uuid,
        /// By code.
        #[param(max_length = 40)]
        code: String,
        /// In this state.
        #[param(inline, value_type = Option<CampaignStatusSchema>)]
        status: CampaignStatus,
    }
);

/// A new campaign; it starts as a draft.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "dates"))]
pub struct NewCampaign {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Stable code, unique.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "HE-2026")]
    pub code: String,
    /// Vietnamese name.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"\S",
        example = "Chiến dịch Thanh niên tình nguyện Hè năm 2026"
    )]
    pub name: String,
    /// English name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub name_en: Option<String>,
    /// The year's theme.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub theme: Option<String>,
    /// First local day, inclusive.
    #[schema(example = "2026-06-01")]
    pub starts_on: NaiveDate,
    /// Last local day, inclusive.
    #[schema(example = "2026-08-31")]
    pub ends_on: NaiveDate,
    /// The time zone that its days are counted in; Asia/Ho_Chi_Minh when absent.
    #[serde(default)]
    #[schema(value_type = Option<TimeZoneSchema>)]
    pub time_zone: Option<Tz>,
    /// Its programme and drives.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub strands: Vec<Strand>,
    /// The modes of volunteering that it uses.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<ModeSchema>, max_items = 10)]
    pub modes: Vec<Mode>,
}

fn dates(new: &NewCampaign) -> Result<(), ValidationError> {
    if new.ends_on < new.starts_on { Err(broken(Code::DatesInverted, "/ends_on")) } else { Ok(()) }
}

/// What changes in a campaign (JSON Merge Patch, RFC 7396). Its state changes by `open` and `close`.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct CampaignPatch {
    /// Vietnamese name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Chiến dịch Hè 2026")]
    pub name: Option<String>,
    /// English name.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub name_en: Option<Option<String>>,
    /// The year's theme.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub theme: Option<Option<String>>,
    /// First local day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub starts_on: Option<NaiveDate>,
    /// Last local day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub ends_on: Option<NaiveDate>,
    /// Its programme and drives, all of them.
    #[serde(default)]
    #[schema(nullable = false, max_items = 50)]
    pub strands: Option<Vec<Strand>>,
    /// The modes of volunteering, all of them.
    #[serde(default)]
    #[schema(nullable = false, value_type = std::collections::BTreeSet<ModeSchema>, max_items = 10)]
    pub modes: Option<Vec<Mode>>,
}

item! {
    /// An indicator of a campaign (chỉ tiêu) and its target for the whole country.
    Indicator at "/v1/indicators" {
        /// The campaign.
        campaign_id: Uuid,
        /// Its number in the campaign's plan, where it is known.
        #[schema(minimum = 1, maximum = 999, example = 7)]
        number: Option<i32>,
        /// Vietnamese name.
        #[schema(max_length = 500, example = "Hỗ trợ nâng cao năng lực số cho thanh thiếu nhi và người dân")]
        name: String,
        /// English name.
        #[schema(max_length = 500)]
        name_en: Option<String>,
        /// What one unit of it is called.
        #[schema(max_length = 40, example = "lượt")]
        unit: String,
        /// What it counts.
        #[schema(value_type = MeasureSchema)]
        measure: Measure,
        /// Whether values of different days, teams and units add up; unique persons don't.
        #[schema(example = true)]
        additive: bool,
        /// The national target, in its unit: the centre's in the allocation.
        #[schema(minimum = 0, maximum = 1000000000000_i64, example = 6000000)]
        target_value: i64,
        /// When set, only lines on these topics count.
        #[schema(value_type = Option<Vec<TopicSchema>>, max_items = 15)]
        counted_topics: Option<Vec<Topic>>,
    }
}

page_schema!(IndicatorPage of Indicator);

impl Indicator {
    /// What is sent of an indicator.
    #[must_use]
    pub fn of(indicator: d::Indicator, may_write: bool) -> Self {
        Self {
            id: indicator.stamp.id,
            campaign_id: indicator.campaign_id,
            number: indicator.number,
            name: indicator.name,
            name_en: indicator.name_en,
            unit: indicator.unit,
            measure: indicator.measure,
            additive: indicator.measure.is_additive(),
            target_value: indicator.target_value,
            counted_topics: indicator.counted_topics,
            created_at: indicator.stamp.created_at,
            updated_at: indicator.stamp.updated_at,
            version: indicator.stamp.version,
            allowed_actions: if may_write { vec!["edit"] } else { vec![] },
        }
    }
}

list_query!(
    /// Which indicators are listed.
    IndicatorQuery, sorts: ["created_at", "-created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// With this number.
        #[param(minimum = 1, maximum = 999)]
        number: i32,
    }
);

/// A new indicator.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "campaign_id": "0190a1b2-0000-7000-8000-000000000001", "number": 7, "name": "Hỗ trợ nâng cao năng lực số",
    "unit": "lượt", "measure": "beneficiary_turns", "target_value": 6000000
}))]
pub struct NewIndicator {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The campaign.
    pub campaign_id: Uuid,
    /// Its number in the campaign's plan.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 999, example = 7)]
    pub number: Option<i32>,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "Hỗ trợ nâng cao năng lực số")]
    pub name: String,
    /// English name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500)]
    pub name_en: Option<String>,
    /// What one unit of it is called.
    #[schema(min_length = 1, max_length = 40, example = "lượt")]
    pub unit: String,
    /// What it counts.
    #[schema(value_type = MeasureSchema)]
    pub measure: Measure,
    /// The national target, in its unit.
    #[schema(minimum = 0, maximum = 1000000000000_i64, example = 6000000)]
    pub target_value: i64,
    /// Count only lines on these topics.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeSet<TopicSchema>>, min_items = 1, max_items = 15)]
    pub counted_topics: Option<Vec<Topic>>,
}

/// What changes in an indicator (JSON Merge Patch, RFC 7396). What it counts never changes.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct IndicatorPatch {
    /// Vietnamese name.
    #[serde(default)]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 500,
        pattern = r"\S",
        example = "Hỗ trợ nâng cao năng lực số"
    )]
    pub name: Option<String>,
    /// English name.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    pub name_en: Option<Option<String>>,
    /// What one unit of it is called.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 40)]
    pub unit: Option<String>,
    /// The national target, in its unit.
    #[serde(default)]
    #[schema(nullable = false, minimum = 0, maximum = 1000000000000_i64)]
    pub target_value: Option<i64>,
    /// Why the target changes: kept with its revision.
    #[serde(default)]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 2000,
        pattern = r"\S",
        example = "Theo kế hoạch điều chỉnh."
    )]
    pub reason: Option<String>,
}
