//! TLS towards servers that we ask.

use std::sync::Arc;

/// What a client needs that trusts the public authorities; their list is built in, so that the image needs none.
///
/// # Errors
/// When the library was built without what it takes, in words.
pub fn public_authorities() -> Result<rustls::ClientConfig, String> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
