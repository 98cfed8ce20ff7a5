//! Teams.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{org_unit, team as t},
    localities::contains,
    page::{Page, PageRequest, fetch},
    rows::{At, json},
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationDef,
    sea_query::Expr,
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    org_units::UnitPath,
    teams::{Team, TeamKind, TeamStatus},
    text::fold,
};
use uuid::Uuid;

impl TryFrom<t::Model> for Team {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("team", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            kind: at("kind").word(&row.kind)?,
            modes: at("modes").json(row.modes.clone())?,
            locality_ids: at("locality_ids").json(row.locality_ids.clone())?,
            status: at("status").word(&row.status)?,
            digital_group_ids: at("digital_group_ids").json(row.digital_group_ids.clone())?,
            campaign_id: row.campaign_id,
            org_unit_id: row.org_unit_id,
            name: row.name,
            code: row.code,
            strand: row.strand,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
        })
    }
}

fn row(team: &Team) -> t::ActiveModel {
    t::ActiveModel {
        id: Set(team.stamp.id),
        created_at: Set(team.stamp.created_at),
        updated_at: Set(team.stamp.updated_at),
        version: Set(team.stamp.version),
        campaign_id: Set(team.campaign_id),
        org_unit_id: Set(team.org_unit_id),
        kind: Set(team.kind.as_str().to_owned()),
        name: Set(team.name.clone()),
        name_folded: Set(fold(&team.name)),
        code: Set(team.code.clone()),
        strand: Set(team.strand.clone()),
        modes: Set(json(&team.modes)),
        locality_ids: Set(json(&team.locality_ids)),
        starts_on: Set(team.starts_on),
        ends_on: Set(team.ends_on),
        status: Set(team.status.as_str().to_owned()),
        digital_group_ids: Set(json(&team.digital_group_ids)),
        completed_on: NotSet,
    }
}

/// Which teams are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// By code.
    pub code: Option<String>,
    /// Of this campaign.
    pub campaign_id: Option<Uuid>,
    /// Of this unit itself.
    pub org_unit_id: Option<Uuid>,
    /// Of units at or below this path.
    pub within: Option<UnitPath>,
    /// Of this kind.
    pub kind: Option<TeamKind>,
    /// In this state.
    pub status: Option<TeamStatus>,
    /// Whose name holds this text, whatever its accents and case.
    pub q: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a team that is reached.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<Team>> {
    t::Entity::find_by_id(id).filter(scope::teams_reached(reaches)).one(conn).await?.map(Team::try_from).transpose()
}

/// Finds a team, whoever asks.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_any(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Team>> {
    t::Entity::find_by_id(id).one(conn).await?.map(Team::try_from).transpose()
}

/// Keeps a team's row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn lock(tx: &Tx, id: Uuid) -> StoreResult<Option<Team>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Team::try_from).transpose()
}

/// Finds many of the teams that are reached, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, reaches: &Reaches, ids: &[Uuid]) -> StoreResult<Vec<Team>> {
    let rows = t::Entity::find()
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .filter(scope::teams_reached(reaches))
        .all(conn)
        .await?;
    rows.into_iter().map(Team::try_from).collect()
}

/// Of many teams: the places of their units in the tree.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn unit_paths(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, UnitPath>> {
    let on_unit: RelationDef =
        t::Entity::belongs_to(org_unit::Entity).from(t::Column::OrgUnitId).to(org_unit::Column::Id).into();
    let rows: Vec<(Uuid, String)> = t::Entity::find()
        .select_only()
        .column(t::Column::Id)
        .column(org_unit::Column::Path)
        .join(JoinType::InnerJoin, on_unit)
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, path)| Ok((id, UnitPath::parse(&path).map_err(|e| At("org_unit", "path", id).corrupt(e))?)))
        .collect()
}

/// Lists a page of the teams that are reached.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Team>> {
    let mut query = t::Entity::find().filter(scope::teams_reached(reaches));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(code) = &filter.code {
        query = query.filter(t::Column::Code.eq(code.as_str()));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(t::Column::CampaignId.eq(campaign));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::OrgUnitId.eq(unit));
    }
    if let Some(path) = &filter.within {
        query = query.filter(scope::teams_within(path));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(t::Column::Kind.eq(kind.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(t::Column::Status.eq(status.as_str()));
    }
    if let Some(text) = &filter.q {
        query = query.filter(contains(t::Column::NameFolded, text));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Stores a new team.
///
/// # Errors
/// [`StoreError::Conflict`] when its id, or its code in the campaign, is taken.
pub async fn insert(tx: &Tx, team: &Team) -> StoreResult<()> {
    t::Entity::insert(row(team)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores many new teams.
///
/// # Errors
/// [`StoreError::Conflict`] when an id or code is taken.
pub async fn insert_many(tx: &Tx, teams: &[Team]) -> StoreResult<()> {
    for chunk in teams.chunks(500) {
        t::Entity::insert_many(chunk.iter().map(row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Stores a changed team.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, team: &Team) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(team))
        .filter(t::Column::Id.eq(team.stamp.id))
        .filter(t::Column::Version.eq(team.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Notes the day on which a team's work ended before its last day: it is expected to report no further.
///
/// # Errors
/// When the database refuses.
pub async fn note_completed(tx: &Tx, id: Uuid, day: NaiveDate) -> StoreResult<()> {
    let noted = t::Entity::update_many().col_expr(t::Column::CompletedOn, Expr::value(day));
    noted.filter(t::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Many teams with the places of their units in the tree, whoever asks.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn with_paths(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, (Team, UnitPath)>> {
    let on_unit: RelationDef =
        t::Entity::belongs_to(org_unit::Entity).from(t::Column::OrgUnitId).to(org_unit::Column::Id).into();
    let rows = t::Entity::find()
        .filter(t::Column::Id.is_in(ids.iter().copied()))
        .join(JoinType::InnerJoin, on_unit)
        .column_as(org_unit::Column::Path, "path")
        .into_model::<Placed>()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|Placed { team, path }| {
            let id = team.id;
            let path = UnitPath::parse(&path).map_err(|e| At("org_unit", "path", id).corrupt(e))?;
            Ok((id, (Team::try_from(team)?, path)))
        })
        .collect()
}

/// A team's row with its unit's path.
#[derive(FromQueryResult)]
struct Placed {
    #[sea_orm(nested)]
    team: t::Model,
    path: String,
}
