//! The encoding of `encodeURIComponent`, which the tracker uses.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What `encodeURIComponent` leaves as it is, beside letters and digits.
pub(super) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
