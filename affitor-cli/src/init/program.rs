//! Which program the project is for: one that exists, or a new one.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::{files, new_program::NewProgramArgs, prompt::ask};
use crate::{
    account::{
        api::{Api, Program},
        keys,
        login::{self, LoginOptions, is_interactive},
        programs::{describe, list},
        session::{Session, is_token},
        session_or_failure,
    },
    exit::Exit,
    failure::Failure,
    output::Output,
    sanitize::{printable, sanitized},
    settings::{SAME_PROGRAM_HINT, Settings},
};

const LOGIN_WAIT: Duration = Duration::from_secs(600);

/// Flags that choose or describe the program.
#[derive(Args, Debug)]
pub(crate) struct ProgramArgs {
    /// Use this program of yours
    #[arg(long, visible_alias = "program-id", value_name = "ID", conflicts_with_all = ["name", "domain"])]
    program: Option<String>,
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
    Project,
}

/// What the project's own files say.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) program_id: Option<String>,
    pub(crate) key: Option<SecretString>,
}

impl Known {
    /// Reads the texts of `.affitor/config.json` and `.affitor/.env`. With `force`, those of another service are ignored.
    ///
    /// # Errors
    ///
    /// Returns a failure if they belong to another service, because neither the session nor the key may be sent there.
    pub(crate) fn read(
        config: Option<&str>,
        secrets: Option<&str>,
        api: &Api<'_>,
        force: bool,
    ) -> Result<Self, Failure> {
        let Some((id, url)) = config.and_then(files::read_config) else { return Ok(Self::default()) };
        if let Some(url) = url.filter(|url| !is_same_service(url, &api.base)) {
            if force {
                return Ok(Self::default());
            }
            let url = printable(&url).chars().take(200).collect::<String>();
            return Err(Failure::usage(
                format!("{} is for the service {url:?}, but this command uses {}", files::CONFIG, api.service()),
                "if you trust that file, name its service with --api-url; --force replaces it",
            ));
        }
        let secrets = secrets.filter(|secrets| files::variable(secrets, "AFFITOR_PROGRAM_ID") == Some(&*id));
        let key = secrets.and_then(|secrets| files::variable(secrets, "AFFITOR_API_KEY")).filter(|key| is_token(key));
        Ok(Self { key: key.map(SecretString::from), program_id: Some(id).filter(|id| is_program_id(id)) })
    }
}

fn is_same_service(url: &str, base: &Url) -> bool {
    let with_slash = format!("{}/", url.trim().trim_end_matches('/'));
    Url::parse(&with_slash).is_ok_and(|url| url == *base)
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
        let programs = list(api, &session).await?;
        return create(arguments, &programs, known, api, &session, output).await;
    }
    let in_environment = settings.program_id.as_ref().map(|id| id.value().to_owned());
    let wanted = arguments.program.clone().or(in_environment).or(known.program_id.clone());
    if settings.key.is_some() {
        return of_key(settings, wanted.as_deref()).await;
    }
    if let (Some(secret), true) = (&known.key, wanted == known.program_id) {
        let key = Some(Key { secret: secret.clone(), origin: KeyOrigin::Project });
        return Ok(Choice { id: wanted.unwrap_or_default(), name: None, domain: None, was_created: false, key });
    }
    let session = session(api, output).await?;
    let programs = list(api, &session).await?;
    let chosen = match wanted {
        Some(id) => programs.into_iter().find(|program| program.id == id).ok_or_else(|| {
            let message = format!("you have no program {:?} at {}", printable(&id), api.service());
            Failure::new(Exit::Failed, message, "`affitor programs` lists yours")
        })?,
        None => match ask_which(programs, output).await? {
            Some(program) => program,
            None => return create(arguments, &[], known, api, &session, output).await,
        },
    };
    existing(chosen, known, api)
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
            "name it: --program ID",
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

/// A program of the list, with its key if it is in the project, or was created here.
fn existing(program: Program, known: Known, api: &Api<'_>) -> Result<Choice, Failure> {
    let Program { id, name, domain, .. } = program;
    if !is_program_id(&id) {
        return Err(unusable_id());
    }
    let is_known = known.program_id.as_ref() == Some(&id);
    let key = match known.key.filter(|_| is_known) {
        Some(secret) => Some(Key { secret, origin: KeyOrigin::Project }),
        None => keys::load(&api.base, &id)?.map(|(secret, path)| Key { secret, origin: KeyOrigin::Kept(path) }),
    };
    Ok(Choice { id, name, domain, was_created: false, key })
}

/// The only program, the one that the person chooses, or `None` for a new one.
async fn ask_which(mut programs: Vec<Program>, output: Output) -> Result<Option<Program>, Failure> {
    if !is_interactive(output) {
        return match programs.len() {
            1 => Ok(programs.pop()),
            number => {
                let message = if number == 0 { "you have no program" } else { "you have several programs" };
                Err(Failure::usage(message, "choose one with --program ID, or create one with --name and --domain"))
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
    known: Known,
    api: &Api<'_>,
    session: &Session,
    output: Output,
) -> Result<Choice, Failure> {
    let new = arguments.new.describe(output).await?;
    let is_same = |program: &&Program| {
        program.name.as_deref() == Some(&*new.name) && program.domain.as_deref() == Some(&*new.domain)
    };
    if let Some(program) = programs.iter().find(is_same) {
        return existing(program.clone(), known, api);
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
    if !is_program_id(&id) || !is_token(secret.expose_secret()) {
        let mut failure = unusable_id();
        failure.message += &format!("; the response's key is in {}", path.display());
        return Err(failure);
    }
    let domain = Some(created.domain.map_or(new.domain, |domain| printable(&domain)));
    let key = Some(Key { secret, origin: KeyOrigin::Kept(path) });
    Ok(Choice { id, name: Some(printable(&new.name)), domain, was_created: true, key })
}

/// Whether an id can be written into files and URLs.
fn is_program_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn unusable_id() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "the service returned an unusable program id or key",
        "check the URL of the service",
    )
}
