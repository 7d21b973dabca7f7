//! Where the crates come from, and the dependency in `Cargo.toml`.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::dependency::{Dependency, Needed};
use crate::{failure::Failure, shell, tls};

/// Where Cargo gets the crates from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A checkout of the repository, or the folder of a crate in it.
    Path(PathBuf),
    Git(String),
    Registry,
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some(("path", path)) if !path.is_empty() => Ok(Self::Path(path.into())),
            Some(("git", url)) if !url.is_empty() && !url.contains(char::is_whitespace) => {
                Ok(Self::Git(url.to_owned()))
            }
            _ if text == "registry" => Ok(Self::Registry),
            _ => Err("expected path=DIR, git=URL or registry"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path={}", path.display()),
            Self::Git(url) => write!(f, "git={url}"),
            Self::Registry => f.write_str("registry"),
        }
    }
}

impl Source {
    /// Checks that the crates are there, and makes a path relative to the package's folder.
    ///
    /// # Errors
    ///
    /// Returns a failure if a path does not lead to the crates.
    pub(crate) fn resolved(&self, needed: &[Needed], package: &Path) -> Result<Self, Failure> {
        let Self::Path(given) = self else { return Ok(self.clone()) };
        let root = given.canonicalize().ok().and_then(|folder| {
            // The folder of the crate itself is accepted as well.
            [Some(folder.as_path()), folder.parent()]
                .into_iter()
                .flatten()
                .map(Path::to_path_buf)
                .find(|root| needed.iter().all(|needed| root.join(needed.package).join("Cargo.toml").is_file()))
        });
        let Some(root) = root else {
            let crates: Vec<&str> = needed.iter().map(|needed| needed.package).collect();
            let message = format!("{} does not contain {}", given.display(), crates.join(" and "));
            return Err(Failure::usage(message, "name the folder of your clone: --source path=../affitor"));
        };
        Ok(Self::Path(if given.is_absolute() { root } else { relative(&root, package) }))
    }

    /// The value in `[dependencies]`.
    pub(crate) fn dependency(&self, needed: &Needed) -> Value {
        let mut table = InlineTable::new();
        match self {
            Self::Path(root) => {
                // Cargo reads forward slashes on Windows, too.
                let path = root.join(needed.package).to_string_lossy().replace('\\', "/");
                table.insert("path", path.into());
            }
            Self::Git(url) => {
                table.insert("git", url.as_str().into());
            }
            Self::Registry => {
                table.insert("version", version().into());
            }
        }
        if !needed.features.is_empty() {
            table.insert("features", Value::Array(needed.features.iter().copied().collect()));
        }
        if table.len() == 1 && *self == Self::Registry { version().into() } else { table.into() }
    }

    /// The arguments of `cargo add` for a crate.
    pub(crate) fn arguments(&self, package: &str) -> String {
        match self {
            Self::Path(root) => format!("{package} --path {}", shell::path(&root.join(package))),
            Self::Git(url) => format!("{package} --git {}", shell::quoted(url)),
            Self::Registry => package.to_owned(),
        }
    }

    /// The line in `[dependencies]`.
    pub(crate) fn line(&self, needed: &Needed) -> String {
        format!("{} = {}", needed.package, self.dependency(needed))
    }
}

/// `0.2` of this version.
fn version() -> String {
    env!("CARGO_PKG_VERSION").rsplitn(2, '.').last().unwrap_or_default().to_owned()
}

/// The path from one folder to another. Both are absolute, without symbolic links.
fn relative(to: &Path, from: &Path) -> PathBuf {
    let (to_parts, from_parts): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (to.components().collect(), from.components().collect());
    let common = to_parts.iter().zip(&from_parts).take_while(|(a, b)| a == b).count();
    // Another drive of Windows.
    if common == 0 {
        return to.to_path_buf();
    }
    let up = from_parts.iter().skip(common).map(|_| Component::ParentDir);
    up.chain(to_parts.iter().skip(common).copied()).collect()
}

/// What the manifest says about a dependency that is needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Missing,
    Present,
    /// It is there without these features.
    Without(Vec<&'static str>),
}

/// Whether the package has the dependency, with its features. One that is inherited from the workspace counts, and one way to TLS is
/// enough.
pub(crate) fn presence(dependencies: &[Dependency], needed: &Needed) -> Presence {
    let Some(found) = dependencies.iter().find(|found| found.package == needed.package) else {
        return Presence::Missing;
    };
    let has_tls = tls::FEATURES.iter().any(|feature| found.features.contains(*feature));
    let is_there = |feature: &&str| found.features.contains(*feature) || has_tls && tls::FEATURES.contains(feature);
    let missing: Vec<&str> = needed.features.iter().copied().filter(|feature| !is_there(feature)).collect();
    if missing.is_empty() { Presence::Present } else { Presence::Without(missing) }
}

/// Adds dependencies to the manifest. Comments and formatting are kept.
///
/// # Errors
///
/// Returns a failure if `dependencies` is not a table.
pub(crate) fn add(document: &DocumentMut, text: &str, source: &Source, missing: &[Needed]) -> Result<String, Failure> {
    let mut document = document.clone();
    let item = document.entry("dependencies").or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = item.as_table_like_mut() else {
        return Err(Failure::usage("`dependencies` in Cargo.toml is not a table", "correct Cargo.toml"));
    };
    let was_sorted = is_sorted(table);
    for needed in missing {
        table.insert(needed.package, Item::Value(source.dependency(needed)));
    }
    if was_sorted {
        table.sort_values();
    }
    let new = document.to_string();
    // The parser drops a byte order mark and normalizes nothing else; new lines end with a line feed only.
    let new = if text.contains("\r\n") { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new };
    Ok(if text.starts_with('\u{feff}') && !new.starts_with('\u{feff}') { format!("\u{feff}{new}") } else { new })
}

/// Whether the dependencies are sorted by name, as `cargo add` keeps them. Comments between them belong to an order that a person
/// chose.
fn is_sorted(table: &dyn TableLike) -> bool {
    let keys: Vec<&str> = table.iter().map(|(key, _)| key).collect();
    let has_comments = keys.iter().filter_map(|key| table.key(key)).any(|key| {
        key.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).is_some_and(|prefix| prefix.contains('#'))
    });
    !has_comments && keys.is_sorted()
}

impl Needed {
    /// The line in `Cargo.toml` if nobody said where the crates come from.
    pub(crate) fn example(&self) -> String {
        let line = Source::Path("../affitor".into()).line(self);
        format!("{line} # not published yet: the path of your clone")
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
