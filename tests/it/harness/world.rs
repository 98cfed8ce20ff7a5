//! The campaign of summer 2024 as tests use it: its seeded parts by name, and teams, activities and results made
//! through the public API.

use super::{Caller, T, id_in};
use chrono::{NaiveDate, TimeDelta, Weekday};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::{
    StoreError,
    reference::{self, id_of},
    second_factor,
};
use uuid::Uuid;

/// Hà Nội's union, and the others that tests set beside it.
pub const HA_NOI: &str = "TD-01";
pub const DA_NANG: &str = "TD-48";

/// The seeded campaign.
pub fn campaign() -> Uuid {
    id_of("campaign", reference::CAMPAIGN)
}

/// The seeded indicator: 6,000,000 turns.
pub fn indicator() -> Uuid {
    id_of("indicator", "HE-2024/7")
}

/// A seeded unit.
pub fn seeded_unit(code: &str) -> Uuid {
    id_of("org_unit", code)
}

/// The centre.
pub fn centre() -> Uuid {
    seeded_unit(reference::CENTRE)
}

/// A seeded locality as it was in summer 2024; `00001` is Phúc Xá, a ward of Hà Nội.
pub fn place(code: &str) -> Uuid {
    id_of("locality", &format!("{code}@2024-01-01"))
}

/// A seeded locality of the reform.
pub fn place_since_2025(code: &str) -> Uuid {
    id_of("locality", &format!("{code}@2025-07-01"))
}

/// A team's body.
pub fn new_team(org_unit_id: Uuid) -> Value {
    json!({
        "campaign_id": campaign(), "org_unit_id": org_unit_id, "kind": "community_digital_transformation",
        "name": "Đội hình Chuyển đổi số cộng đồng", "modes": ["in_place"], "locality_ids": [place("00001")],
        "starts_on": "2024-06-01", "ends_on": "2024-08-31",
    })
}

/// An activity's body, led by a team.
pub fn new_activity(team: Uuid) -> Value {
    json!({
        "campaign_id": campaign(), "lead_team_id": team, "team_ids": [team], "locality_id": place("00001"),
        "kind": "training_class", "topics": ["cyber_safety", "office_software"], "title": "Lớp kỹ năng số cho người dân",
        "mode": "in_person", "starts_at": "2024-07-01T01:00:00Z", "ends_at": "2024-07-01T04:00:00Z",
    })
}

/// A series' body, led by a team: a class on each of three evenings.
pub fn new_series(team: Uuid) -> Value {
    let mut body = new_activity(team);
    body["starts_at"] = json!("2024-07-01T12:00:00Z");
    body["ends_at"] = json!("2024-07-01T14:00:00Z");
    body["recurrence"] = json!("FREQ=DAILY;COUNT=3");
    body
}

/// The body of a community digital technology group in Phúc Xá, with whom to reach there.
pub fn new_digital_group(org_unit_id: Option<Uuid>) -> Value {
    let mut body = json!({
        "locality_id": place("00001"), "name": "Tổ công nghệ số cộng đồng số 3", "members_count": 7,
        "lead_contact": {"full_name": "Trần Thị Hoa", "phone": "0987 654 321", "email": null},
    });
    if let Some(id) = org_unit_id {
        body["org_unit_id"] = json!(id);
    }
    body
}

/// A result's body: turns on cyber safety for residents.
pub fn new_result(activity: Uuid, team: Uuid, day: &str, turns: i64) -> Value {
    json!({
        "activity_id": activity, "team_id": team, "reported_on": day,
        "lines": [{"topic": "cyber_safety", "audience": "residents", "turns": turns}],
    })
}

/// An invitation's body: a viewer of a unit.
pub fn new_invitation(unit: Uuid) -> Value {
    json!({
        "email": "nguoi-moi@example.org", "full_name": "Người Mới",
        "grants": [{"role": "viewer", "org_unit_id": unit}],
    })
}

/// A webhook's body, on a unit.
pub fn new_webhook(unit: Uuid) -> Value {
    json!({"url": "https://bao-cao.example.org/tinhnguyen", "event_types": ["team.changed"], "org_unit_id": unit})
}

/// A volunteer's body: of full age, with every field that may be told.
pub fn new_volunteer(org_unit_id: Uuid) -> Value {
    json!({
        "full_name": "Nguyễn Thị Đào", "birth_date": "2003-04-05", "sex": "female", "occupation": "student",
        "institution": "Đại học Bách khoa Hà Nội", "phone": "0912 345 678", "email": "dao.nguyen@example.org",
        "org_unit_id": org_unit_id, "skills": [{"topic": "cyber_safety", "level": "good"}], "can_teach": true,
        "consent": {"given_at": "2024-05-20T02:30:00Z", "purposes": ["tham gia chiến dịch"], "guardian": null},
    })
}

/// A membership's body.
pub fn new_member(volunteer: Uuid, role: &str) -> Value {
    json!({"volunteer_id": volunteer, "role": role, "joined_on": "2024-06-01"})
}

impl T {
    /// Gives somebody a second factor that is on; nobody has its secret.
    pub async fn second_factor_of(&self, user_id: Uuid) {
        self.store
            .write::<_, StoreError>(async |tx| {
                second_factor::begin(tx, user_id, vec![1], super::now()).await?;
                second_factor::confirm(tx, user_id, vec![vec![1]], super::now()).await
            })
            .await
            .unwrap();
    }

    /// A new volunteer of a unit, with this name and no contacts.
    pub async fn volunteer(&self, org_unit_id: Uuid, name: &str) -> Uuid {
        let mut body = new_volunteer(org_unit_id);
        body["full_name"] = json!(name);
        for field in ["phone", "email"] {
            body[field] = Value::Null;
        }
        id_in(&self.admin.post("/v1/volunteers", &body).await.ok(201), "id")
    }

    /// Puts a volunteer into a team.
    pub async fn member(&self, team: &Value, volunteer: Uuid, role: &str) -> Value {
        let path = format!("/v1/teams/{}/members", id_in(team, "id"));
        self.admin.post(&path, &new_member(volunteer, role)).await.ok(201)
    }

    /// The reporting period of 1 to 7 July 2024, due on the 9th.
    pub async fn week_27(&self) -> Uuid {
        self.week(27).await
    }

    /// The reporting period of an ISO week of 2024, due two days after its end; made when it is not there.
    pub async fn week(&self, number: u32) -> Uuid {
        let there = format!("/v1/reporting-periods?code=2024-W{number}&campaign_id={}", campaign());
        let there = self.admin.get(&there).await.ok(200);
        if let Some(period) = there["data"].get(0) {
            return id_in(period, "id");
        }
        let monday = NaiveDate::from_isoywd_opt(2024, number, Weekday::Mon).unwrap();
        let body = json!({
            "campaign_id": campaign(), "code": format!("2024-W{number}"), "name": format!("Bản tin tuần {number}"),
            "starts_on": monday, "ends_on": monday + TimeDelta::days(6), "due_on": monday + TimeDelta::days(8),
        });
        id_in(&self.admin.post("/v1/reporting-periods", &body).await.ok(201), "id")
    }

    /// A unit of the commune level below another one.
    pub async fn commune(&self, parent: Uuid, code: &str) -> Uuid {
        let body = json!({"code": code, "name": format!("Đoàn phường {code}"), "kind": "commune", "parent_id": parent});
        let made = self.admin.post("/v1/org-units", &body).await;
        made.ok(201);
        made.id()
    }

    /// A new team of a unit.
    pub async fn team(&self, org_unit_id: Uuid) -> Value {
        self.admin.post("/v1/teams", &new_team(org_unit_id)).await.ok(201)
    }

    /// A team at work, and who leads it.
    pub async fn deployed_team(&self, org_unit_id: Uuid) -> (Value, Caller) {
        let team = self.team(org_unit_id).await;
        let leader = self.leader(&team).await;
        for action in ["ready", "deploy"] {
            self.admin.act(&format!("/v1/teams/{}/{action}", id_in(&team, "id"))).await.ok(200);
        }
        let team = self.admin.get(&format!("/v1/teams/{}", id_in(&team, "id"))).await.ok(200);
        (team, leader)
    }

    /// An activity of a team, made by somebody.
    pub async fn activity(&self, by: &Caller, team: &Value) -> Value {
        by.post("/v1/activities", &new_activity(id_in(team, "id"))).await.ok(201)
    }

    /// A draft for a day.
    pub async fn draft(&self, by: &Caller, activity: &Value, day: &str, turns: i64) -> Value {
        let body = new_result(id_in(activity, "id"), id_in(activity, "lead_team_id"), day, turns);
        by.post("/v1/results", &body).await.ok(201)
    }

    /// A submitted result for a day.
    pub async fn submitted(&self, by: &Caller, activity: &Value, day: &str, turns: i64) -> Value {
        let draft = self.draft(by, activity, day, turns).await;
        by.act(&format!("/v1/results/{}/submit", id_in(&draft, "id"))).await.ok(200)
    }

    /// A verifier over a subtree.
    pub async fn verifier(&self, org_unit_id: Uuid) -> Caller {
        self.user(Role::Verifier, org_unit_id).await
    }
}
