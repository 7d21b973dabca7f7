//! Adds records to the state.

use std::collections::HashMap;

use super::{Customer, State};
use crate::{
    body::{Body, commission_size},
    memory::entry,
    record::{ClickRecord, CommissionRecord, CustomerStatus, LeadRecord, RefundRecord, SaleRecord, TestEventRecord},
};

impl State {
    pub(crate) fn use_event_id(&mut self, id: u64) {
        self.last_event = self.last_event.max(id);
    }

    /// Returns the customer with this number. Creates the customer if the number is the next unused one.
    pub(crate) fn customer_or_new(&mut self, number: u64, program_id: u64) -> Option<&mut Customer> {
        if self.is_new_customer(number) {
            let customer = Box::new(Customer::new(number, self.program_index(program_id)?));
            self.used.clicks += customer.size();
            self.customers.insert(number, customer);
            self.last_customer = number;
        }
        self.customers.get_mut(&number).map(Box::as_mut)
    }

    /// Changes a customer. If they have only clicked before, and not afterwards, they and their last click are needed
    /// from then on.
    fn change_customer(&mut self, number: u64, change: impl FnOnce(&mut Customer)) {
        let Some(customer) = self.customers.get_mut(&number) else { return };
        self.events += 1;
        customer.last_event = self.events;
        let (only_clicked, size) = (customer.only_clicked(), customer.size());
        change(customer);
        let new_size = customer.size();
        if only_clicked && customer.only_clicked() {
            self.used.clicks += new_size - size;
        } else if only_clicked {
            let click = customer.clicks.last().and_then(|click| self.clicks.get(click));
            let click = click.map_or(0, |click| click.essential_size());
            self.used.clicks -= size + click;
            self.used.rest += new_size + click;
        } else {
            self.used.rest += new_size - size;
        }
    }

    /// Assigns a customer key to a customer, unless another customer of the program has it.
    pub(crate) fn bind_key(&mut self, number: u64, key: &str) {
        let Some(program) = self.customer(number).map(|customer| customer.program) else { return };
        let known = self.customer_by_key.len();
        let holder = *self.customer_by_key.entry((program, key.to_owned())).or_insert(number);
        if self.customer_by_key.len() > known {
            self.used.rest += entry(key);
        }
        if holder == number {
            self.change_customer(number, |customer| {
                customer.key.get_or_insert_with(|| key.to_owned());
            });
        }
    }

    pub(crate) fn add_click(&mut self, click: ClickRecord) {
        let number = click.id;
        let size = click.essential_size();
        self.used.bodies += click.body_size();
        self.used.clicks += size;
        self.click_by_id.insert(click.click_id.clone(), number);
        let (customer_id, at_ms) = (click.customer_id, click.at_ms);
        self.clicks.insert(number, Box::new(click));
        let mut previous = None;
        self.change_customer(customer_id, |customer| {
            if !customer.only_clicked() {
                previous = Some(customer.clicks.last().copied());
            }
            customer.clicks.push(number);
            customer.first_click_ms.get_or_insert(at_ms);
        });
        // The last click of a signed-up customer is needed; the one before no longer.
        if let Some(previous) = previous {
            self.used.clicks -= size;
            self.used.rest += size;
            if let Some(previous) = previous {
                let size = self.clicks.get(&previous).map_or(0, |click| click.essential_size());
                self.used.rest -= size;
                self.used.clicks += size;
                self.drop_if_passed(previous);
            }
        }
    }

    pub(crate) fn add_lead(&mut self, lead: LeadRecord) {
        let index = self.leads.len();
        self.used.bodies += lead.body_size();
        self.used.rest += lead.essential_size();
        if let Some(program) = self.program_index(lead.program_id)
            && let Some(email) = &lead.email_sha256
        {
            self.customer_by_email.entry((program, email.clone())).or_insert(lead.customer_id);
        }
        self.change_customer(lead.customer_id, |customer| {
            customer.leads.push(index);
            customer.status = customer.status.max(CustomerStatus::Lead);
        });
        self.leads.push(lead);
    }

    /// Adds a provisional lead, which replaces an earlier one of the same customer and key.
    pub(crate) fn add_provisional(&mut self, lead: LeadRecord) {
        let (customer_id, key) = (lead.customer_id, lead.customer_key.clone());
        let id = lead.id;
        self.change_customer(customer_id, |_| {});
        self.used.bodies += lead.essential_size() + lead.body_size();
        self.provisional.push_back(lead);
        self.settle_provisional(|waiting| {
            waiting.id != id && waiting.customer_id == customer_id && waiting.customer_key == key
        });
    }

    /// Removes provisional leads, and the customers of whom nothing else is known.
    pub(crate) fn settle_provisional(&mut self, settled: impl Fn(&LeadRecord) -> bool) {
        let mut removed = Vec::new();
        self.provisional.retain(|waiting| {
            let settled = settled(waiting);
            if settled {
                removed.push((waiting.customer_id, waiting.essential_size() + waiting.body_size()));
            }
            !settled
        });
        for (customer_id, size) in removed {
            self.used.bodies -= size;
            self.remove_if_unknown(customer_id);
        }
    }

    /// A verified payment settles the provisional lead of its customer, which becomes a lead.
    pub(crate) fn settle_by_payment(&mut self, sale: &SaleRecord) {
        let Some(key) = &sale.customer_key else { return };
        let is_same = |waiting: &LeadRecord| {
            (waiting.program_id, waiting.customer_id) == (sale.program_id, sale.customer_id)
                && waiting.customer_key.as_ref() == Some(key)
        };
        let Some(place) = self.provisional.iter().position(is_same) else { return };
        let Some(lead) = self.provisional.remove(place) else { return };
        self.used.bodies -= lead.essential_size() + lead.body_size();
        self.bind_key(sale.customer_id, key);
        self.add_lead(LeadRecord { provisional: false, ..lead });
        self.settle_provisional(|waiting| {
            waiting.program_id == sale.program_id
                && (waiting.customer_id == sale.customer_id || waiting.customer_key.as_ref() == Some(key))
        });
    }

    pub(crate) fn add_test_event(&mut self, event: TestEventRecord) {
        if let Some(id) = &event.transaction_id
            && self.test_transactions.insert(id.clone())
        {
            self.used.rest += entry(id);
        }
        self.test_events.push_back(event);
    }

    pub(crate) fn add_commission(&mut self, commission: CommissionRecord) {
        self.used.rest += commission_size(&commission);
        self.last_commission = self.last_commission.max(commission.commission_id);
        self.commission_by_id.insert(commission.commission_id, self.commissions.len());
        self.commissions.push(commission);
    }

    /// Pays what each partner is owed in each currency, less what refunds have taken from commissions that were paid before.
    pub(crate) fn pay_out(&mut self, program_id: u64, at_ms: i64) {
        let mut owed: HashMap<(&str, &str), (i64, Vec<usize>)> = HashMap::new();
        for sale in self.sales.iter().filter(|sale| sale.program_id == program_id) {
            let Some(index) = sale.commission_id.and_then(|id| self.commission_by_id.get(&id)) else { continue };
            let commission = &self.commissions[*index];
            if commission.held_until_ms <= at_ms {
                let (balance, commissions) = owed.entry((&sale.partner_code, &sale.currency)).or_default();
                *balance = balance.saturating_add(commission.balance_cents());
                commissions.push(*index);
            }
        }
        let paid: Vec<usize> =
            owed.into_values().filter(|(balance, _)| *balance > 0).flat_map(|(_, commissions)| commissions).collect();
        for index in paid {
            let commission = &mut self.commissions[index];
            commission.paid_cents = commission.amount_cents - commission.deducted_cents;
        }
    }

    pub(crate) fn add_sale(&mut self, sale: SaleRecord) {
        let index = self.sales.len();
        self.used.bodies += sale.body_size();
        self.used.rest += sale.essential_size();
        self.last_sale = self.last_sale.max(sale.sale_id);
        self.find_double_payment(&sale);
        self.change_customer(sale.customer_id, |customer| {
            customer.sales.push(index);
            customer.status = CustomerStatus::Conversion;
        });
        self.sale_by_transaction.insert(sale.transaction_id.clone(), index);
        if let Some(program) = self.program_index(sale.program_id) {
            for id in &sale.stripe_ids {
                self.sale_by_stripe_id.insert((program, id.clone()), index);
            }
            if let Some(stripe_customer) = &sale.stripe_customer {
                self.customer_by_stripe.entry((program, stripe_customer.clone())).or_insert(sale.customer_id);
            }
        }
        self.sales.push(sale);
    }

    pub(crate) fn add_refund(&mut self, refund: RefundRecord) {
        let index = self.refunds.len();
        self.used.bodies += refund.body_size();
        self.used.rest += refund.essential_size();
        if let Some(position) = self.commission_by_id.get(&refund.commission_id) {
            let commission = &mut self.commissions[*position];
            commission.refunded_cents = refund.refunded_cents;
            commission.deducted_cents += refund.deduction_cents;
            commission.status = refund.status;
        }
        if let Some(customer) = self.sale_of(&refund.transaction_id).map(|sale| sale.customer_id) {
            self.change_customer(customer, |customer| customer.refunds.push(index));
        }
        self.refunds.push(refund);
    }
}
