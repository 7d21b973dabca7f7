//! What all outcomes have in common.

use std::fmt;

/// Why no partner is credited.
///
/// This is the normal case for most visitors, so it is part of an outcome and not an error.
///
/// ```
/// # async fn sign_up(client: affitor::Client) -> Result<(), affitor::Error> {
/// use affitor::{Lead, LeadOutcome, NotAttributed};
///
/// match client.track_lead(Lead::new("user_7")).await? {
///     LeadOutcome::NotAttributed(NotAttributed::CustomerNotFound) => println!("no partner brought this user"),
///     LeadOutcome::NotAttributed(reason) => println!("no partner is credited: {reason}"),
///     outcome => println!("{outcome}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotAttributed {
    /// The service knows neither the customer key nor the click id.
    CustomerNotFound,
    /// The service knows the customer, but no partner brought them to this program.
    NoPartner,
    /// The click is older than the program's attribution window.
    #[non_exhaustive]
    WindowExpired {
        /// Age of the click in days.
        click_age_days: Option<i64>,
        /// Length of the window in days.
        window_days: Option<i64>,
    },
    /// The service knows no sale with this transaction id.
    SaleNotFound,
    /// The lead was not sent: it has no click id, and the client sends no such leads
    /// ([`LeadsWithoutClick::NotSent`](crate::LeadsWithoutClick::NotSent)).
    NotSent,
}

impl NotAttributed {
    /// Returns `false` if the service knows neither the customer nor the sale. The lead or the sale may still be reported.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::CustomerNotFound | Self::SaleNotFound)
    }
}

impl fmt::Display for NotAttributed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CustomerNotFound => f.write_str("the service does not know this customer"),
            Self::NoPartner => f.write_str("no partner brought this customer"),
            Self::WindowExpired { click_age_days: Some(age), window_days: Some(window) } => {
                write!(f, "the click is {age} days old, and the attribution window is {window} days")
            }
            Self::WindowExpired { .. } => f.write_str("the click is older than the attribution window"),
            Self::SaleNotFound => f.write_str("the service does not know this sale"),
            Self::NotSent => f.write_str("not sent, because the lead has no click id"),
        }
    }
}

/// The outcome of an event of any kind. See [`Client::track_event`](crate::Client::track_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventOutcome {
    /// Recorded: with or without a commission, provisionally, or as a test. A client that sends nothing reports this too: a
    /// disabled one, and for refunds one in test mode.
    Recorded,
    /// Recorded, or reversed, by an earlier call.
    AlreadyRecorded {
        /// Whether to compare the event with the dashboard: a sale recorded by a lost attempt may lack its commission, and a
        /// second partial refund may differ from the one that was recorded.
        uncertain: bool,
    },
    /// A sale with this transaction id was recorded, although the event was never sent before ([`PriorDelivery::Impossible`]): another
    /// shop or environment uses the same id, and this sale does not count; or the same sale was reported in another way. Compare it with
    /// the dashboard.
    ///
    /// [`PriorDelivery::Impossible`]: crate::delivery::PriorDelivery::Impossible
    RecordedElsewhere,
    /// No partner is credited. The normal case.
    NotAttributed {
        /// `false` if the service knows neither the customer nor the sale. The lead or the sale may still be reported.
        known: bool,
    },
}

impl fmt::Display for EventOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recorded => "recorded",
            Self::AlreadyRecorded { uncertain: false } => "already recorded",
            Self::AlreadyRecorded { uncertain: true } => {
                "already recorded, possibly without its effect: check the dashboard"
            }
            Self::RecordedElsewhere => "already recorded, although it was never sent before: check the dashboard",
            Self::NotAttributed { .. } => "not attributed",
        })
    }
}
