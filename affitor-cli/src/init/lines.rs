//! The lines that an app needs, for what it uses.

use serde::Serialize;

use super::{
    dependency::Needed,
    detect::{Database, Detected, Framework, Library},
    source::Source,
};
use crate::provider::PaymentProvider;

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
    let features = if detected.providers.is_empty() { vec![] } else { vec!["webhooks"] };
    match framework {
        // The Tower layer has no extractors, so a webhook is read with `affitor-payments` itself.
        Framework::Tower if !detected.providers.is_empty() => vec![
            Needed { package: framework.adapter(), features: vec![] },
            Needed { package: "affitor-payments", features: vec![] },
        ],
        Framework::Tower => vec![Needed { package: framework.adapter(), features: vec![] }],
        _ => vec![Needed { package: framework.adapter(), features }],
    }
}

/// All steps in Rust and HTML. The dependencies are not among them.
pub(crate) fn steps(detected: &Detected, service: &str, program_id: &str, source: Option<&Source>) -> Vec<Step> {
    let Some(framework) = detected.framework else { return Vec::new() };
    let mut steps = vec![
        Step {
            title: "Start the layer with the app".to_owned(),
            place: "src/main.rs",
            lines: layer(framework, detected),
        },
        Step {
            title: "Report each sign-up".to_owned(),
            place: "the sign-up handler",
            lines: sign_up(framework).to_owned(),
        },
        Step {
            title: "Let the browser find the partner's link".to_owned(),
            place: "the <head> of each page",
            lines: format!(
                r#"<script src="{service}/js/affitor-tracker.js" data-affitor-program-id="{program_id}" defer></script>"#
            ),
        },
    ];
    for (number, provider) in detected.providers.iter().enumerate() {
        if *provider == PaymentProvider::Stripe && framework != Framework::Tower {
            steps.push(Step {
                title: "Name the customer in Stripe's metadata".to_owned(),
                place: "where the Checkout session is created",
                lines: "let metadata = affitor.stripe_metadata(&user.id)?; // `affitor: AffitorClient`\n\
                        // `mode=payment`: metadata.for_payment(); `mode=subscription`: metadata.for_subscription()"
                    .to_owned(),
            });
        }
        // The handlers of all providers may be in one file, which imports a name once.
        let imports = if number == 0 { webhook_imports(framework, &detected.providers) } else { String::new() };
        steps.push(Step {
            title: format!("Report the payments of {}", provider.name()),
            place: "the webhook route",
            lines: imports + &webhook(framework, *provider),
        });
    }
    steps.extend(outbox(detected, source));
    steps
}

fn layer(framework: Framework, detected: &Detected) -> String {
    match framework {
        Framework::Axum => "use affitor_axum::{AffitorLayer, Client};\n\n\
             let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_PROGRAM_ID, AFFITOR_API_URL\n\
             let app = app.layer(AffitorLayer::new(client)); // after the last route"
            .to_owned(),
        Framework::ActixWeb => "use affitor_actix::{AffitorLayer, Client};\n\n\
             let client = Client::from_env()?; // once, outside the factory\n\
             HttpServer::new(move || App::new().wrap(AffitorLayer::new(client.clone())) /* your services */)"
            .to_owned(),
        Framework::Tower => {
            let layer =
                if detected.has_tower { "tower::Layer;" } else { "tower_layer::Layer; // `cargo add tower-layer`" };
            format!(
                "use affitor_tower::{{AffitorLayer, affitor::Client}};\n\
                 use {layer}\n\n\
                 let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_PROGRAM_ID, AFFITOR_API_URL\n\
                 let service = AffitorLayer::new(client.clone()).layer(service);"
            )
        }
    }
}

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
    let (ty, variable) = (provider.rust_type(), provider.secret_variable());
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
             let {name}_webhook = Webhook::<{ty}>::new(std::env::var(\"{variable}\")?)?;\n\
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
             let {name}_webhook = Webhook::<{ty}>::new(std::env::var(\"{variable}\")?)?; // once, outside the factory\n\n\
             App::new().app_data({name}_webhook.clone()).service({name}_payment) // inside the factory"
        ),
        Framework::Tower => format!(
            "let {name}_webhook = Webhook::<{ty}>::new(std::env::var(\"{variable}\")?)?; // once, at the start\n\n\
             // in the handler of {path}, with the raw body, and a clone of the client\n\
             let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());\n\
             let event = {name}_webhook.verify(header, &body, std::time::SystemTime::now())?; // else status 400\n\
             event.track(&client).await?; // else status 503"
        ),
    }
}

/// How to deliver from the app's own database.
fn outbox(detected: &Detected, source: Option<&Source>) -> Option<Step> {
    let (library, database) = (detected.library?, detected.database?);
    let (constructor, feature) = match database {
        Database::Sqlite => ("sqlite", "sqlite"),
        Database::Postgres => ("postgres", "postgres"),
    };
    let lead = "affitor.attribute(Lead::new(user.id).email(&user.email))";
    let statement = format!(
        "let statement = affitor_outbox::Statements::{constructor}().enqueue({lead})?;\n\
         let [queue, args, key] = statement.parameters();"
    );
    // The app's transactions are those of the outbox only with the same version.
    let is_same_version = detected.library_version.as_deref().is_none_or(|version| version == "0.9");
    let lines = match library {
        Library::Sqlx if is_same_version => format!(
            "let outbox = affitor_outbox::Outbox::{constructor}(pool.clone()); // once, at the start\n\
             outbox.migrate().await?;\n\
             let worker = outbox.worker(affitor_outbox::affitor::ClientBuilder::from_env()).start().await?;\n\n\
             // in the sign-up handler, instead of `affitor.enqueue`: in the transaction that creates the user\n\
             outbox.enqueue(&mut tx, {lead}).await?;"
        ),
        Library::Sqlx => {
            format!(
                "{statement}\nsqlx::query(statement.sql()).bind(queue).bind(args).bind(key).execute(&mut *tx).await?;"
            )
        }
        Library::TokioPostgres => format!("{statement}\ntx.execute(statement.sql(), &[&queue, &args, &key]).await?;"),
        Library::Diesel => format!(
            "use diesel::sql_types::{{Nullable, Text}};\n\n\
             {statement}\n\
             diesel::sql_query(statement.sql())\n    \
                 .bind::<Nullable<Text>, _>(queue)\n    \
                 .bind::<Nullable<Text>, _>(args)\n    \
                 .bind::<Nullable<Text>, _>(key)\n    \
                 .execute(connection)?; // with diesel-async: `.await?`"
        ),
        Library::SeaOrm => format!(
            "let statement = affitor_outbox::Statements::{constructor}().enqueue({lead})?;\n\
             let values = statement.parameters().map(sea_orm::Value::from);\n\
             let statement = sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), statement.sql(), values);\n\
             tx.execute_raw(statement).await?; // SeaORM 1: `execute`"
        ),
    };
    let features = if detected.providers.is_empty() { "rustls" } else { "rustls,webhooks" };
    let example = Source::Path("../affitor".into());
    let source = source.unwrap_or(&example).arguments("affitor-outbox");
    Some(Step {
        title: format!("Before you go live: commit events together with your data, in {}", database.name()),
        place: "see the README of affitor-outbox",
        lines: format!("// cargo add {source} --no-default-features --features {feature},{features}\n{lines}"),
    })
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
