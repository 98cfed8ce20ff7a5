//! The SQL of "in scope": a subtree and nothing beside it, on both databases' collations.

use crate::harness::{Db, unit};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};
use tinhnguyen_domain::{
    access::{Grant, Permission, Reaches, Role},
    org_units::UnitPath,
};
use tinhnguyen_persistence::{entities::org_unit, org_units, scope};
use uuid::Uuid;

/// Roots of our own beside the seeded tree; each is a prefix, by its digits, of the next.
const PATHS: [&str; 9] = ["/9/", "/9/1/", "/9/1/5/", "/9/10/", "/9/10/1/", "/90/", "/90/1/", "/91/1/", "/900/"];

async fn planted(db: &Db) {
    // The seeded tree may use the same numbers: it is set aside.
    db.sql("UPDATE org_unit SET path = '/8' || path").await;
    let units: Vec<_> = PATHS.iter().map(|path| unit(&format!("X{path}"), path)).collect();
    db.store.write(async |tx| org_units::insert_many(tx, &units).await).await.unwrap();
}

fn reaches(role: Role, paths: &[(&str, Option<Uuid>)]) -> Reaches {
    let grants: Vec<_> = paths
        .iter()
        .map(|(path, team_id)| Grant {
            id: Uuid::now_v7(),
            role,
            org_unit_id: Uuid::now_v7(),
            path: UnitPath::parse(path).unwrap(),
            team_id: *team_id,
            valid_from: None,
            valid_to: None,
        })
        .collect();
    Reaches::of(&grants, Permission::OrgUnitRead, crate::harness::now().date_naive())
}

async fn found(db: &Db, condition: sea_orm::Condition) -> Vec<String> {
    let rows =
        org_unit::Entity::find().filter(condition).order_by_asc(org_unit::Column::Path).all(db.store.read()).await;
    rows.unwrap().into_iter().map(|row| row.path).collect()
}

both! {
    async fn a_subtree_is_what_the_domain_says_whatever_digits_its_neighbours_share(db: &Db) {
        planted(db).await;
        for top in PATHS {
            let top = UnitPath::parse(top).unwrap();
            let mut expected: Vec<&str> =
                PATHS.into_iter().filter(|path| top.contains(&UnitPath::parse(path).unwrap())).collect();
            expected.sort_unstable();
            assert_eq!(found(db, scope::units_within(&top)).await, expected, "within {top}");
        }
        assert_eq!(found(db, scope::units_within(&UnitPath::parse("/9/1/").unwrap())).await, ["/9/1/", "/9/1/5/"]);
    }

    async fn seen_are_the_subtree_and_the_units_above_it(db: &Db) {
        planted(db).await;
        for (top, expected) in [
            ("/9/1/", &["/9/", "/9/1/", "/9/1/5/"][..]),
            ("/9/1/5/", &["/9/", "/9/1/", "/9/1/5/"]),
            ("/9/10/", &["/9/", "/9/10/", "/9/10/1/"]),
            ("/90/1/", &["/90/", "/90/1/"]),
        ] {
            let seen = reaches(Role::Viewer, &[(top, None)]);
            assert_eq!(found(db, scope::units_seen(&seen)).await, expected, "seen from {top}");
            for path in PATHS {
                let says = seen.sees_unit(&UnitPath::parse(path).unwrap());
                assert_eq!(says, expected.contains(&path), "{path} from {top}: SQL and domain agree");
            }
        }
    }

    async fn whoever_reaches_nothing_finds_nothing(db: &Db) {
        planted(db).await;
        assert_eq!(found(db, scope::units_seen(&Reaches::default())).await, Vec::<String>::new());
        let team = scope::teams_reached(&Reaches::default());
        let teams =
            tinhnguyen_persistence::entities::team::Entity::find().filter(team).all(db.store.read()).await.unwrap();
        assert!(teams.is_empty());
    }

    async fn a_list_of_units_stays_in_the_callers_sight_with_every_filter(db: &Db) {
        planted(db).await;
        let seen = reaches(Role::Viewer, &[("/9/1/", None)]);
        let page = tinhnguyen_persistence::page::PageRequest {
            sort: "code".to_owned(),
            descending: false,
            limit: 100,
            after: None,
            include_total: true,
        };
        for filter in [
            org_units::Filter::default(),
            org_units::Filter { within: Some(UnitPath::parse("/9/").unwrap()), ..Default::default() },
            org_units::Filter { q: Some("doan x".to_owned()), ..Default::default() },
        ] {
            let listed = org_units::list(db.store.read(), &seen, &filter, &page).await.unwrap();
            let paths: Vec<_> = listed.data.iter().map(|u| u.path.to_string()).collect();
            assert_eq!(paths, ["/9/", "/9/1/", "/9/1/5/"], "{filter:?}");
            assert_eq!(listed.total, Some(3), "the total tells no more than the list");
        }
    }
}
