//! Exit codes of the command.

use std::process::ExitCode;

/// Exit code of the command: one for each case that a script may want to handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    Unreachable = 3,
    KeyRejected = 4,
    RetryLater = 5,
}

impl Exit {
    const ALL: [Self; 6] =
        [Self::Success, Self::Failed, Self::Usage, Self::Unreachable, Self::KeyRejected, Self::RetryLater];

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// The `kind` of an error in JSON output.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::KeyRejected => "key_rejected",
            Self::RetryLater => "retry_later",
        }
    }

    /// The meaning that is common to all commands.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "Success: done, verified, or no problem found",
            Self::Failed => "Failure: not recorded, not verified, or a problem was found",
            Self::Usage => "Invalid arguments or settings, or a port or file that cannot be used",
            Self::Unreachable => "The service is unreachable or failing, or the URL is not an Affitor service",
            Self::KeyRejected => "The service rejected the API key",
            Self::RetryLater => "The service asked to retry later; the message says when",
        }
    }
}

/// Exit codes of one command, with their meanings.
pub(crate) type ExitCodes = &'static [(Exit, &'static str)];

/// Exit codes of a command that calls the service.
pub(crate) const fn codes(success: &'static str, failed: &'static str) -> [(Exit, &'static str); 6] {
    [
        (Exit::Success, success),
        (Exit::Failed, failed),
        (Exit::Usage, Exit::Usage.meaning()),
        (Exit::Unreachable, Exit::Unreachable.meaning()),
        (Exit::KeyRejected, Exit::KeyRejected.meaning()),
        (Exit::RetryLater, Exit::RetryLater.meaning()),
    ]
}

/// The help text for one command's exit codes.
pub(crate) fn help(codes: ExitCodes) -> String {
    listed(codes.iter().copied())
}

/// The help text for the exit codes of all commands.
pub(crate) fn general_help() -> String {
    let codes = listed(Exit::ALL.into_iter().map(|exit| (exit, exit.meaning())));
    format!("{codes}\n\nSee `affitor <command> --help` for what 0 and 1 mean.")
}

fn listed(codes: impl Iterator<Item = (Exit, &'static str)>) -> String {
    let lines: Vec<String> = codes.map(|(exit, meaning)| format!("  {}  {meaning}", exit as u8)).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_readme_lists_every_exit_code() {
        for exit in Exit::ALL {
            let kind = if exit == Exit::Success { String::new() } else { format!("`{}` ", exit.kind()) };
            let row = format!("| {} | {kind}| {} |", exit as u8, exit.meaning());
            assert!(include_str!("../README.md").contains(&row), "missing from the README: {row}");
        }
    }
}
