//! The groups in which `affitor --help` lists the commands.

use std::fmt::Write as _;

use clap::Command;

/// Each command, in the order in which it is shown.
const GROUPS: &[(&str, &[&str])] = &[
    ("Integrate", &["sandbox", "init", "prove", "doctor", "test"]),
    ("Your account and program", &["login", "logout", "whoami", "programs", "key", "status"]),
    ("Operate, in the app's database", &["outbox", "payments"]),
    ("The command itself", &["completions", "man", "help"]),
];

/// Replaces the list of commands in the help by their groups.
pub(crate) fn add(command: Command) -> Command {
    let built = with_help(&command);
    let header = command.get_styles().get_header().to_owned();
    let literal = command.get_styles().get_literal().to_owned();
    let mut groups = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(groups, "{header}{group}:{header:#}");
        for found in names.iter().filter_map(|name| built.find_subcommand(name)) {
            let about = found.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(groups, "  {literal}{:<12}{literal:#} {about}", found.get_name());
        }
        groups.push('\n');
    }
    command.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

/// The command with its subcommand `help`, which is added when it is built.
fn with_help(command: &Command) -> Command {
    let mut built = command.clone();
    built.build();
    built
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, with_help};

    #[test]
    fn every_command_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let command = with_help(&crate::command());
        for command in command.get_subcommands() {
            let name = command.get_name();
            assert_eq!(grouped.iter().filter(|known| **known == name).count(), 1, "{name}");
        }
        assert_eq!(grouped.len(), command.get_subcommands().count());
    }
}
