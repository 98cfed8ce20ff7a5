//! The ledger: what changes is counted once, numbered without gaps, rolled up, and checked.

use crate::harness::{Db, Field, day, value, values};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, sea_query::Expr};
use std::cell::Cell;
use tinhnguyen_domain::{
    counting::{Count, Turns},
    progress::{Cube, Slice},
    results::ActivityResult,
};
use tinhnguyen_persistence::{
    StoreError,
    entities::{cube_snapshot, rollup_cell},
    ledger::{self, Disagreement},
};
use uuid::Uuid;

const AUTHOR: Uuid = Uuid::from_u128(1);
const OFFICER: Uuid = Uuid::from_u128(2);

fn count(reported: i64, verified: i64) -> Count {
    Count { reported: Turns(reported), verified: Turns(verified) }
}

async fn rollups(db: &Db) -> Vec<rollup_cell::Model> {
    use rollup_cell::Column as C;
    rollup_cell::Entity::find()
        .order_by_asc(C::IndicatorId)
        .order_by_asc(C::Day)
        .order_by_asc(C::Topic)
        .all(db.store.read())
        .await
        .unwrap()
}

/// The two indicators' totals: every topic, and cyber safety alone.
async fn totals(db: &Db, field: &Field) -> [Count; 2] {
    let report = db.check().await;
    assert!(report.disagreements.is_empty(), "{:?}", report.disagreements);
    let cube = db.store.snapshot::<_, StoreError>(async |tx| ledger::cube_now(tx).await).await.unwrap();
    field.indicators.each_ref().map(|indicator| {
        let id = indicator.stamp.id;
        let rolled_up = cube.total(&Slice { indicator_id: id, ..Slice::default() });
        assert_eq!(report.totals.get(&id).copied().unwrap_or_default(), rolled_up, "ledger and cube");
        rolled_up
    })
}

/// A database with three results, one in each counting state, whose ledger is then tampered with.
async fn tampered(db: &Db, sql: &str) -> (Field, [ActivityResult; 2], Vec<Disagreement>) {
    db.tampers();
    let field = Field::sown(db).await;
    let (one, _) = field.submitted(db, day(1), 10, 1).await;
    let (two, _) = field.submitted(db, day(2), 20, 2).await;
    let (two, _) = field.changed(db, &two, two.clone().verify(OFFICER).unwrap()).await;
    assert!(db.check().await.disagreements.is_empty(), "sound before it is tampered with");
    db.sql(sql).await;
    let found = db.check().await.disagreements;
    (field, [one, two], found)
}

/// What the cheap look finds.
async fn look(db: &Db) -> u64 {
    db.store.snapshot::<_, StoreError>(async |tx| ledger::audit(tx).await).await.unwrap().disagreements
}

both! {
    async fn a_cheap_look_finds_totals_that_are_off(db: &Db) {
        assert_eq!(look(db).await, 0, "nothing is counted yet");
        tampered(db, "UPDATE rollup_cell SET reported = reported + 1 WHERE topic = 'cyber_safety'").await;
        assert_eq!(look(db).await, 2, "both indicators count cyber safety");
        db.sql("UPDATE rollup_cell SET reported = reported - 1 WHERE topic = 'cyber_safety'").await;
        assert_eq!(look(db).await, 0);
        db.sql("UPDATE ledger SET seq = 1000 WHERE seq = 1").await;
        assert_eq!(look(db).await, 0, "the sums and the number of entries still hold: only the whole check sees this one");
        assert!(!db.check().await.disagreements.is_empty());
        db.sql("DELETE FROM ledger WHERE seq = 1000").await;
        assert!(look(db).await >= 2, "a sum and the numbers");
    }
}

both! {
    async fn each_state_of_a_result_counts_for_what_it_says(db: &Db) {
        let field = Field::sown(db).await;
        assert_eq!(totals(db, &field).await, [count(0, 0), count(0, 0)]);
        let (result, seq) = field.submitted(db, day(1), 20, 22).await;
        assert_eq!(seq, 3, "two topics for the first indicator, one for the second");
        assert_eq!(totals(db, &field).await, [count(42, 0), count(20, 0)]);

        let (result, _) =
            field.changed(db, &result, result.clone().give_back(OFFICER, "thiếu danh sách".into()).unwrap()).await;
        assert_eq!(totals(db, &field).await, [count(0, 0), count(0, 0)]);

        let edited = result.clone().edit(field.draft(day(1), 5, 6).statement).unwrap();
        let (result, seq) = field.changed(db, &result, edited.submit(AUTHOR).unwrap()).await;
        assert_eq!((result.revision, seq), (2, 9));
        assert_eq!(totals(db, &field).await, [count(11, 0), count(5, 0)]);

        let (_, seq) = field.changed(db, &result, result.clone().verify(OFFICER).unwrap()).await;
        assert_eq!(totals(db, &field).await, [count(11, 11), count(5, 5)]);
        assert_eq!(seq, ledger::head(db.store.read()).await.unwrap());
    }

    async fn a_change_that_counts_nothing_writes_no_entry(db: &Db) {
        let field = Field::sown(db).await;
        let draft = field.draft(day(1), 20, 22);
        let seq = db.store.write::<_, StoreError>(async |tx| field.post(tx, &draft, &draft.counted()).await).await;
        assert_eq!(seq.unwrap(), None);
        assert_eq!(ledger::head(db.store.read()).await.unwrap(), 0);
    }

    async fn an_entry_that_is_rolled_back_leaves_no_gap(db: &Db) {
        let field = Field::sown(db).await;
        field.submitted(db, day(1), 1, 1).await;
        let lost = field.draft(day(2), 500, 500).submit(AUTHOR).unwrap();
        let outcome = db
            .store
            .write(async |tx| {
                field.post(tx, &lost, &Default::default()).await?;
                Err::<(), _>(StoreError::Stale)
            })
            .await;
        assert!(outcome.is_err());
        let (_, seq) = field.submitted(db, day(3), 1, 1).await;
        assert_eq!(seq, 6);
        assert_eq!(totals(db, &field).await, [count(4, 0), count(2, 0)]);
    }

    async fn sixteen_writers_make_a_ledger_without_gaps_that_a_follower_can_fold_as_it_grows(db: &Db) {
        let field = Field::sown(db).await;
        let working = Cell::new(16);
        // One activity, team and day takes one result, so each writer has days of its own.
        let writer = async |number: u64| {
            for n in 0..12 {
                let (result, _) = field.submitted(db, day(number * 12 + n), 3, 4).await;
                let next = match n % 3 {
                    0 => continue,
                    1 => result.clone().verify(OFFICER).unwrap(),
                    _ => result.clone().give_back(OFFICER, "sai".into()).unwrap(),
                };
                field.changed(db, &result, next).await;
            }
        };
        let writers = (0..16).map(async |number| {
            writer(number).await;
            working.set(working.get() - 1);
        });
        let follower = async {
            let mut cube = Cube::default();
            loop {
                let done = working.get() == 0;
                for entry in ledger::after(db.store.read(), cube.ledger_seq(), 7).await.unwrap() {
                    cube.apply(&entry).expect("entries appear in the order of their numbers");
                }
                if done && cube.ledger_seq() == ledger::head(db.store.read()).await.unwrap() {
                    return cube;
                }
                tokio::task::yield_now().await;
            }
        };
        let (_, cube) = tokio::join!(futures_util::future::join_all(writers), follower);

        // 16 × (4 left submitted, 4 verified, 4 returned) of 3 + 4 turns.
        assert_eq!(totals(db, &field).await, [count(16 * 8 * 7, 16 * 4 * 7), count(16 * 8 * 3, 16 * 4 * 3)]);
        let followed =
            field.indicators.each_ref().map(|i| cube.total(&Slice { indicator_id: i.stamp.id, ..Slice::default() }));
        assert_eq!(followed, totals(db, &field).await);
        let numbers: Vec<i64> = values(db.store.read(), "SELECT seq FROM ledger ORDER BY seq").await;
        assert_eq!(numbers, (1..=ledger::head(db.store.read()).await.unwrap()).collect::<Vec<_>>());
    }

    async fn a_rebuild_mends_the_rollups_and_changes_nothing_else(db: &Db) {
        let field = Field::sown(db).await;
        let (result, _) = field.submitted(db, day(1), 20, 22).await;
        field.changed(db, &result, result.clone().verify(OFFICER).unwrap()).await;
        let (taken_back, _) = field.submitted(db, day(2), 7, 7).await;
        field.changed(db, &taken_back, taken_back.clone().give_back(OFFICER, "sai".into()).unwrap()).await;
        let kept: Vec<_> = rollups(db).await.into_iter().filter(|row| row.reported != 0).collect();
        let head = ledger::head(db.store.read()).await.unwrap();

        db.sql("UPDATE rollup_cell SET verified = verified + 1").await;
        db.sql("DELETE FROM rollup_cell WHERE topic = 'office_software'").await;
        assert!(!db.check().await.disagreements.is_empty());
        let rebuilt = db.store.write::<_, StoreError>(async |tx| ledger::rebuild(tx).await).await.unwrap();
        assert_eq!(rebuilt, 3);
        assert_eq!(rollups(db).await, kept);
        assert_eq!(ledger::head(db.store.read()).await.unwrap(), head);
    }

    async fn the_check_finds_a_rollup_row_that_was_tampered_with(db: &Db) {
        let (field, _, found) =
            tampered(db, "UPDATE rollup_cell SET reported = reported + 1 WHERE reported = 20").await;
        // Cyber safety of the second day, in each of the two indicators.
        assert_eq!(found.len(), 2, "{found:?}");
        for disagreement in found {
            let Disagreement::Rollup { key, rolled_up, ledger } = disagreement else { panic!("{disagreement:?}") };
            assert_eq!((key.org_unit_id, key.day), (field.unit.stamp.id, day(2)));
            assert_eq!((rolled_up, ledger), (count(21, 20), count(20, 20)));
        }
    }

    async fn the_check_finds_a_rollup_row_that_is_gone_and_one_too_many(db: &Db) {
        let (_, _, found) = tampered(db, "DELETE FROM rollup_cell WHERE reported = 1").await;
        let [Disagreement::Rollup { rolled_up, ledger, .. }] = found[..] else { panic!("{found:?}") };
        assert_eq!((rolled_up, ledger), (count(0, 0), count(1, 0)));
        db.sql("UPDATE rollup_cell SET day = '2024-06-09' WHERE reported = 2").await;
        assert_eq!(db.check().await.disagreements.len(), 3, "one gone before, one gone now, one that nothing explains");
    }

    async fn the_check_finds_a_result_that_was_tampered_with(db: &Db) {
        let (field, [one, _], found) =
            tampered(db, "UPDATE result SET status = 'verified' WHERE status = 'submitted'").await;
        assert_eq!(found.len(), 2, "{found:?}");
        for disagreement in found {
            let Disagreement::Result { result_id, indicator_id, result, ledger } = disagreement else {
                panic!("{disagreement:?}")
            };
            let turns = if indicator_id == field.indicators[0].stamp.id { 11 } else { 10 };
            assert_eq!((result_id, result, ledger), (one.stamp.id, count(turns, turns), count(turns, 0)));
        }
    }

    async fn the_check_finds_a_ledger_row_that_is_missing(db: &Db) {
        let (_, _, found) = tampered(db, "DELETE FROM ledger WHERE seq = 2").await;
        assert!(found.iter().any(|d| matches!(d, Disagreement::Gap { entries: 8, last: 9, head: 9 })), "{found:?}");
        assert!(found.iter().any(|d| matches!(d, Disagreement::Rollup { .. })), "{found:?}");
        assert!(found.iter().any(|d| matches!(d, Disagreement::Result { .. })), "{found:?}");
    }

    async fn the_check_finds_that_the_ledgers_end_is_missing(db: &Db) {
        // All that hung on the last entries is taken away too: only the head still knows of them.
        let sql = "DELETE FROM ledger WHERE seq > 6";
        let (_, [_, two], _) = tampered(db, sql).await;
        db.sql("UPDATE rollup_cell SET verified = 0").await;
        db.sql(&format!("UPDATE result SET status = 'submitted' WHERE version = {}", two.stamp.version)).await;
        let found = db.check().await.disagreements;
        assert_eq!(found, [Disagreement::Gap { entries: 6, last: 6, head: 9 }]);
    }

    async fn the_check_finds_a_counted_result_that_is_gone(db: &Db) {
        let (field, [one, _], found) = tampered(db, "DELETE FROM result WHERE status = 'submitted'").await;
        let mut indicators: Vec<Uuid> = found
            .iter()
            .map(|disagreement| {
                let Disagreement::Result { result_id, indicator_id, result, .. } = disagreement else {
                    panic!("{disagreement:?}")
                };
                assert_eq!((*result_id, *result), (one.stamp.id, count(0, 0)));
                *indicator_id
            })
            .collect();
        indicators.sort_unstable();
        let mut expected = field.indicators.each_ref().map(|i| i.stamp.id);
        expected.sort_unstable();
        assert_eq!(indicators, expected);
    }

    async fn the_check_sees_one_moment_while_writers_are_at_work(db: &Db) {
        let field = Field::sown(db).await;
        let done = Cell::new(false);
        let writer = async {
            for n in 0..40 {
                field.submitted(db, day(n), 1, 2).await;
            }
            done.set(true);
        };
        let checker = async {
            let mut seen = Vec::new();
            while !done.get() {
                let report = db.check().await;
                assert!(report.disagreements.is_empty(), "at {}: {:?}", report.ledger_seq, report.disagreements);
                seen.push(report.ledger_seq);
            }
            seen
        };
        let ((), seen) = tokio::join!(writer, checker);
        assert!(seen.iter().any(|seq| (1..120).contains(seq)), "it looked while they worked: {seen:?}");
    }

    async fn an_entry_tells_its_instant(db: &Db) {
        let field = Field::sown(db).await;
        let (_, seq) = field.submitted(db, day(1), 1, 1).await;
        assert_eq!(ledger::instant_of(db.store.read(), seq).await.unwrap(), Some(crate::harness::now()));
        assert_eq!(ledger::instant_of(db.store.read(), seq + 1).await.unwrap(), None);
        let entries: i64 = value(db.store.read(), "SELECT count(*) FROM ledger").await;
        assert_eq!(entries, seq);
        db.store.read().execute_unprepared("DELETE FROM ledger").await.unwrap_err();
    }

    async fn entries_are_in_the_order_of_their_instants_whatever_the_clocks_say(db: &Db) {
        let field = Field::sown(db).await;
        // The clock stands still, and still no two transactions are of the same instant.
        for n in 1..=5 {
            field.submitted(db, day(n), 1, 1).await;
        }
        let conn = db.store.read();
        let head = ledger::head(conn).await.unwrap();
        let mut instants = Vec::new();
        for seq in 1..=head {
            instants.push(ledger::instant_of(conn, seq).await.unwrap().unwrap());
        }
        assert!(instants.is_sorted(), "{instants:?}");
        let ends: Vec<i64> = (1..=5).map(|n| n * 3).collect();
        for end in &ends {
            let at = instants[usize::try_from(end - 1).unwrap()];
            assert_eq!(ledger::seq_at(conn, at).await.unwrap(), *end, "the whole transaction, and nothing after it");
            assert_eq!(ledger::seq_at(conn, at - chrono::TimeDelta::microseconds(1)).await.unwrap(), end - 3);
        }
        assert_eq!(ledger::seq_at(conn, at_the_end()).await.unwrap(), head);
    }

    async fn a_cube_of_any_moment_is_the_same_from_the_ledger_from_a_snapshot_and_from_the_present(db: &Db) {
        let field = Field::sown(db).await;
        for n in 0..12 {
            let (result, _) = field.submitted(db, day(n), 3, 4).await;
            if n % 3 == 0 {
                field.changed(db, &result, result.clone().verify(OFFICER).unwrap()).await;
            }
        }
        let conn = db.store.read();
        let head = ledger::head(conn).await.unwrap();
        let cells = |cube: &Cube| {
            let mut cells: Vec<_> = cube.cells().map(|cell| format!("{cell:?}")).collect();
            cells.sort();
            (cube.ledger_seq(), cells)
        };
        let mut summed = Vec::new();
        for seq in 0..=head {
            summed.push(ledger::cube_at(conn, seq, None).await.unwrap());
        }
        for (seq, expected) in (0..).zip(&summed) {
            for step in [1, 4] {
                for known in [None, summed.last().cloned()] {
                    let cube = ledger::cube_in_steps(conn, seq, known, step).await.unwrap();
                    assert_eq!(cells(&cube), cells(expected), "at {seq}, {step} by {step}");
                }
            }
        }
        for kept in [head / 3, head * 2 / 3] {
            let cube = &summed[usize::try_from(kept).unwrap()];
            for _ in 0..2 {
                db.store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, cube, at_the_end()).await).await.unwrap();
            }
        }
        assert!(db.check().await.disagreements.is_empty());
        for (seq, expected) in (0..).zip(&summed) {
            let known = summed.last().cloned();
            for cube in [ledger::cube_at(conn, seq, None).await.unwrap(), ledger::cube_at(conn, seq, known).await.unwrap()] {
                assert_eq!(cells(&cube), cells(expected), "at {seq}");
            }
        }
    }

    async fn a_snapshot_that_is_not_what_the_ledger_says_is_found_and_a_rebuild_forgets_it(db: &Db) {
        let field = Field::sown(db).await;
        field.submitted(db, day(1), 20, 22).await;
        let wrong = ledger::cube_at(db.store.read(), 2, None).await.unwrap().moved_to(3, []);
        db.store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, &wrong, at_the_end()).await).await.unwrap();
        db.tampers();
        assert_eq!(db.check().await.disagreements, [Disagreement::Snapshot { seq: 3, cells: 1 }]);
        db.store.write::<_, StoreError>(async |tx| ledger::rebuild(tx).await).await.unwrap();
        assert!(db.check().await.disagreements.is_empty());
        assert_eq!(totals(db, &field).await, [count(42, 0), count(20, 0)]);
    }

    async fn bytes_that_are_no_snapshot_are_named_and_never_served(db: &Db) {
        let field = Field::sown(db).await;
        field.submitted(db, day(1), 20, 22).await;
        let cube = ledger::cube_at(db.store.read(), 3, None).await.unwrap();
        db.store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, &cube, at_the_end()).await).await.unwrap();
        db.tampers();
        let noise = Expr::value(vec![1_u8, 2, 3]);
        db.store
            .write::<_, StoreError>(async |tx| {
                Ok(cube_snapshot::Entity::update_many().col_expr(cube_snapshot::Column::Cells, noise.clone()).exec(tx).await?)
            })
            .await
            .unwrap();
        let refused = ledger::cube_at(db.store.read(), 3, None).await.unwrap_err();
        assert!(refused.to_string().contains("snapshot 3"), "{refused}");
    }
}

/// After everything that a test does.
fn at_the_end() -> chrono::DateTime<chrono::Utc> {
    crate::harness::now() + chrono::TimeDelta::days(1)
}
