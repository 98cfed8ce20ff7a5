//! Reorganisations of both trees: what was done, where units and places stood before, and what became of units.

use super::*;

migration!("m25_reorganisations",
    tables: tables,
    indexes: [
        ("org_unit_placement", &["parent_id"][..]), ("locality_placement", &["parent_id"]),
        ("reorganisation", &["tree", "created_at", "id"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        placements("org_unit_placement", "org_unit"),
        placements("locality_placement", "locality"),
        plain("org_unit_successor")
            .col(uuid("predecessor_id"))
            .col(uuid("successor_id"))
            .col(boolean("is_default"))
            .primary_key(Index::create().col("predecessor_id").col("successor_id"))
            .foreign_key(&mut refers("org_unit_successor", "predecessor_id", "org_unit"))
            .foreign_key(&mut refers("org_unit_successor", "successor_id", "org_unit"))
            .to_owned(),
        resource("reorganisation")
            .col(string("tree"))
            .col(date("effective_on"))
            .col(text_null("reason"))
            .col(text_null("document"))
            // The unit that contains everything that was touched; none for places.
            .col(uuid_null("org_unit_id"))
            .col(big_integer("ended"))
            .col(big_integer("begun"))
            .col(big_integer("moved"))
            .col(big_integer("renamed"))
            .col(big_integer("touched"))
            .foreign_key(&mut refers("reorganisation", "org_unit_id", "org_unit"))
            .to_owned(),
        // What was done in full, which may be long: lists don't read it.
        plain("reorganisation_detail")
            .col(uuid("reorganisation_id").primary_key())
            .col(json_binary("changes"))
            .foreign_key(&mut refers("reorganisation_detail", "reorganisation_id", "reorganisation"))
            .to_owned(),
    ]
}

/// Where those of a tree stood and what they were called, for times that are over.
fn placements(name: &'static str, tree: &'static str) -> TableCreateStatement {
    plain(name)
        .col(uuid("unit_id"))
        .col(date("valid_from"))
        .col(date("valid_to"))
        .col(uuid_null("parent_id"))
        .col(text("name"))
        .col(text_null("name_en"))
        .primary_key(Index::create().col("unit_id").col("valid_from"))
        .foreign_key(&mut refers(name, "unit_id", tree))
        .foreign_key(&mut refers(name, "parent_id", tree))
        .to_owned()
}
