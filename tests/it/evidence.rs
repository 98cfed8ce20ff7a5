//! Evidence files: what is kept of them, who sees them, and where their bytes are.

use crate::harness::{
    Caller, T, id_in, value,
    world::{DA_NANG, HA_NOI, new_result, seeded_unit},
};
use actix_web::{http::Method, web::Bytes};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::{
    evidence_store::{Bucket, EvidenceStore},
    slices::evidence::ops::sweep,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), contents].concat()
}

/// A JPEG with GPS in its EXIF; `mark` makes it another picture.
pub fn jpeg(mark: &str) -> Vec<u8> {
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xe1, b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0GPS 20.9999N 105.9999E"),
        segment(0xdb, &[7; 65]),
        segment(0xc0, &[8, 0, 16, 0, 16, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        mark.as_bytes().to_vec(),
        vec![0xff, 0xd9],
    ]
    .concat()
}

async fn send(by: &Caller, kind: &str, bytes: impl Into<Bytes>) -> crate::harness::Answer {
    by.send(Method::POST, "/v1/evidence-files").body(kind, bytes).await
}

/// A picture that somebody sent.
pub async fn sent(by: &Caller, mark: &str) -> Uuid {
    send(by, "image/jpeg", jpeg(mark)).await.id()
}

fn naming(file: Uuid) -> Value {
    json!([{"kind": "photo", "file_id": file, "note": "Buổi học"}])
}

async fn count(t: &T, table: &str) -> i64 {
    value(t.store.read(), &format!("SELECT count(*) FROM {table}")).await
}

both! {
    async fn a_picture_is_kept_without_what_tells_where_it_was_taken(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let answer = send(&leader, "image/jpeg", jpeg("một")).await;
        let made = answer.ok(201);
        let path = format!("/v1/evidence-files/{}", answer.id());
        assert_eq!(answer.header("location"), Some(path.as_str()));
        assert_eq!((&made["content_type"], &made["url"]), (&json!("image/jpeg"), &json!(format!("{path}/content"))));
        assert_eq!(leader.get(&path).await.ok(200), made);

        let content = leader.get(&format!("{path}/content")).header("accept", "image/*").await;
        assert_eq!((content.status, content.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(json!(content.bytes.len()), made["size"]);
        let holds = |needle: &[u8]| content.bytes.windows(needle.len()).any(|w| w == needle);
        assert!(!holds(b"GPS") && !holds(b"Exif") && holds("một".as_bytes()));
        assert_eq!(content.header("content-security-policy"), Some("default-src 'none'; sandbox"));
        assert_eq!(content.header("cache-control"), Some("private, no-cache"));
        let name = format!("attachment; filename=\"{}.jpg\"", answer.id());
        assert_eq!(content.header("content-disposition"), Some(name.as_str()));
        assert_eq!(content.etag(), format!("\"{}\"", made["sha256"].as_str().unwrap()));
        let again = leader.get(&format!("{path}/content")).header("if-none-match", content.etag()).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));

        // It supports a result, whose reader reads it too.
        let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 5);
        body["evidence"] = naming(answer.id());
        let result = leader.post("/v1/results", &body).await.ok(201);
        assert_eq!(result["evidence"], body["evidence"]);
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        assert_eq!(viewer.get(&path).await.ok(200)["allowed_actions"], json!([]));
        assert_eq!(viewer.get(&format!("{path}/content")).await.bytes, content.bytes);
    }

    async fn the_same_bytes_are_kept_once_and_are_a_file_of_each_who_sent_them(t: &T) {
        let (_, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (_, other) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let first = send(&leader, "image/jpeg", jpeg("một")).await;
        let again = send(&leader, "image/jpeg", jpeg("một")).await;
        assert_eq!(again.ok(200), first.ok(201));
        let others = send(&other, "image/jpeg", jpeg("một")).await.ok(201);
        assert_eq!(others["sha256"], first.json()["sha256"]);
        assert_ne!(others["id"], first.json()["id"]);
        assert_eq!((count(t, "evidence_blob").await, count(t, "evidence_file").await), (1, 2));
        // Nobody else's file is there for them, as long as no result names it.
        other.get(&format!("/v1/evidence-files/{}", first.id())).await.problem(404, "not_found");
        other.get(&format!("/v1/evidence-files/{}/content", first.id())).await.problem(404, "not_found");
        // A retry by key is answered as it was; a rehearsal keeps nothing.
        let keyed = async || leader.send(Method::POST, "/v1/evidence-files").body("image/jpeg", jpeg("hai")).key("k").await;
        assert_eq!(keyed().await.ok(201), keyed().await.ok(201));
        let shown = leader.send(Method::POST, "/v1/evidence-files?dry_run=true").body("image/jpeg", jpeg("ba")).await;
        assert_eq!((shown.status, shown.header("dry-run")), (201, Some("true")));
        assert_eq!((count(t, "evidence_blob").await, count(t, "evidence_file").await), (2, 3));
    }

    async fn what_is_no_such_file_is_refused_and_leaves_nothing(t: &T) {
        let (_, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for kind in ["application/json", "image/svg+xml", "image/gif", "text/html", "multipart/form-data; boundary=x"] {
            let problem = send(&leader, kind, jpeg("x")).await.problem(415, "unsupported_media_type");
            assert_eq!(problem["allowed"][0], "image/jpeg");
        }
        for (kind, bytes) in [
            ("image/png", jpeg("x")),
            ("application/pdf", b"<html><script>alert(1)</script>".to_vec()),
            ("image/jpeg", vec![]),
            ("image/jpeg", b"\xff\xd8\xff".to_vec()),
            ("image/webp", b"RIFF\x04\0\0\0WEBP".to_vec()),
        ] {
            send(&leader, kind, bytes).await.problem(422, "file_not_readable");
        }
        let mut large = b"%PDF-1.7\n".to_vec();
        large.resize(10 * 1024 * 1024 + 1, b'x');
        let problem = send(&leader, "application/pdf", large.clone()).await.problem(413, "payload_too_large");
        assert_eq!(problem["limit"], 10 * 1024 * 1024);
        assert_eq!(count(t, "evidence_file").await, 0);
        large.pop();
        assert_eq!(send(&leader, "application/pdf", large).await.ok(201)["size"], 10 * 1024 * 1024);
        // Elsewhere the bound is what it was.
        let much = vec![b' '; 2 * 1024 * 1024 + 1];
        leader.send(Method::POST, "/v1/results").body("application/json", much).await.problem(413, "payload_too_large");
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        send(&viewer, "image/jpeg", jpeg("x")).await.problem(403, "forbidden");
        send(&t.stranger, "image/jpeg", jpeg("x")).await.problem(401, "unauthenticated");
    }

    async fn a_piece_of_evidence_is_a_link_or_a_file_that_its_author_sees(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let (_, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let (own, foreign) = (sent(&leader, "một").await, sent(&stranger, "hai").await);
        let body = |evidence: Value| {
            let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 5);
            body["evidence"] = evidence;
            body
        };
        let url = "https://example.org/a.jpg";
        for (evidence, expected) in [
            (json!([{"kind": "photo"}]), ("/evidence/0/url", "required")),
            (json!([{"kind": "photo", "url": url, "file_id": own}]), ("/evidence/0/file_id", "too_many")),
            (json!([{"kind": "photo", "url": url}, {"kind": "photo", "file_id": foreign}]), ("/evidence/1/file_id", "reference_not_found")),
            (json!([{"kind": "photo", "file_id": Uuid::now_v7()}]), ("/evidence/0/file_id", "reference_not_found")),
            (json!([{"kind": "photo", "file_id": "x"}]), ("/evidence/0/file_id", "bad_format")),
        ] {
            leader.post("/v1/results", &body(evidence)).await.faults(422, &[expected]);
        }
        let draft = leader.post("/v1/results", &body(json!([{"kind": "link", "url": url}]))).await.ok(201);
        let at = format!("/v1/results/{}", id_in(&draft, "id"));
        leader.patch(&at, &json!({"evidence": naming(foreign)})).if_match("*").await
            .faults(422, &[("/evidence/0/file_id", "reference_not_found")]);
        let changed = leader.patch(&at, &json!({"evidence": naming(own)})).if_match("*").await.ok(200);
        assert_eq!(changed["evidence"], naming(own));
        let viewer = t.user(Role::Viewer, seeded_unit(HA_NOI)).await;
        viewer.get(&format!("/v1/evidence-files/{own}")).await.ok(200);

        // Amended away, it stays readable with the revision that names it.
        leader.act(&format!("{at}/submit")).await.ok(200);
        let third = sent(&leader, "ba").await;
        let amendment = json!({"lines": body(json!([]))["lines"], "evidence": naming(third), "reason": "Đổi ảnh"});
        leader.post(&format!("{at}/amend"), &amendment).if_match("*").await.ok(200);
        for file in [own, third] {
            viewer.get(&format!("/v1/evidence-files/{file}/content")).await.ok_bytes();
        }
        let revisions = viewer.get(&format!("{at}/revisions")).await.ok(200);
        assert!(revisions.to_string().contains(&own.to_string()));
        // In a bulk request too, each item by itself.
        let mut second = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-02", 1);
        second["evidence"] = naming(own);
        let mut wrong = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-03", 1);
        wrong["evidence"] = naming(foreign);
        let outcome = leader.post("/v1/results/bulk", &json!({"results": [second, wrong]})).await.ok(200);
        assert_eq!((&outcome["accepted"], &outcome["rejected"]), (&json!(1), &json!(1)), "{outcome}");
    }

    async fn a_file_that_nobody_names_goes_and_one_that_is_named_stays(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let (named, unnamed, taken_back) = (sent(&leader, "một").await, sent(&leader, "hai").await, sent(&leader, "ba").await);
        let mut body = new_result(id_in(&activity, "id"), id_in(&team, "id"), "2024-07-01", 5);
        body["evidence"] = naming(named);
        let draft = leader.post("/v1/results", &body).await.ok(201);
        let at = |id: Uuid| format!("/v1/evidence-files/{id}");
        leader.delete(&at(named)).if_match("*").await.problem(409, "wrong_state");
        t.admin.delete(&at(named)).if_match("*").await.problem(403, "forbidden");
        leader.delete(&at(taken_back)).if_match("\"1\"").await.ok(204);
        leader.get(&at(taken_back)).await.problem(404, "not_found");

        // The bytes of what was taken back go at once, what nobody named within a week afterwards.
        assert_eq!(sweep(&t.app).await.unwrap(), 1);
        t.clock.set(crate::harness::now() + chrono::Duration::days(8));
        assert_eq!(sweep(&t.app).await.unwrap(), 1);
        assert_eq!(sweep(&t.app).await.unwrap(), 0);
        assert_eq!((count(t, "evidence_blob").await, count(t, "evidence_file").await), (1, 1));
        let leader = leader.with_a_new_token();
        leader.get(&at(unnamed)).await.problem(404, "not_found");
        leader.get(&format!("{}/content", at(named))).await.ok_bytes();
        // The draft goes, and a week later what it named.
        leader.delete(&format!("/v1/results/{}", id_in(&draft, "id"))).if_match("*").await.ok(204);
        assert_eq!(sweep(&t.app).await.unwrap(), 1);
        // What was swept may come again.
        send(&leader, "image/jpeg", jpeg("một")).await.ok(201);
    }

    async fn many_who_send_the_same_bytes_at_once_keep_them_once_while_others_are_swept(t: &T) {
        let (_, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        for round in 0..5 {
            let mark = format!("vòng {round}");
            let one = async || match send(&leader, "image/jpeg", jpeg(&mark)).await {
                answer if answer.status < 300 => Some(answer.id()),
                answer => {
                    answer.problem(503, "unavailable");
                    None
                }
            };
            let (a, b, c, d, swept) = futures_util::join!(one(), one(), one(), one(), sweep(&t.app));
            swept.unwrap();
            let ids: Vec<Uuid> = [a, b, c, d].into_iter().flatten().collect();
            assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            leader.get(&format!("/v1/evidence-files/{}/content", ids[0])).await.ok_bytes();
        }
        assert_eq!((count(t, "evidence_blob").await, count(t, "evidence_file").await), (5, 5));
    }

    async fn in_a_directory_files_are_written_before_their_rows_and_outlive_the_process(t: &T) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("evidence");
        let (_, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let replica = t.replica_keeping(EvidenceStore::directory(&place).unwrap()).await;
        let here = replica.asked_by(&leader);
        replica.app.evidence.probe().await.unwrap();
        let file = sent(&here, "một").await;
        let kept = files(&place);
        assert_eq!(kept.len(), 1, "{kept:?}");
        let sha = here.get(&format!("/v1/evidence-files/{file}")).await.ok(200)["sha256"].as_str().unwrap().to_owned();
        assert!(kept[0].contains(&sha), "{kept:?}");
        // Another process over the same directory reads it.
        let other = t.replica_keeping(EvidenceStore::directory(&place).unwrap()).await;
        other.asked_by(&leader).get(&format!("/v1/evidence-files/{file}/content")).await.ok_bytes();
        // A directory that can't be written: no row, and a clear answer.
        let ours = std::fs::read_dir(&place).unwrap().count();
        std::fs::remove_dir_all(&place).unwrap();
        std::fs::write(&place, b"in the way").unwrap();
        let answer = here.send(Method::POST, "/v1/evidence-files").body("image/jpeg", jpeg("hai")).lenient().await;
        answer.problem(503, "unavailable");
        let gone = here.get(&format!("/v1/evidence-files/{file}/content")).lenient().await;
        gone.problem(503, "unavailable");
        assert_eq!((count(t, "evidence_file").await, ours), (1, 1));
    }

    async fn in_a_bucket_files_are_signed_for_written_read_and_removed(t: &T) {
        let bucket = FakeBucket::start().await;
        let (_, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let replica = t.replica_keeping(bucket.store()).await;
        let here = replica.asked_by(&leader);
        replica.app.evidence.probe().await.unwrap();
        let file = sent(&here, "một").await;
        let content = here.get(&format!("/v1/evidence-files/{file}/content")).await;
        assert_eq!(content.ok_bytes().len(), here.get(&format!("/v1/evidence-files/{file}")).await.ok(200)["size"]);
        {
            let objects = bucket.objects.lock().unwrap();
            assert_eq!(objects.len(), 1, "{:?}", objects.keys());
            let (key, bytes) = objects.iter().next().unwrap();
            assert!(key.starts_with("/minh-chung/tinh-nguyen/") && bytes.as_slice() == content.bytes, "{key}");
        }
        here.delete(&format!("/v1/evidence-files/{file}")).if_match("*").await.ok(204);
        assert_eq!(sweep(&replica.app).await.unwrap(), 1);
        assert!(bucket.objects.lock().unwrap().is_empty());
        let methods = bucket.methods.lock().unwrap().clone();
        for method in ["PUT", "GET", "DELETE"] {
            assert!(methods.iter().any(|m| m == method), "{methods:?}");
        }
        // It refuses: nothing is noted, and the client is told to come back.
        *bucket.refuses.lock().unwrap() = true;
        let answer = here.send(Method::POST, "/v1/evidence-files").body("image/jpeg", jpeg("hai")).lenient().await;
        answer.problem(503, "unavailable");
        assert_eq!(count(t, "evidence_file").await, 0);
    }
}

fn files(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

/// As much of S3 as the store asks for, in memory. Whoever doesn't sign is refused.
struct FakeBucket {
    port: u16,
    objects: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    methods: Arc<Mutex<Vec<String>>>,
    refuses: Arc<Mutex<bool>>,
}

impl FakeBucket {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bucket = Self {
            port: listener.local_addr().unwrap().port(),
            objects: Arc::default(),
            methods: Arc::default(),
            refuses: Arc::default(),
        };
        let (objects, methods, refuses) = (bucket.objects.clone(), bucket.methods.clone(), bucket.refuses.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (objects, methods, refuses) = (objects.clone(), methods.clone(), refuses.clone());
                tokio::spawn(async move {
                    let _ = Self::answer(stream, &objects, &methods, &refuses).await;
                });
            }
        });
        bucket
    }

    fn store(&self) -> EvidenceStore {
        EvidenceStore::bucket(&Bucket {
            name: "minh-chung".to_owned(),
            prefix: "tinh-nguyen".to_owned(),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            region: "us-east-1".to_owned(),
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI".into(),
        })
        .unwrap()
    }

    /// One request a connection.
    async fn answer(
        mut stream: tokio::net::TcpStream,
        objects: &Mutex<HashMap<String, Vec<u8>>>,
        methods: &Mutex<Vec<String>>,
        refuses: &Mutex<bool>,
    ) -> std::io::Result<()> {
        let mut read = Vec::new();
        let mut buffer = [0; 65536];
        let head_end = loop {
            if let Some(at) = read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                n => read.extend_from_slice(&buffer[..n]),
            }
        };
        let head = String::from_utf8_lossy(&read[..head_end]).to_ascii_lowercase();
        let first = String::from_utf8_lossy(&read[..head_end]).lines().next().unwrap().to_owned();
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let path = path.split('?').next().unwrap().to_owned();
        let header =
            |name: &str| head.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")).map(ToOwned::to_owned));
        let length: usize = header("content-length").and_then(|l| l.trim().parse().ok()).unwrap_or(0);
        let mut body = read[head_end..].to_vec();
        while body.len() < length {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                n => body.extend_from_slice(&buffer[..n]),
            }
        }
        methods.lock().unwrap().push(method.clone());
        let signed = header("authorization").is_some_and(|a| {
            a.starts_with("aws4-hmac-sha256 credential=akidexample/") && a.contains("/us-east-1/s3/aws4_request")
        });
        let (status, answer): (&str, Vec<u8>) = if !signed || *refuses.lock().unwrap() {
            ("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>".to_vec())
        } else {
            let mut objects = objects.lock().unwrap();
            match method.as_str() {
                "PUT" => {
                    objects.insert(path, body);
                    ("200 OK", vec![])
                }
                "GET" | "HEAD" => match objects.get(&path) {
                    Some(bytes) => ("200 OK", bytes.clone()),
                    None => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
                },
                "DELETE" => {
                    objects.remove(&path);
                    ("204 No Content", vec![])
                }
                _ => ("405 Method Not Allowed", vec![]),
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"e\"\r\nLast-Modified: Mon, 01 Jul 2024 01:00:00 GMT\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&answer).await?;
        stream.shutdown().await
    }
}
