//! The words of the mails.

use super::Letter;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tinhnguyen_domain::webhooks::DisabledReason;

/// An instant as people in Viet Nam read it.
fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Ho_Chi_Minh).format("%H:%M ngày %d/%m/%Y").to_string()
}

/// The same in English.
fn local_en(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Ho_Chi_Minh).format("%H:%M on %Y-%m-%d").to_string()
}

/// A name on one line: what somebody typed must not look like a line of ours.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An invitation. The token stands behind `#`, so that no server on the way logs it.
#[must_use]
pub fn invitation(links: &str, full_name: &str, inviter: &str, token: &SecretString, until: DateTime<Utc>) -> Letter {
    let (name, inviter) = (one_line(full_name), one_line(inviter));
    let link = format!("{links}/account/invitation#{}", token.expose_secret());
    let text = format!(
        "Chào {name},\n\n\
         {inviter} mời bạn tham gia hệ thống theo dõi hoạt động tình nguyện chuyển đổi số cộng đồng.\n\
         Mở liên kết sau để chọn tên đăng nhập và mật khẩu:\n\n\
         {link}\n\n\
         Liên kết dùng được một lần, đến {vi} (giờ Việt Nam). Đừng chuyển tiếp thư này cho người khác.\n\
         Nếu bạn không biết vì sao nhận được thư này, hãy bỏ qua.\n\n\
         ----\n\n\
         Hello {name},\n\n\
         {inviter} invites you to the service that follows the volunteers' work for digital transformation.\n\
         Open the link above to choose your username and password. It is good once, until {en} (Viet Nam time).\n\
         Do not forward this mail. If you don't know why you got it, ignore it.\n",
        vi = local(until),
        en = local_en(until),
    );
    Letter {
        kind: "invitation", subject: "Lời mời tham gia · Invitation".to_owned(), text: SecretString::from(text)
    }
}

/// The link to set a new password.
#[must_use]
pub fn password_reset(
    links: &str,
    full_name: &str,
    username: &str,
    token: &SecretString,
    until: DateTime<Utc>,
) -> Letter {
    let name = one_line(full_name);
    let link = format!("{links}/account/password#{}", token.expose_secret());
    let text = format!(
        "Chào {name},\n\n\
         Có người yêu cầu đặt lại mật khẩu của tài khoản {username}. Nếu đó là bạn, hãy mở liên kết sau:\n\n\
         {link}\n\n\
         Liên kết dùng được một lần, đến {vi} (giờ Việt Nam).\n\
         Nếu bạn không yêu cầu, hãy bỏ qua thư này; mật khẩu không thay đổi.\n\n\
         ----\n\n\
         Hello {name},\n\n\
         Somebody asked for a new password for the account {username}. If that was you, open the link above.\n\
         It is good once, until {en} (Viet Nam time). If it was not you, ignore this mail; nothing has changed.\n",
        vi = local(until),
        en = local_en(until),
    );
    Letter {
        kind: "password_reset",
        subject: "Đặt lại mật khẩu · Password reset".to_owned(),
        text: SecretString::from(text),
    }
}

/// Tells somebody that a webhook of theirs was switched off.
#[must_use]
pub fn webhook_switched_off(full_name: &str, url: &str, reason: DisabledReason) -> Letter {
    let (name, url) = (one_line(full_name), one_line(url));
    let (why, why_en) = match reason {
        DisabledReason::Failing => ("suốt ba ngày không gửi được", "for three days nothing could be delivered"),
        DisabledReason::Gone => ("nơi nhận trả lời 410", "the receiver answered 410"),
        DisabledReason::SwitchedOff | DisabledReason::OwnerGone => ("nó đã bị tắt", "it was switched off"),
    };
    let text = format!(
        "Chào {name},\n\n\
         Webhook gửi đến {url} đã ngừng: {why}.\n\
         Sửa nơi nhận rồi bật lại bằng `PATCH /v1/webhooks/{{id}}` với `{{\"enabled\": true}}`; những gì chưa gửi sẽ được gửi tiếp.\n\n\
         ----\n\n\
         Hello {name},\n\n\
         The webhook to the address above was switched off: {why_en}.\n\
         Mend the receiver and switch it on again by `PATCH /v1/webhooks/{{id}}`; what was not sent is sent then.\n",
    );
    Letter {
        kind: "webhook_switched_off",
        subject: "Webhook đã ngừng · Webhook switched off".to_owned(),
        text: SecretString::from(text),
    }
}

/// Tells somebody that their password is another one now.
#[must_use]
pub fn password_changed(full_name: &str, username: &str, at: DateTime<Utc>) -> Letter {
    let name = one_line(full_name);
    let text = format!(
        "Chào {name},\n\n\
         Mật khẩu của tài khoản {username} đã được đổi lúc {vi} (giờ Việt Nam). Mọi phiên đăng nhập cũ đã kết thúc.\n\
         Nếu không phải bạn đổi, hãy báo ngay cho quản trị viên của đơn vị.\n\n\
         ----\n\n\
         Hello {name},\n\n\
         The password of the account {username} was changed at {en} (Viet Nam time). All sessions have ended.\n\
         If it was not you, tell your unit's administrator at once.\n",
        vi = local(at),
        en = local_en(at),
    );
    Letter {
        kind: "password_changed",
        subject: "Mật khẩu đã được đổi · Your password was changed".to_owned(),
        text: SecretString::from(text),
    }
}
