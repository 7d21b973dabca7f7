//! Which hosts get a cookie.

/// Whether a cookie for a domain is sent to a host.
pub(super) fn covers(domain: &str, host: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let below = host.strip_suffix(domain.as_str());
    below.is_some_and(|rest| rest.is_empty() || (rest.ends_with('.') && !is_address(host)))
}

/// Whether browsers accept no cookie for this domain, because it is a top-level domain. Others of that kind, such as `co.uk`,
/// are not known here.
pub(super) fn is_public(domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    !domain.contains('.') && domain != "localhost"
}

pub(super) fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_hosts() {
        for (domain, host, expected) in [
            ("shop.example", "shop.example", true),
            (".shop.example", "app.shop.example", true),
            ("SHOP.example", "a.b.shop.example", true),
            ("shop.example", "myshop.example", false),
            ("app.shop.example", "shop.example", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.1", "127.0.0.1", false),
        ] {
            assert_eq!(covers(domain, host), expected, "{domain} {host}");
        }
        assert!(is_public("com") && !is_public("shop.example") && !is_public("localhost"));
    }
}
