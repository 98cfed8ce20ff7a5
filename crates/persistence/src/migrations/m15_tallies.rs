//! Tallies of phones in the field, and whether a result is made of them.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m15_tallies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = boolean("from_tallies").default(false).to_owned();
        manager.alter_table(Table::alter().table("result").add_column(column).to_owned()).await?;
        let tallies = plain("tally")
            .col(uuid("id").primary_key())
            .col(uuid("activity_id"))
            .col(uuid("team_id"))
            .col(timestamp_with_time_zone("occurred_at"))
            .col(date("day"))
            .col(string("topic"))
            .col(string("audience"))
            .col(string_null("sex"))
            .col(big_integer("turns"))
            .col(uuid("created_by"))
            .col(timestamp_with_time_zone("received_at"))
            // The request that brought it: of two that bring the same id at once, it tells whose row stands.
            .col(uuid("batch_id"))
            .col(uuid_null("result_id"))
            .foreign_key(&mut refers("tally", "activity_id", "activity"))
            .foreign_key(&mut refers("tally", "team_id", "team"))
            .to_owned();
        manager.create_table(tallies).await?;
        manager.create_index(index("tally", &["activity_id", "team_id", "day"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tally").to_owned()).await?;
        manager.alter_table(Table::alter().table("result").drop_column("from_tallies").to_owned()).await
    }
}
