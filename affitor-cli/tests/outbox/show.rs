//! The commands that show the ledger, and the one that releases held payments.

use serde_json::{Value, json};
use shop_lives::Provider;

use crate::shop::{Database, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_explained_listed_and_added_up() {
    let shop = Shop::new(Provider::Paddle, Database::sqlite().await, 12, 11).await;
    let empty = shop.payments(&["balance"]).await;
    assert_eq!((empty.code, &*empty.stdout), (0, "no payments\n"));
    shop.database.start_ledger(2 * 24 * 60 * 60).await;
    assert_eq!(shop.reconcile(&[]).await.code, 0);
    shop.database.execute("UPDATE {}affitor_payments SET customer_key = 'jo@example.com'").await;

    let sale = &shop.lives.iter().find(|life| !life.sales.is_empty()).unwrap().sales[0];
    let story = shop.payments(&["explain", &sale.transaction_id]).await;
    assert_eq!(story.code, 0, "{story:?}");
    assert!(story.stdout.contains("reported as a sale") && story.stdout.contains(&sale.transaction_id), "{story:?}");
    assert!(story.stdout.contains("[redacted]") && !story.stdout.contains('@'), "{story:?}");
    let story = shop.payments(&["explain", "--json", &sale.transaction_id]).await.json();
    assert_eq!(story["payments"][0]["paid_cents"], sale.amount_cents);
    assert!(!story.to_string().contains('@'), "{story}");
    assert_eq!(shop.payments(&["explain", "txn_unknown"]).await.code, 1);

    let mut after = Value::from("");
    let mut listed = 0;
    loop {
        let arguments = ["list", "--json", "--status", "reported", "--limit", "5", "--after", after.as_str().unwrap()];
        let page = shop.payments(&arguments).await.json();
        let payments = page["payments"].as_array().unwrap();
        listed += payments.len();
        let Some(last) = payments.last() else { break };
        assert_eq!((&last["status"], &last["customer_key"]), (&json!("reported"), &json!("[redacted]")));
        after = last["transaction_id"].clone();
    }
    assert_eq!(listed, shop.lives.iter().map(|life| life.sales.len()).sum::<usize>());
    let text = shop.payments(&["list", "--limit", "1"]).await;
    assert!(text.stdout.contains("continue with --after txn_") && !text.stdout.contains('@'), "{text:?}");
    assert_eq!(shop.payments(&["list", "--status", "moon"]).await.code, 2);

    let balances = shop.payments(&["balance", "--json"]).await.json();
    for (currency, balance) in balances["balance"].as_object().unwrap() {
        let sum: u64 = ["recorded", "not_attributed", "pending", "undelivered", "not_reported"]
            .iter()
            .map(|part| balance[part].as_u64().unwrap())
            .sum();
        assert_eq!(balance["paid"], sum, "{currency}");
        let expected = shop.lives.iter().flat_map(|life| &life.sales).filter(|sale| sale.currency == *currency);
        assert_eq!(balance["paid"], expected.map(|sale| sale.amount_cents).sum::<u64>(), "{currency}");
    }
    let text = shop.payments(&["balance"]).await.stdout;
    println!("{text}{}", shop.payments(&["list", "--limit", "2"]).await.stdout);
    assert!(text.contains("+ held or being delivered"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stripes_payments_are_held_until_it_is_known_who_reports_them() {
    let shop = Shop::new(Provider::Stripe, Database::sqlite().await, 10, 12).await;
    shop.database.start_ledger(2 * 24 * 60 * 60).await;
    shop.database.execute("UPDATE {}affitor_ledgers SET stripe_connected = true").await;
    let held = shop.reconcile(&[]).await;
    assert_eq!((held.code, held.enqueued()), (1, (0, 0)), "{held:?}");
    assert!(held.stdout.contains("affitor payments reporter"), "{held:?}");
    assert_eq!(shop.payments(&["reporter"]).await.code, 2);
    let released = shop.payments(&["reporter", "--json", "app"]).await;
    assert_eq!(released.code, 0, "{released:?}");
    assert!(released.number("/released") > 0, "{released:?}");
    assert_eq!(shop.reconcile(&[]).await.code, 0);
    shop.check(&shop.lives).await;
}
