//! A process that violates a guarantee, which the run must detect.

use std::time::Duration;

use affitor::{Client, Refund};
use affitor_outbox::sqlx;

use crate::{
    Arguments, Error, Sabotage, StoreKind,
    shop::{Customer, RefundPlan},
    store::{Store, with_store},
};

/// Violates the guarantee every 200 ms until it is killed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Error> {
    let store = Store::open(arguments).await?;
    let client = Client::builder().api_key("test_key").api_url(&arguments.api).build()?;
    loop {
        match arguments.sabotage {
            Some(Sabotage::Lose) => lose(arguments, &store).await?,
            Some(Sabotage::Double) => {
                for (number, refunded) in store.orders().await? {
                    let customer = Customer::new(arguments.seed, number);
                    if let (true, RefundPlan::Parts(parts)) = (refunded, &customer.refund) {
                        drop(client.track_refund(Refund::partial(customer.transaction_id(), parts[0])).await);
                    }
                }
            }
            Some(Sabotage::Reorder) | None => reorder(arguments, &store, &client).await?,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Marks a few events as delivered.
async fn lose(arguments: &Arguments, store: &Store) -> Result<(), Error> {
    let (table, now) = match arguments.store {
        StoreKind::Sqlite => ("river_job", "datetime('now')"),
        StoreKind::Postgres => ("affitor.river_job", "now()"),
    };
    let sql = format!(
        "UPDATE {table} SET state = 'completed', finalized_at = {now} WHERE id IN \
         (SELECT id FROM {table} WHERE state IN ('available', 'scheduled') ORDER BY id DESC LIMIT 3)"
    );
    let sql = sqlx::AssertSqlSafe(sql);
    with_store!(store, |pool, _outbox| {
        sqlx::query(sql).execute(pool).await?;
    });
    Ok(())
}

/// Sends sales as soon as they are committed.
async fn reorder(arguments: &Arguments, store: &Store, client: &Client) -> Result<(), Error> {
    let clicks: Vec<(i64, String)> = with_store!(store, |pool, _outbox| {
        let sql = "SELECT o.number, c.click_id FROM orders o JOIN clicks c ON c.number = o.number ORDER BY o.number DESC LIMIT 50";
        sqlx::query_as(sql).fetch_all(pool).await?
    });
    for (number, click_id) in clicks {
        let customer = Customer::new(arguments.seed, number.unsigned_abs());
        if let affitor::Event::Sale(sale) = customer.sale(affitor::ClickId::new(click_id)?) {
            drop(client.track_sale(sale).await);
        }
    }
    Ok(())
}
