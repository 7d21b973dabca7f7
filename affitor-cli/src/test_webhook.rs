//! `affitor test webhook`: sends the webhooks of a payment that never happened to an app.

use std::{
    env,
    time::{Duration, SystemTime},
};

use affitor::Currency;
use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Stripe, Webhook,
    test_util::{TestPayment, TestProvider, TestWebhook},
};
use clap::{Args, ValueEnum, builder::RangedI64ValueParser};
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{Exit, ExitCodes},
    failure::Failure,
    http,
    output::Output,
    provider::PaymentProvider,
    url::{host_and_port, is_loopback, with_scheme},
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "The app accepted all webhooks"),
    (Exit::Failed, "The app rejected a webhook"),
    (Exit::Usage, Exit::Usage.meaning()),
    (Exit::Unreachable, "The app is unreachable"),
];

/// How long the app may take to respond to a webhook.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Payment provider
    #[arg(value_enum)]
    provider: PaymentProvider,
    /// URL of the app's webhook endpoint, such as http://127.0.0.1:3000/webhooks/stripe
    #[arg(long)]
    url: String,
    /// What happens to the payment. The webhooks of everything before it are sent first
    #[arg(long, value_enum, default_value_t = Event::Paid)]
    event: Event,
    /// Make it a subscription. `renewed` always is one
    #[arg(long)]
    subscription: bool,
    /// The app's id of the customer
    #[arg(long, default_value = "test_customer", value_name = "KEY")]
    customer_key: String,
    /// Click id of the visitor
    #[arg(long, value_name = "ID")]
    click_id: Option<affitor::ClickId>,
    /// Amount of each payment in the currency's smallest unit. `partly-refunded` refunds half of it
    #[arg(
        long,
        default_value_t = 4_900,
        value_name = "AMOUNT",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(2..=99_999_999),
    )]
    amount_cents: u64,
    /// Currency code
    #[arg(long, default_value = "USD", value_name = "CODE")]
    currency: Currency,
    /// Environment variable with the secret of the app's webhook endpoint [default: STRIPE_WEBHOOK_SECRET,
    /// POLAR_WEBHOOK_SECRET, LEMON_SQUEEZY_WEBHOOK_SECRET or PADDLE_WEBHOOK_SECRET]
    #[arg(long, value_name = "VARIABLE")]
    secret_env: Option<String>,
    /// Mark the payment as one of Stripe's test mode. Without it, the webhooks look like those of a real payment
    #[arg(long)]
    test_mode: bool,
    /// Also send to an app on another machine. It reports the payment as a real one
    #[arg(long)]
    allow_remote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Event {
    /// The customer pays
    Paid,
    /// A subscription is paid, and renewed
    Renewed,
    /// The customer pays, and gets half of it back
    PartlyRefunded,
    /// The customer pays, and gets everything back
    Refunded,
}

/// A webhook, and the app's response.
#[derive(Serialize)]
struct Delivery {
    id: String,
    #[serde(rename = "type")]
    event_type: &'static str,
    status: u16,
    accepted: bool,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let test_mode = arguments.test_mode;
    match arguments.provider {
        PaymentProvider::Stripe => send::<Stripe>(arguments, |payment| payment.live_mode(!test_mode), output).await,
        other if test_mode => Err(Failure::usage(
            format!("--test-mode is for Stripe: the test webhooks of {} are not made here", other.name()),
            "mark all payments as tests in the app instead: `Webhook::test_mode(true)`",
        )),
        PaymentProvider::Polar => send::<Polar>(arguments, |payment| payment, output).await,
        PaymentProvider::LemonSqueezy => send::<LemonSqueezy>(arguments, |payment| payment, output).await,
        PaymentProvider::Paddle => send::<Paddle>(arguments, |payment| payment, output).await,
    }
}

async fn send<P: TestProvider>(
    arguments: &Arguments,
    mark: impl Fn(TestPayment<P>) -> TestPayment<P>,
    output: Output,
) -> Result<Exit, Failure> {
    let variable = arguments.provider.secret_variable();
    let url = arguments.endpoint()?;
    let endpoint = endpoint::<P>(arguments.secret_env.as_deref().unwrap_or(variable))?;
    let client = client(&url)?;
    let (payment, webhooks) = arguments.webhooks(mark);
    let mut deliveries = Vec::new();
    for webhook in webhooks {
        let status = deliver(&client, &url, &endpoint, &webhook).await?;
        let delivery = Delivery {
            id: webhook.id().to_owned(),
            event_type: webhook.event_type(),
            status: status.as_u16(),
            accepted: status.is_success(),
        };
        let symbol = if delivery.accepted { CheckStatus::Passed } else { CheckStatus::Failed };
        output.status(symbol, &format!("{:<29} {status}", delivery.event_type));
        deliveries.push(delivery);
    }
    let transaction_id = payment.ids().transaction_id;
    let accepted = deliveries.iter().all(|delivery| delivery.accepted);
    output.document(&json!({
        "provider": P::NAME,
        "event": arguments.event,
        "transaction_id": transaction_id,
        "webhooks": deliveries,
        "accepted": accepted,
    }));
    output.line(&format!("{} payment {transaction_id}", P::NAME));
    if accepted {
        return Ok(Exit::Success);
    }
    let rejected = deliveries.iter().filter(|delivery| !delivery.accepted);
    let mut hints: Vec<&str> = rejected.map(|delivery| hint(delivery.status)).collect();
    hints.dedup();
    for text in hints {
        output.hint(text);
    }
    Ok(Exit::Failed)
}

impl Arguments {
    /// Returns the URL of the app's endpoint.
    fn endpoint(&self) -> Result<Url, Failure> {
        let parsed =
            Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = parsed else {
            let hint = with_scheme(&self.url).map_or_else(
                || "pass the whole URL, such as http://127.0.0.1:3000/webhooks/stripe".to_owned(),
                |origin| format!("pass the whole URL, which begins with {origin}"),
            );
            return Err(Failure::usage("--url is not an HTTP URL", hint));
        };
        if is_loopback(&url) || self.allow_remote {
            Ok(url)
        } else {
            Err(Failure::usage(
                format!(
                    "{} is on another machine, and an app there may report this payment as a real one",
                    host_and_port(&url)
                ),
                "send it to an app on this machine, or pass --allow-remote",
            ))
        }
    }

    /// Returns the payment in its last state, and all webhooks up to that.
    fn webhooks<P: TestProvider>(
        &self,
        mark: impl Fn(TestPayment<P>) -> TestPayment<P>,
    ) -> (TestPayment<P>, Vec<TestWebhook<P>>) {
        let (amount, currency) = (self.amount_cents, self.currency);
        let mut payment = if self.subscription || self.event == Event::Renewed {
            TestPayment::<P>::subscription(amount, currency)
        } else {
            TestPayment::new(amount, currency)
        };
        payment = mark(payment).customer_key(&self.customer_key);
        if let Some(click_id) = &self.click_id {
            payment = payment.click_id(click_id);
        }
        let mut webhooks = payment.paid();
        webhooks.extend(match self.event {
            Event::Paid => Vec::new(),
            Event::Renewed => payment.renewed(),
            Event::PartlyRefunded => payment.refunded(amount / 2),
            Event::Refunded => payment.refunded_in_full(),
        });
        (payment, webhooks)
    }
}

/// Reads the secret from an environment variable.
fn endpoint<P: TestProvider>(variable: &str) -> Result<Webhook<P>, Failure> {
    // Somebody may have passed the secret itself, which must not be shown.
    let is_name = variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let shown = if is_name { variable } else { "the variable in --secret-env" };
    let secret = env::var(variable).ok().filter(|secret| !secret.trim().is_empty()).ok_or_else(|| {
        Failure::usage(
            format!("{shown} is not set"),
            "set it to the webhook secret that the app uses, or pass the name of another variable with --secret-env",
        )
    })?;
    Webhook::new(secret).map_err(|invalid| {
        Failure::usage(format!("{shown}: {invalid}"), "set it to the webhook secret that the app uses")
    })
}

fn client(url: &Url) -> Result<Client, Failure> {
    http::client(url)
        .timeout(TIMEOUT)
        .build()
        .map_err(|_| Failure::usage("the HTTP client cannot be created", "check the TLS settings of this machine"))
}

/// Delivers a webhook, and returns the status of the app's response.
async fn deliver<P: TestProvider>(
    client: &Client,
    url: &Url,
    endpoint: &Webhook<P>,
    webhook: &TestWebhook<P>,
) -> Result<StatusCode, Failure> {
    let signed = webhook.sign(endpoint, SystemTime::now());
    let mut request = client.post(url.clone());
    for (name, value) in signed.headers {
        request = request.header(name, value);
    }
    match request.body(signed.body).send().await {
        Ok(response) => Ok(response.status()),
        Err(error) => {
            let problem = if error.is_timeout() { "did not respond within 30 seconds" } else { "is unreachable" };
            Err(Failure::new(
                Exit::Unreachable,
                format!("{}: the app at {} {problem}", webhook.event_type(), host_and_port(url)),
                "start the app, and check the port in --url",
            ))
        }
    }
}

/// The likeliest reason for a status.
fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => "the app redirects: pass the URL that it redirects to, since providers follow no redirects",
        400 | 401 | 403 => "the app may use another secret, or verify a body that was parsed before",
        404 | 405 => "the app has no POST route at this path",
        413 => "the app limits bodies to less than a webhook needs",
        415 | 422 => "the handler expects another body: it must read the raw bytes",
        503 => {
            "the app asks for redelivery, because it cannot report the payment now: check the service that it reports to"
        }
        500..=599 => "the handler failed: see the app's log",
        _ => "the handler must respond with a 2xx status, or the provider redelivers",
    }
}
