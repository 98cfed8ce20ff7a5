//! Seals over the audit log: each covers a batch of rows and the seal before it.

use super::*;

migration!("m08_audit", tables: tables, indexes: NONE);

const NONE: [(&str, &[&str]); 0] = [];

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        plain("audit_seal")
            .col(big_integer("number").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(big_integer("entries"))
            .col(binary("hash"))
            .to_owned(),
    ]
}
