//! Diesel on SQLite.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    result::Error::RollbackTransaction,
    sql_query,
    sql_types::{Nullable, Text},
};

use crate::{End, Library};

fn enqueue_with_diesel(connection: &mut SqliteConnection, statement: &EventStatement) -> QueryResult<usize> {
    let [queue, args, key] = statement.parameters();
    sql_query(statement.sql())
        .bind::<Nullable<Text>, _>(queue)
        .bind::<Nullable<Text>, _>(args)
        .bind::<Nullable<Text>, _>(key)
        .execute(connection)
}

pub struct DieselSqlite(SqliteConnection);

impl DieselSqlite {
    pub fn open(path: &str) -> Self {
        let mut connection = SqliteConnection::establish(path).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        Self(connection)
    }
}

impl Library for DieselSqlite {
    const TITLE: &str = "Diesel";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let result = self.0.immediate_transaction(|connection| {
            sql_query("INSERT INTO orders (id) VALUES (?1)").bind::<Text, _>(order).execute(connection)?;
            for event in events {
                let statement = Statements::sqlite().enqueue(event.clone()).unwrap();
                inserted.push(enqueue_with_diesel(connection, &statement)? as u64);
            }
            match end {
                End::Commit => Ok(()),
                End::Rollback => Err(RollbackTransaction),
            }
        });
        assert!(
            matches!((end, &result), (End::Commit, Ok(())) | (End::Rollback, Err(RollbackTransaction))),
            "{result:?}"
        );
        inserted
    }
}
