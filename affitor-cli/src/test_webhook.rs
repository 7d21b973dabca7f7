//! `affitor test webhook`: sends the webhooks of a payment that never happened to an app.

use std::{env, path::Path};

use affitor::Currency;
use affitor_payments::{
    Stripe,
    test_util::{TestPayment, TestProvider},
};
use clap::{Args, ValueEnum, builder::RangedI64ValueParser};
use reqwest::{StatusCode, Url};
use serde::Serialize;
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{Exit, ExitCodes},
    failure::Failure,
    output::Output,
    payment::{Delivery, Payment, Sender, Signer, TIMEOUT, signer},
    prove::config::{Config, FILE},
    provider::{PaymentProvider, with_provider},
    url::{host_and_port, is_loopback, with_scheme},
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "The app accepted all webhooks"),
    (Exit::Failed, "The app rejected a webhook"),
    (Exit::Usage, Exit::Usage.meaning()),
    (Exit::Unreachable, "The app is unreachable"),
];

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
    /// Environment variable with the secret of the app's webhook endpoint [default: `webhook.secret` of affitor.toml, else STRIPE_WEBHOOK_SECRET,
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
struct Delivered {
    id: String,
    #[serde(rename = "type")]
    event_type: &'static str,
    status: u16,
    accepted: bool,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let mut payment = arguments.payment()?;
    let url = arguments.endpoint()?;
    let sender = Sender::new(url, arguments.signer()?).map_err(|error| Failure::no_http_client(&error))?;
    let mut delivered = Vec::new();
    for webhook in arguments.webhooks(payment.as_mut()) {
        let status = deliver(&sender, &webhook).await?;
        let Delivery { id, event_type, .. } = webhook;
        let accepted = status.is_success();
        let symbol = if accepted { CheckStatus::Passed } else { CheckStatus::Failed };
        output.status(symbol, &format!("{event_type:<29} {status}"));
        delivered.push(Delivered { id, event_type, status: status.as_u16(), accepted });
    }
    let (provider, transaction_id) = (arguments.provider.name(), payment.transaction_id());
    let accepted = delivered.iter().all(|webhook| webhook.accepted);
    output.document(&json!({
        "provider": provider,
        "event": arguments.event,
        "transaction_id": transaction_id,
        "webhooks": delivered,
        "accepted": accepted,
    }));
    output.line(&format!("{provider} payment {transaction_id}"));
    if accepted {
        return Ok(Exit::Success);
    }
    let rejected = delivered.iter().filter(|webhook| !webhook.accepted);
    let mut hints: Vec<&str> = rejected.map(|webhook| hint(webhook.status)).collect();
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

    /// Returns a payment with new ids.
    fn payment(&self) -> Result<Box<dyn Payment>, Failure> {
        match self.provider {
            PaymentProvider::Stripe => Ok(Box::new(self.new_payment::<Stripe>().live_mode(!self.test_mode))),
            other if self.test_mode => Err(Failure::usage(
                format!("--test-mode is for Stripe: the test webhooks of {} are not made here", other.name()),
                "mark all payments as tests in the app instead: `Webhook::test_mode(true)`",
            )),
            other => with_provider!(other, P => Ok(Box::new(self.new_payment::<P>()))),
        }
    }

    fn new_payment<P: TestProvider>(&self) -> TestPayment<P> {
        let is_subscription = self.subscription || self.event == Event::Renewed;
        let create = if is_subscription { TestPayment::subscription } else { TestPayment::new };
        let payment = create(self.amount_cents, self.currency).customer_key(&self.customer_key);
        match &self.click_id {
            Some(click_id) => payment.click_id(click_id),
            None => payment,
        }
    }

    /// Brings a payment to its last state, and returns all webhooks up to that.
    fn webhooks(&self, payment: &mut dyn Payment) -> Vec<Delivery> {
        let mut webhooks = payment.paid();
        webhooks.extend(match self.event {
            Event::Paid => Vec::new(),
            Event::Renewed => payment.renewed(),
            Event::PartlyRefunded => payment.refunded(self.amount_cents / 2),
            Event::Refunded => payment.refunded_in_full(),
        });
        webhooks
    }

    /// Signs with the secret in an environment variable.
    fn signer(&self) -> Result<Signer, Failure> {
        // The variable that `affitor prove` uses, if the app in this folder says which.
        let config = Config::read(Path::new(FILE)).ok();
        let of_app = config.and_then(|config| config.webhook).filter(|webhook| webhook.provider == self.provider);
        let of_app = of_app.as_ref().map(|webhook| webhook.secret.as_str());
        let variable = self.secret_env.as_deref().or(of_app).unwrap_or(self.provider.secret_variable());
        // Somebody may have passed the secret itself, which must not be shown.
        let is_name = variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let shown = if is_name { variable } else { "the variable in --secret-env" };
        let secret = env::var(variable).ok().filter(|secret| !secret.trim().is_empty()).ok_or_else(|| {
            Failure::usage(
                format!("{shown} is not set"),
                "set it to the webhook secret that the app uses, or pass the name of another variable with --secret-env",
            )
        })?;
        signer(self.provider, &secret).map_err(|invalid| {
            Failure::usage(format!("{shown}: {invalid}"), "set it to the webhook secret that the app uses")
        })
    }
}

/// Delivers a webhook, and returns the status of the app's response.
async fn deliver(sender: &Sender, webhook: &Delivery) -> Result<StatusCode, Failure> {
    let error = match sender.send(&webhook.id, &webhook.body, &webhook.body).await {
        Ok(response) => return Ok(response.status()),
        Err(error) => error,
    };
    let problem = if error.is_timeout() {
        format!("did not respond within {} seconds", TIMEOUT.as_secs())
    } else {
        "is unreachable".to_owned()
    };
    Err(Failure::new(
        Exit::Unreachable,
        format!("{}: the app at {} {problem}", webhook.event_type, host_and_port(&sender.url)),
        "start the app, and check the port in --url",
    ))
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
