use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Stores an event in the app's own transaction. After an error, that transaction is as it was: the savepoint is rolled back.
async fn enqueue(tx: &sea_orm::DatabaseTransaction, event: affitor_outbox::affitor::Event) -> Result<(), AnyError> {
    let statement = affitor_outbox::Statements::postgres().enqueue(event)?;
    let values = statement.parameters().map(sea_orm::Value::from);
    let statement = sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), statement.sql(), values);
    let savepoint = tx.begin().await?;
    savepoint.execute_raw(statement).await?; // SeaORM 1: `execute`
    Ok(savepoint.commit().await?)
}
