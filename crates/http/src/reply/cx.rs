//! What a use case knows of the request that it serves.

use super::quoted;
use crate::{
    problem::{ApiError, ApiResult, Code},
    request::{IfMatch, Provenance},
};
use chrono::{DateTime, Utc};
use std::cell::Cell;
use tinhnguyen_domain::{Stamp, teams::Team};
use tinhnguyen_persistence::{StoreError, Tx, audit, idempotency, personal::Reading};
use uuid::Uuid;

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
    pub(super) if_match: Option<&'a IfMatch>,
    pub(super) body_hash: &'a [u8],
    pub(super) rehearsal: bool,
    pub(super) ledger_seq: Cell<Option<i64>>,
    /// Whether an attempt before this one found that a row had changed under its hands.
    pub(super) again: Cell<bool>,
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

    /// Holds that the client doesn't take something to be there that isn't.
    ///
    /// # Errors
    /// `stale_version`: no version matches where there is none (RFC 9110 §13.1.1).
    pub fn ensure_absence(&self) -> ApiResult<()> {
        match self.if_match {
            None => Ok(()),
            Some(_) => Err(ApiError::new(Code::StaleVersion).detail(
                "Chưa có gì ở đây; gửi lại không kèm `If-Match` để tạo mới.",
                "Nothing is there yet; send it without `If-Match` to make it.",
            )),
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
