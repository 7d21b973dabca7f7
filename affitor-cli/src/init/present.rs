//! What the app's own code has already, so that `affitor init` leaves it out.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

/// Largest file that is read, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;
/// Maximum number of files that are read.
const FILES: usize = 2_000;
/// Folders with code and templates.
const FOLDERS: [&str; 4] = ["src", "templates", "views", "static"];

/// The text of the app's code and templates.
#[derive(Debug, Default)]
pub(crate) struct Code(String);

impl Code {
    /// Reads the files in the folder of a package. What can't be read is left out, and no symbolic link is followed.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut code = Self::default();
        let mut folders: Vec<_> = FOLDERS.iter().map(|name| folder.join(name)).collect();
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                let path = entry.path();
                let extension = path.extension().and_then(|extension| extension.to_str());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file()
                    && matches!(extension, Some("rs" | "html" | "htm" | "j2" | "tera" | "hbs" | "askama"))
                {
                    files += 1;
                    if files > FILES {
                        return code;
                    }
                    // Not UTF-8: no code that could be read.
                    let _ = File::open(path).map(|file| file.take(FILE_LIMIT).read_to_string(&mut code.0));
                }
            }
        }
        code
    }

    /// Whether one of the texts is in the code.
    pub(crate) fn has(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.0.contains(text))
    }
}

#[cfg(test)]
impl From<&str> for Code {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
