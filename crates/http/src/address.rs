//! Where a request comes from: the peer's address, or what a proxy that we trust says of it.

use ipnet::{IpNet, Ipv6Net};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Networks whose members are proxies of ours: what they write into `X-Forwarded-For` is believed, nobody else's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl FromStr for Networks {
    type Err = String;

    /// Addresses and networks such as `10.0.0.0/8`, separated by commas, or `none`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |piece: &str| {
            let alone = || piece.parse::<IpAddr>().ok().map(IpNet::from);
            piece.parse().ok().or_else(alone).ok_or_else(|| {
                format!("`{piece}` is neither an address nor a network such as 10.0.0.0/8; separate several by commas")
            })
        };
        let listed = text.split(',').map(str::trim).filter(|p| !p.is_empty() && *p != "none");
        listed.map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        if texts.is_empty() { f.write_str("none") } else { f.write_str(&texts.join(",")) }
    }
}

impl Networks {
    /// Whether an address is in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// A client's address, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Walks `X-Forwarded-For` from its end, where the nearest proxy wrote, as long as trusted proxies speak. What stands
    /// before the first address that is none of theirs may be the client's own invention, and is not looked at.
    #[must_use]
    pub fn of(peer: IpAddr, forwarded: &[&str], trusted: &Networks) -> Self {
        let mut address = peer.to_canonical();
        let hops = forwarded.iter().rev().flat_map(|header| header.rsplit(','));
        for hop in hops {
            if !trusted.contain(address) {
                break;
            }
            let Ok(next) = hop.trim().parse::<IpAddr>() else { break };
            address = next.to_canonical();
        }
        Self(address)
    }

    /// What limits are counted by: the address, or of IPv6 the /64 network, all of which belongs to one subscriber.
    #[must_use]
    pub fn subscriber(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Net::new(address, 64).map_or(Ipv6Addr::UNSPECIFIED, |net| net.network()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], trusted: &str) -> String {
        ClientAddress::of(peer.parse().unwrap(), forwarded, &trusted.parse().unwrap()).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
        assert_eq!(of("203.0.113.9", &["198.51.100.7"], ""), "203.0.113.9", "nobody is trusted");
        assert_eq!(of("203.0.113.9", &["198.51.100.7"], "10.0.0.0/8"), "203.0.113.9", "the peer is a stranger");
        assert_eq!(of("10.1.2.3", &["198.51.100.7"], "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(of("10.1.2.3", &["1.1.1.1, 198.51.100.7"], "10.0.0.0/8"), "198.51.100.7", "the first is made up");
        assert_eq!(of("10.1.2.3", &["1.1.1.1", "198.51.100.7, 10.9.9.9"], "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(of("10.1.2.3", &["1.1.1.1, unknown"], "10.0.0.0/8"), "10.1.2.3", "what can't be read ends it");
        assert_eq!(of("10.1.2.3", &["10.4.4.4"], "10.0.0.0/8"), "10.4.4.4", "a client within our own network");
        assert_eq!(of("::ffff:10.1.2.3", &["::ffff:198.51.100.7"], "10.0.0.0/8"), "198.51.100.7");
    }

    #[test]
    fn an_ipv6_subscriber_is_a_network() {
        let subscriber = |text: &str| ClientAddress(text.parse().unwrap()).subscriber().to_string();
        assert_eq!(subscriber("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(subscriber("198.51.100.7"), "198.51.100.7");
    }

    #[test]
    fn networks_are_read_or_refused() {
        assert_eq!("10.0.0.0/8, ::1".parse::<Networks>().unwrap().to_string(), "10.0.0.0/8,::1/128");
        let none: Networks = "none".parse().unwrap();
        assert_eq!((&none, none.to_string().as_str()), (&Networks::default(), "none"));
        assert!("10.0.0.0/8,proxy".parse::<Networks>().unwrap_err().contains("`proxy`"));
    }
}
