//! A request for every operation, and the site that it is about: one of everything at one unit. What is held for all
//! operations alike is tried with these, so that a new one is tried too, or fails for want of a request.

use crate::harness::{
    Caller, T, id_in, value,
    world::{
        campaign, indicator, new_activity, new_digital_group, new_invitation, new_member, new_result, new_series,
        new_team, new_volunteer, new_webhook, place,
    },
};
use actix_web::http::Method;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// One of everything at one unit.
pub struct Site {
    pub unit: Uuid,
    /// In the states from which each action starts.
    pub forming: Uuid,
    pub ready: Uuid,
    pub deployed: Uuid,
    pub activity: Uuid,
    pub series: Uuid,
    /// A link to the deployed team's calendar.
    pub calendar_link: Uuid,
    /// A community digital technology group that the unit looks after: everybody reads the register.
    pub group: Uuid,
    /// A picture that the draft names.
    pub file: Uuid,
    pub draft: Uuid,
    pub submitted: Uuid,
    /// A volunteer of the unit in the deployed team, their membership, and one who is in no team.
    pub volunteer: Uuid,
    pub member: Uuid,
    pub free: Uuid,
    /// Somebody who holds a role there, and their grant.
    pub person: Uuid,
    pub grant: Uuid,
    /// Somebody of the caller's own ward, to whom something could be granted.
    pub candidate: Uuid,
    /// A registered client there, and its secret's id.
    pub client: Uuid,
    pub secret: Uuid,
    /// Somebody is invited there.
    pub invitation: Uuid,
    /// Two teams of the unit that may have counted the same people.
    pub pair: Uuid,
    /// A unit directly below it that has a target.
    pub below: Uuid,
    /// A unit below, and the reorganisation that renamed it.
    pub branch: Uuid,
    pub reorganisation: Uuid,
    /// A reporting period, of the whole campaign.
    pub period: Uuid,
    /// The unit's deadline in it was extended.
    pub extension: Uuid,
    /// The deployed team had nothing to report in the week before, and may say so of another one.
    pub nil_report: Uuid,
    pub other_period: Uuid,
    /// A webhook on the unit.
    pub webhook: Uuid,
}

impl Site {
    pub async fn at(t: &T, unit: Uuid, candidate: Uuid) -> Self {
        let (deployed, leader) = t.deployed_team(unit).await;
        let ready = t.team(unit).await;
        t.leader(&ready).await;
        t.admin.act(&format!("/v1/teams/{}/ready", id_in(&ready, "id"))).await.ok(200);
        let forming = t.team(unit).await;
        t.leader(&forming).await;
        // Each site has a ward of its own, so that what is reported at one is like nothing of another's.
        let sites: i64 = value(t.store.read(), "SELECT count(DISTINCT locality_id) FROM activity").await;
        let ward: Uuid = value(
            t.store.read(),
            &format!(
                "SELECT id FROM locality WHERE kind = 'commune' AND valid_from < '2024-06-01' ORDER BY code, valid_from \
                 LIMIT 1 OFFSET {sites}"
            ),
        )
        .await;
        let held = async |by: &Caller, team: &Value| {
            let mut body = new_activity(id_in(team, "id"));
            body["locality_id"] = json!(ward);
            by.post("/v1/activities", &body).await.ok(201)
        };
        let activity = held(&leader, &deployed).await;
        let (other, other_leader) = t.deployed_team(unit).await;
        let beside = held(&other_leader, &other).await;
        let one = t.submitted(&leader, &activity, "2024-07-05", 40).await;
        t.submitted(&other_leader, &beside, "2024-07-05", 40).await;
        let pairs = format!("/v1/duplicate-candidates?result_id={}", id_in(&one, "id"));
        let pair = id_in(&t.admin.get(&pairs).await.ok(200)["data"][0], "id");
        let series = leader.post("/v1/activity-series", &new_series(id_in(&deployed, "id"))).await.ok(201);
        let links = format!("/v1/teams/{}/calendar-links", id_in(&deployed, "id"));
        let calendar_link = leader.send(Method::POST, &links).await.ok(201);
        let draft = t.draft(&leader, &activity, "2024-07-01", 1).await;
        let group = t.admin.post("/v1/digital-groups", &new_digital_group(Some(unit))).await.ok(201);
        let file = crate::evidence::sent(&leader, "buổi học").await;
        let naming = json!({"evidence": [{"kind": "photo", "file_id": file}]});
        leader.patch(&format!("/v1/results/{}", id_in(&draft, "id")), &naming).if_match("*").await.ok(200);
        let submitted = t.submitted(&leader, &activity, "2024-07-02", 1).await;
        let volunteer = t.volunteer(unit, "Trần Văn Bình").await;
        let member = t.member(&deployed, volunteer, "member").await;
        t.member(&deployed, t.volunteer(unit, "Lê Thị Cúc").await, "leader").await;
        let free = t.volunteer(unit, "Phạm Văn Dũng").await;
        let person = t.nobody().await;
        let grant = t.grant(&person, Role::Viewer, unit, None).await;
        t.second_factor_of(person.user_id).await;
        let invitation = t.admin.post("/v1/invitations", &new_invitation(unit)).await.ok(201);
        let branch = json!({"code": Uuid::now_v7().simple().to_string(), "name": "Chi đoàn", "kind": "grassroots",
            "parent_id": unit, "valid_from": "2024-01-01"});
        let branch = t.admin.post("/v1/org-units", &branch).await.ok(201);
        let rename = json!({"kind": "rename", "from": [branch["id"]], "into": [{"name": "Chi đoàn khu phố"}]});
        let rename = json!({"effective_on": "2024-07-14", "changes": [rename]});
        let reorganisation = t.admin.post("/v1/org-units/reorganisations", &rename).await.ok(201);
        let period = t.week_27().await;
        let extension = json!({"period_id": period, "org_unit_id": unit, "due_on": "2024-07-12", "reason": "Bão số 2"});
        let extension = t.admin.post("/v1/reporting-extensions", &extension).await.ok(201);
        let nil = json!({"period_id": t.week(26).await, "reason": "Đội nghỉ để dự thi"});
        let nil_path = format!("/v1/teams/{}/nil-reports", id_in(&deployed, "id"));
        let nil_report = t.admin.post(&nil_path, &nil).await.ok(201);
        let webhook = t.admin.post("/v1/webhooks", &new_webhook(unit)).await.ok(201);
        let client = json!({"name": "Cổng", "org_unit_id": unit, "scopes": ["teams:read"]});
        let client = t.admin.post("/v1/clients", &client).await.ok(201);
        let grassroots = json!({"code": format!("CD-{}", unit.simple()), "name": "Chi đoàn", "kind": "grassroots", "parent_id": unit});
        let below = t.admin.post("/v1/org-units", &grassroots).await.id();
        for (target, value) in [(unit, 10), (below, 4)] {
            let path = format!("/v1/indicators/{}/targets/{target}", indicator());
            t.admin.send(Method::PUT, &path).json(&json!({"value": value})).await.ok(201);
        }
        Self {
            unit,
            forming: id_in(&forming, "id"),
            ready: id_in(&ready, "id"),
            deployed: id_in(&deployed, "id"),
            activity: id_in(&activity, "id"),
            series: id_in(&series, "id"),
            calendar_link: id_in(&calendar_link, "id"),
            group: id_in(&group, "id"),
            file,
            draft: id_in(&draft, "id"),
            submitted: id_in(&submitted, "id"),
            volunteer,
            member: id_in(&member, "id"),
            free,
            person: person.user_id,
            grant,
            candidate,
            client: id_in(&client, "id"),
            secret: id_in(&client["secrets"][0], "id"),
            invitation: id_in(&invitation, "id"),
            pair,
            below,
            branch: id_in(&branch, "id"),
            reorganisation: id_in(&reorganisation, "id"),
            period,
            extension: id_in(&extension, "id"),
            nil_report: id_in(&nil_report, "id"),
            other_period: t.week(25).await,
            webhook: id_in(&webhook, "id"),
        }
    }
}

impl Site {
    /// What is there, by what fields that refer to it are called; a new id for a thing's own.
    pub fn id_of(&self, field: &str) -> Uuid {
        match field {
            "campaign_id" => campaign(),
            "indicator_id" => indicator(),
            "locality_id" | "locality_ids" => place("00001"),
            "org_unit_id" | "parent_id" => self.unit,
            "team_id" | "team_ids" | "lead_team_id" => self.deployed,
            "activity_id" => self.activity,
            "volunteer_id" => self.free,
            "file_id" => self.file,
            "digital_group_ids" => self.group,
            "period_id" => self.other_period,
            "user_id" => self.candidate,
            _ => Uuid::now_v7(),
        }
    }

    /// Everything that is there.
    pub fn ids(&self) -> Vec<Uuid> {
        let Self { unit, forming, ready, deployed, activity, draft, submitted, volunteer, member, free, .. } = self;
        let Self { person, grant, client, secret, invitation, series, calendar_link, pair, file, below, .. } = self;
        let work = [*forming, *ready, *deployed, *activity, *draft, *submitted, *volunteer, *member, *free];
        let access =
            [*unit, *person, *grant, *client, *secret, *invitation, *series, *calendar_link, *pair, *file, *below];
        work.into_iter().chain(access).chain([self.extension, self.nil_report, self.webhook]).collect()
    }
}

/// What is to come of an operation by whoever holds its permission: on their ward, above it, beside it, elsewhere.
#[derive(Clone, Copy)]
pub enum Expected {
    /// These statuses.
    Status([u16; 4]),
    /// A list by id: how many there are.
    Listed([usize; 4]),
    /// Many at once: how many are accepted.
    Accepted([usize; 4]),
}
use Expected::{Accepted, Listed, Status};

const EVERYWHERE: Expected = Status([200; 4]);
/// Units: those above are seen.
const UNIT_READ: Expected = Status([200, 200, 404, 404]);
const UNIT_WRITTEN: Expected = Status([200, 403, 404, 404]);
/// What belongs to a unit is seen only from there or from above.
const OWN: Expected = Status([200, 404, 404, 404]);
const OWN_LISTED: Expected = Listed([1, 0, 0, 0]);
/// New things refer to where they shall be: 403 where it is seen, 422 where it is not.
const MADE_AT_UNIT: Expected = Status([201, 403, 422, 422]);
const MADE_FOR_TEAM: Expected = Status([201, 422, 422, 422]);
/// Belongs to the whole country: nobody here holds the right over the centre.
const CENTRE_ONLY: Expected = Status([403; 4]);

pub struct Case {
    pub path: String,
    pub body: Option<Value>,
    pub expected: Expected,
}

fn get(path: String, expected: Expected) -> Case {
    Case { path, body: None, expected }
}

fn send(path: String, body: Value, expected: Expected) -> Case {
    Case { path, body: Some(body), expected }
}

/// The case of an operation at a site.
pub fn case(operation: &str, site: &Site) -> Option<Case> {
    let Site { unit, activity, .. } = site;
    let unique = Uuid::now_v7().simple().to_string();
    Some(match operation {
        "create_token" => Case { path: "/v1/auth/token".to_owned(), body: None, expected: Status([400; 4]) },
        "revoke_token" => Case { path: "/v1/auth/revoke".to_owned(), body: None, expected: Status([400; 4]) },
        "introspect_token" => Case { path: "/v1/auth/introspect".to_owned(), body: None, expected: Status([400; 4]) },
        "start_login" => get(
            format!("/v1/auth/oidc/start?code_challenge={}", "a".repeat(43)),
            // No provider is set up here; `identities` sets one up.
            Status([404; 4]),
        ),
        "finish_login" => get("/v1/auth/oidc/callback?code=x&state=y".to_owned(), Status([404; 4])),
        "accept_invitation" => send(
            "/v1/auth/invitations/accept".to_owned(),
            json!({"token": "tni_x", "username": unique, "password": "mat-khau-du-dai-01"}),
            Status([422; 4]),
        ),
        "request_password_reset" => {
            send("/v1/auth/password-reset".to_owned(), json!({"username_or_email": "khong-co"}), Status([202; 4]))
        }
        "confirm_password_reset" => send(
            "/v1/auth/password-reset/confirm".to_owned(),
            json!({"token": "tnp_x", "password": "mat-khau-du-dai-01"}),
            Status([422; 4]),
        ),
        "change_password" => send(
            "/v1/me/password".to_owned(),
            json!({"current_password": "khong-phai", "password": "mat-khau-du-dai-01"}),
            Status([422; 4]),
        ),
        "create_totp" => Case { path: "/v1/me/totp".to_owned(), body: None, expected: Status([201; 4]) },
        "confirm_totp" => send("/v1/me/totp/confirm".to_owned(), json!({"code": "000000"}), Status([409; 4])),
        "disable_totp" => send("/v1/me/totp/disable".to_owned(), json!({"code": "000000"}), Status([409; 4])),
        "delete_user_totp" => {
            Case { path: format!("/v1/users/{}/totp", site.person), body: None, expected: Status([204, 404, 404, 404]) }
        }
        "list_invitations" => get(format!("/v1/invitations?id={}", site.invitation), OWN_LISTED),
        "get_invitation" => get(format!("/v1/invitations/{}", site.invitation), OWN),
        "create_invitation" => send("/v1/invitations".to_owned(), new_invitation(*unit), MADE_AT_UNIT),
        "revoke_invitation" => {
            Case { path: format!("/v1/invitations/{}/revoke", site.invitation), body: None, expected: OWN }
        }
        "get_me" => get("/v1/me".to_owned(), EVERYWHERE),
        "get_public_progress" => get("/v1/public/progress".to_owned(), EVERYWHERE),
        "get_public_progress_events" => get("/v1/public/progress/events".to_owned(), EVERYWHERE),
        "get_public_progress_provinces_svg" => get("/v1/public/progress/provinces.svg".to_owned(), EVERYWHERE),
        "get_public_progress_provinces_png" => get("/v1/public/progress/provinces.png".to_owned(), EVERYWHERE),
        "get_public_localities" => get("/v1/public/localities?province=TD-01".to_owned(), EVERYWHERE),
        "get_public_localities_csv" => get("/v1/public/localities.csv?province=TD-01".to_owned(), EVERYWHERE),
        // The others are named after their addresses.
        public if public.starts_with("get_public_") && public != "get_public_calendar" => {
            let name = public.trim_start_matches("get_public_");
            get(format!("/v1/public/{}", name.replace('_', ".")), EVERYWHERE)
        }

        "list_topics" => get("/v1/topics".to_owned(), EVERYWHERE),
        "list_measures" => get("/v1/measures".to_owned(), EVERYWHERE),
        "list_localities" => get("/v1/localities?limit=1".to_owned(), EVERYWHERE),
        "get_locality" => get(format!("/v1/localities/{}", place("00001")), EVERYWHERE),
        "list_locality_children" => get(format!("/v1/localities/{}/children?limit=1", place("01")), EVERYWHERE),
        "list_locality_ancestors" => get(format!("/v1/localities/{}/ancestors", place("00001")), EVERYWHERE),
        "list_locality_successors" => get(format!("/v1/localities/{}/successors", place("00001")), EVERYWHERE),

        "list_locality_reorganisations" => get("/v1/localities/reorganisations".to_owned(), EVERYWHERE),
        "get_locality_reorganisation" => {
            get(format!("/v1/locality-reorganisations/{}", site.reorganisation), Status([404; 4]))
        }
        "create_locality_reorganisation" => send(
            "/v1/localities/reorganisations".to_owned(),
            json!({"effective_on": "2024-07-10", "changes": [{"kind": "close", "from": [place("00001")]}]}),
            CENTRE_ONLY,
        ),

        "list_campaigns" => get("/v1/campaigns".to_owned(), EVERYWHERE),
        "get_campaign" => get(format!("/v1/campaigns/{}", campaign()), EVERYWHERE),
        "list_indicators" => get("/v1/indicators".to_owned(), EVERYWHERE),
        "get_indicator" => get(format!("/v1/indicators/{}", indicator()), EVERYWHERE),
        "create_campaign" => send(
            "/v1/campaigns".to_owned(),
            json!({"code": unique, "name": "Mới", "starts_on": "2025-06-01", "ends_on": "2025-08-31"}),
            CENTRE_ONLY,
        ),
        "patch_campaign" => send(format!("/v1/campaigns/{}", campaign()), json!({"name": "Mới"}), CENTRE_ONLY),
        "open_campaign" => {
            Case { path: format!("/v1/campaigns/{}/open", campaign()), body: None, expected: CENTRE_ONLY }
        }
        "close_campaign" => {
            Case { path: format!("/v1/campaigns/{}/close", campaign()), body: None, expected: CENTRE_ONLY }
        }
        "create_indicator" => send(
            "/v1/indicators".to_owned(),
            json!({"campaign_id": campaign(), "name": "Mới", "unit": "lượt", "measure": "classes", "target_value": 1}),
            CENTRE_ONLY,
        ),
        "patch_indicator" => send(format!("/v1/indicators/{}", indicator()), json!({"target_value": 1}), CENTRE_ONLY),

        "get_target_allocation" => {
            get(format!("/v1/indicators/{}/targets?org_unit_id={unit}", indicator()), UNIT_WRITTEN)
        }
        "get_target" => get(format!("/v1/indicators/{}/targets/{unit}", indicator()), UNIT_WRITTEN),
        "list_target_revisions" => {
            get(format!("/v1/indicators/{}/targets/{unit}/revisions", indicator()), UNIT_WRITTEN)
        }
        // From the unit above: theirs below their own ward.
        "set_target" => send(
            format!("/v1/indicators/{}/targets/{}", indicator(), site.below),
            json!({"value": 5, "reason": "Thêm"}),
            OWN,
        ),
        "set_targets" => send(
            format!("/v1/indicators/{}/targets/bulk", indicator()),
            json!({"org_unit_id": unit, "reason": "Thêm", "targets": [{"org_unit_id": site.below, "value": 5, "version": 1}]}),
            Status([200, 403, 422, 422]),
        ),
        "suggest_targets" => send(
            format!("/v1/indicators/{}/targets/suggestion", indicator()),
            json!({"org_unit_id": unit, "weights": [{"org_unit_id": site.below, "weight": 1}]}),
            Status([200, 403, 422, 422]),
        ),

        "list_org_units" => get(format!("/v1/org-units?id={unit}"), Listed([1, 1, 0, 0])),
        "get_org_unit" => get(format!("/v1/org-units/{unit}"), UNIT_READ),
        "list_org_unit_children" => get(format!("/v1/org-units/{unit}/children"), UNIT_READ),
        "list_org_unit_ancestors" => get(format!("/v1/org-units/{unit}/ancestors"), UNIT_READ),
        "list_org_unit_successors" => get(format!("/v1/org-units/{unit}/successors"), UNIT_READ),
        "list_org_unit_reorganisations" => {
            get(format!("/v1/org-units/reorganisations?id={}", site.reorganisation), OWN_LISTED)
        }
        "get_org_unit_reorganisation" => get(format!("/v1/org-unit-reorganisations/{}", site.reorganisation), OWN),
        "create_org_unit_reorganisation" => send(
            "/v1/org-units/reorganisations".to_owned(),
            json!({"effective_on": "2024-07-15", "changes": [
                {"kind": "rename", "from": [site.branch], "into": [{"name": "Tên mới"}]}]}),
            MADE_FOR_TEAM,
        ),
        "create_org_unit" => send(
            "/v1/org-units".to_owned(),
            json!({"code": unique, "name": "Chi đoàn", "kind": "grassroots", "parent_id": unit}),
            MADE_AT_UNIT,
        ),
        "patch_org_unit" => send(format!("/v1/org-units/{unit}"), json!({"name": "Tên mới"}), UNIT_WRITTEN),

        "list_users" => get(format!("/v1/users?id={}", site.person), OWN_LISTED),
        "get_user" => get(format!("/v1/users/{}", site.person), OWN),
        "create_user" => {
            send("/v1/users".to_owned(), json!({"username": unique, "full_name": "Mới"}), Status([201; 4]))
        }
        "patch_user" => send(format!("/v1/users/{}", site.person), json!({"full_name": "Tên mới"}), OWN),
        "list_grants" => get(format!("/v1/grants?id={}", site.grant), OWN_LISTED),
        "get_grant" => get(format!("/v1/grants/{}", site.grant), OWN),
        "create_grant" => send(
            "/v1/grants".to_owned(),
            json!({"user_id": site.candidate, "role": "viewer", "org_unit_id": unit}),
            MADE_AT_UNIT,
        ),
        "delete_grant" => {
            Case { path: format!("/v1/grants/{}", site.grant), body: None, expected: Status([204, 404, 404, 404]) }
        }

        "list_audit_log" => get(format!("/v1/audit-log?resource_id={}", site.client), OWN_LISTED),
        "list_clients" => get(format!("/v1/clients?id={}", site.client), OWN_LISTED),
        "get_client" => get(format!("/v1/clients/{}", site.client), OWN),
        "create_client" => send(
            "/v1/clients".to_owned(),
            json!({"name": "Mới", "org_unit_id": unit, "scopes": ["teams:read"]}),
            MADE_AT_UNIT,
        ),
        "patch_client" => send(format!("/v1/clients/{}", site.client), json!({"name": "Tên mới"}), OWN),
        "roll_client" => Case { path: format!("/v1/clients/{}/roll", site.client), body: None, expected: OWN },
        "delete_client_secret" => Case {
            path: format!("/v1/clients/{}/secrets/{}", site.client, site.secret),
            body: None,
            expected: Status([204, 404, 404, 404]),
        },

        "list_teams" => get(format!("/v1/teams?id={}", site.deployed), OWN_LISTED),
        "get_team" => get(format!("/v1/teams/{}", site.deployed), OWN),
        "create_team" => send("/v1/teams".to_owned(), new_team(*unit), MADE_AT_UNIT),
        "patch_team" => send(format!("/v1/teams/{}", site.deployed), json!({"name": "Tên mới"}), OWN),
        "ready_team" => Case { path: format!("/v1/teams/{}/ready", site.forming), body: None, expected: OWN },
        "deploy_team" => Case { path: format!("/v1/teams/{}/deploy", site.ready), body: None, expected: OWN },
        "complete_team" => Case { path: format!("/v1/teams/{}/complete", site.deployed), body: None, expected: OWN },
        "cancel_team" => Case { path: format!("/v1/teams/{}/cancel", site.forming), body: None, expected: OWN },

        "list_team_members" => get(format!("/v1/teams/{}/members", site.deployed), OWN),
        "create_team_member" => send(
            format!("/v1/teams/{}/members", site.deployed),
            new_member(site.free, "member"),
            Status([201, 404, 404, 404]),
        ),
        "get_team_member" => get(format!("/v1/teams/{}/members/{}", site.deployed, site.member), OWN),
        "patch_team_member" => {
            send(format!("/v1/teams/{}/members/{}", site.deployed, site.member), json!({"role": "deputy"}), OWN)
        }
        "list_team_candidates" => get(format!("/v1/teams/{}/candidates", site.deployed), OWN),

        "list_volunteers" => get(format!("/v1/volunteers?id={}", site.volunteer), OWN_LISTED),
        "get_volunteer" => get(format!("/v1/volunteers/{}", site.volunteer), OWN),
        "create_volunteer" => send("/v1/volunteers".to_owned(), new_volunteer(*unit), MADE_AT_UNIT),
        "patch_volunteer" => send(format!("/v1/volunteers/{}", site.volunteer), json!({"can_teach": false}), OWN),
        "get_volunteer_personal_data" => get(format!("/v1/volunteers/{}/personal-data", site.volunteer), OWN),
        "erase_volunteer" => {
            send(format!("/v1/volunteers/{}/erasure", site.volunteer), json!({"reason": "Theo yêu cầu"}), OWN)
        }
        "withdraw_volunteer" => {
            Case { path: format!("/v1/volunteers/{}/withdraw", site.volunteer), body: None, expected: OWN }
        }

        "list_activities" => get(format!("/v1/activities?id={activity}"), OWN_LISTED),
        "get_activity" => get(format!("/v1/activities/{activity}"), OWN),
        "create_activity" => send("/v1/activities".to_owned(), new_activity(site.deployed), MADE_FOR_TEAM),
        "patch_activity" => send(format!("/v1/activities/{activity}"), json!({"title": "Tên mới"}), OWN),
        // It goes on already, since something was reported: whoever may start it learns so.
        "start_activity" => Case {
            path: format!("/v1/activities/{activity}/start"),
            body: None,
            expected: Status([409, 404, 404, 404]),
        },
        "complete_activity" => Case { path: format!("/v1/activities/{activity}/complete"), body: None, expected: OWN },
        "cancel_activity" => Case {
            path: format!("/v1/activities/{activity}/cancel"),
            body: None,
            expected: Status([409, 404, 404, 404]),
        },

        "list_digital_groups" => get(format!("/v1/digital-groups?id={}", site.group), Listed([1; 4])),
        "get_digital_group" => get(format!("/v1/digital-groups/{}", site.group), EVERYWHERE),
        "create_digital_group" => send("/v1/digital-groups".to_owned(), new_digital_group(Some(*unit)), MADE_AT_UNIT),
        "patch_digital_group" => {
            send(format!("/v1/digital-groups/{}", site.group), json!({"name": "Tên mới"}), Status([200, 403, 403, 403]))
        }
        "list_activity_series" => get(format!("/v1/activity-series?id={}", site.series), OWN_LISTED),
        "get_activity_series" => get(format!("/v1/activity-series/{}", site.series), OWN),
        "create_activity_series" => send("/v1/activity-series".to_owned(), new_series(site.deployed), MADE_FOR_TEAM),
        "cancel_activity_series" => {
            send(format!("/v1/activity-series/{}/cancel", site.series), json!({"reason": "Mưa bão"}), OWN)
        }
        "get_team_calendar" => get(format!("/v1/teams/{}/calendar.ics", site.deployed), OWN),
        "list_calendar_links" => get(format!("/v1/teams/{}/calendar-links", site.deployed), OWN),
        "create_calendar_link" => Case {
            path: format!("/v1/teams/{}/calendar-links", site.deployed),
            body: None,
            expected: Status([201, 404, 404, 404]),
        },
        "delete_calendar_link" => Case {
            path: format!("/v1/teams/{}/calendar-links/{}", site.deployed, site.calendar_link),
            body: None,
            expected: Status([204, 404, 404, 404]),
        },
        "get_public_calendar" => get("/v1/public/calendars/tnk_x.ics".to_owned(), Status([404; 4])),

        "create_tallies" => send(
            format!("/v1/activities/{activity}/tallies"),
            json!({"tallies": [{"id": Uuid::now_v7(), "occurred_at": "2024-07-03T02:00:00Z", "topic": "cyber_safety",
                "audience": "residents", "turns": 1}]}),
            OWN,
        ),
        "list_tallies" => get(format!("/v1/activities/{activity}/tallies"), OWN),

        // What it takes is no JSON.
        "create_evidence_file" => send("/v1/evidence-files".to_owned(), json!({}), Status([415; 4])),
        "get_evidence_file" => get(format!("/v1/evidence-files/{}", site.file), OWN),
        "get_evidence_file_content" => get(format!("/v1/evidence-files/{}/content", site.file), OWN),
        // It is named, and somebody else sent it: whoever may send files learns so.
        "delete_evidence_file" => Case {
            path: format!("/v1/evidence-files/{}", site.file),
            body: None,
            expected: Status([403, 404, 404, 404]),
        },

        "list_results" => get(format!("/v1/results?id={}", site.submitted), OWN_LISTED),
        "get_result" => get(format!("/v1/results/{}", site.submitted), OWN),
        "create_result" => {
            send("/v1/results".to_owned(), new_result(*activity, site.deployed, "2024-07-03", 1), MADE_FOR_TEAM)
        }
        // Many at once: whoever may do it anywhere is answered, and each item tells.
        "create_results" => send(
            "/v1/results/bulk".to_owned(),
            json!({"results": [new_result(*activity, site.deployed, "2024-07-04", 1)], "atomic": true}),
            Status([200, 422, 422, 422]),
        ),
        "verify_results" => send(
            "/v1/results/verify".to_owned(),
            json!({"results": [{"id": site.submitted, "version": 2}]}),
            Accepted([1, 0, 0, 0]),
        ),
        "patch_result" => send(format!("/v1/results/{}", site.draft), json!({"evidence": []}), OWN),
        "delete_result" => {
            Case { path: format!("/v1/results/{}", site.draft), body: None, expected: Status([204, 404, 404, 404]) }
        }
        "submit_result" => Case { path: format!("/v1/results/{}/submit", site.draft), body: None, expected: OWN },
        "verify_result" => Case { path: format!("/v1/results/{}/verify", site.submitted), body: None, expected: OWN },
        "return_result" => send(format!("/v1/results/{}/return", site.submitted), json!({"reason": "Sai"}), OWN),

        "amend_result" => send(
            format!("/v1/results/{}/amend", site.submitted),
            json!({"lines": [{"topic": "cyber_safety", "audience": "children", "turns": 2}], "reason": "Sửa"}),
            OWN,
        ),
        // It is not verified yet: whoever may take a verification back learns so.
        "unverify_result" => send(
            format!("/v1/results/{}/unverify", site.submitted),
            json!({"reason": "Nhầm"}),
            Status([409, 404, 404, 404]),
        ),
        "list_result_revisions" => get(format!("/v1/results/{}/revisions", site.submitted), OWN),

        "list_changes" => get("/v1/changes?limit=1".to_owned(), EVERYWHERE),

        "sync_operations" => send(
            "/v1/sync".to_owned(),
            json!({"operations": [{"kind": "submit_result", "id": site.draft, "version": 2}]}),
            Accepted([1, 0, 0, 0]),
        ),

        "list_duplicate_candidates" => get(format!("/v1/duplicate-candidates?id={}", site.pair), OWN_LISTED),
        "get_duplicate_candidate" => get(format!("/v1/duplicate-candidates/{}", site.pair), OWN),
        "resolve_duplicate_candidate" => send(
            format!("/v1/duplicate-candidates/{}/resolve", site.pair),
            json!({"decision": "duplicate", "reason": "Cùng một lớp"}),
            OWN,
        ),

        "get_progress" => get(format!("/v1/progress?org_unit_id={unit}"), UNIT_WRITTEN),
        "list_units_at_risk" => get(format!("/v1/progress/at-risk?org_unit_id={unit}"), UNIT_WRITTEN),
        "compare_campaigns" => get(format!("/v1/progress/campaigns?org_unit_id={unit}"), UNIT_WRITTEN),
        "explain_progress" => get(format!("/v1/progress/explain?org_unit_id={unit}"), UNIT_WRITTEN),

        "list_reporting_periods" => get("/v1/reporting-periods".to_owned(), EVERYWHERE),
        "get_reporting_period" => get(format!("/v1/reporting-periods/{}", site.period), EVERYWHERE),
        "create_reporting_period" => send(
            "/v1/reporting-periods".to_owned(),
            json!({"campaign_id": campaign(), "code": unique, "name": "Đợt 1", "starts_on": "2024-06-01", "ends_on": "2024-06-30", "due_on": "2024-07-02"}),
            CENTRE_ONLY,
        ),
        "generate_reporting_periods" => send(
            "/v1/reporting-periods/generate".to_owned(),
            json!({"campaign_id": campaign(), "every": "week", "due_after_days": 2}),
            CENTRE_ONLY,
        ),
        "patch_reporting_period" => {
            send(format!("/v1/reporting-periods/{}", site.period), json!({"name": "Tên mới"}), CENTRE_ONLY)
        }
        "delete_reporting_period" => {
            Case { path: format!("/v1/reporting-periods/{}", site.period), body: None, expected: CENTRE_ONLY }
        }
        // Those of the units above hold for the ward too.
        "list_reporting_extensions" => {
            get(format!("/v1/reporting-extensions?id={}", site.extension), Listed([1, 1, 0, 0]))
        }
        "get_reporting_extension" => get(format!("/v1/reporting-extensions/{}", site.extension), UNIT_READ),
        // Nobody extends their own deadline, and nobody here holds a right over the province.
        "create_reporting_extension" => send(
            "/v1/reporting-extensions".to_owned(),
            json!({"period_id": site.period, "org_unit_id": unit, "due_on": "2024-07-13", "reason": "Bão số 2"}),
            Status([403, 403, 422, 422]),
        ),
        "revoke_reporting_extension" => send(
            format!("/v1/reporting-extensions/{}/revoke", site.extension),
            json!({"reason": "Nhầm"}),
            Status([403, 403, 404, 404]),
        ),
        "list_nil_reports" => get(format!("/v1/teams/{}/nil-reports", site.deployed), OWN),
        "create_nil_report" => send(
            format!("/v1/teams/{}/nil-reports", site.deployed),
            json!({"period_id": site.other_period, "reason": "Đội nghỉ để dự thi"}),
            Status([201, 404, 404, 404]),
        ),
        "delete_nil_report" => Case {
            path: format!("/v1/teams/{}/nil-reports/{}", site.deployed, site.nil_report),
            body: None,
            expected: Status([204, 404, 404, 404]),
        },
        "get_completeness" => {
            get(format!("/v1/reporting/completeness?org_unit_id={unit}&period=2024-W27"), UNIT_WRITTEN)
        }
        "list_team_reports" => {
            get(format!("/v1/reporting/teams?period=2024-W27&team_id={}", site.deployed), OWN_LISTED)
        }

        "list_webhooks" => get(format!("/v1/webhooks?id={}", site.webhook), OWN_LISTED),
        "get_webhook" => get(format!("/v1/webhooks/{}", site.webhook), OWN),
        "create_webhook" => send("/v1/webhooks".to_owned(), new_webhook(*unit), MADE_AT_UNIT),
        "patch_webhook" => send(format!("/v1/webhooks/{}", site.webhook), json!({"enabled": false}), OWN),
        "delete_webhook" => {
            Case { path: format!("/v1/webhooks/{}", site.webhook), body: None, expected: Status([204, 404, 404, 404]) }
        }
        "rotate_webhook_secret" => {
            Case { path: format!("/v1/webhooks/{}/rotate-secret", site.webhook), body: None, expected: OWN }
        }
        "replay_webhook" => {
            send(format!("/v1/webhooks/{}/replay", site.webhook), json!({"since": "2024-07-01T00:00:00Z"}), OWN)
        }
        "test_webhook" => Case { path: format!("/v1/webhooks/{}/test", site.webhook), body: None, expected: OWN },
        "list_webhook_deliveries" => get(format!("/v1/webhooks/{}/deliveries", site.webhook), OWN),
        _ => return None,
    })
}
