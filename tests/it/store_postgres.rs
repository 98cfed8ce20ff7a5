//! What PostgreSQL has to be told: deadlines, since all of its own default to none, and second attempts.

use crate::harness::{Db, value};
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tinhnguyen_persistence::{Retryable, StoreError, StoreResult, Tx, entities::counter};
use tokio::sync::{Barrier, Notify};

async fn setting(conn: &impl ConnectionTrait, name: &str) -> String {
    value(conn, &format!("SHOW {name}")).await
}

async fn bump(tx: &Tx, name: &str) -> StoreResult<()> {
    let row = counter::Entity::find_by_id(name).one(tx).await?.unwrap();
    tx.execute_unprepared(&format!("UPDATE counter SET value = {} WHERE name = '{name}'", row.value + 1)).await?;
    Ok(())
}

async fn lock(tx: &Tx, name: &str) -> StoreResult<()> {
    counter::Entity::find_by_id(name).lock_exclusive().one(tx).await?.unwrap();
    Ok(())
}

async fn of(db: &Db, name: &str) -> i64 {
    value(db.store.read(), &format!("SELECT value FROM counter WHERE name = '{name}'")).await
}

only! { Postgres:
    async fn every_connection_has_its_deadlines(db: &Db) {
        for (name, expected) in [
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "15s"),
            ("TimeZone", "UTC"),
            ("application_name", "tinhnguyen"),
        ] {
            assert_eq!(setting(db.store.read(), name).await, expected, "{name}, reading");
            let writing = db.store.write::<_, StoreError>(async |tx| Ok(setting(tx, name).await)).await.unwrap();
            assert_eq!(writing, expected, "{name}, writing");
        }
        assert_eq!(setting(db.store.read(), "transaction_read_only").await, "on");
    }

    async fn a_statement_beyond_its_deadline_is_unavailable_and_leaves_the_store_well(db: &Db) {
        let slow = db
            .store
            .write::<_, StoreError>(async |tx| {
                tx.execute_unprepared("SET LOCAL statement_timeout = '50ms'").await?;
                tx.execute_unprepared("SELECT pg_sleep(5)").await?;
                Ok(())
            })
            .await;
        assert!(matches!(slow, Err(StoreError::Unavailable(_))), "{slow:?}");
        db.sql("INSERT INTO counter VALUES ('test', 1)").await;
        assert_eq!(of(db, "test").await, 1);
    }

    async fn a_lock_beyond_its_deadline_is_unavailable_and_leaves_the_store_well(db: &Db) {
        db.sql("INSERT INTO counter VALUES ('test', 1)").await;
        let (held, tried) = (Notify::new(), Notify::new());
        let holder = db.store.write::<_, StoreError>(async |tx| {
            lock(tx, "test").await?;
            held.notify_one();
            tried.notified().await;
            Ok(())
        });
        let waiter = async {
            held.notified().await;
            let outcome = db
                .store
                .write::<_, StoreError>(async |tx| {
                    tx.execute_unprepared("SET LOCAL lock_timeout = '50ms'").await?;
                    lock(tx, "test").await
                })
                .await;
            tried.notify_one();
            outcome
        };
        let (held, waited) = tokio::join!(holder, waiter);
        held.unwrap();
        assert!(matches!(waited, Err(StoreError::Locked(_))), "{waited:?}");
        db.store.write(async |tx| bump(tx, "test").await).await.unwrap();
        assert_eq!(of(db, "test").await, 2);
    }

    async fn a_transaction_that_sits_idle_is_ended_by_the_server_and_the_store_heals(db: &Db) {
        let idle = db
            .store
            .write::<_, StoreError>(async |tx| {
                tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = '50ms'").await?;
                tx.execute_unprepared("INSERT INTO counter VALUES ('test', 1)").await?;
                tokio::time::sleep(Duration::from_millis(400)).await;
                tx.execute_unprepared("UPDATE counter SET value = 2 WHERE name = 'test'").await?;
                Ok(())
            })
            .await;
        assert!(matches!(idle, Err(StoreError::Unavailable(_))), "{idle:?}");
        for _ in 0..20 {
            db.store.ping().await.unwrap();
            db.store.write::<_, StoreError>(async |tx| Ok(value::<i32>(tx, "SELECT 1").await)).await.unwrap();
        }
        let rows: i64 = value(db.store.read(), "SELECT count(*) FROM counter WHERE name = 'test'").await;
        assert_eq!(rows, 0);
    }

    async fn a_connection_that_the_server_ended_is_replaced(db: &Db) {
        // As a failover or a restart of the server does.
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .await;
        let mut failures = 0;
        for _ in 0..30 {
            failures += i32::from(db.store.ping().await.is_err());
        }
        assert!(failures <= 10, "no more failures than there were connections: {failures}");
        db.store.ping().await.unwrap();
    }

    async fn a_serialization_failure_is_tried_again(db: &Db) {
        db.sql("INSERT INTO counter VALUES ('test', 0)").await;
        let attempts = AtomicU32::new(0);
        db.store
            .write::<_, StoreError>(async |tx| {
                tx.execute_unprepared("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
                value::<i64>(tx, "SELECT value FROM counter WHERE name = 'test'").await;
                if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                    // Somebody else is faster, once.
                    db.store.write(async |tx| bump(tx, "test").await).await?;
                }
                bump(tx, "test").await
            })
            .await
            .unwrap();
        assert_eq!(attempts.load(Ordering::Relaxed), 2);
        assert_eq!(of(db, "test").await, 2);
    }

    async fn a_transaction_that_never_fits_is_given_up_after_four_attempts(db: &Db) {
        db.sql("INSERT INTO counter VALUES ('test', 0)").await;
        let attempts = AtomicU32::new(0);
        let outcome = db
            .store
            .write::<_, StoreError>(async |tx| {
                tx.execute_unprepared("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
                value::<i64>(tx, "SELECT value FROM counter WHERE name = 'test'").await;
                attempts.fetch_add(1, Ordering::Relaxed);
                db.store.write(async |tx| bump(tx, "test").await).await?;
                bump(tx, "test").await
            })
            .await;
        assert!(outcome.is_err_and(|e| e.is_retryable()));
        assert_eq!(attempts.load(Ordering::Relaxed), 4);
        assert_eq!(of(db, "test").await, 4, "only the others' work is there");
    }

    async fn of_two_transactions_in_a_deadlock_the_refused_one_is_tried_again(db: &Db) {
        db.sql("INSERT INTO counter VALUES ('test-a', 0), ('test-b', 0)").await;
        let (attempts, both) = (AtomicU32::new(0), Barrier::new(2));
        let crossed = async |first: &str, second: &str| {
            db.store
                .write::<_, StoreError>(async |tx| {
                    lock(tx, first).await?;
                    if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                        both.wait().await;
                    }
                    lock(tx, second).await?;
                    bump(tx, first).await?;
                    bump(tx, second).await
                })
                .await
        };
        let (a, b) = tokio::join!(crossed("test-a", "test-b"), crossed("test-b", "test-a"));
        a.unwrap();
        b.unwrap();
        assert_eq!(attempts.load(Ordering::Relaxed), 3, "one of the two was refused, once");
        assert_eq!((of(db, "test-a").await, of(db, "test-b").await), (2, 2));
    }

    async fn more_work_than_connections_waits_and_succeeds(db: &Db) {
        db.sql("INSERT INTO counter VALUES ('test', 0)").await;
        let add_one = async |tx: &Tx| {
            lock(tx, "test").await?;
            bump(tx, "test").await
        };
        let outcomes = futures_util::future::join_all((0..60).map(|_| db.store.write::<_, StoreError>(add_one))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(of(db, "test").await, 60);
    }
}
