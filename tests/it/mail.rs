//! Mail: it leaves after the commit, once, and what can't be sent is tried again and then given up.

use crate::harness::{
    T, letters,
    letters::Letter,
    now, value, values,
    world::{HA_NOI, new_invitation, seeded_unit},
};
use chrono::Duration;
use std::path::Path;
use tinhnguyen_http::mail::delivery::{Delivery, Protection, Server, sender};
use tinhnguyen_persistence::{StoreError, mail};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

const FROM: &str = "Tình nguyện <no-reply@example.org>";

async fn invite(t: &T) {
    t.admin.post("/v1/invitations", &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
}

async fn rows(t: &T) -> i64 {
    value(t.store.read(), "SELECT count(*) FROM mail_outbox").await
}

/// A mail server that takes one connection and says what it was sent; `verdict` is its answer to the text.
async fn server(verdict: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::task::spawn_local(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (reading, mut writing) = socket.into_split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(b"220 thu\r\n").await.unwrap();
        let mut taken = String::new();
        let mut text = false;
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if text => {
                    text = false;
                    verdict
                }
                _ if text => {
                    taken.push_str(&line);
                    taken.push_str("\r\n");
                    continue;
                }
                "EHLO" => "250 thu",
                "DATA" => {
                    text = true;
                    "354 go on"
                }
                "QUIT" => {
                    writing.write_all(b"221 bye\r\n").await.unwrap();
                    break;
                }
                _ => "250 ok",
            };
            writing.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        taken
    });
    (port, served)
}

fn to(port: u16) -> Delivery {
    let server = Server { host: "127.0.0.1".to_owned(), port, protection: Protection::Plain, login: None };
    Delivery::to_server(&server, sender(FROM).unwrap()).unwrap()
}

/// Where no mail can be written.
fn broken() -> Delivery {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("mail");
    Delivery::to_directory(&directory, sender(FROM).unwrap()).unwrap()
}

both! {
    async fn a_mail_is_in_both_languages_and_nothing_of_it_is_kept_once_it_was_sent(t: &T) {
        invite(t).await;
        let stored: Vec<u8> = value(t.store.read(), "SELECT body FROM mail_outbox").await;
        let [letter] = &t.letters().await[..] else { panic!("one mail") };
        assert_eq!(letter.to, "nguoi-moi@example.org");
        assert!(letter.head.contains("From: =?utf-8?") && letter.head.contains("Message-ID: <"), "{}", letter.head);
        let (vi, en) = (letter.text.find("Chào Người Mới").unwrap(), letter.text.find("Hello Người Mới").unwrap());
        assert!(vi < en && letter.text.contains("https://tinhnguyen.example/account/invitation#tni_"), "{}", letter.text);
        assert!(letter.text.contains("10:00 ngày 22/07/2024"), "seven days on, in Viet Nam: {}", letter.text);
        let token = letter.token();
        assert!(!stored.windows(token.len()).any(|w| w == token.as_bytes()), "it waits sealed");
        assert_eq!(rows(t).await, 0);
        assert!(t.letters().await.is_empty());
    }

    async fn what_was_not_committed_is_not_sent(t: &T) {
        let path = "/v1/invitations?dry_run=true";
        t.admin.post(path, &new_invitation(seeded_unit(HA_NOI))).await.ok(201);
        assert_eq!(rows(t).await, 0);
        assert!(t.letters().await.is_empty());
    }

    async fn of_two_replicas_at_once_one_sends_a_mail(t: &T) {
        for _ in 0..5 {
            invite(t).await;
        }
        let replica = t.replica().await;
        let (here, there) =
            futures_util::future::join(letters::delivered(&t.app), letters::delivered(&replica.app)).await;
        let mut tokens: Vec<String> = here.iter().chain(&there).map(Letter::token).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!((here.len() + there.len(), tokens.len()), (5, 5));
        assert_eq!(rows(t).await, 0);
    }

    async fn a_lease_keeps_others_away_until_it_runs_out(t: &T) {
        invite(t).await;
        let id = mail::due_ids(t.store.read(), now(), 9).await.unwrap()[0];
        let lease = async |at| t.store.write::<_, StoreError>(async |tx| mail::lease(tx, id, at).await).await.unwrap();
        assert_eq!(lease(now()).await.unwrap().attempts, 1);
        assert!(lease(now()).await.is_none() && t.letters().await.is_empty());
        // The replica that had it was killed.
        t.clock.set(now() + mail::LEASE);
        assert_eq!(t.letters().await.len(), 1);
    }

    async fn what_cannot_be_sent_is_tried_more_and_more_seldom_and_then_given_up(t: &T) {
        invite(t).await;
        let delivery = broken();
        let mut at = now();
        let mut waits = Vec::new();
        for attempt in 1..mail::ATTEMPTS {
            assert_eq!(delivery.run(&t.app).await.unwrap(), 0);
            assert_eq!(delivery.run(&t.app).await.unwrap(), 0, "not before it is due");
            let (attempts, due): (i32, chrono::DateTime<chrono::Utc>) = (
                value(t.store.read(), "SELECT attempts FROM mail_outbox").await,
                value(t.store.read(), "SELECT due_at FROM mail_outbox").await,
            );
            assert_eq!(attempts, attempt);
            waits.push((due - at).num_seconds());
            at = due;
            t.clock.set(at);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        delivery.run(&t.app).await.unwrap();
        let states: Vec<String> = values(t.store.read(), "SELECT status FROM mail_outbox WHERE body IS NULL").await;
        assert_eq!(states, ["failed"], "kept without its text");
        let metrics = t.stranger.get("/metrics").await;
        assert!(metrics.text().contains("tinhnguyen_mail_failed 1") && metrics.text().contains("tinhnguyen_mail_pending 0"));
        assert!(t.letters().await.is_empty());
        t.clock.set(now() + Duration::days(31));
        let swept = t.store.write::<_, StoreError>(async |tx| mail::sweep(tx, now() + Duration::days(31)).await).await;
        assert_eq!((swept.unwrap(), rows(t).await), (1, 0));
    }

    async fn a_mail_whose_link_has_expired_is_not_sent(t: &T) {
        invite(t).await;
        t.clock.set(now() + Duration::days(7));
        assert!(t.letters().await.is_empty());
        let states: Vec<String> = values(t.store.read(), "SELECT status FROM mail_outbox").await;
        assert_eq!(states, ["failed"]);
    }

    async fn a_mail_server_takes_it(t: &T) {
        invite(t).await;
        let (port, served) = server("250 ok").await;
        let delivery = to(port);
        assert_eq!(delivery.run(&t.app).await.unwrap(), 1);
        drop(delivery);
        let letter = Letter::read(&served.await.unwrap());
        assert_eq!(letter.to, "nguoi-moi@example.org");
        assert!(letter.token().starts_with("tni_"));
        assert_eq!(rows(t).await, 0);
    }

    async fn what_a_mail_server_refuses_for_good_is_given_up_and_for_now_is_tried_again(t: &T) {
        for (verdict, status) in [("451 later", "pending"), ("550 never", "failed")] {
            invite(t).await;
            let (port, served) = server(verdict).await;
            let delivery = to(port);
            assert_eq!(delivery.run(&t.app).await.unwrap(), 0);
            drop(delivery);
            served.await.unwrap();
            let states: Vec<String> = values(t.store.read(), "SELECT status FROM mail_outbox").await;
            assert_eq!(states, [status]);
            t.sql("DELETE FROM mail_outbox").await;
        }
        // Nobody listens.
        invite(t).await;
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        assert_eq!(to(port).run(&t.app).await.unwrap(), 0);
        assert_eq!(t.letters().await.len(), 0);
        t.clock.set(now() + Duration::seconds(30));
        assert_eq!(t.letters().await.len(), 1);
    }
}

#[test]
fn a_directory_for_mails_that_cannot_be_made_is_said() {
    let made = Delivery::to_directory(Path::new("/dev/null/mail"), sender(FROM).unwrap());
    assert!(made.is_err());
}
