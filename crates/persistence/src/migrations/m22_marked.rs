//! How often a result was marked since a person last changed it.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m22_marked"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("result").add_column(big_integer_null("marked")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("result").drop_column("marked").to_owned()).await
    }
}
