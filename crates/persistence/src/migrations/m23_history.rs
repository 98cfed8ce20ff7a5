//! A team's latest figures that count, from the index alone: every report is held against them.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m23_history"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The state too: SQLite would read it from the row all the same.
        let counting = "CREATE INDEX ix_result_history ON result (team_id, created_at, id, turns, status) \
                        WHERE status IN ('submitted', 'verified')";
        manager.get_connection().execute_unprepared(counting).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX ix_result_history").await.map(drop)
    }
}
