//! Evidence files as they are kept: known by their first bytes, and pictures without what tells where and with which
//! phone they were taken. Pictures are never decoded, so nothing can unfold in memory; their parts are copied or left out.

use actix_web::web::Bytes;
use img_parts::{
    ImageEXIF,
    jpeg::{Jpeg, JpegSegment},
    png::Png,
    riff::RiffContent,
    webp::WebP,
};
use tinhnguyen_domain::evidence::FileType;

/// PNG's chunks that make up the picture; the others hold text, times, EXIF and what nobody knows.
const PNG_KEPT: [&[u8; 4]; 19] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI", b"hIST",
];
/// WebP's chunks that make up the picture.
const WEBP_KEPT: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// In the first byte of `VP8X`: there is EXIF, there is XMP.
const WEBP_METADATA: u8 = 0b0000_1100;

/// The first byte of each marker.
const MARKER: u8 = 0xff;
/// JPEG's end of the image.
const EOI: u8 = 0xd9;
/// JPEG's comment.
const COM: u8 = 0xfe;

/// What a file is by its first bytes.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<FileType> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(FileType::Jpeg)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(FileType::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        Some(FileType::Webp)
    } else if bytes.starts_with(b"%PDF-") {
        Some(FileType::Pdf)
    } else {
        None
    }
}

/// The file without what is not the picture itself; which way is up stays. A PDF stays as it is. None when the file is
/// damaged, or not of this type.
#[must_use]
pub fn strip(kind: FileType, bytes: Bytes) -> Option<Bytes> {
    if sniff(&bytes) != Some(kind) {
        return None;
    }
    match kind {
        FileType::Jpeg => jpeg(bytes),
        FileType::Png => png(bytes),
        FileType::Webp => webp(bytes),
        FileType::Pdf => Some(bytes),
    }
}

/// Whether a segment before the first scan belongs to the picture: tables and frames, JFIF's head, colour profiles, and
/// Adobe's mark of how colours are coded.
fn belongs(marker: u8, contents: &[u8]) -> bool {
    match marker {
        0xe0 => contents.starts_with(b"JFIF\0"),
        0xe2 => contents.starts_with(b"ICC_PROFILE\0"),
        0xee => contents.starts_with(b"Adobe"),
        0xe1..=0xef | COM => false,
        _ => true,
    }
}

fn jpeg(bytes: Bytes) -> Option<Bytes> {
    let mut jpeg = Jpeg::from_bytes(bytes).ok()?;
    jpeg.dimensions()?;
    let exif = jpeg.exif();
    let segments = jpeg.segments_mut();
    segments.retain(|segment| belongs(segment.marker(), segment.contents()));
    // Whatever comes after the first scan's head is one piece: further scans, and what was put behind the picture.
    let scan = segments.pop().filter(JpegSegment::has_entropy)?;
    let rest = scan.clone().encoder().bytes();
    let head = scan.len();
    let rest = scans(rest.get(head..)?)?;
    segments.push(JpegSegment::new_with_entropy(scan.marker(), scan.contents().clone(), rest));
    jpeg.set_exif(exif.and_then(|exif| upright(&exif)));
    Some(jpeg.encoder().bytes())
}

/// The scans of a picture and the tables between them, up to its end: no application's segments, no comments, and nothing
/// of what comes after it, such as the second picture that phones put there with an EXIF of its own.
fn scans(rest: &[u8]) -> Option<Bytes> {
    let mut kept = Vec::with_capacity(rest.len());
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        if *byte != MARKER {
            kept.push(*byte);
            at += 1;
            continue;
        }
        match *rest.get(at + 1)? {
            EOI => {
                kept.extend_from_slice(&[MARKER, EOI]);
                return Some(Bytes::from(kept));
            }
            // Fill bytes before a marker.
            MARKER => at += 1,
            // A byte of the picture that looks like a marker, and restart marks: they have no length.
            marker @ (0x00 | 0x01 | 0xd0..=0xd7) => {
                kept.extend_from_slice(&[MARKER, marker]);
                at += 2;
            }
            marker => {
                let length: [u8; 2] = rest.get(at + 2..at + 4)?.try_into().ok()?;
                let length = usize::from(u16::from_be_bytes(length));
                let segment = rest.get(at..at + 2 + length.max(2))?;
                if !matches!(marker, 0xe0..=0xef | COM) {
                    kept.extend_from_slice(segment);
                }
                at += segment.len();
            }
        }
    }
    // It breaks off: viewers show what is there.
    kept.extend_from_slice(&[MARKER, EOI]);
    Some(Bytes::from(kept))
}

fn png(bytes: Bytes) -> Option<Bytes> {
    let mut png = Png::from_bytes(bytes).ok()?;
    png.dimensions()?;
    let exif = png.exif();
    png.chunks_mut().retain(|chunk| PNG_KEPT.contains(&&chunk.kind()));
    if png.chunks().last().map(|last| last.kind()) != Some(*b"IEND") {
        return None;
    }
    png.set_exif(exif.and_then(|exif| upright(&exif)));
    Some(png.encoder().bytes())
}

fn webp(bytes: Bytes) -> Option<Bytes> {
    let mut webp = WebP::from_bytes(bytes).ok()?;
    webp.dimensions()?;
    let exif = webp.exif();
    webp.chunks_mut().retain(|chunk| WEBP_KEPT.contains(&&chunk.id()));
    for chunk in webp.chunks_mut().iter_mut().filter(|chunk| chunk.id() == *b"VP8X") {
        if let RiffContent::Data(data) = chunk.content_mut() {
            let mut content = data.to_vec();
            if let Some(flags) = content.first_mut() {
                *flags &= !WEBP_METADATA;
            }
            *data = Bytes::from(content);
        }
    }
    if let Some(upright) = exif.and_then(|exif| upright(&exif)) {
        webp.set_exif(Some(upright));
    }
    Some(webp.encoder().bytes())
}

/// EXIF that says which way is up and nothing else; none when the picture stands as it was taken.
fn upright(exif: &[u8]) -> Option<Bytes> {
    let orientation = orientation(exif).filter(|way| (2..=8).contains(way))?;
    // Big-endian TIFF: one directory with one entry of one short.
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    tiff.extend_from_slice(&orientation.to_be_bytes());
    tiff.extend_from_slice(&[0; 6]);
    Some(Bytes::from(tiff))
}

/// Which way is up, by EXIF's first directory.
fn orientation(exif: &[u8]) -> Option<u16> {
    let big = match exif.get(..4)? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let two: [u8; 2] = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    };
    let four: [u8; 4] = exif.get(4..8)?.try_into().ok()?;
    let first = usize::try_from(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }).ok()?;
    let entries = usize::from(short(first)?);
    (0..entries)
        .map_while(|n| first.checked_add(2 + n * 12))
        .take_while(|at| short(*at).is_some())
        .find(|at| short(*at) == Some(0x0112))
        .and_then(|at| short(at + 8))
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
