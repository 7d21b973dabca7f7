//! `affitor test`: sends an event in test mode, without effect on attribution, commissions or metrics; runs a chain; or sends webhooks
//! to an app.

use affitor::{Click, ClickId, ClickOutcome, Client, Currency, Lead, LeadOutcome, NotAttributed, Sale, SaleOutcome};
use clap::{Args, Subcommand, builder::RangedI64ValueParser};
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{self, Exit, ExitCodes},
    failure::Failure,
    output::Output,
    settings::{ConnectionArgs, Settings},
    test_chain, test_webhook,
};

pub(crate) const EXIT_CODES: ExitCodes = &exit::codes(
    "The service recorded the event as a test",
    "The service rejected the event, or did not record it as a test",
);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    event: Event,
}

#[derive(Debug, Subcommand)]
enum Event {
    /// Send a click
    #[command(after_help = exit::help(EXIT_CODES))]
    Click {
        #[command(flatten)]
        connection: ConnectionArgs,
        /// Landing URL
        #[arg(long, default_value = "https://shop.example/?aff=test", value_name = "URL")]
        affiliate_url: String,
    },
    /// Send a lead (a sign-up)
    #[command(after_help = exit::help(EXIT_CODES))]
    Lead {
        #[command(flatten)]
        connection: ConnectionArgs,
        /// The app's id of the customer
        #[arg(long, default_value = "test_customer", value_name = "KEY")]
        customer_key: String,
        /// Click id of the visitor
        #[arg(long, value_name = "ID")]
        click_id: Option<ClickId>,
    },
    /// Send a sale (a payment)
    #[command(after_help = exit::help(EXIT_CODES))]
    Sale {
        #[command(flatten)]
        connection: ConnectionArgs,
        /// Id of the payment. The service takes each one once, also in test mode [default: a new one]
        #[arg(long, value_name = "ID")]
        transaction_id: Option<String>,
        /// Amount in the currency's smallest unit
        #[arg(
            long,
            default_value_t = 9_999,
            value_name = "AMOUNT",
            allow_negative_numbers = true,
            value_parser = RangedI64ValueParser::<u64>::new().range(1..),
        )]
        amount_cents: u64,
        /// Currency code
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: Currency,
        /// The app's id of the customer
        #[arg(long, default_value = "test_customer", value_name = "KEY")]
        customer_key: String,
    },
    /// Run a test chain and check whether the integration is verified
    #[command(after_help = exit::help(test_chain::EXIT_CODES))]
    Chain(test_chain::Arguments),
    /// Send signed webhooks of a payment to an app
    ///
    /// They look like those of a real payment, which never happened. The app reports it, so let it use the sandbox.
    #[command(after_help = exit::help(test_webhook::EXIT_CODES))]
    Webhook(test_webhook::Arguments),
}

/// What the service did with a test event.
enum TestResult {
    /// Recorded, with the event id if the service returned one.
    Recorded(Option<i64>),
    /// Not recorded as a test, with the reason.
    NotRecorded(String),
}

use TestResult::{NotRecorded, Recorded};

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let (event, result) = match arguments.event {
        Event::Click { connection, affiliate_url } => {
            let settings = connection.settings();
            let outcome = client(&settings)?.track_click(Click::landing(affiliate_url)).await;
            ("click", click_result(&outcome.map_err(|error| settings.failure(&error))?))
        }
        Event::Lead { connection, customer_key, click_id } => {
            let settings = connection.settings();
            let mut lead = Lead::new(customer_key);
            if let Some(click_id) = click_id {
                lead = lead.click_id(click_id);
            }
            let outcome = client(&settings)?.track_lead(lead).await;
            ("lead", lead_result(&outcome.map_err(|error| settings.failure(&error))?))
        }
        Event::Sale { connection, transaction_id, amount_cents, currency, customer_key } => {
            let settings = connection.settings();
            let transaction_id = transaction_id.unwrap_or_else(|| format!("test_{:016x}", fastrand::u64(..)));
            let sale = Sale::new(transaction_id, amount_cents, currency).customer_key(customer_key);
            let outcome = client(&settings)?.track_sale(sale).await;
            ("sale", sale_result(&outcome.map_err(|error| settings.failure(&error))?))
        }
        Event::Chain(arguments) => return test_chain::run(&arguments, output).await,
        Event::Webhook(arguments) => return test_webhook::run(&arguments, output).await,
    };
    let mut document = json!({ "event": event, "test_mode": true, "recorded": false, "event_id": null });
    match result {
        Recorded(event_id) => {
            document["recorded"] = true.into();
            document["event_id"] = event_id.into();
            output.document(&document);
            let id = event_id.map_or_else(String::new, |id| format!(" (event {id})"));
            output.status(CheckStatus::Passed, &format!("test {event} recorded{id}"));
            Ok(Exit::Success)
        }
        NotRecorded(reason) => {
            document["reason"] = reason.as_str().into();
            output.document(&document);
            output.status(CheckStatus::Failed, &format!("test {event} not recorded: {reason}"));
            Ok(Exit::Failed)
        }
    }
}

fn client(settings: &Settings) -> Result<Client, Failure> {
    settings.build(settings.builder()?.test_mode(true))
}

fn click_result(outcome: &ClickOutcome) -> TestResult {
    match outcome {
        ClickOutcome::Test { event_id, .. } => Recorded(*event_id),
        ClickOutcome::InactiveLink => NotRecorded("the partner's link is inactive".to_owned()),
        ClickOutcome::Recorded { .. } => NotRecorded(RECORDED_AS_REAL.to_owned()),
        other => NotRecorded(format!("{other:?}")),
    }
}

fn lead_result(outcome: &LeadOutcome) -> TestResult {
    match outcome {
        LeadOutcome::Test { event_id, .. } => Recorded(*event_id),
        LeadOutcome::NotAttributed(reason) => NotRecorded(not_attributed(reason).to_owned()),
        LeadOutcome::AlreadyRecorded => NotRecorded("the service already has a lead for this customer".to_owned()),
        LeadOutcome::Recorded => NotRecorded(RECORDED_AS_REAL.to_owned()),
        other => NotRecorded(format!("{other:?}")),
    }
}

fn sale_result(outcome: &SaleOutcome) -> TestResult {
    match outcome {
        SaleOutcome::Test { event_id, .. } => Recorded(*event_id),
        SaleOutcome::NotAttributed(reason) => NotRecorded(not_attributed(reason).to_owned()),
        SaleOutcome::AlreadyRecorded { .. } => NotRecorded("the service already has this transaction id".to_owned()),
        SaleOutcome::Recorded { .. } | SaleOutcome::RecordedWithoutCommission { .. } => {
            NotRecorded(RECORDED_AS_REAL.to_owned())
        }
        other => NotRecorded(format!("{other:?}")),
    }
}

const RECORDED_AS_REAL: &str = "the service recorded it as a real event; see the dashboard";

/// Explains responses that the service only gives to real events.
fn not_attributed(reason: &NotAttributed) -> &'static str {
    match reason {
        NotAttributed::CustomerNotFound => "the service treated it as a real event, and has no customer with this key",
        NotAttributed::NoPartner => "the service treated it as a real event, of a customer without a partner",
        NotAttributed::WindowExpired { .. } => {
            "the service treated it as a real event, outside of the attribution window"
        }
        _ => "the service treated it as a real event, and attributed it to no partner",
    }
}
