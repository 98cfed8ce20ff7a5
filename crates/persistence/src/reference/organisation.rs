//! The organisation as it stood in summer 2024, and the campaign of that summer.

use super::{
    day, id_of,
    places::{Gazetteer, Key, Place},
    stamp,
};
use tinhnguyen_domain::{
    campaigns::{Campaign, CampaignStatus, Indicator, Mode, Strand, StrandKind},
    catalogue::Measure,
    localities::LocalityKind,
    org_units::OrgUnitKind,
    text::fold,
};
use uuid::Uuid;

/// The code of the Central Youth Union.
pub const CENTRE: &str = "TWD";
/// The code of the support centre.
pub const SUPPORT_CENTRE: &str = "TTKHCN";
/// The code of the campaign of summer 2024.
pub const CAMPAIGN: &str = "HE-2024";

/// A unit before it has a place in the stored tree.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) name_en: Option<String>,
    pub(super) kind: OrgUnitKind,
    pub(super) parent: Option<String>,
    pub(super) locality: Option<Key>,
}

/// The unions directly under the centre (Đoàn trực thuộc) in 2024.
const AFFILIATED: [(&str, &str, &str); 4] = [
    ("TW-CQTW", "Đoàn Khối các cơ quan Trung ương", "Youth Union of the Central Agencies"),
    ("TW-DNTW", "Đoàn Khối Doanh nghiệp Trung ương", "Youth Union of the Central Enterprises"),
    ("TW-QD", "Ban Thanh niên Quân đội", "Army Youth Board"),
    ("TW-CA", "Đoàn Thanh niên Bộ Công an", "Youth Union of the Ministry of Public Security"),
];

/// A Vietnamese name as English text writes it: without marks, each word capitalised.
pub(super) fn unmarked(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut first = true;
    for c in fold(name).chars() {
        if first {
            text.extend(c.to_uppercase())
        } else {
            text.push(c)
        }
        first = !c.is_alphanumeric() && c != '\'';
    }
    text
}

fn code_of(prefix: &str, key: &Key) -> String {
    format!("{prefix}-{}", key.code)
}

fn provincial(place: &Place) -> Unit {
    let (title, city) =
        if place.of_type == "Thành phố" { ("Thành Đoàn", " City") } else { ("Tỉnh Đoàn", "") };
    Unit {
        code: old_code(place),
        name: format!("{title} {}", place.bare),
        name_en: Some(format!("{}{city} Youth Union", unmarked(&place.bare))),
        kind: OrgUnitKind::Province,
        parent: Some(CENTRE.to_owned()),
        locality: Some(place.key.clone()),
    }
}

/// The centre, the support centre, the provincial unions and the unions directly under the centre, parents first.
pub(super) fn units(gazetteer: &Gazetteer) -> Vec<Unit> {
    let plain = |code: &str, name: &str, name_en: &str, kind, parent: Option<&str>| Unit {
        code: code.to_owned(),
        name: name.to_owned(),
        name_en: Some(name_en.to_owned()),
        kind,
        parent: parent.map(ToOwned::to_owned),
        locality: None,
    };
    let mut units = vec![
        plain(CENTRE, "Trung ương Đoàn TNCS Hồ Chí Minh", "Central Youth Union", OrgUnitKind::Central, None),
        plain(
            SUPPORT_CENTRE,
            "Trung tâm Phát triển Khoa học, Công nghệ và Tài năng trẻ",
            "Centre for Science, Technology and Young Talent Development",
            OrgUnitKind::SupportCentre,
            Some(CENTRE),
        ),
    ];
    units.extend(gazetteer.legacy(LocalityKind::Province).map(provincial));
    for (code, name, name_en) in AFFILIATED {
        units.push(plain(code, name, name_en, OrgUnitKind::Affiliated, Some(CENTRE)));
    }
    units
}

/// What an old code is written with, by level.
pub(super) const fn prefix(level: LocalityKind) -> &'static str {
    match level {
        LocalityKind::Province => "TD",
        LocalityKind::District => "HD",
        LocalityKind::Commune => "XD",
    }
}

/// The code of the union of a place as it was in 2024.
pub(super) fn old_code(place: &Place) -> String {
    code_of(prefix(place.kind), &place.key)
}

/// The union of a place of the reform, below the unit with this code. Its code says the year: seven codes of provinces
/// named another one before.
pub(super) fn reformed(place: &Place, parent: Option<String>) -> Unit {
    let code = format!("{}-2025-{}", prefix(place.kind), place.key.code);
    match place.kind {
        LocalityKind::Province => Unit { code, parent, ..provincial(place) },
        LocalityKind::District | LocalityKind::Commune => Unit {
            code,
            name: format!("Đoàn {} {}", place.of_type.to_lowercase(), place.bare),
            name_en: None,
            kind: OrgUnitKind::Commune,
            parent,
            locality: Some(place.key.clone()),
        },
    }
}

/// The district and the commune unions, districts first.
pub(super) fn grassroots(gazetteer: &Gazetteer) -> Vec<Unit> {
    let mut units = Vec::new();
    for (level, kind, above) in [
        (LocalityKind::District, OrgUnitKind::District, LocalityKind::Province),
        (LocalityKind::Commune, OrgUnitKind::Commune, LocalityKind::District),
    ] {
        for place in gazetteer.legacy(level) {
            let bare = &place.bare;
            let name = match place.of_type {
                "Huyện" => format!("Huyện Đoàn {bare}"),
                "Quận" => format!("Quận Đoàn {bare}"),
                "Thành phố" => format!("Thành Đoàn {bare}"),
                "Thị xã" => format!("Thị Đoàn {bare}"),
                of => format!("Đoàn {} {bare}", of.to_lowercase()),
            };
            units.push(Unit {
                code: old_code(place),
                name,
                name_en: None,
                kind,
                parent: place.parent.as_ref().map(|parent| code_of(prefix(above), parent)),
                locality: Some(place.key.clone()),
            });
        }
    }
    units
}

/// The campaign of summer 2024: one programme and four drives.
pub(super) fn campaign() -> Campaign {
    let strand = |code: &str, kind, name: &str| Strand { code: code.to_owned(), kind, name: name.to_owned() };
    Campaign {
        stamp: stamp(id_of("campaign", CAMPAIGN)),
        code: CAMPAIGN.to_owned(),
        name: "Chiến dịch Thanh niên tình nguyện Hè năm 2024".to_owned(),
        name_en: Some("Summer Youth Volunteer Campaign 2024".to_owned()),
        theme: Some("Năm Thanh niên tình nguyện".to_owned()),
        starts_on: day(2024, 6, 1),
        ends_on: day(2024, 8, 31),
        time_zone: chrono_tz::Asia::Ho_Chi_Minh,
        status: CampaignStatus::Open,
        strands: vec![
            strand("tiep_suc_mua_thi", StrandKind::Programme, "Tiếp sức mùa thi"),
            strand("mua_he_xanh", StrandKind::Drive, "Mùa hè xanh"),
            strand("hoa_phuong_do", StrandKind::Drive, "Hoa phượng đỏ"),
            strand("ky_nghi_hong", StrandKind::Drive, "Kỳ nghỉ hồng"),
            strand("hanh_quan_xanh", StrandKind::Drive, "Hành quân xanh"),
        ],
        modes: Mode::ALL.to_vec(),
    }
}

/// The campaign's indicator whose number is known. There were ten more; their numbers were not found, so they are not
/// made up.
pub(super) fn indicator(campaign_id: Uuid) -> Indicator {
    Indicator {
        stamp: stamp(id_of("indicator", "HE-2024/7")),
        campaign_id,
        number: Some(7),
        name: "Hỗ trợ nâng cao năng lực số cho thanh thiếu nhi và người dân".to_owned(),
        name_en: Some("Digital capacity support for young people, children and residents".to_owned()),
        unit: "lượt".to_owned(),
        measure: Measure::BeneficiaryTurns,
        target_value: 6_000_000,
        counted_topics: None,
    }
}
