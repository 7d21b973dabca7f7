//! Files in the user's configuration directory that nobody else can read: sessions, and keys that have no other place yet.

use std::{
    env, fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use tempfile::NamedTempFile;

use crate::{exit::Exit, failure::Failure};

/// Size that is reserved for a file, so that a full disk is noticed before a secret arrives. Also the maximum size.
const SIZE: usize = 16 * 1024;

/// A private folder in the user's configuration directory.
#[derive(Debug)]
pub(crate) struct Vault {
    folder: PathBuf,
}

impl Vault {
    /// The folder of this name. Nothing is created.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let home = configuration_directory().ok_or_else(|| {
            Failure::usage(
                "the user's configuration directory is unknown",
                "set HOME or XDG_CONFIG_HOME to an absolute path",
            )
        })?;
        Ok(Self { folder: home.join("affitor").join(name) })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a file, or returns `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns a failure if the file or its folder belongs to another user; if other users can read or change it; if it is not a regular file; if it
    /// can't be read.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.path(name);
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|error| unusable(&path, &error))?,
        };
        if !found.is_file() {
            let message = format!("{} is not a regular file, so it is not used", path.display());
            return Err(Failure::usage(message, "remove it, then run `affitor login`"));
        }
        self.require_private_folder()?;
        let file = fs::File::open(&path).map_err(|error| unusable(&path, &error))?;
        let metadata = file.metadata().map_err(|error| unusable(&path, &error))?;
        require_private(&path, &metadata, 0o077, "600")?;
        let mut text = String::new();
        let limit = u64::try_from(SIZE).unwrap_or(u64::MAX);
        file.take(limit).read_to_string(&mut text).map_err(|error| unusable(&path, &error))?;
        Ok(Some(text))
    }

    /// Reserves the space for a file, and fails now if it could not be stored later.
    pub(crate) fn reserve(&self) -> Result<Reserved, Failure> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        for folder in [parent, &self.folder] {
            create_private(folder).map_err(|error| unusable(folder, &error))?;
        }
        self.require_private_folder()?;
        for folder in [parent, &self.folder] {
            tighten(folder).map_err(|error| unusable(folder, &error))?;
        }
        let reserve = || {
            let mut file = NamedTempFile::with_prefix_in(".new-", &self.folder)?;
            file.write_all(&[b' '; SIZE])?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = reserve().map_err(|error| unusable(&self.folder, &error))?;
        Ok(Reserved { file, folder: self.folder.clone() })
    }

    /// Removes a file. Returns whether it existed.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, Failure> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    fn require_private_folder(&self) -> Result<(), Failure> {
        for folder in [self.folder.parent().unwrap_or(&self.folder), &self.folder] {
            let metadata = fs::metadata(folder).map_err(|error| unusable(folder, &error))?;
            require_private(folder, &metadata, 0o022, "700")?;
        }
        Ok(())
    }
}

/// Space for a file that is still to be written. Dropping it frees the space.
#[derive(Debug)]
pub(crate) struct Reserved {
    file: NamedTempFile,
    folder: PathBuf,
}

impl Reserved {
    /// Writes the file under this name, in place of an earlier one, and returns its path. Others see all of it or nothing.
    pub(crate) fn store(mut self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        let mut write = || {
            let file = self.file.as_file_mut();
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text.as_bytes())?;
            file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
            file.sync_all()
        };
        write().map_err(|error| unusable(&path, &error))?;
        self.file.persist(&path).map_err(|error| unusable(&path, &error.error))?;
        Ok(path)
    }
}

/// A file name for the service at this URL: `https_api.affitor.com`, `http_127.0.0.1_4010`. Different URLs have different
/// names.
pub(crate) fn file_name(origin: &str) -> String {
    let text = origin.trim_end_matches('/').replacen("://", ":", 1);
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
            b':' => "_".to_owned(),
            other => format!("_{other:02X}"),
        })
        .collect()
}

fn configuration_directory() -> Option<PathBuf> {
    let chosen = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    if chosen.is_some() {
        return chosen;
    }
    // Apple's place for such files is not its `config_dir` (Preferences), which is for property lists.
    #[cfg(target_os = "macos")]
    let directory = etcetera::base_strategy::Apple::new().ok().map(|strategy| strategy.data_dir());
    #[cfg(not(target_os = "macos"))]
    let directory = etcetera::choose_base_strategy().ok().map(|strategy| strategy.config_dir());
    // With a relative HOME, it would be another one in each folder, such as a cloned repository.
    directory.filter(|path| path.is_absolute())
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot use {}: {}", path.display(), error.kind());
    Failure::new(Exit::Usage, message, "check the rights of the folder, or set XDG_CONFIG_HOME to another one")
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn tighten(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(folder)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o700);
        fs::set_permissions(folder, permissions)?;
    }
    Ok(())
}

#[cfg(unix)]
fn require_private(path: &Path, metadata: &fs::Metadata, forbidden: u32, mode: &str) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let path = path.display();
    // Its owner could read or change it at any time. The administrator can do that anyway.
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        let message = format!("{path} belongs to another user, so it is not used");
        return Err(Failure::usage(message, "move it away, or set XDG_CONFIG_HOME to a folder of your own"));
    }
    if metadata.permissions().mode() & forbidden == 0 {
        return Ok(());
    }
    let right = if forbidden & 0o044 == 0 { "change" } else { "read or change" };
    let message = format!("other users can {right} {path}, so it is not used");
    Err(Failure::usage(message, format!("run `chmod {mode} '{path}'`, and log in again if it may have been read")))
}

// On Windows the folder is in the user's profile, which others can't read.
#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn tighten(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn require_private(_: &Path, _: &fs::Metadata, _: u32, _: &str) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::file_name;

    #[test]
    fn services_have_different_file_names() {
        let urls = [
            "https://api.affitor.com/",
            "http://127.0.0.1:4010/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "http://[::1]:4010/",
            "https://shop.example/a/b/",
            "https://shop.example/a_b/",
            "https://shop.example/A/b/",
            "https://shop.example/../../x/",
        ];
        let names: HashSet<String> = urls.iter().map(|url| file_name(url)).collect();
        assert_eq!(names.len(), urls.len());
        assert!(names.contains("https_api.affitor.com") && names.contains("http_127.0.0.1_4010"), "{names:?}");
        assert!(names.iter().all(|name| !name.contains(['/', '\\', ':'])), "{names:?}");
    }
}
