//! The plain figures that the page and the picture are drawn from.

use chrono::{DateTime, NaiveDate, Utc};

/// The language of a page or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese, the default.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// Reads the value of `?lang=`: `en` is English, anything else and nothing is Vietnamese.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Self {
        match value {
            Some(tag) if tag.eq_ignore_ascii_case("en") => Self::En,
            _ => Self::Vi,
        }
    }

    /// The language's tag (BCP 47), as in `Content-Language`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white, the default.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
    /// As the reader's system prefers.
    Auto,
}

impl Theme {
    /// Reads the value of `?theme=`: `dark` or `auto`; anything else and nothing is light.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Self {
        match value {
            Some(word) if word.eq_ignore_ascii_case("dark") => Self::Dark,
            Some(word) if word.eq_ignore_ascii_case("auto") => Self::Auto,
            _ => Self::Light,
        }
    }
}

/// A name in Vietnamese and, where there is one, in English.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    /// The Vietnamese name.
    pub vi: String,
    /// The English name; without it an English page shows the Vietnamese one and marks it as such.
    pub en: Option<String>,
}

impl Label {
    /// A name in both languages.
    #[must_use]
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: Some(en.into()) }
    }

    /// A name that only Vietnamese has.
    #[must_use]
    pub fn vi(vi: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: None }
    }

    /// The name to show, and the language that it is in.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> (&str, Lang) {
        match (lang, &self.en) {
            (Lang::En, Some(en)) => (en, Lang::En),
            _ => (&self.vi, Lang::Vi),
        }
    }
}

/// The two figures that stand everywhere side by side, in turns (lượt).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Submitted or verified.
    pub reported: i64,
    /// Verified; a part of `reported`.
    pub verified: i64,
}

/// What one day added, in turns. Negative where a verified result was amended downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The local day that was reported.
    pub day: NaiveDate,
    /// What it added to the two figures: the day's own figures, not the cumulative ones.
    pub added: Figures,
}

/// A province's or affiliated union's line in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The unit's name.
    pub name: Label,
    /// Its two figures.
    pub figures: Figures,
    /// The target allocated to it, in turns.
    pub target: Option<i64>,
}

/// A part of the whole by topic or by audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The topic's or audience's name.
    pub name: Label,
    /// Its two figures.
    pub figures: Figures,
}

/// Everything that the public page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dashboard {
    /// The campaign's name.
    pub campaign: Label,
    /// The indicator's name: the page's heading.
    pub indicator: Label,
    /// The target for the whole country, in turns. Without a positive target no percentage is shown.
    pub target: i64,
    /// The two figures for the whole country.
    pub total: Figures,
    /// First local day of the campaign, inclusive.
    pub starts_on: NaiveDate,
    /// Last local day of the campaign, inclusive.
    pub ends_on: NaiveDate,
    /// The instant that the figures stand at. Shown in Asia/Ho_Chi_Minh; its local day is the page's "today".
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in the figures.
    pub ledger_seq: i64,
    /// The turns that an even pace would have reached by `as_of`. `None`: as much of the target as of the campaign's
    /// time has gone by.
    pub expected: Option<i64>,
    /// What each day added, in any order; days without a report may be left out.
    pub days: Vec<Day>,
    /// Provinces and affiliated unions. The page ranks them by `reported`; of equals the given order stands.
    pub units: Vec<Unit>,
    /// What was taught; the page ranks them by `reported`.
    pub topics: Vec<Share>,
    /// Who was supported; shown in the given order.
    pub audiences: Vec<Share>,
    /// Whether these are demonstration data, which the page then says above everything else.
    pub demo: bool,
    /// Where the service is reached from outside, such as `https://example.org`: the page then shows a line of HTML
    /// that embeds the picture.
    pub public_url: Option<String>,
}

/// Everything that the embeddable picture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressPicture {
    /// What is counted: an indicator's name, or a unit's.
    pub title: Label,
    /// The target, in turns. Without a positive target no percentage is shown.
    pub target: i64,
    /// The two figures.
    pub total: Figures,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// Whether these are demonstration data, which the picture then says.
    pub demo: bool,
}
