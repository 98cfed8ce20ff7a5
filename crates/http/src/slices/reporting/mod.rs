//! Reporting periods (kỳ báo cáo), their deadlines and extensions (gia hạn), and who has reported.

pub mod completeness;
pub mod completeness_dto;
pub mod dto;
pub mod ops;
pub mod reminders;

use crate::{
    allowed::{Allowed, CampaignWrite, CatalogueRead, Demand, ReportingRead, ReportingWrite, ResultRead, ResultWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, get, patch, post, web::Path};
use completeness_dto::{Completeness, CompletenessQuery, TeamReportPage, TeamReportQuery};
use dto::{
    NewNilReport, NewReportingExtension, NewReportingPeriod, NewReportingPeriods, NilReport, NilReportPage,
    NilReportQuery, ReportingExtension, ReportingExtensionPage, ReportingExtensionQuery, ReportingExtensionRevocation,
    ReportingPeriod, ReportingPeriodPage, ReportingPeriodPatch, ReportingPeriodQuery, ReportingPeriodsOutcome,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_reporting_periods)
        .service(create_reporting_period)
        .service(generate_reporting_periods)
        .service(get_reporting_period)
        .service(patch_reporting_period)
        .service(delete_reporting_period)
        .service(list_reporting_extensions)
        .service(create_reporting_extension)
        .service(get_reporting_extension)
        .service(revoke_reporting_extension)
        .service(list_nil_reports)
        .service(create_nil_report)
        .service(delete_nil_report)
        .service(get_completeness)
        .service(list_team_reports);
}

/// List reporting periods
///
/// All reporting periods (kỳ báo cáo) of all campaigns.
#[utoipa::path(tag = "reporting", params(ReportingPeriodQuery),
    responses((status = 200, description = "A page of periods.", body = ReportingPeriodPage)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/reporting-periods")]
async fn list_reporting_periods(allowed: Allowed<CatalogueRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ReportingPeriodQuery = request.query(&app.contract)?;
    let (page, used) = ops::list(app.store.read(), &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |period| view(period, &used))
}

/// Create a reporting period
///
/// Adds a reporting period (kỳ báo cáo) to a campaign. Its days lie within the campaign and in no other period of its
/// series. Wants the right over the centre.
#[utoipa::path(tag = "reporting", request_body(content = NewReportingPeriod, description = "The period."),
    responses((status = 201, description = "The new period.", body = ReportingPeriod),
        (status = 200, description = "The period that this id and body made before.", body = ReportingPeriod)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "code_already_used", "idempotency_in_progress", "campaign_not_open", "period_overlaps", "reference_not_found", "dates_inverted", "outside_campaign"]))))]
#[post("/v1/reporting-periods")]
async fn create_reporting_period(allowed: Allowed<CampaignWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewReportingPeriod>(&app.contract).await?;
    reply::write(&app, &request, "create_reporting_period", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Generate reporting periods
///
/// Makes the reporting periods (kỳ báo cáo) of all of a campaign's days at once: ISO weeks with codes such as `2024-W27`, the
/// first and the last cut at the campaign's ends, each due so many days after its own last day. Weeks that are there already
/// stay as they are. All or none are made. Wants the right over the centre.
#[utoipa::path(tag = "reporting", request_body(content = NewReportingPeriods, description = "Which periods."),
    responses((status = 200, description = "What became of them.", body = ReportingPeriodsOutcome)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "campaign_not_open", "period_overlaps", "reference_not_found"]))))]
#[post("/v1/reporting-periods/generate")]
async fn generate_reporting_periods(allowed: Allowed<CampaignWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewReportingPeriods>(&app.contract).await?;
    reply::write(&app, &request, "generate_reporting_periods", &allowed.actor, &input.hash, async |tx, cx| {
        ops::generate(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a reporting period
///
/// One reporting period (kỳ báo cáo).
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The period.")),
    responses((status = 200, description = "The period.", body = ReportingPeriod)),
    extensions(("x-permission" = json!(CatalogueRead::PERMISSION.as_str()))))]
#[get("/v1/reporting-periods/{id}")]
async fn get_reporting_period(
    allowed: Allowed<CatalogueRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (period, used) = ops::find(app.store.read(), *id).await?;
    reply::item(&request, &ops::view(&allowed)(period, &used))
}

/// Change a reporting period
///
/// Changes a reporting period's (kỳ báo cáo) name, days or deadline. Who was on time is told by the deadline as it stands.
/// Wants the right over the centre.
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The period.")),
    request_body(content = ReportingPeriodPatch, description = "What changes."),
    responses((status = 200, description = "The changed period.", body = ReportingPeriod)),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["campaign_not_open", "period_overlaps", "dates_inverted", "outside_campaign"]))))]
#[patch("/v1/reporting-periods/{id}")]
async fn patch_reporting_period(
    allowed: Allowed<CampaignWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ReportingPeriodPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_reporting_period", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Delete a reporting period
///
/// Removes a reporting period (kỳ báo cáo) on which nothing depends: no extension, no nil report, no reminder. Wants the
/// right over the centre.
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The period.")),
    responses((status = 204, description = "The period is gone.")),
    extensions(("x-permission" = json!(CampaignWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["campaign_not_open", "period_in_use"]))))]
#[delete("/v1/reporting-periods/{id}")]
async fn delete_reporting_period(
    allowed: Allowed<CampaignWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "delete_reporting_period", &allowed.actor, &[], async |tx, cx| {
        ops::delete(tx, cx, &allowed, *id).await
    })
    .await
}

/// List reporting extensions
///
/// Extensions (gia hạn) of the caller's units, of those below them, and of those above, which hold for them too.
#[utoipa::path(tag = "reporting", params(ReportingExtensionQuery),
    responses((status = 200, description = "A page of extensions.", body = ReportingExtensionPage)),
    extensions(("x-permission" = json!(ReportingRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/reporting-extensions")]
async fn list_reporting_extensions(allowed: Allowed<ReportingRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: ReportingExtensionQuery = request.query(&app.contract)?;
    let (page, units) = ops::list_extensions(app.store.read(), &allowed, &query).await?;
    let view = ops::view_extension(&allowed);
    reply::page(&request, &query, page, |extension| {
        let unit = units.get(&extension.org_unit_id);
        view(extension, unit)
    })
}

/// Extend a deadline
///
/// Grants a unit and all below it a later deadline (gia hạn), with a reason. Wants the right over the unit's parent, or, for
/// the centre itself, over the centre: nobody extends their own deadline. Of several that concern a unit, its own and those
/// above it, the latest holds. It may be granted when the deadline has passed already: what came until the new one is on
/// time then.
#[utoipa::path(tag = "reporting", request_body(content = NewReportingExtension, description = "The extension."),
    responses((status = 201, description = "The new extension.", body = ReportingExtension),
        (status = 200, description = "The extension that this id and body made before.", body = ReportingExtension)),
    extensions(("x-permission" = json!(ReportingWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "campaign_not_open", "reference_not_found"]))))]
#[post("/v1/reporting-extensions")]
async fn create_reporting_extension(allowed: Allowed<ReportingWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewReportingExtension>(&app.contract).await?;
    reply::write(&app, &request, "create_reporting_extension", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create_extension(tx, cx, &allowed, &input.value).await
    })
    .await
}

/// Read a reporting extension
///
/// One extension (gia hạn) of a unit that the caller sees.
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The extension.")),
    responses((status = 200, description = "The extension.", body = ReportingExtension)),
    extensions(("x-permission" = json!(ReportingRead::PERMISSION.as_str()))))]
#[get("/v1/reporting-extensions/{id}")]
async fn get_reporting_extension(
    allowed: Allowed<ReportingRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (extension, unit) = ops::find_extension(app.store.read(), &allowed, *id).await?;
    reply::item(&request, &ops::view_extension(&allowed)(extension, Some(&unit.path)))
}

/// Take an extension back
///
/// Takes an extension (thu hồi gia hạn) back, with a reason. It stays readable. Wants the right over the unit's parent.
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The extension.")),
    request_body(content = ReportingExtensionRevocation, description = "Why."),
    responses((status = 200, description = "The extension, taken back.", body = ReportingExtension)),
    extensions(("x-permission" = json!(ReportingWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[post("/v1/reporting-extensions/{id}/revoke")]
async fn revoke_reporting_extension(
    allowed: Allowed<ReportingWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<ReportingExtensionRevocation>(&app.contract).await?;
    reply::write(&app, &request, "revoke_reporting_extension", &allowed.actor, &input.hash, async |tx, cx| {
        ops::revoke_extension(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// List a team's nil reports
///
/// The periods for which a team said that it has nothing to report (báo cáo không phát sinh).
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The team."), NilReportQuery),
    responses((status = 200, description = "A page of nil reports.", body = NilReportPage)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/teams/{id}/nil-reports")]
async fn list_nil_reports(allowed: Allowed<ResultRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: NilReportQuery = request.query(&app.contract)?;
    let (page, may_write) = ops::list_nil(app.store.read(), &allowed, *id, &query).await?;
    reply::page(&request, &query, page, |report| NilReport::of(report, may_write))
}

/// Report that there is nothing
///
/// A team says that it has nothing to report for a period (báo cáo không phát sinh), with a reason: it counts as received
/// then. Refused when results of it count for the period. What it files later all the same counts as ever.
#[utoipa::path(tag = "reporting", params(("id" = Uuid, Path, description = "The team.")),
    request_body(content = NewNilReport, description = "The period and the reason."),
    responses((status = 201, description = "The new nil report.", body = NilReport),
        (status = 200, description = "The nil report that this id and body made before.", body = NilReport)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "campaign_not_open", "wrong_state", "reference_not_found", "in_the_future"]))))]
#[post("/v1/teams/{id}/nil-reports")]
async fn create_nil_report(allowed: Allowed<ResultWrite>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewNilReport>(&app.contract).await?;
    reply::write(&app, &request, "create_nil_report", &allowed.actor, &input.hash, async |tx, cx| {
        ops::create_nil(tx, cx, &allowed, *id, &input.value).await
    })
    .await
}

/// Delete a nil report
///
/// Takes back that a team has nothing to report for a period (báo cáo không phát sinh).
#[utoipa::path(tag = "reporting",
    params(("id" = Uuid, Path, description = "The team."), ("nil_report_id" = Uuid, Path, description = "The nil report.")),
    responses((status = 204, description = "The nil report is gone.")),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())), ("x-codes" = json!(["campaign_not_open"]))))]
#[delete("/v1/teams/{id}/nil-reports/{nil_report_id}")]
async fn delete_nil_report(
    allowed: Allowed<ResultWrite>,
    path: Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    let (id, nil_report_id) = *path;
    reply::write(&app, &request, "delete_nil_report", &allowed.actor, &[], async |tx, cx| {
        ops::delete_nil(tx, cx, &allowed, id, nil_report_id).await
    })
    .await
}

/// Read completeness
///
/// Who of a unit's subtree has reported in a period (mức độ đầy đủ của báo cáo). All days are the campaign's local days.
///
/// A team is `expected` when it is `deployed` or `completed` and at work on a day of the period: from its first day to its
/// last, or to the day on which it was completed. It is `received` when one of its results for a day of the period is
/// submitted or verified, or when it said that it has nothing to report (`nil`). Of a joint activity each team reports for
/// itself. It is `on_time` when the first of them was filed by the end of its due day, extensions included; otherwise `late`.
/// What counts is when a result was filed first: an amendment doesn't make it late, and a result that was returned and
/// submitted again is as early as it was the first time. While it is returned it doesn't count, and the team is `missing`
/// unless another one does. A unit is `received` when all expected teams of its subtree are, `partial` when some are,
/// `missing` when none is; it is `on_time` when all of them were.
#[utoipa::path(tag = "reporting", params(CompletenessQuery),
    responses((status = 200, description = "Who has reported.", body = Completeness)),
    extensions(("x-permission" = json!(ReportingRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found"]))))]
#[get("/v1/reporting/completeness")]
async fn get_completeness(allowed: Allowed<ReportingRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: CompletenessQuery = request.query(&app.contract)?;
    reply::document(&request, &completeness::read(&app, &allowed, &query).await?)
}

/// List teams by how they reported
///
/// The teams that are expected in a period and that the caller reaches, by code, with when they reported first (tình trạng
/// báo cáo của đội). A page may be shorter than `limit` and still have a next one.
#[utoipa::path(tag = "reporting", params(TeamReportQuery),
    responses((status = 200, description = "A page of teams.", body = TeamReportPage)),
    extensions(("x-permission" = json!(ReportingRead::PERMISSION.as_str())), ("x-codes" = json!(["not_found", "bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/reporting/teams")]
async fn list_team_reports(allowed: Allowed<ReportingRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: TeamReportQuery = request.query(&app.contract)?;
    let page = completeness::list(&app, &allowed, &query).await?;
    reply::page(&request, &query, page, |report| report)
}
