//! Precedence, faults and masking of the settings.

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(file: Option<&str>) -> Self {
        let path = std::env::temp_dir().join(format!("tinhnguyen-config-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        if let Some(text) = file {
            std::fs::write(path.join(FILE), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn read(flags: &Flags, pairs: &[(&str, &str)], file: Option<&str>) -> Result<Config, String> {
    let place = Place::new(file);
    Config::read(flags, &environment(pairs), &place.0).map_err(|e| e.to_string())
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults() {
    let file = Some("listen = \"1.1.1.1:1\"\n");
    let variable = [("TINHNGUYEN_LISTEN", "2.2.2.2:2")];
    let flag = Flags { listen: Some("3.3.3.3:3".to_owned()), ..Flags::default() };
    let port = |config: Result<Config, String>| config.unwrap().listen.value.port();
    assert_eq!(port(read(&Flags::default(), &[], None)), 8080);
    assert_eq!(port(read(&Flags::default(), &[], file)), 1);
    assert_eq!(port(read(&Flags::default(), &variable, file)), 2);
    assert_eq!(port(read(&flag, &variable, file)), 3);
    assert_eq!(port(read(&flag, &[], file)), 3);
}

#[test]
fn the_plain_database_variable_is_weaker_than_ours_and_stronger_than_the_file() {
    let file = Some("database_url = \"sqlite:file.db\"");
    let plain = ("DATABASE_URL", "sqlite:plain.db");
    let ours = ("TINHNGUYEN_DATABASE_URL", "sqlite:ours.db");
    let shown = |pairs: &[(&str, &str)]| read(&Flags::default(), pairs, file).unwrap().database_url.value.to_string();
    assert_eq!(shown(&[]), "sqlite:file.db");
    assert_eq!(shown(&[plain]), "sqlite:plain.db");
    assert_eq!(shown(&[plain, ours]), "sqlite:ours.db");
}

#[test]
fn without_a_url_the_database_is_a_file_in_the_data_directory() {
    let config = read(&Flags { data_dir: Some("/srv/x".to_owned()), ..Flags::default() }, &[], None).unwrap();
    assert_eq!(config.database_url.value.to_string(), "sqlite:/srv/x/tinhnguyen.db");
}

#[test]
fn an_empty_variable_is_not_set() {
    let config = read(&Flags::default(), &[("TINHNGUYEN_PUBLIC_URL", ""), ("TINHNGUYEN_LISTEN", "")], None).unwrap();
    assert_eq!((config.public_url, config.listen.source), (None, Source::Default));
}

#[test]
fn a_file_may_be_named_and_must_then_be_there() {
    let place = Place::new(None);
    let named = place.0.join("other.toml");
    std::fs::write(&named, "workers = 3\n").unwrap();
    let by_variable = environment(&[("TINHNGUYEN_CONFIG", named.to_str().unwrap())]);
    let config = Config::read(&Flags::default(), &by_variable, &place.0).unwrap();
    assert_eq!((config.workers.value.get(), &config.workers.source), (3, &Source::File(named)));
    let flags = Flags { config: Some(place.0.join("absent.toml")), ..Flags::default() };
    let error = Config::read(&flags, &by_variable, &place.0).unwrap_err().to_string();
    assert!(error.contains("absent.toml"), "{error}");
}

#[test]
fn what_is_wrong_or_unknown_stops_and_says_which_and_where_but_not_the_value() {
    let none = Flags::default();
    let flag = |listen: &str| Flags { listen: Some(listen.to_owned()), ..Flags::default() };
    for (outcome, wanted) in [
        (read(&flag("s3cret"), &[], None), ["`listen`", "flag --listen"]),
        (read(&flag(""), &[], None), ["`listen`", "empty"]),
        (read(&none, &[("TINHNGUYEN_WORKERS", "0")], None), ["`workers`", "TINHNGUYEN_WORKERS"]),
        (read(&none, &[("TINHNGUYEN_WORKRES", "2")], None), ["TINHNGUYEN_WORKRES", "no setting"]),
        (read(&none, &[("TINHNGUYEN_LOG_FORMAT", "s3cret")], None), ["`log_format`", "`text` or `json`"]),
        (read(&none, &[("TINHNGUYEN_LOG", "a=s3cret=b")], None), ["`log`", "TINHNGUYEN_LOG"]),
        (read(&none, &[("DATABASE_URL", "mysql://u:s3cret@h/n")], None), ["`database_url`", "DATABASE_URL"]),
        (read(&none, &[("TINHNGUYEN_PUBLIC_URL", "ftp://h")], None), ["`public_url`", "http://"]),
        (read(&none, &[("TINHNGUYEN_DATABASE_PASSWORD_FILE", "f")], None), ["`database_password_file`", "PostgreSQL"]),
        (
            read(&none, &[("TINHNGUYEN_MAIL_TRANSPORT", "smtp://u:s3cret@h")], None),
            ["`mail_transport`", "must not name a user"],
        ),
        (read(&none, &[("TINHNGUYEN_MAIL_TRANSPORT", "smtp://h")], None), ["`mail_transport`", "mail_from"]),
        (read(&none, &[("TINHNGUYEN_MAIL_FROM", "s3cret")], None), ["`mail_from`", "no mail address"]),
        (read(&none, &[("TINHNGUYEN_MAIL_USER", "s3cret")], None), ["`mail_user`", "mail_password_file"]),
        (read(&none, &[("TINHNGUYEN_REQUIRE_TOTP", "s3cret")], None), ["`require_totp`", "`true` or `false`"]),
        (read(&none, &[("TINHNGUYEN_OIDC_ISSUER", "http://example.org")], None), ["`oidc_issuer`", "https://"]),
        (read(&none, &[("TINHNGUYEN_OIDC_ISSUER", "https://example.org")], None), ["`oidc_issuer`", "oidc_client_id"]),
        (read(&none, &[("TINHNGUYEN_OIDC_CLIENT_ID", "s3cret")], None), ["`oidc_client_id`", "oidc_issuer"]),
        (read(&none, &[("TINHNGUYEN_TRUSTED_PROXIES", "10.0.0.0/8,proxy")], None), ["`trusted_proxies`", "`proxy`"]),
        (read(&none, &[("TINHNGUYEN_CORS_ORIGINS", "*")], None), ["`cors_origins`", "https://"]),
        (read(&none, &[("TINHNGUYEN_RATE_LIMITS", "read=0")], None), ["`rate_limits`", "`read=0`"]),
        (read(&none, &[("TINHNGUYEN_RATE_LIMIT_EXEMPT", "everybody")], None), ["`rate_limit_exempt`", "10.0.0.0/8"]),
        (read(&none, &[("TINHNGUYEN_PUBLIC_MIN_COUNT", "0")], None), ["`public_min_count`", "zero"]),
        (read(&none, &[("TINHNGUYEN_VOLUNTEER_RETENTION_DAYS", "0")], None), ["`volunteer_retention_days`", "36500"]),
        (read(&none, &[("TINHNGUYEN_VOLUNTEER_RETENTION_DAYS", "36501")], None), ["days", "36500"]),
        (read(&none, &[], Some("lissten = \"x\"")), ["`lissten`", FILE]),
        (read(&none, &[], Some("\nworkers = true")), ["`workers`", FILE]),
        (read(&none, &[], Some("\ndatabase_url = s3cret")), ["line 2", FILE]),
    ] {
        let error = outcome.unwrap_err();
        assert!(wanted.iter().all(|part| error.contains(part)), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_in_force_is_told_with_its_sources_and_without_secrets() {
    let variables = [("TINHNGUYEN_DATABASE_URL", "postgres://u:s3cret@db/n"), ("TINHNGUYEN_LOG", "warn")];
    let file = Some("workers = 3\n");
    let flags = Flags { listen: Some("0.0.0.0:80".to_owned()), ..Flags::default() };
    let text = read(&flags, &variables, file).unwrap().describe();
    for line in [
        "listen = \"0.0.0.0:80\"  # flag --listen\n",
        "database_url = \"postgres://u:***@db/n\"  # environment variable TINHNGUYEN_DATABASE_URL\n",
        "log = \"warn\"  # environment variable TINHNGUYEN_LOG\n",
        "data_dir = \"./data\"  # default\n",
        "volunteer_retention_days = 365  # default\n",
        "# personal_key_file is not set\n",
        "# public_url is not set\n",
        "# cors_origins is not set\n",
        "rate_limits = \"address=60000,auth=600,public=3000,read=6000,write=3000,client=30000\"  # default\n",
        "rate_limit_exempt = \"127.0.0.0/8,::1/128\"  # default\n",
        "public_min_count = 10  # default\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("workers = 3  # file ") && !text.contains("s3cret"), "{text}");
    assert_eq!(text.lines().count(), NAMES.len());
    toml::from_str::<toml::Table>(&text).unwrap();
}

#[test]
fn a_password_is_never_sent_to_a_mail_server_without_tls() {
    let settings = |transport| {
        [
            ("TINHNGUYEN_MAIL_TRANSPORT", transport),
            ("TINHNGUYEN_MAIL_FROM", "Tình nguyện <no-reply@example.org>"),
            ("TINHNGUYEN_MAIL_USER", "u"),
            ("TINHNGUYEN_MAIL_PASSWORD_FILE", "/run/secrets/mail"),
        ]
    };
    for transport in ["smtps://mail.example.org", "smtp://mail.example.org", "smtp://127.0.0.1:25?tls=none"] {
        let config = read(&Flags::default(), &settings(transport), None).unwrap();
        assert!(config.accounts.mail_login.is_some(), "{transport}");
    }
    let error = read(&Flags::default(), &settings("smtp://mail.example.org?tls=none"), None).unwrap_err();
    assert!(error.contains("never sent without TLS"), "{error}");
}

#[test]
fn a_switch_stands_in_the_file_as_it_is_told() {
    assert!(!read(&Flags::default(), &[], None).unwrap().accounts.require_totp.value);
    let config = read(&Flags::default(), &[], Some("require_totp = true\n")).unwrap();
    assert!(config.accounts.require_totp.value && config.describe().contains("require_totp = true  # file "));
}
