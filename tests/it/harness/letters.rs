//! Mails that the service sent, read as their receivers would.

use super::T;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::os::unix::fs::PermissionsExt;
use tinhnguyen_http::{
    app::App,
    mail::delivery::{Delivery, sender},
};

/// A mail.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: String,
    pub head: String,
    pub text: String,
}

impl Letter {
    /// Reads a mail as it is sent: its head, and its text in whichever encoding it chose.
    pub fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default();
            line.to_owned()
        };
        let text = match field("Content-Transfer-Encoding").as_str() {
            "base64" => String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap(),
            "quoted-printable" => quoted_printable(body),
            _ => body.to_owned(),
        };
        Self { to: field("To"), head, text }
    }

    /// The link's token: what stands behind `#`.
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once('#').unwrap_or_else(|| panic!("no link in {}", self.text));
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Sends what is due in an application, into files; gives the mails. Nobody but their owner could read the files.
pub async fn delivered(app: &App) -> Vec<Letter> {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("mail");
    let delivery = Delivery::to_directory(&directory, sender("Tình nguyện <no-reply@example.org>").unwrap()).unwrap();
    let sent = delivery.run(app).await.unwrap();
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let mut paths: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), usize::try_from(sent).unwrap());
    paths
        .iter()
        .map(|path| {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
            Letter::read(&std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

impl T {
    /// The mails that are due, sent now.
    pub async fn letters(&self) -> Vec<Letter> {
        delivered(&self.app).await
    }
}
