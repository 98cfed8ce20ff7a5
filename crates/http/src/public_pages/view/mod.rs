//! The pages as their templates want them: every figure is already a text, every length a percentage.

mod facts;
mod places;
mod ranking;
mod tiles;

use super::{
    bars::{Bar, Gauge},
    curve::{Curve, PAGE},
    format,
    input::{Dashboard, Figures, Forecast, Label, Lang, Share, Theme, Unit},
    look::{Look, Sort, Way, color_scheme, path_of},
    words::Words,
};
use askama::Template;
use chrono::{NaiveDate, SecondsFormat};
use facts::Fact;
use places::Places;
use ranking::Ranking;
use tiles::MapView;
use url::form_urlencoded::byte_serialize;

/// A name and, where it is not in the page's language, the language that it is in.
#[derive(Debug)]
pub(super) struct Text {
    text: String,
    lang: Option<&'static str>,
}

impl Text {
    fn new(label: &Label, lang: Lang) -> Self {
        let (text, its) = label.in_lang(lang);
        Self { text: text.to_owned(), lang: (its != lang).then(|| its.tag()) }
    }
}

/// What every page has around it.
#[derive(Debug)]
struct Frame {
    t: &'static Words,
    lang: &'static str,
    theme: &'static str,
    demo: bool,
    campaign: Text,
    head_title: String,
    summary: String,
    home: String,
    languages: Vec<Way>,
    themes: Vec<Way>,
    /// Address of the page for whoever asks how to embed it, as JSON and as XML; only where the service knows its own.
    oembed: Option<[String; 2]>,
    /// The picture that stands for the page where it is linked to.
    picture: Option<String>,
}

/// The figure towards the target.
#[derive(Debug)]
struct Hero {
    heading: Text,
    /// What is counted, beneath a unit's name.
    beneath: Option<Text>,
    empty: bool,
    reported: String,
    verified: String,
    reported_percent: Option<String>,
    verified_percent: Option<String>,
    target: Option<String>,
    target_number: i64,
    gauge: Gauge,
    summary: String,
    updated: String,
    updated_iso: String,
    /// Where the script hears of new figures.
    events: String,
    ledger_seq: i64,
}

/// Other forms of what a section shows.
#[derive(Debug)]
struct Data {
    of: &'static str,
    links: Vec<(&'static str, String)>,
}

/// The curve and what it says.
#[derive(Debug)]
struct CurveView {
    curve: Curve,
    size: String,
    says: String,
    target: Option<String>,
    data: Data,
}

/// A topic or an audience.
#[derive(Debug)]
struct Part {
    name: Text,
    reported: String,
    verified: String,
    share: String,
    bar: Bar,
}

/// A list of bars.
#[derive(Debug)]
struct Group {
    title: &'static str,
    id: &'static str,
    parts: Vec<Part>,
    data: Data,
}

/// What the foot of a page offers.
#[derive(Debug)]
struct Foot {
    ledger_seq: String,
    /// Lines of HTML for a portal, each with what it is for.
    embed: Vec<(&'static str, String)>,
    links: Vec<(&'static str, &'static str, String)>,
}

/// The country's page.
#[derive(Debug, Template)]
#[template(path = "public_pages/dashboard.html", whitespace = "minimize")]
pub(super) struct Page {
    f: Frame,
    hero: Hero,
    facts: Vec<Fact>,
    curve: CurveView,
    groups: Vec<Group>,
    map: MapView,
    map_data: Data,
    ranking: Ranking,
    foot: Foot,
}

impl Page {
    /// Lays out the page.
    pub(super) fn new(page: &Dashboard, look: &Look) -> Self {
        let t = Words::of(look.lang);
        Self {
            f: Frame::new(page, look, "/"),
            hero: Hero::new(page, look.lang),
            facts: facts::facts(page, look.lang),
            curve: CurveView::new(page, look),
            groups: groups(page, look),
            map: MapView::new(page, look),
            map_data: data(page, look, t.map, "provinces", true),
            ranking: Ranking::new(page, look),
            foot: Foot::new(page, look),
        }
    }
}

/// A unit's page.
#[derive(Debug, Template)]
#[template(path = "public_pages/province.html", whitespace = "minimize")]
pub(super) struct UnitPage {
    f: Frame,
    hero: Hero,
    facts: Vec<Fact>,
    curve: CurveView,
    groups: Vec<Group>,
    places: Option<Places>,
    places_data: Data,
    foot: Foot,
}

impl UnitPage {
    /// Lays out the page.
    pub(super) fn new(page: &Dashboard, look: &Look) -> Self {
        let t = Words::of(look.lang);
        let path = page.whose.as_ref().map_or_else(|| "/".to_owned(), |whose| path_of(&whose.code));
        Self {
            f: Frame::new(page, look, &path),
            hero: Hero::new(page, look.lang),
            facts: facts::facts(page, look.lang),
            curve: CurveView::new(page, look),
            groups: groups(page, look),
            places: Places::new(page, look.lang),
            places_data: data(page, look, t.localities, "localities", false),
            foot: Foot::new(page, look),
        }
    }
}

/// The page of a unit that isn't there.
#[derive(Debug, Template)]
#[template(path = "public_pages/missing.html", whitespace = "minimize")]
pub(super) struct MissingPage {
    f: Frame,
    code: String,
}

impl MissingPage {
    /// Lays out the page; `page` is the country's.
    pub(super) fn new(page: &Dashboard, look: &Look, code: &str) -> Self {
        let f = Frame { oembed: None, picture: None, ..Frame::new(page, look, &path_of(code)) };
        let head_title = f.t.missing_title.to_owned();
        Self { f: Frame { summary: head_title.clone(), head_title, ..f }, code: code.to_owned() }
    }
}

/// The page that stands in a frame of a portal.
#[derive(Debug, Template)]
#[template(path = "public_pages/embed.html", whitespace = "minimize")]
pub(super) struct EmbedPage {
    f: Frame,
    hero: Hero,
    whole: String,
}

impl EmbedPage {
    /// Lays out the page.
    pub(super) fn new(page: &Dashboard, look: &Look) -> Self {
        let path = page.whose.as_ref().map_or_else(|| "/".to_owned(), |whose| path_of(&whose.code));
        Self { f: Frame::new(page, look, &path), hero: Hero::new(page, look.lang), whole: look.href(&path) }
    }
}

impl Frame {
    fn new(page: &Dashboard, look: &Look, path: &str) -> Self {
        let (t, lang) = (Words::of(look.lang), look.lang);
        let mark = if page.demo { format!("[{}] ", t.demo_mark) } else { String::new() };
        let title = page.title().in_lang(lang).0;
        let head_title = format!("{mark}{} \u{b7} {title}", format::number(page.total.reported, lang));
        let base = page.public_url.as_deref();
        Self {
            t,
            lang: lang.tag(),
            theme: look.theme.tag(),
            demo: page.demo,
            campaign: Text::new(&page.campaign, lang),
            head_title,
            summary: summary(page.total, page.target, lang),
            home: Look { q: String::new(), sort: Sort::default(), ..look.clone() }.href("/"),
            languages: look.languages(path),
            themes: look.themes(path),
            oembed: base.map(|base| {
                let address: String = byte_serialize(format!("{base}{path}").as_bytes()).collect();
                ["json", "xml"].map(|format| format!("{base}/oembed?url={address}&format={format}"))
            }),
            picture: base.map(|base| format!("{base}{}", form_of(page, look, "progress", "png", true))),
        }
    }

    /// The colours that browsers paint their own parts in.
    fn color_scheme(&self) -> &'static str {
        color_scheme(self.theme)
    }
}

impl Hero {
    fn new(page: &Dashboard, lang: Lang) -> Self {
        let total = page.total;
        let events = "/v1/public/progress/events".to_owned();
        Self {
            heading: Text::new(page.title(), lang),
            beneath: page.whose.is_some().then(|| Text::new(&page.indicator, lang)),
            empty: total == Figures::default() && page.days.is_empty(),
            reported: format::number(total.reported, lang),
            verified: format::number(total.verified, lang),
            reported_percent: format::percent(total.reported, page.target, lang),
            verified_percent: format::percent(total.verified, page.target, lang),
            target: (page.target > 0).then(|| format::number(page.target, lang)),
            target_number: page.target,
            gauge: Gauge::new(total, page.target, lang),
            summary: summary(total, page.target, lang),
            updated: format::instant(page.as_of, lang),
            updated_iso: page.as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
            events: match &page.whose {
                Some(whose) => format!("{events}?province={}", encoded(&whose.code)),
                None => events,
            },
            ledger_seq: page.ledger_seq,
        }
    }
}

impl CurveView {
    fn new(page: &Dashboard, look: &Look) -> Self {
        let (lang, t) = (look.lang, Words::of(look.lang));
        Self {
            curve: Curve::new(page, lang, PAGE),
            size: format!("0 0 {} {}", PAGE.w, PAGE.h),
            says: curve_says(page, lang),
            target: (page.target > 0).then(|| format::number(page.target, lang)),
            data: data(page, look, t.curve, "curve", true),
        }
    }
}

impl Foot {
    fn new(page: &Dashboard, look: &Look) -> Self {
        let t = Words::of(look.lang);
        let embed = page.public_url.as_deref().map(|base| {
            let escape = super::pictures::escape;
            let picture = escape(&format!("{base}{}", form_of(page, look, "progress", "svg", true)));
            let alt = escape(page.title().in_lang(look.lang).0);
            let province = page.whose.as_ref().map(|whose| format!("&province={}", encoded(&whose.code)));
            let frame = format!("{base}/embed?lang={}{}", look.lang.tag(), province.unwrap_or_default());
            let frame = escape(&frame);
            vec![
                (t.embed, format!(r#"<img src="{picture}" alt="{alt}" width="640">"#)),
                (t.frame, format!(r#"<iframe src="{frame}" title="{alt}" width="640" height="440"></iframe>"#)),
            ]
        });
        Self {
            ledger_seq: format::number(page.ledger_seq, look.lang),
            embed: embed.unwrap_or_default(),
            links: vec![
                (t.json, t.json_text, "/v1/public/progress".to_owned()),
                (t.csv, t.csv_text, form_of(page, look, "progress", "csv", false)),
                (t.svg, t.svg_text, form_of(page, look, "progress", "svg", true)),
                (t.png, t.svg_text, form_of(page, look, "progress", "png", true)),
                (t.docs, t.docs_text, "/docs/".to_owned()),
            ],
        }
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The address of another form of what a page shows: a picture in the page's language and colours, or data.
fn form_of(page: &Dashboard, look: &Look, what: &str, form: &str, picture: bool) -> String {
    let mut query = Vec::new();
    if let Some(whose) = &page.whose {
        query.push(format!("province={}", encoded(&whose.code)));
    }
    if picture {
        query.push(format!("lang={}", look.lang.tag()));
        if look.theme == Theme::Dark {
            query.push("theme=dark".to_owned());
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let dot = if form == "json" { String::new() } else { format!(".{form}") };
    format!("/v1/public/{what}{dot}{query}")
}

fn data(page: &Dashboard, look: &Look, of: &'static str, what: &str, pictures: bool) -> Data {
    let mut links =
        vec![("CSV", form_of(page, look, what, "csv", false)), ("JSON", form_of(page, look, what, "json", false))];
    if pictures {
        links.push(("SVG", form_of(page, look, what, "svg", true)));
        links.push(("PNG", form_of(page, look, what, "png", true)));
    }
    Data { of, links }
}

/// The two lists of bars.
fn groups(page: &Dashboard, look: &Look) -> Vec<Group> {
    let t = Words::of(look.lang);
    let group = |title, id, shares: &[Share], rank| Group {
        title,
        id,
        parts: parts(shares, rank, look.lang),
        data: data(page, look, title, id, false),
    };
    let groups =
        [group(t.topics, "topics", &page.topics, true), group(t.audiences, "audiences", &page.audiences, false)];
    groups.into_iter().filter(|group| !group.parts.is_empty()).collect()
}

fn dates(first: NaiveDate, last: NaiveDate, lang: Lang) -> String {
    format!("{} \u{2013} {}", format::date(first, lang), format::date(last, lang))
}

/// The figures in a sentence: the page's description, and what bar and curve say to those who don't see them.
pub(super) fn summary(total: Figures, target: i64, lang: Lang) -> String {
    let number = |value| format::number(value, lang);
    let (reported, verified, of) = (number(total.reported), number(total.verified), number(target));
    match (format::percent(total.reported, target, lang), lang) {
        (Some(percent), Lang::Vi) => format!(
            "Đã báo cáo {reported} lượt, bằng {percent} chỉ tiêu {of} lượt; trong đó {verified} lượt đã được xác nhận."
        ),
        (Some(percent), Lang::En) => {
            format!("{reported} turns reported, {percent} of the target of {of}; {verified} of them verified.")
        }
        (None, Lang::Vi) => format!("Đã báo cáo {reported} lượt; trong đó {verified} lượt đã được xác nhận."),
        (None, Lang::En) => format!("{reported} turns reported; {verified} of them verified."),
    }
}

/// The curve in words.
pub(super) fn curve_says(page: &Dashboard, lang: Lang) -> String {
    let day = format::date(format::local(page.as_of).date(), lang);
    let summary = summary(page.total, page.target, lang);
    let ahead = page.forecast.filter(|_| page.total != Figures::default()).map(|forecast| {
        let total = format::number(forecast.total, lang);
        match lang {
            Lang::Vi => format!(" Dự báo khi chiến dịch kết thúc: {total} lượt."),
            Lang::En => format!(" Forecast for the campaign's end: {total} turns."),
        }
    });
    let ahead = ahead.unwrap_or_default();
    match lang {
        Lang::Vi => format!("Đồ thị số lượt cộng dồn theo ngày, đến {day}. {summary}{ahead}"),
        Lang::En => format!("Graph of cumulative turns by day, up to {day}. {summary}{ahead}"),
    }
}

fn parts(shares: &[Share], rank: bool, lang: Lang) -> Vec<Part> {
    let sum = shares.iter().fold(0_i64, |sum, s| sum.saturating_add(s.figures.reported));
    let most = shares.iter().map(|s| s.figures.reported).max().unwrap_or(0);
    let mut shares: Vec<_> = shares.iter().filter(|s| s.figures != Figures::default()).collect();
    if rank {
        shares.sort_by_key(|s| std::cmp::Reverse(s.figures.reported));
    }
    let part = |share: &Share| Part {
        name: Text::new(&share.name, lang),
        reported: format::number(share.figures.reported, lang),
        verified: format::number(share.figures.verified, lang),
        share: format::percent(share.figures.reported, sum, lang).unwrap_or_default(),
        bar: Bar::new(share.figures, most),
    };
    shares.into_iter().map(part).collect()
}
