//! Which framework, database library and payment provider an app uses, from its dependencies.

use serde::Serialize;

use super::dependency::Dependency;
use crate::{provider::PaymentProvider, tls::Tls};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Framework {
    Axum,
    ActixWeb,
    /// hyper, tonic, or another Tower service.
    Tower,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Library {
    Sqlx,
    Diesel,
    SeaOrm,
    TokioPostgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// What was found in the dependencies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Detected {
    pub(crate) framework: Option<Framework>,
    pub(crate) library: Option<Library>,
    /// For example `0.9`, if the requirement is that simple.
    pub(crate) library_version: Option<String>,
    /// `None` if the library is used with several databases, or with another one.
    pub(crate) database: Option<Database>,
    pub(crate) providers: Vec<PaymentProvider>,
    /// The TLS in the app's lock file.
    pub(crate) tls: Tls,
    /// Whether the app has the crate `tower`, and so its trait `Layer`.
    #[serde(skip)]
    pub(crate) has_tower: bool,
    /// Whether it is axum 0.7, for which there is no adapter.
    #[serde(skip)]
    pub(crate) is_axum_07: bool,
    /// What the adapters do not support, or what else a person should know.
    pub(crate) notes: Vec<String>,
}

impl Detected {
    /// Adds the database of other packages of the workspace, if the app itself has none.
    pub(crate) fn with_database_of(mut self, siblings: &[Dependency]) -> Self {
        if self.library.is_none() {
            let other = detect(siblings);
            (self.library, self.database, self.library_version) =
                (other.library, other.database, other.library_version);
        }
        self
    }
}

/// Detects what the app uses.
pub(crate) fn detect(dependencies: &[Dependency]) -> Detected {
    let find = |name: &str| dependencies.iter().find(|dependency| dependency.package == name);
    let mut notes = Vec::new();
    let framework = framework(&find, &mut notes);
    let (library, database) = database(&find);
    let library_version = library.and_then(|library| find(library.package())).and_then(series);
    let mut providers: Vec<PaymentProvider> = dependencies.iter().filter_map(provider).collect();
    providers.sort_unstable();
    providers.dedup();
    let has_tower = find("tower").is_some();
    let is_axum_07 = find("axum").and_then(series).as_deref() == Some("0.7");
    Detected {
        framework,
        library,
        library_version,
        database,
        providers,
        tls: Tls::default(),
        has_tower,
        is_axum_07,
        notes,
    }
}

fn framework<'d>(find: &impl Fn(&str) -> Option<&'d Dependency>, notes: &mut Vec<String>) -> Option<Framework> {
    let axum = find("axum");
    if let Some(axum) = axum {
        match series(axum).as_deref() {
            // 0.7 is on the same `http` crate, so the Tower layer works.
            Some(old @ "0.7") => {
                notes.push(format!("axum {old}: affitor-axum requires axum 0.8; the Tower layer works with both"));
                return Some(Framework::Tower);
            }
            Some(old @ ("0.1" | "0.2" | "0.3" | "0.4" | "0.5" | "0.6")) => {
                notes.push(format!("axum {old} is not supported: affitor-axum requires axum 0.8"));
            }
            _ => {}
        }
    }
    let actix = find("actix-web");
    if let Some(old @ ("1" | "2" | "3")) =
        actix.and_then(series).as_deref().map(|series| series.split('.').next().unwrap_or(series))
    {
        notes.push(format!("actix-web {old} is not supported: affitor-actix requires actix-web 4"));
    }
    if axum.is_some() && actix.is_some() {
        notes.push("both axum and actix-web are dependencies: the lines are for axum".to_owned());
    }
    let tower = ["tonic", "hyper", "hyper-util", "tower", "tower-http", "tower-service"];
    if axum.is_some() {
        Some(Framework::Axum)
    } else if actix.is_some() {
        Some(Framework::ActixWeb)
    } else {
        tower.into_iter().any(|name| find(name).is_some()).then_some(Framework::Tower)
    }
}

fn database<'d>(find: &impl Fn(&str) -> Option<&'d Dependency>) -> (Option<Library>, Option<Database>) {
    let has = |name: &str, features: &[&str]| {
        find(name).is_some_and(|found| features.iter().any(|feature| found.features.contains(*feature)))
    };
    let one = |sqlite: bool, postgres: bool| match (sqlite, postgres) {
        (true, false) => Some(Database::Sqlite),
        (false, true) => Some(Database::Postgres),
        _ => None,
    };
    // SeaORM and diesel-async come first, because apps have SQLx or Diesel as well then.
    if find("sea-orm").is_some() {
        let database = one(has("sea-orm", &["sqlx-sqlite", "rusqlite"]), has("sea-orm", &["sqlx-postgres"]));
        (Some(Library::SeaOrm), database)
    } else if find("sqlx").is_some() {
        let sqlite = has("sqlx", &["sqlite", "sqlite-bundled", "sqlite-unbundled", "_sqlite"]);
        (Some(Library::Sqlx), one(sqlite, has("sqlx", &["postgres"])))
    } else if find("diesel").is_some() || find("diesel-async").is_some() {
        let sqlite =
            has("diesel", &["sqlite", "returning_clauses_for_sqlite_3_35"]) || has("diesel-async", &["sqlite"]);
        let postgres = has("diesel", &["postgres", "postgres_backend"]) || has("diesel-async", &["postgres"]);
        (Some(Library::Diesel), one(sqlite, postgres))
    } else if ["tokio-postgres", "deadpool-postgres", "postgres"].into_iter().any(|name| find(name).is_some()) {
        (Some(Library::TokioPostgres), Some(Database::Postgres))
    } else {
        (None, None)
    }
}

fn provider(dependency: &Dependency) -> Option<PaymentProvider> {
    let name = dependency.package.replace('_', "-");
    let is = |word: &str| name == word || name.starts_with(&format!("{word}-"));
    if is("async-stripe") || name == "stripe-rust" || name == "payments-stripe" {
        Some(PaymentProvider::Stripe)
    } else if ["polar-sdk", "polar-rs", "polar-sh", "polar-rust", "polarsh"].contains(&name.as_str()) {
        Some(PaymentProvider::Polar)
    } else if is("lemonsqueezy") || is("lemon-squeezy") {
        Some(PaymentProvider::LemonSqueezy)
    } else if ["paddle-rust-sdk", "paddle-sdk", "paddle-billing", "paddle-rs"].contains(&name.as_str()) {
        // `paddlepaddle` and others are machine learning.
        Some(PaymentProvider::Paddle)
    } else {
        None
    }
}

/// `0.8` of `^0.8.4`, `4` of `4`. `None` if the requirement is not that simple.
fn series(dependency: &Dependency) -> Option<String> {
    let version = dependency.version.as_deref()?.trim_start_matches(['^', '=', '~', ' ']);
    let numbers: Vec<&str> = version.split('.').take(2).collect();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.iter().all(is_number).then(|| numbers.join("."))
}

impl Framework {
    /// The crate that the app needs.
    pub(crate) fn adapter(self) -> &'static str {
        match self {
            Self::Axum => "affitor-axum",
            Self::ActixWeb => "affitor-actix",
            Self::Tower => "affitor-tower",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::ActixWeb => "actix-web",
            Self::Tower => "a Tower service",
        }
    }
}

impl Library {
    fn package(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Diesel => "diesel",
            Self::SeaOrm => "sea-orm",
            Self::TokioPostgres => "tokio-postgres",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlx => "SQLx",
            Self::Diesel => "Diesel",
            Self::SeaOrm => "SeaORM",
            Self::TokioPostgres => "tokio-postgres",
        }
    }
}

impl Database {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
