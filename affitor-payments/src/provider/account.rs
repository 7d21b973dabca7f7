//! The account at the provider that an event is about.

/// The account that an event is about, if it is not the app's own.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    Id(&'a str),
    /// Not a string, so it can't be one that the app has named.
    Malformed,
}
