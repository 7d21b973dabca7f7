//! The ledger in a database. Three processes record the webhooks of many lives, and are killed at random. Nothing delivers events
//! meanwhile, so the queue shows everything that was reported.

use std::{
    collections::{BTreeMap, VecDeque},
    time::SystemTime,
};

use affitor::Event;
use affitor_outbox::{Outbox, sqlx};
use affitor_tests::databases::{Postgres, open_sqlite};
use serde_json::Value;
use shop_lives::{Api, Life, Provider, share};

use crate::ledger::processes::{Delivery, Processes};
use affitor_tests::ledger_model::{
    judge::{differences, expected, reported},
    memory::seconds,
};

/// Lives per provider and database. Stripe has the most kinds.
fn lives_of(provider: Provider) -> u64 {
    share(if provider == Provider::Stripe { 480 } else { 180 })
}

/// Generates the lives, and their webhooks as they are delivered: some twice, most in random order.
fn deliveries(seed: u64) -> (Vec<Life>, VecDeque<Delivery>) {
    let (mut rng, now) = (fastrand::Rng::with_seed(seed), seconds(SystemTime::now()));
    let (mut lives, mut queues) = (Vec::new(), Vec::new());
    for provider in Provider::ALL {
        for _ in 0..lives_of(provider) {
            let number = lives.len() as u64;
            let api = if rng.bool() { Api::Old } else { Api::New };
            let life = Life::generate(&mut rng, provider, api, number, now);
            let mut bodies: Vec<Value> = life.webhooks.iter().map(|webhook| webhook.body.clone()).collect();
            for _ in 0..bodies.len() / 4 {
                bodies.push(bodies[rng.usize(..bodies.len())].clone());
            }
            if rng.u8(..4) > 0 {
                rng.shuffle(&mut bodies);
            }
            queues.push(bodies.into_iter().map(|body| Delivery::new(provider, body)).collect::<VecDeque<_>>());
            lives.push(life);
        }
    }
    // Some lives at a time, so that webhooks of one payment arrive at the same moment in several processes.
    rng.shuffle(&mut queues);
    let mut deliveries = VecDeque::new();
    while !queues.is_empty() {
        let open = queues.len().min(6);
        let chosen = rng.usize(..open);
        match queues[chosen].pop_front() {
            Some(delivery) => deliveries.push_back(delivery),
            None => drop(queues.remove(chosen)),
        }
    }
    (lives, deliveries)
}

/// Number of lives of each kind.
pub(crate) fn kinds<'a>(lives: impl IntoIterator<Item = &'a Life>) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::<String, usize>::new();
    for life in lives {
        *kinds.entry(format!("{:?}: {}", life.provider, life.kind)).or_default() += 1;
    }
    kinds
}

fn summary(database: &str, seed: u64, lives: &[Life], processes: &Processes) {
    let kinds = kinds(lives);
    println!(
        "{database}, seed {seed}: {} lives, {} deliveries, {} repeated after a failure, kills {:?}\n{kinds:#?}",
        lives.len(),
        processes.delivered,
        processes.repeated,
        processes.kills
    );
}

/// Runs the test in one kind of database.
macro_rules! run {
    ($name:literal, $outbox:expr, $pool:expr, $url:expr, $time_passes:literal, $events:literal) => {{
        let (outbox, pool) = ($outbox, $pool);
        let seed = std::env::var("AFFITOR_LEDGER_SEED").map_or(1, |seed| seed.parse().unwrap());
        outbox.migrate().await.unwrap();
        sqlx::raw_sql(SHOP).execute(&pool).await.unwrap();
        let (lives, deliveries) = deliveries(seed);
        let number = i64::try_from(deliveries.len()).unwrap();
        let mut processes = Processes::start($url, seed).await;
        processes.deliver(deliveries).await;
        summary($name, seed, &lives, &processes);
        drop(processes);
        // A transaction may commit without its acknowledgement, but never the other way round.
        let counted: i64 =
            sqlx::query_scalar("SELECT CAST(sum(count) AS bigint) FROM shop_webhooks").fetch_one(&pool).await.unwrap();
        assert!(counted >= number, "{counted} of {number} webhooks are recorded");
        sqlx::raw_sql($time_passes).execute(&pool).await.unwrap();
        while outbox.decide_due_payments().await.unwrap() > 0 {}
        let rows: Vec<String> = sqlx::query_scalar($events).fetch_all(&pool).await.unwrap();
        let events: Vec<Event> = rows.iter().map(|json| serde_json::from_str(json).unwrap()).collect();
        let differences = differences(&reported(&events), &expected(&lives));
        assert!(differences.is_none(), "seed {seed} (AFFITOR_LEDGER_SEED): {}", differences.unwrap_or_default());
    }};
}

/// The shop's own table.
pub(crate) const SHOP: &str = "CREATE TABLE shop_webhooks (provider text PRIMARY KEY, count bigint NOT NULL DEFAULT 0);
    INSERT INTO shop_webhooks (provider) VALUES ('Stripe'), ('Polar'), ('Lemon Squeezy'), ('Paddle')";

/// Over 20 s: three processes, 126 lives by default, and a kill after each 400 webhooks.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_on_sqlite() {
    let folder = affitor_tests::databases::folder();
    let path = folder.path().join("shop.sqlite3");
    let pool = open_sqlite(&path).await;
    run!(
        "SQLite",
        Outbox::sqlite(pool.clone()),
        pool.clone(),
        &format!("sqlite://{}", path.display()),
        r#"UPDATE affitor_payment_groups SET due_at = 0, policy = json_set(policy, '$.hold', json('{"secs":0,"nanos":0}'))
           WHERE due_at IS NOT NULL"#,
        "SELECT json_extract(args, '$.event') FROM river_job WHERE kind = 'affitor_event' ORDER BY id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_on_postgres() {
    let Some(server) = Postgres::start() else { return };
    let pool = server.pool().await;
    run!(
        "Postgres",
        Outbox::postgres(pool.clone()),
        pool.clone(),
        &server.url(),
        r#"UPDATE affitor.affitor_payment_groups SET due_at = 0, policy = jsonb_set(policy, '{hold}', '{"secs":0,"nanos":0}')
           WHERE due_at IS NOT NULL"#,
        "SELECT CAST(args -> 'event' AS text) FROM affitor.river_job WHERE kind = 'affitor_event' ORDER BY id"
    );
}
