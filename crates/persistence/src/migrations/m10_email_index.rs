//! Accounts are found by their mail address in whatever case: an index over its lower case.

use super::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m10_email_index"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE INDEX ix_user_account_email_lower ON user_account (lower(email))";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX ix_user_account_email_lower").await?;
        Ok(())
    }
}
