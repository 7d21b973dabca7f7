//! Two days without the service. River's clock can't be set, so the times in the rows are moved back by two hours, 24 times.

use std::time::{Duration, Instant};

use affitor::{Click, Client, Currency, Lead, Refund, Sale};
use affitor_outbox::{DeadReason, Outbox, sqlx};
use affitor_sandbox::{ApiCall, Fault, Sandbox};

const CUSTOMERS: u64 = 10;

async fn click(sandbox: &Sandbox) -> affitor::ClickId {
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
}

/// Over 20 s: the outage is 24 steps, and each one waits for an attempt of the worker.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_two_days() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    for number in 0..CUSTOMERS {
        let click = click(&sandbox).await;
        let (customer, id) = (format!("user_{number}"), format!("in_{number}"));
        outbox.enqueue_alone(Lead::new(&customer).click_id(click)).await.unwrap();
        outbox.enqueue_alone(Sale::new(&id, 4_900, Currency::USD).customer_key(&customer)).await.unwrap();
        outbox.enqueue_alone(Refund::full(&id)).await.unwrap();
    }
    // Different kinds of outage. Only the leads meet them, because the other events wait for the leads.
    for fault in [
        Fault::BadGateway,
        Fault::ResetBeforeWrite,
        Fault::ErrorBeforeWrite,
        Fault::RateLimited(Duration::from_secs(1)),
    ] {
        sandbox.inject(fault.with_probability(0.4));
    }
    sandbox.inject(Fault::BadGateway.always());
    let worker = outbox.worker(client()).start().await.unwrap();
    let size = async || -> (i64, i64) {
        let sql = "SELECT count(*), max(length(args) + length(metadata) + coalesce(length(errors), 0)) FROM river_job";
        sqlx::query_as(sql).fetch_one(&pool).await.unwrap()
    };
    let attempts = async || sandbox.requests().iter().filter(|request| request.status != Some(200)).count() as u64;
    // Makes all waiting events due now.
    let make_due = async || {
        let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
        sqlx::query(sql).execute(&pool).await.unwrap();
    };
    let mut sizes = Vec::new();
    for _ in 0..24 {
        let (before, started) = (attempts().await, Instant::now());
        while attempts().await < before + CUSTOMERS {
            assert!(started.elapsed() < Duration::from_secs(60), "{} attempts", attempts().await - before);
            make_due().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sizes.push(size().await);
        let stats = outbox.stats().await.unwrap();
        assert_eq!((stats.pending, stats.dead), (3 * CUSTOMERS, 0), "{stats:?}");
        let sql = "UPDATE river_job SET created_at = datetime(created_at, '-2 hours')";
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    assert!(sizes.iter().all(|(rows, _)| *rows == 3 * CUSTOMERS as i64), "{sizes:?}");
    let (first, last) = (sizes[1].1, sizes[23].1);
    assert!(last <= first + 64, "rows must not grow with each attempt: {first} to {last} bytes");

    sandbox.clear_faults();
    let started = Instant::now();
    loop {
        make_due().await;
        let stats = outbox.stats().await.unwrap();
        if stats.pending == 0 {
            assert_eq!((stats.recorded, stats.dead, stats.not_attributed), (3 * CUSTOMERS, 0, 0), "{stats:?}");
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{stats:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.shutdown().await.unwrap();
    let snapshot = sandbox.snapshot();
    let count = CUSTOMERS as usize;
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (count, count, count));
}

/// The time limits of an event do not run during an outage: a refund still waits for its sale, and a dead letter that was too old
/// gets all its attempts after a replay.
#[tokio::test(flavor = "multi_thread")]
async fn time_limits_do_not_run_during_an_outage() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    outbox.enqueue_alone(Lead::new("user_1").click_id(click)).await.unwrap();
    outbox.enqueue_alone(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1")).await.unwrap();
    let move_back = async |by: &str| {
        let sql = "UPDATE river_job SET created_at = datetime(created_at, $1)";
        sqlx::query(sql).bind(by).execute(&pool).await.unwrap();
    };
    let wait_until = async |condition: &dyn Fn(&affitor_outbox::OutboxStats) -> bool| {
        let started = Instant::now();
        loop {
            let stats = outbox.stats().await.unwrap();
            if condition(&stats) {
                return stats;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{stats:?}");
            let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
            sqlx::query(sql).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    move_back("-2 hours").await;
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Lead));
    let worker = outbox.worker(client()).start().await.unwrap();
    let stats = wait_until(&|stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.not_attributed), (3, 0), "the refund must wait for its sale: {stats:?}");

    outbox.enqueue_alone(Sale::new("in_2", 4_900, Currency::USD).customer_key("user_1")).await.unwrap();
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    // Fifteen days without a worker do not count as fifteen days of attempts.
    move_back("-15 days").await;
    let attempts = async || sandbox.requests().iter().filter(|r| r.call == Some(ApiCall::Sale)).count();
    let before = attempts().await;
    wait_until(&|_| true).await;
    while attempts().await < before + 2 {
        wait_until(&|_| true).await;
        let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
        sqlx::query(sql).execute(&pool).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(outbox.stats().await.unwrap().dead, 0);
    let sql =
        "UPDATE river_job SET metadata = jsonb_set(metadata, '$.affitor.failing_since', 1) WHERE state = 'scheduled'";
    while sqlx::query(sql).execute(&pool).await.unwrap().rows_affected() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_until(&|stats| stats.dead == 1).await;
    let dead = outbox.dead(1).await.unwrap();
    assert_eq!(dead[0].reason, DeadReason::TooOld);
    sandbox.clear_faults();
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Sale));
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let stats = wait_until(&|stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead), (4, 0), "recorded after two more failures: {stats:?}");
}

/// A sale with a click id waits up to an hour for its customer to become known, and no attempt is made before the delay that the
/// service requested.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_customer() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let sale = |id: &str| Sale::new(id, 4_900, Currency::USD).customer_key("nobody");
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(sale("in_2").click_id(affitor::ClickId::new("cust_9_1").unwrap())).await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let worker = outbox.worker(client).start().await.unwrap();
    let wait_until = async |sql: &'static str| {
        let started = Instant::now();
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap() == 0 {
            assert!(started.elapsed() < Duration::from_secs(30), "{sql}: {:?}", outbox.stats().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait_until("SELECT count(*) FROM river_job WHERE state = 'completed'").await;
    wait_until(
        "SELECT count(*) FROM river_job WHERE state = 'scheduled' AND metadata ->> '$.affitor.unknown_since' > 0",
    )
    .await;
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.not_attributed, stats.pending), (1, 1), "the sale without a click id must not wait: {stats:?}");

    // The service requests a delay of ten minutes, which does not count towards the hour.
    sandbox.inject(Fault::RateLimited(Duration::from_secs(600)).times(1).on(ApiCall::Sale));
    let move_back = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second'),
        metadata = jsonb_set(metadata, '$.affitor.unknown_since', unixepoch() - 3500) WHERE state = 'scheduled'";
    assert_eq!(sqlx::query(move_back).execute(&pool).await.unwrap().rows_affected(), 1);
    wait_until("SELECT count(*) FROM river_job WHERE state = 'scheduled' AND scheduled_at > datetime('now', '+595 seconds')
        AND scheduled_at < datetime('now', '+665 seconds') AND metadata ->> '$.affitor.unknown_since' > unixepoch() - 2950").await;
    let move_back = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second'),
        metadata = jsonb_set(metadata, '$.affitor.unknown_since', unixepoch() - 3601) WHERE state = 'scheduled'";
    assert_eq!(sqlx::query(move_back).execute(&pool).await.unwrap().rows_affected(), 1);
    wait_until("SELECT count(*) = 2 FROM river_job WHERE state = 'completed'").await;
    worker.shutdown().await.unwrap();
    assert_eq!(outbox.stats().await.unwrap().not_attributed, 2);
}

/// A sale that was being sent when its worker died, and that the service knows afterwards, may lack its commission.
#[tokio::test(flavor = "multi_thread")]
async fn known_sales_are_uncertain() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_1").click_id(click)).await.unwrap();
    let worker = outbox.worker(client()).start().await.unwrap();
    let delivered = async |count: u64| {
        while outbox.stats().await.unwrap().pending != 0 || outbox.stats().await.unwrap().total() != count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), delivered(1)).await.unwrap();
    worker.shutdown().await.unwrap();
    for (id, state) in [
        ("in_1", "state = 'running', attempt = 1, attempted_at = datetime('now', '-10 minutes')"),
        ("in_2", "attempt = 0"),
    ] {
        let sale = Sale::new(id, 4_900, Currency::USD).customer_key("user_1");
        let _ = client().track_sale(sale.clone()).await.unwrap();
        outbox.enqueue_alone(sale).await.unwrap();
        let sql = format!("UPDATE river_job SET {state} WHERE state = 'available'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    let worker = outbox.worker(client()).start().await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), delivered(3)).await.unwrap();
    worker.shutdown().await.unwrap();
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.already_recorded, stats.uncertain), (2, 2), "{stats:?}");
    // The first one may have been sent before the kill. The other one was reported elsewhere.
    let uncertain = outbox.uncertain(i64::MIN, 10).await.unwrap();
    for (event, reason) in uncertain.iter().zip(["an attempt that failed", "before this outbox sent it"]) {
        assert!(event.reason().contains(reason), "{}", event.reason());
    }
}
