//! Lives of Lemon Squeezy customers.

mod invoice;
mod order;
mod refunds;

use serde_json::{Value, json};

use crate::story::Story;
use crate::{Api, Life, Provider, money};

const FREE: &str = "free order";
const SUBSCRIPTION: &str = "subscription";
const TRIAL: &str = "subscription with trial";
const UPDATE: &str = "subscription update";

pub(crate) const KINDS: &[&str] = &["order", FREE, SUBSCRIPTION, TRIAL, UPDATE];

/// What all objects of a customer have in common.
struct Buyer {
    store: u64,
    customer: u64,
    /// Custom data of the checkout, sent with each webhook.
    custom_data: Value,
}

/// One payment: an order, or an invoice of a subscription.
struct Payment {
    /// `orders` or `subscription-invoices`.
    kind: &'static str,
    id: u64,
    /// Id of the sale, or of the order's sale for a subscription's initial invoice.
    sale: String,
    total: u64,
    json: Value,
    /// The initial invoice, if this is the order of a subscription: the same money told twice.
    twin: Option<Box<Payment>>,
}

impl Payment {
    fn tell(&self, story: &mut Story<'_>, buyer: &Buyer, event: &str) {
        tell(story, buyer, event, &self.json);
    }
}

/// Sends an event with an object.
fn tell(story: &mut Story<'_>, buyer: &Buyer, event: &str, object: &Value) {
    story.wait();
    story.store(object);
    let (id, webhook) = (story.uuid(), story.uuid());
    let body = json!({
        "meta": {
            "test_mode": false,
            "event_name": event,
            "custom_data": buyer.custom_data,
            "webhook_id": webhook,
        },
        "data": object,
    });
    story.send(id, body);
}

/// Related objects, of which the API gives the addresses only.
fn relationships(kind: &str, id: u64, names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| {
            let url = format!("https://api.lemonsqueezy.com/v1/{kind}/{id}");
            (
                (*name).to_owned(),
                json!({ "links": {
                "related": format!("{url}/{name}"),
                "self": format!("{url}/relationships/{name}"),
            } }),
            )
        })
        .collect()
}

/// Generates a life.
pub(crate) fn live(rng: &mut fastrand::Rng, api: Api, kind: &'static str, number: u64, now: u64) -> Life {
    let mut story = Story::new(rng, number, now);
    let mut custom_data = json!({ "user_id": story.customer_key });
    if story.rng.bool() {
        custom_data["affitor_click_id"] = json!(story.click_id());
    }
    let buyer = Buyer { store: 17, customer: story.ids.integer(), custom_data };
    let amount = money::amount(story.rng, story.currency);
    let mut payments = match kind {
        SUBSCRIPTION | TRIAL | UPDATE => subscription(&mut story, &buyer, kind, amount),
        FREE => vec![order::pay(&mut story, &buyer, 0)],
        _ => vec![order::pay(&mut story, &buyer, amount)],
    };
    story.rng.shuffle(&mut payments);
    for payment in &mut payments {
        refunds::aftermath(&mut story, &buyer, payment);
    }
    story.end(Provider::LemonSqueezy, api, kind)
}

fn subscription(story: &mut Story<'_>, buyer: &Buyer, kind: &str, amount: u64) -> Vec<Payment> {
    let first = if kind == TRIAL { 0 } else { amount };
    let mut order = order::pay(story, buyer, first);
    let id = invoice::start(story, buyer, &order, kind == TRIAL);
    let initial = invoice::pay_initial(story, buyer, id, &order);
    let order_id = order.id;
    order.twin = Some(Box::new(initial));
    let mut payments = vec![order];
    if kind == UPDATE {
        let difference = money::amount(story.rng, story.currency);
        let invoice = story.ids.integer();
        payments.push(invoice::pay(story, buyer, (id, invoice), "updated", difference));
    }
    for renewal in 0..story.rng.u8(0..=4) {
        // Orders and invoices are counted apart, so an invoice can have the id of an order.
        let same = renewal == 0 && story.rng.bool();
        let invoice = if same { order_id } else { story.ids.integer() };
        payments.push(invoice::pay(story, buyer, (id, invoice), "renewal", amount));
    }
    payments
}

/// An amount as Lemon Squeezy shows it to people.
fn formatted(amount: u64) -> String {
    format!("${}.{:02}", amount / 100, amount % 100)
}
