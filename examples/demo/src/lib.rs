//! All that the demo runs, so that tests can run it as well: a sandbox of the service, the sign-up app, the checkout app, and
//! a payment provider.

mod apps;

use std::io;

pub use apps::{Apps, Options};
use clap::ValueEnum;

/// What goes wrong at the start.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// A visitor comes by a partner's link.
    Click,
    /// They sign up.
    Lead,
    /// They pay.
    Sale,
    /// They get their money back.
    Refund,
}

impl Step {
    /// Its name, as the demo prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Lead => "lead",
            Self::Sale => "sale",
            Self::Refund => "refund",
        }
    }
}

/// Says whose port is taken, and how to choose another.
fn taken(app: &str, flag: &str, port: u16, error: &io::Error) -> BoxError {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken, and the {app} wants it: choose another with {flag} (0 for a free one)")
                .into()
        }
        _ => format!("the {app} can't listen on port {port}: {error}").into(),
    }
}
