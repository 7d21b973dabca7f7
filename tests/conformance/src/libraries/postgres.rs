//! The crate `postgres`, which blocks.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use postgres::{Client, Error, NoTls, Transaction};
use tokio::task::block_in_place;

use crate::{End, Library};

fn enqueue_with_postgres(tx: &mut Transaction<'_>, statement: &EventStatement) -> Result<u64, Error> {
    let [queue, args, key] = statement.parameters();
    tx.execute(statement.sql(), &[&queue, &args, &key])
}

/// The connection is an option only so that it can be closed outside of the test's async runtime, as it has its own.
pub struct Postgres(Option<Client>);

impl Postgres {
    pub fn connect(url: &str) -> Self {
        Self(Some(block_in_place(|| Client::connect(url, NoTls)).unwrap()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        block_in_place(|| drop(self.0.take()));
    }
}

impl Library for Postgres {
    const TITLE: &str = "postgres";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let client = self.0.as_mut().unwrap();
        block_in_place(|| {
            let mut inserted = Vec::new();
            let mut tx = client.transaction().unwrap();
            tx.execute("INSERT INTO orders (id) VALUES ($1)", &[&order]).unwrap();
            for event in events {
                let statement = Statements::postgres().enqueue(event.clone()).unwrap();
                inserted.push(enqueue_with_postgres(&mut tx, &statement).unwrap());
            }
            match end {
                End::Commit => tx.commit().unwrap(),
                End::Rollback => tx.rollback().unwrap(),
            }
            inserted
        })
    }
}
