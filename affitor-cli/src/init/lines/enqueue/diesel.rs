use diesel::{Connection as _, RunQueryDsl as _, sql_types::{Nullable, Text}};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Stores an event in the app's own transaction. After an error, that transaction is as it was: the savepoint is rolled back.
fn enqueue(connection: &mut diesel::PgConnection, event: affitor_outbox::affitor::Event) -> Result<(), AnyError> {
    let statement = affitor_outbox::Statements::postgres().enqueue(event)?;
    let [queue, args, key] = statement.parameters();
    // With diesel-async: its own traits, `async |connection|`, and `.await?`.
    connection.transaction(|connection| {
        diesel::sql_query(statement.sql())
            .bind::<Nullable<Text>, _>(queue)
            .bind::<Nullable<Text>, _>(args)
            .bind::<Nullable<Text>, _>(key)
            .execute(connection)
            .map(drop)
            .map_err(AnyError::from)
    })
}
