//! Settings of commands that call the service as a person, not with a program's key.

use clap::Args;

use super::{API_URL, ConnectionArgs, DEFAULT_URL, Settings};

/// The flag of commands that need only the service's URL.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServiceArgs {
    #[arg(long, value_name = "URL", help = format!("{} [default: {DEFAULT_URL}]", API_URL.help("URL of the service")))]
    api_url: Option<String>,
}

impl ServiceArgs {
    /// The settings. Key and program id come from the environment only.
    pub(crate) fn settings(&self) -> Settings {
        ConnectionArgs { api_key: None, api_url: self.api_url.clone(), program_id: None }.settings()
    }
}
