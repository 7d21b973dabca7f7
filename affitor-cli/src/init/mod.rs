//! `affitor init`: sets a Cargo project up. Shows the lines that the app needs; with `--write`, also writes the settings. It never
//! changes Rust code.

pub(crate) mod dependency;
mod detect;
mod env_file;
mod files;
mod git;
mod known;
mod lines;
pub(crate) mod manifest;
mod new_program;
mod present;
mod program;
mod program_files;
mod project;
mod prompt;
mod report;
mod source;
mod write;

use std::path::{Path, PathBuf};

use clap::Args;

use self::{
    dependency::Needed,
    git::Git,
    known::Known,
    lines::{OwnVariables, Service},
    manifest::Manifest,
    present::Code,
    program::{Choice, KeyOrigin, ProgramArgs},
    project::Project,
    report::{KeyState, Report},
    source::{Presence, Source, presence},
    write::{Action, FileResult, Plan, has_key},
};
use crate::{
    account::{api::Api, keys},
    exit::{Exit, ExitCodes},
    failure::Failure,
    output::Output,
    prove::config::Config,
    settings::ServiceArgs,
    tls::Tls,
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Done"),
    (Exit::Failed, "The service rejected the program, you have no such program, or you cancelled"),
    (Exit::Usage, "Invalid arguments or settings, no usable Cargo.toml, or a file that could not be written"),
    (Exit::Unreachable, Exit::Unreachable.meaning()),
    (Exit::KeyRejected, "Not logged in at this service, or the service rejected the login or the API key"),
    (Exit::RetryLater, Exit::RetryLater.meaning()),
];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    program: ProgramArgs,
    /// Write the settings into the project: Cargo.toml, affitor.toml, .env.example, .gitignore, and the program with its key into
    /// .affitor/config.json and .affitor/.env. Without it, nothing in the project is changed
    #[arg(long)]
    write: bool,
    /// Where the crates come from: path=DIR (a clone of the repository), git=URL or registry
    #[arg(long, value_name = "SOURCE")]
    source: Option<Source>,
    /// With --write: replace affitor.toml, and set the project up for another program. Other lines of env files stay
    #[arg(long, requires = "write")]
    force: bool,
    /// Folder of the app
    #[arg(default_value = ".", value_name = "PATH", hide_default_value = true)]
    path: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let manifest = Manifest::read(&arguments.path)?;
    let mut detected = detect::detect(&manifest.dependencies).with_database_of(&manifest.siblings);
    detected.tls = Tls::of(&manifest.folder).unwrap_or_default();
    if arguments.source == Some(Source::Registry) {
        detected
            .notes
            .push("nothing is published yet: with `--source registry`, Cargo finds no such crates".to_owned());
    }
    let needed = lines::needed(&detected);
    let source = arguments.source.as_ref().map(|source| source.resolved(&needed, &manifest.folder)).transpose()?;
    let is_missing = |needed: &Needed| presence(&manifest.dependencies, needed) == Presence::Missing;
    if arguments.write && source.is_none() && needed.iter().any(is_missing) {
        return Err(Failure::usage(
            format!("{} is not published yet, so its source must be named", needed[0].package),
            "add --source path=DIR (your clone of the repository) or --source git=URL",
        ));
    }

    let settings = arguments.service.settings();
    let api = Api::new(&settings)?;
    let project = Project { root: manifest.folder.clone() };
    let known = known(&project, &api, arguments)?;
    let program = program::choose(&arguments.program, known, &settings, &api, output).await?;

    let plan = Plan {
        manifest: &manifest,
        detected: &detected,
        needed: &needed,
        source: source.as_ref(),
        program: &program,
        service: api.service(),
        base: &api.base,
        force: arguments.force,
    };
    let files: Option<Vec<FileResult>> = arguments.write.then(|| plan.write(&project));
    let key = key_state(&program, files.as_deref(), &manifest.folder, &api)?;
    // An unusable file is the business of `affitor prove`.
    let config = Config::read(&manifest.folder.join(files::SETTINGS)).ok();
    let own = |name| config.as_ref().and_then(|config| config.own_variable(name));
    let variables = OwnVariables { api_key: own("api_key"), api_url: own("api_url"), program_id: own("program_id") };
    let service = Service { url: api.service(), program_id: &program.id, variables };
    let report = Report {
        package: &manifest.package,
        detected: &detected,
        dependencies: needed
            .iter()
            .map(|needed| source.as_ref().map_or_else(|| needed.example(), |source| source.line(needed)))
            .collect(),
        source: arguments.source.as_ref().map(ToString::to_string),
        needs_source: needed.iter().any(is_missing),
        steps: lines::steps(&detected, service, source.as_ref(), &Code::read(&manifest.folder)),
        program: &program,
        service: api.service(),
        files: files.as_deref(),
        key: &key,
        path: &arguments.path,
        force: arguments.force,
        url_arguments: settings.url_arguments(),
    };
    report.print(output);
    let has_failed = files.iter().flatten().any(|file| file.action == Action::Failed);
    Ok(if has_failed { Exit::Usage } else { Exit::Success })
}

/// What the project's own files say.
fn known(project: &Project, api: &Api<'_>, arguments: &Arguments) -> Result<Known, Failure> {
    let text = |path| match project.read(path) {
        Err(reason) if !arguments.write => {
            Err(Failure::usage(format!("cannot read {path}: {reason}"), "correct the file, or move it elsewhere"))
        }
        // What can't be read is reported when it is written.
        read => Ok(read.ok().flatten()),
    };
    Known::read(text(files::CONFIG)?.as_deref(), text(files::SECRETS)?.as_deref(), api, arguments.force)
}

/// Where the key is now. One that is in the project is not kept elsewhere.
fn key_state(program: &Choice, files: Option<&[FileResult]>, root: &Path, api: &Api<'_>) -> Result<KeyState, Failure> {
    let Some(key) = &program.key else { return Ok(KeyState::Unknown) };
    if files.is_some_and(has_key) {
        if matches!(key.origin, KeyOrigin::Kept(_)) {
            keys::remove(&api.base, &program.id)?;
        }
        return Ok(KeyState::Project(Git::ask(root, files::SECRETS)));
    }
    Ok(match &key.origin {
        KeyOrigin::Kept(path) => KeyState::Kept(path.clone()),
        KeyOrigin::Environment(source) => KeyState::Environment(source),
        KeyOrigin::Project { .. } => KeyState::Project(Git::ask(root, files::SECRETS)),
    })
}
