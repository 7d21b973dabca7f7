//! Connections: small pools, a worker's own pool, a worker that does not listen, and a connection pooler in transaction mode.

use affitor::{Currency, Sale};
use affitor_outbox::{
    Outbox,
    sqlx::{self, PgPool, postgres::PgPoolOptions},
};
use affitor_tests::{databases::Postgres, pgbouncer::PgBouncer};

use crate::outbox::common::{connect, sandbox, wait_until};

fn sale(id: impl std::fmt::Display) -> Sale {
    Sale::new(id, 100, Currency::USD).customer_key("nobody")
}

async fn enqueue(outbox: &Outbox<sqlx::Postgres>, events: u64) -> Result<(), affitor_outbox::Error> {
    for number in 0..events {
        outbox.enqueue_alone(sale(format_args!("in_{number}"))).await?;
    }
    Ok(())
}

async fn small_pool(server: &Postgres, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).connect(&server.url()).await.unwrap()
}

/// Fifty senders share two connections, or one, with the app.
///
/// Over 10 s: 1,000 events pass through one or two connections.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_senders_on_a_pool_of_one_or_two() {
    let Some(server) = Postgres::start() else { return };
    for connections in [1, 2] {
        let outbox =
            Outbox::postgres_in(small_pool(&server, connections).await, &format!("pool_{connections}")).unwrap();
        outbox.migrate().await.unwrap();
        let sandbox = sandbox().start().await.unwrap();
        let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
        enqueue(&outbox, 500).await.unwrap();
        wait_until(&outbox, |stats| stats.not_attributed == 500).await;
        worker.shutdown().await.unwrap();
        assert_eq!(sandbox.requests().len(), 500, "each event is sent once");
    }
}

/// A worker uses its own pool, and one more connection to listen. Without listening it uses the pool alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_uses_its_own_pool() {
    let Some(server) = Postgres::start() else { return };
    let app = small_pool(&server, 1).await;
    let outbox = Outbox::postgres(app.clone());
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    let observer = server.pool().await;
    let sessions = async |name: &str| -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        sqlx::query_scalar(sql).bind(name).fetch_one(&observer).await.unwrap()
    };
    for (listen, expected) in [(true, 3), (false, 2)] {
        let name = format!("worker_{listen}");
        let options = server.url().parse::<sqlx::postgres::PgConnectOptions>().unwrap().application_name(&name);
        let pool = PgPoolOptions::new().max_connections(2).min_connections(2).connect_with(options).await.unwrap();
        let mut worker = outbox.worker(connect(&sandbox)).pool(pool.clone());
        if !listen {
            worker = worker.without_listen();
        }
        let worker = worker.start().await.unwrap();
        // The app's only connection is in use. The worker does not need it.
        let mut tx = outbox.begin().await.unwrap();
        outbox.enqueue(&mut tx, sale(&name)).await.unwrap();
        tx.commit().await.unwrap();
        let mut held = app.acquire().await.unwrap();
        let sent = async || sandbox.requests().iter().any(|request| request.transaction_id.as_deref() == Some(&name));
        while !sent().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        sqlx::query("SELECT 1").execute(&mut *held).await.unwrap();
        // A connection that was just opened or closed is counted a moment later.
        let counted = async {
            while sessions(&name).await != expected {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let result = tokio::time::timeout(std::time::Duration::from_secs(10), counted).await;
        assert!(result.is_ok(), "{} connections, {expected} expected", sessions(&name).await);
        worker.shutdown().await.unwrap();
        pool.close().await;
    }
}

/// Transaction mode: an app enqueues without prepared statements, and the worker has a direct connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_pooler_in_transaction_mode() {
    let Some(server) = Postgres::start() else { return };
    let Some(pooler) = PgBouncer::start(&server.url()) else { return };
    let direct = server.pool().await;
    Outbox::postgres(direct.clone()).migrate().await.unwrap();
    let pooled = PgPoolOptions::new().max_connections(5).connect(&pooler.url()).await.unwrap();

    // With prepared statements, a transaction meets the statements of other clients.
    let prepared = Outbox::postgres(pooled.clone());
    let attempts = (0..20).map(|_| enqueue(&prepared, 20));
    let mut errors = futures_util::future::join_all(attempts).await.into_iter().filter_map(Result::err);
    let error = errors.next().expect("this PgBouncer supports prepared statements: update the README");
    assert!(error.to_string().contains("prepared statement"), "{error}");
    sqlx::query("DELETE FROM affitor.river_job").execute(&direct).await.unwrap();
    pooled.close().await;

    let pooled = PgPoolOptions::new().max_connections(5).connect(&pooler.url()).await.unwrap();
    let outbox = Outbox::postgres(pooled).without_prepared_statements();
    let attempts = (0..5).map(|client| {
        let outbox = outbox.clone();
        async move {
            for number in 0..20 {
                let mut tx = outbox.begin().await?;
                outbox.enqueue(&mut tx, sale(format_args!("pooled_{client}_{number}"))).await?;
                outbox.enqueue(&mut tx, sale(format_args!("pooled_{client}_{number}"))).await?;
                tx.commit().await?;
            }
            Ok::<(), affitor_outbox::Error>(())
        }
    });
    for result in futures_util::future::join_all(attempts).await {
        result.unwrap();
    }
    let sandbox = sandbox().start().await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).pool(direct.clone()).start().await.unwrap();
    wait_until(&Outbox::postgres(direct), |stats| stats.not_attributed == 100).await;
    worker.shutdown().await.unwrap();
    assert_eq!(sandbox.requests().len(), 100);
}
