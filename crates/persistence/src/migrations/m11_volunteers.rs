//! Volunteers, and the one home of what may not be read by whoever has the database's file: their contacts, birth
//! dates and guardians, encrypted, beside the wrapped keys that open them.

use super::*;

migration!("m11_volunteers",
    tables: tables,
    indexes: [
        ("volunteer", &["org_unit_id", "created_at", "id"][..]), ("volunteer", &["created_at", "id"]),
        ("personal_data", &["field", "blind"]), ("personal_data", &["generation"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("volunteer")
            // Plain, because it is searched by; erasure overwrites it.
            .col(text("full_name"))
            .col(text("name_folded"))
            .col(string_null("sex"))
            .col(string("occupation"))
            .col(text_null("institution"))
            .col(uuid("org_unit_id"))
            .col(json_binary("skills"))
            .col(boolean("can_teach"))
            .col(timestamp_with_time_zone("consent_given_at"))
            .col(json_binary("consent_purposes"))
            .col(boolean("archived"))
            .col(timestamp_with_time_zone_null("erased_at"))
            .col(text_null("erasure_reason"))
            .foreign_key(&mut refers("volunteer", "org_unit_id", "org_unit"))
            .to_owned(),
        // Data keys, each wrapped by a key that stands in no database. 0 is the one that request hashes are keyed by.
        plain("personal_key")
            .col(big_integer("generation").primary_key())
            .col(string("wrapped_by"))
            .col(binary("wrapped"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned(),
        plain("personal_data")
            .col(uuid("owner_id"))
            .col(string("field"))
            // A data key can't go while something is sealed with it.
            .col(big_integer("generation"))
            .col(binary("sealed"))
            // Keyed hash of the value where equality is asked for.
            .col(binary_null("blind"))
            .primary_key(Index::create().col("owner_id").col("field"))
            .foreign_key(
                ForeignKey::create()
                    .name("fk_personal_data_generation")
                    .from("personal_data", "generation")
                    .to("personal_key", "generation"),
            )
            .to_owned(),
    ]
}
