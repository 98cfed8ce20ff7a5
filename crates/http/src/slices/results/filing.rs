//! Requests that bring one new result each, on their way together: what waits at the same moment is one transaction.

use super::{
    dto::NewResult,
    intake::{Incoming, reply, take_in},
};
use crate::{
    allowed::{ResultWrite, Scope},
    app::App,
    group::{Group, Work, together},
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Errand, Outcome},
};
use actix_web::{HttpResponse, web::Data};
use std::collections::HashMap;
use tinhnguyen_persistence::{
    Tx,
    idempotency::{self, KeyScope, StoredAnswer},
};

/// A request that brings one new result.
pub struct Filing {
    /// Who sent it and how.
    pub errand: Errand,
    /// Where its sender may report.
    pub scope: Scope<ResultWrite>,
    /// The result.
    pub new: NewResult,
}

impl Filing {
    /// Answers the request: together with others that came at the same moment, or, for a rehearsal, alone.
    ///
    /// # Errors
    /// Why the result was refused.
    pub async fn answer(self, app: &Data<App>) -> ApiResult<HttpResponse> {
        if self.errand.is_rehearsal() {
            let mut outcomes = app.store.rehearse(async |tx| file(tx, std::slice::from_ref(&self)).await).await?;
            let outcome = outcomes.pop().ok_or_else(|| ApiError::internal("a filing without an outcome"))?;
            return self.errand.answer(outcome?);
        }
        together(app, self).await??.response(false)
    }
}

impl Work for Filing {
    type Done = ApiResult<Outcome>;

    fn queue(app: &App) -> &Group<Self> {
        &app.filings
    }

    async fn run(app: &Data<App>, filings: &[Self]) -> Vec<ApiResult<Outcome>> {
        match app.store.write(async |tx| file(tx, filings).await).await {
            Ok(outcomes) => outcomes,
            // What is wrong concerns all of them alike.
            Err(err) if filings.len() == 1 || matches!(err.code, Code::Unavailable | Code::StorageFull) => {
                filings.iter().map(|_| Err(err.clone())).collect()
            }
            // One has spoilt it for the others: each by itself then.
            Err(_) => {
                let mut outcomes = Vec::with_capacity(filings.len());
                for one in filings.chunks(1) {
                    let outcome = app.store.write(async |tx| file(tx, one).await).await;
                    outcomes.extend(outcome.unwrap_or_else(|err| vec![Err(err)]));
                }
                outcomes
            }
        }
    }
}

/// Settles requests that bring a new result each, as one transaction.
///
/// # Errors
/// Errors of the database, which concern all of them.
pub async fn file(tx: &Tx, filings: &[Filing]) -> ApiResult<Vec<ApiResult<Outcome>>> {
    let keys: Vec<KeyScope> = filings.iter().filter_map(|filing| filing.errand.key().cloned()).collect();
    let at = filings.first().map(|filing| filing.errand.at()).unwrap_or_default();
    let stored = idempotency::answers(tx, &keys, at).await?;
    let mut first: HashMap<&KeyScope, usize> = HashMap::new();
    let mut outcomes: Vec<Option<ApiResult<Outcome>>> = Vec::with_capacity(filings.len());
    let mut fresh = Vec::new();
    for (place, filing) in filings.iter().enumerate() {
        let outcome = match filing.errand.key() {
            Some(key) => match stored.get(key) {
                Some(answer) => Some(Outcome::replay(answer.clone(), filing.errand.body_hash())),
                // The same key twice in one group: settled below, when the first one's answer is known.
                None if first.contains_key(key) => None,
                None => {
                    first.insert(key, place);
                    fresh.push(place);
                    None
                }
            },
            None => {
                fresh.push(place);
                None
            }
        };
        outcomes.push(outcome);
    }
    let contexts: Vec<Cx<'_>> = fresh.iter().filter_map(|at| filings.get(*at)).map(|f| f.errand.cx()).collect();
    let items: Vec<Incoming<'_>> = fresh
        .iter()
        .filter_map(|at| filings.get(*at))
        .zip(&contexts)
        .map(|(filing, cx)| Incoming {
            cx,
            scope: &filing.scope,
            new: &filing.new,
            hash: filing.errand.body_hash(),
            submit: filing.new.submit,
        })
        .collect();
    let taken = take_in(tx, &items).await?;
    let mut answers: Vec<(KeyScope, StoredAnswer)> = Vec::new();
    for ((place, item), taken) in fresh.iter().zip(&items).zip(taken) {
        let reply = reply(item.scope, taken);
        let reply = reply.map(|reply| reply.counted_at(item.cx.ledger_seq()));
        let errand = filings.get(*place).map(|filing| &filing.errand);
        if let Some((errand, key)) = errand.and_then(|errand| Some((errand, errand.key()?))) {
            let stored = match &reply {
                Ok(reply) => Some(errand.stored(reply)),
                Err(problem) => errand.stored_refusal(problem),
            };
            answers.extend(stored.map(|stored| (key.clone(), stored)));
        }
        if let Some(outcome) = outcomes.get_mut(*place) {
            *outcome = Some(reply.map(Outcome::Fresh));
        }
    }
    idempotency::keep_many(tx, &answers, at).await?;
    let kept: HashMap<KeyScope, StoredAnswer> = answers.into_iter().collect();
    let again = |filing: &Filing| -> ApiResult<Outcome> {
        let key = filing.errand.key();
        match key.and_then(|key| kept.get(key)) {
            Some(answer) => Outcome::replay(answer.clone(), filing.errand.body_hash()),
            // The first one was refused in a way that its key doesn't keep: sent again, this one is looked at anew.
            None => Err(ApiError::new(Code::IdempotencyInProgress)),
        }
    };
    Ok(outcomes.into_iter().zip(filings).map(|(outcome, filing)| outcome.unwrap_or_else(|| again(filing))).collect())
}
