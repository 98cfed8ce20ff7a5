//! The page as its template wants it: every figure is already a text, every length a percentage.

use super::{
    bars::{Bar, Gauge},
    curve::{Curve, HEIGHT, WIDTH},
    format,
    input::{Dashboard, Figures, Label, Lang, Share, Unit},
    words::Words,
};
use askama::Template;
use chrono::{NaiveDate, SecondsFormat};

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

/// A figure of the campaign's day, with what it means and a line beneath.
#[derive(Debug)]
struct Fact {
    figure: String,
    meaning: String,
    beneath: String,
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

/// A row of the table.
#[derive(Debug)]
struct Row {
    rank: usize,
    name: Text,
    reported: String,
    verified: String,
    share: String,
    of_target: Option<String>,
    bar: Bar,
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "public_pages/dashboard.html", whitespace = "minimize")]
pub(super) struct Page {
    t: &'static Words,
    lang: &'static str,
    demo: bool,
    empty: bool,
    campaign: Text,
    indicator: Text,
    head_title: String,
    summary: String,
    reported: String,
    verified: String,
    reported_percent: Option<String>,
    verified_percent: Option<String>,
    target: Option<String>,
    gauge: Gauge,
    updated: String,
    updated_iso: String,
    ledger_seq: String,
    facts: Vec<Fact>,
    curve: Curve,
    curve_size: String,
    curve_says: String,
    topics: Vec<Part>,
    audiences: Vec<Part>,
    rows: Vec<Row>,
    silent: Vec<Text>,
    silent_says: String,
    embed: Option<String>,
}

impl Page {
    /// Lays out the page.
    pub(super) fn new(page: &Dashboard, lang: Lang) -> Self {
        let t = Words::of(lang);
        let number = |value| format::number(value, lang);
        let total = page.total;
        let reported_percent = format::percent(total.reported, page.target, lang);
        let target = (page.target > 0).then(|| number(page.target));
        let indicator = Text::new(&page.indicator, lang);
        let summary = summary(page.total, page.target, lang);
        let mark = if page.demo { format!("[{}] ", t.demo_mark) } else { String::new() };
        let head_title = format!("{mark}{} \u{b7} {}", number(total.reported), indicator.text);
        let (silent, rows) = rows(&page.units, total.reported, lang);
        Self {
            t,
            lang: lang.tag(),
            demo: page.demo,
            empty: total == Figures::default() && page.days.is_empty(),
            campaign: Text::new(&page.campaign, lang),
            indicator,
            head_title,
            summary,
            reported: number(total.reported),
            verified: number(total.verified),
            reported_percent,
            verified_percent: format::percent(total.verified, page.target, lang),
            target,
            gauge: Gauge::new(total, page.target, lang),
            updated: format::instant(page.as_of, lang),
            updated_iso: page.as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
            ledger_seq: number(page.ledger_seq),
            facts: facts(page, lang),
            curve: Curve::new(page, lang),
            curve_size: format!("0 0 {WIDTH} {HEIGHT}"),
            curve_says: curve_says(page, lang),
            topics: parts(&page.topics, true, lang),
            audiences: parts(&page.audiences, false, lang),
            rows,
            silent_says: silent_says(silent.len(), lang),
            silent,
            embed: page.public_url.as_deref().map(|url| embed(url, page, lang)),
        }
    }

    /// The two lists of bars: heading, its id, and the bars.
    fn groups(&self) -> [(&'static str, &'static str, &[Part]); 2] {
        [(self.t.topics, "topics", &self.topics), (self.t.audiences, "audiences", &self.audiences)]
    }
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

fn curve_says(page: &Dashboard, lang: Lang) -> String {
    let day = format::date(format::local(page.as_of).date(), lang);
    let summary = summary(page.total, page.target, lang);
    match lang {
        Lang::Vi => format!("Đồ thị số lượt cộng dồn theo ngày, đến {day}. {summary}"),
        Lang::En => format!("Graph of cumulative turns by day, up to {day}. {summary}"),
    }
}

fn facts(page: &Dashboard, lang: Lang) -> Vec<Fact> {
    let t = Words::of(lang);
    let today = format::local(page.as_of).date();
    let left = (page.ends_on - today).num_days() + 1;
    let mut facts = vec![calendar(page, today, left, lang)];

    let done = (today - page.starts_on).num_days() + 1;
    let started = page.total != Figures::default();
    if page.target > 0 && done > 0 && started {
        let due = page.expected.unwrap_or_else(|| due(page, today));
        let beneath = match lang {
            Lang::Vi => format!("Tiến độ đều đến lúc này: {}", format::number(due, lang)),
            Lang::En => format!("Even pace up to now: {}", format::number(due, lang)),
        };
        let ahead = page.total.reported.saturating_sub(due);
        facts.push(Fact { figure: format::signed(ahead, lang), meaning: t.against_pace.to_owned(), beneath });
    }
    if done > 0 && left > 0 && started {
        let week = page.days.iter().filter(|d| (0..7).contains(&(today - d.day).num_days()));
        let sum = week.fold(0_i64, |sum, d| sum.saturating_add(d.added.reported));
        let beneath = needed(page, left, lang);
        facts.push(Fact { figure: format::number(sum / done.min(7), lang), meaning: t.per_day.to_owned(), beneath });
    }
    if !started && left > 0 && page.target > 0 {
        let figure = format::number(each_day(page.target, left.min(days_of(page))), lang);
        facts.push(Fact { figure, meaning: t.each_day.to_owned(), beneath: String::new() });
    }
    if !page.units.is_empty() {
        let reporting = page.units.iter().filter(|u| u.figures.reported > 0).count();
        let beneath = match lang {
            Lang::Vi => format!("trên tổng số {} đơn vị", page.units.len()),
            Lang::En => format!("out of {} units", page.units.len()),
        };
        facts.push(Fact { figure: reporting.to_string(), meaning: t.units_reporting.to_owned(), beneath });
    }
    facts
}

/// The campaign's days, first and last included; at least one.
fn days_of(page: &Dashboard) -> i64 {
    (page.ends_on - page.starts_on).num_days().max(0) + 1
}

/// What an even pace would have reached by the page's instant.
fn due(page: &Dashboard, today: NaiveDate) -> i64 {
    let gone = (today - page.starts_on).num_days() as f64 + format::part_of_day(page.as_of);
    let part = (gone / days_of(page) as f64).clamp(0.0, 1.0);
    (page.target as f64 * part) as i64
}

/// So many in so many days, rounded up.
fn each_day(turns: i64, days: i64) -> i64 {
    turns / days + i64::from(turns % days > 0)
}

/// Where the day stands in the campaign. `left` counts today.
fn calendar(page: &Dashboard, today: NaiveDate, left: i64, lang: Lang) -> Fact {
    let beneath = dates(page.starts_on, page.ends_on, lang);
    let until = (page.starts_on - today).num_days();
    let (figure, meaning) = match (until, left, lang) {
        (1.., _, Lang::Vi) => (until, "ngày nữa chiến dịch bắt đầu"),
        (1, _, Lang::En) => (1, "day until the campaign starts"),
        (2.., _, Lang::En) => (until, "days until the campaign starts"),
        (_, 1.., Lang::Vi) => (left, "ngày còn lại, tính cả hôm nay"),
        (_, 1, Lang::En) => (1, "day left: today"),
        (_, 2.., Lang::En) => (left, "days left, today included"),
        (_, _, Lang::Vi) => (0, "ngày còn lại: chiến dịch đã kết thúc"),
        (_, _, Lang::En) => (0, "days left: the campaign is over"),
    };
    Fact { figure: format::number(figure, lang), meaning: meaning.to_owned(), beneath }
}

/// What each remaining day must bring.
fn needed(page: &Dashboard, left: i64, lang: Lang) -> String {
    if page.target <= 0 {
        return String::new();
    }
    let missing = page.target.saturating_sub(page.total.reported);
    let each = format::number(each_day(missing, left), lang);
    match (missing > 0, lang) {
        (true, Lang::Vi) => format!("Cần {each} mỗi ngày để đạt chỉ tiêu"),
        (true, Lang::En) => format!("{each} a day are needed for the target"),
        (false, Lang::Vi) => "Đã đạt chỉ tiêu".to_owned(),
        (false, Lang::En) => "The target has been reached".to_owned(),
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

/// Units that have reported nothing, in the given order, and the ranked rows of those that have. Equals share a rank.
fn rows(units: &[Unit], total: i64, lang: Lang) -> (Vec<Text>, Vec<Row>) {
    let (silent, mut heard): (Vec<_>, Vec<_>) = units.iter().partition(|u| u.figures == Figures::default());
    heard.sort_by_key(|u| std::cmp::Reverse(u.figures.reported));
    let most = heard.first().map_or(0, |u| u.figures.reported);
    let mut last = None;
    let mut rank = 0;
    let rows = heard.into_iter().zip(1..).map(|(unit, place)| {
        if last != Some(unit.figures.reported) {
            rank = place;
        }
        last = Some(unit.figures.reported);
        Row {
            rank,
            name: Text::new(&unit.name, lang),
            reported: format::number(unit.figures.reported, lang),
            verified: format::number(unit.figures.verified, lang),
            share: format::percent(unit.figures.reported, total, lang).unwrap_or_default(),
            of_target: unit.target.and_then(|target| format::percent(unit.figures.reported, target, lang)),
            bar: Bar::new(unit.figures, most),
        }
    });
    let rows = rows.collect();
    (silent.into_iter().map(|u| Text::new(&u.name, lang)).collect(), rows)
}

fn silent_says(units: usize, lang: Lang) -> String {
    match (units, lang) {
        (_, Lang::Vi) => format!("{units} đơn vị chưa có báo cáo"),
        (1, Lang::En) => "1 unit has not reported yet".to_owned(),
        (_, Lang::En) => format!("{units} units have not reported yet"),
    }
}

/// The HTML that embeds the picture. The template escapes it once more, so that it is read and not run.
fn embed(public_url: &str, page: &Dashboard, lang: Lang) -> String {
    let base = super::picture::escape(public_url.trim_end_matches('/'));
    let alt = super::picture::escape(page.indicator.in_lang(lang).0);
    format!(r#"<img src="{base}/v1/public/progress.svg?lang={}" alt="{alt}" width="640">"#, lang.tag())
}
