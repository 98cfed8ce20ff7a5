//! What second factors mean: authenticator apps (RFC 6238) and recovery codes.

use super::dto::{RecoveryCodes, TotpEnrolment};
use crate::{
    allowed::{AccessWrite, Scope},
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    sealed::Purpose,
    slices::{
        access::ops::{ensure_controls, find_user},
        auth::{
            dto::TokenError,
            form::{Refused, refuse},
            secrets,
        },
    },
};
use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tinhnguyen_persistence::{Tx, access, second_factor as store, sessions};
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

/// The name under which apps show the account.
const ISSUER: &str = "tinhnguyen";
/// Recovery codes of an account.
const RECOVERY_CODES: usize = 10;
/// Digits of an app's code.
const DIGITS: usize = 6;
/// What the token endpoint says beside `invalid_grant` when the password was right.
pub const REQUIRED: &str = "second_factor_required";

fn authenticator(secret: Secret, username: &str) -> ApiResult<Totp> {
    Builder::new()
        .with_secret(secret)
        .with_skew(1)
        .with_account_name(username)
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|_| ApiError::internal("an authenticator can't be made"))
}

fn new_secret() -> ApiResult<Secret> {
    let mut bytes = [0_u8; 20];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the machine gives no randomness"))?;
    Ok(Secret::new_stack(bytes))
}

/// Begins to set an authenticator up.
///
/// # Errors
/// `wrong_state` when one is on already.
pub async fn begin(tx: &Tx, cx: &Cx<'_>, app: &App, user_id: Uuid, username: &str) -> ApiResult<Reply> {
    let secret = new_secret()?;
    let text = secret.to_base32();
    let uri = authenticator(secret, username)?.to_url().map_err(|_| ApiError::internal("no otpauth address"))?;
    let sealed = app.accounts.sealer.seal(Purpose::Totp, user_id, &SecretString::from(text.clone()))?;
    if !store::begin(tx, user_id, sealed, cx.now).await? {
        return Err(already_on());
    }
    cx.record(tx, "user", user_id, None).await?;
    let shown = TotpEnrolment { secret: Some(text), otpauth_uri: Some(uri) };
    Reply::shown(201, &shown)?.stored_as(&TotpEnrolment { secret: None, otpauth_uri: None })
}

fn already_on() -> ApiError {
    ApiError::new(Code::WrongState).detail(
        "Xác thực hai lớp đã bật; hãy tắt trước khi thiết lập lại.",
        "A second factor is on already; switch it off before you set up another one.",
    )
}

fn not_begun() -> ApiError {
    ApiError::new(Code::WrongState)
        .detail("Chưa có thiết lập nào đang chờ xác nhận.", "Nothing is being set up; begin with `POST /v1/me/totp`.")
}

fn wrong_code() -> ApiError {
    ApiError::fault(Fault::at("/code", Code::WrongCode))
}

/// The time step of a code that is right at this instant, or one step beside it.
fn step_of(app: &App, user_id: Uuid, sealed: &[u8], code: &str, now: DateTime<Utc>) -> ApiResult<Option<i64>> {
    let text = app.accounts.sealer.open(Purpose::Totp, user_id, sealed)?;
    let secret = Secret::try_from_base32(text.expose_secret())
        .map_err(|_| ApiError::internal("the secret of an authenticator can't be read"))?;
    let now = u64::try_from(now.timestamp()).unwrap_or_default();
    let step = authenticator(secret, "-")?.check(code, now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// Switches the authenticator on, once its owner has shown a code of it, and gives the recovery codes.
///
/// # Errors
/// `wrong_state` when none was begun, `wrong_code`.
pub async fn confirm(tx: &Tx, cx: &Cx<'_>, app: &App, user_id: Uuid, code: &SecretString) -> ApiResult<Reply> {
    let totp = store::find(tx, user_id).await?.filter(|totp| !totp.confirmed).ok_or_else(not_begun)?;
    let step = step_of(app, user_id, &totp.secret, code.expose_secret(), cx.now)?.ok_or_else(wrong_code)?;
    if !store::use_step(tx, user_id, step, cx.now).await? {
        return Err(wrong_code());
    }
    let codes = (0..RECOVERY_CODES).map(|_| secrets::new_recovery_code()).collect::<ApiResult<Vec<_>>>()?;
    let hashes = codes.iter().map(secrets::recovery_hash).collect();
    if !store::confirm(tx, user_id, hashes, cx.now).await? {
        return Err(not_begun());
    }
    cx.record(tx, "user", user_id, None).await?;
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    Reply::shown(200, &RecoveryCodes { recovery_codes })?.stored_as(&RecoveryCodes { recovery_codes: vec![] })
}

/// Uses a code of the app or a recovery code up; gives whether it was good.
async fn use_code(tx: &Tx, app: &App, user_id: Uuid, code: &SecretString, now: DateTime<Utc>) -> ApiResult<bool> {
    let Some(totp) = store::find(tx, user_id).await?.filter(|totp| totp.confirmed) else { return Ok(false) };
    if totp.locked_until.is_some_and(|until| until > now) {
        return Ok(false);
    }
    let text = code.expose_secret();
    if text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
        return match step_of(app, user_id, &totp.secret, text, now)? {
            Some(step) => Ok(store::use_step(tx, user_id, step, now).await?),
            None => Ok(false),
        };
    }
    Ok(store::use_recovery(tx, user_id, &secrets::recovery_hash(code), now).await?)
}

/// Counts a wrong code, in a transaction of its own: the one that found it wrong is rolled back.
///
/// # Errors
/// When the database refuses.
pub async fn count_failure(app: &App, user_id: Uuid) -> ApiResult<()> {
    let now = app.clock.now();
    app.store.write::<_, ApiError>(async |tx| Ok(store::fail(tx, user_id, now).await?)).await
}

/// Switches one's own second factor off, by a code of it.
///
/// # Errors
/// `wrong_state` when none is on, `wrong_code`.
pub async fn disable(tx: &Tx, cx: &Cx<'_>, app: &App, user_id: Uuid, code: &SecretString) -> ApiResult<Reply> {
    if !store::is_on(tx, user_id).await? {
        return Err(ApiError::new(Code::WrongState)
            .detail("Xác thực hai lớp chưa bật.", "There is no second factor that could be switched off."));
    }
    if !use_code(tx, app, user_id, code, cx.now).await? {
        return Err(wrong_code());
    }
    store::remove(tx, user_id).await?;
    cx.record(tx, "user", user_id, None).await?;
    Ok(Reply::gone())
}

/// Switches somebody else's second factor off, when they lost it. The caller must administer every unit on which the
/// account holds a role; their own they switch off with a code like everybody.
///
/// # Errors
/// The problems that the operation states.
pub async fn reset(tx: &Tx, cx: &Cx<'_>, scope: &Scope<AccessWrite>, id: Uuid) -> ApiResult<Reply> {
    let mut user = find_user(tx, scope, id).await?;
    ensure_controls(tx, scope, id).await?;
    cx.ensure_unchanged(&user.stamp)?;
    if id == cx.actor_id {
        return Err(ApiError::new(Code::WrongState).detail(
            "Hãy tự tắt xác thực hai lớp của mình bằng một mã.",
            "Switch your own second factor off with a code, at `POST /v1/me/totp/disable`.",
        ));
    }
    if !store::remove(tx, id).await? {
        return Err(ApiError::new(Code::WrongState)
            .detail("Tài khoản này chưa bật xác thực hai lớp.", "This account has no second factor."));
    }
    user.stamp = cx.next_stamp(user.stamp);
    access::update_user(tx, &user, None).await?;
    // Whoever came in with the lost one is out.
    sessions::end_all(tx, id, cx.now).await?;
    cx.record(tx, "user", id, None).await?;
    Ok(Reply::gone())
}

/// Holds that a login whose password was right brings the second factor too, when the account has one.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn pass(app: &App, user_id: Uuid, code: Option<SecretString>) -> ApiResult<Refused<()>> {
    if !store::is_on(app.store.read(), user_id).await? {
        return Ok(Ok(()));
    }
    let refused = |words| TokenError { error_code: Some(REQUIRED), ..refuse("invalid_grant", words) };
    let Some(code) = code else { return Ok(Err(refused("A code of the second factor is wanted, in `otp`."))) };
    let now = app.clock.now();
    let good = app.store.write::<_, ApiError>(async |tx| use_code(tx, app, user_id, &code, now).await).await?;
    if good {
        return Ok(Ok(()));
    }
    count_failure(app, user_id).await?;
    Ok(Err(refused("The code of the second factor is wrong, was used already, or too many were wrong: wait a moment.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, cut to six digits.
        let secret = Secret::new_stack(*b"12345678901234567890");
        let totp = authenticator(secret, "-").unwrap();
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(totp.generate(at).to_string(), code, "at {at}");
            assert_eq!(totp.check(code, at), Some(at / 30));
            assert_eq!(totp.check(code, at + 30), Some(at / 30), "one step late");
            assert_eq!(totp.check(code, at + 60), None, "two steps late");
        }
    }
}
