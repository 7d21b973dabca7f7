//! Code of the shop's own that reads the webhooks, as somebody would write it who does not use `event.track`.

use std::collections::HashMap;

use affitor::{ClickId, Currency, Event, Refund, Sale, stripe::CUSTOMER_KEY};
use serde_json::Value;

use super::Variant;

/// What the shop remembers of its payments.
#[derive(Default)]
pub(super) struct Reported {
    /// The invoice of each payment intent.
    invoices: HashMap<String, String>,
    /// The first sale of each customer at Stripe.
    first_sales: HashMap<String, String>,
}

impl Reported {
    /// Returns what a webhook says.
    pub(super) fn read(&mut self, variant: Variant, kind: &str, data: &Value) -> Option<Event> {
        let object = &data["object"];
        match kind {
            "checkout.session.completed" if object["mode"] == "payment" => {
                let customer_key = &object["metadata"][CUSTOMER_KEY];
                Some(sale(variant, &object["payment_intent"], &object["amount_total"], customer_key).into())
            }
            "invoice.paid" => {
                let is_renewal = object["billing_reason"] == "subscription_cycle";
                if is_renewal && variant == Variant::NoRenewal {
                    return None;
                }
                self.first_sales.entry(text(&object["customer"])).or_insert_with(|| text(&object["id"]));
                let customer_key = &object["parent"]["subscription_details"]["metadata"][CUSTOMER_KEY];
                let sale = sale(variant, &object["id"], &object["amount_paid"], customer_key);
                Some(sale.recurring(is_renewal).into())
            }
            "invoice_payment.paid" => {
                self.invoices.insert(text(&object["payment"]["payment_intent"]), text(&object["invoice"]));
                None
            }
            "charge.refunded" if variant != Variant::NoRefund => Some(self.refund(variant, data).into()),
            _ => None,
        }
    }

    fn refund(&self, variant: Variant, data: &Value) -> Refund {
        let (charge, before) = (&data["object"], &data["previous_attributes"]);
        let intent = text(&charge["payment_intent"]);
        let of_payment = || self.invoices.get(&intent).cloned().unwrap_or(intent);
        let id = match variant {
            // The mistake: it is the id of another payment of the same customer.
            Variant::RefundOfFirstInvoice => self.first_sales[&text(&charge["customer"])].clone(),
            _ => of_payment(),
        };
        let total = cents(&charge["amount_refunded"]);
        match variant {
            // The mistake: earlier refunds are part of the total.
            Variant::RunningTotal => Refund::partial(id, total),
            _ if charge["refunded"] == true => Refund::full(id),
            _ => Refund::partial(id, total - cents(&before["amount_refunded"])),
        }
    }
}

fn sale(variant: Variant, id: &Value, amount: &Value, customer_key: &Value) -> Sale {
    let amount = if variant == Variant::Dollars { cents(amount) / 100 } else { cents(amount) };
    let currency = if variant == Variant::OtherCurrency { Currency::EUR } else { Currency::USD };
    let sale = Sale::new(text(id), amount, currency);
    match variant {
        Variant::NoCustomer => sale,
        Variant::OldClickId => sale.click_id(ClickId::new("cust_7_1600000000000").unwrap()),
        _ => sale.customer_key(text(customer_key)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cents(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
