//! A request for every operation that does what the operation is for.

use super::{Asked, Op, World};
use crate::{
    evidence,
    harness::{
        ADMIN, ADMIN_PASSWORD, Caller, T, now,
        world::{HA_NOI, campaign, new_activity, new_invitation, place, seeded_unit},
    },
    requests::{Site, case},
    second_factor,
};
use actix_web::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const FORM: &str = "application/x-www-form-urlencoded";
const PASSWORD: &str = "mat-khau-cu-rat-dai";

/// Somebody with a password and an address.
async fn account(t: &T, name: &str) -> Caller {
    let body =
        json!({"username": name, "full_name": "Cán Bộ", "email": format!("{name}@example.org"), "password": PASSWORD});
    t.admin.of(t.admin.post("/v1/users", &body).await.id()).with_a_new_token()
}

/// The token of the link in the mail that goes to an address.
async fn link(t: &T, address: &str) -> String {
    let letters = t.letters().await;
    letters.iter().rfind(|letter| letter.to.contains(address)).unwrap_or_else(|| panic!("no mail to {address}")).token()
}

async fn made(t: &T, path: &str, body: &Value) -> Uuid {
    t.admin.post(path, body).await.id()
}

impl World<'_> {
    /// The request, after whatever must be there for it.
    pub(super) async fn good(&self, op: &Op<'_>, site: &Site) -> Asked {
        let Self { t, stage, .. } = self;
        let asked = |path: &str| Asked::of(op, if op.permission.is_some() { &t.admin } else { &t.stranger }, path);
        let unique = Uuid::now_v7().simple().to_string();
        match op.id.as_str() {
            "create_token" => {
                let form = format!("grant_type=password&username={ADMIN}&password={ADMIN_PASSWORD}");
                asked(&op.path).body(FORM, form)
            }
            "revoke_token" => asked(&op.path).body(FORM, "token=tnr_x"),
            "introspect_token" => {
                let body = json!({"name": "Cổng", "org_unit_id": site.unit, "scopes": ["teams:read"]});
                let client = t.admin.post("/v1/clients", &body).await.ok(201);
                let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
                asked(&op.path).body(FORM, format!("client_id={id}&client_secret={secret}&token=x"))
            }
            "start_login" => asked(&format!("{}?code_challenge={}", op.path, "a".repeat(43))).by(&stage.browser),
            "finish_login" => asked(&stage.way_back(|_| {}).await).by(&stage.browser),
            "accept_invitation" => {
                let mut body = new_invitation(site.unit);
                body["email"] = json!(format!("{unique}@example.org"));
                t.admin.post("/v1/invitations", &body).await.ok(201);
                let token = link(t, &unique).await;
                asked(&op.path).json(&json!({"token": token, "username": unique, "password": PASSWORD}))
            }
            "confirm_password_reset" => {
                account(t, &unique).await;
                t.stranger.post("/v1/auth/password-reset", &json!({"username_or_email": unique})).await.ok(202);
                let token = link(t, &unique).await;
                asked(&op.path).json(&json!({"token": token, "password": "mat-khau-moi-rat-dai"}))
            }
            "change_password" => {
                let body = json!({"current_password": PASSWORD, "password": "mat-khau-moi-rat-dai"});
                asked(&op.path).by(&account(t, &unique).await).json(&body)
            }
            "create_totp" => asked(&op.path).by(&account(t, &unique).await),
            "confirm_totp" => {
                let me = account(t, &unique).await;
                let begun = me.send(Method::POST, "/v1/me/totp").await.ok(201);
                let code = second_factor::code(begun["secret"].as_str().unwrap(), now());
                asked(&op.path).by(&me).json(&json!({"code": code}))
            }
            "disable_totp" => {
                let me = account(t, &unique).await;
                let begun = me.send(Method::POST, "/v1/me/totp").await.ok(201);
                let code = second_factor::code(begun["secret"].as_str().unwrap(), now());
                let codes = me.post("/v1/me/totp/confirm", &json!({"code": code})).await.ok(200);
                asked(&op.path).by(&me).json(&json!({"code": codes["recovery_codes"][0]}))
            }

            // Whole campaigns end by these: each has its own.
            "open_campaign" | "close_campaign" => {
                let body = json!({"code": unique, "name": "Mới", "starts_on": "2025-06-01", "ends_on": "2025-08-31"});
                let id = made(t, "/v1/campaigns", &body).await;
                if op.id == "close_campaign" {
                    t.admin.act(&format!("/v1/campaigns/{id}/open")).await.ok(200);
                }
                asked(&op.path.replace("{id}", &id.to_string()))
            }
            "create_indicator" | "patch_indicator" => {
                // Of a campaign that counts nothing yet.
                let body = json!({"code": unique, "name": "Hè", "starts_on": "2025-06-01", "ends_on": "2025-08-31"});
                let campaign = made(t, "/v1/campaigns", &body).await;
                let body = json!({"campaign_id": campaign, "name": "Mới", "unit": "lượt", "measure": "classes", "target_value": 1});
                if op.id == "create_indicator" {
                    return asked(&op.path).json(&body);
                }
                let id = made(t, "/v1/indicators", &body).await;
                asked(&format!("/v1/indicators/{id}")).json(&json!({"target_value": 2, "reason": "Thêm"}))
            }
            "create_locality_reorganisation" => asked(&op.path).json(&renamed_ward("00016")),
            "get_locality_reorganisation" => {
                let id = made(t, "/v1/localities/reorganisations", &renamed_ward("00013")).await;
                asked(&format!("/v1/locality-reorganisations/{id}"))
            }
            "start_activity" | "cancel_activity" => {
                let id = made(t, "/v1/activities", &new_activity(site.deployed)).await;
                asked(&op.path.replace("{id}", &id.to_string()))
            }
            "get_public_calendar" => {
                let links = format!("/v1/teams/{}/calendar-links", site.deployed);
                let link = t.admin.send(Method::POST, &links).await.ok(201);
                let url = link["url"].as_str().unwrap();
                asked(&url[url.find("/v1/").unwrap()..])
            }
            "create_evidence_file" => asked(&op.path).body("image/jpeg", evidence::jpeg(&unique)),
            "delete_evidence_file" => {
                let file = evidence::sent(&t.admin, &unique).await;
                asked(&format!("/v1/evidence-files/{file}"))
            }
            "unverify_result" => {
                t.admin.act(&format!("/v1/results/{}/verify", site.submitted)).await.ok(200);
                asked(&format!("/v1/results/{}/unverify", site.submitted)).json(&json!({"reason": "Nhầm"}))
            }
            "create_reporting_extension" => {
                let body = json!({"period_id": site.period, "org_unit_id": seeded_unit(HA_NOI), "due_on": "2024-07-13", "reason": "Bão số 2"});
                asked(&op.path).json(&body)
            }
            "delete_reporting_period" => {
                let body = json!({"campaign_id": campaign(), "series": unique, "code": unique, "name": "Đợt 1",
                    "starts_on": "2024-06-01", "ends_on": "2024-06-30", "due_on": "2024-07-02"});
                let id = made(t, "/v1/reporting-periods", &body).await;
                asked(&format!("/v1/reporting-periods/{id}"))
            }
            // Everything else is asked of a site as it stands.
            id => {
                let case = case(id, site).unwrap_or_else(|| panic!("`{id}` has no request"));
                match &case.body {
                    Some(body) => asked(&case.path).json(body),
                    None => asked(&case.path),
                }
            }
        }
    }
}

/// A ward that has another name from a day on.
fn renamed_ward(code: &str) -> Value {
    json!({"effective_on": "2024-07-10", "changes": [
        {"kind": "rename", "from": [place(code)], "into": [{"name": "Phường Mới"}]}]})
}
