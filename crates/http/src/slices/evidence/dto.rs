//! Evidence files as they are sent.

use crate::{schema::FileTypeSchema, slices::item};
use tinhnguyen_domain::evidence::{self as d, FileType};
use utoipa::ToSchema;
use uuid::Uuid;

/// The bytes of a file, as they are.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary, example = json!("…"))]
pub struct FileBytes(pub Vec<u8>);

item! {
    /// A file that supports the figures of results (tệp minh chứng).
    EvidenceFile at "/v1/evidence-files" {
        /// What it is, by its first bytes.
        #[schema(value_type = FileTypeSchema, example = "image/jpeg")]
        content_type: FileType,
        /// Bytes that are kept.
        #[schema(minimum = 1, maximum = 10485760, example = 204800)]
        size: i64,
        /// SHA-256 of the bytes that are kept, in hexadecimal digits.
        #[schema(min_length = 64, max_length = 64, example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
        sha256: String,
        /// Who sent it.
        uploaded_by: Uuid,
        /// Where its bytes are, for whoever sees the file.
        #[schema(max_length = 200, example = "/v1/evidence-files/0190a1b2-0000-7000-8000-000000000001/content")]
        url: String,
    }
}

impl EvidenceFile {
    /// What is sent of a file.
    #[must_use]
    pub fn of(file: d::EvidenceFile, viewer: Uuid) -> Self {
        let id = file.stamp.id;
        Self {
            id,
            content_type: file.content_type,
            size: file.size,
            sha256: file.sha256,
            url: format!("/v1/evidence-files/{id}/content"),
            allowed_actions: if file.uploaded_by == viewer { vec!["delete"] } else { vec![] },
            uploaded_by: file.uploaded_by,
            created_at: file.stamp.created_at,
            updated_at: file.stamp.updated_at,
            version: file.stamp.version,
        }
    }
}
