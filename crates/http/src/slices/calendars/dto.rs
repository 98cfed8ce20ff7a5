//! Links to calendars as they are sent.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tinhnguyen_persistence::calendars as d;
use utoipa::ToSchema;
use uuid::Uuid;

/// A link by which calendar applications read a team's calendar (liên kết lịch). Whoever has it sees titles, times and
/// places, and nothing of any person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CalendarLink {
    /// Its id.
    pub id: Uuid,
    /// The team.
    pub team_id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Uuid,
    /// The address to subscribe to, in the answer that made it and never again; also not in a replay of that answer.
    #[schema(max_length = 2000, example = "https://tinhnguyen.example/v1/public/calendars/tnk_….ics")]
    pub url: Option<String>,
}

/// The links to a team's calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarLinkList {
    /// The newest first.
    #[schema(max_items = 20)]
    pub data: Vec<CalendarLink>,
    /// Always null: all of them are there.
    #[schema(max_length = 1000)]
    pub next_cursor: Option<String>,
}

impl CalendarLink {
    /// What is sent of a link.
    #[must_use]
    pub const fn of(link: d::CalendarLink) -> Self {
        Self { id: link.id, team_id: link.team_id, created_at: link.created_at, created_by: link.created_by, url: None }
    }

    /// The same with its address, under where the service is reached.
    #[must_use]
    pub fn showing(self, base: &str, secret: &SecretString) -> Self {
        Self { url: Some(format!("{base}/v1/public/calendars/{}.ics", secret.expose_secret())), ..self }
    }
}
