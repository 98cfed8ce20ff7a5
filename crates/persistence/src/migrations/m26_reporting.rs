//! Reporting periods, extensions of their deadlines, teams that had nothing to report, and what units were told. When each
//! result was filed first, in its own row, so that a team's first filing of a period is read from an index; and on which day
//! a team's work ended.

use super::*;

pub(super) struct M;

impl MigrationName for M {
    fn name(&self) -> &str {
        "m26_reporting"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in tables(&Schema(backend)) {
            manager.create_table(table).await?;
        }
        for (table, columns) in INDEXES {
            manager.create_index(index(table, columns)).await?;
        }
        let database = manager.get_connection();
        let filed = timestamp_with_time_zone_null("filed_at");
        manager.alter_table(Table::alter().table("result").add_column(filed).to_owned()).await?;
        // Filed before revisions were kept: no earlier instant is known than the last change of what counts.
        let fill = "UPDATE result SET filed_at = COALESCE( \
                    (SELECT min(v.submitted_at) FROM result_revision v WHERE v.result_id = result.id), \
                    CASE WHEN status IN ('submitted', 'verified') THEN updated_at END) WHERE status <> 'draft'";
        database.execute_unprepared(fill).await?;
        // The state too: SQLite would read it from the row all the same.
        let index = "CREATE INDEX ix_result_filed ON result (team_id, reported_on, filed_at, status) \
                     WHERE status IN ('submitted', 'verified')";
        database.execute_unprepared(index).await?;
        manager.alter_table(Table::alter().table("team").add_column(date_null("completed_on")).to_owned()).await?;
        // A completed team is never changed again.
        let day = match backend {
            DbBackend::Postgres => "(updated_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date",
            _ => "date(updated_at, '+7 hours')",
        };
        let fill = format!("UPDATE team SET completed_on = {day} WHERE status = 'completed'");
        database.execute_unprepared(&fill).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("team").drop_column("completed_on").to_owned()).await?;
        manager.get_connection().execute_unprepared("DROP INDEX ix_result_filed").await?;
        manager.alter_table(Table::alter().table("result").drop_column("filed_at").to_owned()).await?;
        for table in ["reporting_notice", "nil_report", "reporting_extension", "reporting_period"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [(&str, &[&str]); 8] = [
    ("reporting_period", &["campaign_id", "starts_on"]),
    ("reporting_period", &["created_at", "id"]),
    ("reporting_extension", &["period_id", "org_unit_id"]),
    ("reporting_extension", &["org_unit_id"]),
    ("reporting_extension", &["created_at", "id"]),
    ("nil_report", &["period_id"]),
    ("nil_report", &["created_at", "id"]),
    ("reporting_notice", &["org_unit_id"]),
];

fn tables(schema: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("reporting_period")
            .col(uuid("campaign_id"))
            .col(text("series"))
            .col(schema.bytewise("code"))
            .col(text("name"))
            .col(date("starts_on"))
            .col(date("ends_on"))
            .col(date("due_on"))
            .foreign_key(&mut refers("reporting_period", "campaign_id", "campaign"))
            .index(&mut unique("reporting_period", &["campaign_id", "code"]))
            .to_owned(),
        resource("reporting_extension")
            .col(uuid("period_id"))
            .col(uuid("org_unit_id"))
            .col(date("due_on"))
            .col(text("reason"))
            .col(uuid("granted_by"))
            .col(timestamp_with_time_zone_null("revoked_at"))
            .col(uuid_null("revoked_by"))
            .col(text_null("revoke_reason"))
            .foreign_key(&mut refers("reporting_extension", "period_id", "reporting_period"))
            .foreign_key(&mut refers("reporting_extension", "org_unit_id", "org_unit"))
            .to_owned(),
        resource("nil_report")
            .col(uuid("team_id"))
            .col(uuid("period_id"))
            .col(text("reason"))
            .col(uuid("created_by"))
            .foreign_key(&mut refers("nil_report", "team_id", "team"))
            .foreign_key(&mut refers("nil_report", "period_id", "reporting_period"))
            .index(&mut unique("nil_report", &["team_id", "period_id"]))
            .to_owned(),
        // Each unit is told a thing once, by whichever replica's row stands.
        plain("reporting_notice")
            .col(uuid("id").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(string("kind"))
            .col(integer("days"))
            .col(uuid("period_id"))
            .col(uuid("org_unit_id"))
            .col(date("due_on"))
            .col(big_integer("expected"))
            .col(big_integer("missing"))
            .foreign_key(&mut refers("reporting_notice", "period_id", "reporting_period"))
            .foreign_key(&mut refers("reporting_notice", "org_unit_id", "org_unit"))
            .index(&mut unique("reporting_notice", &["period_id", "org_unit_id", "kind", "days"]))
            .to_owned(),
    ]
}
