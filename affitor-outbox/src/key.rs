//! Unique keys: what makes two events of a queue the same.
//!
//! A key is text, one part per line: the type of the event, the queue, and the ids. A customer key is hashed, because it
//! may be an e-mail address and keys are kept after the delivery.
//!
//! A unique key is readable text (`key.rs`), in an index of our own: the type, the queue and the ids, one per line. So hand-written
//! SQL can contain it, the two databases agree without a hash function, and a range of keys finds the refunds of a sale or the leads
//! of a customer. Only the customer key is hashed in it, because it may be an e-mail address and the key outlives the delivery.

use affitor::{Event, InvalidEvent};
use sha2::{Digest as _, Sha256};

const CONTROL: InvalidEvent = InvalidEvent::new("a transaction id or refund id contains a control character");

/// The key of an event, `None` if it has no identity (a test event).
pub(crate) fn of(event: &Event, queue: &str) -> Result<Option<String>, InvalidEvent> {
    let Some(parts) = event.identity()? else { return Ok(None) };
    let is_lead = matches!(event, Event::Lead(_));
    let mut key = format!("{}\n{queue}", event.kind());
    for (position, part) in parts.into_iter().enumerate() {
        key.push('\n');
        // The first id of a lead is its customer.
        if is_lead && position == 0 && !part.is_empty() {
            key.push_str(&hash(part));
        } else if part.chars().any(char::is_control) {
            return Err(CONTROL);
        } else {
            key.push_str(part);
        }
    }
    Ok(Some(key))
}

/// A range of keys: from the first, up to and without the second.
pub(crate) type Range = [Vec<u8>; 2];

/// The keys of a customer's leads.
pub(crate) fn leads(queue: &str, customer_key: &str) -> Range {
    let prefix = format!("lead\n{queue}\n{}", hash(customer_key));
    [format!("{prefix}\n").into(), after(&prefix)]
}

/// The key of a sale.
pub(crate) fn sale(queue: &str, transaction_id: &str) -> Vec<u8> {
    format!("sale\n{queue}\n{transaction_id}").into()
}

/// The keys of the refunds of a sale: with and without a refund id.
pub(crate) fn refunds(queue: &str, transaction_id: &str) -> Range {
    let prefix = format!("refund\n{queue}\n{transaction_id}");
    let end = after(&prefix);
    [prefix.into(), end]
}

/// The first text after all that begin with the prefix and a line feed. No id contains a control character.
fn after(prefix: &str) -> Vec<u8> {
    format!("{prefix}\x0b").into()
}

fn hash(customer_key: &str) -> String {
    format!("{:x}", Sha256::digest(customer_key))
}

#[cfg(test)]
mod tests {
    use affitor::{ClickId, Currency, Lead, Refund, Sale};

    use super::*;

    #[test]
    fn keys() {
        let key = |event: Event| of(&event, "affitor").unwrap().unwrap();
        let hashed = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        let click = ClickId::new("cust_1_1").unwrap();
        assert_eq!(key(Lead::new("a").into()), format!("lead\naffitor\n{hashed}\n"));
        assert_eq!(key(Lead::new("a").click_id(click).into()), format!("lead\naffitor\n{hashed}\ncust_1_1"));
        let same = Sale::new("a", 1, Currency::USD).customer_key("a");
        assert_eq!(key(same.into()).as_bytes(), sale("affitor", "a"), "its refund finds it");
        let no_customer = Lead::of_click(ClickId::new("cust_1_1").unwrap());
        assert_eq!(key(no_customer.into()), "lead\naffitor\n\ncust_1_1");
        let sale = Sale::new("t\"<>&\u{2028}ü", 1, Currency::USD).customer_key("a");
        assert_eq!(key(sale.into()), "sale\naffitor\nt\"<>&\u{2028}ü");
        assert_eq!(key(Refund::full("t").into()), "refund\naffitor\nt");
        assert_eq!(key(Refund::partial("t", 1).refund_id("r").into()), "refund\naffitor\nt\nr");
        assert!(of(&Refund::partial("t", 1).into(), "affitor").is_err());
        assert!(of(&Refund::full("t\nr").into(), "affitor").is_err());
        assert_eq!(of(&Lead::new("a").test_mode(true).into(), "affitor").unwrap(), None);
    }

    #[test]
    fn ranges() {
        let within = |range: &Range, key: String| (range[0].as_slice()..range[1].as_slice()).contains(&key.as_bytes());
        let key = |event: Event| of(&event, "affitor").unwrap().unwrap();
        let of_t = refunds("affitor", "t");
        assert!(within(&of_t, key(Refund::full("t").into())));
        assert!(within(&of_t, key(Refund::partial("t", 1).refund_id("~\u{ffff}").into())));
        for other in ["t ", "t2", "s", "u"] {
            assert!(!within(&of_t, key(Refund::full(other).into())), "{other}");
        }
        let of_a = leads("affitor", "a");
        assert!(within(&of_a, key(Lead::new("a").into())));
        assert!(within(&of_a, key(Lead::new("a").click_id(ClickId::new("cust_1_1").unwrap()).into())));
        assert!(!within(&of_a, key(Lead::new("b").into())));
    }
}
