//! The functions that `affitor init` prints for each library, compiled as they are printed.

use affitor::Lead;

/// The result of a sign-up: whether its lead could be stored. The user is stored in any case.
pub type Stored = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[cfg(feature = "all")]
pub mod sqlx_08 {
    use sqlx_08 as sqlx;

    use super::{Lead, Stored};

    include!("../../../affitor-cli/src/init/lines/enqueue/sqlx.rs");

    /// Signs a user up.
    pub async fn sign_up(url: &str, user: &str) -> Stored {
        let pool = sqlx::PgPool::connect(url).await?;
        let mut tx = pool.begin().await?;
        let stored = enqueue(&mut tx, Lead::new(user).into()).await;
        sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(user).execute(&mut *tx).await?;
        tx.commit().await?;
        stored
    }
}

pub mod tokio_postgres_07 {
    use super::{Lead, Stored};

    include!("../../../affitor-cli/src/init/lines/enqueue/tokio_postgres.rs");

    /// Signs a user up.
    pub async fn sign_up(client: &mut tokio_postgres::Client, user: &str) -> Stored {
        let mut tx = client.transaction().await?;
        let stored = enqueue(&mut tx, Lead::new(user).into()).await;
        tx.execute("INSERT INTO orders (id) VALUES ($1)", &[&user]).await?;
        tx.commit().await?;
        stored
    }
}

#[cfg(feature = "all")]
pub mod sea_orm_2 {
    use super::{Lead, Stored};

    include!("../../../affitor-cli/src/init/lines/enqueue/sea_orm.rs");

    /// Signs a user up.
    pub async fn sign_up(url: &str, user: &str) -> Stored {
        let connection = sea_orm::Database::connect(url).await?;
        let tx = connection.begin().await?;
        let stored = enqueue(&tx, Lead::new(user).into()).await;
        let sql = "INSERT INTO orders (id) VALUES ($1)";
        let insert = sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), sql, [user.into()]);
        tx.execute_raw(insert).await?;
        tx.commit().await?;
        stored
    }
}

#[cfg(feature = "all")]
pub mod diesel_2 {
    use super::{Lead, Stored};

    include!("../../../affitor-cli/src/init/lines/enqueue/diesel.rs");

    /// Signs a user up.
    pub fn sign_up(url: &str, user: &str) -> Stored {
        let mut connection = diesel::PgConnection::establish(url)?;
        connection.transaction::<_, AnyError, _>(|connection| {
            let stored = enqueue(connection, Lead::new(user).into());
            diesel::sql_query("INSERT INTO orders (id) VALUES ($1)").bind::<Text, _>(user).execute(connection)?;
            Ok(stored)
        })?
    }
}
