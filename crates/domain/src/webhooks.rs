//! Webhooks: where somebody's own service is told of what happens, by the Standard Webhooks specification.

use crate::{Stamp, words::words};
use chrono::TimeDelta;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use uuid::Uuid;

words! {
    /// What a webhook tells.
    pub enum EventType: "event type" {
        /// A campaign was changed.
        CampaignChanged = "campaign.changed",
        /// An indicator was changed.
        IndicatorChanged = "indicator.changed",
        /// A unit of the organisation was changed.
        OrgUnitChanged = "org_unit.changed",
        /// A team was changed.
        TeamChanged = "team.changed",
        /// A membership was changed.
        TeamMemberChanged = "team_member.changed",
        /// An activity was changed, or tallies came to it.
        ActivityChanged = "activity.changed",
        /// A result was changed.
        ResultChanged = "result.changed",
        /// A unit's teams are to report soon, and some are missing.
        ReportingReminder = "reporting.reminder",
        /// A unit's teams should have reported, and some are missing.
        ReportingOverdue = "reporting.overdue",
        /// Somebody tries the webhook.
        Test = "webhook.test",
    }
}

words! {
    /// Where a delivery stands.
    pub enum DeliveryStatus: "delivery status" {
        /// It is sent as soon as it is due.
        Pending = "pending",
        /// The receiver took it.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}

words! {
    /// Why a webhook tells nothing.
    pub enum DisabledReason: "disabled reason" {
        /// Somebody switched it off.
        SwitchedOff = "switched_off",
        /// For three days nothing could be delivered.
        Failing = "failing",
        /// The receiver answered that it is gone for good (410).
        Gone = "gone",
        /// Whose rights it tells by is no more.
        OwnerGone = "owner_gone",
    }
}

/// A webhook. Its secret is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Identity and version.
    pub stamp: Stamp,
    /// Where it sends.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it tells.
    pub event_types: Vec<EventType>,
    /// The top of the subtree of which it tells.
    pub org_unit_id: Uuid,
    /// By whose rights it tells: an account or a registered client.
    pub owner_id: Uuid,
    /// Why it tells nothing; none while it does.
    pub disabled: Option<DisabledReason>,
}

/// Seconds from each failed attempt to the next: about three days together, as Standard Webhooks suggests.
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// How long a receiver may fail before its webhook is switched off.
pub const PATIENCE: TimeDelta = TimeDelta::days(3);

/// How long after `attempts` failed ones the next attempt is due; none when it is given up. `jitter`, 0 to 255, spreads those
/// that failed together over a fifth of the wait more, so that they don't come back together.
#[must_use]
pub fn next_attempt(attempts: i32, jitter: u8) -> Option<TimeDelta> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let wait = *WAITS.get(at)?;
    let more = wait.saturating_mul(1_000).saturating_mul(i64::from(jitter)).checked_div(255 * 5)?;
    Some(TimeDelta::milliseconds(wait.saturating_mul(1_000).saturating_add(more)))
}

/// Whether an address is one of the public network: nothing of this machine, of networks inside, of the cloud's own
/// services, and nothing that is no address of one receiver. Addresses that carry another one are judged by that.
#[must_use]
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        // This network; carriers' own; protocol assignments; benchmarks; reserved. (RFC 6890)
        || a == 0
        || (a == 100 && b >= 64 && b < 128)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

const fn carried(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    // NAT64, and 6to4, carry an IPv4 address.
    if a == 0x64 && b == 0xff9b && c == 0 && d == 0 && e == 0 && f == 0 {
        return is_public_v4(carried(g, h));
    }
    if a == 0x2002 {
        return is_public_v4(carried(b, c));
    }
    // Global unicast alone, without Teredo and ORCHID (2001::/23), documentation (2001:db8::/32, 3fff::/20) and segment
    // routing (5f00::/16, which is not in it).
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8)) && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_go_on_for_three_days_and_are_spread() {
        let waits: Vec<TimeDelta> = (1..).map_while(|attempts| next_attempt(attempts, 0)).collect();
        assert_eq!(waits.len(), WAITS.len());
        assert!(waits.is_sorted() && waits[0] == TimeDelta::seconds(5));
        let all: TimeDelta = waits.iter().sum();
        assert!(all >= PATIENCE && all < PATIENCE + TimeDelta::hours(6), "{all}");
        for attempts in 1..=9 {
            let (least, most) = (next_attempt(attempts, 0).unwrap(), next_attempt(attempts, 255).unwrap());
            assert_eq!(most.num_milliseconds(), least.num_milliseconds() * 6 / 5);
        }
        assert!([0, -1, 10, i32::MAX].iter().all(|attempts| next_attempt(*attempts, 9).is_none()));
    }

    #[test]
    fn only_addresses_of_the_public_network_are_public() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.9.9",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.254",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
            "2002:808:808::1",
            "2400:cb00::1",
            "2a00:1450::1",
            "3ffe::1",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
