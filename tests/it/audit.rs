//! The audit log: who sees it, and that nothing in it changes or goes without being found.

use crate::harness::{
    Blank, T, id_in,
    world::{DA_NANG, HA_NOI, seeded_unit},
};
use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::{
    Store, StoreError,
    audit::{self, Change, Verdict},
};
use uuid::Uuid;

fn at() -> DateTime<Utc> {
    crate::harness::now()
}

async fn write(store: &Store, action: &str) {
    let change = Change {
        at: at(),
        actor_id: Uuid::now_v7(),
        action,
        resource: "result",
        resource_id: Uuid::now_v7(),
        request_id: "r",
        org_unit_id: None,
        address: Some([198, 51, 100, 7].into()),
    };
    store.write(async |tx| audit::record(tx, &change).await).await.unwrap();
}

async fn sql(store: &Store, text: &str) {
    store.write::<_, StoreError>(async |tx| Ok(tx.execute_unprepared(text).await?)).await.unwrap();
}

async fn seal(store: &Store) -> u64 {
    store.write(async |tx| audit::seal(tx, at()).await).await.unwrap()
}

async fn verdict(store: &Store) -> Verdict {
    store.snapshot::<_, StoreError>(async |tx| audit::verify(tx).await).await.unwrap()
}

both! {
    async fn an_administrator_reads_what_was_done_in_their_subtree_and_nothing_else(t: &T) {
        let (team, _) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (elsewhere, _) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let local = t.user(Role::Administrator, seeded_unit(HA_NOI)).await;
        let read = local.get("/v1/audit-log?resource=team&sort=created_at").await.ok(200);
        let rows = read["data"].as_array().unwrap();
        let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["create_team", "ready_team", "deploy_team"]);
        assert!(rows.iter().all(|row| row["resource_id"] == team["id"] && row["actor_id"] == json!(t.admin.user_id)));
        let hidden = format!("/v1/audit-log?include_total=true&resource_id={}", id_in(&elsewhere, "id"));
        assert_eq!(local.get(&hidden).await.ok(200)["total"], 0);
        assert_eq!(t.admin.get(&hidden).await.ok(200)["total"], 3);
        // What belongs to the whole country is the centre's to read.
        t.admin.post("/v1/users", &json!({"username": "moi", "full_name": "Mới"})).await.ok(201);
        assert_eq!(local.get("/v1/audit-log?action=create_user").await.ok(200)["data"], json!([]));
        let made = t.admin.get("/v1/audit-log?action=create_user&limit=1").await.ok(200);
        assert_eq!(made["data"][0]["resource"], "user");
    }

    async fn every_row_is_under_one_seal_whichever_replica_sets_it(db: &Blank) {
        let store = db.open().await;
        store.migrate().await.unwrap();
        for _ in 0..25 {
            write(&store, "submit_result").await;
        }
        let other = db.open().await;
        let (here, there) = tokio::join!(seal(&store), seal(&other));
        assert_eq!(here + there, 25);
        write(&store, "verify_result").await;
        let found = verdict(&store).await;
        assert_eq!((found.entries, found.unsealed, found.broken.len()), (25, 1, 0));
        assert_eq!(seal(&store).await, 1);
        assert_eq!(seal(&store).await, 0, "nothing waits");
        assert_eq!(verdict(&store).await.unsealed, 0);
        other.close().await.unwrap();
        store.close().await.unwrap();
    }

    async fn whatever_is_done_to_a_sealed_row_is_found(db: &Blank) {
        let store = db.open().await;
        store.migrate().await.unwrap();
        for batch in 0..3 {
            for _ in 0..4 {
                write(&store, &format!("action_{batch}")).await;
            }
            seal(&store).await;
        }
        let sound = verdict(&store).await;
        assert_eq!((sound.seals, sound.entries, sound.broken.len()), (3, 12, 0));
        let second = "(SELECT id FROM audit_log WHERE seal = 2 ORDER BY id LIMIT 1)";
        for (tampering, mending, broken) in [
            (
                format!("UPDATE audit_log SET action = 'nothing' WHERE id = {second}"),
                "UPDATE audit_log SET action = 'action_1' WHERE action = 'nothing'".to_owned(),
                vec![2],
            ),
            (
                format!("UPDATE audit_log SET request_id = 'x' WHERE id = {second}"),
                "UPDATE audit_log SET request_id = 'r' WHERE request_id = 'x'".to_owned(),
                vec![2],
            ),
            (
                format!("UPDATE audit_log SET address = '203.0.113.1' WHERE id = {second}"),
                "UPDATE audit_log SET address = '198.51.100.7' WHERE address = '203.0.113.1'".to_owned(),
                vec![2],
            ),
            (
                format!("UPDATE audit_log SET seal = 3 WHERE id = {second}"),
                "UPDATE audit_log SET seal = 2 WHERE action = 'action_1'".to_owned(),
                vec![2, 3],
            ),
            (
                "UPDATE audit_seal SET entries = 5 WHERE number = 2".to_owned(),
                "UPDATE audit_seal SET entries = 4 WHERE number = 2".to_owned(),
                vec![2],
            ),
            (
                format!("UPDATE audit_log SET seal = 9 WHERE id = {second}"),
                "UPDATE audit_log SET seal = 2 WHERE action = 'action_1'".to_owned(),
                vec![2, 4],
            ),
            // Removed for good: these come last.
            (format!("DELETE FROM audit_log WHERE id = {second}"), "SELECT 1".to_owned(), vec![2]),
            ("DELETE FROM audit_seal WHERE number = 3".to_owned(), "SELECT 1".to_owned(), vec![2, 3]),
        ] {
            sql(&store, &tampering).await;
            assert_eq!(verdict(&store).await.broken, broken, "{tampering}");
            sql(&store, &mending).await;
        }
        store.close().await.unwrap();
    }
}
