//! The scenario that every library must pass.

use affitor::{Currency, Event, Refund, Sale};
use affitor_outbox::Enqueued;
use affitor_sandbox::ApiCall;

use crate::{
    End, Library,
    shop::{Backend, CUSTOMER, Shop},
};

/// Runs the scenario, and prints how often each sale was delivered.
pub async fn run<DB: Backend, L: Library>(shop: &Shop<DB>, number: usize, mut library: L) {
    let id = |name: &str| format!("{name}_{number}");
    let before = shop.delivered().await;

    let [committed, rolled_back, twice, twice_in_one] = ["committed", "rolled_back", "twice", "twice_in_one"].map(id);
    let library = &mut library;
    store(shop, library, &committed, &[sale(&committed)], End::Commit, &[1]).await;
    store(shop, library, &rolled_back, &[sale(&rolled_back)], End::Rollback, &[1]).await;
    store(shop, library, &twice, &[sale(&twice)], End::Commit, &[1]).await;
    store(shop, library, &id("again"), &[sale(&twice)], End::Commit, &[0]).await;
    let both = [sale(&twice_in_one), sale(&twice_in_one)];
    store(shop, library, &twice_in_one, &both, End::Commit, &[1, 0]).await;

    let first = all_kinds(&id("first"));
    store(shop, library, &id("first"), &first, End::Commit, &[1; 4]).await;
    assert_eq!(enqueue_with_sqlx(shop, &first).await, [Enqueued::Known; 4]);
    let second = all_kinds(&id("second"));
    assert_eq!(enqueue_with_sqlx(shop, &second).await, [Enqueued::New; 4]);
    store(shop, library, &id("second"), &second, End::Commit, &[0; 4]).await;

    let after = shop.delivered().await;
    assert_eq!(after.recorded - before.recorded, 3 + 4 + 4, "{before:?} {after:?}");
    assert_eq!(after.total(), after.recorded, "{after:?}");
    let sales = |id: &str| shop.calls(ApiCall::Sale, id);
    let (committed, rolled_back, twice) = (sales(&committed), sales(&rolled_back), sales(&twice));
    println!(
        "conformance: {} on {}: committed={committed} rolled_back={rolled_back} twice={twice}",
        L::TITLE,
        DB::TITLE
    );
    assert_eq!((committed, rolled_back, twice, sales(&twice_in_one)), (1, 0, 1, 1));
    for event in first.iter().chain(&second) {
        let (call, id) = match event {
            Event::Sale(sale) => (ApiCall::Sale, &sale.transaction_id),
            Event::Refund(refund) => (ApiCall::Refund, &refund.transaction_id),
            _ => unreachable!("{event:?}"),
        };
        assert_eq!(shop.calls(call, id), 1, "{event:?}");
    }
}

/// Stores an order with the library, and checks that it exists only if the transaction was committed.
async fn store<DB: Backend, L: Library>(
    shop: &Shop<DB>,
    library: &mut L,
    order: &str,
    events: &[Event],
    end: End,
    inserted: &[u64],
) {
    assert_eq!(library.store(order, events, end).await, inserted, "{order}");
    assert_eq!(shop.has_order(order).await, matches!(end, End::Commit), "{order}");
}

async fn enqueue_with_sqlx<DB: Backend>(shop: &Shop<DB>, events: &[Event]) -> Vec<Enqueued> {
    let mut tx = shop.outbox.begin().await.unwrap();
    let mut enqueued = Vec::new();
    for event in events {
        enqueued.push(shop.outbox.enqueue(&mut tx, event.clone()).await.unwrap());
    }
    tx.commit().await.unwrap();
    enqueued
}

fn sale(transaction_id: &str) -> Event {
    Sale::new(transaction_id, 4_900, Currency::USD).customer_key(CUSTOMER).into()
}

/// A payment that is refunded in full, and one that is refunded in part.
fn all_kinds(prefix: &str) -> [Event; 4] {
    let [full, partial] = ["full", "partial"].map(|kind| format!("{prefix}_{kind}"));
    let refund_id = format!("re_{prefix}");
    [
        sale(&full),
        Refund::full(&full).into(),
        sale(&partial),
        Refund::partial(&partial, 1_500).refund_id(refund_id).into(),
    ]
}
