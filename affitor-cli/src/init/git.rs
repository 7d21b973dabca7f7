//! Whether git would commit a file.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

/// What git says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Git {
    /// There is no repository, or no git to ask.
    Unknown,
    Ignores,
    Tracks,
    DoesNotIgnore,
    /// There is a repository, but git can't read it.
    Fails,
}

impl Git {
    /// Asks git about a file in the folder `root`.
    pub(crate) fn ask(root: &Path, path: &str) -> Self {
        if !root.ancestors().any(|folder| folder.join(".git").exists()) {
            return Self::Unknown;
        }
        match code(root, &["ls-files", "--error-unmatch", "--", path]) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::Unknown,
            Ok(Some(0)) => return Self::Tracks,
            Ok(Some(1)) => {}
            _ => return Self::Fails,
        }
        match code(root, &["check-ignore", "--quiet", "--", path]) {
            Ok(Some(0)) => Self::Ignores,
            Ok(Some(1)) => Self::DoesNotIgnore,
            _ => Self::Fails,
        }
    }

    /// Why the key must not be written, and what to do.
    pub(crate) fn problem(self, path: &str) -> Option<String> {
        match self {
            Self::Unknown | Self::Ignores => None,
            Self::Tracks => {
                Some(format!("git tracks it: run `git rm --cached {path}`, commit that, then repeat this command"))
            }
            Self::DoesNotIgnore => Some(format!(
                "git does not ignore it: add `.affitor/` to the end of .gitignore, and see `git check-ignore -v {path}`"
            )),
            Self::Fails => Some("git can't read the repository: see `git status`".to_owned()),
        }
    }
}

fn code(root: &Path, arguments: &[&str]) -> io::Result<Option<i32>> {
    let mut command = Command::new("git");
    // A repository's settings may name a program to run.
    command.arg("-C").arg(root).args(["-c", "core.fsmonitor=false"]).args(arguments);
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status()?.code())
}
