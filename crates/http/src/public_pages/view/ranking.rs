//! The ranking of the units: searched, sorted, each with its rank in the country.

use super::{Bar, Dashboard, Figures, Lang, Look, Sort, Text, Unit, Words, format};
use crate::public_pages::look::page_of;
use tinhnguyen_domain::text::fold;

/// A row of the table. The script searches and sorts by the same values as the server.
#[derive(Debug)]
pub(in crate::public_pages) struct Row {
    pub(super) rank: usize,
    pub(super) name: Text,
    pub(super) href: String,
    pub(super) reported: String,
    pub(super) verified: String,
    pub(super) share: String,
    pub(super) of_target: Option<String>,
    pub(super) bar: Bar,
    /// Folded, to be searched.
    pub(super) find: String,
    /// Whether the search leaves it in.
    pub(super) found: bool,
    pub(super) by_reported: i64,
    pub(super) by_verified: i64,
    /// Hundredths of a percent; -1 without a target.
    pub(super) by_target: i64,
    /// Its place in the alphabet.
    pub(super) by_name: usize,
}

/// A unit that has reported nothing.
#[derive(Debug)]
pub(in crate::public_pages) struct Silent {
    pub(super) name: Text,
    pub(super) href: String,
    pub(super) find: String,
    pub(super) found: bool,
}

/// An order that can be chosen.
#[derive(Debug)]
pub(in crate::public_pages) struct Order {
    pub(super) tag: &'static str,
    pub(super) label: &'static str,
    pub(super) chosen: bool,
}

/// The ranking and what stands around it.
#[derive(Debug)]
pub(in crate::public_pages) struct Ranking {
    pub(super) rows: Vec<Row>,
    pub(super) silent: Vec<Silent>,
    pub(super) silent_says: String,
    pub(super) q: String,
    pub(super) orders: Vec<Order>,
    /// How many units the search found, in a sentence; empty when nothing is searched for.
    pub(super) found_says: String,
    /// The same for the script, with `{n}` in the number's place.
    pub(super) found_pattern: String,
    /// The page without the search.
    pub(super) all: String,
}

impl Ranking {
    /// Ranks the units by what they reported; equals share a rank, and of them the given order stands.
    pub(super) fn new(page: &Dashboard, look: &Look) -> Self {
        let (lang, t) = (look.lang, Words::of(look.lang));
        let wanted = fold(&look.q);
        let (silent, mut heard): (Vec<_>, Vec<_>) =
            page.units.iter().partition(|unit| unit.figures == Figures::default());
        heard.sort_by_key(|unit| std::cmp::Reverse(unit.figures.reported));
        let mut alphabet: Vec<_> = heard.iter().map(|unit| spelled(unit, lang)).collect();
        alphabet.sort_unstable();
        let most = heard.first().map_or(0, |unit| unit.figures.reported);
        let mut last = None;
        let mut rank = 0;
        let rows = heard.into_iter().zip(1..).map(|(unit, place)| {
            if last != Some(unit.figures.reported) {
                rank = place;
            }
            last = Some(unit.figures.reported);
            let find = found_by(unit);
            let target = unit.target.filter(|target| *target > 0);
            Row {
                rank,
                name: Text::new(&unit.name, lang),
                href: look.href(&page_of(unit)),
                reported: format::number(unit.figures.reported, lang),
                verified: format::number(unit.figures.verified, lang),
                share: format::percent(unit.figures.reported, page.total.reported, lang).unwrap_or_default(),
                of_target: target.and_then(|target| format::percent(unit.figures.reported, target, lang)),
                bar: Bar::new(unit.figures, most),
                found: find.contains(&wanted),
                find,
                by_reported: unit.figures.reported,
                by_verified: unit.figures.verified,
                by_target: target.map_or(-1, |target| {
                    i64::try_from(i128::from(unit.figures.reported) * 10_000 / i128::from(target)).unwrap_or(i64::MAX)
                }),
                by_name: alphabet.binary_search(&spelled(unit, lang)).unwrap_or_default(),
            }
        });
        let mut rows: Vec<_> = rows.collect();
        match look.sort {
            Sort::Reported => {}
            Sort::Verified => rows.sort_by_key(|row| std::cmp::Reverse(row.by_verified)),
            Sort::Target => rows.sort_by_key(|row| std::cmp::Reverse(row.by_target)),
            Sort::Name => rows.sort_by_key(|row| row.by_name),
        }
        let silent: Vec<_> = silent
            .into_iter()
            .map(|unit| {
                let find = found_by(unit);
                let found = find.contains(&wanted);
                Silent { name: Text::new(&unit.name, lang), href: look.href(&page_of(unit)), find, found }
            })
            .collect();
        let all = rows.len() + silent.len();
        let found = rows.iter().filter(|row| row.found).count() + silent.iter().filter(|unit| unit.found).count();
        let pattern = match lang {
            Lang::Vi => format!("{{n}} trong {all} đơn vị khớp."),
            Lang::En => format!("{{n}} of {all} units match."),
        };
        let has_targets = rows.iter().any(|row| row.by_target >= 0);
        let orders = [
            (Sort::Reported, t.sort_reported),
            (Sort::Verified, t.sort_verified),
            (Sort::Name, t.sort_name),
            (Sort::Target, t.sort_target),
        ];
        Self {
            silent_says: silent_says(silent.len(), lang),
            q: look.q.clone(),
            orders: orders
                .into_iter()
                .filter(|(sort, _)| *sort != Sort::Target || has_targets)
                .map(|(sort, label)| Order { tag: sort.tag(), label, chosen: sort == look.sort })
                .collect(),
            found_says: if wanted.is_empty() { String::new() } else { pattern.replace("{n}", &found.to_string()) },
            found_pattern: pattern,
            all: Look { q: String::new(), ..look.clone() }.href("/"),
            rows,
            silent,
        }
    }

    /// Whether any unit that reported nothing is to be named.
    pub(super) fn names_silent(&self) -> bool {
        self.silent.iter().any(|unit| unit.found)
    }
}

/// What the search looks through: both names and the code.
fn found_by(unit: &Unit) -> String {
    let english = unit.name.en.as_deref().unwrap_or_default();
    fold(&format!("{} {english} {}", unit.name.vi, unit.code))
}

/// A name as the alphabet sorts it: without what every name begins with; the code tells equal ones apart.
fn spelled(unit: &Unit, lang: Lang) -> (String, String) {
    let name = fold(unit.name.in_lang(lang).0);
    let bare = ["tinh doan ", "thanh doan "].iter().find_map(|title| name.strip_prefix(title));
    (bare.unwrap_or(&name).to_owned(), unit.code.clone())
}

fn silent_says(units: usize, lang: Lang) -> String {
    match (units, lang) {
        (_, Lang::Vi) => format!("{units} đơn vị chưa có báo cáo"),
        (1, Lang::En) => "1 unit has not reported yet".to_owned(),
        (_, Lang::En) => format!("{units} units have not reported yet"),
    }
}
