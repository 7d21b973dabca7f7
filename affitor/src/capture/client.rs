//! Who asks, as far as it is known: a public address.

use std::net::{IpAddr, SocketAddr};

use affitor_core::network::is_public;

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
        if !is_public(address) {
            return None;
        }
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Some(Self([a, b, c, d, 0, 0, 0, 0]))
            }
            IpAddr::V6(address) => address.octets().first_chunk().copied().map(Self),
        }
    }
}

fn last_forwarded(head: &dyn Head) -> Option<IpAddr> {
    let mut last = None;
    head.each("x-forwarded-for", &mut |value| last = Some(value));
    let address = std::str::from_utf8(last?).ok()?.rsplit(',').next()?.trim();
    address.parse().ok().or_else(|| address.parse().map(|address: SocketAddr| address.ip()).ok())
}
