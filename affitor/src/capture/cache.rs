//! Keeping a response with cookies out of shared caches.

/// Returns whether a header tells shared caches to keep a response, whatever `Cache-Control` says. CDNs have one each, such as
/// `Akamai-Cache-Control`.
pub(super) fn is_for_shared_caches(name: &str) -> bool {
    name.ends_with("-cache-control") || ["surrogate-control", "edge-control", "x-accel-expires"].contains(&name)
}

/// Returns the `Cache-Control` that keeps a response out of shared caches. `None` if it needs no change. Without the header, a cache may
/// keep a response.
pub(super) fn private(values: &[&[u8]]) -> Option<String> {
    let Ok(values) = values.iter().map(|value| std::str::from_utf8(value)).collect::<Result<Vec<_>, _>>() else {
        return Some("private".to_owned());
    };
    let directives: Vec<&str> = values.iter().flat_map(|value| directives(value)).collect();
    let name = |directive: &str| directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_shared = |directive: &str| matches!(name(directive).as_str(), "public" | "s-maxage");
    let keeps_out = |directive: &&str| directive.eq_ignore_ascii_case("private") || name(directive) == "no-store";
    if directives.iter().any(keeps_out) && !directives.iter().any(|directive| is_shared(directive)) {
        return None;
    }
    // `private="field"` keeps out only a header field.
    let mut kept: Vec<&str> =
        directives.into_iter().filter(|directive| !is_shared(directive) && name(directive) != "private").collect();
    kept.push("private");
    Some(kept.join(", "))
}

/// Splits a header at its commas, except those in quotes.
fn directives(header: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = header.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    parts.map(str::trim).filter(|directive| !directive.is_empty())
}
