//! What requests on memberships mean.

use super::dto::{Member, MemberPatch, MemberQuery, NewMember};
use crate::{
    allowed::{Demand, MemberWrite, Scope, TeamRead},
    fields::Faults,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::teams::ops as of_teams,
};
use tinhnguyen_domain::{
    access::Permission,
    org_units::OrgUnit,
    teams::Team,
    volunteers::{self as d, MemberError, MemberRole, Volunteer},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    members::{self, Filter},
    page::Page,
    teams, volunteers,
};
use uuid::Uuid;

/// Whether the caller changes the members of a team.
fn may_write<P: Demand>(scope: &Scope<P>, team: &Team, unit: &OrgUnit) -> bool {
    scope.reaches_of(Permission::MemberWrite).covers_team(&unit.path, team.stamp.id) && team.status.is_editable()
}

/// Lists the members of a team that the caller sees, and says whether they may change them.
///
/// # Errors
/// `not_found`, and problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<TeamRead>,
    team_id: Uuid,
    query: &MemberQuery,
) -> ApiResult<(Page<d::Member>, bool)> {
    let (team, unit) = of_teams::find(conn, scope, team_id).await?;
    let filter = Filter {
        id: query.id,
        volunteer_id: query.volunteer_id,
        role: query.role,
        active_on: query.active_on,
        updated_since: query.updated_since,
    };
    let page = members::list(conn, team_id, &filter, &query.page_request()?).await?;
    Ok((page, may_write(scope, &team, &unit)))
}

/// Reads a member of a team that the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn read(conn: &impl ConnectionTrait, scope: &Scope<TeamRead>, team_id: Uuid, id: Uuid) -> ApiResult<Member> {
    let (team, unit) = of_teams::find(conn, scope, team_id).await?;
    let member = members::find(conn, team_id, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Member::of(member, may_write(scope, &team, &unit)))
}

/// Finds a team whose members the caller changes, and keeps others from changing them meanwhile.
async fn take(tx: &Tx, scope: &Scope<MemberWrite>, team_id: Uuid) -> ApiResult<(Team, OrgUnit)> {
    let (_, unit) = of_teams::find(tx, scope, team_id).await?;
    scope.ensure_team(&unit.path, team_id)?;
    let team = teams::lock(tx, team_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((team, unit))
}

fn ensure_open(team: &Team) -> ApiResult<()> {
    if team.status.is_editable() {
        Ok(())
    } else {
        Err(ApiError::new(Code::WrongState).with("state", team.status.as_str()))
    }
}

/// The volunteer, when the caller may put them into a team of this unit.
async fn volunteer(tx: &Tx, scope: &Scope<MemberWrite>, unit: &OrgUnit, id: Uuid) -> ApiResult<Option<Volunteer>> {
    let read = scope.reaches_of(Permission::VolunteerRead);
    let mut found = volunteers::find(tx, &read, scope.today(), id).await?;
    if found.is_none() {
        found = volunteers::find_within(tx, &unit.path, id).await?;
    }
    if found.is_none() {
        return Ok(None);
    }
    // As they are once nobody else changes them or their memberships.
    Ok(volunteers::lock(tx, id).await?.filter(|volunteer| !volunteer.archived && !volunteer.is_erased()))
}

/// Holds that a membership has its days in order, its volunteer for itself, and its team one leader.
async fn check(tx: &Tx, scope: &Scope<MemberWrite>, member: &d::Member, team: &Team) -> ApiResult<()> {
    let mut faults = Faults::default();
    match member.check(team.ends_on) {
        Ok(()) => {}
        Err(MemberError::Inverted) => faults.add("/left_on", Code::DatesInverted),
        Err(MemberError::AfterTeam(last)) => {
            faults.push(Fault::at("/joined_on", Code::OutOfRange).limit(last.to_string()));
        }
    }
    faults.settle()?;
    if let Some(other) = members::engaged(tx, member, team.ends_on).await? {
        return Err(conflict(tx, scope, Code::MemberElsewhere, &other).await?);
    }
    if member.role == MemberRole::Leader
        && let Some(other) = members::other_leader(tx, member, team.ends_on).await?
    {
        return Err(conflict(tx, scope, Code::LeaderExists, &other).await?);
    }
    Ok(())
}

/// A conflict with another membership, which is named to whoever sees its team.
async fn conflict<P: Demand>(tx: &Tx, scope: &Scope<P>, code: Code, other: &d::Member) -> ApiResult<ApiError> {
    let seen = teams::find(tx, &scope.sees, other.team_id).await?.is_some();
    let error = ApiError::new(code);
    let path = || format!("/v1/teams/{}/members/{}", other.team_id, other.stamp.id);
    Ok(if seen { error.with("existing", path()) } else { error })
}

/// Adds a volunteer to a team.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<MemberWrite>,
    team_id: Uuid,
    new: &NewMember,
) -> ApiResult<Reply> {
    let (team, unit) = take(tx, scope, team_id).await?;
    if cx.is_retry(tx, new.id).await? {
        let member = members::find(tx, team_id, new.id.unwrap_or_default()).await?.ok_or_else(ApiError::not_found)?;
        return Reply::ok(&Member::of(member, may_write(scope, &team, &unit)));
    }
    ensure_open(&team)?;
    let mut faults = Faults::default();
    faults.found("/volunteer_id", volunteer(tx, scope, &unit, new.volunteer_id).await?);
    faults.settle()?;
    let member = d::Member {
        stamp: cx.new_stamp(new.id),
        team_id,
        volunteer_id: new.volunteer_id,
        role: new.role,
        joined_on: new.joined_on,
        left_on: new.left_on,
    };
    check(tx, scope, &member, &team).await?;
    members::insert(tx, &member).await?;
    cx.record(tx, "team_member", member.stamp.id, Some(team.org_unit_id)).await?;
    Reply::created(&Member::of(member, may_write(scope, &team, &unit)))
}

/// Changes a membership, or ends it.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<MemberWrite>,
    team_id: Uuid,
    id: Uuid,
    patch: &MemberPatch,
) -> ApiResult<Reply> {
    let (team, unit) = take(tx, scope, team_id).await?;
    let member = members::find(tx, team_id, id).await?.ok_or_else(ApiError::not_found)?;
    let person = volunteers::lock(tx, member.volunteer_id).await?.ok_or_else(ApiError::not_found)?;
    // Their row is held, so their memberships stay as they are read now.
    let mut member = members::find(tx, team_id, id).await?.ok_or_else(ApiError::not_found)?;
    cx.ensure_unchanged(&member.stamp)?;
    ensure_open(&team)?;
    if person.is_erased() {
        return Err(ApiError::new(Code::VolunteerErased));
    }
    member.role = patch.role.unwrap_or(member.role);
    member.joined_on = patch.joined_on.unwrap_or(member.joined_on);
    member.left_on = patch.left_on.unwrap_or(member.left_on);
    check(tx, scope, &member, &team).await?;
    let before = members::crew(tx, &team, scope.today()).await?;
    member.stamp = cx.next_stamp(member.stamp);
    members::update(tx, &member).await?;
    let after = members::crew(tx, &team, scope.today()).await?;
    if team.status.wants_members() && after.is_deserted() && !before.is_deserted() {
        return Err(ApiError::new(Code::LastMember).with("state", team.status.as_str()));
    }
    cx.record(tx, "team_member", id, Some(team.org_unit_id)).await?;
    Reply::ok(&Member::of(member, may_write(scope, &team, &unit)))
}

/// Holds that the members who stay until their team's last day are free until a later one.
///
/// # Errors
/// `member_elsewhere`.
pub async fn ensure_free_until<P: Demand>(tx: &Tx, scope: &Scope<P>, team: &Team) -> ApiResult<()> {
    for member in members::open(tx, team.stamp.id).await? {
        volunteers::lock(tx, member.volunteer_id).await?;
        if let Some(other) = members::engaged(tx, &member, team.ends_on).await? {
            return Err(conflict(tx, scope, Code::MemberElsewhere, &other).await?);
        }
    }
    Ok(())
}
