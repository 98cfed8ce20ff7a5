//! Calendars of teams: what another program's parser reads in them, and who may read them.

use crate::harness::{
    Answer, T, id_in,
    world::{DA_NANG, HA_NOI, new_activity, new_series, seeded_unit},
};
use actix_web::http::Method;
use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue};
use serde_json::json;
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::app::Settings;

/// Reads a calendar with a parser that is not the writer's.
fn read(answer: &Answer) -> ICalendar {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/calendar; charset=utf-8"));
    let text = answer.text();
    assert!(text.ends_with("END:VCALENDAR\r\n"), "{text}");
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
        assert!(!line.contains(['\r', '\n']), "a bare line break: {line:?}");
    }
    ICalendar::parse(text).unwrap_or_else(|err| panic!("{err:?}: {text}"))
}

fn events(calendar: &ICalendar) -> Vec<&ICalendarComponent> {
    calendar.components.iter().filter(|c| c.component_type == ICalendarComponentType::VEvent).collect()
}

fn value<'a>(component: &'a ICalendarComponent, name: &ICalendarProperty) -> &'a ICalendarValue {
    let entry = component.property(name).unwrap_or_else(|| panic!("no {name:?}"));
    &entry.values[0]
}

fn text<'a>(component: &'a ICalendarComponent, name: &ICalendarProperty) -> &'a str {
    value(component, name).as_text().unwrap_or_else(|| panic!("{name:?} is no text"))
}

fn instant(component: &ICalendarComponent, name: &ICalendarProperty) -> String {
    match value(component, name) {
        ICalendarValue::PartialDateTime(at) => at.to_rfc3339().unwrap(),
        other => panic!("{name:?}: {other:?}"),
    }
}

both! {
    async fn another_programs_parser_reads_what_was_planned(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let id = id_in(&team, "id");
        let name = "Đội hình số 1; \"Mùa hè số\", phường Phúc Xá\\Hà Nội";
        t.admin.patch(&format!("/v1/teams/{id}"), &json!({"name": name})).if_match("*").await.ok(200);
        let title = "Lớp kỹ năng số; dành cho người dân, thanh niên và thiếu nhi của phường: buổi tối \\ buổi 1 — cố gắng";
        let mut body = new_activity(id);
        body["title"] = json!(title);
        body["venue"] = json!("Nhà văn hoá, tổ 3; ngõ 5");
        body["location"] = json!({"lat": 21.04, "lon": 105.845});
        let made = leader.post("/v1/activities", &body).await.ok(201);
        let cancelled = t.activity(&leader, &team).await;
        let online = json!({"mode": "online"});
        let at = format!("/v1/activities/{}", id_in(&cancelled, "id"));
        leader.patch(&at, &online).if_match("*").await.ok(200);
        leader.act(&format!("{at}/cancel")).await.ok(200);
        leader.post("/v1/activity-series", &new_series(id)).await.ok(201);

        let answer = leader.get(&format!("/v1/teams/{id}/calendar.ics")).header("accept", "text/calendar").await;
        let calendar = read(&answer);
        let events = events(&calendar);
        assert_eq!(events.len(), 5);
        let root = &calendar.components[0];
        assert_eq!(text(root, &ICalendarProperty::Other("X-WR-CALNAME".to_owned())), name);
        let uid = |wanted: &str| {
            events.iter().find(|e| text(e, &ICalendarProperty::Uid) == wanted).copied().unwrap()
        };
        let event = uid(made["id"].as_str().unwrap());
        assert_eq!(text(event, &ICalendarProperty::Summary), title);
        assert_eq!(text(event, &ICalendarProperty::Location), "Nhà văn hoá, tổ 3; ngõ 5, Phường Phúc Xá");
        assert_eq!(instant(event, &ICalendarProperty::Dtstart), "2024-07-01T01:00:00Z");
        assert_eq!(instant(event, &ICalendarProperty::Dtend), "2024-07-01T04:00:00Z");
        assert!(answer.text().contains("GEO:21.040000;105.845000\r\n"), "{}", answer.text());
        assert!(answer.text().contains("STATUS:CONFIRMED\r\n"));
        let gone = uid(cancelled["id"].as_str().unwrap());
        assert!(format!("{:?}", value(gone, &ICalendarProperty::Status)).contains("Cancelled"));
        assert_eq!(value(gone, &ICalendarProperty::Sequence), &ICalendarValue::Integer(3));
        assert_eq!(text(gone, &ICalendarProperty::Location), "Trực tuyến, Phường Phúc Xá");
        let mut uids: Vec<_> = events.iter().map(|e| text(e, &ICalendarProperty::Uid)).collect();
        uids.sort_unstable();
        uids.dedup();
        assert_eq!(uids.len(), 5);
    }

    async fn a_calendar_that_has_not_changed_is_not_sent_again(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let path = format!("/v1/teams/{}/calendar.ics", id_in(&team, "id"));
        let activity = t.activity(&leader, &team).await;
        let first = leader.get(&path).await;
        assert_eq!(events(&read(&first)).len(), 1);
        t.clock.set(crate::harness::now() + chrono::Duration::minutes(5));
        let again = leader.get(&path).header("if-none-match", first.etag()).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
        let at = format!("/v1/activities/{}", id_in(&activity, "id"));
        leader.patch(&at, &json!({"title": "Đổi giờ"})).if_match("*").await.ok(200);
        let changed = leader.get(&path).header("if-none-match", first.etag()).await;
        let calendar = read(&changed);
        let event = events(&calendar)[0];
        assert_eq!(text(event, &ICalendarProperty::Uid), activity["id"].as_str().unwrap());
        assert_eq!(value(event, &ICalendarProperty::Sequence), &ICalendarValue::Integer(2));
        assert_eq!(text(event, &ICalendarProperty::Summary), "Đổi giờ");
        leader.get(&format!("{path}?x=1")).await.problem(400, "unknown_parameter");
    }

    async fn a_link_opens_one_calendar_without_a_token_until_it_is_taken_back(t: &T) {
        let settings = Settings { public_url: "https://tinhnguyen.example/".to_owned(), ..Settings::default() };
        let replica = t.replica_with(settings).await;
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        t.activity(&leader, &team).await;
        let links = format!("/v1/teams/{}/calendar-links", id_in(&team, "id"));
        let made = replica.asked_by(&leader).send(Method::POST, &links).key("lich").await;
        let link = made.ok(201);
        let url = link["url"].as_str().unwrap();
        let path = url.strip_prefix("https://tinhnguyen.example").unwrap();
        assert!(path.starts_with("/v1/public/calendars/tnk_") && path.ends_with(".ics") && path.len() > 60, "{path}");
        // The secret is shown once: not to a retry, not in a list, and it is stored nowhere.
        let again = leader.send(Method::POST, &links).key("lich").await.ok(201);
        assert_eq!((&again["id"], &again["url"]), (&link["id"], &json!(null)));
        let listed = leader.get(&links).await.ok(200);
        assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["url"]), (1, &json!(null)));

        let answer = t.stranger.get(path).header("accept", "text/calendar").await;
        let calendar = read(&answer);
        assert_eq!(events(&calendar).len(), 1);
        let own = leader.get(&format!("/v1/teams/{}/calendar.ics", id_in(&team, "id"))).await;
        assert_eq!(own.text(), answer.text());
        assert_eq!(t.stranger.get(path).header("if-none-match", answer.etag()).await.status, 304);
        for wrong in ["tnk_x.ics", "x", "%00.ics", &path[22..path.len() - 4], &format!("{}.ics", "a".repeat(300))] {
            t.stranger.get(&format!("/v1/public/calendars/{wrong}")).lenient().await.problem(404, "not_found");
        }

        let one = format!("{links}/{}", id_in(&link, "id"));
        t.user(Role::Viewer, seeded_unit(HA_NOI)).await.delete(&one).if_match("*").await.problem(403, "forbidden");
        leader.delete(&one).await.problem(428, "if_match_required");
        leader.delete(&one).if_match("\"2\"").await.problem(412, "stale_version");
        leader.delete(&one).if_match("\"1\"").await.ok(204);
        t.stranger.get(path).await.problem(404, "not_found");
        leader.delete(&one).if_match("*").await.problem(404, "not_found");
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", id_in(&link, "id"))).await.ok(200);
        assert_eq!(log["data"].as_array().unwrap().len(), 2);
    }

    async fn a_team_has_so_many_links_and_no_more_and_another_teams_are_nobodys(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let links = format!("/v1/teams/{}/calendar-links", id_in(&team, "id"));
        let mut last = json!(null);
        for _ in 0..20 {
            last = leader.send(Method::POST, &links).await.ok(201);
        }
        leader.send(Method::POST, &links).await.problem(409, "wrong_state");
        let (other_team, other) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let foreign = format!("/v1/teams/{}/calendar-links/{}", id_in(&other_team, "id"), id_in(&last, "id"));
        other.delete(&foreign).if_match("*").await.problem(404, "not_found");
        other.get(&format!("/v1/teams/{}/calendar.ics", id_in(&team, "id"))).await.problem(404, "not_found");
        leader.delete(&format!("{links}/{}", id_in(&last, "id"))).if_match("*").await.ok(204);
        leader.send(Method::POST, &links).await.ok(201);
    }
}
