//! Who asks, as far as it is known: a public address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{head::Head, origin::Origin};

/// The network of a client: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientNet([u8; 8]);

impl ClientNet {
    /// Returns the client of a request. Behind a proxy, all of them have its address, so only that of a trusted one is believed: what it
    /// has appended, which is the last address. `None` for private addresses.
    pub(super) fn of(head: &dyn Head, origin: &Origin) -> Option<Self> {
        let forwarded = if matches!(origin, Origin::Proxy) { last_forwarded(head) } else { None };
        forwarded.or_else(|| head.peer()).and_then(Self::public)
    }

    fn public(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(address) => is_public_v4(address).then(|| {
                let [a, b, c, d] = address.octets();
                Self([a, b, c, d, 0, 0, 0, 0])
            }),
            IpAddr::V6(address) => is_public_v6(address).then(|| {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self([a, b, c, d, e, f, g, h])
            }),
        }
    }
}

fn last_forwarded(head: &dyn Head) -> Option<IpAddr> {
    let mut last = None;
    head.each("x-forwarded-for", &mut |value| last = Some(value));
    let address = std::str::from_utf8(last?).ok()?.rsplit(',').next()?.trim();
    address.parse().ok().or_else(|| address.parse().map(|address: SocketAddr| address.ip()).ok())
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10 is shared by the customers of a provider.
    let is_shared = first == 100 && (64..128).contains(&second);
    !(address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified() || is_shared)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // 2000::/3 is all that is given out.
    address.segments()[0] & 0xe000 == 0x2000
}
