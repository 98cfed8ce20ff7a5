//! Memberships: who is in which team, and when. Whoever writes one holds the rows of its team and its volunteer first, so
//! that of two at once the second sees what the first did.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{team, team_member as t},
    page::{Page, PageRequest, fetch},
    rows::At,
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
    sea_query::{Expr, ExprTrait},
};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    teams::{Crew, Team},
    volunteers::{Member, MemberRole},
};
use uuid::Uuid;

impl TryFrom<t::Model> for Member {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            role: At("team_member", "role", row.id).word(&row.role)?,
            team_id: row.team_id,
            volunteer_id: row.volunteer_id,
            joined_on: row.joined_on,
            left_on: row.left_on,
        })
    }
}

fn row(member: &Member) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(member.stamp.id),
        created_at: Set(member.stamp.created_at),
        updated_at: Set(member.stamp.updated_at),
        version: Set(member.stamp.version),
        team_id: Set(member.team_id),
        volunteer_id: Set(member.volunteer_id),
        role: Set(member.role.as_str().to_owned()),
        joined_on: Set(member.joined_on),
        left_on: Set(member.left_on),
    }
}

pub(crate) fn on_team() -> RelationDef {
    t::Entity::belongs_to(team::Entity).from(t::Column::TeamId).to(team::Column::Id).into()
}

/// Memberships, joined with their team, that share a day with a time.
pub(crate) fn overlaps(from: NaiveDate, to: NaiveDate) -> Condition {
    let open = Condition::all().add(t::Column::LeftOn.is_null()).add(team::Column::EndsOn.gte(from));
    Condition::all().add(t::Column::JoinedOn.lte(to)).add(Condition::any().add(t::Column::LeftOn.gte(from)).add(open))
}

/// Which memberships of a team are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this volunteer.
    pub volunteer_id: Option<Uuid>,
    /// Of this part.
    pub role: Option<MemberRole>,
    /// Begun by this day and not ended before it.
    pub active_on: Option<NaiveDate>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a membership of a team.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, team_id: Uuid, id: Uuid) -> StoreResult<Option<Member>> {
    let found = t::Entity::find_by_id(id).filter(t::Column::TeamId.eq(team_id)).one(conn).await?;
    found.map(Member::try_from).transpose()
}

/// Finds many of the memberships of teams that are reached, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, reaches: &Reaches, ids: &[Uuid]) -> StoreResult<Vec<Member>> {
    let mut query = t::Entity::find().filter(t::Column::Id.is_in(ids.iter().copied()));
    if !scope::covers_all(reaches) {
        query = query.filter(t::Column::TeamId.in_subquery(scope::team_ids(scope::teams_reached(reaches))));
    }
    query.all(conn).await?.into_iter().map(Member::try_from).collect()
}

/// Lists a page of a team's memberships.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    team_id: Uuid,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Member>> {
    let mut query = t::Entity::find().filter(t::Column::TeamId.eq(team_id));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(volunteer) = filter.volunteer_id {
        query = query.filter(t::Column::VolunteerId.eq(volunteer));
    }
    if let Some(role) = filter.role {
        query = query.filter(t::Column::Role.eq(role.as_str()));
    }
    if let Some(day) = filter.active_on {
        query = query
            .filter(t::Column::JoinedOn.lte(day))
            .filter(Condition::any().add(t::Column::LeftOn.is_null()).add(t::Column::LeftOn.gte(day)));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// All memberships of a volunteer, the oldest first, at most 1,000.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn of_volunteer(conn: &impl ConnectionTrait, volunteer_id: Uuid) -> StoreResult<Vec<Member>> {
    let rows = t::Entity::find()
        .filter(t::Column::VolunteerId.eq(volunteer_id))
        .order_by_asc(t::Column::JoinedOn)
        .order_by_asc(t::Column::Id)
        .limit(1_000)
        .all(conn)
        .await?;
    rows.into_iter().map(Member::try_from).collect()
}

/// A membership of the same volunteer, in whatever team, that shares a day with this one.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn engaged(
    conn: &impl ConnectionTrait,
    member: &Member,
    team_ends_on: NaiveDate,
) -> StoreResult<Option<Member>> {
    let found = t::Entity::find()
        .join(JoinType::InnerJoin, on_team())
        .filter(t::Column::VolunteerId.eq(member.volunteer_id))
        .filter(t::Column::Id.ne(member.stamp.id))
        .filter(overlaps(member.joined_on, member.until(team_ends_on)))
        .one(conn)
        .await?;
    found.map(Member::try_from).transpose()
}

/// Another leader of the same team at the same time.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn other_leader(
    conn: &impl ConnectionTrait,
    member: &Member,
    team_ends_on: NaiveDate,
) -> StoreResult<Option<Member>> {
    let found = t::Entity::find()
        .join(JoinType::InnerJoin, on_team())
        .filter(t::Column::TeamId.eq(member.team_id))
        .filter(t::Column::Id.ne(member.stamp.id))
        .filter(t::Column::Role.eq(MemberRole::Leader.as_str()))
        .filter(overlaps(member.joined_on, member.until(team_ends_on)))
        .one(conn)
        .await?;
    found.map(Member::try_from).transpose()
}

/// The memberships of a team that end with the team, not by a day of their own.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn open(conn: &impl ConnectionTrait, team_id: Uuid) -> StoreResult<Vec<Member>> {
    let rows = t::Entity::find()
        .filter(t::Column::TeamId.eq(team_id))
        .filter(t::Column::LeftOn.is_null())
        .order_by_asc(t::Column::VolunteerId)
        .all(conn)
        .await?;
    rows.into_iter().map(Member::try_from).collect()
}

/// What a team's register of members says of a day.
///
/// # Errors
/// When the database can't be asked.
pub async fn crew(conn: &impl ConnectionTrait, team: &Team, day: NaiveDate) -> StoreResult<Crew> {
    let of_team = || t::Entity::find().filter(t::Column::TeamId.eq(team.stamp.id));
    // Before its first day a team is what it will be then.
    let day = std::cmp::Ord::max(day, team.starts_on);
    let active = || of_team().join(JoinType::InnerJoin, on_team()).filter(overlaps(day, day));
    Ok(Crew {
        registered: of_team().count(conn).await?,
        active: active().count(conn).await?,
        leaders: active().filter(t::Column::Role.eq(MemberRole::Leader.as_str())).count(conn).await?,
    })
}

/// Ends a team's memberships on a day, because the team itself ended.
///
/// # Errors
/// When the database refuses.
pub async fn end_all(tx: &Tx, team_id: Uuid, day: NaiveDate, at: DateTime<Utc>) -> StoreResult<()> {
    let open = || {
        t::Entity::update_many()
            .col_expr(t::Column::Version, Expr::col(t::Column::Version).add(1))
            .col_expr(t::Column::UpdatedAt, Expr::value(at))
            .filter(t::Column::TeamId.eq(team_id))
    };
    open()
        .col_expr(t::Column::LeftOn, Expr::value(day))
        .filter(t::Column::JoinedOn.lte(day))
        .filter(Condition::any().add(t::Column::LeftOn.is_null()).add(t::Column::LeftOn.gt(day)))
        .exec(tx)
        .await?;
    open()
        .col_expr(t::Column::LeftOn, Expr::col(t::Column::JoinedOn))
        .filter(t::Column::JoinedOn.gt(day))
        .exec(tx)
        .await?;
    Ok(())
}

/// Stores a new membership.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, member: &Member) -> StoreResult<()> {
    t::Entity::insert(row(member)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed membership.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, member: &Member) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(member))
        .filter(t::Column::Id.eq(member.stamp.id))
        .filter(t::Column::Version.eq(member.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
