//! Apps as processes that end while the service is slow: what they accepted is delivered, or logged with its ids.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use futures_util::future::join_all;

const USERS: usize = 800;
/// Longer than the shops' limit of 3 seconds. A shop that is still running then is stuck.
const LIMIT: Duration = Duration::from_secs(20);

struct Shop {
    process: Child,
    url: String,
}

impl Shop {
    fn start(framework: &str, sandbox: &Sandbox) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ending_shop"))
            .arg(framework)
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
    async fn ended(mut self) -> String {
        let mut stderr = self.process.stderr.take().unwrap();
        let log = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).map(|_| log)
        });
        let log = tokio::time::timeout(LIMIT, log).await.expect("the shop ends").unwrap().unwrap();
        assert!(self.process.wait().unwrap().success(), "{log}");
        log
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

async fn nothing_is_lost(framework: &str, signal: &str) {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
    sandbox.inject(Fault::Latency(Duration::from_millis(300)).always());
    let shop = Shop::start(framework, &sandbox);
    let http = reqwest::Client::new();
    let stream = http.get(format!("{}/stream", shop.url)).send().await.unwrap();
    let users: Vec<String> = (0..USERS).map(|number| format!("user_{number:03}")).collect();
    for users in users.chunks(50) {
        for response in join_all(users.iter().map(|user| http.post(format!("{}/signup/{user}", shop.url)).send())).await
        {
            assert_eq!(response.unwrap().status(), 200);
        }
    }
    shop.signal(signal);
    let log = shop.ended().await;
    drop(stream);

    let delivered: BTreeSet<String> = sandbox.leads().into_iter().filter_map(|lead| lead.customer_key).collect();
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
