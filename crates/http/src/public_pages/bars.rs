//! Lengths: how far a bar reaches, and where its marks stand. Everything is a percentage of the bar's whole width.

use super::{format, input::Figures, input::Lang};

/// A percentage as CSS and SVG write it, held within 0 to 100.
pub(super) fn css(part: i64, whole: i64) -> String {
    format!("{:.3}", ratio(part, whole) * 100.0)
}

/// `part` of `whole`, held within 0 to 1; nothing of nothing is 0.
pub(super) fn ratio(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) }
}

/// A bar of the two figures: solid up to `verified`, hatched from there over `pending`.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// Length of the verified part.
    pub(super) verified: String,
    /// Length of the part that is reported and waits.
    pub(super) pending: String,
}

impl Bar {
    /// Scales the two figures to a bar that is full at `whole`.
    pub(super) fn new(figures: Figures, whole: i64) -> Self {
        let verified = figures.verified.clamp(0, figures.reported.max(0));
        Self { verified: css(verified, whole), pending: css(figures.reported.max(0) - verified, whole) }
    }
}

/// A mark on a bar or an axis.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Where it stands.
    pub(super) at: String,
    /// What it says; empty for a mark without words.
    pub(super) label: String,
}

/// The bar towards the target. It ends at the target, or at the figure where that is more: then the target is a mark
/// within the bar, so that 210.6 % looks like 210.6 %.
#[derive(Debug, Clone)]
pub(super) struct Gauge {
    /// The two figures.
    pub(super) bar: Bar,
    /// Where the target stands; `None` without a target.
    pub(super) target_at: Option<String>,
    /// Whether the figure has passed the target.
    pub(super) exceeded: bool,
    /// The round numbers that divide the bar into blocks, ends left out.
    pub(super) marks: Vec<Mark>,
}

impl Gauge {
    /// Lays out the bar.
    pub(super) fn new(figures: Figures, target: i64, lang: Lang) -> Self {
        let whole = target.max(figures.reported).max(1);
        let basis = if target > 0 { target } else { whole };
        let mut step = round_step(basis, 8);
        if whole / step > 24 {
            step = round_step(whole, 12);
        }
        let count = (whole - 1) / step;
        let every = count / 7 + 1;
        let marks = (1..=count)
            .map(|nth| {
                let value = step.saturating_mul(nth);
                let near_the_end = ratio(value, whole) > 0.94;
                let speaks = nth % every == 0 && !near_the_end;
                Mark { at: css(value, whole), label: if speaks { format::compact(value, lang) } else { String::new() } }
            })
            .collect();
        Self {
            bar: Bar::new(figures, whole),
            target_at: (target > 0).then(|| css(target, whole)),
            exceeded: target > 0 && figures.reported > target,
            marks,
        }
    }
}

/// The smallest of 1, 2 or 5 times a power of ten that divides `whole` into at most `parts` steps.
pub(super) fn round_step(whole: i64, parts: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(parts) >= whole {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}
