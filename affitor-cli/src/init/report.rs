//! What `affitor init` prints. No key is in it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    detect::Detected,
    files,
    git::Git,
    lines::Step,
    program::{Choice, KeyOrigin},
    write::{Action, FileResult},
};
use crate::{
    check::CheckStatus,
    output::{BOLD, DIM, Output},
    shell::{self, quoted},
};

/// Where the program's key is.
#[derive(Debug)]
pub(crate) enum KeyState {
    /// In the project's `.affitor/.env`, and whether git would commit that.
    Project(Git),
    /// In the user's configuration directory.
    Kept(PathBuf),
    /// In this variable.
    Environment(&'static str),
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Report<'r> {
    pub(crate) package: &'r str,
    pub(crate) detected: &'r Detected,
    /// Lines of `Cargo.toml`.
    pub(crate) dependencies: Vec<String>,
    /// The flag `--source`, as it was given.
    pub(crate) source: Option<String>,
    /// Whether a dependency must be added.
    pub(crate) needs_source: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) program: &'r Choice,
    pub(crate) service: &'r str,
    /// `None` without `--write`.
    pub(crate) files: Option<&'r [FileResult]>,
    pub(crate) key: &'r KeyState,
    pub(crate) path: &'r Path,
    pub(crate) force: bool,
    /// The arguments that name the service, if there were any.
    pub(crate) url_arguments: String,
}

impl Report<'_> {
    pub(crate) fn print(&self, output: Output) {
        output.document(&self.document());
        self.print_findings(output);
        self.print_steps(output);
        self.print_files(output);
        self.print_key(output);
        output.line(&format!("next: {BOLD}{}{BOLD:#}", self.next()));
    }

    fn document(&self) -> Value {
        let Choice { id, name, domain, was_created, .. } = self.program;
        let (state, path) = match self.key {
            KeyState::Project(_) => ("in_project", Some(files::SECRETS.to_owned())),
            KeyState::Kept(path) => ("kept", Some(path.display().to_string())),
            KeyState::Environment(_) => ("in_environment", None),
            KeyState::Unknown => ("unknown", None),
        };
        json!({
            "package": self.package,
            "service": self.service,
            "program": { "id": id, "name": name, "domain": domain, "created": was_created },
            "detected": self.detected,
            "dependencies": self.dependencies,
            "steps": self.steps,
            "files": self.files,
            "key": { "state": state, "path": path, "not_checked": self.unchecked() },
            "next": self.next(),
        })
    }

    /// Why the service was not asked about the key in the project.
    fn unchecked(&self) -> Option<&str> {
        match &self.program.key.as_ref()?.origin {
            KeyOrigin::Project { unchecked } => unchecked.as_deref(),
            _ => None,
        }
    }

    fn print_findings(&self, output: Output) {
        let Choice { id, name, domain, was_created, .. } = self.program;
        let details: Vec<&str> = [name, domain].into_iter().flatten().map(String::as_str).collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        let created = if *was_created { ", created" } else { "" };
        output.status(CheckStatus::Passed, &format!("program {id}{details} at {}{created}", self.service));
        let Detected { framework, library, database, providers, notes, .. } = self.detected;
        let library = library.map(|library| match database {
            Some(database) => format!("{} with {}", library.name(), database.name()),
            None => library.name().to_owned(),
        });
        let found: Vec<String> = framework
            .map(|framework| framework.name().to_owned())
            .into_iter()
            .chain(library)
            .chain(providers.iter().map(|provider| provider.name().to_owned()))
            .collect();
        if framework.is_none() {
            let message =
                format!("{}: no supported framework found (axum, actix-web, hyper, tonic or tower)", self.package);
            output.status(CheckStatus::Warning, &message);
            output.hint("for another one, see `affitor::adapter`; it may also be a dependency of another package");
        } else {
            output.status(CheckStatus::Passed, &format!("{}: {}", self.package, found.join(", ")));
        }
        for note in notes {
            output.status(CheckStatus::Warning, note);
        }
    }

    fn print_steps(&self, output: Output) {
        if self.steps.is_empty() {
            return;
        }
        output.line("");
        output.line(&format!("{BOLD}Cargo.toml{BOLD:#} {DIM}[dependencies]{DIM:#}"));
        print_code(&self.dependencies.join("\n"), output);
        for (number, Step { title, place, lines }) in (1..).zip(&self.steps) {
            output.line(&format!("{BOLD}{number}. {title}{BOLD:#} {DIM}({place}){DIM:#}"));
            print_code(lines, output);
        }
    }

    fn print_files(&self, output: Output) {
        for FileResult { path, action, note } in self.files.into_iter().flatten() {
            let (status, verb) = match action {
                Action::Created => (CheckStatus::Passed, "created"),
                Action::Updated => (CheckStatus::Passed, "updated"),
                Action::Unchanged => (CheckStatus::Skipped, "unchanged"),
                Action::LeftAlone => (CheckStatus::Warning, "left alone"),
                Action::Failed => (CheckStatus::Failed, "not written"),
            };
            let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            output.status(status, &format!("{path} {verb}{note}"));
        }
        if self.files.is_none() {
            output.status(CheckStatus::Skipped, "nothing in the project was changed");
        }
    }

    fn print_key(&self, output: Output) {
        match self.key {
            KeyState::Project(git) => {
                let ignored = if *git == Git::Ignores { ", which git ignores" } else { "" };
                output.line(&format!("the program's key is in {}{ignored}", files::SECRETS));
                if let Some(problem) = git.problem(files::SECRETS) {
                    output.status(CheckStatus::Warning, &problem);
                }
                if let Some(reason) = self.unchecked() {
                    output.status(CheckStatus::Warning, &format!("the key was not checked: {reason}"));
                }
                output.hint(&format!(
                    "start the app with it: ({}set -a && . {} && cargo run)",
                    self.change_folder(),
                    files::SECRETS
                ));
            }
            KeyState::Kept(path) => {
                output.line(&format!("the program's key is in {} (only you can read it)", path.display()));
                output.hint("--write moves it into the project");
            }
            KeyState::Environment(source) => output.line(&format!("the program's key is in {source}")),
            KeyState::Unknown => {
                output.status(CheckStatus::Warning, "the program's key is not known: the service shows it only once");
                output
                    .hint("copy it from where it is used, or make a new one in the dashboard, which ends the old one");
                output.hint("then run this again with the key in AFFITOR_API_KEY");
            }
        }
    }

    /// The next command to run. After a failure, the same one once more.
    fn next(&self) -> String {
        let has_failed = self.files.into_iter().flatten().any(|file| file.action == Action::Failed);
        if self.files.is_some() && !has_failed {
            return format!("{}affitor prove -- cargo run", self.change_folder());
        }
        let source = match (&self.source, self.needs_source) {
            (Some(source), _) => format!(" --source {}", quoted(source)),
            (None, true) => " --source path=DIR".to_owned(),
            (None, false) => String::new(),
        };
        let force = if self.force { " --force" } else { "" };
        let path = if self.is_here() { String::new() } else { format!(" {}", shell::path(self.path)) };
        format!("affitor init --write{force} --program-id {}{source}{}{path}", self.program.id, self.url_arguments)
    }

    fn is_here(&self) -> bool {
        self.path == Path::new(".")
    }

    /// What makes the app's folder the current one.
    fn change_folder(&self) -> String {
        if self.is_here() { String::new() } else { format!("cd {} && ", shell::path(self.path)) }
    }
}

fn print_code(lines: &str, output: Output) {
    for line in lines.lines() {
        output.line(format!("    {line}").trim_end());
    }
    output.line("");
}
