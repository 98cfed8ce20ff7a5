//! Sends what webhooks are to tell, signed by Standard Webhooks: each delivery by one replica at a time, with retries that
//! become rarer over three days, and nothing sent while a transaction is open.

use super::follow::follow;
use crate::{
    app::App,
    mail::{self, webhook_switched_off},
    problem::{ApiError, ApiResult},
    sealed::Purpose,
    slices::auth::secrets::WEBHOOK,
};
use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Duration as Span, Utc};
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::HashSet, convert::Infallible, time::Duration};
use tinhnguyen_domain::webhooks::{DisabledReason, PATIENCE, next_attempt};
use tinhnguyen_persistence::{
    access, audit,
    volunteers::SYSTEM,
    webhooks::{self, Message},
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};
use uuid::Uuid;

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);
/// Every how many looks they are counted for the metrics.
const COUNTED: u64 = 30;
/// Deliveries of one webhook that are taken at once.
const TAKEN: u64 = 16;
/// How many of those are on their way at a time.
const AT_ONCE: usize = 4;
/// How many webhooks are served at a time.
const SERVED: usize = 32;

/// Follows and sends for as long as the service runs. A receiver that is slow keeps others from nothing: each webhook is
/// served by itself.
pub async fn run(app: &App) -> Infallible {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut at_work = HashSet::new();
    let mut beats = 0_u64;
    let mut serving: FuturesUnordered<LocalBoxFuture<'_, Uuid>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(done) = serving.next(), if !serving.is_empty() => {
                at_work.remove(&done);
            }
            _ = every.tick() => {
                if let Err(err) = follow(app).await {
                    warn!(error = %err, "webhooks can't follow what happens; tried again in a moment");
                }
                match webhooks::due(app.store.read(), app.clock.now()).await {
                    Ok(due) => for id in due {
                        if at_work.len() < SERVED && at_work.insert(id) {
                            serving.push(serve(app, id).map(move |_| id).boxed_local());
                        }
                    },
                    Err(err) => warn!(error = %err, "webhooks' deliveries can't be read; tried again in a moment"),
                }
                if beats.is_multiple_of(COUNTED) {
                    match webhooks::counts(app.store.read()).await {
                        Ok((pending, failed)) => app.metrics.webhooks(pending, failed),
                        Err(err) => warn!(error = %err, "webhooks' deliveries can't be counted"),
                    }
                }
                beats = beats.wrapping_add(1);
            }
        }
    }
}

/// Follows once and sends what is due now; gives how many deliveries were taken by their receivers.
///
/// # Errors
/// When the database can't be asked.
pub async fn round(app: &App) -> ApiResult<u64> {
    follow(app).await?;
    let due = webhooks::due(app.store.read(), app.clock.now()).await?;
    Ok(futures_util::future::join_all(due.into_iter().map(|id| serve(app, id))).await.into_iter().sum())
}

/// Sends what is due of one webhook.
async fn serve(app: &App, id: Uuid) -> u64 {
    match attempt(app, id).await {
        Ok(taken) => taken,
        Err(err) => {
            warn!(webhook = %id, error = %err, "a webhook can't be served; tried again in a moment");
            0
        }
    }
}

async fn attempt(app: &App, id: Uuid) -> ApiResult<u64> {
    let now = app.clock.now();
    let conn = app.store.read();
    let Some(webhook) = webhooks::find_any(conn, id).await? else { return Ok(0) };
    let Some(secrets) = webhooks::secrets(conn, id).await? else { return Ok(0) };
    let open = |sealed: &[u8]| app.accounts.sealer.open(Purpose::Webhook, id, sealed);
    let mut keys = vec![key(&open(&secrets.current)?)?];
    if let Some((previous, _)) = secrets.previous.filter(|(_, until)| *until > now) {
        keys.push(key(&open(&previous)?)?);
    }
    let messages = app.store.write::<_, ApiError>(async |tx| Ok(webhooks::lease(tx, id, now, TAKEN).await?)).await?;
    let sent = futures_util::stream::iter(messages).map(|message| {
        let (url, keys) = (&webhook.url, &keys);
        async move {
            let outcome = send(app, url, keys, &message, app.clock.now()).await;
            settle(app, id, &message, outcome).await
        }
    });
    let settled: Vec<ApiResult<bool>> = sent.buffer_unordered(AT_ONCE).collect().await;
    let mut taken = 0;
    for one in settled {
        taken += u64::from(one?);
    }
    Ok(taken)
}

fn key(secret: &SecretString) -> ApiResult<hmac::Key> {
    let text = secret.expose_secret().strip_prefix(WEBHOOK).unwrap_or_default();
    let bytes = STANDARD.decode(text).map_err(|_| ApiError::internal("a webhook's secret is none"))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The header `webhook-signature`: of the id, the second and the body, under each secret.
fn signatures(keys: &[hmac::Key], id: Uuid, second: i64, body: &str) -> String {
    let signed = format!("{id}.{second}.{body}");
    let each = keys.iter().map(|key| format!("v1,{}", STANDARD.encode(hmac::sign(key, signed.as_bytes()))));
    each.collect::<Vec<_>>().join(" ")
}

/// Why a delivery was not taken.
struct Failure {
    status: Option<u16>,
    reason: String,
}

/// Sends one delivery; gives the status by which it was taken. The body of the answer is not read.
async fn send(app: &App, url: &str, keys: &[hmac::Key], message: &Message, now: DateTime<Utc>) -> Result<u16, Failure> {
    let unsent = |reason: &str| Failure { status: None, reason: reason.to_owned() };
    // Asked anew each time: what the operator allows may have changed since it was written down.
    let url = app.outgoing.check(url).map_err(|_| unsent("the address is not one that may be sent to"))?;
    let client = app.outgoing.client().map_err(|_| unsent("nothing can be sent from here"))?;
    let second = now.timestamp();
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", message.id.to_string())
        .header("webhook-timestamp", second.to_string())
        .header("webhook-signature", signatures(keys, message.id, second, &message.body))
        .body(message.body.clone());
    // The error's own words name the address and what is behind it, which is nothing for a log that others read.
    let answer = request.send().await.map_err(|err| {
        unsent(if err.is_timeout() {
            "no answer in time"
        } else if err.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        })
    })?;
    let status = answer.status();
    if status.is_success() {
        return Ok(status.as_u16());
    }
    let reason = if status.is_redirection() { "redirects are not followed" } else { "the answer is no 2xx" };
    Err(Failure { status: Some(status.as_u16()), reason: reason.to_owned() })
}

/// Notes what became of a delivery; gives whether it was taken.
async fn settle(app: &App, webhook_id: Uuid, message: &Message, outcome: Result<u16, Failure>) -> ApiResult<bool> {
    let now = app.clock.now();
    let (id, attempts) = (message.id, message.attempts);
    let failure = match outcome {
        Ok(status) => {
            app.store
                .write::<_, ApiError>(async |tx| {
                    webhooks::delivered(tx, id, now, status).await?;
                    webhooks::note(tx, webhook_id, true, now).await?;
                    Ok(())
                })
                .await?;
            return Ok(true);
        }
        Err(failure) => failure,
    };
    let gone = failure.status == Some(410);
    let mut jitter = [0_u8; 1];
    // Without randomness they come back together, which is no reason not to come back.
    let _ = rand::fill(&mut jitter);
    let [jitter] = jitter;
    let wait = if gone { None } else { next_attempt(attempts, jitter) };
    let since = app
        .store
        .write::<_, ApiError>(async |tx| {
            match wait {
                Some(wait) => webhooks::put_off(tx, id, now + wait, failure.status, &failure.reason).await?,
                None => webhooks::failed(tx, id, failure.status, &failure.reason).await?,
            }
            Ok(webhooks::note(tx, webhook_id, false, now).await?)
        })
        .await?;
    let reason = failure.reason;
    warn!(webhook = %webhook_id, delivery = %id, attempts, status = failure.status, reason, given_up = wait.is_none(), "a delivery was not taken");
    if gone {
        switch_off(app, webhook_id, DisabledReason::Gone).await?;
    } else if wait.is_none() && since.is_some_and(|since| now - since >= PATIENCE) {
        switch_off(app, webhook_id, DisabledReason::Failing).await?;
    }
    Ok(false)
}

/// Switches a webhook off, with a row in the audit log and a mail to its owner.
///
/// # Errors
/// When the database refuses.
pub async fn switch_off(app: &App, id: Uuid, reason: DisabledReason) -> ApiResult<()> {
    let now = app.clock.now();
    let done = app
        .store
        .write::<_, ApiError>(async |tx| {
            let Some(mut webhook) = webhooks::hold(tx, id).await?.filter(|webhook| webhook.disabled.is_none()) else {
                return Ok(false);
            };
            webhook.disabled = Some(reason);
            webhook.stamp.updated_at = now;
            webhook.stamp.version += 1;
            webhooks::update(tx, &webhook).await?;
            let change = audit::Change {
                at: now,
                actor_id: SYSTEM,
                action: "disable_webhook",
                resource: "webhook",
                resource_id: id,
                request_id: "webhooks",
                org_unit_id: Some(webhook.org_unit_id),
                address: None,
            };
            audit::record(tx, &change).await?;
            let owner = access::find_user(tx, webhook.owner_id).await?.filter(|user| !user.disabled);
            if let Some((owner, address)) = owner.and_then(|user| Some((user.full_name, user.email?))) {
                let letter = webhook_switched_off(&owner, &webhook.url, reason);
                mail::post(tx, app, &address, letter, now, now + Span::days(3)).await?;
            }
            Ok(true)
        })
        .await?;
    if done {
        info!(webhook = %id, reason = reason.as_str(), "a webhook was switched off");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (standard-webhooks.com, "Signature scheme").
    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = key(&secret).unwrap();
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let (id, body) = (Uuid::from_u128(7), "{}");
        let two = signatures(&[key.clone(), key], id, 1_614_265_330, body);
        let [one, other] = two.split(' ').collect::<Vec<_>>()[..] else { panic!("{two}") };
        assert!(one == other && one.starts_with("v1,"));
    }
}
