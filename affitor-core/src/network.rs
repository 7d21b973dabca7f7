//! Which hosts are this machine, and which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns whether a host is this machine: a loopback address, `localhost`, or a name that ends with `.localhost` (RFC 6761, section 6.3).
/// Brackets of an IPv6 address and a dot at the end do not matter.
///
/// Programs that ask DNS for such a name may get any address. Resolve them without it.
///
/// ```
/// use affitor_core::network::is_this_machine;
///
/// assert!(is_this_machine("127.0.0.1") && is_this_machine("[::1]") && is_this_machine("app.localhost"));
/// assert!(!is_this_machine("localhost.example.com") && !is_this_machine("10.0.0.1"));
/// ```
pub fn is_this_machine(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| name == "localhost" || name.ends_with(".localhost"), |address| address.is_loopback())
}

/// Returns whether an address is one of the Internet: not of this machine, of a private network, of a link, or shared by the customers of a
/// provider.
///
/// ```
/// use affitor_core::network::is_public;
///
/// assert!(is_public("8.8.8.8".parse()?) && is_public("2606:4700::1111".parse()?));
/// for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"] {
///     assert!(!is_public(private.parse()?), "{private}");
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || first == 0
        || is_shared)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // 2000::/3 is all that is given out.
    address.segments()[0] & 0xe000 == 0x2000
}
