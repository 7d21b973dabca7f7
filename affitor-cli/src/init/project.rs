//! Files in the project: read and written without following symbolic links, and never half.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

/// Maximum size of a file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// The folder of the package.
#[derive(Debug)]
pub(crate) struct Project {
    /// Without symbolic links.
    pub(crate) root: PathBuf,
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// As the user's other files, or as the file that is replaced.
    Default,
    /// Only the user.
    User,
}

impl Project {
    /// Reads a file, or returns `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns the reason if the file, or a folder of its path, is a symbolic link or not regular; if it is too large or not text.
    pub(crate) fn read(&self, path: &str) -> Result<Option<String>, String> {
        if !self.exists(path)? {
            return Ok(None);
        }
        let file = fs::File::open(self.root.join(path)).map_err(|error| reason(&error))?;
        let mut text = String::new();
        file.take(LIMIT + 1).read_to_string(&mut text).map_err(|error| reason(&error))?;
        if u64::try_from(text.len()).is_ok_and(|length| length > LIMIT) {
            return Err(format!("it is larger than {} KiB", LIMIT / 1024));
        }
        Ok(Some(text))
    }

    /// Writes a file that does not exist yet.
    pub(crate) fn create(&self, path: &str, text: &str, readers: Readers) -> Result<(), String> {
        if self.exists(path)? {
            return Err("it exists".to_owned());
        }
        let file = self.temporary(path, readers, None).map_err(|error| reason(&error))?;
        let file = filled(file, text).map_err(|error| reason(&error))?;
        file.persist_noclobber(self.root.join(path)).map_err(|error| reason(&error.error))?;
        Ok(())
    }

    /// Replaces a file, or creates it. Others see the old file or the new one.
    pub(crate) fn replace(&self, path: &str, text: &str, readers: Readers) -> Result<(), String> {
        if !self.exists(path)? {
            return self.create(path, text, readers);
        }
        let old = fs::metadata(self.root.join(path)).map_err(|error| reason(&error))?.permissions();
        if old.readonly() {
            return Err("it is read-only".to_owned());
        }
        let file = self.temporary(path, readers, Some(old)).map_err(|error| reason(&error))?;
        let file = filled(file, text).map_err(|error| reason(&error))?;
        file.persist(self.root.join(path)).map_err(|error| reason(&error.error))?;
        Ok(())
    }

    /// Whether other users can read this file.
    pub(crate) fn is_readable_by_others(&self, path: &str) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::metadata(self.root.join(path)).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
        }
        #[cfg(not(unix))]
        {
            let _ = path;
            false
        }
    }

    /// Whether the file exists. Every part of its path is checked.
    fn exists(&self, path: &str) -> Result<bool, String> {
        let parts: Vec<&str> = path.split('/').collect();
        let mut current = self.root.clone();
        for (index, part) in parts.iter().enumerate() {
            current.push(part);
            let metadata = match fs::symlink_metadata(&current) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                metadata => metadata.map_err(|error| reason(&error))?,
            };
            let is_last = index + 1 == parts.len();
            if metadata.is_symlink() {
                return Err(format!("{} is a symbolic link, which is not followed", shown(&parts, index)));
            }
            if is_last && !metadata.is_file() {
                return Err("it is not a regular file".to_owned());
            }
            if !is_last && !metadata.is_dir() {
                return Err(format!("{} is not a folder", shown(&parts, index)));
            }
        }
        Ok(true)
    }

    /// A temporary file in the same folder, which is created if it does not exist.
    fn temporary(&self, path: &str, readers: Readers, old: Option<fs::Permissions>) -> io::Result<NamedTempFile> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(Path::new("."));
        if !folder.is_dir() {
            create_folder(folder)?;
        }
        let mut builder = Builder::new();
        builder.prefix(".affitor-");
        #[cfg(unix)]
        if readers == Readers::Default {
            use std::os::unix::fs::PermissionsExt as _;
            // Restricted by the user's mask. Without this, only the user could read the file.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        if let Some(old) = old.filter(|_| readers == Readers::Default) {
            file.as_file().set_permissions(old)?;
        }
        Ok(file)
    }
}

fn filled(mut file: NamedTempFile, text: &str) -> io::Result<NamedTempFile> {
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn reason(error: &io::Error) -> String {
    error.kind().to_string()
}

fn shown(parts: &[&str], last: usize) -> String {
    parts.iter().take(last + 1).copied().collect::<Vec<_>>().join("/")
}
