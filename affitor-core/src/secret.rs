//! Recognising texts that are visibly not secrets.

/// Returns why a text can't be a secret: it is left over from a configuration that was not filled in.
///
/// ```
/// use affitor_core::secret::why_unusable;
///
/// assert_eq!(why_unusable("whsec_0123456789"), None);
/// assert!(why_unusable("${STRIPE_WEBHOOK_SECRET}").is_some());
/// assert!(why_unusable("whsec_...").is_some());
/// ```
pub fn why_unusable(secret: &str) -> Option<&'static str> {
    const PLACEHOLDERS: [&str; 5] = ["undefined", "null", "none", "nil", "[object object]"];
    const BEGINNINGS: [&str; 5] = ["your_", "your-", "your ", "change", "replace"];
    let without_prefix = secret.strip_prefix("whsec_").or(secret.strip_prefix("pdl_ntfset_")).unwrap_or(secret);
    let bare = without_prefix.to_lowercase();
    // `whsec_...`, `whsec_xxx`
    let is_filler = bare.len() >= 3 && bare.chars().all(|char| "x.…*_-".contains(char));
    let is_in_brackets = bare.starts_with(['<', '[']) && bare.ends_with(['>', ']']);
    let is_placeholder = is_filler
        || is_in_brackets
        || PLACEHOLDERS.contains(&&*bare)
        || BEGINNINGS.iter().any(|word| bare.starts_with(word));
    if is_placeholder {
        return Some("the secret is a placeholder: set the variable that it comes from");
    }
    if ["${", "$(", "{{", "<%"].iter().any(|opening| secret.contains(opening)) {
        return Some("the secret contains a template that was not expanded");
    }
    if secret.starts_with(['"', '\'', '`']) || secret.ends_with(['"', '\'', '`']) {
        return Some("the secret has quotes around it, which are not a part of it");
    }
    // Copied together with the secret, or what is left of a wrong encoding.
    let is_invisible = |char: char| {
        char.is_control()
            // A merchant's own secret may contain spaces.
            || char != ' ' && char.is_whitespace()
            || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    secret.contains(is_invisible).then_some("the secret contains invisible characters")
}
