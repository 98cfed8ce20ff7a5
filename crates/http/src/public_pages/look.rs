//! How a reader wants to see a page, and the addresses that keep it so.

use super::{
    input::{Lang, Theme, Unit},
    words::Words,
};
use url::form_urlencoded::Serializer;

/// By what the ranking is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// Turns reported, the most first: the default.
    #[default]
    Reported,
    /// Turns verified, the most first.
    Verified,
    /// Names, by the alphabet.
    Name,
    /// Percent of the own target, the highest first.
    Target,
}

impl Sort {
    /// Reads the value of `?sort=`; anything that is none is the default.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Self {
        match value {
            Some("verified") => Self::Verified,
            Some("name") => Self::Name,
            Some("target") => Self::Target,
            _ => Self::Reported,
        }
    }

    /// As `?sort=` says it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Verified => "verified",
            Self::Name => "name",
            Self::Target => "target",
        }
    }
}

/// How a reader wants to see a page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Look {
    /// The language.
    pub lang: Lang,
    /// The colours.
    pub theme: Theme,
    /// By what the ranking is sorted.
    pub sort: Sort,
    /// What the ranking is searched for; empty for everything.
    pub q: String,
}

/// A way to see the same page otherwise.
#[derive(Debug)]
pub struct Way {
    /// What it is called.
    pub label: &'static str,
    /// As the query says it.
    pub tag: &'static str,
    /// The page's address.
    pub href: String,
    /// Whether it is seen like this.
    pub current: bool,
}

impl Look {
    /// The languages of the page at `path`.
    #[must_use]
    pub fn languages(&self, path: &str) -> Vec<Way> {
        let languages = [("Tiếng Việt", Lang::Vi), ("English", Lang::En)].map(|(label, its)| Way {
            label,
            tag: its.tag(),
            href: self.in_lang(its).href(path),
            current: its == self.lang,
        });
        languages.into()
    }

    /// The colours of the page at `path`.
    #[must_use]
    pub fn themes(&self, path: &str) -> Vec<Way> {
        let t = Words::of(self.lang);
        let themes = [(t.theme_auto, Theme::Auto), (t.theme_light, Theme::Light), (t.theme_dark, Theme::Dark)];
        let themes = themes.map(|(label, its)| Way {
            label,
            tag: its.tag(),
            href: self.themed(its).href(path),
            current: its == self.theme,
        });
        themes.into()
    }

    /// The address of a page that is seen like this; the ranking's search and order stay on the page that has it.
    #[must_use]
    pub fn href(&self, path: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("lang", self.lang.tag());
        if self.theme != Theme::Auto {
            query.append_pair("theme", self.theme.tag());
        }
        if path == "/" {
            if !self.q.is_empty() {
                query.append_pair("q", &self.q);
            }
            if self.sort != Sort::default() {
                query.append_pair("sort", self.sort.tag());
            }
        }
        format!("{path}?{}", query.finish())
    }

    /// The same in another language.
    pub(super) fn in_lang(&self, lang: Lang) -> Self {
        Self { lang, ..self.clone() }
    }

    /// The same in other colours.
    pub(super) fn themed(&self, theme: Theme) -> Self {
        Self { theme, ..self.clone() }
    }
}

/// The colours that browsers paint their own parts of a page in, which is shown in this theme.
#[must_use]
pub fn color_scheme(theme: &str) -> &'static str {
    match theme {
        "light" => "light",
        "dark" => "dark",
        _ => "light dark",
    }
}

/// The address of a unit's page, without a query.
#[must_use]
pub fn path_of(code: &str) -> String {
    let mut path = "/provinces/".to_owned();
    path.extend(url::form_urlencoded::byte_serialize(code.as_bytes()).map(|piece| piece.replace('+', "%20")));
    path
}

/// The address of the page that tells of a unit in the ranking: the centre's own teams have none but the country's.
pub(super) fn page_of(unit: &Unit) -> String {
    if unit.kind == "central" { "/".to_owned() } else { path_of(&unit.code) }
}
