//! Webhooks, and what each is to tell and has told.

use super::*;

migration!("m27_webhooks",
    tables: tables,
    indexes: [
        ("webhook", &["org_unit_id"][..]), ("webhook", &["created_at", "id"]),
        ("webhook_delivery", &["webhook_id", "created_at", "id"]),
        ("webhook_delivery", &["status", "webhook_id", "due_at"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("webhook")
            .col(text("url"))
            .col(text_null("description"))
            .col(json_binary("event_types"))
            .col(uuid("org_unit_id"))
            .col(uuid("owner_id"))
            .col(string_null("disabled"))
            // Sealed; the one before works until its time is over.
            .col(binary("secret"))
            .col(binary_null("previous_secret"))
            .col(timestamp_with_time_zone_null("previous_until"))
            // Up to where it has followed the audit log.
            .col(big_integer("followed_seal"))
            .col(uuid("followed_id"))
            // Since when nothing could be delivered.
            .col(timestamp_with_time_zone_null("failing_since"))
            .foreign_key(&mut refers("webhook", "org_unit_id", "org_unit"))
            .to_owned(),
        plain("webhook_delivery")
            .col(uuid("id").primary_key())
            .col(uuid("webhook_id"))
            .col(string("event_type"))
            // The audit log's row that it tells of: each is told once.
            .col(uuid("entry_id"))
            .col(text("body"))
            .col(timestamp_with_time_zone("created_at"))
            .col(string("status"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone("due_at"))
            .col(uuid_null("lease"))
            .col(timestamp_with_time_zone_null("leased_until"))
            .col(timestamp_with_time_zone_null("delivered_at"))
            .col(integer_null("last_status"))
            .col(text_null("last_error"))
            .foreign_key(&mut refers("webhook_delivery", "webhook_id", "webhook"))
            .index(&mut unique("webhook_delivery", &["webhook_id", "entry_id"]))
            .to_owned(),
    ]
}
