//! `affitor key rotate` once a second, while events are sent: nothing is lost, and nothing counts twice. Three rotations at 100 events a
//! second; with `AFFITOR_TESTS_ONE_IN=1`, 20 at 500.

use std::{
    collections::HashSet,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use affitor::{Client, Currency, Lead, Sale};
use affitor_outbox::Outbox;
use affitor_sandbox::Sandbox;
use affitor_tests::databases::open_sqlite;
use tokio::{
    process::Command,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout_at},
};

use super::command::build;

const MANAGEMENT_KEY: &str = "affk_0123456789abcdef0123456789abcdef01234567";
const CUSTOMERS: usize = 200;
/// Between two batches of events.
const TICK: Duration = Duration::from_millis(100);
/// How long the last events may take: a key is read at most once in 5 seconds.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn rotations_under_load_lose_nothing() {
    let is_full = std::env::var("AFFITOR_TESTS_ONE_IN").is_ok_and(|one_in| one_in == "1");
    let (rotations, per_second) = if is_full { (20, 500) } else { (3, 100) };
    let affitor = build().await;
    let sandbox = Sandbox::builder().management_key(MANAGEMENT_KEY).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, sandbox.api_key()).unwrap();
    set_mode_600(&key_file);
    let client = || Client::builder().api_key_file(&key_file).api_url(sandbox.url()).build().unwrap();
    let queue = client();
    for customer in 0..CUSTOMERS {
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = queue.track_click(affitor::Click::landing(landing)).await.unwrap();
        let lead = Lead::new(key_of(customer)).click_id(click.click_id().cloned());
        queue.track_lead(lead).await.unwrap();
    }
    let outbox =
        Outbox::sqlite(open_sqlite(&folder.path().join("outbox.sqlite3")).await).start(client()).await.unwrap();

    let is_done = AtomicBool::new(false);
    let per_tick = per_second * u32::try_from(TICK.as_millis()).unwrap() / 1_000 / 2;
    let sale = |id: String, number: usize| Sale::new(id, 4_900, Currency::USD).customer_key(key_of(number));
    let through_queue = async {
        let mut ticks = ticks();
        let mut sent = 0;
        while !is_done.load(Ordering::Relaxed) {
            ticks.tick().await;
            for _ in 0..per_tick {
                queue.try_enqueue(sale(format!("queue_{sent}"), sent)).unwrap();
                sent += 1;
            }
        }
        sent
    };
    let through_outbox = async {
        let mut ticks = ticks();
        let mut sent = 0;
        while !is_done.load(Ordering::Relaxed) {
            ticks.tick().await;
            let mut tx = outbox.outbox().begin().await.unwrap();
            for _ in 0..per_tick {
                outbox.outbox().enqueue(&mut tx, sale(format!("outbox_{sent}"), sent)).await.unwrap();
                sent += 1;
            }
            tx.commit().await.unwrap();
        }
        sent
    };
    let rotate = async {
        let mut keys = HashSet::new();
        let mut seconds = interval(Duration::from_secs(1));
        for _ in 0..rotations {
            seconds.tick().await;
            rotate(&affitor, &sandbox, &key_file).await;
            assert!(keys.insert(std::fs::read_to_string(&key_file).unwrap()), "it is a new key");
        }
        is_done.store(true, Ordering::Relaxed);
    };
    let began = Instant::now();
    let (by_queue, by_outbox, ()) = tokio::join!(through_queue, through_outbox, rotate);
    let (sent, seconds) = (by_queue + by_outbox, began.elapsed().as_secs_f64());

    let end = Instant::now() + LIMIT;
    loop {
        let last = sandbox.requests().last().map_or(0, |request| request.number);
        if sandbox.sales().len() >= sent {
            break;
        }
        assert!(
            timeout_at(end, sandbox.wait_for_requests_after(last)).await.is_ok(),
            "{} of {sent} sales arrived",
            sandbox.sales().len()
        );
    }
    let ids: HashSet<String> = sandbox.sales().into_iter().map(|sale| sale.transaction_id).collect();
    println!(
        "{by_queue} events by the queue, {by_outbox} by the outbox, in {seconds:.1} s; {rotations} rotations, {} lost",
        sent - ids.len()
    );
    assert_eq!((ids.len(), sandbox.sales().len()), (sent, sent));
    outbox.shutdown(Duration::from_secs(10)).await;
    queue.shutdown(Duration::from_secs(10)).await;
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

fn key_of(number: usize) -> String {
    format!("user_{}", number % CUSTOMERS)
}

async fn rotate(affitor: &Path, sandbox: &Sandbox, key_file: &Path) {
    let folder = key_file.parent().unwrap();
    let mut command = Command::new(affitor);
    command.args(["key", "rotate"]).kill_on_drop(true);
    for name in ["AFFITOR_API_KEY", "AFFITOR_API_TOKEN", "AFFITOR_API_BASE"] {
        command.env_remove(name);
    }
    command.env("AFFITOR_API_URL", sandbox.url()).env("AFFITOR_PROGRAM_ID", sandbox.program_id().to_string());
    command.env("AFFITOR_API_KEY_FILE", key_file).env("AFFITOR_MANAGEMENT_KEY", MANAGEMENT_KEY);
    let output = command.env("XDG_CONFIG_HOME", folder.join("config")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
fn set_mode_600(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn set_mode_600(_: &Path) {}
