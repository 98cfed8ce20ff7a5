//! Reminders: units are told once what is missing of a period, before its due day and after it. Driven by the server's
//! loop; replicas take turns by the period's row, and each thing that was told has a row of its own.

use super::completeness::Term;
use crate::{
    app::App,
    problem::{ApiError, ApiResult},
};
use tinhnguyen_domain::{
    campaigns::CampaignStatus,
    reporting::{Deadlines, NoticeKind},
};
use tinhnguyen_persistence::{
    audit, campaigns, org_units,
    reporting::{self, Notice},
    volunteers::SYSTEM,
};
use tracing::info;
use uuid::Uuid;

/// What the audit log calls a notice.
pub const RESOURCE: &str = "reporting_notice";

/// What the audit log says was done, and what the event is called.
#[must_use]
pub const fn action(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Reminder => "reporting.reminder",
        NoticeKind::Overdue => "reporting.overdue",
    }
}

/// Tells each unit with missing teams of its own what is due, unless it was told already; gives how many were told now.
///
/// # Errors
/// When the database can't be asked or refuses.
pub async fn remind(app: &App) -> ApiResult<u64> {
    let (conn, now) = (app.store.read(), app.clock.now());
    let mut told = 0;
    for campaign in campaigns::all(conn).await?.into_iter().filter(|c| c.status == CampaignStatus::Open) {
        let today = campaign.local_day(now);
        let periods = reporting::of_campaign(conn, campaign.stamp.id).await?;
        let mut deadlines = reporting::deadlines_of(conn, &periods).await?;
        for period in periods {
            let due = deadlines.remove(&period.stamp.id).unwrap_or_else(|| Deadlines::new(period.due_on, []));
            if app.settings.reminders.concern(period.due_on, due.last(), today) {
                told += of_period(app, &Term { campaign: campaign.clone(), period, deadlines: due }).await?;
            }
        }
    }
    if told > 0 {
        info!(notices = told, "units were told what is missing of reporting periods");
    }
    Ok(told)
}

async fn of_period(app: &App, term: &Term) -> ApiResult<u64> {
    let (conn, now) = (app.store.read(), app.clock.now());
    let today = term.campaign.local_day(now);
    let id = term.period.stamp.id;
    let Some(root) = org_units::root(conn).await? else { return Ok(0) };
    let notice = |(unit, counts): (reporting::UnitRow, tinhnguyen_domain::reporting::TeamCounts)| {
        let due_on = term.deadlines.of(&unit.path);
        let (kind, days) = app.settings.reminders.due(due_on, today)?;
        (counts.missing() > 0).then(|| Notice {
            id: Uuid::now_v7(),
            at: now,
            kind,
            days,
            period_id: id,
            org_unit_id: unit.org_unit_id,
            due_on,
            expected: counts.expected,
            missing: counts.missing(),
        })
    };
    let due: Vec<Notice> = term.by_unit(conn, &root.path, now).await?.into_iter().filter_map(notice).collect();
    let new = |claimed: &std::collections::HashSet<(Uuid, NoticeKind, u8)>| -> Vec<Notice> {
        due.iter().filter(|one| !claimed.contains(&(one.org_unit_id, one.kind, one.days))).cloned().collect()
    };
    // Asked first, so that nothing is written where nobody is to be told.
    if new(&reporting::claimed(conn, id).await?).is_empty() {
        return Ok(0);
    }
    app.store
        .write::<_, ApiError>(async |tx| {
            // Held from here on: what another replica has told is seen, and what it would tell waits. The period may be gone.
            if reporting::lock(tx, id).await?.is_none() {
                return Ok(0);
            }
            let notices = new(&reporting::claimed(tx, id).await?);
            reporting::insert_notices(tx, &notices).await?;
            let changes: Vec<audit::Change<'_>> = notices
                .iter()
                .map(|one| audit::Change {
                    at: now,
                    actor_id: SYSTEM,
                    action: action(one.kind),
                    resource: RESOURCE,
                    resource_id: one.id,
                    request_id: "reporting",
                    org_unit_id: Some(one.org_unit_id),
                    address: None,
                })
                .collect();
            audit::record_many(tx, &changes).await?;
            Ok(u64::try_from(notices.len()).unwrap_or(u64::MAX))
        })
        .await
}
