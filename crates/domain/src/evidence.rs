//! Files that support the figures of results (tệp minh chứng).

use crate::{Stamp, words::words};
use uuid::Uuid;

/// The largest file, in bytes (10 MiB).
pub const MAX_FILE: usize = 10 * 1024 * 1024;

words! {
    /// What a file is.
    pub enum FileType: "file type" {
        /// A JPEG picture.
        Jpeg = "image/jpeg",
        /// A PNG picture.
        Png = "image/png",
        /// A WebP picture.
        Webp = "image/webp",
        /// A PDF document.
        Pdf = "application/pdf",
    }
}

impl FileType {
    /// The end of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
        }
    }
}

/// A file that somebody sent. Who sends the same bytes shares them with others who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Identity and version.
    pub stamp: Stamp,
    /// SHA-256 of the bytes that are kept, in hexadecimal digits.
    pub sha256: String,
    /// What it is.
    pub content_type: FileType,
    /// Bytes that are kept.
    pub size: i64,
    /// Who sent it.
    pub uploaded_by: Uuid,
}
