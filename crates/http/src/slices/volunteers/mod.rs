//! Volunteers (tình nguyện viên).

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, MemberWrite, VolunteerPersonal, VolunteerRead, VolunteerWrite},
    problem::ApiResult,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, get, patch, post, web::Path};
use dto::{
    CandidateQuery, NewErasure, NewVolunteer, PersonalDataExport, Volunteer, VolunteerPage, VolunteerPatch,
    VolunteerQuery,
};
use tinhnguyen_persistence::personal::Reading;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_volunteers)
        .service(create_volunteer)
        .service(get_volunteer)
        .service(patch_volunteer)
        .service(get_volunteer_personal_data)
        .service(erase_volunteer)
        .service(withdraw_volunteer)
        .service(list_team_candidates);
}

/// List volunteers
///
/// Volunteers (tình nguyện viên) of the caller's subtrees, or of a team leader's own team. Phone, mail address, birth
/// date and guardian are masked in lists, whoever asks.
#[utoipa::path(tag = "volunteers", params(VolunteerQuery),
    responses((status = 200, description = "A page of volunteers.", body = VolunteerPage)),
    extensions(("x-permission" = json!(VolunteerRead::PERMISSION.as_str())), ("x-codes" = json!(["bad_cursor", "cursor_mismatch"]))))]
#[get("/v1/volunteers")]
async fn list_volunteers(allowed: Allowed<VolunteerRead>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: VolunteerQuery = request.query(&app.contract)?;
    let (page, units) = ops::list(app.store.read(), &allowed, &query).await?;
    let view = ops::view(&allowed);
    reply::page(&request, &query, page, |volunteer| {
        let unit = units.get(&volunteer.org_unit_id);
        view(volunteer, unit)
    })
}

/// Register a volunteer
///
/// Registers a volunteer (đăng ký tình nguyện viên) who consented to it, at a unit that the caller coordinates. Who was
/// under 18 on the day of their consent needs a guardian's, and so does a pupil whose birth date is not told.
#[utoipa::path(tag = "volunteers", request_body(content = NewVolunteer, description = "The volunteer."),
    responses((status = 201, description = "The new volunteer.", body = Volunteer),
        (status = 200, description = "The volunteer that this id and body made before.", body = Volunteer)),
    extensions(("x-permission" = json!(VolunteerWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["id_already_used", "idempotency_in_progress", "reference_not_found", "in_the_future", "guardian_consent_required"]))))]
#[post("/v1/volunteers")]
async fn create_volunteer(allowed: Allowed<VolunteerWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewVolunteer>(&app.contract).await?;
    // What is stored of the request must not help anybody to guess what it said.
    let hash = app.vault.veil(app.store.read(), &input.hash).await?;
    reply::write(&app, &request, "create_volunteer", &allowed.actor, &hash, async |tx, cx| {
        ops::create(tx, cx, &app.vault, &allowed, &input.value).await
    })
    .await
}

/// Read a volunteer
///
/// One volunteer (tình nguyện viên) that the caller sees. Whoever holds `volunteers.personal` over their unit sees phone,
/// mail address, birth date and guardian too, and the audit log remembers it.
#[utoipa::path(tag = "volunteers", params(("id" = Uuid, Path, description = "The volunteer.")),
    responses((status = 200, description = "The volunteer.", body = Volunteer)),
    extensions(("x-permission" = json!(VolunteerRead::PERMISSION.as_str())), ("x-codes" = json!(["storage_full"]))))]
#[get("/v1/volunteers/{id}")]
async fn get_volunteer(allowed: Allowed<VolunteerRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let provenance = request.provenance()?;
    let (at, actor_id) = (app.clock.now(), allowed.actor.id);
    let reading = Reading {
        at,
        actor_id,
        action: "get_volunteer",
        request_id: &provenance.request_id,
        address: Some(provenance.address.0),
    };
    let volunteer = ops::read(&app.store, &app.vault, &allowed, &reading, *id).await?;
    reply::personal_item(&request, &volunteer)
}

/// Change a volunteer
///
/// Changes a volunteer (tình nguyện viên), moves them to another unit, or sets them aside. A new `consent` replaces the
/// old one whole.
#[utoipa::path(tag = "volunteers", params(("id" = Uuid, Path, description = "The volunteer.")),
    request_body(content = VolunteerPatch, description = "What changes."),
    responses((status = 200, description = "The changed volunteer.", body = Volunteer)),
    extensions(("x-permission" = json!(VolunteerWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["volunteer_erased", "reference_not_found", "in_the_future", "guardian_consent_required"]))))]
#[patch("/v1/volunteers/{id}")]
async fn patch_volunteer(
    allowed: Allowed<VolunteerWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<VolunteerPatch>(&app.contract).await?;
    reply::write(&app, &request, "patch_volunteer", &allowed.actor, &input.hash, async |tx, cx| {
        ops::change(tx, cx, &app.vault, &allowed, *id, &input.value).await
    })
    .await
}

/// Export a volunteer's personal data
///
/// All that is kept of one volunteer (bản sao dữ liệu cá nhân): every field, their teams, and who has read their personal
/// data. The audit log remembers the export.
#[utoipa::path(tag = "volunteers", params(("id" = Uuid, Path, description = "The volunteer.")),
    responses((status = 200, description = "The data.", body = PersonalDataExport)),
    extensions(("x-permission" = json!(VolunteerPersonal::PERMISSION.as_str())), ("x-codes" = json!(["storage_full"]))))]
#[get("/v1/volunteers/{id}/personal-data")]
async fn get_volunteer_personal_data(
    allowed: Allowed<VolunteerPersonal>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let provenance = request.provenance()?;
    let (at, actor_id) = (app.clock.now(), allowed.actor.id);
    let reading = Reading {
        at,
        actor_id,
        action: "get_volunteer_personal_data",
        request_id: &provenance.request_id,
        address: Some(provenance.address.0),
    };
    let export = ops::export(&app.store, &app.vault, &allowed, &reading, *id).await?;
    reply::personal_item(&request, &export)
}

/// Erase a volunteer's personal data
///
/// Makes a volunteer unknown for good (xóa dữ liệu cá nhân): name, contacts, birth date, guardian, institution and skills
/// go, wherever they stand; unit, occupation and memberships stay, which end today. It can't be undone, and asking again
/// changes nothing.
#[utoipa::path(tag = "volunteers", params(("id" = Uuid, Path, description = "The volunteer.")),
    request_body(content = NewErasure, description = "Why."),
    responses((status = 200, description = "The volunteer, unknown now.", body = Volunteer)),
    extensions(("x-permission" = json!(VolunteerWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["idempotency_in_progress", "personal_data_in_text"]))))]
#[post("/v1/volunteers/{id}/erasure")]
async fn erase_volunteer(
    allowed: Allowed<VolunteerWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let input = request.body::<NewErasure>(&app.contract).await?;
    reply::write(&app, &request, "erase_volunteer", &allowed.actor, &input.hash, async |tx, cx| {
        ops::erase(tx, cx, &app.vault, &allowed, *id, &input.value.reason).await
    })
    .await
}

/// Withdraw a volunteer's consent
///
/// Notes that a volunteer withdraws their consent (rút lại sự đồng ý). Their personal data are erased with it, as by
/// `POST /v1/volunteers/{id}/erasure`.
#[utoipa::path(tag = "volunteers", params(("id" = Uuid, Path, description = "The volunteer.")),
    responses((status = 200, description = "The volunteer, unknown now.", body = Volunteer)),
    extensions(("x-permission" = json!(VolunteerWrite::PERMISSION.as_str())), ("x-codes" = json!(["idempotency_in_progress"]))))]
#[post("/v1/volunteers/{id}/withdraw")]
async fn withdraw_volunteer(
    allowed: Allowed<VolunteerWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "withdraw_volunteer", &allowed.actor, &[], async |tx, cx| {
        ops::erase(tx, cx, &app.vault, &allowed, *id, "consent withdrawn").await
    })
    .await
}

/// List candidates for a team
///
/// Volunteers who could join a team (ứng viên cho đội hình): of its unit or one below, not set aside, in no other team at
/// that time. Those who can teach come first.
#[utoipa::path(tag = "teams", params(("id" = Uuid, Path, description = "The team."), CandidateQuery),
    responses((status = 200, description = "Volunteers, masked.", body = VolunteerPage)),
    extensions(("x-permission" = json!(MemberWrite::PERMISSION.as_str()))))]
#[get("/v1/teams/{id}/candidates")]
async fn list_team_candidates(
    allowed: Allowed<MemberWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let query: CandidateQuery = request.query(&app.contract)?;
    reply::list(&request, ops::candidates(app.store.read(), &allowed, *id, &query).await?)
}
