//! The webhook endpoint was down for a day: no webhook arrived.

use shop_lives::Provider;

use crate::{
    judge::{expected, reported},
    shop::{Database, Shop},
};

const SALES: usize = 200;

/// Requests until the provider breaks down: in the middle.
fn breaks_after(provider: Provider) -> usize {
    if provider == Provider::Stripe { 400 } else { 5 }
}

async fn everything_that_is_missing_is_recorded_once(provider: Provider, database: Database, seed: u64) {
    let shop = Shop::new(provider, database, SALES, seed).await;
    shop.database.start_ledger(2 * 24 * 60 * 60).await;
    shop.api.set_page_size(7);

    let dry = shop.reconcile(&["--dry-run"]).await;
    assert_eq!(dry.code, 1, "something is missing: {dry:?}");
    assert!(shop.database.events().await.is_empty() && shop.database.groups().await == 0, "--dry-run changes nothing");
    let sales: usize = shop.lives.iter().map(|life| life.sales.len()).sum();
    let refunded = shop.lives.iter().flat_map(|life| &life.sales).filter(|sale| sale.refunded_cents > 0).count();
    assert!(refunded * 3 > sales, "only {refunded} of {sales} sales are refunded");
    assert_eq!(dry.enqueued(), (sales as u64, refunded as u64), "{dry:?}");
    assert_eq!(dry.number("/payments/known"), 0);

    shop.api.break_after(breaks_after(provider));
    let broken = shop.reconcile(&[]).await;
    assert_eq!(broken.code, 3, "{broken:?}");
    assert_eq!((&broken.json()["complete"], &broken.json()["error"]["kind"]), (&false.into(), &"unreachable".into()));
    let part = broken.enqueued();
    assert!(part.0 > 0 && part.0 < dry.enqueued().0, "it broke in the middle: {broken:?}");
    assert_eq!(shop.database.events().await.len() as u64, part.0 + part.1);

    shop.api.break_after(usize::MAX);
    shop.api.repeat_pages(true);
    shop.api.fail_after(3, 1, 500);
    let rest = shop.reconcile(&[]).await;
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!((part.0 + rest.enqueued().0, part.1 + rest.enqueued().1), dry.enqueued());
    assert_eq!(rest.payments(), dry.payments(), "repeated items count once");
    shop.check(&shop.lives).await;

    shop.api.fail_next(2, 429);
    let again = shop.reconcile(&[]).await;
    assert_eq!((again.code, again.enqueued()), (0, (0, 0)), "{again:?}");
    assert_eq!(again.number("/payments/recorded"), 0, "{again:?}");
    assert_eq!(again.number("/payments/not_ours"), rest.number("/payments/not_ours"));
    assert_eq!(again.payments(), dry.payments());
    shop.check(&shop.lives).await;
    println!("{provider:?}: {} requests, {}", shop.api.requests().len(), again.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_on_sqlite() {
    everything_that_is_missing_is_recorded_once(Provider::Stripe, Database::sqlite().await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_on_postgres() {
    let Some(database) = Database::postgres().await else { return };
    everything_that_is_missing_is_recorded_once(Provider::Stripe, database, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polar() {
    everything_that_is_missing_is_recorded_once(Provider::Polar, Database::sqlite().await, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paddle() {
    everything_that_is_missing_is_recorded_once(Provider::Paddle, Database::sqlite().await, 4).await;
}

/// A refund leads to its payment, however old that is.
#[tokio::test(flavor = "multi_thread")]
async fn refunds_of_older_payments_are_recorded() {
    for provider in [Provider::Stripe, Provider::Paddle] {
        let shop = Shop::new(provider, Database::sqlite().await, 60, 13).await;
        shop.database.start_ledger(400 * 24 * 60 * 60).await;
        let mut objects: Vec<_> = shop.lives.iter().flat_map(|life| life.objects.clone()).collect();
        for object in &mut objects {
            if ["charge", "invoice_payment"].iter().any(|kind| object["object"] == *kind) {
                object["created"] = (object["created"].as_u64().unwrap() - 100 * 24 * 60 * 60).into();
            } else if object["id"].as_str().is_some_and(|id| id.starts_with("txn_")) {
                object["created_at"] = "2025-11-01T00:00:00Z".into();
                object["updated_at"] = "2025-11-01T00:00:00Z".into();
            }
        }
        shop.api.set_objects(objects);
        let ran = shop.reconcile(&[]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let (reported, expected) = (reported(&shop.database.events().await), expected(&shop.lives));
        let refunded: Vec<_> = expected.iter().filter(|(_, sale)| sale.refunded > 0).collect();
        assert!(refunded.len() > 10 && reported.len() < expected.len(), "{provider:?}: {}", refunded.len());
        for (id, sale) in refunded {
            assert_eq!(reported.get(id), Some(sale), "{provider:?} {id}");
        }
    }
}

/// Payments that were made before the ledger was started are reported only if that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn payments_before_the_ledger_are_reported_on_demand() {
    for provider in [Provider::Stripe, Provider::Polar, Provider::Paddle] {
        let shop = Shop::new(provider, Database::sqlite().await, 30, 5).await;
        let dry = shop.reconcile(&["--dry-run"]).await;
        assert_eq!((dry.enqueued().0, dry.number("/payments/known")), (0, 0), "{dry:?}");
        assert!(dry.number("/payments/before_ledger") > 5, "{dry:?}");
        let older = shop.reconcile(&["--report-older"]).await;
        assert_eq!(older.code, 0, "{older:?}");
        shop.check(&shop.lives).await;
    }
}

/// Some webhooks arrived before the reconciliation, and the provider redelivers all of them afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_before_and_after_make_no_difference() {
    for provider in Provider::ALL {
        let shop = Shop::new(provider, Database::sqlite().await, 60, 14).await;
        shop.database.start_ledger(2 * 24 * 60 * 60).await;
        let mut rng = fastrand::Rng::with_seed(14);
        let mut webhooks: Vec<_> = shop.lives.iter().flat_map(|life| &life.webhooks).collect();
        rng.shuffle(&mut webhooks);
        // Lemon Squeezy's customers must be known.
        let first = |life: &shop_lives::Life| {
            (provider == Provider::LemonSqueezy).then(|| super::lemon_squeezy::naming(life).clone())
        };
        let first: Vec<_> = shop.lives.iter().filter_map(first).collect();
        shop.record(webhooks[..webhooks.len() / 2].iter().copied().chain(&first)).await;
        let ran = shop.reconcile(&[]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.number("/payments/known") > 5 && ran.enqueued().1 > 0, "{ran:?}");
        shop.check(&shop.lives).await;
        rng.shuffle(&mut webhooks);
        shop.record(webhooks).await;
        shop.check(&shop.lives).await;
        assert_eq!(shop.reconcile(&[]).await.enqueued(), (0, 0));
    }
}
