//! From where: the address of each change in the audit log, and the places from which each account was logged in to.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m13_addresses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("audit_log").add_column(text_null("address")).to_owned()).await?;
        let places = plain("login_place")
            .col(uuid("user_id"))
            .col(text("address"))
            .col(timestamp_with_time_zone("seen_at"))
            .primary_key(Index::create().col("user_id").col("address"))
            .foreign_key(&mut refers("login_place", "user_id", "user_account"))
            .to_owned();
        manager.create_table(places).await?;
        manager.create_index(index("login_place", &["seen_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("login_place").to_owned()).await?;
        manager.alter_table(Table::alter().table("audit_log").drop_column("address").to_owned()).await
    }
}
