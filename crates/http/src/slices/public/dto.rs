//! What everybody may see, as it is sent.

use crate::{
    public::figures::Tally,
    public_pages::{Dashboard, Figures, Lang, Locality, Share, Theme, Unit},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tinhnguyen_domain::{disclosure::Why, progress::percent};
use utoipa::{IntoParams, ToSchema};

/// The language of a picture's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureLang {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl From<PictureLang> for Lang {
    fn from(lang: PictureLang) -> Self {
        match lang {
            PictureLang::Vi => Self::Vi,
            PictureLang::En => Self::En,
        }
    }
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureTheme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
    /// As the reader's system prefers; a PNG is light.
    Auto,
}

impl From<PictureTheme> for Theme {
    fn from(theme: PictureTheme) -> Self {
        match theme {
            PictureTheme::Light => Self::Light,
            PictureTheme::Dark => Self::Dark,
            PictureTheme::Auto => Self::Auto,
        }
    }
}

/// How the map is wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct MapQuery {
    /// The language of its words; when absent, that of `Accept-Language`.
    #[param(inline)]
    pub lang: Option<PictureLang>,
    /// Its colours; `light` when absent.
    #[param(inline)]
    pub theme: Option<PictureTheme>,
    /// Its width in pixels; 640 when absent.
    #[param(minimum = 320, maximum = 1600)]
    pub width: Option<u32>,
}

/// How a picture is wanted, and of whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct PictureQuery {
    /// The language of its words; when absent, that of `Accept-Language`.
    #[param(inline)]
    pub lang: Option<PictureLang>,
    /// Its colours; `light` when absent.
    #[param(inline)]
    pub theme: Option<PictureTheme>,
    /// Its width in pixels; 640 when absent.
    #[param(minimum = 320, maximum = 1600)]
    pub width: Option<u32>,
    /// Code of a unit directly below the centre, such as `TD-01`; the whole country when absent.
    #[param(max_length = 40)]
    pub province: Option<String>,
}

/// Whose figures are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct PublicDataQuery {
    /// Code of a unit directly below the centre, such as `TD-01`; the whole country when absent.
    #[param(max_length = 40)]
    pub province: Option<String>,
}

/// Whose places are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct PublicLocalitiesQuery {
    /// Code of a unit directly below the centre, such as `TD-01`.
    #[param(required = true, max_length = 40)]
    pub province: Option<String>,
}

/// What one day added, and what there was by its end.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct PublicDay {
    /// The reported day, local to the campaign.
    pub day: NaiveDate,
    /// Submitted or verified, of that day.
    #[schema(example = 68000)]
    pub reported: i64,
    /// Verified, of that day.
    #[schema(example = 61000)]
    pub verified: i64,
    /// Submitted or verified, up to and including that day.
    #[schema(example = 3200000)]
    pub reported_total: i64,
    /// Verified, up to and including that day.
    #[schema(example = 2900000)]
    pub verified_total: i64,
}

/// The curve (đồ thị tiến độ): figures by day, the even pace, and the forecast.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicCurve {
    /// The campaign's code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub campaign: String,
    /// The unit's code; null for the country.
    #[schema(max_length = 40)]
    pub province: Option<String>,
    /// First day of the campaign.
    pub starts_on: NaiveDate,
    /// Last day of the campaign, inclusive.
    pub ends_on: NaiveDate,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The target; null where there is none.
    #[schema(minimum = 0, example = 6000000)]
    pub target: Option<i64>,
    /// Submitted or verified, of all days.
    #[schema(example = 3200000)]
    pub reported: i64,
    /// Verified, of all days.
    #[schema(example = 2900000)]
    pub verified: i64,
    /// Turns that an even pace would have reached by `as_of`; null without a target.
    #[schema(example = 2900000)]
    pub expected: Option<i64>,
    /// Turns a day over the last seven days, today included, rounded down.
    #[schema(example = 68000)]
    pub per_day_7d: i64,
    /// Turns at the campaign's end if every day left brings as many.
    #[schema(example = 6400000)]
    pub forecast_total: i64,
    /// The least that the end would most likely be; null where nobody reckoned it.
    #[schema(example = 6100000)]
    pub forecast_low: Option<i64>,
    /// The most that the end would most likely be; null where nobody reckoned it.
    #[schema(example = 6700000)]
    pub forecast_high: Option<i64>,
    /// The day on which the target was or would be reached; null when never at that rate, or without a target.
    pub forecast_reached_on: Option<NaiveDate>,
    /// Days with reports, the first first.
    #[schema(max_items = 4000)]
    pub data: Vec<PublicDay>,
    /// Whether these are demonstration data.
    pub demo: bool,
}

/// A provincial union, or a union directly under the centre.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicProvince {
    /// Its code: `/provinces/{code}` is its page.
    #[schema(max_length = 40, example = "TD-01")]
    pub code: String,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Thành Đoàn Hà Nội")]
    pub name: String,
    /// English name, where there is one.
    #[schema(max_length = 200, example = "Ha Noi City Youth Union")]
    pub name_en: Option<String>,
    /// What it is, such as `province` or `affiliated`.
    #[schema(max_length = 40, example = "province")]
    pub kind: &'static str,
    /// Its own target; null where none was set.
    #[schema(minimum = 0, example = 150000)]
    pub target: Option<i64>,
    /// Submitted or verified.
    #[schema(example = 315975)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 300000)]
    pub verified: i64,
    /// `reported` / `target` × 100, never capped; null without a target.
    #[schema(example = 210.65)]
    pub percent: Option<f64>,
}

/// The provinces (tỉnh, thành Đoàn và Đoàn trực thuộc): they add up to the country.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicProvinces {
    /// The campaign's code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub campaign: String,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The units, by code.
    #[schema(max_items = 1000)]
    pub data: Vec<PublicProvince>,
    /// Whether these are demonstration data.
    pub demo: bool,
}

/// A topic's or audience's figures.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicShare {
    /// The contract's word for it, such as `cyber_safety` or `young_people`.
    #[schema(max_length = 100, example = "cyber_safety")]
    pub key: &'static str,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "An toàn, an ninh mạng")]
    pub name: String,
    /// English name.
    #[schema(max_length = 200, example = "Cyber safety")]
    pub name_en: Option<String>,
    /// Submitted or verified.
    #[schema(example = 420000)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 400000)]
    pub verified: i64,
}

/// The parts of a figure: they add up to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicShares {
    /// The campaign's code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub campaign: String,
    /// The unit's code; null for the country.
    #[schema(max_length = 40)]
    pub province: Option<String>,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The parts, those without reports too.
    #[schema(max_items = 100)]
    pub data: Vec<PublicShare>,
    /// Whether these are demonstration data.
    pub demo: bool,
}

/// Whether a place's count is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It is.
    Exact,
    /// It is below the threshold.
    BelowThreshold,
    /// It isn't below, but a small one could be computed from it.
    Withheld,
}

impl Shown {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::BelowThreshold => "below_threshold",
            Self::Withheld => "withheld",
        }
    }
}

/// A place that turns were done in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicLocality {
    /// Statistical code; null for all places outside of the province together.
    #[schema(max_length = 40, example = "001")]
    pub code: Option<String>,
    /// Its name; empty for all places outside of the province together.
    #[schema(max_length = 200, example = "Quận Ba Đình")]
    pub name: String,
    /// Submitted or verified; null where it is not shown.
    #[schema(example = 4200)]
    pub reported: Option<i64>,
    /// Whether it is shown.
    pub shown: Shown,
}

/// Where a unit's turns were done (nơi thực hiện). Small counts are withheld, and with them as many others as are needed so that
/// they can't be computed: `data` and `withheld_reported` add up to `reported`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicLocalities {
    /// The campaign's code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub campaign: String,
    /// The unit's code.
    #[schema(max_length = 40, example = "TD-01")]
    pub province: Option<String>,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// Submitted or verified, of all places.
    #[schema(example = 315975)]
    pub reported: i64,
    /// The count from which on a place's is shown; the operator decides.
    #[schema(minimum = 1, example = 10)]
    pub threshold: i64,
    /// The places: those shown, the most first, then the others.
    #[schema(max_items = 1000)]
    pub data: Vec<PublicLocality>,
    /// How many places are not shown by themselves, named in `data` or not.
    #[schema(minimum = 0, example = 3)]
    pub withheld: u64,
    /// What was done there altogether.
    #[schema(example = 57)]
    pub withheld_reported: i64,
    /// Whether these are demonstration data.
    pub demo: bool,
}

/// What is sent to those who listen.
#[derive(Debug, Clone, Serialize)]
pub struct PublicProgressEvent {
    ledger_seq: i64,
    as_of: DateTime<Utc>,
    target: Option<i64>,
    reported: i64,
    verified: i64,
    percent: Option<f64>,
    verified_percent: Option<f64>,
}

impl PublicProgressEvent {
    /// The event of a unit or of the country.
    #[must_use]
    pub fn new(tally: &Tally, target: Option<i64>, of: Figures) -> Self {
        Self {
            ledger_seq: tally.ledger_seq,
            as_of: tally.as_of,
            target,
            reported: of.reported,
            verified: of.verified,
            percent: target.and_then(|target| percent(of.reported, target)),
            verified_percent: target.and_then(|target| percent(of.verified, target)),
        }
    }
}

fn code_of(page: &Dashboard) -> Option<String> {
    page.whose.as_ref().map(|whose| whose.code.clone())
}

/// A target; 0 is none.
#[must_use]
pub fn target_of(page: &Dashboard) -> Option<i64> {
    Some(page.target).filter(|target| *target > 0)
}

impl PublicCurve {
    /// The curve of a page.
    #[must_use]
    pub fn of(page: &Dashboard) -> Self {
        let mut by_day: BTreeMap<NaiveDate, Figures> = BTreeMap::new();
        for day in &page.days {
            let sum = by_day.entry(day.day).or_default();
            sum.reported = sum.reported.saturating_add(day.added.reported);
            sum.verified = sum.verified.saturating_add(day.added.verified);
        }
        let mut sum = Figures::default();
        let data = by_day.into_iter().map(|(day, of)| {
            sum.reported = sum.reported.saturating_add(of.reported);
            sum.verified = sum.verified.saturating_add(of.verified);
            PublicDay {
                day,
                reported: of.reported,
                verified: of.verified,
                reported_total: sum.reported,
                verified_total: sum.verified,
            }
        });
        let data = data.collect();
        let target = target_of(page);
        let band = page.forecast.and_then(|forecast| forecast.band);
        Self {
            campaign: page.campaign_code.clone(),
            province: code_of(page),
            starts_on: page.starts_on,
            ends_on: page.ends_on,
            as_of: page.as_of,
            ledger_seq: page.ledger_seq,
            target,
            reported: page.total.reported,
            verified: page.total.verified,
            expected: page.expected.filter(|_| target.is_some()),
            per_day_7d: page.forecast.map_or(0, |forecast| forecast.per_day),
            forecast_total: page.forecast.map_or(page.total.reported, |forecast| forecast.total),
            forecast_low: band.map(|(low, _)| low),
            forecast_high: band.map(|(_, high)| high),
            forecast_reached_on: page.forecast.and_then(|forecast| forecast.reached_on).filter(|_| target.is_some()),
            data,
            demo: page.demo,
        }
    }
}

impl PublicProvince {
    /// A unit.
    #[must_use]
    pub fn of(unit: &Unit) -> Self {
        Self {
            code: unit.code.clone(),
            name: unit.name.vi.clone(),
            name_en: unit.name.en.clone(),
            kind: unit.kind,
            target: unit.target,
            reported: unit.figures.reported,
            verified: unit.figures.verified,
            percent: unit.target.and_then(|target| percent(unit.figures.reported, target)),
        }
    }
}

impl PublicProvinces {
    /// The units of a page.
    #[must_use]
    pub fn of(page: &Dashboard) -> Self {
        Self {
            campaign: page.campaign_code.clone(),
            as_of: page.as_of,
            ledger_seq: page.ledger_seq,
            data: page.units.iter().map(PublicProvince::of).collect(),
            demo: page.demo,
        }
    }
}

impl PublicShares {
    /// Topics or audiences of a page.
    #[must_use]
    pub fn of(page: &Dashboard, shares: &[Share]) -> Self {
        let share = |share: &Share| PublicShare {
            key: share.key,
            name: share.name.vi.clone(),
            name_en: share.name.en.clone(),
            reported: share.figures.reported,
            verified: share.figures.verified,
        };
        Self {
            campaign: page.campaign_code.clone(),
            province: code_of(page),
            as_of: page.as_of,
            ledger_seq: page.ledger_seq,
            data: shares.iter().map(share).collect(),
            demo: page.demo,
        }
    }
}

impl PublicLocalities {
    /// The places of a page; `None` for the country, which has none.
    #[must_use]
    pub fn of(page: &Dashboard) -> Option<Self> {
        let places = page.localities.as_ref()?;
        let place = |place: &Locality, reported: Option<i64>, shown: Shown| {
            let (code, name) = match place {
                Locality::Place { code, name } => (Some(code.clone()), name.clone()),
                Locality::Elsewhere => (None, String::new()),
            };
            PublicLocality { code, name, reported, shown }
        };
        let of = &places.disclosed;
        let shown = of.shown.iter().map(|(of, count)| place(of, Some(*count), Shown::Exact));
        let others = of.named.iter().map(|(of, why)| match why {
            Why::Small => place(of, None, Shown::BelowThreshold),
            Why::Protects => place(of, None, Shown::Withheld),
        });
        Some(Self {
            campaign: page.campaign_code.clone(),
            province: code_of(page),
            as_of: page.as_of,
            ledger_seq: page.ledger_seq,
            reported: page.total.reported,
            threshold: places.threshold,
            data: shown.chain(others).collect(),
            withheld: u64::try_from(of.withheld).unwrap_or(u64::MAX),
            withheld_reported: of.together,
            demo: page.demo,
        })
    }
}
