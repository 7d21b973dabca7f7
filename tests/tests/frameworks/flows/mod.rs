//! Every sign-up flow of `examples/flows` over real sockets, in both frameworks: the lead has the click id of the visitor who
//! started, whatever happens in between.

mod refused;
mod steps;
mod visitor;
mod webhooks;
mod whose_click;

use crate::flows_apps::{self, Framework, Shop};
use affitor_sandbox::{ApiCall, Fault};
use steps::{Flow, landed};
use visitor::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_reports_the_lead_with_the_click() {
    for framework in Framework::ALL {
        for flow in Flow::ALL {
            let shop = Shop::start(framework).await;
            let (browser, click_id) = landed(&shop).await;
            let user_id = flow.sign_up(&shop, browser).await;
            let lead = shop.lead(&user_id).await;
            assert_eq!(lead.click_id.as_deref(), Some(click_id.as_str()), "{framework:?} {flow:?}");
            assert!(lead.email_sha256.is_some(), "{framework:?} {flow:?}");
            assert_eq!(shop.sandbox.leads().len(), 1, "{framework:?} {flow:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_click_the_lead_has_none() {
    for framework in Framework::ALL {
        for flow in Flow::ALL {
            let shop = Shop::start(framework).await;
            let user_id = flow.sign_up(&shop, Browser::new()).await;
            let sent = shop.sent_leads().await;
            assert!(!sent.is_empty(), "{framework:?} {flow:?}");
            assert!(sent.iter().all(|lead| *lead == (None, Some(user_id.clone()))), "{framework:?} {flow:?}: {sent:?}");
        }
    }
}

/// Only Clerk's webhook fails, because Clerk redelivers it.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_not_the_visitors_problem() {
    for framework in Framework::ALL {
        for flow in Flow::ALL.into_iter().filter(|flow| *flow != Flow::Clerk) {
            let shop = Shop::start(framework).await;
            let (browser, click_id) = landed(&shop).await;
            shop.sandbox.inject(Fault::BadGateway.always().on(ApiCall::Lead));
            let user_id = flow.sign_up(&shop, browser).await;
            shop.sandbox.clear_faults();
            let lead = shop.lead(&user_id).await;
            assert_eq!(lead.click_id.as_deref(), Some(click_id.as_str()), "{framework:?} {flow:?}");
        }
    }
}

/// A second sign-up of the same person is a login.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_not_a_lead() {
    for framework in Framework::ALL {
        for flow in [Flow::OAuth, Flow::OAuthByPost, Flow::MagicLink, Flow::CarriedMagicLink, Flow::Invitation] {
            let shop = Shop::start(framework).await;
            let user_id = flow.sign_up(&shop, landed(&shop).await.0).await;
            assert_eq!(flow.sign_up(&shop, landed(&shop).await.0).await, user_id);
            assert_eq!(shop.sent_leads().await.len(), 1, "{framework:?} {flow:?}");
        }
    }
}
