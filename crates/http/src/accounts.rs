//! What the operator decides about people's accounts.

use crate::{oidc::Provider, sealed::Sealer};

/// Settings and keys of people's accounts.
pub struct Accounts {
    /// Seals what must be read again.
    pub sealer: Sealer,
    /// The base of links in mails, without a slash at the end.
    pub links: String,
    /// Whether administrators and verifiers of province and centre want a second factor.
    pub require_totp: bool,
    /// The Union's identity provider, when people may log in through it.
    pub oidc: Option<Provider>,
}

impl Default for Accounts {
    /// Without a key file, links to this machine, no second factor demanded, and no identity provider.
    fn default() -> Self {
        Self { sealer: Sealer::ephemeral(), links: "http://127.0.0.1:8080".to_owned(), require_totp: false, oidc: None }
    }
}
