//! Runs the queries. The code is the same for both databases, but SQLx's traits make a generic function need a page of
//! bounds, so it is a macro with one parameter.

use std::sync::Arc;

use affitor::{ClickId, delivery::WaitsFor};
use riverqueue::sqlx::{self, AssertSqlSafe};

use super::{
    Backlog, Count, Locked, Row, Store,
    sealed::{Parameter, Queries},
};
use crate::{
    Error,
    delivery::NewRow,
    key::{self, Range},
};

/// Id, event, output and creation time. Text is read as bytes, because on SQLite it may not be valid UTF-8.
type RawRow = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<f64>);

fn text(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or_else(|| "null".to_owned(), |text| String::from_utf8_lossy(&text).into_owned())
}

fn row((id, event, output, created_at): RawRow) -> Row {
    Row { id, event: text(event), output: text(output), created_at: created_at.unwrap_or_default() }
}

/// Begins a query of this store.
macro_rules! query {
    ($store:expr, $name:ident) => {
        sqlx::query(AssertSqlSafe($store.sql.$name.clone()))
    };
}

/// Binds the parameters of a query.
macro_rules! bind {
    ($query:expr, $parameters:expr) => {{
        let mut query = $query;
        for parameter in $parameters {
            query = match parameter {
                Parameter::Integer(value) => query.bind(value),
                Parameter::Text(value) => query.bind(value),
                Parameter::Flag(value) => query.bind(value),
                Parameter::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

macro_rules! implement {
    ($database:ty, $begin:expr) => {
        impl Queries for $database {
            async fn begin(pool: &sqlx::Pool<Self>) -> Result<sqlx::Transaction<'static, Self>, Error> {
                Ok($begin(pool).await?)
            }

            async fn apply(store: &Store<Self>, version: i64, sql: &str) -> Result<(), Error> {
                let mut tx = Self::begin(&store.pool).await?;
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
                query!(store, record_version).bind(version).execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            }

            async fn version(store: &Store<Self>) -> Result<i64, Error> {
                Ok(sqlx::query_scalar(AssertSqlSafe(store.sql.version.clone())).fetch_one(&store.pool).await?)
            }

            async fn insert(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                row: &NewRow,
            ) -> Result<bool, Error> {
                let query = query!(store, enqueue).persistent(store.prepared);
                let query = query.bind(&*store.queue).bind(&row.args).bind(&row.key);
                Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
            }

            async fn must_wait(
                store: &Store<Self>,
                waits_for: WaitsFor<'_>,
                leads_before: i64,
                refunds_before: i64,
            ) -> Result<bool, Error> {
                let queue = &*store.queue;
                let query = match waits_for {
                    WaitsFor::Leads { customer_key, click_id } => {
                        let [from, to] = customer_key.map_or_else(Range::default, |key| key::leads(queue, key));
                        let sql = AssertSqlSafe(store.sql.lead_pending.clone());
                        let query = sqlx::query_scalar(sql).bind(leads_before).bind(queue).bind(from).bind(to);
                        query.bind(click_id.map(ClickId::as_str))
                    }
                    WaitsFor::Payment { transaction_id } => {
                        let [from, to] = key::refunds(queue, transaction_id);
                        let sql = AssertSqlSafe(store.sql.payment_pending.clone());
                        let query = sqlx::query_scalar(sql).bind(refunds_before).bind(key::sale(queue, transaction_id));
                        query.bind(from).bind(to)
                    }
                    WaitsFor::Nothing => return Ok(false),
                };
                Ok(query.fetch_one(&store.pool).await?)
            }

            async fn has_partial_refund(store: &Store<Self>, transaction_id: &str, except: i64) -> Result<bool, Error> {
                let [from, to] = key::refunds(&store.queue, transaction_id);
                let query = sqlx::query_scalar(AssertSqlSafe(store.sql.partial_refund.clone()));
                Ok(query.bind(except).bind(from).bind(to).fetch_one(&store.pool).await?)
            }

            async fn foreign(store: &Store<Self>) -> Result<Option<String>, Error> {
                Ok(sqlx::query_scalar(AssertSqlSafe(store.sql.foreign.clone())).fetch_optional(&store.pool).await?)
            }

            async fn stats(store: &Store<Self>) -> Result<Vec<Count>, Error> {
                let query = sqlx::query_as(AssertSqlSafe(store.sql.stats.clone())).bind(&*store.queue);
                let rows: Vec<(String, bool, i64)> = query.fetch_all(&store.pool).await?;
                Ok(rows.into_iter().map(|(outcome, uncertain, count)| Count { outcome, uncertain, count }).collect())
            }

            async fn backlog(store: &Store<Self>) -> Result<Backlog, Error> {
                let query = sqlx::query_as(AssertSqlSafe(store.sql.backlog.clone())).bind(&*store.queue);
                let (pending, oldest, dead) = query.fetch_one(&store.pool).await?;
                Ok(Backlog { pending, oldest, dead })
            }

            async fn dead(store: &Store<Self>, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
                let query = sqlx::query_as(AssertSqlSafe(store.sql.dead.clone())).bind(&*store.queue);
                let rows: Vec<RawRow> = query.bind(after).bind(limit).fetch_all(&store.pool).await?;
                Ok(rows.into_iter().map(row).collect())
            }

            async fn uncertain(store: &Store<Self>, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
                let query = sqlx::query_as(AssertSqlSafe(store.sql.uncertain.clone())).bind(&*store.queue);
                let rows: Vec<RawRow> = query.bind(after).bind(limit).fetch_all(&store.pool).await?;
                Ok(rows.into_iter().map(row).collect())
            }

            async fn dead_letter(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                id: i64,
            ) -> Result<Option<Locked>, Error> {
                let query = sqlx::query_as(AssertSqlSafe(store.sql.dead_letter.clone())).bind(&*store.queue).bind(id);
                let found: Option<(i32, Option<Vec<u8>>, Option<Vec<u8>>)> = query.fetch_optional(&mut **tx).await?;
                Ok(found.map(|(attempt, history, event)| Locked {
                    attempt,
                    history: text(history),
                    event: text(event),
                }))
            }

            async fn being_sent(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                customer_key: &str,
            ) -> Result<u64, Error> {
                let query = sqlx::query_scalar(AssertSqlSafe(store.sql.being_sent.clone())).bind(&*store.queue);
                let sending: i64 = query.bind(customer_key).fetch_one(&mut **tx).await?;
                Ok(sending.unsigned_abs())
            }

            async fn savepoint<'t>(
                tx: &'t mut sqlx::Transaction<'_, Self>,
            ) -> Result<sqlx::Transaction<'t, Self>, Error> {
                Ok(sqlx::Connection::begin(&mut **tx).await?)
            }

            async fn run(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                sql: &Arc<str>,
                parameters: Vec<Parameter>,
            ) -> Result<u64, Error> {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(store.prepared);
                Ok(bind!(query, parameters).execute(&mut **tx).await?.rows_affected())
            }

            async fn run_alone(store: &Store<Self>, sql: &Arc<str>, parameters: Vec<Parameter>) -> Result<u64, Error> {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
                Ok(bind!(query, parameters).execute(&store.pool).await?.rows_affected())
            }

            async fn read(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                sql: &Arc<str>,
                parameters: Vec<Parameter>,
            ) -> Result<Vec<String>, Error> {
                let query = sqlx::query_scalar(AssertSqlSafe(Arc::clone(sql))).persistent(store.prepared);
                Ok(bind!(query, parameters).fetch_all(&mut **tx).await?)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
implement!(sqlx::Sqlite, riverqueue::database::begin_sqlite_write);
#[cfg(feature = "postgres")]
implement!(sqlx::Postgres, riverqueue::database::begin_postgres);
