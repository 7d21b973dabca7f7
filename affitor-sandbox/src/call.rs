//! Names of the service's calls.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A call of the service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ApiCall {
            $($(#[$doc])* $name,)*
        }

        impl ApiCall {
            /// All calls.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name of the call, as used in a [fault rule](crate::FaultRule) and a
            /// [`RequestRecord`](crate::RequestRecord).
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

calls! {
    /// `POST /api/v1/track/click`
    Click = "click",
    /// `POST /api/v1/track/lead`
    Lead = "lead",
    /// `POST /api/v1/track/sale`
    Sale = "sale",
    /// `POST /api/v1/track/refund`
    Refund = "refund",
    /// `POST /api/v1/cli/test-event`
    TestEvent = "test_event",
    /// `GET /api/v1/programs/me/readiness`
    Readiness = "readiness",
    /// `POST /api/tracking/check-test-events`
    CheckTestEvents = "check_test_events",
    /// `POST /api/tracking/test`
    TrackerTest = "tracker_test",
    /// `GET /api/v1/cli/status`
    Status = "status",
    /// `GET /api/tracking/events/<program>`
    Events = "events",
    /// `GET /api/tracking/performance/<program>`
    Performance = "performance",
    /// `GET /api/tracking/status/<program>`
    DashboardStatus = "dashboard_status",
    /// `GET /js/affitor-tracker.js`
    Tracker = "tracker",
    /// `POST /api/v1/cli/auth/start`
    AuthStart = "auth_start",
    /// `GET /api/v1/cli/auth/poll`
    AuthPoll = "auth_poll",
    /// `POST /api/v1/cli/init`
    Init = "init",
    /// `GET /api/v1/cli/programs`
    Programs = "programs",
    /// `/api/advertiser/api-keys`, with all methods
    ManagementKeys = "management_keys",
    /// `/api/advertiser/affiliate-programs`, with all methods
    ManagedPrograms = "managed_programs",
    /// `POST /api/advertiser/affiliate-programs/<program>/regenerate-api-token`
    RegenerateKey = "regenerate_key",
    /// `POST /api/v1/cli/stripe-connect`
    StripeConnect = "stripe_connect",
    /// `POST /webhooks/stripe/<program>`
    StripeWebhook = "stripe_webhook",
}

impl fmt::Display for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApiCall {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().find(|call| call.as_str() == text).copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|call| call.as_str()).collect();
            format!("{text:?} is not a call: expected one of {}", names.join(", "))
        })
    }
}
