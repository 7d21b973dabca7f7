//! Lives with a subscription. Each paid invoice is a sale, whose id is the invoice's.

use serde_json::json;

use super::invoice::Draft;
use super::line::Line;
use super::payments::Movement;
use super::session::Sold;
use super::shop::Shop;
use super::subscription::Subscription;

/// A subscription with the payments of it that can still be refunded.
struct Running {
    subscription: Subscription,
    movements: Vec<Movement>,
    /// Credit of the customer.
    credit: u64,
    /// Tax in each invoice: this many hundredths of the net amount.
    tax_rate: u64,
}

impl Running {
    fn start(shop: &mut Shop<'_>, trial: bool) -> Self {
        let amount = crate::money::amount(shop.rng, shop.currency);
        let subscription = shop.create_subscription(amount, trial);
        let tax_rate = [0, 0, 19, 20, 8][shop.rng.usize(..5)];
        Self { subscription, movements: Vec::new(), credit: 0, tax_rate }
    }

    /// Makes an invoice and has it paid. Returns its id and the amount paid.
    fn bill(&mut self, shop: &mut Shop<'_>, reason: &str, lines: Vec<Line>) -> (String, u64) {
        let subscription = self.subscription.clone();
        let mut draft = Draft::new(reason, lines);
        let net = draft.lines.iter().map(|line| line.amount).sum::<i64>();
        draft.tax = u64::try_from(net).unwrap_or(0) * self.tax_rate / 100;
        draft.credit = self.credit;
        draft.subscription = Some(&subscription);
        self.credit = draft.credit_after();
        let (due, tax) = (draft.due(), draft.tax);
        let invoice = shop.create_invoice(&draft);
        shop.change(&subscription.id, json!({ "latest_invoice": invoice }));
        shop.finalize(&invoice);
        let movement = (due > 0).then(|| shop.pay(due, &json!({}), Some(&invoice), Some(&invoice)));
        shop.mark_paid(&invoice, movement.as_slice());
        shop.expect(&invoice, due, tax, reason != "subscription_create");
        if let Some(movement) = movement {
            if shop.rng.u8(..3) == 0 {
                shop.aftermath(&[movement]);
            } else {
                self.movements.push(movement);
            }
        }
        (invoice, due)
    }

    fn first(&mut self, shop: &mut Shop<'_>) -> (String, u64) {
        let lines = vec![Line::period(self.subscription.amount)];
        self.bill(shop, "subscription_create", lines)
    }

    fn renew(&mut self, shop: &mut Shop<'_>) {
        shop.next_period(&mut self.subscription);
        let lines = vec![Line::period(self.subscription.amount)];
        self.bill(shop, "subscription_cycle", lines);
    }

    fn renew_some(&mut self, shop: &mut Shop<'_>) {
        for _ in 0..shop.rng.u8(0..=4) {
            self.renew(shop);
        }
    }

    fn finish(self, shop: &mut Shop<'_>) {
        shop.aftermath(&self.movements);
    }
}

fn tell_session(shop: &mut Shop<'_>, running: &Running, invoice: &str, amount: u64) {
    let session = shop.create_session(&Sold {
        mode: "subscription",
        amount,
        tax: amount.saturating_sub(running.subscription.amount),
        payment_status: if amount == 0 { "no_payment_required" } else { "paid" },
        intent: None,
        invoice: Some(invoice),
        subscription: Some(&running.subscription.id),
        invoice_creation: None,
    });
    shop.tell("checkout.session.completed", &session);
}

/// Checkout sells a subscription, which then renews.
pub(super) fn via_checkout(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    let (invoice, amount) = running.first(shop);
    tell_session(shop, &running, &invoice, amount);
    running.renew_some(shop);
    running.finish(shop);
}

/// Checkout sells a subscription that begins with a free trial.
pub(super) fn with_trial(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, true);
    let (invoice, _) = running.bill(shop, "subscription_create", vec![Line::period(0)]);
    tell_session(shop, &running, &invoice, 0);
    running.renew_some(shop);
    running.finish(shop);
}

/// The shop's own code creates the subscription.
pub(super) fn via_api(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    running.first(shop);
    running.renew_some(shop);
    running.finish(shop);
}

/// The customer takes a dearer plan and pays the difference at once.
pub(super) fn upgrade(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    running.first(shop);
    let (old, new) = (running.subscription.amount, running.subscription.amount * 3);
    shop.change_price(&mut running.subscription, new);
    let half = |amount: u64| (amount / 2).cast_signed();
    let lines = vec![Line::proration(-half(old)), Line::proration(half(new))];
    running.bill(shop, "subscription_update", lines);
    running.renew_some(shop);
    running.finish(shop);
}

/// The customer takes a cheaper plan. The credit pays later invoices in whole or in part.
pub(super) fn downgrade(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    running.first(shop);
    let (old, new) = (running.subscription.amount, running.subscription.amount / 3);
    shop.change_price(&mut running.subscription, new);
    let half = |amount: u64| (amount / 2).cast_signed();
    let lines = vec![Line::proration(-half(old)), Line::proration(half(new))];
    running.bill(shop, "subscription_update", lines);
    running.renew(shop);
    running.renew_some(shop);
    running.finish(shop);
}

/// The customer has credit, which pays the first invoices in whole or in part.
pub(super) fn credit_balance(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    running.credit = shop.rng.u64(1..=running.subscription.amount * 2);
    running.first(shop);
    running.renew_some(shop);
    running.finish(shop);
}

/// Several invoices within one period: changes of the quantity, each billed at once.
pub(super) fn several(shop: &mut Shop<'_>) {
    let mut running = Running::start(shop, false);
    running.first(shop);
    for _ in 0..shop.rng.u8(2..=3) {
        let amount = crate::money::amount(shop.rng, shop.currency);
        running.bill(shop, "subscription_update", vec![Line::proration(amount.cast_signed())]);
    }
    running.renew_some(shop);
    running.finish(shop);
}
