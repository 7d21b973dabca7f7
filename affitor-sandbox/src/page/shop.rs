//! A small shop to click through, for testers without an app. Its page reports clicks and sign-ups with the tracker. Its
//! server reports payments as an app would: with the API key, or, if Stripe is connected, by delivering signed events of a
//! stand-in Stripe account.

mod server;
mod stripe_events;

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    response::IntoResponse,
    routing::{get, post},
};
use maud::{Markup, html};

use super::{
    asset, html_response,
    parts::{document, query},
};
use crate::service::Service;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/shop", get(shop))
        .route("/shop.js", get(async || asset("text/javascript; charset=utf-8", include_str!("shop.js"))))
        .route("/shop/pay", post(server::pay))
        .route("/shop/refund", post(server::refund))
}

async fn shop(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    let (program_id, is_connected, codes) = {
        let inner = service.lock();
        let codes: Vec<String> = inner.state.partners_of(0).map(|partner| partner.code.clone()).collect();
        let first = inner.state.first_program();
        (first.map_or(0, |program| program.id), first.is_some_and(|program| program.stripe.is_some()), codes)
    };
    let scripts = html! {
        script src="/js/affitor-tracker.js" data-affitor-program-id=(program_id) defer {}
        script src="/_sandbox/shop.js" defer {}
    };
    html_response(&document("Test shop · Affitor sandbox", &scripts, &page(&codes, is_connected)))
}

fn page(codes: &[String], is_connected: bool) -> Markup {
    html! {
        header.top { h1 { "Test " span { "shop" } } nav.tools aria-label="Sandbox" { a href="/" { "Back to the sandbox" } } }
        main {
            ol.shop {
                li.step { h2 { "Follow a partner's link" }
                    p.row { @for code in codes { a.button href=(format!("?{}", query(&[("aff", code)]))) { (code) } } }
                    p.sub { "Your click id: " code #click-id { "none" } } }
                li.step { h2 { "Sign up" }
                    form.row #signup { label { span { "E-mail address" } input type="email" name="email" value="jo@example.com" autocomplete="email" required; } button.primary { "Sign up" } }
                    p.sub { "Customer key: " code #user { "none" } } }
                li.step { h2 { "Pay" }
                    @if is_connected { p.sub { "Stripe is connected: this shop's payments reach the sandbox as signed webhooks of Stripe." } }
                    form.row #pay { button.primary { "Pay 49.00 USD" } button value="renewal" { "Pay a renewal" }
                        @if is_connected { label.check { input type="checkbox" name="track"; span { "Also report the sale from the app (a mistake: partners are paid twice)" } } } } }
                li.step { h2 { "Ask for a refund" }
                    form.row #refund { button { "Refund the last payment" } } }
            }
            section aria-labelledby="log-title" {
                h2 #log-title { "What happened" }
                p.none #log-empty { "Nothing yet. Begin with a partner's link." }
                div role="log" aria-label="What happened" { ol.log #log {} }
            }
            noscript { p.alert.bad { "This page demonstrates the tracker and requires JavaScript." } }
        }
    }
}
