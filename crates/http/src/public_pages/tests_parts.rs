//! What the pages' parts hold: the ranking, the map, the forecast, places, pictures.

use super::*;
use crate::public_pages::{
    curve::{Curve, PAGE},
    map::{Scale, TileMap},
};
use tinhnguyen_domain::disclosure::disclose;

fn country() -> Dashboard {
    let mut page = full();
    page.units = vec![
        of_province("01", "Thành Đoàn Hà Nội", 2_000_000),
        of_province("48", "Thành Đoàn Đà Nẵng", 900_000),
        of_province("89", "Tỉnh Đoàn An Giang", 100_000),
        of_province("96", "Tỉnh Đoàn Cà Mau", 0),
        Unit { code: "TW-QD".to_owned(), kind: "affiliated", ..unit("Ban Thanh niên Quân đội", 0) },
    ];
    page
}

/// The names of the rows that are seen, in their order.
fn rows(page: &Dashboard, look: &Look) -> Vec<String> {
    let text = dashboard(page, look).unwrap();
    let body = text.split("<tbody>").last().unwrap().split("</tbody>").next().unwrap().to_owned();
    let row =
        |row: &str| row.split("?lang").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
    body.split("<tr").skip(1).filter(|row| !row.starts_with(" hidden")).map(row).collect()
}

#[test]
fn the_ranking_is_searched_without_accents_and_keeps_the_ranks_of_the_country() {
    let page = country();
    let search = |q: &str| rows(&page, &Look { q: q.to_owned(), ..look(Lang::Vi) });
    assert_eq!(search(""), ["Thành Đoàn Hà Nội", "Thành Đoàn Đà Nẵng", "Tỉnh Đoàn An Giang"]);
    for q in ["da nang", "ĐÀ  NẴNG", "Đà nẵng", "td-48"] {
        assert_eq!(search(q), ["Thành Đoàn Đà Nẵng"], "{q}");
    }
    let found = dashboard(&page, &Look { q: "da nang".to_owned(), ..look(Lang::En) }).unwrap();
    assert!(found.contains(r#"<td class="rank">2</td><th scope="row" class="l"><a href="/provinces/TD-48?lang=en">"#));
    assert!(found.contains("1 of 5 units match.") && found.contains(r#"value="da nang""#));
    let silent = dashboard(&page, &Look { q: "ca mau".to_owned(), ..look(Lang::Vi) }).unwrap();
    assert!(silent.contains("1 trong 5 đơn vị khớp.") && silent.contains(r#"<div class="silent"><h3>"#));
    let none = dashboard(&page, &Look { q: "\"><script>".to_owned(), ..look(Lang::Vi) }).unwrap();
    assert!(none.contains("0 trong 5 đơn vị khớp.") && none.contains(r#"<div class="silent" hidden>"#));
    assert_eq!(none.matches("<script").count(), 1);
}

#[test]
fn the_ranking_is_sorted_as_asked() {
    let mut page = country();
    for (unit, target) in page.units.iter_mut().zip([4_000_000, 500_000, 400_000]) {
        unit.target = Some(target);
    }
    page.units[2].figures.verified = 3_000_000;
    let sort = |sort| rows(&page, &Look { sort, ..look(Lang::Vi) });
    assert_eq!(sort(Sort::Name), ["Tỉnh Đoàn An Giang", "Thành Đoàn Đà Nẵng", "Thành Đoàn Hà Nội"]);
    assert_eq!(sort(Sort::Verified)[0], "Tỉnh Đoàn An Giang");
    assert_eq!(sort(Sort::Target), ["Thành Đoàn Đà Nẵng", "Thành Đoàn Hà Nội", "Tỉnh Đoàn An Giang"]);
    for tag in ["reported", "verified", "name", "target"] {
        assert_eq!(Sort::from_query(Some(tag)).tag(), tag);
    }
    assert_eq!(Sort::from_query(Some("colour")), Sort::Reported);
}

#[test]
fn links_keep_language_colours_search_and_order() {
    let look = Look { lang: Lang::En, theme: Theme::Dark, sort: Sort::Name, q: "hà nội&x".to_owned() };
    assert_eq!(look.href("/"), "/?lang=en&theme=dark&q=h%C3%A0+n%E1%BB%99i%26x&sort=name");
    assert_eq!(look.href(&path_of("TD-01")), "/provinces/TD-01?lang=en&theme=dark");
    assert_eq!(path_of("a/b c+d"), "/provinces/a%2Fb%20c%2Bd");
    let text = dashboard(&country(), &look).unwrap();
    assert!(text.contains(r#"<html lang="en" data-theme="dark">"#));
    assert!(text.contains(r#"href="/?lang=vi&#38;theme=dark&#38;q=h%C3%A0"#), "{text}");
    assert!(text.contains(r#"<input type="hidden" name="theme" value="dark">"#));
}

#[test]
fn a_square_has_its_number_its_words_and_its_link() {
    let page = country();
    let map = TileMap::new(&page, Lang::Vi);
    assert_eq!((map.scale, map.squares.len(), map.beside.len()), (Scale::Share, 4, 1));
    let square = |code: &str| map.squares.iter().find(|square| square.tile.unwrap().code == code).unwrap();
    assert_eq!((square("01").level, square("01").number.as_str()), (5, "66%"));
    assert_eq!((square("89").level, square("89").number.as_str()), (2, "3,3%"));
    assert_eq!((square("96").level, square("96").number.as_str()), (0, "0"));
    assert_eq!(map.archipelagos.len(), 1, "those of provinces that are there");
    let legend: Vec<_> = map.legend.iter().map(|(level, words)| format!("{level} {words}")).collect();
    assert_eq!(legend, ["0 Chưa báo cáo", "1 0–2,6%", "2 2,6–10,6%", "3 10,6–24,0%", "4 24,0–42,6%", "5 42,6–66,6%"]);
    let text = html(&page, Lang::Vi);
    assert!(text.contains(
        r#"<a class="tile l5" href="/provinces/TD-01?lang=vi" title="Thành Đoàn Hà Nội: 66% cả nước, 2.000.000 lượt">"#
    ));
    assert!(text.contains("Quần đảo Hoàng Sa thuộc Đà Nẵng"));
    assert!(text.contains("Tỉnh Đoàn Cà Mau: chưa có báo cáo"));
}

#[test]
fn the_map_is_by_own_targets_only_when_all_who_reported_have_one() {
    let mut page = country();
    page.units[0].target = Some(1_000_000);
    assert_eq!(TileMap::new(&page, Lang::Vi).scale, Scale::Share, "two scales in one picture would deceive");
    page.units[1].target = Some(1_000_000);
    page.units[2].target = Some(400_000);
    let map = TileMap::new(&page, Lang::En);
    assert_eq!(map.scale, Scale::OwnTarget);
    let levels: Vec<_> = map.squares.iter().map(|s| (s.tile.unwrap().code, s.level, s.number.as_str())).collect();
    assert_eq!(levels, [("01", 5, "200%"), ("48", 4, "90%"), ("89", 2, "25%"), ("96", 0, "0")]);
}

fn forecast(total: i64, band: Option<(i64, i64)>) -> Option<Forecast> {
    Some(Forecast { total, per_day: 50_000, reached_on: Some(day(2024, 9, 20)), band })
}

/// The numbers of a path.
fn points(path: &str) -> Vec<f64> {
    path.split(['M', 'L', 'Z', ' ']).filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
}

#[test]
fn the_forecast_goes_from_the_figure_to_the_campaigns_end() {
    let mut page = full();
    assert!(Curve::new(&page, Lang::Vi, PAGE).forecast.is_none());
    page.forecast = forecast(5_000_000, Some((4_500_000, 5_500_000)));
    let curve = Curve::new(&page, Lang::Vi, PAGE);
    let (x, y) = curve.end.clone().unwrap();
    let line = points(&curve.forecast.unwrap());
    assert_eq!((line[0], line[1]), (x.parse().unwrap(), y.parse().unwrap()));
    assert!((line[2] - PAGE.w).abs() < 0.1 && line[3] < line[1] && line[3] > 0.0, "{line:?}");
    let band = points(&curve.band.unwrap());
    assert!(band[3] < line[3] && line[3] < band[5], "{band:?} around {line:?}");
    // One that is far above what else is shown leaves at the upper edge.
    page.forecast = forecast(90_000_000, Some((20_000_000, 200_000_000)));
    let curve = Curve::new(&page, Lang::Vi, PAGE);
    let line = points(&curve.forecast.unwrap());
    assert!(line[2] < PAGE.w && line[3] == 0.0, "{line:?}");
    let inside =
        |path: &[f64]| path.chunks(2).all(|p| (0.0..=PAGE.w).contains(&p[0]) && (0.0..=PAGE.h).contains(&p[1]));
    assert!(inside(&line) && inside(&points(&curve.band.unwrap())));
    let text = html(&page, Lang::Vi);
    assert!(
        text.contains("90.000.000")
            && text.contains("Sẽ đạt chỉ tiêu ngày 20/09/2024. Nhiều khả năng từ 20.000.000 đến 200.000.000")
    );
    // After the campaign there is nothing to foresee.
    page.ends_on = day(2024, 7, 10);
    assert!(Curve::new(&page, Lang::Vi, PAGE).forecast.is_none());
}

fn unit_page(counts: &[(&str, i64)]) -> Dashboard {
    let places = counts
        .iter()
        .map(|(name, count)| (Locality::Place { code: "001".to_owned(), name: (*name).to_owned() }, *count));
    Dashboard {
        whose: Some(Whose { code: "TD-01".to_owned(), name: Label::vi("Thành Đoàn Hà Nội") }),
        target: 0,
        localities: Some(Localities { threshold: 10, disclosed: disclose(places, 10) }),
        ..full()
    }
}

#[test]
fn a_units_page_withholds_small_counts_and_says_so() {
    let page = unit_page(&[("Quận Ba Đình", 400), ("Quận Hoàn Kiếm", 3), ("Quận Tây Hồ", 5), ("Quận Hà Đông", 8)]);
    let text = province(&page, &look(Lang::Vi)).unwrap();
    assert!(
        text.contains("Thành Đoàn Hà Nội")
            && text.contains(r#"data-events="/v1/public/progress/events?province=TD-01""#)
    );
    assert!(text.contains("Quận Ba Đình") && text.contains(">400<"));
    assert_eq!(text.matches("&#60; 10").count(), 3, "{text}");
    assert!(text.contains("Cộng các địa bàn không nêu riêng") && text.contains(">16<"));
    for count in [">3<", ">5<", ">8<"] {
        assert!(!text.contains(count), "{count}");
    }
    let alone = province(&unit_page(&[("Quận Ba Đình", 3)]), &look(Lang::Vi)).unwrap();
    assert!(!alone.contains("Quận Ba Đình") && alone.contains("Số liệu còn quá nhỏ"));
    let all = province(&unit_page(&[("Quận Ba Đình", 300)]), &look(Lang::En)).unwrap();
    assert!(!all.contains("Together") && !all.contains("are not shown by themselves"));
    assert!(!all.contains("gauge\""), "no bar without a target");
}

#[test]
fn a_unit_that_is_not_there_is_said_so_in_both_languages() {
    let vi = missing(&full(), &look(Lang::Vi), "<TD-99>").unwrap();
    assert!(vi.contains("Không có trang này") && vi.contains("&#60;TD-99&#62;") && vi.contains(r#"<html lang="vi""#));
    assert!(missing(&full(), &look(Lang::En), "x").unwrap().contains("There is no such page"));
}

#[test]
fn the_page_for_frames_holds_the_figure_and_a_way_out() {
    let text = embed(&unit_page(&[]), &look(Lang::En)).unwrap();
    assert!(
        text.contains("3,000,000")
            && text.contains(r#"href="/provinces/TD-01?lang=en" target="_blank" rel="noopener""#)
    );
}

#[test]
fn every_picture_has_a_name_a_description_and_bounds() {
    let mut page = country();
    page.forecast = forecast(5_000_000, Some((4_500_000, 5_500_000)));
    page.demo = true;
    for picture in [Picture::Progress, Picture::Curve, Picture::Provinces] {
        for (asked, given) in [(0, 320), (900, 900), (u32::MAX, 1600)] {
            for theme in [Theme::Light, Theme::Dark, Theme::Auto] {
                let svg = svg(picture, &page, Lang::Vi, theme, asked);
                assert!(svg.starts_with(&format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{given}""#)));
                assert!(svg.contains(r#"role="img""#) && svg.contains("<title ") && svg.contains("<desc "));
                assert!(
                    svg.contains("3.000.000")
                        && svg.contains("Số liệu trình diễn")
                        && svg.contains("14:05 ngày 17/07/2024")
                );
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
                assert_eq!(svg.contains("prefers-color-scheme"), theme == Theme::Auto);
            }
        }
    }
    let map = svg(Picture::Provinces, &page, Lang::Vi, Theme::Light, 640);
    assert!(map.contains("66%") && map.contains("Hoàng") && map.contains("Ban Thanh niên Quân đội"));
    let wide = svg(Picture::Provinces, &page, Lang::Vi, Theme::Light, 1200);
    assert!(
        wide.contains("Thành Đoàn Hà Nội</text>") && wide.contains("2.000.000</text>"),
        "the ranking stands beside it"
    );
}

#[test]
fn a_png_is_drawn_with_our_fonts() {
    let page = country();
    let of = |page: &Dashboard, lang| png::draw(&svg(Picture::Progress, page, lang, Theme::Light, 640)).unwrap();
    let drawn = of(&page, Lang::Vi);
    assert!(drawn.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(drawn[at..at + 4].try_into().unwrap());
    assert!(number(16) == 640 && (200..600).contains(&number(20)), "{} × {}", number(16), number(20));
    // Words are drawn: other words make another picture.
    let mut other = page;
    other.indicator = Label::vi("Ợ ẫ ỹ đ");
    assert_ne!(of(&other, Lang::Vi), drawn);
    assert!(png::draw("<svg").is_err());
}
