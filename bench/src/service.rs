//! The service under load: its own binary, as it is delivered, over a fresh database.

use crate::load::{self, Connection};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tinhnguyen_persistence::reference::id_of;
use uuid::Uuid;

/// Days of the campaign that may be reported.
pub const DAYS: usize = 60;
/// The provincial unions.
const UNITS: usize = 60;
/// Communes that are used.
const PLACES: usize = 6_000;
const PASSWORD: &str = "mat-khau-do-dac-01";

/// The n-th day that may be reported.
pub fn day(n: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 6, 15).unwrap_or_default();
    (first + chrono::Days::new(u64::try_from(n % DAYS).unwrap_or_default())).to_string()
}

/// Which database an instance stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A file.
    Sqlite(PathBuf),
    /// A database of the server at this address.
    Postgres(String),
}

impl On {
    /// Its name in the table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// What tells it from others, in names of files.
    pub fn key(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("{}-sqlite", path.file_stem().unwrap_or_default().display()),
            Self::Postgres(url) => format!("{}-postgres", url.rsplit('/').next().unwrap_or_default()),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// A running instance.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its administrator's token; renewed by [`Service::log_in`].
    pub token: String,
    directory: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts the binary on a database, with its keys and its log in a directory, and waits until somebody can log in.
    pub async fn start(binary: &Path, on: &On, directory: PathBuf) -> Result<Self> {
        let mut service = Self::spawn(binary, on, directory)?;
        let started = Instant::now();
        while service.log_in().await.is_err() {
            service.awaited(started).await?;
        }
        Ok(service)
    }

    /// Starts the binary, and waits until it says that it is ready.
    pub async fn start_unauthenticated(binary: &Path, on: &On, directory: PathBuf) -> Result<Self> {
        let mut service = Self::spawn(binary, on, directory)?;
        let started = Instant::now();
        let request = load::get("/readyz", "");
        loop {
            if let Ok(mut connection) = Connection::open(service.address).await
                && connection.call(&request).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(service);
            }
            service.awaited(started).await?;
        }
    }

    async fn awaited(&mut self, since: Instant) -> Result<()> {
        let ended = self.child.try_wait()?.is_some();
        ensure!(!ended && since.elapsed() < Duration::from_secs(120), "it does not serve: {}", self.said());
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(())
    }

    /// Waits until it has kept a snapshot of its figures, as it does after it was started over so many results, if one is due.
    pub async fn settled(&self, results: u64) -> Result<()> {
        let started = Instant::now();
        while results > 200_000 && !self.said().contains("snapshot of the figures kept") {
            ensure!(started.elapsed() < Duration::from_secs(1_800), "no snapshot of the figures within half an hour");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The memory that it has resident.
    pub fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024.0)
    }

    fn spawn(binary: &Path, on: &On, directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("password"), PASSWORD)?;
        let free = TcpListener::bind(("127.0.0.1", 0))?;
        let address = free.local_addr()?;
        drop(free);
        let log = File::create(directory.join("log"))?;
        let child = Command::new(binary)
            .current_dir(&directory)
            .args(["serve", "--listen", &address.to_string(), "--data-dir", "data"])
            .args(["--admin-password-file", "password", "--database-url", &on.url()])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} can't be started", binary.display()))?;
        Ok(Self { child, address, token: String::new(), directory })
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Ends it as an operator does.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}: {}", self.said());
        Ok(())
    }

    /// Gets a fresh token: one is good for a quarter of an hour.
    pub async fn log_in(&mut self) -> Result<()> {
        let form = format!("grant_type=password&username=admin&password={PASSWORD}");
        let request = format!(
            "POST /v1/auth/token HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let token = Connection::open(self.address).await?.call(request.as_bytes()).await?.json(200)?;
        self.token = token["access_token"].as_str().context("no token")?.to_owned();
        Ok(())
    }

    /// Sends one request.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = load::post(path, &self.token, None, &body.to_string());
        Connection::open(self.address).await?.call(&request).await?.json(201)
    }

    /// The turns that the country has reported.
    pub async fn reported(&self) -> Result<i64> {
        let request = load::get("/v1/public/progress", &self.token);
        let progress = Connection::open(self.address).await?.call(&request).await?.json(200)?;
        progress["reported"].as_i64().context("no figure")
    }

    /// New teams, one a province, round and round.
    pub async fn teams(&self, many: usize) -> Result<Vec<Uuid>> {
        let mut teams = Vec::with_capacity(many);
        let units = self.units().await?;
        for unit in units.iter().cycle().take(many) {
            let body = json!({
                "campaign_id": id_of("campaign", "HE-2024"), "org_unit_id": unit, "kind": "digital_summer",
                "name": "Đội đo đạc", "starts_on": "2024-06-01", "ends_on": "2024-08-31",
            });
            teams.push(id(&self.post("/v1/teams", &body).await?)?);
        }
        Ok(teams)
    }

    async fn units(&self) -> Result<Vec<Uuid>> {
        let request = load::get("/v1/org-units?kind=province&limit=200", &self.token);
        let page = Connection::open(self.address).await?.call(&request).await?.json(200)?;
        let units = page["data"].as_array().context("no units")?.iter().take(UNITS).map(id);
        units.collect()
    }

    /// Communes as they were in summer 2024.
    async fn places(&self) -> Result<Vec<Uuid>> {
        let mut places = Vec::new();
        let mut path = "/v1/localities?kind=commune&as_of=2024-07-01&limit=200".to_owned();
        while places.len() < PLACES {
            let page = Connection::open(self.address).await?.call(&load::get(&path, &self.token)).await?.json(200)?;
            for item in page["data"].as_array().context("no localities")? {
                places.push(id(item)?);
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/localities?kind=commune&as_of=2024-07-01&limit=200&cursor={cursor}");
        }
        Ok(places)
    }

    /// New activities, so many of each team, made by as many connections as there are teams.
    pub async fn activities(&self, teams: &[Uuid], each: usize) -> Result<Vec<Vec<Uuid>>> {
        let places = self.places().await?;
        // No two of a round in one place, as in life: results of one place and day are compared with each other.
        let place = |team: usize, number: usize| places.get((team * each + number) % places.len().max(1));
        let made: Vec<_> = teams.iter().map(|_| std::cell::RefCell::new(Vec::with_capacity(each))).collect();
        let make = |team: usize, number: usize| {
            let locality = place(team, number)?;
            let team = teams.get(team).filter(|_| number < each)?;
            let body = json!({
                "campaign_id": id_of("campaign", "HE-2024"), "lead_team_id": team, "team_ids": [team],
                "locality_id": locality, "kind": "training_class",
                "topics": ["cyber_safety"], "title": "Lớp đo đạc", "mode": "in_person",
                "starts_at": "2024-07-01T01:00:00Z", "ends_at": "2024-07-01T04:00:00Z",
            });
            Some(load::post("/v1/activities", &self.token, None, &body.to_string()))
        };
        let look = |team: usize, _: usize, answer: &load::Answer| {
            let activity = id(&answer.json(201)?)?;
            made.get(team).context("an answer to nobody")?.borrow_mut().push(activity);
            Ok(())
        };
        load::drive(self.address, teams.len(), Duration::from_secs(600), make, look).await?;
        Ok(made.into_iter().map(std::cell::RefCell::into_inner).collect())
    }
}

/// The id of an item.
pub fn id(item: &Value) -> Result<Uuid> {
    Ok(item["id"].as_str().context("no id")?.parse()?)
}
