//! Lemon Squeezy, whose API does not say who a customer is.

use shop_lives::{Life, Provider, Webhook};

use crate::shop::{Database, Shop};

/// The webhook that says who the customer is: of the subscription, else of the order.
pub(super) fn naming(life: &Life) -> &Webhook {
    let of_subscription =
        life.webhooks.iter().find(|webhook| webhook.body["meta"]["event_name"] == "subscription_created");
    of_subscription.unwrap_or(&life.webhooks[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_of_known_customers_are_recorded_and_others_are_counted() {
    let shop = Shop::new(Provider::LemonSqueezy, Database::sqlite().await, 200, 6).await;
    shop.database.start_ledger(2 * 24 * 60 * 60).await;
    shop.api.set_page_size(9);
    let (unknown, known) = shop.lives.split_at(12);
    shop.record(known.iter().map(naming)).await;
    let before = shop.database.events().await.len();

    let dry = shop.reconcile(&["--dry-run"]).await;
    assert_eq!((dry.code, shop.database.events().await.len()), (1, before), "--dry-run changes nothing");

    shop.api.break_after(8);
    let broken = shop.reconcile(&[]).await;
    assert_eq!(broken.code, 3, "{broken:?}");
    shop.api.break_after(usize::MAX);
    shop.api.repeat_pages(true);
    shop.api.fail_after(3, 1, 502);

    let ran = shop.reconcile(&[]).await;
    let unattributed: usize = unknown.iter().map(|life| life.sales.len()).sum();
    assert_eq!(ran.number("/payments/not_attributed"), unattributed as u64, "{ran:?}");
    assert_eq!(broken.number("/to_check") + ran.number("/to_check"), unattributed as u64, "{broken:?} {ran:?}");
    assert_eq!(ran.code, 1, "a person should check them: {ran:?}");
    assert_eq!(
        (broken.enqueued().0 + ran.enqueued().0, broken.enqueued().1 + ran.enqueued().1),
        dry.enqueued(),
        "{dry:?}"
    );
    assert!(!format!("{ran:?}").contains('@'), "an e-mail address is printed: {ran:?}");
    shop.check(known).await;

    let again = shop.reconcile(&[]).await;
    assert_eq!((again.code, again.enqueued(), again.number("/payments/recorded")), (0, (0, 0), 0), "{again:?}");
    assert_eq!(again.number("/payments/not_attributed"), unattributed as u64);
    assert_eq!(again.payments(), ran.payments());

    // One webhook of each checkout is enough.
    shop.record(unknown.iter().map(naming)).await;
    shop.check(&shop.lives).await;
    let last = shop.reconcile(&[]).await;
    assert_eq!((last.code, last.enqueued(), last.number("/payments/not_attributed")), (0, (0, 0), 0), "{last:?}");
}
