//! Running a row.

use std::{sync::Arc, time::Duration};

use affitor_axum::{Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;
use axum::{Router, http::StatusCode};
use tokio::net::TcpListener;

use crate::capture::{
    apps::{Framework, Server},
    row::{Api, Row, Step, Visit},
    visit::{Jar, Response, send},
};

/// Runs a row. An error says what differs.
pub(crate) async fn run(framework: Framework, row: &Row) -> Result<(), String> {
    let sandbox = Arc::new(Sandbox::builder().partner("A").partner("B").partner("a b&c").start().await.unwrap());
    let api_url = match row.api {
        Api::Sandbox => sandbox.url().to_owned(),
        Api::Fixed(status, body) => fixed(status, body).await,
        Api::Dead => "http://127.0.0.1:9".to_owned(),
    };
    let client = Client::builder().api_key("test_key").api_url(&api_url).program_id(sandbox.program_id()).build();
    let client = client.unwrap();
    let mut instance = Instance::start(framework, row, &client, &sandbox).await;
    let mut jar = Jar::default();
    for (number, step) in row.steps.iter().enumerate() {
        let differs = |what: String| format!("step {}: {what}", number + 1);
        match step {
            Step::Visit(visit) if visit.disconnects => {
                let sending = send(instance.server.address, visit, &jar);
                tokio::select! {
                    response = sending => return Err(differs(format!("{response:?} before the visitor left"))),
                    () = instance.wait_until_calls(|in_flight| in_flight > 0) => {}
                }
            }
            Step::Visit(visit) => {
                let response = send(instance.server.address, visit, &jar).await;
                let response = response.ok_or_else(|| differs("no response".to_owned()))?;
                jar.store(&response.values("set-cookie"));
                check(visit, &response, &sandbox).map_err(differs)?;
            }
            Step::Settle => instance.settle().await,
            Step::Fault(fault) => sandbox.inject(*fault),
            Step::Partner(code, state) => assert!(sandbox.set_partner_state(code, *state)),
            Step::OtherInstance => instance = Instance::start(framework, row, &client, &sandbox).await,
            Step::Counts(expected) => {
                let stats = instance.capture.stats();
                let counts = [stats.late, stats.repeated, stats.limited, stats.failed];
                if counts != *expected {
                    return Err(differs(format!("counts {counts:?}, expected {expected:?}")));
                }
            }
            Step::Clicks(count) => {
                sandbox
                    .wait_for(|snapshot| snapshot.clicks.len() == *count)
                    .await
                    .map_err(|late| differs(late.to_string()))?;
            }
        }
    }
    instance.settle().await;
    let clicks: Vec<String> = sandbox.clicks().into_iter().map(|click| click.affiliate_url).collect();
    if clicks != row.clicks {
        return Err(format!("the service has {clicks:?}, expected {:?}", row.clicks));
    }
    Ok(())
}

struct Instance {
    server: Server,
    capture: ClickCapture,
}

impl Instance {
    async fn start(framework: Framework, row: &Row, client: &Client, sandbox: &Arc<Sandbox>) -> Self {
        let builder = ClickCapture::builder(client.clone());
        let builder = match row.domain {
            Some(domain) => builder.domain(domain),
            None => builder.host_only(),
        };
        let builder = match row.consent {
            Some(predicate) => builder.consent(predicate),
            None => builder.without_consent_check(),
        };
        // On a busy machine, even a fast call takes time.
        let builder = (row.settings)(builder.budget(Duration::from_secs(20)));
        let capture = builder.build().unwrap();
        let server = framework.start(client.clone(), capture.clone(), Arc::clone(sandbox)).await;
        Self { server, capture }
    }

    /// Waits until no call is in flight.
    async fn settle(&self) {
        self.wait_until_calls(|in_flight| in_flight == 0).await;
    }

    /// Waits until the number of calls in flight satisfies a condition.
    async fn wait_until_calls(&self, condition: impl Fn(usize) -> bool) {
        let waiting = async {
            while !condition(self.capture.stats().in_flight) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("calls begin and end in time");
    }
}

fn check(visit: &Visit, response: &Response, sandbox: &Sandbox) -> Result<(), String> {
    let differs = |what: &str, got: &dyn std::fmt::Debug, expected: &dyn std::fmt::Debug| {
        Err(format!(
            "{what} of {}:\n  got      {got:?}\n  expected {expected:?}",
            &visit.target[..visit.target.len().min(60)]
        ))
    };
    if response.status != visit.status {
        return differs("status", &response.status, &visit.status);
    }
    let clicks = sandbox.clicks();
    let named = |text: &str| {
        clicks.iter().enumerate().fold(text.to_owned(), |text, (number, click)| {
            text.replace(&click.click_id, &format!("{{{}}}", number + 1))
        })
    };
    let sets: Vec<String> = response.values("set-cookie").into_iter().map(|line| without_token(&named(line))).collect();
    if sets != visit.sets {
        return differs("Set-Cookie", &sets, &visit.sets);
    }
    for (name, expected) in &visit.has {
        let got = response.values(name);
        if got.as_slice() != expected.as_ref().map_or(&[][..], std::slice::from_ref) {
            return differs(name, &got, expected);
        }
    }
    let body = named(&response.body);
    match visit.body {
        Some(expected) if !body.contains(expected) => differs("body", &body, &expected),
        _ => Ok(()),
    }
}

/// Replaces the token of a retry cookie.
fn without_token(line: &str) -> String {
    match line.strip_prefix("~affitor_retry=").and_then(|rest| rest.split_once('.')) {
        Some((token, rest)) if token.len() == 33 => format!("~affitor_retry={}{{token}}.{rest}", &token[..1]),
        _ => line.to_owned(),
    }
}

/// Starts a service that always gives the same response. Returns its URL.
async fn fixed(status: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async move || (StatusCode::from_u16(status).unwrap(), body));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}
