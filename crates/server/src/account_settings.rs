//! The settings of people's accounts: mail, the key that seals secrets, second factors, the identity provider.

use crate::config::{ConfigError, Given, Setting, Source, quoted};
use clap::Args;
use std::{net::IpAddr, path::PathBuf, str::FromStr};
use tinhnguyen_http::{
    mail::delivery::{self, Protection},
    oidc,
};
use url::{Host, Url};

/// The names of these settings, as in the file.
pub(crate) const NAMES: [&str; 10] = [
    "mail_transport",
    "mail_user",
    "mail_password_file",
    "mail_from",
    "secrets_key_file",
    "require_totp",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret_file",
    "oidc_return_url",
];

/// Where mails come from by default: good enough for files, and refused with a mail server.
const FROM: &str = "tinhnguyen <no-reply@localhost>";

/// Settings of accounts that may be given as flags.
#[derive(Args, Debug, Clone, Default)]
pub struct AccountFlags {
    /// Where mails go: file (into mail/ of the data directory), smtps://HOST[:PORT] (TLS), smtp://HOST[:PORT] (STARTTLS),
    /// or smtp://HOST[:PORT]?tls=none for a relay without TLS [default: file]
    #[arg(long, global = true, value_name = "TRANSPORT")]
    pub mail_transport: Option<String>,
    /// User at the mail server [default: none, no login]
    #[arg(long, global = true, value_name = "NAME")]
    pub mail_user: Option<String>,
    /// File with the password at the mail server
    #[arg(long, global = true, value_name = "FILE")]
    pub mail_password_file: Option<String>,
    /// Sender of mails, such as "Tình nguyện <no-reply@example.org>"; wanted with a mail server
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Key (32 bytes in base64) that seals second factors and waiting mail; replicas share one [default: made once in the
    /// data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub secrets_key_file: Option<String>,
    /// Whether administrators and verifiers of province and centre need a second factor: true or false [default: false]
    #[arg(long, global = true, value_name = "BOOL")]
    pub require_totp: Option<String>,
    /// Issuer of the identity provider (OpenID Connect) that people may log in through [default: none]
    #[arg(long, global = true, value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Our client id at that provider
    #[arg(long, global = true, value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// File with our client secret at that provider
    #[arg(long, global = true, value_name = "FILE")]
    pub oidc_client_secret_file: Option<String>,
    /// Address of the application to which people return with a one-time code [default: they get it as JSON]
    #[arg(long, global = true, value_name = "URL")]
    pub oidc_return_url: Option<String>,
}

impl AccountFlags {
    pub(crate) const fn values(&self) -> [&Option<String>; NAMES.len()] {
        [
            &self.mail_transport,
            &self.mail_user,
            &self.mail_password_file,
            &self.mail_from,
            &self.secrets_key_file,
            &self.require_totp,
            &self.oidc_issuer,
            &self.oidc_client_id,
            &self.oidc_client_secret_file,
            &self.oidc_return_url,
        ]
    }
}

/// Where mails go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// Into files.
    File,
    /// To a server.
    Server {
        /// Its name.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        protection: Protection,
    },
}

impl FromStr for MailTransport {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "file" {
            return Ok(Self::File);
        }
        let wrong = "it must be `file`, smtps://HOST[:PORT], smtp://HOST[:PORT] or smtp://HOST[:PORT]?tls=none";
        let url = Url::parse(text).map_err(|_| wrong)?;
        if url.password().is_some() || !url.username().is_empty() {
            return Err("it must not name a user: use mail_user and mail_password_file");
        }
        let (protection, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Protection::Tls, 465),
            ("smtp", None) => (Protection::StartTls, 587),
            ("smtp", Some("tls=none")) => (Protection::Plain, 25),
            _ => return Err(wrong),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(wrong)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(wrong);
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self::Server { host, port: url.port().unwrap_or(port), protection })
    }
}

impl std::fmt::Display for MailTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Server { host, port, protection } = self else { return f.write_str("file") };
        let (scheme, query) = match protection {
            Protection::Tls => ("smtps", ""),
            Protection::StartTls => ("smtp", ""),
            Protection::Plain => ("smtp", "?tls=none"),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}{query}")
        } else {
            write!(f, "{scheme}://{host}:{port}{query}")
        }
    }
}

/// The identity provider.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// Its issuer.
    pub issuer: Setting<String>,
    /// Our id there.
    pub client_id: Setting<String>,
    /// File with our secret there.
    pub client_secret_file: Setting<PathBuf>,
    /// Where people go on with a one-time code.
    pub return_url: Option<Setting<Url>>,
}

/// The settings of accounts in force.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// Where mails go.
    pub mail_transport: Setting<MailTransport>,
    /// User and file with the password at the mail server.
    pub mail_login: Option<(Setting<String>, Setting<PathBuf>)>,
    /// Sender of mails.
    pub mail_from: Setting<String>,
    /// File with the key that seals secrets.
    pub secrets_key_file: Option<Setting<PathBuf>>,
    /// Whether administrators and verifiers of province and centre need a second factor.
    pub require_totp: Setting<bool>,
    /// The identity provider.
    pub oidc: Option<OidcConfig>,
}

fn wrong(name: &'static str, origin: &Source, reason: &str) -> ConfigError {
    ConfigError::Wrong { name, origin: origin.clone(), reason: reason.to_owned() }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl AccountConfig {
    pub(crate) fn read(given: &Given) -> Result<Self, ConfigError> {
        let mail_transport = given.or("mail_transport", MailTransport::File)?;
        let mail_from: Setting<String> = given
            .take_with("mail_from", |text| delivery::sender(text).map(|_| text.to_owned()))?
            .unwrap_or_else(|| Setting { value: FROM.to_owned(), source: Source::Default });
        let mail_login = match (given.take::<String>("mail_user")?, given.take::<PathBuf>("mail_password_file")?) {
            (None, None) => None,
            (Some(user), Some(file)) => Some((user, file)),
            (Some(user), None) => {
                return Err(wrong("mail_user", &user.source, "it wants mail_password_file beside it"));
            }
            (None, Some(file)) => {
                return Err(wrong("mail_password_file", &file.source, "it wants mail_user beside it"));
            }
        };
        match &mail_transport.value {
            MailTransport::File => {
                if let Some((user, _)) = &mail_login {
                    return Err(wrong("mail_user", &user.source, "mail_transport is `file`, which takes no login"));
                }
            }
            MailTransport::Server { host, protection, .. } => {
                if mail_from.source == Source::Default {
                    let reason = "a mail server wants mail_from, the sender's address, beside it";
                    return Err(wrong("mail_transport", &mail_transport.source, reason));
                }
                if *protection == Protection::Plain && mail_login.is_some() && !is_here(host) {
                    let reason = "a password is never sent without TLS";
                    return Err(wrong("mail_transport", &mail_transport.source, reason));
                }
            }
        }
        Ok(Self {
            mail_transport,
            mail_login,
            mail_from,
            secrets_key_file: given.take("secrets_key_file")?,
            require_totp: given
                .take_with("require_totp", |text| text.parse::<bool>().map_err(|_| "it must be `true` or `false`"))?
                .unwrap_or(Setting { value: false, source: Source::Default }),
            oidc: Self::oidc(given)?,
        })
    }

    fn oidc(given: &Given) -> Result<Option<OidcConfig>, ConfigError> {
        let issuer = given.take_with("oidc_issuer", |text| sound(text).map(|_| text.to_owned()))?;
        let client_id = given.take::<String>("oidc_client_id")?;
        let client_secret_file = given.take::<PathBuf>("oidc_client_secret_file")?;
        let return_url = given.take_with("oidc_return_url", sound)?;
        let Some(issuer) = issuer else {
            let origins = [
                ("oidc_client_id", client_id.map(|s| s.source)),
                ("oidc_client_secret_file", client_secret_file.map(|s| s.source)),
                ("oidc_return_url", return_url.map(|s| s.source)),
            ];
            return match origins.into_iter().find_map(|(name, origin)| Some((name, origin?))) {
                Some((name, origin)) => Err(wrong(name, &origin, "it wants oidc_issuer beside it")),
                None => Ok(None),
            };
        };
        match (client_id, client_secret_file) {
            (Some(client_id), Some(client_secret_file)) => {
                Ok(Some(OidcConfig { issuer, client_id, client_secret_file, return_url }))
            }
            _ => {
                let reason = "it wants oidc_client_id and oidc_client_secret_file beside it";
                Err(wrong("oidc_issuer", &issuer.source, reason))
            }
        }
    }

    /// What is in force and where it came from, in the order of [`NAMES`].
    pub(crate) fn lines(&self) -> [Option<(String, Source)>; NAMES.len()] {
        let oidc = self.oidc.as_ref();
        let login = self.mail_login.as_ref();
        [
            Some((quoted(&self.mail_transport.value), self.mail_transport.source.clone())),
            login.map(|(user, _)| (quoted(&user.value), user.source.clone())),
            login.map(|(_, file)| (quoted(file.value.display()), file.source.clone())),
            Some((quoted(&self.mail_from.value), self.mail_from.source.clone())),
            self.secrets_key_file.as_ref().map(|s| (quoted(s.value.display()), s.source.clone())),
            Some((self.require_totp.value.to_string(), self.require_totp.source.clone())),
            oidc.map(|o| (quoted(&o.issuer.value), o.issuer.source.clone())),
            oidc.map(|o| (quoted(&o.client_id.value), o.client_id.source.clone())),
            oidc.map(|o| (quoted(o.client_secret_file.value.display()), o.client_secret_file.source.clone())),
            oidc.and_then(|o| o.return_url.as_ref()).map(|s| (quoted(&s.value), s.source.clone())),
        ]
    }
}

fn sound(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL such as https://example.org")?;
    let named = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)));
    if !oidc::is_sound(&url) || !named || url.fragment().is_some() || url.password().is_some() {
        return Err("it must begin with https:// (http:// is for this machine alone), without a user and without `#`");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_transports_are_read_and_told_with_their_protection() {
        let server = |host: &str, port, protection| MailTransport::Server { host: host.to_owned(), port, protection };
        for (text, transport, told) in [
            ("file", MailTransport::File, "file"),
            (
                "smtps://mail.example.org",
                server("mail.example.org", 465, Protection::Tls),
                "smtps://mail.example.org:465",
            ),
            (
                "smtp://mail.example.org",
                server("mail.example.org", 587, Protection::StartTls),
                "smtp://mail.example.org:587",
            ),
            ("smtp://[::1]:2525?tls=none", server("::1", 2525, Protection::Plain), "smtp://[::1]:2525?tls=none"),
        ] {
            assert_eq!(text.parse::<MailTransport>().unwrap(), transport);
            assert_eq!(transport.to_string(), told);
        }
        for text in [
            "",
            "mail.example.org",
            "http://h",
            "smtp://u:s3cret@h",
            "smtp://h?tls=maybe",
            "smtps://h?tls=none",
            "smtp:///x",
        ] {
            let error = text.parse::<MailTransport>().unwrap_err();
            assert!(!error.contains("s3cret"), "{text}");
        }
    }
}
