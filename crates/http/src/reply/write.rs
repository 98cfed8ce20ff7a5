//! The one road of every write: its head is read, its key is asked for, and all that it does is one transaction.

use super::{Cx, Reply, builder};
use crate::{
    allowed::Actor,
    app::App,
    contract::{Precondition, precondition},
    problem::{ApiError, ApiResult, Code},
    request::{IfMatch, Provenance, Request},
};
use actix_web::{
    HttpResponse,
    http::header::{self, HeaderName},
};
use chrono::{DateTime, Utc};
use std::cell::Cell;
use tinhnguyen_persistence::{
    StoreError, Tx,
    idempotency::{self, KeyScope, StoredAnswer},
};
use uuid::Uuid;

/// What became of a writing request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was done now.
    Fresh(Reply),
    /// It had been done before, under the same key.
    Replayed(StoredAnswer),
    /// It was refused, now or before, and its key keeps that.
    Refused(ApiError),
}

impl Outcome {
    /// The answer that its key had already, when the same was asked then.
    ///
    /// # Errors
    /// `idempotency_key_reused`.
    pub fn replay(stored: StoredAnswer, body_hash: &[u8]) -> ApiResult<Self> {
        if stored.body_hash != body_hash {
            return Err(ApiError::new(Code::IdempotencyKeyReused));
        }
        if stored.status < 400 {
            return Ok(Self::Replayed(stored));
        }
        let mut problem = ApiError::from_kept(&stored.body)?;
        problem.headers.push((REPLAYED, "true".to_owned()));
        Ok(Self::Refused(problem))
    }

    /// The answer to it.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn response(self, dry_run: bool) -> ApiResult<HttpResponse> {
        let (reply, replayed) = match self {
            Self::Refused(problem) => return Err(problem),
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
            response.insert_header((REPLAYED, "true"));
        }
        if dry_run {
            response.insert_header(("Dry-Run", "true"));
        }
        if reply.body.is_empty() {
            return Ok(response.finish());
        }
        Ok(response.content_type("application/json").body(reply.body))
    }
}

/// The header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

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
        let (method, path) = (request.method().to_owned(), request.path().to_owned());
        let key = if method == "POST" { request.idempotency_key()? } else { None };
        // A rehearsal neither takes a key nor is answered from one.
        let key = key.filter(|_| !dry_run);
        let if_match = match precondition(&template_of(&path), &method.to_ascii_lowercase()) {
            Precondition::None => None,
            Precondition::WantedWhenThere if request.header(header::IF_MATCH).is_none() => None,
            Precondition::Wanted | Precondition::WantedWhenThere => Some(request.if_match()?),
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

    /// What is kept of its refusal, for whoever sends it again; none where it may be asked anew under the same key.
    #[must_use]
    pub fn stored_refusal(&self, problem: &ApiError) -> Option<StoredAnswer> {
        let body = problem.to_kept()?;
        let status = problem.code.status();
        Some(StoredAnswer { body_hash: self.body_hash.clone(), status, etag: None, location: None, body })
    }

    /// Its answer.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn answer(&self, outcome: Outcome) -> ApiResult<HttpResponse> {
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
        match errand.key() {
            Some(scope) => once(tx, &errand, scope, async |tx| work(tx, &cx).await, &cx).await,
            None => Ok(Outcome::Fresh(work(tx, &cx).await?.counted_at(cx.ledger_seq()))),
        }
    };
    let outcome = if errand.is_rehearsal() { app.store.rehearse(run).await? } else { app.store.write(run).await? };
    errand.answer(outcome)
}

/// What a request is told that is refused before [`write`], since what it brings is good once: the answer that its key has
/// already, or else the refusal. It is looked for after that, so that of two at once the second one doesn't miss it.
///
/// # Errors
/// The refusal, and the problems of the headers.
pub async fn again_or(
    refusal: ApiError,
    app: &App,
    request: &Request,
    operation: &'static str,
    actor: &Actor,
    body_hash: &[u8],
) -> ApiResult<HttpResponse> {
    let errand = Errand::of(app, request, operation, actor, body_hash)?;
    let Some(scope) = errand.key() else { return Err(refusal) };
    let stored = idempotency::answer_of(app.store.read(), scope, errand.at()).await?.ok_or(refusal)?;
    errand.answer(Outcome::replay(stored, errand.body_hash())?)
}

/// Does the work unless its key has an answer already, and keeps the answer with it. What was written before a refusal is
/// taken back, and the key stays taken all the while: of two requests at once, the second one meets the first one's answer.
async fn once(
    tx: &Tx,
    errand: &Errand,
    scope: &KeyScope,
    work: impl AsyncFnOnce(&Tx) -> ApiResult<Reply>,
    cx: &Cx<'_>,
) -> ApiResult<Outcome> {
    let claimed = idempotency::claim(tx, scope, errand.body_hash(), errand.at()).await.map_err(|err| match err {
        // The first request with this key is still at work.
        StoreError::Locked(_) => ApiError::new(Code::IdempotencyInProgress),
        err => err.into(),
    })?;
    if let Some(stored) = claimed {
        return Outcome::replay(stored, errand.body_hash());
    }
    let (stored, outcome) = match tx.attempt(work).await {
        Ok(reply) => {
            let reply = reply.counted_at(cx.ledger_seq());
            (errand.stored(&reply), Outcome::Fresh(reply))
        }
        Err(problem) => match errand.stored_refusal(&problem) {
            Some(stored) => (stored, Outcome::Refused(problem)),
            None => return Err(problem),
        },
    };
    idempotency::keep(tx, scope, &stored).await?;
    Ok(outcome)
}

/// A path with its ids replaced, as the contract writes it.
fn template_of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|s| if Uuid::try_parse(s).is_ok() { "{id}" } else { s }).collect::<Vec<_>>().join("/")
}
