//! Whose click counts if there are several, and how a guest's sales join their account.

use affitor::{Currency, Sale, SaleOutcome};

use super::{
    flows_apps::{Framework, Shop},
    steps::{Flow, check_out, landed},
    visitor::{Browser, letter, welcomed},
};

/// The person who asked for a magic link is in a hurry, and the one who asked for an invitation is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_magic_link_keeps_the_first_click_and_the_invitation_takes_the_last() {
    for framework in Framework::ALL {
        for flow in [Flow::MagicLink, Flow::CarriedMagicLink, Flow::Invitation, Flow::CarriedInvitation] {
            let shop = Shop::start(framework).await;
            let (mut asking, asked_with) = landed(&shop).await;
            let (mut opening, opened_with) = landed(&shop).await;
            assert_ne!(asked_with, opened_with);
            let link = flow.request_link(&shop, &mut asking).await;
            let user_id = welcomed(opening.post(&link, &[]).await).await;
            let counts =
                if matches!(flow, Flow::Invitation | Flow::CarriedInvitation) { opened_with } else { asked_with };
            let lead = shop.lead(&user_id).await;
            assert_eq!(lead.click_id.as_deref(), Some(counts.as_str()), "{framework:?} {flow:?}");
        }
    }
}

/// The visitor clicks a partner's link only in the browser that opens the e-mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_click_of_the_opening_browser_counts_if_there_is_no_other() {
    for framework in Framework::ALL {
        for flow in [Flow::MagicLink, Flow::CarriedMagicLink, Flow::Invitation, Flow::CarriedInvitation] {
            let shop = Shop::start(framework).await;
            let link = flow.request_link(&shop, &mut Browser::new()).await;
            assert!(!link.contains("affitor_visitor"), "nothing to carry");
            let (mut opening, click_id) = landed(&shop).await;
            let user_id = welcomed(opening.post(&link, &[]).await).await;
            let lead = shop.lead(&user_id).await;
            assert_eq!(lead.click_id.as_deref(), Some(click_id.as_str()), "{framework:?} {flow:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_keeps_the_customer_key() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (mut browser, click_id) = landed(&shop).await;
        let customer_key = check_out(&shop, &mut browser).await;
        let link = letter(&shop, "jo@example.com");
        assert_eq!(shop.sandbox.sales()[0].click_id, click_id.as_str(), "{framework:?}");
        // Another order of the same guest, without the cookie.
        assert_eq!(check_out(&shop, &mut Browser::new()).await, customer_key, "{framework:?}");

        // The account is created in another browser, and has the customer key of the orders.
        assert_eq!(welcomed(Browser::new().post(&link, &[]).await).await, customer_key, "{framework:?}");
        assert_eq!(Browser::new().post(&link, &[]).await.status(), 400, "{framework:?}");
        let (key, click) = (Some(customer_key.clone()), Some(click_id.to_string()));
        let expected = [(click.clone(), key.clone()), (None, key.clone()), (click, key)];
        assert_eq!(shop.sent_leads().await, expected, "{framework:?}");
        assert_eq!(shop.sandbox.leads().len(), 1, "{framework:?}");

        // A sale years later has only the customer key.
        let sale = Sale::new("in_1", 4_900, Currency::USD).customer_key(&customer_key);
        let outcome = shop.flows.client.track_sale(sale).await.unwrap();
        assert!(matches!(outcome, SaleOutcome::Recorded { .. }), "{framework:?}: {outcome:?}");

        // With an account, an order without login is an order of the account.
        assert_eq!(check_out(&shop, &mut Browser::new()).await, customer_key, "{framework:?}");
        assert!(shop.sandbox.sales().iter().all(|sale| sale.click_id == click_id.as_str()), "{framework:?}");
    }
}
