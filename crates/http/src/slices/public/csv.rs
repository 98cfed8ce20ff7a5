//! Tables as CSV (RFC 4180): commas, CRLF, a header row of English names, UTF-8 with a byte order mark. Excel takes a file without
//! the mark for the machine's old code page, and Vietnamese names come out broken; everything else passes over it.

use super::dto::{PublicCurve, PublicLocalities, PublicProvinces, PublicShares, target_of};
use crate::{
    problem::{ApiError, ApiResult},
    public_pages::Dashboard,
};
use csv::{Terminator, WriterBuilder};
use tinhnguyen_domain::progress::percent;

/// Tells whoever opens the file that it is UTF-8.
const MARK: &str = "\u{feff}";

/// Text that a spreadsheet would run as a formula is marked as text; names of units are what people typed.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> ApiResult<String> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(MARK.as_bytes().to_vec());
    writer.write_record(header).map_err(ApiError::internal)?;
    for row in rows {
        writer.write_record(row).map_err(ApiError::internal)?;
    }
    let bytes = writer.into_inner().map_err(ApiError::internal)?;
    String::from_utf8(bytes).map_err(ApiError::internal)
}

/// One row: the country's or a unit's figures.
///
/// # Errors
/// None that an input makes.
pub fn progress(page: &Dashboard) -> ApiResult<String> {
    let target = target_of(page);
    let share = |figure: i64| optional(target.and_then(|target| percent(figure, target)));
    let row = vec![
        safe(&page.campaign_code),
        page.whose.as_ref().map(|whose| safe(&whose.code)).unwrap_or_default(),
        safe(&page.title().vi),
        optional(target),
        page.total.reported.to_string(),
        page.total.verified.to_string(),
        share(page.total.reported),
        share(page.total.verified),
        page.as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        page.ledger_seq.to_string(),
    ];
    let header = [
        "campaign",
        "province",
        "name",
        "target",
        "reported",
        "verified",
        "percent",
        "verified_percent",
        "as_of",
        "ledger_seq",
    ];
    table(&header, [row])
}

/// A row a day.
///
/// # Errors
/// None that an input makes.
pub fn curve(of: &PublicCurve) -> ApiResult<String> {
    let rows = of.data.iter().map(|day| {
        let figures = [day.reported, day.verified, day.reported_total, day.verified_total];
        [day.day.to_string()].into_iter().chain(figures.map(|figure| figure.to_string())).collect()
    });
    table(&["day", "reported", "verified", "reported_total", "verified_total"], rows)
}

/// A row a unit.
///
/// # Errors
/// None that an input makes.
pub fn provinces(of: &PublicProvinces) -> ApiResult<String> {
    let rows = of.data.iter().map(|unit| {
        vec![
            safe(&unit.code),
            safe(&unit.name),
            unit.name_en.as_deref().map(safe).unwrap_or_default(),
            unit.kind.to_owned(),
            optional(unit.target),
            unit.reported.to_string(),
            unit.verified.to_string(),
            optional(unit.percent),
        ]
    });
    table(&["code", "name", "name_en", "kind", "target", "reported", "verified", "percent"], rows)
}

/// A row a topic or audience.
///
/// # Errors
/// None that an input makes.
pub fn shares(of: &PublicShares) -> ApiResult<String> {
    let rows = of.data.iter().map(|share| {
        vec![
            share.key.to_owned(),
            safe(&share.name),
            share.name_en.as_deref().map(safe).unwrap_or_default(),
            share.reported.to_string(),
            share.verified.to_string(),
        ]
    });
    table(&["key", "name", "name_en", "reported", "verified"], rows)
}

/// A row a place, and one for all that are not shown by themselves.
///
/// # Errors
/// None that an input makes.
pub fn localities(of: &PublicLocalities) -> ApiResult<String> {
    let rows = of.data.iter().map(|place| {
        vec![
            place.code.as_deref().map(safe).unwrap_or_default(),
            safe(&place.name),
            optional(place.reported),
            place.shown.as_str().to_owned(),
        ]
    });
    let together = vec![String::new(), String::new(), of.withheld_reported.to_string(), "together".to_owned()];
    table(&["code", "name", "reported", "shown"], rows.chain((of.withheld > 0).then_some(together)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_rfc_4180_and_excel_want_it() {
        let rows = [vec!["Bà Rịa - \"Vũng Tàu\"".to_owned(), "1,5".to_owned()], vec!["a\nb".to_owned(), String::new()]];
        let text = table(&["name", "figure"], rows).unwrap();
        assert_eq!(text, "\u{feff}name,figure\r\n\"Bà Rịa - \"\"Vũng Tàu\"\"\",\"1,5\"\r\n\"a\nb\",\r\n");
    }

    #[test]
    fn no_text_runs_as_a_formula() {
        for text in ["=1+1", "+84", "-2", "@SUM(A1)", "\tx", "\r=1", "|cmd", "%x"] {
            assert_eq!(safe(text), format!("'{text}"));
        }
        for text in ["Tỉnh Đoàn", "TD-01", "", "a=b"] {
            assert_eq!(safe(text), text);
        }
    }
}
