//! The table: each shop, and what `affitor prove` finds in it.

use std::{path::Path, process::Output, sync::Arc};

use affitor_sandbox::Sandbox;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Framework,
    command::{build, prove, prove_with},
};

/// Proofs that run at the same time. They mostly wait.
const CONCURRENCY: usize = 8;

/// What the shop sells.
#[derive(Clone, Copy, Debug)]
enum Sells {
    Once,
    Subscription,
}

/// How the shop's sign-up form is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignUp {
    Form,
    Json,
}

/// What a proof checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    /// Neither outages nor a crash.
    Quick,
    /// All.
    All,
}

/// Arguments of the shop, its settings, what is checked, and the finding, with words that it says. In the arguments, `{folder}` is a
/// folder of its own, and `{other}` the URL of another server.
type Row = (&'static [&'static str], Sells, SignUp, Checks, Option<&'static str>);

const ROWS: &[Row] = &[
    (&[], Sells::Once, SignUp::Form, Checks::Quick, None),
    (&[], Sells::Subscription, SignUp::Json, Checks::Quick, None),
    (&[], Sells::Once, SignUp::Form, Checks::All, Some("lead-lost-in-outage")),
    (&["--queue"], Sells::Once, SignUp::Json, Checks::All, None),
    (&["--queue"], Sells::Subscription, SignUp::Form, Checks::Quick, None),
    (&["--database", "{folder}/shop.sqlite3"], Sells::Once, SignUp::Json, Checks::All, None),
    (&["--database", "{folder}/shop.sqlite3"], Sells::Subscription, SignUp::Form, Checks::Quick, None),
    (&["--capture"], Sells::Once, SignUp::Form, Checks::Quick, None),
    (&["--capture"], Sells::Subscription, SignUp::Form, Checks::Quick, None),
    (&["--queue", "--fault", "email-key"], Sells::Once, SignUp::Form, Checks::Quick, None),
    broken(&["--fault", "no-layer"], Sells::Subscription, "layer-missing"),
    broken(&["--fault", "layer-before-route"], Sells::Subscription, "layer-misses-route"),
    broken(&["--fault", "other-host"], Sells::Subscription, "cookie-lost"),
    broken(&["--fault", "cookies-cleared"], Sells::Subscription, "cookie-lost"),
    broken(&["--fault", "site-data-cleared"], Sells::Once, "cookie-lost"),
    broken(&["--fault", "meta-refresh"], Sells::Once, "aff-lost"),
    broken(&["--fault", "policy-blocks"], Sells::Once, "tracker-blocked"),
    broken(&["--fault", "first-click"], Sells::Once, "first-click-kept"),
    broken(&["--fault", "oldest-click"], Sells::Once, "first-click-kept"),
    broken(&["--fault", "renewal-id"], Sells::Subscription, "no-renewal: under the subscription's id"),
    broken(&["--fault", "new-ids"], Sells::Once, "double-reporting: the next one had another transaction id"),
    broken(&["--fault", "cookie-dropped"], Sells::Once, "click-id-lost"),
    (&["--fault", "lands-on-localhost"], Sells::Once, SignUp::Form, Checks::Quick, None),
    broken(&["--fault", "scripted-lead"], Sells::Once, "no-lead"),
    broken(&["--fault", "list-price"], Sells::Once, "wrong-amount: the list price"),
    broken(&["--fault", "whole-units"], Sells::Once, "wrong-amount: cut or rounded"),
    broken(&["--fault", "fixed-currency"], Sells::Once, "wrong-amount: the currency is missing or fixed"),
    broken(&["--fault", "last-user"], Sells::Once, "customer-key-differs: names another visitor"),
    broken(&["--fault", "prefixed-key"], Sells::Once, "customer-key-differs: a prefix"),
    broken(&["--fault", "once-per-customer"], Sells::Once, "no-second-sale"),
    broken(&["--fault", "refund-whole"], Sells::Once, "wrong-amount: without its amount"),
    broken(&["--fault", "refund-key"], Sells::Once, "no-refund: API key"),
    broken(&["--fault", "refund-once"], Sells::Once, "no-refund: after the first one"),
    broken(&["--fault", "tag-escaped"], Sells::Once, "no-tracker"),
    broken(&["--fault", "session-path"], Sells::Once, "checkout-failed"),
    broken(&["--fault", "unpaid"], Sells::Once, "unpaid-reported"),
    broken(&["--fault", "subscription-id"], Sells::Subscription, "no-renewal"),
    broken(&["--queue", "--fault", "lead-before-commit"], Sells::Once, "lead-before-commit"),
    broken(&["--fault", "lowercase-key"], Sells::Once, "customer-key-differs"),
    broken(&["--fault", "logs-out"], Sells::Once, "checkout-failed"),
    broken(&["--fault", "test-mode"], Sells::Once, "test-mode"),
    broken(&["--fault", "rate-limit"], Sells::Once, "signup-failed"),
    broken(&["--fault", "wrong-secret"], Sells::Subscription, "webhook-secret"),
    broken(&["--fault", "webhook-unauthorized"], Sells::Once, "webhook-blocked"),
    broken(&["--fault", "webhook-log-in"], Sells::Once, "webhook-blocked"),
    broken(&["--fault", "signature-dropped"], Sells::Once, "webhook-failed"),
    broken(&["--fault", "unverified"], Sells::Once, "webhook-unverified"),
    broken(&["--queue", "--fault", "thank-you"], Sells::Once, "double-reporting"),
    broken(&["--fault", "slow-webhook"], Sells::Once, "webhook-slow"),
    broken(&["--fault", "parsed-body"], Sells::Subscription, "webhook-body-parsed"),
    broken(&["--fault", "wrong-customer-key"], Sells::Once, "customer-key-differs"),
    broken(&["--fault", "wrong-customer-key"], Sells::Subscription, "customer-key-differs"),
    broken(&["--fault", "no-session-metadata"], Sells::Once, "session-metadata-missing"),
    broken(&["--fault", "no-session-metadata"], Sells::Subscription, "session-metadata-missing"),
    broken(&["--fault", "no-subscription-metadata"], Sells::Subscription, "subscription-metadata-missing"),
    broken(&["--fault", "refund-id"], Sells::Once, "refund-id-differs"),
    broken(&["--fault", "double-reporting"], Sells::Once, "double-reporting"),
    broken(&["--fault", "double-reporting"], Sells::Subscription, "double-reporting"),
    broken(&["--fault", "points-elsewhere"], Sells::Subscription, "points-elsewhere"),
    broken(&["--fault", "points-elsewhere", "--service", "{other}"], Sells::Subscription, "points-elsewhere"),
    in_outage(&["--fault", "fails-in-outage"], "signup-fails-in-outage"),
    in_outage(&["--queue", "--fault", "handled-first"], "sale-lost-in-outage"),
    in_outage(&["--queue", "--fault", "spawned"], "sale-lost-in-outage"),
];

const fn broken(arguments: &'static [&'static str], sells: Sells, finding: &'static str) -> Row {
    (arguments, sells, SignUp::Form, Checks::Quick, Some(finding))
}

const fn in_outage(arguments: &'static [&'static str], finding: &'static str) -> Row {
    (arguments, Sells::Once, SignUp::Form, Checks::All, Some(finding))
}

/// About a minute for all rows: each proof waits for events that must not come.
#[tokio::test(flavor = "multi_thread")]
async fn each_shop_yields_exactly_its_finding() {
    let affitor: Arc<Path> = build().await.into();
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let mut proofs = JoinSet::new();
    for (offset, framework) in Framework::ALL.into_iter().enumerate() {
        for (number, row) in ROWS.iter().enumerate() {
            if !shop_lives::is_in_share(number, offset) {
                continue;
            }
            let (affitor, slots) = (Arc::clone(&affitor), Arc::clone(&slots));
            proofs.spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                check(&affitor, framework, row).await.map_err(|problem| format!("{framework:?} {row:?}: {problem}"))
            });
        }
    }
    let results = proofs.join_all().await;
    let problems: Vec<String> = results.iter().filter_map(|result| result.clone().err()).collect();
    println!("{} rows", results.len());
    assert!(problems.is_empty(), "{} of {} rows differ:\n{}", problems.len(), results.len(), problems.join("\n"));
}

/// With Stripe connected to the program, a payment must not count twice.
#[tokio::test(flavor = "multi_thread")]
async fn who_reports_the_payments_of_stripe() {
    let affitor = build().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("affitor.toml");
    std::fs::write(&file, settings(Sells::Once, SignUp::Form)).unwrap();
    let database = folder.path().join("shop.sqlite3");
    let database = database.to_str().unwrap();
    let once = "only Affitor reported the payment, so it counts once";
    let rows: [(&[&str], _, _, _); 4] = [
        (&[], None, "sale, connected", ("passed", once)),
        (&["--database", database], Some("app"), "sale, connected", ("passed", once)),
        (
            &["--fault", "reports-anyway"],
            None,
            "sale, connected",
            ("warning", "if Stripe is connected to your program, each payment counts twice"),
        ),
        (&[], Some("affitor"), "sale", ("passed", "left to Affitor, which read it from Stripe's webhook, once")),
    ];
    let proofs = Framework::ALL.into_iter().cycle().zip(rows).map(async |(framework, row)| {
        let (arguments, reporter, name, (status, message)) = row;
        let app: Vec<String> = [framework.binary()].iter().chain(arguments).map(ToString::to_string).collect();
        let output = prove_with(&affitor, &["--quick"], &file, &app, reporter).await;
        judge(&output, None).unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let check = document["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
        assert_eq!(check["status"], status, "{framework:?} {arguments:?}: {document:#}");
        assert!(check["message"].as_str().unwrap().starts_with(message), "{check}");
    });
    join_all(proofs).await;
}

/// A sign-up at an identity provider, for which `prove` has a stand-in.
#[tokio::test(flavor = "multi_thread")]
async fn a_social_log_in_is_proved() {
    let affitor = build().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("affitor.toml");
    let settings = settings(Sells::Once, SignUp::Form);
    let (before, after) = settings.split_once("steps = [").unwrap();
    let after = after.split_once("\n]\n").unwrap().1;
    let log_in = "[log_in]\nissuer = \"OIDC_ISSUER\"\nclient_id = \"OIDC_CLIENT_ID\"\n";
    std::fs::write(&file, format!("{before}steps = [{{ get = \"/auth/login\" }}]\n{after}{log_in}")).unwrap();
    let proofs = Framework::ALL.map(async |framework| {
        let app = [framework.binary().to_owned(), "--queue".to_owned()];
        let output = prove(&affitor, &["--quick"], &file, &app).await;
        judge(&output, None).unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        for name in ["sign-up, cookie", "sale"] {
            let check = document["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
            assert_eq!(check["status"], "passed", "{framework:?} {name}: {document:#}");
        }
    });
    join_all(proofs).await;
}

/// An outbox survives a crash of the app, the queue in memory does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_survives() {
    let affitor = build().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("affitor.toml");
    std::fs::write(&file, settings(Sells::Once, SignUp::Form)).unwrap();
    let database = folder.path().join("shop.sqlite3");
    // Without an outbox, a payment survives because it was not accepted.
    let rows: [(&[&str], [&str; 4]); 2] = [
        (&["--queue"], ["passed", "warning", "passed", "passed"]),
        (&["--database", database.to_str().unwrap()], ["passed"; 4]),
    ];
    let proofs = Framework::ALL.into_iter().zip(rows).map(async |(framework, (arguments, expected))| {
        let app: Vec<String> = [framework.binary()].iter().chain(arguments).map(ToString::to_string).collect();
        let output = prove(&affitor, &["--wait", "15"], &file, &app).await;
        judge(&output, None).unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = document["checks"].as_array().unwrap();
        let names = ["sign-up, outage", "sign-up, crash", "sale, outage", "sale, crash"];
        let status = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["status"].clone();
        assert_eq!(names.map(status), expected, "{framework:?} {arguments:?}: {document:#}");
    });
    join_all(proofs).await;
}

/// The tracker's script runs in a real browser.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_lands_with_scripts() {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let is_there = |name: &&str| std::process::Command::new(name).arg("--version").output().is_ok();
    if !names.iter().any(is_there) {
        assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "there is no browser");
        eprintln!("SKIPPED: there is no browser");
        return;
    }
    let affitor = build().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("affitor.toml");
    std::fs::write(&file, settings(Sells::Once, SignUp::Form)).unwrap();
    for (framework, arguments, checks) in [
        (Framework::ALL[0], &["--queue"][..], &["landing"][..]),
        (Framework::ALL[1], &["--fault", "scripted-lead"], &["landing", "sign-up, cookie"]),
    ] {
        let app: Vec<String> = [framework.binary()].iter().chain(arguments).map(ToString::to_string).collect();
        let output = prove(&affitor, &["--browser", "--quick"], &file, &app).await;
        judge(&output, None).unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        for name in checks {
            let check = document["checks"].as_array().unwrap().iter().find(|check| check["name"] == *name).unwrap();
            assert!(check["message"].as_str().unwrap().starts_with("in a browser,"), "{check}");
        }
    }
}

/// Proves a shop. Returns what differs from the row.
async fn check(affitor: &Path, framework: Framework, row: &Row) -> Result<(), String> {
    let &(arguments, sells, sign_up, checks, finding) = row;
    let flags: &[&str] = if checks == Checks::Quick { &["--quick"] } else { &["--wait", "15"] };
    let folder = tempfile::tempdir().unwrap();
    let other = Sandbox::start().await.unwrap();
    let path = folder.path().to_str().unwrap();
    let arguments = arguments.iter().map(|text| text.replace("{folder}", path).replace("{other}", other.url()));
    let app: Vec<String> = [framework.binary().to_owned()].into_iter().chain(arguments).collect();
    let file = folder.path().join("affitor.toml");
    std::fs::write(&file, settings(sells, sign_up)).unwrap();
    let output = prove(affitor, flags, &file, &app).await;
    judge(&output, finding)?;
    match other.requests().len() {
        0 => Ok(()),
        requests => Err(format!("another server got {requests} requests")),
    }
}

fn settings(sells: Sells, sign_up: SignUp) -> String {
    let body = if sign_up == SignUp::Json { "json" } else { "form" };
    let check_out = match sells {
        Sells::Once => "/checkout",
        Sells::Subscription => "/checkout?plan=pro",
    };
    format!(
        r#"
[app]
url = "http://127.0.0.1:{{port}}"
port = "PORT"

[landing]
path = "/"

[signup]
steps = [
    {{ get = "/signup" }},
    {{ post = "/signup", {body} = {{ name = "Jo", email = "{{email}}" }} }},
]

[checkout]
steps = [{{ post = "{check_out}" }}]

[webhook]
provider = "stripe"
path = "/webhooks/stripe"
secret = "STRIPE_WEBHOOK_SECRET"
api = "STRIPE_API_URL"
"#
    )
}

/// Compares a result with the finding that is expected.
fn judge(output: &Output, finding: Option<&str>) -> Result<(), String> {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let problem = |problem: &str| Err(format!("{problem}\n{out}{err}"));
    let Ok(document) = serde_json::from_str::<Value>(&out) else { return problem("no JSON document") };
    let findings = document["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (finding, words) = finding.map(|text| text.split_once(": ").unwrap_or((text, ""))).unzip();
    let ids: Vec<&str> = findings.iter().filter_map(|finding| finding["id"].as_str()).collect();
    let code = match finding {
        None => 0,
        Some("points-elsewhere") => 2,
        Some(_) => 1,
    };
    if ids != finding.into_iter().collect::<Vec<_>>() || findings.len() != ids.len() {
        return problem(&format!("the findings are {ids:?}"));
    }
    if output.status.code() != Some(code) || document["proved"] != finding.is_none() {
        return problem(&format!("{}, expected the exit code {code}", output.status));
    }
    for finding in findings {
        let id = finding["id"].as_str().unwrap_or_default();
        let says = |field: &str| finding[field].as_str().is_some_and(|text| !text.trim().is_empty());
        let text = format!("{}\n{}", finding["message"], finding["hint"]);
        if !words.is_some_and(|words| text.contains(words)) {
            return problem("the finding says something else");
        }
        if finding["explain"] != format!("affitor prove --explain {id}") || !says("message") || !says("hint") {
            return problem("the finding is not explained");
        }
    }
    if out.contains('@') || out.contains("whsec_") {
        return problem("an e-mail address or a secret is shown");
    }
    Ok(())
}
