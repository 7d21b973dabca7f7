//! `affitor man`: manual pages, generated from the same definitions as the help.

use std::{fs, io, path::PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{Exit, ExitCodes},
    failure::Failure,
    format::count,
    output::Output,
};

pub(crate) const EXIT_CODES: ExitCodes =
    &[(Exit::Success, "The pages were printed or written"), (Exit::Usage, "The pages cannot be written to the folder")];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Folder to write one page per command to; it is created if it is missing [default: print the main page]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let pages = pages(&crate::command()).map_err(|error| cannot_write("the manual page", &error))?;
    let Some(folder) = &arguments.out else {
        if let Some(page) = pages.first() {
            output.document(&json!({ "name": page.name, "page": page.text }));
            output.line(page.text.trim_end());
        }
        return Ok(Exit::Success);
    };
    let failed = |error: io::Error| cannot_write(&folder.display().to_string(), &error);
    fs::create_dir_all(folder).map_err(failed)?;
    for page in &pages {
        fs::write(folder.join(&page.name), &page.text).map_err(failed)?;
    }
    let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    output.document(&json!({ "folder": folder, "pages": names }));
    let written = format!("{} written to {}", count(pages.len() as u64, "page"), folder.display());
    output.status(CheckStatus::Passed, &written);
    Ok(Exit::Success)
}

fn cannot_write(what: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot write {what}: {}", error.kind()), "choose another folder with --out")
}

/// The page of one command.
struct Page {
    /// File name, such as `affitor-doctor.1`.
    name: String,
    text: String,
}

/// Returns the page of the command, then those of its subcommands.
fn pages(command: &Command) -> io::Result<Vec<Page>> {
    // Without it, each command would have pages about `help`.
    let mut command = command.clone().disable_help_subcommand(true);
    // Gives subcommands their full names.
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let mut text = Vec::new();
    let page = Man::new(command.clone()).manual("Affitor").source(concat!("affitor ", env!("CARGO_PKG_VERSION")));
    page.render(&mut text)?;
    pages.push(Page { name: page.get_filename(), text: String::from_utf8_lossy(&text).into_owned() });
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| add_pages(command, pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a page without its markup: hyphens are escaped there.
    fn plain(page: &Page) -> String {
        page.text.replace('\\', "")
    }

    fn check(command: &Command, name: &str, pages: &[Page]) {
        let page =
            pages.iter().find(|page| page.name == format!("{name}.1")).unwrap_or_else(|| panic!("no page {name}"));
        let text = plain(page);
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()).filter_map(|flag| flag.get_long()) {
            assert!(text.contains(&format!("--{flag}")), "{name} lacks --{flag}");
        }
        for subcommand in command.get_subcommands() {
            let name = format!("{name}-{}", subcommand.get_name());
            assert!(text.contains(&name), "the page lacks {name}");
            check(subcommand, &name, pages);
        }
    }

    #[test]
    fn the_pages_name_every_command_and_flag() {
        let command = crate::command();
        let pages = pages(&command).unwrap();
        assert_eq!(pages[0].name, "affitor.1");
        check(&command, "affitor", &pages);
        assert!(pages.iter().all(|page| plain(page).contains("Examples:")));
    }
}
