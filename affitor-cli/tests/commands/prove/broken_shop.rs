//! Small shops. Each differs from a correct one in one point, which need not be a mistake.

mod own_reports;
mod pages;
mod webhooks;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use affitor::{ClickId, Client};
use affitor_axum::{AffitorLayer, ClickCaptureLayer, capture::ClickCapture};
use affitor_payments::{Stripe, Webhook};
use axum::{Router, extract::FromRef};

use super::shop::{self, SECRET, Shop};
use own_reports::Reported;

/// After this time, a job of the shop reports something again.
const LATER: Duration = Duration::from_millis(500);

/// What is special about a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The landing page redirects, and keeps the query.
    LandingRedirects,
    /// A search form without an action precedes the sign-up form, which has a CSRF token.
    SearchForm,
    /// The session cookie is `Secure`, as it must be in production.
    SecureCookie,
    /// The shop listens on `[::1]`.
    Ipv6,
    /// The shop reports its sales and refunds itself, under the right ids.
    OwnReports,
    /// The same, and its checkout sells once.
    OwnReportsSoldOnce,
    /// The server captures the clicks, and the page has no tracker.
    CapturedClicks,
    /// Each lead is reported again, one second later. It counts once.
    LeadRepeated,

    /// The client has no TLS.
    NoTls,
    /// There is no landing page.
    NoLanding,
    /// The landing page redirects without its query.
    AffLost,
    /// The landing page has no tracker.
    NoTracker,

    /// There is no sign-up.
    NoSignUp,
    /// The sign-up form is shown again, with what is wrong, and status 200.
    FormShownAgain,
    /// Every visitor is the same customer.
    OneCustomer,
    /// The sign-up reports nothing.
    NoLead,
    /// The sign-up uses the app's client instead of the visitor's.
    ClickIdLost,
    /// The first click id is kept in the app's state, and used for all visitors.
    FirstClickKept,
    /// The latest click id is kept in the app's state, and used for visitors without one.
    LatestClickKept,
    /// The sign-up form has the visitor's click id in a hidden input, and the first form is shown to everybody.
    FormCached,

    /// The checkout fails.
    CheckoutFails,
    /// The checkout calls no API of Stripe's.
    CheckoutElsewhere,

    /// There is no endpoint for webhooks.
    NoWebhook,
    /// The endpoint redirects to a log-in page.
    WebhookRedirects,
    /// The endpoint always fails.
    WebhookFails,
    /// The endpoint verifies all webhooks, and rejects those that it does not know.
    UnknownWebhooksRejected,
    /// The endpoint reports nothing.
    NoSale,
    /// The sale says nothing about the customer, so the client does not send it.
    NoCustomer,
    /// The sale has a click id of another visitor, which the service has forgotten, and no customer key.
    OldClickId,
    /// The sale is in dollars instead of cents.
    Dollars,
    /// The sale is in another currency.
    OtherCurrency,
    /// Only the first invoice is reported.
    NoRenewal,
    /// No refund is reported.
    NoRefund,
    /// The refund of a renewal is reported for the subscription's first invoice.
    RefundOfFirstInvoice,
    /// A refund is reported with the total of all refunds of the payment.
    RunningTotal,
    /// The sale is reported a second time, one second later, under the session's id.
    LateDouble,
    /// A renewal is reported a second time, one second later, under the invoice's number.
    LateDoubleOfRenewal,
    /// The error of a report is ignored.
    ErrorIgnored,
}

impl Variant {
    /// Whether the shop's own code reads the webhooks, instead of `event.track`.
    fn has_own_reports(self) -> bool {
        matches!(
            self,
            Self::OwnReports
                | Self::OwnReportsSoldOnce
                | Self::NoCustomer
                | Self::OldClickId
                | Self::Dollars
                | Self::OtherCurrency
                | Self::NoRenewal
                | Self::NoRefund
                | Self::RefundOfFirstInvoice
                | Self::RunningTotal
        )
    }

    /// Whether the checkout calls the stand-in of Stripe's API, or should.
    fn uses_stripe(self) -> bool {
        matches!(self, Self::OwnReportsSoldOnce | Self::RunningTotal | Self::CheckoutElsewhere)
    }

    /// The settings after `app`.
    fn settings(self) -> String {
        let sign_up = r#"steps = [{ get = "/signup" }, { post = "/signup", form = { email = "{email}" } }]"#;
        let webhook = "provider = 'stripe'\npath = '/webhooks'\nsecret = 'SHOP_WEBHOOK_SECRET'";
        let has_checkout = self.uses_stripe() || self == Self::CheckoutFails;
        let checkout = if has_checkout { "[checkout]\nsteps = [{ post = '/checkout' }]\n" } else { "" };
        let api = if self.uses_stripe() { "api = 'STRIPE_API_URL'\n" } else { "" };
        format!("[landing]\npath = '/'\n[signup]\n{sign_up}\n{checkout}[webhook]\n{webhook}\n{api}")
    }

    /// A shop whose port is open, although nobody serves it yet.
    pub(super) async fn bind(self) -> Shop {
        let address = if self == Self::Ipv6 { "[::1]:0" } else { "127.0.0.1:0" };
        Shop::with_settings(address, "stripe", &self.settings()).await
    }

    /// Serves the shop with these variables. Returns its client.
    pub(super) fn serve(self, shop: &Shop, variables: &[(String, String)]) -> Client {
        let client = if self == Self::NoTls { shop::client_without_tls(variables) } else { shop::client(variables) };
        let stripe = variables.iter().find(|(name, _)| name == "STRIPE_API_URL");
        let state = Inner {
            variant: self,
            client: client.clone(),
            webhook: Webhook::disabled().or_secret(SECRET).unwrap(),
            stripe_url: stripe.map(|(_, url)| url.clone()),
            kept_click: Mutex::default(),
            reported: Mutex::default(),
        };
        let app = Router::new().merge(pages::routes(self)).merge(webhooks::routes(self));
        let app = app.with_state(AppState(Arc::new(state))).layer(AffitorLayer::new(client.clone()));
        if self == Self::CapturedClicks {
            let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check().build().unwrap();
            shop.serve_app(app.layer(ClickCaptureLayer::new(capture)));
        } else {
            shop.serve_app(app);
        }
        client
    }
}

struct Inner {
    variant: Variant,
    client: Client,
    webhook: Webhook<Stripe>,
    /// URL of Stripe's API.
    stripe_url: Option<String>,
    /// The click id that the app keeps by mistake.
    kept_click: Mutex<Option<ClickId>>,
    /// What the shop's own code remembers.
    reported: Mutex<Reported>,
}

#[derive(Clone)]
struct AppState(Arc<Inner>);

impl FromRef<AppState> for Webhook<Stripe> {
    fn from_ref(AppState(shop): &AppState) -> Self {
        shop.webhook.clone()
    }
}
