//! Commands of a feature that this build does not have: they say how to get it.

use std::ffi::OsString;

use clap::Args;

use crate::failure::Failure;

/// How to install the command with the feature.
pub(crate) const INSTALL: &str = "cargo install affitor-cli --features outbox";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Accepts everything, so that the failure is the same for each subcommand.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<OsString>,
}

impl Arguments {
    /// Whether `--json` is among the arguments.
    pub(crate) fn json(&self) -> bool {
        self.rest.iter().any(|argument| argument == "--json")
    }
}

pub(crate) fn failure(command: &str) -> Failure {
    Failure::usage(
        format!("this `affitor` was installed without the feature `outbox`, which `affitor {command}` needs"),
        format!("run `{INSTALL}`, or in a clone `cargo install --path affitor-cli --features outbox`, with Rust 1.95"),
    )
}

/// The end of the commands' help.
pub(crate) fn help() -> String {
    format!("Needs the feature `outbox` and Rust 1.95:\n  {INSTALL}")
}
