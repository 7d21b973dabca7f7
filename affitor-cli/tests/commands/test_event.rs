//! `affitor test`.

use affitor_sandbox::Sandbox;
use serde_json::json;

use crate::common::{environment, run, server, start};

#[tokio::test]
async fn test_events_have_no_effect() {
    let sandbox = start(Sandbox::builder()).await;
    let environment = environment(sandbox.url());
    for (number, arguments) in [
        vec!["test", "click"],
        vec!["test", "lead", "--customer-key", "user_7", "--click-id", "cust_1_1"],
        vec!["test", "sale", "--amount-cents", "4900", "--currency", "EUR"],
    ]
    .into_iter()
    .enumerate()
    {
        let result = run(&arguments, &environment).await;
        let expected = format!("test {} recorded (event {})", arguments[1], number + 1);
        assert!(result.code == 0 && result.out.contains(&expected), "{}{}", result.out, result.err);
    }
    let result = run(&["--json", "test", "sale"], &environment).await;
    assert_eq!(result.json(), json!({ "event": "sale", "test_mode": true, "recorded": true, "event_id": 4 }));
    let state = sandbox.snapshot();
    assert_eq!((state.test_events.len(), state.leads.len(), state.sales.len()), (4, 0, 0));
    assert_eq!(state.test_events[2].amount_cents, Some(4_900));
    for amount in ["0", "-5"] {
        let result = run(&["test", "sale", "--amount-cents", amount], &environment).await;
        assert!(result.code == 2 && result.err.contains(&format!("{amount} is not in 1..")), "{}", result.err);
    }
}

#[tokio::test]
async fn a_test_event_that_is_not_recorded_gives_the_reason() {
    let url = server(|path, number| match (path, number) {
        ("/api/v1/track/click", 0) => ("200 OK", json!({ "success": false, "error": "Referral link is inactive" })),
        ("/api/v1/track/click", _) => ("200 OK", json!({ "success": true, "click_id": "cust_1_1" })),
        ("/api/v1/track/lead", _) => ("400 Bad Request", json!({ "error": "Customer not found." })),
        _ => ("409 Conflict", json!({ "error": "Duplicate transaction_id." })),
    })
    .await;
    for (event, expected) in [
        ("click", "test click not recorded: the partner's link is inactive"),
        ("click", "test click not recorded: the service recorded it as a real event"),
        ("lead", "test lead not recorded: the service treated it as a real event, and has no customer with this key"),
        ("sale", "test sale not recorded: the service already has this transaction id"),
    ] {
        let result = run(&["test", event], &environment(&url)).await;
        assert!(result.code == 1 && result.out.contains(expected), "{} {}", result.out, result.err);
    }
    let result = run(&["test", "sale", "--json"], &environment(&url)).await;
    assert_eq!((result.code, result.json()["reason"].is_string()), (1, true), "{}", result.out);
}
