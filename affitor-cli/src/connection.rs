//! The service and the key, from flags or the environment.

use affitor::{Client, ClientBuilder};
use clap::Args;

use crate::ending::Failure;

/// Which service, and with which key.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// The program's key. Better in the environment: other users of the machine can see a command's flags
    #[arg(long, env = "AFFITOR_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// The service's address
    #[arg(long, env = "AFFITOR_API_URL", value_name = "URL", default_value = "https://api.affitor.com")]
    pub(crate) api_url: String,
    /// The program's id
    #[arg(long, env = "AFFITOR_PROGRAM_ID", value_name = "ID")]
    pub(crate) program_id: Option<String>,
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

impl Connection {
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        let key = self.api_key.as_deref().filter(|key| !key.trim().is_empty()).ok_or_else(|| {
            Failure::usage("there is no key", "set AFFITOR_API_KEY (for the sandbox: test_key), or give --api-key")
        })?;
        let mut builder = Client::builder().api_key(key).api_url(&self.api_url);
        if let Some(id) = &self.program_id {
            builder = builder.program_id(id);
        }
        Ok(builder)
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.builder()?.build()?)
    }
}
