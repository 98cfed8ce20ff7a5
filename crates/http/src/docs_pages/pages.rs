//! The pages as their templates want them.

use super::{
    guides::{GUIDES, Guide, Rendered},
    words::Words,
};
use crate::{
    contract::{Contract, Operation},
    problem::{ApiError, Code, Lang as ProblemLang},
    public_pages::{Lang, Look, Way, color_scheme},
};
use askama::Template;
use pulldown_cmark::{Event, Parser, Tag, TagEnd, html};

/// A link, and whether it leads to the page that it stands on.
#[derive(Debug)]
struct Link {
    label: &'static str,
    href: String,
    current: bool,
}

/// What every page has around it.
#[derive(Debug)]
struct Frame {
    t: &'static Words,
    lang: &'static str,
    theme: &'static str,
    title: String,
    home: String,
    parts: Vec<Link>,
    languages: Vec<Way>,
    themes: Vec<Way>,
}

impl Frame {
    fn new(look: &Look, path: &str, title: String) -> Self {
        let t = Words::of(look.lang);
        let first = GUIDES.first().map(Guide::path).unwrap_or_default();
        let parts = [
            (t.start, "/docs/".to_owned(), path == "/docs/"),
            (t.guides, first, path.starts_with("/docs/guides/")),
            (t.reference, "/docs/api/".to_owned(), path == "/docs/api/"),
            (t.problems, "/problems".to_owned(), path.starts_with("/problems")),
            (t.dashboard, "/".to_owned(), false),
        ];
        let parts = parts.map(|(label, to, current)| Link { label, href: look.href(&to), current });
        Self {
            t,
            lang: look.lang.tag(),
            theme: look.theme.tag(),
            title,
            home: look.href("/docs/"),
            parts: parts.into(),
            languages: look.languages(path),
            themes: look.themes(path),
        }
    }

    fn color_scheme(&self) -> &'static str {
        color_scheme(self.theme)
    }
}

/// A guide among others.
#[derive(Debug)]
struct Entry {
    title: &'static str,
    summary: &'static str,
    href: String,
    current: bool,
}

fn entries(look: &Look, current: &str) -> Vec<Entry> {
    let t = Words::of(look.lang);
    let entry = |guide: &Guide| {
        let (href, current) = (look.href(&guide.path()), guide.name == current);
        Entry { title: guide.title(look.lang), summary: (guide.summary)(t), href, current }
    };
    GUIDES.iter().map(entry).collect()
}

/// Where one begins.
#[derive(Debug, Template)]
#[template(path = "docs/start.html", whitespace = "minimize")]
pub(super) struct Start {
    f: Frame,
    guides: Vec<Entry>,
    reference: String,
    problems: String,
}

impl Start {
    pub(super) fn new(look: &Look) -> Self {
        Self {
            f: Frame::new(look, "/docs/", Words::of(look.lang).site.to_owned()),
            guides: entries(look, ""),
            reference: look.href("/docs/api/"),
            problems: look.href("/problems"),
        }
    }
}

/// A guide.
#[derive(Template)]
#[template(path = "docs/guide.html", whitespace = "minimize")]
pub(super) struct GuidePage {
    f: Frame,
    guides: Vec<Entry>,
    guide: Rendered,
}

impl GuidePage {
    pub(super) fn new(guide: &Guide, look: &Look) -> Self {
        let rendered = guide.render(look);
        Self {
            f: Frame::new(look, &guide.path(), rendered.title.clone()),
            guides: entries(look, guide.name),
            guide: rendered,
        }
    }
}

/// The reference.
#[derive(Debug, Template)]
#[template(path = "docs/reference.html", whitespace = "minimize")]
pub(super) struct Reference {
    f: Frame,
}

impl Reference {
    pub(super) fn new(look: &Look) -> Self {
        Self { f: Frame::new(look, "/docs/api/", Words::of(look.lang).reference.to_owned()) }
    }
}

/// A code in the list.
#[derive(Debug)]
struct Known {
    code: &'static str,
    title: String,
    href: String,
}

/// The catalogue.
#[derive(Debug, Template)]
#[template(path = "docs/problems.html", whitespace = "minimize")]
pub(super) struct Problems {
    f: Frame,
    /// By status.
    statuses: Vec<(u16, &'static str, Vec<Known>)>,
}

impl Problems {
    pub(super) fn new(look: &Look) -> Self {
        let t = Words::of(look.lang);
        let mut statuses: Vec<(u16, &'static str, Vec<Known>)> = Vec::new();
        for code in Code::ALL {
            let (title, href) = (prose(code.title(words_of(look.lang))), look.href(&path_of(*code)));
            let known = Known { code: code.as_str(), title, href };
            match statuses.last_mut() {
                Some((status, _, codes)) if *status == code.status() => codes.push(known),
                _ => statuses.push((code.status(), t.status(code.status()), vec![known])),
            }
        }
        Self { f: Frame::new(look, "/problems", t.problems.to_owned()), statuses }
    }
}

/// An operation that may answer a problem.
#[derive(Debug)]
struct Stating {
    method: String,
    path: String,
    summary: String,
    href: String,
}

/// One code.
#[derive(Debug, Template)]
#[template(path = "docs/problem.html", whitespace = "minimize")]
pub(super) struct Problem {
    f: Frame,
    code: &'static str,
    status: u16,
    says: &'static str,
    title: String,
    reason: String,
    remedy: String,
    example: String,
    operations: Vec<Stating>,
    /// So many that they are listed on demand.
    many: bool,
    catalogue: String,
}

/// From so many operations on they are listed on demand.
const MANY: usize = 12;

impl Problem {
    pub(super) fn new(code: Code, contract: &Contract, base: &str, look: &Look) -> Self {
        let (t, lang) = (Words::of(look.lang), words_of(look.lang));
        let all = contract.operations();
        let stating: Vec<&Operation> = all.iter().filter(|operation| operation.codes.contains(&code)).collect();
        let at = stating.first().map_or("/…", |operation| operation.path.as_str());
        let at = at.replace("{id}", "0190a1b2-0000-7000-8000-000000000001");
        let example = ApiError::example(code).body(lang, base, &at, "0190a1b2-0000-7000-8000-0000000000aa");
        let operations = stating.into_iter().map(|operation| Stating {
            method: operation.method.clone(),
            path: operation.path.clone(),
            summary: operation.summary.clone(),
            href: format!("{}#/{}/{}", look.href("/docs/api/"), operation.tag, operation.id),
        });
        let operations: Vec<Stating> = operations.collect();
        Self {
            f: Frame::new(look, &path_of(code), format!("{} · {}", code.as_str(), plain(code.title(lang)))),
            code: code.as_str(),
            status: code.status(),
            says: t.status(code.status()),
            title: prose(code.title(lang)),
            reason: prose(code.reason(lang)),
            remedy: prose(code.remedy(lang)),
            example: serde_json::to_string_pretty(&example).unwrap_or_default(),
            many: operations.len() > MANY,
            operations,
            catalogue: look.href("/problems"),
        }
    }
}

fn path_of(code: Code) -> String {
    format!("/problems/{}", code.as_str())
}

const fn words_of(lang: Lang) -> ProblemLang {
    match lang {
        Lang::Vi => ProblemLang::Vi,
        Lang::En => ProblemLang::En,
    }
}

/// A sentence with `code` in it, as HTML.
fn prose(sentence: &str) -> String {
    let mut text = String::new();
    let paragraph = |event: &Event<'_>| matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph));
    html::push_html(&mut text, Parser::new(sentence).filter(|event| !paragraph(event)));
    text
}

fn plain(sentence: &str) -> String {
    sentence.replace('`', "")
}
