//! `affitor test webhook`, against an app that reports to the sandbox.

use affitor::{Click, Client, Lead};
use affitor_axum::{AffitorClient, AffitorLayer, PaymentEvent, Redeliver};
use affitor_payments::{LemonSqueezy, Paddle, Polar, Provider, Stripe, Webhook};
use affitor_sandbox::Sandbox;
use axum::{Router, response::Redirect, routing::post};
use serde_json::json;

use crate::common::{Home, KEY, closed_url, run, start};

const SECRET: &str = "whsec_a_very_secret_one";

async fn report<P: Provider>(affitor: AffitorClient, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

fn route<P: Provider>(path: &str) -> Router {
    Router::new().route(path, post(report::<P>)).with_state(Webhook::<P>::disabled().or_secret(SECRET).unwrap())
}

/// Starts an app with the webhook routes of all providers. Returns its URL.
async fn app(sandbox: &Sandbox) -> String {
    let client = Client::builder().api_key(KEY).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    let app = route::<Stripe>("/webhooks/stripe")
        .merge(route::<Polar>("/webhooks/polar"))
        .merge(route::<LemonSqueezy>("/webhooks/lemon-squeezy"))
        .merge(route::<Paddle>("/webhooks/paddle"))
        .layer(AffitorLayer::new(client))
        .route("/moved", post(async || Redirect::temporary("/webhooks/stripe")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

const PROVIDERS: [(&str, &str); 4] = [
    ("stripe", "STRIPE_WEBHOOK_SECRET"),
    ("polar", "POLAR_WEBHOOK_SECRET"),
    ("lemon-squeezy", "LEMON_SQUEEZY_WEBHOOK_SECRET"),
    ("paddle", "PADDLE_WEBHOOK_SECRET"),
];

#[tokio::test]
async fn an_app_reports_what_is_sent() {
    for (provider, variable) in PROVIDERS {
        for (event, sales, refunds) in
            [("paid", 1, 0), ("renewed", 2, 0), ("partly-refunded", 1, 1), ("refunded", 1, 1)]
        {
            let sandbox = start(Sandbox::builder()).await;
            let url = format!("{}/webhooks/{provider}", app(&sandbox).await);
            let arguments = ["test", "webhook", provider, "--url", &url, "--event", event];
            let arguments = [&arguments[..], &["--customer-key", "user_7", "--currency", "EUR"]].concat();
            let result = run(&arguments, &[(variable, SECRET)]).await;
            assert!(!format!("{}{}", result.out, result.err).contains(SECRET));
            assert_eq!(result.code, 0, "{arguments:?}: {}{}", result.out, result.err);
            assert!(result.out.lines().filter(|line| line.contains("200 OK")).count() > 0, "{}", result.out);
            let found = (sandbox.sales().len(), sandbox.refunds().len());
            assert_eq!(found, (sales, refunds), "{arguments:?}: {}", result.out);
            let sale = &sandbox.sales()[0];
            assert_eq!((sale.amount_cents, sale.currency.as_str()), (4_900, "EUR"));
            let amounts: Vec<_> =
                sandbox.refunds().into_iter().filter_map(|refund| refund.refund_amount_cents).collect();
            assert_eq!(amounts, if event == "partly-refunded" { vec![2_450] } else { vec![] });
        }
    }
}

#[tokio::test]
async fn a_json_document_lists_the_webhooks() {
    let sandbox = start(Sandbox::builder()).await;
    let url = format!("{}/webhooks/stripe", app(&sandbox).await);
    let arguments = ["test", "webhook", "stripe", "--json", "--url", &url, "--customer-key", "user_7"];
    let document = run(&arguments, &[("STRIPE_WEBHOOK_SECRET", SECRET)]).await.json();
    assert_eq!(document["transaction_id"], sandbox.sales()[0].transaction_id);
    let types: Vec<_> = document["webhooks"].as_array().unwrap().iter().map(|webhook| &webhook["type"]).collect();
    assert_eq!(types, ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]);
    assert_eq!((&document["accepted"], &document["webhooks"][0]["status"]), (&json!(true), &json!(200)));
    assert_eq!((&document["provider"], &document["event"]), (&json!("Stripe"), &json!("paid")));
}

#[tokio::test]
async fn a_payment_of_stripes_test_mode_is_reported_as_a_test() {
    for (flag, sales) in [(&["--test-mode"][..], 0), (&[], 1)] {
        let sandbox = start(Sandbox::builder()).await;
        let url = format!("{}/webhooks/stripe", app(&sandbox).await);
        let arguments = [&["test", "webhook", "stripe", "--url", &url, "--customer-key", "user_7"], flag].concat();
        let result = run(&arguments, &[("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
        assert_eq!((result.code, sandbox.sales().len()), (0, sales), "{}{}", result.out, result.err);
    }
    let arguments = ["test", "webhook", "paddle", "--test-mode", "--url", "http://127.0.0.1:9"];
    let result = run(&arguments, &[("PADDLE_WEBHOOK_SECRET", SECRET)]).await;
    assert!(result.code == 2 && result.err.contains("--test-mode is for Stripe"), "{}", result.err);
    let help = run(&["test", "webhook", "--help"], &[]).await.out;
    assert!(
        help.contains("look like those of a real payment") && help.contains("LEMON_SQUEEZY_WEBHOOK_SECRET"),
        "{help}"
    );
}

#[tokio::test]
async fn a_rejected_webhook_gives_the_likeliest_reason() {
    let sandbox = start(Sandbox::builder()).await;
    let app = app(&sandbox).await;
    for (path, secret, status, reason) in [
        ("/webhooks/stripe", "whsec_another_secret", "400", "may use another secret"),
        ("/webhooks/strip", SECRET, "404", "no POST route at this path"),
        ("/moved", SECRET, "307", "providers follow no redirects"),
    ] {
        let url = format!("{app}{path}");
        let arguments = ["test", "webhook", "stripe", "--url", &url, "--secret-env", "MY_SECRET"];
        let result = run(&arguments, &[("MY_SECRET", secret)]).await;
        assert!(result.code == 1 && result.out.contains(status), "{}{}", result.out, result.err);
        assert_eq!(result.out.matches(reason).count(), 1, "{}", result.out);
        assert!(!format!("{}{}", result.out, result.err).contains(secret));
    }
    assert_eq!(sandbox.sales().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_to_another_machine() {
    let secret = ("STRIPE_WEBHOOK_SECRET", SECRET);
    let send = async |url: &str| run(&["test", "webhook", "stripe", "--url", url], &[secret]).await;
    let result = send("https://shop.example/webhooks/stripe").await;
    assert!(result.code == 2 && result.err.contains("shop.example:443 is on another machine"), "{}", result.err);
    assert!(result.err.contains("--allow-remote"), "{}", result.err);
    let result = send("localhost:3000/webhooks").await;
    assert!(result.code == 2 && result.err.contains("--url is not an HTTP URL"), "{}", result.err);
    let result = send(&closed_url()).await;
    assert!(result.code == 3 && result.err.contains("is unreachable"), "{}", result.err);
}

#[tokio::test]
async fn the_secret_comes_from_the_environment_and_is_never_shown() {
    let url = closed_url();
    let arguments = ["test", "webhook", "polar", "--url", &url];
    let result = run(&arguments, &[]).await;
    assert!(result.code == 2 && result.err.contains("POLAR_WEBHOOK_SECRET is not set"), "{}", result.err);
    let result = run(&arguments, &[("POLAR_WEBHOOK_SECRET", "${SECRET}")]).await;
    assert!(result.code == 2 && !result.err.contains("${SECRET}"), "{}", result.err);
    // The secret in the place of the variable's name.
    let result = run(&[&arguments[..], &["--secret-env", SECRET]].concat(), &[]).await;
    assert!(result.code == 2 && !result.err.contains(SECRET), "{}", result.err);
    assert!(result.err.contains("the variable in --secret-env is not set"), "{}", result.err);
}

/// The app's affitor.toml says in which variable the secret is.
#[tokio::test]
async fn the_variable_of_the_app() {
    let home = Home::new("http://127.0.0.1:9");
    let settings = "[app]\nurl = 'http://127.0.0.1:3000'\n[signup]\nsteps = [{ post = '/signup' }]\n[webhook]\nprovider = 'stripe'\npath = '/w'\nsecret = 'SHOP__SECRET'\n";
    home.project("affitor.toml", settings);
    let url = format!("{}/w", closed_url());
    let run = home.run_with(&["test", "webhook", "stripe", "--url", &url], &[("SHOP__SECRET", SECRET)]).await;
    assert!(run.code == 3 && run.err.contains("is unreachable"), "{}{}", run.out, run.err);
    let run = home.run_with(&["test", "webhook", "stripe", "--url", &url], &[]).await;
    assert!(run.code == 2 && run.err.contains("SHOP__SECRET is not set"), "{}{}", run.out, run.err);
    // Of another provider, it says nothing.
    let run = home.run_with(&["test", "webhook", "polar", "--url", &url], &[]).await;
    assert!(run.err.contains("POLAR_WEBHOOK_SECRET is not set"), "{}", run.err);
}
