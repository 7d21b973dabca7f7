//! Groups, policies, products, attribution models, pauses and payouts, each with the sentence of the service's documentation.

use affitor_sandbox::{AttributionModel, Commission, Interpretations, PausedSale, Policy, Sandbox, SandboxBuilder};
use serde_json::{Value, json};

use crate::support::{Visitor, builder, sale, start};

const DAY_MS: i64 = 86_400_000;

async fn control(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    Visitor::browser(sandbox).post(&format!("/_sandbox/{path}"), body.to_string()).await
}

/// A customer of the partner, with a lead.
async fn lead_of(sandbox: &Sandbox, partner: &str, key: &str) {
    let click_id = Visitor::browser(sandbox).click(partner, None).await;
    let lead = json!({ "click_id": click_id, "customer_key": key });
    assert_eq!(Visitor::server(sandbox).track("lead", lead).await.0, 200);
}

/// Reports a sale of 100.00 USD. Returns its commission in cents.
async fn earned(sandbox: &Sandbox, id: &str, key: &str, product: Option<&str>) -> Option<u64> {
    let mut body = sale(id, key);
    if let Some(product) = product {
        body["product_id"] = product.into();
    }
    let (status, response) = Visitor::server(sandbox).track("sale", body).await;
    assert_eq!(status, 200, "{response}");
    let sales = sandbox.sales();
    let id = sales.iter().find(|sale| sale.transaction_id == id).unwrap().commission_id?;
    sandbox.commissions().into_iter().find(|commission| commission.commission_id == id).map(|found| found.amount_cents)
}

fn lifetime() -> SandboxBuilder {
    builder().commission(Commission::lifetime(10))
}

/// "each partner is in a partner group (`Default` unless moved), and the group has a policy"
#[tokio::test]
async fn groups_have_policies() {
    let sandbox = start(lifetime().policy(Policy::new(Commission::lifetime(30)).group("Friends"))).await;
    lead_of(&sandbox, "PARTNER123", "user_1").await;
    lead_of(&sandbox, "abc123", "user_2").await;
    assert_eq!(earned(&sandbox, "t_1", "user_1", None).await, Some(1_000));
    assert_eq!(control(&sandbox, "groups", json!({ "partner": "abc123", "group": "Friends" })).await.0, 200);
    assert_eq!(earned(&sandbox, "t_2", "user_2", None).await, Some(3_000));
    assert_eq!(earned(&sandbox, "t_3", "user_1", None).await, Some(1_000), "of another group");
    let (status, refused) = control(&sandbox, "groups", json!({ "partner": "abc123", "group": "" })).await;
    assert_eq!(status, 400, "{refused}");
    assert_eq!(earned(&sandbox, "t_4", "user_2", None).await, Some(3_000), "nothing has changed");

    let sandbox = start(
        lifetime().partner_in_group("friend", "Friends").policy(Policy::new(Commission::lifetime(30)).group("Friends")),
    )
    .await;
    lead_of(&sandbox, "friend", "user_3").await;
    assert_eq!(earned(&sandbox, "t_5", "user_3", None).await, Some(3_000));
}

/// "Policies are versioned and may start in the future; a commission keeps the policy of the moment its sale was attributed."
#[tokio::test]
async fn policies_start_later_and_commissions_keep_theirs() {
    let sandbox = start(lifetime()).await;
    lead_of(&sandbox, "abc123", "user_1").await;
    let later = json!({ "commission": "lifetime:20", "starts_in_days": 7 });
    assert_eq!(control(&sandbox, "policies", later).await.0, 200);
    assert_eq!(earned(&sandbox, "t_1", "user_1", None).await, Some(1_000), "not started");
    sandbox.advance_days(6);
    assert_eq!(earned(&sandbox, "t_2", "user_1", None).await, Some(1_000), "not started");
    sandbox.advance_days(1);
    assert_eq!(earned(&sandbox, "t_3", "user_1", None).await, Some(2_000));
    assert_eq!(control(&sandbox, "policies", json!({ "commission": "lifetime:5" })).await.0, 200);
    assert_eq!(earned(&sandbox, "t_4", "user_1", None).await, Some(500), "the newest version");
    // A refund takes back what the policy of its sale has paid.
    let refund = json!({ "transaction_id": "t_3" });
    assert_eq!(Visitor::server(&sandbox).track("refund", refund).await.0, 200);
    let commission = &sandbox.commissions()[2];
    assert_eq!((commission.policy, commission.deducted_cents), (Commission::lifetime(20), 2_000));

    let past = Policy::new(Commission::lifetime(40)).starts_at_ms(DAY_MS);
    let sandbox = start(lifetime().policy(past)).await;
    lead_of(&sandbox, "abc123", "user_1").await;
    assert_eq!(earned(&sandbox, "t_1", "user_1", None).await, Some(4_000));
    assert_eq!(
        control(&sandbox, "policies", json!({ "commission": "lifetime:5", "starts_in_days": 9_999 })).await.0,
        400
    );
    assert_eq!(control(&sandbox, "policies", json!({ "commission": "lifetime:5", "program_id": 8 })).await.0, 404);
    for commission in ["moon", "lifetime:101"] {
        assert_eq!(control(&sandbox, "policies", json!({ "commission": commission })).await.0, 400, "{commission}");
    }
}

/// "it is matched by the sale's `product_id`, so **a sale without its `product_id` may pay the wrong rate**"
#[tokio::test]
async fn products_have_policies() {
    let policy = |rate: u32| Policy::new(Commission::lifetime(rate));
    let sandbox = start(
        lifetime()
            .partner_in_group("friend", "Friends")
            .policy(policy(50).product("prod_1"))
            .policy(policy(30).group("Friends"))
            .policy(policy(60).group("Friends").product("prod_2")),
    )
    .await;
    lead_of(&sandbox, "abc123", "user_1").await;
    lead_of(&sandbox, "friend", "user_2").await;
    for (id, key, product, expected) in [
        ("t_1", "user_1", Some("prod_1"), 5_000),
        ("t_2", "user_1", Some("prod_2"), 1_000),
        ("t_3", "user_1", None, 1_000),
        ("t_4", "user_2", Some("prod_2"), 6_000),
        // The group has a policy, so those of `Default` do not apply.
        ("t_5", "user_2", Some("prod_1"), 3_000),
        ("t_6", "user_2", None, 3_000),
    ] {
        assert_eq!(earned(&sandbox, id, key, product).await, Some(expected), "{id}");
    }
}

/// "`attribution_model`: `last_click` (default), `first_click`, `linear`; a setting of the program. How `linear` splits is nowhere
/// written."
#[tokio::test]
async fn attribution_models() {
    let partner_of = async |sandbox: &Sandbox, id: &str| {
        let browser = Visitor::browser(sandbox);
        let first = browser.click("abc123", None).await;
        let last = browser.click("PARTNER123", Some(&first)).await;
        let lead = json!({ "click_id": last, "customer_key": id });
        assert_eq!(Visitor::server(sandbox).track("lead", lead).await.0, 200);
        earned(sandbox, id, id, None).await;
        sandbox.sales().last().unwrap().partner_code.clone()
    };
    let sandbox = start(lifetime()).await;
    assert_eq!(partner_of(&sandbox, "user_1").await, "PARTNER123");
    assert_eq!(control(&sandbox, "attribution-model", json!({ "model": "first_click" })).await.0, 200);
    assert_eq!(partner_of(&sandbox, "user_2").await, "abc123");
    let (status, refused) = control(&sandbox, "attribution-model", json!({ "model": "linear" })).await;
    assert_eq!(status, 400);
    assert!(refused["error"].as_str().unwrap().contains("nowhere documented"), "{refused}");
    assert_eq!(partner_of(&sandbox, "user_3").await, "abc123", "nothing has changed");

    let sandbox = start(lifetime().attribution_model(AttributionModel::FirstClick)).await;
    assert_eq!(partner_of(&sandbox, "user_1").await, "abc123");
}

/// "A program whose commission invoice is overdue is `paused`: links, clicks and leads go on as before; what a sale then earns is
/// nowhere written."
#[tokio::test]
async fn a_paused_program() {
    for (interpretation, expected) in [(PausedSale::Commission, Some(1_000)), (PausedSale::WithoutCommission, None)] {
        let mut interpretations = Interpretations::default();
        interpretations.paused_sale = interpretation;
        let sandbox = start(lifetime().interpretations(interpretations)).await;
        assert_eq!(control(&sandbox, "pause", json!({ "paused": true })).await.0, 200);
        lead_of(&sandbox, "abc123", "user_1").await;
        assert_eq!(earned(&sandbox, "t_1", "user_1", None).await, expected, "{interpretation:?}");
        sandbox.set_paused(false);
        assert_eq!(earned(&sandbox, "t_2", "user_1", None).await, Some(1_000));
    }
}

/// "A refund of a commission that is paid already makes the partner's balance negative."
#[tokio::test]
async fn a_refund_after_a_payout() {
    let sandbox = start(lifetime().hold_days(15)).await;
    lead_of(&sandbox, "abc123", "user_1").await;
    earned(&sandbox, "t_1", "user_1", None).await;
    assert_eq!(control(&sandbox, "payouts", json!({})).await.0, 200);
    assert_eq!(sandbox.commissions()[0].paid_cents, 0, "it is held");
    sandbox.advance_days(15);
    sandbox.pay_out();
    assert_eq!(sandbox.commissions()[0].paid_cents, 1_000);
    let refund = json!({ "transaction_id": "t_1" });
    assert_eq!(Visitor::server(&sandbox).track("refund", refund).await.0, 200);
    assert_eq!(sandbox.commissions()[0].balance_cents(), -1_000);
    let page = reqwest::get(format!("{}/?view=partners", sandbox.url())).await.unwrap().text().await.unwrap();
    let partner = page.split("id=\"partner-abc123\"").nth(1).unwrap().split("</details>").next().unwrap();
    assert!(partner.contains("balance −10.00 USD"), "{partner}");
    // The next commission pays it back, and what is left is paid.
    let balance = || sandbox.commissions().iter().map(affitor_sandbox::CommissionRecord::balance_cents).sum::<i64>();
    earned(&sandbox, "t_2", "user_1", None).await;
    earned(&sandbox, "t_3", "user_1", None).await;
    sandbox.advance_days(15);
    assert_eq!(balance(), 1_000);
    sandbox.pay_out();
    assert_eq!(balance(), 0);
}

/// What was set survives a restart, as everything does.
#[tokio::test]
async fn terms_are_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let again = || lifetime().data(&file);
    let sandbox = start(again()).await;
    control(&sandbox, "groups", json!({ "partner": "abc123", "group": "Friends" })).await;
    control(&sandbox, "policies", json!({ "commission": "lifetime:30", "group": "Friends" })).await;
    control(&sandbox, "attribution-model", json!({ "model": "first_click" })).await;
    control(&sandbox, "pause", json!({ "paused": true })).await;
    lead_of(&sandbox, "abc123", "user_1").await;
    earned(&sandbox, "t_1", "user_1", None).await;
    sandbox.advance_days(30);
    sandbox.pay_out();
    let before = sandbox.commissions();
    drop(sandbox);
    let sandbox = start(again()).await;
    assert_eq!(sandbox.commissions(), before);
    assert_eq!(before[0].paid_cents, 3_000);
    assert_eq!(earned(&sandbox, "t_2", "user_1", None).await, Some(3_000));
}
