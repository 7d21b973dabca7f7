//! The processes of the shop and of the workers, which may be killed at any time.

use affitor::{ClickId, Client};
use affitor_outbox::sqlx;

use crate::{
    Arguments, Error,
    shop::{self, Customer},
    store::{Store, with_store},
};

/// Commits each customer's order with its events in one transaction, then the refunds in another. After a kill it continues with
/// what is not committed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Error> {
    let store = Store::open(arguments).await?;
    for number in 0..shop::customers(arguments.events) {
        let customer = Customer::new(arguments.seed, number);
        with_store!(&store, |pool, outbox| {
            let number = i64::try_from(number)?;
            let existing: Option<(i32,)> = sqlx::query_as("SELECT refunded FROM orders WHERE number = $1")
                .bind(number)
                .fetch_optional(pool)
                .await?;
            if existing.is_none() {
                let (click_id,): (String,) = sqlx::query_as("SELECT click_id FROM clicks WHERE number = $1")
                    .bind(number)
                    .fetch_one(pool)
                    .await?;
                let click_id = ClickId::new(click_id)?;
                let mut tx = outbox.begin().await?;
                sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
                outbox.enqueue(&mut tx, customer.lead(click_id.clone())).await?;
                outbox.enqueue(&mut tx, customer.sale(click_id)).await?;
                if customer.cancels {
                    tx.rollback().await?;
                    continue;
                }
                tx.commit().await?;
            }
            if existing.is_none_or(|(refunded,)| refunded == 0) {
                let mut tx = outbox.begin().await?;
                sqlx::query("UPDATE orders SET refunded = 1 WHERE number = $1").bind(number).execute(&mut *tx).await?;
                for refund in customer.refunds() {
                    outbox.enqueue(&mut tx, refund).await?;
                }
                tx.commit().await?;
            }
        });
    }
    Ok(())
}

/// Delivers until it is killed.
pub(crate) async fn work(arguments: &Arguments) -> Result<(), Error> {
    let store = Store::open(arguments).await?;
    let client = Client::builder().api_key_file(&arguments.key_file).api_url(&arguments.api).build()?;
    with_store!(&store, |_pool, outbox| {
        let _worker = outbox.worker(client).start().await?;
        std::future::pending::<()>().await;
    });
    Ok(())
}
