//! Users and grants.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{access_grant as g, org_unit, user_account as u},
    page::{Page, PageRequest, fetch},
    rows::At,
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter,
    QuerySelect, QueryTrait, RelationDef,
};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    access::{Grant, Reaches, Role},
    org_units::UnitPath,
};
use uuid::Uuid;

/// A person's account. The hash of its password never leaves this crate but by [`credentials`].
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Identity and version.
    pub stamp: Stamp,
    /// Unique, lower case.
    pub username: String,
    /// The person's name.
    pub full_name: String,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// Whether the account is shut.
    pub disabled: bool,
    /// Who made it; none for the first one.
    pub created_by: Option<Uuid>,
}

impl TryFrom<u::Model> for User {
    type Error = StoreError;

    fn try_from(row: u::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            username: row.username,
            full_name: row.full_name,
            email: row.email,
            disabled: row.disabled,
            created_by: row.created_by,
        })
    }
}

/// A grant as a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRecord {
    /// Identity and version.
    pub stamp: Stamp,
    /// Who holds it.
    pub user_id: Uuid,
    /// The role.
    pub role: Role,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
    /// When set, only this team of it.
    pub team_id: Option<Uuid>,
    /// First day, inclusive.
    pub valid_from: Option<NaiveDate>,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
    /// Who gave it.
    pub granted_by: Uuid,
}

impl TryFrom<g::Model> for GrantRecord {
    type Error = StoreError;

    fn try_from(row: g::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            role: At("access_grant", "role", row.id).word(&row.role)?,
            user_id: row.user_id,
            org_unit_id: row.org_unit_id,
            team_id: row.team_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            granted_by: row.granted_by,
        })
    }
}

/// What a login is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose.
    pub user_id: Uuid,
    /// PHC string of the password's hash; none for an account that can't log in by password.
    pub password_hash: Option<String>,
    /// Whether the account is shut.
    pub disabled: bool,
}

/// How many users there are.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_users(conn: &impl ConnectionTrait) -> StoreResult<u64> {
    Ok(u::Entity::find().count(conn).await?)
}

/// What the login of a username is checked against.
///
/// # Errors
/// When the database can't be asked.
pub async fn credentials(conn: &impl ConnectionTrait, username: &str) -> StoreResult<Option<Credentials>> {
    let row = u::Entity::find().filter(u::Column::Username.eq(username)).one(conn).await?;
    Ok(row.map(|r| Credentials { user_id: r.id, password_hash: r.password_hash, disabled: r.disabled }))
}

/// Finds a user, whoever asks.
///
/// # Errors
/// When the database can't be asked.
pub async fn find_user(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<User>> {
    u::Entity::find_by_id(id).one(conn).await?.map(User::try_from).transpose()
}

/// A grant's holder, id, role, unit, team, first and last day, and its unit's path.
type GrantRow = (Uuid, Uuid, String, Uuid, Option<Uuid>, Option<NaiveDate>, Option<NaiveDate>, String);

/// Who a token speaks for, and what they are granted: units that moved give their present path.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn principal(conn: &impl ConnectionTrait, user_id: Uuid) -> StoreResult<Option<(User, Vec<Grant>)>> {
    Ok(principals(conn, &[user_id]).await?.remove(&user_id))
}

/// The same of many, in two queries.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn principals(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, (User, Vec<Grant>)>> {
    let users = u::Entity::find().filter(u::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    let users = users.into_iter().map(|row| Ok((row.id, (User::try_from(row)?, Vec::new()))));
    let mut principals: HashMap<Uuid, (User, Vec<Grant>)> = users.collect::<StoreResult<_>>()?;
    if principals.is_empty() {
        return Ok(principals);
    }
    let on_unit: RelationDef =
        g::Entity::belongs_to(org_unit::Entity).from(g::Column::OrgUnitId).to(org_unit::Column::Id).into();
    let rows: Vec<GrantRow> = g::Entity::find()
        .select_only()
        .columns([
            g::Column::UserId,
            g::Column::Id,
            g::Column::Role,
            g::Column::OrgUnitId,
            g::Column::TeamId,
            g::Column::ValidFrom,
            g::Column::ValidTo,
        ])
        .column(org_unit::Column::Path)
        .join(JoinType::InnerJoin, on_unit)
        .filter(g::Column::UserId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(conn)
        .await?;
    for (user_id, id, role, org_unit_id, team_id, valid_from, valid_to, path) in rows {
        let grant = Grant {
            id,
            role: At("access_grant", "role", id).word(&role)?,
            org_unit_id,
            path: UnitPath::parse(&path).map_err(|e| At("org_unit", "path", org_unit_id).corrupt(e))?,
            team_id,
            valid_from,
            valid_to,
        };
        if let Some((_, grants)) = principals.get_mut(&user_id) {
            grants.push(grant);
        }
    }
    Ok(principals)
}

/// Which users are listed.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// By username.
    pub username: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Users that somebody sees: those with a grant in the reached subtrees, and those that they made themselves, so that a
/// new user can be granted something. Who reaches the whole tree sees everybody.
fn users_seen(reaches: &Reaches, viewer: Uuid) -> Condition {
    if scope::covers_all(reaches) {
        return Condition::all();
    }
    let holders = g::Entity::find()
        .select_only()
        .column(g::Column::UserId)
        .filter(g::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches))))
        .into_query();
    Condition::any().add(u::Column::Id.in_subquery(holders)).add(u::Column::CreatedBy.eq(viewer))
}

/// Lists a page of the users that are seen.
///
/// # Errors
/// When the database can't be asked.
pub async fn list_users(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    filter: &UserFilter,
    page: &PageRequest,
) -> StoreResult<Page<User>> {
    let mut query = u::Entity::find().filter(users_seen(reaches, viewer));
    if let Some(id) = filter.id {
        query = query.filter(u::Column::Id.eq(id));
    }
    if let Some(name) = &filter.username {
        query = query.filter(u::Column::Username.eq(name.as_str()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(u::Column::UpdatedAt.gte(since));
    }
    let column = if page.sort == "username" { u::Column::Username } else { u::Column::CreatedAt };
    fetch(conn, query, page, column, u::Column::Id).await
}

/// Finds a user that is seen.
///
/// # Errors
/// When the database can't be asked.
pub async fn find_user_seen(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    id: Uuid,
) -> StoreResult<Option<User>> {
    u::Entity::find_by_id(id).filter(users_seen(reaches, viewer)).one(conn).await?.map(User::try_from).transpose()
}

fn user_row(user: &User) -> u::ActiveModel {
    u::ActiveModel {
        id: Set(user.stamp.id),
        created_at: Set(user.stamp.created_at),
        updated_at: Set(user.stamp.updated_at),
        version: Set(user.stamp.version),
        username: Set(user.username.clone()),
        full_name: Set(user.full_name.clone()),
        email: Set(user.email.clone()),
        disabled: Set(user.disabled),
        created_by: Set(user.created_by),
        ..Default::default()
    }
}

/// Stores a new user with the hash of their password.
///
/// # Errors
/// [`StoreError::Conflict`] when the id or the username is taken.
pub async fn insert_user(tx: &Tx, user: &User, password_hash: Option<String>) -> StoreResult<()> {
    let row = u::ActiveModel { password_hash: Set(password_hash), ..user_row(user) };
    u::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed user, with a new password hash when one is given.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update_user(tx: &Tx, user: &User, password_hash: Option<String>) -> StoreResult<()> {
    let mut row = user_row(user);
    if let Some(hash) = password_hash {
        row.password_hash = Set(Some(hash));
    }
    let changed = u::Entity::update_many()
        .set(row)
        .filter(u::Column::Id.eq(user.stamp.id))
        .filter(u::Column::Version.eq(user.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Which grants are listed.
#[derive(Debug, Clone, Default)]
pub struct GrantFilter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this user.
    pub user_id: Option<Uuid>,
    /// On this unit.
    pub org_unit_id: Option<Uuid>,
    /// Of this role.
    pub role: Option<Role>,
}

fn grants_seen(reaches: &Reaches) -> Condition {
    if scope::covers_all(reaches) {
        return Condition::all();
    }
    let units = scope::unit_ids(scope::units_covered(reaches));
    Condition::all().add(g::Column::OrgUnitId.in_subquery(units))
}

/// Lists a page of the grants on reached units.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list_grants(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    filter: &GrantFilter,
    page: &PageRequest,
) -> StoreResult<Page<GrantRecord>> {
    let mut query = g::Entity::find().filter(grants_seen(reaches));
    if let Some(id) = filter.id {
        query = query.filter(g::Column::Id.eq(id));
    }
    if let Some(user) = filter.user_id {
        query = query.filter(g::Column::UserId.eq(user));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(g::Column::OrgUnitId.eq(unit));
    }
    if let Some(role) = filter.role {
        query = query.filter(g::Column::Role.eq(role.as_str()));
    }
    fetch(conn, query, page, g::Column::CreatedAt, g::Column::Id).await
}

/// Finds a grant on a reached unit.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_grant(conn: &impl ConnectionTrait, reaches: &Reaches, id: Uuid) -> StoreResult<Option<GrantRecord>> {
    g::Entity::find_by_id(id).filter(grants_seen(reaches)).one(conn).await?.map(GrantRecord::try_from).transpose()
}

/// Stores a new grant.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, [`StoreError::ForeignKey`] when the user or unit is not there.
pub async fn insert_grant(tx: &Tx, grant: &GrantRecord) -> StoreResult<()> {
    let row = g::ActiveModel {
        id: Set(grant.stamp.id),
        created_at: Set(grant.stamp.created_at),
        updated_at: Set(grant.stamp.updated_at),
        version: Set(grant.stamp.version),
        user_id: Set(grant.user_id),
        role: Set(grant.role.as_str().to_owned()),
        org_unit_id: Set(grant.org_unit_id),
        team_id: Set(grant.team_id),
        valid_from: Set(grant.valid_from),
        valid_to: Set(grant.valid_to),
        granted_by: Set(grant.granted_by),
    };
    g::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Withdraws a grant at this version.
///
/// # Errors
/// [`StoreError::Stale`] when it is at another version.
pub async fn delete_grant(tx: &Tx, id: Uuid, version: i64) -> StoreResult<()> {
    let gone =
        g::Entity::delete_many().filter(g::Column::Id.eq(id)).filter(g::Column::Version.eq(version)).exec(tx).await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// How many grants beside this one make somebody an administrator of the whole country on this day, by an account that
/// is not shut.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_other_administrators(conn: &impl ConnectionTrait, grant: Uuid, day: NaiveDate) -> StoreResult<u64> {
    let centre = org_unit::Entity::find()
        .select_only()
        .column(org_unit::Column::Id)
        .filter(org_unit::Column::ParentId.is_null());
    let open = u::Entity::find().select_only().column(u::Column::Id).filter(u::Column::Disabled.eq(false));
    let query = g::Entity::find()
        .filter(g::Column::Id.ne(grant))
        .filter(g::Column::Role.eq(Role::Administrator.as_str()))
        .filter(g::Column::OrgUnitId.in_subquery(centre.into_query()))
        .filter(g::Column::UserId.in_subquery(open.into_query()))
        .filter(in_force(day));
    Ok(query.count(conn).await?)
}

fn in_force(day: NaiveDate) -> Condition {
    Condition::all()
        .add(Condition::any().add(g::Column::ValidFrom.is_null()).add(g::Column::ValidFrom.lte(day)))
        .add(Condition::any().add(g::Column::ValidTo.is_null()).add(g::Column::ValidTo.gte(day)))
}

/// How many people may report for a team today: those with a grant `team_leader` on it, or on a subtree it stands in.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_leaders(
    conn: &impl ConnectionTrait,
    team_id: Uuid,
    unit: &UnitPath,
    day: NaiveDate,
) -> StoreResult<u64> {
    let mut paths: Vec<String> = unit.ancestors().iter().map(ToString::to_string).collect();
    paths.push(unit.to_string());
    let above = org_unit::Entity::find()
        .select_only()
        .column(org_unit::Column::Id)
        .filter(org_unit::Column::Path.is_in(paths))
        .into_query();
    let query = g::Entity::find()
        .filter(g::Column::Role.eq(Role::TeamLeader.as_str()))
        .filter(g::Column::OrgUnitId.in_subquery(above))
        .filter(Condition::any().add(g::Column::TeamId.is_null()).add(g::Column::TeamId.eq(team_id)))
        .filter(in_force(day));
    Ok(query.count(conn).await?)
}
