//! Guessing passwords: slow for whoever guesses, and nobody else is locked out.

use crate::harness::{ADMIN_PASSWORD, Answer, Caller, T};
use actix_web::http::Method;
use chrono::Duration;
use serde_json::json;

/// Logs in from an address.
pub async fn login(caller: &Caller, username: &str, password: &str, address: &str) -> Answer {
    let form = format!("grant_type=password&username={username}&password={password}");
    let sending = caller.send(Method::POST, "/v1/auth/token").from(address);
    sending.body("application/x-www-form-urlencoded", form).await
}

async fn guess(t: &T, username: &str, address: &str) -> Answer {
    login(&t.stranger, username, "sai-mat-khau-roi", address).await
}

both! {
    async fn after_ten_wrong_passwords_the_next_has_to_wait_and_then_the_right_one_is_taken(t: &T) {
        for _ in 0..10 {
            assert_eq!(guess(t, "admin", "198.51.100.7").await.ok(400)["error"], "invalid_grant");
        }
        let refused = login(&t.stranger, "ADMIN", ADMIN_PASSWORD, "198.51.100.7").await;
        refused.problem(429, "too_many_requests");
        let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        // Others from there are not concerned, nor is the account from elsewhere.
        guess(t, "khac", "198.51.100.7").await.ok(400);
        login(&t.stranger, "admin", ADMIN_PASSWORD, "198.51.100.8").await.ok(200);
        t.clock.set(crate::harness::now() + Duration::seconds(wait));
        login(&t.stranger, "admin", ADMIN_PASSWORD, "198.51.100.7").await.ok(200);
    }

    async fn an_account_that_is_not_there_is_slowed_alike(t: &T) {
        for username in ["admin", "khong-co"] {
            let mut answers = Vec::new();
            for _ in 0..12 {
                let answer = guess(t, username, "198.51.100.9").await;
                answers.push((answer.status, answer.header("retry-after").map(ToOwned::to_owned)));
            }
            let slowed = answers.iter().filter(|(status, _)| *status == 429).count();
            assert_eq!((slowed, answers.len()), (2, 12), "{username}: {answers:?}");
            assert_eq!(answers[11].1.as_deref(), Some("30"), "{username}");
        }
    }

    async fn the_owner_gets_in_where_they_were_before_while_strangers_guess_from_everywhere(t: &T) {
        let home = "2001:db8:1:1::5";
        login(&t.stranger, "admin", ADMIN_PASSWORD, home).await.ok(200);
        let mut looked_at = 0;
        for host in 1..=120 {
            match guess(t, "admin", &format!("203.0.113.{host}")).await.status {
                400 => looked_at += 1,
                429 => {}
                other => panic!("{other}"),
            }
        }
        assert_eq!(looked_at, 50, "however many addresses there are");
        login(&t.stranger, "admin", ADMIN_PASSWORD, "192.0.2.1").await.problem(429, "too_many_requests");
        // The same network at home, and another replica over the same database.
        login(&t.stranger, "admin", ADMIN_PASSWORD, "2001:db8:1:1::77").await.ok(200);
        let replica = t.replica().await;
        login(&replica.asked_by(&t.stranger), "admin", ADMIN_PASSWORD, home).await.ok(200);
        // Places are forgotten after 90 days without a login; failures long before.
        t.clock.set(crate::harness::now() + Duration::minutes(20));
        login(&t.stranger, "admin", ADMIN_PASSWORD, "192.0.2.1").await.ok(200);
    }

    async fn a_password_must_be_hard_to_guess(t: &T) {
        for (username, name, password) in [
            ("can-bo-01", "Cán bộ", "password12345"),
            ("can-bo-01", "Cán bộ", "123456789012"),
            ("can-bo-01", "Cán bộ", "tinhnguyen2024"),
            ("nguyenvanmau", "Cán bộ", "nguyenvanmau"),
            ("can-bo-01", "Trần Thị Bình Minh", "tran thi binh minh"),
        ] {
            let body = json!({"username": username, "full_name": name, "password": password});
            t.admin.post("/v1/users", &body).await.faults(422, &[("/password", "weak_password")]);
        }
        let body = json!({"username": "nguyenvanmau", "full_name": "Cán bộ", "password": "con-meo-xanh-ngu-trua"});
        let user = t.admin.post("/v1/users", &body).await.ok(201)["id"].as_str().unwrap().to_owned();
        let patch = t.admin.patch(&format!("/v1/users/{user}"), &json!({"password": "nguyenvanmau1"})).if_match("*").await;
        patch.faults(422, &[("/password", "weak_password")]);
    }
}
