//! The result of a decision: what becomes of each payment, and why.

use std::fmt;

use affitor::{Currency, Event};

use super::{attribution::Attribution, sales::Form};

/// What to do about a group of payments.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "nothing is reported until the events are enqueued"]
#[non_exhaustive]
pub struct Decision {
    /// What to report now, in this order: each sale before its refunds.
    pub events: Vec<Event>,
    /// What becomes of each payment.
    pub payments: Vec<Payment>,
    /// When to decide again without a new report, in seconds of Unix time.
    pub due_at: Option<u64>,
}

/// A payment, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Payment {
    /// Transaction id under which it is reported, or would be.
    pub transaction_id: String,
    /// What it is. `None` if only its refund is known.
    pub form: Option<Form>,
    /// Whether it is reported.
    pub status: Status,
    /// Amount that was paid, in the currency's smallest unit.
    pub paid_cents: u64,
    /// Amount that the commission is calculated from.
    pub commissionable_cents: u64,
    /// Currency, if it is known.
    pub currency: Option<Currency>,
    /// When it was paid, in seconds of Unix time.
    pub paid_at: Option<u64>,
    /// The customer and the click.
    pub attribution: Attribution,
    /// The subscription from which it inherits its attribution.
    pub source: Option<String>,
    /// The provider's customer, who names it if nothing else does.
    pub customer: Option<String>,
    /// Amount that was returned to the customer: refunds and lost disputes.
    pub returned_cents: u64,
    /// Part of the commissionable amount that is reported as refunded, including what this decision reports.
    pub reported_refund_cents: u64,
    /// What a person should check.
    pub doubts: Vec<Doubt>,
}

/// Whether a payment is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It is reported as a sale.
    Reported,
    /// It is not reported yet, because another report may show that it belongs to another sale. Decided again at this time, in
    /// seconds of Unix time.
    #[non_exhaustive]
    Held {
        /// When it is decided.
        until: u64,
    },
    /// It is not reported, because Stripe is connected to the program, so Affitor may report it itself. A person must decide.
    Conflict,
    /// It is not reported.
    NotReported(NotReported),
}

/// The reason why a payment is not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReported {
    /// It is not paid yet.
    NotPaid,
    /// Nothing was paid: a trial, a full discount, or a credit.
    NothingPaid,
    /// It names no customer and no click.
    NoCustomer,
    /// Its metadata names another Affitor program.
    OtherProgram,
    /// Affitor does not accept its currency.
    #[non_exhaustive]
    UnsupportedCurrency {
        /// Currency of the payment.
        currency: Currency,
    },
    /// It was paid before the ledger was started.
    BeforeLedger,
    /// Only in memory: its sale was in an earlier webhook, which is not remembered.
    EarlierWebhook,
    /// Affitor reads this provider's webhooks itself.
    ReadByAffitor,
    /// Its money is reported under another transaction id.
    #[non_exhaustive]
    CountedAs {
        /// That transaction id.
        transaction_id: String,
    },
    /// A refund is known, but not its sale, which may still come.
    SaleUnknown,
    /// A refund is known, and its sale has not come within 4 days. The refund is still reported if it comes.
    NotOurs,
    /// Its sale was discarded by a person.
    Discarded,
    /// An id is too long, or contains a character that can't be stored.
    InvalidEvent,
}

/// What a person should check about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Doubt {
    /// More was reported as refunded than was returned: a refund failed, or a dispute was won, afterwards.
    ReportedTooMuch,
    /// Money was returned in another currency than it was paid in.
    OtherCurrency,
    /// A part was refunded before the ledger was started, and it is unknown whether that was reported.
    RefundedBeforeLedger,
    /// The sale was reported before the ledger was started, under an id that is not known for certain.
    UncertainId,
    /// The same money was reported under two transaction ids.
    CountedTwice,
    /// The provider's amounts contradict each other, so it is unknown what was paid.
    AmountsContradict,
    /// Nothing but the provider's customer could name your user, and their paid orders name different ones.
    CustomersDisagree,
    /// The sale was reported without its product, because the provider listed only a part of its lines.
    ProductUnknown,
    /// The money went to a connected account, and the shop keeps only a fee.
    DestinationCharge,
    /// An id is too long or contains a character that can't be stored, so it is not reported.
    InvalidEvent,
}

impl Status {
    /// Name in JSON and in the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Held { .. } => "held",
            Self::Conflict => "conflict",
            Self::NotReported(reason) => reason.as_str(),
        }
    }
}

impl NotReported {
    /// Name in JSON and in the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotPaid => "not_paid",
            Self::NothingPaid => "nothing_paid",
            Self::NoCustomer => "no_customer",
            Self::OtherProgram => "other_program",
            Self::UnsupportedCurrency { .. } => "unsupported_currency",
            Self::BeforeLedger => "before_ledger",
            Self::EarlierWebhook => "earlier_webhook",
            Self::ReadByAffitor => "read_by_affitor",
            Self::CountedAs { .. } => "counted_as",
            Self::SaleUnknown => "sale_unknown",
            Self::NotOurs => "not_ours",
            Self::Discarded => "discarded",
            Self::InvalidEvent => "invalid_event",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported as a sale"),
            Self::Held { .. } => f.write_str("held, because another webhook may show which sale it belongs to"),
            Self::Conflict => {
                f.write_str("held, because Stripe is connected to the program, so Affitor may report it itself")
            }
            Self::NotReported(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for NotReported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPaid => f.write_str("not paid yet"),
            Self::NothingPaid => f.write_str("nothing was paid"),
            Self::NoCustomer => f.write_str("it names no customer and no click"),
            Self::OtherProgram => f.write_str("it belongs to another Affitor program"),
            Self::UnsupportedCurrency { currency } => {
                write!(
                    f,
                    "Affitor accepts USD, EUR and VND, and this is {currency}: allow it with `Webhook::allow_currency`"
                )
            }
            Self::BeforeLedger => f.write_str("it was paid before the ledger was started"),
            Self::EarlierWebhook => f.write_str("its sale was in an earlier webhook"),
            Self::ReadByAffitor => f.write_str("Affitor reads this provider's webhooks itself"),
            Self::CountedAs { transaction_id } => {
                write!(f, "its money is reported as {:?}", affitor_core::redact::Redacted(transaction_id))
            }
            Self::SaleUnknown => f.write_str("a refund without a known sale"),
            Self::NotOurs => f.write_str("a refund without a sale for 4 days, so the payment is not ours"),
            Self::Discarded => f.write_str("its sale was discarded"),
            Self::InvalidEvent => f.write_str("an id can't be stored: report this payment manually"),
        }
    }
}

impl Doubt {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::ReportedTooMuch,
        Self::OtherCurrency,
        Self::RefundedBeforeLedger,
        Self::UncertainId,
        Self::CountedTwice,
        Self::CustomersDisagree,
        Self::AmountsContradict,
        Self::ProductUnknown,
        Self::DestinationCharge,
        Self::InvalidEvent,
    ];

    /// Returns the doubt with a [name](Doubt::as_str).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.as_str() == name)
    }

    /// Name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReportedTooMuch => "reported_too_much",
            Self::OtherCurrency => "other_currency",
            Self::RefundedBeforeLedger => "refunded_before_ledger",
            Self::UncertainId => "uncertain_id",
            Self::CountedTwice => "counted_twice",
            Self::CustomersDisagree => "customers_disagree",
            Self::AmountsContradict => "amounts_contradict",
            Self::ProductUnknown => "product_unknown",
            Self::DestinationCharge => "destination_charge",
            Self::InvalidEvent => "invalid_event",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReportedTooMuch => {
                "more was reported as refunded than was returned, because a refund failed, a dispute was won, or a credit note came \
                 late: correct the commission in Affitor's dashboard"
            }
            Self::OtherCurrency => {
                "money was returned in another currency than it was paid in: report this refund manually"
            }
            Self::RefundedBeforeLedger => {
                "a part was refunded before the ledger was started: check in Affitor's dashboard whether it was reported"
            }
            Self::UncertainId => {
                "it was paid before the ledger was started, possibly under the id of its invoice: `affitor payments reconcile` \
                 finds it"
            }
            Self::CountedTwice => "the same money was reported as two sales: correct one of them in Affitor's dashboard",
            Self::CustomersDisagree => {
                "only the provider's customer could tell whose payment it is, and their paid orders name different users of yours: \
                 report it manually, and set the user in every checkout"
            }
            Self::AmountsContradict => {
                "the provider's amounts contradict each other, so it is unknown what was paid: look at the payment there, and report it \
                 manually"
            }
            Self::ProductUnknown => {
                "it was reported without its product, because the webhook listed only a part of its lines: check the commission's \
                 rate in Affitor's dashboard, if it depends on the product"
            }
            Self::DestinationCharge => {
                "the money went to a connected account: choose the commission with `commission_on`"
            }
            Self::InvalidEvent => "an id can't be stored: report this payment manually",
        })
    }
}
