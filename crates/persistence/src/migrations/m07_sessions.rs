//! Sessions of people, their refresh tokens, and registered clients with their secrets. Secrets are stored as hashes.

use super::*;

migration!("m07_sessions",
    tables: tables,
    indexes: [
        ("session", &["user_id"][..]), ("refresh_token", &["session_id"]), ("refresh_token", &["expires_at"]),
        ("client", &["created_at", "id"]), ("client", &["org_unit_id"]), ("client_secret", &["client_id"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("session")
            .col(uuid("id").primary_key())
            .col(uuid("user_id"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("revoked_at"))
            .foreign_key(&mut refers("session", "user_id", "user_account"))
            .to_owned(),
        plain("refresh_token")
            .col(uuid("id").primary_key())
            .col(uuid("session_id"))
            .col(binary("secret_hash"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .foreign_key(&mut refers("refresh_token", "session_id", "session"))
            .to_owned(),
        resource("client")
            .col(text("name"))
            .col(json_binary("scopes"))
            .col(uuid("org_unit_id"))
            .col(boolean("disabled"))
            .col(uuid("created_by"))
            .foreign_key(&mut refers("client", "org_unit_id", "org_unit"))
            .to_owned(),
        plain("client_secret")
            .col(uuid("id").primary_key())
            .col(uuid("client_id"))
            .col(binary("secret_hash"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut refers("client_secret", "client_id", "client"))
            .to_owned(),
    ]
}
