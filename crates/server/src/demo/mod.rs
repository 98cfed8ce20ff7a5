//! A plausible campaign, the same each time, marked as demonstration data for good.
//!
//! Teams are made in batches, each with its activities, results and ledger entries in one transaction, so that a run
//! that was interrupted is taken up where it stopped and the totals agree at every moment.

mod plan;
#[cfg(test)]
mod tests;
mod work;

use crate::{
    accounts::{self, NewUser},
    commands,
    config::Config,
    open, say, secrets,
};
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use plan::{Plan, TeamPlan};
use secrecy::{ExposeSecret, SecretString};
use std::process::ExitCode;
use tinhnguyen_domain::{
    Stamp,
    access::Role,
    campaigns::{Campaign, Indicator},
    clock::{Clock, SystemClock},
    counting::Counted,
    targets::{Target, suggest},
};
use tinhnguyen_http::passwords::Passwords;
use tinhnguyen_persistence::{
    Store, StoreError, StoreResult, Tx, access, activities, campaigns,
    ledger::{self, Posting},
    org_units, reference, results, targets, teams,
};
use uuid::Uuid;
use work::{Actors, Batch};

/// Teams a transaction: about 400 activities and 1,000 results.
const BATCH: usize = 50;

/// Fills the database.
pub async fn run(config: &Config) -> Result<ExitCode> {
    let store = open::migrated_store(config).await?;
    reference::seed(&store).await.context("the reference data can't be added")?;
    if reference::count_real_teams(store.read()).await? > 0 {
        bail!("the database {} holds teams of its own; demonstration data go into another", config.database_url.value);
    }
    // From here on whoever shows a figure says that it is no real one.
    if !reference::is_demo(store.read()).await? {
        store.write(async |tx| reference::mark_demo(tx).await).await.context("the database can't be marked")?;
    }
    // The first user is made as `serve` would: one database has one administrator, however it began.
    let file = config.admin_password_file.as_ref().map(|file| file.value.as_path());
    let first = accounts::make_first(&store, &Passwords::default(), file).await?;
    commands::add_grassroots(&store).await?;
    let campaign = campaigns::all(store.read()).await?.into_iter().find(|c| c.code == reference::CAMPAIGN);
    let campaign = campaign.with_context(|| format!("there is no campaign {}", reference::CAMPAIGN))?;
    let indicators = campaigns::indicators_of(store.read(), campaign.stamp.id).await?;
    let plan = Plan::make(&org_units::all(store.read()).await?, &campaign)?;
    let (actors, shown) = add_users(&store, &plan.campaign, plan.teams.first()).await?;
    if let accounts::First::MadeUp(password) = &first {
        show(accounts::FIRST, password)?;
    }
    for (username, password) in &shown {
        show(username, password)?;
    }
    allocate(&store, &plan, &actors, &indicators).await?;
    let added = fill(&store, &plan, &actors, &indicators).await?;
    store.close().await?;
    say(format_args!(
        "[Mẫu] added: {} teams, {} activities, {} results with {} turns\n",
        added.teams, added.activities, added.results, added.turns
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows a made-up password, this once.
fn show(username: &str, password: &SecretString) -> Result<()> {
    say(format_args!("user {username}, password (shown this once): {}\n", password.expose_secret()))
}

#[derive(Default)]
struct Added {
    teams: usize,
    activities: usize,
    results: usize,
    turns: i64,
}

/// Splits each indicator's target among the units directly below the centre, unless an earlier run did.
async fn allocate(store: &Store, plan: &Plan, actors: &Actors, indicators: &[Indicator]) -> Result<()> {
    let at = work::early(&plan.campaign);
    let weights: Vec<(&str, i64)> = plan.weights.iter().map(|(_, code, weight)| (code.as_str(), *weight)).collect();
    for indicator in indicators.iter().filter(|indicator| indicator.measure.is_additive()) {
        let values = suggest(indicator.target_value, &weights).unwrap_or_default();
        let id = |code: &str| reference::id_at(at, "demo_target", &format!("{} {code}", indicator.stamp.id));
        let made: Vec<Target> = plan
            .weights
            .iter()
            .zip(values)
            .map(|((org_unit_id, code, _), value)| Target {
                stamp: Stamp { id: id(code), created_at: at, updated_at: at, version: 1 },
                indicator_id: indicator.stamp.id,
                org_unit_id: *org_unit_id,
                value,
                reason: Some("[Mẫu] Phân bổ theo số đơn vị cấp xã".to_owned()),
                set_by: Some(actors.coordinator),
            })
            .collect();
        store
            .write::<_, StoreError>(async |tx| {
                targets::hold(tx).await?;
                let known = targets::in_force(tx, indicator.stamp.id, SystemClock.now()).await?;
                let missing: Vec<Target> =
                    made.iter().filter(|target| !known.contains_key(&target.org_unit_id)).cloned().collect();
                targets::insert_many(tx, &missing).await
            })
            .await
            .context("the targets can't be stored")?;
    }
    Ok(())
}

async fn fill(store: &Store, plan: &Plan, actors: &Actors, indicators: &[Indicator]) -> Result<Added> {
    let bar = commands::bar("teams with their activities and results");
    bar.set_length(u64::try_from(plan.teams.len())?);
    let mut added = Added::default();
    let now = SystemClock.now();
    for teams in plan.teams.chunks(BATCH) {
        let batch = Batch::make(plan, teams, actors)?;
        let stored = store
            .write::<_, StoreError>(async |tx| store_batch(tx, &batch, indicators, now).await)
            .await
            .context("the demonstration data can't be stored")?;
        if stored {
            added.teams += batch.teams.len();
            added.activities += batch.activities.len();
            added.results += batch.results.len();
            added.turns += batch.turns();
        }
        bar.inc(u64::try_from(teams.len())?);
    }
    bar.finish_and_clear();
    Ok(added)
}

/// Stores a batch unless an earlier run did.
async fn store_batch(tx: &Tx, batch: &Batch, indicators: &[Indicator], now: DateTime<Utc>) -> StoreResult<bool> {
    let ids: Vec<Uuid> = batch.teams.iter().map(|team| team.stamp.id).collect();
    if !teams::unit_paths(tx, &ids).await?.is_empty() {
        return Ok(false);
    }
    teams::insert_many(tx, &batch.teams).await?;
    activities::insert_many(tx, &batch.activities).await?;
    let all: Vec<_> = batch.results.iter().map(|work| work.result.clone()).collect();
    results::insert_many(tx, &all).await?;
    let nothing = Counted::new();
    let campaign_id = batch.teams.first().map(|team| team.campaign_id).unwrap_or_default();
    let postings: Vec<Posting<'_>> = batch
        .results
        .iter()
        .map(|work| Posting {
            at: now,
            actor_id: work.result.verified_by.unwrap_or(work.result.created_by),
            result: &work.result,
            campaign_id,
            org_unit_id: work.org_unit_id,
            locality_id: work.locality_id,
            before: &nothing,
        })
        .collect();
    ledger::post(tx, indicators, &postings).await?;
    Ok(true)
}

/// Makes the demonstration users that are not there, each with a made-up password.
async fn add_users(
    store: &Store,
    campaign: &Campaign,
    first_team: Option<&TeamPlan>,
) -> Result<(Actors, Vec<(&'static str, SecretString)>)> {
    let centre = org_units::root(store.read()).await?.context("there is no centre")?.stamp.id;
    let team = first_team.map(|team| (team.org_unit_id, Some(team.id(campaign))));
    let (unit, team) = team.unwrap_or((centre, None));
    let wanted = [
        ("demo.coordinator", "[Mẫu] Điều phối viên", Role::Coordinator, centre, None),
        ("demo.verifier", "[Mẫu] Người xác minh", Role::Verifier, centre, None),
        ("demo.leader", "[Mẫu] Đội trưởng", Role::TeamLeader, unit, team),
        ("demo.viewer", "[Mẫu] Người xem", Role::Viewer, centre, None),
    ];
    let (passwords, now) = (Passwords::default(), SystemClock.now());
    let mut shown = Vec::new();
    for (username, full_name, role, org_unit_id, team_id) in wanted {
        if access::credentials(store.read(), username).await?.is_some() {
            continue;
        }
        let password = secrets::made_up();
        let hash = accounts::hashed(&passwords, &password).await?;
        let new = NewUser { username, full_name, grant: Some((role, org_unit_id, team_id)) };
        store
            .write(async |tx| accounts::add(tx, &new, &hash, now).await)
            .await
            .with_context(|| format!("the user {username} can't be stored"))?;
        shown.push((username, password));
    }
    let id = async |username| -> Result<Uuid> {
        let found = access::credentials(store.read(), username).await?;
        Ok(found.with_context(|| format!("there is no user {username}"))?.user_id)
    };
    let actors = Actors { coordinator: id("demo.coordinator").await?, verifier: id("demo.verifier").await? };
    Ok((actors, shown))
}
