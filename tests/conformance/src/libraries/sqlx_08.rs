//! SQLx 0.8 on Postgres. Its pools and transactions are other types than those of SQLx 0.9.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use sqlx_08::{Error, PgPool, Postgres, Transaction};

use crate::{End, Library};

async fn enqueue_with_sqlx_08(tx: &mut Transaction<'_, Postgres>, statement: &EventStatement) -> Result<u64, Error> {
    let [queue, args, key] = statement.parameters();
    let query = sqlx_08::query(statement.sql()).bind(queue).bind(args).bind(key);
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

pub struct Sqlx08(PgPool);

impl Sqlx08 {
    pub async fn connect(url: &str) -> Self {
        Self(PgPool::connect(url).await.unwrap())
    }
}

impl Library for Sqlx08 {
    const TITLE: &str = "SQLx 0.8";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let mut tx = self.0.begin().await.unwrap();
        sqlx_08::query("INSERT INTO orders (id) VALUES ($1)").bind(order).execute(&mut *tx).await.unwrap();
        for event in events {
            let statement = Statements::postgres().enqueue(event.clone()).unwrap();
            inserted.push(enqueue_with_sqlx_08(&mut tx, &statement).await.unwrap());
        }
        match end {
            End::Commit => tx.commit().await.unwrap(),
            End::Rollback => tx.rollback().await.unwrap(),
        }
        inserted
    }
}
