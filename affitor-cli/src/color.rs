//! Whether output is colored: the command's own, clap's errors and its help.

use std::ffi::OsString;

use clap::{ColorChoice, ValueEnum as _};

/// Applies the choice to everything that is printed from now on. With `Auto`, colors are used on terminals that support them;
/// `NO_COLOR` and `CLICOLOR_FORCE` override that.
pub(crate) fn set(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Finds `--color` in arguments that clap has not parsed yet, because its errors and its help are colored too. An invalid
/// choice is ignored here: clap reports it.
pub(crate) fn requested(arguments: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    let mut choice = ColorChoice::Auto;
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else { continue };
        let value = match text.strip_prefix("--color=") {
            Some(value) => Some(value.to_owned()),
            None if text == "--color" => arguments.next().and_then(|value| value.into_string().ok()),
            None => None,
        };
        choice = value.and_then(|value| ColorChoice::from_str(&value, false).ok()).unwrap_or(choice);
    }
    choice
}
