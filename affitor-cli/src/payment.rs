//! Payments that never happened: their webhooks, and how these are signed and sent to an app.

use std::time::{Duration, SystemTime};

use affitor_payments::{
    InvalidWebhook, Webhook,
    test_util::{TestPayment, TestProvider, TestWebhook},
};
use reqwest::{Client, Response, Url, header::CONTENT_TYPE};

use crate::{
    http,
    provider::{PaymentProvider, with_provider},
    url::is_loopback,
};

/// Time limit of a delivery, as at Stripe.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// A webhook, not signed yet, because a signature is only valid for some seconds.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) event_type: &'static str,
    pub(crate) body: String,
    /// The same event as a program would write it again.
    pub(crate) canonical: String,
}

/// Signs the body of the webhook with this id.
pub(crate) type Signer = Box<dyn Fn(&str, &str) -> Vec<(&'static str, String)> + Send + Sync>;

/// A payment at a provider. Each method returns the webhooks about what happens.
pub(crate) trait Payment: Send {
    /// Id under which the latest payment is reported.
    fn transaction_id(&self) -> String;
    fn paid(&self) -> Vec<Delivery>;
    fn renewed(&mut self) -> Vec<Delivery>;
    /// Refunds a part of the latest payment.
    fn refunded(&mut self, cents: u64) -> Vec<Delivery>;
    fn refunded_in_full(&mut self) -> Vec<Delivery>;
}

impl<P: TestProvider> Payment for TestPayment<P> {
    fn transaction_id(&self) -> String {
        self.ids().transaction_id
    }

    fn paid(&self) -> Vec<Delivery> {
        deliveries(self.paid())
    }

    fn renewed(&mut self) -> Vec<Delivery> {
        deliveries(self.renewed())
    }

    fn refunded(&mut self, cents: u64) -> Vec<Delivery> {
        deliveries(self.refunded(cents))
    }

    fn refunded_in_full(&mut self) -> Vec<Delivery> {
        deliveries(self.refunded_in_full())
    }
}

fn deliveries<P: TestProvider>(webhooks: Vec<TestWebhook<P>>) -> Vec<Delivery> {
    let delivery = |webhook: TestWebhook<P>| Delivery {
        id: webhook.id().to_owned(),
        event_type: webhook.event_type(),
        body: webhook.body().to_owned(),
        canonical: webhook.canonical(),
    };
    webhooks.into_iter().map(delivery).collect()
}

/// Returns what signs with a secret.
///
/// # Errors
///
/// Returns an error if the secret can't be one.
pub(crate) fn signer(provider: PaymentProvider, secret: &str) -> Result<Signer, InvalidWebhook> {
    with_provider!(provider, P => {
        let webhook = Webhook::<P>::disabled().or_secret(secret)?;
        Ok(Box::new(move |id, body| webhook.sign(id, body.as_bytes(), SystemTime::now()).into_iter().collect()))
    })
}

/// Sends webhooks to an app's endpoint, as a payment provider does.
pub(crate) struct Sender {
    http: Client,
    pub(crate) url: Url,
    signer: Signer,
}

impl Sender {
    /// # Errors
    ///
    /// Returns an error if the HTTP client can't be created.
    pub(crate) fn new(url: Url, signer: Signer) -> Result<Self, reqwest::Error> {
        // An app on this machine may have a certificate that nobody has signed.
        let http = http::client(&url).timeout(TIMEOUT).tls_danger_accept_invalid_certs(is_loopback(&url)).build()?;
        Ok(Self { http, url, signer })
    }

    /// Sends a body with the signature of `signed`, which is the same text unless the signature must be wrong.
    pub(crate) async fn send(&self, id: &str, body: &str, signed: &str) -> Result<Response, reqwest::Error> {
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in (self.signer)(id, signed) {
            request = request.header(name, value);
        }
        request.body(body.to_owned()).send().await
    }
}
