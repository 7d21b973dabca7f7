//! Settings of commands that call the service as a person, not with a program's key.

use clap::Args;

use super::{API_URL, ConnectionArgs, DEFAULT_URL, PROGRAM_ID, Settings};

/// The flag of commands that need only the service's URL.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServiceArgs {
    #[arg(long, value_name = "URL", help = format!("{} [default: {DEFAULT_URL}]", API_URL.help("URL of the service")))]
    api_url: Option<String>,
}

/// Flags of commands that need the service's URL and a program.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProgramArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[arg(long, value_name = "ID", help = PROGRAM_ID.help("Program id"))]
    program_id: Option<String>,
}

impl ProgramArgs {
    /// The settings. The key comes from the environment only.
    pub(crate) fn settings(&self) -> Settings {
        let (api_url, program_id) = (self.service.api_url.clone(), self.program_id.clone());
        ConnectionArgs { api_key: None, api_url, program_id }.settings()
    }
}

impl ServiceArgs {
    /// The settings. Key and program id come from the environment only.
    pub(crate) fn settings(&self) -> Settings {
        ConnectionArgs { api_key: None, api_url: self.api_url.clone(), program_id: None }.settings()
    }
}
