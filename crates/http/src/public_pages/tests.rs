use super::*;
use super::{
    bars::{Gauge, round_step},
    format::{compact, date, instant, number, percent, signed},
};
use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};

#[path = "tests_parts.rs"]
mod parts;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn at(day: u32, hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 7, day, hour, 5, 0).unwrap()
}

fn figures(reported: i64, verified: i64) -> Figures {
    Figures { reported, verified }
}

fn unit(name: &str, reported: i64) -> Unit {
    let figures = figures(reported, reported / 2);
    Unit { code: format!("TD-{name}"), name: Label::vi(name), kind: "province", figures, target: None, province: None }
}

/// A province's union.
fn of_province(code: &str, name: &str, reported: i64) -> Unit {
    let province = Some(Province { code: code.to_owned(), generation: Generation::Of2024 });
    Unit { code: format!("TD-{code}"), province, ..unit(name, reported) }
}

fn share(key: &'static str, name: Label, figures: Figures) -> Share {
    Share { key, name, figures }
}

pub(crate) fn empty() -> Dashboard {
    Dashboard {
        campaign_code: "HE-2024".to_owned(),
        campaign: Label::new("Chiến dịch Hè 2024", "Summer Campaign 2024"),
        indicator: Label::new("Hỗ trợ năng lực số", "Support digital capacity"),
        whose: None,
        target: 6_000_000,
        total: Figures::default(),
        starts_on: day(2024, 6, 1),
        ends_on: day(2024, 8, 31),
        as_of: at(17, 7),
        ledger_seq: 0,
        expected: None,
        forecast: None,
        days: Vec::new(),
        units: Vec::new(),
        topics: Vec::new(),
        audiences: Vec::new(),
        localities: None,
        demo: false,
        public_url: None,
    }
}

fn full() -> Dashboard {
    Dashboard {
        total: figures(3_000_000, 2_000_000),
        ledger_seq: 12_345,
        days: vec![
            Day { day: day(2024, 6, 3), added: figures(1_000_000, 1_000_000) },
            Day { day: day(2024, 7, 16), added: figures(2_000_000, 1_000_000) },
        ],
        units: vec![
            unit("Tỉnh Đoàn An Giang", 1_000_000),
            unit("Thành Đoàn Đà Nẵng", 2_000_000),
            unit("Tỉnh Đoàn Cà Mau", 0),
        ],
        topics: vec![
            share("e_commerce", Label::new("Thương mại điện tử", "E-commerce"), figures(1, 1)),
            share("cyber_safety", Label::new("An toàn, an ninh mạng", "Cyber safety"), figures(2_999_999, 1_999_999)),
        ],
        audiences: vec![share("young_people", Label::new("Thanh niên", "Young people"), figures(3_000_000, 2_000_000))],
        ..empty()
    }
}

fn progress_svg(page: &Dashboard, lang: Lang, theme: Theme, width: u32) -> String {
    svg(Picture::Progress, page, lang, theme, width)
}

fn look(lang: Lang) -> Look {
    Look { lang, theme: Theme::Auto, ..Look::default() }
}

fn html(page: &Dashboard, lang: Lang) -> String {
    dashboard(page, &look(lang)).unwrap()
}

#[test]
fn numbers_follow_the_language() {
    assert_eq!(number(6_000_000, Lang::Vi), "6.000.000");
    assert_eq!(number(6_000_000, Lang::En), "6,000,000");
    assert_eq!(number(999, Lang::Vi), "999");
    assert_eq!(number(-1_000, Lang::Vi), "\u{2212}1.000");
    assert_eq!(number(i64::MIN, Lang::En), "\u{2212}9,223,372,036,854,775,808");
    assert_eq!(signed(1_500, Lang::Vi), "+1.500");
    assert_eq!(signed(0, Lang::Vi), "0");
    assert_eq!(compact(1_500_000, Lang::Vi), "1,5 triệu");
    assert_eq!(compact(1_050_000, Lang::En), "1.05M");
    assert_eq!(compact(500_000, Lang::Vi), "500 nghìn");
    assert_eq!(compact(50, Lang::En), "50");
}

#[test]
fn percentages_are_neither_capped_nor_rounded_up() {
    assert_eq!(percent(315_975, 150_000, Lang::Vi).as_deref(), Some("210,6%"));
    assert_eq!(percent(315_975, 150_000, Lang::En).as_deref(), Some("210.6%"));
    assert_eq!(percent(5_999_999, 6_000_000, Lang::Vi).as_deref(), Some("99,9%"));
    assert_eq!(percent(6_000_000, 6_000_000, Lang::Vi).as_deref(), Some("100,0%"));
    assert_eq!(percent(1, 6_000_000, Lang::Vi).as_deref(), Some("<0,1%"));
    assert_eq!(percent(0, 6_000_000, Lang::Vi).as_deref(), Some("0%"));
    assert_eq!(percent(60_000_001, 1_000, Lang::Vi).as_deref(), Some("6.000.000,1%"));
    assert_eq!(percent(-5, 10, Lang::Vi).as_deref(), Some("\u{2212}50,0%"));
    assert_eq!(percent(i64::MAX, 1, Lang::En).as_deref(), Some("922,337,203,685,477,580,700.0%"));
    assert_eq!(percent(1, 0, Lang::Vi), None);
}

#[test]
fn dates_follow_the_language_and_the_day_is_the_local_one() {
    assert_eq!(date(day(2024, 6, 1), Lang::Vi), "01/06/2024");
    assert_eq!(date(day(2024, 6, 1), Lang::En), "1 Jun 2024");
    assert_eq!(instant(at(17, 17), Lang::Vi), "00:05 ngày 18/07/2024 (giờ Việt Nam)");
    assert_eq!(instant(at(17, 16), Lang::En), "17 Jul 2024, 23:05 (Viet Nam time, UTC+7)");
}

#[test]
fn languages_and_themes_are_read_from_the_query() {
    assert_eq!(Lang::from_query(None), Lang::Vi);
    assert_eq!(Lang::from_query(Some("EN")), Lang::En);
    assert_eq!(Lang::from_query(Some("fr")), Lang::Vi);
    assert_eq!(Theme::from_query(Some("dark")), Theme::Dark);
    assert_eq!(Theme::from_query(Some("LIGHT")), Theme::Light);
    assert_eq!(Theme::from_query(Some("pink")), Theme::Auto);
    assert_eq!(Theme::from_query(None), Theme::Auto);
}

#[test]
fn both_languages_render_every_part() {
    let vi = html(&full(), Lang::Vi);
    for text in [
        r#"<html lang="vi" data-theme="auto">"#,
        "3.000.000",
        "2.000.000",
        "6.000.000",
        "50,0%",
        "46",
        "01/06/2024 – 31/08/2024",
        "14:05 ngày 17/07/2024",
        "12.345",
        r#"href="/?lang=en""#,
        r#"href="/v1/public/progress""#,
        r#"href="/v1/public/progress.svg?lang=vi""#,
        r#"href="/v1/public/curve.csv""#,
        r#"href="/v1/public/provinces.png?lang=vi""#,
        r#"href="/docs/""#,
        "An toàn, an ninh mạng",
        "Thanh niên",
        "1 đơn vị chưa có báo cáo",
    ] {
        assert!(vi.contains(text), "{text}");
    }
    assert!(!vi.contains(r#"<span lang="vi">"#), "only foreign words are marked");
    let en = html(&full(), Lang::En);
    for text in [
        r#"<html lang="en" data-theme="auto">"#,
        "3,000,000",
        "50.0%",
        "1 Jun 2024 – 31 Aug 2024",
        "17 Jul 2024, 14:05",
        r#"href="/?lang=vi""#,
        r#"<span lang="vi">Thành Đoàn Đà Nẵng</span>"#,
        "Cyber safety",
        "1 unit has not reported yet",
    ] {
        assert!(en.contains(text), "{text}");
    }
}

#[test]
fn units_and_topics_are_ranked_and_equals_share_a_rank() {
    let mut page = full();
    page.units = vec![unit("A", 5), unit("B", 9), unit("C", 5), unit("D", 1)];
    let page = html(&page, Lang::Vi);
    let row = |rank: usize, name: &str| {
        let row = format!(
            r#"<td class="rank">{rank}</td><th scope="row" class="l"><a href="/provinces/TD-{name}?lang=vi">{name}<"#
        );
        page.find(&row).unwrap_or_else(|| panic!("no row {row}"))
    };
    let places = [row(1, "B"), row(2, "A"), row(2, "C"), row(4, "D")];
    assert!(places.is_sorted());
    assert!(page.find("An toàn, an ninh mạng") < page.find("Thương mại điện tử"));
}

#[test]
fn names_are_escaped_everywhere() {
    let evil = r#"</title><script>alert("1")</script>&'"#;
    let mut page = full();
    page.campaign = Label::vi(evil);
    page.indicator = Label::vi(evil);
    page.units = vec![unit(evil, 5), unit(evil, 0)];
    page.topics = vec![share("other", Label::new(evil, evil), figures(5, 5))];
    page.audiences = page.topics.clone();
    page.public_url = Some(format!("https://example.org/{evil}"));
    for lang in [Lang::Vi, Lang::En] {
        let text = html(&page, lang);
        assert_eq!(text.matches("<script").count(), 1, "ours");
        assert_eq!(text.matches("</title>").count(), 1);
        for theme in [Theme::Light, Theme::Dark, Theme::Auto] {
            let svg = progress_svg(&page, lang, theme, 640);
            assert!(!svg.contains("<script"));
            assert_eq!(svg.matches("</title>").count(), 1);
            assert!(svg.contains("&lt;script&gt;"));
        }
    }
    let mut bell = page;
    bell.indicator = Label::vi("a\u{7}b\u{0}c");
    assert!(progress_svg(&bell, Lang::Vi, Theme::Light, 640).contains(">abc<"), "XML can't hold control characters");
}

#[test]
fn nothing_reported_looks_like_a_beginning() {
    let page = html(&empty(), Lang::Vi);
    assert!(page.contains("Chưa có lượt nào được báo cáo."));
    assert!(page.contains("lượt mỗi ngày là vừa đủ chỉ tiêu"));
    assert!(page.contains(r#"class="sp""#), "the even pace is drawn");
    for absent in [r#"class="sv""#, "<table", r#"id="topics""#, r#"id="units""#, r#"id="map""#, "so với tiến độ đều"]
    {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(html(&empty(), Lang::En).contains("Nothing has been reported yet."));
}

#[test]
fn above_the_target_is_shown_as_such() {
    let mut page = full();
    page.target = 150_000;
    page.total = figures(315_975, 200_000);
    assert!(html(&page, Lang::Vi).contains(">210,6%</b>"));
    assert!(html(&page, Lang::En).contains(">210.6%</b>"));
    let gauge = Gauge::new(page.total, page.target, Lang::Vi);
    assert!(gauge.exceeded);
    assert_eq!(gauge.target_at.as_deref(), Some("47.472"));
    let (verified, pending): (f64, f64) = (gauge.bar.verified.parse().unwrap(), gauge.bar.pending.parse().unwrap());
    assert!((verified + pending - 100.0).abs() < 0.01);
    let svg = progress_svg(&page, Lang::Vi, Theme::Light, 640);
    assert!(svg.contains("210,6%") && svg.contains("315.975"));
}

#[test]
fn the_bar_is_divided_in_round_numbers() {
    let gauge = Gauge::new(figures(1, 1), 6_000_000, Lang::Vi);
    let labels: Vec<_> = gauge.marks.iter().map(|mark| mark.label.as_str()).collect();
    assert_eq!(labels, ["1 triệu", "2 triệu", "3 triệu", "4 triệu", "5 triệu"]);
    assert_eq!(round_step(6_000_000, 8), 1_000_000);
    assert_eq!(round_step(1, 5), 1);
    assert!(round_step(i64::MAX, 5) > 0);
    assert!(Gauge::new(figures(i64::MAX, 0), 1, Lang::Vi).marks.len() <= 24);
}

#[test]
fn demonstration_data_are_announced_on_page_and_picture() {
    let mut page = full();
    assert!(!html(&page, Lang::Vi).contains("Số liệu trình diễn"));
    page.demo = true;
    let text = html(&page, Lang::Vi);
    assert!(text.contains("<title>[Số liệu trình diễn] "));
    assert!(text.contains(r#"<aside class="demo""#));
    let svg = progress_svg(&page, Lang::En, Theme::Light, 640);
    assert_eq!(svg.matches("Demonstration data").count(), 2, "seen, and heard");
}

#[test]
fn the_calendar_counts_local_days_with_the_last_included() {
    let mut page = full();
    let mut says = |as_of: &str, lang: Lang| {
        page.as_of = as_of.parse().unwrap();
        let page = html(&page, lang);
        let facts = page.split("<dl class=\"facts\">").nth(1).unwrap();
        facts.split("<dt>").nth(1).unwrap().split("</dd>").next().unwrap().replace("</dt><dd class=\"n\">", "|")
    };
    assert_eq!(says("2024-08-30T16:59:59Z", Lang::En), "days left, today included|2");
    assert_eq!(says("2024-08-30T17:00:00Z", Lang::En), "day left: today|1");
    assert_eq!(says("2024-08-31T17:00:00Z", Lang::En), "days left: the campaign is over|0");
    assert_eq!(says("2024-05-30T17:00:00Z", Lang::En), "day until the campaign starts|1");
    assert_eq!(says("2024-05-30T16:00:00Z", Lang::Vi), "ngày nữa chiến dịch bắt đầu|2");
}

#[test]
fn the_pace_is_the_callers_or_the_part_of_time_gone_by() {
    let mut page = full();
    page.expected = Some(2_900_000);
    assert!(html(&page, Lang::Vi).contains("+100.000"));
    page.expected = None;
    // Half of the campaign's 92 days.
    page.as_of = "2024-07-16T17:00:00Z".parse().unwrap();
    assert!(html(&page, Lang::Vi).contains("Tiến độ đều đến lúc này: 3.000.000"));
}

#[test]
fn a_page_has_one_script_of_ours_and_loads_nothing_from_elsewhere() {
    let mut page = full();
    page.public_url = Some("https://example.org".to_owned());
    let text = html(&page, Lang::Vi);
    assert_eq!(text.matches("<script").count(), text.matches(r#"<script src="/pages.js" defer></script>"#).count());
    // What is there of other origins is read by whoever embeds the page, not loaded.
    let told = text.matches("<link rel=\"alternate\" type=\"").count();
    assert_eq!(text.matches("href=\"http").count(), told);
    for forbidden in ["@import", "url(", "<img", "<iframe", "<link rel=\"stylesheet\"", "onclick"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    for picture in [Picture::Progress, Picture::Curve, Picture::Provinces] {
        let svg = svg(picture, &page, Lang::Vi, Theme::Auto, 640);
        for forbidden in ["<script", "@import", "href", "<image", "<foreignObject", "url(http"] {
            assert!(!svg.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn the_picture_has_a_name_a_description_and_bounds() {
    for (asked, given) in [(0, 320), (320, 320), (640, 640), (1600, 1600), (u32::MAX, 1600)] {
        let svg = progress_svg(&full(), Lang::En, Theme::Dark, asked);
        assert!(svg.starts_with(&format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{given}""#)));
        assert!(svg.contains(r#"role="img""#) && svg.contains("<title ") && svg.contains("<desc "));
        assert!(svg.contains("3,000,000") && svg.contains("50.0%") && svg.contains("Target: 6,000,000"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
    let mut long = full();
    long.indicator = Label::vi("rất dài ".repeat(200));
    assert!(progress_svg(&long, Lang::Vi, Theme::Light, 320).contains('\u{2026}'));
}

#[test]
fn odd_figures_do_no_harm() {
    let mut page = full();
    page.target = 0;
    assert!(!html(&page, Lang::Vi).contains("% chỉ tiêu"));
    page.target = i64::MAX;
    page.total = figures(i64::MAX, i64::MAX);
    page.days.push(Day { day: NaiveDate::MAX, added: figures(i64::MAX, i64::MAX) });
    page.days.push(Day { day: NaiveDate::MIN, added: figures(i64::MIN, i64::MIN) });
    page.ends_on = day(2020, 1, 1);
    for as_of in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at(17, 7)] {
        page.as_of = as_of;
        for lang in [Lang::Vi, Lang::En] {
            let text = html(&page, lang);
            assert!(!text.contains("NaN"));
            assert!(!progress_svg(&page, lang, Theme::Light, 320).contains("NaN"));
        }
    }
    page.total = figures(-5, -7);
    page.units = vec![unit("A", -5)];
    assert!(html(&page, Lang::Vi).contains("\u{2212}5"));
}
