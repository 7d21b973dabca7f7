//! What became of an event.

use crate::ClickId;

/// What became of a click.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the click id belongs in the visitor's cookie"]
#[non_exhaustive]
pub enum ClickOutcome {
    /// The click counts; its id belongs in the visitor's cookie.
    #[non_exhaustive]
    Recorded {
        /// The id.
        click_id: ClickId,
        /// The partner's code, as in `?aff=`.
        partner_code: Option<String>,
        /// How long the cookie is to live, in days: 1 to 365, by the program's settings.
        cookie_window_days: Option<u32>,
    },
    /// The partner's link is switched off. (The service answers this with status 200.)
    InactiveLink,
    /// A test event.
    #[non_exhaustive]
    Test {
        /// The event's id.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled): nothing was sent.
    Disabled,
}

impl ClickOutcome {
    /// The click id, where the click counts.
    pub fn click_id(&self) -> Option<&ClickId> {
        match self {
            Self::Recorded { click_id, .. } => Some(click_id),
            _ => None,
        }
    }
}

/// What became of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an outcome says whether the lead counts"]
#[non_exhaustive]
pub enum LeadOutcome {
    /// The sign-up counts.
    Recorded,
    /// The customer was a lead or a paying customer already. Fine.
    AlreadyRecorded,
    /// Noted; it counts once a lead with the program's key arrives. Only without a key, on programs that ask for one.
    Provisional,
    /// No partner brought this customer. The normal case for most visitors.
    NotAttributed(NotAttributed),
    /// A test event.
    #[non_exhaustive]
    Test {
        /// The event's id.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled): nothing was sent.
    Disabled,
}

/// What became of a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an outcome says whether the sale counts"]
#[non_exhaustive]
pub enum SaleOutcome {
    /// The sale counts and made a commission.
    #[non_exhaustive]
    Recorded {
        /// The service's id of the sale.
        sale_id: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// The transaction id was used before: the sale counts once. (Status 409.)
    #[non_exhaustive]
    AlreadyRecorded {
        /// Whether an earlier try of this call was lost or answered with 5xx. Then that try may have used up the
        /// transaction id without making the commission: check the dashboard.
        uncertain: bool,
    },
    /// The sale is known, but makes no commission: the attribution window is over, or the program does not pay for it (a
    /// one-time commission was paid before, or the months of a recurring one are over).
    #[non_exhaustive]
    RecordedWithoutCommission {
        /// The service's id of the sale.
        sale_id: Option<i64>,
    },
    /// No partner is paid for this sale. The normal case for most customers.
    NotAttributed(NotAttributed),
    /// A test event.
    #[non_exhaustive]
    Test {
        /// The event's id.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled): nothing was sent.
    Disabled,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an outcome says whether the commission was taken back"]
#[non_exhaustive]
pub enum RefundOutcome {
    /// All of the commission is taken back.
    #[non_exhaustive]
    Reversed {
        /// What is taken from the partner, in cents. (The service says it in dollars.)
        deduction_cents: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// A part of the commission is taken back.
    #[non_exhaustive]
    Refunded {
        /// What is taken from the partner, in cents. (The service says it in dollars.)
        deduction_cents: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// It was taken back before, and nothing was done now.
    #[non_exhaustive]
    AlreadyReversed {
        /// Whether a part was asked for. Then it may be another refund than the one that was done, and its part of the
        /// commission still stands: check the dashboard.
        partial: bool,
    },
    /// The sale made no commission that could be taken back.
    NoCommission,
    /// The service knows no such sale: it was never attributed. The normal case for most customers.
    NotAttributed(NotAttributed),
    /// The client is in test mode, and the service has no test refund: nothing was sent.
    Test,
    /// The client is [disabled](crate::Client::disabled): nothing was sent.
    Disabled,
}

/// Why no partner is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotAttributed {
    /// The service knows neither the customer key nor the click id.
    CustomerNotFound,
    /// The customer is known, but no partner brought them to this program.
    NoPartner,
    /// The click is older than the program's attribution window.
    #[non_exhaustive]
    WindowExpired {
        /// The age of the click, in days.
        click_age_days: Option<i64>,
        /// The window, in days.
        window_days: Option<i64>,
    },
    /// The service knows no sale with this transaction id.
    SaleNotFound,
    /// The lead has no click id, and the client sends none of those
    /// ([`only_attributed`](crate::ClientBuilder::only_attributed)).
    NotSent,
}
