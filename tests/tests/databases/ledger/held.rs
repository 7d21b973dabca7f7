//! Many held payments, which two processes decide.

use std::collections::BTreeSet;

use serde_json::json;
use shop_lives::{Provider, share};

use crate::ledger::store::{Store, with_outbox};

/// Payments at full size.
const PAYMENTS: u64 = 4_000;

/// Each is reported once, and a payment that can't be decided delays no other one.
async fn all_are_decided(store: &Store) {
    let payments = share(PAYMENTS);
    for number in 0..payments {
        let metadata = json!({ "program_id": "42", "affitor_customer_key": format!("user_{number}") });
        let object = json!({ "id": format!("pi_{number}"), "object": "payment_intent", "status": "succeeded",
            "amount": 4_900, "amount_received": 4_900, "currency": "usd", "created": 1_790_000_000, "metadata": metadata });
        let body = json!({ "id": format!("evt_{number}"), "object": "event", "type": "payment_intent.succeeded",
            "created": 1_790_000_000, "livemode": true, "data": { "object": object } });
        store.record(Provider::Stripe, &body).await;
    }
    assert!(store.events().await.is_empty());
    store
        .execute(
            r#"UPDATE affitor_payment_groups SET due_at = 0, policy = json_set(policy, '$.hold', json('{"secs":0,"nanos":0}'))"#,
            r#"UPDATE affitor.affitor_payment_groups SET due_at = 0, policy = jsonb_set(policy, '{hold}', '{"secs":0,"nanos":0}')"#,
        )
        .await;
    // Such as a policy that a later version has written.
    let damaged = store
        .execute(
            r#"UPDATE affitor_payment_groups SET policy = '{"hold":"long"}' WHERE id % 50 = 7"#,
            r#"UPDATE affitor.affitor_payment_groups SET policy = '{"hold":"long"}' WHERE id % 50 = 7"#,
        )
        .await;
    assert!(damaged > 0);

    let decided = with_outbox!(store, |outbox| {
        let (one, other) = tokio::join!(outbox.decide_due_payments(), outbox.decide_due_payments());
        one.unwrap() + other.unwrap()
    });
    assert_eq!(decided as u64, payments, "{}", store.name());
    let events = store.events().await;
    let ids: BTreeSet<&str> = events.iter().filter_map(|event| event.ids().transaction_id).collect();
    let expected = payments - damaged;
    assert_eq!((events.len() as u64, ids.len() as u64), (expected, expected), "{}", store.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn held_payments_are_decided_by_two_processes_on_sqlite() {
    all_are_decided(&Store::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_payments_are_decided_by_two_processes_on_postgres() {
    if let Some(store) = Store::postgres().await {
        all_are_decided(&store).await;
    }
}
