//! Which program the project is for: one that exists, or a new one.

use std::{path::PathBuf, time::Duration};

use affitor::Client;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    files,
    known::{Known, is_program_id},
    new_program::NewProgramArgs,
    prompt::ask,
};
use crate::{
    account::{
        api::{Api, Program, Programs},
        keys,
        login::{self, LoginOptions, is_interactive},
        programs::{describe, list},
        session::Session,
        session_or_failure,
    },
    exit::Exit,
    failure::Failure,
    format::count,
    output::Output,
    sanitize::{printable, sanitized},
    settings::{SAME_PROGRAM_HINT, Settings},
};

const LOGIN_WAIT: Duration = Duration::from_secs(600);

/// Flags that choose or describe the program.
#[derive(Args, Debug)]
pub(crate) struct ProgramArgs {
    /// Use your program with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "domain"])]
    program_id: Option<String>,
    #[command(flatten)]
    new: NewProgramArgs,
}

/// The program that was chosen.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) was_created: bool,
    pub(crate) key: Option<Key>,
}

/// The program's key, if it is known.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) secret: SecretString,
    pub(crate) origin: KeyOrigin,
}

#[derive(Debug)]
pub(crate) enum KeyOrigin {
    /// In the user's configuration directory.
    Kept(PathBuf),
    /// The variable that has it.
    Environment(&'static str),
    /// In the project's `.affitor/.env`.
    Project {
        /// Why the service was not asked whether the key is right, if it was not.
        unchecked: Option<String>,
    },
}

/// Chooses or creates the program. Logs in only if that is necessary.
pub(crate) async fn choose(
    arguments: &ProgramArgs,
    known: Known,
    settings: &Settings,
    api: &Api<'_>,
    output: Output,
) -> Result<Choice, Failure> {
    if arguments.new.is_requested() {
        let session = session(api, output).await?;
        let programs = list(api, &session).await?.list;
        return create(arguments, &programs, &known, settings, api, &session, output).await;
    }
    let in_environment = settings.program_id.as_ref().map(|id| id.value().to_owned());
    let wanted = arguments.program_id.clone().or(in_environment).or(known.program_id.clone());
    if settings.key.is_some() {
        return of_key(settings, wanted.as_deref()).await;
    }
    if let (Some(id), Some(secret)) = (&known.program_id, &known.key)
        && wanted.as_ref() == Some(id)
    {
        return of_project(id, secret, known.names_service, settings, api).await;
    }
    let session = session(api, output).await?;
    let Programs { list: programs, unreadable } = list(api, &session).await?;
    if unreadable > 0 {
        // Standard output is for the result.
        anstream::eprintln!("{} could not be read, and can't be chosen", count(unreadable, "program"));
    }
    let chosen = match wanted {
        Some(id) => programs.into_iter().find(|program| program.id == id).ok_or_else(|| {
            let message = format!("you have no program {:?} at {}", printable(&id), api.service());
            Failure::new(Exit::Failed, message, "`affitor programs` lists yours")
        })?,
        None => match ask_which(programs, output).await? {
            Some(program) => program,
            None => return create(arguments, &[], &known, settings, api, &session, output).await,
        },
    };
    existing(chosen, &known, settings, api).await
}

/// The session, after a login if nobody is logged in and a person can be asked.
async fn session(api: &Api<'_>, output: Output) -> Result<Session, Failure> {
    if is_interactive(output) && Session::load(&api.base)?.is_none() {
        let options = LoginOptions { open_browser: true, quiet_stdout: true, wait: LOGIN_WAIT };
        return login::login(api, options, output).await;
    }
    session_or_failure(api)
}

/// The program of the key in the environment.
async fn of_key(settings: &Settings, wanted: Option<&str>) -> Result<Choice, Failure> {
    let client = settings.client()?;
    let readiness = client.readiness().await.map_err(|error| settings.failure(&error))?;
    let readiness = sanitized(readiness, settings.secret());
    let id = readiness.program_id.filter(|id| is_program_id(id)).ok_or_else(|| {
        Failure::new(
            Exit::Unreachable,
            "the service does not say which program the key belongs to",
            "name it: --program-id ID",
        )
    })?;
    let key =
        settings.key.as_ref().map(|key| Key { secret: key.value().into(), origin: KeyOrigin::Environment(key.source) });
    if let Some(wanted) = wanted.filter(|wanted| *wanted != id) {
        let source = settings.key.as_ref().map_or("AFFITOR_API_KEY", |key| key.source);
        let message = format!("the key in {source} belongs to program {id}, not to {}", settings.quoted(wanted));
        return Err(Failure::new(Exit::Failed, message, SAME_PROGRAM_HINT));
    }
    Ok(Choice { id, name: None, domain: None, was_created: false, key })
}

/// The program of the key in the project, which only the service that the project names may see.
async fn of_project(
    id: &str,
    secret: &SecretString,
    names_service: bool,
    settings: &Settings,
    api: &Api<'_>,
) -> Result<Choice, Failure> {
    let unchecked = if names_service {
        check_key(id, secret.expose_secret(), settings, api).await?
    } else {
        Some(format!("the files in .affitor do not say that it is for {}", api.service()))
    };
    let key = Some(Key { secret: secret.clone(), origin: KeyOrigin::Project { unchecked } });
    Ok(Choice { id: id.to_owned(), name: None, domain: None, was_created: false, key })
}

/// Asks the service whether it is the program's key. Returns the reason if it could not be asked.
async fn check_key(id: &str, key: &str, settings: &Settings, api: &Api<'_>) -> Result<Option<String>, Failure> {
    let client = Client::builder().api_url(api.service()).api_key(key).build();
    let readiness = match client {
        Ok(client) => client.readiness().await,
        Err(error) => Err(error),
    };
    match readiness {
        Ok(readiness) => match sanitized(readiness, Some(key)).program_id {
            Some(program) if program == id => Ok(None),
            Some(program) => Err(Failure::new(
                Exit::Failed,
                format!("the key in {} belongs to program {program}, not to {id}", files::SECRETS),
                SAME_PROGRAM_HINT,
            )),
            None => Ok(Some("the service does not say which program it belongs to".to_owned())),
        },
        Err(error) if error.is_unauthorized() => Err(Failure::new(
            Exit::KeyRejected,
            format!("the service rejected the key in {} (a new key ends the old one at once)", files::SECRETS),
            "set AFFITOR_API_KEY to the program's key, and add --write --force",
        )),
        Err(error) => Ok(Some(printable(&settings.failure(&error).message).replace(key, "(not shown)"))),
    }
}

/// A program of the list, with its key if it is in the project, or was created here.
async fn existing(program: Program, known: &Known, settings: &Settings, api: &Api<'_>) -> Result<Choice, Failure> {
    let Program { id, name, domain, .. } = program;
    if !is_program_id(&id) {
        return Err(unusable_id());
    }
    if let (Some(secret), true) = (&known.key, known.program_id.as_ref() == Some(&id)) {
        let choice = of_project(&id, secret, known.names_service, settings, api).await?;
        return Ok(Choice { name, domain, ..choice });
    }
    let key = keys::load(&api.base, &id)?.map(|(secret, path)| Key { secret, origin: KeyOrigin::Kept(path) });
    Ok(Choice { id, name, domain, was_created: false, key })
}

/// The only program, the one that the person chooses, or `None` for a new one.
async fn ask_which(mut programs: Vec<Program>, output: Output) -> Result<Option<Program>, Failure> {
    if !is_interactive(output) {
        return match programs.len() {
            1 => Ok(programs.pop()),
            number => {
                let message = if number == 0 { "you have no program" } else { "you have several programs" };
                Err(Failure::usage(message, "choose one with --program-id ID, or create one with --name and --domain"))
            }
        };
    }
    for (number, program) in (1..).zip(&programs) {
        anstream::eprintln!("{number:>3}) {}", describe(program));
    }
    let new = programs.len() + 1;
    anstream::eprintln!("{new:>3}) a new program");
    let number: usize = ask("Program", None, |number| (1..=new).contains(number)).await?;
    Ok((number < new).then(|| programs.swap_remove(number - 1)))
}

/// Creates a program, and keeps its key.
async fn create(
    arguments: &ProgramArgs,
    programs: &[Program],
    known: &Known,
    settings: &Settings,
    api: &Api<'_>,
    session: &Session,
    output: Output,
) -> Result<Choice, Failure> {
    let new = arguments.new.describe(output).await?;
    let is_same = |program: &&Program| {
        program.name.as_deref() == Some(&*new.name) && program.domain.as_deref() == Some(&*new.domain)
    };
    if let Some(program) = programs.iter().find(is_same) {
        return existing(program.clone(), known, settings, api).await;
    }
    // The key is shown once: the space for it is reserved before, and Ctrl-C does not interrupt what follows.
    let reserved = keys::vault()?.reserve()?;
    drop(tokio::spawn(crate::signal::stop_requested()));
    let created = api.create_program(session, &new).await.map_err(|error| {
        let mut failure = error.failure;
        if failure.exit == Exit::Unreachable {
            failure.hint = Some("the program may exist nevertheless: check `affitor programs` first".to_owned());
        }
        failure
    })?;
    let (id, secret) = (created.program_id, created.api_key.0);
    let path = keys::keep(reserved, &api.base, &id, &secret)?;
    if !is_program_id(&id) || !keys::is_key(secret.expose_secret()) {
        let mut failure = unusable_id();
        failure.message += &format!("; the response's key is in {}", path.display());
        return Err(failure);
    }
    let domain = Some(created.domain.map_or(new.domain, |domain| printable(&domain)));
    let key = Some(Key { secret, origin: KeyOrigin::Kept(path) });
    Ok(Choice { id, name: Some(printable(&new.name)), domain, was_created: true, key })
}

fn unusable_id() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "the service returned an unusable program id or key",
        "check the URL of the service",
    )
}
