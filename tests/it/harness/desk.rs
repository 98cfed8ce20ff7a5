//! The binary as an operator runs it: a directory, a process, and an administrator who asks it.

use super::{Blank, world};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tinhnguyen_persistence::Database;
use uuid::Uuid;

pub const PASSWORD: &str = "mat-khau-quan-tri-01";

/// How long a start may take: this is the build without optimisation, on a busy machine.
pub const START: Duration = Duration::from_secs(60);

/// Where an operator works: a directory with the password's file and what the processes say.
pub struct Desk {
    pub dir: TempDir,
    url: String,
}

impl Desk {
    pub fn new(db: &Blank) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let url = match db.database() {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres { url, .. } => url,
        };
        Self { dir, url }
    }

    /// A command with nothing in its environment that could change it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinhnguyen-under-test"));
        command.env_clear().current_dir(self.dir.path()).args(arguments).args(["--database-url", &self.url]);
        command.args(["--data-dir", "data"]).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; gives its exit code and what it said on either channel.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    /// Starts the service on a free port; does not wait.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// The same with further arguments.
    pub fn start_with(&self, arguments: &[&str]) -> Service {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let log = self.dir.path().join(address.replace(':', "-"));
        let to = File::create(&log).unwrap();
        let child = self
            .command(&["serve", "--listen", &address, "--admin-password-file", "password"])
            .args(arguments)
            .stdout(to.try_clone().unwrap())
            .stderr(to)
            .spawn()
            .unwrap();
        Service { child, base: format!("http://{address}"), log, http: reqwest::Client::new(), token: String::new() }
    }
}

/// A running service, and its administrator once it is ready.
pub struct Service {
    pub child: Child,
    pub base: String,
    log: PathBuf,
    pub http: reqwest::Client,
    pub token: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it serves, and logs in; gives how long that took.
    pub async fn ready(&mut self) -> Duration {
        let started = Instant::now();
        let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
        loop {
            let login = self.http.post(format!("{}/v1/auth/token", self.base)).form(&form).send().await;
            if let Ok(answer) = login
                && answer.status() == 200
            {
                let token: Value = answer.json().await.unwrap();
                self.token = token["access_token"].as_str().unwrap().to_owned();
                return started.elapsed();
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            assert!(started.elapsed() < START, "it does not serve: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Sends a write; nothing when the answer is lost on its way.
    pub async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).header("if-match", "*");
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let body = answer.json().await.ok()?;
        assert!(status.is_success(), "{path}: {status} {body}");
        Some(body)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < START, "it does not end: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended().await.code(), Some(0), "{}", self.said());
    }

    pub async fn reported(&self) -> i64 {
        self.get("/v1/public/progress").await["reported"].as_i64().unwrap()
    }

    /// One turn of support from beginning to end; whether its submission was acknowledged.
    pub async fn one_turn(&self, team: &Value) -> Option<()> {
        let activity = Uuid::now_v7();
        let mut body = world::new_activity(team["id"].as_str().unwrap().parse().unwrap());
        body["id"] = json!(activity);
        self.post("/v1/activities", &body).await?;
        let team = team["id"].as_str().unwrap().parse().unwrap();
        let result = self.post("/v1/results", &world::new_result(activity, team, "2024-07-01", 1)).await?;
        self.post(&format!("/v1/results/{}/submit", result["id"].as_str().unwrap()), &Value::Null).await?;
        Some(())
    }
}
