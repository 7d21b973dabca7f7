//! Lives of Polar customers.

mod order;
mod refunds;

use serde_json::{Value, json};

use crate::story::Story;
use crate::{Api, Life, Provider, money};
use order::Order;

const FREE: &str = "free order";
const SUBSCRIPTION: &str = "subscription";
const TRIAL: &str = "subscription with trial";
const UPDATE: &str = "subscription update";

pub(crate) const KINDS: &[&str] = &["purchase", FREE, SUBSCRIPTION, TRIAL, UPDATE];

/// A Polar customer.
struct Buyer {
    customer_id: String,
    external_id: Option<String>,
    /// Metadata of the checkout, which Polar copies to each order.
    metadata: Value,
    organization_id: String,
    product_id: String,
}

impl Buyer {
    /// Draws how the shop tells who the customer is, and sets the customer key accordingly.
    fn draw(story: &mut Story<'_>) -> Self {
        let (customer_id, organization_id, product_id) = (story.uuid(), story.uuid(), story.uuid());
        let key = story.customer_key.clone();
        let (metadata, external_id) = match story.rng.u8(..4) {
            0 => (json!({ "user_id": key }), None),
            1 => (json!({ "user_id": key, "affitor_click_id": story.click_id() }), Some(format!("crm_{key}"))),
            2 => {
                story.note("customer by external id");
                (json!({}), Some(key))
            }
            _ => {
                story.note("customer by Polar's id");
                story.customer_key.clone_from(&customer_id);
                (json!({ "reference_id": story.click_id() }), None)
            }
        };
        Self { customer_id, external_id, metadata, organization_id, product_id }
    }
}

/// Generates a life.
pub(crate) fn live(rng: &mut fastrand::Rng, api: Api, kind: &'static str, number: u64, now: u64) -> Life {
    let mut story = Story::new(rng, number, now);
    let story_ref = &mut story;
    let buyer = Buyer::draw(story_ref);
    let amount = money::amount(story_ref.rng, story_ref.currency);
    let mut orders = Vec::new();
    match kind {
        FREE => orders.push(Order::pay(story_ref, &buyer, "purchase", 0, None)),
        SUBSCRIPTION | TRIAL | UPDATE => {
            let id = story_ref.uuid();
            let subscription = Some(id.as_str());
            let first = if kind == TRIAL { 0 } else { amount };
            orders.push(Order::pay(story_ref, &buyer, "subscription_create", first, subscription));
            if kind == UPDATE {
                let difference = money::amount(story_ref.rng, story_ref.currency);
                orders.push(Order::pay(story_ref, &buyer, "subscription_update", difference, subscription));
            }
            for _ in 0..story_ref.rng.u8(0..=4) {
                orders.push(Order::pay(story_ref, &buyer, "subscription_cycle", amount, subscription));
            }
        }
        _ => orders.push(Order::pay(story_ref, &buyer, "purchase", amount, None)),
    }
    story_ref.rng.shuffle(&mut orders);
    for mut order in orders {
        refunds::aftermath(story_ref, &mut order);
    }
    story.end(Provider::Polar, api, kind)
}
