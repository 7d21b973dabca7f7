//! What can be wrong with an app. `affitor prove --explain` prints what the guide on findings says about it.

use clap::{ValueEnum, builder::PossibleValue};
use serde::Serialize;

macro_rules! findings {
    ($($name:ident $id:literal $reason:literal,)*) => {
        /// A mistake in an app.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum FindingId {
            $($name,)*
        }

        impl FindingId {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            /// The likeliest reason.
            fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)*
                }
            }
        }
    };
}

findings! {
    AppNotReachable "app-not-reachable" "the app did not start, or listens on another address than `app.url`",
    PointsElsewhere "points-elsewhere" "the app's client has a fixed `api_url`, or the app loads other settings than its environment",
    NoTls "no-tls" "no feature of the app's Affitor crate brings TLS: `rustls`, `ring`, `aws-lc-rs` or `native-tls`",
    LandingFailed "landing-failed" "`landing.path` in affitor.toml is not a page of the app",
    AffLost "aff-lost" "a redirect leaves out the query of the landing page",
    NoTracker "no-tracker" "the page's template has no `client.script_tag()`, and no `ClickCaptureLayer` is around it; or the app has no key and no program id, because it reads variables of its own: see `[app] env` in affitor.toml",
    TrackerBlocked "tracker-blocked" "the policy allows neither the service's script nor its calls: add https://api.affitor.com to script-src and connect-src",
    CookieLost "cookie-lost" "a redirect goes to another host name, or a response removes the cookie",
    LayerMissing "layer-missing" "the app has no `AffitorLayer`",
    LayerMissesRoute "layer-misses-route" "the route was added after `.layer(…)`, or outside of the scope with `.wrap(…)`",
    SignupFailed "signup-failed" "the steps of `signup` in affitor.toml are not those of the app's form",
    NoLead "no-lead" "the sign-up handler does not call `track_lead` or `enqueue`",
    LeadBeforeCommit "lead-before-commit" "the lead is reported before the user is stored: report it after the commit, or in the transaction with an outbox",
    TestMode "test-mode" "`test_mode(true)` is set on the client or the webhook, or the event sets it",
    ClickIdLost "click-id-lost" "the handler reports the lead without the visitor's click id, as with the app's `Client` in place of the extractor `AffitorClient`",
    FirstClickKept "first-click-kept" "the app stores the first click id in its session or in a cookie of its own, and does not replace it: the last click counts",
    ClickIdShared "click-id-shared" "the click id is kept in the app's state, or in a page that is cached",
    SignupFailsInOutage "signup-fails-in-outage" "the handler uses `?` on the result of `track_lead`",
    LeadLostInOutage "lead-lost-in-outage" "the handler makes the call itself, and gives up after some seconds: `affitor.enqueue(lead)` keeps the lead until the service works again",
    CheckoutFailed "checkout-failed" "the steps of `checkout` in affitor.toml are not those of the app, or the app's Stripe client has a fixed URL",
    SessionMetadataMissing "session-metadata-missing" "the checkout session is created without `affitor::stripe::Metadata`",
    SubscriptionMetadataMissing "subscription-metadata-missing" "`subscription_data.metadata` is not set: use `Metadata::for_subscription`",
    CustomerKeyDiffers "customer-key-differs" "the checkout uses another id of the user than the sign-up, such as that of another table, or of a guest because it does not know who is signed in",
    WebhookNotFound "webhook-not-found" "`webhook.path` in affitor.toml is not the app's route, or the route accepts no POST",
    WebhookBlocked "webhook-blocked" "authentication or CSRF protection is in front of the route: the provider can't log in. Or the webhook's secret is another one",
    WebhookUnverified "webhook-unverified" "the handler reads the body without verifying its signature: anyone can report a payment",
    WebhookSlow "webhook-slow" "the handler does all of its work before it responds: Paddle waits 5 seconds, Polar 10",
    WebhookSecret "webhook-secret" "the app reads the secret from elsewhere, or trims or decodes it; or it does not verify the body as it was sent, or takes its time for too old",
    WebhookBodyParsed "webhook-body-parsed" "the body is parsed and written again before the signature is verified",
    WebhookFailed "webhook-failed" "the webhook handler returns an error",
    NoSale "no-sale" "the webhook handler does not call `event.track`, `event.enqueue` or `record_payment`, or not for this event: the sale of a subscription is `invoice.paid`",
    NoSecondSale "no-second-sale" "sales are stored once per customer instead of once per payment, or the transaction id is not that of the payment",
    SaleNotAttributed "sale-not-attributed" "the sale has neither the customer key of the lead nor its click id",
    UnpaidReported "unpaid-reported" "the handler takes each `checkout.session.completed` for a payment: look at `payment_status`",
    WrongAmount "wrong-amount" "the amount is that of another field, or in another unit than the currency's smallest one",
    DoubleReporting "double-reporting" "the payment is reported in two places, under two transaction ids",
    NoRenewal "no-renewal" "the endpoint does not handle `invoice.paid`",
    NoRefund "no-refund" "the endpoint does not handle `charge.refunded`",
    RefundIdDiffers "refund-id-differs" "sale and refund use different ids of one payment: report the sale under an id that its refunds contain too",
    SaleLostInOutage "sale-lost-in-outage" "the webhook handler ignores the error of `event.track`, and responds with 200",
}

/// A finding, with what was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    /// What was seen.
    pub(crate) message: String,
    /// The likeliest reason.
    pub(crate) hint: String,
    /// The command that explains it.
    pub(crate) explain: String,
}

impl FindingId {
    pub(crate) fn found(self, message: impl Into<String>) -> Finding {
        let id = self.as_str();
        let (hint, explain) = (self.reason().to_owned(), format!("affitor prove --explain {id}"));
        Finding { id, message: message.into(), hint, explain }
    }

    /// A finding whose reason is known better than the likeliest one.
    pub(crate) fn because(self, message: impl Into<String>, reason: impl Into<String>) -> Finding {
        Finding { hint: reason.into(), ..self.found(message) }
    }
}

impl ValueEnum for FindingId {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}
