//! The Union's identity provider (OpenID Connect): discovery, code flow with PKCE, and what its ID token says.

use crate::problem::{ApiError, ApiResult, Code};
use chrono::{DateTime, Utc};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata},
    http,
};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use std::{
    io,
    time::{Duration, Instant},
};
use tracing::warn;
use url::Url;

/// How long what the provider says of itself, and its keys, are kept.
const KEPT: Duration = Duration::from_secs(300);
/// How long the provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Signatures that are accepted: by a private key. Never `none`, and never by the client's secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What the operator says of the provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its issuer, as its ID tokens name it.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretString,
    /// Our address that it sends people back to.
    pub redirect: String,
    /// Where people go on with a one-time code; without one they get it as JSON.
    pub return_url: Option<Url>,
}

/// The provider.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: SecretString,
    redirect: RedirectUrl,
    /// Where people go on with a one-time code; without one they get it as JSON.
    pub return_url: Option<Url>,
    http: reqwest::Client,
    metadata: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

/// A login that has begun: where the person goes, and what must be remembered until they are back.
pub struct Begun {
    /// The provider's page.
    pub url: Url,
    /// Comes back with the person.
    pub state: SecretString,
    /// Comes back in the ID token.
    pub nonce: SecretString,
    /// Shows to the provider that whoever redeems the code began the login.
    pub verifier: SecretString,
}

/// Who the provider says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// The person there; never given to another one.
    pub subject: String,
    /// Their mail address, when the provider has verified it.
    pub verified_email: Option<String>,
}

/// Whether an address may be spoken to: encrypted, or on this machine.
#[must_use]
pub fn is_sound(url: &Url) -> bool {
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && here
}

fn refused(why: &str) -> ApiError {
    // The person learns no more than that it was not accepted; the operator finds the reason in the log.
    warn!(why, "a login through the identity provider was refused");
    ApiError::new(Code::IdentityRefused)
}

fn away(err: impl std::fmt::Display) -> ApiError {
    ApiError { cause: Some(format!("the identity provider: {err}")), ..ApiError::new(Code::Unavailable) }
}

impl Provider {
    /// The provider that the settings name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// A sentence that says which setting can't be used.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let issuer = Url::parse(&settings.issuer).map_err(|_| "the issuer is no URL".to_owned())?;
        if !is_sound(&issuer) || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(
                "the issuer must begin with https:// (or be on this machine) and have neither `?` nor `#`".to_owned()
            );
        }
        let tls = crate::tls::public_authorities()?;
        let http = reqwest::Client::builder()
            // A redirect could lead to an address inside our own network.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self {
            issuer: IssuerUrl::new(settings.issuer).map_err(|e| e.to_string())?,
            client_id: ClientId::new(settings.client_id),
            client_secret: settings.client_secret,
            redirect: RedirectUrl::new(settings.redirect).map_err(|e| e.to_string())?,
            return_url: settings.return_url,
            http,
            metadata: Mutex::new(None),
        })
    }

    /// The issuer, as ID tokens name it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    async fn metadata(&self) -> ApiResult<CoreProviderMetadata> {
        if let Some((at, metadata)) = &*self.metadata.lock()
            && at.elapsed() < KEPT
        {
            return Ok(metadata.clone());
        }
        let http = |request: HttpRequest| send(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await.map_err(away)?;
        *self.metadata.lock() = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }

    /// Begins a login.
    ///
    /// # Errors
    /// `unavailable` when the provider doesn't answer.
    pub async fn begin(&self) -> ApiResult<Begun> {
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.client_id.clone(), None)
            .set_redirect_uri(self.redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Begun {
            url,
            state: SecretString::from(state.into_secret()),
            nonce: SecretString::from(nonce.secret().clone()),
            verifier: SecretString::from(verifier.into_secret()),
        })
    }

    /// Redeems the provider's code, and reads and checks the ID token.
    ///
    /// # Errors
    /// `identity_refused` when anything is wrong with it, `unavailable` when the provider doesn't answer.
    pub async fn finish(
        &self,
        code: &str,
        nonce: &SecretString,
        verifier: &SecretString,
        now: DateTime<Utc>,
    ) -> ApiResult<Identity> {
        let secret = ClientSecret::new(self.client_secret.expose_secret().to_owned());
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.client_id.clone(), Some(secret))
            .set_redirect_uri(self.redirect.clone());
        let http = |request: HttpRequest| send(self.http.clone(), request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(away)?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
            .request_async(&http)
            .await
            .map_err(|err| match err {
                openidconnect::RequestTokenError::Request(err) => away(err),
                err => refused(&format!("its token endpoint: {err}")),
            })?;
        let id_token = tokens.id_token().ok_or_else(|| refused("it sent no ID token"))?;
        let check = client.id_token_verifier().set_time_fn(move || now).set_allowed_algs(ALGORITHMS);
        let nonce = Nonce::new(nonce.expose_secret().to_owned());
        let claims = id_token.claims(&check, &nonce).map_err(|err| {
            // Its keys may have changed: they are read anew for the next login.
            *self.metadata.lock() = None;
            refused(&format!("its ID token: {err}"))
        })?;
        if let Some(expected) = claims.access_token_hash() {
            let of_token = id_token
                .signing_alg()
                .ok()
                .zip(id_token.signing_key(&check).ok())
                .and_then(|(alg, key)| AccessTokenHash::from_token(tokens.access_token(), alg, key).ok());
            if of_token.as_ref() != Some(expected) {
                return Err(refused("its access token is not the ID token's"));
            }
        }
        let verified = claims.email_verified() == Some(true);
        Ok(Identity {
            issuer: self.issuer.as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
            verified_email: claims.email().filter(|_| verified).map(|email| email.as_str().to_owned()),
        })
    }
}

/// Sends a request to the provider: encrypted, without following redirects, and reading so much and no more.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, io::Error> {
    let request = reqwest::Request::try_from(request).map_err(io::Error::other)?;
    if !is_sound(request.url()) {
        return Err(io::Error::other("an address without encryption"));
    }
    // Without its address, which may hold a code.
    let mut answer = client.execute(request).await.map_err(|err| io::Error::other(err.without_url()))?;
    let mut response = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|err| io::Error::other(err.without_url()))? {
        if body.len().saturating_add(chunk.len()) > LARGEST {
            return Err(io::Error::other("its answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    response.body(body).map_err(io::Error::other)
}
