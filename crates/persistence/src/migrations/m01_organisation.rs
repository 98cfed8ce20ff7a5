//! The two trees: localities and units of the organisation.

use super::*;

migration!("m01_organisation",
    tables: tables,
    indexes: [
        ("locality", &["path"][..]), ("locality", &["parent_id"]), ("locality", &["created_at", "id"]),
        ("locality", &["name_folded"]),
        ("org_unit", &["parent_id"]), ("org_unit", &["created_at", "id"]), ("org_unit", &["locality_id"]),
    ]
);

fn tables(schema: &Schema) -> Vec<TableCreateStatement> {
    vec![
        // Numbers handed out once each, such as the units' numbers in paths.
        plain("counter").col(string("name").primary_key()).col(big_integer("value")).to_owned(),
        resource("locality")
            .col(schema.bytewise("code"))
            .col(text("name"))
            .col(text_null("name_en"))
            .col(text("name_folded"))
            .col(string("kind"))
            .col(text("locality_type"))
            .col(uuid_null("parent_id"))
            .col(string("difficulty"))
            .col(json_binary("categories"))
            .col(date("valid_from"))
            .col(date_null("valid_to"))
            .col(schema.bytewise("path").unique_key().to_owned())
            .foreign_key(&mut refers("locality", "parent_id", "locality"))
            .index(&mut unique("locality", &["code", "valid_from"]))
            .to_owned(),
        plain("locality_successor")
            .col(uuid("predecessor_id"))
            .col(uuid("successor_id"))
            .col(boolean("is_default"))
            .primary_key(Index::create().col("predecessor_id").col("successor_id"))
            .foreign_key(&mut refers("locality_successor", "predecessor_id", "locality"))
            .foreign_key(&mut refers("locality_successor", "successor_id", "locality"))
            .to_owned(),
        resource("org_unit")
            .col(schema.bytewise("code").unique_key().to_owned())
            .col(text("name"))
            .col(text_null("name_en"))
            .col(text("name_folded"))
            .col(string("kind"))
            .col(uuid_null("parent_id"))
            .col(uuid_null("locality_id"))
            .col(text_null("national_org_code"))
            .col(date("valid_from"))
            .col(date_null("valid_to"))
            .col(schema.bytewise("path").unique_key().to_owned())
            .foreign_key(&mut refers("org_unit", "parent_id", "org_unit"))
            .foreign_key(&mut refers("org_unit", "locality_id", "locality"))
            .to_owned(),
    ]
}
