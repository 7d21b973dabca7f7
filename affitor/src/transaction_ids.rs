//! Transaction ids from an app's own numbers.

use std::{fmt, sync::Arc};

use crate::client::Client;

/// Makes transaction ids of an app's own numbers, such as order numbers.
///
/// A transaction id must be unique across *all* programs of Affitor (the `transaction_id` of `POST /api/v1/track/sale`). Two apps that
/// number their orders from 1 would take each other's ids, and the second sale would not count. So the ids begin with the
/// program's id, which nobody else has:
///
/// ```
/// use affitor::{Client, Currency, Refund, Sale, TransactionIds};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder().api_key("aff_0123456789").program_id(42).build()?;
/// let orders = TransactionIds::new(&client, "order")?; // once, when the app starts
///
/// let sale = Sale::new(orders.of(17), 4_900, Currency::USD).customer_key("user_7");
/// let refund = Refund::full(orders.of(17));
/// assert_eq!(sale.transaction_id, "42/order/17");
/// # Ok(()) }
/// ```
///
/// The name tells several series apart, such as orders and invoices. Give each environment that reports to the same program a name of
/// its own (`"staging-order"`). Ids of a payment provider (`pi_…`, `in_…`) are unique already: use them as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransactionIds {
    prefix: Arc<str>,
}

impl TransactionIds {
    /// Creates the ids of a series, for the client's program. Of a [disabled](Client::disabled) client, which sends nothing, any id is
    /// good enough.
    ///
    /// # Errors
    ///
    /// Returns an error if the client has no program id (`AFFITOR_PROGRAM_ID`); if the name is blank, or contains `/` or a control
    /// character; if the prefix is longer than 512 bytes.
    pub fn new(client: &Client, series: &str) -> Result<Self, InvalidTransactionIds> {
        let is_usable = |text: &str| !text.trim().is_empty() && !text.contains('/') && !text.contains(char::is_control);
        if !is_usable(series) {
            return Err(InvalidTransactionIds(
                "the name of a series must not be blank, or contain `/` or a control character",
            ));
        }
        let program = match client.program_id() {
            Some(id) => id,
            None if client.is_disabled() => "disabled",
            None => {
                return Err(InvalidTransactionIds(
                    "the client has no program id, which makes transaction ids unique: set AFFITOR_PROGRAM_ID",
                ));
            }
        };
        let prefix = format!("{program}/{series}/");
        if prefix.len() > 512 {
            return Err(InvalidTransactionIds("the program id and the name of the series are too long"));
        }
        Ok(Self { prefix: prefix.into() })
    }

    /// Returns the id of a number, or of another id of the app's that is unique within the series.
    pub fn of(&self, number: impl fmt::Display) -> String {
        format!("{}{number}", self.prefix)
    }
}

/// The reason why there are no [`TransactionIds`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvalidTransactionIds(&'static str);

impl fmt::Display for InvalidTransactionIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

affitor_core::debug_as_sentence!(InvalidTransactionIds);

impl std::error::Error for InvalidTransactionIds {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_series_do_not_share_ids() {
        let client = |id: Option<u64>| {
            let builder = Client::builder().api_key("aff_0123456789").api_url("http://127.0.0.1:1");
            id.into_iter().fold(builder, crate::ClientBuilder::program_id).build().unwrap()
        };
        let ids = |id: u64, series: &str| TransactionIds::new(&client(Some(id)), series).unwrap().of(1);
        let all = [ids(4, "order"), ids(42, "order"), ids(4, "2order"), ids(4, "invoice")];
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
        assert!(TransactionIds::new(&client(None), "order").unwrap_err().to_string().contains("AFFITOR_PROGRAM_ID"));
        for series in ["", " ", "a/b", "a\n", &"x".repeat(600)] {
            assert!(TransactionIds::new(&client(Some(42)), series).is_err(), "{series:?}");
        }
        assert_eq!(TransactionIds::new(&Client::disabled(), "order").unwrap().of(1), "disabled/order/1");
    }
}
