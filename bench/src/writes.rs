//! P5: one result a request. P6: a thousand a request.

use crate::{
    Plan, floors, load, postgres,
    report::{Line, median, ratio},
    service::{DAYS, On, Service, day},
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    fs,
    path::Path,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Connections of P5.
pub const CLIENTS: usize = 64;
/// Activities that each of them reports to in one round.
const ACTIVITIES: usize = 12;
/// Turns of each result.
const TURNS: u64 = 42;
/// Results of one request of P6.
const BULK: usize = 1_000;
/// Requests of one round of P6.
const CALLS: usize = 8;
/// The tables that a result is written into.
const TABLES: [&str; 6] = ["result", "result_revision", "chosen_id", "audit_log", "ledger", "rollup_cell"];

/// What everybody reports: 42 turns and a class.
fn result(activity: Uuid, team: Uuid, day: &str) -> Value {
    json!({
        "id": Uuid::now_v7(), "activity_id": activity, "team_id": team, "reported_on": day, "submit": true,
        "lines": [
            {"topic": "cyber_safety", "audience": "children", "sex": "female", "turns": 23},
            {"topic": "cyber_safety", "audience": "children", "sex": "male", "turns": 19},
        ],
        "outputs": [{"measure": "classes", "value": 1}],
    })
}

/// Teams, with an activity each.
pub async fn teams_of(service: &Service, many: usize) -> Result<Vec<Uuid>> {
    let teams = service.teams(many).await?;
    // For the floor: one activity of each client.
    service.activities(&teams, 1).await?;
    Ok(teams)
}

/// One round of P5: gives answers a second, and what the latencies were.
pub async fn reports(service: &mut Service, teams: &[Uuid], time: Duration) -> Result<load::Outcome> {
    service.log_in().await?;
    let activities = service.activities(teams, ACTIVITIES).await?;
    let before = service.reported().await?;
    let make = |client: usize, number: usize| {
        let (team, activity) = (teams.get(client)?, activities.get(client)?.get(number / DAYS)?);
        let body = result(*activity, *team, &day(number)).to_string();
        Some(load::post("/v1/results", &service.token, Some(&Uuid::now_v7().to_string()), &body))
    };
    let look = |_: usize, _: usize, answer: &load::Answer| {
        let made = answer.json(201)?;
        ensure!(made["status"] == "submitted" && made["turns"] == TURNS, "{made}");
        Ok(())
    };
    let outcome = load::drive(service.address, CLIENTS, time, make, look).await?;
    let acknowledged = *outcome.by_status.get(&201).unwrap_or(&0);
    let counted = service.reported().await? - before;
    ensure!(
        i64::try_from(acknowledged * TURNS)? == counted,
        "{acknowledged} results acknowledged, {counted} turns counted"
    );
    Ok(outcome)
}

/// P5 on one database.
pub async fn single(plan: &Plan, on: &On) -> Result<Line> {
    let floor_on = plan.another(on)?;
    let service = plan.start(on).await?;
    let teams = teams_of(&service, CLIENTS).await?;
    service.stop()?;
    plan.copy(on, &floor_on)?;
    if let On::Postgres(url) = &floor_on {
        postgres::sql(
            url,
            "CREATE TABLE bench_client AS SELECT row_number() OVER (ORDER BY a.id) - 1 AS n, a.id AS activity_id, \
             t.id AS team_id, t.org_unit_id, a.locality_id, (SELECT id FROM indicator LIMIT 1) AS indicator_id \
             FROM activity a JOIN team t ON t.id = a.lead_team_id; CREATE UNIQUE INDEX ON bench_client (n); \
             INSERT INTO counter VALUES ('ledger', 0) ON CONFLICT DO NOTHING; ANALYZE",
        )?;
    }
    let mut service = plan.start(on).await?;
    let (mut ours, mut floor, mut p50, mut p99) = (vec![], vec![], vec![], vec![]);
    let bar = plan.bar(&format!("P5 on {}", on.name()), plan.rounds);
    for round in 0..plan.rounds {
        let base = (round + 1) * floors::ROUND;
        floor.push(match &floor_on {
            On::Postgres(url) => {
                let settings = [
                    ("base", base.to_string()),
                    // Days must not repeat: each round begins where the last one can't have come to.
                    ("i", (round * 50_000).to_string()),
                    ("lines", floors::LINES.to_owned()),
                    ("outputs", floors::OUTPUTS.to_owned()),
                ];
                postgres::pgbench(url, &plan.floors.join("p5.sql"), CLIENTS, plan.seconds, &settings)?
            }
            On::Sqlite(path) => floors::one_each(path, base, Duration::from_secs(plan.seconds)).await?,
        });
        let outcome = reports(&mut service, &teams, Duration::from_secs(plan.seconds)).await?;
        ours.push(outcome.per_second());
        p50.push(outcome.quantile_ms(0.5));
        p99.push(outcome.quantile_ms(0.99));
        bar.inc(1);
    }
    bar.finish();
    service.stop()?;
    plan.check(on)?;
    let (wanted, than) = match on {
        On::Postgres(_) => (2.0, "pgbench, one transaction each, 64 clients"),
        On::Sqlite(_) => (3.0, "one transaction each"),
    };
    let reached = median(&ours) / median(&floor);
    Ok(Line {
        name: "P5",
        work: format!("POST a result, 64 clients, {}", on.name()),
        unit: "results/s",
        goal: format!("≥ {wanted:.1} × {than}"),
        reached,
        met: reached >= wanted,
        notes: format!(
            "p50 {:.0} ms, p99 {:.0} ms; every round: turns acknowledged = turns counted; at the end `progress check`",
            median(&p50),
            median(&p99)
        ),
        ours,
        floor,
    })
}

/// One round of P6: gives results a second.
async fn bulks(service: &mut Service, teams: &[Uuid]) -> Result<f64> {
    service.log_in().await?;
    let per_team = (CALLS * BULK).div_ceil(teams.len() * DAYS);
    let activities = service.activities(teams, per_team).await?;
    let places: Vec<(Uuid, Uuid, usize)> = teams
        .iter()
        .zip(&activities)
        .flat_map(|(team, own)| own.iter().flat_map(move |activity| (0..DAYS).map(move |day| (*team, *activity, day))))
        .take(CALLS * BULK)
        .collect();
    let bodies: Vec<Vec<u8>> = places
        .chunks(BULK)
        .map(|chunk| {
            let results: Vec<Value> =
                chunk.iter().map(|(team, activity, n)| result(*activity, *team, &day(*n))).collect();
            load::post(
                "/v1/results/bulk",
                &service.token,
                None,
                &json!({"results": results, "submit": true}).to_string(),
            )
        })
        .collect();
    let before = service.reported().await?;
    let accepted = Cell::new(0);
    let make = |client: usize, number: usize| bodies.get(number * 2 + client).cloned();
    let look = |_: usize, _: usize, answer: &load::Answer| {
        let outcome = answer.json(200)?;
        ensure!(outcome["accepted"] == BULK, "{}", outcome["causes"]);
        accepted.set(accepted.get() + BULK);
        Ok(())
    };
    let outcome = load::drive(service.address, 2, Duration::from_secs(600), make, look).await?;
    let counted = service.reported().await? - before;
    let sent = u64::try_from(accepted.get())?;
    ensure!(i64::try_from(sent * TURNS)? == counted, "{sent} results accepted, {counted} turns counted");
    Ok(ratio(sent, 1) / outcome.took.as_secs_f64())
}

/// P6, against COPY of the very rows that the service wrote.
pub async fn bulk(plan: &Plan, on: &On) -> Result<Line> {
    let On::Postgres(url) = on else { anyhow::bail!("COPY is PostgreSQL's") };
    let floor_on = plan.another(on)?;
    let On::Postgres(floor_url) = &floor_on else { anyhow::bail!("COPY is PostgreSQL's") };
    let mut service = plan.start(on).await?;
    let teams = teams_of(&service, 16).await?;
    bulks(&mut service, &teams).await?;
    service.stop()?;
    plan.copy(on, &floor_on)?;
    let script = exported(url, plan.scratch.path())?;
    let rows: f64 = postgres::sql(url, "SELECT count(*) FROM result")?.parse()?;
    let mut service = plan.start(on).await?;
    let (mut ours, mut floor) = (vec![], vec![]);
    let bar = plan.bar("P6 on PostgreSQL", plan.rounds);
    for _ in 0..plan.rounds {
        postgres::sql(floor_url, &format!("TRUNCATE {} CASCADE; CHECKPOINT", TABLES.join(", ")))?;
        let started = Instant::now();
        postgres::script(floor_url, &script)?;
        floor.push(rows / started.elapsed().as_secs_f64());
        ours.push(bulks(&mut service, &teams).await?);
        bar.inc(1);
    }
    bar.finish();
    service.stop()?;
    plan.check(on)?;
    let reached = median(&ours) / median(&floor);
    Ok(Line {
        name: "P6",
        work: format!("bulk of {BULK} results a call, 2 connections, {}", on.name()),
        unit: "results/s",
        goal: "≥ 0.30 × COPY of the same rows into the same tables".to_owned(),
        reached,
        met: reached >= 0.30,
        notes: format!("COPY of {rows:.0} results with all their rows in one transaction; exactness as in P5"),
        ours,
        floor,
    })
}

/// Writes the rows of results into files, and a script that copies them in again.
fn exported(url: &str, directory: &Path) -> Result<std::path::PathBuf> {
    let mut script = String::new();
    for table in TABLES {
        let file = directory.join(format!("{table}.copy"));
        // What the results brought, not what was there before them.
        let of_results = if table == "audit_log" { "WHERE resource = 'result'" } else { "" };
        postgres::sql(url, &format!("\\copy (SELECT * FROM {table} {of_results}) TO '{}'", file.display()))?;
        script.push_str(&format!("\\copy {table} FROM '{}'\n", file.display()));
    }
    let path = directory.join("copy.sql");
    fs::write(&path, script)?;
    Ok(path)
}
