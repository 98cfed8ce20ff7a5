//! What changes of one's own password mean.

use super::dto::PasswordResetConfirmation;
use crate::{
    app::App,
    mail,
    passwords::is_strong,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{access::dto::Password, auth::secrets},
};
use chrono::Duration;
use tinhnguyen_persistence::{Tx, access, resets, sessions};
use uuid::Uuid;

/// How long the news of a changed password is worth sending.
const NEWS: Duration = Duration::days(1);

/// Remembers that somebody asks for a reset; the mail is written later, out of their sight, so that the answer is the
/// same after the same work whether there is such an account or not.
///
/// # Errors
/// When the database refuses.
pub async fn ask(tx: &Tx, cx: &Cx<'_>, identifier: &str) -> ApiResult<Reply> {
    resets::ask(tx, identifier.trim(), &cx.provenance.request_id, cx.now).await?;
    Ok(Reply::accepted())
}

/// Sets a new password by the token of a mail, once.
///
/// # Errors
/// The problems that the operation states.
pub async fn confirm(
    tx: &Tx,
    cx: &Cx<'_>,
    app: &App,
    confirmation: &PasswordResetConfirmation,
    hash: &str,
) -> ApiResult<Reply> {
    let user_id = resets::redeem(tx, &secrets::hash(&confirmation.token), cx.now).await?;
    let user_id = user_id.ok_or_else(|| ApiError::new(Code::TokenNotValid))?;
    set(tx, cx, app, user_id, &confirmation.password, hash).await?;
    Ok(Reply::gone())
}

/// Sets an open account's password, ends its sessions, makes links of earlier mails useless, and tells its owner.
///
/// # Errors
/// `token_not_valid` when the account is gone or shut, `weak_password` when it is guessed by who knows its owner's names.
pub async fn set(tx: &Tx, cx: &Cx<'_>, app: &App, user_id: Uuid, password: &Password, hash: &str) -> ApiResult<()> {
    let user = access::find_user(tx, user_id).await?.filter(|user| !user.disabled);
    let mut user = user.ok_or_else(|| ApiError::new(Code::TokenNotValid))?;
    let known = [user.username.as_str(), user.full_name.as_str(), user.email.as_deref().unwrap_or_default()];
    if !is_strong(password.secret(), &known) {
        return Err(ApiError::fault(Fault::at("/password", Code::WeakPassword)));
    }
    user.stamp = cx.next_stamp(user.stamp);
    access::update_user(tx, &user, Some(hash.to_owned())).await?;
    sessions::end_all(tx, user_id, cx.now).await?;
    resets::void(tx, user_id, cx.now).await?;
    if let Some(address) = &user.email {
        let letter = mail::password_changed(&user.full_name, &user.username, cx.now);
        mail::post(tx, app, address, letter, cx.now, cx.now + NEWS).await?;
    }
    cx.record_by(tx, user_id, "user", user_id, None).await
}
