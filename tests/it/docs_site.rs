//! The documentation as a site: every page in both languages, every link leads somewhere, nothing comes from elsewhere.

use crate::harness::T;
use std::collections::{BTreeSet, VecDeque};
use tinhnguyen_http::problem::{Code, Lang};

/// A page without what it only shows: code has attributes too.
fn outside_code(html: &str) -> String {
    let mut pieces = html.split("<pre");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.filter_map(|piece| piece.split_once("</pre>")).fold(first, |text, (_, rest)| text + rest)
}

/// What attributes of this name say, unescaped as far as addresses want it.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let begin = format!(" {name}=\"");
    html.split(begin.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|v| v.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

both! {
    async fn every_link_of_the_site_leads_somewhere(t: &T) {
        let mut wanted: VecDeque<String> = ["/docs/", "/docs/?lang=en&theme=dark"].map(str::to_owned).into();
        let (mut seen, mut pages, mut operations) = (BTreeSet::new(), 0, BTreeSet::new());
        while let Some(address) = wanted.pop_front() {
            let (path, fragment) = address.split_once('#').unwrap_or((&address, ""));
            if !seen.insert(address.clone()) {
                continue;
            }
            let answer = t.stranger.get(path).await;
            assert_eq!(answer.status, 200, "{address}");
            if let Some(operation) = fragment.strip_prefix('/') {
                assert!(path.starts_with("/docs/api/"), "{address}");
                operations.insert(operation.to_owned());
                continue;
            }
            let site = path.starts_with("/docs") || path.starts_with("/problems");
            if answer.header("content-type") != Some("text/html; charset=utf-8") {
                continue;
            }
            let html = &outside_code(answer.text());
            if !fragment.is_empty() {
                assert!(attributes(html, "id").iter().any(|id| id == fragment), "{address}");
            }
            if !site {
                continue;
            }
            pages += 1;
            for src in attributes(html, "src") {
                assert!(src.starts_with('/'), "{address} loads {src}");
                wanted.push_back(src);
            }
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{address}: {policy}");
            for href in attributes(html, "href") {
                if let Some(local) = href.strip_prefix('#') {
                    assert!(attributes(html, "id").iter().any(|id| id == local), "{address}: #{local}");
                } else if href.starts_with('/') {
                    wanted.push_back(href);
                } else {
                    assert!(href.starts_with("https://") || href.starts_with("data:"), "{address}: {href}");
                }
            }
        }
        // Start, guides, reference, catalogue and all codes, in two languages and three themes.
        assert!(pages >= 6 * (3 + Code::ALL.len()), "only {pages} pages");
        let known: BTreeSet<String> =
            t.app.contract.operations().into_iter().map(|one| format!("{}/{}", one.tag, one.id)).collect();
        assert!(operations.is_subset(&known), "{:?}", operations.difference(&known));
        assert_eq!(operations.len(), known.len(), "no problem leads to {:?}", known.difference(&operations));
    }

    async fn every_code_says_what_happened_why_what_to_do_and_where(t: &T) {
        let operations = t.app.contract.operations();
        for (lang, tag) in [(Lang::Vi, "vi"), (Lang::En, "en")] {
            let list = t.stranger.get(&format!("/problems?lang={tag}")).await;
            for code in Code::ALL {
                assert!(list.text().contains(&format!(">{}</code>", code.as_str())), "{code:?}");
                let page = t.stranger.get(&format!("/problems/{}?lang={tag}", code.as_str())).await;
                assert_eq!((page.status, page.header("content-language")), (200, Some(tag)));
                let html = page.text();
                assert!(html.contains(&format!("<html lang=\"{tag}\"")), "{code:?}");
                assert!(html.contains(&format!("HTTP {}", code.status())), "{code:?}");
                // Words beside the marks of code and what HTML escapes.
                for words in [code.title(lang), code.reason(lang), code.remedy(lang)] {
                    let piece = words.split(['`', '\'', '<', '&', '"']).max_by_key(|piece| piece.len()).unwrap();
                    assert!(html.contains(piece.trim()), "{code:?} in {tag}: {piece}");
                }
                for one in operations.iter().filter(|one| one.codes.contains(code)) {
                    assert!(html.contains(&format!("#/{}/{}\"", one.tag, one.id)), "{code:?}: {}", one.id);
                }
                assert!(html.contains(&format!("&#34;code&#34;: &#34;{}&#34;", code.as_str())), "{code:?}: no example");
            }
        }
        // Without `?lang=`, as the browser prefers.
        let page = t.stranger.get("/problems/not_found").header("accept-language", "en-GB,vi;q=0.5").await;
        assert_eq!(page.header("content-language"), Some("en"));
        t.stranger.get("/problems/khong-co").await.problem(404, "not_found");
    }

    async fn a_reason_is_no_second_title(_t: &T) {
        for code in Code::ALL {
            for lang in [Lang::Vi, Lang::En] {
                let (title, reason, remedy) = (code.title(lang), code.reason(lang), code.remedy(lang));
                assert!(reason.len() > 30 && reason.ends_with('.'), "{code:?}: {reason}");
                assert!(reason != title && reason != remedy, "{code:?}: {reason}");
            }
            assert_ne!(code.reason(Lang::Vi), code.reason(Lang::En), "{code:?}");
        }
    }

    async fn the_reference_comes_out_of_the_binary(t: &T) {
        for (from, to) in [("/docs", "/docs/"), ("/docs/api", "/docs/api/")] {
            let moved = t.stranger.get(from).await;
            assert_eq!((moved.status, moved.header("location")), (308, Some(to)));
        }
        let page = t.stranger.get("/docs/api/?theme=dark").await.text().to_owned();
        assert!(page.contains("data-theme=\"dark\"") && page.contains("id=\"swagger-ui\""));
        let swagger = ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js"];
        for file in swagger.into_iter().chain(["colours.js"]) {
            assert!(page.contains(&format!("\"/docs/api/{file}\"")), "{file}");
            let served = t.stranger.get(&format!("/docs/api/{file}")).await;
            assert_eq!(served.status, 200, "{file}");
            let again = t.stranger.get(&format!("/docs/api/{file}")).header("if-none-match", served.etag()).await;
            assert_eq!(again.status, 304, "{file}");
        }
        let initializer = t.stranger.get("/docs/api/swagger-initializer.js").await;
        assert_eq!(initializer.header("content-type"), Some("text/javascript"));
        assert!(initializer.text().contains("/openapi.json") && initializer.text().contains("\"deepLinking\": true"));
        t.stranger.get("/docs/../../Cargo.toml").await.problem(404, "not_found");
        t.stranger.get("/docs/guides/khong-co").await.problem(404, "not_found");
        t.stranger.get("/docs/api/khong-co.js").await.problem(404, "not_found");
    }
}
