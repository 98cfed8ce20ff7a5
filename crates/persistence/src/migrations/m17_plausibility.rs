//! What is wanted to judge a figure, and the numbers behind each mark.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m17_plausibility"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let capacity = big_integer_null("venue_capacity");
        manager.alter_table(Table::alter().table("activity").add_column(capacity).to_owned()).await?;
        manager.alter_table(Table::alter().table("result").add_column(json_binary_null("findings")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("result").drop_column("findings").to_owned()).await?;
        manager.alter_table(Table::alter().table("activity").drop_column("venue_capacity").to_owned()).await
    }
}
