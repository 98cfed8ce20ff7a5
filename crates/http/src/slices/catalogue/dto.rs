//! The closed vocabularies as they are sent.

use crate::{
    page::page_schema,
    schema::{ActivityKindSchema, MeasureSchema, TopicSchema},
};
use serde::Serialize;
use tinhnguyen_domain::catalogue as d;
use utoipa::ToSchema;

/// What a turn of support may be about (nội dung hỗ trợ).
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicInfo {
    /// The topic's word.
    #[schema(value_type = TopicSchema, example = "cyber_safety")]
    pub code: d::Topic,
    /// The kind of activity that it belongs to; `other` goes with every kind.
    #[schema(value_type = ActivityKindSchema, example = "training_class")]
    pub activity_kind: d::ActivityKind,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "An toàn, an ninh mạng")]
    pub name: &'static str,
    /// English name.
    #[schema(max_length = 200, example = "Cyber safety")]
    pub name_en: &'static str,
}

page_schema!(TopicPage of TopicInfo);

impl TopicInfo {
    /// What is sent of a topic.
    #[must_use]
    pub const fn of(topic: d::Topic) -> Self {
        let (name, name_en) = topic.names();
        Self { code: topic, activity_kind: topic.activity_kind(), name, name_en }
    }
}

/// What an indicator may count, and a result may state beside its turns (chỉ số).
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasureInfo {
    /// The measure's word.
    #[schema(value_type = MeasureSchema, example = "accounts_created")]
    pub code: d::Measure,
    /// Whether results state it as an output; the others are counted by the service.
    #[schema(example = true)]
    pub output: bool,
    /// Whether values of different days, teams and units add up.
    #[schema(example = true)]
    pub additive: bool,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Tài khoản điện tử được tạo")]
    pub name: &'static str,
    /// English name.
    #[schema(max_length = 200, example = "Electronic accounts created")]
    pub name_en: &'static str,
}

page_schema!(MeasurePage of MeasureInfo);

impl MeasureInfo {
    /// What is sent of a measure.
    #[must_use]
    pub const fn of(measure: d::Measure) -> Self {
        let (name, name_en) = measure.names();
        Self { code: measure, output: measure.is_output(), additive: measure.is_additive(), name, name_en }
    }
}
