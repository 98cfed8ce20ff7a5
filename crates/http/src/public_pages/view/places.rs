//! Where a unit's turns were done, as everybody may see it.

use super::{Bar, Dashboard, Figures, Lang, Words, format};
use crate::public_pages::input::Locality;
use tinhnguyen_domain::disclosure::Why;

/// A place.
#[derive(Debug)]
pub(in crate::public_pages) struct PlaceRow {
    pub(super) name: String,
    /// Its count, or why there is none: `< 10`.
    pub(super) count: String,
    /// How long its bar is; `None` where its count is withheld.
    pub(super) bar: Option<Bar>,
}

/// The table of places.
#[derive(Debug)]
pub(in crate::public_pages) struct Places {
    pub(super) rows: Vec<PlaceRow>,
    /// The sum of what is withheld; `None` when nothing is.
    pub(super) together: Option<String>,
    /// Why some are withheld, in a sentence.
    pub(super) rule: String,
    /// How many places are not even named, in a sentence; empty when all are.
    pub(super) unnamed: String,
}

impl Places {
    /// Lays out the table; `None` for the country, and where nothing was reported.
    pub(super) fn new(page: &Dashboard, lang: Lang) -> Option<Self> {
        let localities = page.localities.as_ref()?;
        let (t, threshold) = (Words::of(lang), localities.threshold);
        let name = |place: &Locality| match place {
            Locality::Place { name, .. } => name.clone(),
            Locality::Elsewhere => t.elsewhere.to_owned(),
        };
        let of = &localities.disclosed;
        let most = of.shown.first().map_or(0, |(_, count)| *count);
        let mut rows: Vec<_> = of
            .shown
            .iter()
            .map(|(place, count)| PlaceRow {
                name: name(place),
                count: format::number(*count, lang),
                bar: Some(Bar::new(Figures { reported: *count, verified: *count }, most)),
            })
            .collect();
        rows.extend(of.named.iter().map(|(place, why)| PlaceRow {
            name: name(place),
            count: match why {
                Why::Small => format!("< {threshold}"),
                Why::Protects => t.withheld.to_owned(),
            },
            bar: None,
        }));
        let unnamed = of.withheld.saturating_sub(of.named.len());
        if rows.is_empty() && unnamed == 0 {
            return None;
        }
        Some(Self {
            rows,
            together: (of.withheld > 0).then(|| format::number(of.together, lang)),
            rule: match lang {
                Lang::Vi => format!(
                    "Số dưới {threshold} không nêu riêng, để không ai bị nhận ra; khi cần, một số địa bàn khác cũng không \
                     nêu riêng, để không thể tính ngược lại."
                ),
                Lang::En => format!(
                    "Counts below {threshold} are not shown by themselves, so that nobody can be recognised; where needed \
                     others are left out with them, so that they can't be worked out."
                ),
            },
            unnamed: match (unnamed, lang) {
                (0, _) => String::new(),
                (_, Lang::Vi) => "Số liệu còn quá nhỏ để nêu theo địa bàn.".to_owned(),
                (_, Lang::En) => "The figures are still too small to be shown by place.".to_owned(),
            },
        })
    }
}
