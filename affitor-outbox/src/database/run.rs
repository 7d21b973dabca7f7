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

            async fn set_history(store: &Store<Self>, id: i64, attempt: i32, history: &str) -> Result<bool, Error> {
                let query = query!(store, set_history).bind(id).bind(attempt).bind(history);
                Ok(query.execute(&store.pool).await?.rows_affected() > 0)
            }

            async fn put_last(store: &Store<Self>, id: i64) -> Result<(), Error> {
                query!(store, put_last).bind(id).execute(&store.pool).await?;
                Ok(())
            }

            async fn put_forward(store: &Store<Self>) -> Result<(), Error> {
                query!(store, put_forward).bind(&*store.queue).execute(&store.pool).await?;
                Ok(())
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

            async fn settle(store: &Store<Self>, id: i64) -> Result<bool, Error> {
                let query = query!(store, settle).bind(&*store.queue).bind(id);
                Ok(query.execute(&store.pool).await?.rows_affected() > 0)
            }

            async fn discard(store: &Store<Self>, id: i64) -> Result<bool, Error> {
                let query = query!(store, discard).bind(&*store.queue).bind(id);
                Ok(query.execute(&store.pool).await?.rows_affected() > 0)
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

            async fn correct(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                id: i64,
                row: &NewRow,
            ) -> Result<bool, Error> {
                let query = query!(store, correct).bind(&*store.queue).bind(id).bind(&row.key).bind(&row.args);
                Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
            }

            async fn replay(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                id: i64,
                history: &str,
            ) -> Result<bool, Error> {
                let query = query!(store, replay).bind(&*store.queue).bind(id).bind(history);
                Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
            }

            async fn replay_refunds(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                transaction_id: &str,
            ) -> Result<u64, Error> {
                let [from, to] = key::refunds(&store.queue, transaction_id);
                Ok(query!(store, replay_refunds).bind(from).bind(to).execute(&mut **tx).await?.rows_affected())
            }

            async fn forget(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                customer_key: &str,
            ) -> Result<(u64, u64), Error> {
                let queue = &*store.queue;
                let discarding = query!(store, forget_unsent).bind(queue).bind(customer_key);
                let discarded = discarding.execute(&mut **tx).await?.rows_affected();
                let [from, to] = key::leads(queue, customer_key);
                query!(store, forget_leads).bind(from).bind(to).execute(&mut **tx).await?;
                let counting = sqlx::query_scalar(AssertSqlSafe(store.sql.being_sent.clone()));
                let sending: i64 = counting.bind(queue).bind(customer_key).fetch_one(&mut **tx).await?;
                Ok((discarded, sending.unsigned_abs()))
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
                let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(store.prepared);
                for parameter in parameters {
                    query = match parameter {
                        Parameter::Integer(value) => query.bind(value),
                        Parameter::Text(value) => query.bind(value),
                        Parameter::Flag(value) => query.bind(value),
                    };
                }
                Ok(query.execute(&mut **tx).await?.rows_affected())
            }

            async fn read(
                store: &Store<Self>,
                tx: &mut sqlx::Transaction<'_, Self>,
                sql: &Arc<str>,
                parameters: Vec<Parameter>,
            ) -> Result<Vec<String>, Error> {
                let mut query = sqlx::query_scalar(AssertSqlSafe(Arc::clone(sql))).persistent(store.prepared);
                for parameter in parameters {
                    query = match parameter {
                        Parameter::Integer(value) => query.bind(value),
                        Parameter::Text(value) => query.bind(value),
                        Parameter::Flag(value) => query.bind(value),
                    };
                }
                Ok(query.fetch_all(&mut **tx).await?)
            }

            async fn fix_schedule(store: &Store<Self>) -> Result<u64, Error> {
                let queue = &*store.queue;
                let waiting = query!(store, fix_waiting).bind(queue).execute(&store.pool).await?.rows_affected();
                Ok(waiting + query!(store, fix_running).bind(queue).execute(&store.pool).await?.rows_affected())
            }
        }
    };
}

#[cfg(feature = "sqlite")]
implement!(sqlx::Sqlite, riverqueue::database::begin_sqlite_write);
#[cfg(feature = "postgres")]
implement!(sqlx::Postgres, riverqueue::database::begin_postgres);
