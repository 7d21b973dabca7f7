//! Whether git would commit a file. Git itself is not started: the settings of a hostile repository make it run programs.

mod index;

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Largest file with patterns that is read, in bytes.
const PATTERNS_LIMIT: u64 = 1024 * 1024;
/// Largest index that is read, in bytes.
const INDEX_LIMIT: u64 = 256 * 1024 * 1024;

/// What would become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Git {
    /// There is no repository.
    Unknown,
    Ignores,
    Tracks,
    DoesNotIgnore,
    /// There is a repository, but it can't be read.
    Unreadable,
    /// Its index has a form that is not read here, such as a split index.
    OtherIndex,
}

impl Git {
    /// Reads what becomes of a file in the folder `root`. Patterns count only if they are part of the repository.
    pub(crate) fn ask(root: &Path, path: &str) -> Self {
        let Ok(root) = root.canonicalize() else { return Self::Unreadable };
        let file = root.join(path);
        // A repository may be part of another one's work tree. The worst result counts.
        let mut worst = Self::Unknown;
        for work_tree in root.ancestors() {
            match Repository::open(work_tree).and_then(|repository| match repository {
                Some(repository) => repository.ask(&file),
                None => Ok(Self::Unknown),
            }) {
                Ok(Self::Unknown) => {}
                Ok(Self::Ignores) if worst == Self::Unknown => worst = Self::Ignores,
                Ok(Self::Ignores) => {}
                Ok(answer) => return answer,
                Err(_) => worst = Self::Unreadable,
            }
        }
        worst
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
            Self::OtherIndex => Some(
                "the repository has a split index, which is not read here: run `git update-index --no-split-index`"
                    .to_owned(),
            ),
            Self::Unreadable => Some("the repository's .git can't be read: see `git status`".to_owned()),
        }
    }
}

/// A repository with a work tree.
struct Repository<'w> {
    work_tree: &'w Path,
    /// Contains the index.
    folder: PathBuf,
    /// Contains what all work trees share.
    common: PathBuf,
}

impl<'w> Repository<'w> {
    /// Returns `None` if the folder is no work tree.
    fn open(work_tree: &'w Path) -> io::Result<Option<Self>> {
        let entry = work_tree.join(".git");
        let Some(metadata) = existing(fs::metadata(&entry))? else {
            // A broken link is none of git's repositories either, and yet a surprise.
            return if fs::symlink_metadata(&entry).is_ok() { Err(invalid()) } else { Ok(None) };
        };
        let folder = if metadata.is_dir() {
            if !entry.join("HEAD").exists() {
                return Ok(None);
            }
            entry
        } else {
            let text = text(&entry)?.ok_or_else(invalid)?;
            work_tree.join(text.strip_prefix("gitdir:").ok_or_else(invalid)?.trim())
        };
        if !folder.join("HEAD").exists() {
            return Err(invalid());
        }
        let common = text(&folder.join("commondir"))?.map(|path| folder.join(path.trim()));
        Ok(Some(Self { work_tree, common: common.unwrap_or_else(|| folder.clone()), folder }))
    }

    fn ask(&self, file: &Path) -> io::Result<Git> {
        let path = file.strip_prefix(self.work_tree).map_err(|_| invalid())?;
        if let Some(index) = read(&self.folder.join("index"), INDEX_LIMIT)? {
            let name = path.to_str().ok_or_else(invalid)?.replace('\\', "/");
            match index::tracks(&index, name.as_bytes()) {
                Some(true) => return Ok(Git::Tracks),
                Some(false) => {}
                None if index.windows(4).any(|signature| signature == b"link") => return Ok(Git::OtherIndex),
                None => return Err(invalid()),
            }
        }
        // Where letters of either case are the same, a pattern may take back what another one ignores.
        let is_ignored = self.is_ignored(path, false)? && self.is_ignored(path, true)?;
        Ok(if is_ignored { Git::Ignores } else { Git::DoesNotIgnore })
    }

    /// The last pattern that matches counts, and that of the closest file. What is in an ignored folder can't be taken back.
    fn is_ignored(&self, path: &Path, any_case: bool) -> io::Result<bool> {
        let mut patterns = Vec::new();
        patterns.extend(self.patterns(&self.common.join("info/exclude"), self.work_tree, any_case)?);
        let mut current = self.work_tree.to_owned();
        let mut parts = path.components().peekable();
        while let Some(Component::Normal(part)) = parts.next() {
            patterns.extend(self.patterns(&current.join(".gitignore"), &current, any_case)?);
            current.push(part);
            let is_folder = parts.peek().is_some();
            let decision = patterns.iter().rev().map(|patterns| patterns.matched(&current, is_folder));
            if decision.into_iter().find(|decision| !decision.is_none()).is_some_and(|decision| decision.is_ignore()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn patterns(&self, file: &Path, root: &Path, any_case: bool) -> io::Result<Option<Gitignore>> {
        // Git does not follow such a link in a work tree.
        if file.starts_with(self.work_tree) && !file.starts_with(&self.common) && file.is_symlink() {
            return Ok(None);
        }
        let Some(text) = text(file)? else { return Ok(None) };
        let mut builder = GitignoreBuilder::new(root);
        builder.case_insensitive(any_case).map_err(io::Error::other)?;
        for line in text.trim_start_matches('\u{feff}').lines() {
            builder.add_line(None, &without_braces(line)).map_err(io::Error::other)?;
        }
        builder.build().map(Some).map_err(io::Error::other)
    }
}

/// Escapes braces, which mean nothing in patterns of git, and alternatives in those of the library.
fn without_braces(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut is_escaped = false;
    for char in line.chars() {
        if matches!(char, '{' | '}') && !is_escaped {
            escaped.push('\\');
        }
        is_escaped = char == '\\' && !is_escaped;
        escaped.push(char);
    }
    escaped
}

/// Reads a small file. `None` if there is none.
fn text(path: &Path) -> io::Result<Option<String>> {
    let bytes = read(path, PATTERNS_LIMIT)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a regular file, so nothing waits for the other end of a pipe. `None` if there is none.
fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(metadata) = existing(fs::metadata(path))? else { return Ok(None) };
    if !metadata.is_file() || metadata.len() > limit {
        return Err(invalid());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
