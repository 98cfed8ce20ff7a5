//! The audit log names the team from whose sight a change took something, so that whoever follows the changes learns it.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m21_audit_teams"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("audit_log").add_column(uuid_null("team_id")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("audit_log").drop_column("team_id").to_owned()).await
    }
}
