//! What the databases refuse, sorted the same on both.

use crate::harness::{Db, Field};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    access::{Grant, Permission, Role},
    org_units::UnitPath,
};
use tinhnguyen_persistence::{StoreError, access, campaigns, org_units, results, teams};
use uuid::Uuid;

/// Who sees everything.
fn everything() -> Reaches {
    let grant = Grant {
        id: Uuid::nil(),
        role: Role::Administrator,
        org_unit_id: Uuid::nil(),
        path: UnitPath::root(1),
        team_id: None,
        valid_from: None,
        valid_to: None,
    };
    Reaches::of(&[grant], Permission::ResultRead, crate::harness::now().date_naive())
}

both! {
    async fn a_taken_key_is_a_conflict(db: &Db) {
        let field = Field::sown(db).await;
        let again = org_units::find_by_code(db.store.read(), "THU-1").await.unwrap().unwrap();
        let outcome = db.store.write(async |tx| org_units::insert(tx, &again).await).await;
        assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{outcome:?}");
        let (result, _) = field.submitted(db, crate::harness::day(1), 1, 1).await;
        let twin = tinhnguyen_domain::results::ActivityResult {
            stamp: Stamp { id: Uuid::now_v7(), ..result.stamp },
            ..result
        };
        let outcome = db.store.write(async |tx| results::insert(tx, &twin).await).await;
        assert!(matches!(outcome, Err(StoreError::Conflict(_))), "the same activity, team and day: {outcome:?}");
    }

    async fn a_reference_to_nothing_is_a_foreign_key_fault(db: &Db) {
        let field = Field::sown(db).await;
        let mut draft = field.draft(crate::harness::day(1), 1, 1);
        draft.activity_id = Uuid::now_v7();
        let outcome = db.store.write(async |tx| results::insert(tx, &draft).await).await;
        assert!(matches!(outcome, Err(StoreError::ForeignKey(_))), "{outcome:?}");
    }

    async fn a_change_of_an_old_version_is_stale_and_changes_nothing(db: &Db) {
        let field = Field::sown(db).await;
        let read = campaigns::find(db.store.read(), field.campaign.stamp.id).await.unwrap().unwrap();
        assert_eq!(read, field.campaign, "what was stored is what is read");
        for (version, fits) in [(1, false), (2, true), (2, false), (4, false), (3, true)] {
            let mut changed = read.clone();
            changed.stamp.version = version;
            changed.name = format!("Lần {version}");
            let outcome = db.store.write(async |tx| campaigns::update(tx, &changed).await).await;
            assert_eq!(outcome.is_ok(), fits, "{version}: {outcome:?}");
            assert!(fits || matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
        }
        let stored = campaigns::find(db.store.read(), field.campaign.stamp.id).await.unwrap().unwrap();
        assert_eq!((stored.name.as_str(), stored.stamp.version), ("Lần 3", 3));
    }

    async fn what_is_stored_is_what_is_read(db: &Db) {
        let field = Field::sown(db).await;
        let (result, _) = field.submitted(db, crate::harness::day(3), 20, 22).await;
        let read = results::find(db.store.read(), &everything(), result.stamp.id).await.unwrap();
        assert_eq!(read, Some(result));
        let team = teams::find(db.store.read(), &everything(), field.team.stamp.id).await.unwrap();
        assert_eq!(team.as_ref(), Some(&field.team));
        let activity =
            tinhnguyen_persistence::activities::find(db.store.read(), &everything(), field.activity.stamp.id)
                .await
                .unwrap();
        assert_eq!(activity.as_ref(), Some(&field.activity));
        let indicators = campaigns::indicators_of(db.store.read(), field.campaign.stamp.id).await.unwrap();
        assert_eq!(indicators.len(), 2);
        assert!(field.indicators.iter().all(|i| indicators.contains(i)));
        assert_eq!(access::find_user(db.store.read(), Uuid::nil()).await.unwrap(), None);
    }

    async fn a_corrupt_row_is_named_with_its_table_column_and_id(db: &Db) {
        let field = Field::sown(db).await;
        db.sql("UPDATE campaign SET time_zone = 'Asia/Nowhere' WHERE code = 'THU-2024'").await;
        let outcome = campaigns::find(db.store.read(), field.campaign.stamp.id).await;
        let Err(StoreError::Inconsistent { table, column, id, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((table, column, id), ("campaign", "time_zone", field.campaign.stamp.id));
    }

    async fn a_result_whose_turns_are_not_the_sum_of_its_lines_is_corrupt(db: &Db) {
        let field = Field::sown(db).await;
        let (result, _) = field.submitted(db, crate::harness::day(1), 20, 22).await;
        db.sql("UPDATE result SET turns = 43").await;
        let outcome = results::find(db.store.read(), &everything(), result.stamp.id).await;
        let Err(StoreError::Inconsistent { table, column, id, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((table, column, id), ("result", "turns", result.stamp.id));
        db.sql("UPDATE result SET turns = 42").await;
    }
}
