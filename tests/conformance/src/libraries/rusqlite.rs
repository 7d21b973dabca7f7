//! rusqlite.

use std::{path::Path, time::Duration};

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use rusqlite::{Connection, Error, Transaction, TransactionBehavior};

use crate::{End, Library};

fn enqueue_with_rusqlite(tx: &Transaction<'_>, statement: &EventStatement) -> Result<usize, Error> {
    tx.execute(statement.sql(), statement.parameters())
}

pub struct Rusqlite(Connection);

impl Rusqlite {
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(connection)
    }
}

impl Library for Rusqlite {
    const TITLE: &str = "rusqlite";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let tx = self.0.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        tx.execute("INSERT INTO orders (id) VALUES (?1)", [order]).unwrap();
        for event in events {
            let statement = Statements::sqlite().enqueue(event.clone()).unwrap();
            inserted.push(enqueue_with_rusqlite(&tx, &statement).unwrap() as u64);
        }
        match end {
            End::Commit => tx.commit().unwrap(),
            End::Rollback => tx.rollback().unwrap(),
        }
        inserted
    }
}
