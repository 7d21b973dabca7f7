//! The page on which a person confirms a login of the service's command line.

use std::sync::Arc;

use axum::{
    extract::{Query, State as Shared},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{html_response, parts::document};
use crate::{account::LoginStatus, service::Service};

#[derive(Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    state: String,
}

pub(super) async fn consent(Shared(service): Shared<Arc<Service>>, Query(login): Query<Login>) -> Response {
    let status = {
        let inner = service.lock();
        inner.state.accounts.login_status(&login.state, inner.state.clock.now_ms())
    };
    let body = html! {
        header.top { h1 { "Affitor " span { "sandbox" } } nav.tools aria-label="Sandbox" { a href="/" { "Back to the sandbox" } } }
        main.narrow { (content(&status, &login.state)) }
    };
    html_response(&document("Log in · Affitor sandbox", &html! {}, &body))
}

fn content(status: &LoginStatus, state: &str) -> Markup {
    match status {
        LoginStatus::Pending => html! {
            h2 { "Log in to the command line?" }
            p { "A command-line tool wants to create and list the sandbox's affiliate programs. Confirm only if you started this login." }
            form.stack method="post" action="/_sandbox/consent" {
                input type="hidden" name="state" value=(state);
                label { span { "E-mail address" } input type="email" name="email" value="dev@example.com" autocomplete="email" required; }
                div.row { button.primary { "Confirm" } a.button href="/" { "Cancel" } }
            }
        },
        LoginStatus::Confirmed { .. } | LoginStatus::Consumed => html! {
            h2 { "You are logged in" }
            p { "Return to the terminal. You can close this page." }
        },
        LoginStatus::Expired => html! {
            h2 { "This login is unknown or has expired" }
            p { "A login must be confirmed within 10 minutes. Start it again in the terminal." }
        },
    }
}
