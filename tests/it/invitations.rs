//! Invitations: a link that is good once, from somebody who still holds what they give.

use crate::harness::{
    Answer, T, id_in, now, values,
    world::{DA_NANG, HA_NOI, centre, new_invitation, seeded_unit},
};
use chrono::Duration;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

async fn accept(t: &T, token: &str, username: &str) -> Answer {
    let body = json!({"token": token, "username": username, "password": "mat-khau-cua-nguoi-moi"});
    t.stranger.post("/v1/auth/invitations/accept", &body).await
}

async fn log_in(t: &T, username: &str, password: &str) -> Answer {
    let body = format!("grant_type=password&username={username}&password={password}");
    let request = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token");
    request.body("application/x-www-form-urlencoded", body).await
}

/// The token of the only mail that waits.
async fn token(t: &T) -> String {
    let letters = t.letters().await;
    assert_eq!(letters.len(), 1);
    letters[0].token()
}

fn with_grants(grants: Value) -> Value {
    json!({"email": "nguoi-moi@example.org", "full_name": "Người Mới", "grants": grants})
}

both! {
    async fn who_is_invited_chooses_a_name_and_gets_the_roles(t: &T) {
        let (here, there) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let body = with_grants(json!([
            {"role": "verifier", "org_unit_id": here, "valid_to": "2024-09-30"},
            {"role": "viewer", "org_unit_id": there},
        ]));
        let answer = t.admin.post("/v1/invitations", &body).await;
        let made = answer.ok(201);
        assert_eq!((&made["status"], &made["allowed_actions"]), (&json!("pending"), &json!(["revoke"])));
        assert_eq!(made["expires_at"], "2024-07-22T03:00:00Z");
        assert_eq!(made["grants"][0]["role"], "verifier");
        assert!(!answer.text().contains("tni_"), "the token is in the mail alone");
        let token = token(t).await;
        let user = accept(t, &token, "Nguoi-Moi").await.ok(201);
        assert_eq!((&user["username"], &user["email"]), (&json!("nguoi-moi"), &json!("nguoi-moi@example.org")));

        let tokens = log_in(t, "nguoi-moi", "mat-khau-cua-nguoi-moi").await.ok(200);
        let person = t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap());
        let me = person.get("/v1/me").await.ok(200);
        assert_eq!(me["grants"].as_array().unwrap().len(), 2);
        let grants = t.admin.get(&format!("/v1/grants?user_id={}", id_in(&user, "id"))).await.ok(200);
        assert!(grants["data"].as_array().unwrap().iter().all(|g| g["granted_by"] == json!(t.admin.user_id)));

        let path = format!("/v1/invitations/{}", answer.id());
        let read = t.admin.get(&path).await.ok(200);
        assert_eq!((&read["status"], &read["user_id"]), (&json!("accepted"), &user["id"]));
        t.admin.act(&format!("{path}/revoke")).await.problem(409, "wrong_state");
        accept(t, &token, "nguoi-khac").await.problem(422, "token_not_valid");
        let actions: Vec<String> =
            values(t.store.read(), "SELECT action FROM audit_log WHERE resource = 'invitation' ORDER BY id").await;
        assert_eq!(actions, ["create_invitation", "accept_invitation"]);
    }

    async fn of_many_who_accept_at_once_one_gets_the_account(t: &T) {
        t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
        let token = token(t).await;
        let names: Vec<String> = (0..5).map(|n| format!("nguoi-{n}")).collect();
        let answers = futures_util::future::join_all(names.iter().map(|name| accept(t, &token, name))).await;
        let statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
        assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
        answers.iter().filter(|a| a.status != 201).for_each(|a| drop(a.problem(422, "token_not_valid")));
        let users: i64 =
            crate::harness::value(t.store.read(), "SELECT count(*) FROM user_account WHERE username LIKE 'nguoi-_'").await;
        assert_eq!(users, 1);
    }

    async fn a_link_is_good_for_seven_days(t: &T) {
        for (after, code) in [(Duration::days(7), "token_not_valid"), (Duration::days(7) - Duration::seconds(1), "")] {
            t.clock.set(now());
            let made = t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.id();
            let token = token(t).await;
            t.clock.set(now() + after);
            let answer = accept(t, &token, "nguoi-moi").await;
            let admin = t.admin.clone().with_a_new_token();
            if code.is_empty() {
                answer.ok(201);
            } else {
                answer.problem(422, code);
                let page = admin.get("/v1/invitations?status=expired").await.ok(200);
                assert_eq!(page["data"][0]["id"], json!(made));
                assert_eq!(page["data"][0]["allowed_actions"], json!([]));
                let page = admin.get("/v1/invitations?status=pending").await.ok(200);
                assert_eq!(page["data"], json!([]));
            }
        }
    }

    async fn a_revoked_link_is_good_no_more(t: &T) {
        let made = t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await;
        let token = token(t).await;
        let path = format!("/v1/invitations/{}/revoke", made.id());
        t.admin.send(actix_web::http::Method::POST, &path).await.problem(428, "if_match_required");
        let revoked = t.admin.act(&path).await.ok(200);
        assert_eq!((&revoked["status"], &revoked["version"]), (&json!("revoked"), &json!(2)));
        accept(t, &token, "nguoi-moi").await.problem(422, "token_not_valid");
        t.admin.act(&path).await.problem(409, "wrong_state");
    }

    async fn nobody_invites_with_more_than_they_hold(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        provincial.post("/v1/invitations", &new_invitation(centre())).await.problem(403, "forbidden");
        let aside = provincial.post("/v1/invitations", &new_invitation(seeded_unit(DA_NANG))).await;
        aside.faults(422, &[("/grants/0/org_unit_id", "reference_not_found")]);
        let body = with_grants(json!([
            {"role": "viewer", "org_unit_id": seeded_unit(HA_NOI)}, {"role": "administrator", "org_unit_id": centre()},
        ]));
        provincial.post("/v1/invitations", &body).await.problem(403, "forbidden");
        assert!(t.letters().await.is_empty());
        provincial.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
    }

    async fn who_lost_the_right_since_then_gives_nothing_any_more(t: &T) {
        let nothing = async |by: &str| {
            let provincial = t.nobody().await;
            let grant = t.grant(&provincial, Role::Administrator, seeded_unit(HA_NOI), None).await;
            provincial.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
            let token = token(t).await;
            if by == "unit" {
                t.grant(&provincial, Role::Administrator, seeded_unit(DA_NANG), None).await;
            }
            if by != "account" {
                t.admin.delete(&format!("/v1/grants/{grant}")).if_match("*").await.ok(204);
            } else {
                let path = format!("/v1/users/{}", provincial.user_id);
                t.admin.patch(&path, &json!({"disabled": true})).if_match("*").await.ok(200);
            }
            accept(t, &token, "nguoi-moi").await.problem(422, "token_not_valid");
        };
        nothing("grant").await;
        nothing("unit").await;
        nothing("account").await;
        let users: Vec<String> =
            values(t.store.read(), "SELECT username FROM user_account WHERE username = 'nguoi-moi'").await;
        assert_eq!(users, Vec::<String>::new(), "no half of an account");
    }

    async fn an_invitation_of_a_client_is_accepted_within_its_right(t: &T) {
        let here = seeded_unit(HA_NOI);
        let body = json!({"name": "Cổng", "org_unit_id": here, "scopes": ["access:write", "access:read"]});
        let client = t.admin.post("/v1/clients", &body).await.ok(201);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            client["id"].as_str().unwrap(),
            client["client_secret"].as_str().unwrap()
        );
        let tokens = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token");
        let tokens = tokens.body("application/x-www-form-urlencoded", form).await.ok(200);
        let caller = t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap());
        caller.post("/v1/invitations", &new_invitation(here)).await.ok(201);
        accept(t, &token(t).await, "nguoi-moi").await.ok(201);
    }

    async fn an_administrator_sees_the_invitations_below_and_those_they_sent(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let below = t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.id();
        let aside = t.admin.post("/v1/invitations", &new_invitation(seeded_unit(DA_NANG))).await.id();
        let both = with_grants(json!([
            {"role": "viewer", "org_unit_id": seeded_unit(HA_NOI)}, {"role": "viewer", "org_unit_id": seeded_unit(DA_NANG)},
        ]));
        let both = t.admin.post("/v1/invitations", &both).await.id();
        let page = provincial.get("/v1/invitations?include_total=true&sort=created_at").await.ok(200);
        let seen: Vec<Uuid> = page["data"].as_array().unwrap().iter().map(|i| id_in(i, "id")).collect();
        assert_eq!((seen, &page["total"]), (vec![below, both], &json!(2)));
        provincial.get(&format!("/v1/invitations/{aside}")).await.problem(404, "not_found");
        provincial.act(&format!("/v1/invitations/{aside}/revoke")).await.problem(404, "not_found");
        provincial.act(&format!("/v1/invitations/{both}/revoke")).await.problem(403, "forbidden");
        provincial.act(&format!("/v1/invitations/{below}/revoke")).await.ok(200);
        let filter = format!("/v1/invitations?org_unit_id={}", seeded_unit(DA_NANG));
        assert_eq!(t.admin.get(&filter).await.ok(200)["data"].as_array().unwrap().len(), 2);
    }

    async fn faults_are_told_all_at_once_and_keep_nothing(t: &T) {
        let body = json!({"email": "x", "full_name": " ", "grants": [], "token": "tni_x"});
        t.admin.post("/v1/invitations", &body).await.faults(
            422,
            &[("/email", "bad_format"), ("/email", "too_short"), ("/full_name", "bad_format"), ("/grants", "too_few"), ("/token", "unknown_field")],
        );
        let body = with_grants(json!([
            {"role": "viewer", "org_unit_id": centre(), "valid_from": "2024-08-02", "valid_to": "2024-08-01"},
            {"role": "viewer", "org_unit_id": centre(), "team_id": Uuid::now_v7()},
        ]));
        t.admin.post("/v1/invitations", &body).await.faults(
            422,
            &[("/grants/0/valid_to", "dates_inverted"), ("/grants/1/team_id", "not_allowed_value")],
        );
        t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
        let token = token(t).await;
        let weak = json!({"token": token, "username": "nguoi-moi", "password": "ngan"});
        t.stranger.post("/v1/auth/invitations/accept", &weak).await.faults(422, &[("/password", "weak_password")]);
        let named = json!({"token": token, "username": "nguoi-moi", "password": "nguoi-moi@example.org"});
        t.stranger.post("/v1/auth/invitations/accept", &named).await.faults(422, &[("/password", "weak_password")]);
        accept(t, &token, "admin").await.problem(409, "code_already_used");
        accept(t, "tni_khong-co", "nguoi-moi").await.problem(422, "token_not_valid");
        accept(t, &token, "nguoi-moi").await.ok(201);
    }

    async fn the_link_leads_to_a_page_that_loads_nothing_from_elsewhere_and_stands_in_no_frame(t: &T) {
        for (path, to, vi, en) in [
            ("/account/invitation", "../v1/auth/invitations/accept", "Nhận lời mời", "Accept the invitation"),
            ("/account/password", "../v1/auth/password-reset/confirm", "Đặt lại mật khẩu", "Set a new password"),
        ] {
            let page = t.stranger.get(path).await;
            assert_eq!(page.status, 200);
            assert!(page.text().contains(vi) && page.text().contains(&format!("data-to=\"{to}\"")), "{}", page.text());
            assert!(!page.text().contains("http:") && !page.text().contains("https:"), "{}", page.text());
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!((page.header("referrer-policy"), page.header("cache-control")), (Some("no-referrer"), Some("no-store")));
            assert!(t.stranger.get(path).header("accept-language", "en").await.text().contains(en));
            // Where the form sends to is an operation of the contract.
            let operation = to.trim_start_matches("..");
            assert!(t.app.contract.document()["paths"][operation]["post"].is_object(), "{operation}");
        }
        let script = t.stranger.get("/account/account.js").await;
        assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    }

    async fn a_retry_with_the_same_key_is_answered_the_same(t: &T) {
        t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).key("moi-1").await.ok(201);
        let again = t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).key("moi-1").await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
        let token = token(t).await;
        let body = json!({"token": token, "username": "nguoi-moi", "password": "mat-khau-cua-nguoi-moi"});
        let first = t.stranger.post("/v1/auth/invitations/accept", &body).key("nhan-1").await.ok(201);
        let again = t.stranger.post("/v1/auth/invitations/accept", &body).key("nhan-1").await;
        assert_eq!((again.ok(201), again.header("idempotency-replayed")), (first, Some("true")));
    }
}
