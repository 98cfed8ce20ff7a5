//! Every reading operation answers, says so again in 304 when nothing changed, and answers to HEAD what it does to GET.

use super::{Op, World, each};
use crate::harness::T;
use reqwest::{Client, Method, Response, redirect::Policy};
use std::collections::BTreeMap;

/// The headers of an answer, but for those that each answer has its own of.
fn heads(response: &Response) -> BTreeMap<String, String> {
    let all = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    all.filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "ratelimit")).collect()
}

both! {
    async fn what_is_read_is_answered_once_and_then_304(t: &T) {
        let world = World::new(t).await;
        each(Op::all(t).into_iter().filter(Op::is_read), 60, async |op| {
            let asked = world.good(op, &world.site).await;
            let first = asked.send().await;
            assert!(op.says["responses"].get(first.status.to_string()).is_some() && first.status < 400, "{}", first.text());
            let Some(tag) = first.header("etag") else {
                assert!(!op.has("header", "If-None-Match"), "no ETag, and takes If-None-Match");
                return;
            };
            assert!(op.has("header", "If-None-Match"), "an ETag that is good for nothing");
            for tag in [tag.to_owned(), format!("W/{tag}"), format!("\"khac\", {tag}"), "*".to_owned()] {
                let again = asked.send().header("if-none-match", &tag).await;
                assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, first.header("etag")), "{tag}");
                assert_eq!(again.header("cache-control"), first.header("cache-control"));
            }
            let other = asked.send().header("if-none-match", "\"khac\"").await;
            assert_eq!((other.status, other.header("etag")), (first.status, first.header("etag")));
        })
        .await;
        world.end().await;
    }

    async fn head_is_answered_as_get_is_and_without_a_body(t: &T) {
        let world = World::new(t).await;
        // On a socket: what HEAD leaves out is left out there.
        let (server, address) = t.listening().await;
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        // A login at a provider wants the other application, and its way back is good once.
        let reads = Op::all(t).into_iter().filter(|op| op.is_read() && !op.path.starts_with("/v1/auth/oidc/"));
        each(reads, 60, async |op| {
            let asked = world.good(op, &world.site).await;
            let send = async |method| {
                let mut request = http.request(method, format!("http://{address}{}", asked.path));
                if let Some(token) = &asked.by.token {
                    request = request.bearer_auth(token);
                }
                request.send().await.unwrap()
            };
            let get = send(Method::GET).await;
            let head = send(Method::HEAD).await;
            // Events never end, so nobody knows how many bytes they are; and each reading of somebody's data is told in them.
            let streams = op.media_types() == ["text/event-stream"];
            let (mut of_head, mut of_get) = (heads(&head), heads(&get));
            if streams || op.id == "get_volunteer_personal_data" {
                for all in [&mut of_head, &mut of_get] {
                    all.retain(|name, _| name != "content-length" && name != "transfer-encoding");
                }
            }
            assert_eq!((head.status(), of_head), (get.status(), of_get));
            assert_eq!(get.status(), 200);
            assert_eq!(get.headers().contains_key("content-length"), !streams);
            assert_eq!(head.bytes().await.unwrap().len(), 0);
        })
        .await;
        server.stop(false).await;
        world.end().await;
    }
}
