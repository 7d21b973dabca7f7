type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Stores an event in the app's own transaction. After an error, that transaction is as it was: the savepoint is rolled back.
async fn enqueue(tx: &mut tokio_postgres::Transaction<'_>, event: affitor_outbox::affitor::Event) -> Result<(), AnyError> {
    let statement = affitor_outbox::Statements::postgres().enqueue(event)?;
    let [queue, args, key] = statement.parameters();
    let savepoint = tx.savepoint("affitor").await?;
    savepoint.execute(statement.sql(), &[&queue, &args, &key]).await?;
    Ok(savepoint.commit().await?)
}
