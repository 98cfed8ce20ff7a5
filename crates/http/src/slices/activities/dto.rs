//! Activities as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{ActivityKindSchema, ActivityModeSchema, ActivityStatusSchema, TopicSchema},
    slices::item,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    activities::{self as d, ActivityAction, ActivityMode, ActivityStatus},
    catalogue::{ActivityKind, Topic},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// A place on earth (toạ độ), WGS 84, degrees.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GeoPoint {
    /// Latitude.
    #[schema(minimum = -90, maximum = 90, example = 13.21)]
    pub lat: f64,
    /// Longitude.
    #[schema(minimum = -180, maximum = 180, example = 108.2)]
    pub lon: f64,
}

impl From<GeoPoint> for d::GeoPoint {
    fn from(point: GeoPoint) -> Self {
        Self { lat: point.lat, lon: point.lon }
    }
}

item! {
    /// An activity of one or several teams (hoạt động).
    Activity at "/v1/activities" {
        /// The campaign.
        campaign_id: Uuid,
        /// The team that answers for it.
        lead_team_id: Uuid,
        /// All teams that hold it, the leading one among them.
        #[schema(max_items = 50)]
        team_ids: Vec<Uuid>,
        /// Where it is held, by administrative unit.
        locality_id: Uuid,
        /// What kind of activity.
        #[schema(value_type = ActivityKindSchema, example = "training_class")]
        kind: ActivityKind,
        /// What it is about.
        #[schema(value_type = Vec<TopicSchema>, max_items = 15, example = json!(["cyber_safety"]))]
        topics: Vec<Topic>,
        /// Vietnamese title.
        #[schema(max_length = 200, example = "Lớp an toàn mạng cho thiếu nhi")]
        title: String,
        /// In person or online.
        #[schema(value_type = ActivityModeSchema)]
        mode: ActivityMode,
        /// The place's name.
        #[schema(max_length = 200, example = "Nhà văn hoá thôn 3")]
        venue: Option<String>,
        /// The place on the map.
        location: Option<GeoPoint>,
        /// Community digital technology groups (tổ công nghệ số cộng đồng) that take part.
        #[schema(max_items = 50, example = json!([]))]
        digital_group_ids: Vec<Uuid>,
        /// Beginning.
        #[schema(example = "2024-07-01T01:00:00Z")]
        starts_at: DateTime<Utc>,
        /// End.
        #[schema(example = "2024-07-01T03:00:00Z")]
        ends_at: DateTime<Utc>,
        /// Turns that are expected.
        #[schema(minimum = 1, maximum = 1000000, example = 40)]
        planned_turns: Option<i64>,
        /// People whom the venue holds in one day (sức chứa của địa điểm), all sessions together.
        #[schema(minimum = 1, maximum = 1000000, example = 60)]
        venue_capacity: Option<i64>,
        /// Where it stands.
        #[schema(value_type = ActivityStatusSchema)]
        status: ActivityStatus,
        /// The series that it is an occurrence of.
        series_id: Option<Uuid>,
    }
}

page_schema!(ActivityPage of Activity);

impl Activity {
    /// What is sent of an activity.
    #[must_use]
    pub fn of(activity: d::Activity, may_write: bool) -> Self {
        let mut allowed_actions = Vec::new();
        if may_write {
            let acts = ActivityAction::ALL.iter().filter(|action| activity.status.after(**action).is_ok());
            allowed_actions.extend(acts.map(|action| action.as_str()));
            if activity.status.is_editable() {
                allowed_actions.push("edit");
            }
            if activity.status.on_report().is_ok() {
                allowed_actions.push("report");
            }
        }
        Self {
            id: activity.stamp.id,
            campaign_id: activity.campaign_id,
            lead_team_id: activity.lead_team_id,
            team_ids: activity.team_ids,
            locality_id: activity.locality_id,
            kind: activity.kind,
            topics: activity.topics,
            title: activity.title,
            mode: activity.mode,
            venue: activity.venue,
            location: activity.location.map(|l| GeoPoint { lat: l.lat, lon: l.lon }),
            digital_group_ids: activity.digital_group_ids,
            starts_at: activity.starts_at,
            ends_at: activity.ends_at,
            planned_turns: activity.planned_turns,
            venue_capacity: activity.venue_capacity,
            status: activity.status,
            series_id: activity.series_id,
            created_at: activity.stamp.created_at,
            updated_at: activity.stamp.updated_at,
            version: activity.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which activities are listed.
    ActivityQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// That this team takes part in.
        team_id: Uuid,
        /// That this team leads.
        lead_team_id: Uuid,
        /// Of teams of this unit and of all units below it.
        within: Uuid,
        /// Occurrences of this series.
        series_id: Uuid,
        /// Held in this locality itself.
        locality_id: Uuid,
        /// Of this kind.
        #[param(inline, value_type = Option<ActivityKindSchema>)]
        kind: ActivityKind,
        /// In this state.
        #[param(inline, value_type = Option<ActivityStatusSchema>)]
        status: ActivityStatus,
        /// Starting at or after this instant.
        from: DateTime<Utc>,
        /// Starting before this instant.
        to: DateTime<Utc>,
    }
);

/// A new activity; it starts as `planned`.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "times"))]
pub struct NewActivity {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The campaign; the leading team's when absent.
    #[serde(default)]
    pub campaign_id: Option<Uuid>,
    /// The team that answers for it.
    pub lead_team_id: Uuid,
    /// All teams that hold it; the leading one is added when it isn't among them.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<Uuid>, max_items = 50)]
    pub team_ids: Vec<Uuid>,
    /// Where it is held: a locality that is valid on its first day.
    pub locality_id: Uuid,
    /// What kind of activity.
    #[schema(value_type = ActivityKindSchema, example = "training_class")]
    pub kind: ActivityKind,
    /// What it is about: topics of its kind, or `other`.
    #[schema(value_type = std::collections::BTreeSet<TopicSchema>, min_items = 1, max_items = 15, example = json!(["cyber_safety"]))]
    pub topics: Vec<Topic>,
    /// Vietnamese title.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Lớp an toàn mạng cho thiếu nhi")]
    pub title: String,
    /// In person (when absent) or online.
    #[serde(default)]
    #[schema(value_type = Option<ActivityModeSchema>)]
    pub mode: Option<ActivityMode>,
    /// The place's name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "Nhà văn hoá thôn 3")]
    pub venue: Option<String>,
    /// The place on the map.
    #[serde(default)]
    pub location: Option<GeoPoint>,
    /// Community digital technology groups that take part: some that are there.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeSet<Uuid>, max_items = 50, example = json!([]))]
    pub digital_group_ids: Vec<Uuid>,
    /// Beginning.
    #[schema(example = "2024-07-01T01:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// End.
    #[schema(example = "2024-07-01T03:00:00Z")]
    pub ends_at: DateTime<Utc>,
    /// Turns that are expected.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000, example = 40)]
    pub planned_turns: Option<i64>,
    /// People whom the venue holds in one day (sức chứa của địa điểm), all sessions together. A result with more turns on
    /// one topic is flagged `over_venue_capacity`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000, example = 60)]
    pub venue_capacity: Option<i64>,
}

fn times(new: &NewActivity) -> Result<(), ValidationError> {
    if new.ends_at <= new.starts_at { Err(broken(Code::DatesInverted, "/ends_at")) } else { Ok(()) }
}

/// What changes in an activity (JSON Merge Patch, RFC 7396). Its state changes by actions; its kind and leading team
/// never do, and once results are counted its place and teams stay too.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ActivityPatch {
    /// All teams that hold it.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeSet<Uuid>>, nullable = false, min_items = 1, max_items = 50)]
    pub team_ids: Option<Vec<Uuid>>,
    /// Where it is held.
    #[serde(default)]
    #[schema(nullable = false)]
    pub locality_id: Option<Uuid>,
    /// Community digital technology groups that take part, all of them.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeSet<Uuid>>, nullable = false, max_items = 50)]
    pub digital_group_ids: Option<Vec<Uuid>>,
    /// What it is about.
    #[serde(default)]
    #[schema(nullable = false, value_type = std::collections::BTreeSet<TopicSchema>, min_items = 1, max_items = 15)]
    pub topics: Option<Vec<Topic>>,
    /// Vietnamese title.
    #[serde(default)]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"\S",
        example = "Lớp an toàn mạng, buổi 2"
    )]
    pub title: Option<String>,
    /// In person or online.
    #[serde(default)]
    #[schema(nullable = false, value_type = ActivityModeSchema)]
    pub mode: Option<ActivityMode>,
    /// The place's name.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub venue: Option<Option<String>>,
    /// The place on the map.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<GeoPoint>)]
    pub location: Option<Option<GeoPoint>>,
    /// Beginning.
    #[serde(default)]
    #[schema(nullable = false)]
    pub starts_at: Option<DateTime<Utc>>,
    /// End.
    #[serde(default)]
    #[schema(nullable = false)]
    pub ends_at: Option<DateTime<Utc>>,
    /// Turns that are expected.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000000)]
    pub planned_turns: Option<Option<i64>>,
    /// People whom the venue holds in one day, all sessions together.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000000)]
    pub venue_capacity: Option<Option<i64>>,
}
