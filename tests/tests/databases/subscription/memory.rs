//! Without a database: the endpoint's memory.

use std::collections::VecDeque;

use affitor::Client;
use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{Sandbox, SecondRefund};
use affitor_tests::shop::{Shop, ShopFramework};
use serde_json::Value;
use shop_lives::share;

use crate::subscription::life::{
    Api, PRICE, expected, invoice, life, refund, remaining_commissions, sandbox_with_customer,
};

struct World {
    sandbox: Sandbox,
    shop: Shop<Stripe>,
}

async fn world(framework: ShopFramework, second_refund: SecondRefund) -> World {
    let (sandbox, client) = sandbox_with_customer(second_refund).await;
    let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
    World { shop: Shop::start(framework, client, webhook).await, sandbox }
}

/// Delivers as Stripe does: a webhook whose response is 503 is redelivered after the others. Returns the number of redeliveries.
async fn deliver(shop: &Shop<Stripe>, events: Vec<Value>) -> usize {
    let (mut waiting, mut redeliveries) = (VecDeque::from(events), 0);
    while let Some(event) = waiting.pop_front() {
        match shop.deliver(&event).await {
            200 => {}
            503 if redeliveries < 1_000 => {
                redeliveries += 1;
                waiting.push_back(event);
            }
            status => panic!("{status} after {redeliveries} redeliveries: {event}"),
        }
    }
    redeliveries
}

#[tokio::test(flavor = "multi_thread")]
async fn events_in_order() {
    for framework in ShopFramework::ALL {
        for api in [Api::Old, Api::New] {
            // In one interpretation, only the first of two partial refunds counts. In the other, both count.
            for (second_refund, remaining) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 500)] {
                let world = world(framework, second_refund).await;
                let redeliveries = deliver(&world.shop, life(api)).await;
                let name = format!("{framework:?}, {api:?} API, {second_refund:?}");
                assert_eq!(remaining_commissions(&world.sandbox), expected(remaining), "{name}");
                assert_eq!(redeliveries, 0, "{name}: no redelivery is necessary");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_twice_in_random_order() {
    for seed in 0..share(12) {
        for framework in ShopFramework::ALL {
            for api in [Api::Old, Api::New] {
                let world = world(framework, SecondRefund::Taken).await;
                let mut events = life(api);
                events.extend(life(api));
                fastrand::Rng::with_seed(seed).shuffle(&mut events);
                deliver(&world.shop, events).await;
                let name = format!("{framework:?}, {api:?} API, seed {seed}");
                assert_eq!(remaining_commissions(&world.sandbox), expected(980 - 500), "{name}");
            }
        }
    }
}

/// If only the first partial refund counts, it is the one that arrives first, whichever that is.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_partial_refund_to_arrive_counts() {
    for seed in 0..share(6) {
        for api in [Api::Old, Api::New] {
            let world = world(ShopFramework::Axum, SecondRefund::Skipped).await;
            let mut events = life(api);
            events.extend(life(api));
            fastrand::Rng::with_seed(seed).shuffle(&mut events);
            deliver(&world.shop, events).await;
            let refunds = world.sandbox.refunds();
            let first = refunds.iter().find(|refund| refund.transaction_id == "in_2").unwrap().refund_amount_cents;
            // Both at once, if both waited for their sale.
            let remaining = 980 - first.unwrap() / 5;
            assert_eq!(remaining_commissions(&world.sandbox), expected(remaining), "{api:?} API, seed {seed}");
        }
    }
}

/// The endpoint's memory is lost at a restart, and the API can't tell a redelivery from a second refund of the same amount. If both
/// count, a restart between two deliveries deducts too much. Only a ledger remembers.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_the_memory_of_refunds() {
    for (second_refund, remaining) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 600)] {
        let world = world(ShopFramework::Axum, second_refund).await;
        let mut events = invoice(Api::New, 2, "subscription_cycle", PRICE);
        events.extend(refund(Api::New, 2, "re_1", 1_500, 0));
        deliver(&world.shop, events.clone()).await;
        let client = Client::builder().api_key("test_key").api_url(world.sandbox.url()).program_id(42).build().unwrap();
        let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
        let restarted = Shop::start(ShopFramework::Axum, client, webhook).await;
        deliver(&restarted, events).await;
        assert_eq!(remaining_commissions(&world.sandbox), [("in_2".to_owned(), remaining)], "{second_refund:?}");
    }
}
