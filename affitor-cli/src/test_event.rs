//! `affitor test`: an event in test mode, which has no effect on attribution, commissions or metrics.

use affitor::{Click, ClickId, ClickOutcome, Currency, Lead, LeadOutcome, Sale, SaleOutcome};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    output::{Output, Sign},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    event: Event,
}

#[derive(Debug, Subcommand)]
enum Event {
    /// A click
    Click {
        #[command(flatten)]
        connection: Connection,
        /// The landing URL
        #[arg(long, default_value = "https://shop.example/?aff=test", value_name = "URL")]
        affiliate_url: String,
    },
    /// A sign-up
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
    Sale {
        #[command(flatten)]
        connection: Connection,
        /// The payment's id
        #[arg(long, default_value = "test_transaction", value_name = "ID")]
        transaction_id: String,
        /// The amount, in the currency's smallest unit
        #[arg(long, default_value_t = 9_999, value_name = "AMOUNT", value_parser = clap::value_parser!(u64).range(1..))]
        amount_cents: u64,
        /// The currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: Currency,
        /// The shop's id of the user
        #[arg(long, default_value = "test_customer", value_name = "KEY")]
        customer_key: String,
    },
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    let (event, answer, event_id) = match arguments.event {
        Event::Click { connection, affiliate_url } => {
            let outcome = connection.builder()?.test_mode(true).build()?;
            let outcome = outcome.track_click(Click::landing(affiliate_url)).await?;
            let id = match outcome {
                ClickOutcome::Test { event_id, .. } => Some(event_id),
                _ => None,
            };
            ("click", format!("{outcome:?}"), id)
        }
        Event::Lead { connection, customer_key, click_id } => {
            let client = connection.builder()?.test_mode(true).build()?;
            let mut lead = Lead::new(customer_key);
            if let Some(click_id) = click_id {
                lead = lead.click_id(click_id);
            }
            let outcome = client.track_lead(lead).await?;
            let id = match outcome {
                LeadOutcome::Test { event_id, .. } => Some(event_id),
                _ => None,
            };
            ("lead", format!("{outcome:?}"), id)
        }
        Event::Sale { connection, transaction_id, amount_cents, currency, customer_key } => {
            let client = connection.builder()?.test_mode(true).build()?;
            let sale = Sale::new(transaction_id, amount_cents, currency).customer_key(customer_key);
            let outcome = client.track_sale(sale).await?;
            let id = match outcome {
                SaleOutcome::Test { event_id, .. } => Some(event_id),
                _ => None,
            };
            ("sale", format!("{outcome:?}"), id)
        }
    };
    let recorded = event_id.is_some();
    let event_id = event_id.flatten();
    output.document(&json!({ "event": event, "test_mode": true, "recorded": recorded, "event_id": event_id }));
    if recorded {
        let number = event_id.map_or_else(String::new, |id| format!(", as event {id}"));
        output.sign(Sign::Good, &format!("the service recorded a test {event}{number}"));
        Ok(Ending::Fine)
    } else {
        output.sign(Sign::Bad, &format!("the service took the {event} for a real one: {answer}"));
        Ok(Ending::No)
    }
}
