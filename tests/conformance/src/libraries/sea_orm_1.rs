//! SeaORM 1, which is on SQLx 0.8. On Postgres.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use sea_orm_1::{ConnectionTrait, Database, DatabaseConnection, DbErr, Statement, TransactionTrait as _, Value};

use crate::{End, Library};

async fn enqueue_with_sea_orm_1(tx: &impl ConnectionTrait, statement: &EventStatement) -> Result<u64, DbErr> {
    let values = statement.parameters().map(Value::from);
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), statement.sql(), values);
    Ok(tx.execute(statement).await?.rows_affected())
}

pub struct SeaOrm1(DatabaseConnection);

impl SeaOrm1 {
    pub async fn connect(url: &str) -> Self {
        Self(Database::connect(url).await.unwrap())
    }
}

impl Library for SeaOrm1 {
    const TITLE: &str = "SeaORM 1.1";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let tx = self.0.begin().await.unwrap();
        let sql = "INSERT INTO orders (id) VALUES ($1)";
        let insert = Statement::from_sql_and_values(tx.get_database_backend(), sql, [order.into()]);
        tx.execute(insert).await.unwrap();
        for event in events {
            let statement = Statements::postgres().enqueue(event.clone()).unwrap();
            inserted.push(enqueue_with_sea_orm_1(&tx, &statement).await.unwrap());
        }
        match end {
            End::Commit => tx.commit().await.unwrap(),
            End::Rollback => tx.rollback().await.unwrap(),
        }
        inserted
    }
}
