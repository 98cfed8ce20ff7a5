//! Answers: an item with its ETag, a page with its links, and the one road of every write.

use crate::{
    allowed::Actor,
    app::App,
    page::{ListQuery, PageBody},
    problem::{ApiError, ApiResult, Code},
    request::{IfMatch, Provenance, Request},
};
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::Bytes,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use tinhnguyen_domain::{Stamp, teams::Team};
use tinhnguyen_persistence::{
    StoreError, Tx, audit,
    idempotency::{self, KeyScope, StoredAnswer},
    page::Page,
    personal::Reading,
};
use uuid::Uuid;

/// A body that has an identity and a version.
pub trait Item: Serialize {
    /// Where it is found.
    fn location(&self) -> String;
    /// Its version: the ETag.
    fn version(&self) -> i64;
}

/// The outcome of a use case, before it is HTTP.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: String,
    etag: Option<String>,
    location: Option<String>,
    /// What is stored for a replay, where that is not the whole answer: secrets are shown once.
    stored: Option<String>,
    /// The last entry that it wrote to the ledger.
    ledger_seq: Option<i64>,
}

fn quoted(tag: impl std::fmt::Display) -> String {
    format!("\"{tag}\"")
}

impl Reply {
    /// 201 with the new item.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn created<T: Item>(item: &T) -> ApiResult<Self> {
        Ok(Self { status: 201, location: Some(item.location()), ..Self::ok(item)? })
    }

    /// 200 with the changed item.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn ok<T: Item>(item: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(item).map_err(ApiError::internal)?;
        Ok(Self {
            status: 200,
            body,
            etag: Some(quoted(item.version())),
            location: None,
            stored: None,
            ledger_seq: None,
        })
    }

    /// A body that is no item, such as secrets that are shown once.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn shown<T: Serialize>(status: u16, value: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(value).map_err(ApiError::internal)?;
        Ok(Self { status, body, etag: None, location: None, stored: None, ledger_seq: None })
    }

    /// 202 without a body: it is taken up, and what comes of it is not told here.
    #[must_use]
    pub const fn accepted() -> Self {
        Self { status: 202, body: String::new(), etag: None, location: None, stored: None, ledger_seq: None }
    }

    /// The answer to a replay leaves the secret out, and so does what is stored of this one.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn stored_as<T: Serialize>(self, without_secret: &T) -> ApiResult<Self> {
        let stored = serde_json::to_string(without_secret).map_err(ApiError::internal)?;
        Ok(Self { stored: Some(stored), ..self })
    }

    /// 200 with what became of many things.
    ///
    /// # Errors
    /// `internal` when it can't be written as JSON.
    pub fn outcome<T: Serialize>(outcome: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(outcome).map_err(ApiError::internal)?;
        Ok(Self { status: 200, body, etag: None, location: None, stored: None, ledger_seq: None })
    }

    /// Names the last entry that it wrote to the ledger.
    #[must_use]
    pub fn counted_at(self, ledger_seq: Option<i64>) -> Self {
        Self { ledger_seq: ledger_seq.or(self.ledger_seq), ..self }
    }

    /// The status that it would be answered with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The version of the item that it shows; none when it shows none.
    #[must_use]
    pub fn version(&self) -> Option<i64> {
        self.etag.as_deref().and_then(|tag| tag.trim_matches('"').parse().ok())
    }

    /// 204.
    #[must_use]
    pub const fn gone() -> Self {
        Self { status: 204, body: String::new(), etag: None, location: None, stored: None, ledger_seq: None }
    }
}

/// What a use case knows of its request.
pub struct Cx<'a> {
    /// The present instant, the same for all that one request writes.
    pub now: DateTime<Utc>,
    /// The operation's id, for the audit log.
    pub operation: &'static str,
    /// Who asks.
    pub actor_id: Uuid,
    /// Where it comes from.
    pub provenance: &'a Provenance,
    if_match: Option<&'a IfMatch>,
    body_hash: &'a [u8],
    rehearsal: bool,
    ledger_seq: Cell<Option<i64>>,
    /// Whether an attempt before this one found that a row had changed under its hands.
    again: Cell<bool>,
}

impl<'a> Cx<'a> {
    /// For what is written without a writing request of somebody known, such as a login.
    #[must_use]
    pub(crate) const fn of_nobody(now: DateTime<Utc>, operation: &'static str, provenance: &'a Provenance) -> Self {
        Self {
            now,
            operation,
            actor_id: Uuid::nil(),
            provenance,
            if_match: None,
            body_hash: &[],
            rehearsal: false,
            ledger_seq: Cell::new(None),
            again: Cell::new(false),
        }
    }
}

impl Cx<'_> {
    /// Notes the last entry that was written to the ledger, so that the answer names it.
    pub fn note_ledger(&self, seq: Option<i64>) {
        self.ledger_seq.set(seq.max(self.ledger_seq.get()));
    }

    /// The last entry that was written to the ledger.
    #[must_use]
    pub const fn ledger_seq(&self) -> Option<i64> {
        self.ledger_seq.get()
    }

    /// A hash of what the request, or this part of it, says.
    #[must_use]
    pub const fn body_hash(&self) -> &[u8] {
        self.body_hash
    }

    /// Holds that the client changes what it has seen.
    ///
    /// # Errors
    /// `if_match_required`, `stale_version`.
    pub fn ensure_unchanged(&self, stamp: &Stamp) -> ApiResult<()> {
        self.ensure_unchanged_but(stamp, 0)
    }

    /// The same where as many of the latest versions differ from what was there before in nothing that matters here.
    ///
    /// # Errors
    /// `if_match_required`, `stale_version`.
    pub fn ensure_unchanged_but(&self, stamp: &Stamp, latest: i64) -> ApiResult<()> {
        let seen = |tag: &String| (0..=latest).any(|back| *tag == (stamp.version - back).to_string());
        match self.if_match {
            None => Err(ApiError::new(Code::IfMatchRequired)),
            Some(IfMatch::Any) => Ok(()),
            Some(IfMatch::Tags(tags)) if tags.iter().any(seen) => Ok(()),
            Some(IfMatch::Tags(_)) => {
                Err(ApiError::new(Code::StaleVersion).with("current_etag", quoted(stamp.version)))
            }
        }
    }

    /// One of several operations of a request, as it would be asked by itself: the audit log tells it by its own name.
    #[must_use]
    pub const fn part<'b>(
        &'b self,
        operation: &'static str,
        if_match: Option<&'b IfMatch>,
        body_hash: &'b [u8],
    ) -> Cx<'b> {
        Cx {
            now: self.now,
            operation,
            actor_id: self.actor_id,
            provenance: self.provenance,
            if_match,
            body_hash,
            rehearsal: self.rehearsal,
            ledger_seq: Cell::new(None),
            again: Cell::new(false),
        }
    }

    /// A row that changed while its new state was decided: the transaction is tried again from the beginning, and says then
    /// what happened, or goes on where the client takes any version. Rows are also changed by others' requests that they
    /// don't know of, such as a mark for a human eye.
    pub fn anew(&self, err: StoreError) -> ApiError {
        let stale = matches!(err, StoreError::Stale);
        self.again.set(self.again.get() || stale);
        let error = ApiError::from(err);
        ApiError { retryable: stale || error.retryable, ..error }
    }

    /// Whether this is tried again because a row had changed: then it is held before it is read.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        self.again.get()
    }

    /// Whether nothing of this is kept, the audit log's rows neither.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.rehearsal
    }

    /// This request as a reading of personal data.
    #[must_use]
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            at: self.now,
            actor_id: self.actor_id,
            action: self.operation,
            request_id: &self.provenance.request_id,
            address: Some(self.provenance.address.0),
        }
    }

    /// The stamp of a resource that is made now, with the client's id when it chose one.
    #[must_use]
    pub fn new_stamp(&self, chosen: Option<Uuid>) -> Stamp {
        Stamp { id: chosen.unwrap_or_else(Uuid::now_v7), created_at: self.now, updated_at: self.now, version: 1 }
    }

    /// The stamp after a change made now.
    #[must_use]
    pub const fn next_stamp(&self, stamp: Stamp) -> Stamp {
        Stamp { updated_at: self.now, version: stamp.version + 1, ..stamp }
    }

    /// Settles a client-chosen id: `true` when this very body made the resource before, so that it is answered as it
    /// stands; otherwise the id is taken for this body.
    ///
    /// # Errors
    /// `id_already_used` when another body made it.
    pub async fn is_retry(&self, tx: &Tx, chosen: Option<Uuid>) -> ApiResult<bool> {
        self.is_retry_of(tx, chosen, self.body_hash).await
    }

    /// The same for one of several things in a body: `hash` is of what the body says of it.
    ///
    /// # Errors
    /// `id_already_used` when another body made it.
    pub async fn is_retry_of(&self, tx: &Tx, chosen: Option<Uuid>, hash: &[u8]) -> ApiResult<bool> {
        let Some(id) = chosen else { return Ok(false) };
        match idempotency::claim_id(tx, id, hash).await? {
            None => Ok(false),
            Some(before) if before == hash => Ok(true),
            Some(_) => Err(ApiError::new(Code::IdAlreadyUsed)),
        }
    }

    /// Writes the change into the audit log: what was changed, and at which unit, or none for the whole country's.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record(
        &self,
        tx: &Tx,
        resource: &'static str,
        resource_id: Uuid,
        org_unit_id: Option<Uuid>,
    ) -> ApiResult<()> {
        self.record_by(tx, self.actor_id, resource, resource_id, org_unit_id).await
    }

    /// The same of something that goes out of the sight of whoever reaches a team.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record_leaving(
        &self,
        tx: &Tx,
        resource: &'static str,
        resource_id: Uuid,
        team: &Team,
    ) -> ApiResult<()> {
        let change = self.change(resource, resource_id, Some(team.org_unit_id));
        Ok(audit::record_leaving(tx, &change, team.stamp.id).await?)
    }

    /// The same by somebody whom the request itself makes known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record_by(
        &self,
        tx: &Tx,
        actor_id: Uuid,
        resource: &'static str,
        resource_id: Uuid,
        org_unit_id: Option<Uuid>,
    ) -> ApiResult<()> {
        let change = audit::Change { actor_id, ..self.change(resource, resource_id, org_unit_id) };
        Ok(audit::record(tx, &change).await?)
    }

    /// A change as the audit log remembers it.
    #[must_use]
    pub fn change(&self, resource: &'static str, resource_id: Uuid, org_unit_id: Option<Uuid>) -> audit::Change<'_> {
        audit::Change {
            at: self.now,
            actor_id: self.actor_id,
            action: self.operation,
            resource,
            resource_id,
            request_id: self.provenance.request_id.as_str(),
            org_unit_id,
            address: Some(self.provenance.address.0),
        }
    }
}

/// What became of a writing request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was done now.
    Fresh(Reply),
    /// It had been done before, under the same key.
    Replayed(StoredAnswer),
}

impl Outcome {
    /// The answer that its key had already, when the same was asked then.
    ///
    /// # Errors
    /// `idempotency_key_reused`.
    pub fn replay(stored: StoredAnswer, body_hash: &[u8]) -> ApiResult<Self> {
        if stored.body_hash == body_hash {
            Ok(Self::Replayed(stored))
        } else {
            Err(ApiError::new(Code::IdempotencyKeyReused))
        }
    }

    /// The answer to it.
    #[must_use]
    pub fn response(self, dry_run: bool) -> HttpResponse {
        let (reply, replayed) = match self {
            Self::Fresh(reply) => (reply, false),
            Self::Replayed(s) => {
                let reply = Reply {
                    status: s.status,
                    body: s.body,
                    etag: s.etag,
                    location: s.location,
                    stored: None,
                    ledger_seq: None,
                };
                (reply, true)
            }
        };
        let mut response = builder(reply.status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(etag) = reply.etag {
            response.insert_header((header::ETAG, etag));
        }
        if let Some(location) = reply.location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(seq) = reply.ledger_seq.filter(|_| !dry_run) {
            response.insert_header((LEDGER_SEQ, seq.to_string()));
        }
        if replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        if dry_run {
            response.insert_header(("Dry-Run", "true"));
        }
        if reply.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(reply.body)
    }
}

/// The header of the ledger's last entry that an answer includes.
pub const LEDGER_SEQ: &str = "Ledger-Seq";

/// A writing request beside what it wants: who sent it, from where, and how it may be told from others.
#[derive(Debug)]
pub struct Errand {
    now: DateTime<Utc>,
    operation: &'static str,
    actor_id: Uuid,
    provenance: Provenance,
    if_match: Option<IfMatch>,
    body_hash: Vec<u8>,
    dry_run: bool,
    key: Option<KeyScope>,
}

impl Errand {
    /// Reads the head of a writing request. `body_hash` tells whether a retry says the same.
    ///
    /// # Errors
    /// The problems of the headers and of the query.
    pub fn of(
        app: &App,
        request: &Request,
        operation: &'static str,
        actor: &Actor,
        body_hash: &[u8],
    ) -> ApiResult<Self> {
        let dry_run = request.dry_run()?;
        let (method, path) = request.line();
        let key = if method == "POST" { request.idempotency_key()? } else { None };
        let if_match = if crate::contract::wants_if_match(&template_of(&path), &method.to_ascii_lowercase()) {
            Some(request.if_match()?)
        } else {
            None
        };
        Ok(Self {
            now: app.clock.now(),
            operation,
            actor_id: actor.id,
            provenance: request.provenance()?,
            if_match,
            body_hash: body_hash.to_vec(),
            dry_run,
            key: key.map(|key| KeyScope { principal_id: actor.id, method, path, key }),
        })
    }

    /// What a use case is told of it.
    #[must_use]
    pub const fn cx(&self) -> Cx<'_> {
        Cx {
            now: self.now,
            operation: self.operation,
            actor_id: self.actor_id,
            provenance: &self.provenance,
            if_match: self.if_match.as_ref(),
            body_hash: self.body_hash.as_slice(),
            rehearsal: self.dry_run,
            ledger_seq: Cell::new(None),
            again: Cell::new(false),
        }
    }

    /// The key under which its answer is kept, when it has one.
    #[must_use]
    pub const fn key(&self) -> Option<&KeyScope> {
        self.key.as_ref()
    }

    /// A hash of its body.
    #[must_use]
    pub fn body_hash(&self) -> &[u8] {
        &self.body_hash
    }

    /// When it came.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether nothing of it is kept.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.dry_run
    }

    /// What is kept of its answer, for whoever sends it again.
    #[must_use]
    pub fn stored(&self, reply: &Reply) -> StoredAnswer {
        StoredAnswer {
            body_hash: self.body_hash.clone(),
            status: reply.status,
            etag: reply.etag.clone(),
            location: reply.location.clone(),
            body: reply.stored.clone().unwrap_or_else(|| reply.body.clone()),
        }
    }

    /// Its answer.
    #[must_use]
    pub fn answer(&self, outcome: Outcome) -> HttpResponse {
        outcome.response(self.dry_run)
    }
}

/// Runs a write: idempotency key, work, audit and stored answer in one transaction; with `dry_run=true` the same and
/// nothing kept. `body_hash` tells whether a retry says the same.
///
/// # Errors
/// Whatever the work returns, and the problems of the headers.
pub async fn write(
    app: &App,
    request: &Request,
    operation: &'static str,
    actor: &Actor,
    body_hash: &[u8],
    work: impl AsyncFn(&Tx, &Cx<'_>) -> ApiResult<Reply>,
) -> ApiResult<HttpResponse> {
    let errand = Errand::of(app, request, operation, actor, body_hash)?;
    let cx = errand.cx();
    let run = async |tx: &Tx| -> ApiResult<Outcome> {
        // What an attempt before this one wrote to the ledger is gone.
        cx.ledger_seq.set(None);
        if let Some(scope) = errand.key() {
            let claimed = idempotency::claim(tx, scope, body_hash, errand.at()).await.map_err(|err| match err {
                // The first request with this key is still at work.
                StoreError::Locked(_) => ApiError::new(Code::IdempotencyInProgress),
                err => err.into(),
            })?;
            if let Some(stored) = claimed {
                return Outcome::replay(stored, body_hash);
            }
        }
        let reply = work(tx, &cx).await?.counted_at(cx.ledger_seq());
        if let Some(scope) = errand.key() {
            idempotency::keep(tx, scope, &errand.stored(&reply)).await?;
        }
        Ok(Outcome::Fresh(reply))
    };
    let outcome = if errand.is_rehearsal() { app.store.rehearse(run).await? } else { app.store.write(run).await? };
    Ok(errand.answer(outcome))
}

/// A path with its ids replaced, as the contract writes it.
fn template_of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|s| if Uuid::try_parse(s).is_ok() { "{id}" } else { s }).collect::<Vec<_>>().join("/")
}

fn builder(status: u16) -> HttpResponseBuilder {
    HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Answers with an item, or 304 when the client has it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn item<T: Item>(request: &Request, item: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(item).map_err(ApiError::internal)?;
    Ok(cached(request, quoted(item.version()), "private, no-cache", "application/json", body))
}

/// Answers with an item that tells of a person, so that nobody on the way keeps it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn personal_item<T: Item>(request: &Request, item: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(item).map_err(ApiError::internal)?;
    Ok(cached(request, quoted(item.version()), "no-store", "application/json", body))
}

/// Answers with a body whose ETag is a hash of it.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn document<T: Serialize>(request: &Request, value: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(value).map_err(ApiError::internal)?;
    Ok(cached(request, hash_tag(&body), "private, no-cache", "application/json", body))
}

/// Answers with a body that anybody may keep.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn public<T: Serialize>(request: &Request, value: &T) -> ApiResult<HttpResponse> {
    let body = serde_json::to_string(value).map_err(ApiError::internal)?;
    Ok(cached(request, hash_tag(&body), PUBLIC_CACHE, "application/json", body))
}

/// How long what is public may be kept. Always asked again, so that nobody shows yesterday's figure.
pub const PUBLIC_CACHE: &str = "public, max-age=0, must-revalidate";

/// Whether the client has what this ETag names.
fn has(request: &Request, etag: &str) -> bool {
    request
        .header(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|t| t.trim().trim_start_matches("W/") == etag))
}

/// Answers with bytes, or 304 without reading them when the client has them.
///
/// # Errors
/// Whatever reading them returns.
pub async fn cached_bytes(
    request: &Request,
    etag: String,
    cache_control: &'static str,
    content_type: &'static str,
    read: impl AsyncFnOnce() -> ApiResult<Bytes>,
) -> ApiResult<HttpResponse> {
    let has = has(request, &etag);
    let mut response = builder(if has { 304 } else { 200 });
    response.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, cache_control));
    if has {
        return Ok(response.finish());
    }
    Ok(response.content_type(content_type).body(read().await?))
}

/// Answers with text, or 304 when the client has it.
#[must_use]
pub fn cached(
    request: &Request,
    etag: String,
    cache_control: &'static str,
    content_type: &'static str,
    body: String,
) -> HttpResponse {
    let has = has(request, &etag);
    let mut response = builder(if has { 304 } else { 200 });
    response.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, cache_control));
    if has {
        return response.finish();
    }
    response.content_type(content_type).body(body)
}

/// A strong ETag made of the body.
#[must_use]
pub fn hash_tag(body: &str) -> String {
    let hash = Sha256::digest(body.as_bytes());
    let short: String = hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
    quoted(short)
}

/// Answers with a short list that has no further pages.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn list<D: Serialize>(request: &Request, data: Vec<D>) -> ApiResult<HttpResponse> {
    document(request, &PageBody { data, next_cursor: None, total: None })
}

/// Answers with a page and its `Link: rel="next"`.
///
/// # Errors
/// `internal` when it can't be written as JSON.
pub fn page<T, D: Serialize>(
    request: &Request,
    query: &impl ListQuery,
    page: Page<T>,
    show: impl Fn(T) -> D,
) -> ApiResult<HttpResponse> {
    let next_cursor = page.next.as_ref().map(|after| query.cursor_for(after));
    let body = PageBody {
        data: page.data.into_iter().map(show).collect::<Vec<D>>(),
        next_cursor: next_cursor.clone(),
        total: page.total,
    };
    let mut response = document(request, &body)?;
    if let Some(cursor) = next_cursor {
        let link = format!("<{}>; rel=\"next\"", query.next_link(request.path(), &cursor));
        if let Ok(link) = header::HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}
