//! `affitor test`: an event in test mode, which has no effect on attribution, commissions or metrics.

use affitor::{Click, ClickId, ClickOutcome, Client, Currency, Lead, LeadOutcome, NotAttributed, Sale, SaleOutcome};
use clap::{Args, Subcommand, builder::RangedI64ValueParser};
use serde_json::json;

use crate::{
    connection::{Connection, Settings},
    ending::{Ending, Failure},
    output::{Output, Sign},
};

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  the service recorded the event, as a test
  1  it did not, or refused the event
  2 to 5 as `affitor --help` says";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    event: Event,
}

#[derive(Debug, Subcommand)]
enum Event {
    /// A click
    #[command(after_help = EXIT_CODES)]
    Click {
        #[command(flatten)]
        connection: Connection,
        /// The landing URL
        #[arg(long, default_value = "https://shop.example/?aff=test", value_name = "URL")]
        affiliate_url: String,
    },
    /// A sign-up
    #[command(after_help = EXIT_CODES)]
    Lead {
        #[command(flatten)]
        connection: Connection,
        /// The shop's id of the user
        #[arg(long, default_value = "test_customer", value_name = "KEY")]
        customer_key: String,
        /// The visitor's click id
        #[arg(long, value_name = "ID")]
        click_id: Option<ClickId>,
    },
    /// A payment
    #[command(after_help = EXIT_CODES)]
    Sale {
        #[command(flatten)]
        connection: Connection,
        /// The payment's id
        #[arg(long, default_value = "test_transaction", value_name = "ID")]
        transaction_id: String,
        /// The amount, in the currency's smallest unit
        #[arg(
            long,
            default_value_t = 9_999,
            value_name = "AMOUNT",
            allow_negative_numbers = true,
            value_parser = RangedI64ValueParser::<u64>::new().range(1..),
        )]
        amount_cents: u64,
        /// The currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: Currency,
        /// The shop's id of the user
        #[arg(long, default_value = "test_customer", value_name = "KEY")]
        customer_key: String,
    },
}

/// What became of a test event.
enum Became {
    /// Recorded, with the event's id where the service said it.
    Recorded(Option<i64>),
    /// Something else.
    Not(String),
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    let (event, became) = match arguments.event {
        Event::Click { connection, affiliate_url } => {
            let settings = connection.settings();
            let outcome = client(&settings)?.track_click(Click::landing(affiliate_url)).await;
            ("click", of_click(&outcome.map_err(|error| settings.explain(&error))?))
        }
        Event::Lead { connection, customer_key, click_id } => {
            let settings = connection.settings();
            let mut lead = Lead::new(customer_key);
            if let Some(click_id) = click_id {
                lead = lead.click_id(click_id);
            }
            let outcome = client(&settings)?.track_lead(lead).await;
            ("lead", of_lead(&outcome.map_err(|error| settings.explain(&error))?))
        }
        Event::Sale { connection, transaction_id, amount_cents, currency, customer_key } => {
            let settings = connection.settings();
            let sale = Sale::new(transaction_id, amount_cents, currency).customer_key(customer_key);
            let outcome = client(&settings)?.track_sale(sale).await;
            ("sale", of_sale(&outcome.map_err(|error| settings.explain(&error))?))
        }
    };
    let document = |recorded: bool, event_id: Option<i64>, why: Option<&str>| {
        let mut document = json!({ "event": event, "test_mode": true, "recorded": recorded, "event_id": event_id });
        if let Some(why) = why {
            document["why"] = why.into();
        }
        output.document(&document);
    };
    match became {
        Became::Recorded(event_id) => {
            document(true, event_id, None);
            let number = event_id.map_or_else(String::new, |id| format!(", as event {id}"));
            output.sign(Sign::Good, &format!("the service recorded a test {event}{number}"));
            Ok(Ending::Fine)
        }
        Became::Not(why) => {
            document(false, None, Some(&why));
            output.sign(Sign::Bad, &format!("no test {event} was recorded: {why}"));
            Ok(Ending::No)
        }
    }
}

fn client(settings: &Settings) -> Result<Client, Failure> {
    settings.build(settings.builder()?.test_mode(true))
}

fn of_click(outcome: &ClickOutcome) -> Became {
    match outcome {
        ClickOutcome::Test { event_id, .. } => Became::Recorded(*event_id),
        ClickOutcome::InactiveLink => Became::Not("the partner's link is switched off".to_owned()),
        ClickOutcome::Recorded { .. } => Became::Not(TAKEN_FOR_REAL.to_owned()),
        other => Became::Not(format!("{other:?}")),
    }
}

fn of_lead(outcome: &LeadOutcome) -> Became {
    match outcome {
        LeadOutcome::Test { event_id, .. } => Became::Recorded(*event_id),
        LeadOutcome::NotAttributed(why) => Became::Not(not_attributed(why)),
        LeadOutcome::AlreadyRecorded => Became::Not("the service has this customer as a lead already".to_owned()),
        LeadOutcome::Recorded | LeadOutcome::Provisional => Became::Not(TAKEN_FOR_REAL.to_owned()),
        other => Became::Not(format!("{other:?}")),
    }
}

fn of_sale(outcome: &SaleOutcome) -> Became {
    match outcome {
        SaleOutcome::Test { event_id, .. } => Became::Recorded(*event_id),
        SaleOutcome::NotAttributed(why) => Became::Not(not_attributed(why)),
        SaleOutcome::AlreadyRecorded { .. } => Became::Not("the service has this transaction id already".to_owned()),
        SaleOutcome::Recorded { .. } | SaleOutcome::RecordedWithoutCommission { .. } => {
            Became::Not(TAKEN_FOR_REAL.to_owned())
        }
        other => Became::Not(format!("{other:?}")),
    }
}

const TAKEN_FOR_REAL: &str = "the service took it for a real one; see the dashboard";

fn not_attributed(why: &NotAttributed) -> String {
    match why {
        NotAttributed::CustomerNotFound => "the service looked for a real customer and knows none of this key",
        NotAttributed::NoPartner => "the service took it for a real one, of a customer whom no partner brought",
        NotAttributed::WindowExpired { .. } => "the service took it for a real one, after the attribution window",
        _ => "the service took it for a real one, and attributed it to nobody",
    }
    .to_owned()
}
