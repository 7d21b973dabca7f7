//! The lines that an app needs, for what it uses.

mod outbox;

use affitor_payments::StripeReporter;
use serde::Serialize;

use super::{
    dependency::Needed,
    detect::{Detected, Framework},
    present::Code,
    source::Source,
};
use crate::{provider::PaymentProvider, settings::DEFAULT_URL};

/// One place in the app, and the lines for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) title: String,
    /// Where the lines belong: `Cargo.toml`, `src/main.rs`.
    pub(crate) place: &'static str,
    pub(crate) lines: String,
}

/// The dependencies for what the app uses.
pub(crate) fn needed(detected: &Detected) -> Vec<Needed> {
    let Some(framework) = detected.framework else { return Vec::new() };
    let tls = detected.tls.feature();
    let features = if detected.providers.is_empty() { vec![tls] } else { vec![tls, "webhooks"] };
    match framework {
        // The Tower layer has no extractors, so a webhook is read with `affitor-payments` itself.
        Framework::Tower if !detected.providers.is_empty() => vec![
            Needed { package: framework.adapter(), features: vec![tls] },
            Needed { package: "affitor-payments", features: vec![] },
        ],
        Framework::Tower => vec![Needed { package: framework.adapter(), features: vec![tls] }],
        _ => vec![Needed { package: framework.adapter(), features }],
    }
}

/// Where the app's settings are, and the tracker's script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'s> {
    pub(crate) url: &'s str,
    pub(crate) program_id: &'s str,
    pub(crate) variables: OwnVariables<'s>,
}

/// The app's own variables for the client's settings, from `[app] env` of affitor.toml.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnVariables<'s> {
    pub(crate) api_key: Option<&'s str>,
    pub(crate) api_url: Option<&'s str>,
    pub(crate) program_id: Option<&'s str>,
}

/// All steps in Rust and HTML, but for those that the app's code has. The dependencies are not among them.
pub(crate) fn steps(detected: &Detected, service: Service<'_>, source: Option<&Source>, code: &Code) -> Vec<Step> {
    let Some(framework) = detected.framework else { return Vec::new() };
    let step = |title: &str, place, lines| Step { title: title.to_owned(), place, lines };
    let mut steps = Vec::new();
    if !code.has(&["AffitorLayer"]) {
        steps.push(step("Start the layer with the app", "src/main.rs", layer(framework, detected, service.variables)));
    }
    if detected.is_axum_07 && !code.has(&["for AffitorClient"]) {
        let imports = "use affitor_tower::{AffitorRequestExt, affitor::BoundClient};\n\
                       use axum::{extract::FromRequestParts, http::{StatusCode, request::Parts}};\n\n";
        let lines = format!("// cargo add async-trait\n{imports}{}", include_str!("lines/axum_07.rs"));
        steps.push(step("Add the extractor for axum 0.7", "a module of its own", lines));
    }
    if !code.has(&["Lead::new"]) {
        let lines = if detected.is_axum_07 { SIGN_UP_AXUM_07 } else { sign_up(framework) };
        steps.push(step("Report each sign-up", "the sign-up handler", lines.to_owned()));
    }
    if !code.has(&["affitor-tracker.js", "script_tag(", "ClickCaptureLayer"]) {
        // A page that is copied must not report to a sandbox in production.
        let url = if service.url.starts_with("https:") { service.url } else { DEFAULT_URL };
        let script = format!(
            "<!-- In a template: the text of `affitor.script_tag()`, of a handler's `affitor: AffitorClient`. In a static page: -->\n\
             <script src=\"{url}/js/affitor-tracker.js\" data-affitor-program-id=\"{}\" defer></script>",
            service.program_id
        );
        steps.push(step("Let the browser find the partner's link", "the <head> of each page", script));
    }
    let is_missing = |provider: &PaymentProvider| !code.has(&[&format!("<{}>", provider.rust_type())]);
    let missing: Vec<PaymentProvider> = detected.providers.iter().copied().filter(is_missing).collect();
    for (number, provider) in missing.iter().enumerate() {
        if *provider == PaymentProvider::Stripe && framework != Framework::Tower && !code.has(&["stripe_metadata("]) {
            let metadata = "let metadata = affitor.stripe_metadata(&user.id); // `affitor: AffitorClient`\n\
                            // `mode=payment`: metadata.for_payment(); `mode=subscription`: metadata.for_subscription()";
            let place = "where the Checkout session is created";
            steps.push(step("Name the customer in Stripe's metadata", place, metadata.to_owned()));
        }
        // The handlers of all providers may be in one file, which imports a name once.
        let imports = if number == 0 { webhook_imports(framework, &missing) } else { String::new() };
        let title = format!("Report the payments of {}", provider.name());
        steps.push(step(&title, "the webhook route", imports + &webhook(framework, *provider)));
    }
    if !code.has(&["affitor_outbox"]) {
        steps.extend(outbox::step(detected, source));
    }
    steps
}

/// How the app makes its client.
fn client(variables: OwnVariables<'_>) -> String {
    let OwnVariables { api_key: Some(key), api_url, program_id } = variables else {
        return "let client = Client::from_env_or_disabled()?; // AFFITOR_API_KEY, AFFITOR_PROGRAM_ID, AFFITOR_API_URL"
            .to_owned();
    };
    let setter = |name: &str, variable: Option<&str>| {
        variable.map_or_else(String::new, |variable| format!(".{name}(/* {variable} */)"))
    };
    format!(
        "let client = Client::builder().api_key(/* {key} */){}{}.build_or_disabled()?; // from your own configuration",
        setter("api_url", api_url),
        setter("program_id", program_id)
    )
}

fn layer(framework: Framework, detected: &Detected, variables: OwnVariables<'_>) -> String {
    let client = client(variables);
    match framework {
        Framework::Axum => format!(
            "use std::time::Duration;\n\n\
             use affitor_axum::{{AffitorLayer, Client, shutdown_signal, until_shutdown}};\n\n\
             {client}\n\
             let app = app.layer(AffitorLayer::new(client.clone())); // after the last route\n\n\
             let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());\n\
             until_shutdown(server, &client, Duration::from_secs(8)).await?; // delivers what is waiting"
        ),
        Framework::ActixWeb => format!(
            "use std::time::Duration;\n\n\
             use affitor_actix::{{AffitorLayer, Client}};\n\n\
             {client} // once, outside the factory\n\
             let layer = AffitorLayer::new(client.clone());\n\
             let server = HttpServer::new(move || App::new().wrap(layer.clone()) /* your services */);\n\n\
             client.shutdown(Duration::from_secs(8)).await; // after `server.run().await?`: delivers what is waiting"
        ),
        Framework::Tower => {
            let layer =
                if detected.has_tower { "tower::Layer;" } else { "tower_layer::Layer; // `cargo add tower-layer`" };
            format!(
                "use std::time::Duration;\n\n\
                 use affitor_tower::{{AffitorLayer, affitor::Client}};\n\
                 use {layer}\n\n\
                 {client}\n\
                 let service = AffitorLayer::new(client.clone()).layer(service);\n\n\
                 client.shutdown(Duration::from_secs(8)).await; // after the server: delivers what is waiting"
            )
        }
    }
}

const SIGN_UP_AXUM_07: &str = "use affitor_tower::affitor::Lead;\n\n\
     async fn sign_up(AffitorClient(affitor): AffitorClient /* , your extractors */) {\n    \
         // after the user is created\n    \
         affitor.enqueue(Lead::new(user.id).email(&user.email)); // returns at once\n\
     }";

fn sign_up(framework: Framework) -> &'static str {
    match framework {
        Framework::Axum => {
            "use affitor_axum::{AffitorClient, Lead};\n\n\
             async fn sign_up(affitor: AffitorClient /* , your extractors */) {\n    \
                 // after the user is created\n    \
                 affitor.enqueue(Lead::new(user.id).email(&user.email)); // returns at once\n\
             }"
        }
        Framework::ActixWeb => {
            "use actix_web::HttpResponse;\n\
             use affitor_actix::{AffitorClient, Lead};\n\n\
             async fn sign_up(affitor: AffitorClient /* , your extractors */) -> HttpResponse {\n    \
                 // after the user is created\n    \
                 affitor.enqueue(Lead::new(user.id).email(&user.email)); // returns at once\n    \
                 HttpResponse::Ok().finish()\n\
             }"
        }
        Framework::Tower => {
            "use affitor_tower::{AffitorRequestExt, affitor::Lead};\n\n\
             // after the user is created\n\
             if let Some(affitor) = request.affitor() {\n    \
                 affitor.enqueue(Lead::new(user.id).email(&user.email)); // returns at once\n\
             }"
        }
    }
}

fn webhook_imports(framework: Framework, providers: &[PaymentProvider]) -> String {
    let mut types: Vec<&str> = providers.iter().map(|provider| provider.rust_type()).collect();
    types.sort_unstable();
    let types = types.join(", ");
    match framework {
        Framework::Axum => format!(
            "use affitor_axum::{{AffitorClient, PaymentEvent, Redeliver, payments::{{{types}, Webhook}}}};\n\
             use axum::{{Router, routing::post}};\n\n"
        ),
        Framework::ActixWeb => format!(
            "use actix_web::{{HttpResponse, post}};\n\
             use affitor_actix::{{AffitorClient, PaymentEvent, Redeliver, payments::{{{types}, Webhook}}}};\n\n"
        ),
        Framework::Tower => format!("use affitor_payments::{{{types}, Webhook}};\n\n"),
    }
}

fn webhook(framework: Framework, provider: PaymentProvider) -> String {
    let ty = provider.rust_type();
    let variable = match provider {
        PaymentProvider::Stripe => format!("{}, {}", provider.secret_variable(), StripeReporter::VARIABLE),
        _ => provider.secret_variable().to_owned(),
    };
    let path = format!("/webhooks/{}", provider.id());
    let name = provider.id().replace('-', "_");
    match framework {
        Framework::Axum => format!(
            "// The event consumes the body, so it is the last argument.\n\
             async fn {name}_payment(affitor: AffitorClient, event: PaymentEvent<{ty}>) -> Result<(), Redeliver> {{\n    \
                 // your own work first\n    \
                 event.track(&affitor).await?;\n    \
                 Ok(())\n\
             }}\n\n\
             let {name}_webhook = Webhook::<{ty}>::from_env_or_disabled()?; // {variable}\n\
             let {name}_route = Router::new().route(\"{path}\", post({name}_payment)).with_state({name}_webhook);\n\
             let app = app.merge({name}_route); // before the layer"
        ),
        Framework::ActixWeb => format!(
            "#[post(\"{path}\")]\n\
             async fn {name}_payment(affitor: AffitorClient, event: PaymentEvent<{ty}>) -> Result<HttpResponse, Redeliver> {{\n    \
                 // your own work first\n    \
                 event.track(&affitor).await?;\n    \
                 Ok(HttpResponse::Ok().finish())\n\
             }}\n\n\
             let {name}_webhook = Webhook::<{ty}>::from_env_or_disabled()?; // {variable}; once, outside the factory\n\n\
             App::new().app_data({name}_webhook.clone()).service({name}_payment) // inside the factory"
        ),
        Framework::Tower => format!(
            "let {name}_webhook = Webhook::<{ty}>::from_env_or_disabled()?; // {variable}; once, at the start\n\n\
             // in the handler of {path}, with the raw body, and a clone of the client\n\
             let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());\n\
             let event = {name}_webhook.verify(header, &body, std::time::SystemTime::now())?; // else status 400\n\
             event.track(&client).await?; // else status 503"
        ),
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
