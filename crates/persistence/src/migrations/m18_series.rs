//! Activities that recur, and the links by which calendar applications read a team's calendar.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m18_series"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let series = resource("activity_series")
            .col(uuid("campaign_id"))
            .col(uuid("lead_team_id"))
            .col(text("title"))
            .col(text("recurrence"))
            .col(json_binary("exdates"))
            .col(string("time_zone"))
            // As they were planned; what became of them stands in `activity`.
            .col(json_binary("occurrences"))
            .col(integer("cancelled_count"))
            .col(text_null("cancel_reason"))
            .foreign_key(&mut refers("activity_series", "campaign_id", "campaign"))
            .foreign_key(&mut refers("activity_series", "lead_team_id", "team"))
            .to_owned();
        manager.create_table(series).await?;
        manager.create_index(index("activity_series", &["lead_team_id", "created_at", "id"])).await?;
        manager.create_index(index("activity_series", &["created_at", "id"])).await?;
        // Without a foreign key: SQLite can't take a column back that has one.
        let column = uuid_null("series_id").to_owned();
        manager.alter_table(Table::alter().table("activity").add_column(column).to_owned()).await?;
        manager.create_index(index("activity", &["series_id"])).await?;
        let links = plain("calendar_link")
            .col(uuid("id").primary_key())
            .col(uuid("team_id"))
            .col(binary("token_hash"))
            .col(timestamp_with_time_zone("created_at"))
            .col(uuid("created_by"))
            .foreign_key(&mut refers("calendar_link", "team_id", "team"))
            .index(&mut unique("calendar_link", &["token_hash"]))
            .to_owned();
        manager.create_table(links).await?;
        manager.create_index(index("calendar_link", &["team_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("calendar_link").to_owned()).await?;
        manager.drop_index(Index::drop().name("ix_activity_series_id").table("activity").to_owned()).await?;
        manager.alter_table(Table::alter().table("activity").drop_column("series_id").to_owned()).await?;
        manager.drop_table(Table::drop().table("activity_series").to_owned()).await
    }
}
