//! A PostgreSQL of the benchmark's own, with production settings, and its tools.

use anyhow::{Context, Result, bail, ensure};
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Where the server's address is handed over.
const URL: &str = "TEST_POSTGRES_URL";

/// The benchmark's own server; none when it has not been started.
pub fn server() -> Option<String> {
    env::var(URL).ok()
}

/// Runs this program again, with a server of its own beside it that keeps its promises: `fsync` and all.
pub fn with_server(root: &Path) -> Result<ExitCode> {
    let status = Command::new(root.join("tests/postgres"))
        .arg("with")
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env("TINHNGUYEN_POSTGRES", "durable")
        .status()
        .context("tests/postgres can't be run")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tool(name: &str) -> Result<PathBuf> {
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    places.sort();
    places.pop().with_context(|| format!("{name} is not there; it comes with postgresql-15"))
}

/// A database of the server by name.
pub fn database(server: &str, name: &str) -> String {
    let end = server.rfind('/').unwrap_or(server.len());
    format!("{}/{name}", server.get(..end).unwrap_or(server))
}

/// Runs SQL and gives what it answers, without decoration.
pub fn sql(url: &str, statements: &str) -> Result<String> {
    let output = Command::new(tool("psql")?)
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statements, url])
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Runs a script of SQL in one transaction.
pub fn script(url: &str, path: &Path) -> Result<()> {
    let output = Command::new(tool("psql")?)
        .args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(path)
        .arg(url)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Runs a pgbench script, prepared, from so many clients; gives transactions a second.
pub fn pgbench(url: &str, path: &Path, clients: usize, seconds: u64, settings: &[(&str, String)]) -> Result<f64> {
    let mut command = Command::new(tool("pgbench")?);
    command.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &seconds.to_string(), "-f"]);
    command.arg(path);
    for (name, value) in settings {
        command.arg("-D").arg(format!("{name}={value}"));
    }
    let output = command.arg(url).stdin(Stdio::null()).output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "pgbench: {said} {}", String::from_utf8_lossy(&output.stderr));
    let failed = said.lines().find_map(|line| line.strip_prefix("number of failed transactions: "));
    ensure!(failed.is_none_or(|failed| failed.starts_with("0 ")), "pgbench: {said}");
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let Some(tps) = tps else { bail!("pgbench says no rate: {said}") };
    Ok(tps)
}
