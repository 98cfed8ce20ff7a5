//! The settings of evidence files: a directory, or a bucket of an S3-compatible store.

use crate::config::{ConfigError, Given, Setting, Source, quoted};
use clap::Args;
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};
use url::Url;

/// The names of these settings, as in the file.
pub(crate) const NAMES: [&str; 5] = [
    "evidence_store",
    "evidence_s3_endpoint",
    "evidence_s3_region",
    "evidence_s3_access_key_file",
    "evidence_s3_secret_key_file",
];

/// The region that most S3-compatible stores go by.
const REGION: &str = "us-east-1";

/// Settings of evidence files that may be given as flags.
#[derive(Args, Debug, Clone, Default)]
pub struct EvidenceFlags {
    /// Where evidence files are kept: a directory that all replicas share, or s3://BUCKET[/PREFIX]
    /// [default: evidence in the data directory]
    #[arg(long, global = true, value_name = "PLACE")]
    pub evidence_store: Option<String>,
    /// Address of the S3-compatible store [default: Amazon's, by the region]
    #[arg(long, global = true, value_name = "URL")]
    pub evidence_s3_endpoint: Option<String>,
    /// Region of the bucket [default: us-east-1]
    #[arg(long, global = true, value_name = "NAME")]
    pub evidence_s3_region: Option<String>,
    /// File with the id of the access key of the bucket
    #[arg(long, global = true, value_name = "FILE")]
    pub evidence_s3_access_key_file: Option<String>,
    /// File with the secret of that access key
    #[arg(long, global = true, value_name = "FILE")]
    pub evidence_s3_secret_key_file: Option<String>,
}

impl EvidenceFlags {
    pub(crate) const fn values(&self) -> [&Option<String>; NAMES.len()] {
        [
            &self.evidence_store,
            &self.evidence_s3_endpoint,
            &self.evidence_s3_region,
            &self.evidence_s3_access_key_file,
            &self.evidence_s3_secret_key_file,
        ]
    }
}

/// Where evidence files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidencePlace {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket.
    Bucket {
        /// Its name.
        name: String,
        /// What the names of our objects begin with; empty for nothing.
        prefix: String,
    },
}

impl FromStr for EvidencePlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(rest) = text.strip_prefix("s3://") else {
            let scheme = text.split_once("://").map(|(scheme, _)| scheme);
            return match scheme {
                None => Ok(Self::Directory(PathBuf::from(text))),
                Some(_) => Err("it must be a directory or s3://BUCKET[/PREFIX]"),
            };
        };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let sound =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'/'));
        let prefix = prefix.trim_matches('/');
        if name.is_empty() || !sound(name) || !sound(prefix) || prefix.split('/').any(|part| matches!(part, "." | ".."))
        {
            return Err("it must be a directory or s3://BUCKET[/PREFIX]");
        }
        Ok(Self::Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for EvidencePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Bucket { name, prefix } if prefix.is_empty() => write!(f, "s3://{name}"),
            Self::Bucket { name, prefix } => write!(f, "s3://{name}/{prefix}"),
        }
    }
}

/// The settings of evidence files in force.
#[derive(Debug, Clone)]
pub struct EvidenceConfig {
    /// Where they are kept.
    pub store: Setting<EvidencePlace>,
    /// Address of the S3-compatible store.
    pub endpoint: Option<Setting<String>>,
    /// Region of the bucket.
    pub region: Setting<String>,
    /// Files with id and secret of the access key.
    pub keys: Option<(Setting<PathBuf>, Setting<PathBuf>)>,
}

fn wrong(name: &'static str, origin: &Source, reason: &str) -> ConfigError {
    ConfigError::Wrong { name, origin: origin.clone(), reason: reason.to_owned() }
}

impl EvidenceConfig {
    pub(crate) fn read(given: &Given, data_dir: &Path) -> Result<Self, ConfigError> {
        let store = given.or("evidence_store", EvidencePlace::Directory(data_dir.join("evidence")))?;
        let endpoint = given.take_with("evidence_s3_endpoint", endpoint)?;
        let region = given.or("evidence_s3_region", REGION.to_owned())?;
        let access = given.take::<PathBuf>("evidence_s3_access_key_file")?;
        let secret = given.take::<PathBuf>("evidence_s3_secret_key_file")?;
        if let EvidencePlace::Directory(_) = &store.value {
            let origins = [
                ("evidence_s3_endpoint", endpoint.as_ref().map(|s| &s.source)),
                ("evidence_s3_region", Some(&region.source).filter(|source| **source != Source::Default)),
                ("evidence_s3_access_key_file", access.as_ref().map(|s| &s.source)),
                ("evidence_s3_secret_key_file", secret.as_ref().map(|s| &s.source)),
            ];
            if let Some((name, origin)) = origins.into_iter().find_map(|(name, origin)| Some((name, origin?))) {
                return Err(wrong(name, origin, "it wants evidence_store to be s3://BUCKET beside it"));
            }
            return Ok(Self { store, endpoint, region, keys: None });
        }
        let (Some(access), Some(secret)) = (access, secret) else {
            let reason = "it wants evidence_s3_access_key_file and evidence_s3_secret_key_file beside it";
            return Err(wrong("evidence_store", &store.source, reason));
        };
        Ok(Self { store, endpoint, region, keys: Some((access, secret)) })
    }

    /// What is in force and where it came from, in the order of [`NAMES`].
    pub(crate) fn lines(&self) -> [Option<(String, Source)>; NAMES.len()] {
        let file = |setting: &Setting<PathBuf>| (quoted(setting.value.display()), setting.source.clone());
        [
            Some((quoted(&self.store.value), self.store.source.clone())),
            self.endpoint.as_ref().map(|s| (quoted(&s.value), s.source.clone())),
            self.keys.as_ref().map(|_| (quoted(&self.region.value), self.region.source.clone())),
            self.keys.as_ref().map(|(access, _)| file(access)),
            self.keys.as_ref().map(|(_, secret)| file(secret)),
        ]
    }
}

fn endpoint(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL such as https://s3.example.org")?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err("it must begin with http:// or https:// and have neither `?` nor `#`");
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err("it must not name a user: use the files with the access key");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment, Flags};

    fn read(pairs: &[(&str, &str)]) -> Result<EvidenceConfig, String> {
        let environment: Environment = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let config = Config::read(&Flags::default(), &environment, Path::new("/nonexistent"));
        config.map(|config| config.evidence).map_err(|err| err.to_string())
    }

    #[test]
    fn by_default_files_are_beside_the_database_and_a_bucket_wants_its_keys() {
        assert_eq!(read(&[]).unwrap().store.value, EvidencePlace::Directory(PathBuf::from("./data/evidence")));
        let bucket = ("TINHNGUYEN_EVIDENCE_STORE", "s3://minh-chung/he-2024/");
        let keys = [
            ("TINHNGUYEN_EVIDENCE_S3_ACCESS_KEY_FILE", "/run/secrets/s3_access_key"),
            ("TINHNGUYEN_EVIDENCE_S3_SECRET_KEY_FILE", "/run/secrets/s3_secret_key"),
        ];
        let config = read(&[bucket, keys[0], keys[1]]).unwrap();
        assert_eq!(
            (config.store.value.to_string().as_str(), config.region.value.as_str()),
            ("s3://minh-chung/he-2024", REGION)
        );
        assert!(config.keys.is_some() && config.lines().iter().filter(|line| line.is_some()).count() == 4);
        for (pairs, wanted) in [
            (vec![bucket], "evidence_s3_access_key_file"),
            (vec![bucket, keys[0]], "evidence_s3_secret_key_file"),
            (vec![keys[0]], "s3://BUCKET"),
            (vec![("TINHNGUYEN_EVIDENCE_STORE", "gs://x")], "s3://BUCKET"),
            (vec![("TINHNGUYEN_EVIDENCE_STORE", "s3://")], "s3://BUCKET"),
            (vec![("TINHNGUYEN_EVIDENCE_STORE", "s3://a/../b")], "s3://BUCKET"),
            (
                vec![bucket, keys[0], keys[1], ("TINHNGUYEN_EVIDENCE_S3_ENDPOINT", "https://u:s3cret@h")],
                "must not name a user",
            ),
        ] {
            let error = read(&pairs).unwrap_err();
            assert!(error.contains(wanted) && !error.contains("s3cret"), "{error}");
        }
    }
}
