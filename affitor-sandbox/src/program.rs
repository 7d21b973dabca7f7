//! A program's settings, and the switches for what the service's documents leave open.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a program pays for sales: a share of each, for as long as its kind says.
///
/// ```
/// use affitor_sandbox::Commission;
///
/// let first_sale_only = Commission::one_time(30);
/// let first_year = Commission::recurring(20, 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commission {
    pub(crate) kind: CommissionKind,
    pub(crate) percent: u32,
}

/// For how long a customer's sales make commissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommissionKind {
    /// `cps_one_time`: for the customer's first sale.
    OneTime,
    /// `cps_recurring`: for so many months of 30 days from the first sale on.
    #[non_exhaustive]
    Recurring {
        /// How many months.
        months: u32,
    },
    /// `cps_lifetime`: for all sales.
    Lifetime,
}

/// As [`FromStr`] reads it.
impl fmt::Display for Commission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CommissionKind::OneTime => write!(f, "one-time:{}", self.percent),
            CommissionKind::Recurring { months } => write!(f, "recurring:{}:{months}", self.percent),
            CommissionKind::Lifetime => write!(f, "lifetime:{}", self.percent),
        }
    }
}

/// `one-time:PERCENT`, `recurring:PERCENT:MONTHS` or `lifetime:PERCENT`; the percentage is at most 100.
///
/// ```
/// use affitor_sandbox::Commission;
///
/// assert_eq!("recurring:20:12".parse(), Ok(Commission::recurring(20, 12)));
/// assert!("recurring:20".parse::<Commission>().is_err());
/// ```
impl FromStr for Commission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|number| number.parse::<u32>().ok());
        let percent = number().filter(|percent| *percent <= 100);
        let read = match (kind, percent) {
            ("one-time", Some(percent)) => Some(Self::one_time(percent)),
            ("recurring", Some(percent)) => number().map(|months| Self::recurring(percent, months)),
            ("lifetime", Some(percent)) => Some(Self::lifetime(percent)),
            _ => None,
        };
        read.filter(|_| parts.next().is_none()).ok_or_else(|| {
            format!(
                "{text:?} is no commission: one-time:PERCENT, recurring:PERCENT:MONTHS or lifetime:PERCENT, as \
                 recurring:20:12, with at most 100 percent"
            )
        })
    }
}

impl Commission {
    /// A share of the customer's first sale, in percent.
    pub fn one_time(percent: u32) -> Self {
        Self { kind: CommissionKind::OneTime, percent }
    }

    /// A share of each sale for so many months from the first one on, in percent.
    pub fn recurring(percent: u32, months: u32) -> Self {
        Self { kind: CommissionKind::Recurring { months }, percent }
    }

    /// A share of every sale, in percent.
    pub fn lifetime(percent: u32) -> Self {
        Self { kind: CommissionKind::Lifetime, percent }
    }

    /// For how long it is paid.
    pub fn kind(&self) -> CommissionKind {
        self.kind
    }

    /// The share, in percent.
    pub fn percent(&self) -> u32 {
        self.percent
    }
}

/// Who may report leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeadAuth {
    /// Browsers and servers.
    #[default]
    Open,
    /// `server_required`: a lead without the key is provisional until one with the key comes.
    ServerRequired,
}

/// How partners are paid, as readiness sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payout {
    /// Through a connected Stripe account.
    #[default]
    Stripe,
    /// By hand.
    Manual,
    /// `s2s`, which some of the service's documents name.
    S2s,
    /// Not settled: the gate fails.
    Missing,
}

/// A partner's standing in the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartnerState {
    /// All is well.
    #[default]
    Active,
    /// The link is switched off: clicks are answered with `success: false`.
    LinkInactive,
    /// The link points nowhere: clicks are a 400.
    LinkInvalid,
    /// The partner has left the program: sales are a 400.
    LeftProgram,
    /// The partner's account is gone: sales are a 400.
    Deleted,
}

/// Which of several documented behaviours the sandbox has, where the service's documents disagree. The default of each is
/// the one that they name first.
///
/// ```
/// use affitor_sandbox::{DuplicateSale, Readings};
///
/// let mut readings = Readings::default();
/// readings.duplicate_sale = DuplicateSale::Conflict;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readings {
    /// A lead for a customer who is a lead already.
    pub repeated_lead: RepeatedLead,
    /// A lead with a customer key alone that no click knows.
    pub unknown_lead: UnknownLead,
    /// A sale when the attribution window is over.
    pub expired_window: ExpiredWindow,
    /// From when the attribution window counts.
    pub window_start: WindowStart,
    /// By what a sale's customer is looked up first.
    pub sale_lookup: SaleLookup,
    /// A sale with a known transaction id.
    pub duplicate_sale: DuplicateSale,
    /// A refund after a partial one.
    pub second_refund: SecondRefund,
    /// Whether a reversal has no `status` in its answer.
    pub reversal_without_status: bool,
}

impl Readings {
    /// Sets one by its name, as the command line writes it:
    /// `repeated-lead=refused|idempotent`, `unknown-lead=refused|unattributed`,
    /// `expired-window=not-recorded|without-commission`,
    /// `window-start=credited-click|first-click|until-bound`, `sale-lookup=customer-key|click-id`,
    /// `duplicate-sale=error|conflict`, `second-refund=skipped|taken`, `reversal-status=present|absent`.
    ///
    /// # Errors
    ///
    /// When there is no such reading, or no such way to read it.
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
            "reversal-status" => {
                self.reversal_without_status = match value {
                    "present" => false,
                    "absent" => true,
                    _ => return Err(format!("{value:?} is neither present nor absent")),
                }
            }
            _ => {
                return Err(format!(
                    "{name:?} is no reading: repeated-lead, unknown-lead, expired-window, window-start, \
                     sale-lookup, duplicate-sale, second-refund or reversal-status"
                ));
            }
        }
        Ok(())
    }
}

macro_rules! readings {
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

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $first_text => Ok(Self::$first),
                    $($other_text => Ok(Self::$other),)+
                    _ => Err(format!("{text:?} is none of {}", [$first_text, $($other_text),+].join(", "))),
                }
            }
        }
    )*};
}

readings! {
    /// A lead for a customer who is a lead already.
    RepeatedLead {
        /// 400 `Customer status cannot be updated to lead.`
        Refused = "refused",
        /// 200, and nothing changes.
        Idempotent = "idempotent"
    }
    /// A lead with a customer key alone that no click knows.
    UnknownLead {
        /// 400 `Customer not found.`
        Refused = "refused",
        /// 200: recorded without a partner.
        Unattributed = "unattributed"
    }
    /// A sale when the attribution window is over.
    ExpiredWindow {
        /// 200 with `attributed: false`; nothing is recorded.
        NotRecorded = "not-recorded",
        /// 200: recorded, without a commission.
        WithoutCommission = "without-commission"
    }
    /// From when the attribution window counts.
    WindowStart {
        /// The click that is credited.
        CreditedClick = "credited-click",
        /// The customer's first click.
        FirstClick = "first-click",
        /// The click that is credited, and only until the customer is a lead: who was bound once never expires.
        UntilBound = "until-bound"
    }
    /// By what a sale's customer is looked up first, where it names both.
    SaleLookup {
        /// The customer key.
        CustomerKeyFirst = "customer-key",
        /// The click id.
        ClickIdFirst = "click-id"
    }
    /// The body of a sale's 409.
    DuplicateSale {
        /// `{"error": "Duplicate transaction_id. …"}`
        Error = "error",
        /// `{"error": "Conflict", "message": …, "statusCode": 409}`
        Conflict = "conflict"
    }
    /// A refund after a partial one.
    SecondRefund {
        /// 200 with `status: skipped`: a refunded commission is final.
        Skipped = "skipped",
        /// Taken, until nothing of the sale is left.
        Taken = "taken"
    }
}

/// A program's key, which no `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A program of the service.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub id: u64,
    pub api_key: ApiKey,
    pub lead_auth: LeadAuth,
    pub attribution_window_days: u32,
    pub cookie_window_days: u32,
    pub hold_days: u32,
    /// Absent where nobody has set a policy: sales are recorded, and pay nothing.
    pub commission: Option<Commission>,
    pub profile_complete: bool,
    pub payout: Payout,
    pub readings: Readings,
}

/// A partner with their link, by its code.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    pub code: String,
    /// The place of its program among the programs.
    pub program: usize,
    pub state: PartnerState,
}
