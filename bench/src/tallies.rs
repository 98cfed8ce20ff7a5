//! P7: single tallies from phones in the field, in batches of a hundred.

use crate::{
    Plan, load,
    report::{Line, median, ratio},
    service::{On, day},
};
use anyhow::{Result, ensure};
use serde_json::json;
use std::{cell::Cell, fmt::Write as _, time::Duration};
use uuid::Uuid;

/// Phones that send at the same time.
const PHONES: usize = 200;
/// Tallies of one batch.
const BATCH: usize = 100;
/// Days that a phone's tallies fall on.
const DAYS: usize = 5;
/// What the country must count, as single tallies.
const ALL: u64 = 6_000_000;
/// In how many seconds.
const WITHIN: f64 = 600.0;

/// P7 on one database.
pub async fn tallies(plan: &Plan, on: &On) -> Result<Line> {
    let mut service = plan.start(on).await?;
    let teams = service.teams(PHONES).await?;
    let activities: Vec<Uuid> = service.activities(&teams, 1).await?.concat();
    let batches = usize::try_from(plan.tallies)?.div_ceil(BATCH * PHONES);
    let sent = Cell::new(0_u64);
    let bar = plan.bar(&format!("P7 on {}", on.name()), plan.tallies / u64::try_from(BATCH)?);
    // In portions, with a fresh token each: one is good for a quarter of an hour.
    let portion = batches.div_ceil(usize::try_from(plan.rounds)?);
    let (mut rates, mut done, mut took, mut p99) = (vec![], 0, Duration::ZERO, vec![]);
    while done < batches {
        service.log_in().await?;
        let many = portion.min(batches - done);
        let make = |phone: usize, number: usize| {
            let activity = activities.get(phone).filter(|_| number < many)?;
            let body = batch(&day((done + number) % DAYS));
            Some(load::post(&format!("/v1/activities/{activity}/tallies"), &service.token, None, &body))
        };
        let look = |_: usize, _: usize, answer: &load::Answer| {
            let outcome = answer.json(200)?;
            ensure!(outcome["accepted"] == BATCH, "{}", outcome["causes"]);
            sent.set(sent.get() + 100);
            bar.inc(1);
            Ok(())
        };
        let outcome = load::drive(service.address, PHONES, Duration::from_secs(3_600), make, look).await?;
        rates.push(ratio(u64::try_from(many * PHONES * BATCH)?, 1) / outcome.took.as_secs_f64());
        p99.push(outcome.quantile_ms(0.99));
        took += outcome.took;
        done += many;
    }
    bar.finish();
    // Every day is closed from its tallies: what the country counts then is what the phones have sent.
    service.log_in().await?;
    let before = service.reported().await?;
    let make = |phone: usize, number: usize| {
        let (activity, team) = (activities.get(phone)?, teams.get(phone)?);
        let body = json!({
            "activity_id": activity, "team_id": team, "reported_on": (number < DAYS).then(|| day(number))?,
            "from_tallies": true, "submit": true,
        });
        Some(load::post("/v1/results", &service.token, None, &body.to_string()))
    };
    let expected = DAYS.min(batches);
    let look = |_: usize, number: usize, answer: &load::Answer| {
        ensure!(answer.status == 201 || number >= expected, "{}", String::from_utf8_lossy(&answer.body));
        Ok(())
    };
    load::drive(service.address, PHONES, Duration::from_secs(600), make, look).await?;
    let counted = service.reported().await? - before;
    ensure!(counted == i64::try_from(sent.get())?, "{} tallies sent, {counted} turns counted", sent.get());
    service.stop()?;
    plan.check(on)?;
    let rate = ratio(sent.get(), 1) / took.as_secs_f64();
    let wanted = ratio(ALL, 1) / WITHIN;
    let extent = if sent.get() >= ALL { "all of them sent".to_owned() } else { format!("{} of them sent", sent.get()) };
    Ok(Line {
        name: "P7",
        work: format!("tallies, batches of {BATCH} from {PHONES} phones, {}", on.name()),
        unit: "tallies/s",
        goal: format!("6,000,000 in under 10 min: ≥ {wanted:.0}/s"),
        reached: rate,
        met: rate >= wanted,
        notes: format!(
            "6,000,000 in {:.1} min ({extent}); p99 {:.0} ms; days closed from tallies: turns counted = tallies sent",
            ratio(ALL, 1) / rate / 60.0,
            median(&p99)
        ),
        ours: rates,
        floor: vec![],
    })
}

/// A batch of tallies of one turn each.
fn batch(day: &str) -> String {
    let mut body = String::with_capacity(BATCH * 170);
    body.push_str(r#"{"tallies":["#);
    for number in 0..BATCH {
        let comma = if number == 0 { "" } else { "," };
        let audience = ["residents", "children"].get(number % 2).copied().unwrap_or_default();
        // Writing into a string can't fail.
        let _ = write!(
            body,
            r#"{comma}{{"id":"{}","occurred_at":"{day}T0{}:{:02}:00Z","topic":"cyber_safety","audience":"{audience}","turns":1}}"#,
            Uuid::now_v7(),
            1 + number % 8,
            number % 60,
        );
    }
    body.push_str("]}");
    body
}
