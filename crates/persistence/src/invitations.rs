//! Invitations: who is asked to come, with which roles.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{invitation as t, invitation_grant as g},
    page::{Page, PageRequest, fetch},
    rows::At,
    scope,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func},
};
use tinhnguyen_domain::{
    Stamp,
    access::{InvitationStatus, Reaches, Role},
};
use uuid::Uuid;

/// An invitation, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Identity and version.
    pub stamp: Stamp,
    /// Where it is sent.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// Where it stands; see [`Self::status_at`].
    pub status: InvitationStatus,
    /// From this instant on it is not good any more.
    pub expires_at: DateTime<Utc>,
    /// Who invites.
    pub invited_by: Uuid,
    /// The account that came of it.
    pub user_id: Option<Uuid>,
}

/// A role that an invitation brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedGrant {
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
}

impl Invitation {
    /// Where it stands at an instant: one that nobody accepted expires by itself.
    #[must_use]
    pub fn status_at(&self, now: DateTime<Utc>) -> InvitationStatus {
        if self.status == InvitationStatus::Pending && self.expires_at <= now {
            InvitationStatus::Expired
        } else {
            self.status
        }
    }
}

impl TryFrom<t::Model> for Invitation {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            status: At("invitation", "status", row.id).word(&row.status)?,
            email: row.email,
            full_name: row.full_name,
            expires_at: row.expires_at,
            invited_by: row.invited_by,
            user_id: row.user_id,
        })
    }
}

impl TryFrom<g::Model> for InvitedGrant {
    type Error = StoreError;

    fn try_from(row: g::Model) -> StoreResult<Self> {
        Ok(Self {
            role: At("invitation_grant", "role", row.id).word(&row.role)?,
            org_unit_id: row.org_unit_id,
            team_id: row.team_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        })
    }
}

/// Which invitations are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Where they stand at an instant.
    pub status: Option<(InvitationStatus, DateTime<Utc>)>,
    /// With a role on this unit.
    pub org_unit_id: Option<Uuid>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Invitations that somebody sees: those with a role in the reached subtrees, and those that they sent.
fn seen(reaches: &Reaches, viewer: Uuid) -> Condition {
    if scope::covers_all(reaches) {
        return Condition::all();
    }
    let units = g::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_covered(reaches)));
    Condition::any().add(t::Column::Id.in_subquery(with_grant(units.into()))).add(t::Column::InvitedBy.eq(viewer))
}

fn with_grant(which: Condition) -> sea_orm::sea_query::SelectStatement {
    g::Entity::find().select_only().column(g::Column::InvitationId).filter(which).into_query()
}

/// Finds an invitation that is seen.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    id: Uuid,
) -> StoreResult<Option<Invitation>> {
    t::Entity::find_by_id(id).filter(seen(reaches, viewer)).one(conn).await?.map(Invitation::try_from).transpose()
}

/// Finds an invitation by the hash of its token, whoever asks.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_by_token(conn: &impl ConnectionTrait, token_hash: &[u8]) -> StoreResult<Option<Invitation>> {
    let query = t::Entity::find().filter(t::Column::TokenHash.eq(token_hash));
    query.one(conn).await?.map(Invitation::try_from).transpose()
}

/// The invitations that wait for this mail address, in whatever case; two at the most, because only one is of use.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn pending_for(conn: &impl ConnectionTrait, email: &str, at: DateTime<Utc>) -> StoreResult<Vec<Invitation>> {
    let rows = t::Entity::find()
        .filter(t::Column::Status.eq(InvitationStatus::Pending.as_str()))
        .filter(t::Column::ExpiresAt.gt(at))
        .filter(Expr::expr(Func::lower(Expr::col(t::Column::Email))).eq(Func::lower(Expr::val(email))))
        .limit(2)
        .all(conn)
        .await?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// The roles that an invitation brings, in the order in which they were given.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn grants_of(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Vec<InvitedGrant>> {
    let rows =
        g::Entity::find().filter(g::Column::InvitationId.eq(id)).order_by_asc(g::Column::Position).all(conn).await?;
    rows.into_iter().map(InvitedGrant::try_from).collect()
}

/// Lists a page of the invitations that are seen.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    viewer: Uuid,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Invitation>> {
    let mut query = t::Entity::find().filter(seen(reaches, viewer));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some((status, now)) = filter.status {
        let pending = t::Column::Status.eq(InvitationStatus::Pending.as_str());
        query = match status {
            InvitationStatus::Pending => query.filter(pending).filter(t::Column::ExpiresAt.gt(now)),
            InvitationStatus::Expired => query.filter(pending).filter(t::Column::ExpiresAt.lte(now)),
            other => query.filter(t::Column::Status.eq(other.as_str())),
        };
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::Id.in_subquery(with_grant(g::Column::OrgUnitId.eq(unit).into())));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Stores a new invitation with its roles and the hash of its token.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &Tx, invitation: &Invitation, token_hash: Vec<u8>, grants: &[InvitedGrant]) -> StoreResult<()> {
    let row = t::ActiveModel {
        id: Set(invitation.stamp.id),
        created_at: Set(invitation.stamp.created_at),
        updated_at: Set(invitation.stamp.updated_at),
        version: Set(invitation.stamp.version),
        email: Set(invitation.email.clone()),
        full_name: Set(invitation.full_name.clone()),
        token_hash: Set(token_hash),
        status: Set(invitation.status.as_str().to_owned()),
        expires_at: Set(invitation.expires_at),
        invited_by: Set(invitation.invited_by),
        user_id: Set(invitation.user_id),
    };
    t::Entity::insert(row).exec_without_returning(tx).await?;
    let rows = grants.iter().zip(0_i32..).map(|(grant, position)| g::ActiveModel {
        id: Set(Uuid::now_v7()),
        invitation_id: Set(invitation.stamp.id),
        position: Set(position),
        role: Set(grant.role.as_str().to_owned()),
        org_unit_id: Set(grant.org_unit_id),
        team_id: Set(grant.team_id),
        valid_from: Set(grant.valid_from),
        valid_to: Set(grant.valid_to),
    });
    g::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores where a changed invitation stands, and the account that came of it. Of two changes at the same moment one
/// succeeds, so that an invitation is accepted once.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, invitation: &Invitation) -> StoreResult<()> {
    let row = t::ActiveModel {
        updated_at: Set(invitation.stamp.updated_at),
        version: Set(invitation.stamp.version),
        status: Set(invitation.status.as_str().to_owned()),
        user_id: Set(invitation.user_id),
        ..Default::default()
    };
    let changed = t::Entity::update_many()
        .set(row)
        .filter(t::Column::Id.eq(invitation.stamp.id))
        .filter(t::Column::Version.eq(invitation.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
