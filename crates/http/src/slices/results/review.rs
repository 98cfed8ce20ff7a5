//! Marks of results for a human eye: put there by rules, explained in the caller's language.

use super::ops::Setting;
use crate::problem::{ApiResult, Lang, Text};
use serde::Serialize;
use tinhnguyen_domain::{
    activities::Activity,
    plausibility::{Facts, Finding, TIMES_PLANNED, marks_of},
    results::{ActivityResult, Flag},
    teams::TeamStatus,
};
use tinhnguyen_persistence::{Tx, results, tallies};
use utoipa::ToSchema;

/// Why a result is marked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReviewNote {
    /// The mark.
    #[schema(value_type = crate::schema::FlagSchema, example = "over_planned_turns")]
    pub flag: Flag,
    /// Why it is there, with the numbers, in the language of `Accept-Language`.
    #[schema(max_length = 500, example = "Vượt 3 lần số lượt dự kiến: 200 so với 40.")]
    pub message: String,
}

/// What is known of a result when it is filed, beyond its activity and team.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Turns of its team's other results that count.
    pub history: &'a [i64],
    /// Whether tallies of its day wait that it does not include.
    pub late_tallies: bool,
}

/// Marks a result anew by its statement. Whether it may be a duplicate is settled where its candidates are.
pub fn mark(result: &mut ActivityResult, activity: &Activity, team: TeamStatus, known: Known<'_>) {
    let Known { history, late_tallies } = known;
    let facts = Facts { activity, team, history, late_tallies };
    let (mut flags, findings) = marks_of(&result.statement, &facts);
    flags.extend(result.flags.iter().filter(|flag| **flag == Flag::PossibleDuplicate));
    result.flags = flags;
    result.findings = findings;
}

/// Marks a result by all that is known when it is filed: also its team's history, and tallies that it does not include.
///
/// # Errors
/// When the database can't be asked.
pub(super) async fn judge(tx: &Tx, result: &mut ActivityResult, setting: &Setting) -> ApiResult<()> {
    let history = results::history(tx, &[result.team_id], Some(result.stamp.id)).await?;
    let known = Known {
        history: history.get(&result.team_id).map(Vec::as_slice).unwrap_or_default(),
        late_tallies: tallies::any_waiting(tx, result.activity_id, result.team_id, result.reported_on).await?,
    };
    mark(result, &setting.activity, setting.team.status, known);
    Ok(())
}

/// Why a result is marked, mark by mark.
pub(super) fn notes(result: &ActivityResult, lang: Lang) -> Vec<ReviewNote> {
    let note = |flag: &Flag| {
        let finding = result.findings.iter().find(|finding| finding.flag() == *flag);
        let text = finding.map_or_else(|| without_numbers(*flag, result), with_numbers)?;
        Some(ReviewNote { flag: *flag, message: text.in_lang(lang).to_owned() })
    };
    result.flags.iter().filter_map(note).collect()
}

fn with_numbers(finding: &Finding) -> Option<Text> {
    Some(match finding {
        Finding::OverPlannedTurns { turns, planned } => Text::new(
            format!("Vượt {TIMES_PLANNED} lần số lượt dự kiến: {turns} so với {planned}."),
            format!("More than {TIMES_PLANNED} times the planned turns: {turns} against {planned}."),
        ),
        Finding::OverVenueCapacity { topic, turns, capacity } => {
            let (vi, en) = topic.names();
            Text::new(
                format!("Vượt sức chứa của địa điểm trong ngày: {turns} lượt ({vi}) so với {capacity} người."),
                format!("More than the venue holds in a day: {turns} turns ({en}) against {capacity} people."),
            )
        }
        Finding::UnlikeOwnHistory { turns, median, earlier, .. } => Text::new(
            format!(
                "Khác xa các kết quả trước của đội: {turns} lượt, trong khi trung vị của {earlier} kết quả gần đây là {median}."
            ),
            format!(
                "Far from what the team reported before: {turns} turns, where the median of its last {earlier} results is {median}."
            ),
        ),
    })
}

/// For marks without numbers, and for those of before numbers were kept.
fn without_numbers(flag: Flag, result: &ActivityResult) -> Option<Text> {
    let of_it = result.stamp.id;
    Some(match flag {
        Flag::NeedsReview => return None,
        Flag::OverPlannedTurns => Text::new(
            format!("Vượt {TIMES_PLANNED} lần số lượt dự kiến."),
            format!("More than {TIMES_PLANNED} times the planned turns."),
        ),
        Flag::OverVenueCapacity => {
            Text::new("Vượt sức chứa của địa điểm trong ngày.", "More than the venue holds in a day.")
        }
        Flag::UnlikeOwnHistory => {
            Text::new("Khác xa các kết quả trước của đội.", "Far from what the team reported before.")
        }
        Flag::TeamNotDeployed => {
            Text::new("Đội chưa được triển khai khi báo cáo.", "The team was not deployed when it reported.")
        }
        Flag::LateTallies => Text::new(
            "Có phiếu đếm của ngày này đến sau và chưa được tính vào kết quả; đội cần điều chỉnh.",
            "Tallies of its day have come that it does not include; the team amends it.",
        ),
        Flag::PossibleDuplicate => Text::new(
            format!(
                "Giống kết quả của đội khác cùng địa bàn, cùng ngày; xem /v1/duplicate-candidates?result_id={of_it}."
            ),
            format!(
                "Alike another team's result of that place and day; see /v1/duplicate-candidates?result_id={of_it}."
            ),
        ),
    })
}
