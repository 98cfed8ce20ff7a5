//! Every list is walked from its first page to its last while rows come, change and go, and gives each row once; its
//! cursor is good for it alone.

use super::{Op, World, each};
use crate::{
    harness::{
        Answer, T, id_in, value,
        world::{
            HA_NOI, campaign, indicator, new_activity, new_digital_group, new_invitation, new_result, new_series,
            new_team, new_volunteer, new_webhook, place, seeded_unit,
        },
    },
    requests::{Site, case},
};
use actix_web::http::Method;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};
use std::{cell::Cell, collections::BTreeSet};
use uuid::Uuid;

/// How many rows a list has at least before it is walked.
const ROWS: usize = 5;

/// Where rows are sown and reaped.
struct Field<'a> {
    world: &'a World<'a>,
    t: &'a T,
    site: Site,
    /// A team beside the site's, and its activity in the same place: what both report on one day is like the other.
    beside: Uuid,
    /// A campaign that counts nothing yet.
    draft: Uuid,
    sown: Cell<i64>,
}

impl<'a> Field<'a> {
    async fn new(world: &'a World<'a>) -> Self {
        let site = world.untouched().await;
        let t = world.t;
        let (team, _) = t.deployed_team(site.unit).await;
        let activity = t.admin.get(&format!("/v1/activities/{}", site.activity)).await.ok(200);
        let mut body = new_activity(id_in(&team, "id"));
        body["locality_id"] = activity["locality_id"].clone();
        let beside = t.admin.post("/v1/activities", &body).await.id();
        let body = json!({"code": "HE-NHAP", "name": "Mới", "starts_on": "2025-06-01", "ends_on": "2025-08-31"});
        let draft = t.admin.post("/v1/campaigns", &body).await.id();
        Self { world, t, site, beside, draft, sown: Cell::new(0) }
    }

    /// The list as it is walked: of this field alone, where there is a filter for it.
    fn path(&self, op: &Op<'_>) -> String {
        let Site { unit, deployed, activity, period, .. } = &self.site;
        let path = case(&op.id, &self.site).unwrap().path;
        let path = path.split('?').next().unwrap();
        let filter = match op.id.as_str() {
            "list_org_units" => format!("parent_id={unit}"),
            "list_localities" => format!("parent_id={}", place("001")),
            "list_locality_children" => return format!("/v1/localities/{}/children", place("001")),
            "list_indicators" => format!("campaign_id={}", self.draft),
            "list_reporting_periods" => format!("campaign_id={}", campaign()),
            "list_grants" | "list_invitations" | "list_clients" | "list_teams" | "list_volunteers"
            | "list_webhooks" => {
                format!("org_unit_id={unit}")
            }
            "list_audit_log" => format!("resource_id={}", self.site.client),
            "list_activities" | "list_activity_series" => format!("lead_team_id={deployed}"),
            "list_results" => format!("activity_id={activity}"),
            "list_duplicate_candidates" => format!("within={unit}"),
            "explain_progress" => format!("org_unit_id={unit}"),
            "list_reporting_extensions" => format!("period_id={period}"),
            "list_team_reports" => format!("within={unit}&period=2024-W27"),
            _ => String::new(),
        };
        if filter.is_empty() { path.to_owned() } else { format!("{path}?{filter}") }
    }

    async fn made(&self, path: &str, body: &Value) -> Uuid {
        let answer = self.t.admin.post(path, body).await;
        answer.ok(201);
        answer.id()
    }

    /// One more row of a list. Every second one comes later than the one before, so that some are of one instant.
    async fn sow(&self, op: &Op<'_>) {
        let Self { t, site, .. } = self;
        let Site { unit, deployed, activity, .. } = *site;
        let n = self.sown.replace(self.sown.get() + 1);
        t.clock.set(t.app.clock.now() + TimeDelta::milliseconds(20 * (n % 2)));
        let unique = Uuid::now_v7().simple().to_string();
        let date = |first: &str, days: i64| first.parse::<NaiveDate>().unwrap() + TimeDelta::days(days);
        match op.id.as_str() {
            "list_org_unit_reorganisations" => {
                let body = json!({"code": unique, "name": "Chi đoàn", "kind": "grassroots", "parent_id": unit, "valid_from": "2024-01-01"});
                let branch = self.made("/v1/org-units", &body).await;
                let rename = json!({"kind": "rename", "from": [branch], "into": [{"name": "Chi đoàn khu phố"}]});
                self.made(&op.path, &json!({"effective_on": "2024-07-14", "changes": [rename]})).await;
            }
            "list_locality_reorganisations" => {
                let ward: Uuid = value(t.store.read(), &format!(
                    "SELECT id FROM locality WHERE kind = 'commune' AND valid_from < '2024-06-01' AND valid_to > '2025-01-01' \
                     ORDER BY code DESC LIMIT 1 OFFSET {n}")).await;
                let rename = json!({"kind": "rename", "from": [ward], "into": [{"name": format!("Xã {n}")}]});
                self.made(&op.path, &json!({"effective_on": "2024-07-10", "changes": [rename]})).await;
            }
            "list_org_units" | "list_org_unit_children" => {
                let body = json!({"code": unique, "name": "Chi đoàn", "kind": "grassroots", "parent_id": unit});
                self.made("/v1/org-units", &body).await;
            }
            // Places come and go by reorganisations alone; those of this district stay.
            "list_localities" | "list_locality_children" => {}
            "list_campaigns" => {
                let body = json!({"code": unique, "name": "Mới", "starts_on": "2025-06-01", "ends_on": "2025-08-31"});
                self.made(&op.path, &body).await;
            }
            "list_indicators" => {
                let body = json!({"campaign_id": self.draft, "name": "Mới", "unit": "lượt", "measure": "classes", "target_value": 1});
                self.made(&op.path, &body).await;
            }
            "list_target_revisions" => {
                let path = format!("/v1/indicators/{}/targets/{unit}", indicator());
                let body = json!({"value": 20 + n, "reason": "Thêm"});
                t.admin.send(Method::PUT, &path).json(&body).if_match("*").await.ok(200);
            }
            "list_users" => {
                self.made(&op.path, &json!({"username": unique, "full_name": "Mới"})).await;
            }
            "list_grants" => {
                let user = t.nobody().await.user_id;
                self.made(&op.path, &json!({"user_id": user, "role": "viewer", "org_unit_id": unit})).await;
            }
            "list_invitations" => {
                let mut body = new_invitation(unit);
                body["email"] = json!(format!("{unique}@example.org"));
                self.made(&op.path, &body).await;
            }
            "list_clients" => {
                self.made(&op.path, &json!({"name": "Cổng", "org_unit_id": unit, "scopes": ["teams:read"]})).await;
            }
            "list_audit_log" => {
                let path = format!("/v1/clients/{}", site.client);
                t.admin.patch(&path, &json!({"name": format!("Cổng {n}")})).if_match("*").await.ok(200);
            }
            "list_teams" => {
                self.made(&op.path, &new_team(unit)).await;
            }
            "list_team_reports" => {
                t.deployed_team(unit).await;
            }
            "list_team_members" => {
                let team = json!({"id": deployed});
                t.member(&team, t.volunteer(unit, "Lê Thị Cúc").await, "member").await;
            }
            "list_volunteers" => {
                self.made(&op.path, &new_volunteer(unit)).await;
            }
            "list_digital_groups" => {
                self.made(&op.path, &new_digital_group(Some(unit))).await;
            }
            "list_activities" => {
                self.made(&op.path, &new_activity(deployed)).await;
            }
            "list_activity_series" => {
                self.made(&op.path, &new_series(deployed)).await;
            }
            "list_tallies" => {
                let body = case("create_tallies", site).unwrap();
                t.admin.post(&body.path, &body.body.unwrap()).await.ok(200);
            }
            "list_results" => {
                let body = new_result(activity, deployed, &date("2024-06-21", n % 24).to_string(), 1);
                self.made(&op.path, &body).await;
            }
            "list_duplicate_candidates" => {
                for held in [activity, self.beside] {
                    let held = t.admin.get(&format!("/v1/activities/{held}")).await.ok(200);
                    t.submitted(&t.admin, &held, &date("2024-06-01", n % 20).to_string(), 40).await;
                }
            }
            "explain_progress" => {
                let (team, leader) = t.deployed_team(unit).await;
                let held = t.activity(&leader, &team).await;
                t.submitted(&leader, &held, "2024-07-05", 3).await;
            }
            "list_reporting_periods" => {
                self.period(&unique, n).await;
            }
            "list_reporting_extensions" => {
                let below = t.commune(seeded_unit(HA_NOI), &unique).await;
                let body = json!({"period_id": site.period, "org_unit_id": below, "due_on": "2024-07-12", "reason": "Bão số 2"});
                self.made(&op.path, &body).await;
            }
            "list_nil_reports" => {
                let body = json!({"period_id": self.period(&unique, n).await, "reason": "Đội nghỉ để dự thi"});
                self.made(&format!("/v1/teams/{deployed}/nil-reports"), &body).await;
            }
            "list_webhooks" => {
                self.made(&op.path, &new_webhook(unit)).await;
            }
            "list_webhook_deliveries" => {
                t.admin.act(&format!("/v1/webhooks/{}/test", site.webhook)).await.ok(200);
            }
            id => panic!("nothing is sown in the list `{id}`"),
        }
    }

    /// A reporting period of one day, in a series of its own.
    async fn period(&self, code: &str, n: i64) -> Uuid {
        // Days for which nothing was filed.
        let day = "2024-06-21".parse::<NaiveDate>().unwrap() + TimeDelta::days(n % 10);
        let body = json!({"campaign_id": campaign(), "series": code, "code": code, "name": format!("Ngày {day}"),
            "starts_on": day, "ends_on": day, "due_on": day + TimeDelta::days(2)});
        self.made("/v1/reporting-periods", &body).await
    }

    /// Changes one row, and takes one away that may be taken away; whether it was.
    async fn reap(&self, ops: &[Op<'_>], list: &Op<'_>, changed: &str, gone: &str) -> bool {
        let of_one = |method: Method| {
            let below = format!("{}/{{", list.path);
            ops.iter().find(move |op| op.method == method && op.path.starts_with(&below) && op.path.ends_with('}'))
        };
        let path = self.path(list);
        let path = path.split('?').next().unwrap();
        if let Some(patch) = of_one(Method::PATCH) {
            let body = case(&patch.id, &self.site).unwrap().body.unwrap();
            let answer = self.t.admin.patch(&format!("{path}/{changed}"), &body).if_match("*").await;
            assert!(matches!(answer.status, 200 | 409 | 422), "{} {}", answer.status, answer.text());
        }
        match of_one(Method::DELETE) {
            Some(_) => self.t.admin.delete(&format!("{path}/{gone}")).if_match("*").await.status == 204,
            None => false,
        }
    }
}

fn with(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

/// What names a row of a list.
fn key(row: &Value) -> String {
    let named = ["id", "result_id", "version", "team_id"].iter().find_map(|name| row.get(name));
    let named = named.unwrap_or_else(|| panic!("nothing names {row}"));
    named.as_str().map_or_else(|| named.to_string(), str::to_owned)
}

fn rows(answer: &Answer) -> Vec<String> {
    answer.ok(200)["data"].as_array().unwrap().iter().map(key).collect()
}

/// The address of the next page: the header says the same as the body.
fn next(answer: &Answer) -> Option<String> {
    let cursor = answer.json()["next_cursor"].as_str().map(str::to_owned);
    let link = answer.header("link").map(|link| {
        let (path, relation) = link.split_once(">; ").unwrap();
        assert_eq!(relation, "rel=\"next\"");
        path.trim_start_matches('<').to_owned()
    });
    assert_eq!(link.is_some(), cursor.is_some(), "Link: {link:?}, next_cursor: {cursor:?}");
    if let (Some(link), Some(cursor)) = (&link, &cursor) {
        assert!(link.contains(&format!("cursor={cursor}")), "{link}");
    }
    link
}

/// The orders that a list offers: whoever asks for another one is told.
async fn sorts(field: &Field<'_>, op: &Op<'_>) -> Vec<String> {
    if !op.has("query", "sort") {
        return vec![];
    }
    let refused = field.t.admin.get(&with(&field.path(op), "sort=khong_co")).await.problem(400, "invalid_parameter");
    refused["errors"][0]["limit"].as_array().unwrap().iter().map(|sort| sort.as_str().unwrap().to_owned()).collect()
}

async fn walked(field: &Field<'_>, ops: &[Op<'_>], op: &Op<'_>, path: &str) {
    let t = field.t;
    let before = rows(&t.admin.get(&with(path, "limit=200")).await);
    assert!(before.len() >= ROWS, "only {} rows", before.len());
    let (mut at, mut seen, mut pages, mut gone) = (Some(with(path, "limit=2")), Vec::new(), 0, None);
    while let Some(path) = at {
        let page = t.admin.get(&path).await;
        let rows = rows(&page);
        assert!((1..=2).contains(&rows.len()), "page {pages} has {} rows", rows.len());
        seen.extend(rows);
        at = next(&page);
        pages += 1;
        if pages == 1 {
            // One that was seen is changed, one that is still to come goes.
            let own = field.site.ids();
            let last = before.iter().rev().find(|row| !own.iter().any(|id| id.to_string() == **row)).unwrap();
            if field.reap(ops, op, &seen[0], last).await {
                gone = Some(last.clone());
            }
        }
        if pages <= 2 {
            field.sow(op).await;
        }
        assert!(pages < 200, "no end");
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "a row stands twice: {seen:?}");
    let expected: Vec<&String> = before.iter().filter(|row| Some(*row) != gone.as_ref()).collect();
    let known: Vec<&String> = seen.iter().filter(|row| before.contains(row)).collect();
    assert_eq!(known, expected, "rows are missing, or in another order, or still there");
}

/// A cursor is good for its own list, filter and order alone.
async fn cursors(field: &Field<'_>, op: &Op<'_>, path: &str, sorts: &[String], other: Option<&str>) -> String {
    let t = field.t;
    let first = t.admin.get(&with(path, "limit=2")).await.ok(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let refused = async |path: &str, cursor: &str, what: &str| {
        let answer = t.admin.get(&with(path, &format!("cursor={cursor}"))).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("cursor_mismatch")),
            "{what}: {}",
            answer.text()
        );
    };
    t.admin.get(&with(path, &format!("limit=3&cursor={cursor}"))).await.ok(200);
    let filters = op
        .parameters("query")
        .into_iter()
        .filter(|parameter| !path.contains(&format!("{}=", parameter["name"].as_str().unwrap())));
    for parameter in filters {
        let name = parameter["name"].as_str().unwrap();
        let schema = op.resolved(&parameter["schema"]);
        let wanted = match (schema["format"].as_str(), name) {
            (_, "cursor" | "limit" | "include_total" | "sort") => continue,
            (Some("uuid"), _) => Uuid::now_v7().to_string(),
            (Some("date"), _) => "2024-07-01".to_owned(),
            (Some("date-time"), _) => "2024-07-01T00:00:00Z".to_owned(),
            _ => match (schema["enum"].get(0), schema["type"].as_str()) {
                (Some(word), _) => word.as_str().unwrap().to_owned(),
                (None, Some("boolean")) => "true".to_owned(),
                (None, Some("integer")) => "1".to_owned(),
                _ => "x".to_owned(),
            },
        };
        let answer = t.admin.get(&with(path, &format!("{name}={wanted}&cursor={cursor}"))).await;
        // What a filter refuses for itself is told first.
        let code = answer.json()["code"].clone();
        assert!(
            answer.status == 400 && (code == "cursor_mismatch" || code == "invalid_parameter"),
            "{name}: {}",
            answer.text()
        );
        assert!(name != "updated_since" || code == "cursor_mismatch", "{}", answer.text());
    }
    for sort in sorts.iter().skip(1) {
        refused(path, &format!("{cursor}&sort={sort}"), sort).await;
    }
    if let Some(other) = other {
        refused(path, other, "another list's").await;
    }
    // The same list of something else.
    if op.path.contains('{') && !op.path.starts_with("/v1/localities") {
        let elsewhere = case(&op.id, &field.world.site).unwrap().path;
        refused(elsewhere.split('?').next().unwrap(), cursor, "that of something else").await;
    }
    cursor.to_owned()
}

both! {
    async fn every_list_is_walked_without_gap_or_repeat_while_rows_come_and_go(t: &T) {
        let world = World::new(t).await;
        let field = Field::new(&world).await;
        let ops = Op::all(t);
        let other = std::cell::RefCell::new(None::<String>);
        let lists = Op::all(t).into_iter().filter(|op| op.is_list() && op.id != "list_changes");
        each(lists, 30, async |op| {
            if !op.has("query", "cursor") {
                // A short list: it has one page.
                let answer = world.good(op, &world.site).await.send().await;
                assert_eq!((answer.ok(200)["next_cursor"].clone(), answer.header("link")), (Value::Null, None));
                return;
            }
            field.sown.set(0);
            let path = field.path(op);
            while rows(&t.admin.get(&with(&path, "limit=200")).await).len() < ROWS {
                field.sow(op).await;
            }
            let sorts = sorts(&field, op).await;
            if op.has("query", "include_total") {
                let all = t.admin.get(&with(&path, "limit=200&include_total=true")).await;
                assert_eq!(all.ok(200)["total"], rows(&all).len(), "the total");
                let page = t.admin.get(&with(&path, "limit=1&include_total=true")).await.ok(200);
                assert_eq!(page["total"], all.json()["total"]);
                assert_eq!(t.admin.get(&path).await.ok(200).get("total"), None);
            }
            let before = other.borrow().clone();
            let cursor = cursors(&field, op, &path, &sorts, before.as_deref()).await;
            other.replace(Some(cursor));
            walked(&field, &ops, op, &path).await;
            for sort in &sorts {
                walked(&field, &ops, op, &with(&path, &format!("sort={sort}"))).await;
            }
        })
        .await;
        world.end().await;
    }
}
