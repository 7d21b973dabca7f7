//! Where the new key is written: the file from which apps read it, or the standard input of a command.

use std::{
    ffi::OsString,
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use crate::{exit::Exit, failure::Failure, settings::Settings};

/// Time limit of the command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// Maximum size of a file with a key, in bytes. A larger one is something else.
const FILE_LIMIT: u64 = 16 * 1024;

pub(super) enum Target {
    /// The file, after symbolic links.
    File(PathBuf),
    Command {
        program: OsString,
        arguments: Vec<OsString>,
        present: SecretString,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Command { program, .. } => write!(f, "the command {}", program.display()),
        }
    }
}

impl Target {
    /// # Errors
    ///
    /// Returns a failure if there is no target, or the present key is needed and missing.
    pub(super) fn new(settings: &Settings, command: Vec<OsString>) -> Result<Self, Failure> {
        let mut command = command.into_iter();
        if let Some(program) = command.next() {
            let Some(present) = &settings.key else {
                let hint = "set AFFITOR_API_KEY or AFFITOR_API_KEY_FILE: the command is tried with that key first";
                return Err(Failure::usage("the present key is missing", hint));
            };
            let present = present.value().to_owned().into();
            return Ok(Self::Command { program, arguments: command.collect(), present });
        }
        let Some(path) = settings.key_path() else {
            let hint = "set it to the file from which the app reads its key, or add a command: affitor key rotate -- ./deploy-key";
            return Err(Failure::usage("AFFITOR_API_KEY_FILE is not set", hint));
        };
        // A link stays a link: what it leads to is replaced.
        let path = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            resolved => resolved.map_err(|error| unwritable(path, &error))?,
        };
        Ok(Self::File(path))
    }

    /// Writes what is there already, so that a target that can't be written is noticed while the old key is valid.
    pub(super) async fn try_out(&self) -> Result<(), Failure> {
        match self {
            Self::File(path) => try_file(path),
            Self::Command { program, arguments, present } => run(program, arguments, present).await,
        }
    }

    /// # Errors
    ///
    /// Returns a failure if the key is not written. A file has the old key or the new one, whatever happens.
    pub(super) async fn write(&self, key: &SecretString) -> Result<(), Failure> {
        match self {
            Self::File(path) => {
                let text = format!("{}\n", key.expose_secret());
                let replaced = fs::metadata(path).ok();
                replace(path, text.as_bytes(), replaced.as_ref()).map_err(|error| unwritable(path, &error))
            }
            Self::Command { program, arguments, .. } => run(program, arguments, key).await,
        }
    }
}

fn try_file(path: &Path) -> Result<(), Failure> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Not created yet: an app that starts now would read an empty key.
            return temporary(path, b"", None).map(drop).map_err(|error| unwritable(path, &error));
        }
        found => found.map_err(|error| unwritable(path, &error))?,
    };
    if !metadata.is_file() || metadata.len() > FILE_LIMIT {
        let message = format!("{} is not a file with a key", path.display());
        return Err(Failure::usage(message, "correct AFFITOR_API_KEY_FILE"));
    }
    require_private(path, &metadata)?;
    let text = fs::read(path).map_err(|error| unwritable(path, &error))?;
    replace(path, &text, Some(&metadata)).map_err(|error| unwritable(path, &error))
}

/// Replaces a file: others see all of the old content or all of the new one.
fn replace(path: &Path, content: &[u8], replaced: Option<&fs::Metadata>) -> io::Result<()> {
    temporary(path, content, replaced)?.persist(path)?;
    // So that the new name survives a loss of power.
    #[cfg(unix)]
    fs::File::open(folder_of(path))?.sync_all()?;
    Ok(())
}

/// Writes a file beside another one, with mode 0600 and the other's owner.
fn temporary(path: &Path, content: &[u8], replaced: Option<&fs::Metadata>) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix_in(".affitor-key-", folder_of(path))?;
    #[cfg(unix)]
    if let Some(replaced) = replaced {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let own = file.as_file().metadata()?;
        if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid()) {
            fchown(file.as_file(), Some(replaced.uid()), Some(replaced.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = replaced;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses a file that others may read: with the rights that the new one gets, their apps could not read it any more.
#[cfg(unix)]
fn require_private(path: &Path, metadata: &fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message =
        format!("{} has mode {mode:o}: the new file would have 600, so some could not read it", path.display());
    Err(Failure::usage(message, "make the app's user its owner, and run `chmod 600` on it"))
}

#[cfg(not(unix))]
fn require_private(_: &Path, _: &fs::Metadata) -> Result<(), Failure> {
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("{} can't be written: {error}", path.display());
    Failure::usage(message, "check its path, its folder's rights and the disk")
}

async fn run(program: &OsString, arguments: &[OsString], key: &SecretString) -> Result<(), Failure> {
    let name = program.display();
    let failed =
        |what: String| Failure::new(Exit::Failed, format!("the command {name} {what}"), "see its output above");
    let mut command = Command::new(program);
    // Standard output is for results.
    command.args(arguments).stdin(Stdio::piped()).stdout(io::stderr()).kill_on_drop(true);
    command.env_remove(super::MANAGEMENT_KEY);
    let mut child = command.spawn().map_err(|error| failed(format!("can't be started: {error}")))?;
    let finished = async {
        if let Some(mut input) = child.stdin.take() {
            // A command that reads less, or nothing, says by its status whether that is right.
            let _ = input.write_all(format!("{}\n", key.expose_secret()).as_bytes()).await;
        }
        child.wait().await
    };
    match timeout(COMMAND_TIMEOUT, finished).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(format!("ended with {status}"))),
        Ok(Err(error)) => Err(failed(format!("failed: {error}"))),
        Err(_) => Err(failed(format!("did not end within {} s", COMMAND_TIMEOUT.as_secs()))),
    }
}
