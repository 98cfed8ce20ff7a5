//! Tallies as they are sent.

use crate::{
    page::{list_query, page_schema},
    schema::{AudienceSchema, SexSchema, TopicSchema},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    catalogue::{Audience, Sex, Topic},
    tallies as d,
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// One mark made in the field (điểm đếm): some turns on one topic to one audience at one moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "0190a1b2-0000-7000-8000-000000000021", "occurred_at": "2024-07-01T01:20:00Z", "topic": "cyber_safety",
    "audience": "children", "sex": "female", "turns": 1
}))]
pub struct NewTally {
    /// The phone's own id for it (UUIDv7): it is counted once by it.
    pub id: Uuid,
    /// When, by the phone.
    pub occurred_at: DateTime<Utc>,
    /// What it was about.
    #[schema(value_type = TopicSchema, example = "cyber_safety")]
    pub topic: Topic,
    /// Who was supported.
    #[schema(value_type = AudienceSchema, example = "children")]
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = SexSchema, required = false)]
    pub sex: Option<Sex>,
    /// Turns.
    #[schema(minimum = 1, maximum = 100000, example = 1)]
    pub turns: i64,
}

/// Tallies of one activity and one of its teams.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct TallyBatch {
    /// The team that made them; left out, the activity's leading team.
    #[serde(default)]
    #[schema(nullable = false)]
    pub team_id: Option<Uuid>,
    /// The tallies. One that is wrong is rejected alone.
    #[schema(min_items = 1, max_items = 1000)]
    pub tallies: Vec<NewTally>,
}

/// A tally that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tally {
    /// The phone's own id.
    pub id: Uuid,
    /// The activity.
    pub activity_id: Uuid,
    /// The team that made it.
    pub team_id: Uuid,
    /// When, by the phone.
    pub occurred_at: DateTime<Utc>,
    /// The day that it belongs to, local to the campaign.
    pub day: NaiveDate,
    /// What it was about.
    #[schema(value_type = TopicSchema, example = "cyber_safety")]
    pub topic: Topic,
    /// Who was supported.
    #[schema(value_type = AudienceSchema, example = "children")]
    pub audience: Audience,
    /// Sex; absent when it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = SexSchema, required = false)]
    pub sex: Option<Sex>,
    /// Turns.
    #[schema(minimum = 1, maximum = 100000, example = 1)]
    pub turns: i64,
    /// Who sent it first.
    pub created_by: Uuid,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The result that took it in; null as long as it waits for one.
    pub result_id: Option<Uuid>,
}

page_schema!(TallyPage of Tally);

impl Tally {
    /// What is sent of a tally.
    #[must_use]
    pub fn of(tally: d::Tally) -> Self {
        Self {
            id: tally.id,
            activity_id: tally.activity_id,
            team_id: tally.team_id,
            occurred_at: tally.occurred_at,
            day: tally.day,
            topic: tally.topic,
            audience: tally.audience,
            sex: tally.sex,
            turns: tally.turns.0,
            created_by: tally.created_by,
            received_at: tally.received_at,
            result_id: tally.result_id,
        }
    }
}

list_query!(
    /// Which tallies are listed. A tally never changes, so `updated_since` has no meaning but the sort's instant.
    TallyQuery, sorts: ["created_at", "-created_at"], {
        /// By id.
        id: Uuid,
        /// Of this team.
        team_id: Uuid,
        /// Of this day, local to the campaign.
        day: NaiveDate,
        /// Taken in by this result.
        result_id: Uuid,
        /// `true`: only those that wait for a result; `false`: only those that one has taken in.
        waiting: bool,
    }
);
