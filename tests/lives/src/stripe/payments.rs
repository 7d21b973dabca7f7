//! Payments: a payment intent with its charge, and lives that consist of nothing else.

use serde_json::{Value, json};

use super::shop::Shop;

/// A payment that moved money: a charge and its payment intent.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    pub(super) charge: String,
    pub(super) intent: String,
    /// Money that the shop received.
    pub(super) amount: u64,
    /// Sale that the payment belongs to, with the part of it. A payment of several invoices has several.
    pub(super) sales: Vec<(String, u64)>,
}

impl Shop<'_> {
    /// Charges a card. `metadata` is that of the payment intent, `sale` the transaction id of the sale.
    pub(super) fn pay(&mut self, amount: u64, metadata: &Value, invoice: Option<&str>, sale: Option<&str>) -> Movement {
        let intent = self.create_intent(amount, metadata, invoice, false);
        if self.rng.u8(..6) == 0 {
            self.decline(&intent);
        }
        self.succeed(&intent, sale)
    }

    /// A first attempt that fails. It moves no money.
    pub(super) fn decline(&mut self, intent: &str) {
        let charge = self.create_charge(intent, false, "failed");
        self.tell("charge.failed", &charge);
        self.change(intent, json!({ "status": "requires_payment_method", "payment_method": null }));
        self.tell("payment_intent.payment_failed", intent);
        self.note("declined first");
    }

    /// Completes a payment intent.
    pub(super) fn succeed(&mut self, intent: &str, sale: Option<&str>) -> Movement {
        let amount = self.get(intent)["amount"].as_u64().unwrap_or(0);
        let charge = self.create_charge(intent, true, "succeeded");
        self.change(intent, json!({ "status": "succeeded", "amount_received": amount }));
        if self.rng.bool() {
            self.tell("charge.succeeded", &charge);
            self.tell("payment_intent.succeeded", intent);
        } else {
            self.tell("payment_intent.succeeded", intent);
            self.tell("charge.succeeded", &charge);
        }
        let sale = sale.unwrap_or(intent).to_owned();
        Movement { charge, intent: intent.to_owned(), amount, sales: vec![(sale, amount)] }
    }
}

/// A payment intent made by the shop's own code, for a payment page with Stripe Elements.
pub(super) fn bare_intent(shop: &mut Shop<'_>) {
    let amount = crate::money::amount(shop.rng, shop.currency);
    let metadata = shop.metadata.json();
    let movement = shop.pay(amount, &metadata, None, None);
    shop.expect(&movement.intent, amount, 0, false);
    shop.aftermath(&[movement]);
}

/// A payment intent that is authorised, then captured for less. The rest is released, which is no refund.
pub(super) fn partial_capture(shop: &mut Shop<'_>) {
    let amount = crate::money::amount(shop.rng, shop.currency);
    let captured = shop.rng.u64(1..=amount);
    let metadata = shop.metadata.json();
    let intent = shop.create_intent(amount, &metadata, None, true);
    let charge = shop.create_charge(&intent, false, "succeeded");
    shop.change(&intent, json!({ "status": "requires_capture", "amount_capturable": amount }));
    shop.tell("charge.succeeded", &charge);
    shop.tell("payment_intent.amount_capturable_updated", &intent);

    let transaction = shop.id("txn");
    let fields = json!({ "captured": true, "amount_captured": captured, "balance_transaction": transaction });
    let previous = shop.change(&charge, fields);
    shop.change(&intent, json!({ "status": "succeeded", "amount_capturable": 0, "amount_received": captured }));
    shop.tell_change("charge.captured", &charge, &previous);
    shop.tell("payment_intent.succeeded", &intent);
    if shop.is_old() && captured < amount {
        shop.release(&charge, &intent, amount - captured);
    }
    shop.expect(&intent, captured, 0, false);
    let sales = vec![(intent.clone(), captured)];
    shop.aftermath(&[Movement { charge, intent, amount: captured, sales }]);
}
