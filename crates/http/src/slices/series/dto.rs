//! Series of activities as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{ActivityKindSchema, ActivityModeSchema, TimeZoneSchema, TopicSchema},
    slices::{
        activities::dto::{GeoPoint, NewActivity},
        item,
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    activities::ActivityMode,
    catalogue::{ActivityKind, Topic},
    series as d,
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// One activity of a series as it was planned (buổi). What became of it since stands at `/v1/activities/{activity_id}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Occurrence {
    /// The activity.
    pub activity_id: Uuid,
    /// Beginning.
    #[schema(example = "2024-07-01T12:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// End.
    #[schema(example = "2024-07-01T14:00:00Z")]
    pub ends_at: DateTime<Utc>,
}

item! {
    /// Activities that recur by a rule (chuỗi hoạt động định kỳ).
    ActivitySeries at "/v1/activity-series" {
        /// The campaign.
        campaign_id: Uuid,
        /// The team that answers for it.
        lead_team_id: Uuid,
        /// Vietnamese title, as it was given to the activities.
        #[schema(max_length = 200, example = "Lớp kỹ năng số buổi tối")]
        title: String,
        /// The rule by which it recurs (RFC 5545).
        #[schema(max_length = 300, example = "FREQ=DAILY;COUNT=20")]
        recurrence: String,
        /// Local days that were left out.
        #[schema(max_items = 366, example = json!(["2024-07-15"]))]
        exdates: Vec<NaiveDate>,
        /// The zone that days and times of day are counted in: the campaign's.
        #[schema(value_type = TimeZoneSchema)]
        time_zone: String,
        /// When the first activity was planned to begin.
        #[schema(example = "2024-07-01T12:00:00Z")]
        starts_at: DateTime<Utc>,
        /// When the last one was planned to end.
        #[schema(example = "2024-07-20T14:00:00Z")]
        ends_at: DateTime<Utc>,
        /// How many activities were planned.
        #[schema(minimum = 1, maximum = 366, example = 20)]
        occurrence_count: usize,
        /// How many of them were cancelled by way of the series.
        #[schema(minimum = 0, maximum = 366, example = 0)]
        cancelled_count: i32,
        /// Why they were.
        #[schema(max_length = 500)]
        cancel_reason: Option<String>,
        /// The activities as they were planned, in order of time; lists leave them out.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, max_items = 366)]
        occurrences: Option<Vec<Occurrence>>,
    }
}

page_schema!(ActivitySeriesPage of ActivitySeries);

impl ActivitySeries {
    /// What is sent of a series.
    #[must_use]
    pub fn of(series: d::Series, may_write: bool) -> Self {
        let count = series.occurrences.len();
        let all_cancelled = usize::try_from(series.cancelled_count).is_ok_and(|cancelled| cancelled >= count);
        Self {
            id: series.stamp.id,
            campaign_id: series.campaign_id,
            lead_team_id: series.lead_team_id,
            title: series.title,
            recurrence: series.recurrence,
            exdates: series.exdates,
            time_zone: series.time_zone.name().to_owned(),
            // A series is never empty.
            starts_at: series.occurrences.first().map_or(series.stamp.created_at, |first| first.starts_at),
            ends_at: series.occurrences.last().map_or(series.stamp.created_at, |last| last.ends_at),
            occurrence_count: count,
            cancelled_count: series.cancelled_count,
            cancel_reason: series.cancel_reason,
            occurrences: Some(
                series
                    .occurrences
                    .iter()
                    .map(|o| Occurrence { activity_id: o.activity_id, starts_at: o.starts_at, ends_at: o.ends_at })
                    .collect(),
            ),
            created_at: series.stamp.created_at,
            updated_at: series.stamp.updated_at,
            version: series.stamp.version,
            allowed_actions: if may_write && !all_cancelled { vec!["cancel"] } else { vec![] },
        }
    }

    /// The same as a list shows it.
    #[must_use]
    pub fn in_list(self) -> Self {
        Self { occurrences: None, ..self }
    }
}

list_query!(
    /// Which series are listed.
    ActivitySeriesQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// Of this team.
        lead_team_id: Uuid,
    }
);

/// A new series: a new activity, and the rule by which it recurs.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "times"))]
pub struct NewActivitySeries {
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
    /// Where it is held: a locality that is valid on all its days.
    pub locality_id: Uuid,
    /// What kind of activity.
    #[schema(value_type = ActivityKindSchema, example = "training_class")]
    pub kind: ActivityKind,
    /// What it is about: topics of its kind, or `other`.
    #[schema(value_type = std::collections::BTreeSet<TopicSchema>, min_items = 1, max_items = 15, example = json!(["cyber_safety"]))]
    pub topics: Vec<Topic>,
    /// Vietnamese title.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Lớp kỹ năng số buổi tối")]
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
    /// Beginning of the first occurrence; the others begin at the same local time of day.
    #[schema(example = "2024-07-01T12:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// End of the first occurrence; the others last as long.
    #[schema(example = "2024-07-01T14:00:00Z")]
    pub ends_at: DateTime<Utc>,
    /// Turns that are expected of each occurrence.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000, example = 40)]
    pub planned_turns: Option<i64>,
    /// People whom the venue holds in one day (sức chứa của địa điểm).
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000, example = 60)]
    pub venue_capacity: Option<i64>,
    /// A recurrence rule of RFC 5545 with an end: `FREQ` (`DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`), `COUNT` or `UNTIL`,
    /// and any of `INTERVAL`, `BYDAY`, `BYMONTHDAY`, `BYMONTH`, `BYSETPOS`, `BYYEARDAY`, `BYWEEKNO`, `WKST`. `UNTIL` may be
    /// a local day, which it includes. The first occurrence must follow it; 366 occurrences at the most.
    #[schema(min_length = 1, max_length = 300, pattern = r"\S", example = "FREQ=DAILY;COUNT=20")]
    pub recurrence: String,
    /// Local days of the rule that are left out.
    #[serde(default)]
    #[schema(max_items = 366, example = json!(["2024-07-15"]))]
    pub exdates: Vec<NaiveDate>,
}

fn times(new: &NewActivitySeries) -> Result<(), ValidationError> {
    if new.ends_at <= new.starts_at { Err(broken(Code::DatesInverted, "/ends_at")) } else { Ok(()) }
}

impl NewActivitySeries {
    /// The activity that recurs.
    #[must_use]
    pub fn first(&self) -> NewActivity {
        NewActivity {
            id: None,
            campaign_id: self.campaign_id,
            lead_team_id: self.lead_team_id,
            team_ids: self.team_ids.clone(),
            locality_id: self.locality_id,
            kind: self.kind,
            topics: self.topics.clone(),
            title: self.title.clone(),
            mode: self.mode,
            venue: self.venue.clone(),
            location: self.location,
            digital_group_ids: self.digital_group_ids.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            planned_turns: self.planned_turns,
            venue_capacity: self.venue_capacity,
        }
    }
}

/// Which activities of a series are given up, and why.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct SeriesCancellation {
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "Nhà văn hoá sửa chữa")]
    pub reason: String,
    /// Only those of this local day and later; all that are still planned when absent.
    #[serde(default)]
    #[schema(example = "2024-07-10")]
    pub from: Option<NaiveDate>,
}
