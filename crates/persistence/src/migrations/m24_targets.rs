//! Targets of units, by revisions of which none is changed.

use super::*;

pub(super) struct M;

/// What an indicator was to reach until now stands in the centre's first revision, which has the indicator's own id.
const CENTRE: &str = "INSERT INTO target_revision \
     (id, target_id, indicator_id, org_unit_id, created_at, set_at, version, value) \
     SELECT i.id, i.id, i.id, u.id, i.created_at, i.created_at, 1, i.target_value \
     FROM indicator i JOIN org_unit u \
     ON u.id = (SELECT id FROM org_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1)";

impl MigrationName for M {
    fn name(&self) -> &str {
        "m24_targets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let revisions = plain("target_revision")
            .col(uuid("id").primary_key())
            .col(uuid("target_id"))
            .col(uuid("indicator_id"))
            .col(uuid("org_unit_id"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("set_at"))
            .col(big_integer("version"))
            .col(big_integer("value"))
            .col(text_null("reason"))
            .col(uuid_null("set_by"))
            .foreign_key(&mut refers("target_revision", "indicator_id", "indicator"))
            .foreign_key(&mut refers("target_revision", "org_unit_id", "org_unit"))
            // Of a unit's revisions each is found here, and of two that are written at once one is refused.
            .index(&mut unique("target_revision", &["indicator_id", "org_unit_id", "version"]))
            .to_owned();
        manager.create_table(revisions).await?;
        manager.create_index(index("target_revision", &["target_id"])).await?;
        manager.get_connection().execute_unprepared(CENTRE).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("target_revision").to_owned()).await
    }
}
