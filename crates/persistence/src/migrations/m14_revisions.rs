//! What each revision of a result stated, and what became of it.

use super::*;

migration!("m14_revisions", tables: tables, indexes: NONE);

const NONE: [(&str, &[&str]); 0] = [];

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("result_revision")
            .col(uuid("result_id"))
            .col(integer("revision"))
            .col(json_binary("lines"))
            .col(json_binary("outputs"))
            .col(json_binary("evidence"))
            .col(string("status"))
            .col(text_null("amend_reason"))
            .col(uuid("submitted_by"))
            .col(timestamp_with_time_zone("submitted_at"))
            .col(uuid_null("decided_by"))
            .col(timestamp_with_time_zone_null("decided_at"))
            .col(text_null("return_reason"))
            .primary_key(Index::create().col("result_id").col("revision"))
            .foreign_key(&mut refers("result_revision", "result_id", "result"))
            .to_owned(),
    ]
}
