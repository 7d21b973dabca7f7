//! The lines for durable delivery from the app's own database: tables, worker, client, and storing an event with the user.

use super::{
    super::{
        detect::{Database, Detected, Library},
        source::Source,
    },
    Step,
};

/// How a handler stores an event with the app's own library.
fn enqueue(library: Library) -> &'static str {
    match library {
        Library::Sqlx => include_str!("enqueue/sqlx.rs"),
        Library::TokioPostgres => include_str!("enqueue/tokio_postgres.rs"),
        Library::Diesel => include_str!("enqueue/diesel.rs"),
        Library::SeaOrm => include_str!("enqueue/sea_orm.rs"),
    }
}

/// How to deliver from the app's own database.
pub(super) fn step(detected: &Detected, source: Option<&Source>) -> Option<Step> {
    let (library, database) = (detected.library?, detected.database?);
    let feature = match database {
        Database::Sqlite => "sqlite",
        Database::Postgres => "postgres",
    };
    // The app's transactions are those of the outbox only with the same version.
    let is_same =
        library == Library::Sqlx && detected.library_version.as_deref().is_none_or(|version| version == "0.9");
    let lines = match (is_same, library, database) {
        (true, ..) => same_sqlx(),
        (false, Library::Sqlx, Database::Sqlite) => return Some(beside(source)),
        _ => other(library),
    };
    let lines = match database {
        Database::Postgres => lines,
        Database::Sqlite => {
            let lines = lines.replace("::postgres(", "::sqlite(").replace("PgPool", "SqlitePool");
            lines.replace("sqlx::Postgres", "sqlx::Sqlite").replace("PgConnection", "SqliteConnection")
        }
    };
    let webhooks = if detected.providers.is_empty() { "" } else { ",webhooks" };
    let lines = if webhooks.is_empty() {
        lines
    } else {
        format!(
            "{lines}\n\n// in the webhook handlers, instead of `event.track`: `delivery.outbox().record_payment_alone(&event).await?`"
        )
    };
    let tls = detected.tls.feature();
    let example = Source::Path("../affitor".into());
    let source = source.unwrap_or(&example).arguments("affitor-outbox");
    Some(Step {
        title: format!("Before you go live: commit events together with your data, in {}", database.name()),
        place: "see the README of affitor-outbox",
        lines: format!("// cargo add {source} --no-default-features --features {feature},{tls}{webhooks}\n{lines}"),
    })
}

const START: &str = "let delivery = affitor_outbox::Outbox::postgres(POOL).start(client).await?; // creates its tables, and delivers\n\
     let client = delivery.client().clone(); // for the layer, instead of the first one\n";

/// SQLx 0.8 and that of the outbox can't both link SQLite, so the command creates the tables, and delivers.
fn beside(source: Option<&Source>) -> Step {
    let example = Source::Path("../affitor".into());
    let source = source.unwrap_or(&example).arguments("affitor-cli");
    Step {
        title: "Before you go live: commit events together with your data, in SQLite".to_owned(),
        place: "see the README of affitor-outbox",
        lines: format!(
            "// The app's SQLx and that of affitor-outbox can't both link SQLite. So the command works beside the app, with its variables:\n\
             //     cargo install {source} --features outbox\n\
             //     affitor outbox migrate --database-url sqlite://shop.sqlite3\n\
             //     affitor outbox work --database-url sqlite://shop.sqlite3\n\
             // `Event` is in the same crate as `Lead`.\n\
             {}\n\
             // in the sign-up handler, instead of `affitor.enqueue`: in the transaction that creates the user\n\
             let lead = affitor.attribute(Lead::new(user.id).email(&user.email));\n\
             if affitor.client().is_disabled() {{\n    \
                 // The app has no key, so nothing is stored.\n\
             }} else if let Err(error) = enqueue(&mut tx, lead).await {{\n    \
                 tracing::error!(%error, \"a lead is lost\"); // an error can't fail the sign-up\n\
             }}",
            include_str!("enqueue/sqlx_sqlite.rs"),
        ),
    }
}

fn same_sqlx() -> String {
    format!(
        "// once, at the start\n{}\n\
         // in the sign-up handler, instead of `affitor.enqueue`: in the transaction that creates the user\n\
         let lead = affitor.attribute(Lead::new(user.id).email(&user.email));\n\
         delivery.outbox().enqueue_or_log(&mut tx, lead).await; // an error can't fail the sign-up",
        START.replace("POOL", "pool.clone()")
    )
}

fn other(library: Library) -> String {
    let (handle, wait) = match library {
        Library::Sqlx | Library::TokioPostgres => ("&mut tx", ".await"),
        Library::SeaOrm => ("&tx", ".await"),
        Library::Diesel => ("connection", ""),
    };
    format!(
        "// once, at the start: a second pool, of the SQLx that the outbox has, for its tables and its worker\n\
         let affitor_pool = affitor_outbox::sqlx::PgPool::connect(&database_url).await?;\n{}\n\
         {}\n\
         // in the sign-up handler, instead of `affitor.enqueue`: in the transaction that creates the user. If another crate has it, pass \
         the event there.\n\
         let lead = affitor.attribute(Lead::new(user.id).email(&user.email));\n\
         if affitor.client().is_disabled() {{\n    \
             // The app has no key, so nothing is stored.\n\
         }} else if let Err(error) = enqueue({handle}, lead){wait} {{\n    \
             tracing::error!(%error, \"a lead is lost\"); // an error can't fail the sign-up\n\
         }}\n\n\
         // Or after the commit, without all that: `affitor.enqueue`. If the process dies in the milliseconds until the event is\n\
         // stored, it is lost.",
        START.replace("POOL", "affitor_pool"),
        enqueue(library),
    )
}
