//! What following the changes means: the audit log in the order of commits, of which the caller is told what they see.

use super::dto::{Change, ChangePage, ChangeQuery, Cursor, Include, Kind, Shown};
use crate::{
    allowed::{CatalogueRead, Demand, Scope},
    app::App,
    problem::ApiResult,
    slices::{
        activities::ops as of_activities, campaigns::ops as of_campaigns, members::dto::Member,
        org_units::ops as of_units, results::ops as of_results, targets::ops as of_targets, teams::ops as of_teams,
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};
use tinhnguyen_domain::access::Permission;
use tinhnguyen_persistence::{
    ConnectionTrait, activities,
    audit::{self, Position, Step},
    campaigns, members, org_units, results, targets, teams,
};
use tracing::warn;
use uuid::Uuid;

/// Rows of the audit log that are looked at together.
const WINDOW: u64 = 500;
/// How many times that many at most in one request: whoever sees little of much comes again.
const WINDOWS: usize = 20;
/// The longest that an answer waits: the edge ends a request after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(25);

/// What one must be allowed to read to be told of a kind.
const fn permission_of(kind: Kind) -> Permission {
    match kind {
        Kind::Campaign | Kind::Indicator => Permission::CatalogueRead,
        Kind::OrgUnit => Permission::OrgUnitRead,
        Kind::Team | Kind::TeamMember => Permission::TeamRead,
        Kind::Activity => Permission::ActivityRead,
        Kind::Result => Permission::ResultRead,
        Kind::Target => Permission::ProgressRead,
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// What the caller sees, in a few letters: the same as long as their rights are.
fn sight(scope: &Scope<CatalogueRead>) -> String {
    let reaches: Vec<_> = Kind::ALL.iter().map(|kind| scope.reaches_of(permission_of(*kind))).collect();
    digest(&format!("{reaches:?}"))
}

/// Whom a cursor is good for: it passes by what others may see, and by other kinds.
fn reader(scope: &Scope<CatalogueRead>, kind: Option<Kind>) -> String {
    digest(&format!("{} {}", scope.actor.id, kind.map_or("", Kind::as_str)))
}

/// What was changed since a place, waiting for it when that was asked and nothing was.
///
/// # Errors
/// `bad_cursor`.
pub async fn follow(app: &App, scope: &Scope<CatalogueRead>, query: &ChangeQuery) -> ApiResult<ChangePage> {
    let (reader, sight) = (reader(scope, query.kind), sight(scope));
    let mut sight_changed = false;
    let position = match query.since.as_deref() {
        None => Position::START,
        Some("now") => {
            seal_waiting(app).await;
            Position { seal: audit::head(app.store.read()).await?, id: Uuid::max() }
        }
        Some(text) => {
            let cursor = Cursor::read(text, &reader)?;
            sight_changed = !cursor.saw(&sight);
            cursor.position()
        }
    };
    let mut passed = read(app, scope, query, position).await?;
    let patience = Duration::from_secs(query.wait.unwrap_or_default().into()).min(PATIENCE);
    if passed.changes.is_empty() && !passed.has_more && !sight_changed && !patience.is_zero() {
        let started = Instant::now();
        let seat = app.waiting.seat(scope.actor.id);
        while seat.is_some() && passed.changes.is_empty() && !passed.has_more && !app.waiting.is_closed() {
            let Some(left) = patience.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) else { break };
            if app.waiting.news_after(&app.store, passed.position.seal, left).await? {
                passed = read(app, scope, query, passed.position).await?;
            }
        }
    }
    Ok(ChangePage {
        data: passed.changes,
        next_cursor: Cursor::new(passed.position, reader, sight).text(),
        has_more: passed.has_more,
        sight_changed,
    })
}

/// Seals all that waits. Where that fails, what is sealed already is told all the same, and the rest with a later answer.
async fn seal_waiting(app: &App) {
    if let Err(err) = app.waiting.seal(&app.store, app.clock.now()).await {
        warn!(error = %err, "the audit log can't be sealed by a reader");
    }
}

/// What was passed by.
struct Passed {
    changes: Vec<Change>,
    position: Position,
    has_more: bool,
}

/// Changes that are gathered, each thing once.
#[derive(Default)]
struct Gathered {
    told: Vec<Option<(Kind, Step, Option<Shown>)>>,
    place_of: HashMap<(Kind, Uuid), usize>,
}

impl Gathered {
    /// Takes a step, in the place of an earlier one of the same thing; `false` when there is no room for it.
    fn take(&mut self, kind: Kind, step: Step, shown: Option<Shown>, limit: usize) -> bool {
        let key = (kind, step.resource_id);
        if let Some(place) = self.place_of.get(&key) {
            if let Some(earlier) = self.told.get_mut(*place) {
                *earlier = None;
            }
        } else if self.place_of.len() >= limit {
            return false;
        }
        self.place_of.insert(key, self.told.len());
        self.told.push(Some((kind, step, shown)));
        true
    }
}

async fn read(app: &App, scope: &Scope<CatalogueRead>, query: &ChangeQuery, from: Position) -> ApiResult<Passed> {
    // Before anything is read: what is sealed by somebody else between a reading and a look at what waits would be passed by.
    seal_waiting(app).await;
    let conn = app.store.read();
    let limit = usize::try_from(query.limit.unwrap_or(50)).unwrap_or(usize::MAX);
    let with_items = query.include == Some(Include::Items);
    let (mut position, mut has_more) = (from, false);
    let mut gathered = Gathered::default();
    let mut windows = 0;
    'windows: loop {
        let steps = audit::after(conn, position, WINDOW).await?;
        let full = u64::try_from(steps.len()).is_ok_and(|count| count >= WINDOW);
        let followed = |step: &Step| {
            let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == step.resource)?;
            query.kind.is_none_or(|only| only == kind).then_some(kind)
        };
        let seen = seen(conn, scope, steps.iter().filter_map(|step| Some((followed(step)?, step)))).await?;
        for step in steps {
            let here = step.position;
            if let Some(kind) = followed(&step) {
                let key = (kind, step.resource_id);
                let shown = seen.shown.get(&key).cloned();
                // A thing that is neither seen nor left their sight by this step is not the caller's to know of.
                let left = shown.is_none() && step.team_id.is_some_and(|team| seen.left.contains(&(kind, team)));
                if (shown.is_some() || left) && !gathered.take(kind, step, shown, limit) {
                    has_more = true;
                    break 'windows;
                }
            }
            position = here;
        }
        if !full {
            break;
        }
        windows += 1;
        if windows >= WINDOWS {
            has_more = true;
            break;
        }
    }
    let changes = gathered
        .told
        .into_iter()
        .flatten()
        .map(|(kind, step, shown)| Change::of(kind, step.resource_id, step.at, step.action, shown, with_items));
    Ok(Passed { changes: changes.collect(), position, has_more })
}

/// What the caller sees of some steps.
pub struct Seen {
    /// Things as they are now.
    pub shown: HashMap<(Kind, Uuid), Shown>,
    /// Teams from whose sight something went, and which the caller reaches.
    pub left: HashSet<(Kind, Uuid)>,
}

/// Resolves the things of some steps, each kind with one or two queries, as the lists of that kind would.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn seen<'a, P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    steps: impl Iterator<Item = (Kind, &'a Step)>,
) -> ApiResult<Seen> {
    let mut ids: BTreeMap<Kind, Vec<Uuid>> = BTreeMap::new();
    let mut left_teams: BTreeMap<Kind, Vec<Uuid>> = BTreeMap::new();
    for (kind, step) in steps {
        ids.entry(kind).or_default().push(step.resource_id);
        left_teams.entry(kind).or_default().extend(step.team_id);
    }
    let mut shown = HashMap::new();
    for (kind, mut ids) in ids {
        ids.sort_unstable();
        ids.dedup();
        let reaches = scope.reaches_of(permission_of(kind));
        if reaches.is_empty() {
            continue;
        }
        let mut tell = |id: Uuid, item: Shown| drop(shown.insert((kind, id), item));
        match kind {
            Kind::Campaign => {
                let view = of_campaigns::view(scope);
                let found = campaigns::find_many(conn, &ids).await?;
                found.into_iter().for_each(|one| tell(one.stamp.id, Shown::Campaign(view(one))));
            }
            Kind::Indicator => {
                let view = of_campaigns::view_indicator(scope);
                let found = campaigns::find_indicators(conn, &ids).await?;
                found.into_iter().for_each(|one| tell(one.stamp.id, Shown::Indicator(view(one))));
            }
            Kind::Target => {
                let view = of_targets::view(scope);
                let found = targets::find_many(conn, &reaches, &ids).await?;
                let units: Vec<Uuid> = found.iter().map(|target| target.org_unit_id).collect();
                let paths = org_units::paths(conn, &units).await?;
                for one in found {
                    if let Some(path) = paths.get(&one.org_unit_id) {
                        tell(one.stamp.id, Shown::Target(view(one, path)));
                    }
                }
            }
            Kind::OrgUnit => {
                let view = of_units::view(scope);
                let found = org_units::find_many(conn, &reaches, &ids).await?;
                found.into_iter().for_each(|one| tell(one.stamp.id, Shown::OrgUnit(view(one))));
            }
            Kind::Team => {
                let view = of_teams::view(scope);
                let found = teams::find_many(conn, &reaches, &ids).await?;
                let units: Vec<Uuid> = found.iter().map(|team| team.org_unit_id).collect();
                let paths = org_units::paths(conn, &units).await?;
                for one in found {
                    if let Some(path) = paths.get(&one.org_unit_id) {
                        tell(one.stamp.id, Shown::Team(view(one, path)));
                    }
                }
            }
            Kind::TeamMember => {
                let found = members::find_many(conn, &reaches, &ids).await?;
                let of: Vec<Uuid> = found.iter().map(|member| member.team_id).collect();
                let paths = teams::unit_paths(conn, &of).await?;
                let teams = teams::find_many(conn, &reaches, &of).await?;
                let writes = scope.reaches_of(Permission::MemberWrite);
                for one in found {
                    let editable = teams.iter().any(|t| t.stamp.id == one.team_id && t.status.is_editable());
                    let reached = paths.get(&one.team_id).is_some_and(|unit| writes.covers_team(unit, one.team_id));
                    tell(one.stamp.id, Shown::TeamMember(Member::of(one, editable && reached)));
                }
            }
            Kind::Activity => {
                let view = of_activities::view(scope);
                let found = activities::find_many(conn, &reaches, &ids).await?;
                let leads: Vec<Uuid> = found.iter().map(|activity| activity.lead_team_id).collect();
                let paths = teams::unit_paths(conn, &leads).await?;
                for one in found {
                    let unit = paths.get(&one.lead_team_id);
                    tell(one.stamp.id, Shown::Activity(view(one, unit)));
                }
            }
            Kind::Result => {
                let view = of_results::view(scope);
                let found = results::find_many(conn, &reaches, &ids).await?;
                let of: Vec<Uuid> = found.iter().map(|result| result.team_id).collect();
                let paths = teams::unit_paths(conn, &of).await?;
                for one in found {
                    let unit = paths.get(&one.team_id);
                    tell(one.stamp.id, Shown::Result(view(one, unit)));
                }
            }
        }
    }
    let mut left = HashSet::new();
    for (kind, of) in left_teams.into_iter().filter(|(_, of)| !of.is_empty()) {
        let reaches = scope.reaches_of(permission_of(kind));
        let paths = teams::unit_paths(conn, &of).await?;
        let reached = paths.into_iter().filter(|(team, unit)| reaches.covers_team(unit, *team));
        left.extend(reached.map(|(team, _)| (kind, team)));
    }
    Ok(Seen { shown, left })
}
