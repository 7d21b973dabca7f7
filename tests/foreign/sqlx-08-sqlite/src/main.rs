//! The function that `affitor init` prints for SQLx 0.8 and SQLite. It can't be compiled beside `affitor-outbox`, because both would
//! link SQLite.

use affitor_axum::{Event, Lead};

include!("../../../../affitor-cli/src/init/lines/enqueue/sqlx_sqlite.rs");

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    let mut tx = pool.begin().await?;
    sqlx::query("CREATE TABLE users (id integer)").execute(&mut *tx).await?;
    let error = enqueue(&mut tx, Lead::new("user_7").into()).await.unwrap_err().to_string();
    assert!(error.contains("no such table"), "{error}");
    // As the outbox's migration creates it, as far as this statement goes.
    let table =
        "CREATE TABLE river_job (id integer PRIMARY KEY, kind text, queue text, max_attempts integer, args blob)";
    sqlx::query(table).execute(&mut *tx).await?;
    enqueue(&mut tx, Lead::new("user_8").into()).await?;
    tx.commit().await?;
    let stored: String =
        sqlx::query_scalar("SELECT json_extract(args, '$.event.customer_key') FROM river_job").fetch_one(&pool).await?;
    assert_eq!(stored, "user_8");
    println!("stored: {stored}");
    Ok(())
}
