//! Users and what they are granted.

use super::*;

migration!("m02_access",
    tables: tables,
    indexes: [
        ("user_account", &["created_at", "id"][..]),
        ("access_grant", &["user_id"]), ("access_grant", &["org_unit_id"]), ("access_grant", &["team_id"]),
        ("access_grant", &["created_at", "id"]),
    ]
);

fn tables(schema: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("user_account")
            .col(schema.bytewise("username").unique_key().to_owned())
            .col(text("full_name"))
            .col(text_null("email"))
            .col(text_null("password_hash"))
            .col(boolean("disabled"))
            .col(uuid_null("created_by"))
            .to_owned(),
        resource("access_grant")
            .col(uuid("user_id"))
            .col(string("role"))
            .col(uuid("org_unit_id"))
            .col(uuid_null("team_id"))
            .col(date_null("valid_from"))
            .col(date_null("valid_to"))
            .col(uuid("granted_by"))
            .foreign_key(&mut refers("access_grant", "user_id", "user_account"))
            .foreign_key(&mut refers("access_grant", "org_unit_id", "org_unit"))
            .to_owned(),
    ]
}
