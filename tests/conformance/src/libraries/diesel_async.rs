//! diesel-async on Postgres.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use diesel::{
    QueryResult,
    result::Error::RollbackTransaction,
    sql_query,
    sql_types::{Nullable, Text},
};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

use crate::{End, Library};

async fn enqueue_with_diesel_async(
    connection: &mut AsyncPgConnection,
    statement: &EventStatement,
) -> QueryResult<usize> {
    let [queue, args, key] = statement.parameters();
    sql_query(statement.sql())
        .bind::<Nullable<Text>, _>(queue)
        .bind::<Nullable<Text>, _>(args)
        .bind::<Nullable<Text>, _>(key)
        .execute(connection)
        .await
}

pub struct DieselAsync(AsyncPgConnection);

impl DieselAsync {
    pub async fn connect(url: &str) -> Self {
        Self(AsyncPgConnection::establish(url).await.unwrap())
    }
}

impl Library for DieselAsync {
    const TITLE: &str = "diesel-async";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let count = &mut inserted;
        let result = self.0.transaction(async move |connection| {
            sql_query("INSERT INTO orders (id) VALUES ($1)").bind::<Text, _>(order).execute(connection).await?;
            for event in events {
                let statement = Statements::postgres().enqueue(event.clone()).unwrap();
                count.push(enqueue_with_diesel_async(connection, &statement).await? as u64);
            }
            match end {
                End::Commit => Ok(()),
                End::Rollback => Err(RollbackTransaction),
            }
        });
        let result = result.await;
        assert!(
            matches!((end, &result), (End::Commit, Ok(())) | (End::Rollback, Err(RollbackTransaction))),
            "{result:?}"
        );
        inserted
    }
}
