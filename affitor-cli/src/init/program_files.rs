//! `.affitor/config.json` and `.affitor/.env`: both say which program the project is for, so they are changed together.

use secrecy::ExposeSecret as _;

use super::{
    env_file::{variable, with},
    files,
    git::Git,
    known::{base_url, is_program_id, is_same_service, service_of},
    program::{Key, KeyOrigin},
    project::{Project, Readers},
    write::{Action, FileResult, Plan, done, failed},
};
use crate::{
    account::keys::{self, is_key},
    failure::Failure,
    settings::DEFAULT_URL,
};

/// How a file compares with what it should say.
enum Found {
    Missing,
    Same,
    /// Nothing in it is wrong, but a part is missing.
    Incomplete,
    /// It says something else.
    Other(String),
}

/// Both files, as they are.
struct Old {
    config: Option<String>,
    secrets: Option<String>,
}

impl Plan<'_> {
    /// Writes both files, or leaves both alone if one belongs to another program or service and `--force` is not set.
    pub(super) fn program_files(&self, project: &Project, is_ignored: bool) -> [FileResult; 2] {
        let old = match (project.read(files::CONFIG), project.read(files::SECRETS)) {
            (Ok(config), Ok(secrets)) => Old { config, secrets },
            (config, secrets) => return [unreadable(files::CONFIG, config), unreadable(files::SECRETS, secrets)],
        };
        let (config, secrets) = (self.compare_config(&old), self.compare_secrets(&old));
        let reason = match (&config, &secrets) {
            // Without the key, the other program's would stay beside the new configuration.
            (_, Found::Other(_)) if self.program.key.is_none() => Some("the new program's key is not known".to_owned()),
            (Found::Other(reason), _) if !self.force => Some(format!("{} {reason}; --force changes it", files::CONFIG)),
            (_, Found::Other(reason)) if !self.force => {
                Some(format!("{} {reason}; --force changes it", files::SECRETS))
            }
            _ => None,
        };
        if let Some(reason) = reason {
            let result = |path, found: &Found| match found {
                Found::Same => FileResult { path, action: Action::Unchanged, note: None },
                _ => FileResult { path, action: Action::LeftAlone, note: Some(reason.clone()) },
            };
            return [result(files::CONFIG, &config), result(files::SECRETS, &secrets)];
        }
        let is_other = matches!(secrets, Found::Other(_));
        let secrets = match &self.program.key {
            None => FileResult {
                path: files::SECRETS,
                action: Action::LeftAlone,
                note: Some("the program's key is not known".to_owned()),
            },
            Some(_) if !is_ignored => failed(files::SECRETS, "git would not ignore it".to_owned()),
            Some(key) => self.secrets(project, key, &old, &secrets),
        };
        if is_other && secrets.action == Action::Failed {
            let note = Some(format!("{} could not be changed", files::SECRETS));
            return [FileResult { path: files::CONFIG, action: Action::LeftAlone, note }, secrets];
        }
        [self.config(project, &config), secrets]
    }

    /// One of the Node command, or with more fields, is as good.
    fn compare_config(&self, old: &Old) -> Found {
        let Some(text) = &old.config else { return Found::Missing };
        match files::read_config(text) {
            Some((id, _)) if id != self.program.id => Found::Other(of_program(&id)),
            Some((_, Some(url))) if !is_same_service(&url, self.base) => {
                Found::Other("is for another service".to_owned())
            }
            Some(_) => Found::Same,
            None => Found::Other("is not a configuration".to_owned()),
        }
    }

    fn compare_secrets(&self, old: &Old) -> Found {
        let Some(text) = &old.secrets else { return Found::Missing };
        let (key, id, url) = (variable(text, files::API_KEY), variable(text, files::PROGRAM_ID), service_of(text));
        let expected = self.program.key.as_ref();
        if let Some(id) = id.filter(|id| *id != self.program.id) {
            return Found::Other(of_program(id));
        }
        if url.is_some_and(|url| !is_same_service(url, self.base)) {
            return Found::Other("is for another service".to_owned());
        }
        if key.is_some_and(|key| expected.is_some_and(|expected| expected.secret.expose_secret() != key)) {
            return Found::Other("has another key".to_owned());
        }
        let names_service = url.is_some() || self.service == DEFAULT_URL;
        let is_unchecked = expected.is_some_and(|key| matches!(key.origin, KeyOrigin::Project { unchecked: Some(_) }));
        if !names_service && is_unchecked {
            return Found::Other(format!("names no service, so the app uses {DEFAULT_URL}"));
        }
        if key.is_some() && id.is_some() && names_service { Found::Same } else { Found::Incomplete }
    }

    fn config(&self, project: &Project, found: &Found) -> FileResult {
        let path = files::CONFIG;
        let text = files::config(&self.program.id, self.program.domain.as_deref(), self.service);
        match found {
            Found::Same | Found::Incomplete => FileResult { path, action: Action::Unchanged, note: None },
            Found::Missing => done(path, Action::Created, project.create(path, &text, Readers::Default)),
            Found::Other(_) => done(path, Action::Updated, project.replace(path, &text, Readers::Default)),
        }
    }

    /// Changes only the variables of the program. Only the user can read the file.
    fn secrets(&self, project: &Project, key: &Key, old: &Old, found: &Found) -> FileResult {
        let (path, secret) = (files::SECRETS, key.secret.expose_secret());
        if !is_key(secret) || !is_plain(self.service) {
            return failed(path, "the key or the URL has characters that a shell would interpret".to_owned());
        }
        if let Some(problem) = Git::ask(&project.root, path).problem(path) {
            return failed(path, problem);
        }
        let text = old.secrets.as_deref().unwrap_or(files::SECRETS_HEAD);
        let new = with(text, &files::secrets(&self.program.id, self.service, secret));
        match found {
            Found::Missing => return done(path, Action::Created, project.create(path, &new, Readers::User)),
            Found::Same if project.is_readable_by_others(path) => {
                let result = done(path, Action::Updated, project.replace(path, text, Readers::User));
                return FileResult { note: result.note.or(Some("other users could read it".to_owned())), ..result };
            }
            Found::Same => return FileResult { path, action: Action::Unchanged, note: None },
            Found::Incomplete | Found::Other(_) => {}
        }
        let note = match self.move_old_key(old) {
            Ok(note) => note,
            Err(reason) => return failed(path, reason),
        };
        let result = done(path, Action::Updated, project.replace(path, &new, Readers::User));
        FileResult { note: result.note.or(note), ..result }
    }

    /// Keeps the key of another program, which the service does not show again. Returns a note that says where.
    fn move_old_key(&self, old: &Old) -> Result<Option<String>, String> {
        let text = old.secrets.as_deref().unwrap_or_default();
        let Some(key) = variable(text, files::API_KEY) else { return Ok(None) };
        let config = old.config.as_deref().and_then(files::read_config);
        let (config_id, config_url) = config.map_or((None, None), |(id, url)| (Some(id), url));
        let id = variable(text, files::PROGRAM_ID).map(ToOwned::to_owned).or(config_id);
        let url = service_of(text).map(ToOwned::to_owned).or(config_url);
        let base = base_url(url.as_deref().unwrap_or(DEFAULT_URL));
        // A program has one key, and the service has accepted the new one.
        if id.as_deref() == Some(&*self.program.id) && base.as_ref() == Some(self.base) {
            return Ok(None);
        }
        let (Some(id), Some(base), true) = (id.filter(|id| is_program_id(id)), base, is_key(key)) else {
            return Err("it does not say which program its key is for: move the key elsewhere".to_owned());
        };
        let message = |failure: Failure| failure.message;
        match keys::load(&base, &id).map_err(message)? {
            Some((kept, path)) if kept.expose_secret() == key => {
                return Ok(Some(format!("the key of program {id} is in {}", path.display())));
            }
            Some((_, path)) => {
                return Err(format!("{} has another key of program {id}: move one of them elsewhere", path.display()));
            }
            None => {}
        }
        let reserved = keys::vault().and_then(|vault| vault.reserve()).map_err(message)?;
        let path = keys::keep(reserved, &base, &id, &key.into()).map_err(message)?;
        Ok(Some(format!("the key of program {id} was moved to {}", path.display())))
    }
}

fn of_program(id: &str) -> String {
    if is_program_id(id) { format!("is for program {id}") } else { "is for another program".to_owned() }
}

/// Whether a shell takes the URL as it is.
fn is_plain(url: &str) -> bool {
    url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/._~%-[]".contains(&byte))
}

fn unreadable(path: &'static str, read: Result<Option<String>, String>) -> FileResult {
    match read {
        Err(reason) => failed(path, reason),
        Ok(_) => {
            let note = Some("the other file in .affitor can't be used".to_owned());
            FileResult { path, action: Action::LeftAlone, note }
        }
    }
}
