//! Who has reported in a period. A team's first filing of it is asked of an index alone, for each team by itself; what is
//! asked of many teams is counted where they are, by unit.

use crate::{
    StoreResult,
    entities::{nil_report, org_unit, result, team},
    rows::At,
    scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr},
};
use tinhnguyen_domain::{
    access::Reaches,
    org_units::UnitPath,
    reporting::{Period, TeamReporting},
    teams::TeamStatus,
};
use uuid::Uuid;

/// More rows than there are: a bound keeps both databases from working a part of a statement out once for each use of it.
const ALL: u64 = 1_000_000_000;

/// The expected teams of one unit itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// The unit.
    pub org_unit_id: Uuid,
    /// Its place in the tree.
    pub path: UnitPath,
    /// How many there are.
    pub expected: i64,
    /// How many of them have reported.
    pub received: i64,
    /// How many of those had nothing to report.
    pub nil: i64,
    /// How many reported before each of the instants that were asked about.
    pub before: Vec<i64>,
}

/// A team that is expected, and when it reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRow {
    /// The team.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub org_unit_id: Uuid,
    /// Its unit's code.
    pub unit_code: String,
    /// Its unit's name.
    pub unit_name: String,
    /// Its unit's place in the tree.
    pub path: UnitPath,
    /// When the first of its results that count was filed.
    pub filed_at: Option<DateTime<Utc>>,
    /// When it said that it has nothing to report.
    pub nil_at: Option<DateTime<Utc>>,
}

fn own(name: &'static str) -> SimpleExpr {
    Expr::col(Alias::new(name))
}

fn sub(query: SelectStatement) -> SimpleExpr {
    Expr::SubQuery(None, Box::new(query.into()))
}

/// Teams that are or were at work on a day of the period.
fn expected(period: &Period) -> Condition {
    Condition::all()
        .add(team::Column::CampaignId.eq(period.campaign_id))
        .add(team::Column::Status.is_in([TeamStatus::Deployed.as_str(), TeamStatus::Completed.as_str()]))
        .add(team::Column::StartsOn.lte(period.ends_on))
        .add(team::Column::EndsOn.gte(period.starts_on))
        .add(
            Condition::any()
                .add(team::Column::CompletedOn.is_null())
                .add(team::Column::CompletedOn.gte(period.starts_on)),
        )
}

/// When the first of a team's results that count for a day of the period was filed.
fn filed(period: &Period) -> SimpleExpr {
    let of_team = Query::select()
        .expr(Func::min(Expr::col((result::Entity, result::Column::FiledAt))))
        .from(result::Entity)
        .and_where(Expr::col((result::Entity, result::Column::TeamId)).equals((team::Entity, team::Column::Id)))
        .and_where(result::Column::ReportedOn.gte(period.starts_on))
        .and_where(result::Column::ReportedOn.lte(period.ends_on))
        // In the words of the index over what counts, which holds all that is asked.
        .and_where(Expr::cust("\"result\".\"status\" IN ('submitted', 'verified')"))
        .to_owned();
    sub(of_team)
}

/// When a team said that it has nothing to report for the period.
fn nil(period: &Period) -> SimpleExpr {
    let of_team = Query::select()
        .column((nil_report::Entity, nil_report::Column::CreatedAt))
        .from(nil_report::Entity)
        .and_where(Expr::col((nil_report::Entity, nil_report::Column::TeamId)).equals((team::Entity, team::Column::Id)))
        .and_where(nil_report::Column::PeriodId.eq(period.stamp.id))
        .to_owned();
    sub(of_team)
}

fn of_teams(period: &Period) -> SelectStatement {
    Query::select()
        .from(team::Entity)
        .inner_join(
            org_unit::Entity,
            Expr::col((team::Entity, team::Column::OrgUnitId)).equals((org_unit::Entity, org_unit::Column::Id)),
        )
        .cond_where(expected(period))
        .to_owned()
}

/// The expected teams of a subtree, counted by the units that they belong to; units without any are left out.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn by_unit(
    conn: &impl ConnectionTrait,
    period: &Period,
    within: &UnitPath,
    instants: &[DateTime<Utc>],
) -> StoreResult<Vec<UnitRow>> {
    let each = of_teams(period)
        .expr_as(Expr::col((org_unit::Entity, org_unit::Column::Id)), Alias::new("unit"))
        .expr_as(Expr::col((org_unit::Entity, org_unit::Column::Path)), Alias::new("path"))
        .expr_as(filed(period), Alias::new("filed"))
        .expr_as(nil(period), Alias::new("nil_at"))
        .cond_where(scope::units_within(within))
        .limit(ALL)
        .to_owned();
    let counted = |condition: SimpleExpr| Func::count(CaseStatement::new().case(condition, 1));
    let mut query = Query::select()
        .column(Alias::new("unit"))
        .column(Alias::new("path"))
        .expr(Func::count(own("unit")))
        .expr(counted(own("filed").is_not_null().or(own("nil_at").is_not_null())))
        .expr(counted(own("filed").is_null().and(own("nil_at").is_not_null())))
        .from_subquery(each, Alias::new("each"))
        .group_by_col(Alias::new("unit"))
        .group_by_col(Alias::new("path"))
        .order_by(Alias::new("path"), Order::Asc)
        .to_owned();
    for instant in instants {
        query.expr(counted(own("filed").lt(*instant).or(own("nil_at").lt(*instant))));
    }
    let rows = conn.query_all(&query).await?;
    let read = |row: sea_orm::QueryResult| {
        let (org_unit_id, path): (Uuid, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok(UnitRow {
            org_unit_id,
            path: UnitPath::parse(&path).map_err(|e| At("org_unit", "path", org_unit_id).corrupt(e))?,
            expected: row.try_get_by_index(2)?,
            received: row.try_get_by_index(3)?,
            nil: row.try_get_by_index(4)?,
            before: (0..instants.len())
                .map(|at| Ok(row.try_get_by_index(at.saturating_add(5))?))
                .collect::<StoreResult<_>>()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Which expected teams are listed.
#[derive(Debug, Clone, Default)]
pub struct TeamFilter {
    /// This team.
    pub team_id: Option<Uuid>,
    /// Of units at or below this path.
    pub within: Option<UnitPath>,
    /// Those that stand so, by the earliest and the latest instant at which a unit's due day is over: a team that may stand
    /// so is listed, and whoever knows its own unit's due day decides.
    pub status: Option<(TeamReporting, DateTime<Utc>, DateTime<Utc>)>,
    /// After the team with this code and id.
    pub after: Option<(String, Uuid)>,
}

/// Lists expected teams that are reached, by code.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn teams(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    period: &Period,
    filter: &TeamFilter,
    limit: u64,
) -> StoreResult<Vec<TeamRow>> {
    let code = || Expr::col((team::Entity, team::Column::Code));
    let id = || Expr::col((team::Entity, team::Column::Id));
    let mut query = of_teams(period)
        .columns([
            (team::Entity, team::Column::Id),
            (team::Entity, team::Column::Code),
            (team::Entity, team::Column::Name),
            (team::Entity, team::Column::OrgUnitId),
        ])
        .expr_as(Expr::col((org_unit::Entity, org_unit::Column::Code)), Alias::new("unit_code"))
        .expr_as(Expr::col((org_unit::Entity, org_unit::Column::Name)), Alias::new("unit_name"))
        .expr_as(Expr::col((org_unit::Entity, org_unit::Column::Path)), Alias::new("path"))
        .expr_as(filed(period), Alias::new("filed"))
        .expr_as(nil(period), Alias::new("nil_at"))
        .cond_where(scope::teams_reached(reaches))
        .to_owned();
    if let Some(team) = filter.team_id {
        query.and_where(id().eq(team));
    }
    if let Some(path) = &filter.within {
        query.cond_where(scope::units_within(path));
    }
    if let Some((status, first, last)) = filter.status {
        let there = filed(period).is_not_null().or(nil(period).is_not_null());
        match status {
            TeamReporting::Missing => query.and_where(filed(period).is_null()).and_where(nil(period).is_null()),
            TeamReporting::OnTime => query.and_where(filed(period).lt(last).or(nil(period).lt(last))),
            TeamReporting::Late => query
                .and_where(filed(period).is_null().or(filed(period).gte(first)))
                .and_where(nil(period).is_null().or(nil(period).gte(first)))
                .and_where(there),
        };
    }
    if let Some((after, after_id)) = &filter.after {
        let tied = code().eq(after.as_str()).and(id().gt(*after_id));
        query.and_where(code().gt(after.as_str()).or(tied));
    }
    query
        .order_by((team::Entity, team::Column::Code), Order::Asc)
        .order_by((team::Entity, team::Column::Id), Order::Asc)
        .limit(limit);
    let rows = conn.query_all(&query).await?;
    let read = |row: sea_orm::QueryResult| {
        let (org_unit_id, path): (Uuid, String) = (row.try_get_by_index(3)?, row.try_get_by_index(6)?);
        Ok(TeamRow {
            id: row.try_get_by_index(0)?,
            code: row.try_get_by_index(1)?,
            name: row.try_get_by_index(2)?,
            org_unit_id,
            unit_code: row.try_get_by_index(4)?,
            unit_name: row.try_get_by_index(5)?,
            path: UnitPath::parse(&path).map_err(|e| At("org_unit", "path", org_unit_id).corrupt(e))?,
            filed_at: row.try_get_by_index(7)?,
            nil_at: row.try_get_by_index(8)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Whether a team has a result that counts for a day of the period.
///
/// # Errors
/// When the database can't be asked.
pub async fn has_filed(conn: &impl ConnectionTrait, period: &Period, team_id: Uuid) -> StoreResult<bool> {
    let found = result::Entity::find()
        .select_only()
        .column(result::Column::Id)
        .filter(result::Column::TeamId.eq(team_id))
        .filter(result::Column::ReportedOn.gte(period.starts_on))
        .filter(result::Column::ReportedOn.lte(period.ends_on))
        .filter(Expr::cust("\"result\".\"status\" IN ('submitted', 'verified')"))
        .limit(1)
        .into_tuple::<Uuid>();
    Ok(found.one(conn).await?.is_some())
}
