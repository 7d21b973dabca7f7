//! Which bodies can contain a click id.

/// A kind of body that can contain a click id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// `application/json`, or `application/<anything>+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl BodyKind {
    /// Returns the kind for a `Content-Type`, in upper or lower case and with any parameters.
    pub(super) fn of(content_type: &[u8]) -> Option<Self> {
        // The common case.
        if content_type == b"application/json" {
            return Some(Self::Json);
        }
        let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
        let essence = content_type[..end].trim_ascii();
        let (kind, subtype) = essence.split_at_checked(b"application/".len())?;
        if !kind.eq_ignore_ascii_case(b"application/") {
            return None;
        }
        if subtype.eq_ignore_ascii_case(b"json") {
            return Some(Self::Json);
        }
        if subtype.eq_ignore_ascii_case(b"x-www-form-urlencoded") {
            return Some(Self::Form);
        }
        let suffix = subtype.len().checked_sub(b"+json".len()).map(|at| &subtype[at..])?;
        suffix.eq_ignore_ascii_case(b"+json").then_some(Self::Json)
    }
}
