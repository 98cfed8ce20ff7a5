//! Load: connections that are kept open, each with one request on its way, as fast as they are answered.

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long an answer may take. The service gives up a request after half a minute.
const PATIENCE: Duration = Duration::from_secs(40);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, when the status is the one that is wanted.
    pub fn json(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body));
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A connection that is kept open.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("nobody answers at {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer to the end.
    pub async fn call(&mut self, request: &[u8]) -> Result<Answer> {
        tokio::time::timeout(PATIENCE, self.exchange(request)).await.context("no answer within the deadline")?
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection was closed");
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(start) = head.parse(&self.read)? else { continue };
            let status = head.code.context("an answer without a status")?;
            let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let Some(length) = length else { bail!("an answer of unknown length") };
            let end = start + std::str::from_utf8(length.value)?.parse::<usize>()?;
            let text = |header: &httparse::Header<'_>| {
                (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
            };
            // Only the few that somebody asks for: a generator has no time to lose.
            let kept =
                head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("etag")).map(text).collect();
            while self.read.len() < end {
                ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection was closed");
            }
            return Ok(Answer { status, body: self.read.get(start..end).unwrap_or_default().to_vec(), headers: kept });
        }
    }
}

/// A POST with a JSON body.
pub fn post(path: &str, token: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nIf-Match: *\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A GET.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// What became of many requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// How long each took, in order of length.
    pub latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub took: Duration,
    /// What the first answer said that was not wanted.
    pub complaint: Option<String>,
}

impl Outcome {
    /// Requests answered in a second.
    pub fn per_second(&self) -> f64 {
        let answers: u64 = self.by_status.values().sum();
        crate::report::ratio(answers, 1) / self.took.as_secs_f64()
    }

    /// The latency that this share of the answers stays below, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// Sends from many connections at once until the time is up or no request is left: `make` gives the next one of a
/// connection, `look` sees each answer with the connection and the number of the request.
pub async fn drive(
    to: SocketAddr,
    connections: usize,
    time: Duration,
    make: impl Fn(usize, usize) -> Option<Vec<u8>>,
    look: impl Fn(usize, usize, &Answer) -> Result<()>,
) -> Result<Outcome> {
    let open = try_join_all((0..connections).map(|_| Connection::open(to))).await?;
    let started = Instant::now();
    let each = open.into_iter().enumerate().map(|(at, mut connection)| {
        let (make, look) = (&make, &look);
        async move {
            let mut outcome = Outcome::default();
            let mut number = 0;
            while started.elapsed() < time {
                let Some(request) = make(at, number) else { break };
                let sent = Instant::now();
                let answer = connection.call(&request).await?;
                outcome.latencies.push(sent.elapsed());
                *outcome.by_status.entry(answer.status).or_default() += 1;
                if let Err(err) = look(at, number, &answer) {
                    outcome.complaint.get_or_insert_with(|| format!("{err:#}"));
                }
                number += 1;
            }
            Ok::<_, anyhow::Error>(outcome)
        }
    });
    let mut all = Outcome::default();
    for one in try_join_all(each).await? {
        all.latencies.extend(one.latencies);
        for (status, count) in one.by_status {
            *all.by_status.entry(status).or_default() += count;
        }
        all.complaint = all.complaint.or(one.complaint);
    }
    all.took = started.elapsed();
    all.latencies.sort_unstable();
    if let Some(complaint) = &all.complaint {
        bail!("a wrong answer: {complaint}");
    }
    Ok(all)
}
