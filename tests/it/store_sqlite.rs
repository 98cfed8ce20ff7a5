//! What SQLite has to be told, and the trap of a connection that is stuck in its transaction.

use crate::harness::{Db, value};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use tinhnguyen_persistence::{StoreError, Tx, entities::counter};
use tokio::sync::Barrier;

async fn pragma(conn: &impl ConnectionTrait, name: &str) -> String {
    match name {
        "journal_mode" => value(conn, "PRAGMA journal_mode").await,
        _ => value::<i64>(conn, &format!("PRAGMA {name}")).await.to_string(),
    }
}

async fn assert_settings(conn: &impl ConnectionTrait, query_only: &str) {
    for (name, expected) in [
        ("journal_mode", "wal"),
        // FULL: a commit in the log is on the disk before it is acknowledged.
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("busy_timeout", "5000"),
        ("query_only", query_only),
    ] {
        assert_eq!(pragma(conn, name).await, expected, "{name}");
    }
}

async fn insert(tx: &Tx, name: &str) -> Result<(), StoreError> {
    let row = counter::ActiveModel { name: Set(name.to_owned()), value: Set(1) };
    counter::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The rows that a stranger to the store finds in the file.
async fn names_in_the_file(db: &Db) -> Vec<String> {
    let tinhnguyen_persistence::Database::Sqlite(path) = db.database() else { panic!("not SQLite") };
    let stranger = sea_orm::Database::connect(format!("sqlite:{}?mode=ro", path.display())).await.unwrap();
    let names =
        crate::harness::values(&stranger, "SELECT name FROM counter WHERE name LIKE 'test%' ORDER BY name").await;
    stranger.close().await.unwrap();
    names
}

only! { Sqlite:
    async fn every_connection_of_both_pools_is_durable_and_keeps_foreign_keys(db: &Db) {
        db.store
            .write::<_, StoreError>(async |tx| {
                assert_settings(tx, "0").await;
                Ok(())
            })
            .await
            .unwrap();
        // All eight readers at once, so that each is another connection.
        let all = Barrier::new(8);
        let reader = async || {
            db.store
                .snapshot::<_, StoreError>(async |tx| {
                    all.wait().await;
                    assert_settings(tx, "1").await;
                    Ok(())
                })
                .await
                .unwrap();
        };
        let readers = futures_util::future::join_all((0..8).map(|_| reader()));
        tokio::time::timeout(std::time::Duration::from_secs(10), readers).await.expect("eight readers at once");
    }

    async fn a_write_begins_immediate_so_that_nobody_writes_between_its_read_and_its_write(db: &Db) {
        let tinhnguyen_persistence::Database::Sqlite(path) = db.database() else { panic!("not SQLite") };
        let stranger = sea_orm::Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
        stranger.execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
        db.store
            .write::<_, StoreError>(async |_| {
                // Nothing was read or written yet, and still the lock is held.
                let refused = stranger.execute_unprepared("INSERT INTO counter VALUES ('test', 1)").await;
                assert!(refused.unwrap_err().to_string().contains("locked"));
                Ok(())
            })
            .await
            .unwrap();
        stranger.close().await.unwrap();
    }

    /// COMMIT is refused here by a foreign key whose check was put off to the end: like a full disk, it leaves the
    /// transaction open.
    async fn after_a_commit_that_failed_every_acknowledged_write_is_in_the_file(db: &Db) {
        for round in 0..3 {
            let refused = db
                .store
                .write::<_, StoreError>(async |tx| {
                    tx.execute_unprepared("PRAGMA defer_foreign_keys = on").await?;
                    insert(tx, &format!("test-lost-{round}")).await?;
                    tx.execute_unprepared(
                        "INSERT INTO locality_successor VALUES (x'00000000000000000000000000000000', x'00000000000000000000000000000001', 1)",
                    )
                    .await?;
                    Ok(())
                })
                .await;
            assert!(matches!(refused, Err(StoreError::ForeignKey(_))), "{refused:?}");
            db.store.write(async |tx| insert(tx, &format!("test-{round}")).await).await.unwrap();
            let expected: Vec<String> = (0..=round).map(|r| format!("test-{r}")).collect();
            assert_eq!(names_in_the_file(db).await, expected);
        }
    }

    /// SQLite takes the whole transaction back when it runs out of space in the middle of it; the connection's own
    /// count of transactions does not know.
    async fn after_the_disk_was_full_every_acknowledged_write_is_in_the_file(db: &Db) {
        for round in 0..3 {
            let full = db
                .store
                .write::<_, StoreError>(async |tx| {
                    let pages: i64 = value(tx, "PRAGMA page_count").await;
                    tx.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
                    insert(tx, &format!("test-lost-{round}")).await?;
                    tx.execute_unprepared(
                        "INSERT INTO counter SELECT 'test-big-' || value || hex(randomblob(500)), 1 FROM \
                         (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 5000) SELECT value FROM n)",
                    )
                    .await?;
                    Ok(())
                })
                .await;
            assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
            let acknowledged = db.store.write(async |tx| insert(tx, &format!("test-{round}")).await).await;
            acknowledged.unwrap();
            let expected: Vec<String> = (0..=round).map(|r| format!("test-{r}")).collect();
            assert_eq!(names_in_the_file(db).await, expected);
        }
    }

    async fn a_file_that_cannot_be_made_is_an_error_with_words(db: &Db) {
        let tinhnguyen_persistence::Database::Sqlite(path) = db.database() else { panic!("not SQLite") };
        let nowhere = path.join("no-directory").join("x.db");
        let Err(err) = tinhnguyen_persistence::Store::open(tinhnguyen_persistence::Database::Sqlite(nowhere)).await else {
            panic!("opened a file in a file");
        };
        assert!(matches!(err, StoreError::Full(_) | StoreError::Unavailable(_)), "{err:?}");
        assert!(err.to_string().contains("unable to open database file"), "{err}");
    }
}
