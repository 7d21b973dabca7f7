//! Settings of the payment ledger.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use affitor_payments::ledger::Policy;

/// Settings of the payment ledger. See [`Outbox::with_payment_settings`](crate::Outbox::with_payment_settings).
///
/// ```
/// use affitor_outbox::PaymentSettings;
///
/// let settings = PaymentSettings::new().program_id(42);
/// assert_eq!(settings.get_program_id(), Some("42"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "settings do nothing until an outbox has them"]
pub struct PaymentSettings {
    program_id: Option<String>,
    hold: Duration,
    report_since: Option<SystemTime>,
    pub(crate) keep: Option<Duration>,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        let Policy { program_id, hold, .. } = Policy::default();
        Self { program_id, hold, report_since: None, keep: None }
    }
}

impl PaymentSettings {
    /// Creates the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id of the app's Affitor program. Payments whose metadata names another program are not reported. Default: none,
    /// and all payments are reported.
    pub fn program_id(mut self, id: impl fmt::Display) -> Self {
        self.program_id = Some(id.to_string());
        self
    }

    /// The same settings for another program.
    pub(crate) fn of_another_program(mut self) -> Self {
        self.program_id = None;
        self
    }

    /// Returns the id of the app's Affitor program.
    pub fn get_program_id(&self) -> Option<&str> {
        self.program_id.as_deref()
    }

    /// Sets how long a payment intent, or an invoice without a subscription, waits before it is reported, because a later webhook can show
    /// that it is part of another sale. Default: 15 minutes. Zero reports such payments immediately.
    pub fn hold(mut self, duration: Duration) -> Self {
        self.hold = duration;
        self
    }

    /// Returns how long an ambiguous payment is held.
    pub fn get_hold(&self) -> Duration {
        self.hold
    }

    /// Sets the time from which payments are reported. Default: five minutes before the first webhook was recorded. Older payments
    /// are not reported as sales. They are kept, so that their refunds find them.
    pub fn report_since(mut self, time: SystemTime) -> Self {
        self.report_since = Some(time);
        self
    }

    /// Returns the time from which payments are reported, if it is set.
    pub fn get_report_since(&self) -> Option<SystemTime> {
        self.report_since
    }

    /// Sets how long payments are kept after the last webhook about them. Default: 550 days. After that, a refund or dispute no
    /// longer finds its sale.
    ///
    /// The value is stored in the database with the next webhook, so that workers in other processes use it too. If processes set
    /// different values, the longest is used. A value that no process has set during the last 30 days no longer counts.
    /// [`Outbox::retention`](crate::Outbox::retention) returns it.
    pub fn keep(mut self, duration: Duration) -> Self {
        self.keep = Some(duration);
        self
    }

    /// Returns how long payments are kept, if it is set here.
    pub fn get_keep(&self) -> Option<Duration> {
        self.keep
    }
}
