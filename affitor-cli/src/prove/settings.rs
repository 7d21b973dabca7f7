//! The settings of a proof: the file, and what is generated.

use std::{env, io, net::TcpListener, ops::Range, path::Path};

use reqwest::Url;

use super::{
    Arguments,
    config::{Config, FILE},
};
use crate::{failure::Failure, provider::PaymentProvider};

impl Arguments {
    /// Returns what the file says.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::read(self.config.as_deref().unwrap_or(Path::new(FILE)))?;
        if let Some(url) = &self.url {
            config.app.url.clone_from(url);
        }
        config.check().map_err(|problem| Failure::usage(problem, "see `affitor prove --help`"))?;
        Ok(config)
    }
}

/// The URL of the app with its port, and the variable for the port.
pub(super) fn app_url(config: &Config) -> Result<(Url, Option<(String, String)>), Failure> {
    let unusable = |problem: String| Failure::usage(problem, "set `app.url` in affitor.toml, or --url");
    let is_free = config.app.url.contains("{port}");
    let port =
        if is_free { free_port().map_err(|error| unusable(format!("there is no free port: {error}")))? } else { 0 };
    let url = config.url(port).map_err(unusable)?;
    let number = url.port_or_known_default().unwrap_or_default().to_string();
    Ok((url, config.app.port.clone().map(|name| (name, number))))
}

/// Ports below those that systems give to whoever asks for any: another program must not get it before the app binds it, a moment later.
const PORTS: Range<u16> = 10_000..32_000;

fn free_port() -> io::Result<u16> {
    let bind = |port| Ok(TcpListener::bind(("127.0.0.1", port))?.local_addr()?.port());
    let found = (0..100).find_map(|_| bind(fastrand::u16(PORTS)).ok());
    found.map_or_else(|| bind(0), Ok)
}

/// A program id that the app may have in its templates, or that of the sandbox.
pub(super) fn program_id() -> u64 {
    env::var("AFFITOR_PROGRAM_ID").ok().and_then(|id| id.trim().parse().ok()).unwrap_or(42)
}

/// A webhook secret as the provider makes them.
pub(super) fn new_secret(provider: PaymentProvider) -> String {
    let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
    format!("{}{text}", provider.secret_prefix())
}

/// The secret that a running app was started with.
pub(super) fn existing_secret(variable: &str) -> Result<String, Failure> {
    let secret = env::var(variable).ok().filter(|secret| !secret.trim().is_empty());
    secret.ok_or_else(|| {
        let message = format!("{variable} is not set, so no webhook can be signed");
        Failure::usage(
            message,
            "set it to the secret that the running app has, or let `affitor prove -- COMMAND` start the app",
        )
    })
}
