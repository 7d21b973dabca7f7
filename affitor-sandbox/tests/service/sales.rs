//! Sales: duplicates, commissions and refunds.

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{Commission, CommissionStatus, Interpretations, SecondRefund};
use serde_json::json;

#[tokio::test]
async fn duplicates_are_checked_across_programs_and_before_the_customer() {
    let sandbox = start(builder()).await;
    Visitor::server(&sandbox).bought("user_1", "t_1").await;
    let duplicate = (409, json!({ "error": "Duplicate transaction_id. This sale has already been recorded." }));
    for authorization in ["Bearer test_key", "Bearer other_key"] {
        let visitor = Visitor::with(&sandbox, Some(authorization.into()));
        assert_eq!(visitor.track("sale", sale("t_1", "nobody")).await, duplicate);
    }
}

#[tokio::test]
async fn commissions_of_each_kind() {
    for (commission, paid) in [
        (Commission::one_time(30), vec![3_000]),
        (Commission::recurring(20, 2), vec![2_000, 2_000]),
        (Commission::lifetime(10), vec![1_000, 1_000, 1_000]),
    ] {
        let sandbox = start(builder().commission(commission).attribution_window_days(365)).await;
        let server = Visitor::server(&sandbox);
        server.bought("user_7", "t_1").await;
        for id in ["t_2", "t_3"] {
            sandbox.advance_days(31);
            assert_eq!(server.track("sale", sale(id, "user_7")).await.0, 200);
        }
        let commissions: Vec<u64> = sandbox.commissions().iter().map(|commission| commission.amount_cents).collect();
        assert_eq!(commissions, paid, "{commission:?}");
        assert_eq!(sandbox.sales().len(), 3);
    }
}

#[tokio::test]
async fn refunds() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_1", "t_1").await;
    server.bought("user_2", "t_2").await;
    let skipped =
        |id: u64| json!({ "success": true, "status": "skipped", "reason": "already reversed", "commission_id": id });

    let (status, response) = server.track("refund", json!({ "transaction_id": "t_1", "refund_amount_cents": 0 })).await;
    let id = sandbox.commissions()[0].commission_id;
    assert_eq!(
        (status, response),
        (200, json!({ "success": true, "status": "reversed", "deductionAmount": 20, "commission_id": id }))
    );
    assert_eq!(server.track("refund", json!({ "transaction_id": "t_1" })).await, (200, skipped(id)));

    let part = json!({ "transaction_id": "t_2", "refund_amount_cents": 2_525, "refund_reason": "late" });
    let (_, response) = server.track("refund", part.clone()).await;
    let id = sandbox.commissions()[1].commission_id;
    assert_eq!(
        response,
        json!({ "success": true, "status": "refunded", "deductionAmount": 5.05, "commission_id": id })
    );
    assert_eq!(server.track("refund", part).await.1, skipped(id), "a commission is reduced only once");
    let refunds = sandbox.refunds();
    assert_eq!(refunds.len(), 2);
    assert_eq!((refunds[1].deduction_cents, refunds[1].refund_reason.as_deref()), (505, Some("late")));

    let other = Visitor::with(&sandbox, Some("Bearer other_key".into()));
    assert_eq!(other.track("refund", json!({ "transaction_id": "t_1" })).await.0, 404, "another program's sale");
}

#[tokio::test]
async fn many_small_refunds_deduct_as_much_as_one_large_one() {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    let sandbox = start(builder().interpretations(interpretations).commission(Commission::lifetime(4))).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    for _ in 0..1_000 {
        server.track("refund", json!({ "transaction_id": "t_1", "refund_amount_cents": 10 })).await;
    }
    let commission = sandbox.commissions().pop().unwrap();
    assert_eq!((commission.deducted_cents, commission.status), (400, CommissionStatus::Reversed));
}
