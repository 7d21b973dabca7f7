//! The service and the key, from flags or the environment.

use std::env;

use affitor::{Client, ClientBuilder};
use clap::Args;

use crate::{check::Check, ending::Failure, output::Sign};

/// Which service, and with which key.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// The program's key; else AFFITOR_API_KEY or AFFITOR_API_TOKEN says it. Better in the environment: other users of
    /// the machine can see a command's flags
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// The service's address; else AFFITOR_API_URL says it, else it is https://api.affitor.com
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// The program's id; else AFFITOR_PROGRAM_ID says it
    #[arg(long, value_name = "ID")]
    program_id: Option<String>,
}

/// Without the key.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { api_key, api_url, program_id } = self;
        f.debug_struct("Connection")
            .field("api_key", &api_key.as_ref().map(|_| "…"))
            .field("api_url", api_url)
            .field("program_id", program_id)
            .finish()
    }
}

/// A setting, and the flag or the variable that said it.
pub(crate) struct Setting {
    given: String,
    pub(crate) from: &'static str,
}

impl Setting {
    pub(crate) fn value(&self) -> &str {
        self.given.trim()
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.value().len() != self.given.len()
    }
}

/// What holds: white space around a setting does not count, and an empty one is as if absent. The library's clients
/// read the environment in the same way.
pub(crate) struct Settings {
    pub(crate) key: Option<Setting>,
    pub(crate) url: Setting,
    pub(crate) program_id: Option<Setting>,
}

impl Connection {
    pub(crate) fn settings(&self) -> Settings {
        let default = || Setting { given: "https://api.affitor.com".to_owned(), from: "AFFITOR_API_URL" };
        Settings {
            key: first(self.api_key.as_deref(), "--api-key", &["AFFITOR_API_KEY", "AFFITOR_API_TOKEN"]),
            url: first(self.api_url.as_deref(), "--api-url", &["AFFITOR_API_URL"]).unwrap_or_else(default),
            program_id: first(self.program_id.as_deref(), "--program-id", &["AFFITOR_PROGRAM_ID"]),
        }
    }
}

fn first(flag: Option<&str>, name: &'static str, variables: &[&'static str]) -> Option<Setting> {
    let flag = flag.map(|given| Setting { given: given.to_owned(), from: name });
    let variables = variables.iter().filter_map(|&from| Some(Setting { given: env::var(from).ok()?, from }));
    flag.into_iter().chain(variables).find(|setting| !setting.value().is_empty())
}

impl Settings {
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        for Check { result, found, mend, .. } in [self.check_key(), self.check_url().0] {
            if result == Sign::Bad {
                return Err(Failure::usage(found, mend.unwrap_or_default()));
            }
        }
        let mut builder = Client::builder().api_url(self.url.value());
        if let Some(key) = &self.key {
            builder = builder.api_key(key.value());
        }
        if let Some(id) = &self.program_id {
            builder = builder.program_id(id.value());
        }
        Ok(builder)
    }

    pub(crate) fn build(&self, builder: ClientBuilder) -> Result<Client, Failure> {
        builder.build().map_err(|error| self.explain(&error))
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.build(self.builder()?)
    }

    /// The key, where it is long enough to be told from other text: not to be shown, whoever says it.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.key.as_ref().map(Setting::value).filter(|key| key.len() >= 8)
    }

    /// A setting's value in quotes, unless a secret may have come into the wrong variable.
    pub(crate) fn quoted(&self, value: &str) -> String {
        let lower = value.to_lowercase();
        let secret = ["@", "%40", "aff_", "affk_"].iter().any(|part| lower.contains(part));
        let is_key = self.key.as_ref().is_some_and(|key| value.contains(key.value()));
        if secret || is_key { "(not shown)".to_owned() } else { format!("{value:?}") }
    }
}
