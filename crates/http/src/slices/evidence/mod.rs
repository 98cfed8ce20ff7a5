//! Evidence files (tệp minh chứng): pictures and documents that support the figures.

pub mod dto;
pub mod ops;

use crate::{
    allowed::{Allowed, Demand, ResultRead, ResultWrite},
    problem::{ApiError, ApiResult, Code},
    reply,
    request::Request,
};
use actix_web::{HttpResponse, delete, get, http::header, post, web::Path};
use dto::{EvidenceFile, FileBytes};
use sha2::{Digest, Sha256};
use tinhnguyen_domain::evidence::FileType;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create_evidence_file)
        .service(get_evidence_file)
        .service(get_evidence_file_content)
        .service(delete_evidence_file);
}

/// Send an evidence file
///
/// Sends a picture or a PDF (gửi tệp minh chứng) of up to 10 MiB, as the body itself with its media type. Pictures are kept
/// without EXIF, XMP and whatever else tells where and with what they were taken; which way is up stays. The same file of
/// the same sender is kept once. A file that no result names within a week is removed.
#[utoipa::path(tag = "results",
    request_body(description = "The file.", content(
        (FileBytes = "image/jpeg", example = json!("…")), (FileBytes = "image/png", example = json!("…")),
        (FileBytes = "image/webp", example = json!("…")), (FileBytes = "application/pdf", example = json!("…")))),
    responses((status = 201, description = "The new file.", body = EvidenceFile),
        (status = 200, description = "The file that the same bytes made before.", body = EvidenceFile)),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())),
        ("x-codes" = json!(["file_not_readable", "idempotency_in_progress"]))))]
#[post("/v1/evidence-files")]
async fn create_evidence_file(allowed: Allowed<ResultWrite>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    let received = request.content_type();
    let kind: FileType = received.parse().map_err(|_| {
        ApiError::new(Code::UnsupportedMediaType)
            .with("received", received.as_str())
            .with("allowed", FileType::WORDS)
            .detail(
                "Gửi tệp với `Content-Type` là image/jpeg, image/png, image/webp hoặc application/pdf.",
                "Send the file with `Content-Type` image/jpeg, image/png, image/webp or application/pdf.",
            )
    })?;
    let rehearsal = request.dry_run()?;
    // Held until the answer, so that so many files at the most are in memory.
    let _place = app.evidence.place()?;
    let sent = request.file().await?;
    let hash = Sha256::digest(&sent).to_vec();
    let mut file = ops::prepare(kind, sent)?;
    if !rehearsal {
        ops::write(&app, &mut file).await?;
    }
    let answer = reply::write(&app, &request, "create_evidence_file", &allowed.actor, &hash, async |tx, cx| {
        ops::create(tx, cx, &file).await
    })
    .await;
    ops::tidy(&app, &file).await;
    answer
}

/// Read about an evidence file
///
/// One evidence file (tệp minh chứng) that the caller sent, or that a result names which the caller sees.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The file.")),
    responses((status = 200, description = "The file.", body = EvidenceFile)),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str()))))]
#[get("/v1/evidence-files/{id}")]
async fn get_evidence_file(allowed: Allowed<ResultRead>, id: Path<Uuid>, request: Request) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (file, _) = ops::find(app.store.read(), &allowed, *id).await?;
    reply::personal_item(&request, &ops::view(&allowed, file))
}

/// Read an evidence file
///
/// The bytes of an evidence file (tải tệp minh chứng), for whoever sees it. They are never public: pictures may show minors.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The file.")),
    responses((status = 200, description = "The bytes.", content(
        (FileBytes = "image/jpeg", example = json!("…")), (FileBytes = "image/png", example = json!("…")),
        (FileBytes = "image/webp", example = json!("…")), (FileBytes = "application/pdf", example = json!("…"))))),
    extensions(("x-permission" = json!(ResultRead::PERMISSION.as_str()))))]
#[get("/v1/evidence-files/{id}/content")]
async fn get_evidence_file_content(
    allowed: Allowed<ResultRead>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_query()?;
    let (file, key) = ops::find(app.store.read(), &allowed, *id).await?;
    let tag = format!("\"{}\"", file.sha256);
    let mut response =
        reply::cached_bytes(&request, tag, "private, no-cache", file.content_type.as_str(), async || {
            app.evidence.get(&key).await
        })
        .await?;
    let name = format!("attachment; filename=\"{}.{}\"", file.stamp.id, file.content_type.extension());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, header::HeaderValue::from_str(&name).map_err(ApiError::internal)?);
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// Delete an evidence file
///
/// Takes back a file (xóa tệp minh chứng) that the caller sent, as long as no result names it.
#[utoipa::path(tag = "results", params(("id" = Uuid, Path, description = "The file.")),
    responses((status = 204, description = "The file is gone.")),
    extensions(("x-permission" = json!(ResultWrite::PERMISSION.as_str())), ("x-codes" = json!(["wrong_state"]))))]
#[delete("/v1/evidence-files/{id}")]
async fn delete_evidence_file(
    allowed: Allowed<ResultWrite>,
    id: Path<Uuid>,
    request: Request,
) -> ApiResult<HttpResponse> {
    let app = request.app()?;
    request.no_body().await?;
    reply::write(&app, &request, "delete_evidence_file", &allowed.actor, &[], async |tx, cx| {
        ops::delete(tx, cx, &allowed, *id).await
    })
    .await
}
