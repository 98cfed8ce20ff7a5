//! Requests to addresses that clients chose: to the public network alone, and bounded in every way.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tinhnguyen_domain::webhooks::is_public;
use url::{Host, Url};

/// How long a receiver may take to answer, from the first packet to the head of its answer.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// How long it may take to be connected to.
const CONNECT: Duration = Duration::from_secs(5);

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is no address of the web.
    NoAddress,
    /// It isn't encrypted.
    Plain,
    /// It names a user, or a fragment.
    Adorned,
    /// It lies within this machine or a network inside.
    Inside,
}

/// A client that speaks to the public network alone, unless the operator lets it speak to whatever there is.
pub struct Outgoing {
    anywhere: bool,
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Outgoing {
    /// One that speaks to the public network alone, or with `anywhere` to every address, encrypted or not.
    #[must_use]
    pub const fn new(anywhere: bool) -> Self {
        Self { anywhere, client: OnceLock::new() }
    }

    /// Holds that something may be sent to an address. What its name leads to is looked at when it is sent.
    ///
    /// # Errors
    /// Why nothing is sent there.
    pub fn check(&self, text: &str) -> Result<Url, Refusal> {
        let url = Url::parse(text).map_err(|_| Refusal::NoAddress)?;
        match url.scheme() {
            "https" => {}
            "http" if self.anywhere => {}
            "http" => return Err(Refusal::Plain),
            _ => return Err(Refusal::NoAddress),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Refusal::Adorned);
        }
        // However an address is spelled, the parser has made one of it.
        let inside = match url.host() {
            None => return Err(Refusal::NoAddress),
            Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost") || !name.contains('.')
            }
        };
        if inside && !self.anywhere { Err(Refusal::Inside) } else { Ok(url) }
    }

    /// The client. A name is resolved when it is connected to, and only to addresses that may be spoken to; redirects are
    /// answers like others, and no proxy stands between.
    ///
    /// # Errors
    /// When the library can't make one, in words.
    pub fn client(&self) -> Result<&reqwest::Client, String> {
        let made = self.client.get_or_init(|| {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT)
                .pool_idle_timeout(Duration::from_secs(30))
                .dns_resolver(Arc::new(Resolver { anywhere: self.anywhere }))
                .tls_backend_preconfigured(crate::tls::public_authorities()?)
                .user_agent(concat!("tinhnguyen-webhooks/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|err| err.to_string())
        });
        made.as_ref().map_err(Clone::clone)
    }
}

/// Gives of a name's addresses those that may be spoken to.
struct Resolver {
    anywhere: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let anywhere = self.anywhere;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|at| anywhere || is_public(at.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads to no address of the public network".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_addresses_of_the_public_network_are_sent_to() {
        let guard = Outgoing::new(false);
        for (text, refusal) in [
            ("", Refusal::NoAddress),
            ("hook.example.org", Refusal::NoAddress),
            ("ftp://hook.example.org/", Refusal::NoAddress),
            ("file:///etc/passwd", Refusal::NoAddress),
            ("gopher://hook.example.org/", Refusal::NoAddress),
            ("http://hook.example.org/", Refusal::Plain),
            ("https://user@hook.example.org/", Refusal::Adorned),
            ("https://user:word@hook.example.org/", Refusal::Adorned),
            ("https://hook.example.org/#x", Refusal::Adorned),
        ] {
            assert_eq!(guard.check(text), Err(refusal), "{text}");
        }
        // One address in all its spellings, and others that lead inside.
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "192.168.0.1",
            "100.64.0.1",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "x.localhost",
            "db",
            "１２７.0.0.1",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "255.255.255.255",
        ] {
            assert_eq!(guard.check(&format!("https://{host}/x")), Err(Refusal::Inside), "{host}");
            assert_eq!(guard.check(&format!("https://{host}:8443/x")), Err(Refusal::Inside), "{host}");
        }
        for good in [
            "https://hook.example.org/a?b=c",
            "https://8.8.8.8/",
            "https://[2001:4860:4860::8888]/",
            "https://hook.example.vn:8443/",
        ] {
            assert!(guard.check(good).is_ok(), "{good}");
        }
        let open = Outgoing::new(true);
        assert!(open.check("http://127.0.0.1:9/x").is_ok() && open.check("ftp://x/").is_err());
    }

    #[actix_web::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let resolver = Resolver { anywhere: false };
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_err());
        let open = Resolver { anywhere: true };
        assert!(open.resolve("localhost".parse().unwrap()).await.unwrap().all(|at| at.ip().is_loopback()));
    }
}
