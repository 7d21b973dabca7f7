//! SeaORM 2 on Postgres and SQLite.

use affitor::Event;
use affitor_outbox::{EventStatement, Statements};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr, Statement, TransactionTrait as _, Value};

use crate::{End, Library};

async fn enqueue_with_sea_orm(tx: &impl ConnectionTrait, statement: &EventStatement) -> Result<u64, DbErr> {
    let values = statement.parameters().map(Value::from);
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), statement.sql(), values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

pub struct SeaOrm {
    connection: DatabaseConnection,
    statements: Statements,
}

impl SeaOrm {
    pub async fn connect(url: &str, statements: Statements) -> Self {
        Self { connection: Database::connect(url).await.unwrap(), statements }
    }
}

impl Library for SeaOrm {
    const TITLE: &str = "SeaORM 2";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let mut inserted = Vec::new();
        let tx = self.connection.begin().await.unwrap();
        let sql = "INSERT INTO orders (id) VALUES ($1)";
        let insert = Statement::from_sql_and_values(tx.get_database_backend(), sql, [order.into()]);
        tx.execute_raw(insert).await.unwrap();
        for event in events {
            let statement = self.statements.enqueue(event.clone()).unwrap();
            inserted.push(enqueue_with_sea_orm(&tx, &statement).await.unwrap());
        }
        match end {
            End::Commit => tx.commit().await.unwrap(),
            End::Rollback => tx.rollback().await.unwrap(),
        }
        inserted
    }
}
