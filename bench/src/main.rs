//! Load, floors and peers: what the service does, beside what the machine could do, in one run.

#![expect(clippy::indexing_slicing, reason = "an index into JSON that is not there gives null")]

mod country;
mod floors;
mod growth;
mod load;
mod postgres;
mod reads;
mod report;
mod service;
mod tallies;
mod writes;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use report::Line;
use service::{On, Service};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use tempfile::TempDir;

/// Measure the service beside floors of the same machine, and print the table with its goals.
///
/// Every figure is the median of several rounds, service and floor in turns. PostgreSQL is one of the benchmark's own, with
/// fsync; the service is its release binary, which is built when it is not there. A figure whose answers were wrong doesn't
/// count: after every round the turns that were acknowledged are held against those that are counted.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "P1   progress of the nation by provinces, whole and unchanged, on both databases\n\
P2   public progress, on both databases\n\
P5   POST a result, 64 clients, on both databases\n\
P6   bulk of 1,000 results a call, on PostgreSQL\n\
P7   tallies in batches of 100 from 200 phones, on both databases\n\
P10  P1 to P5 on a small and on a large country, on both databases; with 10 million results this takes an hour\n\
P11  start-up, memory and size, on both databases\n\n\
Example: cargo run --release -p bench -- P1 P2 --rounds 3"
)]
struct Arguments {
    /// What is measured
    #[arg(value_enum, default_value = "all")]
    what: Vec<What>,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=50))]
    rounds: u64,
    /// Seconds of a round of P5
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=20))]
    seconds: u64,
    /// Tallies that P7 sends; 6000000 is the whole goal
    #[arg(long, default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(20_000..=60_000_000))]
    tallies: u64,
    /// Results in the database of P1, P2 and P11
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=20_000_000))]
    results: u64,
    /// Results in the databases of P10, the smallest first
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    sizes: Vec<u64>,
    /// Only on this database
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// The service's binary, when it is not to be built
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the table and its figures are written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
enum What {
    #[value(name = "all")]
    All,
    P1,
    P2,
    P5,
    P6,
    P7,
    P10,
    P11,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Sqlite,
    Postgres,
}

/// How it is measured.
pub struct Plan {
    /// The service's binary.
    pub binary: PathBuf,
    /// Where the floors' scripts are.
    pub floors: PathBuf,
    /// Rounds.
    pub rounds: u64,
    /// Seconds of a round.
    pub seconds: u64,
    /// Tallies that P7 sends.
    pub tallies: u64,
    /// Results in the database of P1, P2 and P11.
    pub results: u64,
    /// Results in the databases of P10.
    pub sizes: Vec<u64>,
    /// For files; goes away with the plan.
    pub scratch: TempDir,
    server: String,
}

impl Plan {
    /// A progress bar.
    pub fn bar(&self, name: &str, length: u64) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} {elapsed}");
        let bar = ProgressBar::new(length).with_message(name.to_owned());
        style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
    }

    /// A fresh database by name.
    fn fresh(&self, only: Only, name: &str) -> Result<On> {
        match only {
            Only::Sqlite => Ok(On::Sqlite(self.scratch.path().join(format!("{name}.db")))),
            Only::Postgres => {
                postgres::sql(&self.server, &format!("CREATE DATABASE {name}"))?;
                Ok(On::Postgres(postgres::database(&self.server, name)))
            }
        }
    }

    /// Starts the service on a database: the same keys each time.
    pub async fn start(&self, on: &On) -> Result<Service> {
        Service::start(&self.binary, on, self.scratch.path().join(on.key())).await
    }

    /// The same, without logging in: for what is about the start itself.
    pub async fn start_unauthenticated(&self, on: &On) -> Result<Service> {
        Service::start_unauthenticated(&self.binary, on, self.scratch.path().join(on.key())).await
    }

    /// The place of a second database of the same kind.
    pub fn another(&self, on: &On) -> Result<On> {
        match on {
            On::Sqlite(path) => Ok(On::Sqlite(path.with_extension("floor.db"))),
            On::Postgres(url) => {
                let name = url.rsplit('/').next().context("an address without a database")?;
                Ok(On::Postgres(postgres::database(url, &format!("{name}_floor"))))
            }
        }
    }

    /// Copies a database that nobody uses to the place of another one.
    pub fn copy(&self, from: &On, to: &On) -> Result<()> {
        match (from, to) {
            (On::Sqlite(from), On::Sqlite(to)) => drop(fs::copy(from, to)?),
            (On::Postgres(from), On::Postgres(to)) => {
                let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
                postgres::sql(&self.server, &format!("CREATE DATABASE {} TEMPLATE {}", name(to), name(from)))?;
            }
            _ => anyhow::bail!("databases of different kinds"),
        }
        Ok(())
    }

    /// Holds that ledger, totals and results agree.
    pub fn check(&self, on: &On) -> Result<()> {
        let url = match on {
            On::Sqlite(path) => format!("sqlite:{}", path.display()),
            On::Postgres(url) => url.clone(),
        };
        let mut check = Command::new(&self.binary);
        let output = check.args(["progress", "check", "--database-url", &url]).env_clear().output()?;
        ensure!(output.status.success(), "progress check: {}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    }
}

/// Builds the service as it is delivered; gives its binary.
fn build(root: &Path) -> Result<PathBuf> {
    cargo(root, &["-p", "tinhnguyen-server"])?;
    Ok(env::current_exe()?.with_file_name("tinhnguyen"))
}

fn cargo(root: &Path, what: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).current_dir(root).args(["build", "--release"]).args(what).status()?;
    ensure!(built.success(), "cargo build {} failed", what.join(" "));
    Ok(())
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let version =
        postgres::server().and_then(|url| postgres::sql(&url, "SHOW server_version").ok()).unwrap_or_default();
    format!(
        "{cores} cores ({model}); PostgreSQL {version} with fsync, on the same machine as the service and the load; tinhnguyen {}.",
        env!("CARGO_PKG_VERSION")
    )
}

async fn measure(arguments: &Arguments, plan: &Plan) -> Result<Vec<Line>> {
    let wanted = |what: What| arguments.what.iter().any(|one| *one == what || *one == What::All);
    let on = |only: Only| arguments.only.is_none_or(|one| one == only);
    let mut lines = Vec::new();
    // Told at once: what was measured stays on the screen even if what comes after it fails.
    let mut told = |line: Line| {
        println!("{}", line.row());
        lines.push(line);
    };
    for database in [Only::Postgres, Only::Sqlite].into_iter().filter(|database| on(*database)) {
        if wanted(What::P1) || wanted(What::P2) {
            let one = |name: &str| wanted(if name == "P1" { What::P1 } else { What::P2 });
            reads::reads(plan, &plan.fresh(database, "reads")?, one).await?.into_iter().for_each(&mut told);
        }
        if wanted(What::P5) {
            told(writes::single(plan, &plan.fresh(database, "p5")?).await?);
        }
        if wanted(What::P6) && database == Only::Postgres {
            told(writes::bulk(plan, &plan.fresh(database, "p6")?).await?);
        }
        if wanted(What::P7) {
            told(tallies::tallies(plan, &plan.fresh(database, "p7")?).await?);
        }
        if wanted(What::P10) {
            let fresh = |results: u64| plan.fresh(database, &format!("p10_{results}"));
            growth::growth(plan, fresh).await?.into_iter().for_each(&mut told);
        }
        if wanted(What::P11) {
            reads::start(plan, &plan.fresh(database, "p11")?).await?.into_iter().for_each(&mut told);
        }
    }
    lines.sort_by_key(|line| line.name.get(1..).and_then(|number| number.parse::<u32>().ok()));
    Ok(lines)
}

fn run() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a crate without a workspace")?.to_owned();
    let Some(server) = postgres::server() else { return postgres::with_server(&root) };
    let binary = match &arguments.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("{} is not there", binary.display()))?,
        None => build(&root)?,
    };
    // `cargo run` builds this program alone.
    cargo(&root, &["-p", "bench", "--bin", "bench-floor"])?;
    let plan = Plan {
        binary,
        floors: root.join("bench/floors"),
        rounds: arguments.rounds,
        seconds: arguments.seconds,
        tallies: arguments.tallies,
        results: arguments.results,
        sizes: arguments.sizes.clone(),
        scratch: tempfile::tempdir()?,
        server,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lines = runtime.block_on(measure(&arguments, &plan))?;
    let machine = machine();
    println!("\n{}", report::table(&lines, &machine));
    let kept = report::keep(&lines, &machine, &arguments.out.unwrap_or_else(|| root.join("bench/results")))?;
    println!("kept in {}", kept.display());
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    run().unwrap_or_else(|err| {
        eprintln!("bench: {err:#}");
        ExitCode::FAILURE
    })
}
