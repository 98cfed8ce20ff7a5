//! What everybody may see: pages, pictures, tables, events, and what is withheld.

use crate::harness::{
    Answer, T, id_in,
    world::{DA_NANG, HA_NOI, new_activity, place, seeded_unit},
};
use actix_web::http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tinhnguyen_http::app::Settings;

/// Every picture, without its form.
const PICTURES: [&str; 4] =
    ["/v1/public/progress", "/v1/public/curve", "/v1/public/provinces", "/v1/public/progress/provinces"];

/// Turns of Hà Nội's union, in a ward each, on a day each.
async fn in_wards(t: &T, turns: &[(&str, i64)]) {
    let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
    for ((ward, turns), day) in turns.iter().zip(1..) {
        let mut body = new_activity(id_in(&team, "id"));
        body["locality_id"] = json!(place(ward));
        let activity = leader.post("/v1/activities", &body).await.ok(201);
        t.submitted(&leader, &activity, &format!("2024-07-0{day}"), *turns).await;
    }
}

async fn places(t: &T, code: &str) -> Value {
    t.stranger.get(&format!("/v1/public/localities?province={code}")).await.ok(200)
}

fn by_code(places: &Value) -> BTreeMap<String, (Option<i64>, String)> {
    let place = |place: &Value| {
        let code = place["code"].as_str().unwrap_or("elsewhere").to_owned();
        (code, (place["reported"].as_i64(), place["shown"].as_str().unwrap().to_owned()))
    };
    places["data"].as_array().unwrap().iter().map(place).collect()
}

/// The rows of a table, as RFC 4180 has them, without their mark.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment; filename=\"tinhnguyen-"));
    let text = answer.text().strip_prefix('\u{feff}').expect("a byte order mark");
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains('\n'), "{text:?}");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

/// The events of a body, each as its fields.
fn events(body: &str) -> Vec<BTreeMap<String, String>> {
    let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()));
    let fields = |event: &str| event.lines().filter_map(field).collect::<BTreeMap<_, _>>();
    body.split("\n\n").map(fields).filter(|event: &BTreeMap<_, _>| !event.is_empty()).collect()
}

both! {
    async fn the_page_of_a_unit_shows_its_own_figures_and_links_lead_to_it(t: &T) {
        in_wards(t, &[("00001", 40), ("00037", 60)]).await;
        let country = t.stranger.get("/?lang=vi").await;
        assert!(country.text().contains(r#"href="/provinces/TD-01?lang=vi""#));
        let own = t.stranger.get("/provinces/TD-01?lang=vi").await;
        assert_eq!((own.status, own.header("content-type")), (200, Some("text/html; charset=utf-8")));
        for text in ["Thành Đoàn Hà Nội", ">100<", "Quận Ba Đình", "An toàn, an ninh mạng", "/v1/public/curve.svg?province=TD-01"] {
            assert!(own.text().contains(text), "{text}");
        }
        assert!(!own.text().contains("% chỉ tiêu"), "no percentage without a target");
        let other = t.stranger.get("/provinces/TD-48?lang=en").await;
        assert_eq!((other.status, other.header("content-language")), (200, Some("en")));
        assert!(other.text().contains("Nothing has been reported yet."));
        let affiliated = t.stranger.get("/provinces/TW-QD").header("accept-language", "en").await;
        assert!(affiliated.text().contains("Army Youth Board"));
    }

    async fn the_centres_own_teams_are_in_the_ranking_and_their_page_is_the_countrys(t: &T) {
        let (team, leader) = t.deployed_team(crate::harness::world::centre()).await;
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-01", 25).await;
        let page = t.stranger.get("/?lang=en").await;
        assert!(page.text().contains(r#"<a href="/?lang=en">Central Youth Union</a>"#), "{}", page.text());
        let table = rows(&t.stranger.get("/v1/public/provinces.csv").await);
        assert!(table.iter().any(|row| row[0] == "TWD" && row[5] == "25"), "they add up to the country: {table:?}");
    }

    async fn a_unit_that_is_not_there_is_404_in_the_pages_language(t: &T) {
        for code in ["TD-99", "td-01", "XD-00001", "TWD", "TTKHCN", "%3Cscript%3E", "a%2Fb"] {
            for (lang, says) in [("vi", "Không có trang này"), ("en", "There is no such page")] {
                let page = t.stranger.get(&format!("/provinces/{code}?lang={lang}")).await;
                assert_eq!((page.status, page.header("content-language")), (404, Some(lang)), "{code}");
                assert!(page.text().contains(says) && !page.text().contains("<script>"), "{code}");
                assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
            }
        }
        let english = t.stranger.get("/provinces/x").header("accept-language", "en").await;
        assert_eq!((english.status, english.header("content-language")), (404, Some("en")));
    }

    async fn pages_pass_over_what_they_do_not_know(t: &T) {
        for path in ["/?utm_source=x&lang=fr&theme=pink&sort=colour&q=%FF", "/provinces/TD-01?v=2", "/embed?x=%00", "/?q=a&q=b"] {
            assert_eq!(t.stranger.get(path).await.status, 200, "{path}");
        }
        let long = t.stranger.get(&format!("/?q={}", "a".repeat(3_000))).await;
        assert!(long.text().contains(&format!("value=\"{}\"", "a".repeat(100))));
    }

    async fn themes_and_languages_are_chosen_by_the_address(t: &T) {
        for (query, root) in [
            ("", r#"<html lang="vi" data-theme="auto">"#),
            ("?theme=dark&lang=en", r#"<html lang="en" data-theme="dark">"#),
            ("?theme=light", r#"<html lang="vi" data-theme="light">"#),
        ] {
            for path in ["/", "/provinces/TD-01", "/embed"] {
                assert!(t.stranger.get(&format!("{path}{query}")).await.text().contains(root), "{path}{query}");
            }
        }
    }

    async fn the_ranking_is_searched_without_accents_by_the_address_alone(t: &T) {
        in_wards(t, &[("00001", 40)]).await;
        for q in ["ha%20noi", "H%C3%A0+N%E1%BB%99i"] {
            let page = t.stranger.get(&format!("/?lang=en&q={q}")).await;
            assert!(page.text().contains("1 of 67 units match."), "{q}");
        }
        assert!(t.stranger.get("/?lang=en&q=nowhere").await.text().contains("0 of 67 units match."));
    }

    async fn small_counts_of_a_locality_are_shown_nowhere_and_cannot_be_computed(t: &T) {
        in_wards(t, &[("00001", 500), ("00037", 60), ("00091", 7), ("00115", 40)]).await;
        let told = places(t, HA_NOI).await;
        assert_eq!((&told["threshold"], &told["reported"]), (&json!(10), &json!(607)));
        let of = by_code(&told);
        assert_eq!(of["001"], (Some(500), "exact".to_owned()));
        assert_eq!(of["003"], (None, "below_threshold".to_owned()));
        assert_eq!(of["004"].1, "withheld", "7 would be what is left of 607 without 500, 60 and 40");
        let shown: i64 = of.values().filter_map(|(count, _)| *count).sum();
        assert_eq!(shown + told["withheld_reported"].as_i64().unwrap(), 607);
        // The withheld ones could be anything that is small and not.
        assert!(told["withheld"].as_u64().unwrap() >= 2 && told["withheld_reported"].as_i64().unwrap() >= 47);
        let table = rows(&t.stranger.get("/v1/public/localities.csv?province=TD-01").await);
        assert_eq!(table[0], ["code", "name", "reported", "shown"]);
        assert!(table.contains(&["003", "Quận Tây Hồ", "", "below_threshold"].map(ToOwned::to_owned).to_vec()), "{table:?}");
        assert_eq!(table.last().unwrap()[3], "together");
        let page = t.stranger.get("/provinces/TD-01?lang=en").await;
        assert!(page.text().contains("Quận Tây Hồ") && page.text().contains("&#60; 10"));
        let own = page.text().split("id=\"localities\"").nth(1).unwrap();
        for text in [own, &told.to_string(), &format!("{table:?}")] {
            for leak in [">7<", ":7,", "\"7\""] {
                assert!(!text.contains(leak), "{leak} in {text}");
            }
        }
    }

    async fn the_operator_decides_what_is_small(t: &T) {
        in_wards(t, &[("00001", 40), ("00037", 3)]).await;
        for (threshold, exact) in [(1, 2), (4, 0), (41, 0)] {
            let replica = t.replica_with(Settings { public_min_count: threshold, ..Settings::default() }).await;
            let told = replica.asked_by(&t.stranger).get("/v1/public/localities?province=TD-01").await.ok(200);
            let shown = by_code(&told).values().filter(|(_, shown)| shown == "exact").count();
            assert_eq!((&told["threshold"], shown), (&json!(threshold), exact), "{told}");
        }
    }

    async fn what_was_done_outside_of_the_province_is_one_line(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-01", 70).await;
        let mut body = new_activity(id_in(&team, "id"));
        body["locality_id"] = json!(place("48"));
        let activity = leader.post("/v1/activities", &body).await.ok(201);
        t.submitted(&leader, &activity, "2024-07-02", 30).await;
        let told = places(t, DA_NANG).await;
        let of = by_code(&told);
        assert_eq!((of["48"].0, of["elsewhere"].0, of.len()), (Some(30), Some(70), 2), "{told}");
        assert!(t.stranger.get("/provinces/TD-48?lang=en").await.text().contains("Outside of the province"));
        // A union without a territory: by province.
        let (team, leader) = t.deployed_team(seeded_unit("TW-QD")).await;
        let activity = t.activity(&leader, &team).await;
        t.submitted(&leader, &activity, "2024-07-01", 25).await;
        assert_eq!(by_code(&places(t, "TW-QD").await)["01"].0, Some(25));
    }

    async fn tables_and_documents_add_up_to_the_figure(t: &T) {
        in_wards(t, &[("00001", 40), ("00037", 60), ("00091", 5)]).await;
        let total = 105;
        let curve = t.stranger.get("/v1/public/curve").await.ok(200);
        assert_eq!((curve["reported"].as_i64(), &curve["target"], &curve["forecast_low"]), (Some(total), &json!(6_000_000), &Value::Null));
        let last = curve["data"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["day"], &last["reported"], &last["reported_total"]), (&json!("2024-07-03"), &json!(5), &json!(total)));
        let sum = |table: &[Vec<String>], column: usize| table[1..].iter().map(|row| row[column].parse::<i64>().unwrap()).sum::<i64>();
        for (path, header, column) in [
            ("curve.csv", "day,reported,verified,reported_total,verified_total", 1),
            ("provinces.csv", "code,name,name_en,kind,target,reported,verified,percent", 5),
            ("topics.csv", "key,name,name_en,reported,verified", 3),
            ("audiences.csv", "key,name,name_en,reported,verified", 3),
            ("progress.csv", "campaign,province,name,target,reported,verified,percent,verified_percent,as_of,ledger_seq", 4),
        ] {
            let table = rows(&t.stranger.get(&format!("/v1/public/{path}")).await);
            assert_eq!(table[0].join(","), header, "{path}");
            assert_eq!(sum(&table, column), total, "{path}");
            if path != "provinces.csv" {
                let own = rows(&t.stranger.get(&format!("/v1/public/{path}?province=TD-48")).await);
                assert_eq!(sum(&own, column), 0, "{path}");
                let own = rows(&t.stranger.get(&format!("/v1/public/{path}?province=TD-01")).await);
                assert_eq!(sum(&own, column), total, "{path}");
            }
        }
        for path in ["provinces", "topics", "audiences"] {
            let told = t.stranger.get(&format!("/v1/public/{path}")).await.ok(200);
            let of: i64 = told["data"].as_array().unwrap().iter().map(|row| row["reported"].as_i64().unwrap()).sum();
            assert_eq!(of, total, "{path}");
        }
    }

    async fn a_units_own_target_makes_its_percentage_and_the_maps(t: &T) {
        in_wards(t, &[("00001", 40)]).await;
        let etag = t.stranger.get("/").await.etag();
        let path = format!("/v1/indicators/{}/targets/{}", crate::harness::world::indicator(), seeded_unit(HA_NOI));
        t.admin.send(Method::PUT, &path).json(&json!({"value": 80})).await.ok(201);
        let page = t.stranger.get("/?lang=en").await;
        assert!(page.etag() != etag && page.text().contains("Ha Noi City Youth Union: 50% of its own target, 40 turns"));
        assert!(t.stranger.get("/provinces/TD-01?lang=en").await.text().contains(">50.0%<"));
        let table = rows(&t.stranger.get("/v1/public/provinces.csv").await);
        assert!(table.iter().any(|row| row[0] == "TD-01" && row[4] == "80" && row[7] == "50"), "{table:?}");
        let events = t.stranger.get("/v1/public/progress/events?province=TD-01").await;
        assert!(events.text().contains("\"target\":80,\"reported\":40"), "{}", events.text());
    }

    async fn a_name_that_is_a_formula_is_text_in_a_table(t: &T) {
        let path = format!("/v1/org-units/{}", seeded_unit(HA_NOI));
        t.admin.patch(&path, &json!({"name": "=HYPERLINK(\"http://x\")"})).if_match("*").await.ok(200);
        let table = rows(&t.stranger.get("/v1/public/provinces.csv").await);
        assert!(table.iter().any(|row| row[0] == "TD-01" && row[1] == "'=HYPERLINK(\"http://x\")"), "{table:?}");
    }

    async fn pictures_come_as_svg_and_png_and_are_kept_until_something_changes(t: &T) {
        in_wards(t, &[("00001", 40)]).await;
        for picture in PICTURES {
            for (form, media) in [("svg", "image/svg+xml; charset=utf-8"), ("png", "image/png")] {
                let path = format!("{picture}.{form}?lang=en&width=360&theme=dark");
                let drawn = t.stranger.get(&path).header("accept", "image/*").await;
                assert_eq!((drawn.status, drawn.header("content-type")), (200, Some(media)), "{path}");
                assert_eq!(drawn.header("cache-control"), Some("public, max-age=0, must-revalidate"));
                assert_eq!(drawn.header("cross-origin-resource-policy"), Some("cross-origin"));
                let width = if form == "png" {
                    assert!(drawn.bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{path}");
                    u32::from_be_bytes(drawn.bytes[16..20].try_into().unwrap())
                } else {
                    drawn.text().split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
                };
                assert_eq!(width, 360, "{path}");
                let again = t.stranger.get(&path).header("if-none-match", drawn.etag()).await;
                assert_eq!((again.status, again.bytes.len(), again.etag()), (304, 0, drawn.etag()), "{path}");
                let head = t.stranger.send(Method::HEAD, &path).await;
                assert_eq!((head.status, head.etag()), (200, drawn.etag()), "{path}");
            }
        }
        let etag = t.stranger.get("/v1/public/curve.svg").await.etag();
        in_wards(t, &[("00037", 2)]).await;
        let moved = t.stranger.get("/v1/public/curve.svg").header("if-none-match", &etag).await;
        assert!(moved.status == 200 && moved.etag() != etag && moved.text().contains(">42 "), "{}", moved.text());
        let name = json!({"name": "Đoàn Thủ đô"});
        t.admin.patch(&format!("/v1/org-units/{}", seeded_unit(HA_NOI)), &name).if_match("*").await.ok(200);
        assert!(t.stranger.get("/v1/public/progress.svg?province=TD-01").await.text().contains("Đoàn Thủ đô"));
        let indicator = format!("/v1/indicators/{}", crate::harness::world::indicator());
        t.admin.patch(&indicator, &json!({"target_value": 84})).if_match("*").await.ok(200);
        assert!(t.stranger.get("/v1/public/progress.svg?lang=en").await.text().contains("50.0%"));
    }

    async fn pictures_and_tables_refuse_what_they_do_not_know(t: &T) {
        for (query, place, code) in [
            ("width=319", "width", "out_of_range"),
            ("width=1601", "width", "out_of_range"),
            ("width=wide", "width", "wrong_type"),
            ("theme=pink", "theme", "not_allowed_value"),
            ("lang=fr", "lang", "not_allowed_value"),
            ("colour=red", "colour", "unknown_parameter"),
        ] {
            for picture in PICTURES {
                for form in ["svg", "png"] {
                    t.stranger.get(&format!("{picture}.{form}?{query}")).await.faults(400, &[(place, code)]);
                }
            }
        }
        for path in ["progress.svg", "curve.png", "curve", "topics.csv", "localities", "progress.csv", "progress/events"] {
            t.stranger
                .get(&format!("/v1/public/{path}?province=TD-99"))
                .await
                .faults(400, &[("province", "reference_not_found")]);
        }
        t.stranger.get("/v1/public/localities").await.faults(400, &[("province", "required")]);
        t.stranger.get("/v1/public/provinces?province=TD-01").await.faults(400, &[("province", "unknown_parameter")]);
    }

    async fn oembed_gives_the_frame_of_a_page_of_ours(t: &T) {
        let settings = Settings { public_url: "https://tinhnguyen.example".to_owned(), ..Settings::default() };
        let replica = t.replica_with(settings).await;
        let stranger = replica.asked_by(&t.stranger);
        let ask = async |query: &str| stranger.get(&format!("/oembed?{query}")).lenient().await;
        for (url, frame) in [
            ("https://tinhnguyen.example", "https://tinhnguyen.example/embed?lang=vi"),
            ("https://tinhnguyen.example/?lang=en", "https://tinhnguyen.example/embed?lang=en"),
            ("https://tinhnguyen.example/provinces/TD-01?theme=dark", "https://tinhnguyen.example/embed?lang=vi&amp;theme=dark&amp;province=TD-01"),
            ("https://tinhnguyen.example/embed?province=TD-48", "https://tinhnguyen.example/embed?lang=vi&amp;province=TD-48"),
        ] {
            let url: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
            let told = ask(&format!("url={url}&maxwidth=500&maxheight=9000")).await;
            assert_eq!(told.header("content-type"), Some("application/json"));
            let told = told.ok(200);
            assert_eq!((&told["version"], &told["type"], &told["width"], &told["height"]), (&json!("1.0"), &json!("rich"), &json!(500), &json!(440)));
            assert!(told["html"].as_str().unwrap().starts_with(&format!("<iframe src=\"{frame}\" ")), "{told}");
            let xml = ask(&format!("url={url}&format=xml")).await;
            assert_eq!((xml.status, xml.header("content-type")), (200, Some("text/xml; charset=utf-8")));
            assert!(xml.text().starts_with("<?xml version=\"1.0\"") && xml.text().contains("<html>&lt;iframe src="), "{}", xml.text());
        }
        for url in ["https%3A%2F%2Felsewhere.example%2F", "https%3A%2F%2Ftinhnguyen.example%2Fdocs", "x", "https%3A%2F%2Ftinhnguyen.example%2Fprovinces%2FTD-99", "https%3A%2F%2Ftinhnguyen.example.evil.example%2F", "javascript%3Aalert(1)"] {
            assert_eq!(ask(&format!("url={url}")).await.status, 404, "{url}");
        }
        let whole = "url=https%3A%2F%2Ftinhnguyen.example%2F";
        assert_eq!(ask(&format!("{whole}&format=yaml")).await.status, 501);
        for wrong in ["", "url=", &format!("{whole}&maxwidth=wide"), &format!("{whole}&maxheight=0")] {
            assert!(matches!(ask(wrong).await.status, 400 | 404), "{wrong}");
        }
        assert_eq!(ask("").await.status, 400);
        let page = stranger.get("/provinces/TD-01").lenient().await;
        let link = "https://tinhnguyen.example/oembed?url=https%3A%2F%2Ftinhnguyen.example%2Fprovinces%2FTD-01&#38;format=json";
        assert!(page.text().contains(link), "{}", page.text());
        assert!(!t.stranger.get("/").await.text().contains("json+oembed"), "a service that doesn't know its address offers none");
        let here = t.stranger.get("/oembed?url=http%3A%2F%2Flocalhost%3A8080%2F").header("host", "localhost:8080").await.ok(200);
        assert!(here["html"].as_str().unwrap().contains("http://localhost:8080/embed"));
        t.stranger.get("/oembed?url=http%3A%2F%2Fother%2F").header("host", "localhost:8080").await.problem(404, "not_found");
    }

    async fn whoever_listens_is_told_at_once_and_then_what_is_newer(t: &T) {
        in_wards(t, &[("00001", 40)]).await;
        let first = t.stranger.get("/v1/public/progress/events").header("accept", "text/event-stream").await;
        assert_eq!((first.status, first.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!((first.header("cache-control"), first.header("x-accel-buffering")), (Some("no-store"), Some("no")));
        let told = events(first.text());
        assert_eq!((told[0]["retry"].as_str(), told[1]["event"].as_str()), ("5000", "progress"));
        let data: Value = serde_json::from_str(&told[1]["data"]).unwrap();
        assert_eq!((&data["reported"], &data["target"], &data["ledger_seq"].to_string()), (&json!(40), &json!(6_000_000), &told[1]["id"]));
        // Who has it is greeted and nothing more.
        let known = t.stranger.get("/v1/public/progress/events").header("last-event-id", &told[1]["id"]).await;
        assert_eq!(events(known.text()).len(), 1, "{}", known.text());
        let own = t.stranger.get("/v1/public/progress/events?province=TD-48").await;
        let data: Value = serde_json::from_str(&events(own.text())[1]["data"]).unwrap();
        assert_eq!((&data["reported"], &data["target"]), (&json!(0), &Value::Null));
        let packed = t.stranger.get("/v1/public/progress/events").header("accept-encoding", "gzip, br").await;
        assert!(packed.text().starts_with("retry:"), "an event is never held back to be compressed");
        let head = t.stranger.send(Method::HEAD, "/v1/public/progress/events").await;
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(t.app.public.live.listeners(), 0, "whoever goes leaves the seat");
    }

    async fn an_open_page_hears_of_a_new_figure_and_of_the_end(t: &T) {
        use tinhnguyen_http::public::live;
        let address = tinhnguyen_http::address::ClientAddress("198.51.100.7".parse().unwrap());
        let mut listening = std::pin::pin!(live::listen(&t.app, address, None, None).unwrap());
        let mut heard = async || {
            use futures_util::StreamExt;
            let next = tokio::time::timeout(Duration::from_secs(20), listening.next()).await.expect("something is said");
            next.map(|said| String::from_utf8(said.unwrap().to_vec()).unwrap())
        };
        assert!(heard().await.unwrap().contains("\"reported\":0"));
        assert_eq!(t.app.public.live.listeners(), 1);
        in_wards(t, &[("00001", 40)]).await;
        assert!(heard().await.unwrap().contains("\"reported\":40"));
        t.app.waiting.close();
        assert_eq!(heard().await, None, "the service stops, and nobody holds it up");
    }

    async fn only_so_many_may_listen(t: &T) {
        use tinhnguyen_http::public::live;
        let address = tinhnguyen_http::address::ClientAddress("198.51.100.7".parse().unwrap());
        let seated: Vec<_> = (0..100).map(|_| live::listen(&t.app, address, None, None).ok().unwrap()).collect();
        let full = t.stranger.get("/v1/public/progress/events").from("198.51.100.7").lenient().await;
        full.problem(503, "unavailable");
        assert_eq!(full.header("retry-after"), Some("30"));
        assert_eq!(t.stranger.get("/v1/public/progress/events").from("198.51.100.8").await.status, 200);
        drop(seated);
        assert_eq!(t.stranger.get("/v1/public/progress/events").from("198.51.100.7").await.status, 200);
    }

    async fn the_pages_script_is_ours_and_cached(t: &T) {
        let script = t.stranger.get("/pages.js").await;
        assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
        assert_eq!(t.stranger.get("/pages.js").header("if-none-match", script.etag()).await.status, 304);
        let policy = t.stranger.get("/").await.header("content-security-policy").unwrap().to_owned();
        for part in ["script-src 'self'", "connect-src 'self'", "frame-ancestors *", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
    }
}
