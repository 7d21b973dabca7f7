//! `affitor init --write`: changes the project. What exists stays, unless `--force` is set.

use reqwest::Url;
use serde::Serialize;

use super::{
    dependency::Needed,
    detect::Detected,
    env_file::with_missing,
    files,
    manifest::Manifest,
    program::Choice,
    project::{Project, Readers},
    source::{Presence, Source, add, presence},
};

/// What became of one file.
#[derive(Debug, Serialize)]
pub(crate) struct FileResult {
    pub(crate) path: &'static str,
    pub(crate) action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Created,
    Updated,
    /// It is as it should be.
    Unchanged,
    /// It exists with another content.
    LeftAlone,
    Failed,
}

/// What the files are written from.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    pub(crate) manifest: &'p Manifest,
    pub(crate) detected: &'p Detected,
    pub(crate) needed: &'p [Needed],
    /// `None` if nothing has to be added.
    pub(crate) source: Option<&'p Source>,
    pub(crate) program: &'p Choice,
    pub(crate) service: &'p str,
    /// The service's URL, with a trailing slash.
    pub(crate) base: &'p Url,
    pub(crate) force: bool,
}

impl Plan<'_> {
    /// Writes all files. A file that can't be written does not stop the others.
    pub(crate) fn write(&self, project: &Project) -> Vec<FileResult> {
        let mut results = vec![self.add_dependencies(project), self.env_example(project), self.settings(project)];
        let ignored = ignore(project);
        let is_ignored = ignored.action != Action::Failed;
        results.push(ignored);
        results.extend(self.program_files(project, is_ignored));
        results
    }

    fn add_dependencies(&self, project: &Project) -> FileResult {
        let path = "Cargo.toml";
        let dependencies = &self.manifest.dependencies;
        let mut missing = Vec::new();
        let mut notes = Vec::new();
        for needed in self.needed {
            match presence(dependencies, needed) {
                Presence::Missing => missing.push(needed.clone()),
                Presence::Present => {}
                Presence::Without(features) => {
                    notes.push(format!("add the features {} to {}", features.join(", "), needed.package));
                }
            }
        }
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let Some(source) = self.source.filter(|_| !missing.is_empty()) else {
            let action = if note.is_some() { Action::LeftAlone } else { Action::Unchanged };
            return FileResult { path, action, note };
        };
        let written = match project.read(path) {
            // Somebody may have changed it since it was read.
            Ok(Some(text)) if text == self.manifest.text => add(&self.manifest.document, &text, source, &missing)
                .map_err(|failure| failure.message)
                .and_then(|text| project.replace(path, &text, Readers::Default)),
            Ok(_) => Err("it has just changed".to_owned()),
            Err(reason) => Err(reason),
        };
        match written {
            Ok(()) => FileResult { path, action: Action::Updated, note },
            Err(reason) => failed(path, reason),
        }
    }

    /// Adds the variables that `.env.example` lacks. What is there stays, also with `--force`.
    fn env_example(&self, project: &Project) -> FileResult {
        let path = files::ENV_EXAMPLE;
        let example = files::env_example(self.detected, self.service, &self.program.id);
        match project.read(path) {
            Err(reason) => failed(path, reason),
            Ok(None) => done(path, Action::Created, project.create(path, &example, Readers::Default)),
            Ok(Some(old)) => match with_missing(&old, &example) {
                None => FileResult { path, action: Action::Unchanged, note: None },
                Some(new) => done(path, Action::Updated, project.replace(path, &new, Readers::Default)),
            },
        }
    }

    /// Writes affitor.toml. One that is there gets the webhook of a payment provider that was added since.
    fn settings(&self, project: &Project) -> FileResult {
        let path = files::SETTINGS;
        match project.read(path) {
            Ok(Some(old)) if !self.force => match files::with_webhook(&old, self.detected) {
                Some(new) => done(path, Action::Updated, project.replace(path, &new, Readers::Default)),
                None => self.file(project, path, &files::settings(self.detected)),
            },
            _ => self.file(project, path, &files::settings(self.detected)),
        }
    }

    /// Writes a file, unless another one is there.
    fn file(&self, project: &Project, path: &'static str, text: &str) -> FileResult {
        match project.read(path) {
            Err(reason) => failed(path, reason),
            Ok(None) => done(path, Action::Created, project.create(path, text, Readers::Default)),
            Ok(Some(old)) if old == text => FileResult { path, action: Action::Unchanged, note: None },
            Ok(Some(_)) if self.force => done(path, Action::Updated, project.replace(path, text, Readers::Default)),
            Ok(Some(_)) => {
                let note = Some("it exists; --force replaces it".to_owned());
                FileResult { path, action: Action::LeftAlone, note }
            }
        }
    }
}

/// Whether `.affitor/.env` has the key now.
pub(crate) fn has_key(results: &[FileResult]) -> bool {
    let stored = [Action::Created, Action::Updated, Action::Unchanged];
    results.iter().any(|result| result.path == files::SECRETS && stored.contains(&result.action))
}

/// Adds `.affitor/` to `.gitignore`.
fn ignore(project: &Project) -> FileResult {
    let path = files::GITIGNORE;
    let old = match project.read(path) {
        Err(reason) => return failed(path, reason),
        Ok(old) => old,
    };
    match files::gitignore(old.as_deref().unwrap_or_default()) {
        None => FileResult { path, action: Action::Unchanged, note: None },
        Some(text) => {
            let action = if old.is_some() { Action::Updated } else { Action::Created };
            done(path, action, project.replace(path, &text, Readers::Default))
        }
    }
}

pub(super) fn done(path: &'static str, action: Action, result: Result<(), String>) -> FileResult {
    match result {
        Ok(()) => FileResult { path, action, note: None },
        Err(reason) => failed(path, reason),
    }
}

pub(super) fn failed(path: &'static str, reason: String) -> FileResult {
    FileResult { path, action: Action::Failed, note: Some(reason) }
}
