//! Follows the audit log for each webhook, and writes down what it is to tell: what the feed of changes would tell its owner
//! of its subtree, and no more. Driven by the server's loop; of several replicas one goes on at a time.

use super::{
    delivery::switch_off,
    dto::{ChangeEvent, ChangeEventData, ReportingEvent, ReportingEventData},
};
use crate::{
    allowed::{Scope, SelfRead, lacks_second_factor, rights_of, scope},
    app::App,
    problem::{ApiError, ApiResult},
    slices::{
        changes::{dto::Kind, ops::seen},
        reporting::reminders,
    },
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    org_units::UnitPath,
    webhooks::{DisabledReason, EventType},
};
use tinhnguyen_persistence::{
    audit::{self, Position, Step},
    org_units,
    reporting::{self, Notice},
    webhooks::{self, Follower, NewDelivery},
};
use tracing::warn;
use uuid::Uuid;

/// Rows of the audit log that are looked at together.
const WINDOW: u64 = 500;
/// How many times that many for one webhook in one round, so that none keeps the others waiting.
const WINDOWS: usize = 20;

/// Lets every webhook follow up to now; gives how many deliveries were written. One that can't follow keeps nobody else
/// from it.
///
/// # Errors
/// When the database can't be asked.
pub async fn follow(app: &App) -> ApiResult<u64> {
    app.waiting.seal(&app.store, app.clock.now()).await?;
    let conn = app.store.read();
    let head = audit::head(conn).await?;
    let mut written = 0;
    for follower in webhooks::behind(conn, head).await? {
        let id = follower.webhook.stamp.id;
        match one(app, follower).await {
            Ok(count) => written += count,
            Err(err) => {
                warn!(webhook = %id, error = %err, "a webhook can't follow what happens; tried again in a moment")
            }
        }
    }
    Ok(written)
}

async fn one(app: &App, follower: Follower) -> ApiResult<u64> {
    let conn = app.store.read();
    let (webhook, mut position) = (follower.webhook, follower.position);
    let id = webhook.stamp.id;
    let Some((actor, rights)) = rights_of(conn, webhook.owner_id).await? else {
        switch_off(app, id, DisabledReason::OwnerGone).await?;
        return Ok(0);
    };
    if lacks_second_factor(app, &actor, &rights).await? {
        // It waits where it is until they have one.
        return Ok(0);
    }
    let Some(unit) = org_units::find(conn, webhook.org_unit_id).await? else { return Ok(0) };
    let scope: Scope<SelfRead> = scope(actor, rights.within(&unit.path), app.today())?;
    let mut written = 0;
    for _ in 0..WINDOWS {
        let steps = audit::after(conn, position, WINDOW).await?;
        let Some(last) = steps.last().map(|step| step.position) else { break };
        let full = u64::try_from(steps.len()).is_ok_and(|count| count >= WINDOW);
        // Rows under a seal never become more: at the end all under it are behind.
        let to = if full { last } else { Position { id: Uuid::max(), ..last } };
        let news = events(app, &scope, id, &webhook.event_types, steps).await?;
        let gone_on = app
            .store
            .write::<_, ApiError>(async |tx| {
                if !webhooks::advance(tx, id, position, to).await? {
                    return Ok(false);
                }
                webhooks::enqueue(tx, &news).await?;
                Ok(true)
            })
            .await?;
        if !gone_on {
            break;
        }
        written += u64::try_from(news.len()).unwrap_or(u64::MAX);
        position = to;
        if !full {
            break;
        }
    }
    Ok(written)
}

/// What a kind of thing is told as, when it is wanted.
fn wanted(types: &[EventType], step: &Step) -> Option<(EventType, Kind)> {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == step.resource)?;
    let event_type: EventType = format!("{}.changed", kind.as_str()).parse().ok()?;
    types.contains(&event_type).then_some((event_type, kind))
}

async fn events(
    app: &App,
    scope: &Scope<SelfRead>,
    webhook_id: Uuid,
    types: &[EventType],
    steps: Vec<Step>,
) -> ApiResult<Vec<NewDelivery>> {
    let conn = app.store.read();
    let told = steps.iter().filter_map(|step| Some((wanted(types, step)?.1, step)));
    let sight = seen(conn, scope, told).await?;
    let noticed =
        |step: &&Step| step.resource == reminders::RESOURCE && types.iter().any(|one| one.as_str() == step.action);
    let ids: Vec<Uuid> = steps.iter().filter(noticed).map(|step| step.resource_id).collect();
    let (notices, places) = if ids.is_empty() {
        (HashMap::new(), HashMap::new())
    } else {
        let notices: HashMap<Uuid, Notice> =
            reporting::find_notices(conn, &ids).await?.into_iter().map(|notice| (notice.id, notice)).collect();
        let units: Vec<Uuid> = notices.values().map(|notice| notice.org_unit_id).collect();
        (notices, org_units::paths(conn, &units).await?)
    };
    let reads = scope.reaches_of(Permission::ReportingRead);
    let covers = |unit: &Uuid| places.get(unit).is_some_and(|path: &UnitPath| reads.covers_unit(path));
    let now = app.clock.now();
    let mut news = Vec::new();
    for step in steps {
        let (event_type, body) = if let Some((event_type, kind)) = wanted(types, &step) {
            let shown = sight.shown.get(&(kind, step.resource_id));
            let left = shown.is_none() && step.team_id.is_some_and(|team| sight.left.contains(&(kind, team)));
            if shown.is_none() && !left {
                continue;
            }
            let data = ChangeEventData {
                kind: kind.as_str(),
                id: step.resource_id,
                action: step.action,
                org_unit_id: step.org_unit_id,
                version: shown.map(crate::slices::changes::dto::Shown::version),
                deleted: shown.is_none(),
            };
            let event = ChangeEvent { type_: event_type, timestamp: step.at, data };
            (event_type, serde_json::to_string(&event))
        } else if let Some(notice) = notices.get(&step.resource_id).filter(|notice| covers(&notice.org_unit_id)) {
            let Ok(event_type) = reminders::action(notice.kind).parse::<EventType>() else { continue };
            let data = ReportingEventData {
                notice_id: notice.id,
                period_id: notice.period_id,
                org_unit_id: notice.org_unit_id,
                due_on: notice.due_on,
                expected: notice.expected,
                missing: notice.missing,
            };
            let event = ReportingEvent { type_: event_type, timestamp: step.at, data };
            (event_type, serde_json::to_string(&event))
        } else {
            continue;
        };
        news.push(NewDelivery {
            id: Uuid::now_v7(),
            webhook_id,
            event_type,
            entry_id: step.position.id,
            body: body.map_err(ApiError::internal)?,
            created_at: now,
        });
    }
    Ok(news)
}
