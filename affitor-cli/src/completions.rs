//! `affitor completions`: prints a script with which a shell completes the command's arguments.

use clap::{Args, ValueEnum as _};
use clap_complete::Shell;
use serde_json::json;

use crate::{
    exit::{Exit, ExitCodes},
    output::Output,
};

pub(crate) const EXIT_CODES: ExitCodes =
    &[(Exit::Success, "The script was printed"), (Exit::Usage, "The shell is not supported")];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Shell that reads the script
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::command(), "affitor", &mut script);
    let script = String::from_utf8_lossy(&script);
    let name = arguments.shell.to_possible_value().map(|value| value.get_name().to_owned());
    output.document(&json!({ "shell": name, "script": script }));
    output.line(script.trim_end());
    Exit::Success
}

#[cfg(test)]
mod tests {
    use clap::{Command, ValueEnum as _};

    use super::Shell;

    /// Names of all subcommands and long flags.
    fn names(command: &Command, names: &mut Vec<(bool, String)>) {
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()).filter_map(|flag| flag.get_long()) {
            names.push((true, flag.to_owned()));
        }
        for subcommand in command.get_subcommands() {
            names.push((false, subcommand.get_name().to_owned()));
            self::names(subcommand, names);
        }
    }

    #[test]
    fn the_scripts_name_every_command_and_flag() {
        let mut expected = Vec::new();
        names(&crate::command(), &mut expected);
        assert!(expected.len() > 20, "{expected:?}");
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut crate::command(), "affitor", &mut script);
            let script = String::from_utf8(script).unwrap();
            for (is_flag, name) in &expected {
                let text = match (is_flag, shell) {
                    (true, Shell::Fish) => format!("-l {name}"),
                    (true, _) => format!("--{name}"),
                    (false, _) => name.clone(),
                };
                assert!(script.contains(&text), "{shell} lacks {text}");
            }
        }
    }
}
