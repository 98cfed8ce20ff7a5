//! What was measured, beside what was wanted.

use anyhow::Result;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Two counts as a ratio.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 of anything are counted here")]
pub fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// The middle one of several figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    if sorted.len().is_multiple_of(2) { f64::midpoint(at(middle.wrapping_sub(1)), at(middle)) } else { at(middle) }
}

/// One line of the table.
pub struct Line {
    /// Its name in the list of goals, such as `P5`.
    pub name: &'static str,
    /// What was done, and on which database.
    pub work: String,
    /// What our service did, each round.
    pub ours: Vec<f64>,
    /// What the floor did, each round; none where the goal is an absolute one.
    pub floor: Vec<f64>,
    /// What both are counted in, such as `results/s`.
    pub unit: &'static str,
    /// The goal in words.
    pub goal: String,
    /// The figure that is held against the goal.
    pub reached: f64,
    /// Whether it is met.
    pub met: bool,
    /// What else was seen, such as latencies and how exactness was checked.
    pub notes: String,
}

impl Line {
    fn spread(figures: &[f64]) -> String {
        if figures.is_empty() {
            return "–".to_owned();
        }
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(0.0, f64::max);
        format!("{:.0} ({least:.0}–{most:.0})", median(figures))
    }

    /// Its row of the table.
    pub fn row(&self) -> String {
        format!(
            "| {} | {} | {} {} | {} | {:.2} | {} | {} | {} |",
            self.name,
            self.work,
            Self::spread(&self.ours),
            self.unit,
            Self::spread(&self.floor),
            self.reached,
            self.goal,
            if self.met { "met" } else { "**missed**" },
            self.notes,
        )
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "work": self.work, "unit": self.unit, "ours": self.ours, "floor": self.floor,
            "ours_median": median(&self.ours), "reached": self.reached, "goal": self.goal, "met": self.met, "notes": self.notes,
        })
    }
}

/// The table in Markdown.
pub fn table(lines: &[Line], machine: &str) -> String {
    let mut text = format!(
        "{machine}\n\n| | work | ours, median (spread) | floor | reached | goal | | notes |\n|---|---|---|---|---|---|---|---|\n"
    );
    for line in lines {
        text.push_str(&line.row());
        text.push('\n');
    }
    text
}

/// Writes the table and its figures into a directory; gives where.
#[expect(clippy::disallowed_methods, reason = "names the files by the present")]
pub fn keep(lines: &[Line], machine: &str, directory: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let stem = chrono::Utc::now().format("%Y-%m-%d-%H%M").to_string();
    let path = directory.join(format!("{stem}.md"));
    std::fs::write(&path, format!("# Benchmarks, {stem} UTC\n\n{}", table(lines, machine)))?;
    let figures = json!({"machine": machine, "lines": lines.iter().map(Line::json).collect::<Vec<_>>()});
    std::fs::write(directory.join(format!("{stem}.json")), serde_json::to_string_pretty(&figures)? + "\n")?;
    Ok(path)
}
