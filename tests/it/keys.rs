//! Rotation of the signing keys, with two replicas that read the file at different moments.

use crate::harness::{T, now};
use chrono::Duration;
use secrecy::ExposeSecret;
use tinhnguyen_http::keyring::Keyring;

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

both! {
    async fn a_rotation_is_seen_by_nobody_but_in_the_names_of_the_keys(t: &T) {
        let replica = t.replica().await;
        let (first, second) = (t.admin.clone(), replica.asked_by(&t.admin));
        let before = first.token.clone().unwrap();
        let text = t.app.tokens.keyring().to_pem();
        let soon = now() + Duration::minutes(10);
        let file = Keyring::from_pem(text.expose_secret()).unwrap().rotate(now(), soon).unwrap().to_pem();

        // One replica has read the file, the other not yet: both sign with the old key.
        assert_eq!(t.app.tokens.reload(file.expose_secret()), Ok(true));
        assert_eq!(t.app.tokens.reload(file.expose_secret()), Ok(false), "nothing new");
        let published = t.stranger.get("/.well-known/jwks.json").await.ok(200);
        assert_eq!(published["keys"].as_array().unwrap().len(), 2, "the next key is known before it signs");
        let token = first.clone().with_a_new_token().token.unwrap();
        assert_eq!(kid(&token), kid(&before));
        second.clone().with_token(token).get("/v1/me").await.ok(200);

        assert_eq!(replica.app.tokens.reload(file.expose_secret()), Ok(true));
        t.clock.set(soon);
        for caller in [&first, &second] {
            let token = caller.clone().with_a_new_token().token.unwrap();
            assert_ne!(kid(&token), kid(&before), "the new key signs");
            first.clone().with_token(token.clone()).get("/v1/me").await.ok(200);
            second.clone().with_token(token).get("/v1/me").await.ok(200);
            // What the old key signed is good until it runs out.
            caller.clone().with_token(before.clone()).get("/v1/me").await.ok(200);
        }
        t.clock.set(now() + Duration::minutes(16));
        first.clone().with_token(before).get("/v1/me").await.problem(401, "unauthenticated");
    }

    async fn a_replaced_key_is_out_at_once_and_sessions_go_on(t: &T) {
        let login = crate::guessing::login(&t.stranger, "admin", crate::harness::ADMIN_PASSWORD, "198.51.100.7").await.ok(200);
        let stolen = t.app.tokens.keyring().to_pem();
        let thief = tinhnguyen_http::tokens::Tokens::from_pem(stolen.expose_secret()).unwrap();
        let forged = thief.issue(t.admin.user_id, now()).unwrap();
        t.stranger.clone().with_token(forged.clone()).get("/v1/me").await.ok(200);
        t.app.tokens.reload(Keyring::replace().unwrap().to_pem().expose_secret()).unwrap();
        t.stranger.clone().with_token(forged).get("/v1/me").await.problem(401, "unauthenticated");
        let form = format!("grant_type=refresh_token&refresh_token={}", login["refresh_token"].as_str().unwrap());
        let sending = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token");
        let renewed = sending.body("application/x-www-form-urlencoded", form).await.ok(200);
        t.stranger.clone().with_token(renewed["access_token"].as_str().unwrap()).get("/v1/me").await.ok(200);
    }

    async fn a_file_that_cannot_be_used_changes_nothing(t: &T) {
        let text = t.app.tokens.keyring().to_pem().expose_secret().to_owned();
        for broken in ["", "x", &text[..text.len() / 2]] {
            assert!(t.app.tokens.reload(broken).is_err());
            t.admin.get("/v1/me").await.ok(200);
        }
    }
}
