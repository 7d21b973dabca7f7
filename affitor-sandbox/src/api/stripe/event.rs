//! What the service reads from a Stripe event.

use serde_json::Value;

use crate::{interpretations::StripeInvoices, secret::email_hash};

/// Metadata names of the customer key: the current one, then older ones that the service still reads.
const CUSTOMER_KEYS: [&str; 3] = ["affitor_customer_key", "customer_key", "user_id"];

/// Metadata names of the click id: the current one, then an older one.
const CLICK_IDS: [&str; 2] = ["affitor_click_id", "customer_code"];

/// Maximum number of Stripe's ids of a payment.
const MAX_IDS: usize = 20;

/// What an event means to the service.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    Payment(Box<Payment>),
    Refund(Refund),
    Customer(Box<Customer>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// A paid checkout session or invoice.
#[derive(Debug, PartialEq)]
pub(super) struct Payment {
    /// Id of the session or invoice.
    pub(super) object_id: String,
    pub(super) payment_intent: Option<String>,
    /// All of Stripe's ids by which a refund may name the payment.
    pub(super) ids: Vec<String>,
    pub(super) program_id: Option<u64>,
    pub(super) customer_key: Option<String>,
    pub(super) click_id: Option<String>,
    pub(super) email_sha256: Option<String>,
    pub(super) stripe_customer: Option<String>,
    pub(super) subscription_id: Option<String>,
    /// Product of all lines of an invoice.
    pub(super) product_id: Option<String>,
    pub(super) amount_cents: u64,
    pub(super) currency: String,
    pub(super) is_recurring: bool,
}

/// A new customer of the Stripe account.
#[derive(Debug, PartialEq)]
pub(super) struct Customer {
    pub(super) program_id: Option<u64>,
    pub(super) customer_key: Option<String>,
    pub(super) click_id: Option<String>,
    pub(super) email_sha256: Option<String>,
}

/// A charge of which something was refunded.
#[derive(Debug, PartialEq)]
pub(super) struct Refund {
    /// Stripe's ids of the payment.
    pub(super) ids: Vec<String>,
    /// Id of the charge. A payment may have several.
    pub(super) charge: Option<String>,
    /// Running total of the charge's refunds.
    pub(super) refunded_cents: u64,
}

pub(super) fn read(event: &Value, invoices: StripeInvoices) -> Meaning {
    let object = &event["data"]["object"];
    match event["type"].as_str() {
        Some("checkout.session.completed" | "checkout.session.async_payment_succeeded") => session(object, invoices),
        Some("invoice.paid" | "invoice.payment_succeeded") => invoice(object, invoices),
        Some("customer.created") => Meaning::Customer(Box::new(customer(object))),
        Some("invoice.payment_failed") => Meaning::Nothing("a payment that failed changes no sale"),
        Some("customer.subscription.deleted") => Meaning::Nothing("the end of a subscription changes no sale"),
        Some("charge.refunded") => Meaning::Refund(Refund {
            ids: payment_ids(object),
            charge: id(&object["id"]),
            refunded_cents: object["amount_refunded"].as_u64().unwrap_or_default(),
        }),
        Some(_) => Meaning::Nothing("the service does not read this type of event"),
        None => Meaning::Nothing("the event has no type"),
    }
}

/// Returns the program that the metadata of an object names.
pub(super) fn program_id(object: &Value) -> Option<u64> {
    let places = [
        &object["metadata"],
        &object["parent"]["subscription_details"]["metadata"],
        &object["subscription_details"]["metadata"],
    ];
    places.into_iter().find_map(|metadata| number(&metadata["program_id"]))
}

/// Returns Stripe's ids of the payment that an object is about.
pub(super) fn payment_ids(object: &Value) -> Vec<String> {
    ["payment_intent", "invoice", "id"].into_iter().filter_map(|name| id(&object[name])).collect()
}

fn customer(object: &Value) -> Customer {
    let Payment { program_id, customer_key, click_id, email_sha256, .. } =
        payment(object, &object["metadata"], "balance", object["email"].as_str());
    Customer { program_id, customer_key, click_id, email_sha256 }
}

/// Returns the product that all lines of an invoice have.
fn product_of_lines(object: &Value) -> Option<String> {
    let lines = object["lines"]["data"].as_array()?;
    // Since version 2025-03-31 of Stripe's API, and before.
    let product =
        |line: &Value| id(&line["pricing"]["price_details"]["product"]).or_else(|| id(&line["price"]["product"]));
    let mut products = lines.iter().map(product);
    let first = products.next()??;
    products.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn session(object: &Value, invoices: StripeInvoices) -> Meaning {
    if object["payment_status"] != "paid" {
        return Meaning::Nothing("the checkout session is not paid");
    }
    if object["mode"] == "subscription" && invoices == StripeInvoices::All {
        return Meaning::Nothing("subscriptions are recorded from their invoices, not from their checkout sessions");
    }
    let email = object["customer_details"]["email"].as_str().or_else(|| object["customer_email"].as_str());
    let mut payment = payment(object, &object["metadata"], "amount_total", email);
    payment.customer_key = payment.customer_key.or_else(|| id(&object["client_reference_id"]));
    payment.is_recurring = false;
    checked(payment)
}

fn invoice(object: &Value, invoices: StripeInvoices) -> Meaning {
    let reason = object["billing_reason"].as_str().unwrap_or_default();
    let counts = match invoices {
        StripeInvoices::Renewals => reason == "subscription_cycle",
        StripeInvoices::AllButFirst => reason != "subscription_create",
        StripeInvoices::All => true,
    };
    if !counts {
        return Meaning::Nothing(
            "an invoice with this billing_reason is not recorded as a sale (see the interpretation stripe-invoices)",
        );
    }
    let by_parent = &object["parent"]["subscription_details"];
    // Before version 2025-03-31 of Stripe's API, the details are at the top level.
    let details = if by_parent.is_object() { by_parent } else { &object["subscription_details"] };
    let metadata = if details["metadata"].is_object() { &details["metadata"] } else { &object["metadata"] };
    let mut payment = payment(object, metadata, "amount_paid", object["customer_email"].as_str());
    // Since version 2025-03-31 of Stripe's API, an invoice may have several payments.
    for paid in object["payments"]["data"].as_array().into_iter().flatten() {
        payment.ids.extend(["payment_intent", "charge"].into_iter().filter_map(|name| id(&paid["payment"][name])));
    }
    payment.ids.truncate(MAX_IDS);
    payment.payment_intent =
        payment.payment_intent.or_else(|| id(&object["payments"]["data"][0]["payment"]["payment_intent"]));
    payment.subscription_id = payment.subscription_id.or_else(|| id(&details["subscription"]));
    payment.is_recurring = reason == "subscription_cycle";
    payment.product_id = product_of_lines(object);
    checked(payment)
}

fn payment(object: &Value, metadata: &Value, amount: &str, email: Option<&str>) -> Payment {
    let first = |names: &[&str]| names.iter().find_map(|name| id(&metadata[*name]));
    Payment {
        object_id: id(&object["id"]).unwrap_or_default(),
        payment_intent: id(&object["payment_intent"]),
        ids: ["id", "payment_intent", "invoice", "charge"].into_iter().filter_map(|name| id(&object[name])).collect(),
        program_id: number(&metadata["program_id"]),
        customer_key: first(&CUSTOMER_KEYS),
        click_id: first(&CLICK_IDS),
        email_sha256: email.filter(|email| !email.is_empty()).map(email_hash),
        stripe_customer: id(&object["customer"]),
        subscription_id: id(&object["subscription"]),
        product_id: None,
        amount_cents: object[amount].as_u64().unwrap_or_default(),
        currency: object["currency"].as_str().unwrap_or("usd").to_ascii_uppercase(),
        is_recurring: false,
    }
}

fn checked(payment: Payment) -> Meaning {
    if payment.object_id.is_empty() {
        return Meaning::Nothing("the object has no id");
    }
    if payment.amount_cents == 0 {
        return Meaning::Nothing("the amount is 0");
    }
    let is_code = payment.currency.len() == 3 && payment.currency.bytes().all(|letter| letter.is_ascii_uppercase());
    if !is_code {
        return Meaning::Nothing("the currency is not a code of three letters");
    }
    Meaning::Payment(Box::new(payment))
}

/// Returns an id, or that of an expanded object. One that is empty or too long is treated as missing.
fn id(value: &Value) -> Option<String> {
    let id = value.as_str().or_else(|| value["id"].as_str())?;
    (!id.is_empty() && id.chars().nth(crate::memory::ID_LIMIT).is_none()).then(|| id.to_owned())
}
