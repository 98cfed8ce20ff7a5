//! The schema: up, down, up again; one migrator at a time; never half a migration.

use crate::harness::{Blank, polled, value, values};
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use std::collections::BTreeSet;
use tinhnguyen_persistence::{Migrator, Store};

/// Every table, column and index, as the database itself describes them.
async fn schema(store: &Store) -> Vec<String> {
    let sql = match store.engine() {
        "sqlite" => "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'seaql%' ORDER BY sql",
        _ => {
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, collation_name) AS line \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql%' \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'seaql%' \
             UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY line"
        }
    };
    values(store.read(), sql).await
}

async fn tables(store: &Store) -> BTreeSet<String> {
    let sql = match store.engine() {
        "sqlite" => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'seaql%' AND name NOT LIKE 'sqlite%'"
        }
        _ => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql%'"
        }
    };
    values(store.read(), sql).await.into_iter().collect()
}

/// The tables of each migration, in the migrations' order; by hand, so that a forgotten one shows.
const TABLES: [&[&str]; 29] = [
    &["counter", "locality", "locality_successor", "org_unit"],
    &["access_grant", "user_account"],
    &["campaign", "indicator"],
    &["activity", "activity_team", "result", "team"],
    &["ledger", "rollup_cell"],
    &["audit_log", "chosen_id", "idempotency_key"],
    &["client", "client_secret", "refresh_token", "session"],
    &["audit_seal"],
    &[
        "invitation",
        "invitation_grant",
        "mail_outbox",
        "oidc_code",
        "oidc_identity",
        "oidc_login",
        "password_reset",
        "password_reset_request",
        "recovery_code",
        "totp",
    ],
    &[],
    &["personal_data", "personal_key", "volunteer"],
    &["team_member"],
    &["login_place"],
    &["result_revision"],
    &["tally"],
    &["duplicate_candidate"],
    &[],
    &["activity_series", "calendar_link"],
    &["evidence_blob", "evidence_file", "result_evidence"],
    &["digital_group"],
    &[],
    &[],
    &[],
    &["target_revision"],
    &["locality_placement", "org_unit_placement", "org_unit_successor", "reorganisation", "reorganisation_detail"],
    &["nil_report", "reporting_extension", "reporting_notice", "reporting_period"],
    &["webhook", "webhook_delivery"],
    &["cube_snapshot"],
    &[],
];

fn tables_of(migrations: usize) -> BTreeSet<String> {
    TABLES[..migrations].iter().flat_map(|tables| tables.iter().map(ToString::to_string)).collect()
}

fn steps() -> u32 {
    u32::try_from(Migrator::migrations().len()).unwrap()
}

both! {
    async fn the_schema_goes_up_then_down_to_nothing_and_up_again(db: &Blank) {
        let store = db.open().await;
        store.migrate().await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), 0);
        assert_eq!(tables(&store).await, tables_of(TABLES.len()));
        let first = schema(&store).await;

        store.migrate_down(steps()).await.unwrap();
        assert_eq!(schema(&store).await, Vec::<String>::new());
        assert_eq!(store.pending_migrations().await.unwrap(), Migrator::migrations().len());

        store.migrate().await.unwrap();
        assert_eq!(schema(&store).await, first);
        store.close().await.unwrap();
    }

    async fn each_migration_takes_itself_back_alone(db: &Blank) {
        let store = db.open().await;
        store.migrate().await.unwrap();
        for left in (0..TABLES.len()).rev() {
            store.migrate_down(1).await.unwrap();
            assert_eq!(tables(&store).await, tables_of(left));
        }
        store.close().await.unwrap();
    }

    async fn of_four_migrators_at_once_one_migrates_and_the_others_find_nothing_to_do(db: &Blank) {
        let stores = futures_util::future::join_all((0..4).map(|_| db.open())).await;
        let outcomes = futures_util::future::join_all(stores.iter().map(Store::migrate)).await;
        for outcome in outcomes {
            outcome.unwrap();
        }
        let applied: i64 = value(stores[0].read(), "SELECT count(*) FROM seaql_migrations").await;
        assert_eq!(applied, i64::from(steps()));
        for store in stores {
            assert_eq!(tables(&store).await, tables_of(TABLES.len()));
            store.close().await.unwrap();
        }
    }

    async fn a_migration_that_fails_half_way_leaves_nothing_of_itself(db: &Blank) {
        let store = db.open().await;
        // In the way of the first migration's last table.
        store
            .write::<_, tinhnguyen_persistence::StoreError>(async |tx| {
                tx.execute_unprepared("CREATE TABLE org_unit (in_the_way INTEGER)").await?;
                Ok(())
            })
            .await
            .unwrap();
        store.migrate().await.unwrap_err();
        assert_eq!(tables(&store).await, BTreeSet::from(["org_unit".to_owned()]));
        assert_eq!(store.pending_migrations().await.unwrap(), Migrator::migrations().len());

        store
            .write::<_, tinhnguyen_persistence::StoreError>(async |tx| {
                tx.execute_unprepared("DROP TABLE org_unit").await?;
                Ok(())
            })
            .await
            .unwrap();
        store.migrate().await.unwrap();
        assert_eq!(tables(&store).await, tables_of(TABLES.len()));
        store.close().await.unwrap();
    }

    async fn a_migrator_that_is_stopped_anywhere_leaves_whole_migrations_only(db: &Blank) {
        let mut stops = 0;
        for polls in (1..).step_by(7) {
            let store = db.open().await;
            let finished = polled(polls, store.migrate()).await;
            let applied = tables(&store).await;
            assert!(
                (0..=TABLES.len()).any(|whole| applied == tables_of(whole)),
                "stopped at poll {polls}, half a migration is left: {applied:?}"
            );
            if let Some(outcome) = finished {
                outcome.unwrap();
                assert_eq!(applied, tables_of(TABLES.len()));
                store.close().await.unwrap();
                break;
            }
            stops += 1;
            store.close().await.unwrap();
        }
        assert!(stops > 3, "it was stopped only {stops} times");
    }
}
