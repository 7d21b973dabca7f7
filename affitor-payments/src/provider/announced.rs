//! What a webhook announces, for an app without a ledger.

/// What an event announces. An app without a ledger forgets its payments when its process ends, so it reports a payment only if an
/// event announces that. A ledger counts whatever an event shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// A payment was made.
    Payment,
    /// Money was returned.
    Refund,
    /// Neither. What it shows is remembered.
    Nothing,
}
