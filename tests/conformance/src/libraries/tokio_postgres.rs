//! tokio-postgres.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use tokio_postgres::{Client, Error, NoTls, Transaction};

use crate::{End, Library};

async fn enqueue_with_tokio_postgres(tx: &Transaction<'_>, statement: &EventStatement) -> Result<u64, Error> {
    let [queue, args, key] = statement.parameters();
    tx.execute(statement.sql(), &[&queue, &args, &key]).await
}

pub struct TokioPostgres(Client);

impl TokioPostgres {
    pub async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }
}

impl Library for TokioPostgres {
    const TITLE: &str = "tokio-postgres";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let tx = self.0.transaction().await.unwrap();
        tx.execute("INSERT INTO orders (id) VALUES ($1)", &[&order]).await.unwrap();
        for event in events {
            let statement = Statements::postgres().enqueue(event.clone()).unwrap();
            inserted.push(enqueue_with_tokio_postgres(&tx, &statement).await.unwrap());
        }
        match end {
            End::Commit => tx.commit().await.unwrap(),
            End::Rollback => tx.rollback().await.unwrap(),
        }
        inserted
    }
}
