//! Community digital technology groups, and which teams and activities they take part in.

use super::*;

pub(super) struct M;

/// Those that name groups.
const NAMING: [&str; 2] = ["team", "activity"];

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let groups = resource("digital_group")
            .col(uuid("locality_id"))
            .col(uuid("org_unit_id"))
            .col(text("name"))
            .col(text("name_folded"))
            .col(integer("members_count"))
            .col(json_binary("capability"))
            .foreign_key(&mut refers("digital_group", "locality_id", "locality"))
            .foreign_key(&mut refers("digital_group", "org_unit_id", "org_unit"))
            .to_owned();
        manager.create_table(groups).await?;
        manager.create_index(index("digital_group", &["locality_id", "created_at", "id"])).await?;
        manager.create_index(index("digital_group", &["created_at", "id"])).await?;
        for table in NAMING {
            let column = json_binary("digital_group_ids").default("[]").to_owned();
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in NAMING {
            manager.alter_table(Table::alter().table(table).drop_column("digital_group_ids").to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("digital_group").to_owned()).await
    }
}

impl MigrationName for M {
    fn name(&self) -> &str {
        "m20_digital_groups"
    }
}
