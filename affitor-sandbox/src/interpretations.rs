//! Interpretations of the service's documentation: one switch for each question that it leaves open.

use std::{fmt, str::FromStr};

/// Selects a behaviour wherever the service's documents are ambiguous, silent, or contradict each other. The default of each switch is
/// the first variant of its type.
///
/// ```
/// use affitor_sandbox::{DuplicateSale, Interpretations};
///
/// let mut interpretations = Interpretations::default();
/// interpretations.duplicate_sale = DuplicateSale::Conflict;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interpretations {
    /// A lead for a customer who is already a lead.
    pub repeated_lead: RepeatedLead,
    /// A lead with only a customer key, which belongs to no known customer.
    pub unknown_lead: UnknownLead,
    /// A sale after the end of the attribution window.
    pub expired_window: ExpiredWindow,
    /// Start of the attribution window.
    pub window_start: WindowStart,
    /// Identifier by which a sale's customer is looked up first.
    pub sale_lookup: SaleLookup,
    /// A sale with a known transaction id.
    pub duplicate_sale: DuplicateSale,
    /// A refund after a partial refund of the same sale.
    pub second_refund: SecondRefund,
    /// Whether the response to a full reversal omits `status`.
    pub reversal_without_status: bool,
    /// Transaction id of a sale from a webhook of the connected Stripe account.
    pub stripe_sale_id: StripeSaleId,
    /// Which invoices of the connected Stripe account are sales.
    pub stripe_invoices: StripeInvoices,
    /// A sale while the program is paused.
    pub paused_sale: PausedSale,
}

/// Name and allowed values of one of the [`Interpretations`], as [`Interpretations::set`] accepts them.
///
/// ```
/// use affitor_sandbox::Interpretations;
///
/// assert_eq!(Interpretations::switches()[0].to_string(), "repeated-lead=refused|idempotent");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterpretationSwitch {
    /// Name of the switch.
    pub name: &'static str,
    /// Allowed values; the first is the default.
    pub values: &'static [&'static str],
}

impl fmt::Display for InterpretationSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.values.join("|"))
    }
}

const REVERSAL_STATUS: &[&str] = &["present", "absent"];

const SWITCHES: &[InterpretationSwitch] = &[
    InterpretationSwitch { name: "repeated-lead", values: RepeatedLead::VALUES },
    InterpretationSwitch { name: "unknown-lead", values: UnknownLead::VALUES },
    InterpretationSwitch { name: "expired-window", values: ExpiredWindow::VALUES },
    InterpretationSwitch { name: "window-start", values: WindowStart::VALUES },
    InterpretationSwitch { name: "sale-lookup", values: SaleLookup::VALUES },
    InterpretationSwitch { name: "duplicate-sale", values: DuplicateSale::VALUES },
    InterpretationSwitch { name: "second-refund", values: SecondRefund::VALUES },
    InterpretationSwitch { name: "reversal-status", values: REVERSAL_STATUS },
    InterpretationSwitch { name: "stripe-sale-id", values: StripeSaleId::VALUES },
    InterpretationSwitch { name: "stripe-invoices", values: StripeInvoices::VALUES },
    InterpretationSwitch { name: "paused-sale", values: PausedSale::VALUES },
];

impl Interpretations {
    /// Returns the names and allowed values of all switches.
    pub fn switches() -> &'static [InterpretationSwitch] {
        SWITCHES
    }

    /// Sets a switch given as `NAME=VALUE`, such as `duplicate-sale=conflict`. [`switches`](Self::switches) lists the
    /// names and values.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not of the form `NAME=VALUE`; if there is no switch of this name; if the switch
    /// does not have this value.
    pub fn set(&mut self, switch: &str) -> Result<(), String> {
        let (name, value) =
            switch.split_once('=').ok_or_else(|| format!("{switch:?} is not of the form NAME=VALUE"))?;
        match name {
            "repeated-lead" => self.repeated_lead = value.parse()?,
            "unknown-lead" => self.unknown_lead = value.parse()?,
            "expired-window" => self.expired_window = value.parse()?,
            "window-start" => self.window_start = value.parse()?,
            "sale-lookup" => self.sale_lookup = value.parse()?,
            "duplicate-sale" => self.duplicate_sale = value.parse()?,
            "second-refund" => self.second_refund = value.parse()?,
            "stripe-sale-id" => self.stripe_sale_id = value.parse()?,
            "stripe-invoices" => self.stripe_invoices = value.parse()?,
            "paused-sale" => self.paused_sale = value.parse()?,
            "reversal-status" => {
                self.reversal_without_status = match value {
                    "present" => false,
                    "absent" => true,
                    _ => return Err(unknown_value(value, REVERSAL_STATUS)),
                }
            }
            _ => {
                let names: Vec<_> = SWITCHES.iter().map(|switch| switch.name).collect();
                return Err(format!("{name:?} is not an interpretation: expected one of {}", names.join(", ")));
            }
        }
        Ok(())
    }
}

fn unknown_value(value: &str, allowed: &[&str]) -> String {
    format!("{value:?} is not a value of this interpretation: expected one of {}", allowed.join(", "))
}

macro_rules! interpretations {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $(#[$first_doc:meta])* $first:ident = $first_text:literal
            $(, $(#[$other_doc:meta])* $other:ident = $other_text:literal)+
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$other_doc])* $other,)+
        }

        impl $name {
            const VALUES: &'static [&'static str] = &[$first_text, $($other_text),+];
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $first_text => Ok(Self::$first),
                    $($other_text => Ok(Self::$other),)+
                    _ => Err(unknown_value(text, Self::VALUES)),
                }
            }
        }
    )*};
}

interpretations! {
    /// A lead for a customer who is already a lead.
    RepeatedLead {
        /// 400 `Customer status cannot be updated to lead.`
        Refused = "refused",
        /// 200; nothing changes.
        Idempotent = "idempotent"
    }
    /// A lead with only a customer key, which belongs to no known customer.
    UnknownLead {
        /// 400 `Customer not found.`
        Refused = "refused",
        /// 200; recorded without a partner.
        Unattributed = "unattributed"
    }
    /// A sale after the end of the attribution window.
    ExpiredWindow {
        /// 200 with `attributed: false`; nothing is recorded.
        NotRecorded = "not-recorded",
        /// 200; recorded without a commission.
        WithoutCommission = "without-commission"
    }
    /// Start of the attribution window.
    WindowStart {
        /// The credited click.
        CreditedClick = "credited-click",
        /// The customer's first click.
        FirstClick = "first-click",
        /// The credited click, until the customer becomes a lead. After that, the attribution never expires.
        UntilBound = "until-bound"
    }
    /// Identifier by which a sale's customer is looked up first, if the sale has both.
    SaleLookup {
        /// The customer key.
        CustomerKeyFirst = "customer-key",
        /// The click id.
        ClickIdFirst = "click-id"
    }
    /// Body of the 409 for a duplicate sale.
    DuplicateSale {
        /// `{"error": "Duplicate transaction_id. …"}`
        Error = "error",
        /// `{"error": "Conflict", "message": …, "statusCode": 409}`
        Conflict = "conflict"
    }
    /// A refund after a partial refund of the same sale.
    SecondRefund {
        /// 200 with `status: skipped`; a commission is reduced at most once.
        Skipped = "skipped",
        /// Deducted as well, until the sale is refunded in full.
        Taken = "taken"
    }
    /// Transaction id of a sale from a webhook of the connected Stripe account. The service's documents don't say which
    /// one it uses. With one of Stripe's ids, a sale that the app tracks under the same id is a 409; with its own, it is
    /// paid twice.
    StripeSaleId {
        /// An id of the service's own: `affitor_stripe_` and the id of the checkout session or invoice.
        Own = "own",
        /// The id of the checkout session or invoice.
        Object = "session-or-invoice",
        /// The id of the payment intent, if there is one.
        PaymentIntent = "payment-intent"
    }
    /// Which invoices of the connected Stripe account are sales. The service's documents don't say.
    StripeInvoices {
        /// Renewals (`billing_reason` is `subscription_cycle`). The checkout session is the first sale of a subscription.
        Renewals = "renewals",
        /// All but the first of a subscription (`subscription_create`), whose sale is the checkout session.
        AllButFirst = "all-but-first",
        /// All. The checkout sessions of subscriptions are no sales.
        All = "all"
    }
    /// A sale while the program is [paused](crate::Sandbox::set_paused). The service's documents don't say what it earns.
    PausedSale {
        /// Its commission, as always.
        Commission = "commission",
        /// Nothing: it is recorded without a commission.
        WithoutCommission = "without-commission"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_value_is_accepted_and_the_first_is_the_default() {
        for switch in Interpretations::switches() {
            for (index, value) in switch.values.iter().enumerate() {
                let mut interpretations = Interpretations::default();
                interpretations.set(&format!("{}={value}", switch.name)).unwrap();
                assert_eq!(interpretations == Interpretations::default(), index == 0, "{switch}: {value}");
            }
            assert!(Interpretations::default().set(&format!("{}=other", switch.name)).is_err(), "{switch}");
        }
        for unknown in ["moon=full", "repeated-lead", ""] {
            assert!(Interpretations::default().set(unknown).is_err(), "{unknown}");
        }
    }
}
