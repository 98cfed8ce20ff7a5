//! What progress is made of beside the ledger's cells: what tells whether a copy in memory is still good, the teams that
//! reported, figures that the ledger doesn't carry, and the results behind a figure.

use crate::{
    StoreResult, Tx,
    entities::{counter, ledger as l, result, team as t, team_member as m},
    ledger,
    org_units::{self, advance},
    reference,
    rows::At,
};
use chrono::NaiveDate;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Func},
};
use std::collections::{BTreeSet, HashMap};
use tinhnguyen_domain::{
    catalogue::{Audience, Measure, Topic},
    counting::{Count, Turns},
    progress::{CellKey, Source},
    teams::{TeamKind, TeamStatus},
};
use uuid::Uuid;

/// What tells whether a copy in memory is still good. All are 0 at the beginning and only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Heads {
    /// The ledger's last entry.
    pub ledger_seq: i64,
    /// Changes of the organisation and of the localities.
    pub trees: i64,
    /// Changes of campaigns, indicators and targets.
    pub subjects: i64,
    /// Whether these are demonstration data.
    pub demo: bool,
}

impl Heads {
    /// Whether nothing that `other` has is missing here.
    #[must_use]
    pub const fn covers(&self, other: &Self) -> bool {
        self.ledger_seq >= other.ledger_seq
            && self.trees >= other.trees
            && self.subjects >= other.subjects
            && (self.demo || !other.demo)
    }
}

const SUBJECTS: &str = "subjects";
/// Advanced by triggers (migration m29).
const ACCESS: &str = "access";

/// How everything stands, and who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// How everything stands.
    pub heads: Heads,
    /// Changes of accounts, grants and sessions.
    pub access: i64,
}

/// Both. One round trip.
///
/// # Errors
/// When the database can't be asked.
pub async fn numbers(conn: &impl ConnectionTrait) -> StoreResult<Numbers> {
    let names = [ledger::HEAD, org_units::TREE, SUBJECTS, reference::DEMO, ACCESS];
    let rows = counter::Entity::find().filter(counter::Column::Name.is_in(names)).all(conn).await?;
    let of = |name: &str| rows.iter().find(|row| row.name == name).map_or(0, |row| row.value);
    let heads = Heads {
        ledger_seq: of(ledger::HEAD),
        trees: of(org_units::TREE),
        subjects: of(SUBJECTS),
        demo: of(reference::DEMO) > 0,
    };
    Ok(Numbers { heads, access: of(ACCESS) })
}

/// How everything stands. One round trip.
///
/// # Errors
/// When the database can't be asked.
pub async fn heads(conn: &impl ConnectionTrait) -> StoreResult<Heads> {
    Ok(numbers(conn).await?.heads)
}

/// Counts a change of what is counted or of how much is wanted. Every writer of campaigns, indicators and targets calls it.
pub(crate) async fn subjects_changed(tx: &Tx) -> StoreResult<()> {
    advance(tx, SUBJECTS, 1).await.map(|_| ())
}

/// Of which kind teams are: of some, or of all.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn team_kinds(conn: &impl ConnectionTrait, of: Option<&[Uuid]>) -> StoreResult<Vec<(Uuid, TeamKind)>> {
    let all = t::Entity::find().select_only().columns([t::Column::Id, t::Column::Kind]);
    let mut rows: Vec<(Uuid, String)> = Vec::new();
    match of {
        None => rows = all.into_tuple().all(conn).await?,
        Some(ids) => {
            for chunk in ids.chunks(500) {
                let some = all.clone().filter(t::Column::Id.is_in(chunk.iter().copied()));
                rows.extend(some.into_tuple::<(Uuid, String)>().all(conn).await?);
            }
        }
    }
    rows.into_iter().map(|(id, kind)| Ok((id, At("team", "kind", id).word(&kind)?))).collect()
}

/// Code and name of teams.
///
/// # Errors
/// When the database can't be asked.
pub async fn team_names(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, (String, String)>> {
    let mut names = HashMap::new();
    for chunk in ids.chunks(500) {
        let rows: Vec<(Uuid, String, String)> = t::Entity::find()
            .select_only()
            .columns([t::Column::Id, t::Column::Code, t::Column::Name])
            .filter(t::Column::Id.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(conn)
            .await?;
        names.extend(rows.into_iter().map(|(id, code, name)| (id, (code, name))));
    }
    Ok(names)
}

/// States in which a team counts as reported.
pub const TEAMS_REPORTED: [TeamStatus; 3] = [TeamStatus::Ready, TeamStatus::Deployed, TeamStatus::Completed];
/// States in which a team counts as verified: it went to work.
pub const TEAMS_VERIFIED: [TeamStatus; 2] = [TeamStatus::Deployed, TeamStatus::Completed];

/// The cells of an indicator that counts a campaign's teams, or the people in them, on the teams' first days. They come from
/// the teams as they are, not from the ledger, and have no place.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn team_cells(
    conn: &impl ConnectionTrait,
    (indicator_id, measure): (Uuid, Measure),
    campaign_id: Uuid,
) -> StoreResult<Vec<(CellKey, Count)>> {
    let teams: Vec<(Uuid, Uuid, NaiveDate, String)> = t::Entity::find()
        .select_only()
        .columns([t::Column::Id, t::Column::OrgUnitId, t::Column::StartsOn, t::Column::Status])
        .filter(t::Column::CampaignId.eq(campaign_id))
        .filter(t::Column::Status.is_in(TEAMS_REPORTED.map(TeamStatus::as_str)))
        .into_tuple()
        .all(conn)
        .await?;
    let members: HashMap<Uuid, i64> = if measure == Measure::Members {
        let of_campaign = t::Entity::find()
            .select_only()
            .column(t::Column::Id)
            .filter(t::Column::CampaignId.eq(campaign_id))
            .into_query();
        // Whoever was twice in a team is one person.
        let people = Expr::from(Func::count_distinct(Expr::col(m::Column::VolunteerId)));
        let rows: Vec<(Uuid, i64)> = m::Entity::find()
            .select_only()
            .column(m::Column::TeamId)
            .column_as(people, "people")
            .filter(m::Column::TeamId.in_subquery(of_campaign))
            .group_by(m::Column::TeamId)
            .into_tuple()
            .all(conn)
            .await?;
        rows.into_iter().collect()
    } else {
        HashMap::new()
    };
    teams
        .into_iter()
        .map(|(team_id, org_unit_id, day, status)| {
            let status: TeamStatus = At("team", "status", team_id).word(&status)?;
            let value = if measure == Measure::Members { members.get(&team_id).copied().unwrap_or(0) } else { 1 };
            let verified = if TEAMS_VERIFIED.contains(&status) { value } else { 0 };
            let key = CellKey {
                indicator_id,
                team_id,
                org_unit_id,
                locality_id: Uuid::nil(),
                day,
                topic: None,
                audience: None,
            };
            Ok((key, Count { reported: Turns(value), verified: Turns(verified) }))
        })
        .collect()
}

/// What one result brings to a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// The result.
    pub result_id: Uuid,
    /// The team that reported it, and its unit.
    pub source: Source,
    /// The place of the activity.
    pub locality_id: Uuid,
    /// The reported day.
    pub day: NaiveDate,
    /// What it brings.
    pub count: Count,
    /// The result's revision that brought it.
    pub revision: i32,
    /// The last of its entries.
    pub ledger_seq: i64,
}

/// Which contributions are asked for. Days are inclusive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behind {
    /// The indicator.
    pub indicator_id: Uuid,
    /// Up to this entry.
    pub ledger_seq: i64,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Only on this topic.
    pub topic: Option<Topic>,
    /// Only to this audience.
    pub audience: Option<Audience>,
}

/// What results of some teams bring to a figure, in the order of team and result. What came to nothing is left out.
///
/// # Errors
/// When the database can't be asked.
pub async fn contributions(
    conn: &impl ConnectionTrait,
    asked: &Behind,
    teams: &BTreeSet<Uuid>,
) -> StoreResult<Vec<Contribution>> {
    type Row = (Uuid, Uuid, Uuid, Uuid, NaiveDate, i64, i64, i32, i64);
    // PostgreSQL sums to numeric.
    let sum = |column: l::Column| Expr::col(column).sum().cast_as(Alias::new("bigint"));
    // By way of the results: they are found by team, the ledger by result.
    let results = result::Entity::find()
        .select_only()
        .column(result::Column::Id)
        .filter(result::Column::TeamId.is_in(teams.iter().copied()))
        .into_query();
    let mut query = l::Entity::find()
        .select_only()
        .column(l::Column::ResultId)
        .column(l::Column::TeamId)
        .column(l::Column::OrgUnitId)
        .column(l::Column::LocalityId)
        .column(l::Column::Day)
        .column_as(sum(l::Column::DeltaReported), "reported")
        .column_as(sum(l::Column::DeltaVerified), "verified")
        .column_as(l::Column::Revision.max(), "revision")
        .column_as(l::Column::Seq.max(), "seq")
        .filter(l::Column::ResultId.in_subquery(results))
        .filter(l::Column::IndicatorId.eq(asked.indicator_id))
        .filter(l::Column::Seq.lte(asked.ledger_seq));
    if let Some(from) = asked.from {
        query = query.filter(l::Column::Day.gte(from));
    }
    if let Some(to) = asked.to {
        query = query.filter(l::Column::Day.lte(to));
    }
    if let Some(topic) = asked.topic {
        query = query.filter(l::Column::Topic.eq(topic.as_str()));
    }
    if let Some(audience) = asked.audience {
        query = query.filter(l::Column::Audience.eq(audience.as_str()));
    }
    let rows: Vec<Row> = query
        .group_by(l::Column::ResultId)
        .group_by(l::Column::TeamId)
        .group_by(l::Column::OrgUnitId)
        .group_by(l::Column::LocalityId)
        .group_by(l::Column::Day)
        .order_by_asc(l::Column::TeamId)
        .order_by_asc(l::Column::ResultId)
        .order_by_asc(l::Column::LocalityId)
        .order_by_asc(l::Column::Day)
        .into_tuple()
        .all(conn)
        .await?;
    let contribution = |(result_id, team_id, org_unit_id, locality_id, day, reported, verified, revision, seq): Row| {
        let source = Source { team_id, org_unit_id };
        let count = Count { reported: Turns(reported), verified: Turns(verified) };
        Contribution { result_id, source, locality_id, day, count, revision, ledger_seq: seq }
    };
    Ok(rows.into_iter().map(contribution).filter(|row| !row.count.is_zero()).collect())
}
