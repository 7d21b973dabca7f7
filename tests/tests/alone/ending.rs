//! Apps as processes that end while the service is slow: what they accepted is delivered, or logged with its ids.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use affitor_outbox::sqlx;
use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use affitor_tests::databases::open_sqlite;
use futures_util::future::join_all;

const USERS: usize = 800;
/// Longer than the shops' limit of 3 seconds. A shop that is still running then is stuck.
const LIMIT: Duration = Duration::from_secs(20);

struct Shop {
    process: Child,
    url: String,
}

impl Shop {
    fn start(framework: &str, database: Option<&Path>, sandbox: &Sandbox) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ending_shop"))
            .arg(framework)
            .args(database)
            .env("AFFITOR_API_KEY", sandbox.api_key())
            .env("AFFITOR_API_URL", sandbox.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { process, url: format!("http://{}", address.trim()) }
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for the end, and returns what was logged.
    async fn ended(self) -> String {
        let (status, log) = self.exited().await;
        assert!(status.success(), "{log}");
        log
    }

    /// Waits for the end, and returns how it ended, and what was logged.
    async fn exited(mut self) -> (ExitStatus, String) {
        let mut stderr = self.process.stderr.take().unwrap();
        let log = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).map(|_| log)
        });
        let log = tokio::time::timeout(LIMIT, log).await.expect("the shop ends").unwrap().unwrap();
        (self.process.wait().unwrap(), log)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// Signs all users up, and returns them.
async fn sign_up(shop: &Shop, path: &str) -> Vec<String> {
    let http = reqwest::Client::new();
    let users: Vec<String> = (0..USERS).map(|number| format!("user_{number:03}")).collect();
    for users in users.chunks(50) {
        for response in join_all(users.iter().map(|user| http.post(format!("{}/{path}/{user}", shop.url)).send())).await
        {
            assert_eq!(response.unwrap().status(), 200);
        }
    }
    users
}

/// A service that takes 300 ms, and knows no customer.
async fn slow_service() -> Sandbox {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
    sandbox.inject(Fault::Latency(Duration::from_millis(300)).always());
    sandbox
}

fn delivered(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.leads().into_iter().filter_map(|lead| lead.customer_key).collect()
}

async fn nothing_is_lost(framework: &str, signal: &str) {
    let sandbox = slow_service().await;
    let shop = Shop::start(framework, None, &sandbox);
    let http = reqwest::Client::new();
    let stream = http.get(format!("{}/stream", shop.url)).send().await.unwrap();
    let users = sign_up(&shop, "signup").await;
    shop.signal(signal);
    let log = shop.ended().await;
    drop(stream);

    let delivered = delivered(&sandbox);
    let is_lost = |user: &&String| log.lines().any(|line| line.contains("is lost") && line.contains(*user));
    let lost: BTreeSet<String> = users.iter().filter(is_lost).cloned().collect();
    println!(
        "{framework}, {signal}: {} delivered, {} logged, {} both",
        delivered.len(),
        lost.len(),
        (&delivered & &lost).len()
    );
    assert!(delivered.len() > 16 && lost.len() > 16, "{log}");
    assert_eq!((&delivered | &lost).len(), USERS, "something is neither delivered nor logged");
    // Those that were in flight at the end.
    assert!((&delivered & &lost).len() <= 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_end_in_order() {
    let axum = async {
        nothing_is_lost("axum", "TERM").await;
        nothing_is_lost("axum", "INT").await;
    };
    let actix = async {
        nothing_is_lost("actix", "TERM").await;
        nothing_is_lost("actix", "INT").await;
    };
    tokio::join!(axum, actix);
}

/// With an outbox, what was accepted before a signal, and what was stored before a kill, is delivered after the next start.
async fn an_outbox_loses_nothing(framework: &str, signal: &str) {
    let sandbox = slow_service().await;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("a folder's name with %20").with_extension("sqlite3");
    let shop = Shop::start(framework, Some(&database), &sandbox);
    let stream = reqwest::Client::new().get(format!("{}/stream", shop.url)).send().await.unwrap();
    let is_killed = signal == "KILL";
    let users = sign_up(&shop, if is_killed { "stored" } else { "signup" }).await;
    shop.signal(signal);
    let (status, log) = shop.exited().await;
    drop(stream);
    assert_eq!(status.success(), !is_killed, "{log}");
    assert!(!log.contains("is lost"), "{log}");
    let before = delivered(&sandbox).len();
    assert!(before < USERS, "there was nothing left to deliver");

    // River gives up on the calls of a killed worker a minute after they began.
    let pool = open_sqlite(&database).await;
    let sql = "UPDATE river_job SET attempted_at = datetime('now', '-10 minutes') WHERE state = 'running'";
    let in_flight = sqlx::query(sql).execute(&pool).await.unwrap().rows_affected();
    assert_eq!(in_flight > 0, is_killed, "calls that had begun were finished before an orderly end");
    pool.close().await;
    sandbox.clear_faults();
    let shop = Shop::start(framework, Some(&database), &sandbox);
    let all = async {
        while delivered(&sandbox).len() < USERS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let is_complete = tokio::time::timeout(Duration::from_secs(60), all).await.is_ok();
    shop.signal("TERM");
    let log = shop.ended().await;
    println!(
        "{framework} with an outbox, {signal}: {before} delivered before the end, {in_flight} in flight, {USERS} in all"
    );
    assert!(is_complete, "{} of {USERS} are delivered: {log}", delivered(&sandbox).len());
    assert_eq!(delivered(&sandbox), users.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn outboxes_lose_nothing() {
    let axum = async {
        an_outbox_loses_nothing("axum", "TERM").await;
        an_outbox_loses_nothing("axum", "KILL").await;
    };
    let actix = async {
        an_outbox_loses_nothing("actix", "INT").await;
        an_outbox_loses_nothing("actix", "KILL").await;
    };
    tokio::join!(axum, actix);
}
