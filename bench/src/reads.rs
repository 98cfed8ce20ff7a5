//! P1 and P2: progress, beside actix-web serving the same bytes. P11: how soon it is ready, and how much it takes.

use crate::{
    Plan,
    country::filled,
    load::{self, Connection},
    report::{Line, median},
    service::{On, Service},
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Connections of the load.
const CLIENTS: usize = 64;

/// What wrk saw.
pub struct Seen {
    /// Answers a second.
    pub rate: f64,
    /// The latency that 99 of 100 stay below, in milliseconds.
    pub p99_ms: f64,
}

/// Sends the same request from 64 connections for so many seconds.
pub fn wrk(url: &str, seconds: u64, headers: &[(&str, &str)]) -> Result<Seen> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c", &CLIENTS.to_string(), "-d", &seconds.to_string(), "--latency"]);
    for (name, value) in headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let output =
        command.arg(url).stdin(Stdio::null()).output().context("wrk is not there; it is Debian's package wrk")?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "wrk: {said} {}", String::from_utf8_lossy(&output.stderr));
    ensure!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "wrk met wrong answers: {said}");
    let field = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let rate = field("Requests/sec:").context("wrk says no rate")?.parse()?;
    Ok(Seen { rate, p99_ms: milliseconds(field("99%").context("wrk says no latency")?)? })
}

fn milliseconds(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * factor);
        }
    }
    bail!("no latency: {text}")
}

/// The floor, serving what the service answered.
struct Floor {
    child: Child,
    url: String,
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Floor {
    async fn start(plan: &Plan, body: &[u8], etag: &str) -> Result<Self> {
        let file = plan.scratch.path().join("floor.json");
        fs::write(&file, body)?;
        let free = TcpListener::bind(("127.0.0.1", 0))?;
        let address: SocketAddr = free.local_addr()?;
        drop(free);
        let beside = env::current_exe()?.with_file_name("bench-floor");
        let child = Command::new(&beside)
            .args([&address.port().to_string(), &file.display().to_string(), etag])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("{} can't be started", beside.display()))?;
        let floor = Self { child, url: format!("http://{address}/") };
        let started = Instant::now();
        while Connection::open(address).await.is_err() {
            ensure!(started.elapsed() < Duration::from_secs(10), "the floor does not serve");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(floor)
    }
}

/// One kind of read, in whole and unchanged.
struct Read {
    name: &'static str,
    work: &'static str,
    path: &'static str,
    with_token: bool,
    unchanged: bool,
    wanted: f64,
}

const READS: [Read; 3] = [
    Read {
        name: "P1",
        work: "GET progress, the nation by provinces, with a token",
        path: "/v1/progress?group_by=org_unit",
        with_token: true,
        unchanged: false,
        wanted: 0.60,
    },
    Read {
        name: "P1",
        work: "the same, unchanged: 304",
        path: "/v1/progress?group_by=org_unit",
        with_token: true,
        unchanged: true,
        wanted: 0.75,
    },
    Read {
        name: "P2",
        work: "GET public progress",
        path: "/v1/public/progress",
        with_token: false,
        unchanged: false,
        wanted: 0.85,
    },
];

/// P1 and P2 on one database.
pub async fn reads(plan: &Plan, on: &On, wanted: impl Fn(&str) -> bool) -> Result<Vec<Line>> {
    let size = filled(plan, on, plan.results).await?;
    let mut service = plan.start(on).await?;
    let mut lines = Vec::new();
    for read in READS.iter().filter(|read| wanted(read.name)) {
        lines.push(one(plan, on, &mut service, read, size.results).await?);
    }
    service.stop()?;
    Ok(lines)
}

async fn one(plan: &Plan, on: &On, service: &mut Service, read: &Read, results: u64) -> Result<Line> {
    let (mut ours, mut floors, mut p99) = (vec![], vec![], vec![]);
    let bar = plan.bar(&format!("{} on {}", read.name, on.name()), plan.rounds);
    for _ in 0..plan.rounds {
        service.log_in().await?;
        let request = load::get(read.path, &service.token);
        let answer = Connection::open(service.address).await?.call(&request).await?;
        holds(&answer.json(200)?)?;
        let etag = answer.header("etag").context("no ETag")?.to_owned();
        let floor = Floor::start(plan, &answer.body, &etag).await?;
        let bearer = format!("Bearer {}", service.token);
        let mut headers = vec![];
        if read.unchanged {
            headers.push(("If-None-Match", etag.as_str()));
        }
        floors.push(wrk(&floor.url, plan.seconds, &headers)?.rate);
        drop(floor);
        if read.with_token {
            headers.push(("Authorization", bearer.as_str()));
        }
        let url = format!("http://{}{}", service.address, read.path);
        let seen = wrk(&url, plan.seconds, &headers)?;
        ours.push(seen.rate);
        p99.push(seen.p99_ms);
        bar.inc(1);
    }
    bar.finish();
    let reached = median(&ours) / median(&floors);
    Ok(Line {
        name: read.name,
        work: format!("{}, {}, {results} results", read.work, on.name()),
        unit: "answers/s",
        goal: format!("≥ {:.2} × actix-web serving the same bytes", read.wanted),
        reached,
        met: reached >= read.wanted,
        notes: format!(
            "p99 {:.1} ms; wrk, one thread, {CLIENTS} connections; groups add up to the figure",
            median(&p99)
        ),
        ours,
        floor: floors,
    })
}

/// Holds that the groups of an answer add up to its figure.
fn holds(answer: &serde_json::Value) -> Result<()> {
    let groups = answer["groups"].as_array().or_else(|| answer["provinces"].as_array()).context("no groups")?;
    for figure in ["reported", "verified"] {
        let sum: i64 = groups.iter().filter_map(|group| group[figure].as_i64()).sum();
        ensure!(Some(sum) == answer[figure].as_i64() && sum > 0, "{figure}: groups add up to {sum}: {answer}");
    }
    Ok(())
}

/// P11 on one database.
pub async fn start(plan: &Plan, on: &On) -> Result<Vec<Line>> {
    const MIB: f64 = 1024.0 * 1024.0;
    let size = filled(plan, on, plan.results).await?;
    // The first start after so much was filed keeps a snapshot; those after it begin from there, as a service does in life.
    let service = plan.start(on).await?;
    service.settled(plan.results).await?;
    service.stop()?;
    let (mut ready, mut memory) = (vec![], vec![]);
    let bar = plan.bar(&format!("P11 on {}", on.name()), plan.rounds);
    for _ in 0..plan.rounds {
        let started = Instant::now();
        let service = plan.start_unauthenticated(on).await?;
        // Ready is when the figures are: the first answer tells them.
        let answer = Connection::open(service.address).await?.call(&load::get("/v1/public/progress", "")).await?;
        holds(&answer.json(200)?)?;
        ready.push(started.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_secs(3)).await;
        memory.push(service.resident_bytes()? / MIB);
        service.stop()?;
        bar.inc(1);
    }
    bar.finish();
    let line = |work: String, unit, figures: Vec<f64>, most: f64, notes: &str| Line {
        name: "P11",
        work,
        unit,
        goal: format!("≤ {most:.0} {unit}"),
        reached: median(&figures),
        met: median(&figures) <= most,
        notes: notes.to_owned(),
        ours: figures,
        floor: vec![],
    };
    let mut lines = vec![
        line(
            format!("start until the first figure is answered, {}, {} results", on.name(), size.results),
            "ms",
            ready,
            1_000.0,
            "from the process's start; the database is warm",
        ),
        line(
            format!("resident memory, idle, {}, {} results", on.name(), size.results),
            "MiB",
            memory,
            150.0,
            "three seconds after the first answer",
        ),
    ];
    if matches!(on, On::Postgres(_)) {
        lines.push(line("the binary".to_owned(), "MiB", vec![bytes(&plan.binary)? / MIB], 40.0, "as it is delivered"));
    }
    Ok(lines)
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
fn bytes(path: &Path) -> Result<f64> {
    Ok(fs::metadata(path)?.len() as f64)
}
