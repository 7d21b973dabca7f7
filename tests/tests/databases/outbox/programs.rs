//! Several programs in one outbox, and several outboxes in one database.

use std::time::Duration;

use affitor::Lead;
use affitor_outbox::{Enqueued, Outbox, PaymentSettings, Statements};

use crate::outbox::common::{Amount, Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

/// Each program has its own duplicates, totals, dead letters and worker.
async fn programs_do_not_see_each_other<DB: Raw>(store: Store<DB>) {
    let (europe, america) = (store.outbox.for_program("eu").unwrap(), store.outbox.for_program("us").unwrap());
    assert_eq!((store.outbox.queue(), europe.queue()), ("affitor", "affitor_eu"));
    let (of_europe, of_america) = (sandbox().start().await.unwrap(), sandbox().start().await.unwrap());
    for (outbox, sandbox) in [(&europe, &of_europe), (&america, &of_america)] {
        let lead = Lead::new("user_7").click_id(click(sandbox).await);
        assert_eq!(outbox.enqueue_alone(lead.clone()).await.unwrap(), Enqueued::New);
        assert_eq!(outbox.enqueue_alone(sale("in_1")).await.unwrap(), Enqueued::New, "another program has this sale");
        assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known);
    }
    europe.enqueue_alone(sale("in_big").amount(u64::MAX)).await.unwrap();
    let worker = europe.worker(connect(&of_europe)).start().await.unwrap();
    let stats = wait_until(&europe, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.dead, stats.total()), (2, 1, 3), "{stats:?}");
    let stats = america.stats().await.unwrap();
    assert_eq!((stats.pending, stats.total()), (2, 2), "no worker of the other program is running");
    let dead = europe.dead(10).await.unwrap()[0].id;
    assert!(america.dead(10).await.unwrap().is_empty());
    assert!(!america.discard(dead).await.unwrap() && !america.replay(dead).await.unwrap());
    let other = america.worker(connect(&of_america)).start().await.unwrap();
    wait_until(&america, |stats| stats.recorded == 2).await;
    for worker in [worker, other] {
        worker.shutdown().await.unwrap();
    }
    assert_eq!((of_europe.sales().len(), of_america.sales().len()), (1, 1));
    assert_eq!(store.outbox.stats().await.unwrap().total(), 0);
    for name in ["", "EU", "a b", "-", &"x".repeat(57)] {
        assert!(store.outbox.for_program(name).unwrap_err().is_invalid(), "{name}");
    }
    let settings = PaymentSettings::new().program_id(42).hold(Duration::ZERO);
    let outbox = store.outbox.with_payment_settings(settings).for_program("eu").unwrap();
    assert_eq!(*outbox.payment_settings(), PaymentSettings::new().hold(Duration::ZERO));
}

scenarios! { programs_do_not_see_each_other }

/// Two apps in one Postgres database, each with a schema of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_schemas_in_one_database() {
    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
    let pool = server.pool().await;
    let (staging, production) = (
        Outbox::postgres_in(pool.clone(), "staging_affitor").unwrap(),
        Outbox::postgres_in(pool.clone(), "_prod2").unwrap(),
    );
    let sandboxes = (sandbox().start().await.unwrap(), sandbox().start().await.unwrap());
    let mut workers = Vec::new();
    for (outbox, sandbox) in [(&staging, &sandboxes.0), (&production, &sandboxes.1)] {
        assert!(outbox.worker(connect(sandbox)).start().await.unwrap_err().is_not_migrated());
        assert!(outbox.stats().await.unwrap_err().is_not_migrated());
        outbox.migrate().await.unwrap();
        assert_eq!(outbox.migration_sql().await.unwrap(), "");
        workers.push(outbox.worker(connect(sandbox)).start().await.unwrap());
    }
    staging.enqueue_alone(Lead::new("user_7").click_id(click(&sandboxes.0).await)).await.unwrap();
    staging.enqueue_alone(sale("in_1")).await.unwrap();
    let began = std::time::Instant::now();
    wait_until(&staging, |stats| stats.recorded == 2).await;
    assert!(began.elapsed().as_secs() < 10, "the worker is notified on its own channel");
    assert_eq!(production.stats().await.unwrap().total(), 0);
    assert!(sandboxes.1.requests().is_empty());
    let statement = Statements::postgres_in("_prod2").unwrap().enqueue(sale("in_2")).unwrap();
    assert!(statement.sql().starts_with("INSERT INTO _prod2.river_job"));
    for worker in workers {
        worker.shutdown().await.unwrap();
    }
    for name in ["", "Shop", "shop-a", "shop a", "shop;drop", "1shop", &"x".repeat(64)] {
        assert!(Outbox::postgres_in(pool.clone(), name).unwrap_err().is_invalid(), "{name}");
    }
    let schemas: Vec<String> = affitor_outbox::sqlx::query_scalar(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%affitor%'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(schemas, ["staging_affitor"], "nothing is created in the default schema");
}
