//! Which database is meant: a URL that never shows its password.

use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt::{self, Display},
    path::PathBuf,
    str::FromStr,
};
use url::Url;

/// What stands for a password that is not shown.
const MASK: &str = "***";

/// Where the data are.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may hold a password.
    Postgres(SecretString),
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return match path {
                "" | ":memory:" => {
                    Err("a SQLite database needs a file, such as sqlite:/var/lib/tinhnguyen/tinhnguyen.db")
                }
                path if path.contains('?') => Err("a SQLite URL takes no options after `?`"),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        let url = Url::parse(text).map_err(|_| "it is no URL such as postgres://user@host:5432/name or sqlite:PATH")?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("it must begin with postgres://, postgresql:// or sqlite:");
        }
        if url.host_str().is_none_or(str::is_empty) && !url.query_pairs().any(|(key, _)| key == "host") {
            return Err("it names no host");
        }
        Ok(Self::Postgres(SecretString::from(text)))
    }
}

impl DatabaseUrl {
    fn url(&self) -> Option<Url> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) => Url::parse(url.expose_secret()).ok(),
        }
    }

    /// Whether a password from elsewhere can be put into it: it is PostgreSQL's and has none.
    #[must_use]
    pub fn takes_password(&self) -> bool {
        self.url().is_some_and(|url| url.password().is_none() && !url.query_pairs().any(|(key, _)| key == "password"))
    }

    /// The URL with this password.
    ///
    /// # Errors
    /// When it takes none.
    pub fn with_password(self, password: &SecretString) -> Result<Self, &'static str> {
        let refused = "the URL takes no password";
        let mut url = self.url().filter(|_| self.takes_password()).ok_or(refused)?;
        url.set_password(Some(password.expose_secret())).map_err(|()| refused)?;
        Ok(Self::Postgres(SecretString::from(String::from(url))))
    }
}

impl Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = match (self, self.url()) {
            (Self::Sqlite(path), _) => return write!(f, "sqlite:{}", path.display()),
            (Self::Postgres(_), None) => return f.write_str(MASK),
            (Self::Postgres(_), Some(url)) => url,
        };
        if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
            return f.write_str(MASK);
        }
        if url.query_pairs().any(|(key, _)| key == "password") {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            url.query_pairs_mut().clear().extend_pairs(
                pairs.iter().map(|(key, value)| (key, if key == "password" { MASK } else { value.as_str() })),
            );
        }
        write!(f, "{url}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("postgres://u:s3cret@db:5432/n", "postgres://u:***@db:5432/n"),
            ("postgresql://u:s3cret@db/n?sslmode=require", "postgresql://u:***@db/n?sslmode=require"),
            ("postgres://u@db/n?password=s3cret&sslmode=require", "postgres://u@db/n?password=***&sslmode=require"),
            ("postgres://u@db/n", "postgres://u@db/n"),
            ("sqlite:data/x.db", "sqlite:data/x.db"),
        ] {
            let url = parse(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("s3cret"), "{url:?}");
        }
    }

    #[test]
    fn a_password_from_a_file_is_encoded() {
        let url = parse("postgres://u@db:5432/n").with_password(&SecretString::from("p@ss/w:rd?#%")).unwrap();
        let DatabaseUrl::Postgres(text) = &url else { panic!("{url}") };
        let read = Url::parse(text.expose_secret()).unwrap();
        assert_eq!((read.host_str(), read.path()), (Some("db"), "/n"));
        assert_eq!(read.password(), Some("p%40ss%2Fw%3Ard%3F%23%"));
        assert!(url.with_password(&SecretString::from("x")).is_err(), "it has one already");
        assert!(parse("sqlite:x").with_password(&SecretString::from("x")).is_err());
    }

    #[test]
    fn only_the_two_databases_are_known() {
        for wrong in
            ["", "mysql://u@h/n", "postgres:", "postgres:///n", "sqlite:", "sqlite::memory:", "sqlite:x?mode=rwc", "x"]
        {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
        assert!(matches!(parse("sqlite:///abs/x.db"), DatabaseUrl::Sqlite(path) if path.as_os_str() == "/abs/x.db"));
        assert!(matches!(parse("sqlite://x.db"), DatabaseUrl::Sqlite(path) if path.as_os_str() == "x.db"));
    }
}
