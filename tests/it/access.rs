//! Accounts and grants: who may give what to whom.

use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, centre, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

fn account(username: &str) -> Value {
    json!({"username": username, "full_name": "Nguyễn Văn Mẫu", "email": "mau@example.org", "password": "mat-khau-du-dai-01"})
}

fn grant(user: Uuid, role: &str, unit: Uuid) -> Value {
    json!({"user_id": user, "role": role, "org_unit_id": unit})
}

both! {
    async fn an_account_is_made_read_and_changed_and_its_password_never_comes_back(t: &T) {
        let answer = t.admin.post("/v1/users", &account("can-bo-01")).await;
        let user = answer.ok(201);
        assert!(
            !answer.text().contains("mat-khau")
                && user.get("password").is_none()
                && user.get("password_hash").is_none()
        );
        let path = format!("/v1/users/{}", id_in(&user, "id"));
        assert_eq!(answer.header("location"), Some(path.as_str()));
        let read = t.admin.get(&path).await;
        assert_eq!(read.ok(200), user);
        assert!(!read.text().contains("argon2"));
        let changed = t
            .admin
            .patch(&path, &json!({"full_name": "Tên Mới", "email": null, "disabled": true}))
            .if_match("\"1\"")
            .await
            .ok(200);
        assert_eq!(
            (&changed["full_name"], &changed["email"], &changed["disabled"]),
            (&json!("Tên Mới"), &Value::Null, &json!(true))
        );
        let page = t.admin.get("/v1/users?username=Can-Bo-01").await.ok(200);
        assert_eq!(page["data"], json!([changed]));
    }

    async fn faults_of_an_account_are_told_all_at_once(t: &T) {
        let body = json!({"username": "có dấu", "full_name": " ", "email": "khong-phai-thu", "password": "", "role": "administrator", "disabled": false});
        t.admin.post("/v1/users", &body).await.faults(
            422,
            &[
                ("/username", "bad_format"),
                ("/full_name", "bad_format"),
                ("/email", "bad_format"),
                ("/password", "too_short"),
                ("/role", "unknown_field"),
                ("/disabled", "unknown_field"),
            ],
        );
        let mut weak = account("yeu");
        weak["password"] = json!("ngan-qua-11");
        t.admin.post("/v1/users", &weak).await.faults(422, &[("/password", "weak_password")]);
        let user = t.admin.post("/v1/users", &account("du-manh")).await.id();
        let patch = t.admin.patch(&format!("/v1/users/{user}"), &json!({"password": "ngan"})).if_match("*").await;
        patch.faults(422, &[("/password", "weak_password")]);
    }

    async fn a_username_is_taken_once_in_whatever_case(t: &T) {
        t.admin.post("/v1/users", &account("can-bo")).await.ok(201);
        t.admin.post("/v1/users", &account("CAN-BO")).await.problem(409, "code_already_used");
    }

    async fn nobody_shuts_their_own_account(t: &T) {
        let path = format!("/v1/users/{}", t.admin.user_id);
        t.admin.patch(&path, &json!({"disabled": true})).if_match("*").await.problem(409, "wrong_state");
        t.admin.get("/v1/me").await.ok(200);
    }

    async fn a_grant_is_given_read_and_withdrawn(t: &T) {
        let user = t.admin.post("/v1/users", &account("can-bo")).await.id();
        let body = grant(user, "verifier", seeded_unit(HA_NOI));
        let answer = t.admin.post("/v1/grants", &body).await;
        let given = answer.ok(201);
        assert_eq!((&given["granted_by"], &given["role"]), (&json!(t.admin.user_id), &json!("verifier")));
        let path = format!("/v1/grants/{}", answer.id());
        assert_eq!(t.admin.get(&path).await.ok(200), given);
        for filter in [
            format!("user_id={user}"),
            format!("id={}&role=verifier", answer.id()),
            format!("user_id={user}&org_unit_id={}", seeded_unit(HA_NOI)),
        ] {
            assert_eq!(t.admin.get(&format!("/v1/grants?{filter}")).await.ok(200)["data"], json!([given]), "{filter}");
        }
        assert_eq!(t.admin.get(&format!("/v1/grants?user_id={user}&role=viewer")).await.ok(200)["data"], json!([]));
        t.admin.delete(&path).await.problem(428, "if_match_required");
        t.admin.delete(&path).if_match("\"2\"").await.problem(412, "stale_version");
        let gone = t.admin.delete(&path).if_match("\"1\"").await;
        assert_eq!((gone.status, gone.bytes.len()), (204, 0));
        t.admin.get(&path).await.problem(404, "not_found");
        t.admin.delete(&path).if_match("*").await.problem(404, "not_found");
    }

    async fn faults_of_a_grant_are_told_all_at_once(t: &T) {
        let user = t.admin.post("/v1/users", &account("can-bo")).await.id();
        let nothing = json!({"user_id": Uuid::now_v7(), "role": "viewer", "org_unit_id": Uuid::now_v7()});
        t.admin
            .post("/v1/grants", &nothing)
            .await
            .faults(422, &[("/user_id", "reference_not_found"), ("/org_unit_id", "reference_not_found")]);
        let mut body = grant(user, "king", centre());
        body["granted_by"] = json!(user);
        t.admin
            .post("/v1/grants", &body)
            .await
            .faults(422, &[("/role", "not_allowed_value"), ("/granted_by", "unknown_field")]);
        let mut body = grant(user, "viewer", centre());
        body["valid_from"] = json!("2024-08-02");
        body["valid_to"] = json!("2024-08-01");
        t.admin.post("/v1/grants", &body).await.faults(422, &[("/valid_to", "dates_inverted")]);
        let team = t.team(seeded_unit(HA_NOI)).await;
        let mut body = grant(user, "viewer", seeded_unit(HA_NOI));
        body["team_id"] = team["id"].clone();
        t.admin.post("/v1/grants", &body).await.faults(422, &[("/team_id", "not_allowed_value")]);
        let mut body = grant(user, "team_leader", seeded_unit(DA_NANG));
        body["team_id"] = team["id"].clone();
        t.admin.post("/v1/grants", &body).await.faults(422, &[("/team_id", "reference_not_found")]);
        let page = t.admin.get(&format!("/v1/grants?user_id={user}")).await.ok(200);
        assert_eq!(page["data"], json!([]));
    }

    async fn an_administrator_gives_no_more_than_they_hold(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let user = provincial.post("/v1/users", &account("cap-duoi")).await.id();
        provincial.post("/v1/grants", &grant(user, "administrator", centre())).await.problem(403, "forbidden");
        let aside = provincial.post("/v1/grants", &grant(user, "viewer", seeded_unit(DA_NANG))).await;
        aside.faults(422, &[("/org_unit_id", "reference_not_found")]);
        provincial.post("/v1/grants", &grant(user, "coordinator", seeded_unit(HA_NOI))).await.ok(201);
    }

    async fn an_administrator_takes_over_nobody_who_holds_more(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        // Somebody with a role below and another one above.
        let both = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        t.grant(&both, Role::Administrator, centre(), None).await;
        let path = format!("/v1/users/{}", both.user_id);
        provincial.get(&path).await.ok(200);
        provincial
            .patch(&path, &json!({"password": "chiem-tai-khoan-99"}))
            .if_match("*")
            .await
            .problem(403, "forbidden");
        provincial.patch(&path, &json!({"disabled": true})).if_match("*").await.problem(403, "forbidden");
        // Of those who are nowhere below, nothing is seen at all.
        let path = format!("/v1/users/{}", t.admin.user_id);
        provincial.get(&path).await.problem(404, "not_found");
        provincial
            .patch(&path, &json!({"password": "chiem-tai-khoan-99"}))
            .if_match("*")
            .await
            .problem(404, "not_found");
        let page = provincial.get("/v1/users?username=admin&include_total=true").await.ok(200);
        assert_eq!((&page["data"], &page["total"]), (&json!([]), &json!(0)));
    }

    async fn an_administrator_sees_the_accounts_below_and_those_they_made(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let below = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        let aside = t.user(Role::Viewer, seeded_unit(DA_NANG)).await;
        let made = provincial.post("/v1/users", &account("moi-lap")).await.id();
        let page = provincial.get("/v1/users").await.ok(200);
        let mut seen: Vec<Uuid> = page["data"].as_array().unwrap().iter().map(|u| id_in(u, "id")).collect();
        seen.sort_unstable();
        let mut expected = vec![provincial.user_id, below.user_id, made];
        expected.sort_unstable();
        assert_eq!(seen, expected);
        provincial.get(&format!("/v1/users/{}", aside.user_id)).await.problem(404, "not_found");
        let grants = provincial.get("/v1/grants?include_total=true").await.ok(200);
        assert_eq!(grants["total"], 2);
    }

    async fn a_grant_above_or_aside_is_not_seen_and_not_withdrawn(t: &T) {
        let provincial = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let other = t.nobody().await;
        for unit in [centre(), seeded_unit(DA_NANG)] {
            let id = t.grant(&other, Role::Viewer, unit, None).await;
            provincial.get(&format!("/v1/grants/{id}")).await.problem(404, "not_found");
            provincial.delete(&format!("/v1/grants/{id}")).if_match("*").await.problem(404, "not_found");
        }
        other.get("/v1/teams").await.ok(200);
    }

    async fn every_change_of_access_is_in_the_audit_log_with_its_request(t: &T) {
        let made = t.admin.post("/v1/users", &account("can-bo")).header("x-request-id", "yeu-cau-17").await.id();
        let actions: Vec<String> = crate::harness::values(
            t.store.read(),
            "SELECT action FROM audit_log WHERE request_id = 'yeu-cau-17' AND resource = 'user'",
        )
        .await;
        assert_eq!(actions, ["create_user"]);
        let given = t.admin.post("/v1/grants", &grant(made, "viewer", centre())).await.id();
        t.admin.delete(&format!("/v1/grants/{given}")).if_match("*").await.ok(204);
        let actions: Vec<String> = crate::harness::values(
            t.store.read(),
            "SELECT action FROM audit_log WHERE resource = 'grant' ORDER BY action",
        )
        .await;
        assert_eq!(actions, ["create_grant", "delete_grant"]);
    }
}
