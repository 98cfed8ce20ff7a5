//! The figures of the campaign's day, each with what it means.

use super::{Dashboard, Figures, Forecast, Lang, Words, dates, format};
use chrono::NaiveDate;

/// A figure of the campaign's day, with what it means and a line beneath.
#[derive(Debug)]
pub(in crate::public_pages) struct Fact {
    /// The figure.
    pub(super) figure: String,
    /// What it means.
    pub(super) meaning: String,
    /// A line beneath; empty for none.
    pub(super) beneath: String,
}

/// What the day looks like.
pub(super) fn facts(page: &Dashboard, lang: Lang) -> Vec<Fact> {
    let t = Words::of(lang);
    let today = format::local(page.as_of).date();
    let left = (page.ends_on - today).num_days() + 1;
    let mut facts = vec![calendar(page, today, left, lang)];

    let done = (today - page.starts_on).num_days() + 1;
    let started = page.total != Figures::default();
    if page.target > 0 && done > 0 && started {
        let due = page.expected.unwrap_or_else(|| due(page, today));
        let beneath = match lang {
            Lang::Vi => format!("Tiến độ đều đến lúc này: {}", format::number(due, lang)),
            Lang::En => format!("Even pace up to now: {}", format::number(due, lang)),
        };
        let ahead = page.total.reported.saturating_sub(due);
        facts.push(Fact { figure: format::signed(ahead, lang), meaning: t.against_pace.to_owned(), beneath });
    }
    if let Some(forecast) = page.forecast.filter(|_| done > 0 && left > 0 && started) {
        let beneath = needed(page, left, lang);
        let figure = format::number(forecast.per_day, lang);
        facts.push(Fact { figure, meaning: t.per_day.to_owned(), beneath });
        let figure = format::number(forecast.total, lang);
        facts.push(Fact { figure, meaning: t.forecast_at_end.to_owned(), beneath: reached(page, &forecast, lang) });
    }
    if !started && left > 0 && page.target > 0 {
        let figure = format::number(each_day(page.target, left.min(days_of(page))), lang);
        facts.push(Fact { figure, meaning: t.each_day.to_owned(), beneath: String::new() });
    }
    if !page.units.is_empty() {
        let reporting = page.units.iter().filter(|u| u.figures.reported > 0).count();
        let beneath = match lang {
            Lang::Vi => format!("trên tổng số {} đơn vị", page.units.len()),
            Lang::En => format!("out of {} units", page.units.len()),
        };
        facts.push(Fact { figure: reporting.to_string(), meaning: t.units_reporting.to_owned(), beneath });
    }
    facts
}

/// When the target is reached by the forecast, and how sure it is of the end.
fn reached(page: &Dashboard, forecast: &Forecast, lang: Lang) -> String {
    let today = format::local(page.as_of).date();
    let when = match (forecast.reached_on.filter(|_| page.target > 0), lang) {
        (None, _) => String::new(),
        (Some(day), Lang::Vi) if day <= today => format!("Đã đạt chỉ tiêu ngày {}", format::date(day, lang)),
        (Some(day), Lang::En) if day <= today => format!("The target was reached on {}", format::date(day, lang)),
        (Some(day), Lang::Vi) => format!("Sẽ đạt chỉ tiêu ngày {}", format::date(day, lang)),
        (Some(day), Lang::En) => format!("The target would be reached on {}", format::date(day, lang)),
    };
    let band = forecast.band.map(|(low, high)| {
        let (low, high) = (format::number(low, lang), format::number(high, lang));
        match lang {
            Lang::Vi => format!("Nhiều khả năng từ {low} đến {high}"),
            Lang::En => format!("Most likely between {low} and {high}"),
        }
    });
    [Some(when).filter(|when| !when.is_empty()), band].into_iter().flatten().collect::<Vec<_>>().join(". ")
}

/// The campaign's days, first and last included; at least one.
fn days_of(page: &Dashboard) -> i64 {
    (page.ends_on - page.starts_on).num_days().max(0) + 1
}

/// What an even pace would have reached by the page's instant.
fn due(page: &Dashboard, today: NaiveDate) -> i64 {
    let gone = (today - page.starts_on).num_days() as f64 + format::part_of_day(page.as_of);
    let part = (gone / days_of(page) as f64).clamp(0.0, 1.0);
    (page.target as f64 * part) as i64
}

/// So many in so many days, rounded up.
fn each_day(turns: i64, days: i64) -> i64 {
    turns / days + i64::from(turns % days > 0)
}

/// Where the day stands in the campaign. `left` counts today.
fn calendar(page: &Dashboard, today: NaiveDate, left: i64, lang: Lang) -> Fact {
    let beneath = dates(page.starts_on, page.ends_on, lang);
    let until = (page.starts_on - today).num_days();
    let (figure, meaning) = match (until, left, lang) {
        (1.., _, Lang::Vi) => (until, "ngày nữa chiến dịch bắt đầu"),
        (1, _, Lang::En) => (1, "day until the campaign starts"),
        (2.., _, Lang::En) => (until, "days until the campaign starts"),
        (_, 1.., Lang::Vi) => (left, "ngày còn lại, tính cả hôm nay"),
        (_, 1, Lang::En) => (1, "day left: today"),
        (_, 2.., Lang::En) => (left, "days left, today included"),
        (_, _, Lang::Vi) => (0, "ngày còn lại: chiến dịch đã kết thúc"),
        (_, _, Lang::En) => (0, "days left: the campaign is over"),
    };
    Fact { figure: format::number(figure, lang), meaning: meaning.to_owned(), beneath }
}

/// What each remaining day must bring.
fn needed(page: &Dashboard, left: i64, lang: Lang) -> String {
    if page.target <= 0 {
        return String::new();
    }
    let missing = page.target.saturating_sub(page.total.reported);
    let each = format::number(each_day(missing, left), lang);
    match (missing > 0, lang) {
        (true, Lang::Vi) => format!("Cần {each} mỗi ngày để đạt chỉ tiêu"),
        (true, Lang::En) => format!("{each} a day are needed for the target"),
        (false, Lang::Vi) => "Đã đạt chỉ tiêu".to_owned(),
        (false, Lang::En) => "The target has been reached".to_owned(),
    }
}
