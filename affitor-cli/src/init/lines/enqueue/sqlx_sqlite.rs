type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Stores an event in the app's own transaction. After an error, that transaction is as it was: the savepoint is rolled back.
async fn enqueue(tx: &mut sqlx::Transaction<'_, sqlx::Sqlite>, event: Event) -> Result<(), AnyError> {
    const SQL: &str = "INSERT INTO river_job (kind, queue, max_attempts, args) VALUES ('affitor_event', 'affitor', 30, jsonb(?1))";
    let args = serde_json::json!({ "event": event }).to_string();
    let mut savepoint = sqlx::Acquire::begin(&mut **tx).await?;
    sqlx::query(SQL).bind(args).execute(&mut *savepoint).await?;
    Ok(savepoint.commit().await?)
}
