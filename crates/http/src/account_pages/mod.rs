//! The pages that the links of mails lead to: a form each, and one script, out of the binary. They do nothing that the
//! contract's operations don't do.

use crate::problem::Lang;
use actix_web::{HttpRequest, HttpResponse, http::header, web};

/// One script of ours, requests to us alone, and no frame around it that could trick somebody into typing a password.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
const SCRIPT: &str = include_str!("account.js");
const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:26rem;margin:3rem auto;\
                     padding:0 1rem}label{display:block;margin:1rem 0}input{display:block;width:100%;box-sizing:border-box;\
                     font:inherit;padding:.5rem}button{font:inherit;padding:.5rem 1.25rem}output{display:block;margin:1rem 0;\
                     font-weight:600}.good{color:#0a7d33}.bad{color:#c5221f}@media(prefers-color-scheme:dark){.good{color:#6fdc8c}\
                     .bad{color:#ff8a80}}";

/// The words of a page.
struct Page {
    title: &'static str,
    lead: &'static str,
    /// The label of the username's field, where one is chosen.
    username: Option<&'static str>,
    password: &'static str,
    again: &'static str,
    button: &'static str,
    to: &'static str,
    done: &'static str,
}

/// What goes wrong before the service is asked.
struct Words {
    missing: &'static str,
    differ: &'static str,
    away: &'static str,
    no_script: &'static str,
}

const fn words(lang: Lang) -> Words {
    match lang {
        Lang::Vi => Words {
            missing: "Hãy mở trang này bằng liên kết trong thư.",
            differ: "Hai mật khẩu không giống nhau.",
            away: "Không kết nối được. Hãy thử lại sau ít phút.",
            no_script: "Trang này cần JavaScript.",
        },
        Lang::En => Words {
            missing: "Open this page by the link of the mail.",
            differ: "The two passwords differ.",
            away: "The service can't be reached. Try again in a few minutes.",
            no_script: "This page needs JavaScript.",
        },
    }
}

const fn invitation_words(lang: Lang) -> Page {
    let to = "../v1/auth/invitations/accept";
    match lang {
        Lang::Vi => Page {
            title: "Nhận lời mời",
            lead: "Chọn tên đăng nhập và mật khẩu cho tài khoản của bạn.",
            username: Some("Tên đăng nhập (chữ không dấu, số, . _ - +)"),
            password: "Mật khẩu, ít nhất 12 ký tự",
            again: "Nhập lại mật khẩu",
            button: "Tạo tài khoản",
            to,
            done: "Tài khoản đã sẵn sàng. Bây giờ bạn có thể đăng nhập.",
        },
        Lang::En => Page {
            title: "Accept the invitation",
            lead: "Choose a username and a password for your account.",
            username: Some("Username (letters without accents, digits, . _ - +)"),
            password: "Password, at least 12 characters",
            again: "Password again",
            button: "Make the account",
            to,
            done: "Your account is ready. You can log in now.",
        },
    }
}

const fn password_words(lang: Lang) -> Page {
    let to = "../v1/auth/password-reset/confirm";
    match lang {
        Lang::Vi => Page {
            title: "Đặt lại mật khẩu",
            lead: "Chọn mật khẩu mới. Mọi phiên đăng nhập cũ sẽ kết thúc.",
            username: None,
            password: "Mật khẩu mới, ít nhất 12 ký tự",
            again: "Nhập lại mật khẩu mới",
            button: "Đặt mật khẩu",
            to,
            done: "Mật khẩu đã được đặt. Bây giờ bạn có thể đăng nhập.",
        },
        Lang::En => Page {
            title: "Set a new password",
            lead: "Choose a new password. All sessions will end.",
            username: None,
            password: "New password, at least 12 characters",
            again: "New password again",
            button: "Set the password",
            to,
            done: "The password is set. You can log in now.",
        },
    }
}

/// Routes beside the contract.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/account/invitation").get(invitation))
        .service(web::resource("/account/password").get(password))
        .service(web::resource("/account/account.js").get(script));
}

async fn invitation(request: HttpRequest) -> HttpResponse {
    let lang = crate::system::lang_of(&request);
    page(lang, &invitation_words(lang))
}

async fn password(request: HttpRequest) -> HttpResponse {
    let lang = crate::system::lang_of(&request);
    page(lang, &password_words(lang))
}

async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .content_type("text/javascript; charset=utf-8")
        .body(SCRIPT)
}

fn page(lang: Lang, page: &Page) -> HttpResponse {
    let Words { missing, differ, away, no_script } = words(lang);
    let Page { title, lead, password, again, button, to, done, .. } = page;
    let username = page.username.map_or_else(String::new, |label| {
        format!(
            "<label>{label}<input name=\"username\" autocomplete=\"username\" required minlength=\"2\" maxlength=\"64\" \
             pattern=\"[A-Za-z0-9._@+\\-]+\"></label>"
        )
    });
    let field = |name: &str, label: &str| {
        format!(
            "<label>{label}<input name=\"{name}\" type=\"password\" autocomplete=\"new-password\" required minlength=\"12\" \
             maxlength=\"200\"></label>"
        )
    };
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><noscript>{no_script}</noscript>\
         <form data-to=\"{to}\" data-done=\"{done}\" data-missing=\"{missing}\" data-differ=\"{differ}\" data-away=\"{away}\">\
         <p>{lead}</p>{username}{first}{second}<button>{button}</button></form><output role=\"status\"></output>\
         <script src=\"account.js\"></script></html>",
        tag = lang.tag(),
        first = field("password", password),
        second = field("again", again),
    );
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(html)
}
