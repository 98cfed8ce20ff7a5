//! P10: the same work on a small and on a large country.

use crate::{
    Plan,
    country::filled,
    load::{self, Connection},
    report::{Line, median},
    service::{On, Service},
    writes,
};
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use uuid::Uuid;

/// Connections of the reads.
const CLIENTS: usize = 32;
/// How much slower the largest may be than the smallest.
const MOST: f64 = 1.3;

/// What one size reaches, by kind of work, each round.
struct Reached {
    results: u64,
    rates: Vec<(&'static str, Vec<f64>)>,
}

/// The id of the n-th result of a country.
fn result_id(n: u64) -> Uuid {
    Uuid::from_u128(0x0190_0003_0000_7000_a000_0000_0000_0000 + u128::from(n))
}

/// P10 on one database.
pub async fn growth(plan: &Plan, fresh: impl Fn(u64) -> Result<On>) -> Result<Vec<Line>> {
    let mut reached = Vec::new();
    let mut name = "";
    for results in &plan.sizes {
        let on = fresh(*results)?;
        name = on.name();
        reached.push(one(plan, &on, *results).await?);
    }
    let (Some(small), Some(large)) = (reached.first(), reached.last()) else { return Ok(vec![]) };
    let lines = small.rates.iter().zip(&large.rates).map(|((work, first), (_, last))| {
        let slower = median(first) / median(last);
        let between = reached.iter().map(|one| {
            let rate = one.rates.iter().find(|(name, _)| name == work).map_or(f64::NAN, |(_, rates)| median(rates));
            format!("{}: {rate:.0}", one.results)
        });
        Line {
            name: "P10",
            work: format!("{work}, {name}, {} to {} results", small.results, large.results),
            unit: "a second",
            goal: format!("at most {MOST} × slower"),
            reached: slower,
            met: slower <= MOST,
            notes: between.collect::<Vec<_>>().join(", "),
            ours: last.clone(),
            floor: first.clone(),
        }
    });
    Ok(lines.collect())
}

async fn one(plan: &Plan, on: &On, results: u64) -> Result<Reached> {
    filled(plan, on, results).await?;
    let mut service = plan.start(on).await?;
    service.settled(results).await?;
    let teams = writes::teams_of(&service, writes::CLIENTS).await?;
    let mut rates: Vec<(&'static str, Vec<f64>)> =
        ["P1 progress", "P2 public progress", "P3 one result", "P4 a page of 50", "P5 post a result"]
            .map(|work| (work, vec![]))
            .into();
    let bar = plan.bar(&format!("P10, {results} on {}", on.name()), plan.rounds);
    // The first look at a page or an index is the disk's.
    for warm in ["/v1/progress?group_by=org_unit", "/v1/public/progress", "/v1/results?status=submitted&limit=50"] {
        Connection::open(service.address).await?.call(&load::get(warm, &service.token)).await?.json(200)?;
    }
    for round in 0..plan.rounds {
        service.log_in().await?;
        let figures = [
            gets(plan, &service, |_, _| "/v1/progress?group_by=org_unit".to_owned()).await?,
            gets(plan, &service, |_, _| "/v1/public/progress".to_owned()).await?,
            gets(plan, &service, |client, number| {
                let n = (u64::try_from(client * 7_919 + number * 104_729).unwrap_or(0) + round * 31) % results + 1;
                format!("/v1/results/{}", result_id(n))
            })
            .await?,
            gets(plan, &service, |_, _| "/v1/results?status=submitted&limit=50".to_owned()).await?,
            writes::reports(&mut service, &teams, Duration::from_secs(plan.seconds)).await?.per_second(),
        ];
        for ((_, rates), figure) in rates.iter_mut().zip(figures) {
            rates.push(figure);
        }
        bar.inc(1);
    }
    bar.finish();
    service.stop()?;
    Ok(Reached { results, rates })
}

async fn gets(plan: &Plan, service: &Service, path: impl Fn(usize, usize) -> String) -> Result<f64> {
    let make = |client: usize, number: usize| Some(load::get(&path(client, number), &service.token));
    let look = |_: usize, _: usize, answer: &load::Answer| {
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(())
    };
    let outcome = load::drive(service.address, CLIENTS, Duration::from_secs(plan.seconds), make, look).await?;
    ensure!(outcome.by_status.len() == 1, "{:?}", outcome.by_status);
    outcome.by_status.get(&200).context("no answer")?;
    Ok(outcome.per_second())
}
