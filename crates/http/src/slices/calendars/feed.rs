//! A team's calendar as iCalendar text (RFC 5545).

use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};
use std::collections::HashMap;
use tinhnguyen_domain::activities::{Activity, ActivityMode, ActivityStatus};
use uuid::Uuid;

/// How often applications are asked to look again.
const REFRESH: &str = "PT1H";

/// Text without control characters, which iCalendar can't carry; line breaks stay.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// The calendar of a team: one event for each activity, with the names of their places.
#[must_use]
pub fn render(team: &str, activities: &[Activity], places: &HashMap<Uuid, String>) -> String {
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//tinhnguyen//tinhnguyen//VI"),
        ("CALSCALE", "GREGORIAN"),
        ("X-PUBLISHED-TTL", REFRESH),
    ] {
        calendar.append_property(Property::new(name, value));
    }
    calendar.append_property(Property::new("REFRESH-INTERVAL", REFRESH).add_parameter("VALUE", "DURATION").done());
    calendar.append_property(Property::new("X-WR-CALNAME", plain(team)));
    for activity in activities {
        calendar.push(event(activity, places.get(&activity.locality_id).map(String::as_str)));
    }
    calendar.to_string()
}

fn event(activity: &Activity, place: Option<&str>) -> Event {
    let stamp = &activity.stamp;
    let status = match activity.status {
        ActivityStatus::Cancelled => EventStatus::Cancelled,
        ActivityStatus::Planned | ActivityStatus::Ongoing | ActivityStatus::Completed => EventStatus::Confirmed,
    };
    let topics: Vec<&str> = activity.topics.iter().map(|topic| topic.names().0).collect();
    let mut event = Event::new();
    event.uid(&stamp.id.to_string()).summary(&plain(&activity.title)).description(&topics.join("\n")).status(status);
    // Truncated to seconds, as iCalendar has no smaller parts; all of them in UTC, so that no time zone need be described.
    for (name, at) in [
        ("DTSTART", activity.starts_at),
        ("DTEND", activity.ends_at),
        ("DTSTAMP", stamp.updated_at),
        ("CREATED", stamp.created_at),
        ("LAST-MODIFIED", stamp.updated_at),
    ] {
        event.add_property(name, instant(at));
    }
    event.add_property("SEQUENCE", stamp.version.to_string());
    let venue = activity.venue.as_deref().map(plain);
    let online = (activity.mode == ActivityMode::Online).then(|| "Trực tuyến".to_owned());
    let parts: Vec<String> = [venue, online, place.map(plain)].into_iter().flatten().collect();
    if !parts.is_empty() {
        event.location(&parts.join(", "));
    }
    if let Some(at) = activity.location {
        event.add_property("GEO", format!("{:.6};{:.6}", at.lat, at.lon));
    }
    event.done()
}
