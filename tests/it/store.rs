//! The store's promises on both databases: what is written is kept whole or not at all, and reads can't write.

use crate::harness::{Db, polled, value};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use std::sync::atomic::{AtomicU32, Ordering};
use tinhnguyen_persistence::{Store, StoreError, StoreResult, Tx, entities::counter};
use tokio::sync::Notify;

/// Counters that only these tests know.
const COUNTER: &str = "test";

async fn insert(tx: &Tx, name: &str, number: i64) -> StoreResult<()> {
    let row = counter::ActiveModel { name: Set(name.to_owned()), value: Set(number) };
    counter::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

async fn set(tx: &Tx, name: &str, number: i64) -> StoreResult<()> {
    counter::Entity::update_many()
        .col_expr(counter::Column::Value, Expr::value(number))
        .filter(counter::Column::Name.eq(name))
        .exec(tx)
        .await?;
    Ok(())
}

async fn get(conn: &impl ConnectionTrait, name: &str) -> Option<i64> {
    counter::Entity::find_by_id(name).one(conn).await.unwrap().map(|row| row.value)
}

async fn start(store: &Store, number: i64) {
    store.write(async |tx| insert(tx, COUNTER, number).await).await.unwrap();
}

both! {
    async fn fifty_transactions_that_read_and_then_write_all_succeed(db: &Db) {
        start(&db.store, 0).await;
        let add_one = async |tx: &Tx| {
            let row = counter::Entity::find_by_id(COUNTER).lock_exclusive().one(tx).await?.unwrap();
            tokio::task::yield_now().await;
            set(tx, COUNTER, row.value + 1).await
        };
        let outcomes = futures_util::future::join_all((0..50).map(|_| db.store.write::<_, StoreError>(add_one))).await;
        assert_eq!(outcomes.iter().filter_map(|o| o.as_ref().err()).collect::<Vec<_>>().len(), 0, "{outcomes:?}");
        assert_eq!(get(db.store.read(), COUNTER).await, Some(50));
    }

    async fn fifty_writers_of_two_stores_over_one_database_all_succeed(db: &Db) {
        start(&db.store, 0).await;
        let other = Store::open(db.database()).await.unwrap();
        let add_one = async |tx: &Tx| {
            let row = counter::Entity::find_by_id(COUNTER).lock_exclusive().one(tx).await?.unwrap();
            tokio::task::yield_now().await;
            set(tx, COUNTER, row.value + 1).await
        };
        let stores = (0..50).map(|n| if n % 2 == 0 { &db.store } else { &other });
        let outcomes = futures_util::future::join_all(stores.map(|s| s.write::<_, StoreError>(add_one))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(get(db.store.read(), COUNTER).await, Some(50));
        other.close().await.unwrap();
    }

    async fn the_read_pool_cannot_write(db: &Db) {
        start(&db.store, 1).await;
        let update = "UPDATE counter SET value = 2 WHERE name = 'test'";
        db.store.read().execute_unprepared(update).await.unwrap_err();
        db.store.snapshot::<_, StoreError>(async |tx| Ok(tx.execute_unprepared(update).await?)).await.unwrap_err();
        db.store.read().execute_unprepared("CREATE TABLE sneaked (x INTEGER)").await.unwrap_err();
        assert_eq!(get(db.store.read(), COUNTER).await, Some(1));
        // And it is no worse for it.
        db.store.write(async |tx| set(tx, COUNTER, 3).await).await.unwrap();
        assert_eq!(get(db.store.read(), COUNTER).await, Some(3));
    }

    async fn the_next_read_sees_what_a_write_has_returned(db: &Db) {
        start(&db.store, 0).await;
        for number in 1..=20 {
            db.store.write(async |tx| set(tx, COUNTER, number).await).await.unwrap();
            assert_eq!(get(db.store.read(), COUNTER).await, Some(number));
        }
    }

    async fn nothing_of_a_rehearsal_is_kept(db: &Db) {
        let seen = db
            .store
            .rehearse::<_, StoreError>(async |tx| {
                insert(tx, COUNTER, 7).await?;
                Ok(get(tx, COUNTER).await)
            })
            .await
            .unwrap();
        assert_eq!(seen, Some(7), "the rehearsal itself sees its work");
        assert_eq!(get(db.store.read(), COUNTER).await, None);
    }

    async fn nothing_of_a_failed_write_is_kept(db: &Db) {
        let outcome = db
            .store
            .write(async |tx| {
                insert(tx, COUNTER, 7).await?;
                Err::<(), _>(StoreError::Stale)
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::Stale)));
        assert_eq!(get(db.store.read(), COUNTER).await, None);
    }

    async fn nothing_of_a_write_that_was_dropped_is_kept_wherever_it_stood(db: &Db) {
        let mut stops = 0;
        for polls in 1.. {
            let write = db.store.write(async |tx| {
                for row in 0..10 {
                    insert(tx, &format!("test-{row}"), 7).await?;
                    tokio::task::yield_now().await;
                }
                Ok::<_, StoreError>(())
            });
            let finished = polled(polls, write).await;
            // The connection must be good for the next writer at once.
            let count = async |tx: &Tx| {
                let rows = counter::Entity::find().filter(counter::Column::Name.starts_with("test-")).all(tx).await?;
                Ok::<_, StoreError>(rows.len())
            };
            let kept = db.store.write(count).await.unwrap();
            if let Some(outcome) = finished {
                // PostgreSQL may still have been committing the one before, stopped after it was told to, when its rows
                // were counted: then they were in this one's way, and are kept whole.
                assert!(matches!(outcome, Ok(()) | Err(StoreError::Conflict(_))), "{outcome:?}");
                assert_eq!(kept, 10);
                break;
            }
            if kept == 10 {
                // Stopped between the commit and its acknowledgement: kept whole, and nobody was told.
                break;
            }
            assert_eq!(kept, 0, "stopped at poll {polls}");
            stops += 1;
        }
        assert!(stops >= 5, "it was stopped only {stops} times");
    }

    async fn a_snapshot_sees_one_moment(db: &Db) {
        start(&db.store, 1).await;
        let seen = db
            .store
            .snapshot::<_, StoreError>(async |tx| {
                let before = get(tx, COUNTER).await;
                db.store.write(async |tx| set(tx, COUNTER, 2).await).await?;
                Ok((before, get(tx, COUNTER).await))
            })
            .await
            .unwrap();
        assert_eq!(seen, (Some(1), Some(1)));
        assert_eq!(get(db.store.read(), COUNTER).await, Some(2));
    }

    async fn reads_go_on_while_a_writer_holds_its_transaction_open(db: &Db) {
        start(&db.store, 1).await;
        let (written, read) = (Notify::new(), Notify::new());
        let writer = db.store.write::<_, StoreError>(async |tx| {
            set(tx, COUNTER, 2).await?;
            written.notify_one();
            read.notified().await;
            Ok(())
        });
        let reader = async {
            written.notified().await;
            let seen = get(db.store.read(), COUNTER).await;
            read.notify_one();
            seen
        };
        let (outcome, seen) = tokio::join!(writer, reader);
        outcome.unwrap();
        assert_eq!(seen, Some(1), "a reader sees what was committed, no more");
        assert_eq!(get(db.store.read(), COUNTER).await, Some(2));
    }

    async fn an_error_of_the_work_is_not_tried_again(db: &Db) {
        let attempts = AtomicU32::new(0);
        let outcome = db
            .store
            .write(async |_| {
                attempts.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(StoreError::Stale)
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::Stale)));
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
    }

    async fn the_store_says_its_engine_and_gives_a_sign_of_life(db: &Db) {
        db.store.ping().await.unwrap();
        let version: String = match db.store.engine() {
            "sqlite" => value(db.store.read(), "SELECT sqlite_version()").await,
            "postgresql" => value(db.store.read(), "SELECT version()").await,
            other => panic!("{other}"),
        };
        assert_eq!(version.starts_with("PostgreSQL"), db.store.engine() == "postgresql", "{version}");
    }
}
