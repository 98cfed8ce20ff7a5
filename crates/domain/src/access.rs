//! Who may do what, and over which part of the tree.
//!
//! A role is held over a subtree by a grant. A permission is one thing that an operation demands; the table from
//! role to permissions stands here once, and the role × operation matrix test reads it.

use crate::{org_units::UnitPath, words::words};
use chrono::NaiveDate;
use uuid::Uuid;

words! {
    /// A role, held over a subtree of the organisation.
    pub enum Role: "role" {
        /// Access and settings, and all below.
        Administrator = "administrator",
        /// Surveys, plans, teams, people, and activities and results of its teams, up to submit.
        Coordinator = "coordinator",
        /// Reads, verifies, returns.
        Verifier = "verifier",
        /// Its own team: activities and results.
        TeamLeader = "team_leader",
        /// Reads; inspects.
        Inspector = "inspector",
        /// Reads.
        Viewer = "viewer",
        /// The support centre: reads everywhere, guides, changes nothing else.
        Guide = "guide",
    }
}

words! {
    /// Where an invitation stands.
    pub enum InvitationStatus: "invitation status" {
        /// Sent, and not accepted yet.
        Pending = "pending",
        /// Accepted: there is an account.
        Accepted = "accepted",
        /// Taken back.
        Revoked = "revoked",
        /// Nobody accepted it in time.
        Expired = "expired",
    }
}

words! {
    /// What an operation demands. The words before `.` name the slice.
    pub enum Permission: "permission" {
        /// Read the reference data: localities, campaigns, indicators, topics, measures.
        CatalogueRead = "catalogue.read",
        /// Create and change campaigns and indicators.
        CampaignWrite = "campaigns.write",
        /// Reorganise localities.
        LocalityWrite = "localities.write",
        /// Read units of the organisation.
        OrgUnitRead = "org_units.read",
        /// Create and change units of the organisation.
        OrgUnitWrite = "org_units.write",
        /// Read users and grants.
        AccessRead = "access.read",
        /// Create and change users and grants.
        AccessWrite = "access.write",
        /// Read who I am.
        SelfRead = "self.read",
        /// Change one's own password and second factor.
        SelfWrite = "self.write",
        /// Read teams.
        TeamRead = "teams.read",
        /// Create and change teams.
        TeamWrite = "teams.write",
        /// Add members to teams and end their time there.
        MemberWrite = "members.write",
        /// Read volunteers, without what tells how to reach them.
        VolunteerRead = "volunteers.read",
        /// Register, change and erase volunteers.
        VolunteerWrite = "volunteers.write",
        /// Read volunteers' contacts, birth dates and guardians.
        VolunteerPersonal = "volunteers.personal",
        /// Read the register of community digital technology groups.
        DigitalGroupRead = "digital_groups.read",
        /// Enter and change community digital technology groups.
        DigitalGroupWrite = "digital_groups.write",
        /// Read activities.
        ActivityRead = "activities.read",
        /// Create and change activities.
        ActivityWrite = "activities.write",
        /// Read results.
        ResultRead = "results.read",
        /// Create, change and submit results.
        ResultWrite = "results.write",
        /// Verify and return results.
        ResultVerify = "results.verify",
        /// Read progress.
        ProgressRead = "progress.read",
        /// Set the targets of the units directly below.
        TargetWrite = "targets.write",
        /// Read reporting periods' completeness and extensions.
        ReportingRead = "reporting.read",
        /// Extend deadlines of the units below.
        ReportingWrite = "reporting.write",
        /// Read webhooks and what became of their deliveries.
        WebhookRead = "webhooks.read",
        /// Create and change webhooks.
        WebhookWrite = "webhooks.write",
    }
}

impl Permission {
    /// The OAuth scope that a registered client must hold for it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::CatalogueRead => "catalogue:read",
            Self::CampaignWrite => "campaigns:write",
            Self::LocalityWrite => "localities:write",
            Self::OrgUnitRead => "org_units:read",
            Self::OrgUnitWrite => "org_units:write",
            Self::AccessRead => "access:read",
            Self::AccessWrite => "access:write",
            Self::SelfRead => "self:read",
            Self::SelfWrite => "self:write",
            Self::TeamRead => "teams:read",
            Self::TeamWrite => "teams:write",
            Self::MemberWrite => "members:write",
            Self::VolunteerRead => "volunteers:read",
            Self::VolunteerWrite => "volunteers:write",
            Self::VolunteerPersonal => "volunteers:personal",
            Self::DigitalGroupRead => "digital_groups:read",
            Self::DigitalGroupWrite => "digital_groups:write",
            Self::ActivityRead => "activities:read",
            Self::ActivityWrite => "activities:write",
            Self::ResultRead => "results:read",
            Self::ResultWrite => "results:write",
            Self::ResultVerify => "results:verify",
            Self::ProgressRead => "progress:read",
            Self::TargetWrite => "targets:write",
            Self::ReportingRead => "reporting:read",
            Self::ReportingWrite => "reporting:write",
            Self::WebhookRead => "webhooks:read",
            Self::WebhookWrite => "webhooks:write",
        }
    }

    /// The roles that hold it, in the order of [`Role::ALL`].
    #[must_use]
    pub fn roles(self) -> Vec<Role> {
        Role::ALL.iter().copied().filter(|r| r.allows(self)).collect()
    }
}

impl Role {
    /// Whether the role holds a permission over its subtree.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::CatalogueRead
            | P::OrgUnitRead
            | P::SelfRead
            | P::SelfWrite
            | P::TeamRead
            | P::DigitalGroupRead
            | P::ActivityRead
            | P::ResultRead
            | P::ProgressRead
            | P::ReportingRead => true,
            P::CampaignWrite | P::LocalityWrite | P::OrgUnitWrite | P::AccessRead | P::AccessWrite => {
                matches!(self, Self::Administrator)
            }
            // Whoever guides everywhere need not know who the people are.
            P::VolunteerRead => !matches!(self, Self::Guide),
            P::TeamWrite
            | P::DigitalGroupWrite
            | P::VolunteerWrite
            | P::VolunteerPersonal
            | P::TargetWrite
            | P::ReportingWrite
            | P::WebhookRead
            | P::WebhookWrite => {
                matches!(self, Self::Administrator | Self::Coordinator)
            }
            P::ActivityWrite | P::ResultWrite | P::MemberWrite => {
                matches!(self, Self::Administrator | Self::Coordinator | Self::TeamLeader)
            }
            P::ResultVerify => matches!(self, Self::Administrator | Self::Verifier),
        }
    }
}

/// A role over a subtree, for as long as it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The grant's id.
    pub id: Uuid,
    /// The role.
    pub role: Role,
    /// The unit at the subtree's top.
    pub org_unit_id: Uuid,
    /// That unit's place in the tree today: when a unit moves, the rights move with it at once.
    pub path: UnitPath,
    /// When set, only this team of the subtree (a team leader's own team).
    pub team_id: Option<Uuid>,
    /// First day, inclusive.
    pub valid_from: Option<NaiveDate>,
    /// Last day, inclusive.
    pub valid_to: Option<NaiveDate>,
}

impl Grant {
    /// Whether the grant is in force on `day`.
    #[must_use]
    pub fn in_force_on(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }
}

/// How deep the units stand over which a role wants a second factor, where the operator asks for one: the centre, and
/// the provincial unions and those directly under the centre.
const SENSITIVE_DEPTH: usize = 1;

/// Whether somebody with these grants holds a role on `day` that wants a second factor where the operator asks for one:
/// administrator or verifier at the centre or directly below it.
#[must_use]
pub fn wants_second_factor(grants: &[Grant], day: NaiveDate) -> bool {
    grants.iter().any(|grant| {
        matches!(grant.role, Role::Administrator | Role::Verifier)
            && grant.path.depth() <= SENSITIVE_DEPTH
            && grant.in_force_on(day)
    })
}

/// One part of the tree that somebody reaches: a subtree, or one team in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The subtree.
    pub path: UnitPath,
    /// When set, only this team.
    pub team_id: Option<Uuid>,
}

/// The parts of the tree over which somebody holds a permission: the union of their grants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reaches(Vec<Reach>);

impl Reaches {
    /// What the grants in force on `day` give for `permission`. Parts that lie within another are left out.
    #[must_use]
    pub fn of(grants: &[Grant], permission: Permission, day: NaiveDate) -> Self {
        let mut parts: Vec<Reach> = grants
            .iter()
            .filter(|g| g.role.allows(permission) && g.in_force_on(day))
            .map(|g| Reach { path: g.path.clone(), team_id: g.team_id })
            .collect();
        parts.sort_by(|a, b| (a.team_id.is_some(), &a.path).cmp(&(b.team_id.is_some(), &b.path)));
        let mut kept: Vec<Reach> = Vec::with_capacity(parts.len());
        for part in parts {
            let covered =
                kept.iter().any(|k| k.path.contains(&part.path) && (k.team_id.is_none() || k.team_id == part.team_id));
            if !covered {
                kept.push(part);
            }
        }
        Self(kept)
    }

    /// No part at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[Reach] {
        &self.0
    }

    /// Whether a unit lies within a whole subtree that is reached (a reach to one team gives no unit).
    #[must_use]
    pub fn covers_unit(&self, path: &UnitPath) -> bool {
        self.0.iter().any(|r| r.team_id.is_none() && r.path.contains(path))
    }

    /// Whether a unit may be seen: within a reached subtree, or an ancestor of one (to know where one stands), or the
    /// unit of a team that is reached.
    #[must_use]
    pub fn sees_unit(&self, path: &UnitPath) -> bool {
        self.0.iter().any(|r| r.path.contains(path) || path.contains(&r.path))
    }

    /// Whether a team at `path` is reached.
    #[must_use]
    pub fn covers_team(&self, path: &UnitPath, team_id: Uuid) -> bool {
        self.0.iter().any(|r| r.path.contains(path) && r.team_id.is_none_or(|t| t == team_id))
    }
}

/// What somebody who is known may do: a person by their grants, a registered client by its scopes over its subtree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// A person's grants.
    Person(Vec<Grant>),
    /// A client's scopes and subtree: its right is where both meet.
    Client {
        /// OAuth scopes, such as `results:write`.
        scopes: Vec<String>,
        /// Its subtree.
        path: UnitPath,
    },
}

impl Rights {
    /// Where they hold a permission on `day`.
    #[must_use]
    pub fn reaches(&self, permission: Permission, day: NaiveDate) -> Reaches {
        match self {
            Self::Person(grants) => Reaches::of(grants, permission, day),
            Self::Client { scopes, path } if scopes.iter().any(|scope| scope == permission.scope()) => {
                Reaches(vec![Reach { path: path.clone(), team_id: None }])
            }
            Self::Client { .. } => Reaches::default(),
        }
    }

    /// The same rights, as far as they concern a subtree.
    #[must_use]
    pub fn within(self, top: &UnitPath) -> Self {
        let cut = |path: UnitPath| {
            if top.contains(&path) { Some(path) } else { path.contains(top).then(|| top.clone()) }
        };
        match self {
            Self::Person(grants) => Self::Person(
                grants
                    .into_iter()
                    .filter_map(|grant| Some(Grant { path: cut(grant.path.clone())?, ..grant }))
                    .collect(),
            ),
            Self::Client { scopes, path } => match cut(path) {
                Some(path) => Self::Client { scopes, path },
                None => Self::Client { scopes: vec![], path: top.clone() },
            },
        }
    }

    /// Where what they ask about exists for them, for telling 404 from 403: what any right of theirs covers.
    #[must_use]
    pub fn sees(&self, day: NaiveDate) -> Reaches {
        match self {
            // Every role reads the units it is held over.
            Self::Person(grants) => Reaches::of(grants, Permission::OrgUnitRead, day),
            Self::Client { path, .. } => Reaches(vec![Reach { path: path.clone(), team_id: None }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, path: &UnitPath, team_id: Option<Uuid>) -> Grant {
        Grant {
            id: Uuid::nil(),
            role,
            org_unit_id: Uuid::nil(),
            path: path.clone(),
            team_id,
            valid_from: None,
            valid_to: NaiveDate::from_ymd_opt(2024, 8, 31),
        }
    }

    #[test]
    fn reach_is_the_union_of_grants_in_force() {
        let day = NaiveDate::from_ymd_opt(2024, 8, 31).unwrap();
        let root = UnitPath::root(1);
        let (a, b) = (root.child(2), root.child(20));
        let grants = [grant(Role::Verifier, &a, None), grant(Role::Viewer, &b, None)];
        let verify = Reaches::of(&grants, Permission::ResultVerify, day);
        assert!(verify.covers_unit(&a.child(5)) && !verify.covers_unit(&b) && !verify.covers_unit(&root));
        let read = Reaches::of(&grants, Permission::ResultRead, day);
        assert!(read.covers_unit(&b) && read.sees_unit(&root) && !read.sees_unit(&root.child(3)));
        assert!(Reaches::of(&grants, Permission::ResultRead, day.succ_opt().unwrap()).is_empty());
    }

    #[test]
    fn a_reach_to_one_team_is_no_reach_to_its_unit() {
        let day = NaiveDate::from_ymd_opt(2024, 7, 1).unwrap();
        let unit = UnitPath::root(1).child(2);
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let reach = Reaches::of(&[grant(Role::TeamLeader, &unit, Some(mine))], Permission::ResultWrite, day);
        assert!(reach.covers_team(&unit, mine) && !reach.covers_team(&unit, other) && !reach.covers_unit(&unit));
    }

    #[test]
    fn a_client_reaches_where_scope_and_subtree_meet() {
        let day = NaiveDate::from_ymd_opt(2024, 7, 1).unwrap();
        let path = UnitPath::root(1).child(2);
        let rights = Rights::Client { scopes: vec!["results:read".into()], path: path.clone() };
        let read = rights.reaches(Permission::ResultRead, day);
        assert!(read.covers_unit(&path.child(3)) && !read.covers_unit(&UnitPath::root(1)));
        assert!(rights.reaches(Permission::ResultWrite, day).is_empty());
        assert!(rights.sees(day).covers_unit(&path));
    }

    #[test]
    fn administrators_and_verifiers_of_province_and_centre_want_a_second_factor_while_in_force() {
        let day = NaiveDate::from_ymd_opt(2024, 8, 31).unwrap();
        let province = UnitPath::root(1).child(2);
        for (role, path, wanted) in [
            (Role::Administrator, UnitPath::root(1), true),
            (Role::Verifier, province.clone(), true),
            (Role::Administrator, province.child(3), false),
            (Role::Coordinator, province.clone(), false),
        ] {
            assert_eq!(wants_second_factor(&[grant(role, &path, None)], day), wanted, "{role} at {path}");
        }
        let after = day.succ_opt().unwrap();
        assert!(!wants_second_factor(&[grant(Role::Administrator, &province, None)], after));
    }

    #[test]
    fn contacts_are_read_by_whoever_manages_people_and_names_not_by_guides() {
        assert_eq!(Permission::VolunteerPersonal.roles(), vec![Role::Administrator, Role::Coordinator]);
        assert_eq!(Permission::VolunteerWrite.roles(), vec![Role::Administrator, Role::Coordinator]);
        assert!(!Role::Guide.allows(Permission::VolunteerRead) && Role::Viewer.allows(Permission::VolunteerRead));
    }

    #[test]
    fn nobody_but_verifier_and_administrator_verifies() {
        assert_eq!(Permission::ResultVerify.roles(), vec![Role::Administrator, Role::Verifier]);
    }

    #[test]
    fn rights_within_a_subtree_are_what_both_have() {
        let day = NaiveDate::from_ymd_opt(2024, 7, 1).unwrap();
        let province = UnitPath::root(1).child(2);
        let (ward, other) = (province.child(5), UnitPath::root(1).child(20));
        let team = Uuid::from_u128(7);
        let person = Rights::Person(vec![
            grant(Role::Viewer, &UnitPath::root(1), None),
            grant(Role::Administrator, &ward.child(9), None),
            grant(Role::Administrator, &other, None),
            grant(Role::TeamLeader, &province, Some(team)),
        ]);
        let cut = person.within(&ward);
        let read = cut.reaches(Permission::TeamRead, day);
        assert!(
            read.covers_unit(&ward)
                && read.covers_unit(&ward.child(9))
                && !read.covers_unit(&province)
                && !read.covers_unit(&other)
        );
        let manage = cut.reaches(Permission::AccessWrite, day);
        assert!(manage.covers_unit(&ward.child(9)) && !manage.covers_unit(&ward) && !manage.covers_unit(&other));
        let write = cut.reaches(Permission::ResultWrite, day);
        assert!(
            write.covers_team(&ward, team)
                && !write.covers_team(&province, team)
                && !write.covers_team(&ward, Uuid::nil())
        );
        let client = |path: &UnitPath| Rights::Client { scopes: vec!["teams:read".into()], path: path.clone() };
        assert_eq!(client(&province).within(&ward), client(&ward));
        assert_eq!(client(&ward).within(&province), client(&ward));
        assert!(client(&other).within(&ward).reaches(Permission::TeamRead, day).is_empty());
    }
}
