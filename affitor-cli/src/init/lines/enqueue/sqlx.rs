type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Stores an event in the app's own transaction. After an error, that transaction is as it was: the savepoint is rolled back.
async fn enqueue(tx: &mut sqlx::Transaction<'_, sqlx::Postgres>, event: affitor_outbox::affitor::Event) -> Result<(), AnyError> {
    let statement = affitor_outbox::Statements::postgres().enqueue(event)?;
    let [queue, args, key] = statement.parameters();
    let mut savepoint = sqlx::Acquire::begin(&mut **tx).await?;
    sqlx::query(statement.sql()).bind(queue).bind(args).bind(key).execute(&mut *savepoint).await?;
    Ok(savepoint.commit().await?)
}
