//! The plain figures that pages and pictures are drawn from.

use chrono::{DateTime, NaiveDate, Utc};
use tinhnguyen_domain::disclosure::Disclosed;

/// The language of a page or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

/// The colours of a page or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// Dark ink on white, the default of pictures.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
    /// As the reader's system prefers, the default of pages.
    Auto,
}

impl Theme {
    /// Reads the value of a page's `?theme=`: `light` or `dark`; anything else and nothing is what the reader's system
    /// prefers.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Self {
        match value {
            Some(word) if word.eq_ignore_ascii_case("dark") => Self::Dark,
            Some(word) if word.eq_ignore_ascii_case("light") => Self::Light,
            _ => Self::Auto,
        }
    }

    /// As `?theme=` says it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Auto => "auto",
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

/// Which provinces there are: those before or those since the reform of 1 July 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// The 63 of 2024.
    Of2024,
    /// The 34 since July 2025.
    Of2025,
}

/// The province that a unit stands for. Seven codes name another province since the reform, so the code alone doesn't say
/// which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Province {
    /// Its statistical code.
    pub code: String,
    /// Of which provinces it is one.
    pub generation: Generation,
}

/// A province's or affiliated union's line in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The unit's code, such as `TD-01`: its page is found by it.
    pub code: String,
    /// The unit's name.
    pub name: Label,
    /// What it is, such as `province` or `affiliated`.
    pub kind: &'static str,
    /// Its two figures.
    pub figures: Figures,
    /// The target allocated to it, in turns.
    pub target: Option<i64>,
    /// Its province; `None` for a union without a territory.
    pub province: Option<Province>,
}

/// A part of the whole by topic or by audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The contract's word for it, such as `cyber_safety`.
    pub key: &'static str,
    /// The topic's or audience's name.
    pub name: Label,
    /// Its two figures.
    pub figures: Figures,
}

/// Where a figure would be at the campaign's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Turns at the end, if every day left brings as many as the last seven days did on average.
    pub total: i64,
    /// Turns a day over the last seven days.
    pub per_day: i64,
    /// The day on which the target was or would be reached; `None` when never at that rate, or without a target.
    pub reached_on: Option<NaiveDate>,
    /// Between which totals the end would most likely be, in turns; `None` where nobody reckoned it.
    pub band: Option<(i64, i64)>,
}

/// Where a province's turns were done. Small counts are withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Localities {
    /// The count from which on one is shown.
    pub threshold: i64,
    /// The counts by place, as everybody may see them.
    pub disclosed: Disclosed<Locality>,
}

/// A place that turns were done in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locality {
    /// One of the province's.
    Place {
        /// Its statistical code.
        code: String,
        /// Its name.
        name: String,
    },
    /// Any other.
    Elsewhere,
}

/// The unit that a page is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The unit's code.
    pub code: String,
    /// The unit's name.
    pub name: Label,
}

/// Everything that a public page and its pictures show, of the country or of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dashboard {
    /// The campaign's code.
    pub campaign_code: String,
    /// The campaign's name.
    pub campaign: Label,
    /// The indicator's name: the page's heading.
    pub indicator: Label,
    /// The unit; `None` is the country.
    pub whose: Option<Whose>,
    /// The target, in turns. Without a positive target no percentage is shown.
    pub target: i64,
    /// The two figures.
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
    /// Where the figure would be at the campaign's end.
    pub forecast: Option<Forecast>,
    /// What each day added, in any order; days without a report may be left out.
    pub days: Vec<Day>,
    /// Provinces and affiliated unions, in the order of their codes; none on a unit's own page.
    pub units: Vec<Unit>,
    /// What was taught; the page ranks them by `reported`.
    pub topics: Vec<Share>,
    /// Who was supported; shown in the given order.
    pub audiences: Vec<Share>,
    /// Where it was done; `None` for the country.
    pub localities: Option<Localities>,
    /// Whether these are demonstration data, which the page then says above everything else.
    pub demo: bool,
    /// Where the service is reached from outside, such as `https://example.org`: the page then shows a line of HTML
    /// that embeds the picture.
    pub public_url: Option<String>,
}

impl Dashboard {
    /// What is counted, and of whom where that is not the country.
    #[must_use]
    pub fn title(&self) -> &Label {
        self.whose.as_ref().map_or(&self.indicator, |whose| &whose.name)
    }
}
