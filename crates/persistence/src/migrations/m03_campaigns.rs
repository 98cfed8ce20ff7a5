//! Campaigns and their indicators.

use super::*;

migration!("m03_campaigns",
    tables: tables,
    indexes: [("campaign", &["created_at", "id"][..]), ("indicator", &["campaign_id"]), ("indicator", &["created_at", "id"])]
);

fn tables(schema: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("campaign")
            .col(schema.bytewise("code").unique_key().to_owned())
            .col(text("name"))
            .col(text_null("name_en"))
            .col(text_null("theme"))
            .col(date("starts_on"))
            .col(date("ends_on"))
            .col(string("time_zone"))
            .col(string("status"))
            .col(json_binary("strands"))
            .col(json_binary("modes"))
            .to_owned(),
        resource("indicator")
            .col(uuid("campaign_id"))
            .col(integer_null("number"))
            .col(text("name"))
            .col(text_null("name_en"))
            .col(text("unit"))
            .col(string("measure"))
            .col(big_integer("target_value"))
            .col(json_binary_null("counted_topics"))
            .foreign_key(&mut refers("indicator", "campaign_id", "campaign"))
            .index(&mut unique("indicator", &["campaign_id", "number"]))
            .to_owned(),
    ]
}
