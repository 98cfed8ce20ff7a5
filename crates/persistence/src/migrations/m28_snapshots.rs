//! The cube as it stood at some entries of the ledger, so that a process that starts, and a question about the past, needn't
//! sum the ledger from its beginning.

use super::*;

migration!("m28_snapshots",
    tables: tables,
    indexes: []
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("cube_snapshot")
            .col(big_integer("seq").primary_key())
            .col(integer("format"))
            .col(timestamp_with_time_zone("at"))
            .col(binary("cells"))
            .to_owned(),
    ]
}
