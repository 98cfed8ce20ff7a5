//! The settings: flags, then environment, then a file, then defaults; each remembers where it came from.

use crate::{
    account_settings::{self, AccountConfig, AccountFlags},
    database_url::DatabaseUrl,
    evidence_settings::{self, EvidenceConfig, EvidenceFlags},
};
use clap::Args;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::{self, Display},
    net::SocketAddr,
    num::NonZero,
    path::{Path, PathBuf},
    str::FromStr,
};
use thiserror::Error;
use tinhnguyen_domain::reporting::Leads;
use tinhnguyen_http::{
    address::Networks,
    app::PUBLIC_MIN_COUNT,
    cors::Origins,
    limits::{Limits, Quotas},
};
use tracing_subscriber::EnvFilter;
use url::Url;

/// What the names of our environment variables begin with.
const PREFIX: &str = "TINHNGUYEN_";
/// The file that is read from the working directory when none is named.
const FILE: &str = "tinhnguyen.toml";
/// Names a file instead.
const FILE_VARIABLE: &str = "TINHNGUYEN_CONFIG";
/// Understood beside `TINHNGUYEN_DATABASE_URL`, and weaker: what platforms set by themselves.
const PLAIN_DATABASE_VARIABLE: &str = "DATABASE_URL";

/// Settings that may be given as flags; those left out come from the environment, the file or the defaults.
#[derive(Args, Debug, Clone, Default)]
#[command(
    next_help_heading = "Settings (flag, else TINHNGUYEN_… in the environment, else tinhnguyen.toml, else default)"
)]
pub struct Flags {
    /// Read settings from this file instead of tinhnguyen.toml in the working directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Directory of the SQLite database, of the keys and of mails that become files, made when it is not there [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// postgres://USER@HOST/NAME or sqlite:PATH [default: tinhnguyen.db in the data directory]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// File with the password for the PostgreSQL URL, so that it stands in no URL
    #[arg(long, global = true, value_name = "FILE")]
    pub database_password_file: Option<String>,
    /// Most PostgreSQL connections for writing, and as many again for reading [default: 16]
    #[arg(long, global = true, value_name = "N")]
    pub database_max_connections: Option<String>,
    /// File with the first administrator's password, at least 12 characters [default: one is made up and shown once]
    #[arg(long, global = true, value_name = "FILE")]
    pub admin_password_file: Option<String>,
    /// Ed25519 key (PKCS#8 PEM) that signs tokens; replicas share one [default: made once in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub signing_key_file: Option<String>,
    /// Keys of the personal data, one a line, the first in use; replicas share it [default: made once in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub personal_key_file: Option<String>,
    /// Days after which a volunteer is made unknown, from the end of their last campaign [default: 365]
    #[arg(long, global = true, value_name = "DAYS")]
    pub volunteer_retention_days: Option<String>,
    /// Where clients reach the service, for links in answers [default: links without a host]
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// Addresses and networks of the proxies in front, separated by commas; only they are believed when they say in
    /// X-Forwarded-For whom they speak for [default: none]
    #[arg(long, global = true, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Origins such as https://app.example.org whose pages may call the API from a browser, separated by commas; what is
    /// public may be read from everywhere [default: none]
    #[arg(long, global = true, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Requests a minute, of each replica: by address with a token, for tokens, and of the public; by person reading and
    /// writing; by registered client [default: address=60000,auth=600,public=3000,read=6000,write=3000,client=30000]
    #[arg(long, global = true, value_name = "NAME=N,…")]
    pub rate_limits: Option<String>,
    /// Networks to which these limits don't apply, or none [default: 127.0.0.0/8,::1/128]
    #[arg(long, global = true, value_name = "NETWORKS")]
    pub rate_limit_exempt: Option<String>,
    /// When units are told which of their teams are missing: days before and after a reporting period's due day, such as
    /// before=3,before=1,after=1, or none [default: before=1,after=1]
    #[arg(long, global = true, value_name = "DAYS,…")]
    pub reporting_reminders: Option<String>,
    /// The count of a locality from which on everybody may see it; smaller ones are shown as `< N` [default: 10]
    #[arg(long, global = true, value_name = "N")]
    pub public_min_count: Option<String>,
    /// true lets webhooks send to addresses of this machine and of networks inside, and unencrypted: for trials [default: false]
    #[arg(long, global = true, value_name = "BOOL")]
    pub webhooks_anywhere: Option<String>,
    /// How logs are written to stderr: text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What is logged, such as warn or info,tinhnguyen_http=debug [default: info, and of the libraries warn]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// Threads that serve requests [default: as many as there are processors]
    #[arg(long, global = true, value_name = "N")]
    pub workers: Option<String>,
    /// Those of people's accounts.
    #[command(flatten)]
    pub accounts: AccountFlags,
    /// Those of evidence files.
    #[command(flatten)]
    pub evidence: EvidenceFlags,
}

/// What is logged by default: the libraries' own steps tell an operator nothing that we don't.
const LOG: &str = "info,actix_server=warn,sea_orm_migration=warn,sqlx=warn";

/// A year.
const RETENTION: NonZero<u32> = NonZero::<u32>::MIN.saturating_add(364);

/// The names of all settings, as in the file; flags and environment variables are made of them.
const NAMES: [&str; OWN.len() + account_settings::NAMES.len() + evidence_settings::NAMES.len()] = {
    let mut names = [""; OWN.len() + account_settings::NAMES.len() + evidence_settings::NAMES.len()];
    let (own, others) = names.split_at_mut(OWN.len());
    let (accounts, evidence) = others.split_at_mut(account_settings::NAMES.len());
    own.copy_from_slice(&OWN);
    accounts.copy_from_slice(&account_settings::NAMES);
    evidence.copy_from_slice(&evidence_settings::NAMES);
    names
};

/// Those of the service itself.
const OWN: [&str; 20] = [
    "listen",
    "data_dir",
    "database_url",
    "database_password_file",
    "database_max_connections",
    "admin_password_file",
    "signing_key_file",
    "personal_key_file",
    "volunteer_retention_days",
    "public_url",
    "trusted_proxies",
    "cors_origins",
    "rate_limits",
    "rate_limit_exempt",
    "reporting_reminders",
    "public_min_count",
    "webhooks_anywhere",
    "log_format",
    "log",
    "workers",
];

impl Flags {
    fn values(&self) -> impl Iterator<Item = &Option<String>> {
        let own: [&Option<String>; OWN.len()] = [
            &self.listen,
            &self.data_dir,
            &self.database_url,
            &self.database_password_file,
            &self.database_max_connections,
            &self.admin_password_file,
            &self.signing_key_file,
            &self.personal_key_file,
            &self.volunteer_retention_days,
            &self.public_url,
            &self.trusted_proxies,
            &self.cors_origins,
            &self.rate_limits,
            &self.rate_limit_exempt,
            &self.reporting_reminders,
            &self.public_min_count,
            &self.webhooks_anywhere,
            &self.log_format,
            &self.log,
            &self.workers,
        ];
        own.into_iter().chain(self.accounts.values()).chain(self.evidence.values())
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The flag of its name.
    Flag(&'static str),
    /// This environment variable.
    Variable(String),
    /// This file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{}", name.replace('_', "-")),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What is in force.
    pub value: T,
    /// Who said so.
    pub source: Source,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it must be `text` or `json`"),
        }
    }
}

impl Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Why the settings can't be used: which one, from where, and what is wrong. Never shows a value, which may be secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A value that its setting can't have.
    #[error("the setting `{name}` ({origin}) is wrong: {reason}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Where the value came from.
        origin: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// A variable with our prefix that is no setting: most likely a typing error, which would lose what was meant.
    #[error("the environment variable {0} is no setting; `tinhnguyen --help` lists them")]
    UnknownVariable(String),
    /// A key of the file that is no setting.
    #[error("`{key}` in the file {} is no setting; `tinhnguyen --help` lists them", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A file that can't be read, or not understood.
    #[error("the file {} can't be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The settings in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: Setting<SocketAddr>,
    /// Directory of the SQLite database and of the keys.
    pub data_dir: Setting<PathBuf>,
    /// The database.
    pub database_url: Setting<DatabaseUrl>,
    /// File with the database's password.
    pub database_password_file: Option<Setting<PathBuf>>,
    /// Most connections of each of the two pools.
    pub database_max_connections: Setting<NonZero<u32>>,
    /// File with the first administrator's password.
    pub admin_password_file: Option<Setting<PathBuf>>,
    /// File with the key that signs tokens.
    pub signing_key_file: Option<Setting<PathBuf>>,
    /// File with the keys of the personal data.
    pub personal_key_file: Option<Setting<PathBuf>>,
    /// Days after which a volunteer is made unknown, from the end of their last campaign.
    pub volunteer_retention_days: Setting<NonZero<u32>>,
    /// Where clients reach the service, without a slash at the end.
    pub public_url: Option<Setting<String>>,
    /// Proxies that are believed.
    pub trusted_proxies: Option<Setting<Networks>>,
    /// Other origins whose pages may call the API.
    pub cors_origins: Option<Setting<Origins>>,
    /// How much one caller may ask for.
    pub rate_limits: Setting<Quotas>,
    /// Who may ask for as much as they like.
    pub rate_limit_exempt: Setting<Networks>,
    /// When units are told what is missing of a reporting period.
    pub reporting_reminders: Setting<Leads>,
    /// The count of a locality from which on everybody may see it.
    pub public_min_count: Setting<NonZero<u32>>,
    /// Whether webhooks may send to addresses inside, and unencrypted.
    pub webhooks_anywhere: Setting<bool>,
    /// How logs are written.
    pub log_format: Setting<LogFormat>,
    /// What is logged.
    pub log: Setting<String>,
    /// Threads that serve requests.
    pub workers: Setting<NonZero<usize>>,
    /// Those of people's accounts.
    pub accounts: AccountConfig,
    /// Those of evidence files.
    pub evidence: EvidenceConfig,
}

/// The environment, given so that tests can make one.
pub type Environment = BTreeMap<OsString, OsString>;

impl Config {
    /// Reads the settings from flags, an environment and the file that they name, or from `directory`'s own file.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that is wrong or unknown.
    pub fn read(flags: &Flags, environment: &Environment, directory: &Path) -> Result<Self, ConfigError> {
        let given = Given::gather(flags, environment, directory)?;
        let data_dir = given.or("data_dir", PathBuf::from("./data"))?;
        let database_url = given.take("database_url")?.unwrap_or_else(|| Setting {
            value: DatabaseUrl::Sqlite(data_dir.value.join("tinhnguyen.db")),
            source: Source::Default,
        });
        let database_password_file = given.take::<PathBuf>("database_password_file")?;
        if let Some(file) = &database_password_file
            && !database_url.value.takes_password()
        {
            let reason = "database_url is no PostgreSQL URL, or has a password of its own".to_owned();
            return Err(ConfigError::Wrong { name: "database_password_file", origin: file.source.clone(), reason });
        }
        let processors = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let evidence = EvidenceConfig::read(&given, &data_dir.value)?;
        Ok(Self {
            listen: given.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080)))?,
            data_dir,
            database_url,
            database_password_file,
            database_max_connections: given
                .or("database_max_connections", NonZero::new(16).unwrap_or(NonZero::<u32>::MIN))?,
            admin_password_file: given.take("admin_password_file")?,
            signing_key_file: given.take("signing_key_file")?,
            personal_key_file: given.take("personal_key_file")?,
            volunteer_retention_days: given
                .take_with("volunteer_retention_days", retention)?
                .unwrap_or(Setting { value: RETENTION, source: Source::Default }),
            public_url: given.take_with("public_url", public_url)?,
            trusted_proxies: given.take("trusted_proxies")?,
            cors_origins: given.take("cors_origins")?,
            rate_limits: given.or("rate_limits", Quotas::default())?,
            rate_limit_exempt: given.or("rate_limit_exempt", Limits::default_exempt())?,
            reporting_reminders: given.or("reporting_reminders", Leads::default())?,
            public_min_count: given
                .or("public_min_count", NonZero::new(PUBLIC_MIN_COUNT).unwrap_or(NonZero::<u32>::MIN))?,
            webhooks_anywhere: given.or("webhooks_anywhere", false)?,
            log_format: given.or("log_format", LogFormat::Text)?,
            log: given
                .take_with("log", log_filter)?
                .unwrap_or_else(|| Setting { value: LOG.to_owned(), source: Source::Default }),
            workers: given.or("workers", processors)?,
            accounts: AccountConfig::read(&given)?,
            evidence,
        })
    }

    /// What is in force and where each came from, one setting a line, in the form of the file. Secrets are masked.
    #[must_use]
    pub fn describe(&self) -> String {
        let path = |setting: &Option<Setting<PathBuf>>| {
            setting.as_ref().map(|s| (quoted(s.value.display()), s.source.clone()))
        };
        let lines: [Option<(String, Source)>; OWN.len()] = [
            Some((quoted(self.listen.value), self.listen.source.clone())),
            Some((quoted(self.data_dir.value.display()), self.data_dir.source.clone())),
            Some((quoted(&self.database_url.value), self.database_url.source.clone())),
            path(&self.database_password_file),
            Some((self.database_max_connections.value.to_string(), self.database_max_connections.source.clone())),
            path(&self.admin_password_file),
            path(&self.signing_key_file),
            path(&self.personal_key_file),
            Some((self.volunteer_retention_days.value.to_string(), self.volunteer_retention_days.source.clone())),
            self.public_url.as_ref().map(|s| (quoted(&s.value), s.source.clone())),
            self.trusted_proxies.as_ref().map(|s| (quoted(&s.value), s.source.clone())),
            self.cors_origins.as_ref().map(|s| (quoted(&s.value), s.source.clone())),
            Some((quoted(self.rate_limits.value), self.rate_limits.source.clone())),
            Some((quoted(&self.rate_limit_exempt.value), self.rate_limit_exempt.source.clone())),
            Some((quoted(&self.reporting_reminders.value), self.reporting_reminders.source.clone())),
            Some((self.public_min_count.value.to_string(), self.public_min_count.source.clone())),
            Some((self.webhooks_anywhere.value.to_string(), self.webhooks_anywhere.source.clone())),
            Some((quoted(self.log_format.value), self.log_format.source.clone())),
            Some((quoted(&self.log.value), self.log.source.clone())),
            Some((self.workers.value.to_string(), self.workers.source.clone())),
        ];
        NAMES
            .iter()
            .zip(lines.into_iter().chain(self.accounts.lines()).chain(self.evidence.lines()))
            .map(|(name, line)| match line {
                Some((value, source)) => format!("{name} = {value}  # {source}\n"),
                None => format!("# {name} is not set\n"),
            })
            .collect()
    }
}

pub(crate) fn quoted(value: impl Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

/// The text of each setting that somebody gave.
pub(crate) struct Given(BTreeMap<&'static str, (String, Source)>);

impl Given {
    fn gather(flags: &Flags, environment: &Environment, directory: &Path) -> Result<Self, ConfigError> {
        let variable = |name: &str| text_of(environment, name);
        // The weakest first: what comes later replaces it.
        let mut given = BTreeMap::new();
        let named = match &flags.config {
            Some(path) => Some(path.clone()),
            None => variable(FILE_VARIABLE)?.map(PathBuf::from),
        };
        let path = named.clone().unwrap_or_else(|| directory.join(FILE));
        if named.is_some() || path.exists() {
            for (name, text) in keys_of(&path)? {
                given.insert(name, (text, Source::File(path.clone())));
            }
        }
        if let Some(text) = variable(PLAIN_DATABASE_VARIABLE)? {
            given.insert("database_url", (text, Source::Variable(PLAIN_DATABASE_VARIABLE.to_owned())));
        }
        for name in environment.keys().map(|name| name.to_string_lossy()).filter(|name| name.starts_with(PREFIX)) {
            if name == FILE_VARIABLE {
                continue;
            }
            let setting = NAMES.iter().find(|setting| variable_of(setting) == name);
            let setting = setting.ok_or_else(|| ConfigError::UnknownVariable(name.to_string()))?;
            if let Some(text) = variable(&name)? {
                given.insert(setting, (text, Source::Variable(name.to_string())));
            }
        }
        for (name, value) in NAMES.into_iter().zip(flags.values()) {
            if let Some(text) = value {
                given.insert(name, (text.clone(), Source::Flag(name)));
            }
        }
        Ok(Self(given))
    }

    pub(crate) fn take_with<T, E: Display>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let Some((text, source)) = self.0.get(name) else { return Ok(None) };
        let wrong = |reason: String| ConfigError::Wrong { name, origin: source.clone(), reason };
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        let value = read(text).map_err(|e| wrong(e.to_string()))?;
        Ok(Some(Setting { value, source: source.clone() }))
    }

    pub(crate) fn take<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<Setting<T>>, ConfigError> {
        self.take_with(name, str::parse)
    }

    pub(crate) fn or<T: FromStr<Err: Display>>(
        &self,
        name: &'static str,
        default: T,
    ) -> Result<Setting<T>, ConfigError> {
        Ok(self.take(name)?.unwrap_or(Setting { value: default, source: Source::Default }))
    }
}

fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// A variable's text. An empty one counts as not set, because compose files pass on what nobody filled in.
fn text_of(environment: &Environment, name: &str) -> Result<Option<String>, ConfigError> {
    let Some(value) = environment.get(OsString::from(name).as_os_str()).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let setting = NAMES.into_iter().find(|setting| variable_of(setting) == name).unwrap_or("database_url");
    let text = value.to_str().ok_or_else(|| ConfigError::Wrong {
        name: setting,
        origin: Source::Variable(name.to_owned()),
        reason: "it is not UTF-8".to_owned(),
    })?;
    Ok(Some(text.to_owned()))
}

/// The settings of a file, each as text.
fn keys_of(path: &Path) -> Result<Vec<(&'static str, String)>, ConfigError> {
    let broken = |reason: String| ConfigError::File { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|e| broken(e.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| {
        // The error's own text quotes the line, which may hold a password.
        let line =
            e.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        broken(format!("line {line}: {}", e.message()))
    })?;
    let mut keys = Vec::new();
    for (key, value) in table {
        let name = NAMES.into_iter().find(|name| *name == key);
        let name = name.ok_or_else(|| ConfigError::UnknownKey { path: path.to_owned(), key: key.clone() })?;
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(yes) => yes.to_string(),
            _ => {
                let origin = Source::File(path.to_owned());
                let reason = "it must be a text, a whole number, `true` or `false`".to_owned();
                return Err(ConfigError::Wrong { name, origin, reason });
            }
        };
        keys.push((name, text));
    }
    Ok(keys)
}

fn public_url(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL such as https://example.org")?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err("it must begin with http:// or https:// and have neither `?` nor `#`");
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err("it must not name a user");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// At most a hundred years: more is a slip, and no day could be reckoned from it.
fn retention(text: &str) -> Result<NonZero<u32>, &'static str> {
    let days: NonZero<u32> = text.parse().map_err(|_| "it must be a number of days from 1 to 36500")?;
    if days.get() <= 36_500 { Ok(days) } else { Err("it must be a number of days from 1 to 36500") }
}

fn log_filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
