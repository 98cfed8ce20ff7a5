//! Teams, activities, results.

use super::*;

migration!("m04_work",
    tables: tables,
    indexes: [
        ("team", &["org_unit_id", "created_at", "id"][..]), ("team", &["created_at", "id"]),
        ("activity", &["lead_team_id"]), ("activity", &["created_at", "id"]), ("activity", &["locality_id"]),
        ("activity_team", &["team_id", "activity_id"]),
        ("result", &["team_id", "created_at", "id"]), ("result", &["created_at", "id"]),
        ("result", &["status", "created_at", "id"]),
    ]
);

fn tables(schema: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("team")
            .col(uuid("campaign_id"))
            .col(uuid("org_unit_id"))
            .col(string("kind"))
            .col(text("name"))
            .col(text("name_folded"))
            .col(schema.bytewise("code"))
            .col(text_null("strand"))
            .col(json_binary("modes"))
            .col(json_binary("locality_ids"))
            .col(date("starts_on"))
            .col(date("ends_on"))
            .col(string("status"))
            .foreign_key(&mut refers("team", "campaign_id", "campaign"))
            .foreign_key(&mut refers("team", "org_unit_id", "org_unit"))
            .index(&mut unique("team", &["campaign_id", "code"]))
            .to_owned(),
        resource("activity")
            .col(uuid("campaign_id"))
            .col(uuid("lead_team_id"))
            .col(json_binary("team_ids"))
            .col(uuid("locality_id"))
            .col(string("kind"))
            .col(json_binary("topics"))
            .col(text("title"))
            .col(string("mode"))
            .col(text_null("venue"))
            .col(double_null("lat"))
            .col(double_null("lon"))
            .col(timestamp_with_time_zone("starts_at"))
            .col(timestamp_with_time_zone("ends_at"))
            .col(big_integer_null("planned_turns"))
            .col(string("status"))
            .foreign_key(&mut refers("activity", "campaign_id", "campaign"))
            .foreign_key(&mut refers("activity", "lead_team_id", "team"))
            .foreign_key(&mut refers("activity", "locality_id", "locality"))
            .to_owned(),
        // The activity's team_ids again, as rows: what scopes and filters go by.
        plain("activity_team")
            .col(uuid("activity_id"))
            .col(uuid("team_id"))
            .primary_key(Index::create().col("activity_id").col("team_id"))
            .foreign_key(&mut refers("activity_team", "activity_id", "activity"))
            .foreign_key(&mut refers("activity_team", "team_id", "team"))
            .to_owned(),
        resource("result")
            .col(uuid("activity_id"))
            .col(uuid("team_id"))
            .col(date("reported_on"))
            .col(json_binary("lines"))
            .col(json_binary("outputs"))
            .col(json_binary("evidence"))
            .col(big_integer("turns"))
            .col(string("status"))
            .col(integer("revision"))
            .col(json_binary("flags"))
            .col(uuid("created_by"))
            .col(uuid_null("submitted_by"))
            .col(uuid_null("verified_by"))
            .col(text_null("return_reason"))
            .foreign_key(&mut refers("result", "activity_id", "activity"))
            .foreign_key(&mut refers("result", "team_id", "team"))
            .index(&mut unique("result", &["activity_id", "team_id", "reported_on"]))
            .to_owned(),
    ]
}
