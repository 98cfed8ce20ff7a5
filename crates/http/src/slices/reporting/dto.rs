//! Reporting periods, extensions and nil reports as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::{EverySchema, ExtensionStatusSchema},
    slices::item,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::reporting::{self as d, Every, ExtensionStatus};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// A time for which teams report, and by when (kỳ báo cáo). Its days are local days of the campaign, first and last
    /// included.
    ReportingPeriod at "/v1/reporting-periods" {
        /// The campaign.
        campaign_id: Uuid,
        /// Which of the campaign's series it belongs to, such as the weekly bulletins or the rounds; periods of one series
        /// share no day.
        #[schema(max_length = 40, example = "week")]
        series: String,
        /// Stable code, unique in the campaign.
        #[schema(max_length = 40, example = "2024-W27")]
        code: String,
        /// Vietnamese name.
        #[schema(max_length = 200, example = "Bản tin tuần 27")]
        name: String,
        /// First day, inclusive.
        #[schema(example = "2024-07-01")]
        starts_on: NaiveDate,
        /// Last day, inclusive.
        #[schema(example = "2024-07-07")]
        ends_on: NaiveDate,
        /// The day by whose end reports are due, inclusive.
        #[schema(example = "2024-07-09")]
        due_on: NaiveDate,
    }
}

page_schema!(ReportingPeriodPage of ReportingPeriod);

impl ReportingPeriod {
    /// What is sent of a period: who may write it may delete it as long as nothing depends on it.
    #[must_use]
    pub fn of(period: d::Period, may_write: bool, in_use: bool) -> Self {
        let mut allowed_actions = Vec::new();
        if may_write {
            allowed_actions.push("edit");
            if !in_use {
                allowed_actions.push("delete");
            }
        }
        Self {
            id: period.stamp.id,
            campaign_id: period.campaign_id,
            series: period.series,
            code: period.code,
            name: period.name,
            starts_on: period.starts_on,
            ends_on: period.ends_on,
            due_on: period.due_on,
            created_at: period.stamp.created_at,
            updated_at: period.stamp.updated_at,
            version: period.stamp.version,
            allowed_actions,
        }
    }
}

list_query!(
    /// Which periods are listed.
    ReportingPeriodQuery, sorts: ["code", "-code", "created_at", "-created_at"], {
        /// By id.
        id: Uuid,
        /// Of this campaign.
        campaign_id: Uuid,
        /// By code.
        #[param(max_length = 40)]
        code: String,
        /// Of this series.
        #[param(max_length = 40)]
        series: String,
        /// With this day.
        on: NaiveDate,
    }
);

/// A new period.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "days"))]
pub struct NewReportingPeriod {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The campaign.
    pub campaign_id: Uuid,
    /// Which of the campaign's series it belongs to. When absent: `week` for the code of an ISO week, otherwise `round`
    /// (đợt).
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 40, pattern = "^[a-z0-9_]+$", example = "week")]
    pub series: Option<String>,
    /// Stable code, unique in the campaign.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "2024-W27")]
    pub code: String,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Bản tin tuần 27")]
    pub name: String,
    /// First day, inclusive.
    #[schema(example = "2024-07-01")]
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    #[schema(example = "2024-07-07")]
    pub ends_on: NaiveDate,
    /// The day by whose end reports are due, inclusive: not before the last day.
    #[schema(example = "2024-07-09")]
    pub due_on: NaiveDate,
}

fn days(new: &NewReportingPeriod) -> Result<(), ValidationError> {
    if new.ends_on < new.starts_on {
        Err(broken(Code::DatesInverted, "/ends_on"))
    } else if new.due_on < new.ends_on {
        Err(broken(Code::DatesInverted, "/due_on"))
    } else {
        Ok(())
    }
}

/// What changes in a period (JSON Merge Patch, RFC 7396). Its campaign, series and code never change.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ReportingPeriodPatch {
    /// Vietnamese name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Bản tin tuần 27")]
    pub name: Option<String>,
    /// First day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub starts_on: Option<NaiveDate>,
    /// Last day, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub ends_on: Option<NaiveDate>,
    /// The day by whose end reports are due, inclusive.
    #[serde(default)]
    #[schema(nullable = false)]
    pub due_on: Option<NaiveDate>,
}

/// Which periods are made at once.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewReportingPeriods {
    /// The campaign, whose days are divided.
    pub campaign_id: Uuid,
    /// How often one begins.
    #[schema(value_type = EverySchema, example = "week")]
    pub every: Every,
    /// Days from the last day of each to its due day.
    #[schema(minimum = 0, maximum = 60, example = 2)]
    pub due_after_days: u32,
}

/// What became of periods that were made at once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportingPeriodsOutcome {
    /// How many were made.
    #[schema(minimum = 0, maximum = 1000, example = 14)]
    pub created: usize,
    /// How many were there already and stay as they are.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    pub kept: usize,
    /// All of them, by their first days.
    #[schema(max_items = 1000)]
    pub data: Vec<ReportingPeriod>,
}

item! {
    /// A later deadline for a unit and all below it (gia hạn).
    ReportingExtension at "/v1/reporting-extensions" {
        /// The period.
        period_id: Uuid,
        /// The unit.
        org_unit_id: Uuid,
        /// The day by whose end their reports are due, inclusive.
        #[schema(example = "2024-07-12")]
        due_on: NaiveDate,
        /// Why.
        #[schema(max_length = 1000, example = "Mất điện do bão số 2")]
        reason: String,
        /// Who granted it.
        granted_by: Uuid,
        /// Where it stands.
        #[schema(value_type = ExtensionStatusSchema, example = "active")]
        status: ExtensionStatus,
        /// When it was taken back.
        revoked_at: Option<DateTime<Utc>>,
        /// Who took it back.
        revoked_by: Option<Uuid>,
        /// Why it was taken back.
        #[schema(max_length = 1000)]
        revoke_reason: Option<String>,
    }
}

page_schema!(ReportingExtensionPage of ReportingExtension);

impl ReportingExtension {
    /// What is sent of an extension.
    #[must_use]
    pub fn of(extension: d::Extension, may_revoke: bool) -> Self {
        let status = extension.status();
        let (at, by, why) = match extension.revoked {
            Some(revoked) => (Some(revoked.at), Some(revoked.by), Some(revoked.reason)),
            None => (None, None, None),
        };
        Self {
            id: extension.stamp.id,
            period_id: extension.period_id,
            org_unit_id: extension.org_unit_id,
            due_on: extension.due_on,
            reason: extension.reason,
            granted_by: extension.granted_by,
            status,
            revoked_at: at,
            revoked_by: by,
            revoke_reason: why,
            created_at: extension.stamp.created_at,
            updated_at: extension.stamp.updated_at,
            version: extension.stamp.version,
            allowed_actions: if may_revoke && status == ExtensionStatus::Active { vec!["revoke"] } else { vec![] },
        }
    }
}

list_query!(
    /// Which extensions are listed.
    ReportingExtensionQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this period.
        period_id: Uuid,
        /// Of this unit itself.
        org_unit_id: Uuid,
        /// Of this unit and all units below it.
        within: Uuid,
        /// In this state.
        #[param(inline, value_type = Option<ExtensionStatusSchema>)]
        status: ExtensionStatus,
    }
);

/// A new extension.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewReportingExtension {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The period.
    pub period_id: Uuid,
    /// The unit; what is below it is extended too.
    pub org_unit_id: Uuid,
    /// The day by whose end their reports are due: after the period's own due day.
    #[schema(example = "2024-07-12")]
    pub due_on: NaiveDate,
    /// Why.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S", example = "Mất điện do bão số 2")]
    pub reason: String,
}

/// Why an extension is taken back.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ReportingExtensionRevocation {
    /// Why.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S", example = "Đã có điện trở lại")]
    pub reason: String,
}

/// A team says that it has nothing to report for a period (báo cáo không phát sinh).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NilReport {
    /// UUIDv7; a client may choose it on create.
    pub id: Uuid,
    /// The team.
    pub team_id: Uuid,
    /// The period.
    pub period_id: Uuid,
    /// Why there is nothing.
    #[schema(max_length = 1000, example = "Đội nghỉ tuần này để dự thi")]
    pub reason: String,
    /// Who said so.
    pub created_by: Uuid,
    /// Instant of creation.
    pub created_at: DateTime<Utc>,
    /// Instant of the last change.
    pub updated_at: DateTime<Utc>,
    /// Counts the changes from 1; in quotes it is the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i64,
    /// What this caller may do with it now.
    #[schema(max_items = 20, example = json!([]))]
    pub allowed_actions: Vec<&'static str>,
}

impl crate::reply::Item for NilReport {
    fn location(&self) -> String {
        format!("/v1/teams/{}/nil-reports/{}", self.team_id, self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

page_schema!(NilReportPage of NilReport);

impl NilReport {
    /// What is sent of a nil report.
    #[must_use]
    pub fn of(report: d::NilReport, may_write: bool) -> Self {
        Self {
            id: report.stamp.id,
            team_id: report.team_id,
            period_id: report.period_id,
            reason: report.reason,
            created_by: report.created_by,
            created_at: report.stamp.created_at,
            updated_at: report.stamp.updated_at,
            version: report.stamp.version,
            allowed_actions: if may_write { vec!["delete"] } else { vec![] },
        }
    }
}

list_query!(
    /// Which nil reports of a team are listed.
    NilReportQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this period.
        period_id: Uuid,
    }
);

/// A new nil report.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewNilReport {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The period: it has begun.
    pub period_id: Uuid,
    /// Why there is nothing.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S", example = "Đội nghỉ tuần này để dự thi")]
    pub reason: String,
}
