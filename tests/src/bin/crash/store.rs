//! The shop's own tables, and the outbox in the same database.

use affitor_outbox::{Outbox, sqlx};
use affitor_tests::databases::open_sqlite;

use crate::{Arguments, Error, StoreKind};

/// The database of the shop, opened by each process.
pub(crate) enum Store {
    Sqlite(sqlx::SqlitePool, Outbox<sqlx::Sqlite>),
    Postgres(sqlx::PgPool, Outbox<sqlx::Postgres>),
}

/// Runs the same code on either database.
macro_rules! with_store {
    ($store:expr, |$pool:ident, $outbox:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite($pool, $outbox) => $body,
            $crate::store::Store::Postgres($pool, $outbox) => $body,
        }
    };
}

pub(crate) use with_store;

impl Store {
    pub(crate) async fn open(arguments: &Arguments) -> Result<Self, Error> {
        Ok(match arguments.store {
            StoreKind::Sqlite => {
                let pool = open_sqlite(arguments.database.as_ref()).await;
                Self::Sqlite(pool.clone(), Outbox::sqlite(pool))
            }
            StoreKind::Postgres => {
                let pool = sqlx::PgPool::connect(&arguments.database).await?;
                Self::Postgres(pool.clone(), Outbox::postgres(pool))
            }
        })
    }

    /// Creates the tables.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        with_store!(self, |pool, outbox| {
            outbox.migrate().await?;
            sqlx::query("CREATE TABLE clicks (number bigint PRIMARY KEY, click_id text NOT NULL)")
                .execute(pool)
                .await?;
            sqlx::query("CREATE TABLE orders (number bigint PRIMARY KEY, refunded int NOT NULL DEFAULT 0)")
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    pub(crate) async fn insert_click(&self, number: u64, click_id: &str) -> Result<(), Error> {
        let number = i64::try_from(number)?;
        with_store!(self, |pool, _outbox| {
            let sql = "INSERT INTO clicks (number, click_id) VALUES ($1, $2)";
            sqlx::query(sql).bind(number).bind(click_id).execute(pool).await?;
        });
        Ok(())
    }

    /// Returns the numbers of the committed orders, each with whether its refunds are committed.
    pub(crate) async fn orders(&self) -> Result<Vec<(u64, bool)>, Error> {
        let rows: Vec<(i64, i32)> = with_store!(self, |pool, _outbox| {
            sqlx::query_as("SELECT number, refunded FROM orders ORDER BY number").fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(number, refunded)| (number.unsigned_abs(), refunded != 0)).collect())
    }
}
