//! Floors that are small programs of ours.

use anyhow::{Context, Result};
use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// The lines of a result as they are stored.
pub const LINES: &str = r#"[{"topic":"cyber_safety","audience":"children","sex":"female","turns":23},{"topic":"cyber_safety","audience":"children","sex":"male","turns":19}]"#;
/// Its outputs.
pub const OUTPUTS: &str = r#"[{"measure":"classes","value":1}]"#;

/// What a result refers to.
#[derive(Clone, Copy)]
struct Client {
    activity: Uuid,
    team: Uuid,
    unit: Uuid,
    locality: Uuid,
    indicator: Uuid,
}

/// What keeps the numbers of a round apart from those of the others.
pub const ROUND: u64 = 10_000_000_000;

/// What one reported result must write, as one transaction after the other, on SQLite: the floor of P5 there. Gives
/// transactions a second. `base` keeps the rounds apart.
pub async fn one_each(path: &Path, base: u64, time: Duration) -> Result<f64> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-16000")
        .pragma("temp_store", "memory");
    let mut db = SqliteConnection::connect_with(&options).await?;
    sqlx::query("INSERT INTO counter (name, value) VALUES ('ledger', 0) ON CONFLICT DO NOTHING")
        .execute(&mut db)
        .await?;
    let clients: Vec<Client> = sqlx::query(
        "SELECT a.id, t.id, t.org_unit_id, a.locality_id, (SELECT id FROM indicator LIMIT 1) FROM activity a \
         JOIN team t ON t.id = a.lead_team_id ORDER BY a.id LIMIT 64",
    )
    .fetch_all(&mut db)
    .await?
    .iter()
    .map(|row| {
        let (activity, team, unit) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Client { activity, team, unit, locality: row.try_get(3)?, indicator: row.try_get(4)? })
    })
    .collect::<Result<_>>()?;
    let (started, mut done) = (Instant::now(), 0_u64);
    while started.elapsed() < time {
        for client in &clients {
            one(&mut db, client, base + done).await?;
            done += 1;
        }
    }
    Ok(crate::report::ratio(done, 1) / started.elapsed().as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "a floor has no other clock")]
async fn one(db: &mut SqliteConnection, c: &Client, n: u64) -> Result<()> {
    let id = Uuid::from_u128(u128::from(n) + (1 << 100));
    let now = chrono::Utc::now();
    let first = chrono::NaiveDate::from_ymd_opt(1000, 1, 1).context("no such day")?;
    // Days must not repeat: each round begins where the last one can't have come to.
    let day = first + chrono::Days::new(n / ROUND * 50_000 + n % ROUND);
    let hash = [7_u8; 32].as_slice();
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("SELECT id, status FROM activity WHERE id = ?").bind(c.activity).fetch_one(&mut *tx).await?;
    sqlx::query("INSERT INTO chosen_id (id, body_hash) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO result (id, created_at, updated_at, version, activity_id, team_id, reported_on, lines, outputs, evidence, \
         turns, status, revision, flags, created_by, submitted_by, from_tallies, locality_id, findings) \
         VALUES (?1, ?2, ?2, 1, ?3, ?4, ?5, ?6, ?7, '[]', 42, 'submitted', 1, '[\"team_not_deployed\"]', ?4, ?4, 0, ?8, '[]')",
    )
    .bind(id)
    .bind(now)
    .bind(c.activity)
    .bind(c.team)
    .bind(day)
    .bind(LINES)
    .bind(OUTPUTS)
    .bind(c.locality)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO result_revision (result_id, revision, lines, outputs, evidence, status, submitted_by, submitted_at) \
         VALUES (?, 1, ?, ?, '[]', 'submitted', ?, ?)",
    )
    .bind(id)
    .bind(LINES)
    .bind(OUTPUTS)
    .bind(c.team)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO audit_log (id, at, actor_id, action, resource, resource_id, request_id, org_unit_id, address) \
         VALUES (?1, ?2, ?3, 'create_result', 'result', ?1, ?4, ?5, '127.0.0.1')",
    )
    .bind(id)
    .bind(now)
    .bind(c.team)
    .bind(id.to_string())
    .bind(c.unit)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO idempotency_key (principal_id, method, path, key, body_hash, status, etag, location, body, created_at) \
         VALUES (?, 'POST', '/v1/results', ?, ?, 201, '\"1\"', ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(c.team)
    .bind(id.to_string())
    .bind(hash)
    .bind(format!("/v1/results/{id}"))
    .bind("x".repeat(900))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let seq: i64 = sqlx::query("UPDATE counter SET value = value + 1 WHERE name = 'ledger' RETURNING value")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    sqlx::query(
        "INSERT INTO ledger (seq, at, actor_id, result_id, revision, team_id, org_unit_id, locality_id, indicator_id, day, topic, \
         audience, delta_reported, delta_verified) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, 'cyber_safety', 'children', 42, 0)",
    )
    .bind(seq)
    .bind(now)
    .bind(c.team)
    .bind(id)
    .bind(c.team)
    .bind(c.unit)
    .bind(c.locality)
    .bind(c.indicator)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO rollup_cell (indicator_id, org_unit_id, locality_id, day, topic, audience, reported, verified) \
         VALUES (?, ?, ?, ?, 'cyber_safety', 'children', 42, 0) \
         ON CONFLICT (indicator_id, org_unit_id, locality_id, day, topic, audience) \
         DO UPDATE SET reported = rollup_cell.reported + excluded.reported",
    )
    .bind(c.indicator)
    .bind(c.unit)
    .bind(c.locality)
    .bind(first + chrono::Days::new(n % 60))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
