//! What needs a real socket, and what must not happen: slow bodies, bodies without an end, panics.

use crate::harness::{
    T, value,
    world::{HA_NOI, new_team, seeded_unit},
};
use actix_web::{test as in_process, web::Data};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tinhnguyen_domain::clock::Clock;
use tinhnguyen_http::{
    app::{App, Settings, service},
    keyring::generate_key,
    tokens::Tokens,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Reads until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn head(t: &T, framing: &str) -> String {
    let token = t.admin.token.as_deref().unwrap();
    format!(
        "POST /v1/teams HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
    )
}

/// A clock that breaks, to see what a panic anywhere in a request becomes.
struct Broken;

impl Clock for Broken {
    fn now(&self) -> DateTime<Utc> {
        panic!("the clock is broken")
    }
}

only! { Sqlite:
    async fn a_body_that_comes_too_slowly_is_408_and_harms_nobody(t: &T) {
        let (server, address) = t.listening().await;
        let body = new_team(seeded_unit(HA_NOI)).to_string();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(head(t, &format!("content-length: {}", body.len())).as_bytes()).await.unwrap();
        slow.write_all(&body.as_bytes()[..10]).await.unwrap();
        let started = Instant::now();

        // Meanwhile others are served.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let quick = rest(&mut other).await;
        assert!(quick.starts_with("HTTP/1.1 200") && started.elapsed() < Duration::from_secs(5), "{quick}");

        let answer = tokio::time::timeout(Duration::from_secs(40), rest(&mut slow)).await.expect("an answer in time");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("\"code\":\"request_timeout\"") && answer.contains("connection: close"), "{answer}");
        assert!(started.elapsed() >= Duration::from_secs(10), "after {:?}", started.elapsed());
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM team").await, 0);
        server.stop(false).await;
    }

    async fn a_body_without_an_end_is_answered_at_its_limit(t: &T) {
        let (server, address) = t.listening().await;
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        to.write_all(head(t, "transfer-encoding: chunked").as_bytes()).await.unwrap();
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        let endless = async {
            while to.write_all(chunk.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = vec![0; 4096];
        let read = tokio::select! {
            read = tokio::time::timeout(Duration::from_secs(10), from.read(&mut answer)) => read.expect("an answer while it is sent").unwrap(),
            () = endless => 0,
        };
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("connection: close"), "{answer}");

        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head(t, "content-length: 1000000000").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(10), rest(&mut stream)).await.expect("an answer at once");
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        server.stop(false).await;
    }

    async fn a_body_that_breaks_off_is_no_write(t: &T) {
        let (server, address) = t.listening().await;
        let body = new_team(seeded_unit(HA_NOI)).to_string();
        for cut in [0, 1, body.len() / 2, body.len() - 1] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head(t, &format!("content-length: {}", body.len())).as_bytes()).await.unwrap();
            stream.write_all(&body.as_bytes()[..cut]).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = tokio::time::timeout(Duration::from_secs(10), rest(&mut stream)).await.expect("it is let go");
        }
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM team").await, 0);
        let mut whole = TcpStream::connect(address).await.unwrap();
        whole
            .write_all(head(t, &format!("content-length: {}\r\nconnection: close", body.len())).as_bytes())
            .await
            .unwrap();
        whole.write_all(body.as_bytes()).await.unwrap();
        assert!(rest(&mut whole).await.starts_with("HTTP/1.1 201"));
        server.stop(false).await;
    }

    async fn two_lengths_of_one_body_are_refused(t: &T) {
        let (server, address) = t.listening().await;
        for framing in [
            "content-length: 5\r\ncontent-length: 6",
            "content-length: 5\r\ntransfer-encoding: chunked",
            "content-length: -1",
            "content-length: 5x",
            "transfer-encoding: identity, chunked, x",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head(t, framing).as_bytes()).await.unwrap();
            stream.write_all(b"{}   GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(20), rest(&mut stream)).await.expect("it is let go");
            assert!(!answer.contains("HTTP/1.1 200") && !answer.contains("HTTP/1.1 5"), "{framing}: {answer}");
        }
        server.stop(false).await;
    }

    async fn a_panic_is_a_500_problem_that_tells_nothing_and_is_counted(t: &T) {
        let state = Data::new(App::new(
            t.store.clone(),
            Arc::new(Broken),
            Tokens::from_pem(&generate_key().unwrap()).unwrap(),
            crate::harness::vault(),
            Settings::default(),
        ));
        let running = in_process::init_service(service(state.clone())).await;
        for _ in 0..2 {
            let request = in_process::TestRequest::get()
                .uri("/v1/me")
                .insert_header(("authorization", "Bearer a.b.c"))
                .insert_header(("accept-language", "en"))
                .insert_header(("x-request-id", "panik-1"));
            let response = match in_process::try_call_service(&running, request.to_request()).await {
                Ok(response) => response.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
            let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                (&body["code"], &body["request_id"], &body["status"]),
                (&"internal".into(), &"panik-1".into(), &500.into())
            );
            assert!(!body.to_string().contains("clock"), "{body}");
        }
        assert!(state.metrics.text().contains("tinhnguyen_panics 2"), "{}", state.metrics.text());
    }
}
