//! `affitor.toml`: where an app's routes are. It contains no secrets.

use std::{collections::BTreeMap, fs::File, io, io::Read as _, path::Path};

use reqwest::Url;
use serde::Deserialize;

use super::template::Template;
use crate::{failure::Failure, provider::PaymentProvider, url::is_loopback};

/// Name of the file in the app's folder.
pub(crate) const FILE: &str = "affitor.toml";

/// Largest file that is read, in bytes.
const LIMIT: u64 = 256 * 1024;

/// The content of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) app: App,
    /// `None` for an app without pages.
    pub(crate) landing: Option<Landing>,
    pub(crate) signup: SignUp,
    pub(crate) checkout: Option<Checkout>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) log_in: Option<LogIn>,
}

/// The app itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    /// Where the app listens. `{port}` stands for a free port.
    pub(crate) url: String,
    /// Variable from which the app reads that port.
    pub(crate) port: Option<String>,
    /// Command that starts the app.
    pub(crate) start: Option<Vec<String>>,
    /// Further variables, for an app with a configuration of its own.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Template>,
}

/// The page on which visitors of partners land.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Landing {
    #[serde(default = "root")]
    pub(crate) path: String,
}

/// How a visitor signs up: requests, or a command of the developer's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    pub(crate) command: Option<Vec<String>>,
}

/// How a signed-up visitor starts to pay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkout {
    pub(crate) steps: Vec<Step>,
}

/// The endpoint for the webhooks of the payment provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) provider: PaymentProvider,
    pub(crate) path: String,
    /// Variable from which the app reads the secret.
    pub(crate) secret: String,
    /// Variable from which the app reads the URL of the provider's API.
    pub(crate) api: Option<String>,
}

/// How the app logs in at an identity provider, by OpenID Connect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// Variable from which the app reads the issuer's URL.
    pub(crate) issuer: String,
    /// Variable from which the app reads its client id.
    pub(crate) client_id: Option<String>,
    /// Variable from which the app reads its client secret.
    pub(crate) client_secret: Option<String>,
}

/// A request of a visitor. Exactly one of `get` and `post` is set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) get: Option<String>,
    pub(crate) post: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) form: Option<BTreeMap<String, String>>,
    pub(crate) json: Option<serde_json::Map<String, serde_json::Value>>,
}

fn root() -> String {
    "/".to_owned()
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns a failure if the file is missing, too large, or invalid.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let unreadable = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "create it with `affitor init --write`, or name another file with --config",
                _ => "check the file and its rights",
            };
            Failure::usage(format!("cannot read {shown}: {error}"), hint)
        };
        let mut text = String::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(LIMIT + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LIMIT {
            let message = format!("{shown} is larger than {LIMIT} bytes");
            return Err(Failure::usage(message, "name another file with --config"));
        }
        let config: Self = toml_edit::de::from_str(&text).map_err(|error| {
            Failure::usage(format!("{shown}: {}", error.message()), place(&text, error.span().map(|span| span.start)))
        })?;
        config
            .check()
            .map_err(|problem| Failure::usage(format!("{shown}: {problem}"), "see docs/guides/testing.md"))?;
        Ok(config)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let gets_port = self.app.port.is_some() || self.app.env.values().any(|template| template.contains("port"));
        if self.app.url.contains("{port}") && !gets_port {
            return Err("`app.url` contains {port}, so `app.port` must name the variable from which the app reads it, or one in \
                        `app.env` must contain {port}"
                .to_owned());
        }
        self.url(1)?;
        let variables = [self.app.port.as_ref(), self.webhook.as_ref().map(|webhook| &webhook.secret)];
        let api = self.webhook.as_ref().and_then(|webhook| webhook.api.as_ref());
        let log_in = self.log_in.iter().flat_map(|log_in| {
            [Some(&log_in.issuer), log_in.client_id.as_ref(), log_in.client_secret.as_ref()].into_iter().flatten()
        });
        for variable in variables.into_iter().flatten().chain(api).chain(log_in) {
            check_variable(variable)?;
        }
        for (name, template) in &self.app.env {
            check_variable(name)?;
            template.check().map_err(|problem| format!("`app.env.{name}` {problem}"))?;
        }
        if let Some(landing) = &self.landing {
            check_path(&landing.path)?;
        }
        if self.landing.as_ref().is_some_and(|landing| landing.path.contains('#')) {
            return Err("`landing.path` must not contain a fragment (#)".to_owned());
        }
        if let Some(webhook) = &self.webhook {
            check_path(&webhook.path)?;
            if webhook.api.is_some() && webhook.provider != PaymentProvider::Stripe {
                return Err("`webhook.api` is for Stripe: other providers have no stand-in".to_owned());
            }
            if webhook.api.as_ref() == Some(&webhook.secret) {
                return Err("`webhook.secret` and `webhook.api` must be different variables".to_owned());
            }
        }
        match (&self.signup.command, self.signup.steps.is_empty()) {
            (None, true) => return Err("`signup` needs `steps` or a `command`".to_owned()),
            (Some(_), false) => return Err("`signup` has both `steps` and a `command`".to_owned()),
            (Some(command), true) if command.is_empty() => return Err("`signup.command` is empty".to_owned()),
            _ => {}
        }
        if self.app.start.as_ref().is_some_and(Vec::is_empty) {
            return Err("`app.start` is empty".to_owned());
        }
        let checkout = self.checkout.iter().flat_map(|checkout| &checkout.steps);
        self.signup.steps.iter().chain(checkout).try_for_each(Step::check)
    }

    /// The path of the landing page.
    pub(crate) fn landing_path(&self) -> &str {
        self.landing.as_ref().map_or("/", |landing| &landing.path)
    }

    /// Whether the app reads the URL of Stripe's API from a variable.
    pub(crate) fn has_stripe_api(&self) -> bool {
        let is_named = |webhook: &Webhook| {
            webhook.api.is_some() || self.app.env.values().any(|template| template.contains("stripe_api_url"))
        };
        self.webhook.as_ref().is_some_and(|webhook| webhook.provider == PaymentProvider::Stripe && is_named(webhook))
    }

    /// Whether the app reads the URL of an identity provider from a variable.
    pub(crate) fn has_log_in(&self) -> bool {
        self.log_in.is_some() || self.app.env.values().any(|template| template.contains("oidc_issuer"))
    }

    /// Returns the app's own variable of a setting, one whose value is just this name in braces.
    pub(crate) fn own_variable(&self, name: &str) -> Option<&str> {
        let mut env = self.app.env.iter();
        env.find(|(_, template)| template.is(name)).map(|(variable, _)| variable.as_str())
    }

    /// Returns the URL of the app, with this port if it has a placeholder.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not the URL of a server on this machine.
    pub(crate) fn url(&self, port: u16) -> Result<Url, String> {
        let text = self.app.url.replace("{port}", &port.to_string());
        let url = Url::parse(&text).map_err(|error| format!("`app.url` is not a valid URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !is_loopback(&url) {
            return Err("`app.url` must be a URL of this machine, such as http://127.0.0.1:3000".to_owned());
        }
        if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
            return Err("`app.url` must consist of scheme, host and port".to_owned());
        }
        Ok(url)
    }
}

impl Step {
    fn check(&self) -> Result<(), String> {
        let path = match (&self.get, &self.post) {
            (Some(path), None) | (None, Some(path)) => path,
            _ => return Err("a step needs either `get` or `post`".to_owned()),
        };
        check_path(path)?;
        match (&self.get, &self.form, &self.json) {
            (Some(_), None, None) | (None, Some(_), None) | (None, None, Some(_)) | (None, None, None) => Ok(()),
            (Some(_), ..) => Err(format!("the step `get = {path:?}` can't have a body")),
            _ => Err(format!("the step `post = {path:?}` has both `form` and `json`")),
        }
    }
}

/// Refuses what a URL parser would take for another host, such as `//other.example`.
fn check_path(path: &str) -> Result<(), String> {
    let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    if is_path && !path.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!("{path:?} is not a path of the app: it must begin with one slash"))
    }
}

fn check_variable(name: &str) -> Result<(), String> {
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    let is_ours = name.starts_with("AFFITOR_");
    match (is_name, is_ours) {
        (true, false) => Ok(()),
        (true, true) => Err(format!("{name} can't be used here: `affitor prove` sets the variables AFFITOR_… itself")),
        // A secret may have been written here instead of the name of its variable.
        (false, _) => {
            Err("`port`, `secret`, `api` and the keys of `env` are names of environment variables, such as STRIPE_WEBHOOK_SECRET"
                .to_owned())
        }
    }
}

fn place(text: &str, offset: Option<usize>) -> String {
    let line = offset.and_then(|offset| text.get(..offset)).map(|before| before.lines().count().max(1));
    line.map_or_else(
        || "see docs/guides/testing.md".to_owned(),
        |line| format!("see line {line}, and docs/guides/testing.md"),
    )
}
