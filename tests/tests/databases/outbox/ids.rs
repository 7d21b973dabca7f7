//! Two shops that number their orders from 1.

use std::time::Duration;

use affitor::{Click, Client, Currency, Lead, Sale, TransactionIds};
use affitor_outbox::Outbox;
use affitor_sandbox::Sandbox;
use affitor_tests::{databases::open_sqlite, log::Log};

use crate::outbox::common::wait_until;

const LIMIT: Duration = Duration::from_secs(8);

/// Clients of two programs, each with a customer `user_7` whom a partner brought.
async fn two_shops() -> (Sandbox, [Client; 2]) {
    let sandbox = Sandbox::builder().other_program(43, "other_key", "OTHER").start().await.unwrap();
    let shop = async |key: &str, program: u64, partner: &str| {
        let client = Client::builder().api_key(key).api_url(sandbox.url()).program_id(program).build().unwrap();
        let landing = Click::landing(format!("https://shop.example/?aff={partner}"));
        let click = client.track_click(landing).await.unwrap();
        let _ = client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
        client
    };
    let shops = [
        shop(sandbox.api_key(), sandbox.program_id(), sandbox.partner_code()).await,
        shop("other_key", 43, "OTHER").await,
    ];
    (sandbox, shops)
}

fn sale(id: impl std::fmt::Display) -> Sale {
    Sale::new(id, 4_900, Currency::USD).customer_key("user_7")
}

#[tokio::test]
async fn the_same_order_numbers_do_not_collide() {
    let (sandbox, shops) = two_shops().await;
    let folder = tempfile::tempdir().unwrap();
    for client in shops {
        let orders = TransactionIds::new(&client, "order").unwrap();
        let pool = open_sqlite(&folder.path().join(client.program_id().unwrap())).await;
        let running = Outbox::sqlite(pool).start(client).await.unwrap();
        for number in 1..=3 {
            running.client().enqueue(sale(orders.of(number)));
        }
        wait_until(running.outbox(), |stats| stats.recorded == 3).await;
        assert_eq!(running.outbox().stats().await.unwrap().uncertain, 0);
        running.shutdown(LIMIT).await;
    }
    assert_eq!(sandbox.sales().len(), 6);
    assert!(sandbox.sales().iter().all(|sale| sale.commission_id.is_some()), "each partner is paid");
}

#[tokio::test]
async fn a_collision_is_uncertain_and_said_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let (sandbox, [first, second]) = two_shops().await;
    for number in 1..=3 {
        let _ = first.track_sale(sale(format!("order-{number}"))).await.unwrap();
    }

    // The outbox.
    let folder = tempfile::tempdir().unwrap();
    let pool = open_sqlite(&folder.path().join("shop")).await;
    let running = Outbox::sqlite(pool).start(second.clone()).await.unwrap();
    running.client().enqueue(sale("order-1"));
    running.client().enqueue(sale("order-2"));
    wait_until(running.outbox(), |stats| stats.already_recorded == 2).await;
    let uncertain = running.outbox().uncertain(i64::MIN, 10).await.unwrap();
    assert_eq!((uncertain.len(), running.outbox().stats().await.unwrap().uncertain), (2, 2));
    assert!(uncertain[0].reason().contains("another shop or environment with the same id"), "{uncertain:?}");
    running.shutdown(LIMIT).await;

    // The queue in memory.
    second.enqueue(sale("order-3"));
    let stats = second.shutdown(LIMIT).await;
    assert_eq!((stats.already_recorded, stats.uncertain), (1, 1));

    assert_eq!(sandbox.sales().len(), 3, "the other shop's sales do not count");
    let text = log.text();
    let said = |text_of: &str| text.lines().filter(|line| line.contains(text_of)).count();
    assert_eq!(
        (said("another shop or environment uses it"), said("the transaction id of this sale is taken")),
        (1, 1),
        "{text}"
    );
}
