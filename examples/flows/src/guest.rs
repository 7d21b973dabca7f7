//! A guest checkout that becomes an account later: one customer key for the order, the lead and the account.

use std::time::Duration;

use affitor::{Client, Currency, Lead, Sale, Visitor};
use serde::Deserialize;

use crate::{
    Refusal, first_with_click,
    store::{Pending, Table, random_text},
    users::{Users, new_id},
};

/// An order of a guest.
#[derive(Clone, Debug)]
struct Order {
    customer_key: String,
    email: String,
    visitor: Visitor,
}

/// The checkout form.
#[derive(Debug, Deserialize)]
pub struct Guest {
    /// E-mail address for the receipt.
    pub email: String,
}

/// Orders of guests who have no account yet.
#[derive(Debug)]
pub struct Guests {
    client: Client,
    url: String,
    key_by_email: Table<String>,
    orders: Pending<Order>,
}

impl Guests {
    /// Creates an empty table of orders. The client reports their sales.
    pub fn new(origin: &str, client: Client) -> Self {
        let lifetime = Duration::from_secs(90 * 24 * 60 * 60);
        Self {
            client,
            url: format!("{origin}/guest/account"),
            key_by_email: Table::new(),
            orders: Pending::new(lifetime),
        }
    }

    /// Takes the order of a guest, and reports it. Returns the link in the receipt, with which the guest creates an account. The
    /// customer key stays on the server: it says whose e-mail address it is.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn check_out(&self, users: &Users, guest: Guest, visitor: &Visitor) -> Result<String, Refusal> {
        // The id that the guest's account will have, if they ever create one. Not the e-mail address, which can change, and not
        // the id of the order, because then each order would be another customer. A known address is a known customer.
        let customer_key = match users.find(&format!("email:{}", guest.email)) {
            Some(user_id) => user_id,
            None => self.key_by_email.insert(guest.email.clone(), new_id()?).0,
        };
        let client = self.client.for_visitor(visitor.clone());
        // A buyer is a lead, and the lead comes first: it ties the customer key to the click. Later sales have only the key.
        client.enqueue(Lead::new(&customer_key).email(&guest.email));
        // Your webhook of the payment provider reports the sale. The key goes through the payment's metadata.
        let order = format!("order_{}", random_text()?);
        client.enqueue(Sale::new(order, 4_900, Currency::USD).customer_key(&customer_key));
        let token = self.orders.insert(Order { customer_key, email: guest.email, visitor: visitor.clone() })?;
        Ok(format!("{}?token={token}", self.url))
    }

    /// Creates the account of a guest, under the customer key of the order. Returns the user id.
    ///
    /// # Errors
    ///
    /// Returns an error if the link was used or has expired.
    pub fn create_account(&self, users: &Users, token: &str, own: &Visitor) -> Result<String, Refusal> {
        let Order { customer_key, email, visitor } = self.orders.take(token)?;
        // The lead repeats the one of the order, with the same key and click. The service knows it already, which is fine.
        let visitor = first_with_click([&visitor, own]);
        Ok(users.sign_in_as(customer_key, &format!("email:{email}"), &email, visitor))
    }
}
