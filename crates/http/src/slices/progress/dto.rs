//! Progress as it is sent.

use crate::{
    page::ListQuery,
    schema::{AudienceSchema, DifficultySchema, MeasureSchema, OrgUnitKindSchema, TeamKindSchema, TopicSchema},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    campaigns::Indicator,
    catalogue::{Audience, Measure, Topic},
    counting::{Count, Turns},
    localities::Difficulty,
    org_units::{OrgUnit, OrgUnitKind},
    progress as d,
    results::ResultStatus,
    teams::{TeamKind, TeamStatus},
};
use tinhnguyen_persistence::progress::{TEAMS_REPORTED, TEAMS_VERIFIED};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What the groups of a progress answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The units directly below; the unit's own teams under itself.
    OrgUnit,
    /// The localities directly below `locality_id`, or the provinces.
    Locality,
    /// Topics.
    Topic,
    /// Audiences.
    Audience,
    /// Kinds of activity, by topic.
    ActivityKind,
    /// Kinds of team.
    TeamKind,
    /// Teams, the one that reported most first; beyond 20,000 the rest stands under `others`.
    Team,
    /// Designated difficulty of the place.
    Difficulty,
    /// ISO weeks of the reported day.
    Week,
    /// Reported days.
    Day,
}

/// What progress is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ProgressQuery {
    /// The indicator; when absent, the first one that counts turns of the campaign that is open, or was last.
    pub indicator_id: Option<Uuid>,
    /// The unit whose subtree is asked; when absent, the centre or the highest unit that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// Only what was done in this locality and those below it.
    pub locality_id: Option<Uuid>,
    /// First reported day.
    pub from: Option<NaiveDate>,
    /// Last reported day.
    pub to: Option<NaiveDate>,
    /// Only what was about this topic.
    #[param(value_type = TopicSchema)]
    pub topic: Option<Topic>,
    /// Only who was supported.
    #[param(value_type = AudienceSchema)]
    pub audience: Option<Audience>,
    /// Only what this team reported.
    pub team_id: Option<Uuid>,
    /// Only what teams of this kind reported.
    #[param(value_type = TeamKindSchema)]
    pub team_kind: Option<TeamKind>,
    /// Only what was done in localities of this difficulty.
    #[param(value_type = DifficultySchema)]
    pub difficulty: Option<Difficulty>,
    /// The figures as they stood at this instant (UTC), as the ledger had them; now when absent.
    pub as_of: Option<DateTime<Utc>>,
    /// In the trees of this local day: what was merged or moved since is where it was then, and what has ended counts with
    /// its successor. The day of `as_of` when absent. No total changes by it.
    pub tree_as_of: Option<NaiveDate>,
    /// What the groups are; none when absent.
    #[param(inline)]
    pub group_by: Option<GroupBy>,
    /// The ledger's entry that the answer must include, such as the `Ledger-Seq` of a write.
    #[param(minimum = 1, maximum = 9007199254740991_i64)]
    pub min_ledger_seq: Option<i64>,
}

/// The two figures that stand everywhere side by side.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct TwoFigures {
    /// Submitted or verified.
    #[schema(example = 5123456)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 4321000)]
    pub verified: i64,
}

impl From<Count> for TwoFigures {
    fn from(count: Count) -> Self {
        Self { reported: count.reported.0, verified: count.verified.0 }
    }
}

/// The indicator that is counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressIndicator {
    /// Its id.
    pub id: Uuid,
    /// Its number in the campaign's plan.
    #[schema(minimum = 1, maximum = 999, example = 7)]
    pub number: Option<i32>,
    /// Vietnamese name.
    #[schema(max_length = 500, example = "Hỗ trợ nâng cao năng lực số cho thanh thiếu nhi và người dân")]
    pub name: String,
    /// English name.
    #[schema(max_length = 500)]
    pub name_en: Option<String>,
    /// What one unit of it is called.
    #[schema(max_length = 40, example = "lượt")]
    pub unit: String,
    /// What it counts.
    #[schema(value_type = MeasureSchema)]
    pub measure: Measure,
}

impl ProgressIndicator {
    /// What is sent of an indicator.
    #[must_use]
    pub fn of(indicator: &Indicator) -> Self {
        Self {
            id: indicator.stamp.id,
            number: indicator.number,
            name: indicator.name.clone(),
            name_en: indicator.name_en.clone(),
            unit: indicator.unit.clone(),
            measure: indicator.measure,
        }
    }
}

/// The unit whose subtree is counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "TWD")]
    pub code: String,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Trung ương Đoàn TNCS Hồ Chí Minh")]
    pub name: String,
    /// English name.
    #[schema(max_length = 200)]
    pub name_en: Option<String>,
    /// What it is.
    #[schema(value_type = OrgUnitKindSchema)]
    pub kind: OrgUnitKind,
}

impl ProgressUnit {
    /// What is sent of a unit.
    #[must_use]
    pub fn of(unit: &OrgUnit) -> Self {
        Self {
            id: unit.stamp.id,
            code: unit.code.clone(),
            name: unit.name.clone(),
            name_en: unit.name_en.clone(),
            kind: unit.kind,
        }
    }
}

/// How the figure moves (nhịp độ).
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProgressPace {
    /// Turns that an even pace would have reached by `as_of`.
    #[schema(example = 2900000)]
    pub expected: i64,
    /// Turns a day over the last seven days, today included, rounded down.
    #[schema(example = 68000)]
    pub per_day_7d: i64,
    /// What each day left, today included, has to bring for the target, rounded up; null when no day is left.
    #[schema(minimum = 0, example = 71000)]
    pub needed_per_day: Option<i64>,
    /// Turns at the campaign's end if every day left brings as many.
    #[schema(example = 6400000)]
    pub forecast_total: i64,
    /// The least that is likely at the campaign's end: four times in five it lies between this and `forecast_high`, if the
    /// days left are like the last seven. Student's t over those days, as a prediction interval of the sum.
    #[schema(example = 6150000)]
    pub forecast_low: i64,
    /// The most that is likely at the campaign's end.
    #[schema(example = 6650000)]
    pub forecast_high: i64,
    /// The day on which the target was or would be reached; null when never at that rate.
    pub forecast_reached_on: Option<NaiveDate>,
}

impl From<d::Pace> for ProgressPace {
    fn from(pace: d::Pace) -> Self {
        Self {
            expected: pace.expected,
            per_day_7d: pace.per_day_7d,
            needed_per_day: pace.needed_per_day,
            forecast_total: pace.forecast.total,
            forecast_low: pace.forecast.low,
            forecast_high: pace.forecast.high,
            forecast_reached_on: pace.forecast.reached_on,
        }
    }
}

/// One group of a progress answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressGroup {
    /// What the group is: a unit's or locality's code, a topic, an audience, a day, a week such as `2024-W27`.
    #[schema(max_length = 100, example = "TD-01")]
    pub key: String,
    /// The unit's or locality's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    /// Vietnamese name.
    #[schema(max_length = 200, example = "Thành Đoàn Hà Nội")]
    pub name: String,
    /// English name, where there is one.
    #[schema(max_length = 200)]
    pub name_en: Option<String>,
    /// Submitted or verified.
    #[schema(example = 315975)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 300000)]
    pub verified: i64,
    /// Of a unit: its target; null where it has none. Absent of other groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, required = false, minimum = 0, example = 315000)]
    pub target: Option<Option<i64>>,
    /// Of a unit: `reported` / `target` × 100, never capped; null without a target. Absent of other groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, required = false, example = 100.31)]
    pub percent: Option<Option<f64>>,
}

/// Which results a figure includes; of teams and their members, which teams.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressIncludes {
    /// The states that count as reported.
    #[schema(max_items = 10, example = json!(["submitted", "verified"]))]
    pub reported: Vec<&'static str>,
    /// The states that count as verified.
    #[schema(max_items = 10, example = json!(["verified"]))]
    pub verified: Vec<&'static str>,
}

impl ProgressIncludes {
    /// What is in the figures of an indicator that counts this.
    #[must_use]
    pub fn of(measure: Measure) -> Self {
        if matches!(measure, Measure::Teams | Measure::Members) {
            let words = |states: &[TeamStatus]| states.iter().map(|state| state.as_str()).collect();
            return Self { reported: words(&TEAMS_REPORTED), verified: words(&TEAMS_VERIFIED) };
        }
        let counts = |verified: bool| {
            let one = Turns(1);
            let states = ResultStatus::ALL.iter().filter(move |state| {
                let count = state.counts(one);
                if verified { count.verified == one } else { count.reported == one }
            });
            states.map(|state| state.as_str()).collect()
        };
        Self { reported: counts(false), verified: counts(true) }
    }
}

/// How much of what is expected has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProgressCompleteness {
    /// Units directly below.
    #[schema(minimum = 0, example = 67)]
    pub units_expected: u64,
    /// Of those, units from which anything was reported.
    #[schema(minimum = 0, example = 63)]
    pub units_reporting: u64,
}

/// Progress (tiến độ) towards an indicator. Percentages are of the target, rounded to two decimals, never capped.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Progress {
    /// What is counted.
    pub indicator: ProgressIndicator,
    /// Whose subtree is counted.
    pub org_unit: ProgressUnit,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The local day whose trees they are told in.
    pub tree_as_of: NaiveDate,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The target; null for units that have none.
    #[schema(minimum = 0, example = 6000000)]
    pub target: Option<i64>,
    /// Submitted or verified, of the days asked for.
    #[schema(example = 5123456)]
    pub reported: i64,
    /// Verified, of the days asked for.
    #[schema(example = 4321000)]
    pub verified: i64,
    /// `reported` / `target` × 100; null without a target.
    #[schema(example = 85.39)]
    pub percent: Option<f64>,
    /// `verified` / `target` × 100; null without a target.
    #[schema(example = 72.02)]
    pub verified_percent: Option<f64>,
    /// The figures of all days up to `to`, whatever `from` is.
    pub cumulative: TwoFigures,
    /// How the figure moves; only where there is a target and nothing is filtered.
    pub pace: Option<ProgressPace>,
    /// The groups; they add up to `reported` and `verified`.
    #[schema(max_items = 20000)]
    pub groups: Vec<ProgressGroup>,
    /// Which results are in the figures.
    pub includes: ProgressIncludes,
    /// How much of what is expected has come.
    pub completeness: ProgressCompleteness,
}

/// What public progress is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct PublicProgressQuery {
    /// The indicator; when absent, the first one that counts turns of the campaign that is open, or was last.
    pub indicator_id: Option<Uuid>,
    /// The ledger's entry that the answer must include, such as the `Ledger-Seq` of a write.
    #[param(minimum = 1, maximum = 9007199254740991_i64)]
    pub min_ledger_seq: Option<i64>,
}

/// Public progress (tiến độ công khai): the country and its provinces.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicProgress {
    /// The campaign's code.
    #[schema(max_length = 40, example = "HE-2024")]
    pub campaign: String,
    /// What is counted.
    pub indicator: ProgressIndicator,
    /// The instant that the figures stand at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in them.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The national target.
    #[schema(minimum = 0, example = 6000000)]
    pub target: i64,
    /// Submitted or verified.
    #[schema(example = 5123456)]
    pub reported: i64,
    /// Verified.
    #[schema(example = 4321000)]
    pub verified: i64,
    /// `reported` / `target` × 100, never capped; null without a target.
    #[schema(example = 85.39)]
    pub percent: Option<f64>,
    /// `verified` / `target` × 100, never capped; null without a target.
    #[schema(example = 72.02)]
    pub verified_percent: Option<f64>,
    /// The provincial unions and the unions directly under the centre; they add up to the country.
    #[schema(max_items = 1000)]
    pub provinces: Vec<ProgressGroup>,
    /// Whether these are demonstration data.
    pub demo: bool,
}

/// What explaining a figure is asked for: the parameters of the figure, and of a page.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ExplainQuery {
    /// The indicator; when absent, the first one that counts turns of the campaign that is open, or was last.
    pub indicator_id: Option<Uuid>,
    /// The unit whose subtree is asked; when absent, the centre or the highest unit that the caller reaches.
    pub org_unit_id: Option<Uuid>,
    /// Only what was done in this locality and those below it.
    pub locality_id: Option<Uuid>,
    /// First reported day.
    pub from: Option<NaiveDate>,
    /// Last reported day.
    pub to: Option<NaiveDate>,
    /// Only what was about this topic.
    #[param(value_type = TopicSchema)]
    pub topic: Option<Topic>,
    /// Only who was supported.
    #[param(value_type = AudienceSchema)]
    pub audience: Option<Audience>,
    /// Only what this team reported.
    pub team_id: Option<Uuid>,
    /// Only what teams of this kind reported.
    #[param(value_type = TeamKindSchema)]
    pub team_kind: Option<TeamKind>,
    /// Only what was done in localities of this difficulty.
    #[param(value_type = DifficultySchema)]
    pub difficulty: Option<Difficulty>,
    /// The figure as it stood at this instant (UTC): with the answer's own `as_of` all pages are of one moment.
    pub as_of: Option<DateTime<Utc>>,
    /// In the trees of this local day; the day of `as_of` when absent.
    pub tree_as_of: Option<NaiveDate>,
    /// Results a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same filters.
    #[param(max_length = 1000)]
    pub cursor: Option<String>,
}

impl ListQuery for ExplainQuery {
    const SORTS: &'static [&'static str] = &["team_id"];
}

impl From<&ExplainQuery> for ProgressQuery {
    fn from(query: &ExplainQuery) -> Self {
        Self {
            indicator_id: query.indicator_id,
            org_unit_id: query.org_unit_id,
            locality_id: query.locality_id,
            from: query.from,
            to: query.to,
            topic: query.topic,
            audience: query.audience,
            team_id: query.team_id,
            team_kind: query.team_kind,
            difficulty: query.difficulty,
            as_of: query.as_of,
            tree_as_of: query.tree_as_of,
            group_by: None,
            min_ledger_seq: None,
        }
    }
}

/// What one result brings to a figure.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressContribution {
    /// The result; `GET /v1/results/{id}` tells all of it.
    pub result_id: Uuid,
    /// The revision of the result that was counted last.
    #[schema(minimum = 1, example = 1)]
    pub revision: i32,
    /// The team that reported it.
    pub team_id: Uuid,
    /// The team's code.
    #[schema(max_length = 40, example = "DH-HN-01")]
    pub team_code: String,
    /// The team's name.
    #[schema(max_length = 200, example = "Đội chuyển đổi số cộng đồng số 1")]
    pub team_name: String,
    /// The unit that the team belonged to.
    pub org_unit_id: Uuid,
    /// The place of the activity.
    pub locality_id: Uuid,
    /// The reported day.
    pub day: NaiveDate,
    /// What it brings to the reported figure.
    #[schema(example = 42)]
    pub reported: i64,
    /// What it brings to the verified figure.
    #[schema(example = 42)]
    pub verified: i64,
    /// The last entry of the ledger that it wrote.
    #[schema(minimum = 1, example = 182340)]
    pub ledger_seq: i64,
}

/// The results behind a figure (giải trình số liệu), by team and result; those of all pages add up to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressExplanation {
    /// What is counted.
    pub indicator: ProgressIndicator,
    /// Whose subtree is counted.
    pub org_unit: ProgressUnit,
    /// The instant that the figure stands at.
    pub as_of: DateTime<Utc>,
    /// The ledger's last entry that is in it.
    #[schema(minimum = 0, example = 182340)]
    pub ledger_seq: i64,
    /// The whole figure, reported.
    #[schema(example = 5123456)]
    pub reported: i64,
    /// The whole figure, verified.
    #[schema(example = 4321000)]
    pub verified: i64,
    /// Which results are in the figure.
    pub includes: ProgressIncludes,
    /// How the figure is made.
    #[schema(max_length = 500)]
    pub formula: &'static str,
    /// What each result brings.
    #[schema(max_items = 200)]
    pub data: Vec<ProgressContribution>,
    /// Where the next page starts; null on the last.
    #[schema(max_length = 1000)]
    pub next_cursor: Option<String>,
}
