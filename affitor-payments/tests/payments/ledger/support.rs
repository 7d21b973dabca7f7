//! Rows of the tables: what is delivered, and what should come of it.

use affitor_payments::{
    Provider, Webhook,
    ledger::{Policy, Reported, Reports},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::shop::{Outcome, run};

/// Time of the first delivery, in seconds of Unix time.
pub(crate) const NOW: u64 = 1_790_000_000;

/// A webhook, or an object of the provider's API.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The whole webhook.
    pub(crate) body: Value,
    /// Path of the object in the webhook.
    object: &'static str,
    pub(crate) by_api: bool,
    /// Time since the delivery before, in seconds.
    pub(crate) delay: u64,
}

impl Delivery {
    pub(crate) fn new(body: Value, object: &'static str) -> Self {
        Self { body, object, by_api: false, delay: 1 }
    }

    /// Sets a field of the object.
    pub(crate) fn set(self, path: &str, value: impl Serialize) -> Self {
        let path = format!("{}.{path}", self.object);
        self.top(&path, value)
    }

    /// Sets a field of the webhook.
    pub(crate) fn top(mut self, path: &str, value: impl Serialize) -> Self {
        *path.split('.').fold(&mut self.body, |place, name| &mut place[name]) = json!(value);
        self
    }

    /// Removes a field of the object.
    pub(crate) fn without(mut self, name: &str) -> Self {
        let object = self.object.split('.').fold(&mut self.body, |place, name| &mut place[name]);
        object.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    /// The same object, but in a response of the API.
    pub(crate) fn by_api(self) -> Self {
        Self { by_api: true, ..self }
    }

    /// Delivers it after a pause.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { delay: seconds, ..self }
    }

    pub(crate) fn object(&self) -> &Value {
        self.object.split('.').fold(&self.body, |place, name| &place[name])
    }
}

/// A row of a table.
pub(crate) struct Row<P: Provider> {
    pub(crate) name: &'static str,
    /// What is delivered. Several versions must give the same result.
    versions: Vec<Vec<Delivery>>,
    /// Events in order, then payments with a status or doubt of their own, then what is not read. See [`Outcome`].
    expected: String,
    held: Option<&'static str>,
    today: Option<&'static str>,
    pub(crate) policy: fn(&mut Policy),
    pub(crate) endpoint: fn(Webhook<P>) -> Webhook<P>,
    pub(crate) reports: Reports,
    order_matters: Option<&'static str>,
}

/// Creates a row.
pub(crate) fn row<P: Provider>(name: &'static str, deliveries: impl Into<Vec<Delivery>>) -> Row<P> {
    Row {
        name,
        versions: vec![deliveries.into()],
        expected: String::new(),
        held: None,
        today: None,
        policy: |_| {},
        endpoint: |webhook| webhook,
        reports: Reports::new(),
        order_matters: None,
    }
}

impl<P: Provider> Row<P> {
    /// Adds another version of what is delivered, with the same result.
    pub(crate) fn or(mut self, deliveries: impl Into<Vec<Delivery>>) -> Self {
        self.versions.push(deliveries.into());
        self
    }

    /// Sets what is expected in the end.
    pub(crate) fn gives(self, expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), ..self }
    }

    /// Sets what is expected before the hold has passed.
    pub(crate) fn held(self, expected: &'static str) -> Self {
        Self { held: Some(expected), ..self }
    }

    /// Marks a row that gives a wrong result, which is this one.
    pub(crate) fn but_today(self, result: &'static str) -> Self {
        Self { today: Some(result), ..self }
    }

    pub(crate) fn policy(self, policy: fn(&mut Policy)) -> Self {
        Self { policy, ..self }
    }

    pub(crate) fn endpoint(self, endpoint: fn(Webhook<P>) -> Webhook<P>) -> Self {
        Self { endpoint, ..self }
    }

    /// Adds something that was reported before.
    pub(crate) fn reported(mut self, transaction_id: &str, change: impl FnOnce(&mut Reported)) -> Self {
        change(self.reports.entry(transaction_id.to_owned()).or_default());
        self
    }

    /// Says why another order gives another result.
    pub(crate) fn order_matters(self, why: &'static str) -> Self {
        Self { order_matters: Some(why), ..self }
    }

    /// Compares, and returns the differences.
    fn check(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: &str, expected: &str| {
            if found != expected {
                let name = self.name;
                differences.push(format!("{name} ({what})\n  found    {found:?}\n  expected {expected:?}"));
            }
        };
        for deliveries in &self.versions {
            let once = run(self, deliveries, true);
            compare("in order", &once.text(), &self.expected);
            if let Some(held) = self.held {
                compare("before the hold has passed", &once.held, held);
            }
            if self.order_matters.is_some() {
                continue;
            }
            for (what, deliveries) in orders(deliveries) {
                compare(&what, &run(self, &deliveries, true).summary(), &once.summary());
            }
            compare("decided once, at the end", &run(self, deliveries, false).summary(), &once.summary());
        }
        differences
    }

    fn outcome(&self) -> Outcome {
        run(self, &self.versions[0], true)
    }
}

/// The same deliveries twice each: as they are, in reverse order, and beginning at every other one.
fn orders(deliveries: &[Delivery]) -> Vec<(String, Vec<Delivery>)> {
    let twice = |deliveries: &mut dyn Iterator<Item = &Delivery>| {
        deliveries.flat_map(|delivery| [delivery.clone(), Delivery { delay: 1, ..delivery.clone() }]).collect()
    };
    let mut orders = vec![
        ("twice each".to_owned(), twice(&mut deliveries.iter())),
        ("twice each, in reverse order".to_owned(), twice(&mut deliveries.iter().rev())),
    ];
    for first in 1..deliveries.len() {
        let mut rotated = deliveries[first..].iter().chain(&deliveries[..first]);
        orders.push((format!("twice each, beginning at {first}"), twice(&mut rotated)));
    }
    orders
}

/// Checks a table.
pub(crate) fn check<P: Provider>(rows: &[Row<P>]) {
    let differences: Vec<String> = rows.iter().flat_map(Row::check).collect();
    assert!(differences.is_empty(), "{}:\n{}", P::NAME, differences.join("\n"));
}

/// Checks rows that give a wrong result: it must be the known one. A row that is right belongs into the table.
pub(crate) fn check_known<P: Provider>(rows: &[Row<P>]) {
    let mut differences = Vec::new();
    for row in rows {
        let (name, found, today) = (row.name, row.outcome().text(), row.today.expect("a known wrong result"));
        if found != today {
            differences
                .push(format!("{name}\n  found    {found:?}\n  known    {today:?}\n  right is {:?}", row.expected));
        }
        if row.check().is_empty() {
            differences.push(format!("{name} is right now: move it into the table"));
        }
    }
    assert!(differences.is_empty(), "{}:\n{}", P::NAME, differences.join("\n"));
}
