//! Names of this machine are resolved without DNS, so nobody in the network decides where they lead.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use affitor_core::network::{is_public, is_this_machine};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// Returns the addresses of a host.
///
/// # Errors
///
/// Returns an error if the name can't be resolved.
pub(crate) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if is_this_machine(host) && host.parse::<IpAddr>().is_err() {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok(lookup_host((host, port)).await?.collect())
}

/// Resolves names for an HTTP client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resolver {
    /// Refuses names of private addresses, to which a public site must not lead.
    pub(crate) is_for_public_site: bool,
}

/// The address of a name is not public.
#[derive(Debug)]
pub(crate) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name belongs to a private address")
    }
}

impl Error for NotPublic {}

impl NotPublic {
    /// Whether this is the reason of an error.
    pub(crate) fn is_reason_of(error: &(dyn Error + 'static)) -> bool {
        error.is::<Self>() || error.source().is_some_and(Self::is_reason_of)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_for_public_site = self.is_for_public_site;
        Box::pin(async move {
            let addresses = lookup(name.as_str(), 0).await?;
            if is_for_public_site && !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_this_machine() {
        for host in ["localhost", "app.localhost", "a.b.localhost.", "127.0.0.1", "[::1]"] {
            let addresses = lookup(host, 80).await.unwrap();
            assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()), "{host}");
        }
    }

    #[tokio::test]
    async fn a_public_site_does_not_lead_into_a_private_network() {
        let http = reqwest::Client::builder().no_proxy();
        let http = http.dns_resolver(std::sync::Arc::new(Resolver { is_for_public_site: true })).build().unwrap();
        let error = http.get("http://app.localhost:9/").send().await.unwrap_err();
        assert!(NotPublic::is_reason_of(&error), "{error:?}");
    }
}
