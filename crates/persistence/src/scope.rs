//! The one home of the SQL of "in scope".

use crate::entities::{activity_team, org_unit, team, team_member, volunteer};
use chrono::NaiveDate;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};
use tinhnguyen_domain::{access::Reaches, org_units::UnitPath};
use uuid::Uuid;

/// Units at or below a path.
#[must_use]
pub fn units_within(path: &UnitPath) -> Condition {
    let (from, to) = path.range();
    Condition::all().add(org_unit::Column::Path.gte(from)).add(org_unit::Column::Path.lt(to))
}

fn is_root(path: &UnitPath) -> bool {
    path.depth() == 0
}

/// The ids of the units for which a condition holds.
#[must_use]
pub fn unit_ids(within: Condition) -> SelectStatement {
    org_unit::Entity::find().select_only().column(org_unit::Column::Id).filter(within).into_query()
}

/// Units that are seen: those of a reached subtree and the ancestors of one.
#[must_use]
pub fn units_seen(reaches: &Reaches) -> Condition {
    let mut any = Condition::any();
    for reach in reaches.parts() {
        if is_root(&reach.path) {
            return Condition::all();
        }
        any = any.add(units_within(&reach.path));
        any = any.add(org_unit::Column::Path.is_in(reach.path.ancestors().iter().map(ToString::to_string)));
    }
    never_when_empty(any, reaches)
}

/// Units of the subtrees that are reached as a whole; a reach to one team gives none.
#[must_use]
pub fn units_covered(reaches: &Reaches) -> Condition {
    let whole: Vec<_> = reaches.parts().iter().filter(|r| r.team_id.is_none()).collect();
    if whole.is_empty() {
        return never();
    }
    whole.into_iter().fold(Condition::any(), |any, reach| any.add(units_within(&reach.path)))
}

/// Teams that are reached.
#[must_use]
pub fn teams_reached(reaches: &Reaches) -> Condition {
    let mut any = Condition::any();
    for reach in reaches.parts() {
        match reach.team_id {
            Some(team) => any = any.add(team::Column::Id.eq(team)),
            None if is_root(&reach.path) => return Condition::all(),
            None => any = any.add(team::Column::OrgUnitId.in_subquery(unit_ids(units_within(&reach.path)))),
        }
    }
    never_when_empty(any, reaches)
}

/// Teams of units at or below a path.
#[must_use]
pub fn teams_within(path: &UnitPath) -> Condition {
    Condition::all().add(team::Column::OrgUnitId.in_subquery(unit_ids(units_within(path))))
}

/// The ids of the teams for which a condition holds.
#[must_use]
pub fn team_ids(teams: Condition) -> SelectStatement {
    team::Entity::find().select_only().column(team::Column::Id).filter(teams).into_query()
}

/// The ids of the activities that a team, for which a condition holds, takes part in.
#[must_use]
pub fn activity_ids(teams: Condition) -> SelectStatement {
    activity_team::Entity::find()
        .select_only()
        .column(activity_team::Column::ActivityId)
        .filter(activity_team::Column::TeamId.in_subquery(team_ids(teams)))
        .into_query()
}

/// The ids of the volunteers who are in a team on a day.
#[must_use]
pub fn members_of(team_id: Uuid, day: NaiveDate) -> SelectStatement {
    team_member::Entity::find()
        .select_only()
        .column(team_member::Column::VolunteerId)
        .filter(team_member::Column::TeamId.eq(team_id))
        .filter(team_member::Column::JoinedOn.lte(day))
        .filter(Condition::any().add(team_member::Column::LeftOn.is_null()).add(team_member::Column::LeftOn.gte(day)))
        .into_query()
}

/// Volunteers that are reached on a day: those of a subtree, and of a team that is reached alone its members of that
/// day.
#[must_use]
pub fn volunteers_reached(reaches: &Reaches, day: NaiveDate) -> Condition {
    let mut any = Condition::any();
    for reach in reaches.parts() {
        match reach.team_id {
            Some(team) => any = any.add(volunteer::Column::Id.in_subquery(members_of(team, day))),
            None if is_root(&reach.path) => return Condition::all(),
            None => any = any.add(volunteer::Column::OrgUnitId.in_subquery(unit_ids(units_within(&reach.path)))),
        }
    }
    never_when_empty(any, reaches)
}

/// Whether the reaches cover everything, so that no filter is wanted.
#[must_use]
pub fn covers_all(reaches: &Reaches) -> bool {
    reaches.parts().iter().any(|r| r.team_id.is_none() && is_root(&r.path))
}

/// An empty `any` would be true.
fn never_when_empty(any: Condition, reaches: &Reaches) -> Condition {
    if reaches.is_empty() { never() } else { any }
}

fn never() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}
