//! Vietnamese text: one form in storage, one folded form to search by.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};

/// The text in Unicode NFC, the only form that is stored.
#[must_use]
pub fn nfc(text: &str) -> String {
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// The key by which text is searched: lower case, without tones and marks, `đ` as `d`, typographic apostrophes as
/// `'`, runs of white space as one space. `oà` and `òa` fold alike. The database's own `lower` is wrong for
/// Vietnamese, so it is never asked.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut space = false;
    for c in text.nfd().filter(|c| !is_combining_mark(*c)) {
        if c.is_whitespace() {
            space = !folded.is_empty();
            continue;
        }
        if space {
            folded.push(' ');
            space = false;
        }
        match c {
            'đ' | 'Đ' => folded.push('d'),
            '’' | '‘' | 'ʼ' | '`' => folded.push('\''),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_settles_tones_case_and_placement_of_marks() {
        for (text, key) in [
            ("Đà Nẵng", "da nang"),
            ("ĐOÀN  THANH NIÊN", "doan thanh nien"),
            ("hoà", "hoa"),
            ("hòa", "hoa"),
            ("Ea H’leo", "ea h'leo"),
            ("  Krông Pắc ", "krong pac"),
        ] {
            assert_eq!(fold(text), key);
            assert_eq!(fold(&text.nfd().collect::<String>()), key, "decomposed {text}");
        }
    }

    #[test]
    fn nfc_composes() {
        assert_eq!(nfc("Đa\u{300}"), "Đà");
    }
}
