//! Who reports Stripe's payments, with Stripe connected to the program and without.

use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{ApiCall, Sandbox};
use affitor_tests::shop::{Shop, ShopFramework};

use super::{SECRET, log, payment_calls, session, with_lead};

/// Stripe is connected to the program, so the service reads the webhooks itself.
#[tokio::test(flavor = "multi_thread")]
async fn who_reports_the_payments_of_stripe() {
    let log = log();
    for framework in ShopFramework::ALL {
        for (reporter, connected, status, calls) in [
            (StripeReporter::App, false, 200, 1),
            (StripeReporter::App, true, 503, 0),
            (StripeReporter::Affitor, true, 200, 0),
            (StripeReporter::AppEvenIfConnected, true, 200, 1),
        ] {
            let mut builder = Sandbox::builder();
            if connected {
                builder = builder.stripe_webhook_secret(SECRET);
            }
            let (sandbox, client) = with_lead(builder.start().await.unwrap()).await;
            let webhook = Webhook::<Stripe>::new(SECRET, reporter).unwrap();
            let shop = Shop::<Stripe>::start(framework, client.clone(), webhook).await;
            let name = format!("{framework:?}, {reporter}, connected: {connected}");
            let before = log.text().len();
            // Redelivered, as Stripe does.
            for _ in 0..2 {
                assert_eq!(shop.deliver(&session("pi_1")).await, status, "{name}");
            }
            assert_eq!(payment_calls(&sandbox).await, calls, "{name}");
            let asked = sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Status)).count();
            assert_eq!(asked, usize::from(reporter == StripeReporter::App), "{name}: asked once");
            let logged = log.text()[before..].matches("StripeReporter::Affitor").count();
            assert_eq!(logged, if status == 503 { 2 } else { 0 }, "{name}");
            if status == 503 {
                // The choice is confirmed: what was refused is reported.
                let confirmed = Webhook::<Stripe>::new(SECRET, StripeReporter::AppEvenIfConnected).unwrap();
                let shop = Shop::<Stripe>::start(framework, client, confirmed).await;
                assert_eq!(shop.deliver(&session("pi_1")).await, 200, "{name}");
                assert_eq!(payment_calls(&sandbox).await, 1, "{name}");
            }
        }
    }
}
