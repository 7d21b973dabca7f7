//! `affitor init --write`: changes the project. What exists stays, unless `--force` is set.

use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::{
    detect::Detected,
    files,
    lines::Needed,
    manifest::Manifest,
    program::{Choice, Key},
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
    pub(crate) force: bool,
}

impl Plan<'_> {
    /// Writes all files. A file that can't be written does not stop the others.
    pub(crate) fn write(&self, project: &Project) -> Vec<FileResult> {
        let Choice { id, domain, .. } = self.program;
        let example = files::env_example(self.detected, self.service, id);
        let config = files::config(id, domain.as_deref(), self.service);
        let mut results = vec![
            self.add_dependencies(project),
            self.file(project, files::ENV_EXAMPLE, &example),
            self.file(project, files::SETTINGS, &files::settings(self.detected)),
        ];
        let ignored = ignore(project);
        let is_ignored = ignored.action != Action::Failed;
        results.push(ignored);
        results.push(self.config(project, &config));
        results.push(match &self.program.key {
            _ if !is_ignored => failed(files::SECRETS, "git would not ignore it".to_owned()),
            None => FileResult {
                path: files::SECRETS,
                action: Action::LeftAlone,
                note: Some("the program's key is not known".to_owned()),
            },
            Some(key) => self.secrets(project, key),
        });
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

    /// `.affitor/config.json`. One of the Node command, or with more fields, is as good.
    fn config(&self, project: &Project, text: &str) -> FileResult {
        let old = project.read(files::CONFIG).ok().flatten().and_then(|old| files::read_config(&old));
        let is_same = old.is_some_and(|(id, url)| id == self.program.id && url.is_none_or(|url| url == self.service));
        if is_same && !self.force {
            return FileResult { path: files::CONFIG, action: Action::Unchanged, note: None };
        }
        self.file(project, files::CONFIG, text)
    }

    /// `.affitor/.env`, which only the user can read.
    fn secrets(&self, project: &Project, key: &Key) -> FileResult {
        let path = files::SECRETS;
        let secret = key.secret.expose_secret();
        let text = files::secrets(&self.program.id, self.service, secret);
        let old = match project.read(path) {
            Err(reason) => return failed(path, reason),
            Ok(None) => return done(path, Action::Created, project.create(path, &text, Readers::User)),
            Ok(Some(old)) => old,
        };
        let variable = |name| files::variable(&old, name);
        let is_same =
            variable("AFFITOR_API_KEY") == Some(secret) && variable("AFFITOR_PROGRAM_ID") == Some(&self.program.id);
        if is_same && project.is_readable_by_others(path) {
            let result = done(path, Action::Updated, project.replace(path, &old, Readers::User));
            return FileResult { note: result.note.or(Some("other users could read it".to_owned())), ..result };
        }
        if is_same {
            return FileResult { path, action: Action::Unchanged, note: None };
        }
        if self.force {
            return done(path, Action::Updated, project.replace(path, &text, Readers::User));
        }
        let note = Some("it has another key; --force replaces it".to_owned());
        FileResult { path, action: Action::LeftAlone, note }
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

fn done(path: &'static str, action: Action, result: Result<(), String>) -> FileResult {
    match result {
        Ok(()) => FileResult { path, action, note: None },
        Err(reason) => failed(path, reason),
    }
}

fn failed(path: &'static str, reason: String) -> FileResult {
    FileResult { path, action: Action::Failed, note: Some(reason) }
}
