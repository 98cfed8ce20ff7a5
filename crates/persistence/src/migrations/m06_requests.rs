//! What belongs to requests: stored answers of idempotent ones, and the audit log.

use super::*;

migration!("m06_requests",
    tables: tables,
    indexes: [
        ("idempotency_key", &["created_at"][..]),
        ("audit_log", &["resource_id"]), ("audit_log", &["at", "id"]),
        ("audit_log", &["org_unit_id"]), ("audit_log", &["seal", "id"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("idempotency_key")
            .col(uuid("principal_id"))
            .col(string("method"))
            .col(text("path"))
            .col(text("key"))
            .col(binary("body_hash"))
            .col(integer("status"))
            .col(text_null("etag"))
            .col(text_null("location"))
            .col(text("body"))
            .col(timestamp_with_time_zone("created_at"))
            .primary_key(Index::create().col("principal_id").col("method").col("path").col("key"))
            .to_owned(),
        // Resources whose id a client chose: the hash of the body that made them tells a retry from a clash.
        plain("chosen_id").col(uuid("id").primary_key()).col(binary("body_hash")).to_owned(),
        plain("audit_log")
            .col(uuid("id").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(uuid("actor_id"))
            .col(string("action"))
            .col(string("resource"))
            .col(uuid("resource_id"))
            .col(text("request_id"))
            // Where it was done, for whoever administers that unit; none for what belongs to the whole country.
            .col(uuid_null("org_unit_id"))
            // The seal that covers the row; none until the next one is set.
            .col(big_integer_null("seal"))
            .to_owned(),
    ]
}
