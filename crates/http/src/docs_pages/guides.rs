//! The guides of `docs/guides`, out of the binary, as pages of the site.

use super::words::Words;
use crate::public_pages::{Lang, Look, escape};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// A guide.
pub(super) struct Guide {
    /// As its address says it: that of its file without the ending.
    pub(super) name: &'static str,
    /// Who wants to read it.
    pub(super) summary: fn(&Words) -> &'static str,
    english: &'static str,
    vietnamese: &'static str,
}

macro_rules! guide {
    ($name:literal, $summary:ident) => {
        Guide {
            name: $name,
            summary: |t| t.$summary,
            english: include_str!(concat!("../../../../docs/guides/", $name, ".md")),
            vietnamese: include_str!(concat!("../../../../docs/guides/", $name, ".vi.md")),
        }
    };
}

/// All guides, the first to read first.
pub(super) const GUIDES: &[Guide] = &[
    guide!("first-call", first_call),
    guide!("offline-app", offline_app),
    guide!("webhooks", webhooks),
    guide!("embedding", embedding),
];

/// A guide as HTML.
pub(super) struct Rendered {
    /// Its heading.
    pub(super) title: String,
    /// What comes below the heading.
    pub(super) body: String,
    /// Its sections: where they stand in the page, and their headings.
    pub(super) sections: Vec<(String, String)>,
}

impl Guide {
    /// The address of its page.
    pub(super) fn path(&self) -> String {
        format!("/docs/guides/{}", self.name)
    }

    const fn text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.vietnamese,
            Lang::En => self.english,
        }
    }

    /// Its heading.
    pub(super) fn title(&self, lang: Lang) -> &'static str {
        self.text(lang).lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The page's content.
    pub(super) fn render(&self, look: &Look) -> Rendered {
        let text = self.text(look.lang);
        let (mut title, mut sections) = (String::new(), Vec::new());
        let mut events = Vec::new();
        // The text of the heading that is being read.
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            if let (Some(text), Event::Text(piece) | Event::Code(piece)) = (&mut heading, &event) {
                text.push_str(piece);
            }
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    heading = Some(String::new());
                    events.push(Event::Text("".into()));
                }
                Event::End(TagEnd::Heading(level)) => {
                    let text = heading.take().unwrap_or_default();
                    if level == HeadingLevel::H1 {
                        title = text;
                        events.clear();
                        continue;
                    }
                    let id = format!("s{}", sections.len() + 1);
                    // Where it began: behind its own pieces.
                    let start = events.iter().rposition(|event| *event == Event::Text("".into())).unwrap_or_default();
                    if let Some(event) = events.get_mut(start) {
                        *event = markup(format!("<{level} id=\"{id}\">"));
                    }
                    events.push(markup(format!("</{level}>\n")));
                    sections.push((id, text));
                }
                // What is wider than a phone is scrolled, by the keyboard too.
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match &kind {
                        CodeBlockKind::Fenced(language) => escape(language),
                        CodeBlockKind::Indented => String::new(),
                    };
                    events
                        .push(markup(format!("<pre tabindex=\"0\" translate=\"no\" data-lang=\"{language}\"><code>")));
                }
                Event::End(TagEnd::CodeBlock) => events.push(markup("</code></pre>\n".to_owned())),
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    let dest_url = CowStr::from(href(&dest_url, look));
                    events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
                event => events.push(event),
            }
        }
        let mut body = String::new();
        html::push_html(&mut body, events.into_iter());
        Rendered { title, body, sections }
    }
}

fn markup(text: String) -> Event<'static> {
    Event::Html(text.into())
}

/// Where a guide's link leads on the site: the files of the repository that it names are pages there.
fn href(to: &str, look: &Look) -> String {
    let (file, fragment) = to.split_once('#').unwrap_or((to, ""));
    let name = file.trim_end_matches(".md").trim_end_matches(".vi");
    let guide = GUIDES.iter().find(|guide| guide.name == name);
    match guide {
        Some(guide) if fragment.is_empty() => look.href(&guide.path()),
        Some(guide) => format!("{}#{fragment}", look.href(&guide.path())),
        None => file.rsplit_once("openapi/").map_or_else(|| to.to_owned(), |(_, file)| format!("/{file}")),
    }
}
