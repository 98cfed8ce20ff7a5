//! Evidence files: who sent which, where their bytes are, and which results name them.

use super::*;

migration!("m19_evidence",
    tables: tables,
    indexes: [
        ("evidence_file", &["sha256"][..]), ("evidence_file", &["created_at"]), ("result_evidence", &["file_id"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        // The bytes, once for all who sent the same. The key is never used again, so that sweeping and sending the same
        // bytes at once can't take away what was just kept.
        plain("evidence_blob")
            .col(string("sha256").primary_key())
            .col(string("object_key"))
            .col(big_integer("size"))
            .col(string("content_type"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned(),
        resource("evidence_file")
            .col(string("sha256"))
            .col(uuid("uploaded_by"))
            .foreign_key(
                ForeignKey::create()
                    .name("fk_evidence_file_sha256")
                    .from("evidence_file", "sha256")
                    .to("evidence_blob", "sha256"),
            )
            .index(&mut unique("evidence_file", &["uploaded_by", "sha256"]))
            .to_owned(),
        // Every file that a revision of a result ever named: whoever sees the result sees the file.
        plain("result_evidence")
            .col(uuid("result_id"))
            .col(uuid("file_id"))
            .primary_key(Index::create().col("result_id").col("file_id"))
            .foreign_key(&mut refers("result_evidence", "result_id", "result"))
            .foreign_key(&mut refers("result_evidence", "file_id", "evidence_file"))
            .to_owned(),
    ]
}
