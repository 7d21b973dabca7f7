//! All objects of one payment of Stripe.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{
        Stripe,
        api::Api,
        collected::{Collected, reference},
    },
    Root, next, page,
};
use crate::failure::Failure;
use crate::provider::PaymentProvider;

/// Most payments and invoices that are read together. One payment may pay several invoices, and one invoice may have several payments.
const MOST_RELATED: usize = 500;

/// A payment whose objects are collected: each one leads to others.
pub(super) struct Payment {
    api: Api,
    pub(super) collected: Collected,
    /// Ids of the payment intents, charges and invoices whose objects are among the collected ones.
    pub(super) ids: HashSet<String>,
    found: HashSet<Root>,
    waiting: Vec<Root>,
}

impl Payment {
    /// Collects everything that belongs to a payment.
    pub(super) async fn collect(api: Api, root: Root) -> Result<Self, Failure> {
        let collected = Collected::new(root.id());
        let (ids, found, waiting) = (HashSet::new(), HashSet::new(), vec![]);
        let mut payment = Self { api, collected, ids, found, waiting };
        payment.follow(root);
        while let Some(root) = payment.waiting.pop() {
            match &root {
                Root::Intent(id) => payment.intent(id).await?,
                Root::Charge(id) => payment.charge(id).await?,
                Root::Invoice(id) => payment.invoice(id).await?,
                Root::Subscription(id) => payment.subscription(id).await?,
            }
        }
        Ok(payment)
    }

    fn follow(&mut self, root: Root) {
        if !self.found.insert(root.clone()) {
            return;
        }
        if self.found.len() > MOST_RELATED {
            let reason = format!("more than {MOST_RELATED} payments and invoices belong together");
            self.collected.refused.get_or_insert(reason);
            return;
        }
        // The payments of a subscription have nothing else in common.
        if !matches!(root, Root::Subscription(_)) {
            self.ids.insert(root.id().to_owned());
        }
        self.waiting.push(root);
    }

    async fn intent(&mut self, id: &str) -> Result<(), Failure> {
        match self.api.get(&["v1", "payment_intents", id], &[]).await? {
            Some(intent) => self.add(&intent),
            None => self.is_missing("payment intent"),
        }
        let of_intent = &[("payment_intent", id)];
        let charges = self.all(&["charges"], of_intent).await?;
        self.charges(&charges, of_intent).await?;
        // Webhooks do not say what a session sold.
        let with_lines = &[("payment_intent", id), ("expand[]", "data.line_items")];
        for mut session in self.all(&["checkout", "sessions"], with_lines).await? {
            if let Some(id) = reference(&session, "/id").map(str::to_owned) {
                self.complete(&mut session["line_items"], &["checkout", "sessions", &id, "line_items"]).await?;
            }
            self.add(&session);
            if let Some(invoice) = reference(&session, "/invoice") {
                self.follow(Root::Invoice(invoice.to_owned()));
            }
        }
        let filters = &[("payment[type]", "payment_intent"), ("payment[payment_intent]", id)];
        let payments = self.all(&["invoice_payments"], filters).await?;
        self.invoice_payments(&payments);
        Ok(())
    }

    async fn charge(&mut self, id: &str) -> Result<(), Failure> {
        let charge = self.api.get(&["v1", "charges", id], &[]).await?;
        match charge {
            Some(charge) => match reference(&charge, "/payment_intent") {
                Some(intent) => self.follow(Root::Intent(intent.to_owned())),
                None => self.charges(&[charge], &[("charge", id)]).await?,
            },
            None => self.is_missing("charge"),
        }
        Ok(())
    }

    /// Adds the charges of a payment, and everything that was returned of it. Refunds are always read: the ledger may know a total
    /// from which a refund that failed has disappeared.
    async fn charges(&mut self, charges: &[Value], filter: &[(&str, &str)]) -> Result<(), Failure> {
        let charges: Vec<&Value> = charges.iter().filter(|charge| charge["status"] != "failed").collect();
        for charge in &charges {
            self.add(charge);
        }
        if !charges.is_empty() {
            for refund in self.all(&["refunds"], filter).await? {
                self.add(&refund);
            }
        }
        if charges.iter().any(|charge| charge["disputed"] != false) {
            for dispute in self.all(&["disputes"], filter).await? {
                self.add(&dispute);
            }
        }
        Ok(())
    }

    async fn invoice(&mut self, id: &str) -> Result<(), Failure> {
        let Some(mut invoice) = self.api.get(&["v1", "invoices", id], &[]).await? else {
            self.is_missing("invoice");
            return Ok(());
        };
        self.complete(&mut invoice["lines"], &["invoices", id, "lines"]).await?;
        self.add(&invoice);
        if invoice["post_payment_credit_notes_amount"] != 0 {
            for note in self.all(&["credit_notes"], &[("invoice", id)]).await? {
                self.add(&note);
            }
        }
        if let Some(subscription) = reference(&invoice, "/parent/subscription_details/subscription") {
            self.follow(Root::Subscription(subscription.to_owned()));
        }
        let payments = self.all(&["invoice_payments"], &[("invoice", id)]).await?;
        self.invoice_payments(&payments);
        Ok(())
    }

    fn invoice_payments(&mut self, payments: &[Value]) {
        for payment in payments.iter().filter(|payment| payment["status"] == "paid") {
            self.add(payment);
            if let Some(invoice) = reference(payment, "/invoice") {
                self.follow(Root::Invoice(invoice.to_owned()));
            }
            if let Some(intent) = reference(payment, "/payment/payment_intent") {
                self.follow(Root::Intent(intent.to_owned()));
            } else if let Some(charge) = reference(payment, "/payment/charge") {
                self.follow(Root::Charge(charge.to_owned()));
            }
        }
    }

    /// Adds who a subscription belongs to, as the subscription and its Checkout session say it.
    async fn subscription(&mut self, id: &str) -> Result<(), Failure> {
        if let Some(subscription) = self.api.get(&["v1", "subscriptions", id], &[]).await? {
            self.collected.add_sources::<Stripe>(PaymentProvider::Stripe, &subscription);
        }
        for session in self.all(&["checkout", "sessions"], &[("subscription", id)]).await? {
            self.collected.add_sources::<Stripe>(PaymentProvider::Stripe, &session);
        }
        Ok(())
    }

    /// Completes a list inside of an object, which has only its first entries.
    async fn complete(&self, list: &mut Value, path: &[&str]) -> Result<(), Failure> {
        if list["has_more"] == true {
            list["data"] = self.all(path, &[]).await?.into();
            list["has_more"] = false.into();
        }
        Ok(())
    }

    fn is_missing(&mut self, kind: &str) {
        let reason = format!("its {kind} does not exist in this account and mode");
        self.collected.refused.get_or_insert(reason);
    }

    fn add(&mut self, object: &Value) {
        self.collected.add::<Stripe>(PaymentProvider::Stripe, object);
    }

    /// Requests all pages of a list about this payment.
    async fn all(&self, list: &[&str], filters: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        let (mut all, mut has_more) = page(&self.api, list, filters, None).await?;
        let mut after = None;
        while has_more {
            let last = next(&self.api, &all, after.as_deref())?;
            let items;
            (items, has_more) = page(&self.api, list, filters, Some(&last)).await?;
            all.extend(items);
            after = Some(last);
        }
        Ok(all)
    }
}
