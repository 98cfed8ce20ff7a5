//! Where the provinces stand on the tile map: one square each, whatever their area, roughly where they are. As data, by the
//! provinces' codes and by generation.

use super::input::{Generation, Province};

/// A province's square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    /// Statistical code.
    pub(super) code: &'static str,
    /// Column from the west, from 0.
    pub(super) column: u16,
    /// Row from the north, from 0.
    pub(super) row: u16,
    /// The name in few letters, for narrow squares.
    pub(super) short: &'static str,
    /// The name in at most two lines of at most seven letters each.
    pub(super) long: [&'static str; 2],
}

/// An archipelago, shown where it is, with the province that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Archipelago {
    /// The province's code, the same in both generations.
    pub(super) province: &'static str,
    /// Column from the west, from 0.
    pub(super) column: u16,
    /// Row from the north, from 0.
    pub(super) row: u16,
    /// Its name in two lines.
    pub(super) name: [&'static str; 2],
}

/// A map: its squares from the north-west, line by line, and how many columns and rows it has.
#[derive(Debug)]
pub(super) struct Layout {
    /// The provinces.
    pub(super) tiles: &'static [Tile],
    /// The archipelagos.
    pub(super) archipelagos: [Archipelago; 2],
    /// Columns.
    pub(super) columns: u16,
    /// Rows.
    pub(super) rows: u16,
}

impl Layout {
    /// The map of a generation.
    pub(super) const fn of(generation: Generation) -> &'static Self {
        match generation {
            Generation::Of2024 => &OF_2024,
            Generation::Of2025 => &OF_2025,
        }
    }

    /// The square of a province.
    pub(super) fn tile(&self, code: &str) -> Option<&'static Tile> {
        self.tiles.iter().find(|tile| tile.code == code)
    }
}

/// The generation that most provinces are of; of equal numbers the later.
pub(super) fn generation<'a>(provinces: impl Iterator<Item = &'a Province>) -> Generation {
    let (mut before, mut since) = (0_usize, 0_usize);
    for province in provinces {
        match province.generation {
            Generation::Of2024 => before += 1,
            Generation::Of2025 => since += 1,
        }
    }
    if before > since { Generation::Of2024 } else { Generation::Of2025 }
}

const fn t(code: &'static str, column: u16, row: u16, short: &'static str, a: &'static str, b: &'static str) -> Tile {
    Tile { code, column, row, short, long: [a, b] }
}

const fn isles(province: &'static str, column: u16, row: u16, name: &'static str) -> Archipelago {
    Archipelago { province, column, row, name: [name, "Sa"] }
}

static OF_2024: Layout = Layout {
    columns: 8,
    rows: 23,
    archipelagos: [isles("48", 7, 13, "Hoàng"), isles("56", 7, 19, "Trường")],
    tiles: &[
        t("02", 3, 0, "HGi", "Hà", "Giang"),
        t("04", 4, 0, "CB", "Cao", "Bằng"),
        t("12", 1, 1, "LCh", "Lai", "Châu"),
        t("10", 2, 1, "LCa", "Lào", "Cai"),
        t("08", 3, 1, "TQ", "Tuyên", "Quang"),
        t("06", 4, 1, "BK", "Bắc", "Kạn"),
        t("20", 5, 1, "LS", "Lạng", "Sơn"),
        t("11", 1, 2, "ĐB", "Điện", "Biên"),
        t("15", 2, 2, "YB", "Yên", "Bái"),
        t("25", 3, 2, "PT", "Phú", "Thọ"),
        t("19", 4, 2, "TNg", "Thái", "Nguyên"),
        t("24", 5, 2, "BG", "Bắc", "Giang"),
        t("22", 6, 2, "QNi", "Quảng", "Ninh"),
        t("14", 1, 3, "SL", "Sơn", "La"),
        t("17", 2, 3, "HB", "Hòa", "Bình"),
        t("26", 3, 3, "VP", "Vĩnh", "Phúc"),
        t("27", 4, 3, "BN", "Bắc", "Ninh"),
        t("30", 5, 3, "HD", "Hải", "Dương"),
        t("31", 6, 3, "HP", "Hải", "Phòng"),
        t("01", 3, 4, "HN", "Hà", "Nội"),
        t("33", 4, 4, "HY", "Hưng", "Yên"),
        t("34", 5, 4, "TB", "Thái", "Bình"),
        t("37", 2, 5, "NB", "Ninh", "Bình"),
        t("35", 3, 5, "HNa", "Hà", "Nam"),
        t("36", 4, 5, "NĐ", "Nam", "Định"),
        t("38", 2, 6, "TH", "Thanh", "Hóa"),
        t("40", 2, 7, "NA", "Nghệ", "An"),
        t("42", 3, 8, "HT", "Hà", "Tĩnh"),
        t("44", 3, 9, "QB", "Quảng", "Bình"),
        t("45", 4, 10, "QT", "Quảng", "Trị"),
        t("46", 5, 11, "Huế", "Huế", ""),
        t("49", 5, 12, "QNa", "Quảng", "Nam"),
        t("48", 6, 12, "ĐNa", "Đà", "Nẵng"),
        t("62", 5, 13, "KT", "Kon", "Tum"),
        t("51", 6, 13, "QNg", "Quảng", "Ngãi"),
        t("64", 5, 14, "GL", "Gia", "Lai"),
        t("52", 6, 14, "BĐ", "Bình", "Định"),
        t("66", 5, 15, "ĐL", "Đắk", "Lắk"),
        t("54", 6, 15, "PY", "Phú", "Yên"),
        t("70", 3, 16, "BP", "Bình", "Phước"),
        t("67", 4, 16, "ĐNo", "Đắk", "Nông"),
        t("68", 5, 16, "LĐ", "Lâm", "Đồng"),
        t("56", 6, 16, "KH", "Khánh", "Hòa"),
        t("72", 2, 17, "TNi", "Tây", "Ninh"),
        t("74", 3, 17, "BD", "Bình", "Dương"),
        t("75", 4, 17, "ĐNi", "Đồng", "Nai"),
        t("60", 5, 17, "BTh", "Bình", "Thuận"),
        t("58", 6, 17, "NT", "Ninh", "Thuận"),
        t("80", 2, 18, "LA", "Long", "An"),
        t("79", 3, 18, "HCM", "Hồ Chí", "Minh"),
        t("77", 4, 18, "VT", "Bà Rịa", "V. Tàu"),
        t("89", 0, 19, "AG", "An", "Giang"),
        t("87", 1, 19, "ĐT", "Đồng", "Tháp"),
        t("82", 2, 19, "TG", "Tiền", "Giang"),
        t("83", 3, 19, "BTr", "Bến", "Tre"),
        t("91", 0, 20, "KG", "Kiên", "Giang"),
        t("92", 1, 20, "CT", "Cần", "Thơ"),
        t("86", 2, 20, "VL", "Vĩnh", "Long"),
        t("84", 3, 20, "TV", "Trà", "Vinh"),
        t("93", 1, 21, "HGu", "Hậu", "Giang"),
        t("94", 2, 21, "ST", "Sóc", "Trăng"),
        t("96", 0, 22, "CM", "Cà", "Mau"),
        t("95", 1, 22, "BL", "Bạc", "Liêu"),
    ],
};

static OF_2025: Layout = Layout {
    columns: 7,
    rows: 18,
    archipelagos: [isles("48", 6, 10, "Hoàng"), isles("56", 6, 15, "Trường")],
    tiles: &[
        t("12", 0, 0, "LCh", "Lai", "Châu"),
        t("15", 1, 0, "LCa", "Lào", "Cai"),
        t("08", 2, 0, "TQ", "Tuyên", "Quang"),
        t("04", 3, 0, "CB", "Cao", "Bằng"),
        t("11", 0, 1, "ĐB", "Điện", "Biên"),
        t("14", 1, 1, "SL", "Sơn", "La"),
        t("25", 2, 1, "PT", "Phú", "Thọ"),
        t("19", 3, 1, "TNg", "Thái", "Nguyên"),
        t("20", 4, 1, "LS", "Lạng", "Sơn"),
        t("01", 2, 2, "HN", "Hà", "Nội"),
        t("24", 3, 2, "BN", "Bắc", "Ninh"),
        t("22", 4, 2, "QNi", "Quảng", "Ninh"),
        t("37", 2, 3, "NB", "Ninh", "Bình"),
        t("33", 3, 3, "HY", "Hưng", "Yên"),
        t("31", 4, 3, "HP", "Hải", "Phòng"),
        t("38", 1, 4, "TH", "Thanh", "Hóa"),
        t("40", 1, 5, "NA", "Nghệ", "An"),
        t("42", 2, 6, "HT", "Hà", "Tĩnh"),
        t("44", 3, 7, "QT", "Quảng", "Trị"),
        t("46", 4, 8, "Huế", "Huế", ""),
        t("48", 5, 9, "ĐNa", "Đà", "Nẵng"),
        t("51", 5, 10, "QNg", "Quảng", "Ngãi"),
        t("52", 5, 11, "GL", "Gia", "Lai"),
        t("66", 5, 12, "ĐL", "Đắk", "Lắk"),
        t("75", 3, 13, "ĐNi", "Đồng", "Nai"),
        t("68", 4, 13, "LĐ", "Lâm", "Đồng"),
        t("56", 5, 13, "KH", "Khánh", "Hòa"),
        t("80", 2, 14, "TNi", "Tây", "Ninh"),
        t("79", 3, 14, "HCM", "Hồ Chí", "Minh"),
        t("91", 0, 15, "AG", "An", "Giang"),
        t("82", 1, 15, "ĐT", "Đồng", "Tháp"),
        t("86", 2, 15, "VL", "Vĩnh", "Long"),
        t("92", 1, 16, "CT", "Cần", "Thơ"),
        t("96", 0, 17, "CM", "Cà", "Mau"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Codes and names of a generation's provinces, as the reference data have them.
    fn provinces(generation: Generation) -> Vec<(String, String)> {
        let table = match generation {
            Generation::Of2024 => include_str!("../../../persistence/data/provinces_legacy.csv"),
            Generation::Of2025 => include_str!("../../../persistence/data/provinces_2025.csv"),
        };
        let split = |line: &str| line.split_once(',').map(|(code, name)| (code.to_owned(), name.to_owned()));
        table.lines().skip(1).filter_map(split).collect()
    }

    #[test]
    fn every_province_has_one_square_and_no_two_share_one() {
        for (generation, count) in [(Generation::Of2024, 63), (Generation::Of2025, 34)] {
            let layout = Layout::of(generation);
            let known = provinces(generation);
            assert_eq!((known.len(), layout.tiles.len()), (count, count));
            for (code, name) in known {
                let tile = layout.tile(&code).unwrap();
                // "V. Tàu" is short for "Vũng Tàu".
                let first = tile.long[0];
                assert!(name.contains(first), "{code} is {name}, not {first}");
            }
            let mut places: BTreeSet<_> = layout.tiles.iter().map(|tile| (tile.column, tile.row)).collect();
            assert_eq!(places.len(), count);
            places.extend(layout.archipelagos.iter().map(|isles| (isles.column, isles.row)));
            assert_eq!(places.len(), count + 2);
            assert!(places.iter().all(|(column, row)| *column < layout.columns && *row < layout.rows));
            assert_eq!(layout.tiles.iter().map(|tile| tile.short).collect::<BTreeSet<_>>().len(), count);
            let order: Vec<_> = layout.tiles.iter().map(|tile| (tile.row, tile.column)).collect();
            assert!(order.is_sorted(), "from the north-west, line by line");
            for isles in layout.archipelagos {
                assert!(layout.tile(isles.province).is_some());
            }
        }
    }

    #[test]
    fn the_map_is_of_the_provinces_that_most_units_are_of() {
        let of = |generation| Province { code: "15".to_owned(), generation };
        let mixed = [of(Generation::Of2024), of(Generation::Of2025), of(Generation::Of2024)];
        assert_eq!(generation(mixed.iter()), Generation::Of2024);
        assert_eq!(generation(mixed.iter().take(2)), Generation::Of2025);
    }
}
