//! Detection, as a table of manifests.

use super::{
    super::manifest::dependencies_of,
    Database::{Postgres, Sqlite},
    Detected,
    Framework::{ActixWeb, Axum, Tower},
    Library::{Diesel, SeaOrm, Sqlx, TokioPostgres},
    PaymentProvider::{LemonSqueezy, Paddle, Polar, Stripe},
    detect,
};

fn detected(manifest: &str) -> Detected {
    detect(&dependencies_of(manifest, ""))
}

#[test]
fn frameworks() {
    for (dependencies, expected) in [
        ("axum = '0.8'", Some(Axum)),
        ("axum = { version = '0.8.4', default-features = false }", Some(Axum)),
        ("axum = { git = 'https://example.com/axum' }", Some(Axum)),
        ("web = { package = 'axum', version = '0.8' }", Some(Axum)),
        ("axum = '0.8'\ntower = '0.5'\nhyper = '1'", Some(Axum)),
        ("axum.version = '0.8'\naxum.features = ['macros']", Some(Axum)),
        ("actix-web = '4'", Some(ActixWeb)),
        ("tonic = '0.14'", Some(Tower)),
        ("hyper = { version = '1', features = ['server'] }", Some(Tower)),
        ("tower = '0.5'", Some(Tower)),
        ("axum = '0.7'", Some(Tower)),
        // A package that is only named like a framework.
        ("axum = { package = 'other', version = '1' }", None),
        ("rocket = '0.5'", None),
        ("", None),
    ] {
        assert_eq!(detected(&format!("[dependencies]\n{dependencies}\n")).framework, expected, "{dependencies}");
    }
    for (manifest, expected) in [
        ("[dependencies.axum]\nversion = '0.8'", Some(Axum)),
        ("[target.'cfg(unix)'.dependencies]\nactix-web = '4'", Some(ActixWeb)),
        ("[dev-dependencies]\naxum = '0.8'", None),
        ("[build-dependencies]\naxum = '0.8'", None),
        // Malformed for Cargo, but not for TOML.
        ("dependencies = 7", None),
        ("[dependencies]\naxum = 7", Some(Axum)),
        ("[target]\nx = 1", None),
    ] {
        assert_eq!(detected(manifest).framework, expected, "{manifest}");
    }
}

#[test]
fn unsupported_versions_are_noted() {
    for (dependency, expected) in [
        ("axum = '0.6.20'", "axum 0.6 is not supported"),
        ("axum = '0.7'", "axum 0.7: affitor-axum requires axum 0.8"),
        ("actix-web = '3.3'", "actix-web 3 is not supported"),
        ("axum = '0.8'\nactix-web = '4'", "the lines are for axum"),
    ] {
        let notes = detected(&format!("[dependencies]\n{dependency}")).notes;
        assert!(notes.len() == 1 && notes[0].contains(expected), "{dependency}: {notes:?}");
    }
    for fine in ["axum = '0.8'", "axum = '=0.8.4'", "axum = '>=0.8, <0.9'", "axum = '*'", "actix-web = '4.12'"] {
        assert!(detected(&format!("[dependencies]\n{fine}")).notes.is_empty(), "{fine}");
    }
}

#[test]
fn databases() {
    for (dependencies, library, database) in [
        ("sqlx = { version = '0.9', features = ['sqlite'] }", Some(Sqlx), Some(Sqlite)),
        ("sqlx = { version = '0.9', features = ['runtime-tokio', 'postgres'] }", Some(Sqlx), Some(Postgres)),
        ("sqlx = { version = '0.9', features = ['sqlite', 'postgres'] }", Some(Sqlx), None),
        ("sqlx = { version = '0.9', features = ['mysql'] }", Some(Sqlx), None),
        ("diesel = { version = '2', features = ['sqlite'] }", Some(Diesel), Some(Sqlite)),
        ("diesel = { version = '2', features = ['postgres'] }", Some(Diesel), Some(Postgres)),
        ("diesel = '2'\ndiesel-async = { version = '0.9', features = ['postgres'] }", Some(Diesel), Some(Postgres)),
        ("sea-orm = { version = '2', features = ['sqlx-postgres'] }", Some(SeaOrm), Some(Postgres)),
        ("sea-orm = { version = '1', features = ['sqlx-sqlite'] }\nsqlx = '0.8'", Some(SeaOrm), Some(Sqlite)),
        ("tokio-postgres = '0.7'", Some(TokioPostgres), Some(Postgres)),
        ("deadpool-postgres = '0.14'", Some(TokioPostgres), Some(Postgres)),
        ("redis = '1'", None, None),
    ] {
        let found = detected(&format!("[dependencies]\n{dependencies}"));
        assert_eq!((found.library, found.database), (library, database), "{dependencies}");
    }
}

#[test]
fn providers() {
    for (dependencies, expected) in [
        ("async-stripe = '0.41'", vec![Stripe]),
        ("stripe = { package = 'async-stripe', version = '0.41' }", vec![Stripe]),
        ("async-stripe-checkout = '1.0.0-rc.10'\nasync-stripe-webhook = '1.0.0-rc.10'", vec![Stripe]),
        ("paddle-rust-sdk = '0.1'\nasync-stripe-billing = '1'", vec![Stripe, Paddle]),
        ("polar-sdk = '0.1'", vec![Polar]),
        ("lemonsqueezy = '0.1'", vec![LemonSqueezy]),
        ("lemon_squeezy = '0.1'", vec![LemonSqueezy]),
        // Not payment providers.
        ("polars = '0.50'\npolars-core = '0.50'\npolar-core = '0.27'\npaddle-inference = '1'", vec![]),
        ("async-stripes = '1'", vec![]),
    ] {
        assert_eq!(detected(&format!("[dependencies]\n{dependencies}")).providers, expected, "{dependencies}");
    }
}

#[test]
fn inherited_dependencies_have_the_features_of_both() {
    let workspace = "[workspace.dependencies]\nweb = { package = 'axum', version = '0.8' }\n\
                     sqlx = { version = '0.9', features = ['runtime-tokio'] }\nactix-web = '4'";
    let manifest = "[dependencies]\nweb.workspace = true\nsqlx = { workspace = true, features = ['postgres'] }";
    let found = detect(&dependencies_of(manifest, workspace));
    assert_eq!((found.framework, found.library, found.database), (Some(Axum), Some(Sqlx), Some(Postgres)));
    // Nothing to inherit from.
    assert_eq!(detect(&dependencies_of("[dependencies]\naxum.workspace = true", "")).framework, Some(Axum));
    // A dependency of the workspace that this package does not use.
    assert_eq!(detect(&dependencies_of("[dependencies]\n", workspace)).framework, None);
}
