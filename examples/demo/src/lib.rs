//! The servers of the demo, which tests use too: a sandbox of the service, the sign-up app, the checkout app, and a payment
//! provider.

mod apps;

use std::io;

pub use apps::{Apps, Options};
use clap::ValueEnum;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// A visitor follows a partner's link.
    Click,
    /// The visitor signs up.
    Lead,
    /// The visitor pays.
    Sale,
    /// The visitor gets a refund.
    Refund,
}

impl Step {
    /// Returns the name that the demo prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Lead => "lead",
            Self::Sale => "sale",
            Self::Refund => "refund",
        }
    }
}

/// Says which app can't listen on its port, and how to choose another.
fn listen_error(app: &str, flag: &str, port: u16, error: &io::Error) -> BoxError {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "the {app} can't listen on port {port}, which is in use: choose another with {flag} (0 for any free port)"
        )
        .into(),
        _ => format!("the {app} can't listen on port {port}: {error}").into(),
    }
}
