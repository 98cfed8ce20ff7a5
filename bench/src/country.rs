//! Databases that hold a whole country of results.

use crate::{Plan, service::On};
use anyhow::Result;
use country::{Size, fill};

/// Fills a fresh database with so many results.
pub async fn filled(plan: &Plan, on: &On, results: u64) -> Result<Size> {
    // The service migrates and seeds it.
    plan.start(on).await?.stop()?;
    let size = Size { results };
    let bar = plan.bar(&format!("{results} results on {}", on.name()), 0);
    let place = match on {
        On::Sqlite(path) => country::On::Sqlite(path.clone()),
        On::Postgres(url) => country::On::Postgres(url.clone()),
    };
    fill(&place, size, |what| bar.set_message(format!("{results}: {what}"))).await?;
    bar.finish_and_clear();
    Ok(size)
}
