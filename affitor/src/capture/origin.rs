//! The absolute URL of a request, and the domain of its cookies.

use reqwest::Url;

use super::head::Head;

/// Where the scheme and the host of a request's URL come from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// `Host`, and `https` if the server itself received the request over TLS.
    Request,
    /// `Forwarded` or `X-Forwarded-*`, which a proxy sets; where they are missing, as in [`Origin::Request`].
    Proxy,
    /// Always this one.
    Fixed(Url),
}

impl Origin {
    /// Returns the origin of a request. `None` if it has no valid host.
    pub(super) fn of(&self, head: &dyn Head) -> Option<Url> {
        let own_scheme = if head.is_tls() { "https" } else { "http" };
        let own_host = || std::str::from_utf8(head.authority()?).ok();
        match self {
            Self::Fixed(origin) => Some(origin.clone()),
            Self::Request => build(own_scheme, own_host()?),
            Self::Proxy => {
                let forwarded = |name| head.header("forwarded").and_then(|header| forwarded_field(header, name));
                let scheme = forwarded("proto").or_else(|| first_in_list(head.header("x-forwarded-proto")));
                let host = forwarded("host").or_else(|| first_in_list(head.header("x-forwarded-host")));
                build(scheme.unwrap_or(own_scheme), host.or_else(own_host)?)
            }
        }
    }
}

/// Reads an origin such as `https://shop.example`.
pub(super) fn fixed(origin: &str) -> Option<Url> {
    let (scheme, host) = origin.split_once("://")?;
    build(scheme, host.trim_end_matches('/'))
}

fn build(scheme: &str, authority: &str) -> Option<Url> {
    let is_plain = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    // A longer name is not a host.
    if authority.is_empty() || authority.len() > 255 + 6 || !is_plain {
        return None;
    }
    Url::parse(&format!("{scheme}://{authority}/")).ok().filter(|url| url.path() == "/")
}

/// The value that the outermost proxy has set.
fn first_in_list(list: Option<&str>) -> Option<&str> {
    list.and_then(|list| list.split(',').next()).map(str::trim).filter(|value| !value.is_empty())
}

/// A field of the first element of `Forwarded`, such as `for=1.2.3.4;proto=https;host="shop.example"`.
fn forwarded_field<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    first_in_list(Some(header))?.split(';').find_map(|pair| {
        let (field, value) = pair.split_once('=')?;
        field.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The domain of the cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// Cookies without `Domain`.
    HostOnly,
    /// Cookies that all hosts of this domain share.
    Shared(String),
}

impl Domain {
    /// Checks a domain such as `shop.example`.
    pub(super) fn shared(domain: &str) -> Option<Self> {
        // Nothing that would make other parts of a URL of it, such as a port.
        if !domain.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char)) {
            return None;
        }
        let url = Url::parse(&format!("https://{}/", domain.trim_start_matches('.'))).ok()?;
        // A cookie's domain has no dot at its end, and browsers treat a host with one as another host.
        let name = url.domain().filter(|name| name.contains('.') && !name.ends_with('.'))?;
        Some(Self::Shared(name.to_owned()))
    }

    /// Returns whether a host may set cookies of this domain.
    pub(super) fn includes(&self, host: &str) -> bool {
        match self {
            Self::HostOnly => true,
            Self::Shared(domain) => {
                host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }

    /// Returns the value of `Domain`.
    pub(super) fn attribute(&self) -> Option<&str> {
        match self {
            Self::HostOnly => None,
            Self::Shared(domain) => Some(domain),
        }
    }

    /// Returns the other domains on which a host may have cookies: none at all, and each parent domain.
    pub(super) fn others<'n>(&'n self, host: &'n str) -> Vec<Option<&'n str>> {
        let is_name = host.contains('.') && !host.ends_with(|last: char| last.is_ascii_digit()) && !host.contains(':');
        let parents = std::iter::successors(is_name.then_some(host), |name| {
            name.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'))
        });
        let all = std::iter::once(None).chain(parents.take(8).map(Some));
        all.filter(|domain| *domain != self.attribute()).collect()
    }
}
