//! The schema, and nothing else makes it.

use sea_orm::DbBackend;
use sea_orm_migration::{prelude::*, schema::*};

mod m01_organisation;
mod m02_access;
mod m03_campaigns;
mod m04_work;
mod m05_ledger;
mod m06_requests;
mod m07_sessions;
mod m08_audit;
mod m09_accounts;
mod m10_email_index;
mod m11_volunteers;
mod m12_members;
mod m13_addresses;
mod m14_revisions;
mod m15_tallies;
mod m16_duplicates;
mod m17_plausibility;
mod m18_series;
mod m19_evidence;
mod m20_digital_groups;
mod m21_audit_teams;
mod m22_marked;
mod m23_history;
mod m24_targets;
mod m25_reorganisations;
mod m26_reporting;
mod m27_webhooks;
mod m28_snapshots;
mod m29_access_number;

/// The migrations in their order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m01_organisation::M),
            Box::new(m02_access::M),
            Box::new(m03_campaigns::M),
            Box::new(m04_work::M),
            Box::new(m05_ledger::M),
            Box::new(m06_requests::M),
            Box::new(m07_sessions::M),
            Box::new(m08_audit::M),
            Box::new(m09_accounts::M),
            Box::new(m10_email_index::M),
            Box::new(m11_volunteers::M),
            Box::new(m12_members::M),
            Box::new(m13_addresses::M),
            Box::new(m14_revisions::M),
            Box::new(m15_tallies::M),
            Box::new(m16_duplicates::M),
            Box::new(m17_plausibility::M),
            Box::new(m18_series::M),
            Box::new(m19_evidence::M),
            Box::new(m20_digital_groups::M),
            Box::new(m21_audit_teams::M),
            Box::new(m22_marked::M),
            Box::new(m23_history::M),
            Box::new(m24_targets::M),
            Box::new(m25_reorganisations::M),
            Box::new(m26_reporting::M),
            Box::new(m27_webhooks::M),
            Box::new(m28_snapshots::M),
            Box::new(m29_access_number::M),
        ]
    }
}

/// Declares a migration made of tables and indexes, run in a transaction on both databases.
macro_rules! migration {
    ($name:literal, tables: $tables:expr, indexes: $indexes:expr) => {
        pub(super) struct M;

        impl sea_orm_migration::MigrationName for M {
            fn name(&self) -> &str {
                $name
            }
        }

        #[async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for M {
            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }

            async fn up(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::sea_orm::DbErr> {
                let schema = super::Schema(manager.get_database_backend());
                for table in $tables(&schema) {
                    manager.create_table(table).await?;
                }
                for (table, columns) in $indexes {
                    manager.create_index(super::index(table, columns)).await?;
                }
                Ok(())
            }

            async fn down(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::sea_orm::DbErr> {
                let schema = super::Schema(manager.get_database_backend());
                for table in $tables(&schema).into_iter().rev() {
                    let name = table.get_table_name().cloned();
                    if let Some(name) = name {
                        manager.drop_table(sea_orm_migration::prelude::Table::drop().table(name).to_owned()).await?;
                    }
                }
                Ok(())
            }
        }
    };
}
use migration;

/// What differs between the databases.
struct Schema(DbBackend);

impl Schema {
    /// Text that sorts by bytes on both databases: paths and codes are ranged over and paged by.
    fn bytewise(&self, name: &'static str) -> ColumnDef {
        let mut column = text(name);
        if self.0 == DbBackend::Postgres {
            column.extra("COLLATE \"C\"");
        }
        column
    }
}

/// A table that starts with the columns of every resource: id, created_at, updated_at, version.
fn resource(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(uuid("id").primary_key())
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(big_integer("version").default(1))
        .to_owned()
}

fn plain(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).to_owned()
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

fn unique(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = index(table, columns);
    index.name(format!("uq_{table}_{}", columns.join("_"))).unique();
    index
}

fn refers(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(format!("fk_{table}_{column}")).from(table, column).to(to, "id").to_owned()
}
