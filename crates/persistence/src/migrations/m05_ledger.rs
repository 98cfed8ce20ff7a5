//! The ledger and the roll-up rows that are folded from it.

use super::*;

migration!("m05_ledger",
    tables: tables,
    indexes: [("ledger", &["result_id"][..])]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("ledger")
            .col(big_integer("seq").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(uuid("actor_id"))
            .col(uuid("result_id"))
            .col(integer("revision"))
            .col(uuid("team_id"))
            .col(uuid("org_unit_id"))
            .col(uuid("locality_id"))
            .col(uuid("indicator_id"))
            .col(date("day"))
            .col(string("topic"))
            .col(string("audience"))
            .col(big_integer("delta_reported"))
            .col(big_integer("delta_verified"))
            .to_owned(),
        plain("rollup_cell")
            .col(uuid("indicator_id"))
            .col(uuid("org_unit_id"))
            .col(uuid("locality_id"))
            .col(date("day"))
            .col(string("topic"))
            .col(string("audience"))
            .col(big_integer("reported"))
            .col(big_integer("verified"))
            .primary_key(
                Index::create()
                    .col("indicator_id")
                    .col("org_unit_id")
                    .col("locality_id")
                    .col("day")
                    .col("topic")
                    .col("audience"),
            )
            .to_owned(),
    ]
}
