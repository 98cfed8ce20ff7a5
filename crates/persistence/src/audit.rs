//! Who changed what: one row a change, in the change's own transaction. Seals, set a moment later, chain the rows by their
//! hashes, so that a row that is changed or removed is found; sealing in batches keeps writers out of each other's way.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{audit_log as t, audit_seal as s},
    org_units::advance,
    page::{Page, PageRequest, fetch},
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use tinhnguyen_domain::access::Reaches;
use uuid::Uuid;

/// The counter that numbers the seals; its row is locked while one is set, so that replicas take turns.
const HEAD: &str = "audit_seal";
/// Rows under one seal.
pub const BATCH: u64 = 1_000;

/// A change to be remembered.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor_id: Uuid,
    /// What was done: the operation's id, such as `submit_result`.
    pub action: &'a str,
    /// What kind of thing it was done to, such as `result`.
    pub resource: &'a str,
    /// Which one.
    pub resource_id: Uuid,
    /// In which request.
    pub request_id: &'a str,
    /// At which unit; none for what belongs to the whole country.
    pub org_unit_id: Option<Uuid>,
    /// From which address; none for what the command line or the service itself does.
    pub address: Option<IpAddr>,
}

/// Remembers a change.
///
/// # Errors
/// When the row can't be written.
pub async fn record(tx: &Tx, change: &Change<'_>) -> StoreResult<()> {
    record_many(tx, std::slice::from_ref(change)).await
}

/// Remembers many changes.
///
/// # Errors
/// When a row can't be written.
pub async fn record_many(tx: &Tx, changes: &[Change<'_>]) -> StoreResult<()> {
    for chunk in changes.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(|change| row(change, None))).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Remembers a change that took something from the sight of whoever reaches a team: a draft that was deleted, an activity
/// that the team holds no more. Whoever follows the changes learns by it that the thing is gone for them.
///
/// # Errors
/// When the row can't be written.
pub async fn record_leaving(tx: &Tx, change: &Change<'_>, team_id: Uuid) -> StoreResult<()> {
    t::Entity::insert(row(change, Some(team_id))).exec_without_returning(tx).await?;
    Ok(())
}

fn row(change: &Change<'_>, team_id: Option<Uuid>) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(Uuid::now_v7()),
        at: Set(change.at),
        actor_id: Set(change.actor_id),
        action: Set(change.action.to_owned()),
        resource: Set(change.resource.to_owned()),
        resource_id: Set(change.resource_id),
        request_id: Set(change.request_id.to_owned()),
        org_unit_id: Set(change.org_unit_id),
        seal: Set(None),
        address: Set(change.address.map(|address| address.to_string())),
        team_id: Set(team_id),
    }
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor_id: Uuid,
    /// What was done.
    pub action: String,
    /// What kind of thing it was done to.
    pub resource: String,
    /// Which one.
    pub resource_id: Uuid,
    /// In which request.
    pub request_id: String,
    /// At which unit.
    pub org_unit_id: Option<Uuid>,
    /// The seal that covers it.
    pub seal: Option<i64>,
    /// From which address.
    pub address: Option<String>,
}

impl TryFrom<t::Model> for Entry {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            at: row.at,
            actor_id: row.actor_id,
            action: row.action,
            resource: row.resource,
            resource_id: row.resource_id,
            request_id: row.request_id,
            org_unit_id: row.org_unit_id,
            seal: row.seal,
            address: row.address,
        })
    }
}

/// Which rows are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// By whom.
    pub actor_id: Option<Uuid>,
    /// Done to this.
    pub resource_id: Option<Uuid>,
    /// Done to things of this kind.
    pub resource: Option<String>,
    /// This was done.
    pub action: Option<String>,
    /// At this unit.
    pub org_unit_id: Option<Uuid>,
    /// In this request.
    pub request_id: Option<String>,
    /// At or after this instant.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// Lists a page of what was done at reached units; who reaches the whole tree sees what belongs to the country too.
///
/// # Errors
/// When the database can't be asked.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Entry>> {
    let seen = if scope::covers_all(reaches) {
        Condition::all()
    } else {
        Condition::all().add(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
    };
    listed(conn, seen, filter, page).await
}

/// Lists a page of what was done, wherever it was: for what belongs to one person, who may know all of it.
///
/// # Errors
/// When the database can't be asked.
pub async fn list_all(conn: &impl ConnectionTrait, filter: &Filter, page: &PageRequest) -> StoreResult<Page<Entry>> {
    listed(conn, Condition::all(), filter, page).await
}

async fn listed(
    conn: &impl ConnectionTrait,
    seen: Condition,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Entry>> {
    let mut query = t::Entity::find().filter(seen);
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(actor) = filter.actor_id {
        query = query.filter(t::Column::ActorId.eq(actor));
    }
    if let Some(id) = filter.resource_id {
        query = query.filter(t::Column::ResourceId.eq(id));
    }
    if let Some(resource) = &filter.resource {
        query = query.filter(t::Column::Resource.eq(resource.as_str()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(t::Column::Action.eq(action.as_str()));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::OrgUnitId.eq(unit));
    }
    if let Some(request) = &filter.request_id {
        query = query.filter(t::Column::RequestId.eq(request.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(t::Column::At.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(t::Column::At.lt(to));
    }
    fetch(conn, query, page, t::Column::At, t::Column::Id).await
}

/// Whether rows wait for a seal: asked before one is set, so that an idle database is not written to.
///
/// # Errors
/// When the database can't be asked.
pub async fn has_unsealed(conn: &impl ConnectionTrait) -> StoreResult<bool> {
    let first = t::Entity::find().select_only().column(t::Column::Id).filter(t::Column::Seal.is_null()).limit(1);
    Ok(first.into_tuple::<Uuid>().one(conn).await?.is_some())
}

/// Sets a seal over the oldest rows that have none; gives how many it covers.
///
/// # Errors
/// When the database refuses.
pub async fn seal(tx: &Tx, at: DateTime<Utc>) -> StoreResult<u64> {
    let last = advance(tx, HEAD, 0).await?;
    let rows =
        t::Entity::find().filter(t::Column::Seal.is_null()).order_by_asc(t::Column::Id).limit(BATCH).all(tx).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let before = match s::Entity::find_by_id(last).one(tx).await? {
        Some(seal) => seal.hash,
        None => Vec::new(),
    };
    let number = advance(tx, HEAD, 1).await?;
    t::Entity::update_many()
        .col_expr(t::Column::Seal, Expr::value(number))
        .filter(t::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    let entries = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let hash = chain(&before, number, &rows);
    let seal = s::ActiveModel { number: Set(number), at: Set(at), entries: Set(entries), hash: Set(hash) };
    s::Entity::insert(seal).exec_without_returning(tx).await?;
    Ok(u64::try_from(entries).unwrap_or_default())
}

/// The hash of a seal: of the one before it, its own number, and every field of its rows, each with its length, so that
/// nothing can be moved from one field to the next.
fn chain(before: &[u8], number: i64, rows: &[t::Model]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    feed(before);
    feed(&number.to_be_bytes());
    for row in rows {
        feed(row.id.as_bytes());
        feed(&row.at.timestamp_micros().to_be_bytes());
        feed(row.actor_id.as_bytes());
        feed(row.action.as_bytes());
        feed(row.resource.as_bytes());
        feed(row.resource_id.as_bytes());
        feed(row.request_id.as_bytes());
        feed(row.org_unit_id.as_ref().map_or(&[][..], |id| id.as_bytes()));
        // Rows of before addresses were kept have the hash that they had.
        if let Some(address) = &row.address {
            feed(b"address");
            feed(address.as_bytes());
        }
        if let Some(team) = &row.team_id {
            feed(b"team");
            feed(team.as_bytes());
        }
    }
    hasher.finalize().to_vec()
}

/// A place in the order of commits: behind a row under a seal. Rows under a seal never become more, and seals follow one
/// another as their rows were committed, so nothing appears later at or before a place that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The seal.
    pub seal: i64,
    /// The row under it.
    pub id: Uuid,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self { seal: 0, id: Uuid::nil() };
}

/// A sealed row, as whoever follows the changes comes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the order of commits.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: String,
    /// What kind of thing it was done to.
    pub resource: String,
    /// Which one.
    pub resource_id: Uuid,
    /// The team from whose sight it went.
    pub team_id: Option<Uuid>,
    /// At which unit; none for what belongs to the whole country.
    pub org_unit_id: Option<Uuid>,
}

/// The sealed rows after a place, in the order of commits.
///
/// # Errors
/// When the database can't be asked.
pub async fn after(conn: &impl ConnectionTrait, position: Position, limit: u64) -> StoreResult<Vec<Step>> {
    // Said so that the index is entered at the seal: an `OR` of both would be scanned from the beginning.
    let rows = t::Entity::find()
        .filter(t::Column::Seal.gte(position.seal))
        .filter(Condition::any().add(t::Column::Seal.gt(position.seal)).add(t::Column::Id.gt(position.id)))
        .order_by_asc(t::Column::Seal)
        .order_by_asc(t::Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    let step = |row: t::Model| {
        let seal = row.seal?;
        Some(Step {
            position: Position { seal, id: row.id },
            at: row.at,
            action: row.action,
            resource: row.resource,
            resource_id: row.resource_id,
            team_id: row.team_id,
            org_unit_id: row.org_unit_id,
        })
    };
    Ok(rows.into_iter().filter_map(step).collect())
}

/// The last seal's number: everything under it and those before has its place already. 0 before the first.
///
/// # Errors
/// When the database can't be asked.
pub async fn head(conn: &impl ConnectionTrait) -> StoreResult<i64> {
    crate::ledger::counter_value(conn, HEAD).await
}

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Seals that were checked.
    pub seals: i64,
    /// Rows under them.
    pub entries: u64,
    /// Rows that wait for the next seal.
    pub unsealed: u64,
    /// Seals that don't hold: a row of theirs was changed, removed or added, or they were themselves.
    pub broken: Vec<i64>,
    /// The last seal's hash in hexadecimal: kept elsewhere, it proves later that nothing was cut off the end.
    pub head: String,
}

/// Checks every seal against its rows and the one before it. Call it in a snapshot.
///
/// # Errors
/// When the database can't be asked.
pub async fn verify(snapshot: &Tx) -> StoreResult<Verdict> {
    let head = crate::ledger::counter_value(snapshot, HEAD).await?;
    let mut verdict = Verdict { seals: head, ..Verdict::default() };
    let mut before = Vec::new();
    for number in 1..=head {
        let Some(seal) = s::Entity::find_by_id(number).one(snapshot).await? else {
            verdict.broken.push(number);
            continue;
        };
        let rows =
            t::Entity::find().filter(t::Column::Seal.eq(number)).order_by_asc(t::Column::Id).all(snapshot).await?;
        let entries = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if entries != seal.entries || chain(&before, number, &rows) != seal.hash {
            verdict.broken.push(number);
        }
        verdict.entries = verdict.entries.saturating_add(u64::try_from(entries).unwrap_or_default());
        before = seal.hash;
    }
    // Rows that name a seal which is not there.
    let strays = t::Entity::find().filter(t::Column::Seal.gt(head)).count(snapshot).await?;
    let surplus = s::Entity::find().filter(s::Column::Number.gt(head)).count(snapshot).await?;
    if strays + surplus > 0 {
        verdict.broken.push(head + 1);
    }
    verdict.unsealed = t::Entity::find().filter(t::Column::Seal.is_null()).count(snapshot).await?;
    verdict.head = before.iter().map(|b| format!("{b:02x}")).collect();
    Ok(verdict)
}
