//! Pictures with secrets in every place where metadata can be; made by hand, because no encoder puts them there.

use super::*;
use img_parts::png::PngChunk;

const SECRET: &[u8] = b"20.9999N 105.9999E iPhone";

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), contents].concat()
}

/// EXIF with the secret in it, little-endian or big-endian, and a way that is up.
fn exif(big: bool, orientation: u16) -> Vec<u8> {
    let short = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let long = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut tiff = if big { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
    tiff.extend(long(8));
    tiff.extend(short(2));
    // Make (0x010f), then the orientation.
    for (tag, kind, value) in
        [(0x010f_u16, 2_u16, long(38)), (0x0112, 3, [short(orientation), [0, 0]].concat().try_into().unwrap())]
    {
        tiff.extend(short(tag));
        tiff.extend(short(kind));
        tiff.extend(long(1));
        tiff.extend(value);
    }
    tiff.extend(long(0));
    [tiff, SECRET.to_vec()].concat()
}

fn jpeg_of(orientation: u16, big: bool) -> Vec<u8> {
    let frame = [8, 0, 16, 0, 16, 1, 1, 0x11, 0];
    let inner =
        [&[0xff, 0xd8], segment(0xe1, &[b"Exif\0\0", exif(big, 1).as_slice()].concat()).as_slice(), &[0xff, 0xd9]]
            .concat();
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xe1, &[b"Exif\0\0", exif(big, orientation).as_slice()].concat()),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", SECRET].concat()),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
        segment(0xed, &[b"Photoshop 3.0\08BIM", SECRET].concat()),
        segment(0xe5, SECRET),
        segment(0xee, b"Adobe\0d\0\0\0\0\x01"),
        segment(0xfe, SECRET),
        segment(0xdb, &[7; 65]),
        segment(0xc2, &frame),
        segment(0xc4, &[3; 20]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        b"first\xff\x00scan\xff\xd0goes on".to_vec(),
        // Between two scans.
        segment(0xe1, &[b"Exif\0\0", SECRET].concat()),
        segment(0xfe, SECRET),
        segment(0xc4, &[4; 20]),
        segment(0xda, &[1, 1, 0, 1, 63, 0]),
        b"second\xff\x00scan".to_vec(),
        vec![0xff, 0xff, 0xd9],
        inner,
        SECRET.to_vec(),
    ]
    .concat()
}

#[test]
fn a_jpeg_keeps_its_scans_and_which_way_is_up_and_tells_nothing_else() {
    for big in [true, false] {
        let before = jpeg_of(6, big);
        assert!(holds(&before, SECRET));
        let after = strip(FileType::Jpeg, before.into()).unwrap();
        assert!(!holds(&after, SECRET));
        for gone in [b"xmpmeta".as_slice(), b"Photoshop", b"MPF", b"iPhone"] {
            assert!(!holds(&after, gone), "{}", String::from_utf8_lossy(gone));
        }
        for kept in [
            b"JFIF".as_slice(),
            b"ICC_PROFILE\0\x01\x01colours",
            b"Adobe\0d",
            b"first\xff\x00scan\xff\xd0goes on",
            b"second\xff\x00scan",
            segment(0xdb, &[7; 65]).as_slice(),
            segment(0xc4, &[4; 20]).as_slice(),
        ] {
            assert!(holds(&after, kept), "{}", String::from_utf8_lossy(kept));
        }
        assert!(after.ends_with(b"second\xff\x00scan\xff\xd9"));
        let exif = Jpeg::from_bytes(after.clone()).unwrap().exif().unwrap();
        assert_eq!((orientation(&exif), exif.len()), (Some(6), 26));
        // What is stripped stays as it is, so the same picture has the same hash.
        assert_eq!(strip(FileType::Jpeg, after.clone()).unwrap(), after);
    }
    let straight = strip(FileType::Jpeg, jpeg_of(1, true).into()).unwrap();
    assert!(Jpeg::from_bytes(straight).unwrap().exif().is_none());
}

fn chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    PngChunk::new(*kind, Bytes::copy_from_slice(contents)).encoder().bytes().to_vec()
}

#[test]
fn a_png_keeps_the_picture_and_loses_texts_times_and_exif() {
    let head = [0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0];
    let before = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"gAMA", &[0, 0, 0xb1, 0x8f]),
        chunk(b"tEXt", SECRET),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
        chunk(b"tIME", &[7, 232, 7, 1, 8, 0, 0]),
        chunk(b"eXIf", &exif(true, 8)),
        chunk(b"prVt", SECRET),
        chunk(b"IDAT", b"not inflated here"),
        chunk(b"IEND", b""),
        SECRET.to_vec(),
    ]
    .concat();
    let after = strip(FileType::Png, before.clone().into()).unwrap();
    assert!(!holds(&after, SECRET) && !holds(&after, b"tIME") && !holds(&after, b"xmp"));
    assert!(holds(&after, b"not inflated here") && holds(&after, b"gAMA"));
    let exif = Png::from_bytes(after).unwrap().exif().unwrap();
    assert_eq!((orientation(&exif), exif.len()), (Some(8), 26));
    // Without its end it is damaged.
    let end = before.windows(4).position(|w| w == b"IEND").unwrap() - 4;
    assert!(strip(FileType::Png, before[..end].to_vec().into()).is_none());
}

fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (id, contents) in chunks {
        body.extend_from_slice(*id);
        body.extend(u32::try_from(contents.len()).unwrap().to_le_bytes());
        body.extend_from_slice(contents);
        if contents.len() % 2 == 1 {
            body.push(0);
        }
    }
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

#[test]
fn a_webp_keeps_the_picture_and_says_that_there_is_no_metadata() {
    // A key frame's head: the tag, the start code, width and height.
    let frame = [&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 2, 0, 2, 0], b"frame".as_slice()].concat();
    let before = riff(&[
        (b"VP8X", vec![0b0010_1100, 0, 0, 0, 1, 0, 0, 1, 0, 0]),
        (b"ICCP", b"colours".to_vec()),
        (b"VP8 ", frame),
        (b"EXIF", exif(false, 3)),
        (b"XMP ", SECRET.to_vec()),
        (b"prVt", SECRET.to_vec()),
    ]);
    let after = strip(FileType::Webp, before.into()).unwrap();
    assert!(!holds(&after, SECRET) && !holds(&after, b"XMP "));
    assert!(holds(&after, b"frame") && holds(&after, b"colours"));
    let webp = WebP::from_bytes(after).unwrap();
    assert_eq!(orientation(&webp.exif().unwrap()), Some(3));
    let flags = webp.chunk_by_id(*b"VP8X").unwrap().content().data().unwrap()[0];
    // Colours and EXIF, which says which way is up; no XMP.
    assert_eq!(flags, 0b0010_1000);
}

#[test]
fn what_is_not_what_it_says_or_is_damaged_is_refused() {
    assert_eq!(sniff(b"%PDF-1.7\n"), Some(FileType::Pdf));
    assert_eq!(sniff(b"<svg xmlns"), None);
    assert_eq!(sniff(b""), None);
    assert!(strip(FileType::Png, jpeg_of(1, true).into()).is_none());
    assert!(strip(FileType::Jpeg, Bytes::from_static(b"\xff\xd8\xff\xd9")).is_none());
    assert!(strip(FileType::Jpeg, Bytes::from_static(b"\xff\xd8\xff\xe1\xff\xffshort")).is_none());
    assert!(strip(FileType::Webp, Bytes::from_static(b"RIFF\xff\xff\xff\xffWEBPVP8 ")).is_none());
    let pdf = Bytes::from_static(b"%PDF-1.7\nwhatever");
    assert_eq!(strip(FileType::Pdf, pdf.clone()), Some(pdf));
    // Cut anywhere, or with any byte changed, nothing panics, and no secret that is read as metadata stays.
    let whole = jpeg_of(6, false);
    for end in 0..whole.len() {
        let _ = strip(FileType::Jpeg, whole[..end].to_vec().into());
        let mut changed = whole.clone();
        changed[end] ^= 0xff;
        let _ = strip(FileType::Jpeg, changed.into());
    }
    for entries in [vec![], b"MM\0\x2a\xff\xff\xff\xff".to_vec(), b"II\x2a\0\x08\0\0\0\xff\xff\x12\x01".to_vec()] {
        assert_eq!(orientation(&entries), None);
    }
}
