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

    /// The trap of a full disk, without one. First SQLite takes a transaction back by itself, as it may on any failed
    /// write: the connection still counts itself inside. Then COMMIT fails, here by a foreign key whose check was put
    /// off to the end. On such a connection every later commit would only release a savepoint: acknowledged, and lost.
    async fn after_failed_commits_every_acknowledged_write_is_in_the_file(db: &Db) {
        for round in 0..3 {
            let taken_back = db
                .store
                .write::<_, StoreError>(async |tx| {
                    insert(tx, &format!("test-lost-{round}")).await?;
                    tx.execute_unprepared("ROLLBACK").await?;
                    Ok(())
                })
                .await;
            taken_back.unwrap_err();
            let refused = db
                .store
                .write::<_, StoreError>(async |tx| {
                    tx.execute_unprepared("PRAGMA defer_foreign_keys = on").await?;
                    insert(tx, &format!("test-lost-{round}")).await?;
                    tx.execute_unprepared("INSERT INTO locality_successor VALUES (zeroblob(16), zeroblob(16), 1)")
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

    async fn a_write_that_fills_the_disk_says_so_and_the_next_one_is_in_the_file(db: &Db) {
        for round in 0..3 {
            let full = db
                .store
                .write::<_, StoreError>(async |tx| {
                    insert(tx, &format!("test-lost-{round}")).await?;
                    let pages: i64 = value(tx, "PRAGMA page_count").await;
                    tx.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
                    let filled = tx
                        .execute_unprepared(
                            "INSERT INTO counter WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) \
                             SELECT 'test-big-' || i || hex(randomblob(500)), 1 FROM n",
                        )
                        .await;
                    tx.execute_unprepared("PRAGMA max_page_count = 1000000000").await?;
                    filled?;
                    Ok(())
                })
                .await;
            assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
            db.store.write(async |tx| insert(tx, &format!("test-{round}")).await).await.unwrap();
            let expected: Vec<String> = (0..=round).map(|r| format!("test-{r}")).collect();
            assert_eq!(names_in_the_file(db).await, expected);
        }
    }

    async fn a_file_that_cannot_be_made_is_an_error_with_words(db: &Db) {
        let tinhnguyen_persistence::Database::Sqlite(path) = db.database() else { panic!("not SQLite") };
        let nowhere = path.join("no-directory").join("x.db");
        let Err(err) = tinhnguyen_persistence::Store::open(tinhnguyen_persistence::Database::Sqlite(nowhere)).await
        else {
            panic!("opened a file in a file");
        };
        assert!(matches!(err, StoreError::Unavailable(_)), "{err:?}");
        let words = err.to_string();
        assert!(words.contains("no-directory") && words.contains("can't be taken"), "{words}");
    }
}
