//! Where the bytes of evidence files are: a directory, or a bucket of an S3-compatible store. An object is written whole
//! and durably before any row names it, and is never changed.

use crate::{
    problem::{ApiError, Code},
    tls,
};
use actix_web::web::Bytes;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    aws::AmazonS3Builder,
    client::{HttpClient, HttpConnector},
    local::LocalFileSystem,
    memory::InMemory,
    path::Path,
};
use secrecy::{ExposeSecret, SecretString};
use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many files may be on their way at once, so that memory is bounded.
const AT_ONCE: usize = 16;
/// How long a bucket may take for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A bucket of an S3-compatible store.
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What the names of our objects begin with.
    pub prefix: String,
    /// Where the store is reached; Amazon's own when none.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// The access key's id.
    pub access_key: SecretString,
    /// The access key's secret.
    pub secret_key: SecretString,
}

/// Hands out a client of ours, which trusts the authorities that are built in, follows no redirect and asks no proxy.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// The store of evidence files.
#[derive(Clone)]
pub struct EvidenceStore {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    uploads: Arc<Semaphore>,
}

impl EvidenceStore {
    fn over(objects: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { objects, prefix, uploads: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A store that forgets everything with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()), Path::default())
    }

    /// A directory, made when it is not there. Files are synced before they count as written.
    ///
    /// # Errors
    /// When it can't be made, in words.
    pub fn directory(path: &std::path::Path) -> Result<Self, String> {
        DirBuilder::new().recursive(true).mode(0o750).create(path).map_err(|err| err.to_string())?;
        let files = LocalFileSystem::new_with_prefix(path).map_err(|err| err.to_string())?;
        Ok(Self::over(Arc::new(files.with_fsync(true)), Path::default()))
    }

    /// A bucket. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When what is said of it makes no sense, in words.
    pub fn bucket(bucket: &Bucket) -> Result<Self, String> {
        let plain = bucket.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(Duration::from_secs(3))
            .tls_backend_preconfigured(tls::public_authorities()?)
            .build()
            .map_err(|err| err.to_string())?;
        let retry = RetryConfig { max_retries: 2, retry_timeout: TIMEOUT, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(Connector(client))
            .with_retry(retry)
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_access_key_id(bucket.access_key.expose_secret())
            .with_secret_access_key(bucket.secret_key.expose_secret())
            // Not every compatible store knows how to delete many at once.
            .with_disable_bulk_delete(true)
            .with_allow_http(plain);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let prefix = Path::parse(&bucket.prefix).map_err(|err| err.to_string())?;
        Ok(Self::over(Arc::new(builder.build().map_err(|err| err.to_string())?), prefix))
    }

    /// Waits in no queue: a place for one file on its way.
    ///
    /// # Errors
    /// `unavailable` when all are taken.
    pub fn place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.uploads.try_acquire().map_err(|_| ApiError::new(Code::Unavailable))
    }

    fn at(&self, key: &str) -> Path {
        self.prefix.parts().chain(Path::from(key).parts()).collect()
    }

    /// Writes an object, whole and durably.
    ///
    /// # Errors
    /// `storage_full`, `unavailable`.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ApiError> {
        self.objects.put(&self.at(key), PutPayload::from(bytes)).await.map_err(problem)?;
        Ok(())
    }

    /// Reads an object.
    ///
    /// # Errors
    /// `unavailable`, also when it is not there, as after a restore that left it out.
    pub async fn get(&self, key: &str) -> Result<Bytes, ApiError> {
        let found = self.objects.get(&self.at(key)).await.map_err(problem)?;
        found.bytes().await.map_err(problem)
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn delete(&self, key: &str) -> Result<(), ApiError> {
        match self.objects.delete(&self.at(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(err) => Err(problem(err)),
        }
    }

    /// Writes, reads and removes a small object: whether the store can be used at all.
    ///
    /// # Errors
    /// As those do.
    pub async fn probe(&self) -> Result<(), ApiError> {
        let key = format!("probe-{}", uuid::Uuid::now_v7());
        self.put(&key, Bytes::from_static(b"tinhnguyen")).await?;
        self.get(&key).await?;
        self.delete(&key).await
    }
}

fn problem(err: object_store::Error) -> ApiError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&err);
    let mut code = Code::Unavailable;
    while let Some(at) = source {
        if let Some(io) = at.downcast_ref::<io::Error>()
            && matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            code = Code::StorageFull;
        }
        source = at.source();
    }
    ApiError { cause: Some(format!("the evidence store: {err}")), ..ApiError::new(code) }
}
