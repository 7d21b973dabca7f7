//! Lives of Paddle customers.

mod adjustment;
mod payout;
mod transaction;

use serde_json::{Value, json};

use crate::story::Story;
use crate::{Api, Life, Provider, money};
use transaction::Transaction;

const API: &str = "transaction via API";
const FREE: &str = "free transaction";
const SUBSCRIPTION: &str = "subscription";
const TRIAL: &str = "subscription with trial";
const UPDATE: &str = "subscription update";
const CHARGE: &str = "one-time charge of a subscription";

pub(crate) const KINDS: &[&str] = &["transaction via web", API, FREE, SUBSCRIPTION, TRIAL, UPDATE, CHARGE];

/// What all objects of a customer have in common.
struct Buyer {
    customer: String,
    address: String,
    subscription: Option<String>,
    custom_data: Value,
}

/// Sends an event with an object.
fn tell(story: &mut Story<'_>, event: &str, object: &Value) {
    story.wait();
    story.store(object);
    let (id, notification) = (story.ids.paddle(story.rng, "evt"), story.ids.paddle(story.rng, "ntf"));
    let body = json!({
        "event_id": id,
        "event_type": event,
        "occurred_at": story.now(),
        "notification_id": notification,
        "data": object,
    });
    story.send(id, body);
}

/// Generates a life.
pub(crate) fn live(rng: &mut fastrand::Rng, api: Api, kind: &'static str, number: u64, now: u64) -> Life {
    let mut story = Story::new(rng, number, now);
    let transactions = pay_all(&mut story, kind);
    for transaction in &transactions {
        adjustment::aftermath(&mut story, transaction);
    }
    story.end(Provider::Paddle, api, kind)
}

/// Lets all payments happen. Returns them in the random order in which they are adjusted.
fn pay_all(story: &mut Story<'_>, kind: &str) -> Vec<Transaction> {
    let mut custom_data = json!({ "user_id": story.customer_key });
    if story.rng.bool() {
        custom_data["affitor_click_id"] = json!(story.click_id());
    }
    let (customer, address) = (story.ids.paddle(story.rng, "ctm"), story.ids.paddle(story.rng, "add"));
    let mut buyer = Buyer { customer, address, subscription: None, custom_data };
    let amount = money::amount(story.rng, story.currency);
    let mut transactions = Vec::new();
    match kind {
        API => transactions.push(Transaction::pay(story, &buyer, "api", amount)),
        FREE => transactions.push(Transaction::pay(story, &buyer, "web", 0)),
        SUBSCRIPTION | TRIAL | UPDATE | CHARGE => {
            buyer.subscription = Some(story.ids.paddle(story.rng, "sub"));
            let first = if kind == TRIAL { 0 } else { amount };
            transactions.push(Transaction::pay(story, &buyer, "web", first));
            if kind == UPDATE || kind == CHARGE {
                let origin = if kind == UPDATE { "subscription_update" } else { "subscription_charge" };
                let extra = money::amount(story.rng, story.currency);
                transactions.push(Transaction::pay(story, &buyer, origin, extra));
            }
            for _ in 0..story.rng.u8(0..=4) {
                transactions.push(Transaction::pay(story, &buyer, "subscription_recurring", amount));
            }
        }
        _ => transactions.push(Transaction::pay(story, &buyer, "web", amount)),
    }
    story.rng.shuffle(&mut transactions);
    transactions
}
