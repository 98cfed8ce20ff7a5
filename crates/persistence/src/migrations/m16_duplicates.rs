//! Where each result is counted, in its own row, so that results of one place and day are found by an index; and the
//! pairs of them that may be the same.

use super::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m16_duplicates"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        manager.alter_table(Table::alter().table("result").add_column(uuid_null("locality_id")).to_owned()).await?;
        let fill = "UPDATE result SET locality_id = \
                    (SELECT activity.locality_id FROM activity WHERE activity.id = result.activity_id)";
        database.execute_unprepared(fill).await?;
        manager.create_index(index("result", &["locality_id", "reported_on"])).await?;
        // The verifiers' queue: what is marked is a small part of all.
        let flagged = "CREATE INDEX ix_result_flagged ON result (status, created_at, id) WHERE flags <> '[]'";
        database.execute_unprepared(flagged).await?;
        // No reference to `result`: a candidate may be written before the rows of the results that were filed with it.
        let candidates = resource("duplicate_candidate")
            .col(uuid("campaign_id"))
            .col(uuid("locality_id"))
            .col(date("day"))
            .col(json_binary("topics"))
            .col(uuid("first_id"))
            .col(uuid("first_team_id"))
            .col(big_integer("first_turns"))
            .col(uuid("second_id"))
            .col(uuid("second_team_id"))
            .col(big_integer("second_turns"))
            .col(string("status"))
            .col(text_null("reason"))
            .col(uuid_null("decided_by"))
            .col(timestamp_with_time_zone_null("decided_at"))
            .col(uuid_null("duplicate_result_id"))
            .foreign_key(&mut refers("duplicate_candidate", "campaign_id", "campaign"))
            .foreign_key(&mut refers("duplicate_candidate", "locality_id", "locality"))
            .foreign_key(&mut refers("duplicate_candidate", "first_team_id", "team"))
            .foreign_key(&mut refers("duplicate_candidate", "second_team_id", "team"))
            .index(&mut unique("duplicate_candidate", &["first_id", "second_id"]))
            .to_owned();
        manager.create_table(candidates).await?;
        for columns in INDEXES {
            manager.create_index(index("duplicate_candidate", columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        manager.drop_table(Table::drop().table("duplicate_candidate").to_owned()).await?;
        database.execute_unprepared("DROP INDEX ix_result_flagged").await?;
        database.execute_unprepared("DROP INDEX ix_result_locality_id_reported_on").await?;
        manager.alter_table(Table::alter().table("result").drop_column("locality_id").to_owned()).await
    }
}

const INDEXES: [&[&str]; 5] = [
    &["created_at", "id"],
    &["status", "created_at", "id"],
    &["second_id"],
    &["first_team_id", "created_at", "id"],
    &["second_team_id", "created_at", "id"],
];
